// Jobs from a text whose form is known by its content.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/text.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/looks_like.hpp>
#include <heddle/trace/philly.hpp>
#include <heddle/trace/published.hpp>
#include <heddle/trace/swf.hpp>

namespace heddle::trace {

/// Who wrote a list of jobs.
enum class job_source : unsigned char {
  csv,      ///< heddle's own form: `read_jobs`
  sacct,    ///< Slurm
  philly,   ///< `cluster_job_log`
  helios,   ///< `cluster_log.csv`
  acme,     ///< `trace_seren.csv`, `trace_kalos.csv`
  itp,      ///< raw-traces, elasticflow-traces
  alibaba,  ///< `openb_pod_list_*.csv`, `pai_task_table.csv`
  swf,      ///< the Standard Workload Format
};

inline constexpr std::array<std::string_view, 8> job_source_names{
    "csv", "sacct", "philly", "helios", "acme", "itp", "alibaba", "swf"};

[[nodiscard]] constexpr std::string_view name(job_source s) {
  return job_source_names[static_cast<std::size_t>(s)];
}
[[nodiscard]] constexpr std::optional<job_source> job_source_named(std::string_view text) {
  for (std::size_t i = 0; i < job_source_names.size(); ++i)
    if (job_source_names[i] == text) return static_cast<job_source>(i);
  return std::nullopt;
}

namespace detail {

/// The first line that is neither empty nor a remark.
[[nodiscard]] inline std::string_view first_line(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    if (!line.empty() && line.front() != ';') return line;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return {};
}

/// A row of Alibaba's table of tasks, which has no header.
[[nodiscard]] inline bool is_task_row(std::string_view line) {
  const auto f = pieces(line, ',');
  if (f.size() != 10) return false;
  if (f[0] == "job_name" && f[8] == "plan_gpu") return true;
  const auto number = [](std::string_view s) { return s.empty() || number_in<double>(s); };
  return is_name(f[3]) && number(f[2]) && !f[2].empty() && number(f[4]) && number(f[5]) &&
         number(f[6]) && number(f[7]) && number(f[8]);
}

}  // namespace detail

/// Whose lists of jobs begin like this: none, one, or several where what tells them apart is missing.
/// \param ahead  the beginning of a text, a few lines are enough
[[nodiscard]] inline std::vector<job_source> sources_of(std::string_view ahead) {
  using enum job_source;
  const std::string_view line = detail::first_line(ahead);
  if (detail::is_sacct_header(line)) return {sacct};
  const text_kind kind = looks_like(ahead);
  if (kind.name == "the Standard Workload Format") return {swf};
  if (kind.name == "the JSON log of Philly") return {philly};
  if (detail::is_task_row(line)) return {alibaba};

  auto columns = detail::pieces(line, ',');
  for (std::string_view& c : columns)
    if (c.size() > 1 && c.front() == '"' && c.back() == '"') c = c.substr(1, c.size() - 2);
  const auto has = [&](auto... names) {
    return ((std::find(columns.begin(), columns.end(), names) != columns.end()) && ...);
  };
  if (has("job_id", "submit_s", "gpus", "duration_s")) return {csv};
  if (has("name", "creation_time", "num_gpu", "scheduled_time", "deletion_time")) return {alibaba};
  if (has("job_id", "submission_time", "num_gpu", "duration")) return {itp};
  if (has("job_id", "submit_time", "gpu_num") &&
      (has("duration") || has("start_time", "end_time"))) {
    const bool of_helios = has("vc"), of_acme = has("fail_time") || has("stop_time") ||
                                                has("mem_per_pod_GB") || has("gpu_time") ||
                                                has("type");
    if (of_helios != of_acme) return {of_helios ? helios : acme};
    return {helios, acme};
  }
  return {};
}

/// Reads the jobs of a source that is not heddle's own form.
/// \param ahead  the beginning of the text
/// \throws input_error  as the reader of the source
[[nodiscard]] inline published_jobs read_source(job_source source, std::istream& in,
                                                const std::string& name, std::string_view ahead,
                                                const published_options& o = {}) {
  switch (source) {
  case job_source::sacct:
    return read_published(in, name, sacct, o);
  case job_source::philly:
    return read_philly(in, name, o);
  case job_source::helios:
    return read_published(in, name, helios, o);
  case job_source::acme:
    return read_published(in, name, acme, o);
  case job_source::itp:
    return read_published(in, name, itp, o);
  case job_source::alibaba:
    return detail::is_task_row(detail::first_line(ahead))
               ? read_published(in, name, alibaba_2020, o)
               : read_published(in, name, alibaba_2023, o);
  case job_source::swf:
    return read_swf(in, name, o);
  case job_source::csv:
    break;
  }
  published_jobs own;
  own.jobs = read_jobs(in, name);
  for (const job& j : own.jobs) own.names.push_back(std::to_string(j.id.value));
  own.report.found = own.report.read = own.jobs.size();
  return own;
}

/// What `read_jobs` would have made of such jobs: those from a time on, so many of them, none larger than
/// the cluster, the rest filled in.
/// \throws input_error  for a job that is larger, and one whose model is not known
template <class Fill = nothing>
[[nodiscard]] std::vector<job> as_read(published_jobs t, const std::string& name,
                                       const read_options& o = {}, const Fill& fill = {}) {
  std::vector<job> out;
  for (std::size_t i = 0; i < t.jobs.size() && out.size() < o.limit; ++i) {
    job& j = t.jobs[i];
    const auto where = [&] { return name + ": job " + t.names[i]; };
    if (j.gpus > o.max_gpus)
      throw input_error(where(), "at most the cluster's " + std::to_string(o.max_gpus) + " GPUs",
                        std::to_string(j.gpus));
    if (!j.model.empty() && o.known && !o.known->find_job(j.model))
      throw input_error(where(), "a model of the catalogue", shown(j.model));
    fill(j, missing{j.model.empty(), true, true});
    if (j.submit_s >= o.from_s) out.push_back(std::move(j));
  }
  return out;
}

}  // namespace heddle::trace
