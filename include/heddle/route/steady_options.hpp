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
  /// Slow-downs are rounded to 1 and so many steps before they become the shares of the next round, so that
  /// who is hardly slowed down more or less than before moves nobody else; 0: they are not. A slow-down then
  /// differs by a factor of at most exp((rounds − 1) · step / 2) from that without steps, 0.8 % for two
  /// rounds and 1/64; ≥ 0. It stays independent of the order in which groups came.
  double step = 0;
};

}  // namespace heddle::route
