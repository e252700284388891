// Fits from few counts of GPUs: growth, what is believed, intervals.
#include <heddle/model/fit_time.hpp>
#include <heddle/model/learn.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>
#include <heddle/trace/csv.hpp>

#include "support/shared_data.hpp"

using namespace heddle;
using namespace heddle::model;

namespace {

using samples_t = std::vector<sample>;

double log_uniform(stream& random, double low, double high) {
  return low * std::pow(high / low, boost::random::uniform_real_distribution<double>(0, 1)(random));
}

/// Synchronisation as a ring's with a term for each doubling, at an unknown clock.
powerflow_throughput ring_job(stream& random) {
  powerflow_throughput t;
  t.a0_s = log_uniform(random, 0.01, 0.05);
  t.b0_s = log_uniform(random, 0.0005, 0.005);
  t.alpha_r_s = t.zeta_r_s = log_uniform(random, 0.01, 0.06);
  t.alpha_n_s = t.zeta_n_s = t.alpha_r_s * log_uniform(random, 1.5, 5);
  t.lambda_r_s = t.alpha_r_s * log_uniform(random, 0.03, 0.3);
  t.lambda_n_s = t.alpha_n_s * log_uniform(random, 0.03, 0.3);
  t.bend = log_uniform(random, 1.05, 2);
  t.straggle = log_uniform(random, 0.005, 0.03);
  t.two_servers = log_uniform(random, 0.8, 1.3);
  t.gamma = log_uniform(random, 1.1, 3);
  return t;
}

sample timed(const powerflow_throughput& truth, int gpus, int servers, double batch,
             double factor = 1) {
  sample s;
  s.config = {gpus, servers, batch, 1};
  s.iteration_s = truth(s.config).total_s * factor;
  s.config.clock_ghz = 0;
  return s;
}

/// A global batch cut over ever more GPUs of servers of eight.
samples_t cut_batches(const powerflow_throughput& truth, double sigma, std::uint64_t trial) {
  stream random(31, trial, "noise");
  boost::random::normal_distribution<double> normal;
  samples_t out;
  for (double global : {64.0, 128.0, 256.0, 512.0})
    for (int n : {1, 2, 4, 8, 16, 32, 64})
      if (const double b = global / n; b >= 2 && b <= 256)
        out.push_back(timed(truth, n, (n + 7) / 8, b, std::exp(sigma * normal(random))));
  return out;
}

std::pair<samples_t, samples_t> split(const samples_t& all, const std::set<int>& counts) {
  std::pair<samples_t, samples_t> out;
  for (const sample& s : all)
    (counts.contains(s.config.gpus) ? out.first : out.second).push_back(s);
  return out;
}

struct outcome {
  double mape = 0, covered = 0, rows = 0;
};

outcome held_out(const time_fit& fit, const samples_t& rest) {
  fit_error_sum sum;
  outcome out;
  for (const sample& s : rest) {
    const prediction p = fit.predict(s.config);
    sum.add(p.iteration_s, s.iteration_s);
    out.covered += p.low_s <= s.iteration_s && s.iteration_s <= p.high_s;
  }
  out.mape = sum.result().mape, out.rows = static_cast<double>(rest.size());
  return out;
}

std::vector<measured_table> read_t4(const std::filesystem::path& path) {
  std::ifstream in(path);
  trace::csv_reader rows(in, path.string());
  const auto model = rows.required("model"), gpus = rows.required("gpus"),
             placement = rows.required("placement"), batch = rows.required("batch_size"),
             time = rows.required("step_time_s");
  std::vector<measured_table> out;
  while (rows.next()) {
    sample s;
    const std::string p = rows.text(placement), name = rows.text(model);
    s.config.gpus = rows.integer(gpus, 1, "GPUs");
    s.config.servers = p[0] == 'n' ? std::stoi(p.substr(1)) : static_cast<int>(p.size()) - 1;
    s.config.local_batch = rows.number(batch, 0, "a batch size");
    s.iteration_s = rows.number(time, "a time in s");
    if (out.empty() || out.back().model != name) out.push_back({name, "t4", {}});
    out.back().samples.push_back(s);
  }
  return out;
}

/// How far the median of other placements of the same GPUs, servers and batch is off: what measuring
/// again would give, and no model can be expected to be nearer.
double repeated(const samples_t& rest) {
  std::map<std::tuple<int, int, double>, std::vector<double>> same;
  for (const sample& s : rest)
    same[{s.config.gpus, s.config.servers, s.config.local_batch}].push_back(s.iteration_s);
  fit_error_sum sum;
  for (auto& [key, times] : same)
    for (std::size_t i = 0; times.size() >= 3 && i < times.size(); ++i) {
      std::vector<double> others;
      for (std::size_t k = 0; k < times.size(); ++k)
        if (k != i) others.push_back(times[k]);
      std::sort(others.begin(), others.end());
      const std::size_t half = others.size() / 2;
      sum.add((others[half] + others[(others.size() - 1) / 2]) / 2, times[i]);
    }
  return sum.result().mape;
}

}  // namespace

