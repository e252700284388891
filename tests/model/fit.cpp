#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>
#include <heddle/model/conformance.hpp>
#include <heddle/model/detail/nnls.hpp>

#include "support/known_job.hpp"

using namespace heddle;
using namespace heddle::model;

namespace {

/// A design that identifies every parameter.
std::vector<sample> full_design() {
  std::vector<sample> samples;
  for (int n : {1, 2, 4, 8, 16, 32, 64})
    for (double b : {8.0, 32.0, 128.0, 256.0})
      for (double f : {0.6, 0.9, 1.4}) {
        sample s;
        s.config = {n, (n + 7) / 8, b, f};
        samples.push_back(s);
      }
  return samples;
}

void measure(std::vector<sample>& samples, const powerflow_throughput& truth, double sigma,
             std::uint64_t trial) {
  stream random(2024, trial, "noise");
  boost::random::normal_distribution<double> normal;
  for (sample& s : samples) s.iteration_s = truth(s.config).total_s * (1 + sigma * normal(random));
}

std::map<std::string, double> by_name(const powerflow_throughput& m) {
  return {{"a0_s", m.a0_s},           {"a1_s_ghz", m.a1_s_ghz},   {"b0_s", m.b0_s},
          {"b1_s_ghz", m.b1_s_ghz},   {"alpha_r_s", m.alpha_r_s}, {"beta_r_s", m.beta_r_s},
          {"alpha_n_s", m.alpha_n_s}, {"beta_n_s", m.beta_n_s},   {"gamma", m.gamma}};
}

const powerflow_throughput& interior = test::known_job;

std::vector<sample> clock_rows(std::vector<std::array<double, 3>> rows) {
  std::vector<sample> samples;
  for (const auto& [mhz, ms, watts] : rows) {
    sample s;
    s.config.clock_ghz = mhz / 1e3;
    s.iteration_s = ms / 1e3;
    s.power_w = watts;
    samples.push_back(s);
  }
  return samples;
}

// Measured points: V100 running binomialOptions, A4000 running an fp32 kernel, RTX 3080 Ti training
// ResNet-18 (MHz, ms, W).
const auto v100 = clock_rows({{502, 17.191, 63.8},
                              {600, 14.159, 72.8},
                              {705, 11.872, 83.2},
                              {802, 10.179, 89.4},
                              {945, 8.589, 102.2},
                              {1087, 7.466, 122.4},
                              {1237, 6.564, 153.1},
                              {1380, 5.935, 200.6}});
const auto a4000 = clock_rows({{405, 332.6, 43.9},
                               {780, 172.7, 59.0},
                               {1155, 116.7, 72.2},
                               {1335, 100.9, 79.9},
                               {1530, 88.2, 103.0},
                               {1710, 78.8, 133.8}});
const auto rtx3080ti = clock_rows({{1177, 1e3 / 42.93, 191.5},
                                   {1628, 1e3 / 52.50, 231.0},
                                   {1763, 1e3 / 54.94, 276.7},
                                   {1842, 1e3 / 56.34, 310.2}});

const parameter_estimate& parameter(const std::vector<parameter_estimate>& all,
                                    const std::string& name) {
  return *std::find_if(all.begin(), all.end(), [&](auto& e) { return e.name == name; });
}

}  // namespace

TEST_CASE("interior parameters are recovered from samples without noise") {
  constexpr double recovery = 1e-6;  // relative
  for (std::uint64_t k = 0; k < 40; ++k) {
    CAPTURE(k);
    stream s(77, k, "truth");
    const auto draw = [&](double low, double high) {
      return low * std::pow(high / low, boost::random::uniform_real_distribution<double>(0, 1)(s));
    };
    const double launch = draw(0.005, 0.1), per_sample = draw(1e-4, 3e-3);
    const powerflow_throughput truth{.a0_s = launch * draw(0.2, 0.8),
                                     .a1_s_ghz = launch * draw(0.2, 0.8),
                                     .b0_s = per_sample * draw(0.2, 0.8),
                                     .b1_s_ghz = per_sample * draw(0.2, 0.8),
                                     .alpha_r_s = draw(0.02, 0.2),
                                     .beta_r_s = draw(0.003, 0.03),
                                     .alpha_n_s = draw(0.1, 0.5),
                                     .beta_n_s = draw(0.001, 0.01),
                                     .gamma = draw(1.3, 4)};
    auto samples = full_design();
    measure(samples, truth, 0, k);
    const time_fit fit = fit_time(samples);
    const auto found = by_name(fit.model);
    for (const auto& [name, value] : by_name(truth)) {
      CAPTURE(name);
      CHECK(found.at(name) == doctest::Approx(value).epsilon(recovery));
    }
    CHECK(fit.error.worst < recovery);
  }
}

