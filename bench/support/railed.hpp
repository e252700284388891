// The rail-optimized network of the benches of tables.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

namespace heddle::bench {

/// Units of 32 servers of 8 GPUs in 8 rails; each rail has 16 spines of its own, two links to each leaf.
inline fabric::leaf_spine railed(int units) {
  const int leafs = 8 * units, spines = 8 * 16;
  std::vector<int> links(static_cast<std::size_t>(leafs * spines), 0);
  for (int l = 0; l < leafs; ++l)
    for (int s = 0; s < 16; ++s) links[static_cast<std::size_t>(l * spines + l % 8 * 16 + s)] = 2;
  return fabric::leaf_spine{
      fabric::clos_parts{.ports = fabric::ports{fabric::hosts{units, 32, 8}, {.rails = 8}},
                         .up = fabric::tier_links{leafs, spines, std::move(links)}}};
}

}  // namespace heddle::bench
