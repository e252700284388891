// When a waiting job could start at the earliest, if those running keep their pace.
//
//   forecast      of one job, with the GPUs and links that it would get; and whether it can start then all
//                 the same if others start now                              O(running) placements
//   gpu_profile   of many jobs, by number of GPUs alone: gpu_profile.hpp    O(steps) a job
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
#include <heddle/core/moment.hpp>
#include <heddle/fabric/ledger.hpp>
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
    out.push_back({std::max(now_s, j.since_s) + std::max(0.0, j.left_at(now_s)) / rate, slot});
  }
  std::sort(out.begin(), out.end());
}

/// The earliest start of a job, and where.
struct earliest_start {
  double at_s = std::numeric_limits<double>::infinity();  ///< infinite: never, on this cluster
  fabric::placement where = {};
  double spare_power_w = std::numeric_limits<double>::infinity();  ///< left then, beyond the job's
  int spare_gpus = std::numeric_limits<int>::max();                ///< free then, beside the job's
};

/// Looks ahead on a copy of the ledger from which running jobs leave one after the other, until the
/// policy places the job. Keeps its copies, so that later calls allocate little. One user at a time.
class forecast {
 public:
  /// Those that end at one moment (core/moment.hpp) leave together.
  /// \param spare_w  power that is left now, in W
  /// \param need_w   power that the job needs
  /// \param freed_w  callable: running job → power that its end sets free
  /// At most one placement is tried for each running job.
  template <class State, class Place, class Freed>
  [[nodiscard]] earliest_start operator()(const State& s, const place::request& job, double now_s,
                                          Place& place, double spare_w, double need_w,
                                          Freed&& freed_w) {
    auto& then = start(then_, s.ledger);
    finishes_of(s, now_s, finishes_);
    for (std::size_t i = 0; i < finishes_.size();) {
      const double at = finishes_[i].at_s;
      for (; i < finishes_.size() && no_later(finishes_[i].at_s, at); ++i) {
        const active_job& j = s.jobs[finishes_[i].slot];
        then->release(j.spec->id);
        spare_w += freed_w(j);
      }
      if (then->free_gpus() < job.gpus || spare_w < need_w) continue;
      place::answer a = place::ask(place, then.now(), job);
      if (!a) continue;
      is_held_ = hold(*then, job, a);
      return {at, std::move(*a.where), spare_w - need_w, then->free_gpus()};
    }
    return {};
  }

  /// After a look ahead for `job` that found a time: whether it can be placed then too if `other` starts
  /// now as `a` says, and runs longer. If so, `other` is counted with from now on, and `at` says where the
  /// job is going to be. At most one placement is tried.
  template <class Ledger, class Place>
  [[nodiscard]] bool leaves_room(const Ledger& now, const place::request& job, earliest_start& at,
                                 Place& place, const place::request& other,
                                 const place::answer& a) {
    if (at.at_s == std::numeric_limits<double>::infinity()) return true;
    if (other.gpus > at.spare_gpus || !can_be_beside(now, job, at.where, place, other, a))
      return false;
    at.spare_gpus -= other.gpus;
    return true;
  }
  /// A copy of `now` in which nobody can have what is free of `wanted`, which `tenant` is going to have;
  /// good until the next call.
  template <class Ledger>
  [[nodiscard]] const Ledger& without(const Ledger& now, const fabric::placement& wanted,
                                      std::string_view tenant) {
    auto& trial = start(rest_, now);
    trial.keep_free_parts(wanted, tenant);
    return trial.now();
  }

 private:
  /// Whether `job` can be where it is `planned`, or elsewhere from now on, beside `other`.
  template <class Ledger, class Place>
  bool can_be_beside(const Ledger&, const place::request& job, fabric::placement& planned,
                     Place& place, const place::request& other, const place::answer& a) {
    Ledger& then = *then_.template of<fabric::trial<Ledger>>();
    if (is_held_ && hold(then, other, a)) return true;  // beside what was planned
    if (is_held_) (void)then.release(job.job);
    if (hold(then, other, a)) {
      place::answer again = place::ask(place, std::as_const(then), job);
      if (again && hold(then, job, again)) {
        planned = std::move(*again.where);
        return is_held_ = true;
      }
      take_back(then, other, a);
    }
    if (is_held_) is_held_ = then.reserve(job.job, planned, job.tenant) == reserved;
    return false;
  }
  template <class Ledger>
  static fabric::trial<Ledger>& start(heddle::detail::any_scratch& kept, const Ledger& now) {
    auto& trial = kept.template of<fabric::trial<Ledger>>();
    trial.start(now);
    return trial;
  }
  /// Moves that concern jobs which have left are none.
  template <class Ledger>
  static std::vector<fabric::circuit_move> moves_of(const Ledger& l, const place::answer& a) {
    std::vector<fabric::circuit_move> out = a.moved;
    std::erase_if(out, [&](const fabric::circuit_move& m) { return !l.find(m.job); });
    return out;
  }
  /// Books an answer; false, and nothing changed, if that cannot be.
  template <class Ledger>
  static bool hold(Ledger& l, const place::request& job, const place::answer& a) {
    if constexpr (fabric::RewirableLedger<Ledger>)
      if (!a.moved.empty() && l.rewire(moves_of(l, a)) != reserved) return false;
    if (l.reserve(job.job, *a.where, job.tenant) == reserved) return true;
    unwire(l, a);
    return false;
  }
  template <class Ledger>
  static void take_back(Ledger& l, const place::request& job, const place::answer& a) {
    (void)l.release(job.job);
    unwire(l, a);
  }
  template <class Ledger>
  static void unwire(Ledger& l, const place::answer& a) {
    if constexpr (fabric::RewirableLedger<Ledger>)
      if (!a.moved.empty()) {
        std::vector<fabric::circuit_move> back = moves_of(l, a);
        for (fabric::circuit_move& m : back) std::swap(m.from, m.to);
        std::reverse(back.begin(), back.end());
        (void)l.rewire(back);
      }
  }

  static constexpr auto reserved = fabric::reserve_status::reserved;

  heddle::detail::any_scratch then_, rest_;
  bool is_held_ = false;  // whether `then_` holds what is planned for the job
  std::vector<expected_finish> finishes_;
};

}  // namespace heddle::schedule
