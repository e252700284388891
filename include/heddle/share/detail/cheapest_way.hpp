// The cheapest way for one job to reach a throughput when GPUs of each type have a price.
#pragma once

#include <cstddef>
#include <limits>

namespace heddle::share::detail {

/// Time on two types, the same one twice where one is enough.
struct way {
  std::size_t low = 0, high = 0;  ///< the slower type and the faster one
  double low_time = 0, high_time = 0;
  double marginal = 0;  ///< cost of one more unit of throughput
};

/// The lower hull of (0, 0) and (t_j, q_j), walked from the origin up to `level`. O(types) if one type
/// is enough, at most O(types²).
/// \param t      throughput of the job on each type; types where it is 0 are left out
/// \param q      price of a GPU of each type, ≥ 0
/// \param gpus   that the job holds: a factor of the marginal cost alone
/// \param level  throughput to reach, at most the largest of `t`
inline way cheapest_way(const double* t, const double* q, std::size_t types, double gpus,
                        double level) {
  way out;
  if (!(level > 0)) return out;
  std::size_t at = types;
  double rate = std::numeric_limits<double>::infinity();
  for (std::size_t j = 0; j < types; ++j) {
    if (!(t[j] > 0)) continue;
    const double here = q[j] / t[j];
    if (here < rate || (here == rate && t[j] > t[at])) {
      rate = here;
      at = j;
    }
  }
  if (at == types) return out;
  if (t[at] >= level) {
    out.low = out.high = at;
    out.high_time = level / t[at];
    out.marginal = gpus * rate;
    return out;
  }
  for (;;) {
    std::size_t next = types;
    double steep = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < types; ++j) {
      if (!(t[j] > t[at])) continue;
      const double here = (q[j] - q[at]) / (t[j] - t[at]);
      if (here < steep || (here == steep && t[j] > t[next])) {
        steep = here;
        next = j;
      }
    }
    if (next == types) {  // the level is the cap but for rounding
      out.low = out.high = at;
      out.high_time = 1;
      out.marginal = std::numeric_limits<double>::infinity();
      return out;
    }
    if (t[next] >= level) {
      out.low = at;
      out.high = next;
      out.high_time = (level - t[at]) / (t[next] - t[at]);
      out.low_time = 1 - out.high_time;
      out.marginal = gpus * steep;
      return out;
    }
    at = next;
  }
}

}  // namespace heddle::share::detail
