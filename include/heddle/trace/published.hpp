// Job traces as their owners publish them, read into the one job record.
//
//   format         of                                           file
//   helios         SenseTime, SC'21                             cluster_log.csv
//   acme           Shanghai AI Laboratory, NSDI'24              trace_seren.csv, trace_kalos.csv
//   itp            Microsoft ITP, ASPLOS'23 (ElasticFlow)       of raw-traces and
//   elasticflow-traces alibaba_2023   Alibaba, ATC'23 openb_pod_list_*.csv alibaba_2020   Alibaba
//   PAI, NSDI'22                         pai_task_table.csv, pai_job_table.csv sacct          any
//   cluster under Slurm                      sacct --parsable2 --format=… read_philly    Microsoft
//   Philly, ATC'19                     cluster_job_log: trace/philly.hpp
//
// A format is a table of columns; one's own is another such table.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
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
#include <heddle/core/text.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/detail/moment.hpp>

namespace heddle::trace {

/// How a part of a GPU becomes whole ones. Every job that asks for any gets at least one.
enum class whole_gpus : unsigned char { up, nearest, down };

struct published_options {
  whole_gpus rounding = whole_gpus::up;
  bool keep_running = true;  ///< jobs cut off by the end of the trace, with the run time they had
};

/// What became of the jobs of a source:
/// found = read + never_ran + no_gpus + no_time + running.
struct read_report {
  std::size_t found = 0;
  std::size_t read = 0;
  std::size_t never_ran = 0;  ///< never started, or nothing tells for how long
  std::size_t no_gpus = 0;    ///< asked for none
  std::size_t no_time = 0;    ///< ran for 0 s or, by the source's clocks, less
  std::size_t running = 0;    ///< still running at the end: not wanted, or for an unknown time
  std::size_t steps = 0;      ///< rows of a job's steps: parts of jobs found, passed over

  friend bool operator==(const read_report&, const read_report&) = default;
};

struct published_jobs {
  /// By submission, then in the source's order; ids count from 0 and times from the first
  /// submission. `status` is 1 for completed, 2 failed, 3 cancelled, 4 still running at the end, −1
  /// unknown.
  std::vector<job> jobs;
  std::vector<std::string> names;  ///< of job i in the source
  double origin_s = 0;             ///< time 0 in the source: since 1970, or since its own beginning
  read_report report;
};

/// The columns of a published format. Empty: the format has no such column; several names, apart by
/// a blank: the first that the file has.
struct trace_format {
  std::string_view id, submit, gpus;      ///< required
  std::string_view start, end, duration;  ///< start and end, or the duration in s
  std::string_view state, vc, model;
  std::string_view deadline;   ///< on the clock of `submit`
  std::string_view share;      ///< part of each GPU, in thousandths
  std::string_view instances;  ///< times so many GPUs
  double gpus_unit = 1;        ///< of `gpus`: 100 for per cent
  bool duration_first = true;  ///< over end − start where a row has both
  bool tres = false;           ///< `gpus` is a list like cpu=8,gres/gpu=4
  bool steps = false;          ///< ids with a dot are of steps
  bool parts = false;  ///< a job has several rows: GPUs add up, from first `start` to last `end`
  csv_dialect dialect = {};
};

/// Reference: github.com/S-Lab-System-Group/HeliosData.
inline constexpr trace_format helios{.id = "job_id",
                                     .submit = "submit_time",
                                     .gpus = "gpu_num",
                                     .start = "start_time",
                                     .end = "end_time",
                                     .duration = "duration",
                                     .state = "state",
                                     .vc = "vc"};

/// The duration of Kalos' jobs includes their time in the queue in the examples of its description,
/// against its text; so end − start goes first. Reference: github.com/InternLM/AcmeTrace.
inline constexpr trace_format acme{.id = "job_id",
                                   .submit = "submit_time",
                                   .gpus = "gpu_num",
                                   .start = "start_time",
                                   .end = "end_time",
                                   .duration = "duration",
                                   .state = "state",
                                   .duration_first = false};

/// Reference: github.com/microsoft/elasticflow-traces.
inline constexpr trace_format itp{.id = "job_id",
                                  .submit = "submission_time",
                                  .gpus = "num_gpu",
                                  .duration = "duration",
                                  .model = "model_name",
                                  .deadline = "deadline"};

/// Reference: github.com/alibaba/clusterdata, cluster-trace-gpu-v2023.
inline constexpr trace_format alibaba_2023{.id = "name",
                                           .submit = "creation_time",
                                           .gpus = "num_gpu",
                                           .start = "scheduled_time",
                                           .end = "deletion_time",
                                           .state = "pod_phase",
                                           .share = "gpu_milli"};

/// The table of tasks; its submissions are those of the first task (see `read_alibaba_2020`).
/// Reference: github.com/alibaba/clusterdata, cluster-trace-gpu-v2020.
inline constexpr trace_format alibaba_2020{
    .id = "job_name",
    .submit = "start_time",
    .gpus = "plan_gpu",
    .start = "start_time",
    .end = "end_time",
    .state = "status",
    .instances = "inst_num",
    .gpus_unit = 100,
    .parts = true,
    .dialect = {.columns =
                    "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,"
                    "plan_gpu,gpu_type"}};

/// Slurm's accounting, for instance of
///
///     sacct -a -X -P -S 2024-01-01 -o JobIDRaw,Submit,Start,End,ElapsedRaw,AllocTRES,State,Account
///
/// Reference: slurm.schedmd.com/sacct.html.
inline constexpr trace_format sacct{.id = "JobID JobIDRaw",
                                    .submit = "Submit",
                                    .gpus = "AllocTRES ReqTRES",
                                    .start = "Start",
                                    .end = "End",
                                    .duration = "ElapsedRaw",
                                    .state = "State",
                                    .vc = "Account Partition",
                                    .tres = true,
                                    .steps = true,
                                    .dialect = {.separator = '|', .quotes = false}};

namespace detail {

/// A job's status by its publisher's word; −1 for words that say nothing.
[[nodiscard]] inline int status_in(std::string_view text) {
  struct meaning {
    std::string_view word;
    int status;
  };
  static constexpr meaning meanings[] = {
      {"completed", 1}, {"pass", 1},      {"succeeded", 1},   {"terminated", 1},
      {"failed", 2},    {"timeout", 2},   {"node_fail", 2},   {"out_of_memory", 2},
      {"boot_fail", 2}, {"deadline", 2},  {"interrupted", 2}, {"cancelled", 3},
      {"canceled", 3},  {"killed", 3},    {"preempted", 3},   {"revoked", 3},
      {"running", 4},   {"suspended", 4}, {"completing", 4},
  };
  const std::string_view word = text.substr(0, text.find_first_of(" +"));  // "CANCELLED by 1001"
  for (const meaning& m : meanings)
    if (same_word(word, m.word)) return m.status;
  return -1;
}

/// The GPUs of a list of trackable resources: `gres/gpu=4`, or where only types are listed the sum
/// of `gres/gpu:a100=4`. Nothing if a number is none.
[[nodiscard]] inline std::optional<double> gpus_in_tres(std::string_view text) {
  std::optional<double> all;
  double typed = 0;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view item = trimmed(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (!item.starts_with("gres/gpu=") && !item.starts_with("gres/gpu:")) continue;
    const auto number = number_in<double>(item.substr(item.find('=') + 1));
    if (!number || *number < 0 || item.find('=') == std::string_view::npos) return std::nullopt;
    if (item[8] == '=')
      all = *number;
    else
      typed += *number;
  }
  return all ? *all : typed;
}

/// A job as a source has it.
struct source_job {
  std::string name;
  double submit_s = 0;
  std::optional<double> duration_s;
  double gpus = 0;
  int status = -1;
  std::string vc, model;
  std::optional<double> deadline_s;
  std::size_t order = 0;  ///< in the source
};

/// Takes the jobs of a source, whatever its format: drops, rounds, sorts, numbers.
class job_collector {
 public:
  explicit job_collector(const published_options& o) : options_(o) {}

