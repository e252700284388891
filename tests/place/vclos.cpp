#include <heddle/place/vclos.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <map>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/place/combinators.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/leaf_width.hpp>
#include <heddle/traffic/source_width.hpp>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"
#include "support/isolated.hpp"
#include "support/states.hpp"
#include "support/unequal_shapes.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::answer;
using place::placement;
using place::vclos;
using place::wait_reason;

static_assert(place::PlacementPolicy<vclos>);

namespace {

constexpr std::uint32_t most_leafs = 6;

// What shapes a state has room for, by trying all sets of leafs.
struct by_force {
  const ledger& free;
  const leaf_spine& dc = free.fabric();
  std::uint32_t leafs = static_cast<std::uint32_t>(dc.leafs());

  [[nodiscard]] int gpus(std::uint32_t l) const { return free.free_gpus(unit_id{l}); }
  // Links that all leafs of a set could own to the same spines, as many to each.
  [[nodiscard]] int common(std::uint32_t set) const {
    int sum = 0;
    for (std::uint32_t s = 0; s < static_cast<std::uint32_t>(dc.spines()); ++s) {
      int least = dc.links_per_pair();
      for (std::uint32_t l = 0; l < leafs; ++l)
        if (set >> l & 1)
          least = std::min(least, free.network().free_links(leaf_id{l}, spine_id{s}));
      sum += least;
    }
    return sum;
  }
  // For shapes with a remainder: the most links that leaf t could own to such common spines, is at
  // least r and n of them are common to the set.
  [[nodiscard]] bool has_rest(std::uint32_t set, int r) const {
    for (std::uint32_t t = 0; t < leafs; ++t)
      if (!(set >> t & 1) && gpus(t) >= r && common(set | 1u << t) >= r) return true;
    return false;
  }

