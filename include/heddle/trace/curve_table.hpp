// Curves from a table of measured throughputs instead of the catalogue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/job.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/jobs.hpp>

namespace heddle::trace {

/// Measured throughputs of models, by what was measured: (model, samples per GPU; 0: not said) → points of each type.
struct curve_table {
  using key = std::tuple<std::string, double>;
  std::map<key, std::vector<model::operating_point>> rows;
};

/// Reads `model,gpu_type,gpus,steps_per_s` and, if there, `batch_size` (samples per GPU), `global_batch`, `clock_ghz`,
/// `power_w` (of all GPUs) and `placement`. Throughput is steps/s · samples of a step: `global_batch`, else
/// `batch_size` · `gpus`, else 1. A row without power draws what its GPUs do at their top clock under full load; rows
/// of types that the cluster lacks are passed over, and rows of rate 0. Of rows that say the same but for the placement
/// the fastest counts.
/// \param types  the cluster's, by number; an empty name: none such
/// \throws input_error  with the line; for a row without power of a type that the catalogue lacks
[[nodiscard]] inline curve_table read_curves(std::istream& in, std::string name,
                                             const std::vector<std::string>& types,
                                             const model::catalogue& known) {
  csv_reader rows{in, std::move(name)};
  rows.require({"model", "gpu_type", "gpus", "steps_per_s"});
  const auto model = rows.required("model"), type = rows.required("gpu_type");
  const auto gpus = rows.required("gpus"), rate = rows.required("steps_per_s");
  const auto batch = rows.column("batch_size"), global = rows.column("global_batch");
  const auto clock = rows.column("clock_ghz"), power = rows.column("power_w");
  const auto number = [&](const std::optional<csv_column>& c, const char* expected) {
    return c && !rows.empty(*c) ? rows.number(*c, 0, expected) : 0.0;
  };
  curve_table out;
  while (rows.next()) {
    const auto t = gpu_type_named(types, rows.text(type), &known);
    if (!t) continue;
    const double steps = rows.number(rate, 0, "steps/s of at least 0");
    if (steps == 0) continue;
    const double per_gpu = number(batch, "samples of at least 0");
    model::operating_point p;
    p.config.gpus = rows.integer<int>(gpus, 1, "a number of GPUs of at least 1");
    p.config.type = static_cast<std::uint16_t>(*t);
    p.config.local_batch = per_gpu > 0 ? per_gpu : 1;
    double samples = number(global, "samples of at least 0");
    if (samples == 0) samples = per_gpu > 0 ? per_gpu * p.config.gpus : 1;
    p.throughput = steps * samples;
    const model::gpu_type* const gpu = known.find_gpu(rows.text(type));
    p.config.clock_ghz = number(clock, "a clock above 0 GHz");
    p.power_w = number(power, "a power above 0 W");
    if (!gpu && (p.power_w == 0 || p.config.clock_ghz == 0))
      rows.fail(type, "a GPU of the catalogue, or clock_ghz and power_w beside it");
    if (p.config.clock_ghz == 0) p.config.clock_ghz = gpu->top_clock_ghz();
    if (p.power_w == 0) p.power_w = p.config.gpus * gpu->power(p.config.clock_ghz, 1);
    p.waiting_power_w = gpu ? std::min(p.power_w, p.config.gpus * gpu->idle_w) : p.power_w;
    out.rows[{std::string(rows.text(model)), per_gpu}].push_back(p);
  }
  return out;
}

/// Gives every job the curve of its model and batch in `table`, on each type of GPU that it may have. A job without
/// `local_batch` takes the rows without one, or those of the smallest.
/// \throws input_error  for a job of which the table has no row at the GPUs it asks for, on the type by which its run
///                      time is told (`curve_options::home`)
[[nodiscard]] inline model::workload with_curves(std::vector<job> jobs, const curve_table& table,
                                                 const curve_options& o,
                                                 const model::catalogue* known = nullptr) {
  model::workload w;
  std::map<std::tuple<std::string, double, int>, std::uint32_t> made;
  for (const job& j : jobs) {
    const std::string where = "job " + std::to_string(j.id.value);
    auto at = table.rows.lower_bound({j.model, j.local_batch});
    if (at == table.rows.end() || std::get<0>(at->first) != j.model ||
        (j.local_batch > 0 && std::get<1>(at->first) != j.local_batch))
      throw input_error(where, "a model and batch of the table",
                        "\"" + j.model + "\", " + std::to_string(j.local_batch));
    const double batch = std::get<1>(at->first);
    const int home = j.gpu_type == any_gpu_type ? o.home(known) : j.gpu_type;
    const auto [made_at, is_new] =
        made.try_emplace({j.model, batch, j.gpu_type}, static_cast<std::uint32_t>(w.curves.size()));
    if (is_new) {
      std::vector<std::vector<model::operating_point>> of_type(most_gpu_types);
      for (const model::operating_point& p : at->second)
        if (has_type(types_of(j.gpu_type), p.config.type)) of_type[p.config.type].push_back(p);
      std::vector<model::curve> each;
      for (auto& points : of_type)
        if (!points.empty()) each.emplace_back(std::move(points));
      w.curves.push_back(model::on_types(std::move(each), home));
    }
    if (!w.curves[made_at->second].fastest(j.gpus))
      throw input_error(where,
                        "a row of the table at " + std::to_string(j.gpus) +
                            " GPUs of the type by which its run time is told",
                        "none of \"" + j.model + "\"");
    w.curve_of.push_back(made_at->second);
  }
  w.jobs = std::move(jobs);
  return w;
}

}  // namespace heddle::trace
