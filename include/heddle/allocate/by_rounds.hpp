// Policies that decide rounds, as an allocation for a scheduler.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/share/round.hpp>

namespace heddle::allocate {

/// Carries a `share::RoundPolicy` out on real servers: Gavel's policies, and what is like them, under a scheduler.
///
///     allocate::by_rounds fair{share::by_share{share::max_min}};
///
/// Every job keeps the GPUs that its user asked for and has them of one type at a time, at its fastest clock on that
/// type; the policy is told samples/s in the place of steps/s. A round lasts `round_s`. Within it those that run go on
/// and nobody starts, so that a newcomer waits for the next round; where nobody runs a round ends at once. An infinite
/// `round_s` decides whenever the scheduler does. What the policy gives is handed out in the jobs' order as far as
/// power and energy go.
///
/// So that rounds can end, decisions must be asked for at least every `round_s`; else a round lasts until the next one.
/// Without `limits::now_s` each call is a round. A job's age is counted from the call that saw it first. O(J log J)
/// and the policy's round. One writer.
template <share::RoundPolicy Policy>
class by_rounds {
 public:
  static constexpr bool elastic = true;  ///< running jobs may be stopped, and moved to another type
  static constexpr bool knows_types = true;

  explicit by_rounds(Policy policy = {}, double round_s = 360)
      : round_s_(round_s), policy_(std::move(policy)) {}

  /// What is left of the round since the last call.
  [[nodiscard]] double round_length_s() const { return round_from_s_ + round_s_ - last_s_; }
  [[nodiscard]] const Policy& policy() const { return policy_; }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    const bool timed = !std::isnan(l.now_s);
    const double now_s = timed ? l.now_s : last_s_ + round_s_;
    see(jobs, now_s);
    const bool runs =
        std::any_of(jobs.begin(), jobs.end(), [](const candidate& j) { return j.current; });
    const bool over = std::isinf(round_s_) || now_s - round_from_s_ >= round_s_ * (1 - 1e-9);
    if (runs && !over) {
      for (std::size_t i = 0; i < jobs.size(); ++i) out[i] = jobs[i].current;
    } else {
      decide(jobs, l, now_s, out);
    }
    within_budgets(jobs, l, out);
    remember(jobs, out, now_s);
  }

 private:
  struct record {
    std::uint32_t number = 0;  // rising, by first sight
    double seen_s = 0;         // for the first time
    std::uint32_t type = share::no_type;
    double since_s = 0;  // that it has been on that type, or the round began
    bool is_there = false;
  };

  static std::size_t types_of_limits(const limits& l) {
    return l.by_type.alike() ? 1 : static_cast<std::size_t>(l.by_type.types);
  }
  /// The fastest point at the GPUs asked for, of a type that the job may have.
  static const model::operating_point* point_on(const candidate& j, const limits& l,
                                                std::size_t type) {
    if (l.by_type.alike()) return j.curve->fastest(j.requested_gpus);
    const int t = static_cast<int>(type);
    const model::curve* const c = has_type(j.types, t) ? j.curve->on(t) : nullptr;
    return c ? c->fastest(j.requested_gpus) : nullptr;
  }

  /// Numbers newcomers; what those that have left held in this round is added up.
  void see(std::span<const candidate> jobs, double now_s) {
    for (auto& [id, r] : known_) r.is_there = false;
    order_.clear();
    for (std::uint32_t i = 0; i < jobs.size(); ++i) {
      const auto [at, is_new] = known_.try_emplace(jobs[i].id, record{next_, now_s});
      next_ += is_new;
      changed_ |= is_new;
      at->second.is_there = true;
      order_.push_back({at->second.number, i});
    }
    for (auto at = known_.begin(); at != known_.end();) {
      const record& r = at->second;
      if (r.is_there) {
        ++at;
        continue;
      }
      if (r.type != share::no_type) held_by_gone_[r.type] += now_s - r.since_s;
      changed_ = true;
      at = known_.erase(at);
    }
    std::sort(order_.begin(), order_.end());
  }

