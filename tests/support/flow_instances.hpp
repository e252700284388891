// Random flows on random links, and the textbook's way to their max-min fair rates.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/route/rates.hpp>

#include "support/dice.hpp"

namespace heddle::test {

struct flow_instance {
  std::vector<double> capacity;
  route::flow_paths flows;
};

/// Distinct links of a random flow, one to four.
inline std::vector<std::uint32_t> random_links(dice& d, std::size_t links) {
  std::vector<std::uint32_t> out;
  for (int k = d.between(1, 4); k > 0; --k) {
    const auto l = static_cast<std::uint32_t>(d.index(links));
    if (std::find(out.begin(), out.end(), l) == out.end()) out.push_back(l);
  }
  return out;
}

/// Half of the instances have equal capacities, where many links fill at one level, and half of them
/// weights.
inline flow_instance random_instance(dice& d, std::size_t links, std::size_t flows) {
  flow_instance x;
  const bool equal = d.chance(.5), weighted = d.chance(.5);
  for (std::size_t l = 0; l < links; ++l) x.capacity.push_back(equal ? 100.0 : 1 + 99 * d.real());
  for (std::size_t f = 0; f < flows; ++f)
    x.flows.add(random_links(d, links), weighted ? .25 * d.between(1, 12) : 1);
  return x;
}

/// Water filling as it is written down: look at every link, fix the flows of the one that is full
/// first, start again. O(links · incidences).
inline std::vector<double> textbook_rates(std::span<const double> capacity,
                                          const route::flow_paths& flows) {
  std::vector<double> rate(flows.size(), -1);
  for (;;) {
    double lowest = std::numeric_limits<double>::infinity();
    std::uint32_t full = 0;
    for (std::uint32_t l = 0; l < capacity.size(); ++l) {
      double rest = capacity[l], weight = 0;
      for (std::size_t f = 0; f < flows.size(); ++f)
        if (std::ranges::find(flows.links(f), l) != flows.links(f).end()) {
          if (rate[f] < 0)
            weight += flows.weight(f);
          else
            rest -= rate[f];
        }
      if (weight > 0 && rest / weight < lowest) {
        lowest = std::max(0.0, rest / weight);
        full = l;
      }
    }
    if (lowest == std::numeric_limits<double>::infinity()) return rate;
    for (std::size_t f = 0; f < flows.size(); ++f)
      if (rate[f] < 0 && std::ranges::find(flows.links(f), full) != flows.links(f).end())
        rate[f] = flows.weight(f) * lowest;
  }
}

/// Whether no link is over full, and every flow has a full link on which no level is above its own:
/// which is what max-min fair means, and true of one choice of rates only.
inline bool is_max_min(std::span<const double> capacity, const route::flow_paths& flows,
                       std::span<const double> rate, double tolerance) {
  std::vector<double> load(capacity.size(), 0), top(capacity.size(), 0);
  for (std::size_t f = 0; f < flows.size(); ++f)
    for (std::uint32_t l : flows.links(f)) {
      load[l] += rate[f];
      top[l] = std::max(top[l], rate[f] / flows.weight(f));
    }
  for (std::size_t l = 0; l < capacity.size(); ++l)
    if (load[l] > capacity[l] * (1 + tolerance)) return false;
  for (std::size_t f = 0; f < flows.size(); ++f) {
    bool held = flows.links(f).empty();
    for (std::uint32_t l : flows.links(f))
      held |= load[l] >= capacity[l] * (1 - tolerance) &&
              rate[f] / flows.weight(f) >= top[l] * (1 - tolerance);
    if (!held) return false;
  }
  return true;
}

}  // namespace heddle::test
