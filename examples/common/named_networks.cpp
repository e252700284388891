#include "common/named_networks.hpp"

#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/route/steady.hpp>

#include "common/named_policies.hpp"

namespace heddle::examples {

schedule::any_network network_named(const std::string& contention, const std::string& route,
                                    std::uint64_t seed, const fabric::leaf_spine& dc,
                                    const route::flow_contention_options& o) {
  if (contention != "steady" && contention != "flow")
    throw input_error("--contention", "steady or flow", "\"" + contention + "\"");
  const auto under = [&](auto routing) {
    return contention == "steady"
               ? schedule::any_network{route::steady{dc, std::move(routing)}}
               : schedule::any_network{route::flow_contention{dc, std::move(routing), o}};
  };
  return route == "coloured" ? under(route::coloured{}) : under(route_named(route, seed));
}

}  // namespace heddle::examples
