// Allocation policies that are shown other curves than the jobs have.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/job_model.hpp>
#include <heddle/model/workload.hpp>

namespace heddle::evaluate {

/// A curve in place of another, and the true point behind each of its points.
struct stand_in {
  model::curve curve;
  std::vector<std::size_t> truth;  ///< by point of `curve`

  stand_in() = default;
  /// \param seen  points that a policy is to see, with configurations of `real`
  stand_in(const model::curve& real, std::vector<model::operating_point> seen)
      : curve(std::move(seen)) {
    for (const model::operating_point& p : curve.points()) {
      const auto at = std::find_if(real.points().begin(), real.points().end(),
                                   [&](const auto& q) { return q.config == p.config; });
      truth.push_back(static_cast<std::size_t>(at - real.points().begin()));
    }
  }
  /// The point of `curve` for a true one: the same GPUs, the nearest clock.
  [[nodiscard]] const model::operating_point* of(const model::operating_point& p) const {
    const model::operating_point* best = nullptr;
    for (const model::operating_point& q : curve.at(p.config.gpus))
      if (!best || std::abs(q.config.clock_ghz - p.config.clock_ghz) <
                       std::abs(best->config.clock_ghz - p.config.clock_ghz))
        best = &q;
    return best;
  }
};

namespace detail {
/// Runs `policy` on the curves that `of(real)` gives and translates its answer.
template <class Policy, class Of>
void run_on(Policy& policy, Of&& of, std::span<const allocate::candidate> jobs,
            const allocate::limits& l, allocate::allocation& out) {
  std::vector<allocate::candidate> shown(jobs.begin(), jobs.end());
  for (allocate::candidate& j : shown) {
    const stand_in& s = of(*j.curve);
    if (j.current) j.current = s.of(*j.current);
    j.curve = &s.curve;
  }
  policy(shown, l, out);
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (out[i])
      out[i] =
          &jobs[i].curve->points()[of(*jobs[i].curve).truth[shown[i].curve->index_of(*out[i])]];
}
}  // namespace detail

/// `policy` without a choice of clocks: each GPU count at its fastest point.
template <class Policy>
struct one_clock {
  static constexpr bool elastic = allocate::ElasticPolicy<Policy>;
  Policy policy = {};
  std::map<std::uint64_t, stand_in> seen = {};

  [[nodiscard]] double round_length_s() const requires allocate::TimeSharing<Policy> {
    return policy.round_length_s();
  }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    detail::run_on(
        policy,
        [&](const model::curve& real) -> const stand_in& {
          const auto [at, is_new] = seen.try_emplace(real.fingerprint());
          if (is_new) {
            std::vector<model::operating_point> points;
            for (const model::operating_point& p : real.points())
              if (&p == real.fastest(p.config.gpus)) points.push_back(p);
            at->second = stand_in(real, std::move(points));
          }
          return at->second;
        },
        jobs, l, out);
  }
};

/// `policy` without elasticity: every job gets as many GPUs as it asked for, or none.
template <class Policy>
struct as_requested {
  static constexpr bool elastic = allocate::ElasticPolicy<Policy>;
  Policy policy = {};
  std::vector<allocate::candidate> fixed = {};

  [[nodiscard]] double round_length_s() const requires allocate::TimeSharing<Policy> {
    return policy.round_length_s();
  }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    fixed.assign(jobs.begin(), jobs.end());
    for (allocate::candidate& j : fixed) j.min_gpus = j.max_gpus = j.requested_gpus;
    policy(fixed, l, out);
  }
};

/// The curves of a workload as somebody would believe them who measured few points of each, with
/// errors, and fitted models to them.
class fitted_curves {
 public:
  /// \param samples  of each curve, drawn evenly over its points
  /// \param error    relative standard deviation of each measurement
  fitted_curves(const model::workload& truth, int samples, double error) {
    for (std::size_t c = 0; c < truth.curves.size(); ++c) {
      const model::curve& real = truth.curves[c];
      if (of_.contains(real.fingerprint())) continue;
      stream random{1, c, "measured"};
      of_.emplace(real.fingerprint(), fit(real, samples, error, random));
    }
  }
  [[nodiscard]] const stand_in& of(const model::curve& real) const {
    return of_.at(real.fingerprint());
  }
  /// Curves whose samples could not be fitted; their jobs keep the GPUs asked for.
  [[nodiscard]] std::size_t refused() const { return refused_; }

 private:
  stand_in fit(const model::curve& real, int samples, double error, stream& random) {
    boost::random::normal_distribution<double> noise(0, error);
    std::vector<model::sample> measured;
    const auto n = static_cast<std::size_t>(samples);
    for (std::size_t k = 0; k < n; ++k) {
      const std::size_t low = k * real.points().size() / n;
      const std::size_t high = std::max(low + 1, (k + 1) * real.points().size() / n) - 1;
      const auto i = boost::random::uniform_int_distribution<std::size_t>(low, high)(random);
      const model::operating_point& p = real.points()[i];
      const double time_error = noise(random), power_error = noise(random);
      model::sample s;
      s.config = p.config;
      s.iteration_s = p.config.gpus * p.config.local_batch / p.throughput * std::exp(time_error);
      s.power_w = p.power_w * std::exp(power_error);
      measured.push_back(s);
    }
    try {
      const model::time_fit time = model::fit_time(measured);
      const model::power_fit power = model::fit_power(measured, time);
      const model::job_model believed{model::profiled_throughput{time.model, time.profile},
                                      power.ridge};
      std::vector<model::operating_point> points;
      for (const model::operating_point& p : real.points()) {
        const model::operating_point q = believed(p.config);
        if (q.throughput > 0 && std::isfinite(q.throughput) && q.power_w > 0 &&
            std::isfinite(q.power_w))
          points.push_back(q);
      }
      return stand_in(real, std::move(points));
    } catch (const input_error&) {
      ++refused_;
      return stand_in(real, {real.points().begin(), real.points().end()});
    }
  }

  std::map<std::uint64_t, stand_in> of_;
  std::size_t refused_ = 0;
};

/// `policy` on curves fitted to measurements; the jobs run as they really do.
template <class Policy>
struct believed {
  static constexpr bool elastic = allocate::ElasticPolicy<Policy>;
  std::shared_ptr<const fitted_curves> fitted;
  Policy policy = {};

  [[nodiscard]] double round_length_s() const requires allocate::TimeSharing<Policy> {
    return policy.round_length_s();
  }
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    detail::run_on(
        policy, [&](const model::curve& real) -> const stand_in& { return fitted->of(real); }, jobs,
        l, out);
  }
};

}  // namespace heddle::evaluate
