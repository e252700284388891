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
#include <heddle/core/gpu_types.hpp>
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
  /// Of the cluster, by number; an empty name: none such. If there are any, jobs may say theirs.
  std::vector<std::string> gpu_types = {};
};

/// The number of a type of GPU among `names`, by its name or, where a catalogue is `known`, any that it goes by.
[[nodiscard]] inline std::optional<int> gpu_type_named(const std::vector<std::string>& names,
                                                       std::string_view name,
                                                       const model::catalogue* known = nullptr) {
  const model::gpu_type* const wanted = known ? known->find_gpu(name) : nullptr;
  for (std::size_t t = 0; t < names.size(); ++t)
    if (!names[t].empty() && (names[t] == name || (wanted && known->find_gpu(names[t]) == wanted)))
      return static_cast<int>(t);
  return std::nullopt;
}

/// Reads jobs from CSV: `job_id,submit_s,gpus,duration_s` and optionally `model,local_batch,
/// collective,comm_share,overlap,priority,weight,deadline_s,min_gpus,max_gpus,status,vc,shape`, and `gpu_type` (`any` is
/// as good as none) where the cluster's are told, in any order; other columns are ignored and may repeat. An empty optional field is as good as none. Jobs whose trace gives them no
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
  const auto type = o.gpu_types.empty() ? std::nullopt : rows.column("gpu_type");
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
    if (given(type) && rows.text(*type) != "any") {
      const auto named = gpu_type_named(o.gpu_types, rows.text(*type), o.known);
      if (!named) rows.fail(*type, "a GPU type of the cluster or any");
      j.gpu_type = *named;
    }
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
  /// The cluster's types of GPU, by number; an empty name: none such. None at all: `gpu` alone. Run times of jobs
  /// that ask for no type are on `gpu`, or if that is not among them on the first that is.
  std::vector<std::string> gpu_types = {};

  /// On which the run times of such jobs are.
  [[nodiscard]] int home(const model::catalogue* known = nullptr) const {
    if (const auto t = gpu_type_named(gpu_types, gpu, known)) return *t;
    std::size_t first = 0;
    while (first + 1 < gpu_types.size() && gpu_types[first].empty()) ++first;
    return static_cast<int>(first);
  }
};

namespace detail {
/// A model's curve on the GPUs of one name, numbered `type`.
[[nodiscard]] inline model::curve curve_on(const model::catalogue& known, const std::string& name,
                                           const std::string& gpu, int type, double batch, int gpus,
                                           const curve_options& o) {
  const auto model = known.model(name, gpu);
  model::grid g{.gpus = {gpus},
                .clocks_ghz = known.find_gpu(gpu)->clocks_ghz,
                .global_batch = batch,
                .gpus_per_server = o.gpus_per_server,
                .type = static_cast<std::uint16_t>(type)};
  for (int n = 1; n <= o.max_gpus && n <= batch; n *= 2)
    if (n != gpus) g.gpus.push_back(n);
  return model::make_curve(model, g);
}
}  // namespace detail

/// Gives every job the curve of its model on one GPU type, or on each that it may have: counts in powers of two and
/// the count asked for, all clocks of the type's ladder, the global batch kept (a count with less than one
/// sample a GPU is left out). Jobs of one model, batch, count and choice of types share a curve.
/// \throws input_error  for a model or a GPU that the catalogue lacks
[[nodiscard]] inline model::workload
with_curves(std::vector<job> jobs, const model::catalogue& known, const curve_options& o = {}) {
  model::workload w;
  std::map<std::tuple<std::string, double, int, int>, std::uint32_t> made;
  for (const job& j : jobs) {
    const std::string& name = j.model.empty() ? o.unknown_model : j.model;
    (void)known.model(name, o.gpu);  // throws where there is none
    const double batch =
        (j.local_batch > 0 ? j.local_batch : known.find_job(name)->default_local_batch) * j.gpus;
    const auto [at, is_new] = made.try_emplace({name, batch, j.gpus, j.gpu_type},
                                               static_cast<std::uint32_t>(w.curves.size()));
    if (is_new && o.gpu_types.empty()) {
      w.curves.push_back(detail::curve_on(known, name, o.gpu, 0, batch, j.gpus, o));
    } else if (is_new) {
      std::vector<model::curve> each;
      for (std::size_t t = 0; t < o.gpu_types.size(); ++t)
        if (!o.gpu_types[t].empty() && has_type(types_of(j.gpu_type), static_cast<int>(t)))
          each.push_back(
              detail::curve_on(known, name, o.gpu_types[t], static_cast<int>(t), batch, j.gpus, o));
      const int home = j.gpu_type == any_gpu_type ? o.home(&known) : j.gpu_type;
      w.curves.push_back(model::on_types(std::move(each), home));
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
