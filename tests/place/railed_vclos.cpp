// vClos on rails, planes and pods, against all shapes with a proof that brute force finds.
#include <heddle/place/vclos.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/detail/random_parts.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/leaf_width.hpp>

#include "support/dice.hpp"
#include "support/rail_networks.hpp"
#include "support/unequal_shapes.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::answer;
using place::placement;
using place::vclos;
using place::wait_reason;

namespace {

constexpr job_id newcomer{7};

// Every shape with a proof, tried one by one.
struct by_force {
  const ledger& free;
  const leaf_spine& dc = free.fabric();
  int g = dc.gpus_per_server();

  // A way to cut a job into items: how many each unit has, and cards of an item on each leaf of it.
  struct cut {
    int items = 0;
    std::vector<int> of_unit, all_of_unit;
    std::vector<int> cards;  // by rail
  };
  [[nodiscard]] std::vector<cut> cuts(int n) const {
    std::vector<cut> out;
    const int each = dc.gpus_per_card();
    if (dc.rails() == 1) {
      if (n % each) return out;
      cut c{n / each, {}, {}, {1}};
      for (unit_id x : dc.all_units()) {
        int here = 0, all = 0;
        for (server_id s : dc.servers_of(x))
          for (gpu_id first : dc.gpus_of(s)) {
            if (dc.hosts().index_in_server(first) % each) continue;
            bool whole = true;
            for (int k = 0; k < each; ++k)
              whole = whole && free.is_free(gpu_id{first.value + static_cast<std::uint32_t>(k)});
            here += whole;
            ++all;
          }
        c.of_unit.push_back(here);
        c.all_of_unit.push_back(all);
      }
      out.push_back(c);
      return out;
    }
    for (std::uint32_t mask = 1; mask < 1u << g; ++mask) {
      const int q = std::popcount(mask);
      if (n % q || n <= g || (n % g == 0 && q < g)) continue;
      bool whole_cards = true;
      for (int k = 0; k < g; ++k)
        whole_cards = whole_cards && ((mask >> k & 1) == (mask >> (k - k % each) & 1));
      if (!whole_cards) continue;
      cut c{n / q, {}, {}, std::vector<int>(static_cast<std::size_t>(dc.rails()), 0)};
      for (int k = 0; k < g; k += each)
        if (mask >> k & 1) ++c.cards[static_cast<std::size_t>(k * dc.rails() / g)];
      for (unit_id x : dc.all_units()) {
        int here = 0;
        for (server_id s : dc.servers_of(x)) {
          bool all = true;
          for (gpu_id gpu : dc.gpus_of(s))
            all = all && (!(mask >> dc.hosts().index_in_server(gpu) & 1) || free.is_free(gpu));
          here += all;
        }
        c.of_unit.push_back(here);
        c.all_of_unit.push_back(static_cast<int>(dc.servers_of(x).size()));
      }
      out.push_back(c);
    }
    return out;
  }
  [[nodiscard]] static leaf_id leaf(const leaf_spine& dc, int unit, int rail, int plane) {
    return leaf_id{(unit * dc.rails() + rail) * dc.planes() + plane};
  }
  // A plane without a leaf that works and a spine that works above it, where another has them.
  [[nodiscard]] bool is_out(int plane) const {
    bool other = false;
    for (int p = 0; p < dc.planes(); ++p) other = other || (p != plane && !is_dead(p));
    return other && is_dead(plane);
  }
  [[nodiscard]] bool is_dead(int plane) const {
    for (int u = 0; u < dc.units(); ++u)
      for (int r = 0; r < dc.rails(); ++r) {
        const leaf_id l = leaf(dc, u, r, plane);
        if (free.is_failed(l)) continue;
        for (spine_id s : dc.all_spines())
          if (dc.links(l, s) > 0 && !free.is_failed(s)) return false;
      }
    return true;
  }
  // Whether the units of a set have links for n items to the same spines, in every rail and plane.
  [[nodiscard]] bool common(const cut& c, std::uint32_t set, int n) const {
    for (int r = 0; r < dc.rails(); ++r)
      for (int plane = 0; plane < dc.planes(); ++plane) {
        const int want = n * c.cards[static_cast<std::size_t>(r)];
        if (want == 0 || is_out(plane)) continue;
        if (links(set, r, plane) < want) return false;
      }
    return true;
  }
  // That the units of a set have to the same spines.
  [[nodiscard]] int links(std::uint32_t set, int rail, int plane) const {
    int sum = 0;
    for (spine_id s : dc.all_spines()) {
      int least = 1000;
      for (int u = 0; u < dc.units(); ++u)
        if (set >> u & 1)
          least = std::min(least, free.network().free_links(leaf(dc, u, rail, plane), s));
      sum += least;
    }
    return sum;
  }

