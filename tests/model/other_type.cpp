// A job on types of GPUs that it was not measured on.
#include <heddle/model/other_type.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/trace/csv.hpp>

#include "support/shared_data.hpp"

using namespace heddle;
using namespace heddle::model;

namespace {

using samples_t = std::vector<sample>;

/// A job on a type: `c`, `w`, `a` are how much longer it computes and synchronises than on the first.
powerflow_throughput job(double size, double c = 1, double w = 1, double a = 1) {
  powerflow_throughput t{.a0_s = 0.02 * c, .b0_s = 0.002 * c, .gamma = 1.6};
  t.alpha_r_s = t.zeta_r_s = 0.02 * size * w;
  t.alpha_n_s = t.zeta_n_s = 0.05 * size * a;
  t.lambda_r_s = 0.1 * t.alpha_r_s, t.lambda_n_s = 0.1 * t.alpha_n_s;
  return t;
}

samples_t measured(const powerflow_throughput& truth, double sigma, std::uint64_t trial) {
  stream random(41, trial, "noise");
  boost::random::normal_distribution<double> normal;
  samples_t out;
  for (int n : {1, 2, 4, 8, 16, 32})
    for (int servers : {1, 2, 4})
      for (double b : {8.0, 32.0, 128.0}) {
        if (servers > n || (servers == 1 && n > 8)) continue;
        sample s;
        s.config = {n, servers, b, 1};
        s.iteration_s = truth(s.config).total_s * std::exp(sigma * normal(random));
        s.config.clock_ghz = 0;
        out.push_back(s);
      }
  return out;
}

std::vector<measured_table> both_types(double c, double w, double a) {
  std::vector<measured_table> out;
  for (std::uint64_t k = 0; k < 5; ++k) {
    const double size = 0.5 + 0.4 * static_cast<double>(k), off = 1 + 0.05 * (double(k) - 2);
    out.push_back({"job " + std::to_string(k), "slow", measured(job(size), 0.02, k)});
    out.push_back({"job " + std::to_string(k), "fast",
                   measured(job(size, c * off, w, a / off), 0.02, 100 + k)});
  }
  return out;
}

double error_on(const typed_fit& fit, const char* type, const samples_t& rows) {
  fit_error_sum sum;
  for (const sample& s : rows) sum.add(fit.predict(type, s.config).iteration_s, s.iteration_s);
  return sum.result().mape;
}

std::vector<typed_candidate> candidates_of(const samples_t& slow, const samples_t& fast) {
  std::vector<typed_candidate> out;
  for (const sample& s : slow) out.push_back({"slow", s.config, 1.0 * s.config.gpus});
  for (const sample& s : fast) out.push_back({"fast", s.config, 3.0 * s.config.gpus});
  return out;
}

}  // namespace

TEST_CASE("a ratio of types is learnt from jobs on both and compute and synchronisation apart") {
  const type_ratio found = learn_ratio(both_types(0.3, 0.5, 0.9), "slow", "fast");
  CHECK(found.compute.usual == doctest::Approx(0.3).epsilon(0.1));
  CHECK(found.within.usual == doctest::Approx(0.5).epsilon(0.2));
  CHECK(found.across.usual == doctest::Approx(0.9).epsilon(0.15));
  CHECK(found.scatter < 0.1);
  CHECK(found.compute.spread < 0.35);
  SUBCASE("and is what was believed where no job was measured on both") {
    const type_ratio before{{0.7, 0.2}, {0.8, 0.3}, {0.9, 0.4}, 0.2};
    const type_ratio same = learn_ratio(both_types(0.3, 0.5, 0.9), "slow", "other", before);
    CHECK(same.compute == before.compute);
    CHECK(same.across == before.across);
    CHECK(same.scatter == before.scatter);
  }
}

