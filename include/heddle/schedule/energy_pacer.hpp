// An energy budget paced by work: the price of energy now, and when the budget is used up.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <heddle/allocate/energy_pace.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/detail/identity.hpp>
#include <heddle/schedule/options.hpp>

namespace heddle::schedule {

/// What the jobs of a workload take in a horizon, in the mean of the horizons from the first submission to the last.
/// To be told as `energy_budget::work`. \param gpu_base_w  `budget_now::gpu_base_w`. O(jobs · prices · clocks).
[[nodiscard]] inline std::shared_ptr<const allocate::price_response>
work_of(const model::workload& w, const fabric::base_power& power, double horizon_s,
        double gpu_base_w = 0) {
  double horizons = 1;
  if (w.size() > 0)
    horizons =
        std::max(1., std::ceil((w.jobs.back().submit_s - w.jobs.front().submit_s) / horizon_s));
  auto all = std::make_shared<allocate::price_response>();
  for (std::size_t i = 0; i < w.size(); ++i) {
    const model::curve& c = w.curves[w.curve_of[i]];
    const model::operating_point& p = *c.fastest(w.jobs[i].gpus);
    (void)all->add(c, p, w.jobs[i].weight, w.jobs[i].duration_s * p.throughput / horizons,
                   power.gpu_idle_w - gpu_base_w, w.jobs[i].duration_s);
  }
  return all;
}

/// Follows a state from decision to decision, and for a budget that is paced by work says at which price of energy
/// what is left of the horizon lasts for the work left in it. That work is the backlog, and what is still to be
/// submitted: as told (`energy_budget::work`), or at the mean rate of all submissions so far and its standard error
/// by days, after the first `learn_s`, in which the price is that of the options.
///
/// A budget of so much a horizon is used up when what has come in up to the horizon's end pays for no more than the
/// idle cluster until then; until the next horizon nothing starts, and jobs stop if it is `hard`: then no more
/// is ever spent than has come in, if that pays for the idle cluster. Another state than the last is followed from
/// the beginning. O(jobs unfinished) a decision. One writer.
class energy_pacer {
 public:
  /// The budgets of `o` at `s.now_s`.
  template <class State>
  [[nodiscard]] budget_now operator()(const scheduler_options& o, const State& s) {
    budget_now b = budget_at(o, s);
    if (!o.energy.by_work()) return b;
    if (!s.identity().is(of_) || s.jobs.size() < reference_w_.size()) {
      *this = {};
      of_ = s.identity().known_by();
      at_s_ = s.now_s;
      pace_.set_price(o.energy_price);
    }
    take_in(s, b.gpu_base_w, o.energy.day_s());
    const energy_credit c = credit_at(o, s);
    double backlog_j = 0, undone_j = 0, unfinished_w = 0;
    const double done_before = 0; (void)done_before;
    for (const auto* all : {&s.running, &s.waiting})
      for (std::uint32_t slot : *all) {
        undone_j += std::max(0.0, s.jobs[slot].remaining_at(s.now_s)) * reference_w_[slot];
        unfinished_w += reference_w_[slot];
      }
    const double done_j = submitted_j_ - undone_j;
    unfinished_j_ += unfinished_w_ * (s.now_s - at_s_);
    unfinished_w_ = unfinished_w;
    const double prior_j = .01 * submitted_j_;
    const double speed = (done_j + prior_j) / (unfinished_j_ + prior_j);
    const double reach_s = speed * (c.end_s - s.now_s);
    double all_j = 0;
    for (const auto* all : {&s.running, &s.waiting})
      for (std::uint32_t slot : *all) {
        const double l = std::max(0.0, s.jobs[slot].left_at(s.now_s)) ;
        all_j += l * reference_w_[slot];
        backlog_j += std::min(l, reach_s) * reference_w_[slot];
      }
    const double passed_s = s.now_s - s.start_s;
    const bool told = o.energy.work != nullptr;
    const allocate::price_response& ladder = told ? *o.energy.work : seen_;
    at_s_ = s.now_s;
    pace_.observe(ladder, s.energy_j - c.floor_w * passed_s, done_j);
    if (told || passed_s >= o.energy.learn_s) {
      const double to_come_j =
          told ? ladder.whole_j() * c.horizons - submitted_j_
               : most_likely_w(done_j + all_j, passed_s, o.energy) * (c.end_s - s.now_s);
      const double left_work_j = backlog_j + std::max(0.0, to_come_j) * ladder.part_within(reach_s);
      if (begun_ != c.horizons) {
        begun_ = c.horizons;
        before_work_j_ = done_j;
        budget_j_ = c.left_j;
      }
      const double reserve_j = reserve_part * budget_j_;
      (void)pace_.price(ladder, budget_j_ - reserve_j, done_j - before_work_j_ + left_work_j,
                        c.left_j - reserve_j, left_work_j);
    }
    b.energy_price = pace_.price();
    least_left_j_ = 2 * least_s * most_extra_w(s, c);
    if (c.left_j <= least_left_j_) used_up_in_ = c.horizons;
    b.used_up = used_up_in_ == c.horizons;
    return b;
  }