  [[nodiscard]] bool one_leaf(int n) const {
    for (std::uint32_t l = 0; l < leafs; ++l)
      if (gpus(l) >= n) return true;
    return false;
  }
  // q leafs of n, and one of r; by GPUs alone, or with links.
  [[nodiscard]] bool equal(int q, int n, int r, bool with_links) const {
    if (n > dc.uplinks()) return false;
    for (std::uint32_t set = 1; set < 1u << leafs; ++set) {
      if (std::popcount(set) != q) continue;
      bool room = true;
      for (std::uint32_t l = 0; l < leafs; ++l) room = room && (!(set >> l & 1) || gpus(l) >= n);
      if (!room) continue;
      if (!with_links) {
        if (r == 0) return true;
        for (std::uint32_t t = 0; t < leafs; ++t)
          if (!(set >> t & 1) && gpus(t) >= r) return true;
      } else if (common(set) >= n && (r == 0 || has_rest(set, r))) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] bool two_leafs(int n, bool with_links) const {
    for (std::uint32_t i = 0; i < leafs; ++i)
      for (std::uint32_t j = 0; j < leafs; ++j)
        for (int b = 1; i != j && 2 * b <= n; ++b)
          if (gpus(i) >= n - b && gpus(j) >= b && (!with_links || common(1u << i | 1u << j) >= b))
            return true;
    return false;
  }
  // What a pair of leafs costs: links, then GPUs left free under both, or the other way round.
  [[nodiscard]] std::pair<int, int> pair_cost(int n, int b, leaf_id i, leaf_id j,
                                              place::vclos_saves saves) const {
    const int left = free.free_gpus(unit_id{i.value}) + free.free_gpus(unit_id{j.value}) - n;
    return saves == place::vclos_saves::links ? std::pair{b, left} : std::pair{left, b};
  }
  [[nodiscard]] std::pair<int, int> best_pair(int n, place::vclos_saves saves) const {
    std::pair<int, int> best{1 << 20, 0};
    for (std::uint32_t i = 0; i < leafs; ++i)
      for (std::uint32_t j = 0; j < leafs; ++j)
        for (int b = 1; i != j && 2 * b <= n; ++b)
          if (gpus(i) >= n - b && gpus(j) >= b && common(1u << i | 1u << j) >= b)
            best = std::min(best, pair_cost(n, b, leaf_id{i}, leaf_id{j}, saves));
    return best;
  }
  // The fewest leafs of an even shape; 0 if there is none.
  [[nodiscard]] int even(int n, bool with_links) const {
    for (int m = 2; m <= std::min(n, dc.leafs()); ++m)
      if (n % m == 0 && equal(m, n / m, 0, with_links)) return m;
    return 0;
  }
  [[nodiscard]] bool with_rest(int n, bool with_links) const {
    for (int width = 2; 2 * width <= n; ++width)
      if (n % width && equal(n / width, width, n % width, with_links)) return true;
    return false;
  }
  // Leafs of any sizes over w common spines, each with as many GPUs, or all others of its job, as w at most.
  [[nodiscard]] bool unequal(int n, bool with_links) const {
    for (std::uint32_t set = 1; set < 1u << leafs; ++set) {
      const int most = with_links ? common(set) : dc.uplinks();
      std::vector<int> sizes;
      for (std::uint32_t l = 0; l < leafs; ++l)
        if (set >> l & 1) sizes.push_back(gpus(l));
      if (test::splits(n, n, most, sizes)) return true;
    }
    return false;
  }
  // Leafs of any sizes that share w spines.
  [[nodiscard]] bool wide(int n, int w) const {
    for (std::uint32_t set = 1; set < 1u << leafs; ++set) {
      int sum = 0;
      for (std::uint32_t l = 0; l < leafs; ++l) sum += set >> l & 1 ? gpus(l) : 0;
      if (sum >= n && common(set) >= w) return true;
    }
    return false;
  }
  [[nodiscard]] bool any(int n, bool any_size, bool with_links) const {
    return one_leaf(n) || even(n, with_links) ||
           (any_size &&
            (two_leafs(n, with_links) || with_rest(n, with_links) || unequal(n, with_links)));
  }
};

struct instance {
  leaf_spine dc;
  ledger free;
  int wanted;
};
instance random_instance(test::dice& d) {
  const int lanes = d.between(1, 2);
  const leaf_spine dc{{.leafs = d.between(1, static_cast<int>(most_leafs)),
                       .spines = d.between(1, 6),
                       .links_per_pair = lanes,
                       .servers_per_leaf = d.between(1, 3),
                       .gpus_per_server = d.between(1, 4)}};
  ledger free = test::random_state(dc, d, d.real() * d.real(), d.real());
  return {dc, free, d.between(1, std::max(1, free.free_gpus()))};
}

// Links that a placement owns under each leaf, and its GPUs there.
std::map<leaf_id, std::pair<int, int>> parts(const leaf_spine& dc, const placement& p) {
  std::map<leaf_id, std::pair<int, int>> out;
  for (gpu_id g : p.gpus) ++out[dc.leaf_of(g)].first;
  for (const fabric::link& k : p.links) ++out[k.leaf].second;
  return out;
}

constexpr job_id newcomer{7};

// Reserves, and proves with every collective that the newcomer is isolated.
void check_isolated(const instance& x, const placement& p) {
  ledger l = x.free;
  REQUIRE(p.gpus.size() == static_cast<std::size_t>(x.wanted));
  REQUIRE(l.reserve(newcomer, p) == reserve_status::reserved);
  REQUIRE(l.consistent());
  test::check_isolated(l, newcomer);
}

}  // namespace

TEST_CASE("vclos places exactly when brute force over all leafs and spines finds a shape") {
  vclos any, even{.any_size = false};
  int placed[2] = {0, 0}, no_gpus = 0, no_links = 0, tapered = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const instance x = random_instance(d);
    CAPTURE(x.wanted);
    const by_force oracle{x.free};
    for (bool any_size : {false, true}) {
      CAPTURE(any_size);
      const answer a = (any_size ? any : even)(x.free, {newcomer, x.wanted});
      REQUIRE(a.proved);
      REQUIRE(static_cast<bool>(a) == oracle.any(x.wanted, any_size, true));
      if (a) {
        REQUIRE(a.why == wait_reason::none);
        check_isolated(x, *a.where);
        ++placed[any_size];
      } else if (by_force{ledger{x.dc}}.any(x.wanted, true, true)) {
        const bool gpus_would_do = oracle.any(x.wanted, any_size, false);
        REQUIRE(a.why == (gpus_would_do ? wait_reason::network_fragmentation
                                        : wait_reason::gpu_fragmentation));
        ++(gpus_would_do ? no_links : no_gpus);
      } else {  // however empty it is
        REQUIRE(a.why == wait_reason::tapered);
        REQUIRE(a.cut.where == place::narrow_cut::tier::leaf);
        REQUIRE(a.cut.links == x.dc.uplinks());
        REQUIRE(a.cut.needed > x.dc.uplinks());
        ++tapered;
      }
    }
  }
  CHECK(placed[0] > 2000);
  CHECK(placed[1] > placed[0] + 50);
  CHECK(no_links > 500);
  CHECK(no_gpus > 200);
  CHECK(tapered > 200);
}

