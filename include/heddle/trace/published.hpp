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
//   read_swf       the Parallel Workloads Archive              *.swf: trace/swf.hpp
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
#include <heddle/trace/detail/gangs.hpp>
#include <heddle/trace/detail/row_reader.hpp>
#include <heddle/trace/detail/source_jobs.hpp>
#include <heddle/trace/published_formats.hpp>
#include <heddle/trace/published_jobs.hpp>

namespace heddle::trace {

namespace detail {

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
/// GPUs, without a known run time or with one of 0 s and less are counted and left out; `passed_over` says
/// it in words.
/// \throws input_error  `name:line: expected …, got …` for a missing column, a field that is not
///                      what it must be, a job that comes twice
/// Complexity: O(n log n) for n rows.
[[nodiscard]] inline published_jobs read_published(std::istream& in, const std::string& name,
                                                   const trace_format& format,
                                                   const published_options& o = {}) {
  detail::row_reader rows{in, name, format};
  if (format.parts) return detail::read_parts(rows, o, {});
  detail::job_collector out{o};
  detail::gangs together;
  for (std::size_t row = 1; rows.next(); ++row) {
    if (rows.is_step()) {
      out.step();
      continue;
    }
    detail::source_job j = rows.read();
    j.order = row;
    if (format.gangs && detail::is_component(j.name))
      together.add(std::move(j), rows.where());
    else
      out.add(std::move(j), rows.where());
  }
  together.give(out);
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