TEST_CASE("parameters at their bounds are recovered too, in what they predict") {
  for (const powerflow_throughput& truth :
       {powerflow_throughput{.b0_s = 0.001}, powerflow_throughput{.a1_s_ghz = 0.02, .gamma = 1},
        powerflow_throughput{.a0_s = 0.01, .b1_s_ghz = 0.001, .alpha_n_s = 0.1, .gamma = 1}}) {
    auto samples = full_design();
    measure(samples, truth, 0, 1);
    CHECK(fit_time(samples).error.worst < 1e-3);
  }
}

TEST_CASE("95 % intervals cover the truth in 90 to 98 % of a thousand noisy trials") {
  constexpr int trials = 1000;
  std::map<std::string, int> covered;
  auto samples = full_design();
  for (std::uint64_t k = 0; k < trials; ++k) {
    measure(samples, interior, 0.03, k);
    const time_fit fit = fit_time(samples);
    for (const auto& [name, value] : by_name(interior)) {
      const parameter_estimate& e = parameter(fit.parameters, name);
      covered[name] += e.low <= value && value <= e.high;
    }
  }
  for (const auto& [name, count] : covered) {
    CAPTURE(name);
    CHECK(count >= 0.90 * trials);
    CHECK(count <= 0.98 * trials);
  }
}

TEST_CASE("outliers hardly move a robust fit") {
  auto samples = full_design();
  measure(samples, interior, 0.01, 5);
  for (std::size_t i = 0; i < samples.size(); i += 12) samples[i].iteration_s *= 3;
  const auto error = [&](bool robust) {
    const time_fit fit =
        fit_time(samples, {.robust = robust, .batch_profile = false, .knee = false});
    fit_error_sum sum;
    for (const sample& s : samples) sum.add(fit(s.config).total_s, interior(s.config).total_s);
    return sum.result().mape;
  };
  CHECK(error(true) < 0.015);
  CHECK(error(true) < error(false) / 3);
}

TEST_CASE("what was not observed is pinned and the report says why") {
  const auto states = [](const std::vector<sample>& samples) {
    const time_fit fit = fit_time(samples);
    for (const parameter_estimate& e : fit.parameters) {
      CHECK(std::isfinite(e.value));
      CHECK((e.state != parameter_state::pinned || !e.why.empty()));
    }
    return fit;
  };
  auto samples = full_design();
  measure(samples, interior, 0.02, 3);
  SUBCASE("one GPU only: synchronisation is free") {
    std::erase_if(samples, [](auto& s) { return s.config.gpus > 1; });
    const time_fit fit = states(samples);
    CHECK(parameter(fit.parameters, "alpha_r_s").state == parameter_state::pinned);
    CHECK(fit.model.sync_s(64, 8) == 0);
  }
  SUBCASE("one server only: across servers is slower than within") {
    std::erase_if(samples, [](auto& s) { return s.config.servers > 1; });
    const time_fit fit = states(samples);
    CHECK(parameter(fit.parameters, "alpha_n_s").state == parameter_state::pinned);
    CHECK(fit.model.alpha_n_s >= 1.1 * fit.model.alpha_r_s);
  }
  SUBCASE("several servers only") {
    std::erase_if(samples, [](auto& s) { return s.config.servers == 1; });
    const time_fit fit = states(samples);
    CHECK(parameter(fit.parameters, "beta_r_s").state == parameter_state::pinned);
  }
  SUBCASE("one batch size: half of the gradient time grows with it") {
    std::erase_if(samples, [](auto& s) { return s.config.local_batch != 32; });
    const time_fit fit = states(samples);
    CHECK(parameter(fit.parameters, "b0_s").state == parameter_state::pinned);
    CHECK(fit.model.b0_s * 32 == doctest::Approx(fit.model.a0_s));
  }
  SUBCASE("one clock: half of the gradient time is core-bound") {
    std::erase_if(samples, [](auto& s) { return s.config.clock_ghz != 0.9; });
    const time_fit fit = states(samples);
    CHECK(parameter(fit.parameters, "a1_s_ghz").state == parameter_state::pinned);
    CHECK(fit.model.a1_s_ghz / 0.9 == doctest::Approx(fit.model.a0_s));
  }
  SUBCASE("no clock: none of it") {
    for (sample& s : samples) s.config.clock_ghz = 0;
    const time_fit fit = states(samples);
    CHECK(fit.model.a1_s_ghz == 0);
    CHECK(!fit.clock_known);
  }
  SUBCASE("a batch of 0 throughout") {
    for (sample& s : samples) s.config.local_batch = 0;
    const time_fit fit = states(samples);
    CHECK(fit.model.b0_s == 0);
    CHECK(fit({4, 1, 0, 0.9}).total_s > 0);
  }
}

