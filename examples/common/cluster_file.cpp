#include "common/cluster_file.hpp"

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/fabric/clos_shape.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/pods.hpp>

#include "common/clos_json.hpp"
#include "common/names.hpp"

namespace heddle::examples {

namespace {

constexpr const char* default_gpu = "a100";

/// What a cluster file says of its fabric.
struct fabric_text {
  const json_file& f;

  /// Refuses keys that are not among `known` or those of every cluster.
  void only(std::initializer_list<std::string_view> known) const {
    std::vector<std::string_view> all{"fabric"};
    all.insert(all.end(), known.begin(), known.end());
    all.insert(all.end(), {"power", "gpu"});
    f.only({}, all);
  }
  /// The keys of networks with fixed links: as parts, or as a shape.
  void check_fixed() const {
    if (has_layout(f)) {
      only({"layout", "link_gbps", "server_gbps", "gpu_types", "links_told"});
      f.only({"layout"},
             {"rails", "planes", "cards_per_server", "leafs", "spines", "cores", "core_links"});
    } else if (has_clos_keys(f)) {
      only({"preset",
            "tiers",
            "pods",
            "units",
            "leafs",
            "leafs_per_pod",
            "spines",
            "spines_per_pod",
            "cores",
            "core_links_per_spine",
            "links_per_pair",
            "servers_per_unit",
            "servers_per_leaf",
            "gpus_per_server",
            "rails",
            "planes",
            "cards_per_server",
            "domain_servers",
            "link_gbps",
            "server_gbps",
            "gpu_types",
            "names",
            "links_told"});
    } else {
      only({"leafs", "spines", "links_per_pair", "servers_per_leaf", "gpus_per_server", "link_gbps",
            "server_gbps", "units", "rails", "planes", "domain_servers", "tiers", "preset",
            "gpu_types", "names", "links_told"});
    }
    f.only({"names"}, {"leafs", "spines", "servers", "cores"});
    only_known_of_types();
  }
  void only_known_of_types() const {
    if (const nlohmann::json* types = f.find({"gpu_types"}); types && types->is_array())
      for (std::size_t i = 0; i < types->size(); ++i)
        f.only({"gpu_types", i}, {"name", "units", "servers", "idle_w", "hour_cost"});
  }
  [[nodiscard]] int count_at(const json_path& at, const char* key, int otherwise) const {
    if (otherwise > 0 && !f.find(at)) return otherwise;
    return f.integer(at, std::string(key) + " as a whole number of at least 1", 1);
  }
  [[nodiscard]] int count(const char* key, int otherwise = 0) const {
    return count_at({key}, key, otherwise);
  }
  [[nodiscard]] int of_ocs(const char* key, int otherwise = 0) const {
    return count_at({"ocs", key}, key, otherwise);
  }
  [[nodiscard]] double speed(const char* key, double otherwise) const {
    if (!f.find({key})) return otherwise;
    return f.number({key}, std::string(key) + " as a positive number of Gb/s", 1e-9, 1e12);
  }
  [[nodiscard]] fabric::leaf_spine_shape shape(bool fixed) const {
    return {.leafs = count("leafs"),
            .spines = count("spines"),
            .links_per_pair = fixed ? count("links_per_pair", 1) : 1,
            .servers_per_leaf = count("servers_per_leaf"),
            .gpus_per_server = count("gpus_per_server"),
            .link_gbps = speed("link_gbps", 100),
            .server_gbps = speed("server_gbps", 1000)};
  }
  /// Checks that there are optical switches.
  [[nodiscard]] double switching_ms() const {
    if (!f.find({"ocs"}) || !f.find({"ocs"})->is_object()) f.fail({"ocs"}, "an object as ocs");
    if (!f.find({"ocs", "switching_ms"})) return 50;
    return f.number({"ocs", "switching_ms"}, "switching_ms of at least 0", 0, 1e12);
  }
};

any_fabric read_leaf_spine(const fabric_text& t) {
  t.check_fixed();
  if (has_layout(t.f)) return fabric::leaf_spine{read_layout(t.f)};
  if (has_clos_keys(t.f)) return fabric::leaf_spine{fabric::parts_of(read_clos_shape(t.f))};
  return fabric::leaf_spine{t.shape(true)};
}

any_fabric read_leaf_spine_ocs(const fabric_text& t) {
  t.only({"leafs", "spines", "servers_per_leaf", "gpus_per_server", "link_gbps", "server_gbps",
          "gpu_types", "ocs"});
  t.only_known_of_types();
  t.f.only({"ocs"}, {"switches", "leaf_fibres", "spine_fibres", "switching_ms"});
  const fabric::leaf_spine_shape shape = t.shape(false);
  const double switching_ms = t.switching_ms();
  return fabric::leaf_spine_ocs{
      {.leafs = shape.leafs,
       .spines = shape.spines,
       .switches = t.of_ocs("switches"),
       .leaf_fibres = t.of_ocs("leaf_fibres", 1),
       .spine_fibres = t.of_ocs("spine_fibres", 2),
       .switching_ms = switching_ms,
       .servers_per_leaf = shape.servers_per_leaf,
       .gpus_per_server = shape.gpus_per_server,
       .link_gbps = shape.link_gbps,
       .server_gbps = shape.server_gbps,
       .type_of_server = read_types_of_servers(t.f, shape.leafs, shape.servers_per_leaf)}};
}

any_fabric read_pods(const fabric_text& t) {
  t.only({"pods", "leafs", "spines", "links_per_pair", "servers_per_leaf", "gpus_per_server",
          "link_gbps", "server_gbps", "ocs"});
  t.f.only({"ocs"}, {"switches", "leaf_fibres", "spine_fibres", "switching_ms"});
  if (t.of_ocs("leaf_fibres", 1) != 1)
    t.f.fail({"ocs", "leaf_fibres"}, "1 as leaf_fibres, since in pods only spines have fibres");
  const fabric::leaf_spine_shape shape = t.shape(true);
  const double switching_ms = t.switching_ms();
  return fabric::pods{{.pods = t.count("pods", 4),
                       .pod = shape,
                       .core_switches = t.of_ocs("switches"),
                       .core_fibres = t.of_ocs("spine_fibres", 1),
                       .switching_ms = switching_ms}}
      .network();
}

box_shape shape_at(const fabric_text& t, const char* key, const box_shape& otherwise) {
  if (!t.f.find({key})) return otherwise;
  const std::string expected = std::string(key) + R"( as sides, like "16x16x16")";
  const auto s = shape_in(t.f.text({key}, expected));
  if (!s) t.f.fail({key}, expected);
  return *s;
}

any_fabric read_torus(const fabric_text& t) {
  t.only({"sides", "host", "link_gbps"});
  fabric::torus_shape s;
  s.sides = shape_at(t, "sides", s.sides);
  box_shape host;  // of 2 × 2 chips where the sides are even
  for (std::size_t d = 0; d < s.sides.size(); ++d) host.add(d < 2 && s.sides[d] % 2 == 0 ? 2 : 1);
  s.host = shape_at(t, "host", host);
  s.link_gbps = t.speed("link_gbps", s.link_gbps);
  return fabric::torus{s};
}

any_fabric read_cubes(const fabric_text& t) {
  t.only({"cubes", "side", "switching_ms", "link_gbps"});
  fabric::cubes_shape s;
  s.cubes = t.count("cubes", s.cubes);
  s.side = t.count("side", s.side);
  if (t.f.find({"switching_ms"}))
    s.switching_ms = t.f.number({"switching_ms"}, "switching_ms of at least 0", 0, 1e12);
  s.link_gbps = t.speed("link_gbps", s.link_gbps);
  return fabric::cubes{s};
}

/// A row of the fabrics.
struct named_fabric {
  std::string_view name;
  std::string_view what;
  any_fabric (*read)(const fabric_text&);
  fabric_family family = fabric_family::clos;
};

constexpr named_fabric fabrics[] = {
    {"leaf_spine", "leafs and spines, each leaf linked to each spine", read_leaf_spine},
    {"leaf_spine_ocs", "the same over circuits of optical switches", read_leaf_spine_ocs},
    {"pods", "leaf-spine pods, their spines joined by optical switches", read_pods},
    {"torus", "chips in a box closed to a ring along each axis, by fixed links", read_torus,
     fabric_family::any},
    {"cubes", "cubes of chips, whose faces optical circuit switches join", read_cubes,
     fabric_family::any},
};

/// The fabric of a cluster file.
any_fabric read_fabric(const json_file& f, fabric_family family) {
  if (f.find({"preset"}) && !f.find({"fabric"})) return read_leaf_spine({f});
  const auto can_be = [&](const named_fabric& row) {
    return row.family == fabric_family::clos || family == fabric_family::any;
  };
  const std::string expected = "one of " + listed(lines_of(fabrics, can_be)) + " as fabric";
  const std::string kind = f.text({"fabric"}, expected);
  for (const named_fabric& row : fabrics)
    if (row.name == kind && can_be(row)) {
      try {
        return row.read({f});
      } catch (const input_error& e) {  // of the fabric, which knows no file
        if (e.where().starts_with(kind + "."))
          f.fail({e.where().substr(kind.size() + 1)}, e.expected(), e.got());
        throw;
      }
    }
  f.fail({"fabric"}, expected);
}

}  // namespace

name_lines fabric_names() { return lines_of(fabrics); }

cluster read_cluster(const json_file& f, const model::catalogue& known, fabric_family family) {
  if (!f.value().is_object()) f.fail({}, "an object");
  const any_fabric dc = read_fabric(f, family);

  fabric::base_power power;
  if (f.find({"power"}) && !f.find({"power"})->is_object()) f.fail({"power"}, "an object as power");
  f.only({"power"},
         {"gpu_idle_w", "server_w", "server_off_w", "wake_s", "wake_j", "switch_w", "ocs_w"});
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

  std::string gpu = default_gpu;
  const auto read_gpu = [&](const json_path& at) {
    std::string name = f.text(at, "a GPU type as gpu");
    if (known.find_gpu(name)) return name;
    name_lines names;
    for (const model::gpu_type& g : known.gpus()) names.push_back({g.name, {}});
    f.fail(at, "one of " + listed(names) + " as gpu");
  };
  std::vector<std::string> gpu_types;
  std::vector<double> hour_cost;
  if (const nlohmann::json* types = f.find({"gpu_types"}); types && types->is_array()) {
    gpu_types.resize(types->size() + 1);
    hour_cost.resize(types->size() + 1, -1);
    for (std::size_t i = types->size(); i-- > 0;) {
      const int number = static_cast<int>(i) + 1;
      gpu = read_gpu({"gpu_types", i, "name"});
      if (dc.hosts().gpus_of_type(number) > 0) gpu_types[i + 1] = gpu;
      if (f.find({"gpu_types", i, "idle_w"}))
        power.idle_w_of_type[i + 1] =
            f.number({"gpu_types", i, "idle_w"}, "idle_w of at least 0", 0, 1e12);
      if (f.find({"gpu_types", i, "hour_cost"}))
        hour_cost[i + 1] =
            f.number({"gpu_types", i, "hour_cost"}, "hour_cost of at least 0", 0, 1e12);
    }
  }
  if (f.find({"gpu"})) gpu = read_gpu({"gpu"});
  if (dc.hosts().gpu_types() == 1)
    gpu_types.clear();
  else if (dc.hosts().gpus_of_type(0) > 0)
    gpu_types[0] = gpu;
  bool links_told = true;
  if (const nlohmann::json* told = f.find({"links_told"})) {
    if (!told->is_boolean()) f.fail({"links_told"}, "true or false as links_told");
    links_told = told->get<bool>();
  }
  cluster out{dc, power, gpu, links_told};
  if (f.find({"fabric"})) out.kind = f.text({"fabric"}, "a fabric");
  out.where = f.where({f.find({"fabric"}) ? "fabric" : "preset"});
  out.gpu_types = std::move(gpu_types);
  out.hour_cost = std::move(hour_cost);
  return out;
}

cluster read_cluster(const network_source& s, const model::catalogue& known, fabric_family family) {
  open_text text{s.path};
  const fabric::network_form form = form_of(text, s);
  if (form == fabric::network_form::json) {
    check_said(text.name(), s);
    return read_cluster(json_file{text.name(), text.all()}, known, family);
  }
  const named_network read = read_network(text, form, s);
  cluster out{fabric::leaf_spine{read.found}, {}, default_gpu, read.links_told};
  out.where = text.name() + ":1";
  tell_notes(text.name(), read);
  return out;
}

bool is_even(const fabric::leaf_spine& dc) {
  if (!dc.whole_servers() || dc.tiers() > 2 || !dc.hosts().even_servers() || dc.spines() == 0)
    return false;
  for (leaf_id l : dc.all_leafs()) {
    if (dc.servers_of(dc.unit_of(l)).size() != dc.servers_of(unit_id{0u}).size()) return false;
    for (spine_id s : dc.all_spines())
      if (dc.links(l, s) != dc.links_per_pair()) return false;
  }
  return true;
}

void require_links(const cluster& c, const std::string& policy, const std::string& option) {
  for (std::string_view owns :
       {"vclos", "vclos_even", "ocs_vclos", "relaxed", "patched", "jigsaw", "laas"})
    if (policy == owns && !c.links_told)
      throw input_error(option,
                        "a policy that gives jobs no links of their own, since the cluster names "
                        "switches alone (--spines says how many links there are)",
                        policy);
}

}  // namespace heddle::examples
