// What a desk asks, and what it remembers.
#pragma once

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::schedule::detail {

template <class Order, class Allocate, class Place, class Means>
struct desk_parts {
  Order order;
  Allocate allocate;
  Place place;
  Means means;
  double patience_s;
  heddle::detail::scratch<allocate::allocation> chosen = {};
  heddle::detail::scratch<forecast> ahead = {};
};

}  // namespace heddle::schedule::detail
