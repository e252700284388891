// cluster.json: a fabric, its power, its GPU type.
#pragma once

#include <string>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/model/catalogue.hpp>

#include "common/json_file.hpp"

namespace heddle::examples {

/// What a cluster file says.
struct cluster {
  fabric::leaf_spine fabric;
  fabric::base_power power;
  std::string gpu;  ///< of the catalogue
};

/// Reads a cluster file. Missing parts of `power`, and `gpu`, have defaults; so have
/// `links_per_pair` (1), `link_gbps` (100) and `server_gbps` (1000).
/// \throws input_error  `file:line: expected …, got …`
[[nodiscard]] inline cluster read_cluster(const json_file& f, const model::catalogue& known) {
  if (!f.value().is_object()) f.fail({}, "an object");
  if (const std::string kind = f.text({"fabric"}, "a fabric: \"leaf_spine\""); kind != "leaf_spine")
    f.fail({"fabric"}, "\"leaf_spine\" as fabric");

  const auto count = [&](const char* key, int otherwise) {
    if (otherwise > 0 && !f.find({key})) return otherwise;
    return f.integer({key}, std::string(key) + " as a whole number of at least 1", 1);
  };
  const auto speed = [&](const char* key, double otherwise) {
    if (!f.find({key})) return otherwise;
    return f.number({key}, std::string(key) + " as a positive number of Gb/s", 1e-9, 1e12);
  };
  const fabric::leaf_spine_shape shape{.leafs = count("leafs", 0),
                                       .spines = count("spines", 0),
                                       .links_per_pair = count("links_per_pair", 1),
                                       .servers_per_leaf = count("servers_per_leaf", 0),
                                       .gpus_per_server = count("gpus_per_server", 0),
                                       .link_gbps = speed("link_gbps", 100),
                                       .server_gbps = speed("server_gbps", 1000)};

  fabric::base_power power;
  if (f.find({"power"}) && !f.find({"power"})->is_object()) f.fail({"power"}, "an object as power");
  const auto watts = [&](const char* key, double& value) {
    if (f.find({"power", key}))
      value = f.number({"power", key}, std::string(key) + " of at least 0", 0, 1e12);
  };
  watts("gpu_idle_w", power.gpu_idle_w);
  watts("server_w", power.server_w);
  watts("server_off_w", power.server_off_w);
  watts("wake_s", power.wake_s);
  watts("wake_j", power.wake_j);
  watts("switch_w", power.switch_w);
  watts("ocs_w", power.ocs_w);

  std::string gpu = "a100";
  if (f.find({"gpu"})) gpu = f.text({"gpu"}, "a GPU type as gpu");
  if (!known.find_gpu(gpu)) {
    std::string names;
    for (const model::gpu_type& g : known.gpus()) names += (names.empty() ? "" : ", ") + g.name;
    f.fail({"gpu"}, "one of " + names + " as gpu");
  }
  return {fabric::leaf_spine(shape), power, gpu};
}

}  // namespace heddle::examples
