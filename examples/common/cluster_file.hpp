// cluster.json: a fabric, its power, its GPU type.
#pragma once

#include <string>

#include <heddle/fabric/power.hpp>
#include <heddle/model/catalogue.hpp>

#include "common/any_fabric.hpp"
#include "common/json_file.hpp"
#include "common/names.hpp"

namespace heddle::examples {

/// The kinds of fabric that a cluster file can have.
[[nodiscard]] name_lines fabric_names();

/// What a cluster file says.
struct cluster {
  any_fabric fabric;
  fabric::base_power power;
  std::string gpu;  ///< of the catalogue
};

/// Reads a cluster file. Missing parts of `power`, and `gpu`, have defaults; so have
/// `links_per_pair` (1), `link_gbps` (100), `server_gbps` (1000) and of `ocs` all but `switches`. Of
/// pods, `leafs`, `spines` and so on are those of one, and `pods` (4) is their number.
/// \throws input_error  `file:line: expected …, got …`
[[nodiscard]] cluster read_cluster(const json_file& f, const model::catalogue& known);

}  // namespace heddle::examples
