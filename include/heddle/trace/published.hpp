// Job traces as their owners publish them, read into the one job record.
//
//   format         of                                          file
//   helios         SenseTime, SC'21                            cluster_log.csv
//   acme           Shanghai AI Laboratory, NSDI'24             trace_seren.csv, trace_kalos.csv
//   itp            Microsoft ITP, ASPLOS'23 (ElasticFlow)      of raw-traces and elasticflow-traces
//   alibaba_2023   Alibaba, ATC'23                             openb_pod_list_*.csv
//   alibaba_2020   Alibaba PAI, NSDI'22                        pai_task_table.csv, pai_job_table.csv
//   sacct          any cluster under Slurm                     sacct --parsable2 --format=…
//   read_philly    Microsoft Philly, ATC'19                    cluster_job_log: trace/philly.hpp
//
// A format is a table of columns (published_formats.hpp); one's own is another such table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/trace/csv.hpp>
#include <heddle/trace/detail/moment.hpp>
#include <heddle/trace/detail/source_jobs.hpp>
#include <heddle/trace/published_formats.hpp>
#include <heddle/trace/published_jobs.hpp>

namespace heddle::trace {

namespace detail {

/// Reads the rows of a file of some format as jobs, or parts of jobs.
class row_reader {
 public:
  row_reader(std::istream& in, const std::string& name, const trace_format& f)
      : format_(f), rows_(in, name, f.dialect), id_(required(f.id)), submit_(required(f.submit)),
        gpus_(required(f.gpus)), start_(column(f.start)), end_(column(f.end)),
        duration_(column(f.duration)), state_(column(f.state)), vc_(column(f.vc)),
        model_(column(f.model)), deadline_(column(f.deadline)), share_(column(f.share)),
        instances_(column(f.instances)) {
    if (!duration_ && !(start_ && end_))
      static_cast<void>(required(f.duration.empty() ? start_ ? f.end : f.start : f.duration));
  }

  bool next() { return rows_.next(); }
  [[nodiscard]] std::string where() const { return rows_.where(); }
  [[nodiscard]] bool is_step() const {
    return format_.steps && rows_.bare(id_).find('.') != std::string_view::npos;
  }
  [[nodiscard]] std::optional<double> start() const { return moment(start_); }
  [[nodiscard]] std::optional<double> end() const { return moment(end_); }

  /// The job of the current row. \throws input_error  for a field that is not what it must be
  [[nodiscard]] source_job read() const {
    source_job j;
    j.name = rows_.bare(id_);
    if (j.name.empty()) rows_.fail(id_, "the name of a job");
    j.status = state_ ? status_in(rows_.bare(*state_)) : -1;
    j.gpus = gpus();
    j.duration_s = duration();
    // Where tasks are rows, one that never ran has no start, which is its submission.
    const auto submit = moment(submit_);
    if (!submit && !format_.parts) rows_.fail(submit_, "a time, in s or as a date");
    j.submit_s = submit.value_or(0);
    if (vc_ && !is_null(rows_.bare(*vc_))) j.vc = rows_.bare(*vc_);
    if (model_ && !is_null(rows_.bare(*model_))) j.model = rows_.bare(*model_);
    j.deadline_s = moment(deadline_);
    return j;
  }

 private:
  using maybe = std::optional<csv_column>;

  [[nodiscard]] maybe column(std::string_view names) const {
    while (!names.empty()) {
      const auto blank = names.find(' ');
      if (auto c = rows_.column(names.substr(0, blank))) return c;
      names.remove_prefix(blank == std::string_view::npos ? names.size() : blank + 1);
    }
    return std::nullopt;
  }
  [[nodiscard]] csv_column required(std::string_view names) const {
    if (auto c = column(names)) return *std::move(c);
    return rows_.required(names.substr(0, names.find(' ')));  // throws
  }

  /// A time; nothing if the row has none.
  [[nodiscard]] std::optional<double> moment(const maybe& c) const {
    if (!c || is_null(rows_.bare(*c))) return std::nullopt;
    const auto at = moment_in(rows_.bare(*c));
    if (!at || !(std::abs(*at) < 1e15)) rows_.fail(*c, "a time, in s or as a date");
    return at;
  }
  [[nodiscard]] std::optional<double> number(const maybe& c) const {
    if (!c || is_null(rows_.bare(*c))) return std::nullopt;
    return rows_.number(*c, 0, "a number of at least 0");
  }

