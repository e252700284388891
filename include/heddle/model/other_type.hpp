// A job on types of GPUs that it was not measured on, or hardly.
//
//   type_ratio     how much longer a job computes and synchronises on one type than on another
//   datasheet_ratio, learn_ratio   from two datasheets; from other jobs, measured on both types
//   typed_fit      a fit on one type carried to others, each with its interval; learns from samples there;
//                  says which type and configuration to measure next, for its cost
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/beliefs.hpp>
#include <heddle/model/detail/dense.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/model/gpu_type.hpp>
#include <heddle/model/learn.hpp>
#include <heddle/model/sample.hpp>

namespace heddle::model {

/// Times on another type over those on the first: compute and synchronisation apart, since a GPU of
/// twice the speed is on the same network. The defaults say nothing but that types are of one kind.
struct type_ratio {
  belief compute{1, 1};
  belief within{1, 1};    ///< synchronisation within a server
  belief across{1, 0.5};  ///< and across servers
  double scatter = 0.1;   ///< σ of ln t that the three leave, as jobs are not alike on both, > 0
};

/// What two datasheets say: compute by memory bandwidth, synchronisation by the rates of the links in a
/// server and between servers, as the catalogue scales profiles.
[[nodiscard]] inline type_ratio datasheet_ratio(const gpu_type& from, const gpu_type& to) {
  return {.compute = {from.memory_gbs / to.memory_gbs, 0.4},
          .within = {from.server_link_gbs / to.server_link_gbs, 1},
          .across = {from.network_gbps / to.network_gbps, 0.5},
          .scatter = 0.1};
}

/// A configuration on one type that could be measured.
struct typed_candidate {
  std::string gpu_type;
  configuration config;
  double cost = 1;  ///< > 0, in any unit: GPU hours, money
};

/// A suggested measurement.
struct typed_suggestion {
  std::size_t candidate = 0;  ///< index among the candidates
  double deviation = 0;       ///< standard deviation of ln t there before it is measured
  double gain =
      0;  ///< by how much the mean variance of ln t over all candidates falls, over the cost
};

/// A fit on one type, carried to others:
///
///     T = (C·compute^γ + S·sync^γ)^(1/γ)   with C and S of each other type about their `type_ratio`
///
/// All types share the fit's parameters, so that a sample on any type tells of all (a linear Gaussian
/// model about the most probable parameters, Gauss–Newton). Const members may run side by side.
class typed_fit {
 public:
  typed_fit(std::string gpu_type, time_fit fit)
      : first_(std::move(gpu_type)), fit_(std::move(fit)) {
    update();
  }

  /// Another type, with what was measured there, which may be nothing.
  /// \throws input_error  for a type that is known already, bad samples, or a scatter that is not positive
  void add_type(std::string gpu_type, const type_ratio& ratio, std::vector<sample> samples = {}) {
    if (gpu_type == first_ || std::any_of(others_.begin(), others_.end(),
                                          [&](const other& o) { return o.name == gpu_type; }))
      throw input_error("typed_fit", "every type once", gpu_type);
    if (!samples.empty()) check_samples(samples);
    if (!(ratio.scatter > 0))
      throw input_error("typed_fit", "a scatter > 0", std::to_string(ratio.scatter));
    others_.push_back({std::move(gpu_type), ratio, std::move(samples)});
    update();
  }

  /// The time of an iteration on a type, with a 95 % interval. O(parameters³).
  /// \throws input_error  for a type that was not added
  [[nodiscard]] prediction predict(std::string_view gpu_type, const configuration& c,
                                   double limit_w = 0) const {
    const std::size_t type = index_of(gpu_type);
    if (type == 0 && information_.rows() == fit_.theta.size()) return fit_.predict(c, limit_w);
    detail::vector j;
    prediction p{.iteration_s = std::exp(log_time(type, x_, at(c, limit_w), &j))};
    p.deviation = fit_.stretch * std::sqrt(spread(j) + noise(type));
    p.low_s = p.iteration_s * std::exp(-normal_95 * p.deviation);
    p.high_s = p.iteration_s * std::exp(normal_95 * p.deviation);
    return p;
  }
  /// The model on a type. Batch sizes' factors are the fit's `profile`.
  [[nodiscard]] powerflow_throughput model(std::string_view gpu_type) const {
    return fit_.shape.model(values(index_of(gpu_type), x_));
  }
  /// What is known now of a type against the first.
  [[nodiscard]] type_ratio ratio(std::string_view gpu_type) const {
    const std::size_t type = index_of(gpu_type);
    if (type == 0) return {{1, 0}, {1, 0}, {1, 0}, fit_.scatter};
    const detail::matrix covariance = detail::ldlt(information_).inverse();
    type_ratio out{.scatter = others_[type - 1].ratio.scatter};
    std::size_t k = first_of(type);
    for (belief* b : {&out.compute, &out.within, &out.across}) {
      *b = {std::exp(x_[k]), std::sqrt(covariance(k, k))};
      ++k;
    }
    return out;
  }

