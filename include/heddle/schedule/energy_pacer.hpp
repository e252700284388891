// An energy budget paced by work: the price of energy now, and when the budget is used up.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/allocate/energy_pace.hpp>
#include <heddle/allocate/energy_plan.hpp>
#include <heddle/allocate/work_by_day.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/detail/identity.hpp>
#include <heddle/schedule/options.hpp>

namespace heddle::schedule {

/// Follows a state from decision to decision, and for a budget that is paced by work says at which price of energy
/// what is left of the horizon lasts for the work that is done in it. Where a plan is told (`energy_budget::plan`), it
/// is the price that spends what is left until the horizon ends. Else the work is of the backlog, and of what is still
/// to be submitted, what the time left suffices for at the speed of late; that comes at the mean rate of all
/// submissions so far, after the first `learn_s`, in which the price is that of the options.
///
/// A budget of so much a horizon is used up when what has come in up to the horizon's end pays for no more than the
/// idle cluster until then; until the next horizon nothing starts, and jobs stop if it is `hard`: then no more
/// is ever spent than has come in, if that pays for the idle cluster. Before it comes to that, jobs of a hard budget may
/// together draw no more than they do where this is more than what is left would pay for in half of the time left.
/// Another state than the last is followed from the beginning. O(jobs unfinished) a decision, with a plan
/// O(courses · log marks · horizons left). One writer.
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
    take_in(o, s, full_base_w(o, s));
    const energy_credit c = credit_at(o, s);
    const bool lasts = o.energy.plan ? follow(*o.energy.plan, o, s, c) : forecast(o, s, c);
    b.energy_price = pace_.price();
    if (o.energy.hard && !lasts && !s.running.empty())
      b.power_w =
          std::min(b.power_w, c.floor_w + std::max(last_power_w(c, s.now_s), drawn_w(s, c)));
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
    const double most_w = drawn_w(s, c);
    const double left_j = c.left_j - least_left_j_ / 2;
    double again_s = left_j / std::max(1e-9, most_w);
    if (o.energy.hard && last_power_w(c, s.now_s) < binding * most_w)
      again_s = std::min(again_s, looks_part * (c.end_s - s.now_s));
    return std::min(c.end_s, s.now_s + std::max(least_s, again_s));
  }

 private:
  static constexpr double least_s = 1;       // how late the end of a budget may be seen
  static constexpr double end_part = .5;     // of the time left in which what is left may be spent
  static constexpr double binding = 2;       // times the power drawn: that limit may bind soon
  static constexpr double looks_part = .05;  // of the time left until it is looked at again
  static constexpr double kept_part = .05;   // of a horizon in which speeds are forgotten
  static constexpr double hurried = 1.2;     // times that speed: short jobs go faster
  static constexpr double believed_part = .01;  // of the work submitted: what is believed of it
  static constexpr double reserve_part = .002;  // of a horizon's energy that no price counts with

  /// Sets the least price at which a plan keeps to the budget at the end of this horizon and of all that follow: what
  /// is saved now may be wanted then. \returns  whether it does at that price
  template <class State>
  bool follow(const allocate::energy_plan& plan, const scheduler_options& o, const State& s,
              const energy_credit& c) {
    const double from_s = s.now_s - s.start_s, reserve_j = reserve_part * o.energy.energy_j;
    // Calls `see(to, left_j)` for the horizons' ends, and what may be spent until then.
    const auto each = [&](auto see) {
      double to_s = c.end_s - s.start_s, left_j = c.left_j + c.floor_w * (c.end_s - s.now_s);
      do {
        see(to_s, left_j);
        to_s += o.energy.horizon_s;
        left_j += o.energy.energy_j;
      } while (to_s < plan.until_s() + o.energy.horizon_s);
    };
    double least_j = std::numeric_limits<double>::infinity();  // of all, left over at this price
    const auto look = [&](double to_s, double left_j) {
      least_j = std::min(least_j, left_j - plan.spent_j(pace_.price(), from_s, to_s));
    };
    each(look);
    // A price that is near enough is kept: a plan knows what follows from a constant one.
    if (least_j >= 0 && (least_j <= 3 * reserve_j || pace_.price() <= 0)) return true;
    double price = 0;
    each([&](double to_s, double left_j) {
      price = std::max(price, plan.price_for(left_j - reserve_j, from_s, to_s));
    });
    pace_.set_price(price);
    least_j = std::numeric_limits<double>::infinity();
    each(look);
    return least_j >= 0;
  }
  /// Sets the price at which what is left lasts for the work that is to be expected. \returns  false: nobody knows
  template <class State>
  bool forecast(const scheduler_options& o, const State& s, const energy_credit& c) {
    double undone_j = 0, running_w = 0;
    for (const auto* all : {&s.running, &s.waiting})
      for (std::uint32_t slot : *all)
        undone_j += std::max(0.0, s.jobs[slot].remaining_at(s.now_s)) * reference_w_[slot];
    int gpus = 0;
    for (std::uint32_t slot : s.running) {
      running_w += reference_w_[slot];
      gpus += s.jobs[slot].point()->config.gpus;
    }
    const double done_j = submitted_j_ - undone_j;
    look_back(s.now_s, done_j, running_w, gpus, o.energy.horizon_s);
    const double speed = hurried * speed_of_late();
    const double reach_s = speed * (c.end_s - s.now_s);
    double backlog_j = 0,
           in_reach_j = 0;  // what there is to do, and what of it can be done in the horizon
    for (const auto* all : {&s.running, &s.waiting})
      for (std::uint32_t slot : *all) {
        const double left_s = std::max(0.0, s.jobs[slot].left_at(s.now_s));
        backlog_j += left_s * reference_w_[slot];
        in_reach_j += std::min(left_s, reach_s) * reference_w_[slot];
      }
    const double passed_s = s.now_s - s.start_s;
    pace_.observe(seen_, s.energy_j - c.floor_w * passed_s, done_j);
    if (passed_s >= o.energy.learn_s) {
      const double left_s = c.end_s - s.now_s;
      const double to_come_j =
          (done_j + backlog_j) / passed_s * left_s * seen_.part_within(reach_s);
      const double unsure =
          allocate::outlook::errors * come_.error(passed_s, left_s, o.energy.day_s());
      const double most_j = per_gpu_of_late_w() * s.ledger.hosts().gpus() * left_s;
      const auto to_do_j = [&](double part) {
        return std::min(in_reach_j + part * to_come_j, most_j);
      };
      if (begun_ != c.horizons) {
        begun_ = c.horizons;
        before_work_j_ = done_j;
        budget_j_ = c.left_j;
      }
      const double reserve_j = reserve_part * budget_j_;
      (void)pace_.price(seen_, budget_j_ - reserve_j, done_j - before_work_j_, c.left_j - reserve_j,
                        {to_do_j(1), to_do_j(1 - unsure), to_do_j(1 + unsure)});
    }
    return false;
  }
  /// Counts with jobs that were submitted since.
  template <class State>
  void take_in(const scheduler_options& o, const State& s, double gpu_base_w) {
    while (reference_w_.size() < s.jobs.size()) {
      if (!s.jobs.holds(reference_w_.size())) {  // it ended before this looked
        reference_w_.push_back(0);
        continue;
      }
      const active_job& j = s.jobs[reference_w_.size()];
      const model::operating_point& p = *j.reference;
      const double idle_w = s.power.idle_w(p.config.type) - gpu_base_w;
      (void)seen_.add(*j.curve, p, j.spec->weight, j.work_at(s.now_s), idle_w, j.left_at(s.now_s));
      reference_w_.push_back(std::max(0.0, p.power_w - idle_w * p.config.gpus));
      seen_w_ += reference_w_.back();
      seen_gpus_ += p.config.gpus;
      submitted_j_ += reference_w_.back() * j.spec->duration_s;
      come_.add(j.spec->submit_s - s.start_s, o.energy.day_s(),
                reference_w_.back() * j.left_at(s.now_s));
      for (int t = 0; t < s.ledger.hosts().gpu_types(); ++t)
        if (const model::curve* const c = j.curve->on(t))
          for (const model::operating_point& q : c->points())
            most_gpu_w_ = std::max(most_gpu_w_, q.power_w / q.config.gpus - s.power.idle_w(t));
    }
  }
  /// Adds up what was done of late.
  void look_back(double now_s, double done_j, double running_w, int gpus, double horizon_s) {
    const double keep = std::exp(-(now_s - at_s_) / (kept_part * horizon_s));
    running_j_ = keep * (running_j_ + running_w_ * (now_s - at_s_));
    gpu_s_ = keep * (gpu_s_ + gpus_ * (now_s - at_s_));
    recent_j_ = keep * (recent_j_ + done_j - done_before_j_);
    running_w_ = running_w;
    gpus_ = gpus;
    done_before_j_ = done_j;
    at_s_ = now_s;
  }
  /// How fast jobs were while they ran, over their references.
  [[nodiscard]] double speed_of_late() const {
    const double prior_j = believed_part * submitted_j_;
    return (recent_j_ + prior_j) / (running_j_ + prior_j);
  }
  /// The work that a GPU did while a job had it.
  [[nodiscard]] double per_gpu_of_late_w() const {
    if (!(seen_w_ > 0)) return 0;
    const double prior_j = believed_part * submitted_j_;
    return (recent_j_ + prior_j) / (gpu_s_ + prior_j * seen_gpus_ / seen_w_);
  }
  /// What the cluster draws beyond its floor.
  template <class State>
  [[nodiscard]] static double drawn_w(const State& s, const energy_credit& c) {
    double w = s.idle_power_w() - c.floor_w;
    for (std::uint32_t slot : s.running)
      w += std::max(0.0, fabric::extra_power_w(*s.jobs[slot].point(),
                                               s.power.idle_w(s.jobs[slot].point()->config.type)));
    return w;
  }
  /// A limit on what jobs draw, by which what is left of the horizon's energy is not used up before its end: it falls to
  /// nothing with the time left, and binds only where too much has been spent.
  [[nodiscard]] static double last_power_w(const energy_credit& c, double now_s) {
    return c.left_j / std::max(1e-9, end_part * (c.end_s - now_s));
  }
  /// What the cluster can draw beyond its floor.
  template <class State>
  [[nodiscard]] double most_extra_w(const State& s, const energy_credit& c) const {
    return s.idle_power_w() - c.floor_w + most_gpu_w_ * s.ledger.hosts().gpus();
  }

  detail::identity::tag of_;
  allocate::price_response seen_;  // of all jobs so far
  allocate::energy_pace pace_;
  allocate::work_by_day come_;
  std::vector<double> reference_w_;  // by slot
  double submitted_j_ = 0, most_gpu_w_ = 0, least_left_j_ = 0;
  double at_s_ = 0, done_before_j_ = 0;
  double recent_j_ = 0, running_j_ = 0, gpu_s_ = 0;  // forgotten by and by
  double running_w_ = 0;                             // as it was decided
  int gpus_ = 0;
  double seen_w_ = 0, seen_gpus_ = 0;  // of all jobs so far, at their references
  double begun_ = 0, before_work_j_ = 0, budget_j_ = 0;
  double used_up_in_ = 0;  // the horizon, counted from 1
};

}  // namespace heddle::schedule
