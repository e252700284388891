// An energy budget over time, and the power that it allows now.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <heddle/core/error.hpp>

namespace heddle::allocate {

/// Energy comes in evenly, `energy_j` every `horizon_s`, and what is not spent stays. At any time the
/// power allowed is such that at most what has come in and what comes in over the next horizon is spent
/// in that horizon:
///
///     power_w(t) = energy_j/horizon_s + saved_j(t)/horizon_s,   saved_j = come in − spent
///
/// While a power of at most `power_w` is drawn and looked at again within a horizon, `saved_j` never falls
/// below 0: at no time has more been spent than has come in. An idle night so lends its energy to the
/// day after, spread over a horizon; `most_saved_j` limits how much of it.
///
///     allocate::energy_allowance budget{36e9, 86'400};      // 10 MWh a day
///     budget.spend(now_s, joules since the last call);
///     plan(…, budget.power_w());                           // of the whole cluster
///
/// Derived: a token bucket whose rate rises with its content. O(1); a value, one writer.
class energy_allowance {
 public:
  /// \param energy_j   that comes in over one horizon, ≥ 0
  /// \param horizon_s  > 0
  /// \param start_s    when energy begins to come in
  /// \param most_saved_j  of unspent energy what is above it is lost
  /// \throws input_error  for numbers out of these ranges
  explicit energy_allowance(double energy_j, double horizon_s, double start_s = 0,
                            double most_saved_j = std::numeric_limits<double>::infinity())
      : energy_j_(energy_j), horizon_s_(horizon_s), now_s_(start_s), most_saved_j_(most_saved_j) {
    const auto require = [](bool ok, const char* what, const char* expected, double got) {
      if (!ok)
        throw input_error(std::string("energy_allowance.") + what, expected, std::to_string(got));
    };
    require(energy_j >= 0 && std::isfinite(energy_j), "energy_j", "a finite energy of at least 0 J",
            energy_j);
    require(horizon_s > 0 && std::isfinite(horizon_s), "horizon_s", "a finite time above 0 s",
            horizon_s);
    require(std::isfinite(start_s), "start_s", "a finite time", start_s);
    require(most_saved_j >= 0, "most_saved_j", "an energy of at least 0 J", most_saved_j);
  }

  /// Moves on to `now_s` and books what the cluster has spent since the last call. A time before that of
  /// the last call brings nothing in.
  void spend(double now_s, double joules) {
    const double dt = std::max(0.0, now_s - now_s_);
    now_s_ = std::max(now_s_, now_s);
    saved_j_ = std::min(saved_j_ + energy_j_ * (dt / horizon_s_) - joules, most_saved_j_);
  }

  /// What the whole cluster may draw until the next call, in W; 0 while in debt by a horizon's energy.
  [[nodiscard]] double power_w() const { return std::max(0.0, energy_j_ + saved_j_) / horizon_s_; }
  /// Come in and not spent, in J; negative: a debt.
  [[nodiscard]] double saved_j() const { return saved_j_; }
  [[nodiscard]] double now_s() const { return now_s_; }

 private:
  double energy_j_, horizon_s_, now_s_;
  double most_saved_j_;
  double saved_j_ = 0;
};

}  // namespace heddle::allocate
