#include <heddle/route/table_keeper.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/bring_tables.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/route/carry_most.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"
#include "support/walked_tables.hpp"

using namespace heddle;
using fabric::leaf_spine;
using test::walked_job;

namespace {

const std::vector<collective> all_of_theorem_d{
    collective::ring,      collective::halving_doubling,        collective::all_to_all,
    collective::broadcast, collective::hierarchical_all_to_all, collective::pipeline};

walked_job job_on(const leaf_spine& dc, std::uint32_t id, fabric::placement where,
                  const std::vector<collective>& what, const route::destination_options& o = {}) {
  walked_job j{job_id{id}, std::move(where), {}, {}, {}};
  j.ranks = traffic::make_group(dc, j.where.gpus);
  for (collective c : what) j.sources.push_back(traffic::source_of(c, j.ranks, 1));
  j.routes = route::by_destination(dc, j.where, j.ranks, j.sources, o);
  return j;
}

// GPUs under some leafs, links to spines, a list for each leaf.
fabric::placement under(const leaf_spine& dc, const std::vector<int>& gpus,
                        const std::vector<std::vector<int>>& spines) {
  fabric::placement p;
  for (std::size_t l = 0; l < gpus.size(); ++l) {
    for (int i = 0; i < gpus[l]; ++i)
      p.gpus.push_back(gpu_id{static_cast<int>(l) * dc.gpus_per_leaf() + i});
    for (int s : spines[l]) p.links.push_back({leaf_id{static_cast<int>(l)}, spine_id{s}, 0});
  }
  return p;
}
std::vector<int> first(int n) {
  std::vector<int> out;
  for (int i = 0; i < n; ++i) out.push_back(i);
  return out;
}

struct network {
  leaf_spine dc;
  fabric::switch_ports wires;
  test::plain_addresses lids;
  route::table_keeper keeper;

  explicit network(const leaf_spine& net, std::uint32_t count = 1)
      : dc(net), wires(fabric::ports_in_order(dc, dc.gpus_per_leaf())), lids(dc, wires, count),
        keeper(wires, test::turn_tables(wires, lids.ends), lids.ends) {}
  [[nodiscard]] route::placed_routes placed(const walked_job& j) const {
    return {j.id, j.where, j.routes, lids.of_card, dc.planes()};
  }
  [[nodiscard]] std::string broken(const std::vector<const walked_job*>& jobs) const {
    return test::broken_isolation(dc, keeper.wires(), keeper.tables(), lids, jobs);
  }
};

}  // namespace

TEST_CASE("one LID a destination carries six collectives at once on equal leafs") {
  for (int m = 2; m <= 5; ++m)
    for (int n : {1, 2, 4, 8}) {
      if ((m & (m - 1)) != 0 && n > 4) continue;
      CAPTURE(m);
      CAPTURE(n);
      // Halving-doubling of other numbers of ranks is not among the collectives of theorem D.
      std::vector<collective> what = all_of_theorem_d;
      if (((m * n) & (m * n - 1)) != 0) std::erase(what, collective::halving_doubling);
      network net{
          leaf_spine{{.leafs = m, .spines = n, .servers_per_leaf = n, .gpus_per_server = 1}}};
      const walked_job j =
          job_on(net.dc, 1,
                 under(net.dc, std::vector<int>(static_cast<std::size_t>(m), n),
                       std::vector<std::vector<int>>(static_cast<std::size_t>(m), first(n))),
                 what);
      CHECK(j.routes.method == route::destination_method::slots);
      CHECK(j.routes.lids == 1);
      REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
      CHECK(net.broken({&j}) == "");
    }
}

