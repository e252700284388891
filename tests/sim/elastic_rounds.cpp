// Jobs of several numbers of GPUs by rounds: rules on small cases, the same as fixed numbers where they are fixed, and
// policies beside each other on measured tables.
#include <heddle/sim/rounds.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>
#include <heddle/share/type_blind.hpp>
#include <heddle/trace/elastic_jobs.hpp>

#include "support/shared_data.hpp"

using namespace heddle;
using doctest::Approx;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// Gives the first job what is written for each round, and the last of these for ever.
struct scripted {
  std::vector<share::grant> rounds;
  std::size_t next = 0;
  void operator()(const share::elastic_view& view, std::vector<share::grant>& given) {
    given.assign(view.jobs(), {});
    given[0] = rounds[std::min(next++, rounds.size() - 1)];
  }
};

// A policy of fixed numbers: every job has what it asks for.
template <class Policy>
struct as_asked {
  Policy policy;
  std::vector<std::uint32_t> type;
  void operator()(const share::elastic_view& view, std::vector<share::grant>& given) {
    policy(view.round, type);
    given.assign(view.jobs(), {});
    for (std::size_t i = 0; i < type.size(); ++i)
      if (type[i] != share::no_type) given[i] = {type[i], view.round.jobs.gpus_of(i)};
  }
};