TEST_CASE("vclos prefers one leaf without links, then two, then leafs as wide and few as can be") {
  int one = 0, two = 0, wide = 0, unequal = 0;
  for (place::vclos_saves saves : {place::vclos_saves::links, place::vclos_saves::gpus}) {
    vclos policy{.saves = saves};
    for (std::uint64_t seed = 0; seed < 3000; ++seed) {
      CAPTURE(seed);
      test::dice d{seed};
      const instance x = random_instance(d);
      const answer a = policy(x.free, {newcomer, x.wanted});
      if (!a) continue;
      const by_force oracle{x.free};
      const auto shape = parts(x.dc, *a.where);
      if (oracle.one_leaf(x.wanted)) {
        CHECK(shape.size() == 1);
        CHECK(a.where->links.empty());
        ++one;
        continue;
      }
      if (oracle.two_leafs(x.wanted, true)) {
        CHECK(shape.size() == 2);
        const int narrow = std::min(shape.begin()->second.first, shape.rbegin()->second.first);
        for (const auto& [leaf, part] : shape) CHECK(part.second == narrow);
        CHECK(oracle.best_pair(x.wanted, saves) == oracle.pair_cost(x.wanted, narrow,
                                                                    shape.begin()->first,
                                                                    shape.rbegin()->first, saves));
        ++two;
        continue;
      }
      int widest = 0;
      for (const auto& [leaf, part] : shape) widest = std::max(widest, part.first);
      int narrower = 0;
      for (const auto& [leaf, part] : shape) narrower += part.first < widest;
      int links = 0, fewer = 0;
      for (const auto& [leaf, part] : shape) links = std::max(links, part.second);
      for (const auto& [leaf, part] : shape) fewer += part.second < links;
      if (narrower > 1 || links != widest) {
        for (int n = 1; 2 * n <= x.wanted; ++n)
          CHECK_FALSE(oracle.equal(x.wanted / n, n, x.wanted % n, true));
        CHECK(fewer <= 1);
        for (const auto& [leaf, part] : shape)
          CHECK(std::min(part.first, x.wanted - part.first) <= part.second);
        ++unequal;
        continue;
      }
      for (const auto& [leaf, part] : shape) CHECK(part.first == part.second);
      for (int n = widest + 1; 2 * n <= x.wanted; ++n)
        CHECK_FALSE(oracle.equal(x.wanted / n, n, x.wanted % n, true));
      ++wide;
    }
  }
  CHECK(one > 1000);
  CHECK(two > 500);
  CHECK(wide > 200);
  CHECK(unequal > 20);
}

TEST_CASE(
    "vclos for declared collectives places just when leafs of any sizes share as many spines") {
  vclos any, policy{.guarantee = place::isolated_for::declared};
  constexpr collective patterns[] = {
      collective::ring,       collective::tree, collective::all_gather, collective::pipeline,
      collective::all_to_all, collective::none, collective::server_tree};
  int narrow = 0, more = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const instance x = random_instance(d);
    const collective c = patterns[d.index(std::size(patterns))];
    CAPTURE(name(c));
    const by_force oracle{x.free};
    const answer a = policy(x.free, {.job = newcomer, .gpus = x.wanted, .sends = {c}});
    const auto w = traffic::leaf_width(collective_set{c}, x.wanted, x.dc.hosts());
    const bool shape = oracle.any(x.wanted, true, true);
    REQUIRE(a.proved);
    REQUIRE(static_cast<bool>(a) == (shape || (w && oracle.wide(x.wanted, std::max(*w, 1)))));
    more += a && !shape;
    if (!a) continue;
    if (a.where->enough_for.empty()) {
      check_isolated(x, *a.where);
      continue;
    }
    ++narrow;
    REQUIRE(a.where->enough_for == collective_set{c});
    ledger l = x.free;
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    const auto found = route::verify_isolated(
        l, [&](job_id j) { return j == newcomer ? c : collective::none; }, route::ecmp{});
    INFO((found.broken ? found.broken->message() : "isolated"));
    REQUIRE(found);
  }
  CHECK(narrow > 500);
  CHECK(more > 50);
}

namespace {

// Everybody to the rank `by` further, around.
struct shift {
  std::size_t ranks = 2;
  std::uint32_t by = 1;