  /// \throws input_error  at `where` for a job that was there before or is larger than any cluster
  void add(source_job&& j, const std::string& where) {
    if (!seen_.insert(j.name).second)
      throw input_error(where, "each job once", shown(j.name) + " again");
    ++out_.report.found;
    if (!j.duration_s)
      ++(j.status == 4 ? out_.report.running : out_.report.never_ran);
    else if (!(j.gpus > 0))
      ++out_.report.no_gpus;
    else if (!(*j.duration_s > 0))
      ++out_.report.no_time;
    else if (j.status == 4 && !options_.keep_running)
      ++out_.report.running;
    else
      keep(std::move(j), where);
  }
  void step() { ++out_.report.steps; }

  [[nodiscard]] published_jobs done() && {
    std::sort(kept_.begin(), kept_.end(), [](const source_job& a, const source_job& b) {
      return std::tie(a.submit_s, a.order) < std::tie(b.submit_s, b.order);
    });
    out_.report.read = kept_.size();
    if (!kept_.empty()) out_.origin_s = kept_.front().submit_s;
    for (source_job& k : kept_) {
      job j;
      j.id = job_id{out_.jobs.size()};
      j.submit_s = k.submit_s - out_.origin_s;
      j.gpus = static_cast<int>(k.gpus);
      j.duration_s = *k.duration_s;
      j.model = std::move(k.model);
      if (k.deadline_s) j.deadline_s = std::max(0.0, *k.deadline_s - out_.origin_s);
      j.status = k.status;
      j.vc = std::move(k.vc);
      out_.jobs.push_back(std::move(j));
      out_.names.push_back(std::move(k.name));
    }
    return std::move(out_);
  }

 private:
  void keep(source_job&& j, const std::string& where) {
    constexpr double most = 1e9, rest = 1e-9;  // of a GPU, lost in adding up shares
    if (j.gpus > most) throw input_error(where, "at most 1e9 GPUs", "more");
    switch (options_.rounding) {
    case whole_gpus::up:
      j.gpus = std::ceil(j.gpus - rest);
      break;
    case whole_gpus::nearest:
      j.gpus = std::floor(j.gpus + .5);
      break;
    case whole_gpus::down:
      j.gpus = std::floor(j.gpus + rest);
      break;
    }
    j.gpus = std::max(1.0, j.gpus);
    j.order = kept_.size();
    kept_.push_back(std::move(j));
  }

  published_options options_;
  std::set<std::string> seen_;
  std::vector<source_job> kept_;
  published_jobs out_;
};

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
/// what
///                      it must be, a job that comes twice
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