sim::elastic_jobs one_job() {
  sim::elastic_jobs all;
  all.asked.jobs.capacity = {4, 2};
  all.asked.jobs.throughput = {10, 5};
  all.asked.jobs.gpus = {1};
  all.asked.jobs.weight = {1};
  all.asked.jobs.steps = {10'000};
  all.asked.submit_s = {0};
  all.counts = {1, 2, 4};
  all.rate = {10, 18, 30, 5, 9, 0};
  return all;
}

sim::elastic_jobs random_jobs(std::uint64_t seed, std::size_t count) {
  stream bits(seed, 0, "elastic jobs");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  sim::elastic_jobs all;
  all.counts = {1, 2, 4};
  share::problem& p = all.asked.jobs;
  p.capacity = {4, 6, 8};
  double at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    all.asked.submit_s.push_back(at);
    if (unit() < 0.7) at += 600 * unit();
    const auto asked = static_cast<std::size_t>(3 * unit());
    p.gpus.push_back(all.counts[asked]);
    p.weight.push_back(1);
    const double base = 1 + 30 * unit();
    for (std::size_t j = 0; j < 3; ++j) {
      const double speed = base * (0.2 + unit());
      for (std::size_t c = 0; c < 3; ++c)
        all.rate.push_back((j > 0 || c != asked) && unit() < 0.1
                               ? 0
                               : speed * std::pow(all.counts[c], 0.3 + 0.7 * unit()));
      p.throughput.push_back(all.rate[all.rate.size() - 3 + asked]);
    }
    p.steps.push_back(1 + std::floor(base * 4'000 * unit() * unit()));
  }
  return all;
}

bool same(const sim::round_report& a, const sim::round_report& b) {
  bool all = a.mean_jct_s == b.mean_jct_s && a.makespan_s == b.makespan_s && a.busy == b.busy &&
             a.rounds == b.rounds && a.switches == b.switches && a.jobs.size() == b.jobs.size();
  for (std::size_t i = 0; all && i < a.jobs.size(); ++i)
    all = a.jobs[i].start_s == b.jobs[i].start_s && a.jobs[i].finish_s == b.jobs[i].finish_s;
  return all;
}

}  // namespace

TEST_CASE("a job with another number of GPUs or another type loses the time of a start") {
  const sim::elastic_jobs all = one_job();
  // 360 s at 10/s; a start, 330 s at 18/s; none; then a start and 9/s on the other type: 460 steps.
  scripted policy{{{0, 1}, {0, 2}, {}, {1, 2}}};
  const auto report = sim::run_rounds(all, policy, {.switch_s = 30});
  const double left = 10'000 - 330 * 10 - 330 * 18;
  CHECK(report.jobs[0].switches == 3);
  CHECK(report.rounds == 3);
  CHECK(report.makespan_s == Approx(3 * 360 + 30 + left / 9));
  CHECK(report.busy[0] == Approx(360 * (1 + 2) / (4 * report.makespan_s)));
  CHECK(report.busy[1] == Approx((30 + left / 9) * 2 / (2 * report.makespan_s)));
}

TEST_CASE("at events a number of GPUs lasts until a job comes or ends") {
  sim::elastic_jobs all = one_job();
  scripted policy{{{0, 4}}};
  const auto report = sim::run_rounds(all, policy, {.round_s = infinity, .switch_s = 30});
  CHECK(report.rounds == 1);
  CHECK(report.makespan_s == Approx(30 + 10'000 / 30.0));
}

TEST_CASE("jobs that have the GPUs that they ask for run as jobs of fixed numbers to the byte") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const sim::elastic_jobs all = random_jobs(seed, 30);
    for (const sim::round_options& rules :
         {sim::round_options{}, {.round_s = 120, .switch_s = 20, .whole_steps = false}}) {
      share::by_share<share::max_min> fixed;
      as_asked<share::by_share<share::max_min>> elastic;
      CHECK(same(sim::run_rounds(all.asked, fixed, rules), sim::run_rounds(all, elastic, rules)));
    }
  }
}

TEST_CASE("under a choice of numbers every job does its steps and no type has more than it has") {
  for (std::uint64_t seed = 1; seed <= 15; ++seed)
    for (const double round_s : {60.0, 360.0, infinity}) {
      CAPTURE(seed);
      CAPTURE(round_s);
      const sim::elastic_jobs all = random_jobs(seed, 25);
      share::relative_goodput policy;
      std::vector<double> left(25, 0);
      const auto report = sim::run_rounds(
          all, policy, {.round_s = round_s, .switch_s = 10, .whole_steps = false},
          [&](const share::elastic_view& view, const std::vector<share::grant>& given) {
            std::vector<double> used(3, 0);
            for (std::size_t i = 0; i < given.size(); ++i) {
              const std::uint32_t id = view.round.id[i];
              // Since the view before it did no more than its grant of then allows.
              if (left[id] > 0) {
                const double most = view.rate_of(i, view.before[i]) * view.round.held_s[i];
                CHECK(left[id] - view.round.jobs.steps[i] <= most * (1 + 1e-9) + 1e-9);
              }
              left[id] = view.round.jobs.steps[i];
              if (!given[i].waits()) used[given[i].type] += given[i].gpus;
            }
            for (std::size_t j = 0; j < 3; ++j) CHECK(used[j] <= all.asked.jobs.capacity[j]);
          });
      CHECK(policy.worst_gap() <= 1e-3);
      for (std::size_t i = 0; i < 25; ++i) {
        const double* rate = all.rate.data() + i * 9;
        CHECK(report.jobs[i].finish_s - report.jobs[i].start_s >=
              all.asked.jobs.steps[i] / *std::max_element(rate, rate + 9) * (1 - 1e-9));
      }
      for (double busy : report.busy) CHECK(busy <= 1 + 1e-9);
    }
}

TEST_CASE("tables of rates that do not fit their jobs are refused") {
  const auto refused = [](auto change, const std::string& what) {
    sim::elastic_jobs all = one_job();
    change(all);
    scripted policy{{{0, 1}}};
    CHECK_THROWS_WITH_AS((void)sim::run_rounds(all, policy), doctest::Contains(what.c_str()),
                         input_error);
  };
  refused([](auto& all) { all.counts = {1, 1, 4}; }, "rounds.counts[1]");
  refused([](auto& all) { all.rate.pop_back(); }, "rounds.rate: expected 6 entries, got 5");
  refused([](auto& all) { all.asked.jobs.gpus = {3}; }, "rounds.jobs[0].gpus");
  refused([](auto& all) { all.rate[1] = -1; }, "rounds.jobs[0].rate[1]");
  refused([](auto& all) { all.rate[1] = 1e-3; }, "at least one step in a round");
  refused([](auto& all) { all.rate[0] = 11; }, "the rate with the GPUs asked for");
  sim::elastic_jobs all = one_job();
  scripted wide{{{1, 4}}};
  CHECK_THROWS_WITH_AS((void)sim::run_rounds(all, wide),
                       doctest::Contains("job 0 with GPUs on which it does not run"), input_error);
}

TEST_CASE("chosen by goodput jobs end sooner than under shares or with all types taken for one") {
  // 64 GPUs of three types, jobs with measured tables, 30 s for every start; each seed for itself.
  HEDDLE_SHARED_FILE(path, "data/throughput/gavel.csv");
  std::ifstream in(path);
  const auto table =
      trace::read_throughputs(in, "gavel.csv", {"v100", "p100", "k80"}, "consolidated");
  const std::pair<double, std::uint64_t> workloads[] = {{10, 101}, {20, 102}, {20, 103},
                                                        {20, 104}, {20, 105}, {30, 106}};
  for (const auto& [per_hour, seed] : workloads) {
    CAPTURE(per_hour);
    CAPTURE(seed);
    const auto all = trace::synthetic_elastic_jobs(table, {{"v100", 16}, {"p100", 24}, {"k80", 24}},
                                                   {.per_hour = per_hour, .seed = seed});
    sim::round_options rules{.round_s = 60, .switch_s = 30, .whole_steps = false};
    share::relative_goodput chosen;
    const double best = sim::run_rounds(all, chosen, rules).mean_jct_s;
    CHECK(chosen.worst_gap() <= 1e-3);
    const auto elastic = [&](auto policy) {
      return sim::run_rounds(all, policy, rules).mean_jct_s;
    };
    using share::relative_goodput;
    CHECK(best < elastic(share::type_blind<relative_goodput>{}));
    CHECK(best < elastic(share::type_blind{relative_goodput{{.power = -1}}}));
    // Shares switch much: longer rounds, and types that are kept.
    for (const auto& [round_s, keep] : {std::pair{60.0, 1.0}, std::pair{360.0, 0.0}}) {
      rules.round_s = round_s;
      const share::by_share_options o{.least_between_s = 0, .keep = keep, .newcomers_hold = false};
      const auto shares = [&](auto shared) {
        share::by_share policy{shared, o};
        return sim::run_rounds(all.asked, policy, rules).mean_jct_s;
      };
      CHECK(best < shares(share::max_min_lexicographic{}));
      CHECK(best < shares(share::max_throughput{}));
      CHECK(best < shares(share::max_normalized_throughput{}));
      CHECK(best < shares(share::finish_time_fairness_so_far{}));
    }
  }
}
