// Many runs, summed up: means over seeds with 95 % confidence intervals.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include <heddle/core/statistics.hpp>
#include <heddle/sim/report.hpp>

#include "common/table.hpp"

namespace heddle::evaluate {

/// Half the width of the 95 % confidence interval of a mean, by Student's t; 0 for one value.
[[nodiscard]] inline double half_width(const running_statistics& s) {
  if (s.count() < 2) return 0;
  const boost::math::students_t t(static_cast<double>(s.count() - 1));
  return boost::math::quantile(t, .975) * s.stddev() / std::sqrt(static_cast<double>(s.count()));
}

/// "4,507 ± 126".
[[nodiscard]] inline std::string mean_and_interval(const running_statistics& s, int digits = 0) {
  return examples::fixed(s.mean(), digits) + " ± " + examples::fixed(half_width(s), digits);
}

/// By how much the geometric mean of ratios is above 1, of their logarithms: "4.1 ± .6", in per cent.
[[nodiscard]] inline std::string above(const running_statistics& log_ratios) {
  const double mean = std::exp(log_ratios.mean());
  return examples::fixed(100 * (mean - 1), 1) + " ± " +
         examples::fixed(100 * mean * half_width(log_ratios), 1);
}

/// A number of a report.
using metric = std::function<double(const sim::report&)>;

/// The reports of one scheduler on one setting, one for each seed.
using reports = std::vector<sim::report>;

[[nodiscard]] inline running_statistics over(const reports& runs, const metric& number) {
  running_statistics s;
  for (const sim::report& r : runs) s.add(number(r));
  return s;
}
/// Of `runs` relative to `base`, seed by seed: number / number − 1.
[[nodiscard]] inline running_statistics change(const reports& runs, const reports& base,
                                               const metric& number) {
  running_statistics s;
  for (std::size_t i = 0; i < runs.size(); ++i) s.add(number(runs[i]) / number(base[i]) - 1);
  return s;
}

/// A table as Markdown.
inline void print_markdown(std::ostream& out, const examples::table& t) {
  const auto line = [&](auto&& cell) {
    out << '|';
    for (std::size_t c = 0; c < t.columns.size(); ++c) out << ' ' << cell(c) << " |";
    out << '\n';
  };
  out << "\n" << t.caption << "\n\n";
  line([&](std::size_t c) {
    return t.columns[c].title + (t.columns[c].unit.empty() ? "" : " (" + t.columns[c].unit + ")");
  });
  line([&](std::size_t c) { return std::string(t.columns[c].is_text ? ":--" : "--:"); });
  for (const auto& group : t.groups)
    for (const auto& row : group) line([&](std::size_t c) { return row[c]; });
}

}  // namespace heddle::evaluate
