// What a desk asks, and what it remembers.
#pragma once

#include <cstdint>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::schedule::detail {

/// A running job that a decision has stopped, and what it had.
struct dropped_job {
  std::uint32_t slot = 0;
  const model::operating_point* at = nullptr;
  fabric::placement where = {};
};

template <class Order, class Allocate, class Place, class Means>
struct desk_parts {
  Order order;
  Allocate allocate;
  Place place;
  Means means;
  double patience_s;
  heddle::detail::scratch<allocate::allocation> chosen = {};
  heddle::detail::scratch<forecast> ahead = {};
  heddle::detail::scratch<std::vector<dropped_job>> dropped = {};
  heddle::detail::scratch<std::vector<std::uint32_t>> were_running = {};  // before the first was
};

}  // namespace heddle::schedule::detail
