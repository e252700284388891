// Any allocation policy on a cluster of several GPU types.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/priced_clock.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/gpu_types.hpp>

namespace heddle::allocate {

/// Shares jobs out to GPU types: each goes where its work costs least,
///
///     φ_t = min_x (w + λ·P(x) + π_t·k(x)) / s(x),      π_t = W_t / (2·G_t)
///
/// over the points x of its curve on type t within its range, k being GPUs, s samples a second, P watts beyond
/// idle, λ the price of energy. W_t is the weight of the jobs that are on t, G_t the GPUs of the type: π_t is what a
/// GPU is worth to that crowd where speed rises as the root of GPUs. A job that runs moves to another type if what
/// that saves over the rest of its work is more than what its pause costs. Jobs answer to one another until
/// nobody wants elsewhere, four times at most. Derived. O(jobs · points).
///
/// Where `rigid`, jobs keep their counts, and each takes in turn the type where it is done for least of those of
/// which so many GPUs are left.
class type_choice {
 public:
  static constexpr std::uint8_t none = 0xff;  ///< it can run on no type

  /// \param of  becomes the type of each job
  void operator()(std::span<const candidate> jobs, const limits& l, bool rigid,
                  std::vector<std::uint8_t>& of) {
    of.assign(jobs.size(), none);
    weight_.fill(0);
    left_ = l.by_type.gpus;
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].current && has_type(may_have(jobs[i]), jobs[i].current->config.type))
        join(jobs[i], of[i], jobs[i].current->config.type);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (of[i] == none) settle(jobs[i], l, rigid, of[i]);
    for (int pass = 0; !rigid && pass < 3; ++pass) {
      bool moved = false;
      for (std::size_t i = 0; i < jobs.size(); ++i) moved |= settle(jobs[i], l, rigid, of[i]);
      if (!moved) break;
    }
  }

  /// Types on which a job has a curve and may run.
  [[nodiscard]] static gpu_type_set may_have(const candidate& j) {
    return j.curve ? static_cast<gpu_type_set>(j.types & j.curve->types()) : gpu_type_set{0};
  }

 private:
  static double weight(const candidate& j) {
    return j.weight > 0 && j.weight < std::numeric_limits<double>::infinity() ? j.weight : 1e-9;
  }
  void join(const candidate& j, std::uint8_t& of, int type) {
    of = static_cast<std::uint8_t>(type);
    weight_[of] += weight(j);
  }
  /// \returns  whether it went elsewhere
  bool settle(const candidate& j, const limits& l, bool rigid, std::uint8_t& of) {
    const std::uint8_t before = of;
    if (before != none) weight_[before] -= weight(j);
    const gpu_type_set types = may_have(j);
    const std::uint8_t runs_on =
        j.current ? static_cast<std::uint8_t>(j.current->config.type) : none;
    double least = std::numeric_limits<double>::infinity();
    int best = -1, count = 0;
    for (int t = 0; t < l.by_type.types; ++t) {
      if (!has_type(types, t)) continue;
      const int room = rigid ? left_[static_cast<std::size_t>(t)] : l.gpus_of(t);
      int gpus = 0;
      double cost = cheapest(j, *j.curve->on(t), l, t, room, rigid, gpus);
      if (gpus == 0) continue;
      if (runs_on != none && t != runs_on)
        cost += (weight(j) + price(j, l, t, rigid) * gpus) * l.rescale(gpus) / work_left(j);
      if (cost < least || (cost == least && t == before)) {
        least = cost;
        best = t;
        count = gpus;
      }
    }
    of = none;
    if (best < 0) return before != none;
    join(j, of, best);
    if (rigid && !j.current) left_[of] -= count;
    return of != before;
  }
  [[nodiscard]] double price(const candidate& j, const limits& l, int t, bool rigid) const {
    const int gpus = l.gpus_of(t);
    return rigid || gpus <= 0 ? 0
                              : (weight_[static_cast<std::size_t>(t)] + weight(j)) / (2.0 * gpus);
  }
  /// φ, and the GPUs of the point; 0 if none is within `room`.
  [[nodiscard]] double cheapest(const candidate& j, const model::curve& c, const limits& l, int t,
                                int room, bool rigid, int& gpus) const {
    double least = std::numeric_limits<double>::infinity();
    const double gpu_price = price(j, l, t, rigid), w = weight(j);
    const auto points = rigid ? c.at(j.requested_gpus) : c.points();
    for (const model::operating_point& p : points) {
      const int k = p.config.gpus;
      if (k > room || (!rigid && (k < j.min_gpus || k > j.max_gpus))) continue;
      double held = w + gpu_price * k;
      if (l.energy_price > 0)
        held += l.energy_price * std::max(0.0, extra_power_w(p, l) + l.gpu_base_w * k);
      if (const double cost = held / p.throughput; cost < least) {
        least = cost;
        gpus = k;
      }
    }
    return least;
  }

  std::array<double, most_gpu_types> weight_ = {};
  std::array<int, most_gpu_types> left_ = {};
};

