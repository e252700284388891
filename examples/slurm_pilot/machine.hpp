// A Slurm cluster as a fabric: names to ids and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/read_topology_conf.hpp>

#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// What Slurm does not know of a network. Its tree names one switch, or a few, where there are
/// many spines.
struct network_options {
  int spines = 0;          ///< 0: as many as the largest leaf has GPUs, a network without shortage
  int links_per_pair = 1;  ///< parallel links between a leaf and a spine
  double link_gbps = 100;
  int ocs_switches = 0;  ///< optical circuit switches between leafs and spines; 0: fixed links
  int leaf_fibres = 1;   ///< from each leaf to each OCS
  int spine_fibres = 2;  ///< from each spine to each OCS
};

/// The servers and leafs of a cluster under the names that Slurm gives them. What needs no wires is
/// asked here.
struct site {
  fabric::hosts servers;
  std::vector<std::string> hosts;  ///< by server
  std::vector<std::string> leafs;  ///< by leaf
  std::map<std::string, server_id, std::less<>> server_named = {};
  std::map<std::string, leaf_id, std::less<>> leaf_named = {};
  std::vector<std::string> gpu_types =
      {};  ///< by number (fabric::host), "" of those without; none: all alike

  /// The number of a type, or `any_gpu_type`.
  [[nodiscard]] int type_named(std::string_view type) const {
    const auto at = std::find(gpu_types.begin(), gpu_types.end(), type);
    return type.empty() || at == gpu_types.end() ? any_gpu_type
                                                 : static_cast<int>(at - gpu_types.begin());
  }

  /// The GPU `number` of a server, or an invalid id.
  [[nodiscard]] gpu_id gpu(server_id s, int number) const {
    const auto all = servers.gpus_of(s);
    if (number < 0 || static_cast<std::uint32_t>(number) >= all.size()) return gpu_id{};
    return gpu_id{all.front().value + static_cast<std::uint32_t>(number)};
  }
  /// The number of a GPU in its server.
  [[nodiscard]] int number_of(gpu_id g) const { return servers.index_in_server(g); }
  [[nodiscard]] const std::string& host_of(gpu_id g) const {
    return hosts[servers.server_of(g).index()];
  }
};

/// A site and its network. \tparam Fabric  `leaf_spine`, or `leaf_spine_ocs`
template <class Fabric>
struct machine : site {
  Fabric dc;
  std::vector<std::string> notes = {};  ///< what was passed over or assumed in reading it
};

/// Whether jobs own circuits there, and not fixed links.
template <class Fabric>
inline constexpr bool has_circuits = std::is_same_v<Fabric, fabric::leaf_spine_ocs>;

