// A quantity that changes over time in steps: the carbon in a kWh, its price.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

namespace heddle::sim {

/// A piecewise constant function of time. Before the first step it has the first value; without
/// steps it is 0. Invariant: times rise.
class series {
 public:
  struct step {
    double from_s = 0;
    double value = 0;

    friend bool operator==(const step&, const step&) = default;
  };

  series() = default;
  /// \throws input_error  if times do not rise
  explicit series(std::vector<step> steps) : steps_(std::move(steps)) {
    for (std::size_t i = 1; i < steps_.size(); ++i)
      if (!(steps_[i - 1].from_s < steps_[i].from_s))
        throw input_error("series, step " + std::to_string(i), "a later time than the step before",
                          std::to_string(steps_[i].from_s) + " s");
  }

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] double at(double t) const { return empty() ? 0 : steps_[place(t)].value; }

  /// The integral from `from_s` to `to_s` ≥ `from_s`, in value · s. O(log steps + steps between).
  [[nodiscard]] double integral(double from_s, double to_s) const {
    if (empty()) return 0;
    double sum = 0, at = from_s;
    for (std::size_t i = place(from_s); at < to_s; ++i) {
      const double end = i + 1 < steps_.size() ? std::min(to_s, steps_[i + 1].from_s) : to_s;
      sum += (end - at) * steps_[i].value;
      at = end;
    }
    return sum;
  }

 private:
  [[nodiscard]] std::size_t place(double t) const {
    const auto after = std::upper_bound(steps_.begin(), steps_.end(), t,
                                        [](double x, const step& s) { return x < s.from_s; });
    return after == steps_.begin() ? 0 : static_cast<std::size_t>(after - steps_.begin()) - 1;
  }

  std::vector<step> steps_;
};

}  // namespace heddle::sim
