// Jobs that come one by one, against the same jobs in memory.
#include <heddle/sim/job_source.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#if __has_include(<malloc.h>)
#include <malloc.h>
#endif

#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/decision_text.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>

#include "support/dice.hpp"
#include "support/refusal.hpp"
#include "support/workloads.hpp"

using namespace heddle;

namespace {

const fabric::leaf_spine dc{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

// Jobs drawn one after the other; what is drawn is forgotten.
class drawn_jobs {
 public:
  drawn_jobs(std::uint64_t seed, std::uint32_t jobs, double gap_s)
      : dice_(seed), jobs_(jobs), gap_s_(gap_s), curve_(test::linear_curve({1, 2, 4, 8, 12})) {}

  std::optional<sim::submission> next() {
    if (at_ == jobs_) return std::nullopt;
    constexpr int sizes[] = {1, 2, 4, 8, 12};
    now_s_ += gap_s_ * dice_.real();
    job j = test::make_job(at_++, now_s_, sizes[dice_.index(5)], 10 + 200 * dice_.real());
    j.pattern = collective::ring;
    j.comm_share = .3;
    j.priority = dice_.between(0, 1);
    j.model = "a model with a name that is kept on the heap, " + std::to_string(at_ % 7);
    return sim::submission{std::move(j), &curve_};
  }
  // All of them at once.
  [[nodiscard]] model::workload in_memory() const {
    drawn_jobs again = *this;
    model::workload w;
    w.curves.push_back(curve_);
    while (auto j = again.next()) w.jobs.push_back(std::move(j->spec));
    w.curve_of.assign(w.jobs.size(), 0);
    return w;
  }

 private:
  test::dice dice_;
  std::uint32_t at_ = 0, jobs_;
  double now_s_ = 0, gap_s_;
  model::curve curve_;
};
static_assert(sim::JobSource<drawn_jobs>);

template <class Place>
auto plan_of(Place place) {
  return schedule::scheduler{
      order::fifo{}, allocate::requested{}, place,
      route::ecmp{}, admit::in_order{},     schedule::means{schedule::preempt{}}};
}

// What a run comes to, in text: decisions, and the reports to the last digit.
template <class Jobs, class Plan>
std::string told(Jobs&& jobs, Plan plan, const sim::options& o) {
  std::string out;
  const sim::report r = sim::run(dc, jobs, plan, o, [&](const sim::decision_made& e) {
    schedule::append_text(out, e.now_s, e.what);
  });
  for (double x :
       {r.mean_jct_s, r.p99_jct_s, r.mean_jwt_s, r.mean_slowdown, r.makespan_s, r.mean_ftf,
        r.gpu_utilization, r.energy_j, r.overhead_energy_j, r.lost_gpu_s, r.peak_power_w})
    out += std::to_string(x) + ' ';
  for (std::size_t n : {r.jobs, r.finished, r.events, r.decisions, r.rescales, r.restarts})
    out += std::to_string(n) + ' ';
  for (const sim::job_record& x : r.records)
    out += std::to_string(x.id.value) + ':' + std::to_string(x.finish_s) + ',' +
           std::to_string(x.energy_j) + ',' + std::to_string(x.slowdown) + ' ';
  for (job_id j : r.stuck_jobs) out += std::to_string(j.value) + ' ';
  return out;
}

}  // namespace

TEST_CASE("jobs that come one by one give the decisions and reports of the same jobs in memory") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    sim::options o;
    test::dice d{seed + 100};
    double at_s = 0;
    for (std::uint32_t i = 0; seed % 2 == 1 && i < 40; ++i)
      o.failures.push_back(
          {at_s += 100 * d.real(), static_cast<std::uint32_t>(d.between(0, 7)), i % 2 == 1});
    for (double gap_s : {30., 60., 200.}) {
      drawn_jobs jobs{seed, 400, gap_s}, again{seed, 400, gap_s};
      const model::workload all = jobs.in_memory();
      CHECK(told(jobs, plan_of(place::packed{}), o) == told(all, plan_of(place::packed{}), o));
      CHECK(told(again, plan_of(place::vclos{}), o) == told(all, plan_of(place::vclos{}), o));
    }
  }
}

TEST_CASE("a budget that is too low leaves all jobs of a source waiting") {
  const schedule::scheduler plan{
      order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{}, {.power_budget_w = 1}};
  drawn_jobs jobs{1, 20, 10};
  const model::workload all = jobs.in_memory();
  auto one = plan, other = plan;
  const sim::report a = sim::run(dc, jobs, one), b = sim::run(dc, all, other);
  CHECK(a.status == sim::run_status::budget_too_low);
  CHECK(a.jobs == 20);
  CHECK(a.stuck_jobs == b.stuck_jobs);
}

TEST_CASE("a source without jobs ends at once, and one that goes back in time is refused") {
  struct two_jobs {
    model::curve curve = test::linear_curve({1});
    int left = 2;
    std::optional<sim::submission> next() {
      if (left-- <= 0) return std::nullopt;
      return sim::submission{test::make_job(static_cast<std::uint32_t>(left), left, 1, 1), &curve};
    }
  };
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{}};
  CHECK(sim::run(dc, two_jobs{.left = 0}, plan).jobs == 0);
  CHECK(test::refusal_of([&] { (void)sim::run(dc, two_jobs{}, plan); }) ==
        "job 0: expected jobs in the order of their submission, got an earlier time");
}

#ifdef __GLIBC__
TEST_CASE("the memory of a simulation is that of the jobs that are there, and a few bytes a job") {
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{}};
  std::size_t finished = 0, early = 0, late = 0;
  const std::uint32_t jobs = 60'000;
  (void)sim::run(dc, drawn_jobs{5, jobs, 100}, plan, {.keep_records = false},
                 [&](const sim::finished&) {
                   ++finished;
                   // After quantiles have been put into buckets, and before the end.
                   if (finished == 25'000) early = mallinfo2().uordblks;
                   if (finished == jobs - 1000) late = mallinfo2().uordblks;
                 });
  REQUIRE(finished == jobs);
  const double grown = static_cast<double>(late) - static_cast<double>(early);
  CHECK(grown / (jobs - 26'000) < 40);  // tables that double, of 13 bytes a job; a record takes 128
}
#endif
