// Reading jobs, and giving each its curve.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <istream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/fill.hpp>

namespace heddle::trace {

struct read_options {
  int max_gpus = std::numeric_limits<int>::max();  ///< of the cluster: a larger job is an error
  double from_s = 0;  ///< earlier jobs are passed over; times keep their origin
  std::size_t limit = std::numeric_limits<std::size_t>::max();  ///< jobs read at most
  /// If set, models must be among its entries.
  const model::catalogue* known = nullptr;
};

/// Reads jobs from CSV: `job_id,submit_s,gpus,duration_s` and optionally `model,local_batch,
/// collective,comm_share,overlap,priority,weight,deadline_s,min_gpus,max_gpus,status,vc,shape`, in any order; other
/// columns are ignored and may repeat. An empty optional field is as good as none. Jobs whose trace gives them no
/// run time (duration 0) are rejected like negative ones.
///
/// \param fill  called for each job with the fields that its row leaves open
/// \returns     the jobs by (submit_s, id)
/// \throws input_error  `name:line: expected …, got …`
template <class Fill = nothing>
[[nodiscard]] std::vector<job> read_jobs(std::istream& in, const std::string& name,
                                         const read_options& o = {}, const Fill& fill = {}) {
  csv_reader rows{in, name};
  rows.require({"job_id", "submit_s", "gpus", "duration_s"});
  const auto id = rows.required("job_id"), submit = rows.required("submit_s"),
             gpus = rows.required("gpus"), duration = rows.required("duration_s");
  const auto model = rows.column("model"), batch = rows.column("local_batch"),
             pattern = rows.column("collective"), share = rows.column("comm_share"),
             priority = rows.column("priority"), weight = rows.column("weight"),
             deadline = rows.column("deadline_s"), least = rows.column("min_gpus"),
             most = rows.column("max_gpus"), status = rows.column("status"), vc = rows.column("vc"),
             shape = rows.column("shape"), overlap = rows.column("overlap");
  const auto given = [&](const std::optional<csv_column>& c) { return c && !rows.empty(*c); };

  std::vector<job> jobs;
  std::set<job_id> seen;
  while (jobs.size() < o.limit && rows.next()) {
    job j;
    const auto number = rows.integer<std::int64_t>(id, 0, "a whole number from 0");
    j.id = job_id{number};
    if (j.id.value != number || !j.id.valid()) rows.fail(id, "a whole number below 4294967295");
    if (!seen.insert(j.id).second) rows.fail(id, "each job once");
    j.submit_s = rows.number(submit, 0, "a time of at least 0 s");
    j.gpus = rows.integer<int>(gpus, 1, "a number of GPUs of at least 1");
    if (j.gpus > o.max_gpus)
      rows.fail(gpus, "at most the cluster's " + std::to_string(o.max_gpus) + " GPUs");
    j.duration_s = rows.number(duration, 0, "a run time above 0 s");
    if (j.duration_s == 0) rows.fail(duration, "a run time above 0 s");

    if (given(model)) {
      j.model = rows.text(*model);
      if (o.known && !o.known->find_job(j.model)) rows.fail(*model, "a model of the catalogue");
    }
    if (given(batch)) {
      j.local_batch = rows.number(*batch, 0, "samples per GPU above 0");
      if (j.local_batch == 0) rows.fail(*batch, "samples per GPU above 0");
    }
    if (given(pattern)) {
      const std::string text = rows.text(*pattern);
      const auto named = sent_by(text);
      if (!named) rows.fail(*pattern, "a collective, nccl or none");
      j.pattern = *named;
      if (text == nccl_name) j.sends = nccl_collectives;
    }
    if (given(share)) {
      j.comm_share = rows.number(*share, 0, "a share from 0 to below 1");
      if (j.comm_share >= 1) rows.fail(*share, "a share from 0 to below 1");
    }
    if (given(overlap)) j.overlap = rows.number(*overlap, 0, "a share from 0");
    if (given(priority))
      j.priority = rows.integer<int>(*priority, std::numeric_limits<int>::min(), "a whole number");
    if (given(weight)) {
      j.weight = rows.number(*weight, 0, "a weight above 0");
      if (j.weight == 0) rows.fail(*weight, "a weight above 0");
    }
    if (given(deadline)) j.deadline_s = rows.number(*deadline, 0, "a time of at least 0 s");
    if (given(least)) j.min_gpus = rows.integer<int>(*least, 1, "a number of GPUs of at least 1");
    if (given(most))
      j.max_gpus = rows.integer<int>(*most, j.min_gpus, "a number of GPUs of at least min_gpus");
    if (given(status)) j.status = rows.integer<int>(*status, -1, "a whole number of at least -1");
    if (vc) j.vc = rows.text(*vc);
    if (given(shape)) {
      const auto mesh = shape_in(rows.text(*shape));
      if (!mesh || mesh->volume() != j.gpus)
        rows.fail(*shape, "sides of " + std::to_string(j.gpus) + " cells, like 4x4x8");
      j.shape = *mesh;
    }

    fill(j, missing{!given(model), !given(pattern), !given(share), overlap && !given(overlap)});
    if (overlap && j.overlap > 1 - j.comm_share)
      rows.fail(*overlap, "at most the part of the time that is computing, 1 - comm_share");
    if (j.submit_s >= o.from_s) jobs.push_back(std::move(j));
  }
  std::sort(jobs.begin(), jobs.end(), [](const job& a, const job& b) {
    return std::tie(a.submit_s, a.id) < std::tie(b.submit_s, b.id);
  });
  return jobs;
}

struct curve_options {
  std::string gpu = "a100";  ///< of the catalogue
  int gpus_per_server = 8;
  int max_gpus = 64;  ///< largest count of an elastic job; the count asked for is always there
  std::string unknown_model = "resnet50";  ///< followed by jobs that name none
};

/// Gives every job the curve of its model on one GPU type: counts in powers of two and the count
/// asked for, all clocks of the type's ladder, the global batch kept (a count with less than one
/// sample a GPU is left out). Jobs of one model, batch and count share a curve.
/// \throws input_error  for a model or a GPU that the catalogue lacks
[[nodiscard]] inline model::workload
with_curves(std::vector<job> jobs, const model::catalogue& known, const curve_options& o = {}) {
  const model::gpu_type* gpu = known.find_gpu(o.gpu);
  model::workload w;
  std::map<std::tuple<std::string, double, int>, std::uint32_t> made;
  for (const job& j : jobs) {
    const std::string& name = j.model.empty() ? o.unknown_model : j.model;
    const auto model = known.model(name, o.gpu);
    const double batch =
        (j.local_batch > 0 ? j.local_batch : known.find_job(name)->default_local_batch) * j.gpus;
    const auto [at, is_new] =
        made.try_emplace({name, batch, j.gpus}, static_cast<std::uint32_t>(w.curves.size()));
    if (is_new) {
      model::grid g{.gpus = {j.gpus},
                    .clocks_ghz = gpu->clocks_ghz,
                    .global_batch = batch,
                    .gpus_per_server = o.gpus_per_server};
      for (int n = 1; n <= o.max_gpus && n <= batch; n *= 2)
        if (n != j.gpus) g.gpus.push_back(n);
      w.curves.push_back(model::make_curve(model, g));
    }
    w.curve_of.push_back(at->second);
  }
  w.jobs = std::move(jobs);
  return w;
}

/// Reads a file of jobs and gives them their curves.
///
///     auto jobs = trace::read_csv("jobs.csv", model::catalogue());
///
/// \throws input_error  as `read_jobs` and `with_curves`, and for a file that cannot be opened
template <class Fill = nothing>
[[nodiscard]] model::workload read_csv(const std::string& path, const model::catalogue& known,
                                       read_options o = {}, const curve_options& curves = {},
                                       const Fill& fill = {}) {
  std::ifstream in(path);
  if (!in) throw input_error(path, "a readable file", "none");
  o.known = &known;
  return with_curves(read_jobs(in, path, o, fill), known, curves);
}

}  // namespace heddle::trace
