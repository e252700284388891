#include <heddle/place/ocs_vclos.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/leaf_width.hpp>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"
#include "support/isolated.hpp"
#include "support/worst_phase.hpp"

using namespace heddle;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using ledger = fabric::ledger<leaf_spine_ocs>;
using fabric::reserve_status;
using place::answer;
using place::ocs_vclos;
using place::placement;
using place::rewiring;
using place::wait_reason;

static_assert(place::PlacementPolicy<ocs_vclos, ledger>);
static_assert(!place::PlacementPolicy<ocs_vclos, fabric::ledger<leaf_spine>>);
static_assert(sizeof(ocs_vclos) <= 32);
static_assert(place::SearchingPolicy<ocs_vclos>);

namespace {

constexpr job_id newcomer{70'000'000};

// A few jobs that hold GPUs and circuits at random.
ledger random_state(const leaf_spine_ocs& dc, test::dice& d, double gpus_taken,
                    double circuits_taken) {
  ledger l{dc};
  constexpr std::uint32_t jobs = 3;
  std::vector<placement> p(jobs);
  for (gpu_id g : dc.all_gpus())
    if (d.chance(gpus_taken)) p[d.index(jobs)].gpus.push_back(g);
  for (leaf_id leaf : dc.all_leafs())
    for (std::uint32_t port = 0; port < static_cast<std::uint32_t>(dc.uplinks()); ++port) {
      if (!d.chance(circuits_taken)) continue;
      const fabric::circuit k{leaf, spine_id{d.index(static_cast<std::size_t>(dc.spines()))}, port};
      ledger with = l;  // the jobs so far and this circuit
      placement& mine = p[d.index(jobs)];
      mine.circuits.push_back(k);
      std::sort(mine.circuits.begin(), mine.circuits.end());
      bool fits = true;
      for (std::uint32_t j = 0; j < jobs; ++j)
        fits = fits && with.reserve(job_id{j}, p[j]) == reserve_status::reserved;
      if (!fits) mine.circuits.erase(std::find(mine.circuits.begin(), mine.circuits.end(), k));
    }
  for (std::uint32_t j = 0; j < jobs; ++j)
    REQUIRE(l.reserve(job_id{j}, p[j]) == reserve_status::reserved);
  return l;
}

leaf_spine_ocs random_fabric(test::dice& d) {
  return leaf_spine_ocs{{.leafs = d.between(2, 4),
                         .spines = d.between(1, 3),
                         .switches = d.between(1, 4),
                         .leaf_fibres = d.chance(.8) ? 1 : 2,
                         .spine_fibres = d.between(1, 2),
                         .servers_per_leaf = d.between(1, 3),
                         .gpus_per_server = d.between(1, 2)}};
}
struct instance {
  leaf_spine_ocs dc;
  ledger state;
  int wanted;
};
// Few GPUs taken, many circuits, and a job that does not fit under a leaf.
instance random_instance(test::dice& d) {
  const leaf_spine_ocs dc = random_fabric(d);
  ledger state = random_state(dc, d, .3 * d.real(), .2 + .6 * d.real());
  const int most = std::max(1, state.free_gpus());
  const int wanted =
      d.chance(.2) ? d.between(1, most) : d.between(std::min(most, dc.gpus_per_leaf()), most);
  return {dc, state, std::min(wanted, 8)};
}

// What shapes a state has room for: tries all sets of leafs and, for each column, all spines and OCS.
// `any_wiring` asks what free ports allow if all circuits could move.
struct by_force {
  const ledger& free;
  bool any_wiring = false;
  const leaf_spine_ocs& dc = free.fabric();
  int leafs = dc.leafs(), spines = dc.spines(), switches = dc.optical().switches;
  std::vector<int> up = {}, down = {};  // free ends by OCS

  explicit by_force(const ledger& l, bool wiring) : free(l), any_wiring(wiring) {
    const auto f = static_cast<std::size_t>(dc.optical().leaf_fibres);
    for (leaf_id leaf : dc.all_leafs())
      for (ocs_id o : dc.all_switches())
        up.push_back(
            count_bits(free.network().free_ports(leaf), o.index() * f, (o.index() + 1) * f));
    for (spine_id s : dc.all_spines())
      for (ocs_id o : dc.all_switches()) down.push_back(free.network().free_spine_fibres(s, o));
    if (!any_wiring) return;
    // One OCS with all ports.
    for (std::vector<int>* ends : {&up, &down}) {
      std::vector<int> sums;
      for (std::size_t i = 0; i < ends->size(); i += static_cast<std::size_t>(switches)) {
        int sum = 0;
        for (int o = 0; o < switches; ++o) sum += (*ends)[i + static_cast<std::size_t>(o)];
        sums.push_back(sum);
      }
      *ends = sums;
    }
    switches = 1;
  }

