#include <heddle/model/refine.hpp>
#include <heddle/model/suggest.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>

#include "support/allocation_guard.hpp"
#include "support/known_job.hpp"

using namespace heddle;
using namespace heddle::model;

namespace {

const powerflow_throughput& truth = test::known_job;

std::vector<sample> candidates() {
  std::vector<sample> out;
  for (int n : {1, 2, 4, 8, 16, 32})
    for (double b : {8.0, 64.0, 256.0})
      for (double f : {0.6, 1.0, 1.4}) {
        sample s;
        s.config = {n, (n + 7) / 8, b, f};
        out.push_back(s);
      }
  return out;
}

sample measured(sample s, double factor, std::uint64_t draw, double sigma = 0.03) {
  stream random(8, draw, "noise");
  boost::random::normal_distribution<double> normal;
  s.iteration_s = truth(s.config).total_s * factor * std::exp(sigma * normal(random));
  return s;
}

time_fit first_fit() {
  std::vector<sample> samples = candidates();
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = measured(samples[i], 1, i);
  return fit_time(samples);
}

}  // namespace

TEST_CASE("online refinement comes nearer to the truth sample by sample") {
  const auto all = candidates();
  const auto error = [&](const time_fit& fit) {
    fit_error_sum sum;
    for (const sample& s : all) sum.add(fit(s.config).total_s, truth(s.config).total_s);
    return sum.result().mape;
  };
  const time_fit start = first_fit();
  online_fit online(start);
  for (std::uint64_t k = 0; k < 2000; ++k)
    (void)online.refine(measured(all[k % all.size()], 1, 1000 + k));
  CHECK(error(online.fit()) < error(start));
  CHECK(error(online.fit()) < 0.005);
}

TEST_CASE("refining one by one ends where a fit of all samples ends") {
  const auto all = candidates();
  std::vector<sample> together;
  online_fit online(first_fit());
  for (std::size_t i = 0; i < all.size(); ++i) together.push_back(measured(all[i], 1, i));
  for (std::uint64_t k = 0; k < 300; ++k) {
    together.push_back(measured(all[k % all.size()], 1, 5000 + k));
    (void)online.refine(together.back());
  }
  const time_fit batch = fit_time(together, {.batch_profile = false, .knee = false});
  constexpr double nearness = 0.01;
  for (const sample& s : all)
    CHECK(online.fit()(s.config).total_s ==
          doctest::Approx(batch(s.config).total_s).epsilon(nearness));
}

TEST_CASE("a job that becomes slower is noticed soon, noise is not mistaken for it") {
  const auto all = candidates();
  int late = 0, alarms = 0;
  for (std::uint64_t trial = 0; trial < 50; ++trial) {
    online_fit online(first_fit());
    for (std::uint64_t k = 0; k < 100; ++k)
      (void)online.refine(measured(all[(7 * k) % all.size()], 1, 10'000 + 1000 * trial + k));
    if (online.drifted()) ++alarms;
    online.accept_drift(1);
    std::uint64_t k = 0;
    while (k < 100 &&
           !online.refine(measured(all[(7 * k) % all.size()], 1.08, 90'000 + 1000 * trial + k))
                .drifted)
      ++k;
    late += k > 12;
  }
  CHECK(alarms <= 3);
  CHECK(late <= 2);
}

TEST_CASE("after an accepted drift the new speed is learnt") {
  const auto all = candidates();
  online_fit online(first_fit());
  std::uint64_t k = 0;
  while (!online.refine(measured(all[k % all.size()], 1.3, 200 + k)).drifted) ++k;
  online.accept_drift(0.01);
  for (std::uint64_t i = 0; i < 200; ++i)
    (void)online.refine(measured(all[i % all.size()], 1.3, 3000 + i));
  for (const sample& s : all)
    CHECK(online.fit()(s.config).total_s ==
          doctest::Approx(1.3 * truth(s.config).total_s).epsilon(0.05));
}

TEST_CASE("one refinement allocates nothing") {
  online_fit online(first_fit());
  const sample s = measured(candidates()[5], 1, 77);
  (void)online.refine(s);
  test::allocation_guard guard;
  const refinement r = online.refine(s);
  const auto allocated = guard.count();
  CHECK(allocated == 0);
  CHECK(r.predicted_s > 0);
}

TEST_CASE("options of a refinement out of range are refused") {
  CHECK_THROWS_AS(online_fit(first_fit(), {.forgetting = 0}), input_error);
  CHECK_THROWS_AS(online_fit(first_fit(), {.drift_limit = 0}), input_error);
}

TEST_CASE("suggestions are distinct, reproducible and work from nothing on") {
  const auto all = candidates();
  for (information about : {information::predictions, information::parameters}) {
    std::vector<sample> seen;
    std::set<std::size_t> chosen;
    for (std::uint64_t k = 0; k < 12; ++k) {
      const suggestion next = suggest_sample(seen, all, {.about = about});
      CHECK(next.candidate == suggest_sample(seen, all, {.about = about}).candidate);
      CHECK(chosen.insert(next.candidate).second);
      CHECK(next.deviation > 0);
      seen.push_back(measured(all[next.candidate], 1, k));
    }
    const time_fit fit = fit_time(seen);
    fit_error_sum sum;
    for (const sample& s : all) sum.add(fit(s.config).total_s, truth(s.config).total_s);
    CHECK(sum.result().mape < 0.06);
  }
}

TEST_CASE("a batch of suggestions is what one after another would be without surprises") {
  const auto all = candidates();
  const auto batch = suggest_samples({}, all, 5);
  CHECK(std::set<std::size_t>(batch.begin(), batch.end()).size() == 5);
  CHECK(batch.front() == suggest_sample({}, all).candidate);
}

TEST_CASE("suggesting from nothing, or when all was measured, is refused") {
  CHECK_THROWS_AS((void)suggest_sample({}, {}), input_error);
  std::vector<sample> all = candidates();
  all.resize(3);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = measured(all[i], 1, i);
  CHECK_THROWS_AS((void)suggest_sample(all, all), input_error);
  CHECK(suggest_sample(all, all, {.repeat = true}).candidate < 3);
}
