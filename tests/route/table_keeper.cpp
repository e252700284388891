#include <heddle/route/table_keeper.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/ledger.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"
#include "support/walked_tables.hpp"

using namespace heddle;
using fabric::leaf_spine;
using test::walked_job;

namespace {

const std::vector<collective> all_of_theorem_d{
    collective::ring,      collective::halving_doubling,       collective::all_to_all,
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
      if (((m * n) & (m * n - 1)) != 0)
        std::erase(what, collective::halving_doubling);
      network net{leaf_spine{{.leafs = m, .spines = n, .servers_per_leaf = n, .gpus_per_server = 1}}};
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
      network net{leaf_spine{{.leafs = 2, .spines = b, .servers_per_leaf = a, .gpus_per_server = 1}}};
      const walked_job j =
          job_on(net.dc, 1, under(net.dc, {a, b}, {first(b), first(b)}), all_of_theorem_d);
      CHECK(j.routes.method == route::destination_method::slots);
      REQUIRE(net.keeper.arrive(net.dc, net.placed(j)));
      CHECK(net.broken({&j}) == "");
    }
}
