// What jobs send is the user's to say: a collective of one's own, and training steps, through
// predictions, proofs, route tables, the flow simulation and whole simulations.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/route/flow_contention.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/traffic/conformance.hpp>
#include <heddle/traffic/training_step.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using traffic::flow;
using traffic::group;

namespace {

// Ranks in a square, row by row; each swaps its block with the one across the diagonal.
struct transpose {
  std::uint32_t side;
  double bytes;
  transpose(const group& ranks, double d)
      : side(static_cast<std::uint32_t>(std::sqrt(ranks.size()) + .5)), bytes(d) {}
  std::size_t size() const { return side > 1 ? 1 : 0; }
  traffic::phase write(std::size_t, std::vector<flow>& out) const {
    out.clear();
    for (std::uint32_t r = 0; r < side; ++r)
      for (std::uint32_t c = 0; c < side; ++c)
        if (r != c) out.push_back({r * side + c, c * side + r});
    return {.bytes = bytes};
  }
};
static_assert(traffic::PhaseSource<transpose>);

const traffic::parallelism split{.tensor = 4, .data = 2, .pipeline = 2, .expert = 2};
const traffic::step_traffic amounts{.micro_batches = 2,
                                    .tensor_bytes = 1e8,
                                    .expert_bytes = 2e7,
                                    .pipeline_bytes = 5e7,
                                    .data_bytes = 4e8};

traffic::training_step step_of(const group& ranks, double factor) {
  traffic::step_traffic w = amounts;
  for (double* b : {&w.tensor_bytes, &w.expert_bytes, &w.pipeline_bytes, &w.data_bytes})
    *b *= factor;
  return {ranks, split, w};
}

const fabric::leaf_spine dc{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

// Four jobs of 16 ranks, a slice of all leafs each, with or without the links of that slice.
fabric::placement slice(int k, bool owns_links) {
  fabric::placement p;
  for (int l = 0; l < 4; ++l)
    for (int i = 4 * k; i < 4 * k + 4; ++i) {
      p.gpus.push_back(gpu_id{l * 8 + i});
      if (owns_links) p.links.push_back({leaf_id{l}, spine_id{i}, 0});
    }
  return p;
}

// Runs `test` with a function (group, bytes) → source for each kind of traffic of a user's.
template <class Test>
void for_each_traffic(Test&& test) {
  SUBCASE("a collective of one's own") {
    test([](const group& ranks, double bytes) { return transpose{ranks, bytes}; });
  }
  SUBCASE("a training step") { test(&step_of); }
}

}  // namespace

TEST_CASE("a collective of one's own and a training step keep the promises of a source") {
  for_each_traffic([](auto source) {
    const group ranks = traffic::make_group(dc, slice(0, false).gpus);
    CHECK(traffic::broken_promises(source(ranks, 1.0), ranks.size()).empty());
  });
}

TEST_CASE("traffic of one's own that owns its links is proved isolated and runs undisturbed") {
  for_each_traffic([](auto source) {
    fabric::ledger ledger{dc};
    route::steady model{dc, route::ecmp{}};
    route::flow_contention flows{dc, route::ecmp{}};
    std::vector<route::flow_job> jobs;
    for (int k = 0; k < 2; ++k) {
      const fabric::placement where = slice(k, true);
      const group ranks = traffic::make_group(dc, where.gpus);
      REQUIRE(ledger.reserve(job_id{k}, where) == fabric::reserve_status::reserved);
      model.add(job_id{k}, where, source(ranks, 1.0), .5);
      flows.add(job_id{k}, where, source(ranks, 1.0), .5);
      jobs.push_back({.id = job_id{k}, .where = where, .source = source(ranks, 1.0)});
    }
    const auto of_job = [&](job_id, const group& ranks) { return source(ranks, 1.0); };
    const route::isolation proof = route::verify_isolated(ledger, of_job, route::ecmp{});
    CHECK(proof);
    CHECK(proof.flows_checked > 0);
    CHECK(flows.flows_started() == 0);
    route::flow_simulation simulate{dc, route::ecmp{}, {.iterations = 1, .warm_up = 0}};
    for (const route::flow_job_report& r : simulate(jobs)) {
      CHECK(model.slowdown(r.id) == 1);
      CHECK(flows.slowdown(r.id) == 1);
      CHECK(r.communication_slowdown() == doctest::Approx(1).epsilon(1e-9));
    }
  });
}

TEST_CASE("traffic of one's own that shares links is found to collide and is slowed down") {
  for_each_traffic([](auto source) {
    fabric::ledger ledger{dc};
    route::steady model{dc, route::ecmp{}};
    route::flow_contention flows{dc, route::ecmp{}};
    for (int k = 0; k < 2; ++k) {
      const fabric::placement where = slice(k, false);
      const group ranks = traffic::make_group(dc, where.gpus);
      REQUIRE(ledger.reserve(job_id{k}, where) == fabric::reserve_status::reserved);
      model.add(job_id{k}, where, source(ranks, 1.0), .5);
      flows.add(job_id{k}, where, source(ranks, 1.0), .5);
    }
    const auto of_job = [&](job_id, const group& ranks) { return source(ranks, 1.0); };
    const route::isolation proof = route::verify_isolated(ledger, of_job, route::ecmp{});
    REQUIRE_FALSE(proof);
    CHECK(proof.broken->pattern == collective::none);
    CHECK(proof.broken->message().starts_with("job 0, phase "));
    for (int k = 0; k < 2; ++k) {
      CHECK(model.slowdown(job_id{k}) > 1.1);
      CHECK(flows.slowdown(job_id{k}) > 1.1);
    }
  });
}

TEST_CASE("the table of traffic of one's own has the routes of its phases") {
  for_each_traffic([](auto source) {
    const group ranks = traffic::make_group(dc, slice(1, false).gpus);
    const traffic::PhaseSource auto all = source(ranks, 1.0);
    route::source policy;
    route::static_table table{dc, ranks, policy, all, transpose{ranks, 1.0}};
    const route::link_numbers links{dc};
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{dc, links, ranks, none};
    std::vector<flow> flows;
    const auto check = [&](const traffic::PhaseSource auto& of) {
      for (std::size_t k = 0; k < of.size(); ++k) {
        (void)of.write(k, flows);
        const std::span<const route::path> ways = table(v, std::span<const flow>{flows});
        for (std::size_t i = 0; i < flows.size(); ++i)
          if (ranks.leafs[flows[i].source] != ranks.leafs[flows[i].target])
            REQUIRE(ways[i] == policy(v, flows[i]));
      }
    };
    check(all);
    check(transpose{ranks, 1.0});  // a table of several sources serves each
  });
}

namespace {

model::workload random_workload(std::uint64_t seed) {
  test::dice d{seed};
  std::vector<job> jobs;
  for (std::uint32_t i = 0; i < 60; ++i) {
    jobs.push_back(test::make_job(i, 20 * i, d.chance(.5) ? 16 : 4, d.between(50, 300)));
    jobs.back().comm_share = .5 * d.real();
    jobs.back().model = d.chance(.5) ? "step" : "other";
  }
  return test::linear_workload(jobs);
}

// Jobs of 16 GPUs send a training step or a transposition, by their model; others an all-to-all.
const auto by_model = [](const job& j, const group& ranks, double bytes) -> traffic::any_source {
  if (ranks.size() != 16) return traffic::all_to_all{ranks, bytes};
  if (j.model == "step") return step_of(ranks, bytes);
  return transpose{ranks, bytes};
};

}  // namespace

TEST_CASE("a simulation runs jobs with traffic of one's own, whatever collective they name") {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    const model::workload w = random_workload(seed);  // all of them name none
    const auto replay = [&](auto place, auto network) {
      schedule::scheduler plan{order::fifo{}, allocate::requested{}, place, route::ecmp{}};
      return sim::run_on(std::move(network), dc, w, plan, {});
    };
    const route::steady shared{dc, route::ecmp{}, {}, by_model};
    const sim::report isolated = replay(place::vclos{}, shared);
    REQUIRE(isolated.finished == w.size());
    for (const auto& r : isolated.records) REQUIRE(r.slowdown == 1);
    const sim::report spread = replay(place::spread{}, shared);
    CHECK(spread.mean_slowdown > 1.02);
    // Without it nobody sends anything.
    CHECK(replay(place::spread{}, route::steady{dc, route::ecmp{}}).mean_slowdown == 1);
    // Behind one type, as programs have it, it is the same.
    const sim::report erased = replay(place::spread{}, schedule::any_network{shared});
    CHECK(erased.mean_slowdown == spread.mean_slowdown);
    CHECK(erased.makespan_s == spread.makespan_s);
  }
}

