// How much of a job's time is communication, and how much longer it runs when that is stretched.
#pragma once

#include <algorithm>

namespace heddle {

/// Parts of an iteration that nobody slows down, whose length is 1: `exposed`, in which the job only
/// communicates, and `hidden`, in which it communicates behind its computing, which takes 1 − exposed. When
/// all communication takes S times as long, an iteration takes
///
///     S · exposed + max(1 − exposed, S · hidden)
///
/// for what is hidden stays so until it takes longer than all computing: a bound from below where less of the
/// computing is there to hide behind. Derived.
///
/// Invariant: both ≥ 0, exposed + hidden ≤ 1.
struct communication {
  double exposed = 0;
  double hidden = 0;

  constexpr communication() = default;
  /// With nothing hidden it is a number: the *duty* of what computes and communicates by turns.
  constexpr communication(double exposed_part, double hidden_part = 0)
      : exposed(exposed_part), hidden(hidden_part) {}

  /// Part of the time on the network.
  [[nodiscard]] constexpr double on_network() const { return exposed + hidden; }
  /// By how much an iteration is stretched when the communication is by `s` ≥ 1; ≥ 1.
  [[nodiscard]] constexpr double stretch(double s) const {
    return 1 + exposed * (s - 1) + uncovered(s);
  }
  /// Part of the time on the network then.
  [[nodiscard]] constexpr double on_network(double s) const {
    return on_network() * s / (1 - exposed + exposed * s + uncovered(s));
  }

  friend constexpr bool operator==(const communication&, const communication&) = default;

 private:
  /// Hidden communication that takes longer than the computing.
  [[nodiscard]] constexpr double uncovered(double s) const {
    return std::max(0.0, s * hidden - (1 - exposed));
  }
};

}  // namespace heddle