TEST_CASE("one LID a destination carries any number of ranks on two leafs of which one is larger") {
  for (int a = 2; a <= 8; ++a)
    for (int b = 1; b < a; ++b) {
      CAPTURE(a);
      CAPTURE(b);
      network net{
          leaf_spine{{.leafs = 2, .spines = b, .servers_per_leaf = a, .gpus_per_server = 1}}};
      const walked_job j =
          job_on(net.dc, 1, under(net.dc, {a, b}, {first(b), first(b)}), all_of_theorem_d);
      CHECK(j.routes.method == route::destination_method::slots);
      REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
      CHECK(net.broken({&j}) == "");
    }
}

TEST_CASE("phases that the shift theorem leaves out have no two flows on a link") {
  // Jobs of all sizes on networks of all kinds: what is left out is counted here, link by link.
  const std::vector<leaf_spine> networks{
      leaf_spine{{.leafs = 4, .spines = 4, .servers_per_leaf = 4, .gpus_per_server = 1}},
      leaf_spine{{.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 2}},
      leaf_spine{fabric::clos_parts{.ports = fabric::ports{fabric::hosts{4, 4, 4}, {.rails = 4}},
                                    .up = fabric::tier_links{16, 2, 2}}},
      leaf_spine{fabric::clos_parts{.ports = fabric::ports{fabric::hosts{4, 4, 4}, {.rails = 2}},
                                    .up = fabric::tier_links{8, 8, 1}}},
      leaf_spine{fabric::clos_parts{
          .ports = fabric::ports{fabric::hosts{4, 4, 2},
                                 {.rails = 1, .planes = 2, .cards_per_server = 1}},
          .up = fabric::tier_links{8, 4, 1}}}};
  std::size_t left_out = 0, counted = 0;
  for (const leaf_spine& dc : networks)
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      CAPTURE(seed);
      test::dice d{seed};
      fabric::ledger<leaf_spine> state{dc};
      place::vclos policy;
      for (std::uint32_t i = 0; i < 3; ++i) {
        const int g = dc.gpus_per_server(),
                  gpus = d.chance(.8) ? g * d.between(1, 10) : d.between(1, 9);
        const auto found = policy(state, place::request{.job = job_id{i}, .gpus = gpus});
        if (!found.where || !found.where->owns_network()) continue;
        fabric::placement where = *found.where;
        if (d.chance(.1)) d.shuffle(where.gpus);
        const traffic::group ranks = traffic::make_group(dc, where.gpus);
        const route::detail::own_links own{dc, where};
        const route::link_numbers numbers{dc};
        const route::detail::destination_slots slots{dc, own, numbers, ranks};
        const route::detail::shift_theorem proved{dc, ranks, own, slots};
        std::vector<traffic::any_source> sources;
        for (collective c : all_of_theorem_d) sources.push_back(traffic::source_of(c, ranks, 1));
        bool left = false;
        (void)route::detail::for_each_card_phase(
            ranks, {sources}, [&](leaf_id l) { return own.in_plane(l); },
            [&](std::span<const route::detail::card_flow> flows, int) {
              ++counted;
              if (!left) return true;
              std::map<std::uint32_t, int> load;
              for (const auto& f : flows) {
                const auto way = slots(f.from, f.to, f.target);
                REQUIRE(way.count == 2);
                for (int k = 0; k < 2; ++k) REQUIRE(++load[way.link[k]] == 1);
              }
              return true;
            },
            [&](std::span<const traffic::flow> phase) {
              left = proved.covers(phase);
              left_out += left;
              return false;
            });
        if (d.chance(.5)) (void)state.reserve(job_id{i}, where);
      }
    }
  CHECK(left_out > 1000);
  CHECK(counted > left_out + 500);
}