TEST_CASE("derivatives of the logarithm of a time are those that differences show") {
  const samples_t all = cut_batches(
      powerflow_throughput{.a0_s = 0.02, .b0_s = 0.001, .alpha_r_s = 0.02, .alpha_n_s = 0.06}, 0.02,
      1);
  for (const auto grows : {model::detail::growth::line, model::detail::growth::ring}) {
    const auto start = model::detail::pin(all, grows);
    for (const sample& s : all) {
      const auto at = [&](const std::vector<double>& theta, double* by_u = nullptr) {
        return start.shape.log_time(start.shape.unpack(theta), s.config.gpus, s.config.servers,
                                    s.config.local_batch, 0, 0, by_u);
      };
      std::array<double, model::detail::natural_count> by_u{};
      (void)at(start.theta, by_u.data());
      for (std::size_t k = 0; k < start.theta.size(); ++k) {
        double told = 0;
        for (std::size_t i = 0; i < by_u.size(); ++i)
          if (start.shape.links[i].index == static_cast<int>(k)) told += by_u[i];
        auto up = start.theta, down = start.theta;
        constexpr double h = 1e-5;
        up[k] += h, down[k] -= h;
        CHECK(told == doctest::Approx((at(up) - at(down)) / (2 * h)).epsilon(1e-5).scale(1e-3));
      }
    }
  }
}

TEST_CASE("a ring with doublings and a bend and stragglers is found again without noise") {
  for (std::uint64_t k = 0; k < 20; ++k) {
    CAPTURE(k);
    stream random(78, k, "truth");
    const powerflow_throughput truth = ring_job(random);
    samples_t all;
    for (int n : {1, 2, 3, 4, 6, 8})
      for (double b : {2.0, 8.0, 32.0, 128.0, 256.0}) all.push_back(timed(truth, n, 1, b));
    for (int n : {8, 16, 24, 32, 64})
      for (int servers : {2, 4, 8})
        for (double b : {2.0, 8.0, 32.0, 128.0, 256.0}) all.push_back(timed(truth, n, servers, b));
    const time_fit fit = fit_time(all);
    CHECK(fit.error.worst < 1e-5);
    constexpr double recovery = 1e-3;
    CHECK(fit.model.lambda_n_s == doctest::Approx(truth.lambda_n_s).epsilon(recovery));
    CHECK(fit.model.two_servers == doctest::Approx(truth.two_servers).epsilon(recovery));
    CHECK(fit.model.bend == doctest::Approx(truth.bend).epsilon(recovery));
    CHECK(fit.model.straggle == doctest::Approx(truth.straggle).epsilon(recovery));
  }
}

TEST_CASE("three counts of GPUs tell of a ring on many within 5 %") {
  constexpr int jobs = 40;
  double ring = 0, line = 0;
  for (std::uint64_t k = 0; k < jobs; ++k) {
    stream random(79, k, "truth");
    powerflow_throughput truth = ring_job(random);
    truth.two_servers = 1;  // 16 GPUs are on two: what is theirs alone cannot be told
    const auto [few, rest] = split(cut_batches(truth, 0.015, k), {1, 4, 16});
    ring += held_out(fit_time(few), rest).mape / jobs;
    line += held_out(fit_time(few, {.ring = false}), rest).mape / jobs;
  }
  CHECK(ring < 0.05);
  CHECK(ring < line / 2);
}

