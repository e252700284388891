// The path whose fullest link carries fewest flows.
#pragma once

#include <algorithm>
#include <cstdint>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Of all equal-cost paths of a flow the one whose fullest link carries fewest flows now, up and down; of equal
/// ones the first from where the hash of its ends points. Needs to know the load of the whole network, which
/// a central controller has. O(spines) a flow; in three tiers only one way down is tried for each way up.
struct least_loaded {
  std::uint64_t seed = 0;

  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    const leaf_id from = v.from(f), to = v.to(f);
    const detail::uneven_ways some{v, from, to};
    const bool regular = v.fabric.is_regular();
    const std::uint32_t ways =
        regular ? static_cast<std::uint32_t>(v.fabric.uplinks()) : some.ways();
    if (ways == 0) return {};
    const auto lanes = static_cast<std::uint32_t>(v.fabric.links_per_pair());
    const std::uint64_t h = detail::hash_of_ends(seed, 0, v, f);
    path best;
    double least = 0;
    for (std::uint32_t i = 0, n = detail::below(ways, h >> 32); i < ways;
         ++i, n = n + 1 == ways ? 0 : n + 1) {
      const path p = regular ? path{spine_id{n / lanes}, n % lanes, n % lanes} : some.way(n, n);
      double fullest = 0;
      detail::follow(v.links, p, from, to,
                     [&](std::uint32_t l) { fullest = std::max(fullest, v.load(l)); });
      if (best.spine.valid() && fullest >= least) continue;
      if (!p.spine.valid()) continue;
      best = p;
      least = fullest;
      if (least == 0) break;
    }
    return best;
  }
};

}  // namespace heddle::route
