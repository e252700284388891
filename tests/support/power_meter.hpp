// Integrates what observers of a simulation are shown.
#pragma once

#include <algorithm>

#include <heddle/sim/observer.hpp>

namespace heddle::test {

struct power_meter {
  double energy_j = 0, last_s = 0, last_w = 0, peak_w = 0;
  bool first = true;
  void operator()(const sim::moment& m) {
    if (!first) energy_j += last_w * (m.now_s - last_s);
    first = false;
    last_s = m.now_s;
    last_w = m.power_w;
    peak_w = std::max(peak_w, m.power_w);
  }
};

}  // namespace heddle::test
