// The links of a spine to cores.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/clos_search.hpp>

namespace heddle::place::detail {

/// Appends links of a spine over `columns` of its row of `free_core_links`, ascending: to each core as many as it has
/// columns there, over any lanes that are free, lowest first.
inline void add_core_links(const clos_ledger& free, spine_id s,
                           std::span<const std::uint32_t> columns,
                           std::vector<fabric::core_link>& out) {
  const fabric::leaf_spine& dc = free.fabric();
  const auto lanes = static_cast<std::uint32_t>(dc.core_links().lanes());
  const std::uint32_t part = dc.core_columns().part_of_lower(s.index());
  core_id core;
  std::uint32_t lane = 0;
  for (std::uint32_t c : columns) {
    const core_id k{dc.core_columns().upper(part, c / lanes)};
    lane = free.network().free_lane(s, k, k == core ? lane + 1 : 0);
    core = k;
    out.push_back({s, k, lane});
  }
}

}  // namespace heddle::place::detail
