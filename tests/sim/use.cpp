// What a cluster's GPUs are used for: on servers of any sizes, some of them away.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/place/fragmentation.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/availability.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using test::linear_workload;
using test::make_job;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

auto packed_plan(schedule::scheduler_options o = {}) {
  return schedule::scheduler{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                             o};
}

/// Integrates what moments show.
struct meter {
  double used = 0, free = 0, scattered = 0;
  double last_s = 0, used_now = 0, free_now = 0, scattered_now = 0;
  bool begun = false;

  void operator()(const sim::moment& m) {
    if (begun) {
      const double dt = m.now_s - last_s;
      used += used_now * dt;
      free += free_now * dt;
      scattered += scattered_now * dt;
    }
    begun = true;
    last_s = m.now_s;
    used_now = m.used_gpus;
    free_now = m.gpus.free_gpus();
    scattered_now = free_now * place::server_holes(m.gpus);
    int held = 0;
    for (const auto& [job, where] : m.gpus.placements())
      held += static_cast<int>(where.gpus.size());
    REQUIRE(held == m.used_gpus);
  }
};

fabric::leaf_spine uneven(test::dice& d) {
  fabric::layout found{.leafs = {}, .spines = {"s0", "s1"}};
  for (int l = 0; l < 3; ++l) {
    fabric::leaf_layout leaf{"l" + std::to_string(l), {}, {1, 1}};
    for (int s = 0; s < 3; ++s)
      leaf.servers.push_back({"n" + std::to_string(3 * l + s), d.between(s == 0 ? 1 : 0, 9)});
    found.leafs.push_back(std::move(leaf));
  }
  return fabric::leaf_spine{found};
}

}  // namespace

TEST_CASE("free GPUs of an empty small server are not scattered where a large one is partly used") {
  const fabric::leaf_spine dc{fabric::layout{
      .leafs = {{"leaf1", {{"node01", 6}, {"node02", 2}}, {1}}}, .spines = {"spine1"}}};
  const sim::report r = sim::run(dc, linear_workload({make_job(0, 0, 3, 100)}), packed_plan());
  CHECK(r.gpu_fragmentation == Approx(0.6));  // 3 of 5
}

TEST_CASE("the report's fragmentation and use are those of the moments, on any servers") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const fabric::leaf_spine dc = uneven(d);
    std::vector<job> jobs;
    double now = 0;
    for (std::uint32_t i = 0; i < 80; ++i)
      jobs.push_back(make_job(i, now += d.between(0, 60), d.between(1, (dc.gpus() + 1) / 2),
                              d.between(1, 200)));
    sim::options o;
    if (seed % 2) {
      o.failures =
          trace::failure_process{
              .nodes = 9, .mtbf_s = 2000, .mttr_s = 300, .horizon_s = 4000, .seed = seed}()
              .events;
      for (std::uint32_t s = 0; s < 9; ++s) o.failures.push_back({5000, s, true});
    }
    meter m;
    const sim::report r = sim::run(dc, linear_workload(jobs),
                                   packed_plan({.off_after_s = seed % 4 ? 1e9 : 30}), o, m);
    REQUIRE(r.finished == jobs.size());
    CHECK(r.gpu_fragmentation == Approx(m.scattered / m.free).epsilon(sum_tolerance));
    CHECK(r.gpu_utilization == Approx(m.used / (dc.gpus() * r.makespan_s)).epsilon(sum_tolerance));
  }
}

TEST_CASE("GPUs of servers that are away are not used") {
  const fabric::leaf_spine dc{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 3, .gpus_per_server = 4}};
  const auto w = linear_workload({make_job(0, 0, 4, 200), make_job(1, 60, 2, 40)});
  std::vector<std::pair<double, int>> seen;
  const auto watch = [&](const sim::moment& m) { seen.push_back({m.now_s, m.used_gpus}); };
  const sim::report r =
      sim::run(dc, w, packed_plan(), {.failures = {{50, 2, false}, {150, 2, true}}}, watch);
  CHECK(seen == std::vector<std::pair<double, int>>{
                    {0, 4}, {50, 4}, {60, 6}, {100, 4}, {150, 4}, {200, 0}});
  CHECK(r.gpu_utilization == Approx(880. / 2400));
}

TEST_CASE("servers are told when they go off, wake, fail and come back") {
  const fabric::leaf_spine dc{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const auto w = linear_workload({make_job(0, 0, 4, 1000), make_job(1, 200, 4, 100)});
  using sim::server_mode;
  struct change {
    double at_s;
    std::uint32_t server;
    server_mode to;
    bool operator==(const change&) const = default;
  };
  std::vector<change> seen;
  const auto watch = [&](const sim::server_changed& e) {
    if (e.now_s < 400) seen.push_back({e.now_s, e.server.value, e.mode});
  };
  const sim::report r =
      sim::run(dc, w, packed_plan({.off_after_s = 60}),
               {.power = {.wake_s = 100}, .failures = {{310, 1, false}, {320, 1, true}}}, watch);
  CHECK(seen == std::vector<change>{{60, 1, server_mode::off},
                                    {200, 1, server_mode::waking},
                                    {300, 1, server_mode::on},
                                    {310, 1, server_mode::failed},
                                    {320, 1, server_mode::on}});
  CHECK(r.wake_ups == 1);
}