TEST_CASE("flow by flow a simulation runs jobs with traffic of one's own too") {
  const model::workload w = random_workload(7);
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::spread{}, route::ecmp{}};
  route::flow_contention network{dc, route::ecmp{}, {.iterations = 1, .warm_up = 0}, by_model};
  const sim::report r = sim::run_on(std::move(network), dc, w, plan, {});
  CHECK(r.finished == w.size());
  CHECK(r.mean_slowdown > 1.02);
}

TEST_CASE("a source written anew is slowed down to the last bit as the library's own") {
  struct exchange {  // all_to_all, by somebody else
    std::uint32_t n;
    std::size_t size() const { return n - 1; }
    traffic::phase write(std::size_t k, std::vector<flow>& out) const {
      out.clear();
      for (std::uint32_t i = 0; i < n; ++i)
        out.push_back({i, (i + static_cast<std::uint32_t>(k) + 1) % n});
      return {.bytes = 1};
    }
  };
  route::steady ours{dc, route::ecmp{}}, theirs{dc, route::ecmp{}};
  for (int k = 0; k < 2; ++k) {
    ours.add(job_id{k}, slice(k, false), collective::all_to_all, .4);
    theirs.add(job_id{k}, slice(k, false), exchange{16}, .4);
  }
  for (int k = 0; k < 2; ++k) CHECK(ours.slowdown(job_id{k}) == theirs.slowdown(job_id{k}));
}
