#include <heddle/schedule/state.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/workloads.hpp"

using namespace heddle;
using schedule::active_job;
using schedule::state;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 3, .servers_per_leaf = 2, .gpus_per_server = 4}};
using slots = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("the idle power is that of all GPUs, servers and switches") {
  const state s{dc, {.gpu_idle_w = 60, .server_w = 500, .switch_w = 300}};
  CHECK(s.idle_power_w() == 16 * 60 + 4 * 500 + 5 * 300);
}

TEST_CASE("a submitted job waits with all of its work") {
  const auto w = test::linear_workload({test::make_job(7, 1, 4, 100), test::make_job(3, 2, 2, 50)});
  state s{dc};
  CHECK(s.submit(w.jobs[0], w.curves[0]) == 0);
  CHECK(s.submit(w.jobs[1], w.curves[0]) == 1);
  CHECK(s.waiting == slots{0, 1});
  CHECK(s.running.empty());
  CHECK(s.slot_of(job_id{7}) == 0);
  CHECK(s.slot_of(job_id{3}) == 1);
  const active_job& j = s.jobs[0];
  CHECK_FALSE(j.running());
  CHECK(j.reference == w.curves[0].fastest(4));
  CHECK(j.remaining_at(99) == 100);
  CHECK(j.work_at(99) == 400);  // four samples a second
  CHECK(j.queue_entry(0, 10).spec == &w.jobs[0]);
  CHECK(j.queue_entry(0, 10).remaining_s == 100);
}

TEST_CASE("work is done from since_s on, which may lie ahead") {
  const auto w = test::linear_workload({test::make_job(0, 0, 4, 100)});
  state s{dc};
  s.submit(w.jobs[0], w.curves[0]);
  active_job& j = s.jobs[0];
  j.since_s = 10;
  j.rate = 0.5;
  CHECK(j.remaining_at(5) == 100);
  CHECK(j.remaining_at(10) == 100);
  CHECK(j.remaining_at(30) == 90);
  CHECK(j.work_at(30) == 360);
}

TEST_CASE("a job that stops goes to the end of the queue and frees what it held") {
  const auto w =
      test::linear_workload({test::make_job(0, 0, 4, 100), test::make_job(1, 0, 4, 100)});
  state s{dc};
  s.submit(w.jobs[0], w.curves[0]);
  s.submit(w.jobs[1], w.curves[0]);
  REQUIRE(s.ledger.reserve(job_id{0}, {{gpu_id{0}}, {}}) == fabric::reserve_status::reserved);
  s.resume(0, w.curves[0].fastest(4));
  s.waiting = {1};
  s.stop(0);
  CHECK(s.waiting == slots{1, 0});
  CHECK(s.running.empty());
  CHECK_FALSE(s.jobs[0].running());
  CHECK(s.ledger.free_gpus() == dc.gpus());
  CHECK(s.slot_of(job_id{0}) == 0);
}

TEST_CASE("a job that finishes is forgotten but keeps its place") {
  const auto w =
      test::linear_workload({test::make_job(0, 0, 4, 100), test::make_job(1, 0, 4, 100)});
  state s{dc};
  s.submit(w.jobs[0], w.curves[0]);
  REQUIRE(s.ledger.reserve(job_id{0}, {{gpu_id{0}}, {}}) == fabric::reserve_status::reserved);
  s.resume(0, w.curves[0].fastest(4));
  s.waiting = {};
  s.finish(0);
  CHECK(s.running.empty());
  CHECK(s.waiting.empty());
  CHECK(s.ledger.free_gpus() == dc.gpus());
  CHECK(s.submit(w.jobs[1], w.curves[0]) == 1);
}