  [[nodiscard]] bool in_pod(const cut& c, std::uint32_t pod) const {
    const auto here = [&](int u) { return c.of_unit[static_cast<std::size_t>(u)]; };
    for (int u = 0; u < dc.units(); ++u)
      if ((pod >> u & 1) && here(u) >= c.items) return true;
    for (std::uint32_t set = pod; set > 0; set = (set - 1) & pod) {
      const int m = std::popcount(set);
      int least = 1000, most = 0, sum = 0;
      for (int u = 0; u < dc.units(); ++u)
        if (set >> u & 1) {
          least = std::min(least, here(u));
          most = std::max(most, here(u));
          sum += here(u);
        }
      if (m == 2 && sum >= c.items)
        for (int b = 1; 2 * b <= c.items; ++b)
          if (b <= least && c.items - b <= most && common(c, set, b)) return true;
      for (int n = 1; m >= 2 && n <= least && m * n <= c.items; ++n) {
        const int r = c.items - m * n;
        if (r >= n || !common(c, set, n)) continue;
        if (r == 0) return true;
        for (int t = 0; t < dc.units(); ++t)
          if ((pod >> t & 1) && !(set >> t & 1) && here(t) >= r && common(c, set | 1u << t, r))
            return true;
      }
    }
    for (std::uint32_t set = pod; set > 0; set = (set - 1) & pod) {  // units of any sizes
      std::vector<int> sizes;
      for (int u = 0; u < dc.units(); ++u)
        if (set >> u & 1) sizes.push_back(here(u));
      int width = 0;
      while (width < c.items && common(c, set, width + 1)) ++width;
      if (test::splits(c.items, c.items, width, sizes)) return true;
    }
    return false;
  }

  // --- what is declared: units of any sizes of a pod over as many spines as the collectives are wide ---

  [[nodiscard]] bool declared(int n, collective_set sends) const {
    for (const cut& c : cuts(n))
      for (int p = 0; p < dc.pods()->pods(); ++p)
        for (std::uint32_t pod = pod_set(p), set = pod; set > 0; set = (set - 1) & pod) {
          int sum = 0;
          for (int u = 0; u < dc.units(); ++u)
            if (set >> u & 1) sum += c.of_unit[static_cast<std::size_t>(u)];
          if (sum >= c.items && wide(c, set, n, sends)) return true;
        }
    return false;
  }
  [[nodiscard]] bool wide(const cut& c, std::uint32_t set, int n, collective_set sends) const {
    bool is_first = true;
    int last = 0;
    for (int r = 0; r < dc.rails(); ++r)
      if (c.cards[static_cast<std::size_t>(r)] > 0) last = r;
    for (int r = 0; r < dc.rails(); ++r) {
      const int cards = c.cards[static_cast<std::size_t>(r)];
      if (cards == 0) continue;
      const int domain = dc.hosts().servers_per_domain();
      traffic::leaf_share here{.cards = domain * (dc.rails() > 1 ? cards : dc.cards_per_server())};
      if (dc.rails() > 1) here = {here.cards, c.items, is_first, r == last};
      const auto w = traffic::leaf_width(sends, n, g, here);
      if (!w) return false;
      for (int plane = 0; plane < dc.planes(); ++plane)
        if (!is_out(plane) && links(set, r, plane) < std::max(*w, is_first ? 1 : 0)) return false;
      is_first = false;
    }
    return true;
  }

  // --- over pods: whole units, all their links up ---