  void decide(std::span<const candidate> jobs, const limits& l, double now_s, allocation& out) {
    const std::size_t types = types_of_limits(l);
    share::problem& p = problem_;
    p.capacity.resize(types);
    for (std::size_t t = 0; t < types; ++t)
      p.capacity[t] = l.by_type.alike() ? l.gpus : l.by_type.gpus[t];
    for (auto* all : {&p.throughput, &p.gpus, &p.weight, &p.steps, &p.elapsed_s}) all->clear();
    ids_.clear();
    before_.clear();
    held_s_.clear();
    which_.clear();
    type_held_s_.assign(held_by_gone_.begin(),
                        held_by_gone_.begin() + static_cast<std::ptrdiff_t>(types));
    for (const auto& [number, i] : order_) {
      const candidate& j = jobs[i];
      if (!can_run(j) || !(j.weight > 0)) continue;
      const std::size_t row = p.throughput.size();
      bool any = false;
      for (std::size_t t = 0; t < types; ++t) {
        const auto* at = p.capacity[t] >= j.requested_gpus ? point_on(j, l, t) : nullptr;
        p.throughput.push_back(at ? at->throughput : 0);
        any = any || at;
      }
      if (!any) {
        p.throughput.resize(row);
        continue;
      }
      const record& r = known_.find(j.id)->second;
      p.gpus.push_back(j.requested_gpus);
      p.weight.push_back(j.weight);
      p.steps.push_back(work_left(j));
      p.elapsed_s.push_back(now_s - r.seen_s);
      ids_.push_back(number);
      before_.push_back(j.current ? r.type : share::no_type);
      const double held_s = r.type == share::no_type ? 0 : now_s - r.since_s;
      held_s_.push_back(held_s);
      if (held_s > 0) type_held_s_[r.type] += held_s;
      which_.push_back(i);
    }
    if (!which_.empty()) {
      const share::round_view view{.jobs = p,
                                   .id = ids_,
                                   .before = before_,
                                   .held_s = held_s_,
                                   .type_held_s = type_held_s_,
                                   .now_s = now_s,
                                   .round_s = round_s_,
                                   .switch_s = l.rescale(1),
                                   .changed = changed_};
      policy_(view, type_);
      for (std::size_t k = 0; k < which_.size(); ++k)
        if (type_[k] != share::no_type) out[which_[k]] = point_on(jobs[which_[k]], l, type_[k]);
    }
    changed_ = false;
    round_from_s_ = now_s;
    held_by_gone_.fill(0);
    for (auto& [id, r] : known_) r.since_s = now_s;
  }

  static void within_budgets(std::span<const candidate> jobs, const limits& l, allocation& out) {
    double watts = l.power_w, joules = l.energy_j;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!out[i]) continue;
      const double w = extra_power_w(*out[i], l);
      const double e = work_left(jobs[i]) * out[i]->energy_per_sample_j();
      if (!(w <= 0 || w <= watts) || !(e <= joules)) {
        out[i] = nullptr;
        continue;
      }
      watts -= w;
      joules -= e;
    }
  }

  void remember(std::span<const candidate> jobs, const allocation& out, double now_s) {
    last_s_ = now_s;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      record& r = known_.find(jobs[i].id)->second;
      const std::uint32_t type = out[i] ? std::uint32_t{out[i]->config.type} : share::no_type;
      if (type != r.type) {
        if (r.type != share::no_type) held_by_gone_[r.type] += now_s - r.since_s;
        r.since_s = now_s;
      }
      r.type = type;
    }
  }

  double round_s_;
  Policy policy_;
  std::map<job_id, record> known_;
  std::array<double, most_gpu_types> held_by_gone_ = {};  // in this round, by those that left
  std::uint32_t next_ = 0;
  double last_s_ = 0, round_from_s_ = -std::numeric_limits<double>::infinity();
  bool changed_ = false;

  share::problem problem_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order_;  // number, candidate
  std::vector<std::uint32_t> ids_, before_, which_, type_;
  std::vector<double> held_s_, type_held_s_;
};

}  // namespace heddle::allocate