TEST_CASE("equal leafs and a smaller one carry all shifts by one LID, if it divides them or they "
          "are two") {
  int shapes = 0;
  for (int full = 2; full <= 4; ++full)
    for (int n = 2; n <= 8; ++n)
      for (int c = 1; c < n; ++c) {
        if (full > 2 && n % c != 0) continue;
        const int at = (full + n + c) % (full + 1);  // where the smaller one stands
        CAPTURE(full);
        CAPTURE(n);
        CAPTURE(c);
        std::vector<int> gpus(static_cast<std::size_t>(full) + 1, n);
        gpus[static_cast<std::size_t>(at)] = c;
        std::vector<std::vector<int>> spines;
        for (int g : gpus) spines.push_back(first(g));
        for (int& s : spines[static_cast<std::size_t>(at)]) s = n - 1 - s;  // the last ones
        network net{leaf_spine{
            {.leafs = full + 1, .spines = n, .servers_per_leaf = n, .gpus_per_server = 1}}};
        const walked_job j =
            job_on(net.dc, 1, under(net.dc, gpus, spines),
                   {collective::all_to_all, collective::ring, collective::pipeline});
        CHECK(j.routes.method == route::destination_method::slots);
        CHECK(j.routes.lids == 1);
        REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
        CHECK(net.broken({&j}) == "");
        ++shapes;
      }
  CHECK(shapes > 50);
}

TEST_CASE(
    "equal leafs and a smaller one that does not divide them carry an all-to-all by two LIDs") {
  for (int full = 3; full <= 5; ++full)
    for (int n = 3; n <= 7; ++n)
      for (int c = 2; c < n; ++c) {
        if (n % c == 0) continue;
        CAPTURE(full);
        CAPTURE(n);
        CAPTURE(c);
        std::vector<int> gpus(static_cast<std::size_t>(full) + 1, n);
        gpus[static_cast<std::size_t>((n + c) % (full + 1))] = c;
        std::vector<std::vector<int>> spines;
        for (int g : gpus) spines.push_back(first(g));
        network net{
            leaf_spine{
                {.leafs = full + 1, .spines = n, .servers_per_leaf = n, .gpus_per_server = 1}},
            2};
        const walked_job j =
            job_on(net.dc, 1, under(net.dc, gpus, spines), {collective::all_to_all}, {.budget = 0});
        CHECK(j.routes.method == route::destination_method::slots);
        CHECK(j.routes.lids == 2);
        REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
        CHECK(net.broken({&j}) == "");
      }
}

TEST_CASE("where two links join a leaf and a spine no card is reached over both by one LID") {
  int shapes = 0, by_one = 0, by_two = 0;
  for (int full = 2; full <= 4; ++full)
    for (int spines = 1; spines <= 5; ++spines)
      for (int c = 1; c < 2 * spines; ++c) {
        CAPTURE(full);
        CAPTURE(spines);
        CAPTURE(c);
        const int n = 2 * spines, at = (n + c) % (full + 1);
        network net{leaf_spine{{.leafs = full + 1,
                                .spines = spines,
                                .links_per_pair = 2,
                                .servers_per_leaf = n,
                                .gpus_per_server = 1}},
                    2};
        fabric::placement where;
        for (int l = 0; l <= full; ++l)
          for (int i = 0; i < (l == at ? c : n); ++i) {
            where.gpus.push_back(gpu_id{l * n + i});
            where.links.push_back({leaf_id{l}, spine_id{i / 2}, static_cast<std::uint32_t>(i % 2)});
          }
        const walked_job j = job_on(net.dc, 1, where, {collective::all_to_all}, {.budget = 0});
        ++shapes;
        if (j.routes.method != route::destination_method::slots) {
          CHECK(full > 2);
          continue;
        }
        by_one += j.routes.lids == 1;
        by_two += j.routes.lids == 2;
        REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
        CHECK(net.broken({&j}) == "");
      }
  CHECK(by_one + by_two > shapes / 2);
  CHECK(by_one > 10);
  CHECK(by_two > 10);
}

