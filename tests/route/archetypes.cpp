// Every algorithm that takes a routing or a source of phases is compiled against the least that models
// the concept.
#include <heddle/route/archetypes.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <heddle/route/flow_contention.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/traffic/archetypes.hpp>

using namespace heddle;
using route::archetype::flow_routing;
using traffic::archetype::job_traffic;
using traffic::archetype::phase_source;

namespace {

// Loads have a type of whoever asks, so that it could be asked by one algorithm, or by none.
struct for_one_load {
  route::path operator()(const route::view<route::detail::no_load>&, const traffic::flow&) const {
    return {};
  }
};
static_assert(!route::RoutingPolicy<for_one_load>);
static_assert(!route::RoutingPolicy<int>);

// Two leafs of one GPU, one link each.
const fabric::leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 1}};
const fabric::placement both{{gpu_id{0}, gpu_id{1}}, {}};

}  // namespace

TEST_CASE("models of contention ask no more of routings and sources than their concepts say") {
  const phase_source source{1.0};
  route::steady<flow_routing, job_traffic> model{dc, flow_routing{0}};
  model.add(job_id{1}, both, source, .5);
  model.add(job{.id = job_id{2}, .comm_share = .5}, both);
  CHECK(model.slowdown(job_id{1}) > 1);
  route::flow_contention<flow_routing, job_traffic> flows{dc, flow_routing{0}};
  flows.add(job{.id = job_id{2}, .comm_share = .5}, both);
  CHECK(flows.slowdown(job_id{2}) == 1);
}

TEST_CASE("proofs and tables ask no more of routings and sources than their concepts say") {
  fabric::ledger ledger{dc};
  REQUIRE(ledger.reserve(job_id{1}, both) == fabric::reserve_status::reserved);
  const auto source_of = [](job_id, const traffic::group&) { return phase_source{1.0}; };
  CHECK(route::verify_isolated(ledger, source_of, flow_routing{0}).flows_checked == 1);
  const traffic::group ranks = traffic::make_group(dc, both.gpus);
  CHECK(route::static_table{dc, ranks, flow_routing{0}, phase_source{1.0}}.rows().size() == 1);
  // A phase routing whose answer lacks a path for a flow may not be asked for one: none crosses here.
  const traffic::group one = traffic::make_group(dc, std::vector<gpu_id>{gpu_id{0}});
  CHECK(route::static_table{dc, one, route::archetype::phase_routing{0}, traffic::any_source{}}
            .rows()
            .empty());
}
