// What virtual Clos networks look like.
#pragma once

#include <algorithm>

#include <heddle/core/declared.hpp>

namespace heddle::place::detail {

/// Of two leafs that hold a job together, which pair.
enum class pair_order : unsigned char {
  best_fit,      ///< fewest GPUs left free under both, then fewest links
  fewest_links,  ///< the other way round
};

/// What a virtual Clos network has to look like.
struct clos_shapes {
  bool remainder = true;  ///< one leaf may have fewer GPUs than the others
  bool unequal = true;    ///< leafs of any sizes
  pair_order pairs = pair_order::fewest_links;
  declared sends = {};  ///< enough for these; empty: for every collective
};

/// The GPUs to a link that are tried after `share`: a third more each time, `most` at last; then more than that.
[[nodiscard]] inline int next_share(int share, int most) {
  return share == most ? most + 1 : std::min(most, share + std::max(1, share / 3));
}

}  // namespace heddle::place::detail