TEST_CASE("a job is carried to another type with an interval that samples there narrow") {
  const auto tables = both_types(0.3, 0.5, 0.9);
  const type_ratio ratio = learn_ratio(tables, "slow", "fast");
  const samples_t slow = measured(job(1.1), 0.02, 7),
                  fast = measured(job(1.1, 0.33, 0.5, 0.8), 0.02, 8);
  const time_fit fit = fit_time(slow);
  samples_t seen;
  double error = 1, width = 1e9;
  for (int count : {0, 1, 4}) {
    CAPTURE(count);
    while (static_cast<int>(seen.size()) < count) {
      typed_fit so_far("slow", fit);
      so_far.add_type("fast", ratio, seen);
      std::vector<typed_candidate> there;
      for (const sample& s : fast) there.push_back({"fast", s.config, 1.0 * s.config.gpus});
      seen.push_back(fast[so_far.suggest(there).candidate]);
    }
    typed_fit carried("slow", fit);
    carried.add_type("fast", ratio, seen);
    error = error_on(carried, "fast", fast);
    CHECK(error < 0.12);
    double sum = 0;
    for (const sample& s : fast) {
      const prediction p = carried.predict("fast", s.config);
      CHECK(p.low_s <= s.iteration_s);
      CHECK(s.iteration_s <= p.high_s);
      sum += p.deviation;
    }
    CHECK(sum < width);
    width = sum;
  }
  CHECK(error < 0.04);
}

TEST_CASE("samples on another type without noise give the ratios back") {
  const samples_t slow = measured(job(1), 0, 1), fast = measured(job(1, 0.4, 0.6, 0.8), 0, 1);
  typed_fit carried("slow", fit_time(slow));
  carried.add_type("fast", {.scatter = 1e-3}, fast);
  const type_ratio found = carried.ratio("fast");
  constexpr double recovery = 1e-3;
  CHECK(found.compute.usual == doctest::Approx(0.4).epsilon(recovery));
  CHECK(found.within.usual == doctest::Approx(0.6).epsilon(recovery));
  CHECK(found.across.usual == doctest::Approx(0.8).epsilon(recovery));
  const configuration c{16, 4, 32, 1};
  CHECK(carried.model("fast")(c).total_s ==
        doctest::Approx(job(1, 0.4, 0.6, 0.8)(c).total_s).epsilon(recovery));
  CHECK(carried.ratio("slow").compute.usual == 1);
}

TEST_CASE("what is suggested over types lowers the variances most for its cost") {
  // Brute force: each candidate is measured as predicted, and all are predicted again.
  const type_ratio ratio = learn_ratio(both_types(0.3, 0.5, 0.9), "slow", "fast");
  const samples_t slow = measured(job(1.1), 0.02, 7),
                  fast = measured(job(1.1, 0.33, 0.5, 0.8), 0.02, 8);
  const time_fit fit = fit_time(slow);
  samples_t seen;
  for (int round = 0; round < 3; ++round) {
    typed_fit so_far("slow", fit);
    so_far.add_type("fast", ratio, seen);
    std::vector<typed_candidate> there;
    for (const sample& s : fast) there.push_back({"fast", s.config, std::sqrt(s.config.gpus)});
    const typed_suggestion told = so_far.suggest(there);
    const auto variance = [&](const typed_fit& f) {
      double sum = 0;
      for (const typed_candidate& c : there) {
        const double d = f.predict("fast", c.config).deviation / fit.stretch;
        sum += d * d / static_cast<double>(there.size());
      }
      return sum;
    };
    double best = 0;
    for (const typed_candidate& c : there) {
      sample assumed;
      assumed.config = c.config;
      assumed.iteration_s = so_far.predict("fast", c.config).iteration_s;
      if (std::any_of(seen.begin(), seen.end(), [&](auto& s) { return s.config == c.config; }))
        continue;
      samples_t more = seen;
      more.push_back(assumed);
      typed_fit after("slow", fit);
      after.add_type("fast", ratio, more);
      best = std::max(best, (variance(so_far) - variance(after)) / c.cost);
    }
    CHECK(told.gain == doctest::Approx(best).epsilon(1e-5));
    seen.push_back(fast[told.candidate]);
  }
  SUBCASE("and goes where it is cheap") {
    typed_fit so_far("slow", fit);
    so_far.add_type("fast", ratio);
    auto all = candidates_of(slow, fast);
    const std::size_t first = so_far.suggest(all).candidate;
    all[first].cost *= 1e6;
    CHECK(so_far.suggest(all).candidate != first);
  }
}