  int& at(std::vector<int>& ends, int i, int o) {
    return ends[static_cast<std::size_t>(i * switches + o)];
  }
  [[nodiscard]] int gpus(int l) const { return free.free_gpus(unit_id{l}); }

  // The i-th and later leafs of a column to spine s, then the other columns, spines in order.
  bool column(const std::vector<int>& full, int rest, std::size_t i, int s, int narrow, int wide) {
    const bool is_wide = wide > 0;
    if (i < full.size() + is_wide) {
      const int l = i < full.size() ? full[i] : rest;
      for (int o = 0; o < switches; ++o) {
        int &a = at(up, l, o), &b = at(down, s, o);
        if (a == 0 || b == 0) continue;
        --a, --b;
        const bool found = column(full, rest, i + 1, s, narrow, wide);
        ++a, ++b;
        if (found) return true;
      }
      return false;
    }
    return columns(full, rest, is_wide ? 0 : s, is_wide ? narrow : narrow - 1,
                   is_wide ? wide - 1 : 0, is_wide ? s : 0);
  }
  // Wide columns first; of either kind spines ascend.
  bool columns(const std::vector<int>& full, int rest, int from, int narrow, int wide,
               int wide_from) {
    if (narrow == 0 && wide == 0) return true;
    for (int s = wide > 0 ? wide_from : from; s < spines; ++s)
      if (column(full, rest, 0, s, narrow, wide)) return true;
    return false;
  }