TEST_CASE("collectives that are said to send shifts alone do") {
  const leaf_spine dc{{.leafs = 3, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (int gpus = 2; gpus <= 24; ++gpus) {
    std::vector<gpu_id> all;
    for (int g = 0; g < gpus; ++g) all.push_back(gpu_id{g});
    const traffic::group ranks = traffic::make_group(dc, all);
    for (collective c : route::every_collective) {
      if (!route::sends_shifts_alone(c)) continue;
      const traffic::any_source source = traffic::source_of(c, ranks, 1);
      std::vector<traffic::flow> flows;
      for (std::size_t k = 0; k < source.size(); ++k) {
        (void)source.write(k, flows);
        REQUIRE(flows.size() == all.size());
        for (const traffic::flow& f : flows)
          REQUIRE((f.target + all.size() - f.source) % all.size() == flows.front().target);
      }
    }
  }
}

TEST_CASE("exact colouring finds one LID a destination on shapes with a remainder, or proves that "
          "there is none") {
  struct shape {
    std::vector<int> gpus, spines;
    collective what;
    int lids;
  };
  // The last leaf has fewer ranks, and links to as many of the others' spines.
  for (const shape& s : {shape{{3, 3, 1}, {3, 3, 1}, collective::all_to_all, 1},
                         shape{{2, 2, 1}, {2, 2, 1}, collective::halving_doubling, 1},
                         shape{{4, 4, 2}, {4, 4, 2}, collective::all_to_all, 1},
                         shape{{5, 5, 2}, {5, 5, 2}, collective::all_to_all, 1},
                         shape{{3, 3, 3}, {3, 3, 3}, collective::halving_doubling, 1},
                         shape{{3, 3, 3, 2}, {3, 3, 3, 2}, collective::all_to_all, 2},
                         shape{{4, 4, 4, 3}, {4, 4, 4, 3}, collective::all_to_all, 2},
                         shape{{3, 2}, {2, 2}, collective::tree, 1}}) {
    CAPTURE(s.gpus.size());
    CAPTURE(s.gpus[0]);
    std::vector<std::vector<int>> spines;
    for (int n : s.spines) spines.push_back(first(n));
    network net{leaf_spine{{.leafs = static_cast<int>(s.gpus.size()),
                            .spines = s.spines[0],
                            .servers_per_leaf = s.gpus[0],
                            .gpus_per_server = 1}},
                static_cast<std::uint32_t>(s.lids)};
    const walked_job j = job_on(net.dc, 1, under(net.dc, s.gpus, spines), {s.what});
    CHECK(j.routes.complete);
    CHECK(j.routes.least);
    CHECK(j.routes.lids == s.lids);
    REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
    CHECK(net.broken({&j}) == "");
  }
}

TEST_CASE("a search for links by destination agrees with trying everything") {
  // Flows of two phases between three leafs, at random; every assignment of a spine to a leaf and
  // destination is tried.
  int found = 0, none = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    route::detail::destination_search search;
    const std::uint32_t spines = static_cast<std::uint32_t>(d.between(1, 3));
    search.allowed = {1, 1, 1};
    search.links = 2 * 3 * spines;
    search.spines = spines;
    search.destinations = 6;
    const auto link = [&](std::uint32_t leaf, std::uint32_t s, bool up) {
      return (leaf * spines + s) * 2 + (up ? 0 : 1);
    };
    const int callers = d.between(2, 7);
    for (std::uint32_t c = 0; c < static_cast<std::uint32_t>(callers); ++c) {
      const auto to = static_cast<std::uint32_t>(d.between(0, 5));  // two a leaf
      const std::uint32_t leaf = (to / 2 + static_cast<std::uint32_t>(d.between(1, 2))) % 3;
      route::detail::destination_search::caller one{
          .leaf = leaf,
          .to_leaf = to / 2,
          .destination = to,
          .group = c,
          .first_way = static_cast<std::uint32_t>(search.ways.size()),
          .ways = spines};
      for (std::uint32_t p = 0; p < 3; ++p)
        if (d.chance(.6)) one.calls.push_back({p, 1});
      if (one.calls.empty()) one.calls.push_back({0, 1});
      for (std::uint32_t s = 0; s < spines; ++s)
        search.ways.push_back({link(leaf, s, true), link(to / 2, s, false), s});
      search.callers.push_back(one);
    }
    search.groups = static_cast<std::uint32_t>(callers);
    bool possible = false;
    std::vector<std::uint32_t> spine(static_cast<std::size_t>(callers), 0);
    for (bool more = true; more && !possible;) {
      std::map<std::pair<std::uint32_t, std::uint32_t>, int> load;
      possible = true;
      for (std::size_t c = 0; c < spine.size(); ++c)
        for (const auto& call : search.callers[c].calls) {
          const auto& way = search.ways[search.callers[c].first_way + spine[c]];
          possible =
              possible && ++load[{call.phase, way.up}] <= 1 && ++load[{call.phase, way.down}] <= 1;
        }
      more = false;
      for (std::uint32_t& s : spine) {
        if (++s < spines) {
          more = true;
          break;
        }
        s = 0;
      }
    }
    using answer = route::detail::destination_search::answer;
    std::size_t budget = 1'000'000;
    CHECK(search(1, budget) == (possible ? answer::found : answer::none));
    possible ? ++found : ++none;
  }
  CHECK(found > 30);
  CHECK(none > 30);
}

TEST_CASE("a job that needs two LIDs a destination is carried out with two and refused with one") {
  // Four leafs of two ranks with two spines: flows of one source meet others of every slot.
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    test::dice d{seed};
    const leaf_spine dc{{.leafs = 3, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 1}};
    struct permutations {
      std::vector<std::vector<traffic::flow>> phases;
      [[nodiscard]] std::size_t size() const { return phases.size(); }
      traffic::phase write(std::size_t k, std::vector<traffic::flow>& out) const {
        out = phases[k];
        return {1, 1};
      }
    };
    permutations p;
    for (int k = 0; k < 6; ++k) {
      std::vector<std::uint32_t> to{0, 1, 2, 3, 4, 5};
      d.shuffle(to);
      p.phases.emplace_back();
      for (std::uint32_t i = 0; i < 6; ++i)
        if (to[i] != i) p.phases.back().push_back({i, to[i]});
    }
    network two{dc, 2}, one{dc, 1};
    walked_job j{job_id{1}, under(dc, {2, 2, 2}, {{0, 1}, {0, 1}, {0, 1}}), {}, {}, {}};
    j.ranks = traffic::make_group(dc, j.where.gpus);
    j.sources = {traffic::any_source{p}};
    j.routes = route::by_destination(dc, j.where, j.ranks, j.sources);
    if (!j.routes.complete || j.routes.lids != 2) continue;
    CAPTURE(seed);
    REQUIRE(two.keeper.arrive(dc, two.placed(j)));
    CHECK(two.broken({&j}) == "");
    const route::table_update u = one.keeper.arrive(dc, one.placed(j));
    CHECK(u.refused.find("not enforceable by destination: a card needs 2 LIDs") == 0);
    CHECK(one.keeper.tables() == test::turn_tables(one.wires, one.lids.ends));
    return;
  }
  FAIL("no job needed two LIDs");
}