/// `policy`, which knows one type of GPU, for jobs on several (`limits::by_type`): jobs are shared out to types
/// (`type_choice`), and it is asked for those of each type by itself, a copy of it for each type so that what it
/// remembers is of that type. Where power or energy are limited, each type has the part that it would use without the
/// limit, in proportion. Jobs that get nothing where they are, and could have what stays free on another type, go
/// there once. A policy that is `TypedPolicy` is asked for all, as any is where GPUs are alike. The energy price is seen to
/// for policies that do not read it.
///
/// A desk does this of its own accord. Derived. O(jobs · points) and the policy's calls, two a type where a budget
/// binds. One writer.
template <AllocationPolicy Policy>
class over_types {
 public:
  void operator()(Policy& policy, std::span<const candidate> jobs, const limits& l,
                  allocation& out) {
    if (l.by_type.alike()) {
      policy(jobs, l, out);
      if constexpr (!EnergyPricingPolicy<Policy>) slow_to_price(jobs, l, out);
    } else if constexpr (TypedPolicy<Policy>) {
      policy(jobs, l, out);
      if constexpr (!EnergyPricingPolicy<Policy>)
        for (std::size_t i = 0; i < jobs.size() && l.energy_price > 0; ++i)
          if (out[i]) {
            candidate there = jobs[i];
            there.curve = &jobs[i].curve->of(*out[i]);
            out[i] = at_energy_price(there, *out[i], l, l.energy_price);
          }
    } else {
      work& w = *work_;
      const auto types = static_cast<std::size_t>(l.by_type.types);
      while (policies_.size() < types) policies_.push_back(policy);
      w.each.resize(types);
      w.choice(jobs, l, !ElasticPolicy<Policy>, w.of);
      out.assign(jobs.size(), nullptr);
      share_budgets(w, jobs, l);
      for (std::size_t t = 0; t < types; ++t) ask(w, t, jobs, l, out);
      if (ElasticPolicy<Policy> && send_elsewhere(w, jobs, l, out))
        for (std::size_t t = 0; t < types; ++t)
          if (w.each[t].has_newcomers) ask(w, t, jobs, l, out);
    }
  }

 private:
  static constexpr double infinite = std::numeric_limits<double>::infinity();

  struct one_type {
    std::vector<candidate> jobs;
    std::vector<std::uint32_t> which;
    allocation out;
    double power_w = infinite, energy_j = infinite;
    bool has_newcomers = false;
  };
  struct work {
    type_choice choice;
    std::vector<std::uint8_t> of;
    std::vector<one_type> each;
  };

