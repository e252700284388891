#include "common/cluster_file.hpp"

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/pods.hpp>

namespace heddle::examples {

namespace {

/// The fabric of a cluster file.
any_fabric read_fabric(const json_file& f) {
  const std::string kind =
      f.text({"fabric"}, "a fabric: \"leaf_spine\", \"leaf_spine_ocs\" or \"pods\"");
  if (kind != "leaf_spine" && kind != "leaf_spine_ocs" && kind != "pods")
    f.fail({"fabric"}, "\"leaf_spine\", \"leaf_spine_ocs\" or \"pods\" as fabric");
  const auto count_at = [&](const json_path& at, const char* key, int otherwise) {
    if (otherwise > 0 && !f.find(at)) return otherwise;
    return f.integer(at, std::string(key) + " as a whole number of at least 1", 1);
  };
  const auto count = [&](const char* key, int otherwise) {
    return count_at({key}, key, otherwise);
  };
  const auto of_ocs = [&](const char* key, int otherwise) {
    return count_at({"ocs", key}, key, otherwise);
  };
  const auto speed = [&](const char* key, double otherwise) {
    if (!f.find({key})) return otherwise;
    return f.number({key}, std::string(key) + " as a positive number of Gb/s", 1e-9, 1e12);
  };
  const fabric::leaf_spine_shape shape{
      .leafs = count("leafs", 0),
      .spines = count("spines", 0),
      .links_per_pair = kind == "leaf_spine_ocs" ? 1 : count("links_per_pair", 1),
      .servers_per_leaf = count("servers_per_leaf", 0),
      .gpus_per_server = count("gpus_per_server", 0),
      .link_gbps = speed("link_gbps", 100),
      .server_gbps = speed("server_gbps", 1000)};
  if (kind == "leaf_spine") return fabric::leaf_spine{shape};
  if (!f.find({"ocs"}) || !f.find({"ocs"})->is_object()) f.fail({"ocs"}, "an object as ocs");
  const double switching_ms =
      f.find({"ocs", "switching_ms"})
          ? f.number({"ocs", "switching_ms"}, "switching_ms of at least 0", 0, 1e12)
          : 50;
  if (kind == "pods")
    return fabric::pods{{.pods = count("pods", 4),
                         .pod = shape,
                         .core_switches = of_ocs("switches", 0),
                         .core_fibres = of_ocs("spine_fibres", 1),
                         .switching_ms = switching_ms}}
        .network();
  return fabric::leaf_spine_ocs{{.leafs = shape.leafs,
                                 .spines = shape.spines,
                                 .switches = of_ocs("switches", 0),
                                 .leaf_fibres = of_ocs("leaf_fibres", 1),
                                 .spine_fibres = of_ocs("spine_fibres", 2),
                                 .switching_ms = switching_ms,
                                 .servers_per_leaf = shape.servers_per_leaf,
                                 .gpus_per_server = shape.gpus_per_server,
                                 .link_gbps = shape.link_gbps,
                                 .server_gbps = shape.server_gbps}};
}

}  // namespace

cluster read_cluster(const json_file& f, const model::catalogue& known) {
  if (!f.value().is_object()) f.fail({}, "an object");
  const any_fabric dc = read_fabric(f);

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
  return {dc, power, gpu};
}

}  // namespace heddle::examples
