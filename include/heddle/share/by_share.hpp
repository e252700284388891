// Fractions of time carried out by rounds: priorities by what each job had of its fraction, as Gavel does it.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/share/problem.hpp>
#include <heddle/share/round.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

/// T divides time: `policy(jobs, workspace, answer)` fills `answer.x`. With a `round_view` in the place of the
/// problem it may know the jobs by their ids and remember; it is then called once a division.
template <class T>
concept SharePolicy = std::copyable<T> &&
    (std::invocable<T&, const problem&, workspace&, answer&> ||
     std::invocable<T&, const round_view&, workspace&, answer&>);

/// How `by_share` turns fractions into rounds. The defaults are the rules of Gavel's simulator.
struct by_share_options {
  /// Fractions are found anew when jobs came or ended, this long after the division before at the earliest;
  /// a division at 0 s does not count.
  double least_between_s = 1920;
  /// What the priority of the type that a job has just held is raised by, as a part: fewer switches, and
  /// fractions that are met more slowly.
  double keep = 0;
  bool one_queue = false;  ///< all pairs in one queue; else the first type is given out first
  bool only_shared =
      false;  ///< no job runs on a type of which it has no fraction, though GPUs stay idle
  /// A job that the last division did not know takes the GPUs left over and does not run yet, as in Gavel;
  /// false: it runs on them.
  bool newcomers_hold = true;
};

/// Each round serves the pairs (job, type) in the order of priority while the type has the job's GPUs free; a job
/// gets one type. The priority of a pair is its fraction x_ij over the part that it had, since the last
/// division, of all the time that jobs held type j; half a round is counted as had beforehand. Among equals goes
/// first what is owed more from earlier divisions (fraction · time − time had), then the larger fraction.
/// Pairs without a fraction come last, so that no GPU is idle that a waiting job could use.
///
/// After the round-based mechanism of Gavel (Narayanan et al., OSDI 2020) and the rules of its published
/// simulator. O(k log k) a round for k pairs, and a division. One user at a time.
template <SharePolicy Shares>
class by_share {
 public:
  by_share() = default;
  explicit by_share(Shares shares, const by_share_options& options = {})
      : shares_(std::move(shares)), options_(options) {}

  void operator()(const round_view& now, std::vector<std::uint32_t>& type) {
    const problem& p = now.jobs;
    const std::size_t jobs = p.jobs(), types = p.types();
    count(now);
    wanted_ = wanted_ || now.changed;
    if (wanted_ && (now.now_s - divided_s_ >= options_.least_between_s || divided_s_ == 0))
      divide(now);
    line_up(now);
    free_.assign(p.capacity.begin(), p.capacity.end());
    type.assign(jobs, no_type);
    for (const pair& next : queue_) {
      const std::size_t i = next.at / types, j = next.at % types;
      if (type[i] != no_type || p.gpus_of(i) > free_[j]) continue;
      free_[j] -= p.gpus_of(i);
      type[i] = static_cast<std::uint32_t>(j);
    }
    if (options_.newcomers_hold)
      for (std::size_t i = 0; i < jobs; ++i)
        if (now.id[i] >= known_) type[i] = no_type;
  }

  [[nodiscard]] const Shares& shares() const { return shares_; }

 private:
  /// Of a job on a type.
  struct record {
    double share = 0;
    double had_s = 0;   // since the last division, and half a round
    double owed_s = 0;  // from the divisions before
  };
  struct pair {
    double priority, owed_s, share;
    std::size_t at;  // job · types + type
  };

  void count(const round_view& now) {
    const std::size_t types = now.jobs.types();
    all_s_.resize(types, 0);
    const std::size_t known = now.ids() * types;
    if (records_.size() < known) records_.resize(known, {.had_s = now.round_s / 2});
    for (std::size_t j = 0; j < types; ++j) all_s_[j] += now.type_held_s[j];
    for (std::size_t i = 0; i < now.id.size(); ++i)
      if (now.before[i] != no_type)
        records_[now.id[i] * types + now.before[i]].had_s += now.held_s[i];
  }

  void divide(const round_view& now) {
    const problem& p = now.jobs;
    const std::size_t types = p.types();
    const double passed_s = now.now_s - divided_s_;
    if constexpr (std::invocable<Shares&, const round_view&, workspace&, answer&>)
      shares_(now, space_, answer_);
    else
      shares_(p, space_, answer_);
    std::fill(all_s_.begin(), all_s_.end(), 0.0);
    for (std::size_t i = 0; i < p.jobs(); ++i)
      for (std::size_t j = 0; j < types; ++j) {
        record& r = records_[now.id[i] * types + j];
        r.owed_s += r.share * passed_s - (r.had_s - now.round_s / 2);
        r.had_s = now.round_s / 2;
        r.share = answer_.x[i * types + j];
        all_s_[j] += r.had_s;
      }
    known_ = now.ids();
    divided_s_ = now.now_s;
    wanted_ = false;
  }

  void line_up(const round_view& now) {
    const problem& p = now.jobs;
    const std::size_t types = p.types();
    queue_.clear();
    for (std::size_t i = 0; i < p.jobs(); ++i)
      for (std::size_t j = 0; j < types; ++j) {
        if (!(p.row(i)[j] > 0)) continue;
        const record& r = records_[now.id[i] * types + j];
        if (options_.only_shared && !(r.share > 0)) continue;
        double priority = r.share > 0 ? r.share * all_s_[j] / r.had_s : 0;
        if (now.before[i] == j) priority *= 1 + options_.keep;
        queue_.push_back({priority, r.owed_s, r.share, i * types + j});
      }
    std::sort(queue_.begin(), queue_.end(), [&](const pair& a, const pair& b) {
      const std::size_t ja = a.at % types, jb = b.at % types;
      if (!options_.one_queue && ja != jb) return ja < jb;
      if (a.priority != b.priority) return a.priority > b.priority;
      if (a.owed_s != b.owed_s) return a.owed_s > b.owed_s;
      if (a.share != b.share) return a.share > b.share;
      return ja != jb ? ja < jb : a.at < b.at;
    });
  }

  Shares shares_;
  by_share_options options_;
  std::vector<record> records_;  // by id · types + type
  std::vector<double> all_s_;    // of each type, the sum of had_s, those included that ended
  std::vector<double> free_;
  std::vector<pair> queue_;
  workspace space_;
  answer answer_;
  std::uint32_t known_ = 0;  // ids below are in the last division
  double divided_s_ = 0;
  bool wanted_ = false;
};

}  // namespace heddle::share
