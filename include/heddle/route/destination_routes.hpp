// Routes of a job that name a link for each destination alone: what forwarding tables can hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

namespace heddle::route {

/// How routes by destination were found.
enum class destination_method : unsigned char {
  slots,   ///< by the destination's place under its leaf
  search,  ///< some by exact colouring
  pairs,   ///< pair by pair, as `owned` routes
};
[[nodiscard]] constexpr std::string_view name(destination_method m) {
  return m == destination_method::slots    ? "slots"
         : m == destination_method::search ? "search"
                                           : "pairs";
}

struct destination_options {
  std::size_t budget = 1'000'000;  ///< steps of all searches, of the order of ten nanoseconds each
  std::size_t most_flows =
      20'000;         ///< of phases that are searched, or routed pair by pair; a microsecond each
  int most_lids = 4;  ///< addresses a destination that are searched for, ≥ 1; with 1 no pairs
};

/// What goes to address number `lid` of a card leaves a switch by `link`, a directed one of `link_numbers`.
struct destination_entry {
  std::uint32_t destination = 0;  ///< rank; of those that share a card the first
  int plane = 0;
  std::uint32_t lid = 0;
  std::uint32_t link = 0;

  friend auto operator<=>(const destination_entry&, const destination_entry&) = default;
};

/// Which address of a card a sender uses, where that is not the first.
struct address_pick {
  int plane = 0;
  std::uint32_t destination = 0, source = 0;  ///< ranks; of those that share a card the first
  std::uint32_t lid = 0;

  friend auto operator<=>(const address_pick&, const address_pick&) = default;
};

/// What `by_destination` finds. A value.
struct destination_routes {
  std::vector<destination_entry> entries =
      {};                                ///< sorted: of each plane, address and switch on a way one
  std::vector<address_pick> picks = {};  ///< sorted
  int lids = 1;       ///< addresses that a card needs; 0: more than were looked for
  bool least = true;  ///< whether fewer are known not to do
  destination_method method = destination_method::slots;
  bool complete = true;  ///< whether every flow between leafs has a way, and meets no other

  /// Which address of the target's card the source's uses; both are first ranks of cards. O(log pairs).
  [[nodiscard]] std::uint32_t lid_of(std::uint32_t source, std::uint32_t target,
                                     int plane = 0) const {
    const address_pick wanted{plane, target, source, 0};
    const auto at = std::lower_bound(picks.begin(), picks.end(), wanted);
    return at != picks.end() && std::tie(at->plane, at->destination, at->source) ==
                                    std::tie(plane, target, source)
               ? at->lid
               : 0;
  }

  friend bool operator==(const destination_routes&, const destination_routes&) = default;
};

}  // namespace heddle::route
