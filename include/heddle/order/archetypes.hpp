// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <heddle/order/order.hpp>

namespace heddle::order::archetype {

/// An OrderPolicy and nothing more: movable, not const, and its answer is only convertible to bool.
class order_policy {
 public:
  struct verdict {
    bool first;
    operator bool() const { return first; }
  };
  explicit order_policy(int) {}
  order_policy(order_policy&&) = default;
  order_policy& operator=(order_policy&&) = default;
  verdict operator()(const entry& a, const entry& b) { return {a.spec->gpus < b.spec->gpus}; }
};

static_assert(OrderPolicy<order_policy>);

}  // namespace heddle::order::archetype
