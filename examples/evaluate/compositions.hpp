// The schedulers that the isolation experiments set beside each other.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "plan.hpp"

namespace heddle::evaluate {

/// Where jobs go, which way their flows take, and whether they wait for links.
struct composition {
  std::string name;
  any_place place;
  std::string route = "source";
  extras more = {};
};

/// Shared networks first, then fixed links of a job's own, circuits, and a network without contention.
[[nodiscard]] const std::vector<composition>& compositions();

/// Where some stand among `compositions()`.
namespace composition_index {
enum : std::size_t {
  ecmp,
  balanced,
  source,
  crux,
  first_isolated,
  original = first_isolated,  ///< m·n only
  even,                       ///< and a remainder
  any,                        ///< leafs of any sizes
  declared,
  pays_any,
  pays,
  circuits_any_never,
  circuits_any_free,
  circuits_never,
  circuits_free,
  circuits_pay_never,
  circuits_pay_free,
  ideal
};
}

}  // namespace heddle::evaluate
