#include <heddle/schedule/admit/paying.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "support/workloads.hpp"

using namespace heddle;
using test::linear_workload;
using test::make_job;

namespace {

const place::vclos narrow{.guarantee = place::isolated_for::declared};

auto isolated() { return place::first_of{place::one_server{}, place::one_leaf{}, narrow}; }
auto thin(int most) {
  return place::first_of{place::one_server{}, place::one_leaf{},
                         place::relaxed{.isolated = narrow, .most_slowdown = most}};
}
template <class Place>
auto paying(Place place) {
  return schedule::scheduler{order::fifo{}, allocate::requested{}, place, route::source{},
                             admit::paying{isolated()}};
}

// Two leafs of four GPUs, four spines.
const fabric::leaf_spine small{
    {.leafs = 2, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 2}};

job exchange(std::uint32_t id, double submit_s, int gpus, double duration_s, double share) {
  job j = make_job(id, submit_s, gpus, duration_s);
  j.pattern = collective::all_to_all;
  j.comm_share = share;
  return j;
}

// A job with three GPUs and as many links of each of two leafs.
place::placement three_and_three(int gpus_per_leaf) {
  place::placement p;
  for (std::uint32_t leaf : {0u, 1u})
    for (std::uint32_t k = 0; k < 3; ++k) {
      p.gpus.push_back(gpu_id{static_cast<std::uint32_t>(gpus_per_leaf) * leaf + k});
      p.links.push_back({leaf_id{leaf}, spine_id{k}});
    }
  return p;
}

// Two leafs of six GPUs, four spines. Job 0 holds three GPUs and as many links of each until 100 s; then comes
// job 1, on three and three, half of whose time is exchange.
double start_of_second(double duration_s, double share) {
  const fabric::leaf_spine dc{
      {.leafs = 2, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 3}};
  const std::vector<job> jobs{exchange(0, 0, 6, 100, .1), exchange(1, 10, 6, duration_s, share)};
  struct at_first {
    place::answer operator()(const fabric::ledger<fabric::leaf_spine>& free,
                             const place::request& r) {
      if (r.job == job_id{0}) return three_and_three(6);
      return place::relaxed{}(free, r);
    }
  };
  auto plan = paying(at_first{});
  return sim::run(dc, linear_workload(jobs), plan).records[1].start_s;
}

}  // namespace

TEST_CASE("a job starts on few links when waiting for all of them would end later") {
  // On one link in place of three an exchange over two leafs takes up to three times as long.
  CHECK(start_of_second(30, .5) == 10);     // 60 s longer at most, 90 s to wait
  CHECK(start_of_second(3000, .5) == 100);  // thousands longer
  CHECK(start_of_second(3000, .01) == 10);  // 60 s longer at most
}

TEST_CASE(
    "a job is patched together where that slows it down less than two flows on each of its links") {
  // Three leafs of two GPUs, each of which lacks another of three spines: one in common for any two.
  const fabric::leaf_spine dc{
      {.leafs = 3, .spines = 3, .servers_per_leaf = 1, .gpus_per_server = 3}};
  struct at_first {
    place::answer operator()(const fabric::ledger<fabric::leaf_spine>& free,
                             const place::request& r) {
      if (r.job == job_id{0})
        return place::placement{
            {gpu_id{0}, gpu_id{3}, gpu_id{6}},
            {{leaf_id{0}, spine_id{2}}, {leaf_id{1}, spine_id{0}}, {leaf_id{2}, spine_id{1}}}};
      return place::relaxed{.most_slowdown = place::relaxed::no_bound}(free, r);
    }
  };
  const auto start = [&](double duration_s) {
    const std::vector<job> jobs{exchange(0, 0, 3, 1000, .1), exchange(1, 10, 6, duration_s, .5)};
    auto plan = paying(at_first{});
    const auto r = sim::run(dc, linear_workload(jobs), plan);
    CHECK(r.records[0].slowdown == 1);
    return r.records[1].start_s;
  };
  CHECK(start(100) == 10);
  CHECK(start(1e6) == 1000);
}

