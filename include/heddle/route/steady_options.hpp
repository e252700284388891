// What the steady models of contention are told.
#pragma once

namespace heddle::route {

struct steady_options {
  /// A source with more phases than this (an all-to-all has N − 1) is stood for by so many of them,
  /// evenly spaced. ≥ 1.
  int phase_samples = 32;
  /// 1: everybody is on the network for the share of the time that it would be alone. Each further
  /// round uses the shares that follow from the slow-downs of the round before. ≥ 1.
  int rounds = 2;
};

}  // namespace heddle::route