TEST_CASE("jobs that come and go keep their links, and the entries of others do not change") {
  struct one_network {
    leaf_spine dc;
    int most;  // servers of a job
  };
  const std::vector<one_network> networks{
      {leaf_spine{{.leafs = 6, .spines = 4, .servers_per_leaf = 4, .gpus_per_server = 1}}, 12},
      {leaf_spine{fabric::clos_parts{.ports = fabric::ports{fabric::hosts{4, 4, 4}, {.rails = 4}},
                                     .up = fabric::tier_links{16, 2, 2}}},
       8},
      {leaf_spine{
           fabric::clos_parts{// each rail has spines of its own
                              .ports = fabric::ports{fabric::hosts{3, 2, 2}, {.rails = 2}},
                              .up = fabric::tier_links{6, 4, {1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0,
                                                              0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1}}}},
       6},
      {leaf_spine{fabric::clos_parts{
           .ports = fabric::ports{fabric::hosts{4, 4, 2},
                                  {.rails = 1, .planes = 2, .cards_per_server = 1}},
           .up = fabric::tier_links{8, 4, 1}}},
       8}};
  for (std::size_t n = 0; n < networks.size(); ++n)
    for (std::uint64_t seed = 0; seed < 3; ++seed) {
      CAPTURE(n);
      CAPTURE(seed);
      test::dice d{seed};
      network net{networks[n].dc};
      const int g = net.dc.gpus_per_server();
      fabric::ledger<leaf_spine> state{net.dc};
      place::vclos policy;
      std::vector<std::unique_ptr<walked_job>> running;
      int isolated = 0;
      for (std::uint32_t step = 0; step < 24; ++step) {
        const fabric::forwarding before = net.keeper.tables();
        std::vector<std::uint32_t> moved;
        if (!running.empty() && d.chance(.4)) {
          const std::size_t k = d.index(running.size());
          REQUIRE(state.release(running[k]->id));
          if (running[k]->where.owns_network()) REQUIRE(net.keeper.depart(running[k]->id));
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
        } else {
          const job_id id{step + 1};
          const auto answer =
              policy(state, place::request{.job = id, .gpus = g * d.between(1, networks[n].most)});
          if (!answer.where) continue;
          REQUIRE(state.reserve(id, *answer.where) == fabric::reserve_status::reserved);
          auto j = std::make_unique<walked_job>(
              job_on(net.dc, step + 1, *answer.where, {collective::ring, collective::all_to_all}));
          if (j->where.owns_network()) {
            REQUIRE(j->routes.complete);
            if (j->routes.lids > 1) {  // of remainder shapes some
              REQUIRE(state.release(id));
              continue;
            }
            ++isolated;
            const route::table_update u = net.keeper.arrive(net.dc, net.placed(*j));
            REQUIRE_MESSAGE(u, u.refused);
          }
          running.push_back(std::move(j));
        }
        // Entries towards cards of jobs that ran before and still run are as they were.
        std::vector<const walked_job*> own;
        for (const auto& j : running) {
          if (!j->where.owns_network()) continue;
          own.push_back(j.get());
          if (j->id.value == step + 1) continue;
          for (gpu_id x : j->where.gpus)
            for (int p = 0; p < net.dc.planes(); ++p) {
              const std::uint32_t lid =
                  net.lids
                      .of_card[x.index() * static_cast<std::size_t>(net.dc.planes()) +
                               static_cast<std::size_t>(p)]
                      .first;
              for (std::uint32_t s = 0; s < net.wires.size(); ++s)
                REQUIRE(before.port(s, lid) == net.keeper.tables().port(s, lid));
            }
        }
        REQUIRE(net.broken(own) == "");
        REQUIRE(net.keeper.faults().empty());
        // What else goes over owned links had nothing better: no leaf with a way of nobody's is among them.
        for (const auto& x : net.keeper.intruders([](std::uint32_t, job_id) { return true; })) {
          bool free_way = false;
          const fabric::port_end end = net.lids.ends[x.lid];
          net.wires.for_each_up(x.from, [&](std::uint8_t port, std::uint32_t upper) {
            if (net.keeper.owner({x.from, port}).valid()) return;
            net.wires.for_each_up(end.at, [&](std::uint8_t below, std::uint32_t top) {
              free_way |=
                  top == upper && !net.keeper.owner(net.wires.peer({end.at, below})).valid();
            });
          });
          bool of_running = false;
          for (const auto* j : own)
            for (gpu_id y : j->where.gpus)
              for (int p = 0; p < net.dc.planes(); ++p)
                of_running |= net.lids
                                  .of_card[y.index() * static_cast<std::size_t>(net.dc.planes()) +
                                           static_cast<std::size_t>(p)]
                                  .first == x.lid;
          CHECK((of_running || !free_way));
        }
      }
      CHECK(isolated > 0);
    }
}