TEST_CASE("what a job cannot use until it has links is lent to those that are done by then") {
  // Job 0 holds three links of each leaf until 100 s; job 1 waits for them, and jobs 2 and 3 fit a server.
  const auto starts = [&](double second_s, double third_s) {
    const fabric::leaf_spine dc{
        {.leafs = 2, .spines = 3, .servers_per_leaf = 2, .gpus_per_server = 4}};
    struct at_first {
      place::answer operator()(const fabric::ledger<fabric::leaf_spine>& free,
                               const place::request& r) {
        if (r.job == job_id{0}) return three_and_three(8);
        return isolated()(free, r);
      }
    };
    const std::vector<job> jobs{exchange(0, 0, 6, 100, .1), exchange(1, 10, 9, 3000, .5),
                                exchange(2, 20, 4, second_s, .5), exchange(3, 20, 4, third_s, .5)};
    auto plan = paying(at_first{});
    const auto r = sim::run(dc, linear_workload(jobs), plan);
    CHECK(r.records[1].start_s == 100);
    return std::pair{r.records[2].start_s, r.records[3].start_s};
  };
  CHECK(starts(80, 80) == std::pair{20.0, 20.0});
  CHECK(starts(81, 80) == std::pair{100.0, 20.0});  // 4 of the 7 that job 1 leaves
  CHECK(starts(81, 81).first == 100);
}

TEST_CASE("a job that would share links with others waits") {
  // Job 0 holds a GPU under each leaf, so that four more lie under two, or wait for it.
  struct at_first {
    place::answer operator()(const fabric::ledger<fabric::leaf_spine>& free,
                             const place::request& r) {
      if (r.job == job_id{0}) return place::placement{{gpu_id{0}}};
      if (r.job == job_id{1}) return place::placement{{gpu_id{4}}};
      return place::packed{}(free, r);
    }
  };
  const std::vector<job> jobs{exchange(0, 0, 1, 100, .1), exchange(1, 0, 1, 100, .1),
                              exchange(2, 10, 4, 3000, .01)};
  auto plan = paying(at_first{});
  CHECK(sim::run(small, linear_workload(jobs), plan).records[2].start_s == 100);
}

TEST_CASE("under the vClos mix waiting only where it pays ends jobs sooner and slows nobody else") {
  const fabric::leaf_spine dc{
      {.leafs = 16, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
  double sum_always = 0, sum_pays = 0;
  std::size_t all_thin = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto jobs = trace::with_curves(
        trace::vclos_workload{.jobs = 500, .load = .9, .heavy = true, .seed = seed}(),
        model::catalogue());
    schedule::scheduler always{order::fifo{}, allocate::requested{}, isolated(), route::source{}};
    auto pays = paying(thin(8));
    const auto a = sim::run(dc, jobs, always), b = sim::run(dc, jobs, pays);
    CHECK(a.mean_slowdown == doctest::Approx(1).epsilon(1e-9));
    std::size_t thin_ones = 0;
    for (const auto& j : b.records) {
      CHECK(j.slowdown < 8);
      thin_ones += j.slowdown > 1 + 1e-9;
    }
    CHECK(thin_ones < 100);
    all_thin += thin_ones;
    sum_always += a.mean_jct_s;
    sum_pays += b.mean_jct_s;
  }
  CHECK(all_thin > 0);
  CHECK(sum_pays < sum_always);
}

TEST_CASE(
    "waiting only where it pays on circuits ends jobs sooner than always and slows nobody else") {
  const fabric::leaf_spine_ocs dc{{.leafs = 16, .spines = 8, .switches = 32}};
  place::ocs_vclos own{.may_move = place::rewiring::free,
                       .guarantee = place::isolated_for::declared},
      fewer = own;
  fewer.most_slowdown = place::ocs_vclos::no_bound;
  const auto chain = [](const place::ocs_vclos& last) {
    return place::first_of{place::one_server{}, place::one_leaf{}, last};
  };
  double sum_always = 0, sum_pays = 0;
  std::size_t thin_ones = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const auto jobs = trace::with_curves(
        trace::vclos_workload{.jobs = 500, .load = .9, .heavy = true, .seed = seed}(),
        model::catalogue());
    schedule::scheduler always{order::fifo{}, allocate::requested{}, chain(own), route::source{}};
    schedule::scheduler pays{order::fifo{}, allocate::requested{}, chain(fewer), route::source{},
                             admit::paying{chain(own)}};
    const auto a = sim::run(dc, jobs, always), b = sim::run(dc, jobs, pays);
    CHECK(a.mean_slowdown == doctest::Approx(1).epsilon(1e-4));  // circuits that move pause jobs
    for (const auto& j : b.records) thin_ones += j.slowdown > 1.01;
    sum_always += a.mean_jct_s;
    sum_pays += b.mean_jct_s;
  }
  CHECK(thin_ones > 0);
  CHECK(thin_ones < 100);
  CHECK(sum_pays < sum_always);
}