  [[nodiscard]] std::uint32_t pod_set(int pod) const {
    std::uint32_t set = 0;
    for (unit_id x : dc.all_units())
      if (dc.pods()->of(x) == pod) set |= 1u << x.value;
    return set;
  }
  // Of the networks made here: pods have as many spines each, of which the k-th reach the same cores.
  [[nodiscard]] spine_id spine(int pod, int k) const {
    return spine_id{pod * (dc.spines() / dc.pods()->pods()) + k};
  }
  [[nodiscard]] int most_links(int rail, int plane, int k) const {
    int most = 0;
    for (int u = 0; u < dc.units(); ++u)
      most =
          std::max(most, dc.links(leaf(dc, u, rail, plane), spine(dc.pods()->of(unit_id{u}), k)));
    return most;
  }
  [[nodiscard]] int spines_of_pod() const { return dc.spines() / dc.pods()->pods(); }
  template <class F>
  void for_each_band(const cut& c, F&& f) const {
    for (int r = 0; r < dc.rails(); ++r)
      for (int plane = 0; plane < dc.planes(); ++plane)
        if (c.cards[static_cast<std::size_t>(r)] > 0 && !is_out(plane)) f(r, plane);
  }
  [[nodiscard]] bool is_whole(const cut& c, int u, int size) const {
    if (c.all_of_unit[static_cast<std::size_t>(u)] != size ||
        c.of_unit[static_cast<std::size_t>(u)] != size)
      return false;
    bool all = true;
    const int pod = dc.pods()->of(unit_id{u});
    for_each_band(c, [&](int r, int plane) {
      int links = 0;
      for (int k = 0; k < spines_of_pod(); ++k) {
        const int most = most_links(r, plane, k);
        links += most;
        all = all && free.network().free_links(leaf(dc, u, r, plane), spine(pod, k)) == most;
      }
      all = all && links >= size * c.cards[static_cast<std::size_t>(r)];
    });
    return all;
  }
  [[nodiscard]] int weight(const cut& c, int k) const {
    int w = 0;
    for_each_band(c, [&](int r, int plane) { w += most_links(r, plane, k); });
    return w;
  }
  [[nodiscard]] int core_common(std::uint32_t pods, int k) const {
    int sum = 0;
    for (core_id core : dc.all_cores()) {
      int least = 1000;
      for (int p = 0; p < dc.pods()->pods(); ++p)
        if (pods >> p & 1) least = std::min(least, free.network().free_links(spine(p, k), core));
      sum += least;
    }
    return sum;
  }
  // Whether the rest of a unit finds links over spines with cores to spare, band by band.
  [[nodiscard]] bool rest_fits(const cut& c, int u, int r_items, std::vector<int> spare,
                               std::size_t band, int k, int left) const {
    std::vector<std::pair<int, int>> bands;
    for_each_band(c, [&](int r, int plane) { bands.emplace_back(r, plane); });
    if (band == bands.size()) return true;
    const auto [r, plane] = bands[band];
    if (left < 0) left = r_items * c.cards[static_cast<std::size_t>(r)];
    if (left == 0) return rest_fits(c, u, r_items, std::move(spare), band + 1, 0, -1);
    if (k == spines_of_pod()) return false;
    const int pod = dc.pods()->of(unit_id{u});
    const int most = std::min({left, spare[static_cast<std::size_t>(k)],
                               free.network().free_links(leaf(dc, u, r, plane), spine(pod, k))});
    for (int take = most; take >= 0; --take) {
      std::vector<int> rest = spare;
      rest[static_cast<std::size_t>(k)] -= take;
      if (rest_fits(c, u, r_items, std::move(rest), band, k + 1, left - take)) return true;
    }
    return false;
  }
  [[nodiscard]] bool over_pods(const cut& c) const {
    const int pods = dc.pods()->pods();
    for (int size : c.all_of_unit) {
      const int leafs = c.items / size, r = c.items % size;
      std::vector<int> whole(static_cast<std::size_t>(pods), 0);
      for (int u = 0; u < dc.units(); ++u)
        whole[static_cast<std::size_t>(dc.pods()->of(unit_id{u}))] += is_whole(c, u, size);
      for (int q = 1; q <= leafs; ++q) {
        const int full = leafs / q, small = leafs % q;
        if (full + (small > 0 || r > 0) < 2) continue;
        for (std::uint32_t set = 1; set < 1u << pods; ++set) {
          if (std::popcount(set) != full) continue;
          bool fits = true;
          for (int p = 0; p < pods; ++p)
            fits = fits && (!(set >> p & 1) || whole[static_cast<std::size_t>(p)] >= q);
          for (int k = 0; k < spines_of_pod(); ++k)
            fits = fits && core_common(set, k) >= q * weight(c, k);
          if (!fits) continue;
          if (small == 0 && r == 0) return true;
          for (int p = 0; p < pods; ++p) {
            if ((set >> p & 1) || whole[static_cast<std::size_t>(p)] < small) continue;
            std::vector<int> spare;
            for (int k = 0; k < spines_of_pod(); ++k)
              spare.push_back(core_common(set | 1u << p, k) - small * weight(c, k));
            if (*std::min_element(spare.begin(), spare.end()) < 0) continue;
            if (r == 0) return true;
            for (int u = 0; u < dc.units(); ++u)
              if (dc.pods()->of(unit_id{u}) == p && c.of_unit[static_cast<std::size_t>(u)] >= r &&
                  whole[static_cast<std::size_t>(p)] - is_whole(c, u, size) >= small &&
                  rest_fits(c, u, r, spare, 0, 0, -1))
                return true;
          }
        }
      }
    }
    return false;
  }