  /// The candidate that lowers the mean variance of ln t over all candidates most for its cost, of those
  /// that were not measured on one of the types that were added. O(candidates² · parameters).
  /// \throws input_error  for no candidate, a cost that is not positive, or a type that was not added
  [[nodiscard]] typed_suggestion suggest(std::span<const typed_candidate> candidates) const {
    if (candidates.empty()) throw input_error("typed_fit", "at least one candidate", "none");
    const detail::matrix covariance = detail::ldlt(information_).inverse();
    std::vector<detail::vector> j(candidates.size()), known(candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!(candidates[i].cost > 0))
        throw input_error("typed_fit", "a cost > 0", std::to_string(candidates[i].cost));
      (void)log_time(index_of(candidates[i].gpu_type), x_, at(candidates[i].config, 0), &j[i]);
      known[i] = covariance * j[i];
    }
    typed_suggestion best{candidates.size(), 0, 0};
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (was_measured(candidates[i])) continue;
      const double own = detail::dot(j[i], known[i]);
      const double measured = own + noise(index_of(candidates[i].gpu_type));
      double sum = 0;
      for (const detail::vector& c : j) {
        const double shared = detail::dot(c, known[i]);
        sum += shared * shared / measured;
      }
      const double gain = sum / static_cast<double>(candidates.size()) / candidates[i].cost;
      if (best.candidate == candidates.size() || gain > best.gain * (1 + 1e-12))
        best = {i, std::sqrt(own), gain};
    }
    if (best.candidate == candidates.size())
      throw input_error("typed_fit", "a candidate that was not measured", "none");
    return best;
  }

  [[nodiscard]] const time_fit& fit() const { return fit_; }

 private:
  struct other {
    std::string name;
    type_ratio ratio;
    std::vector<sample> seen;
  };

  static constexpr std::array<std::array<detail::natural, 4>, 3> parts_{
      {{detail::a0, detail::a1, detail::b0, detail::b1},
       {detail::alpha_r, detail::beta_r, detail::zeta_r, detail::lambda_r},
       {detail::alpha_n, detail::beta_n, detail::zeta_n, detail::lambda_n}}};

  [[nodiscard]] static sample at(const configuration& c, double limit_w) {
    sample s;
    s.config = c;
    if (limit_w > 0) s.power_limit_w = limit_w;
    return s;
  }
  [[nodiscard]] std::size_t index_of(std::string_view gpu_type) const {
    if (gpu_type == first_) return 0;
    for (std::size_t i = 0; i < others_.size(); ++i)
      if (others_[i].name == gpu_type) return i + 1;
    throw input_error("typed_fit", "a type that was added", std::string(gpu_type));
  }
  [[nodiscard]] bool was_measured(const typed_candidate& c) const {
    const std::size_t type = index_of(c.gpu_type);
    if (type == 0) return false;
    const std::vector<sample>& seen = others_[type - 1].seen;
    return std::any_of(seen.begin(), seen.end(),
                       [&](const sample& s) { return s.config == c.config; });
  }
  [[nodiscard]] std::size_t first_of(std::size_t type) const {
    return fit_.theta.size() + 3 * (type - 1);
  }
  [[nodiscard]] double noise(std::size_t type) const {
    const double more = type ? others_[type - 1].ratio.scatter : 0;
    return fit_.scatter * fit_.scatter + more * more;
  }
  [[nodiscard]] double spread(const detail::vector& j) const {
    return detail::dot(j, detail::ldlt(information_).solve(j));
  }
  [[nodiscard]] detail::time_shape::values values(std::size_t type, const detail::vector& x) const {
    auto p = fit_.shape.unpack(x);
    if (type)
      for (std::size_t part = 0; part < parts_.size(); ++part) {
        const double factor = std::exp(x[first_of(type) + part]);
        for (const detail::natural i : parts_[part]) p.v[i] *= factor, p.dv[i] *= factor;
      }
    return p;
  }
  /// ln T on a type; `j` receives its derivatives by all that is sought.
  [[nodiscard]] double log_time(std::size_t type, const detail::vector& x, const sample& s,
                                detail::vector* j) const {
    std::array<double, detail::natural_count> by_u{};
    const configuration& c = s.config;
    const double t = fit_.shape.log_time(values(type, x), c.gpus, c.servers, c.local_batch,
                                         c.clock_ghz, s.power_limit_w.value_or(0), by_u.data());
    if (!j) return t;
    j->assign(x.size(), 0);
    for (std::size_t i = 0; i < detail::natural_count; ++i)
      if (const int k = fit_.shape.links[i].index; k >= 0)
        (*j)[static_cast<std::size_t>(k)] += by_u[i];
    if (type)
      for (std::size_t part = 0; part < parts_.size(); ++part)
        for (const detail::natural i : parts_[part])
          if (!fit_.shape.links[i].zero) (*j)[first_of(type) + part] += by_u[i];
    return t;
  }

  /// Seeks all parameters anew from what is believed of them and the samples on other types.
  void update() {
    const std::size_t own = fit_.theta.size(), all = own + 3 * others_.size();
    detail::vector mean = fit_.theta;
    detail::matrix believed(all, all);
    const double sure = 1 / (std::max(fit_.noise * fit_.noise, 1e-12) * fit_.together);
    for (std::size_t i = 0; i < own; ++i)
      for (std::size_t k = 0; k < own; ++k) believed(i, k) = fit_.information(i, k) * sure;
    for (const other& o : others_)
      for (const belief& b : {o.ratio.compute, o.ratio.within, o.ratio.across}) {
        const double spread = std::max(b.spread, 1e-6);
        believed(mean.size(), mean.size()) = 1 / (spread * spread);
        mean.push_back(std::log(b.usual));
      }
    x_ = mean;
    constexpr int rounds = 12;
    for (int round = 0; round < rounds; ++round) {
      information_ = believed;
      detail::vector pull(all), j;
      bool any = false;
      for (std::size_t type = 1; type <= others_.size(); ++type)
        for (const sample& s : others_[type - 1].seen) {
          any = true;
          double off = std::log(s.iteration_s) - log_time(type, x_, s, &j);
          for (std::size_t i = 0; i < all; ++i) off += j[i] * (x_[i] - mean[i]);
          const double weight = 1 / noise(type);
          for (std::size_t i = 0; i < all; ++i) {
            pull[i] += weight * off * j[i];
            for (std::size_t k = 0; k < all; ++k) information_(i, k) += weight * j[i] * j[k];
          }
        }
      if (!any) return;
      const detail::vector step = detail::ldlt(information_).solve(pull);
      double moved = 0;
      for (std::size_t i = 0; i < all; ++i) {
        // No parameter goes further than a factor of e at once.
        const double by = std::clamp(mean[i] + step[i] - x_[i], -1.0, 1.0);
        x_[i] += by, moved = std::max(moved, std::abs(by));
      }
      if (moved < 1e-9) return;
    }
  }

  std::string first_;
  time_fit fit_;
  std::vector<other> others_;
  detail::vector x_;            // θ and three logarithms of each other type
  detail::matrix information_;  // of them
};

