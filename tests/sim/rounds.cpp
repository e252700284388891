// Jobs over several types of GPU by rounds: rules on small cases, promises on random ones.
#include <heddle/sim/rounds.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>

using namespace heddle;
using doctest::Approx;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// A policy that gives every job the first type with room, in the order of submission.
struct first_fit {
  void operator()(const share::round_view& now, std::vector<std::uint32_t>& type) const {
    std::vector<double> free = now.jobs.capacity;
    type.assign(now.jobs.jobs(), share::no_type);
    for (std::size_t i = 0; i < type.size(); ++i)
      for (std::size_t j = 0; j < free.size() && type[i] == share::no_type; ++j)
        if (now.jobs.row(i)[j] > 0 && now.jobs.gpus_of(i) <= free[j]) {
          free[j] -= now.jobs.gpus_of(i);
          type[i] = static_cast<std::uint32_t>(j);
        }
  }
};

sim::typed_jobs random_jobs(std::uint64_t seed, std::size_t count) {
  stream bits(seed, 0, "typed jobs");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  sim::typed_jobs all;
  all.jobs.capacity = {4, 6, 8};
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    all.submit_s.push_back(at);
    if (unit() < 0.7) at += 600 * unit();
    all.jobs.gpus.push_back(1 << static_cast<int>(3 * unit()));
    all.jobs.weight.push_back(1);
    const double base = 1 + 30 * unit();
    for (int j = 0; j < 3; ++j)
      all.jobs.throughput.push_back(j > 0 && unit() < 0.1 ? 0 : base * (0.2 + unit()));
    all.jobs.steps.push_back(1 + std::floor(base * 4'000 * unit() * unit()));
  }
  return all;
}

// All that must hold of a run whatever the policy: no type oversubscribed in any round, no round longer than its
// length, and the steps that each job was given time for are those that it had.
template <class Policy>
void check_run(const sim::typed_jobs& all, Policy policy, const sim::round_options& rules) {
  double last_s = -1;
  std::size_t calls = 0;
  const auto report =
      sim::run_rounds(all, policy, rules,
                      [&](const share::round_view& view, const std::vector<std::uint32_t>& type) {
                        ++calls;
                        std::vector<double> used(all.jobs.types(), 0);
                        for (std::size_t i = 0; i < type.size(); ++i) {
                          if (type[i] == share::no_type) continue;
                          used[type[i]] += view.jobs.gpus[i];
                          CHECK(view.jobs.row(i)[type[i]] > 0);
                        }
                        for (std::size_t j = 0; j < used.size(); ++j)
                          CHECK(used[j] <= all.jobs.capacity[j]);
                        CHECK(view.now_s >= last_s);
                        last_s = view.now_s;
                      });
  CHECK(calls >= report.rounds);
  double last = 0;
  for (std::size_t i = 0; i < report.jobs.size(); ++i) {
    const double* rate = all.jobs.row(i);
    const double best = *std::max_element(rate, rate + 3);
    const sim::round_outcome& job = report.jobs[i];
    CHECK(job.start_s >= all.submit_s[i]);
    CHECK(job.finish_s - job.start_s >= (all.jobs.steps[i] / best + rules.switch_s) * (1 - 1e-9));
    CHECK(job.switches >= 1);
    last = std::max(last, job.finish_s);
  }
  CHECK(report.makespan_s == last - all.submit_s[0]);
  CHECK(report.makespan_s >= sim::least_makespan_s(all) * (1 - 1e-9));
  for (double busy : report.busy) CHECK(busy <= 1 + 1e-9);
}

template <class Policy>
void check_all_rules(const sim::typed_jobs& all, const Policy& policy) {
  for (const double round_s : {60.0, 360.0})
    for (const double switch_s : {0.0, 20.0})
      for (const bool whole : {false, true})
        check_run(all, policy, {.round_s = round_s, .switch_s = switch_s, .whole_steps = whole});
}

}  // namespace

