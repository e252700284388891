// Networks whose leafs differ, and pods.
#include <heddle/fabric/layout.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include <boost/graph/connected_components.hpp>

#include <heddle/core/error.hpp>
#include <heddle/fabric/graph.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/pods.hpp>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::layout;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::leaf_spine_ocs;
using fabric::pods;

namespace {

// Three leafs: servers of 4 and 2 GPUs; one of 8 beside one without any; one of 1. The second leaf
// has two links to spine 0, the third none to spine 1.
layout uneven() {
  layout l;
  l.spines = {"s0", "s1"};
  l.leafs = {{"l0", {{"a", 4}, {"b", 2}}, {1, 1}},
             {"l1", {{"c", 0}, {"d", 8}}, {2, 1}},
             {"l2", {{"e", 1}}, {1, 0}}};
  return l;
}

std::string refusal(const layout& l) {
  return test::refusal_of([&] { return leaf_spine{l}; });
}

}  // namespace

TEST_CASE("an uneven network numbers its GPUs by server and its servers by leaf") {
  const leaf_spine dc{uneven()};
  CHECK(dc.leafs() == 3);
  CHECK(dc.servers() == 5);
  CHECK(dc.gpus() == 15);
  CHECK(dc.gpus_per_server() == 8);
  CHECK(dc.gpus_per_leaf() == 8);
  CHECK(dc.links_per_pair() == 2);
  CHECK(dc.uplinks() == 4);
  CHECK(dc.links() == 6);
  CHECK_FALSE(dc.is_regular());
  CHECK(dc.links(leaf_id{1}, spine_id{0}) == 2);
  CHECK(dc.links(leaf_id{2}, spine_id{1}) == 0);
  std::uint32_t next = 0;
  for (server_id s : dc.all_servers())
    for (gpu_id g : dc.gpus_of(s)) {
      CHECK(g.value == next++);
      CHECK(dc.server_of(g) == s);
      CHECK(dc.unit_of(g) == dc.unit_of(s));
      CHECK(dc.leaf_of(g) == leaf_id{dc.unit_of(s).value});
    }
  CHECK(next == 15);
  CHECK(dc.gpus_of(server_id{2}).empty());
  CHECK(dc.server_of(gpu_id{6}) == server_id{3});
  CHECK(dc.index_in_leaf(gpu_id{6}) == 0);
  CHECK(dc.gpus_of(unit_id{1}).size() == 8);
  CHECK(dc == leaf_spine{uneven()});
  layout other = uneven();
  other.leafs[0].links[0] = 0;
  CHECK(dc != leaf_spine{other});
}

TEST_CASE("a regular layout is the same network as its shape") {
  layout l;
  l.spines.resize(3);
  l.leafs.assign(2, {"", {{"", 4}, {"", 4}}, {2, 2, 2}});
  const leaf_spine a{l}, b{{.leafs = 2,
                            .spines = 3,
                            .links_per_pair = 2,
                            .servers_per_leaf = 2,
                            .gpus_per_server = 4}};
  CHECK(a.shape() == b.shape());
  CHECK(a.links() == b.links());
  CHECK(ledger{a}.network().free_uplinks() == ledger{b}.network().free_uplinks());
}

TEST_CASE("a layout that is no network is refused with what is wrong") {
  layout l = uneven();
  l.leafs[1].links.pop_back();
  CHECK(refusal(l).find("leaf l1: expected links to 2 spines, got 1") != std::string::npos);
  l = uneven();
  l.leafs[2].links[0] = -1;
  CHECK(refusal(l).find("leaf l2") != std::string::npos);
  l = uneven();
  l.leafs[0].servers[1].gpus = -4;
  CHECK(refusal(l).find("server b") != std::string::npos);
  CHECK(refusal(layout{}).find("expected a GPU, got none") != std::string::npos);
  l = uneven();
  for (auto& leaf : l.leafs) leaf.servers.clear();
  CHECK(refusal(l).find("expected a GPU, got none") != std::string::npos);
}

