// What a job says that it sends.
#pragma once

#include <initializer_list>

#include <heddle/core/collective.hpp>

namespace heddle {

/// What a job says that it sends, one thing at a time: collectives by name, and phases of its own by their
/// width, the most flows of a phase that leave a leaf or enter it (traffic/source_width.hpp). Nothing: unknown.
struct declared {
  collective_set names = {};
  int width = 0;  ///< of phases that no name stands for; 0: there are none

  constexpr declared() = default;
  constexpr declared(collective_set all, int of_others = 0) : names(all), width(of_others) {}
  constexpr declared(std::initializer_list<collective> all) : names(all) {}

  [[nodiscard]] constexpr bool empty() const { return names.empty() && width == 0; }

  friend constexpr bool operator==(const declared&, const declared&) = default;
};

}  // namespace heddle