  bool one_leaf(int n) const {
    for (int l = 0; l < leafs; ++l)
      if (gpus(l) >= n) return true;
    return false;
  }
  bool equal(int m, int n, int r) {
    for (int set = 0; set < 1 << leafs; ++set) {
      std::vector<int> full;
      for (int l = 0; l < leafs; ++l)
        if (set >> l & 1 && gpus(l) >= n) full.push_back(l);
      if (static_cast<int>(full.size()) != m || std::popcount(static_cast<unsigned>(set)) != m)
        continue;
      if (r == 0) {
        if (columns(full, -1, 0, n, 0, 0)) return true;
        continue;
      }
      for (int t = 0; t < leafs; ++t)
        if (!(set >> t & 1) && gpus(t) >= r && columns(full, t, 0, n - r, r, 0)) return true;
    }
    return false;
  }
  bool even(int n) {
    for (int m = 2; m <= std::min(n, leafs); ++m)
      if (n % m == 0 && equal(m, n / m, 0)) return true;
    return false;
  }
  bool two_leafs(int n) {
    for (int i = 0; i < leafs; ++i)
      for (int k = 0; k < leafs; ++k)
        for (int b = 1; i != k && 2 * b <= n; ++b)
          if (gpus(i) >= n - b && gpus(k) >= b && columns({i, k}, -1, 0, b, 0, 0)) return true;
    return false;
  }
  bool with_rest(int n) {
    for (int width = 2; 2 * width <= n; ++width)
      if (n % width && equal(n / width, width, n % width)) return true;
    return false;
  }
  // The most ports of spine s that the leafs from l on can have, OCS o and later of leaf l.
  int ports(int s, int l, int o, int gpus_left) {
    if (l == leafs) return 0;
    if (o == switches) return ports(s, l + 1, 0, l + 1 < leafs ? gpus(l + 1) : 0);
    int best = 0;
    int &a = at(up, l, o), &b = at(down, s, o);
    for (int k = 0; k <= std::min({a, b, gpus_left}); ++k) {
      a -= k, b -= k;
      best = std::max(best, k + ports(s, l, o + 1, gpus_left - k));
      a += k, b += k;
    }
    return best;
  }
  bool crossbar(int n) {
    for (int s = 0; s < spines; ++s)
      if (ports(s, 0, 0, gpus(0)) >= n) return true;
    return false;
  }
  // Virtual leafs of at most `width` GPUs under leaf l and later ones that hold `gpus_left`, besides those
  // in `full`, at most `copies` of them a leaf, with `columns_wanted` columns.
  bool virtual_leafs(std::vector<int>& full, int l, int gpus_left, int width, int copies,
                     int columns_wanted) {
    if (gpus_left <= 0) return columns(full, -1, 0, columns_wanted, 0, 0);
    if (l == leafs) return false;
    const std::size_t before = full.size();
    for (int c = 0; c <= copies && (c - 1) * width < gpus(l); ++c) {
      const int here = std::min(gpus(l), c * width);
      if (virtual_leafs(full, l + 1, gpus_left - here, width, copies, columns_wanted)) return true;
      full.push_back(l);
    }
    full.resize(before);
    return false;
  }
  bool in_parts(int n) {
    for (int width = 2; width < n && width <= dc.gpus_per_leaf(); ++width) {
      std::vector<int> full;
      if (virtual_leafs(full, 0, n, width, n, width)) return true;
    }
    return false;
  }
  bool covered(int n, int columns_wanted) {
    std::vector<int> full;
    return virtual_leafs(full, 0, n, dc.gpus_per_leaf(), 1, columns_wanted);
  }
  bool any(int n, bool any_size, bool parts) {
    return one_leaf(n) || even(n) ||
           (any_size && (two_leafs(n) || with_rest(n) || crossbar(n) || (parts && in_parts(n))));
  }
};

// Moves what is to move and reserves, and proves with every collective that the newcomer is isolated.
void check_placed(const ledger& before, const answer& a, int wanted, std::size_t most_moved) {
  ledger l = before;
  REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
  REQUIRE(a.moved.size() <= most_moved);
  REQUIRE(l.rewire(a.moved) == reserve_status::reserved);
  REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
  REQUIRE(l.consistent());
  // Running jobs keep their GPUs and as many circuits from each leaf to each spine.
  for (const auto& [job, p] : before.placements()) {
    const placement& now = *l.find(job);
    REQUIRE(now.gpus == p.gpus);
    std::size_t moved = 0;
    std::map<std::pair<leaf_id, spine_id>, int> pairs;
    for (const fabric::circuit& k : p.circuits) {
      ++pairs[{k.leaf, k.spine}];
      moved += !std::binary_search(now.circuits.begin(), now.circuits.end(), k);
    }
    for (const fabric::circuit& k : now.circuits) --pairs[{k.leaf, k.spine}];
    for (const auto& [pair, n] : pairs) REQUIRE(n == 0);
    REQUIRE(moved ==
            static_cast<std::size_t>(std::count_if(a.moved.begin(), a.moved.end(),
                                                   [&](const auto& m) { return m.job == job; })));
  }
  test::check_isolated(l, newcomer);
}

}  // namespace

TEST_CASE("ocs_vclos that may move nothing places exactly when brute force over leafs and spines "
          "and OCS does") {
  ocs_vclos any{.parts = false, .search_nodes = 1'000'000},
      even{.any_size = false, .search_nodes = 1'000'000}, with_parts{.search_nodes = 1'000'000};
  int placed[2] = {0, 0}, refused = 0, in_parts = 0, missed = 0;
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const auto [dc, state, wanted] = random_instance(d);
    CAPTURE(wanted);
    by_force oracle{state, false};
    for (bool any_size : {false, true}) {
      CAPTURE(any_size);
      const answer a = (any_size ? any : even)(state, {newcomer, wanted});
      REQUIRE(a.proved);
      REQUIRE(static_cast<bool>(a) == oracle.any(wanted, any_size, false));
      if (a) {
        check_placed(state, a, wanted, 0);
        ++placed[any_size];
      } else {
        REQUIRE((a.why == wait_reason::network_fragmentation ||
                 a.why == wait_reason::gpu_fragmentation));
        ++refused;
      }
      if (!any_size || a) continue;
      // Parts are not searched for: they may be missed, but nothing false is said of them.
      const answer more = with_parts(state, {newcomer, wanted});
      const bool there_are = oracle.in_parts(wanted);
      if (more) {
        REQUIRE(there_are);
        check_placed(state, more, wanted, 0);
        ++in_parts;
      } else {
        REQUIRE((!more.proved || !there_are));
        missed += there_are;
      }
    }
  }
  CHECK(placed[0] > 500);
  CHECK(placed[1] > placed[0] + 50);
  CHECK(refused > 500);
  CHECK(in_parts > 0);
  CHECK(missed <= in_parts);
}

