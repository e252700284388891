// Virtual Clos networks over leafs of any sizes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

#include <heddle/place/detail/biclique.hpp>

namespace heddle::place::detail {

/// Finds leafs of n_i GPUs each, Σ n_i = N, that share w spines, f · w ≥ min(n_i, N − n_i) for all: as many
/// flows leave or enter a leaf in a partial permutation, at most, so that with f flows to a link w spines are
/// enough. Either no leaf has more than f · w GPUs, or one has, and all others together no more. Of all w
/// and first leafs those that could do with fewest links are tried first. Exact. Keeps its memory.
///
/// The search is a `clos_search`, or a `banded_search`, for which items stand for GPUs and units for leafs.
class unequal_leafs {
 public:
  /// \param share  f, ≥ 1
  template <class Search>
  search_status find(Search& search, int gpus, int share = 1) {
    list(search, gpus, share);
    for (const shape& x : shapes_) {
      const search_status s = search.find_cover(gpus, x.width, share * x.width, share, x.first);
      if (s != search_status::none) return s;
    }
    return search_status::none;
  }
  /// Whether GPUs alone would do.
  [[nodiscard]] bool has_room() const { return !shapes_.empty(); }

 private:
  struct shape {
    int links = 0;  ///< at least
    int width = 0;
    std::optional<std::uint32_t> first;  ///< of more than f · width GPUs; none: no leaf has more
  };

  template <class Search>
  void list(const Search& search, int gpus, int share) {
    shapes_.clear();
    const int largest = search.largest_leaf();
    for (int w = 1; w <= std::min(largest, gpus - 1) && search.has_uplinks(w); ++w) {
      const int most = std::min(share * w, largest);
      if (search.room_of(most) >= gpus)
        shapes_.push_back({w * search.fewest_leafs(gpus, most), w, {}});
      if (most < share * w) break;  // more links than any leaf has use for
    }
    if (gpus < 2 * largest)
      search.for_each_leaf([&](std::uint32_t l, int here) {
        const int rest = (gpus - here + share - 1) / share;
        if (gpus - here < here && here < gpus && search.has_free_links(l, rest))
          shapes_.push_back({3 * rest, rest, l});
      });
    std::sort(shapes_.begin(), shapes_.end(), [](const shape& a, const shape& b) {
      return std::tuple{a.links, -a.width, a.first} < std::tuple{b.links, -b.width, b.first};
    });
  }

  std::vector<shape> shapes_;
};

}  // namespace heddle::place::detail
