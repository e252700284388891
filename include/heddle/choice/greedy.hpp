// The choice of points by steps of the best ratio: fast, short, and without a proof.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <heddle/choice/choice.hpp>

namespace heddle::choice {

/// Starts jobs in their order on the cheapest point of each while it fits, then makes the step with the
/// largest ratio while one fits. The cost of a point is Σ_r use_r / capacity_r.
///
///     absolute: Δ(weight·value) / Δcost        relative: (Δvalue / |value|) / (Δcost / cost)
///
/// The relative rule is that of `allocate::powerflow` where all that is known of a point is its value
/// and its use. Steps that gain and cost nothing more go first. O(S·P·R + S log J) for S steps, P points
/// a job and R resources. The bound is not filled: `status` is feasible, or unknown where exactly one
/// point a job is required and some job found no room.
struct greedy {
  bool relative = false;

  /// \throws input_error  from `check`
  [[nodiscard]] answer operator()(const problem& p) const {
    check(p);
    const std::size_t resources = p.resources();
    const double none = -std::numeric_limits<double>::infinity();
    answer out;
    out.point.assign(p.jobs(), -1);
    out.use.assign(resources, 0);
    out.price.assign(resources, 0);
    std::vector<double> cost(p.value.size(), 0);
    for (std::size_t k = 0; k < cost.size(); ++k)
      for (std::size_t r = 0; r < resources; ++r) {
        const double use = p.use[k * resources + r];
        if (use > 0) cost[k] += use / p.capacity[r];  // infinite where there is no capacity
      }
    const auto fits = [&](std::size_t k, std::int64_t from, std::size_t job) {
      for (std::size_t r = 0; r < resources; ++r) {
        const double had =
            from < 0 ? 0 : p.use[(p.begin[job] + static_cast<std::size_t>(from)) * resources + r];
        if (out.use[r] - had + p.use[k * resources + r] > p.capacity[r] * (1 + 1e-12)) return false;
      }
      return true;
    };
    const auto take = [&](std::size_t job, std::size_t k) {
      const std::int64_t from = out.point[job];
      for (std::size_t r = 0; r < resources; ++r) {
        if (from >= 0)
          out.use[r] -= p.use[(p.begin[job] + static_cast<std::size_t>(from)) * resources + r];
        out.use[r] += p.use[k * resources + r];
      }
      out.point[job] = static_cast<std::int64_t>(k - p.begin[job]);
    };

    struct step {
      double ratio;
      std::uint32_t job, point;
      bool operator<(const step& b) const {
        return ratio != b.ratio ? ratio < b.ratio
                                : std::pair{b.job, b.point} < std::pair{job, point};
      }
    };
    std::vector<step> heap;
    // The best step that fits now; what does not fit now will not fit later, but for what others give up.
    const auto propose = [&](std::size_t job) {
      const std::int64_t from = out.point[job];
      if (from < 0) return;
      const std::size_t at = p.begin[job] + static_cast<std::size_t>(from);
      step best{0, 0, 0};
      for (std::size_t k = p.begin[job]; k < p.begin[job + 1]; ++k) {
        const double gain = p.weight_of(job) * (p.value[k] - p.value[at]);
        if (!(gain > 0) || !fits(k, from, job)) continue;
        const double more = cost[k] - cost[at];
        double ratio = std::numeric_limits<double>::infinity();
        if (more > 0)
          ratio = relative ? gain / (std::abs(p.value[at]) + 1e-300) / (more / (cost[at] + 1e-300))
                           : gain / more;
        if (ratio > best.ratio)
          best = {ratio, static_cast<std::uint32_t>(job), static_cast<std::uint32_t>(k)};
      }
      if (best.ratio > 0) {
        heap.push_back(best);
        std::push_heap(heap.begin(), heap.end());
      }
    };

    bool all = true;
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      std::size_t first = p.begin[i + 1];
      for (std::size_t k = p.begin[i]; k < p.begin[i + 1]; ++k) {
        const bool worth = p.require_one || p.weight_of(i) * p.value[k] > 0;
        if (worth && fits(k, -1, i) &&
            (first == p.begin[i + 1] || cost[k] < cost[first] ||
             (cost[k] == cost[first] && p.value[k] > p.value[first])))
          first = k;
      }
      if (first == p.begin[i + 1]) {
        all = false;
        continue;
      }
      take(i, first);
      propose(i);
    }
    while (!heap.empty()) {
      std::pop_heap(heap.begin(), heap.end());
      const step s = heap.back();
      heap.pop_back();
      if (fits(s.point, out.point[s.job], s.job)) take(s.job, s.point);
      propose(s.job);
    }
    out.bound = std::numeric_limits<double>::infinity();
    out.gap = out.bound;
    if (p.require_one && !all) {
      out.status = status::unknown;
      out.objective = none;
      return out;
    }
    out.status = status::feasible;
    for (std::size_t i = 0; i < p.jobs(); ++i)
      if (out.point[i] >= 0)
        out.objective +=
            p.weight_of(i) * p.value[p.begin[i] + static_cast<std::size_t>(out.point[i])];
    return out;
  }
};

}  // namespace heddle::choice
