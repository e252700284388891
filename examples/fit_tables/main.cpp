// heddle-fit-tables: how well the fits do on public measurements. Prints the tables of
// docs/models.md, or with --points the points of one job's plot.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/random.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/suggest.hpp>

#include "common/program.hpp"
#include "fit_tables/few_counts.hpp"
#include "fit_tables/public_tables.hpp"

namespace {

using namespace heddle;
using namespace heddle::model;
using examples::measured_job;
using samples_t = std::vector<sample>;

double limit_of(const sample& s) { return s.power_limit_w.value_or(0); }

/// Mean absolute percentage errors of time and, where known, power.
struct errors {
  double time = 0, power = 0;
};

class error_sums {
 public:
  void add(const time_fit& time, const power_fit* power, const samples_t& unseen) {
    for (const sample& s : unseen) {
      const step_time t = time(s.config, limit_of(s));
      time_.add(t.total_s, s.iteration_s);
      if (power && s.power_w)
        power_.add((*power)(s.config, t, time.clock(s.config.clock_ghz, limit_of(s)), limit_of(s)),
                   *s.power_w);
    }
  }
  [[nodiscard]] errors percent() const {
    return {100 * time_.result().mape, 100 * power_.result().mape};
  }

 private:
  fit_error_sum time_, power_;
};

void fit_and_add(error_sums& sums, const samples_t& seen, const samples_t& unseen) {
  const time_fit time = fit_time(seen);
  const bool has_power =
      std::any_of(seen.begin(), seen.end(), [](auto& s) { return s.power_w.has_value(); });
  if (!has_power) return sums.add(time, nullptr, unseen);
  const power_fit power = fit_power(seen, time);
  sums.add(time, &power, unseen);
}

errors error_of(const samples_t& seen, const samples_t& unseen) {
  error_sums sums;
  fit_and_add(sums, seen, unseen);
  return sums.percent();
}

samples_t shuffled(samples_t all, std::uint64_t trial) {
  stream random(1, trial, "shuffle");
  for (std::size_t i = all.size(); i > 1; --i)
    std::swap(all[i - 1],
              all[boost::random::uniform_int_distribution<std::size_t>(0, i - 1)(random)]);
  return all;
}

/// Every sample predicted from a fit to others: each of `parts` parts in turn is left out.
errors left_out(const samples_t& all, std::size_t parts) {
  const samples_t mixed = shuffled(all, 0);
  parts = std::min(parts, mixed.size());
  error_sums sums;
  for (std::size_t part = 0; part < parts; ++part) {
    samples_t seen, unseen;
    for (std::size_t i = 0; i < mixed.size(); ++i)
      (i % parts == part ? unseen : seen).push_back(mixed[i]);
    fit_and_add(sums, seen, unseen);
  }
  return sums.percent();
}

/// Three samples each of one GPU, of one server and of several servers; of each a small, a middle
/// and a large batch.
samples_t stratified(const samples_t& all, std::uint64_t trial) {
  stream random(1, trial, "strata");
  samples_t chosen;
  for (int kind = 0; kind < 3; ++kind) {
    samples_t of;
    for (const sample& s : all)
      if ((s.config.gpus == 1 ? 0 : s.config.servers == 1 ? 1 : 2) == kind) of.push_back(s);
    std::stable_sort(of.begin(), of.end(),
                     [](auto& a, auto& b) { return a.config.local_batch < b.config.local_batch; });
    for (std::size_t third = 0; third < 3 && of.size() >= 3; ++third) {
      const std::size_t first = of.size() * third / 3, last = of.size() * (third + 1) / 3;
      chosen.push_back(
          of[boost::random::uniform_int_distribution<std::size_t>(first, last - 1)(random)]);
    }
  }
  return chosen;
}

double median(std::vector<double> xs) {
  std::sort(xs.begin(), xs.end());
  return (xs[(xs.size() - 1) / 2] + xs[xs.size() / 2]) / 2;
}

/// Mean and largest error over trials.
std::pair<double, double> over_trials(int trials, const std::function<double(std::uint64_t)>& run) {
  double sum = 0, most = 0;
  for (int k = 0; k < trials; ++k) {
    const double e = run(static_cast<std::uint64_t>(k));
    sum += e / trials, most = std::max(most, e);
  }
  return {sum, most};
}

void print_clock_rows() {
  const auto rows = [](std::vector<std::array<double, 3>> points) {
    samples_t out;
    for (const auto& [mhz, ms, watts] : points) {
      sample s;
      s.config.clock_ghz = mhz / 1e3, s.iteration_s = ms / 1e3, s.power_w = watts;
      out.push_back(s);
    }
    return out;
  };
  const std::vector<measured_job> jobs{
      {"V100 binomialOptions", rows({{502, 17.191, 63.8},
                                     {600, 14.159, 72.8},
                                     {705, 11.872, 83.2},
                                     {802, 10.179, 89.4},
                                     {945, 8.589, 102.2},
                                     {1087, 7.466, 122.4},
                                     {1237, 6.564, 153.1},
                                     {1380, 5.935, 200.6}})},
      {"A4000 fp32", rows({{405, 332.6, 43.9},
                           {780, 172.7, 59.0},
                           {1155, 116.7, 72.2},
                           {1335, 100.9, 79.9},
                           {1530, 88.2, 103.0},
                           {1710, 78.8, 133.8}})},
      {"RTX 3080 Ti ResNet-18", rows({{1177, 1e3 / 42.93, 191.5},
                                      {1628, 1e3 / 52.50, 231.0},
                                      {1763, 1e3 / 54.94, 276.7},
                                      {1842, 1e3 / 56.34, 310.2}})}};
  std::printf("Over the core clock: MAPE in %% (left out: each row from the others)\n");
  std::printf("%-24s %8s %8s %8s | %10s %10s\n", "rows", "time", "ridge", "cubic", "time, l.o.",
              "ridge, l.o.");
  for (const measured_job& j : jobs) {
    const time_fit time = fit_time(j.samples);
    const power_fit ridge = fit_power(j.samples, time);
    const power_fit cubic = fit_power(j.samples, time, {.form = power_form::cubic});
    const errors out = left_out(j.samples, j.samples.size());
    std::printf("%-24s %8.2f %8.2f %8.2f | %10.2f %10.2f\n", j.name.c_str(), 100 * time.error.mape,
                100 * ridge.error.mape, 100 * cubic.error.mape, out.time, out.power);
  }
}

void print_placements(const std::vector<measured_job>& jobs) {
  constexpr int trials = 40;
  std::printf(
      "\nOver GPUs, servers and batch, T4 (Pollux artifact): MAPE over the whole table in %%\n");
  std::printf("%-12s %6s | %6s %8s | %16s | %12s\n", "model", "rows", "all", "10-fold",
              "9 strat. (worst)", "18 random");
  for (const measured_job& j : jobs) {
    const auto [nine, worst] = over_trials(trials, [&](std::uint64_t k) {
      return error_of(stratified(j.samples, k), j.samples).time;
    });
    std::vector<double> random;
    for (std::uint64_t k = 0; k < trials; ++k) {
      samples_t some = shuffled(j.samples, k + 1);
      some.resize(18);
      random.push_back(error_of(some, j.samples).time);
    }
    std::printf("%-12s %6zu | %6.2f %8.2f | %8.1f (%5.1f) | %12.1f\n", j.name.c_str(),
                j.samples.size(), error_of(j.samples, j.samples).time, left_out(j.samples, 10).time,
                nine, worst, median(random));
  }
}

void print_counts(const std::vector<measured_job>& jobs) {
  std::printf("\nOver GPUs and batch, Gavel's tables: MAPE in %%\n");
  std::printf("%-22s %6s | %6s %10s\n", "model and GPU", "rows", "all", "left out");
  for (const measured_job& j : jobs) {
    if (j.samples.size() < 12) continue;
    std::printf("%-22s %6zu | %6.2f %10.2f\n", j.name.c_str(), j.samples.size(),
                error_of(j.samples, j.samples).time, left_out(j.samples, j.samples.size()).time);
  }
}

void print_limits(const std::vector<measured_job>& jobs) {
  std::printf("\nOver batch and power limit (Zeus): MAPE in %%, time / power\n");
  std::printf("%-40s %5s | %13s %13s %17s\n", "model and GPU", "rows", "all", "left out",
              "from a third");
  for (const measured_job& j : jobs) {
    const errors all = error_of(j.samples, j.samples), out = left_out(j.samples, j.samples.size());
    error_sums third;
    for (std::uint64_t k = 0; k < 20; ++k) {
      const samples_t mixed = shuffled(j.samples, k + 1);
      const auto cut = mixed.begin() + static_cast<std::ptrdiff_t>(mixed.size() / 3);
      fit_and_add(third, {mixed.begin(), cut}, {cut, mixed.end()});
    }
    std::printf("%-40s %5zu | %5.2f / %5.2f %5.2f / %5.2f %7.2f / %7.2f\n", j.name.c_str(),
                j.samples.size(), all.time, all.power, out.time, out.power, third.percent().time,
                third.percent().power);
  }
}

void print_suggestions(const std::vector<measured_job>& jobs) {
  constexpr int trials = 41;
  std::printf("\nSuggested samples, T4: MAPE over the whole table in %% after k of them\n");
  std::printf("%-12s %6s %6s %6s %6s %6s | %10s | %s\n", "model", "k=5", "6", "7", "8", "9",
              "18 random", "9 suggested / 18 random");
  std::vector<double> ratios;
  for (const measured_job& j : jobs) {
    samples_t seen;
    std::vector<double> at;
    while (seen.size() < 9) {
      seen.push_back(j.samples[suggest_sample(seen, j.samples).candidate]);
      if (seen.size() >= 5) at.push_back(error_of(seen, j.samples).time);
    }
    std::vector<double> random;
    for (std::uint64_t k = 0; k < trials; ++k) {
      samples_t some = shuffled(j.samples, k + 1);
      some.resize(18);
      random.push_back(error_of(some, j.samples).time);
    }
    ratios.push_back(at.back() / median(random));
    std::printf("%-12s %6.1f %6.1f %6.1f %6.1f %6.1f | %10.1f | %.2f\n", j.name.c_str(), at[0],
                at[1], at[2], at[3], at[4], median(random), ratios.back());
  }
  std::printf("median ratio %.2f\n", median(ratios));
}

void print_coverage() {
  constexpr int trials = 1000;
  const powerflow_throughput truth{.a0_s = 0.01,
                                   .a1_s_ghz = 0.02,
                                   .b0_s = 0.0004,
                                   .b1_s_ghz = 0.0006,
                                   .alpha_r_s = 0.03,
                                   .beta_r_s = 0.006,
                                   .alpha_n_s = 0.09,
                                   .beta_n_s = 0.004,
                                   .gamma = 2.5};
  const std::map<std::string, double> value{
      {"a0_s", truth.a0_s},           {"a1_s_ghz", truth.a1_s_ghz},   {"b0_s", truth.b0_s},
      {"b1_s_ghz", truth.b1_s_ghz},   {"alpha_r_s", truth.alpha_r_s}, {"beta_r_s", truth.beta_r_s},
      {"alpha_n_s", truth.alpha_n_s}, {"beta_n_s", truth.beta_n_s},   {"gamma", truth.gamma}};
  samples_t design;
  for (int n : {1, 2, 4, 8, 16, 32, 64})
    for (double b : {8.0, 32.0, 128.0, 256.0})
      for (double f : {0.6, 0.9, 1.4}) {
        sample s;
        s.config = {n, (n + 7) / 8, b, f};
        design.push_back(s);
      }
  std::map<std::string, int> covered;
  for (int k = 0; k < trials; ++k) {
    stream random(2024, static_cast<std::uint64_t>(k), "noise");
    boost::random::normal_distribution<double> normal;
    for (sample& s : design) s.iteration_s = truth(s.config).total_s * (1 + 0.03 * normal(random));
    for (const parameter_estimate& e : fit_time(design).parameters)
      if (const auto at = value.find(e.name); at != value.end())
        covered[e.name] += e.low <= at->second && at->second <= e.high;
  }
  std::printf(
      "\nTrue parameter within the 95 %% interval, 3 %% noise, %zu samples, %d trials: %%\n",
      design.size(), trials);
  for (const auto& [name, count] : covered)
    std::printf("%-12s %5.1f\n", name.c_str(), 100.0 * count / trials);
}

/// Measured and fitted points for gnuplot: blocks by batch (limits) or by GPUs in a server.
void print_points(const measured_job& job) {
  const time_fit time = fit_time(job.samples);
  const bool limits = time.by_limit;
  std::map<double, samples_t> blocks;
  for (const sample& s : job.samples)
    blocks[limits ? s.config.local_batch : s.config.gpus + 1000.0 * (s.config.servers > 1)]
        .push_back(s);
  for (auto& [key, block] : blocks) {
    std::sort(block.begin(), block.end(), [&](auto& a, auto& b) {
      return limits ? limit_of(a) < limit_of(b) : a.config.local_batch < b.config.local_batch;
    });
    std::printf("\"%g\"\n", key);
    for (const sample& s : block)
      std::printf("%g %.6g %.6g\n", limits ? limit_of(s) : s.config.local_batch, s.iteration_s,
                  time(s.config, limit_of(s)).total_s);
    std::printf("\n\n");
  }
}

int run(const std::string& data, const std::string& points, bool few) {
  const auto path = [&](const char* name) {
    const std::string p = (std::filesystem::path(data) / name).string();
    if (!std::filesystem::exists(p)) throw input_error(p, "a table of measurements", "none");
    return p;
  };
  const auto pollux = examples::read_pollux(path("throughput/pollux_t4.csv"));
  if (few) {
    auto tables = examples::tables_of(pollux, "t4");
    examples::print_few_counts("From 1, 4 and 16 GPUs, T4", tables, {1, 4, 16});
    const auto gavel = examples::tables_of(examples::read_gavel(path("throughput/gavel.csv")), "");
    examples::print_few_counts("From 1 and 4 GPUs, Gavel's tables", gavel, {1, 4});
    examples::print_made_jobs();
    examples::print_other_types(gavel);
    tables.insert(tables.end(), gavel.begin(), gavel.end());
    examples::print_beliefs(tables);
    return examples::done;
  }
  const auto zeus = examples::read_zeus(path("power/zeus_v100_rtx6000.csv"));
  if (!points.empty()) {
    for (const auto* jobs : {&pollux, &zeus})
      for (const measured_job& j : *jobs)
        if (j.name == points) return print_points(j), examples::done;
    throw input_error("--points", "a model of a table", points);
  }
  print_clock_rows();
  print_placements(pollux);
  print_limits(zeus);
  print_counts(examples::read_gavel(path("throughput/gavel.csv")));
  print_suggestions(pollux);
  print_coverage();
  return examples::done;
}

}  // namespace

int main(int argc, char** argv) {
  std::string data = "../shared/data", points;
  bool few = false;
  return examples::run_program(
      "heddle-fit-tables",
      "Fits public tables of measured training jobs and prints how far the fits are off.", argc,
      argv,
      [&](CLI::App& app) {
        app.add_option("--data", data,
                       "directory with throughput/pollux_t4.csv, "
                       "throughput/gavel.csv and power/zeus_v100_rtx6000.csv")
            ->capture_default_str();
        app.add_flag("--few-counts", few,
                     "print what fits from few counts of GPUs and from another type come to, and "
                     "the beliefs of whole tables, instead");
        app.add_option("--points", points, "print measured and fitted points of this job instead");
      },
      [&] { return run(data, points, few); });
}
