// Another policy under a fixed cap of the clock.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>

namespace heddle::allocate {

/// `policy` on curves without the points above `most_ghz`; of a count whose points all are above it the
/// slowest stays. What an operator does who sets one clock for a whole cluster, and the baseline against
/// which choosing clocks has to show its worth.
///
///     allocate::static_clock<allocate::requested> capped{.most_ghz = 1.1};
///
/// Remembers the cut curves by their fingerprint: allocation-free for curves seen before. One writer.
template <AllocationPolicy Policy>
struct static_clock {
  static constexpr bool elastic = ElasticPolicy<Policy>;

  double most_ghz = 1;
  Policy policy = {};

  /// A curve without its fast points, and which points of the whole the others are.
  struct cut {
    model::curve curve;
    std::vector<std::uint32_t> index;
  };
  struct work_space {
    std::map<std::uint64_t, cut> cuts;
    double cut_ghz = 0;
    std::vector<candidate> inner;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const static_clock&) const = default;

  [[nodiscard]] double round_length_s() const requires TimeSharing<Policy> {
    return policy.round_length_s();
  }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    auto& [cuts, cut_ghz, inner] = *work;
    if (cut_ghz != most_ghz || cuts.size() > 2 * jobs.size() + 1024) cuts.clear();
    cut_ghz = most_ghz;
    inner.assign(jobs.begin(), jobs.end());
    for (candidate& j : inner) {
      const cut& mine = cut_of(*j.curve);
      if (j.current) j.current = capped(mine, j.curve->index_of(*j.current));
      j.curve = &mine.curve;
    }
    policy(inner, l, out);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (out[i]) {
        const std::size_t k = inner[i].curve->index_of(*out[i]);
        out[i] = &jobs[i].curve->points()[cut_of(*jobs[i].curve).index[k]];
      }
  }

 private:
  const cut& cut_of(const model::curve& whole) {
    const auto [at, is_new] = work->cuts.try_emplace(whole.fingerprint());
    if (is_new) {
      const auto points = whole.points();
      std::vector<model::operating_point> kept;
      for (std::size_t k = 0; k < points.size();) {
        const std::size_t first = k, kept_before = kept.size();
        std::size_t slowest = k;
        for (; k < points.size() && points[k].config.gpus == points[first].config.gpus; ++k) {
          if (points[k].config.clock_ghz < points[slowest].config.clock_ghz) slowest = k;
          if (!(points[k].config.clock_ghz <= most_ghz)) continue;
          kept.push_back(points[k]);
          at->second.index.push_back(static_cast<std::uint32_t>(k));
        }
        if (kept.size() > kept_before) continue;
        kept.push_back(points[slowest]);
        at->second.index.push_back(static_cast<std::uint32_t>(slowest));
      }
      at->second.curve = model::curve{std::move(kept)};  // a part of a frontier is one
    }
    return at->second;
  }

  // The point itself, or the fastest of its count that is left.
  static const model::operating_point* capped(const cut& mine, std::size_t k) {
    const auto after = std::upper_bound(mine.index.begin(), mine.index.end(), k);
    const std::size_t at = static_cast<std::size_t>(after - mine.index.begin());
    return &mine.curve.points()[at > 0 ? at - 1 : 0];
  }
};

}  // namespace heddle::allocate
