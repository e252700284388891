// The switches of a network, as far as power and simulations ask for them.
#pragma once

namespace heddle::fabric {

/// How many there are, and how long circuits take.
struct equipment {
  int switches = 0;          ///< packet switches
  int circuit_switches = 0;  ///< optical ones (OCS)
  double switching_s = 0;    ///< time to set up or move circuits

  friend bool operator==(const equipment&, const equipment&) = default;
};

}  // namespace heddle::fabric
