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
  /// Shares of time on the network are rounded, from the second round on, to so many steps of their logarithm above
  /// the share of who is not slowed down, so that who is hardly more there than before moves nobody else; 0: they
  /// are not. A slow-down then differs by a factor of at most exp((rounds − 1) · step / 2) from that without
  /// steps, 1 % for two rounds and 1/50; ≥ 0. It stays independent of the order in which groups came.
  double step = 0;
};

}  // namespace heddle::route