namespace detail {
/// The same leafs and servers with optical circuit switches in place of links.
inline fabric::leaf_spine_ocs with_ocs(const fabric::layout& found, int spines,
                                       const network_options& o) {
  const std::size_t servers = found.leafs.front().servers.size();
  const int gpus = found.leafs.front().servers.front().gpus;
  for (const auto& l : found.leafs) {
    bool even = l.servers.size() == servers;
    for (const auto& s : l.servers) even = even && s.gpus == gpus;
    if (!even)
      throw input_error("--ocs-switches", "leafs of the same servers on an optical network",
                        "leaf " + l.name + ", which differs");
  }
  return fabric::leaf_spine_ocs{{.leafs = static_cast<int>(found.leafs.size()),
                                 .spines = spines,
                                 .switches = o.ocs_switches,
                                 .leaf_fibres = o.leaf_fibres,
                                 .spine_fibres = o.spine_fibres,
                                 .servers_per_leaf = static_cast<int>(servers),
                                 .gpus_per_server = gpus,
                                 .link_gbps = o.link_gbps}};
}

/// What Slurm shows, with as many spines as are wanted.
inline fabric::layout layout_of(std::string_view shown, const std::vector<node_report>& nodes,
                                const network_options& o, int& spines) {
  std::map<std::string, int, std::less<>> gpus;
  for (const node_report& n : nodes) gpus[n.name] = n.gpus;
  const auto gpus_of = [&](const std::string& host) {
    const auto at = gpus.find(host);
    return at == gpus.end() ? 0 : at->second;
  };
  if (lines_of(shown).empty())
    throw input_error("scontrol show topology",
                      "a tree of switches or blocks (TopologyPlugin=topology/tree, topology/block)",
                      "nothing");
  const auto read = [&](int spines_per_switch) {
    std::istringstream in{std::string(shown)};
    return fabric::read_topology_conf(in, "scontrol show topology", gpus_of,
                                      {.links_per_pair = o.links_per_pair,
                                       .spines_per_switch = spines_per_switch,
                                       .link_gbps = o.link_gbps});
  };
  fabric::layout found = read(1);
  if (found.spines.empty()) {  // nothing ever crosses from leaf to leaf
    spines = std::max(1, o.spines);
    found.spines.assign(static_cast<std::size_t>(spines), "none");
    for (auto& l : found.leafs) l.links.assign(found.spines.size(), 0);
    return found;
  }
  const int uppers = static_cast<int>(found.spines.size());
  if (o.spines % uppers != 0)
    throw input_error("--spines",
                      std::string("a multiple of the ") + std::to_string(uppers) +
                          " upper switches of the tree",
                      std::to_string(o.spines));
  int each = o.spines / uppers;
  if (o.spines == 0) {  // as many links up as a leaf has GPUs, over all switches above it
    each = 1;
    for (const auto& l : found.leafs) {
      int gpus_here = 0;
      for (const auto& s : l.servers) gpus_here += s.gpus;
      const auto above = std::count_if(l.links.begin(), l.links.end(), [](int n) { return n > 0; });
      const int links = static_cast<int>(above) * o.links_per_pair;
      if (links > 0) each = std::max(each, (gpus_here + links - 1) / links);
    }
  }
  spines = each * uppers;
  if (each != 1) found = read(each);
  return found;
}

/// Writes the types of GPUs into a layout, where there are several. \returns  their names, by number; none: all
/// are alike. Servers with GPUs of several types are of type 0, as are those whose type is not told.
inline std::vector<std::string> set_types(fabric::layout& found,
                                          const std::vector<node_report>& nodes) {
  std::map<std::string, std::string, std::less<>> type_of;
  std::vector<std::string> names{""};
  for (const node_report& n : nodes) {
    if (n.gpus == 0) continue;
    const std::string type = n.types.size() == 1 ? n.types.front() : std::string{};
    type_of[n.name] = type;
    if (std::find(names.begin(), names.end(), type) == names.end()) names.push_back(type);
  }
  std::sort(names.begin(), names.end());
  const bool several = std::any_of(type_of.begin(), type_of.end(), [&](const auto& t) {
    return t.second != type_of.begin()->second;
  });
  if (!several) return {};
  if (names.size() > most_gpu_types)
    throw input_error("sinfo", "at most " + std::to_string(most_gpu_types - 1) + " types of GPUs",
                      std::to_string(names.size() - 1));
  for (auto& leaf : found.leafs)
    for (auto& server : leaf.servers)
      if (const auto at = type_of.find(server.name); at != type_of.end())
        server.type = static_cast<std::uint16_t>(std::find(names.begin(), names.end(), at->second) -
                                                 names.begin());
  return names;
}

template <class Fabric>
machine<Fabric> named(const fabric::layout& found, Fabric dc) {
  machine<Fabric> m{{.servers = dc.hosts(), .hosts = {}, .leafs = {}}, std::move(dc), found.notes};
  for (const auto& l : found.leafs) {
    m.leaf_named.emplace(l.name, leaf_id{m.leafs.size()});
    m.leafs.push_back(l.name);
    for (const auto& s : l.servers) {
      m.server_named.emplace(s.name, server_id{m.hosts.size()});
      m.hosts.push_back(s.name);
    }
  }
  return m;
}
}  // namespace detail

/// A cluster of fixed links.
/// \param shown  what `scontrol show topology` prints
/// \throws input_error  if that is neither a tree nor blocks, or the spines do not divide evenly among the
///                      upper switches that the tree names
[[nodiscard]] inline machine<fabric::leaf_spine> make_machine(std::string_view shown,
                                                              const std::vector<node_report>& nodes,
                                                              const network_options& o = {}) {
  int spines = 0;
  fabric::layout found = detail::layout_of(shown, nodes, o, spines);
  std::vector<std::string> types = detail::set_types(found, nodes);
  machine<fabric::leaf_spine> m = detail::named(found, fabric::leaf_spine{found});
  m.gpu_types = std::move(types);
  return m;
}

/// The cluster as its InfiniBand network shows it. What Slurm does not name of it gets no job.
[[nodiscard]] inline machine<fabric::leaf_spine> make_ib_machine(const fabric::ib_network& net) {
  return detail::named(net.found, net.dc);
}

/// The same with optical circuit switches between leafs and spines. Precondition: `o` has some.
/// \throws input_error  as `make_machine` does, and if leafs differ in their servers
[[nodiscard]] inline machine<fabric::leaf_spine_ocs>
make_optical_machine(std::string_view shown, const std::vector<node_report>& nodes,
                     const network_options& o) {
  int spines = 0;
  const fabric::layout found = detail::layout_of(shown, nodes, o, spines);
  return detail::named(found, detail::with_ocs(found, spines, o));
}

}  // namespace heddle::pilot
