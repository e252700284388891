// How many flows of a collective leave a leaf at once.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>

#include <heddle/core/collective.hpp>

namespace heddle::traffic {

// No `default`: a collective that is added to the list and forgotten here does not compile.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
/// The *width* of a collective whose ranks are numbered leaf by leaf: of all flows of a phase no more than
/// width · P leave a leaf for others, or enter it, P being the most flows of a network card, however many of
/// the ranks are under each leaf. Nothing where only the sizes bound it: with n ranks of N under a leaf, a
/// partial permutation has min(n, N − n) at most.
///
///     around a ring, a pipeline   1: only a leaf's last rank sends to another leaf's first
///     two-way ring                2: and its first rank sends back
///     hierarchical ring           the ranks of a server, which all send to the next server
///     tree                        ⌊log2 N⌋ with a server a rank, else 2 · ⌊log2 N⌋; found by trying all leafs of
///                                 up to 256 ranks (a test), not proved
///
/// \param ranks            N, ≥ 1
/// \param gpus_per_server  of the fabric
[[nodiscard]] inline std::optional<int> leaf_width(collective c, int ranks, int gpus_per_server) {
  switch (c) {
  case collective::none:
    return 0;
  case collective::ring:
    return ranks <= gpus_per_server ? 2 : ranks % gpus_per_server ? 1 : gpus_per_server;
  case collective::all_gather:
  case collective::reduce_scatter:
  case collective::pipeline:
    return 1;
  case collective::tree:
    return (std::bit_width(static_cast<unsigned>(ranks)) - 1) * (gpus_per_server > 1 ? 2 : 1);
  case collective::halving_doubling:
  case collective::all_to_all:
  case collective::hierarchical_all_to_all:
  case collective::broadcast:
    break;
  }
  return std::nullopt;
}
#pragma GCC diagnostic pop

/// Of collectives that a job uses one at a time.
[[nodiscard]] inline std::optional<int> leaf_width(collective_set all, int ranks,
                                                   int gpus_per_server) {
  int most = 0;
  for (collective c : all_collectives) {
    if (!all.contains(c)) continue;
    const std::optional<int> w = leaf_width(c, ranks, gpus_per_server);
    if (!w) return std::nullopt;
    most = std::max(most, *w);
  }
  return most;
}

}  // namespace heddle::traffic
