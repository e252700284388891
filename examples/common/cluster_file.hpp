// Clusters: a fabric, its power, its GPU type.
#pragma once

#include <string>
#include <vector>

#include <heddle/fabric/power.hpp>
#include <heddle/model/catalogue.hpp>

#include "common/any_fabric.hpp"
#include "common/json_file.hpp"
#include "common/names.hpp"
#include "common/network_file.hpp"

namespace heddle::examples {

/// What is known of a cluster.
struct cluster {
  any_fabric fabric;
  fabric::base_power power;
  std::string gpu;                  ///< of the catalogue
  bool links_told = true;           ///< false: switches are known by name, and their links are not
  std::string kind = "leaf_spine";  ///< of the fabric, as its file calls it
  std::string where = {};           ///< the file and line that says so
  /// Of GPU types, by number (fabric::host): those that no type is said of, then those of `gpu_types`, each empty
  /// where the cluster has none. None at all: every GPU is a `gpu`.
  std::vector<std::string> gpu_types = {};
  std::vector<double> hour_cost = {};  ///< of a GPU of each type; below 0: not told
};

/// Which fabrics a program can do with.
enum class fabric_family {
  clos,  ///< leafs and spines
  any,   ///< tori as well
};

/// Reads a cluster file. Missing parts of `power`, and `gpu`, have defaults; so have
/// `links_per_pair` (1), `link_gbps` (100), `server_gbps` (1000) and of `ocs` all but `switches`. Of
/// pods, `leafs`, `spines` and so on are those of one, and `pods` (4) is their number. Of `torus`, `sides`
/// ("16x16x16"), `host` ("2x2x1", where the sides are even), `link_gbps` (400); of `cubes`, `cubes` (64), `side` (4),
/// `switching_ms` (50) and `link_gbps` (400). Of `gpu_types`, `idle_w` (what a GPU draws that no job holds;
/// `gpu_idle_w` of `power`), `hour_cost` (what an hour of a GPU is worth).
/// \throws input_error  `file:line: expected …, got …`
[[nodiscard]] cluster read_cluster(const json_file& f, const model::catalogue& known,
                                   fabric_family family = fabric_family::clos);

/// Reads a cluster in whatever form it is described (network_file.hpp): a network alone draws what a
/// cluster file without `power` does. Says on standard error what was passed over.
/// \throws input_error  as the readers do
[[nodiscard]] cluster read_cluster(const network_source& s, const model::catalogue& known,
                                   fabric_family family = fabric_family::clos);

/// The names of the fabrics that a cluster file can have.
[[nodiscard]] name_lines fabric_names();

/// Whether all leafs have the same servers, whole, and the same links, in two tiers.
[[nodiscard]] bool is_even(const fabric::leaf_spine& dc);

/// \throws input_error  if a policy that gives jobs links of their own is asked on a cluster whose links are
///                      not known
void require_links(const cluster& c, const std::string& policy, const std::string& option);

}  // namespace heddle::examples
