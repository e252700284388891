// Small random networks with rails, planes and pods, and states of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"

namespace heddle::test {

enum class rail_family { rails, planes, pods, both };

/// Pods of one kind, each with as many spines; the k-th of every pod reach the same cores. Rails share the
/// spines of their plane or have their own. Some cables are missing.
inline fabric::leaf_spine random_rail_network(rail_family family, dice& d) {
  const bool three = family == rail_family::pods || family == rail_family::both;
  const bool railed = family == rail_family::rails || family == rail_family::both;
  const bool both = family == rail_family::both;
  const int pods = three ? d.between(2, 3) : 1;
  const int units_of_pod = three ? d.between(1, d.chance(.3) ? 3 : 2) : d.between(1, 4);
  const int servers = d.between(1, 3);
  constexpr int sizes[] = {2, 4, 4, 2};
  const int g = sizes[d.index(4)];
  int rails = railed ? (d.chance(.5) ? g : 2) : 1;
  if (both && d.chance(.3)) rails = 1;
  const int planes = family == rail_family::planes || (both && d.chance(.5)) ? 2 : 1;
  const int cards = d.chance(.2) && g / 2 >= rails && (g / 2) % rails == 0 ? g / 2 : 0;
  const int domain = d.chance(.15) ? 2 : 1;
  const int units = pods * units_of_pod;
  const fabric::ports where{fabric::hosts{units, servers, g, domain},
                            {.rails = rails, .planes = planes, .cards_per_server = cards}};
  // Spines of a pod: groups, one for each plane, or for each rail of each.
  const bool own_rails = d.chance(.5);
  const int groups = planes * (own_rails ? rails : 1);
  const int lanes = d.between(1, 2);
  const int need = servers * ((cards == 0 ? g : cards) / rails);
  const int of_group =
      std::max(1, (need + lanes - 1) / lanes + (d.chance(.3) ? d.between(-1, 1) : 0));
  const int spines = pods * groups * of_group;
  std::vector<int> up(static_cast<std::size_t>(where.leafs() * spines), 0);
  const double missing = d.chance(.4) ? .1 : 0;
  for (leaf_id l : where.all_leafs()) {
    const int pod = static_cast<int>(where.unit_of(l).value) / units_of_pod;
    const int group =
        where.plane_of(l) * (own_rails ? rails : 1) + (own_rails ? where.rail_of(l) : 0);
    for (int k = 0; k < of_group; ++k)
      for (int lane = 0; lane < lanes; ++lane)
        if (!d.chance(missing))
          ++up[l.index() * static_cast<std::size_t>(spines) +
               static_cast<std::size_t>((pod * groups + group) * of_group + k)];
  }
  // A leaf without links would be a pod by itself.
  for (leaf_id l : where.all_leafs())
    for (int k = 0; k < of_group; ++k) {
      const int pod = static_cast<int>(where.unit_of(l).value) / units_of_pod;
      const int group =
          where.plane_of(l) * (own_rails ? rails : 1) + (own_rails ? where.rail_of(l) : 0);
      int& n = up[l.index() * static_cast<std::size_t>(spines) +
                  static_cast<std::size_t>((pod * groups + group) * of_group + k)];
      if (three || groups > 1) n = std::max(n, 1);
    }
  fabric::clos_parts parts{.ports = where,
                           .up = fabric::tier_links{where.leafs(), spines, std::move(up)}};
  if (three) {
    const int of_pod = groups * of_group;
    const int sharing = own_rails ? 1 : rails;  // bands over a spine
    const int core_lanes = d.between(1, 2);
    const int each = std::max(1, (units_of_pod * lanes * sharing + core_lanes - 1) / core_lanes -
                                     (d.chance(.25) ? 1 : 0));
    const bool grouped = d.chance(.7);
    const int cores = (grouped ? of_pod : 1) * each;
    std::vector<int> core(static_cast<std::size_t>(spines * cores), 0);
    for (int s = 0; s < spines; ++s)
      for (int c = 0; c < each; ++c)
        for (int lane = 0; lane < core_lanes; ++lane)
          if (lane == 0 || !d.chance(missing))
            ++core[static_cast<std::size_t>(s * cores + (grouped ? s % of_pod * each : 0) + c)];
    parts.core = fabric::tier_links{spines, cores, std::move(core)};
  }
  return fabric::leaf_spine{parts};
}

/// GPUs and links taken by chance, and failures of every kind.
inline fabric::ledger<fabric::leaf_spine> random_rail_state(const fabric::leaf_spine& dc, dice& d) {
  fabric::placement p;
  const double servers = d.real() * d.real(), gpus = d.chance(.5) ? 0 : d.real() * .4;
  const double links = d.chance(.4) ? 0 : d.real() * d.real();
  for (server_id s : dc.all_servers()) {
    const bool all = d.chance(servers);
    for (gpu_id g : dc.gpus_of(s))
      if (all || d.chance(gpus)) p.gpus.push_back(g);
  }
  for (leaf_id l : dc.all_leafs())
    for (spine_id s : dc.all_spines())
      for (int lane = 0; lane < dc.links(l, s); ++lane)
        if (d.chance(links)) p.links.push_back({l, s, static_cast<std::uint32_t>(lane)});
  for (spine_id s : dc.all_spines())
    for (core_id c : dc.all_cores())
      for (int lane = 0; lane < dc.core_links().between(s.index(), c.index()); ++lane)
        if (d.chance(links / 2)) p.core_links.push_back({s, c, static_cast<std::uint32_t>(lane)});
  fabric::ledger l{dc};
  if (!p.gpus.empty()) (void)l.reserve(job_id{4'000'000'000u}, std::move(p));
  if (d.chance(.3)) {
    for (leaf_id x : dc.all_leafs())
      if (d.chance(.05)) l.fail(x);
    for (spine_id x : dc.all_spines())
      if (d.chance(.05)) l.fail(x);
    for (core_id x : dc.all_cores())
      if (d.chance(.05)) l.fail(x);
    for (server_id x : dc.all_servers())
      if (d.chance(.05)) l.fail(x);
  }
  if (dc.planes() > 1 && d.chance(.1))  // a whole plane
    for (std::uint32_t x = 0; x < static_cast<std::uint32_t>(dc.leafs()); x += 2)
      l.fail(leaf_id{x});
  return l;
}

/// GPUs to ask for: whole servers in half of the cases.
inline int random_rail_request(const fabric::leaf_spine& dc, int free, dice& d) {
  if (free >= dc.gpus_per_server() && d.chance(.6))
    return dc.gpus_per_server() * d.between(1, free / dc.gpus_per_server());
  return d.between(1, std::max(1, free));
}

}  // namespace heddle::test