  /// When it should be asked again although no job comes or goes, in s. Asked after the decision.
  template <class State>
  [[nodiscard]] double changes_s(const scheduler_options& o, const State& s) const {
    constexpr double never = std::numeric_limits<double>::infinity();
    if (!o.energy.by_work() || s.running.size() + s.waiting.size() == 0) return never;
    const energy_credit c = credit_at(o, s);
    const bool grows = o.energy.energy_j > c.floor_w * o.energy.horizon_s;
    if (used_up_in_ == c.horizons) return grows || !s.running.empty() ? c.end_s : never;
    if (s.running.empty()) return never;
    double most_w = s.idle_power_w() - c.floor_w;
    for (std::uint32_t slot : s.running)
      most_w += std::max(0.0, fabric::extra_power_w(*s.jobs[slot].point(), s.power.gpu_idle_w));
    const double left_j = c.left_j - least_left_j_ / 2;
    return std::min(c.end_s, s.now_s + std::max(least_s, left_j / std::max(1e-9, most_w)));
  }

 private:
  static constexpr double least_s = 1;          // how late the end of a budget may be seen
  static constexpr double reserve_part = .002;  // of a horizon's energy that no price counts with

  /// Counts with jobs that were submitted since.
  template <class State>
  void take_in(const State& s, double gpu_base_w, double day_s) {
    while (reference_w_.size() < s.jobs.size()) {
      const active_job& j = s.jobs[reference_w_.size()];
      const model::operating_point& p = *j.reference;
      const double idle_w = s.power.gpu_idle_w - gpu_base_w;
      (void)seen_.add(*j.curve, p, j.spec->weight, j.work_at(s.now_s), idle_w, j.left_at(s.now_s));
      reference_w_.push_back(std::max(0.0, p.power_w - idle_w * p.config.gpus));
      submitted_j_ += reference_w_.back() * j.spec->duration_s;
      const auto day = static_cast<std::size_t>((s.now_s - s.start_s) / day_s);
      by_day_j_.resize(std::max(by_day_j_.size(), day + 1), 0);
      by_day_j_[day] += reference_w_.back() * j.left_at(s.now_s);
      for (const model::operating_point& q : j.curve->points())
        most_gpu_w_ = std::max(most_gpu_w_, q.power_w / q.config.gpus - s.power.gpu_idle_w);
    }
  }
  /// The mean rate at which work came so far, at its reference, and the standard error of that by days.
  [[nodiscard]] double most_likely_w(double come_j, double passed_s, const energy_budget& e) const {
    const double mean_w = come_j / passed_s;
    const auto days = static_cast<std::size_t>(passed_s / e.day_s());
    if (days < 2) return 1.5 * mean_w;  // nobody knows
    double sum = 0, squares = 0;
    for (std::size_t i = 0; i < days; ++i) {
      const double x = i < by_day_j_.size() ? by_day_j_[i] / e.day_s() : 0;
      sum += x;
      squares += x * x;
    }
    const auto n = static_cast<double>(days);
    return mean_w + std::sqrt(std::max(0.0, squares - sum * sum / n) / (n * (n - 1)));
  }
  /// What the cluster can draw beyond its floor.
  template <class State>
  [[nodiscard]] double most_extra_w(const State& s, const energy_credit& c) const {
    return s.idle_power_w() - c.floor_w + most_gpu_w_ * s.ledger.hosts().gpus();
  }

  detail::identity::tag of_;
  allocate::price_response seen_;  // of all jobs so far
  allocate::energy_pace pace_;
  std::vector<double> reference_w_;  // by slot
  std::vector<double> by_day_j_;     // of submissions
  double submitted_j_ = 0, most_gpu_w_ = 0, least_left_j_ = 0;
  double at_s_ = 0, unfinished_w_ = 0, unfinished_j_ = 0;
  double begun_ = 0, before_work_j_ = 0, budget_j_ = 0;
  double used_up_in_ = 0;  // the horizon, counted from 1
};

}  // namespace heddle::schedule
