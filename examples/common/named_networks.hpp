// Models of contention by name.
#pragma once

#include <cstdint>
#include <string>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/flow_contention.hpp>
#include <heddle/schedule/any_scheduler.hpp>

namespace heddle::examples {

/// How jobs that share links slow each other down: `steady`, or `flow` by flow, under the routing of
/// that name. \throws input_error  for a name that is none
[[nodiscard]] schedule::any_network network_named(const std::string& contention,
                                                  const std::string& route, std::uint64_t seed,
                                                  const fabric::leaf_spine& dc,
                                                  const route::flow_contention_options& o = {});

}  // namespace heddle::examples
