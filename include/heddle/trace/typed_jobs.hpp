// Readers of jobs over several types of GPU: a table of throughputs, and jobs that name its rows.
#pragma once

#include <algorithm>
#include <cstddef>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/sim/typed_jobs.hpp>
#include <heddle/trace/csv.hpp>

namespace heddle::trace {

/// A type of GPU and how many there are.
struct typed_gpus {
  std::string name;
  int gpus = 0;
};

/// Throughputs in steps/s of (model, GPUs, batch) on every type, 0 where the table has none.
struct throughput_table {
  using key = std::tuple<std::string, int, double>;
  std::vector<std::string> types;
  std::map<key, std::vector<double>> rows;
};

/// Reads `model,gpu_type,gpus,batch_size,steps_per_s` and, if there, `placement`. An empty batch is 0; rows of other
/// types are passed over.
/// \param types      the types that are wanted, in this order
/// \param placement  only rows of this placement are read; empty: all, of which a row may have one
/// \throws input_error  with the line, and for a row that is there twice
[[nodiscard]] inline throughput_table read_throughputs(std::istream& in, std::string name,
                                                       std::vector<std::string> types,
                                                       std::string_view placement = {}) {
  csv_reader rows{in, std::move(name)};
  rows.require({"model", "gpu_type", "gpus", "batch_size", "steps_per_s"});
  const auto model = rows.required("model"), type = rows.required("gpu_type");
  const auto gpus = rows.required("gpus"), batch = rows.required("batch_size");
  const auto rate = rows.required("steps_per_s");
  const auto where = placement.empty() ? std::nullopt : rows.column("placement");
  throughput_table out{.types = std::move(types), .rows = {}};
  while (rows.next()) {
    if (where && rows.text(*where) != placement) continue;
    const auto at = std::find(out.types.begin(), out.types.end(), rows.text(type));
    if (at == out.types.end()) continue;
    std::vector<double>& row =
        out.rows[{rows.text(model), rows.integer(gpus, 1, "a positive number of GPUs"),
                  rows.empty(batch) ? 0 : rows.number(batch, 0, "a batch size of at least 0")}];
    row.resize(out.types.size(), 0);
    double& cell = row[static_cast<std::size_t>(at - out.types.begin())];
    if (cell > 0) rows.fail(type, "each model, batch, GPUs and type once");
    cell = rows.number(rate, 0, "steps/s of at least 0");
  }
  return out;
}

/// Reads `job_id,submit_s,gpus,model,batch_size,total_steps` and, if there, `weight`, in the order of submission,
/// and finds each job's throughputs in `table`.
/// \throws input_error  with the line; for a job that the table does not know
[[nodiscard]] inline sim::typed_jobs read_typed_jobs(std::istream& in, std::string name,
                                                     const throughput_table& table,
                                                     const std::vector<typed_gpus>& cluster) {
  if (cluster.size() != table.types.size())
    throw input_error("cluster", std::to_string(table.types.size()) + " types",
                      std::to_string(cluster.size()));
  csv_reader rows{in, std::move(name)};
  rows.require({"submit_s", "gpus", "model", "batch_size", "total_steps"});
  const auto submit = rows.required("submit_s"), gpus = rows.required("gpus");
  const auto model = rows.required("model"), batch = rows.required("batch_size");
  const auto steps = rows.required("total_steps");
  const auto weight = rows.column("weight");
  sim::typed_jobs out;
  for (const typed_gpus& type : cluster) out.jobs.capacity.push_back(type.gpus);
  while (rows.next()) {
    const double at = rows.number(submit, 0, "a time of at least 0");
    if (!out.submit_s.empty() && at < out.submit_s.back())
      rows.fail(submit, "a time no earlier than above");
    const int wide = rows.integer(gpus, 1, "a positive number of GPUs");
    const auto row = table.rows.find(
        {rows.text(model), wide,
         rows.empty(batch) ? 0 : rows.number(batch, 0, "a batch size of at least 0")});
    if (row == table.rows.end())
      rows.fail(model, "a model whose throughput with these GPUs and batch is known");
    const double work = rows.number(steps, 0, "a positive number of steps");
    if (!(work > 0)) rows.fail(steps, "a positive number of steps");
    out.submit_s.push_back(at);
    out.jobs.gpus.push_back(wide);
    out.jobs.steps.push_back(work);
    out.jobs.weight.push_back(weight ? rows.number(*weight, "a positive weight") : 1);
    if (!(out.jobs.weight.back() > 0)) rows.fail(*weight, "a positive weight");
    out.jobs.throughput.insert(out.jobs.throughput.end(), row->second.begin(), row->second.end());
  }
  return out;
}

}  // namespace heddle::trace