TEST_CASE("a ledger never gives links that an uneven network lacks") {
  const leaf_spine dc{uneven()};
  ledger l{dc};
  CHECK(l.free_gpus() == 15);
  CHECK(l.idle_servers() == 4);  // the one without GPUs can be given to nobody
  CHECK(l.network().free_links(leaf_id{1}, spine_id{0}) == 2);
  CHECK(l.network().free_links(leaf_id{2}, spine_id{1}) == 0);
  CHECK_FALSE(l.is_free(fabric::link{leaf_id{2}, spine_id{1}, 0}));
  CHECK(l.reserve(job_id{1}, {{gpu_id{0}}, {{leaf_id{0}, spine_id{0}, 1}}}) ==
        fabric::reserve_status::malformed);
  CHECK(l.reserve(job_id{1}, {{gpu_id{5}, gpu_id{6}, gpu_id{14}},
                              {{leaf_id{0}, spine_id{0}, 0},
                               {leaf_id{1}, spine_id{0}, 1},
                               {leaf_id{2}, spine_id{0}, 0}}}) == fabric::reserve_status::reserved);
  CHECK(l.idle_servers() == 1);
  CHECK(l.network().free_links(leaf_id{1}, spine_id{0}) == 1);
  CHECK(test_bit(l.network().free_uplinks(leaf_id{1}), 0));
  CHECK_FALSE(test_bit(l.network().free_uplinks(leaf_id{1}), 1));
  CHECK(l.consistent());
  CHECK(l.release(job_id{1}));
  CHECK(l == ledger{dc});
}

TEST_CASE("a leaf of pods has links to the spines of its pod alone") {
  const pods dc{{.pods = 3,
                 .pod = {.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4},
                 .core_switches = 5}};
  const leaf_spine& network = dc.network();
  CHECK(network.leafs() == 6);
  CHECK(network.spines() == 12);
  CHECK(network.gpus() == 24);
  CHECK(network.links() == 24);
  const ledger free{network};
  for (leaf_id l : network.all_leafs())
    for (spine_id s : network.all_spines()) {
      CHECK(network.links(l, s) == (dc.pod_of(l) == dc.pod_of(s)));
      CHECK(free.network().free_links(l, s) == network.links(l, s));
    }
  const auto g = fabric::make_graph(dc);
  CHECK(num_vertices(g) == 24u + 6 + 6 + 12 + 5);
  CHECK(num_edges(g) == 2u * (24 + 24 + 24 + 12 * 5));
  CHECK(g[num_vertices(g) - 1].kind == fabric::part::core);
  CHECK(g[num_vertices(g) - 1].id == 4);
  CHECK_THROWS_AS(pods({.pods = 0}), input_error);
  CHECK_THROWS_AS(pods({.core_switches = 0}), input_error);
  CHECK_THROWS_AS(pods({.pod = {.leafs = 0}}), input_error);
}

TEST_CASE("an optical fabric has uplinks instead of links and can be wired as a mesh") {
  const leaf_spine_ocs dc{{.leafs = 4,
                           .spines = 2,
                           .switches = 4,
                           .spine_fibres = 2,
                           .servers_per_leaf = 1,
                           .gpus_per_server = 4}};
  CHECK(dc.uplinks() == 4);
  CHECK(dc.optical().uplinks() == 4);
  CHECK(dc.optical().spine_ports() == 8);
  CHECK(dc.switches() == 6);
  CHECK(dc.equipment() ==
        fabric::equipment{.switches = 6, .circuit_switches = 4, .switching_s = .05});
  CHECK(dc.ocs_of(3) == ocs_id{3});
  REQUIRE(dc.mesh());
  CHECK(*dc.mesh() == leaf_spine{{.leafs = 4,
                                  .spines = 2,
                                  .links_per_pair = 2,
                                  .servers_per_leaf = 1,
                                  .gpus_per_server = 4}});
  // Three uplinks do not divide between two spines; two spines with one port an OCS are too few.
  CHECK_FALSE(leaf_spine_ocs{{.leafs = 4, .spines = 2, .switches = 3}}.mesh());
  CHECK_FALSE(leaf_spine_ocs{{.leafs = 4, .spines = 2, .switches = 4, .spine_fibres = 1}}.mesh());
  const auto g = fabric::make_graph(dc);
  CHECK(num_vertices(g) == 16u + 4 + 4 + 2 + 4);
  CHECK(num_edges(g) == 2u * (16 + 16 + 4 * 4 + 4 * 2));
  CHECK_THROWS_AS(leaf_spine_ocs({.switches = 0}), input_error);
  CHECK_THROWS_AS(leaf_spine_ocs({.leaf_fibres = 0}), input_error);
  CHECK_THROWS_AS(leaf_spine_ocs({.switching_ms = -1}), input_error);
}
