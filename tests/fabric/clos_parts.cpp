// Networks that no shape says: rails, planes, NVLink domains, GPU types, tapered links, cores.
#include <heddle/fabric/leaf_spine.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/graph.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::clos_parts;
using fabric::hosts;
using fabric::leaf_spine;
using fabric::ledger;
using fabric::ports;
using fabric::reserve_status;
using fabric::tier_links;

namespace {

std::string refusal(const clos_parts& parts) {
  return test::refusal_of([&] { return leaf_spine{parts}; });
}

// Two scalable units of 4 servers in 8 rails, 8 spines; trays of 2 servers share NVLink.
clos_parts superpod() {
  const ports where{hosts{2, 4, 8, 2}, {.rails = 8}};
  return {.ports = where, .up = tier_links{where.leafs(), 8, 1}, .link_gbps = 400};
}

// The number of edges between two vertices of a fabric's graph, and their capacity.
std::pair<int, double> edges_between(const fabric::graph& g, std::size_t a, std::size_t b) {
  int n = 0;
  double gbps = 0;
  for (auto [e, end] = out_edges(a, g); e != end; ++e)
    if (target(*e, g) == b) {
      ++n;
      gbps += g[*e].capacity_gbps;
    }
  return {n, gbps};
}

}  // namespace

TEST_CASE("a railed network is counted and numbered by its parts") {
  const leaf_spine dc{superpod()};
  CHECK(dc.gpus() == 64);
  CHECK(dc.servers() == 8);
  CHECK(dc.units() == 2);
  CHECK(dc.leafs() == 16);
  CHECK(dc.spines() == 8);
  CHECK(dc.cores() == 0);
  CHECK(dc.tiers() == 2);
  CHECK(dc.switches() == 24);
  CHECK(dc.equipment() == fabric::equipment{.switches = 24});
  CHECK(dc.links() == 128);
  CHECK(dc.uplinks() == 8);
  CHECK(dc.is_regular());
  CHECK(dc.gpus_per_leaf() == 4);
  CHECK(dc.rails() == 8);
  CHECK(dc.planes() == 1);
  CHECK_FALSE(dc.whole_servers());
  CHECK(dc.hosts().domains() == 4);
  CHECK(dc.link_gbps() == 400);
  CHECK(dc.shape().leafs == 16);
  CHECK(dc.shape().servers_per_leaf == 4);
  CHECK(dc.leaf_of(gpu_id{35}) == leaf_id{11});  // unit 1, rail 3
  CHECK(dc == leaf_spine{superpod()});
  clos_parts whole = superpod();
  whole.ports = ports{hosts{16, 1, 4}};
  CHECK(dc != leaf_spine{whole});
}

