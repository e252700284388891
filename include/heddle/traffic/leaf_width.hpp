// How many flows of a collective leave a leaf at once.
#pragma once

#include <algorithm>
#include <bit>
#include <optional>

#include <heddle/core/collective.hpp>
#include <heddle/core/declared.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::traffic {

/// What the servers of a job have on the leafs of one rail.
struct leaf_share {
  int cards = 1;      ///< network cards of its ranks on a server, or in an NVLink domain, at most
  int servers = 0;    ///< its servers, where there are rails: the same GPUs of each; else 0
  bool first = true;  ///< the card of a server's first rank is here
  bool last = true;   ///< that of the last one
};

namespace detail {
[[nodiscard]] inline int bits(int n) {
  return static_cast<int>(std::bit_width(static_cast<unsigned>(n)));
}
[[nodiscard]] inline int width_of_tree(int ranks, const leaf_share& here) {
  const int up = here.servers > 0 ? bits(here.servers - 1) : bits(ranks) - 1;
  if (here.cards == 1) return up;
  return std::max(2 * up, here.servers > 0 ? here.cards : 0);
}
}  // namespace detail

// No `default`: a collective that is added to the list and forgotten here does not compile.
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wswitch"
/// The *width* of a collective whose ranks are numbered leaf by leaf, and there server by server: of all flows
/// of a phase no more than width · P leave a leaf for others, or enter it, P being the most flows of a network
/// card, however many of the ranks are under each leaf. Nothing where only the sizes bound it: with n ranks of
/// N under a leaf, a partial permutation has min(n, N − n) at most.
///
///     around a ring, a pipeline   1: only a leaf's last rank sends to another leaf's first
///     two-way ring                2: and its first rank sends back
///     hierarchical ring           the cards of a server, or NVLink domain, which all send to the next one
///     tree                        ⌊log2 N⌋ with a card a server, else 2 · ⌊log2 N⌋
///     server tree                 2q · ⌊log2 (N/q)⌋ over servers of q ranks, q | N, half of it where q are all
///                                 the cards; that of a tree at least
///
/// With rails flows enter at their target's. Then a ring uses that of a server's first rank alone, a pipeline on
/// its way back that of the last rank too; no flow is on the others. A tree over s servers is
/// ⌈log2 s⌉ wide on a rail with one card a server, with c cards max(c, 2 · ⌈log2 s⌉). The widths of trees
/// were found by trying all leafs (a test), not proved.
///
/// \param ranks            N, ≥ 1
/// \param gpus_per_server  of the fabric
[[nodiscard]] inline std::optional<int> leaf_width(collective c, int ranks, int gpus_per_server,
                                                   const leaf_share& here) {
  switch (c) {
  case collective::none:
    return 0;
  case collective::ring:
    if (ranks <= gpus_per_server) return 2;
    return ranks % gpus_per_server ? here.first : here.cards;
  case collective::all_gather:
  case collective::reduce_scatter:
    return here.first;
  case collective::pipeline:
    return here.first || here.last;
  case collective::tree:
    return detail::width_of_tree(ranks, here);
  case collective::server_tree: {
    int most = detail::width_of_tree(ranks, here);
    if (here.servers > 0) return std::max(most, here.cards * (detail::bits(here.servers) - 1));
    for (int q = 2; q <= std::min(here.cards, ranks); ++q)
      if (ranks % q == 0)  // servers of a domain talk over NVLink, so that its cards are less busy
        most = std::max(most, (q < here.cards ? 2 : 1) * q * (detail::bits(ranks / q) - 1));
    return most;
  }
  case collective::halving_doubling:
  case collective::all_to_all:
  case collective::hierarchical_all_to_all:
  case collective::broadcast:
    break;
  }
  return std::nullopt;
}
#pragma GCC diagnostic pop

/// Of all that a job declares, one thing at a time.
[[nodiscard]] inline std::optional<int> leaf_width(const declared& all, int ranks,
                                                   int gpus_per_server, const leaf_share& here) {
  int most = all.width;
  for (collective c : all_collectives) {
    if (!all.names.contains(c)) continue;
    const std::optional<int> w = leaf_width(c, ranks, gpus_per_server, here);
    if (!w) return std::nullopt;
    most = std::max(most, *w);
  }
  return most;
}

/// Where servers hang whole under leafs, and every GPU has a network card.
[[nodiscard]] inline std::optional<int> leaf_width(const declared& all, int ranks,
                                                   const fabric::hosts& dc) {
  return leaf_width(all, ranks, dc.gpus_per_server(),
                    {.cards = dc.servers_per_domain() * dc.gpus_per_server()});
}

}  // namespace heddle::traffic
