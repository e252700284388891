// How sure one can be of how much work will come.
#pragma once

#include <algorithm>
#include <cmath>

namespace heddle::allocate {

/// Adds work up by days that are over, and takes those to come for like ones. A value, one writer.
class work_by_day {
 public:
  /// \param after_s  since the beginning, no less than before
  void add(double after_s, double day_s, double joules) {
    const double day = std::floor(after_s / day_s);
    if (day > day_) close();
    day_ = std::max(day_, day);
    of_day_j_ += joules;
  }
  /// The standard error of the mean so far as a forecast of what comes in `left_s`, in parts of it: of the days left,
  /// which are as unlike as those seen, and of the mean of those. A half while fewer than two are over, and
  /// never more than that.
  [[nodiscard]] double error(double passed_s, double left_s, double day_s) const {
    const double days = std::floor(passed_s / day_s), left = left_s / day_s;
    if (days < 2 || !(left > 0)) return unknown;
    const double squares = squares_ + (day_ < days ? of_day_j_ * of_day_j_ : 0);
    const double sum_j = closed_j_ + (day_ < days ? of_day_j_ : 0);
    const double mean = sum_j / days;
    if (!(mean > 0)) return unknown;
    const double variance = std::max(0.0, squares / days - mean * mean) * days / (days - 1);
    return std::min(unknown, std::sqrt(variance * (1 / left + 1 / days)) / mean);
  }

 private:
  static constexpr double unknown = .5;

  void close() {
    closed_j_ += of_day_j_;
    squares_ += of_day_j_ * of_day_j_;
    of_day_j_ = 0;
  }

  double closed_j_ = 0, squares_ = 0, of_day_j_ = 0, day_ = 0;
};

}  // namespace heddle::allocate