TEST_CASE("ocs_vclos that may move everything places exactly when the free ports suffice") {
  ocs_vclos any{.may_move = rewiring::free}, even{.may_move = rewiring::free, .any_size = false};
  int placed = 0, refused = 0, moved = 0;
  for (std::uint64_t seed = 0; seed < 12000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    auto [dc, state, wanted] = random_instance(d);
    if (d.chance(.2))
      (void)state.fail(ocs_id{d.index(static_cast<std::size_t>(dc.optical().switches))});
    CAPTURE(wanted);
    by_force oracle{state, true};
    for (bool any_size : {false, true}) {
      const answer a = (any_size ? any : even)(state, {newcomer, wanted});
      REQUIRE(a.proved);
      REQUIRE(static_cast<bool>(a) == oracle.any(wanted, any_size, true));
      if (a) {
        check_placed(state, a, wanted, ~std::size_t{0});
        ++placed;
        moved += !a.moved.empty();
      } else {
        ++refused;
      }
    }
  }
  CHECK(placed > 1000);
  CHECK(refused > 500);
  CHECK(moved > 60);
}

TEST_CASE("with a bound on what moves ocs_vclos places at least what never moving does and keeps "
          "the bound") {
  int more_than_never = 0, less_than_free = 0;
  for (std::uint64_t seed = 0; seed < 12000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    auto [dc, state, wanted] = random_instance(d);
    // Single fibres fail as well: then free ports alone prove nothing.
    const bool broken = d.chance(.3);
    if (broken) {
      (void)state.fail(fabric::leaf_fibre{leaf_id{0}, ocs_id{0}});
      (void)state.fail(fabric::spine_fibre{spine_id{0}, ocs_id{0}});
    }
    const int r = d.between(0, 2);
    const answer never = ocs_vclos{.search_nodes = 1'000'000}(state, {newcomer, wanted});
    const answer bounded = ocs_vclos{.may_move = rewiring::bounded,
                                     .most_moved = r,
                                     .search_nodes = 1'000'000}(state, {newcomer, wanted});
    const answer all =
        ocs_vclos{.may_move = rewiring::free, .search_nodes = 1'000'000}(state, {newcomer, wanted});
    if (never) REQUIRE(by_force(state, false).any(wanted, true, true));
    if (never) REQUIRE(bounded);
    if (bounded) {
      check_placed(state, bounded, wanted, static_cast<std::size_t>(r));
      REQUIRE(by_force(state, true).any(wanted, true, true));
    }
    if (all) check_placed(state, all, wanted, ~std::size_t{0});
    if (!all && all.proved) REQUIRE_FALSE(by_force(state, true).any(wanted, true, true));
    if (!bounded && bounded.proved) REQUIRE_FALSE(by_force(state, true).any(wanted, true, true));
    more_than_never += bounded && !never;
    less_than_free += all && !bounded;
  }
  CHECK(more_than_never > 10);
  CHECK(less_than_free > 3);
}

TEST_CASE("with what it sends declared a job gets as many columns as that is wide, on leafs of any "
          "sizes, exactly when free ports suffice or else what it would get undeclared") {
  int thin = 0, whole = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const auto [dc, state, wanted] = random_instance(d);
    const collective c = d.chance(.5) ? collective::ring : collective::pipeline;
    const auto width = traffic::leaf_width(collective_set{c}, wanted, dc.hosts());
    REQUIRE(width);
    by_force oracle{state, true};
    ocs_vclos any{.may_move = rewiring::free},
        declared{.may_move = rewiring::free, .guarantee = place::isolated_for::declared};
    const answer a = declared(state, {.job = newcomer, .gpus = wanted, .sends = {c}});
    const answer b = any(state, {newcomer, wanted});
    if (oracle.one_leaf(wanted)) {
      REQUIRE(a.where == b.where);
    } else if (*width <= dc.uplinks() && oracle.covered(wanted, *width)) {
      REQUIRE(a);
      REQUIRE(a.where->enough_for == collective_set{c});
      ledger l = state;
      REQUIRE(l.rewire(a.moved) == reserve_status::reserved);
      REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
      const auto sends = [&](job_id j) { return j == newcomer ? c : collective::none; };
      REQUIRE(route::verify_isolated(l, sends, route::ecmp{}));
      ++thin;
    } else {
      REQUIRE(a.where == b.where);
      ++(a ? whole : refused);
    }
    // Who declares nothing gets what is enough for all.
    REQUIRE(declared(state, {newcomer, wanted}).where == b.where);
  }
  CHECK(thin > 500);
  CHECK(whole > 5);
  CHECK(refused > 100);
}