  [[nodiscard]] bool any(int n) const {
    for (domain_id d : dc.hosts().all_domains()) {
      int here = 0;
      for (server_id s : dc.hosts().servers_of(d)) here += free.free_gpus(s);
      if (here >= n) return true;
    }
    for (const cut& c : cuts(n)) {
      for (int p = 0; p < dc.pods()->pods(); ++p)
        if (in_pod(c, pod_set(p))) return true;
      if (dc.cores() > 0 && over_pods(c)) return true;
    }
    return false;
  }
};

// Any flows: from each rank to another, as many times as there are permutations.
struct permutations {
  std::vector<std::vector<traffic::flow>> phases;
  [[nodiscard]] std::size_t size() const { return phases.size(); }
  traffic::phase write(std::size_t k, std::vector<traffic::flow>& out) const {
    out = phases[k];
    return {.bytes = 1};
  }
};
permutations random_permutations(int ranks, test::dice& d, int count) {
  permutations p;
  for (; count > 0 && ranks > 1; --count) {
    std::vector<std::uint32_t> to;
    for (int i = 0; i < ranks; ++i) to.push_back(static_cast<std::uint32_t>(i));
    d.shuffle(to);
    p.phases.emplace_back();
    for (std::uint32_t i = 0; i < to.size(); ++i)
      if (to[i] != i) p.phases.back().push_back({i, to[i]});
    if (p.phases.back().empty()) p.phases.pop_back();
  }
  return p;
}

collective_set random_sends(test::dice& d) {
  constexpr collective_set all[] = {
      {collective::ring},
      {collective::tree},
      {collective::server_tree},
      nccl_collectives,
      {collective::all_gather},
      {collective::pipeline},
      {collective::none},
      {collective::all_to_all},
      {collective::ring, collective::pipeline},
      {collective::ring, collective::tree, collective::reduce_scatter}};
  return all[d.index(std::size(all))];
}
// In one pod, and neither two units nor all but one with as many GPUs.
bool is_unequal(const leaf_spine& dc, const placement& p) {
  if (p.links.empty() || !p.core_links.empty()) return false;
  std::vector<int> of_unit(static_cast<std::size_t>(dc.units()), 0);
  for (gpu_id g : p.gpus) ++of_unit[dc.unit_of(g).index()];
  std::erase(of_unit, 0);
  std::sort(of_unit.begin(), of_unit.end());
  return of_unit.size() > 2 && of_unit[1] != of_unit.back();
}

std::string isolation_of(const ledger& l, test::dice& d) {
  for (collective c : all_collectives) {
    const auto found = route::verify_isolated(
        l, [&](job_id j) { return j == newcomer ? c : collective::none; }, route::ecmp{});
    if (!found) return found.broken->message();
  }
  const auto found = route::verify_isolated(
      l,
      [&](job_id j, const traffic::group& ranks) {
        return random_permutations(j == newcomer ? ranks.size() : 0, d, 3);
      },
      route::ecmp{});
  return found ? "isolated" : "random permutations: " + found.broken->message();
}

void check_family(test::rail_family family, int states, int least) {
  vclos policy, narrow{.guarantee = place::isolated_for::declared};
  int placed = 0, over_pods = 0, no_links = 0, unequal = 0, declared = 0, more = 0, tapered = 0;
  for (std::uint64_t seed = 0; seed < static_cast<std::uint64_t>(states); ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc = test::random_rail_network(family, d);
    REQUIRE(dc.pods() != nullptr);
    const ledger free = test::random_rail_state(dc, d);
    if (free.free_gpus() == 0) continue;
    const int wanted = test::random_rail_request(dc, free.free_gpus(), d);
    CAPTURE(wanted);
    const by_force oracle{free};
    const answer a = policy(free, {newcomer, wanted});
    REQUIRE(a.proved);
    REQUIRE(static_cast<bool>(a) == oracle.any(wanted));

    const collective_set sends = random_sends(d);
    const answer b = narrow(free, {.job = newcomer, .gpus = wanted, .sends = sends});
    REQUIRE(b.proved);
    REQUIRE(static_cast<bool>(b) == (a || oracle.declared(wanted, sends)));
    more += b && !a;
    if (b && !b.where->enough_for.empty()) {
      ++declared;
      REQUIRE(b.where->enough_for == sends);
      ledger l = free;
      REQUIRE(l.reserve(newcomer, *b.where) == reserve_status::reserved);
      for (collective c : all_collectives)
        if (sends.contains(c)) {
          const auto found = route::verify_isolated(
              l, [&](job_id j) { return j == newcomer ? c : collective::none; }, route::ecmp{});
          INFO((found ? "isolated" : found.broken->message()));
          REQUIRE(found);
        }
    } else {
      REQUIRE(b.where == a.where);
    }
    // A cut that is too narrow is so on the empty network too.
    if (a.why == wait_reason::tapered) REQUIRE_FALSE(by_force{ledger{dc}}.any(wanted));
    if (b.why == wait_reason::tapered) {
      REQUIRE_FALSE(by_force{ledger{dc}}.any(wanted));
      REQUIRE_FALSE(by_force{ledger{dc}}.declared(wanted, sends));
    }
    tapered += a.why == wait_reason::tapered;
    if (!a) {
      no_links += a.why == wait_reason::network_fragmentation;
      continue;
    }
    ledger l = free;
    REQUIRE(a.where->gpus.size() == static_cast<std::size_t>(wanted));
    REQUIRE(l.reserve(newcomer, *a.where) == reserve_status::reserved);
    REQUIRE(l.consistent());
    REQUIRE(isolation_of(l, d) == "isolated");
    ++placed;
    over_pods += !a.where->core_links.empty();
    unequal += is_unequal(dc, *a.where);
  }
  const bool three = family == test::rail_family::pods || family == test::rail_family::both;
  CAPTURE(placed);
  CAPTURE(no_links);
  CAPTURE(unequal);
  CAPTURE(tapered);
  CAPTURE(declared);
  CAPTURE(more);
  CHECK(tapered > states / 300);
  CHECK(declared > states / 30);
  CHECK(more > states / 500);
  CHECK(placed > least);
  CHECK(unequal > (three ? 0 : states / 300));
  CHECK(no_links > states / 100);
  if (three) CHECK(over_pods > states / 100);
}

// HEDDLE_RAIL_OPERATIONS: how many.
void operate_at_random(test::rail_family family) {
  const char* told = std::getenv("HEDDLE_RAIL_OPERATIONS");
  const long all = told ? std::atol(told) : 2000;
  long done = 0, placed = 0;
  for (std::uint64_t seed = 0; done < all; ++seed) {
    CAPTURE(seed);
    test::dice d{seed + 77'000};
    const leaf_spine dc = test::random_rail_network(family, d);
    ledger l{dc};
    vclos policy{.guarantee = place::isolated_for::declared};
    std::vector<job_id> running;
    fabric::detail::draws parts{seed, "parts"};
    for (std::uint32_t step = 0; step < 200; ++step, ++done) {
      const job_id job{step};
      const double what = d.real();
      if (what < .5) {
        const int wanted = test::random_rail_request(dc, std::max(1, l.free_gpus()), d);
        const collective_set sends = d.chance(.5) ? random_sends(d) : collective_set{};
        const answer a =
            place::ask(policy, std::as_const(l), {.job = job, .gpus = wanted, .sends = sends});
        if (!a) continue;
        REQUIRE(l.reserve(job, *a.where) == reserve_status::reserved);
        running.push_back(job);
        ++placed;
        const collective_set sent =
            a.where->enough_for.empty()
                ? collective_set{collective::halving_doubling, collective::all_to_all}
                : a.where->enough_for.names;
        for (collective c : all_collectives) {
          if (!sent.contains(c)) continue;
          const auto found = route::verify_isolated(
              l, [&](job_id j) { return j == job ? c : collective::none; }, route::ecmp{});
          INFO((found ? "isolated" : found.broken->message()));
          REQUIRE(found);
        }
      } else if (what < .85 && !running.empty()) {
        const std::size_t k = d.index(running.size());
        l.release(running[k]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      } else {
        fabric::detail::with_random_part(dc, parts, [&](const auto& part) {
          // Jobs that it hits go, as their links are no longer there.
          if (d.chance(.4)) {
            for (job_id hit : l.fail(part)) {
              l.release(hit);
              std::erase(running, hit);
            }
          } else {
            l.repair(part);
          }
        });
      }
    }
    REQUIRE(l.consistent());
  }
  CHECK(placed > done / 20);
}

}  // namespace

TEST_CASE("vclos on rails places exactly when brute force finds a shape with a proof") {
  check_family(test::rail_family::rails, 3000, 900);
}
TEST_CASE("vclos on planes places exactly when brute force finds a shape with a proof") {
  check_family(test::rail_family::planes, 3000, 900);
}
TEST_CASE("vclos over pods places exactly when brute force finds a shape with a proof") {
  check_family(test::rail_family::pods, 3000, 900);
}
TEST_CASE("vclos on rails and planes over pods places exactly when brute force finds a shape") {
  check_family(test::rail_family::both, 3000, 900);
}

TEST_CASE("random operations on rails leave every job isolated and the books in order") {
  operate_at_random(test::rail_family::rails);
}
TEST_CASE("random operations on planes leave every job isolated and the books in order") {
  operate_at_random(test::rail_family::planes);
}
TEST_CASE("random operations over pods leave every job isolated and the books in order") {
  operate_at_random(test::rail_family::pods);
}
TEST_CASE("random operations on rails and planes over pods leave every job isolated and the books "
          "in order") {
  operate_at_random(test::rail_family::both);
}

TEST_CASE(
    "theorem W on rails: units of any sizes, over as many spines as what is declared is wide") {
  const fabric::ports where{fabric::hosts{3, 4, 8}, {.rails = 8}};
  const leaf_spine dc{fabric::clos_parts{.ports = where, .up = fabric::tier_links{24, 4, 1}}};
  fabric::ledger l{dc};
  // Of units of four servers 3, 2 and 1 stay free: too few for equal units.
  std::vector<gpu_id> used;
  for (int s : {0, 4, 5, 8, 9, 10})
    for (int k = 0; k < 8; ++k) used.push_back(gpu_id{8 * s + k});
  REQUIRE(l.reserve(job_id{1}, {used}) == reserve_status::reserved);
  vclos even{.unequal = false}, any, declared{.guarantee = place::isolated_for::declared};
  const auto links = [&](vclos& policy, collective c) -> int {
    const answer a = policy(l, {.job = newcomer, .gpus = 48, .sends = {c}});
    if (!a) return -1;
    ledger after = l;
    REQUIRE(after.reserve(newcomer, *a.where) == reserve_status::reserved);
    REQUIRE(route::verify_isolated(
        after, [&](job_id j) { return j == newcomer ? c : collective::none; }, route::ecmp{}));
    return static_cast<int>(a.where->links.size());
  };
  CHECK(links(even, collective::ring) == -1);
  CHECK(links(any, collective::ring) ==
        3 * 8 * 3 - 8 * 2);  // the last unit's one server needs one of three
  CHECK(links(declared, collective::ring) == 3 * 8);
  CHECK(links(declared, collective::all_gather) == 3);
  CHECK(links(declared, collective::pipeline) == 3 * 2);
  CHECK(links(declared, collective::all_to_all) == links(any, collective::all_to_all));
}