TEST_CASE("few samples give finite and sensible predictions everywhere") {
  const grid usual{.gpus = {1, 2, 4, 8, 64}, .clocks_ghz = {0.6, 1.0, 1.4}, .global_batch = 256};
  for (std::uint64_t k = 0; k < 60; ++k) {
    CAPTURE(k);
    auto all = full_design();
    measure(all, interior, 0.05, k);
    stream pick(3, k, "pick");
    std::vector<sample> few;
    for (std::size_t i = 0, n = 2 + k % 8; i < n; ++i) few.push_back(all[pick() % all.size()]);
    if (std::all_of(few.begin(), few.end(), [&](auto& s) { return s.config == few[0].config; }))
      continue;
    const time_fit fit = fit_time(few);
    CHECK(broken_promises(fit.model, usual).empty());
    for (const sample& s : few)  // no wilder than the samples
      CHECK(std::abs(std::log(fit(s.config).total_s / s.iteration_s)) < 0.3);
  }
}

TEST_CASE("duplicated samples change nothing but the certainty") {
  auto samples = full_design();
  measure(samples, interior, 0.03, 9);
  auto doubled = samples;
  doubled.insert(doubled.end(), samples.begin(), samples.end());
  const time_fit one = fit_time(samples, {.batch_profile = false}),
                 two = fit_time(doubled, {.batch_profile = false});
  for (const sample& s : samples)
    CHECK(two(s.config).total_s == doctest::Approx(one(s.config).total_s).epsilon(0.01));
}

TEST_CASE("units do not matter") {
  auto samples = full_design();
  measure(samples, interior, 0.03, 4);
  const time_fit fit = fit_time(samples);
  for (double time : {1e-3, 1e4})
    for (double clock : {1.0, 1e3}) {  // seconds or ms or hours, GHz or MHz
      auto other = samples;
      for (sample& s : other) s.iteration_s *= time, s.config.clock_ghz *= clock;
      const time_fit moved = fit_time(other);
      for (std::size_t i = 0; i < samples.size(); ++i)
        CHECK(moved(other[i].config).total_s ==
              doctest::Approx(time * fit(samples[i].config).total_s).epsilon(1e-3));
    }
}

TEST_CASE("what cannot be identified or is no measurement is refused with a sentence") {
  auto samples = full_design();
  measure(samples, interior, 0, 1);
  CHECK_THROWS_AS((void)fit_time(std::vector<sample>{}), input_error);
  CHECK_THROWS_WITH_AS((void)fit_time(std::vector<sample>{samples[0]}),
                       doctest::Contains("at least 2 different configurations"), input_error);
  CHECK_THROWS_AS((void)fit_time(std::vector<sample>{samples[0], samples[0]}), input_error);
  for (double bad : {0.0, -1.0, double(NAN), double(INFINITY)}) {
    auto broken = samples;
    broken[3].iteration_s = bad;
    CHECK_THROWS_WITH_AS((void)fit_time(broken), doctest::Contains("sample 3"), input_error);
    broken = samples;
    broken[3].power_w = bad;
    CHECK_THROWS_AS((void)fit_time(broken), input_error);
  }
  auto broken = samples;
  broken[2].config.clock_ghz = 0;
  CHECK_THROWS_AS((void)fit_time(broken), input_error);
  const time_fit fit = fit_time(samples);
  CHECK_THROWS_WITH_AS((void)fit_power(samples, fit), doctest::Contains("power"), input_error);
}

TEST_CASE("measured points over the clock are met as closely as published fits") {
  // Mean absolute errors of plain fits to the same rows.
  struct row {
    const std::vector<sample>* samples;
    double ridge, time;
  };
  for (const row& r :
       {row{&v100, 0.0155, 0.0198}, row{&a4000, 0.0083, 0.005}, row{&rtx3080ti, 0.0096, 0.018}}) {
    const time_fit time = fit_time(*r.samples);
    const power_fit ridge = fit_power(*r.samples, time);
    const power_fit cubic = fit_power(*r.samples, time, {.form = power_form::cubic});
    CHECK(time.error.mape <= r.time);
    CHECK(ridge.error.mape <= r.ridge);
    CHECK(cubic.error.mape <= 0.046);
    CHECK(ridge.error.mape < cubic.error.mape);
  }
}