  [[nodiscard]] std::size_t size() const { return 1; }
  traffic::phase write(std::size_t, std::vector<traffic::flow>& out) const {
    out.clear();
    for (std::uint32_t i = 0; i < ranks; ++i)
      out.push_back({i, static_cast<std::uint32_t>((i + by) % ranks)});
    return {.bytes = 1};
  }
};

}  // namespace

TEST_CASE(
    "vclos for phases of one's own places just when leafs share as many spines as these are wide") {
  vclos policy{.guarantee = place::isolated_for::declared};
  int narrow = 0, tight = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const instance x = random_instance(d);
    if (x.wanted < 4) continue;
    const shift mine{static_cast<std::size_t>(x.wanted),
                     static_cast<std::uint32_t>(d.between(1, std::min(3, x.wanted - 1)))};
    const int w = traffic::source_width(mine, x.wanted, x.dc.gpus_per_leaf());
    REQUIRE(w <= static_cast<int>(mine.by));
    const by_force oracle{x.free};
    const answer a = policy(x.free, {.job = newcomer, .gpus = x.wanted, .sends = {{}, w}});
    REQUIRE(static_cast<bool>(a) == (oracle.any(x.wanted, true, true) || oracle.wide(x.wanted, w)));
    if (!a || a.where->enough_for.empty()) continue;
    ++narrow;
    REQUIRE(a.where->enough_for == declared{{}, w});
    ledger l = x.free;
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    const auto isolated = [&](const ledger& state) {
      return static_cast<bool>(route::verify_isolated(
          state,
          [&](job_id j, const traffic::group&) {
            return j == newcomer ? traffic::any_source{mine} : traffic::any_source{};
          },
          route::ecmp{}));
    };
    REQUIRE(isolated(l));
    // With a spine less in common it is not, if all of them are needed by two of its leafs.
    fabric::placement less = *a.where;
    const spine_id gone = less.links.back().spine;
    std::erase_if(less.links, [&](const fabric::link& k) { return k.spine == gone; });
    if (w == 1 || less.links.empty()) continue;
    ledger m = x.free;
    REQUIRE(m.reserve(newcomer, less) == reserve_status::reserved);
    tight += !isolated(m);
  }
  CHECK(narrow > 200);
  CHECK(tight > 50);
}

TEST_CASE("vclos routes random partial permutations over leafs of any sizes without a collision") {
  int unequal = 0;
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const instance x = random_instance(d);
    const answer a = vclos{}(x.free, {newcomer, x.wanted});
    if (!a || a.where->links.empty()) continue;
    const auto shape = parts(x.dc, *a.where);
    unequal += shape.size() > 2;
    const traffic::group ranks = traffic::make_group(x.dc, a.where->gpus);
    const route::link_numbers links{x.dc};
    route::owned own{x.dc, *a.where};
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{x.dc, links, ranks, none};
    for (int round = 0; round < 8; ++round) {
      std::vector<std::uint32_t> to(a.where->gpus.size());
      std::iota(to.begin(), to.end(), 0u);
      for (std::size_t i = to.size(); i > 1; --i) std::swap(to[i - 1], to[d.index(i)]);
      std::vector<traffic::flow> flows;
      for (std::uint32_t i = 0; i < to.size(); ++i)
        if (to[i] != i && d.chance(.9)) flows.push_back({i, to[i]});
      const auto paths = own(v, flows);
      REQUIRE(own.complete());
      std::map<std::tuple<bool, leaf_id, spine_id, std::uint32_t>, int> load;
      for (std::size_t i = 0; i < flows.size(); ++i) {
        const leaf_id from = ranks.leafs[flows[i].source], into = ranks.leafs[flows[i].target];
        if (from == into) continue;
        REQUIRE(++load[{true, from, paths[i].spine, paths[i].up_lane}] == 1);
        REQUIRE(++load[{false, into, paths[i].spine, paths[i].down_lane}] == 1);
      }
    }
  }
  CHECK(unequal > 200);
}

TEST_CASE("vclos out of search nodes says search_limit and never a wrong no") {
  int gave_up = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const instance x = random_instance(d);
    for (std::int64_t nodes : {1, 2, 3}) {
      vclos policy{.search_nodes = nodes};
      const answer a = policy(x.free, {newcomer, x.wanted});
      if (a) {
        CHECK(by_force{x.free}.any(x.wanted, true, true));
      } else if (a.why == wait_reason::search_limit) {
        CHECK_FALSE(a.proved);
        ++gave_up;
      } else {
        CHECK(a.proved);
        CHECK_FALSE(by_force{x.free}.any(x.wanted, true, true));
      }
    }
  }
  CHECK(gave_up > 100);
}

