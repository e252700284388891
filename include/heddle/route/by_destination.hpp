// Finds routes of a job that name a link for each destination alone.
#pragma once

#include <span>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/destination_compiler.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route {

/// Routes of a job over the links that it owns, for all its collectives at once and for good: at every
/// switch what goes to a card leaves by one link, whoever sent it. No phase puts more flows on a link than a
/// network card carries. Where one address (LID) a card is not enough, cards have several and a sender
/// picks one (`destination_routes::lid_of`).
///
/// - *slots*: on m leafs with links to the same spines, ranks numbered leaf by leaf, the destination's slot
///   says the link. Proved for rings, halving-doubling of N = 2^k, broadcast, pipeline and both kinds of
///   all-to-all on equal leafs, where a phase maps the ranks of a leaf to pairwise different slots. With
///   cores it is the slot for the spine and the leaf's place in its pod for the core. Every phase is
///   looked at, so that other collectives are served where it happens to do.
///   On equal leafs and a smaller one `detail::remainder_slots` says how shifts are carried, on leafs of
///   other sizes `detail::unequal_slots`.
/// - *search*: else, in two tiers, each leaf and destination may have any spine: exact colouring.
/// - *pairs*: else as many addresses as the paths of `owned` need, taken one after the other.
///
/// Derived (docs/concepts/routing.md). Deterministic. O(flows of all phases) by slots.
///
/// Precondition: `where` owns links, not circuits; `ranks` are its GPUs.
[[nodiscard]] inline destination_routes by_destination(const fabric::leaf_spine& dc,
                                                       const fabric::placement& where,
                                                       const traffic::group& ranks,
                                                       std::span<const traffic::any_source> sources,
                                                       const destination_options& options = {}) {
  detail::destination_compiler compile{dc, where, ranks};
  return compile(sources, compile.carried_by_slots(sources), options);
}

}  // namespace heddle::route
