// Jobs that may run with several numbers of GPUs of several types, from a table of measured throughputs: read, or
// drawn at random.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/sim/typed_jobs.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/typed_jobs.hpp>

namespace heddle::trace {

/// The numbers of GPUs in `table`, rising.
[[nodiscard]] inline std::vector<double> counts_in(const throughput_table& table) {
  std::vector<double> out;
  for (const auto& [key, row] : table.rows) out.push_back(std::get<1>(key));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// Goodputs of a job: types × counts, 0 where the table has none. In samples/s that are worth as much as samples of
/// batches of `batch`:
///
///     max over rows of (c GPUs, batch b each), M = b·c ≥ batch:   steps/s · b · (φ + batch) / (φ + M)
///
/// The table counts the steps of all GPUs together. Every factor but φ is measured; without φ (0) a batch above `batch`
/// is no faster than `batch`, and numbers of GPUs share it out. The efficiency is that of McCandlish et al. (2018), as
/// in Pollux. A batch of 0 stands for none: rows without a batch, in steps/s.
/// \param batch        of all GPUs together
/// \param noise_scale  φ, in samples
[[nodiscard]] inline std::vector<double> goodputs(const throughput_table& table,
                                                  const std::string& model, double batch,
                                                  double noise_scale,
                                                  const std::vector<double>& counts) {
  std::vector<double> out(table.types.size() * counts.size(), 0);
  const double least = std::numeric_limits<double>::lowest();
  for (auto at = table.rows.lower_bound({model, 0, least});
       at != table.rows.end() && std::get<0>(at->first) == model; ++at) {
    const auto& [name, gpus, each] = at->first;
    const double all = each * gpus;
    if (batch > 0 ? all < batch : each > 0) continue;
    const double worth =
        batch > 0 ? each * (noise_scale + batch) / (noise_scale + all) : 1;  // samples a step
    const auto c = static_cast<std::size_t>(std::lower_bound(counts.begin(), counts.end(), gpus) -
                                            counts.begin());
    if (c == counts.size() || counts[c] != gpus) continue;
    for (std::size_t j = 0; j < table.types.size(); ++j) {
      double& best = out[j * counts.size() + c];
      best = std::max(best, at->second[j] * worth);
    }
  }
  return out;
}

namespace detail {

/// Appends a job; what it asks for is one of `out.counts`.
inline void append(sim::elastic_jobs& out, double submit_s, double gpus, double samples,
                   double weight, const std::vector<double>& rates) {
  share::problem& p = out.asked.jobs;
  const auto c = static_cast<std::size_t>(std::find(out.counts.begin(), out.counts.end(), gpus) -
                                          out.counts.begin());
  out.asked.submit_s.push_back(submit_s);
  p.gpus.push_back(gpus);
  p.steps.push_back(samples);
  p.weight.push_back(weight);
  for (std::size_t j = 0; j < p.types(); ++j)
    p.throughput.push_back(rates[j * out.counts.size() + c]);
  out.rate.insert(out.rate.end(), rates.begin(), rates.end());
}

[[nodiscard]] inline sim::elastic_jobs no_jobs(const throughput_table& table,
                                               const std::vector<typed_gpus>& cluster) {
  if (cluster.size() != table.types.size())
    throw input_error("cluster", std::to_string(table.types.size()) + " types",
                      std::to_string(cluster.size()));
  sim::elastic_jobs out{.counts = counts_in(table), .rate = {}, .asked = {}};
  for (const typed_gpus& type : cluster) out.asked.jobs.capacity.push_back(type.gpus);
  return out;
}

}  // namespace detail

/// Reads `submit_s,gpus,model,batch_size,samples` and, if there, `noise_scale` and `weight`, in the order of
/// submission. `batch_size` is that of all GPUs together, `samples` the work, `gpus` what policies without a choice
/// of numbers give the job. Rates are `goodputs` of the table.
/// \throws input_error  with the line; for a job that the table does not know with these GPUs
[[nodiscard]] inline sim::elastic_jobs read_elastic_jobs(std::istream& in, std::string name,
                                                         const throughput_table& table,
                                                         const std::vector<typed_gpus>& cluster) {
  sim::elastic_jobs out = detail::no_jobs(table, cluster);
  csv_reader rows{in, std::move(name)};
  rows.require({"submit_s", "gpus", "model", "batch_size", "samples"});
  const auto submit = rows.required("submit_s"), gpus = rows.required("gpus");
  const auto model = rows.required("model"), batch = rows.required("batch_size");
  const auto samples = rows.required("samples");
  const auto noise = rows.column("noise_scale"), weight = rows.column("weight");
  while (rows.next()) {
    const double at = rows.number(submit, 0, "a time of at least 0");
    if (!out.asked.submit_s.empty() && at < out.asked.submit_s.back())
      rows.fail(submit, "a time no earlier than above");
    const double wide = rows.integer(gpus, 1, "a positive number of GPUs");
    const double size = rows.empty(batch) ? 0 : rows.number(batch, 0, "a batch size of at least 0");
    const double scale =
        noise && !rows.empty(*noise) ? rows.number(*noise, 0, "a noise scale of at least 0") : 0;
    const double work = rows.number(samples, 0, "a positive number of samples");
    if (!(work > 0)) rows.fail(samples, "a positive number of samples");
    const double counts = weight ? rows.number(*weight, "a positive weight") : 1;
    if (!(counts > 0)) rows.fail(*weight, "a positive weight");
    const auto rates = goodputs(table, rows.text(model), size, scale, out.counts);
    const auto c = static_cast<std::size_t>(std::find(out.counts.begin(), out.counts.end(), wide) -
                                            out.counts.begin());
    bool known = false;
    for (std::size_t j = 0; j < cluster.size() && c < out.counts.size(); ++j)
      known = known || rates[j * out.counts.size() + c] > 0;
    if (!known) rows.fail(model, "a model whose throughput with these GPUs and batch is known");
    detail::append(out, at, wide, work, counts, rates);
  }
  return out;
}

/// What is drawn at random. The classes of size are those of Sia's and Pollux' traces by GPU time; their bounds and
/// shares here are derived.
struct elastic_mix {
  std::size_t jobs = 160;
  double per_hour = 20;  ///< Poisson arrivals
  std::uint64_t seed = 1;
  double hours = 1;               ///< scales the sizes below
  double noise_scale = 0;         ///< of every job, in parts of its batch
  double least_efficiency = 0.5;  ///< of the number of GPUs asked for

  static constexpr std::size_t classes = 4;
  double share[classes] = {0.6, 0.25, 0.12, 0.03};
  double from_h[classes] = {0.1, 1, 4, 10};  ///< hours on one GPU of the job's fastest type,
  double to_h[classes] = {1, 4, 10, 40};     ///< uniform in the logarithm
};

/// Draws jobs of the models of `table` that were measured with several numbers of GPUs, each at the largest batch of
/// its rows, shared out among its GPUs. The number asked for is drawn from those on which the job's rate is at least
/// `least_efficiency` of linear, in the mean over the types (a job tuned by its user).
/// \throws input_error  for a table without such models
[[nodiscard]] inline sim::elastic_jobs
synthetic_elastic_jobs(const throughput_table& table, const std::vector<typed_gpus>& cluster,
                       const elastic_mix& mix = {}) {
  sim::elastic_jobs out = detail::no_jobs(table, cluster);
  const std::size_t types = cluster.size(), counts = out.counts.size();
  std::vector<std::pair<std::string, double>> models;  // and their largest batch
  std::vector<bool> several;
  for (const auto& [key, row] : table.rows) {
    const auto& [model, gpus, batch] = key;
    if (models.empty() || models.back().first != model) {
      models.emplace_back(model, 0);
      several.push_back(false);
    }
    models.back().second = std::max(models.back().second, batch);
    several.back() =
        several.back() || gpus > std::get<1>(table.rows.lower_bound({model, 0, 0})->first);
  }
  for (std::size_t m = models.size(); m-- > 0;)
    if (!several[m]) models.erase(models.begin() + static_cast<std::ptrdiff_t>(m));
  if (models.empty()) throw input_error("table", "a model with several numbers of GPUs", "none");

  double at_s = 0;
  for (std::size_t i = 0; i < mix.jobs; ++i) {
    stream draw(mix.seed, i, "elastic job");
    const auto unit = [&] { return static_cast<double>(draw() >> 11) * 0x1p-53; };
    const auto below = [&](std::size_t n) {
      return boost::random::uniform_int_distribution<std::size_t>(0, n - 1)(draw);
    };
    if (i > 0) at_s += -std::log1p(-unit()) * 3600 / mix.per_hour;
    const auto& [model, batch] = models[below(models.size())];
    const auto rates = goodputs(table, model, batch, mix.noise_scale * batch, out.counts);
    std::size_t k = 0;
    for (double u = unit(); k + 1 < elastic_mix::classes && u >= mix.share[k]; ++k)
      u -= mix.share[k];
    const double hours = mix.hours * mix.from_h[k] * std::pow(mix.to_h[k] / mix.from_h[k], unit());
    double fastest = 0;  // with the fewest GPUs
    std::vector<double> efficiency(counts, 0);
    for (std::size_t j = 0; j < types; ++j) {
      const double* const rate = rates.data() + j * counts;
      std::size_t first = 0;
      while (first < counts && !(rate[first] > 0)) ++first;
      if (first == counts) continue;
      fastest = std::max(fastest, rate[first] / out.counts[first]);
      for (std::size_t c = first; c < counts; ++c)
        efficiency[c] += rate[c] / rate[first] / (out.counts[c] / out.counts[first]) /
                         static_cast<double>(types);
    }
    std::vector<double> tuned;
    for (std::size_t c = 0; c < counts; ++c)
      if (efficiency[c] >= mix.least_efficiency) tuned.push_back(out.counts[c]);
    if (tuned.empty()) throw input_error("table", "a model that runs efficiently enough", model);
    detail::append(out, at_s, tuned[below(tuned.size())], 3600 * hours * fastest, 1, rates);
  }
  return out;
}

}  // namespace heddle::trace
