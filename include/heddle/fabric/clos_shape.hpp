// Regular Clos networks by their numbers: rails, planes, NVLink domains, pods under cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/ports.hpp>

namespace heddle::fabric {

/// What a regular network is made of. How it is wired follows:
///
/// - Every unit has `servers_per_unit` servers on rails · planes leafs of its own.
/// - Each plane has spines of its own, the same number, one block behind the other; every leaf has
///   `links_per_pair` links to each spine of its plane, in three tiers of its plane and pod.
/// - In three tiers spine i of every pod is linked to the cores of group i, evenly: cores / spines_per_pod of
///   them where there are as many cores or more, else spines share a core.
struct clos_shape {
  int units = 1;             ///< ≥ 1; in three tiers of all pods
  int servers_per_unit = 4;  ///< ≥ 1
  int gpus_per_server = 8;   ///< ≥ 1
  rail_shape cards = {};     ///< rails, planes, cards of a server
  int domain_servers = 1;    ///< servers of an NVLink domain, ≥ 1
  int spines = 0;            ///< of all planes; in three tiers of a pod. 0: rails alone
  int links_per_pair = 1;    ///< ≥ 1
  int pods = 0;              ///< 0: two tiers; else ≥ 1, and units are divided evenly among them
  int cores = 0;             ///< ≥ 1 in three tiers
  int core_links_per_spine =
      0;  ///< links of a spine to all its cores; fewer than it has down: tapered
  double link_gbps = 100;
  double server_gbps = 1000;
  std::vector<std::uint16_t> type_of_server = {};  ///< of its GPUs, see `host::type`; empty: all 0

  friend bool operator==(const clos_shape&, const clos_shape&) = default;
};

/// The network of that shape.
/// \throws input_error  for numbers that are too small or do not divide each other
[[nodiscard]] inline clos_parts parts_of(const clos_shape& s) {
  const auto require = [](bool holds, const char* field, const std::string& expected, int got) {
    if (!holds)
      throw input_error(std::string("clos_shape.") + field, expected, std::to_string(got));
  };
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  require(s.units >= 1 && s.units <= 1 << 28, "units", "at least 1", s.units);
  require(s.servers_per_unit >= 1, "servers_per_unit", "at least 1", s.servers_per_unit);
  require(s.gpus_per_server >= 1, "gpus_per_server", "at least 1", s.gpus_per_server);
  require(s.domain_servers >= 1, "domain_servers", "at least 1", s.domain_servers);
  require(s.spines >= 0, "spines", "at least 0", s.spines);
  require(s.links_per_pair >= 1, "links_per_pair", "at least 1", s.links_per_pair);
  if (1.0 * s.units * s.servers_per_unit * s.gpus_per_server > 1 << 28)
    throw input_error("clos_shape", "at most 2^28 GPUs", "more");
  std::vector<std::vector<host>> units(size(s.units));
  for (std::size_t u = 0; u < units.size(); ++u)
    for (int k = 0; k < s.servers_per_unit; ++k) {
      const std::size_t server = u * size(s.servers_per_unit) + size(k);
      units[u].push_back(
          {.gpus = s.gpus_per_server,
           .joins = k % s.domain_servers != 0,
           .type = server < s.type_of_server.size() ? s.type_of_server[server] : std::uint16_t{0}});
    }
  const ports where{hosts{units}, s.cards};
  const int planes = where.planes(), pods = s.pods == 0 ? 1 : s.pods;
  require(s.spines % planes == 0, "spines",
          "as many in each of the " + std::to_string(planes) + " planes", s.spines);
  require(s.pods >= 0 && s.units % pods == 0, "pods", "a divisor of the units", s.pods);
  if (1.0 * where.leafs() * s.spines * pods > 1 << 28)
    throw input_error("clos_shape", "at most 2^28 pairs of a leaf and a spine", "more");
  const int in_plane = s.spines / planes;
  std::vector<int> up(size(where.leafs()) * size(s.spines * pods), 0);
  for (leaf_id l : where.all_leafs()) {
    const int pod = static_cast<int>(where.unit_of(l).value) / (s.units / pods);
    const int first = pod * s.spines + where.plane_of(l) * in_plane;
    for (int k = 0; k < in_plane; ++k)
      up[l.index() * size(s.spines * pods) + size(first + k)] = s.links_per_pair;
  }
  clos_parts out{.ports = where,
                 .up = planes == 1 && pods == 1 && s.spines > 0
                           ? tier_links{where.leafs(), s.spines, s.links_per_pair}
                           : tier_links{where.leafs(), s.spines * pods, std::move(up)},
                 .link_gbps = s.link_gbps,
                 .server_gbps = s.server_gbps};
  if (s.pods == 0) {
    require(s.cores == 0, "cores", "0 without pods", s.cores);
    return out;
  }
  require(s.cores >= 1, "cores", "at least 1 with pods", s.cores);
  require(s.spines >= 1, "spines", "at least 1 a pod", s.spines);
  const bool own = s.cores >= s.spines;  // each spine of a pod has cores of its own
  require(own ? s.cores % s.spines == 0 : s.spines % s.cores == 0, "cores",
          "a multiple or a divisor of the " + std::to_string(s.spines) + " spines of a pod",
          s.cores);
  const int group = own ? s.cores / s.spines : 1;
  require(
      s.core_links_per_spine >= 1 && s.core_links_per_spine % group == 0, "core_links_per_spine",
      "a multiple of the " + std::to_string(group) + " cores of a spine", s.core_links_per_spine);
  if (1.0 * s.spines * pods * s.cores > 1 << 28)
    throw input_error("clos_shape", "at most 2^28 pairs of a spine and a core", "more");
  std::vector<int> core(size(s.spines * pods) * size(s.cores), 0);
  for (int i = 0; i < s.spines * pods; ++i) {
    const int in_pod = i % s.spines;
    const int first = own ? in_pod * group : in_pod / (s.spines / s.cores);
    for (int k = 0; k < group; ++k)
      core[size(i) * size(s.cores) + size(first + k)] = s.core_links_per_spine / group;
  }
  out.core = tier_links{s.spines * pods, s.cores, std::move(core)};
  return out;
}

}  // namespace heddle::fabric
