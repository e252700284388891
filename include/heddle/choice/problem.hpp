// The problem of a choice of points under shared limits, as plain data.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>

namespace heddle::choice {

/// Maximises Σ_i weight_i·value(point of i) with at most (or exactly) one point a job and
/// Σ_i use_r(point of i) ≤ capacity_r for every resource r.
///
/// Points of job i are `begin[i]` … `begin[i + 1] − 1`.
struct problem {
  std::vector<double> capacity;      ///< one a resource, ≥ 0, finite; at least one resource
  std::vector<std::uint32_t> begin;  ///< jobs + 1 offsets, from 0, not falling
  std::vector<double> value;         ///< one a point, any finite number
  std::vector<double> use;           ///< points × resources, row by row, ≥ 0, finite
  std::vector<double> weight;        ///< one a job, ≥ 0, finite; empty: 1
  bool require_one = false;          ///< exactly one point a job

  [[nodiscard]] std::size_t jobs() const { return begin.empty() ? 0 : begin.size() - 1; }
  [[nodiscard]] std::size_t resources() const { return capacity.size(); }
  [[nodiscard]] double weight_of(std::size_t i) const { return weight.empty() ? 1 : weight[i]; }
};

namespace detail {

/// \throws input_error  that names the field and the index of the first entry that is not `good`
template <class Good>
void require_all(const std::vector<double>& v, std::size_t first, std::size_t last, Good good,
                 const char* field, const char* expected) {
  // Without a branch, and then which it was.
  bool all = true;
  for (std::size_t k = first; k < last; ++k) all &= good(v[k]);
  for (std::size_t k = first; !all && k < last; ++k)
    if (!good(v[k]))
      throw input_error(std::string{"choice."} + field + "[" + std::to_string(k) + "]", expected,
                        std::to_string(v[k]));
}

inline constexpr double most_finite = std::numeric_limits<double>::max();
inline constexpr auto finite = [](double v) { return (v >= -most_finite) & (v <= most_finite); };
inline constexpr auto finite_from_zero = [](double v) { return (v >= 0) & (v <= most_finite); };

inline constexpr const char* wants_from_zero = "a finite number of at least 0";

/// All but `value` and `use`.
inline void check_shape(const problem& p) {
  const auto size = [](const char* field, std::size_t got, std::size_t want) {
    if (got != want)
      throw input_error(std::string{"choice."} + field, std::to_string(want) + " entries",
                        std::to_string(got));
  };
  if (p.capacity.empty()) throw input_error("choice.capacity", "at least one resource", "none");
  require_all(p.capacity, 0, p.resources(), finite_from_zero, "capacity", wants_from_zero);
  if (p.begin.empty() || p.begin[0] != 0)
    throw input_error("choice.begin", "offsets from 0", p.begin.empty() ? "none" : "another start");
  for (std::size_t i = 0; i + 1 < p.begin.size(); ++i)
    if (p.begin[i] > p.begin[i + 1])
      throw input_error("choice.begin[" + std::to_string(i + 1) + "]",
                        "no less than the offset before", std::to_string(p.begin[i + 1]));
  size("value", p.value.size(), p.begin.back());
  size("use", p.use.size(), p.begin.back() * p.resources());
  if (!p.weight.empty()) size("weight", p.weight.size(), p.jobs());
  require_all(p.weight, 0, p.weight.size(), finite_from_zero, "weight", wants_from_zero);
}

/// `value` and `use` of the points `first` … `last − 1`.
inline void check_points(const problem& p, std::size_t first, std::size_t last) {
  require_all(p.value, first, last, finite, "value", "a finite number");
  require_all(p.use, first * p.resources(), last * p.resources(), finite_from_zero, "use",
              wants_from_zero);
}

}  // namespace detail

/// Checks sizes and ranges. O(points · resources).
/// \throws input_error  that names the field and the index of the first bad entry
inline void check(const problem& p) {
  detail::check_shape(p);
  detail::check_points(p, 0, p.value.size());
}

}  // namespace heddle::choice