TEST_CASE("with fewer circuits than isolate no phase of a job takes longer than predicted") {
  int isolated = 0, thin = 0, says = 0, exact = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const auto [dc, state, wanted] = random_instance(d);
    constexpr collective patterns[] = {collective::ring, collective::tree,
                                       collective::halving_doubling, collective::all_to_all};
    const collective c = patterns[d.index(std::size(patterns))];
    const auto guarantee = d.chance(.5) ? place::isolated_for::declared : place::isolated_for::any;
    const rewiring may_move = d.chance(.5) ? rewiring::free : rewiring::never;
    ocs_vclos strict{.may_move = may_move, .guarantee = guarantee},
        policy{.may_move = may_move, .guarantee = guarantee, .most_slowdown = ocs_vclos::no_bound};
    const place::request asked{.job = newcomer, .gpus = wanted, .sends = {c}};
    const answer a = policy(state, asked), b = strict(state, asked);
    if (b) {
      REQUIRE(a);
      REQUIRE(*a.where == *b.where);
      REQUIRE(a.predicted_slowdown == 1);
      ++isolated;
      continue;
    }
    if (!a) continue;
    ++thin;
    says += !a.where->enough_for.empty();
    REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
    ledger l = state;
    REQUIRE(l.rewire(a.moved) == reserve_status::reserved);
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    const double worst = test::worst_phase(dc, *a.where, c);
    REQUIRE(worst <= a.predicted_slowdown);
    exact += worst == a.predicted_slowdown;
  }
  CHECK(isolated > 1000);
  CHECK(thin > 300);
  CHECK(says > 20);
  CHECK(exact > thin / 3);
}

TEST_CASE("a job that a fixed network must refuse gets its circuits on the same ports") {
  // Two leafs whose free uplinks lead to different spines.
  const leaf_spine_ocs dc{{.leafs = 2,
                           .spines = 2,
                           .switches = 2,
                           .spine_fibres = 1,
                           .servers_per_leaf = 1,
                           .gpus_per_server = 2}};
  const leaf_spine fixed = *dc.mesh();
  fabric::ledger clos{fixed};
  REQUIRE(clos.reserve(job_id{1}, {{gpu_id{0}, gpu_id{2}},
                                   {{leaf_id{0}, spine_id{0}, 0}, {leaf_id{1}, spine_id{1}, 0}}}) ==
          reserve_status::reserved);
  CHECK(place::vclos{}(clos, {newcomer, 2}).why == wait_reason::network_fragmentation);
  ledger optical{dc};
  REQUIRE(optical.reserve(job_id{1}, {{gpu_id{0}, gpu_id{2}},
                                      {},
                                      {{leaf_id{0}, spine_id{0}, 0},
                                       {leaf_id{1}, spine_id{0}, 1}}}) == reserve_status::reserved);
  // Leaf 0 has uplink 1 free, leaf 1 uplink 0: spine 1 has a fibre to either OCS.
  const answer a = ocs_vclos{}(optical, {newcomer, 2});
  REQUIRE(a);
  check_placed(optical, a, 2, 0);
}

TEST_CASE("any GPUs share a spine as a crossbar") {
  const leaf_spine_ocs dc{{.leafs = 4,
                           .spines = 2,
                           .switches = 6,
                           .spine_fibres = 2,
                           .servers_per_leaf = 3,
                           .gpus_per_server = 2}};
  ledger l{dc};
  // Three, two, one and one GPU are free.
  placement p;
  for (leaf_id leaf : dc.all_leafs()) {
    const std::uint32_t taken[] = {3, 4, 5, 5};
    for (std::uint32_t g = 0; g < taken[leaf.index()]; ++g)
      p.gpus.push_back(gpu_id{leaf.value * 6 + g});
  }
  REQUIRE(l.reserve(job_id{1}, p) == reserve_status::reserved);
  const answer a = ocs_vclos{}(l, {newcomer, 7});
  REQUIRE(a);
  CHECK(a.where->circuits.size() == 7);
  for (const fabric::circuit& k : a.where->circuits) CHECK(k.spine == a.where->circuits[0].spine);
  check_placed(l, a, 7, 0);
  CHECK_FALSE(ocs_vclos{.any_size = false}(l, {newcomer, 7}));
}