TEST_CASE(
    "a leaf that is cut off is in nobody's way, and its hosts are reached again when it is back") {
  network net{leaf_spine{{.leafs = 5, .spines = 4, .servers_per_leaf = 4, .gpus_per_server = 1}}};
  const walked_job one = job_on(net.dc, 1, under(net.dc, {2, 2}, {{2, 3}, {2, 3}}),
                                {collective::all_to_all}),
                   two = job_on(net.dc, 2,
                                under(net.dc, {0, 0, 2, 0, 2}, {{}, {}, {0, 1}, {}, {0, 1}}),
                                {collective::all_to_all});
  std::vector<fabric::port_end> lost;
  net.wires.for_each_up(3, [&](std::uint8_t port, std::uint32_t) { lost.push_back({3, port}); });
  // Tables of one look are those in force at the next; who came before stays.
  fabric::forwarding tables = net.keeper.tables();
  const auto bring = [&](const std::vector<const walked_job*>& jobs, bool cut) {
    const std::span<const fabric::port_end> gone{lost.data(), cut ? lost.size() : 0};
    REQUIRE(route::lasting_faults(net.wires, tables, net.lids.ends, gone).empty());
    net.keeper = route::table_keeper{net.wires, tables, net.lids.ends};
    std::vector<route::placed_routes> placed;
    for (const walked_job* j : jobs) placed.push_back(net.placed(*j));
    for (const route::brought_job& b : route::bring_tables(net.dc, net.keeper, placed, gone))
      REQUIRE(b);
    tables = net.keeper.tables();
    CHECK(net.broken(jobs) == "");
  };
  bring({&one}, true);
  CHECK(net.keeper.intruders([](std::uint32_t, job_id) { return true; }).empty());
  for (int g = 12; g < 16; ++g)
    for (std::uint32_t s = 0; s < net.wires.size(); ++s)
      if (s != 3)
        REQUIRE(tables.port(s, net.lids.of_card[static_cast<std::size_t>(g)].first) ==
                fabric::forwarding::none);
  bring({&one, &two}, true);
  bring({&two}, false);
  CHECK(net.keeper.faults().empty());
}

