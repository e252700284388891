// Which links of a job's leafs stand for one another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/route/detail/own_links.hpp>

namespace heddle::route::detail {

/// Links of a job by *colour*: of leafs that own links to the same spines, and of one, the *rest*, that has fewer
/// and whose colours come first.
struct slot_colours {
  std::vector<std::uint32_t> of_full,
      of_rest;                        ///< by colour: the number of the link in `own_links`
  std::vector<std::uint32_t> spines;  ///< by colour

  /// Colours such that of a spine with several links one after the other come, or each lane by itself.
  /// \param full     links of a leaf that is not the rest
  /// \param rest     of the rest; empty: there is none
  /// \param c        colours of the rest
  /// \returns false  if the rest has fewer in common with the others
  [[nodiscard]] bool find(std::span<const own_link> full, std::span<const own_link> rest,
                          std::uint32_t c, bool by_lane) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> both;  // of full, of rest
    std::vector<std::uint32_t> others;
    for (std::uint32_t i = 0, k = 0; i < full.size(); ++i) {
      while (k < rest.size() && rest[k].key < full[i].key) ++k;
      if (k < rest.size() && rest[k].upper == full[i].upper && both.size() < c)
        both.emplace_back(i, k++);
      else
        others.push_back(i);
    }
    if (both.size() < c) return false;
    const auto turn = [&](std::uint32_t i) {
      std::uint32_t lane = 0;
      while (lane < i && full[i - lane - 1].upper == full[i].upper) ++lane;
      return lane;
    };
    if (by_lane) {
      std::sort(both.begin(), both.end(), [&](const auto& x, const auto& y) {
        return std::pair{turn(x.first), x.first} < std::pair{turn(y.first), y.first};
      });
      std::sort(others.begin(), others.end(), [&](std::uint32_t x, std::uint32_t y) {
        return std::pair{turn(x), x} < std::pair{turn(y), y};
      });
    }
    of_full.clear();
    of_rest.clear();
    for (const auto& [i, k] : both) {
      of_full.push_back(i);
      of_rest.push_back(k);
    }
    of_full.insert(of_full.end(), others.begin(), others.end());
    spines.clear();
    for (std::uint32_t k : of_full) spines.push_back(full[k].upper);
    return true;
  }
  /// Whether two colours are one or lead over different spines.
  [[nodiscard]] bool apart(std::uint32_t x, std::uint32_t y) const {
    return x == y || spines[x] != spines[y];
  }
};

}  // namespace heddle::route::detail
