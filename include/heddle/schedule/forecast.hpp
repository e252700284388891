// When a waiting job could start at the earliest, if those running keep their pace.
//
//   forecast      of one job, with the GPUs and links that it would get     O(running) placements
//   gpu_profile   of many jobs, by number of GPUs alone                     O(steps) a job
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/trial.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/active_job.hpp>

namespace heddle::schedule {

/// A running job's expected end.
struct expected_finish {
  double at_s = 0;
  std::uint32_t slot = 0;

  friend auto operator<=>(const expected_finish&, const expected_finish&) = default;
};

/// The running jobs by expected finish, into `out`. A job that overran its time is due now.
template <class State>
void finishes_of(const State& s, double now_s, std::vector<expected_finish>& out) {
  out.clear();
  for (std::uint32_t slot : s.running) {
    const active_job& j = s.jobs[slot];
    // Before its driver has set a rate, a job that has just started has the one of its point.
    const double rate = j.rate > 0 ? j.rate : j.point()->throughput / j.reference->throughput;
    out.push_back({std::max(now_s, j.since_s) + std::max(0.0, j.remaining_at(now_s)) / rate, slot});
  }
  std::sort(out.begin(), out.end());
}

/// The earliest start of a job, and where.
struct earliest_start {
  double at_s = std::numeric_limits<double>::infinity();  ///< infinite: never, on this cluster
  fabric::placement where = {};
  double spare_power_w = std::numeric_limits<double>::infinity();  ///< left then, beyond the job's
};

/// Looks ahead on a copy of the ledger from which running jobs leave one after the other, until the
/// policy places the job. Keeps its copy, so that later calls allocate little. One user at a time.
class forecast {
 public:
  /// \param spare_w  power that is left now, in W
  /// \param need_w   power that the job needs
  /// \param freed_w  callable: running job → power that its end sets free
  /// At most one placement is tried for each running job.
  template <class State, class Place, class Freed>
  [[nodiscard]] earliest_start operator()(const State& s, const place::request& job, double now_s,
                                          Place& place, double spare_w, double need_w,
                                          Freed&& freed_w) {
    auto& trial = start(s.ledger);
    finishes_of(s, now_s, finishes_);
    for (std::size_t i = 0; i < finishes_.size();) {
      const double at = finishes_[i].at_s;
      for (; i < finishes_.size() && finishes_[i].at_s == at; ++i) {
        const active_job& j = s.jobs[finishes_[i].slot];
        trial->release(j.spec->id);
        spare_w += freed_w(j);
      }
      if (trial->free_gpus() < job.gpus || spare_w < need_w) continue;
      if (place::answer a = place::ask(place, trial.now(), job))
        return {at, std::move(*a.where), spare_w - need_w};
    }
    return {};
  }

  /// A copy of `now` in which nobody can have what is free of `wanted`, which `tenant` is going to have;
  /// good until the next call.
  template <class Ledger>
  [[nodiscard]] const Ledger& without(const Ledger& now, const fabric::placement& wanted,
                                      std::string_view tenant) {
    auto& trial = start(now);
    trial.keep_free_parts(wanted, tenant);
    return trial.now();
  }

 private:
  template <class Ledger>
  fabric::trial<Ledger>& start(const Ledger& now) {
    auto& trial = trial_.template of<fabric::trial<Ledger>>();
    trial.start(now);
    return trial;
  }

  heddle::detail::any_scratch trial_;
  std::vector<expected_finish> finishes_;
};

/// Free GPUs over time as a step function, from which jobs take their part.
class gpu_profile {
 public:
  /// From the present free GPUs and the expected finishes of those running.
  template <class State>
  void start(const State& s, double now_s) {
    finishes_of(s, now_s, finishes_);
    steps_.clear();
    steps_.push_back({now_s, s.ledger.free_gpus()});
    for (const expected_finish& f : finishes_) {
      if (f.at_s > steps_.back().from_s) steps_.push_back({f.at_s, steps_.back().free});
      steps_.back().free += s.jobs[f.slot].point()->config.gpus;
    }
  }
  /// The earliest time, not before `from_s`, from which `gpus` are free for `run_s`. Infinite if
  /// there is none. O(steps).
  [[nodiscard]] double earliest(int gpus, double run_s, double from_s) const {
    double since = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      const double end =
          i + 1 < steps_.size() ? steps_[i + 1].from_s : std::numeric_limits<double>::infinity();
      if (end <= from_s) continue;
      if (steps_[i].free < gpus) {
        since = std::numeric_limits<double>::infinity();
        continue;
      }
      since = std::min(since, std::max(from_s, steps_[i].from_s));
      if (since + run_s <= end) return since;
    }
    return since;
  }
  /// The first step after `now_s`, or infinite.
  [[nodiscard]] double next_step(double now_s) const {
    for (const step& x : steps_)
      if (x.from_s > now_s) return x.from_s;
    return std::numeric_limits<double>::infinity();
  }
  /// Takes `gpus` in [from_s, from_s + run_s). O(steps).
  void take(int gpus, double from_s, double run_s) {
    if (!(from_s < std::numeric_limits<double>::infinity())) return;
    const std::size_t first = cut(from_s), last = cut(from_s + run_s);
    for (std::size_t i = first; i < last; ++i) steps_[i].free -= gpus;
  }

 private:
  struct step {
    double from_s = 0;
    int free = 0;
  };
  /// The place of the step that begins at `t`, made if there is none.
  std::size_t cut(double t) {
    const auto after = std::upper_bound(steps_.begin(), steps_.end(), t,
                                        [](double x, const step& y) { return x < y.from_s; });
    const auto place = static_cast<std::size_t>(after - steps_.begin());
    if (steps_[place - 1].from_s == t) return place - 1;
    steps_.insert(after, {t, steps_[place - 1].free});
    return place;
  }

  std::vector<step> steps_;
  std::vector<expected_finish> finishes_;
};

}  // namespace heddle::schedule
