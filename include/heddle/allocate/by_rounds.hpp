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
#include <heddle/share/elastic_round.hpp>
#include <heddle/share/round.hpp>

namespace heddle::allocate {

/// Carries a `share::RoundPolicy` out on real servers: Gavel's policies, and what is like them, under a scheduler.
///
///     allocate::by_rounds fair{share::by_share{share::max_min}};
///
/// Every job keeps the GPUs that its user asked for and has them of one type at a time, at its fastest clock on that
/// type; the policy is told samples/s in the place of steps/s. A `share::ElasticRoundPolicy` (`relative_goodput`, after
/// Sia) chooses numbers of GPUs as well, of those on the job's curves within its range. A round lasts `round_s`. Within it those that run go on
/// and nobody starts, so that a newcomer waits for the next round; where nobody runs a round ends at once. An infinite
/// `round_s` decides whenever the scheduler does. What the policy gives is handed out in the jobs' order as far as
/// power and energy go.
///
/// So that rounds can end, decisions must be asked for at least every `round_s`; else a round lasts until the next one.
/// Without `limits::now_s` each call is a round. A job's age is counted from the call that saw it first. O(J log J)
/// and the policy's round. One writer.
template <class Policy>
class by_rounds {
  static constexpr bool chooses_numbers = share::ElasticRoundPolicy<Policy>;
  static_assert(
      chooses_numbers || share::RoundPolicy<Policy>,
      "by_rounds carries out a policy of rounds: void(const round_view&, vector<uint32_t>&), "
      "or void(const elastic_view&, vector<grant>&)");

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
    int gpus = 0;
    std::uint32_t starts = 0;  // how often it has started on a type or number of GPUs
    double since_s = 0;        // that it has been on that type, or the round began
    bool is_there = false;
  };

  static std::size_t types_of_limits(const limits& l) {
    return l.by_type.alike() ? 1 : static_cast<std::size_t>(l.by_type.types);
  }
  /// The fastest point at so many GPUs of a type, or null.
  static const model::operating_point* point_on(const candidate& j, const limits& l,
                                                std::size_t type, int gpus) {
    const model::curve* const c = curve_on(j, l, static_cast<int>(type));
    return c ? c->fastest(gpus) : nullptr;
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
        const auto* at =
            p.capacity[t] >= j.requested_gpus ? point_on(j, l, t, j.requested_gpus) : nullptr;
        p.throughput.push_back(at ? at->throughput : 0);
        any = any || at || (chooses_numbers && curve_on(j, l, static_cast<int>(t)));
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
      if constexpr (chooses_numbers)
        decide_numbers(jobs, l, view, out);
      else
        decide_types(jobs, l, view, out);
    }
    changed_ = false;
    round_from_s_ = now_s;
    held_by_gone_.fill(0);
    for (auto& [id, r] : known_) r.since_s = now_s;
  }

  void decide_types(std::span<const candidate> jobs, const limits& l, const share::round_view& view,
                    allocation& out) {
    policy_(view, type_);
    for (std::size_t k = 0; k < which_.size(); ++k) {
      const candidate& j = jobs[which_[k]];
      if (type_[k] != share::no_type) out[which_[k]] = point_on(j, l, type_[k], j.requested_gpus);
    }
  }
  void decide_numbers(std::span<const candidate> jobs, const limits& l,
                      const share::round_view& view, allocation& out) {
    const std::size_t types = view.jobs.types();
    counts_.clear();
    const auto each = [&](auto&& f) {  // the fastest points within ranges and what there is
      for (std::size_t k = 0; k < which_.size(); ++k)
        for (std::size_t t = 0; t < types; ++t) {
          const candidate& j = jobs[which_[k]];
          const model::curve* const c = curve_on(j, l, static_cast<int>(t));
          if (!c) continue;
          for (const model::operating_point& p : c->points())
            if (p.config.gpus >= j.min_gpus && p.config.gpus <= j.max_gpus &&
                p.config.gpus <= view.jobs.capacity[t])
              f(k, t, p);
        }
    };
    each([&](std::size_t, std::size_t, const auto& p) {
      const double n = p.config.gpus;
      const auto at = std::lower_bound(counts_.begin(), counts_.end(), n);
      if (at == counts_.end() || *at != n) counts_.insert(at, n);
    });
    rate_.assign(which_.size() * types * counts_.size(), 0);
    each([&](std::size_t k, std::size_t t, const auto& p) {
      const auto n = std::lower_bound(counts_.begin(), counts_.end(), p.config.gpus);
      double& rate =
          rate_[(k * types + t) * counts_.size() + static_cast<std::size_t>(n - counts_.begin())];
      rate = std::max(rate, p.throughput);
    });
    had_.clear();
    starts_.clear();
    for (std::uint32_t i : which_) {
      const record& r = known_.find(jobs[i].id)->second;
      had_.push_back(jobs[i].current && r.type != share::no_type
                         ? share::grant{r.type, static_cast<double>(r.gpus)}
                         : share::grant{});
      starts_.push_back(r.starts);
    }
    if (counts_.empty()) return;
    policy_(share::elastic_view{view, counts_, rate_, had_, starts_}, given_);
    for (std::size_t k = 0; k < which_.size(); ++k)
      if (!given_[k].waits())
        out[which_[k]] =
            point_on(jobs[which_[k]], l, given_[k].type, static_cast<int>(given_[k].gpus));
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
      const int gpus = out[i] ? out[i]->config.gpus : 0;
      if (type != r.type) {
        if (r.type != share::no_type) held_by_gone_[r.type] += now_s - r.since_s;
        r.since_s = now_s;
      }
      r.starts += out[i] && (type != r.type || gpus != r.gpus);
      r.type = type;
      r.gpus = gpus;
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
  std::vector<double> counts_, rate_;  // of a policy that chooses numbers, as in `elastic_view`
  std::vector<share::grant> had_, given_;
  std::vector<std::uint32_t> starts_;
};

}  // namespace heddle::allocate
