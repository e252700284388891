// What one round decides: by priority, by choice against brute force, and by divisions that remember.
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/round.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/share/share.hpp>

using namespace heddle;
using doctest::Approx;

static_assert(share::RoundPolicy<share::by_share<share::max_min>>);
static_assert(share::RoundPolicy<share::by_share<share::finish_time_fairness_so_far>>);
static_assert(share::RoundPolicy<share::by_share<share::first_come>>);
static_assert(share::RoundPolicy<share::rate_by_time_left>);
static_assert(!share::RoundPolicy<share::max_min>);

namespace {

// A round of jobs that have just come.
struct first_round {
  share::problem jobs;
  std::vector<std::uint32_t> id, before;
  std::vector<double> held_s, type_held_s;
  double now_s = 0, switch_s = 0;
  bool changed = true;

  explicit first_round(share::problem p) : jobs(std::move(p)) {
    const std::size_t n = jobs.jobs();
    id.resize(n);
    std::iota(id.begin(), id.end(), 0U);
    before.assign(n, share::no_type);
    held_s.assign(n, 0);
    type_held_s.assign(jobs.types(), 0);
    if (jobs.gpus.empty()) jobs.gpus.assign(n, 1);
    if (jobs.weight.empty()) jobs.weight.assign(n, 1);
    if (jobs.steps.empty()) jobs.steps.assign(n, 1e6);
    if (jobs.elapsed_s.empty()) jobs.elapsed_s.assign(n, 0);
  }
  [[nodiscard]] share::round_view view() const {
    return {jobs, id, before, held_s, type_held_s, now_s, 360, switch_s, changed};
  }
  template <class Policy>
  std::vector<std::uint32_t> decide(Policy& policy) const {
    std::vector<std::uint32_t> type;
    policy(view(), type);
    CHECK(share::broken_promise(view(), type).empty());
    return type;
  }
  // Everybody held for the whole round what was decided.
  void pass(const std::vector<std::uint32_t>& type) {
    before = type;
    std::fill(type_held_s.begin(), type_held_s.end(), 0);
    for (std::size_t i = 0; i < type.size(); ++i) {
      held_s[i] = type[i] == share::no_type ? 0 : 360;
      if (type[i] != share::no_type) type_held_s[type[i]] += 360;
    }
    now_s += 360;
    changed = false;
  }
};

constexpr auto waits = share::no_type;

}  // namespace

TEST_CASE("a broken promise of a round is said in a sentence") {
  const first_round r({.capacity = {1, 2}, .throughput = {1, 0, 1, 1}});
  CHECK(share::broken_promise(r.view(), {0, 1}).empty());
  CHECK(share::broken_promise(r.view(), {waits, waits}).empty());
  CHECK(share::broken_promise(r.view(), {0}) == "1 types for 2 jobs");
  CHECK(share::broken_promise(r.view(), {2, 0}) == "job 0 on a type that there is not");
  CHECK(share::broken_promise(r.view(), {1, 0}) == "job 0 on a type on which it does not run");
  CHECK(share::broken_promise(r.view(), {0, 0}) == "2.000000 GPUs of type 0 of 1.000000");
}

TEST_CASE("two equal jobs of one GPU take turns by their priorities") {
  first_round r({.capacity = {1}, .throughput = {1, 1}});
  share::by_share<share::max_min> policy;
  std::vector<int> had(2, 0);
  std::vector<std::uint32_t> last;
  for (int round = 0; round < 10; ++round) {
    const auto type = r.decide(policy);
    CHECK(std::count(type.begin(), type.end(), 0U) == 1);
    CHECK(type != last);
    last = type;
    for (std::size_t i = 0; i < 2; ++i) had[i] += type[i] == 0;
    r.pass(type);
  }
  CHECK(had == std::vector<int>{5, 5});
}

TEST_CASE("time on a type goes by the fractions of a division") {
  // The first job has weight 3: three quarters of the only type.
  first_round r({.capacity = {1}, .throughput = {1, 1}, .weight = {3, 1}});
  share::by_share<share::max_min> policy;
  int first = 0;
  for (int round = 0; round < 400; ++round) {
    const auto type = r.decide(policy);
    first += type[0] == 0;
    r.pass(type);
  }
  CHECK(first == doctest::Approx(300).epsilon(0.01));
}

TEST_CASE("a job that keeps its type is served before one that is owed as much") {
  const auto turns = [](double keep) {
    first_round r({.capacity = {1}, .throughput = {1, 1}});
    share::by_share<share::max_min> policy({}, {.keep = keep});
    std::size_t out = 0;
    for (int round = 0; round < 100; ++round) {
      const auto type = r.decide(policy);
      out += type != r.before;
      r.pass(type);
    }
    return out;
  };
  CHECK(turns(0) == 100);
  CHECK(turns(0.1) < 50);
  CHECK(turns(0.1) > 1);
}

TEST_CASE("no GPU is idle that a waiting job could use unless only shares count") {
  // FIFO shares one GPU of each type; the third job has no share and takes what the second cannot use.
  first_round r({.capacity = {1, 1}, .throughput = {2, 1, 2, 1, 2, 1}, .gpus = {1, 1, 1}});
  share::by_share<share::fifo> all, some({}, {.only_shared = true});
  CHECK(r.decide(all) == std::vector<std::uint32_t>{0, 1, waits});
  CHECK(r.decide(some) == std::vector<std::uint32_t>{0, 1, waits});
  first_round wide({.capacity = {1, 1}, .throughput = {2, 0, 2, 0, 0, 1}});
  CHECK(wide.decide(all) == std::vector<std::uint32_t>{0, waits, 1});
  share::by_share<share::fifo> fresh({}, {.only_shared = true});
  CHECK(wide.decide(fresh) == std::vector<std::uint32_t>{0, waits, waits});
}

