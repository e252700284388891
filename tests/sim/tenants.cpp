// Tenants' quotas in whole simulations, whoever asks the placement policy and however often.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/hived.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using place::cell_quota;
using schedule::scheduler;
using test::any_admission;
using test::make_job;

namespace {

/// Watches that no tenant has more than its cells, and nobody a GPU of another's.
struct quota_watch {
  std::vector<cell_quota> quotas;
  std::size_t looks = 0;
  std::map<std::string, std::size_t> most;  // GPUs that a tenant had at one time

  void operator()(const sim::moment& m) {
    ++looks;
    std::map<std::string, std::size_t> held;
    std::map<std::string, std::map<std::size_t, std::size_t>> cells;  // by first GPU: GPUs held
    for (const auto& [id, where] : m.gpus.placements()) {
      const job& spec = *m.state.jobs[m.state.slot_of(id)].spec;
      REQUIRE(m.gpus.tenant_of(id) == spec.vc);
      held[spec.vc] += where.gpus.size();
      for (gpu_id g : where.gpus) {
        const auto size = static_cast<std::size_t>(quota_of(spec.vc).gpus_per_cell);
        ++cells[spec.vc][g.index() / size * size];
      }
    }
    std::vector<std::string> owner(static_cast<std::size_t>(m.gpus.hosts().gpus()));
    for (const auto& [tenant, bound] : cells) {
      const cell_quota& q = quota_of(tenant);
      REQUIRE(bound.size() <= static_cast<std::size_t>(q.cells));
      REQUIRE(held[tenant] <= static_cast<std::size_t>(q.cells * q.gpus_per_cell));
      for (const auto& [first, n] : bound)
        for (std::size_t g = first; g < first + static_cast<std::size_t>(q.gpus_per_cell); ++g) {
          REQUIRE(owner[g].empty());
          owner[g] = tenant;
        }
      most[tenant] = std::max(most[tenant], held[tenant]);
    }
  }

  const cell_quota& quota_of(const std::string& tenant) const {
    for (const cell_quota& q : quotas)
      if (q.tenant == tenant) return q;
    FAIL("a job of no tenant");
    return quotas.front();
  }
};

// Four servers of eight: a has two of them, b two halves of one, c a half and a quarter of the last.
const fabric::leaf_spine four{
    {.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 8}};
const std::vector<cell_quota> quotas{{"a", 2, 8}, {"b", 2, 4}, {"c", 4, 2}};

model::workload random_workload(std::uint64_t seed) {
  test::dice d{seed};
  std::vector<job> jobs;
  std::vector<int> counts;
  for (int n = 1; n <= 16; ++n) counts.push_back(n);
  double now = 0;
  for (std::uint32_t i = 0; i < 150; ++i) {
    const cell_quota& q = quotas[d.index(quotas.size())];
    jobs.push_back(make_job(i, now += d.between(0, 12), d.between(1, q.gpus_per_cell),
                            d.chance(.2) ? d.between(100, 400) : d.between(1, 60)));
    if (q.tenant == "a" && d.chance(.3)) jobs.back().gpus = 16;  // both of its servers
    jobs.back().vc = q.tenant;
    jobs.back().priority = d.between(0, 2);
    jobs.back().min_gpus = 1;
    jobs.back().max_gpus = 16;
  }
  model::workload w;
  w.curves.push_back(test::linear_curve(counts));
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

}  // namespace

TEST_CASE("no tenant of hived exceeds its quota in a simulation, however room is made for jobs") {
  using schedule::means;
  const any_admission admissions[] = {admit::in_order{}, admit::greedy{}, admit::easy{},
                                      admit::conservative{}};
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const model::workload w = random_workload(seed);
    quota_watch watch{quotas};
    const auto check = [&](auto plan) {
      const sim::report r = sim::run(four, w, plan, {}, watch);
      CHECK(r.finished == w.size());
    };
    for (std::size_t a = 0; a < std::size(admissions); ++a) {
      CAPTURE(seed);
      CAPTURE(a);
      for (int kinds = 0; kinds < (a == 3 ? 1 : 8); ++kinds) {
        CAPTURE(kinds);
        if (a == 3) {  // nobody makes room under it
          check(scheduler{order::fifo{}, allocate::requested{}, place::hived{quotas},
                          route::ideal{}, admissions[a]});
          continue;
        }
        check(scheduler{order::fifo{}, allocate::requested{}, place::hived{quotas}, route::ideal{},
                        admissions[a],
                        means{test::only_if<schedule::preempt>{(kinds & 1) != 0},
                              test::only_if<schedule::migrate>{(kinds & 2) != 0},
                              test::only_if<schedule::other_count>{(kinds & 4) != 0}}});
      }
    }
    // All of a quota is used at times.
    CHECK(watch.most["a"] == 16);
    CHECK(watch.most["b"] == 8);
    CHECK(watch.most["c"] == 8);
    CHECK(watch.looks > 1000);
  }
}