TEST_CASE("a leaf with twice the GPUs of the others is two virtual leafs") {
  // 6, 3 and 3 GPUs are free, and no spine has the ports of a crossbar.
  const leaf_spine_ocs dc{{.leafs = 3,
                           .spines = 2,
                           .switches = 8,
                           .spine_fibres = 1,
                           .servers_per_leaf = 1,
                           .gpus_per_server = 8}};
  ledger l{dc};
  placement others;
  for (int g : {6, 7, 8, 9, 10, 11, 12, 16, 17, 18, 19, 20}) others.gpus.push_back(gpu_id{g});
  REQUIRE(l.reserve(job_id{1}, others) == reserve_status::reserved);
  for (rewiring r : {rewiring::never, rewiring::free}) {
    const answer whole = ocs_vclos{.may_move = r, .parts = false}(l, {newcomer, 12});
    CHECK(whole.why == wait_reason::gpu_fragmentation);
    const answer a = ocs_vclos{.may_move = r}(l, {newcomer, 12});
    REQUIRE(a);
    CHECK(a.where->circuits.size() == 12);
    check_placed(l, a, 12, 0);
  }
}

TEST_CASE("ocs_vclos out of search nodes says search_limit and never a wrong no") {
  int gave_up = 0;
  for (std::uint64_t seed = 0; seed < 10000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const auto [dc, state, wanted] = random_instance(d);
    const answer a = ocs_vclos{.search_nodes = 1}(state, {newcomer, wanted});
    if (a) {
      check_placed(state, a, wanted, 0);
    } else if (a.why == wait_reason::search_limit) {
      CHECK_FALSE(a.proved);
      ++gave_up;
    } else {
      CHECK_FALSE(by_force(state, false).any(wanted, true, a.proved));
    }
  }
  CHECK(gave_up > 50);
}

TEST_CASE("ocs_vclos decides by the state alone and a warm no on idle fibres allocates nothing") {
  test::dice d{5};
  ocs_vclos old[] = {{}, {.may_move = rewiring::free}};
  for (int i = 0; i < 200; ++i) {
    const leaf_spine_ocs dc = random_fabric(d);
    const ledger state = random_state(dc, d, .3, d.real());
    const int wanted = d.between(1, std::max(1, state.free_gpus()));
    for (ocs_vclos& policy : old) {
      const answer a = policy(state, {newcomer, wanted});
      const answer b = ocs_vclos{.may_move = policy.may_move}(state, {newcomer, wanted});
      REQUIRE(a.where == b.where);
      REQUIRE(a.moved == b.moved);
      REQUIRE(a.why == b.why);
    }
  }
  const leaf_spine_ocs dc{{.leafs = 12,
                           .spines = 4,
                           .switches = 8,
                           .spine_fibres = 3,
                           .servers_per_leaf = 2,
                           .gpus_per_server = 4}};
  const ledger state = random_state(dc, d, .2, .85);
  ocs_vclos policy{.search_nodes = 200};
  std::vector<int> refused;
  for (int n = 9; n < 60; ++n)
    if (!policy(state, {newcomer, n})) refused.push_back(n);
  REQUIRE(refused.size() > 30);
  const test::allocation_guard guard;
  for (int n : refused) (void)policy(state, {newcomer, n});
  const std::size_t allocations = guard.count();
  CHECK(allocations == 0);
}

TEST_CASE(
    "ocs_vclos is the same after it has searched, its copy is cheap, and it counts the nodes of "
    "the last question alone") {
  test::dice d{5};
  const leaf_spine_ocs dc{{.leafs = 12,
                           .spines = 4,
                           .switches = 8,
                           .spine_fibres = 3,
                           .servers_per_leaf = 2,
                           .gpus_per_server = 4}};
  const ledger state = random_state(dc, d, .2, .85);
  ocs_vclos policy{.search_nodes = 200};
  const ocs_vclos fresh = policy;
  CHECK(policy.visited() == 0);
  int searched = 0;
  for (int n = 9; n < 60; ++n) {
    const answer a = policy(state, {newcomer, n});
    CHECK(policy == fresh);
    const auto before = test::allocations();
    ocs_vclos copy = policy;
    CHECK(test::allocations() == before);
    CHECK(copy.visited() == 0);
    const answer again = copy(state, {newcomer, n});
    CHECK(again.where == a.where);
    CHECK(again.why == a.why);
    const std::int64_t nodes = policy.visited();
    CHECK(nodes == copy.visited());
    if (nodes == 0) continue;
    ++searched;
    policy.limit(1000);  // of questions to come
    CHECK(policy.visited() == nodes);
    REQUIRE(policy(state, {newcomer, 1}).where->circuits.empty());
    CHECK(policy.visited() == 0);
    policy.limit(200);
  }
  CHECK(searched > 0);
  CHECK(ocs_vclos{.parts = false} != ocs_vclos{});
  CHECK(ocs_vclos{.may_move = rewiring::free} != ocs_vclos{});
}

