// How much of a job's communication is exposed and how much is hidden, from iterations that the network
// stretched.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <Eigen/Dense>

#include <heddle/core/communication.hpp>
#include <heddle/core/error.hpp>
#include <heddle/model/estimate.hpp>

namespace heddle::model {

/// An iteration measured while all communication of its job took `stretch` times as long as alone: alone it is
/// 1; beside others it is what `route::steady` says, or the time of an all-reduce beside them over its time
/// alone.
struct contended_sample {
  double stretch = 1;      ///< ≥ 1
  double iteration_s = 0;  ///< > 0
};

struct contention_fit {
  double alone_s = 0;    ///< an iteration without contention
  communication shares;  ///< of it
  /// Whether any sample tells what is hidden: one that ran longer than computing hides, or the share of the
  /// network. If none does, `shares.hidden` is 0, and up to `hidden_at_most` could be there unseen.
  bool hidden_known = false;
  double hidden_at_most = 0;
  fit_error error;

  /// An iteration under such a stretch.
  [[nodiscard]] double operator()(double stretch) const {
    return alone_s * shares.stretch(stretch);
  }
};

namespace detail {
/// Least squares of T(S) = b·S + max(a, c·S), a, b ≥ 0, 0 ≤ c ≤ a. The samples on either side of the bend are
/// a prefix of those by stretch, and for each such prefix the sum of squares is convex: its least lies inside,
/// where it is a linear problem, or on a face. All are tried. O(samples²).
class bend_fit {
 public:
  /// \param by_stretch  ascending
  /// \param on_network  b + c as a part of a + b, if known
  bend_fit(std::span<const contended_sample> by_stretch, std::optional<double> on_network)
      : samples_(by_stretch), known_(on_network) {}

  struct line {
    double a = 0, b = 0, c = 0;
  };

  [[nodiscard]] line operator()() {
    // Samples from k on are beyond the bend; as few of them as explain the times as well.
    for (std::size_t k = samples_.size() + 1; k-- > 0;) {
      if (known_) {
        const double m = *known_;
        solve(k, {{1, 0, m}, {0, 1, m - 1}});
        solve(k, {{1, 0, m}});
        solve(k, {{1 - m, m, 0}});
        if (k < samples_.size())
          if (const double s = samples_[k].stretch; s * m > 1)  // a = s·c
            solve(k, {{s * (1 - m), s * m - 1, 1 - m}});
        continue;
      }
      if (k == samples_.size()) {
        solve(k, {{1, 0, 0}, {0, 1, 0}});
        solve(k, {{1, 0, 0}});
        solve(k, {{0, 1, 0}});
        continue;
      }
      solve(k, {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}});
      solve(k, {{1, 0, 0}, {0, 0, 1}});
      const double bend = samples_[k].stretch;  // a = bend·c
      solve(k, {{bend, 0, 1}, {0, 1, 0}});
      solve(k, {{bend, 0, 1}});
    }
    return best_;
  }

 private:
  /// The best x of (a, b, c) = Σ x_i · basis_i where samples from k on are beyond the bend.
  void solve(std::size_t k, const std::vector<line>& basis) {
    Eigen::MatrixXd rows(samples_.size(), basis.size());
    Eigen::VectorXd times(samples_.size());
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      const double s = samples_[i].stretch;
      const auto row = static_cast<Eigen::Index>(i);
      times[row] = samples_[i].iteration_s;
      for (std::size_t x = 0; x < basis.size(); ++x)
        rows(row, static_cast<Eigen::Index>(x)) =
            basis[x].b * s + (i < k ? basis[x].a : basis[x].c * s);
    }
    const auto qr = rows.colPivHouseholderQr();
    if (qr.rank() < static_cast<Eigen::Index>(basis.size())) return;
    const Eigen::VectorXd x = qr.solve(times);
    line found;
    for (std::size_t i = 0; i < basis.size(); ++i) {
      const double w = x[static_cast<Eigen::Index>(i)];
      found = {found.a + w * basis[i].a, found.b + w * basis[i].b, found.c + w * basis[i].c};
    }
    const double rounding = 1e-9 * (found.a + found.b);
    for (double* part : {&found.a, &found.b, &found.c})
      if (*part < 0 && *part > -rounding) *part = 0;
    if (found.a < 0 || found.b < 0 || found.c < 0 || found.c > found.a + rounding) return;
    found.c = std::min(found.c, found.a);
    const double off = squares(found);
    if (off < least_ * (1 - 1e-9) - rounding * rounding) {
      least_ = off;
      best_ = found;
    }
  }
  [[nodiscard]] double squares(const line& x) const {
    double sum = 0;
    for (const contended_sample& s : samples_) {
      const double off = x.b * s.stretch + std::max(x.a, x.c * s.stretch) - s.iteration_s;
      sum += off * off;
    }
    return sum;
  }

  std::span<const contended_sample> samples_;
  std::optional<double> known_;
  line best_;
  double least_ = std::numeric_limits<double>::infinity();
};
}  // namespace detail

/// Fits the exposed and the hidden share of a job's communication by least squares, exactly (`bend_fit`).
///
/// \param on_network  part of an iteration alone in which anything is on the network, if a profiler told it:
///                    exposed and hidden together, in [0, 1)
/// \throws input_error  if the samples have fewer than two different stretches at which hidden communication
///                      stays hidden, so that exposed is not told from hidden, or are out of range
[[nodiscard]] inline contention_fit fit_contention(std::span<const contended_sample> samples,
                                                   std::optional<double> on_network = {}) {
  if (on_network && !(*on_network >= 0 && *on_network < 1))
    throw input_error("network share", "a share from 0 to below 1", std::to_string(*on_network));
  std::vector<contended_sample> sorted(samples.begin(), samples.end());
  for (const contended_sample& s : sorted)
    if (!(s.stretch >= 1) || !(s.iteration_s > 0) || !std::isfinite(s.stretch) ||
        !std::isfinite(s.iteration_s))
      throw input_error("samples", "stretches of at least 1 and times above 0",
                        std::to_string(s.stretch) + " and " + std::to_string(s.iteration_s));
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return a.stretch < b.stretch || (a.stretch == b.stretch && a.iteration_s < b.iteration_s);
  });
  if (sorted.empty() || sorted.front().stretch == sorted.back().stretch)
    throw input_error("samples", "iterations under at least two different stretches",
                      sorted.empty() ? "none" : "one stretch");
  const detail::bend_fit::line x = detail::bend_fit{sorted, on_network}();
  contention_fit fit;
  fit.alone_s = x.a + x.b;
  const double exposed = x.b / fit.alone_s, hidden = x.c / fit.alone_s;
  const bool bent = x.c * sorted.back().stretch > x.a;
  const auto second = std::find_if(sorted.begin(), sorted.end(), [&](const auto& s) {
    return s.stretch > sorted.front().stretch;
  });
  if (x.c > 0 && x.c * second->stretch >= x.a * (1 - 1e-9))
    throw input_error("samples",
                      "two stretches or more under which hidden communication stays hidden",
                      "times that grow with the stretch from the second on");
  fit.hidden_known = on_network.has_value() || bent;
  fit.shares = {exposed, fit.hidden_known ? hidden : 0.0};
  fit.hidden_at_most = fit.hidden_known ? hidden : (1 - exposed) / sorted.back().stretch;
  fit_error_sum error;
  for (const contended_sample& s : sorted) error.add(fit(s.stretch), s.iteration_s);
  fit.error = error.result();
  return fit;
}

}  // namespace heddle::model