TEST_CASE("vclos uses every lane of a pair before it gives up") {
  const leaf_spine dc{
      {.leafs = 2, .spines = 2, .links_per_pair = 4, .servers_per_leaf = 1, .gpus_per_server = 8}};
  const answer a = vclos{}(ledger{dc}, {newcomer, 16});
  REQUIRE(a);
  CHECK(a.where->links.size() == 16);
}

TEST_CASE("vclos leaves a leaf with more free GPUs whole where it can") {
  const leaf_spine dc{{.leafs = 4, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  // Two free under leafs 1 and 3, four under 0 and 2.
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{4}, gpu_id{5}, gpu_id{12}, gpu_id{13}}, {}}) ==
          reserve_status::reserved);
  const answer a = vclos{.any_size = false}(l, {newcomer, 8});
  REQUIRE(a);
  CHECK(parts(dc, *a.where).contains(leaf_id{0}));  // widest first: two leafs of four
  const answer b = vclos{.any_size = false}(l, {newcomer, 5});
  CHECK_FALSE(b);  // five is one leaf or five leafs
  CHECK(b.why == wait_reason::gpu_fragmentation);
  ledger crowded = l;
  REQUIRE(crowded.reserve(job_id{1}, {{gpu_id{0}, gpu_id{8}}, {}}) == reserve_status::reserved);
  const answer c = vclos{.any_size = false}(crowded, {newcomer, 4});
  REQUIRE(c);
  const auto shape = parts(dc, *c.where);  // two leafs of two: those where just two are free
  CHECK(shape.size() == 2);
  CHECK(shape.contains(leaf_id{1}));
  CHECK(shape.contains(leaf_id{3}));
}

TEST_CASE("vclos keeps every link to one owner through thousands of arrivals and departures") {
  const leaf_spine dc{
      {.leafs = 8, .spines = 8, .links_per_pair = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ledger l{dc};
    place::first_of<place::one_server, place::one_leaf, vclos> policy;
    std::deque<job_id> running;
    std::map<job_id, collective> pattern;
    int across = 0;
    for (std::uint32_t i = 0; i < 4000; ++i) {
      CAPTURE(i);
      const job_id id{i};
      if (const answer a =
              place::ask(policy, l, {id, d.chance(.8) ? d.between(1, 12) : d.between(1, 64)})) {
        REQUIRE(l.reserve(id, *a.where) == reserve_status::reserved);
        constexpr collective patterns[] = {collective::ring, collective::all_to_all,
                                           collective::halving_doubling};
        pattern[id] = patterns[d.index(3)];
        running.push_back(id);
        across += !a.where->links.empty();
      } else {
        REQUIRE_FALSE(running.empty());
        const std::size_t k = d.index(running.size());
        l.release(running[k]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      }
      if (i % 50 == 0) {
        const auto found = route::verify_isolated(
            l, [&](job_id j) { return pattern.at(j); }, route::ecmp{});
        INFO((found.broken ? found.broken->message() : "isolated"));
        REQUIRE(found);
        REQUIRE(l.consistent());
      }
    }
    CHECK(across > 100);
    for (job_id id : running) l.release(id);
    CHECK(l == ledger{dc});
  }
}

TEST_CASE("vclos decides by the state alone, whatever it was asked before") {
  test::dice d{9};
  vclos old;
  for (int i = 0; i < 500; ++i) {
    const instance x = random_instance(d);
    vclos fresh;
    const answer a = old(x.free, {newcomer, x.wanted}), b = fresh(x.free, {newcomer, x.wanted});
    REQUIRE(a.where == b.where);
    REQUIRE(a.why == b.why);
  }
}

TEST_CASE("a warm vclos that says no has allocated nothing") {
  const leaf_spine dc{{.leafs = 16, .spines = 16, .servers_per_leaf = 2, .gpus_per_server = 8}};
  test::dice d{2};
  const ledger l = test::random_state(dc, d, .3, .7);
  vclos policy;
  std::vector<int> refused;
  for (int n = 17; n < 120; ++n)
    if (!policy(l, {newcomer, n})) refused.push_back(n);
  REQUIRE(refused.size() > 50);
  const test::allocation_guard guard;
  bool all_no = true;
  for (int n : refused) all_no = !policy(l, {newcomer, n}) && all_no;
  const std::size_t allocations = guard.count();
  CHECK(all_no);
  CHECK(allocations == 0);
}
