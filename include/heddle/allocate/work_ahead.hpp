// The work that is submitted in a horizon, as it is told beforehand.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <heddle/allocate/energy_pace.hpp>

namespace heddle::allocate {

/// What jobs take at each price, and when in a horizon they come. A value, one writer.
struct work_ahead {
  /// A job that comes in a horizon, or a part of one that comes in some.
  struct coming {
    double after_s = 0;  ///< from the horizon's begin
    double alone_s = 0;  ///< its run time at its reference
    double joules = 0;   ///< what it takes at its reference
  };

  price_response ladder;     ///< of the work of a horizon
  std::vector<coming> jobs;  ///< by `after_s`

  /// What is done by the horizon's end of the work that comes later than `after_s`, at its reference in J, if
  /// jobs go `speed` times as fast as theirs. O(jobs).
  [[nodiscard]] double done_j(double after_s, double horizon_s, double speed) const {
    const auto first = std::upper_bound(jobs.begin(), jobs.end(), after_s,
                                        [](double t, const coming& j) { return t < j.after_s; });
    double joules = 0;
    for (auto j = first; j != jobs.end(); ++j) {
      const double time_s = speed * std::max(0.0, horizon_s - j->after_s);
      joules += time_s < j->alone_s ? j->joules * time_s / j->alone_s : j->joules;
    }
    return joules;
  }
};

}  // namespace heddle::allocate