TEST_CASE("a lost cable is left by all who used it, and its owner is told") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    network net{leaf_spine{{.leafs = 4, .spines = 3, .servers_per_leaf = 4, .gpus_per_server = 1}}};
    const walked_job a =
        job_on(net.dc, 1,
               {.gpus = {gpu_id{0}, gpu_id{4}},
                .links = {{leaf_id{0}, spine_id{0}, 0}, {leaf_id{1}, spine_id{0}, 0}}},
               {collective::ring});
    const walked_job b =
        job_on(net.dc, 2,
               {.gpus = {gpu_id{9}, gpu_id{13}},
                .links = {{leaf_id{2}, spine_id{1}, 0}, {leaf_id{3}, spine_id{1}, 0}}},
               {collective::ring});
    REQUIRE(net.keeper.arrive(net.dc, net.placed(a)));
    REQUIRE(net.keeper.arrive(net.dc, net.placed(b)));
    const auto cut = *net.wires.up(static_cast<std::uint32_t>(d.between(0, 3)),
                                   4 + static_cast<std::uint32_t>(d.between(0, 2)), 0);
    const job_id owner = net.keeper.owner(cut);
    const route::table_update u = net.keeper.cut(cut);
    REQUIRE_MESSAGE(u, u.refused);
    CHECK(u.broken == (owner.valid() ? std::vector{owner} : std::vector<job_id>{}));
    CHECK(net.keeper.faults().empty());
    std::vector<const walked_job*> whole;
    if (owner != a.id) whole.push_back(&a);
    if (owner != b.id) whole.push_back(&b);
    CHECK(net.broken(whole) == "");
  }
}