/// How much longer jobs take on `to` than on `from`, by the jobs that were measured on both: each is
/// fitted on `from` and carried to its samples on `to`. A normal mean with a normal prior, `before`;
/// the spread is that of the next job. Without any job on both it is what was believed before.
///
/// \throws input_error  for tables that cannot be fitted
/// O(tables) fits.
[[nodiscard]] inline type_ratio learn_ratio(std::span<const measured_table> tables,
                                            std::string_view from, std::string_view to,
                                            const type_ratio& before = {},
                                            const time_beliefs& beliefs = {}) {
  struct part {
    belief type_ratio::*which;
    double count = 0, sum = 0, square = 0;
  };
  std::array<part, 3> parts{{{&type_ratio::compute}, {&type_ratio::within}, {&type_ratio::across}}};
  double scatter = 0, jobs = 0;
  const type_ratio open{
      {before.compute.usual, 2}, {before.within.usual, 2}, {before.across.usual, 2}, 0.05};
  for (const measured_table& a : tables)
    for (const measured_table& b : tables) {
      if (a.model != b.model || a.gpu_type != from || b.gpu_type != to) continue;
      typed_fit job(a.gpu_type, fit_time(a.samples, {.beliefs = beliefs}));
      job.add_type(b.gpu_type, open, b.samples);
      const type_ratio found = job.ratio(b.gpu_type);
      for (part& p : parts) {
        const belief& seen = found.*p.which;
        if (seen.spread > 0.5) continue;  // no sample shows it
        const double x = std::log(seen.usual);
        ++p.count, p.sum += x, p.square += x * x;
      }
      double square = 0;
      for (const sample& s : b.samples) {
        const double off = std::log(s.iteration_s / job.predict(to, s.config).iteration_s);
        square += std::min(off * off, 1.0);
      }
      scatter += square / static_cast<double>(b.samples.size()), ++jobs;
    }
  type_ratio out = before;
  constexpr double worth = 1.5, alike = 0.3;  // jobs believed beforehand, and their σ
  for (const part& p : parts) {
    if (p.count == 0) continue;
    const belief& old = before.*p.which;
    const double mean = p.sum / p.count, off = std::max(0.0, p.square - p.count * mean * mean);
    const double variance = (off + worth * alike * alike) / (p.count - 1 + worth);
    const double ours = p.count / variance, theirs = 1 / (old.spread * old.spread);
    out.*p.which = {std::exp((ours * mean + theirs * std::log(old.usual)) / (ours + theirs)),
                    std::sqrt(variance + 1 / (ours + theirs))};
  }
  if (jobs > 0)
    out.scatter = std::sqrt((scatter + worth * before.scatter * before.scatter) / (jobs + worth));
  return out;
}

}  // namespace heddle::model