TEST_CASE("jobs of which the last division knows nothing hold GPUs or run as asked") {
  const auto second_round = [](share::by_share_options options) {
    first_round r({.capacity = {2}, .throughput = {1}});
    r.now_s = 10;  // a division at 0 s would not count
    share::by_share<share::max_min> policy({}, options);
    r.pass(r.decide(policy));
    first_round next({.capacity = {2}, .throughput = {1, 1}});
    next.before[0] = 0;
    next.now_s = r.now_s;
    return next.decide(policy);
  };
  CHECK(second_round({.newcomers_hold = true}) == std::vector<std::uint32_t>{0, waits});
  CHECK(second_round({.newcomers_hold = false}) == std::vector<std::uint32_t>{0, 0});
  CHECK(second_round({.least_between_s = 0}) == std::vector<std::uint32_t>{0, 0});
}

TEST_CASE("the choice of a round is the best of all choices on 300 small cases") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 0, "round choice");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    const std::size_t n = 1 + static_cast<std::size_t>(7 * unit());
    share::problem p{.capacity = {std::floor(1 + 4 * unit()), std::floor(1 + 4 * unit())}};
    for (std::size_t i = 0; i < n; ++i) {
      p.gpus.push_back(1 << static_cast<int>(3 * unit()));
      p.weight.push_back(1 + std::floor(2 * unit()));
      p.steps.push_back(1 + 1e5 * unit());
      for (int j = 0; j < 2; ++j) p.throughput.push_back(unit() < 0.15 ? 0 : 0.2 + 10 * unit());
      if (p.throughput[2 * i] == 0 && p.throughput[2 * i + 1] == 0) p.throughput[2 * i] = 1;
    }
    first_round r(p);
    for (std::size_t i = 0; i < n; ++i)
      if (unit() < 0.3) r.before[i] = p.throughput[2 * i] > 0 ? 0 : 1;
    r.switch_s = unit() < 0.5 ? 0 : 30;
    const share::rate_by_time_left_options options{
        .exponent = unit() * 1.2, .keep = 0.1 * unit(), .gap = 0};
    const auto value = [&](std::size_t i, std::uint32_t j) {
      if (j == waits) return 0.0;
      const double best = std::max(p.throughput[2 * i], p.throughput[2 * i + 1]),
                   rate = p.throughput[2 * i + j];
      double v = p.weight[i] * rate / best / std::pow(p.steps[i] / best, options.exponent);
      if (r.before[i] == j) return v * (1 + options.keep);
      const double runs_s = std::min(360.0, p.steps[i] / rate + r.switch_s);
      return v * (1 - r.switch_s / runs_s);
    };
    std::vector<std::uint32_t> type(n, waits);
    double best = 0;
    const std::function<void(std::size_t)> all = [&](std::size_t i) {
      if (i == n) {
        if (!share::broken_promise(r.view(), type).empty()) return;
        double sum = 0;
        for (std::size_t k = 0; k < n; ++k) sum += value(k, type[k]);
        best = std::max(best, sum);
        return;
      }
      for (const std::uint32_t j : {0U, 1U, waits}) {
        type[i] = j;
        all(i + 1);
      }
    };
    all(0);
    share::rate_by_time_left policy(options);
    const auto chosen = r.decide(policy);
    double got = 0;
    for (std::size_t i = 0; i < n; ++i) got += value(i, chosen[i]);
    CHECK(got == Approx(best).epsilon(1e-9));
    CHECK(policy.worst_gap() <= 1e-9);
  }
}

TEST_CASE("isolated time so far adds what was done under the shares of its time") {
  // Alone, a job of one GPU has all of one type; with a second one, half of it.
  first_round r({.capacity = {1}, .throughput = {1}, .steps = {1'000}});
  share::finish_time_fairness_so_far policy;
  share::workspace space;
  share::answer out;
  policy(r.view(), space, out);
  CHECK(out.objective == Approx(1));  // 1 000 s alone, of 1 000 s
  first_round two(
      {.capacity = {1}, .throughput = {1, 1}, .steps = {600, 600}, .elapsed_s = {400, 0}});
  policy(two.view(), space, out);
  // Job 0: 400 s done alone and 600 steps at half the rate: isolated 400 + 1 200; job 1: 1 200.
  share::problem p = two.jobs;
  p.isolated_s = {1'600, 1'200};
  CHECK(out.objective == Approx(share::finish_time_fairness{}(p).objective));
}

TEST_CASE("first come keep their types and the first without room holds up all behind it") {
  first_round r({.capacity = {1, 2}, .throughput = {1, 1, 1, 1, 1, 1, 1, 1}, .gpus = {1, 2, 1, 1}});
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    share::first_come policy(seed);
    share::workspace space;
    share::answer out;
    policy(r.view(), space, out);
    // Job 0 takes either type. On type 0: job 1 takes type 1, job 2 waits. On type 1: job 1 waits, and all behind.
    const auto x = out.x;
    if (x[0] == 1)
      CHECK(x == std::vector<double>{1, 0, 0, 1, 0, 0, 0, 0});
    else
      CHECK(x == std::vector<double>{0, 1, 0, 0, 0, 0, 0, 0});
    policy(r.view(), space, out);
    CHECK(out.x == x);
  }
}