TEST_CASE(
    "faults of tables are found: no entry, a dead port, a wrong host, a turn up again, a ring") {
  using kind = fabric::forwarding_fault::kind;
  const network net{
      leaf_spine{{.leafs = 3, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 1}}};
  const std::uint32_t lid = 1;  // GPU 0, under leaf 0
  const fabric::port_end end = net.lids.ends[lid];
  const auto fault_with = [&](std::initializer_list<fabric::port_end> entries) {
    fabric::forwarding t = test::turn_tables(net.wires, net.lids.ends);
    REQUIRE_FALSE(fabric::first_fault(net.wires, t, lid, end));
    for (const fabric::port_end& at : entries) t.set(at.at, lid, at.port);
    const auto fault = fabric::first_fault(net.wires, t, lid, end);
    REQUIRE(fault);
    CHECK(fault->message().find("LID 1 from switch") == 0);
    return fault->what;
  };
  CHECK(fault_with({{1, 255}}) == kind::no_entry);
  CHECK(fault_with({{1, 77}}) == kind::missing_port);
  CHECK(fault_with({{0, 2}}) == kind::wrong_end);
  // Leaf 1 goes to spine 0, which goes down to leaf 2, which goes up to spine 1.
  CHECK(fault_with({{1, 3}, {3, 3}, {2, 4}, {4, 1}}) == kind::up_after_down);
}

TEST_CASE(
    "whoever brings jobs anew into the tables in force changes no row of those that these carry") {
  const leaf_spine dc{
      fabric::clos_parts{.ports = fabric::ports{fabric::hosts{4, 4, 4}, {.rails = 4}},
                         .up = fabric::tier_links{16, 4, 2}}};
  int arrived = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    network net{dc};
    fabric::forwarding tables = net.keeper.tables();
    fabric::ledger<leaf_spine> state{dc};
    place::vclos policy;
    std::vector<std::unique_ptr<walked_job>> running;
    for (std::uint32_t step = 1; step < 20; ++step) {
      if (!running.empty() && d.chance(.4)) {
        const std::size_t k = d.index(running.size());
        REQUIRE(state.release(running[k]->id));
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      } else {
        const auto found =
            policy(state, place::request{.job = job_id{step}, .gpus = 4 * d.between(2, 8)});
        if (!found.where || !found.where->owns_network()) continue;
        auto j = std::make_unique<walked_job>(walked_job{
            job_id{step}, *found.where, traffic::make_group(dc, found.where->gpus), {}, {}});
        route::carried_routes most = route::carry_most(dc, j->where, j->ranks, {});
        if (!most.routes.complete) continue;
        REQUIRE(most.routes.lids == 1);
        REQUIRE(most.sources.size() == most.also.size());
        j->routes = std::move(most.routes);
        j->sources = std::move(most.sources);
        REQUIRE(state.reserve(j->id, j->where) == fabric::reserve_status::reserved);
        running.push_back(std::move(j));
        ++arrived;
      }
      std::vector<route::placed_routes> placed;
      std::vector<const walked_job*> own;
      for (const auto& j : running) {
        placed.push_back(net.placed(*j));
        own.push_back(j.get());
      }
      route::table_keeper keeper{net.wires, tables, net.lids.ends};
      for (const route::brought_job& b : route::bring_tables(dc, keeper, placed)) REQUIRE(b);
      for (const walked_job* j : own)
        for (gpu_id g : j->where.gpus)
          for (std::uint32_t s = 0; s < net.wires.size() && j->id.value != step; ++s) {
            const std::uint32_t lid = net.lids.of_card[g.index()].first;
            REQUIRE(tables.port(s, lid) == keeper.tables().port(s, lid));
          }
      tables = keeper.tables();
      CHECK(test::broken_isolation(dc, net.wires, tables, net.lids, own) == "");
    }
  }
  CHECK(arrived > 30);
}