TEST_CASE("types that are not known or twice or without a candidate are refused") {
  typed_fit fit("slow", fit_time(measured(job(1), 0.02, 1)));
  CHECK_THROWS_AS((void)fit.predict("fast", {}), input_error);
  CHECK_THROWS_AS(fit.add_type("slow", {}), input_error);
  CHECK_THROWS_AS(fit.add_type("fast", {.scatter = 0}), input_error);
  fit.add_type("fast", {});
  CHECK_THROWS_AS(fit.add_type("fast", {}), input_error);
  CHECK_THROWS_AS((void)fit.suggest({}), input_error);
  const std::vector<typed_candidate> free{{"fast", {}, 0}}, other{{"another", {}, 1}};
  CHECK_THROWS_AS((void)fit.suggest(free), input_error);
  CHECK_THROWS_AS((void)fit.suggest(other), input_error);
}

TEST_CASE("datasheets give a ratio where no job was measured on both types") {
  const catalogue known;
  const type_ratio r = datasheet_ratio(*known.find_gpu("p100"), *known.find_gpu("v100"));
  CHECK(r.compute.usual == doctest::Approx(732.0 / 900));
  CHECK(r.across.usual == 1);
}

TEST_CASE("jobs of Gavel are carried between types with intervals that cover what was measured") {
  HEDDLE_SHARED_FILE(path, "data/throughput/gavel.csv");
  std::vector<measured_table> tables;
  {
    std::ifstream in(path);
    trace::csv_reader rows(in, path.string());
    const auto model = rows.required("model"), gpu = rows.required("gpu_type"),
               gpus = rows.required("gpus"), placement = rows.required("placement"),
               batch = rows.required("batch_size"), rate = rows.required("steps_per_s");
    while (rows.next()) {
      const double steps = rows.number(rate, 0, "steps per s");
      sample s;
      s.config.gpus = rows.integer(gpus, 1, "GPUs");
      const bool apart = rows.text(placement) == "unconsolidated";
      if (!(steps > 0) || (apart && s.config.gpus == 1)) continue;
      s.config.servers = apart ? s.config.gpus : 1;
      s.config.local_batch = rows.number(batch, 0, "a batch size");
      s.iteration_s = s.config.gpus / steps;
      const std::string m = rows.text(model), g = rows.text(gpu);
      auto at = std::find_if(tables.begin(), tables.end(),
                             [&](auto& t) { return t.model == m && t.gpu_type == g; });
      if (at == tables.end()) tables.push_back({m, g, {}}), at = std::prev(tables.end());
      at->samples.push_back(s);
    }
    std::erase_if(tables, [](const measured_table& t) {
      return std::none_of(t.samples.begin(), t.samples.end(),
                          [](const sample& s) { return s.config.gpus > 1; });
    });
  }
  double rows = 0, covered_none = 0, covered_one = 0;
  std::vector<double> none, one;
  for (const measured_table& a : tables)
    for (const measured_table& b : tables) {
      if (a.model != b.model || a.gpu_type == b.gpu_type) continue;
      std::vector<measured_table> others;
      for (const measured_table& t : tables)
        if (t.model != a.model) others.push_back(t);
      const type_ratio ratio = learn_ratio(others, a.gpu_type, b.gpu_type);
      typed_fit blind(a.gpu_type, fit_time(a.samples));
      typed_fit told = blind;
      blind.add_type(b.gpu_type, ratio);
      std::vector<typed_candidate> there;
      for (const sample& s : b.samples)
        there.push_back({b.gpu_type, s.config, 1.0 * s.config.gpus});
      told.add_type(b.gpu_type, ratio, {b.samples[blind.suggest(there).candidate]});
      for (const sample& s : b.samples) {
        const auto inside = [&](const prediction& p) {
          return p.low_s <= s.iteration_s && s.iteration_s <= p.high_s;
        };
        covered_none += inside(blind.predict(b.gpu_type, s.config));
        covered_one += inside(told.predict(b.gpu_type, s.config));
        ++rows;
      }
      none.push_back(error_on(blind, b.gpu_type.c_str(), b.samples));
      one.push_back(error_on(told, b.gpu_type.c_str(), b.samples));
    }
  REQUIRE(rows > 500);
  CHECK(covered_none / rows > 0.90);
  CHECK(covered_none / rows < 0.985);
  CHECK(covered_one / rows > 0.90);
  CHECK(covered_one / rows < 0.98);
  std::sort(none.begin(), none.end()), std::sort(one.begin(), one.end());
  CHECK(none[none.size() / 2] < 0.28);
  CHECK(one[one.size() / 2] < 0.22);
}