  static void gather(work& w, std::size_t t, std::span<const candidate> jobs) {
    one_type& x = w.each[t];
    x.jobs.clear();
    x.which.clear();
    for (std::uint32_t i = 0; i < jobs.size(); ++i) {
      if (w.of[i] != t) continue;
      candidate j = jobs[i];
      j.curve = j.curve->on(static_cast<int>(t));
      if (j.current && j.current->config.type != t) j.current = nullptr;
      x.jobs.push_back(j);
      x.which.push_back(i);
    }
  }
  static limits limits_of(const one_type& x, std::size_t t, const limits& l) {
    limits own = l.of_type(static_cast<int>(t));
    own.power_w = x.power_w;
    own.energy_j = x.energy_j;
    return own;
  }
  void ask(work& w, std::size_t t, std::span<const candidate> jobs, const limits& l,
           allocation& out) {
    one_type& x = w.each[t];
    gather(w, t, jobs);
    x.has_newcomers = false;
    if (x.jobs.empty()) return;
    const limits own = limits_of(x, t, l);
    policies_[t](x.jobs, own, x.out);
    if constexpr (!EnergyPricingPolicy<Policy>) slow_to_price(x.jobs, own, x.out);
    for (std::size_t k = 0; k < x.which.size(); ++k) out[x.which[k]] = x.out[k];
  }

  /// Each type's part of the power and energy that are limited: in proportion to what copies of the policies would
  /// give it without a limit.
  void share_budgets(work& w, std::span<const candidate> jobs, const limits& l) const {
    const bool power = l.power_w < infinite, energy = l.energy_j < infinite;
    for (one_type& x : w.each) {
      x.power_w = l.power_w;
      x.energy_j = l.energy_j;
    }
    if (!power && !energy) return;
    double all_w = 0, all_j = 0;
    for (std::size_t t = 0; t < w.each.size(); ++t) {
      one_type& x = w.each[t];
      gather(w, t, jobs);
      double watts = 0, joules = 0;
      if (!x.jobs.empty()) {
        limits free = limits_of(x, t, l);
        free.power_w = free.energy_j = infinite;
        Policy trial = policies_[t];
        trial(x.jobs, free, x.out);
        for (std::size_t k = 0; k < x.jobs.size(); ++k)
          if (const auto* p = x.out[k]) {
            watts += std::max(0.0, extra_power_w(*p, free));
            joules += work_left(x.jobs[k]) * p->energy_per_sample_j();
          }
      }
      x.power_w = watts;
      x.energy_j = joules;
      all_w += watts;
      all_j += joules;
    }
    for (one_type& x : w.each) {
      x.power_w = !power ? infinite : all_w > 0 ? l.power_w * (x.power_w / all_w) : l.power_w;
      x.energy_j = !energy ? infinite : all_j > 0 ? l.energy_j * (x.energy_j / all_j) : l.energy_j;
    }
  }

  /// Jobs that got nothing, to types with GPUs to spare. \returns  whether there are any
  static bool send_elsewhere(work& w, std::span<const candidate> jobs, const limits& l,
                             const allocation& out) {
    std::array<int, most_gpu_types> left = l.by_type.gpus;
    for (const model::operating_point* p : out)
      if (p) left[p->config.type] -= p->config.gpus;
    bool any = false;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const candidate& j = jobs[i];
      if (out[i] || j.current || w.of[i] == type_choice::none || !(work_left(j) > 0)) continue;
      const gpu_type_set types = type_choice::may_have(j);
      for (std::size_t t = 0; t < w.each.size(); ++t) {
        if (t == w.of[i] || !has_type(types, static_cast<int>(t))) continue;
        const auto points = j.curve->on(static_cast<int>(t))->points();
        const auto first = std::partition_point(points.begin(), points.end(), [&](const auto& p) {
          return p.config.gpus < j.min_gpus;
        });
        if (first == points.end() || first->config.gpus > std::min(j.max_gpus, left[t])) continue;
        left[t] -= first->config.gpus;
        w.of[i] = static_cast<std::uint8_t>(t);
        w.each[t].has_newcomers = any = true;
        break;
      }
    }
    return any;
  }

  std::vector<Policy> policies_;  // by type
  heddle::detail::scratch<work> work_ = {};
};

}  // namespace heddle::allocate