TEST_CASE("intervals cover 95 % of what is left out of jobs that are as is believed") {
  time_beliefs honest = time_beliefs{};
  honest.stretch = 1;
  constexpr int jobs = 150;
  double covered = 0, rows = 0;
  for (std::uint64_t k = 0; k < jobs; ++k) {
    stream random(80, k, "truth");
    boost::random::normal_distribution<double> normal;
    // As wild as half of what is believed: wilder jobs leave the range over which a fit is a line.
    const auto drawn = [&](const belief& b) {
      return b.usual * std::exp(0.5 * b.spread * normal(random));
    };
    powerflow_throughput t;
    t.a0_s = log_uniform(random, 0.01, 0.1);
    t.b0_s = t.a0_s * drawn(honest.per_sample) / 32;
    t.alpha_r_s = t.zeta_r_s = (t.a0_s + 32 * t.b0_s) * drawn(honest.within);
    t.alpha_n_s = t.zeta_n_s = t.alpha_r_s * drawn(honest.across);
    t.lambda_r_s = t.alpha_r_s * drawn(honest.doubling_within);
    t.lambda_n_s = t.alpha_n_s * drawn(honest.doubling_across);
    t.two_servers = drawn(honest.two_servers);
    t.bend = 1 + drawn(honest.bend);
    t.straggle = drawn(honest.straggle);
    t.gamma = std::min(10.0, 1 + drawn(honest.overlap));
    const auto [few, rest] = split(cut_batches(t, drawn(honest.noise), k), {1, 4, 16});
    const outcome o = held_out(fit_time(few, {.beliefs = honest}), rest);
    covered += o.covered, rows += o.rows;
  }
  CHECK(covered / rows > 0.90);
  CHECK(covered / rows < 0.98);
}

TEST_CASE("what is learnt from many jobs is what they were drawn from") {
  std::vector<measured_table> tables;
  for (std::uint64_t k = 0; k < 24; ++k) {
    stream random(81, k, "truth");
    tables.push_back({"job " + std::to_string(k), "x", {}});
    const powerflow_throughput truth = ring_job(random);
    for (int n : {1, 2, 4, 8, 16, 32, 64})
      for (int servers : {1, 2, 4, 8})
        for (double b : {4.0, 16.0, 64.0, 256.0})
          if (servers <= n && (servers > 1 || n <= 8))
            tables.back().samples.push_back(timed(truth, n, servers, b));
  }
  const time_beliefs learnt = learn_beliefs(tables);
  // ring_job draws from 0.03 to 0.3: a median of 0.095, and ln 10/√12 = 0.66 about it
  CHECK(learnt.doubling_across.usual == doctest::Approx(0.095).epsilon(0.35));
  CHECK(learnt.doubling_across.spread == doctest::Approx(0.66).epsilon(0.4));
  CHECK(learnt.two_servers.usual == doctest::Approx(1.02).epsilon(0.1));
  CHECK(learnt.straggle.usual == doctest::Approx(0.0122).epsilon(0.35));
  CHECK(learnt.stretch >= 1);
  // Without a table it is what was believed before.
  CHECK(learn_beliefs({}) == time_beliefs{});
  tables[3].samples[5].iteration_s = -1;
  CHECK_THROWS_AS((void)learn_beliefs(tables), input_error);
}

TEST_CASE("one of the models on T4 from three counts is nearly as near as measuring again") {
  HEDDLE_SHARED_FILE(path, "data/throughput/pollux_t4.csv");
  const std::vector<measured_table> tables = read_t4(path);
  REQUIRE(tables.size() == 6);
  double covered = 0, rows = 0;
  const std::set<std::string> quiet{"bert"};  // a second run of the same is off by 3.3 % alone
  for (const measured_table& t : tables) {
    CAPTURE(t.model);
    std::vector<measured_table> others;
    for (const measured_table& o : tables)
      if (o.model != t.model) others.push_back(o);
    const auto [few, rest] = split(t.samples, {1, 4, 16});
    const time_beliefs learnt = learn_beliefs(others, {.before = ring_beliefs});
    const outcome now = held_out(fit_time(few, {.beliefs = learnt}), rest);
    const outcome line = held_out(fit_time(few, {.ring = false}), rest);
    const outcome shipped = held_out(fit_time(few), rest);
    CHECK(now.mape < line.mape);
    CHECK(now.mape < repeated(rest) + 0.03);
    CHECK(shipped.mape < now.mape + 0.002);
    if (quiet.contains(t.model)) CHECK(now.mape < 0.05);
    CHECK(now.covered / now.rows > 0.85);
    covered += now.covered, rows += now.rows;
  }
  CHECK(covered / rows > 0.90);
  CHECK(covered / rows < 0.98);
}