TEST_CASE("the V100 rows show a knee below 0.9 GHz") {
  const time_fit fit = fit_time(v100);
  CHECK(fit.model.knee_ghz > 0.7);
  CHECK(fit.model.knee_ghz < 1.0);
  CHECK(fit.error.mape < fit_time(v100, {.knee = false}).error.mape / 2);
}

TEST_CASE("a ridge and a cubic are recovered from powers without noise") {
  const ridge_power ridge{25, 90, 0.95, 0.7};
  const cubic_power cubic{30, 20, 45};
  std::vector<sample> samples;
  for (double f = 0.5; f < 1.6; f += 0.1) {
    sample s;
    s.config.clock_ghz = f;
    s.iteration_s = 0.1 / f;
    s.power_w = ridge(f, 1);
    samples.push_back(s);
  }
  const time_fit time = fit_time(samples);
  const power_fit found = fit_power(samples, time);
  CHECK(found.ridge.static_w == doctest::Approx(ridge.static_w).epsilon(1e-6));
  CHECK(found.ridge.dynamic_w_per_ghz == doctest::Approx(ridge.dynamic_w_per_ghz).epsilon(1e-6));
  CHECK(found.ridge.ridge_ghz == doctest::Approx(ridge.ridge_ghz).epsilon(1e-6));
  CHECK(found.ridge.slope_per_ghz == doctest::Approx(ridge.slope_per_ghz).epsilon(1e-6));
  for (sample& s : samples) s.power_w = cubic(s.config.clock_ghz, 1);
  const power_fit third = fit_power(samples, time, {.form = power_form::cubic});
  CHECK(third.cubic.static_w == doctest::Approx(cubic.static_w).epsilon(1e-6));
  CHECK(third.cubic.linear_w_per_ghz == doctest::Approx(cubic.linear_w_per_ghz).epsilon(1e-6));
  CHECK(third.cubic.cubic_w_per_ghz3 == doctest::Approx(cubic.cubic_w_per_ghz3).epsilon(1e-6));
}

TEST_CASE("power limits stand for clocks that nobody observed") {
  // Made data: a ridge turns each limit into a clock.
  const ridge_power ridge{40, 120, 1.0, 0.6};
  const powerflow_throughput truth{.a0_s = 0.01, .b0_s = 0.0004, .b1_s_ghz = 0.002};
  std::vector<sample> samples;
  for (double limit : {100, 125, 150, 175, 200, 225, 250})
    for (double b : {8, 32, 128}) {
      sample s;
      const double f = continuous_clock_at(ridge, limit, 1.4);
      s.config = {1, 1, b, 0};
      s.iteration_s = truth.compute_s(b, f);
      s.power_w = ridge(f, 1);
      s.power_limit_w = limit;
      samples.push_back(s);
    }
  const time_fit time = fit_time(samples);
  const power_fit power = fit_power(samples, time);
  CHECK(time.by_limit);
  CHECK(time.error.mape < 0.005);
  CHECK(power.error.mape < 0.005);
  SUBCASE("and limits in between are predicted") {
    for (double limit : {110.0, 160.0, 240.0}) {
      const double f = continuous_clock_at(ridge, limit, 1.4);
      const configuration c{1, 1, 32, 0};
      const step_time t = time(c, limit);
      CHECK(t.total_s == doctest::Approx(truth.compute_s(32, f)).epsilon(0.02));
      CHECK(power(c, t, time.clock(0, limit), limit) == doctest::Approx(ridge(f, 1)).epsilon(0.02));
    }
  }
}

TEST_CASE("non-negative least squares satisfies the optimality conditions") {
  for (std::uint64_t k = 0; k < 200; ++k) {
    stream s(9, k, "nnls");
    boost::random::normal_distribution<double> normal;
    model::detail::matrix a(12, 5);
    model::detail::vector y(12);
    for (std::size_t i = 0; i < 12; ++i) {
      y[i] = normal(s);
      for (std::size_t j = 0; j < 5; ++j) a(i, j) = normal(s);
    }
    const model::detail::vector x = model::detail::nonnegative_least_squares(a, y);
    model::detail::vector rest = a * x;
    for (std::size_t i = 0; i < 12; ++i) rest[i] = y[i] - rest[i];
    for (std::size_t j = 0; j < 5; ++j) {
      const double gradient = model::detail::dot(a.column(j), rest);
      CHECK(x[j] >= 0);
      if (x[j] > 0)
        CHECK(std::abs(gradient) < 1e-9);
      else
        CHECK(gradient < 1e-9);
    }
  }
}