TEST_CASE("the parts of a shape make the same network as the shape") {
  const leaf_spine a{
      {.leafs = 3, .spines = 2, .links_per_pair = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const leaf_spine b{clos_parts{.ports = ports{hosts{3, 2, 4}}, .up = tier_links{3, 2, 2}}};
  CHECK(a == b);
  CHECK(a.shape() == b.shape());
}

TEST_CASE("servers of a network can have GPUs of several types and share NVLink") {
  std::vector<std::vector<fabric::host>> units(2);
  for (std::uint16_t i = 0; i < 4; ++i) units[0].push_back({.gpus = 4, .joins = i > 0, .type = 1});
  units[1].push_back({.gpus = 8});
  const leaf_spine dc{clos_parts{.ports = ports{hosts{units}}, .up = tier_links{2, 3, 1}}};
  CHECK(dc.hosts().domains() == 2);
  CHECK(dc.hosts().servers_of(domain_id{0}).size() == 4);
  for (server_id s : dc.all_servers()) CHECK(dc.hosts().type_of(s) == (s.value < 4 ? 1 : 0));
  CHECK(ledger{dc}.free_gpus() == 24);
}

TEST_CASE("cores make a third tier with links of their own") {
  clos_parts parts = superpod();
  std::vector<int> counts;
  for (int s = 0; s < 8; ++s)
    for (int c = 0; c < 4; ++c) counts.push_back(s % 4 == c ? 3 : 0);
  parts.core = tier_links{8, 4, counts};
  const leaf_spine dc{parts};
  CHECK(dc.tiers() == 3);
  CHECK(dc.cores() == 4);
  CHECK(dc.switches() == 28);
  CHECK(dc.core_links().between(5, 1) == 3);
  CHECK(dc.core_links().between(5, 2) == 0);
  CHECK(dc.core_links().total() == 24);
  CHECK(dc.links() == 128);  // leaf to spine alone
  CHECK(dc != leaf_spine{superpod()});
  const fabric::graph_index at{dc};
  const fabric::graph g = fabric::make_graph(dc);
  CHECK(num_vertices(g) == 64u + 8 + 16 + 8 + 4);
  CHECK(num_edges(g) == 2u * (64 + 64 + 128 + 8));
  CHECK(edges_between(g, at(spine_id{5}), at.core(1)) == std::pair{1, 1200.0});
  CHECK(edges_between(g, at(spine_id{5}), at.core(2)).first == 0);
  CHECK(g[at.core(3)].kind == fabric::part::core);
  CHECK(g[at.core(3)].id == 3);
}

TEST_CASE("in the graph of two planes a GPU has an edge to its leaf in each") {
  const ports where{hosts{2, 2, 4}, {.rails = 2, .planes = 2}};
  const leaf_spine dc{clos_parts{.ports = where, .up = tier_links{8, 3, 1}, .link_gbps = 200}};
  const fabric::graph_index at{dc};
  const fabric::graph g = fabric::make_graph(dc);
  for (gpu_id gpu : dc.all_gpus())
    for (leaf_id l : dc.all_leafs()) {
      const bool is_its = l == dc.leaf_of(gpu, 0) || l == dc.leaf_of(gpu, 1);
      CHECK(edges_between(g, at(gpu), at(l)) == (is_its ? std::pair{1, 200.0} : std::pair{0, 0.0}));
      CHECK(edges_between(g, at(l), at(gpu)).first == is_its);
    }
}

TEST_CASE("links of a rail are owned like others") {
  const leaf_spine dc{superpod()};
  ledger l{dc};
  const fabric::placement p{{gpu_id{0}, gpu_id{32}},
                            {{leaf_id{0}, spine_id{3}}, {leaf_id{8}, spine_id{3}}}};
  REQUIRE(l.reserve(job_id{1}, p) == reserve_status::reserved);
  CHECK(l.network().free_links(leaf_id{8}, spine_id{3}) == 0);
  CHECK(l.network().free_links(leaf_id{9}, spine_id{3}) == 1);
  CHECK(l.fail(spine_id{3}) == std::vector{job_id{1}});
  CHECK(l.fail(leaf_id{8}) == std::vector{job_id{1}});
  CHECK(l.fail(leaf_id{9}).empty());
  CHECK(l.free_gpus() == 64 - 2 - 3 - 4);
  CHECK(l.consistent());
}

TEST_CASE("rails without spines are a network of which nothing can be owned but GPUs") {
  const ports where{hosts{1, 4, 8, 4}, {.rails = 8}};
  const leaf_spine dc{clos_parts{.ports = where, .up = tier_links{8, 0, std::vector<int>{}}}};
  CHECK(dc.spines() == 0);
  CHECK(dc.links() == 0);
  ledger l{dc};
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}, {{leaf_id{0}, spine_id{0}}}}) ==
        reserve_status::malformed);
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}}) == reserve_status::reserved);
  CHECK(l.fail(leaf_id{0}) == std::vector{job_id{1}});
  CHECK(l.free_gpus() == 28);
  CHECK(l.consistent());
  CHECK(num_edges(fabric::make_graph(dc)) == 2u * (32 + 32));
}

TEST_CASE("parts that do not fit together are refused with what is wrong") {
  clos_parts p = superpod();
  p.up = tier_links{2, 8, 1};
  CHECK(refusal(p) == "leaf_spine: expected links of 16 leafs, got 2");
  p = superpod();
  p.up = {};
  CHECK(refusal(p) == "leaf_spine: expected links of 16 leafs, got 0");
  p = superpod();
  p.core = tier_links{16, 2, 1};
  CHECK(refusal(p) == "leaf_spine: expected links to cores of 8 spines, got 16");
  p = superpod();
  p.link_gbps = 0;
  CHECK(refusal(p).starts_with("leaf_spine.link_gbps: expected a positive number of Gb/s"));
  p = superpod();
  p.server_gbps = -1;
  CHECK(refusal(p).starts_with("leaf_spine.server_gbps: expected a positive number of Gb/s"));
}