  [[nodiscard]] double gpus() const {
    if (format_.tres) {
      const auto n = gpus_in_tres(rows_.bare(gpus_));
      if (!n) rows_.fail(gpus_, "resources like cpu=8,gres/gpu=4");
      return *n;
    }
    double n = number(gpus_).value_or(0) / format_.gpus_unit;
    if (share_ && n > 0) n *= number(share_).value_or(1000) / 1000;
    if (instances_) n *= number(instances_).value_or(1);
    return n;
  }
  [[nodiscard]] std::optional<double> duration() const {
    const auto from = start(), to = end();
    if (start_ && !from) return std::nullopt;  // never started
    std::optional<double> between, told;
    if (from && to) between = *to - *from;
    if (duration_ && !is_null(rows_.bare(*duration_)))
      told = rows_.number(*duration_, "a number of s");
    if (told && !(std::abs(*told) < 1e15)) rows_.fail(*duration_, "a number of s");
    return format_.duration_first ? (told ? told : between) : (between ? between : told);
  }

  trace_format format_;
  csv_reader rows_;
  csv_column id_, submit_, gpus_;
  maybe start_, end_, duration_, state_, vc_, model_, deadline_, share_, instances_;
};

/// Reads jobs whose parts are rows. \param submissions  of jobs, where another table has them
inline published_jobs read_parts(row_reader& rows, const published_options& o,
                                 const std::map<std::string, double>& submissions) {
  struct whole {
    source_job job;
    std::string where;
    double start = 0, end = 0;
  };
  std::vector<whole> jobs;
  std::map<std::string, std::size_t> index_of;
  while (rows.next()) {
    source_job part = rows.read();
    const auto [at, is_new] = index_of.try_emplace(part.name, jobs.size());
    if (is_new) jobs.push_back({{.name = part.name}, rows.where()});
    whole& w = jobs[at->second];
    if (!(part.gpus > 0)) continue;  // holds none while it runs
    // Of its parts, a job has the state that is furthest from success.
    w.job.status = std::max(w.job.status, part.status);
    if (const auto start = rows.start(), end = rows.end(); start && end) {
      w.start = w.job.duration_s ? std::min(w.start, *start) : *start;
      w.end = w.job.duration_s ? std::max(w.end, *end) : *end;
      w.job.duration_s = w.end - w.start;
      w.job.gpus += part.gpus;
    }
  }
  job_collector out{o};
  for (whole& w : jobs) {
    const auto told = submissions.find(w.job.name);
    w.job.submit_s = told != submissions.end() ? told->second : w.start;
    out.add(std::move(w.job), w.where);
  }
  return std::move(out).done();
}

}  // namespace detail

/// Reads a file of a published format.
///
///     std::ifstream in("Venus/cluster_log.csv");
///     const auto trace = trace::read_published(in, "cluster_log.csv", trace::helios);
///     // trace.jobs, trace.report.no_gpus, …
///
/// Times are seconds or dates; a field that says "none" in one of many ways is empty. Jobs without
/// GPUs, without a known run time or with one of 0 s and less are counted and left out.
/// \throws input_error  `name:line: expected …, got …` for a missing column, a field that is not
///                      what it must be, a job that comes twice
/// Complexity: O(n log n) for n rows.
[[nodiscard]] inline published_jobs read_published(std::istream& in, const std::string& name,
                                                   const trace_format& format,
                                                   const published_options& o = {}) {
  detail::row_reader rows{in, name, format};
  if (format.parts) return detail::read_parts(rows, o, {});
  detail::job_collector out{o};
  while (rows.next()) {
    if (rows.is_step())
      out.step();
    else
      out.add(rows.read(), rows.where());
  }
  return std::move(out).done();
}

/// Reads Alibaba's table of tasks with the submissions of its table of jobs: from those the tasks'
/// own starts differ by the time in the queue. A job that the second table lacks was submitted when
/// its first task started.
/// \throws input_error  as `read_published`
[[nodiscard]] inline published_jobs
read_alibaba_2020(std::istream& tasks, const std::string& tasks_name, std::istream& jobs,
                  const std::string& jobs_name, const published_options& o = {}) {
  std::map<std::string, double> submissions;
  csv_reader rows{jobs, jobs_name, {.columns = "job_name,inst_id,user,status,start_time,end_time"}};
  const auto id = rows.required("job_name"), start = rows.required("start_time");
  while (rows.next()) {
    if (detail::is_null(rows.bare(start))) continue;
    const double at = rows.number(start, 0, "a time of at least 0 s");
    if (!(at < 1e15)) rows.fail(start, "a time of at least 0 s");
    if (!submissions.emplace(rows.bare(id), at).second) rows.fail(id, "each job once");
  }
  detail::row_reader parts{tasks, tasks_name, alibaba_2020};
  return detail::read_parts(parts, o, submissions);
}

}  // namespace heddle::trace
