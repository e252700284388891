// A price of energy at which a budget lasts for the work that is to be done.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>

namespace heddle::allocate {

/// What work takes at each price of a ladder, in parts of what it takes at its reference: a job on its GPUs, at
/// the clock of least (weight + price · watts) / throughput. A value, one writer.
class price_response {
 public:
  static constexpr std::size_t steps = 61;         ///< of the ladder, six a decade
  static constexpr double least_price = 1e-8;      ///< its first; below it there is no price
  static constexpr double ratio = 1.467799267622;  ///< of two prices that follow each other

  price_response() {
    double p = least_price;
    for (double& x : price_) {
      x = p;
      p *= ratio;
    }
  }

  /// Adds a job. \param idle_w  what a GPU draws beside it anyway  \param alone_s  its run time at its reference
  /// \returns  what it takes at its reference, in J;
  /// nothing is added where that is not positive and finite. O(steps · clocks).
  double add(const model::curve& curve, const model::operating_point& reference, double weight,
             double samples, double idle_w, double alone_s = 0) {
    const auto watts = [&](const model::operating_point& p) {
      return std::max(0.0, p.power_w - idle_w * p.config.gpus);
    };
    const double whole = samples * watts(reference) / reference.throughput;
    if (!(whole > 0 && whole < std::numeric_limits<double>::infinity())) return 0;
    const double w = weight > 0 ? weight : 0;
    for (std::size_t k = 0; k < steps; ++k) {
      double least = std::numeric_limits<double>::infinity(), joules = whole;
      for (const model::operating_point& p : curve.at(reference.config.gpus)) {
        const double cost = (w + price_[k] * watts(p)) / p.throughput;
        if (cost < least) {
          least = cost;
          joules = samples * watts(p) / p.throughput;
        }
      }
      joules_[k] += joules;
    }
    whole_j_ += whole;
    const double length_s = std::clamp(alone_s, 1., 0x1p31);
    by_length_[static_cast<std::size_t>(2 * std::log2(length_s))] += whole;
    return whole;
  }

  /// What all jobs take at their references, in J.
  [[nodiscard]] double whole_j() const { return whole_j_; }
  /// The part of the work of such jobs, submitted evenly over a time, that is done in it, if in all of the time a job
  /// does what its reference does in `reach_s`. O(lengths).
  [[nodiscard]] double part_within(double reach_s) const {
    if (!(whole_j_ > 0)) return 1;
    if (!(reach_s > 0)) return 0;
    double done_j = 0;
    for (std::size_t b = 0; b < by_length_.size(); ++b) {
      const double length_s = std::exp2((static_cast<double>(b) + .5) / 2);
      done_j += by_length_[b] *
                (length_s < reach_s ? 1 - length_s / (2 * reach_s) : reach_s / (2 * length_s));
    }
    return done_j / whole_j_;
  }
  /// Falls with the price; 1 where nothing is known. O(steps).
  [[nodiscard]] double share(double price) const {
    if (!(whole_j_ > 0)) return 1;
    if (!(price > price_.front())) return joules_.front() / whole_j_;
    std::size_t k = 1;
    while (k + 1 < steps && price_[k] < price) ++k;
    if (price >= price_[k]) return joules_[k] / whole_j_;
    const double part = std::log(price / price_[k - 1]) / std::log(ratio);
    return (joules_[k - 1] + part * (joules_[k] - joules_[k - 1])) / whole_j_;
  }
  /// The least price whose share is at most this: 0 for that of the first of the ladder. What no price has, or what
  /// saves no more than `too_little` of all over the last of the ladder, is not asked for: there jobs would be held for
  /// nothing.
  [[nodiscard]] double price_for(double wanted) const {
    constexpr double rounding = 1 + 1e-12;
    const double joules =
        rounding * std::max(wanted * whole_j_, joules_.back() + too_little * whole_j_);
    if (joules >= joules_.front()) return 0;
    for (std::size_t k = 1; k < steps; ++k)
      if (joules_[k] <= joules)
        return price_[k - 1] *
               std::pow(ratio, (joules_[k - 1] - joules) / (joules_[k - 1] - joules_[k]));
    return price_.back();
  }
  /// The dearest price that saves no more than `hardly`.
  [[nodiscard]] double dearest_without_effect() const {
    std::size_t k = 0;
    while (k + 1 < steps && joules_[k + 1] >= joules_.front() - hardly * whole_j_) ++k;
    return price_[k];
  }

 private:
  static constexpr double hardly = .005, too_little = .03;

