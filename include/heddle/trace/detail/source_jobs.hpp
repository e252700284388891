// Jobs as a source has them, whatever its format, made jobs of ours.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
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
#include <heddle/trace/published_jobs.hpp>

namespace heddle::trace::detail {

/// A job's status by its publisher's word; −1 for words that say nothing.
[[nodiscard]] inline int status_in(std::string_view text) {
  struct meaning {
    std::string_view word;
    int status;
  };
  static constexpr meaning meanings[] = {
      {"completed", 1},     {"pass", 1},      {"succeeded", 1},   {"terminated", 1},
      {"failed", 2},        {"timeout", 2},   {"node_fail", 2},   {"out_of_memory", 2},
      {"boot_fail", 2},     {"deadline", 2},  {"interrupted", 2}, {"cancelled", 3},
      {"canceled", 3},      {"killed", 3},    {"preempted", 3},   {"revoked", 3},
      {"running", 4},       {"suspended", 4}, {"completing", 4},  {"resizing", 4},
      {"stopped", 4},       {"signaling", 4}, {"stage_out", 4},   {"launch_failed", 2},
      {"reconfig_fail", 2}, {"requeued", 3},
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

/// The GPUs of a list of generic resources: `gpu:4`, `gpu:a100:4(S:0-1)`, `gres/gpu:4`; `gpu` is one.
/// Old versions of Slurm write the number that stands for the name. Nothing if a number is none.
[[nodiscard]] inline std::optional<double> gpus_in_gres(std::string_view text) {
  double all = 0;
  int depth = 0;
  for (std::size_t from = 0, at = 0; at <= text.size(); ++at) {
    if (at < text.size() && (text[at] == '(' || text[at] == '[')) ++depth;
    if (at < text.size() && (text[at] == ')' || text[at] == ']')) --depth;
    if (at < text.size() && (text[at] != ',' || depth > 0)) continue;
    std::string_view item = trimmed(text.substr(from, at - from));
    from = at + 1;
    item = item.substr(0, item.find('('));
    for (std::string_view prefix : {"gres/", "gres:"})
      if (item.starts_with(prefix)) item.remove_prefix(prefix.size());
    const std::string_view name = item.substr(0, item.find_first_of(":="));
    if (name != "gpu" && name != "7696487") continue;
    const auto sign = item.find_last_of(":=");
    if (sign == std::string_view::npos) {
      all += 1;
      continue;
    }
    const std::string_view last = item.substr(sign + 1);
    const auto number = number_in<double>(last);
    const bool is_type = !number && item.find_first_of(":=") == sign && !last.empty() &&
                         (last[0] < '0' || last[0] > '9') && last[0] != '-';
    if (!is_type && (!number || *number < 0)) return std::nullopt;
    all += is_type ? 1 : *number;
  }
  return all;
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
  std::size_t order = 0;  ///< in the source, from 1; 0: that in which jobs are added
};

/// Takes the jobs of a source, whatever its format: drops, rounds, sorts, numbers.
class job_collector {
 public:
  explicit job_collector(const published_options& o) : options_(o) {}

  /// \throws input_error  at `where` for a job that was there before or is larger than any cluster
  void add(source_job&& j, const std::string& where) {
    if (j.order == 0) j.order = out_.report.found + 1;
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
  [[nodiscard]] std::size_t found() const { return out_.report.found; }
  void step() { ++out_.report.steps; }
  void component() { ++out_.report.components; }

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
    kept_.push_back(std::move(j));
  }

  published_options options_;
  std::set<std::string> seen_;
  std::vector<source_job> kept_;
  published_jobs out_;
};

}  // namespace heddle::trace::detail