TEST_CASE("no tenant of hived exceeds its quota where jobs grow and shrink") {
  for (std::uint64_t seed = 0; seed < 5; ++seed)
    for (const bool ask_place : {false, true}) {
      CAPTURE(seed);
      CAPTURE(ask_place);
      const model::workload w = random_workload(seed);
      quota_watch watch{quotas};
      scheduler plan{order::fifo{}, allocate::powerflow{}, place::hived{quotas}, route::ideal{},
                     admit::elastic{.ask_place = ask_place}};
      const sim::report r = sim::run(four, w, plan, {}, watch);
      CHECK(r.finished == w.size());
      CHECK(watch.looks > 150);
    }
}

TEST_CASE("a job that easy lets pass does not take the cells that the blocked one waits for") {
  // Tenant a has two servers of eight, b one. Job 0 holds one of a's; job 1 wants both and waits for
  // 100. Job 2, of a, would fit on a's other server or on b's, and runs longer than that; b's job may go.
  const fabric::leaf_spine three{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 3, .gpus_per_server = 8}};
  const std::vector<cell_quota> cells{{"a", 2, 8}, {"b", 1, 8}};
  model::workload w = test::linear_workload({make_job(0, 0, 8, 100), make_job(1, 1, 16, 10),
                                             make_job(2, 2, 8, 500), make_job(3, 3, 8, 500)});
  for (int i : {0, 1, 2}) w.jobs[static_cast<std::size_t>(i)].vc = "a";
  w.jobs[3].vc = "b";
  scheduler plan{order::fifo{}, allocate::requested{}, place::hived{cells}, route::ideal{},
                 admit::easy{}};
  quota_watch watch{cells};
  const sim::report r = sim::run(three, w, plan, {}, watch);
  REQUIRE(r.finished == 4);
  CHECK(r.records[1].start_s == 100);
  CHECK(r.records[2].start_s == 110);
  CHECK(r.records[3].start_s == 3);
}

TEST_CASE("tenants get what their cells have at once, whether jobs may pass or are backfilled") {
  // Two servers of eight: a has one of them, b two halves.
  const fabric::leaf_spine two{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 8}};
  const std::vector<cell_quota> cells{{"a", 1, 8}, {"b", 2, 4}};
  model::workload w =
      test::linear_workload({make_job(0, 0, 4, 100), make_job(1, 1, 8, 10), make_job(2, 2, 4, 1000),
                             make_job(3, 3, 4, 1000), make_job(4, 4, 4, 50)});
  for (std::size_t i : {0u, 1u, 4u}) w.jobs[i].vc = "a";
  for (std::size_t i : {2u, 3u}) w.jobs[i].vc = "b";
  for (const any_admission& a : {any_admission{admit::greedy{}}, any_admission{admit::easy{}}}) {
    scheduler plan{order::fifo{}, allocate::requested{}, place::hived{cells}, route::ideal{}, a};
    quota_watch watch{cells};
    const sim::report r = sim::run(two, w, plan, {}, watch);
    REQUIRE(r.finished == 5);
    CHECK(r.records[0].start_s == 0);
    CHECK(r.records[1].start_s == 100);  // the cell is whole again
    CHECK(r.records[2].start_s == 2);
    CHECK(r.records[3].start_s == 3);
    CHECK(r.records[4].start_s == 4);
  }
}
