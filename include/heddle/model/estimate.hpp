// What a fit says of its parameters and of its errors.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/model/configuration.hpp>

namespace heddle::model {

/// How the value of a parameter came about.
enum class parameter_state : unsigned char {
  free,    ///< from the samples
  pinned,  ///< the samples do not identify it; `why` says what stands in
  zero,    ///< at its bound: no sample feels it
};

[[nodiscard]] constexpr std::string_view name(parameter_state s) {
  switch (s) {
  case parameter_state::pinned:
    return "pinned";
  case parameter_state::zero:
    return "zero";
  case parameter_state::free:
    break;
  }
  return "free";
}

/// A parameter with its standard error and 95 % interval. All three are NaN unless it is free.
struct parameter_estimate {
  std::string name;  ///< with its unit, as the member of the model is called
  double value = 0;
  double standard_error = std::numeric_limits<double>::quiet_NaN();
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  parameter_state state = parameter_state::free;
  std::string why;  ///< of a pinned one
};

/// The 97.5 % quantile of the normal distribution: what lies within that many deviations is 95 %.
inline constexpr double normal_95 = 1.959964;

/// A predicted iteration with its 95 % interval.
struct prediction {
  double iteration_s = 0;
  double low_s = 0, high_s = 0;
  double deviation = 0;  ///< standard deviation of ln t

  /// Of all GPUs together, samples/s; so are the ends of its interval.
  [[nodiscard]] double throughput(const configuration& c) const {
    return c.gpus * c.local_batch / iteration_s;
  }
  [[nodiscard]] double least_throughput(const configuration& c) const {
    return c.gpus * c.local_batch / high_s;
  }
  [[nodiscard]] double most_throughput(const configuration& c) const {
    return c.gpus * c.local_batch / low_s;
  }
};

/// Errors of predictions against measurements.
struct fit_error {
  std::size_t samples = 0;
  double rmse = 0;   ///< in the unit measured
  double mape = 0;   ///< mean of |predicted/measured − 1|
  double worst = 0;  ///< largest of them
};

/// Collects pairs of (predicted, measured > 0).
class fit_error_sum {
 public:
  void add(double predicted, double measured) {
    const double relative = std::abs(predicted / measured - 1);
    ++error_.samples;
    square_ += (predicted - measured) * (predicted - measured);
    relative_ += relative;
    if (!(relative <= error_.worst)) error_.worst = relative;
  }
  [[nodiscard]] fit_error result() const {
    fit_error e = error_;
    if (e.samples) {
      e.rmse = std::sqrt(square_ / static_cast<double>(e.samples));
      e.mape = relative_ / static_cast<double>(e.samples);
    }
    return e;
  }

 private:
  fit_error error_;
  double square_ = 0, relative_ = 0;
};

/// The 97.5 % quantile of Student's t with `freedom` ≥ 1 degrees of freedom: exact for 1 and 2,
/// else by the expansion of Hill (CACM 13, 1970, algorithm 396) in 1/freedom, within 1 % from 3 on.
[[nodiscard]] inline double student_t_95(double freedom) {
  if (freedom < 1.5) return 12.706;
  if (freedom < 2.5) return 4.303;
  constexpr double z = normal_95, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
  const double v = freedom;
  return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

}  // namespace heddle::model
