// The addresses of a network card's port on InfiniBand.
#pragma once

#include <cstdint>

namespace heddle::fabric {

/// The LIDs of a network card's port: `count` from `first` on; 0: unknown.
struct card_address {
  std::uint32_t first = 0, count = 1;

  friend bool operator==(const card_address&, const card_address&) = default;
};

}  // namespace heddle::fabric