// HEDDLE_OPERATIONS=1000000 heddle-tests-place -tc="*random arrivals and departures and failures*"
TEST_CASE(
    "ocs_vclos keeps every port to one owner through random arrivals and departures and failures") {
  const char* asked = std::getenv("HEDDLE_OPERATIONS");
  const int operations = asked ? std::atoi(asked) : 6000;
  const leaf_spine_ocs dc{{.leafs = 10,
                           .spines = 4,
                           .switches = 8,
                           .spine_fibres = 3,
                           .servers_per_leaf = 2,
                           .gpus_per_server = 4}};
  constexpr collective patterns[] = {collective::ring, collective::all_to_all,
                                     collective::halving_doubling};
  struct policy_case {
    rewiring may_move;
    std::size_t most;
  };
  int across = 0, moved = 0, hit = 0;
  for (const auto [may_move, most] : {policy_case{rewiring::never, 0},
                                      {rewiring::bounded, 3},
                                      {rewiring::free, ~std::size_t{0}}}) {
    CAPTURE(most);
    test::dice d{17};
    ledger l{dc};
    ocs_vclos policy{.may_move = may_move, .most_moved = static_cast<int>(most)};
    std::vector<job_id> running;
    std::map<job_id, collective> pattern;
    const auto leave = [&](std::size_t k) {
      l.release(running[k]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
    };
    for (int i = 0; i < operations / 3; ++i) {
      CAPTURE(i);
      if (d.chance(.02)) {
        const ocs_id o{d.index(8)};
        const leaf_id leaf{d.index(10)};
        const spine_id s{d.index(4)};
        const auto all_repaired = [&] {
          for (ocs_id x : dc.all_switches()) (void)l.repair(x);
          for (leaf_id x : dc.all_leafs())
            for (ocs_id y : dc.all_switches()) (void)l.repair(fabric::leaf_fibre{x, y});
          for (spine_id x : dc.all_spines())
            for (ocs_id y : dc.all_switches()) (void)l.repair(fabric::spine_fibre{x, y});
        };
        std::vector<job_id> jobs;
        switch (d.index(4)) {
        case 0:
          jobs = l.fail(o);
          break;
        case 1:
          jobs = l.fail(fabric::leaf_fibre{leaf, o});
          break;
        case 2:
          jobs = l.fail(fabric::spine_fibre{s, o});
          break;
        default:
          all_repaired();
        }
        // Some of those hit go, some stay on what has failed.
        for (job_id j : jobs)
          if (d.chance(.7)) {
            ++hit;
            leave(static_cast<std::size_t>(std::find(running.begin(), running.end(), j) -
                                           running.begin()));
          }
      }
      const job_id id{static_cast<std::uint32_t>(i)};
      const int wanted = d.chance(.7) ? d.between(4, 16) : d.between(1, 40);
      const answer a = place::ask(policy, l, {id, wanted});
      if (a) {
        REQUIRE(a.moved.size() <= most);
        REQUIRE(l.rewire(a.moved) == reserve_status::reserved);
        REQUIRE(l.reserve(id, *a.where) == reserve_status::reserved);
        running.push_back(id);
        pattern[id] = patterns[d.index(3)];
        across += !a.where->circuits.empty();
        moved += static_cast<int>(a.moved.size());
      } else if (!running.empty()) {
        leave(d.index(running.size()));
      }
      if (i % 40 == 0 || !a.moved.empty()) {
        const auto found = route::verify_isolated(
            l, [&](job_id j) { return pattern.at(j); }, route::ecmp{});
        INFO((found.broken ? found.broken->message() : "isolated"));
        REQUIRE(found);
      }
      if (i % 200 == 0) REQUIRE(l.consistent());
    }
  }
  CHECK(across > operations / 20);
  CHECK(moved > operations / 150);
  CHECK(hit > operations / 300);
}