  std::array<double, steps> price_;
  std::array<double, steps> joules_{};
  std::array<double, 63>
      by_length_{};  // of work, by halves of octaves of run times alone from 1 s on
  double whole_j_ = 0;
};

/// The work there is still to do, at its reference in J: as it is expected, and √3 standard errors below and above. With
/// two thirds and twice a sixth of the weight a mean over the three is that over a normal distribution for what is a
/// polynomial of up to the fifth degree.
struct outlook {
  static constexpr double likely = 2. / 3, errors = 1.7320508075688772;  ///< weight; √3
  double likely_j = 0, low_j = 0, high_j = 0;
};

/// Sets the price of energy by work done, not by time: what is left of a budget over what the work left takes at
/// its reference is the share that work may have, and the price is that at which jobs have it. How much more or
/// less than the ladder says is spent, over all that was done so far, corrects it: an integral, with no droop.
///
///     pace.observe(ladder, spent_j, done_j);  // both since the beginning, in J
///     price = pace.price(ladder, budget_j, done_j, budget_j − spent_j, {likely_j, low_j, high_j});
///
/// Load that comes in bursts changes neither of the two, so that the price stays what it is: by time it
/// would swing. Derived: docs/allocate/energy_budget.md. O(steps). A value, one writer.
class energy_pace {
 public:
  /// \param spent_j  by jobs  \param done_j  what the work done takes at its reference
  /// \param ladder   of the work of the horizon, or what is known of it
  void observe(const price_response& ladder, double spent_j, double done_j) {
    expected_j_ += ladder.share(price_) * std::max(0.0, done_j - done_j_);
    done_j_ = done_j;
    spent_j_ = spent_j;
  }
  /// \param budget_j  of the horizon, at its begin  \param begun_j  of its work, done, at its reference
  /// \param left_j    that may be spent
  /// \returns  what the price is expected to become: were it expected to rise or fall, energy would be worth more later
  /// or sooner. So it is the mean over what there may be to do, not the price of the mean.
  [[nodiscard]] double price(const price_response& ladder, double budget_j, double begun_j,
                             double left_j, const outlook& to_do) {
    const double likely_j = begun_j + to_do.likely_j;
    if (!(likely_j > 0)) return price_;
    const double prior = prior_part * likely_j;
    const double off = (spent_j_ + first_off * prior) / (expected_j_ + prior);
    const auto wanted_for = [&](double to_do_j) {
      const double work_j = std::max(begun_j + to_do_j, 1e-9 * likely_j);
      const double planned = std::max(0.0, budget_j) / work_j;
      const double ahead_j = left_j - planned * std::max(0.0, to_do_j);
      // What is ahead or behind is made good in the work left; sooner where it is behind, and far from the end hardly
      // at all, since most of it is that work does not take the same at all times.
      const double soon = (ahead_j < 0 ? behind_part : ahead_part) * work_j;
      const double share =
          planned + ahead_j / std::max(to_do_j * (1 + calm * to_do_j / work_j), soon);
      return std::max(ladder.dearest_without_effect(),
                      ladder.price_for(std::max(0.0, share) / off));
    };
    double wanted = wanted_for(to_do.likely_j);
    if (to_do.low_j < to_do.high_j)
      wanted = outlook::likely * wanted +
               (1 - outlook::likely) / 2 * (wanted_for(to_do.low_j) + wanted_for(to_do.high_j));
    // It moves with work: where nothing is done, nothing is learnt.
    const double slow =
        std::max(least_slow * likely_j, std::min(slow_part * likely_j, to_do.likely_j));
    const double moved = std::max(0.0, done_j_ - at_done_j_) / slow;
    at_done_j_ = done_j_;
    aim_ = aim_ > 0 ? aim_ * std::pow(wanted / aim_, -std::expm1(-moved)) : wanted;
    if (std::abs(aim_ - price_) > dead_band * price_) price_ = aim_;
    return price_;
  }
  /// Takes a price that was set otherwise.
  void set_price(double price) { aim_ = price_ = price; }
  [[nodiscard]] double price() const { return price_; }

 private:
  static constexpr double prior_part = .01;   // of all work: how long the first guess is believed
  static constexpr double first_off = 1.3;    // what is spent over what the ladder says: a guess
  static constexpr double behind_part = .05;  // of all work in which what is behind is made good
  static constexpr double ahead_part = .1;    // and what is ahead
  static constexpr double calm = 3;           // how much longer than in the work left, at the begin
  static constexpr double slow_part = .02;    // of all work in which a price moves most of its way
  static constexpr double least_slow = .005;  // the same at the end
  static constexpr double dead_band = .02;    // a price that hardly changes is kept

  double price_ = 0, aim_ = 0, at_done_j_ = 0, expected_j_ = 0, done_j_ = 0, spent_j_ = 0;
};

}  // namespace heddle::allocate