TEST_CASE(
    "a round ends when its last job has nothing more to do and later jobs wait for the next") {
  // 10 steps/s; 1 050 s of work, a second job comes in the third round.
  const sim::typed_jobs all{
      {.capacity = {2}, .throughput = {10, 10}, .gpus = {1, 1}, .steps = {10'500, 100}}, {0, 800}};
  first_fit policy;
  const auto report = sim::run_rounds(all, policy);
  CHECK(report.jobs[0].finish_s == Approx(1050));
  CHECK(report.jobs[1].start_s ==
        Approx(1050));  // the third round ends with the first job, at 1 050 s
  CHECK(report.jobs[1].finish_s == Approx(1060));
  CHECK(report.rounds == 4);
  CHECK(report.mean_jct_s == Approx((1050 + 260) / 2.0));
  CHECK(report.makespan_s == Approx(1060));
  CHECK(report.busy[0] == Approx((1050 + 10) / (2 * 1060.0)));
}

TEST_CASE("a job does whole steps only and idles for the rest of a round") {
  // 0.99 s a step: 363 steps in 360 s, and then 0.63 s idle. The other job makes each round 360 s long.
  const sim::typed_jobs all{
      {.capacity = {2}, .throughput = {1 / 0.99, 1}, .gpus = {1, 1}, .steps = {726, 720}}, {0, 0}};
  first_fit policy;
  CHECK(sim::run_rounds(all, policy).jobs[0].finish_s == Approx(360 + 363 * 0.99));
  CHECK(sim::run_rounds(all, policy, {.whole_steps = false}).jobs[0].finish_s ==
        Approx(726 * 0.99));
}

TEST_CASE("a job that starts on a type loses the time of a switch and one that stays loses none") {
  const sim::typed_jobs all{{.capacity = {1}, .throughput = {10}, .gpus = {1}, .steps = {9'000}},
                            {0}};
  first_fit policy;
  const auto report = sim::run_rounds(all, policy, {.switch_s = 30});
  CHECK(report.jobs[0].finish_s == Approx(930));
  CHECK(report.switches == 1);
  const auto at_events = sim::run_rounds(all, policy, {.round_s = infinity, .switch_s = 30});
  CHECK(at_events.jobs[0].finish_s == Approx(930));
  CHECK(at_events.rounds == 1);
}

TEST_CASE("decisions at events come with submissions and ends only") {
  const sim::typed_jobs all{
      {.capacity = {1}, .throughput = {10, 10}, .gpus = {1, 1}, .steps = {1'000, 1'000}}, {0, 30}};
  first_fit policy;
  const auto report = sim::run_rounds(all, policy, {.round_s = infinity});
  CHECK(report.rounds == 3);
  CHECK(report.jobs[0].finish_s == Approx(100));
  CHECK(report.jobs[1].finish_s == Approx(200));
}

TEST_CASE("runs keep their promises under every policy on random jobs") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    const sim::typed_jobs all = random_jobs(seed, 30);
    check_all_rules(all, first_fit{});
    check_all_rules(all, share::by_share<share::max_min>());
    check_all_rules(all,
                    share::by_share<share::max_min_lexicographic>({}, {.newcomers_hold = false}));
    check_all_rules(all, share::by_share<share::finish_time_fairness_so_far>());
    check_all_rules(all, share::by_share<share::makespan>({}, {.one_queue = true}));
    check_all_rules(all, share::by_share<share::fifo>({}, {.only_shared = true}));
    check_all_rules(all, share::by_share(share::first_come{seed}, {.only_shared = true}));
    check_all_rules(all, share::rate_by_time_left());
    for (const double switch_s : {0.0, 20.0})
      check_run(all, share::rate_by_time_left({.keep = 0.1}),
                {.round_s = infinity, .switch_s = switch_s});
  }
}

TEST_CASE("jobs that no run can end and policies that break their promise are refused") {
  first_fit policy;
  const share::problem one{.capacity = {1}, .throughput = {1}, .gpus = {1}, .steps = {10}};
  const auto refuses = [&](share::problem p, std::vector<double> submit_s,
                           const sim::round_options& rules = {}) {
    CHECK_THROWS_AS((void)sim::run_rounds({std::move(p), std::move(submit_s)}, policy, rules),
                    input_error);
  };
  CHECK(sim::run_rounds({one, {0}}, policy).makespan_s == Approx(10));
  share::problem p = one;
  p.gpus = {2};
  refuses(p, {0});
  p = one;
  p.steps = {0};
  refuses(p, {0});
  p = one;
  p.throughput = {0.002};  // not a step in a round
  refuses(p, {0});
  refuses(one, {});
  refuses(one, {0}, {.round_s = 0});
  refuses(one, {0}, {.switch_s = 360});
  const auto nobody = [](const share::round_view& now, std::vector<std::uint32_t>& type) {
    type.assign(now.jobs.jobs(), share::no_type);
  };
  const auto wrong = [](const share::round_view& now, std::vector<std::uint32_t>& type) {
    type.assign(now.jobs.jobs(), 0);
  };
  auto idle = nobody;
  CHECK_THROWS_AS((void)sim::run_rounds({one, {0}}, idle), input_error);
  share::problem two{.capacity = {1}, .throughput = {1, 1}, .gpus = {1, 1}, .steps = {10, 10}};
  auto over = wrong;
  CHECK_THROWS_WITH_AS((void)sim::run_rounds({two, {0, 0}}, over),
                       "a round at 0.000000 s: expected types as a RoundPolicy promises, got "
                       "2.000000 GPUs of type 0 of 1.000000",
                       input_error);
}

TEST_CASE("the same jobs give the same bytes twice") {
  const sim::typed_jobs all = random_jobs(77, 60);
  const auto run = [&](auto policy) {
    const auto report = sim::run_rounds(all, policy);
    std::vector<double> out;
    for (const auto& job : report.jobs) {
      out.push_back(job.start_s);
      out.push_back(job.finish_s);
    }
    return out;
  };
  CHECK(run(share::rate_by_time_left()) == run(share::rate_by_time_left()));
  CHECK(run(share::by_share<share::max_min>()) == run(share::by_share<share::max_min>()));
  CHECK(run(share::by_share(share::first_come{3})) == run(share::by_share(share::first_come{3})));
  CHECK(run(share::by_share(share::first_come{3})) != run(share::by_share(share::first_come{4})));
}
