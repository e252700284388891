// One job after the other, as far as it goes.
#pragma once

#include <cstddef>

namespace heddle::admit {

/// The first job that cannot start blocks all behind it.
struct in_order {
  template <class Desk>
  void operator()(Desk& d) const {
    (void)first_blocked(d);
  }
  /// The place in the queue of the first that cannot start; those before it have been started.
  template <class Desk>
  [[nodiscard]] static std::size_t first_blocked(Desk& d) {
    std::size_t i = 0;
    while (i < d.queued() && d.admit(d.waiting(i))) ++i;
    return i;
  }

  friend bool operator==(const in_order&, const in_order&) = default;
};

}  // namespace heddle::admit
