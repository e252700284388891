// Forwarding tables followed hop by hop: what flows meet on which cable. Knows nothing of how tables are made.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/table_links.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::test {

/// Addresses and ends of a network in which GPU g has LIDs from 1 + (g · planes + p) · count in plane p,
/// and switches those after them.
struct plain_addresses {
  std::vector<route::card_address> of_card;
  std::vector<fabric::port_end> ends;

  plain_addresses(const fabric::leaf_spine& dc, const fabric::switch_ports& wires,
                  std::uint32_t count = 1) {
    ends.emplace_back();
    const int each = dc.gpus_per_card();
    for (std::uint32_t g = 0; g < static_cast<std::uint32_t>(dc.gpus()); ++g)
      for (int p = 0; p < dc.planes(); ++p) {
        const int in_server = dc.hosts().index_in_server(gpu_id{g});
        if (in_server % each != 0) {  // shares the card of the GPU before
          of_card.push_back(of_card[of_card.size() - static_cast<std::size_t>(dc.planes())]);
          continue;
        }
        const leaf_id l = dc.leaf_of(gpu_id{g}, p);
        of_card.push_back({static_cast<std::uint32_t>(ends.size()), count});
        const auto port = static_cast<std::uint8_t>(1 + dc.index_in_leaf(gpu_id{g}) / each);
        for (std::uint32_t i = 0; i < count; ++i) ends.push_back({wires.of(l), port});
      }
    for (std::uint32_t s = 0; s < wires.size(); ++s) ends.push_back({s, 0});
  }
};

/// Tables as a subnet manager makes them, by turns over the links up; ways are up and down.
inline fabric::forwarding turn_tables(const fabric::switch_ports& wires,
                                      const std::vector<fabric::port_end>& ends) {
  fabric::forwarding t{wires.size(), static_cast<std::uint32_t>(ends.size())};
  for (std::uint32_t lid = 1; lid < ends.size(); ++lid) {
    const fabric::port_end end = ends[lid];
    std::vector<bool> done(wires.size(), false);
    std::vector<std::uint32_t> below{end.at};
    done[end.at] = true;
    t.set(end.at, lid, end.port);
    for (std::size_t i = 0; i < below.size(); ++i)
      wires.for_each_up(below[i], [&](std::uint8_t port, std::uint32_t upper) {
        if (done[upper]) return;
        done[upper] = true;
        t.set(upper, lid, wires.peer({below[i], port}).port);
        below.push_back(upper);
      });
    for (int tier = 1; tier >= 0; --tier)
      for (std::uint32_t s = 0; s < wires.size(); ++s) {
        if (wires.tier(s) != tier || done[s]) continue;
        std::vector<std::uint8_t> ways;
        wires.for_each_up(s, [&](std::uint8_t port, std::uint32_t upper) {
          if (done[upper]) ways.push_back(port);
        });
        if (ways.empty()) continue;
        t.set(s, lid, ways[lid % ways.size()]);
        done[s] = true;
      }
    // Switches that nothing above reaches: any way that ends there.
    for (bool more = true; more && end.port == 0;) {
      more = false;
      for (std::uint32_t s = 0; s < wires.size(); ++s)
        for (std::uint32_t p = 1; p < 255 && !done[s]; ++p) {
          const fabric::port_end at{s, static_cast<std::uint8_t>(p)};
          if (!wires.is_alive(at) || !done[wires.peer(at).at]) continue;
          t.set(s, lid, at.port);
          done[s] = more = true;
        }
    }
  }
  return t;
}

/// A job as it runs.
struct walked_job {
  job_id id;
  fabric::placement where;
  traffic::group ranks;
  std::vector<traffic::any_source> sources;
  route::destination_routes routes;
};

/// The ports that a packet from a switch to a LID leaves by, the last that of the host; nothing if it is
/// lost.
inline std::optional<std::vector<fabric::port_end>> hops(const fabric::switch_ports& wires,
                                                         const fabric::forwarding& tables,
                                                         std::uint32_t from, std::uint32_t lid,
                                                         fabric::port_end end) {
  std::vector<fabric::port_end> out;
  while (out.size() < 9) {
    const fabric::port_end p{from, tables.port(from, lid)};
    out.push_back(p);
    if (p == end) return out;
    if (p.port == 255 || p.port == 0 || !wires.is_alive(p)) return std::nullopt;
    from = wires.peer(p).at;
  }
  return std::nullopt;
}

/// What is wrong with the ways of running jobs under some tables: the empty text if nothing is. No cable may
/// carry flows of two jobs, one that its job does not own, or more flows of a phase than a card.
inline std::string broken_isolation(const fabric::leaf_spine& dc, const fabric::switch_ports& wires,
                                    const fabric::forwarding& tables, const plain_addresses& lids,
                                    const std::vector<const walked_job*>& jobs) {
  std::map<std::pair<std::uint32_t, int>, std::uint32_t> user;
  const auto planes = static_cast<std::size_t>(dc.planes());
  for (const walked_job* j : jobs) {
    const std::string who = "job " + std::to_string(j->id.value) + ": ";
    const auto own = [&](std::uint32_t lower, std::uint32_t upper, std::uint32_t lane) {
      const auto a = wires.up(lower, upper, lane), b = wires.down(upper, lower, lane);
      user[{a->at, a->port}] = user[{b->at, b->port}] = j->id.value;
    };
    for (const fabric::link& k : j->where.links) own(wires.of(k.leaf), wires.of(k.spine), k.lane);
    for (const fabric::core_link& k : j->where.core_links)
      own(wires.of(k.spine), wires.of(k.core), k.lane);
  }
  route::network_flows entering;
  route::card_counter cards;
  std::vector<traffic::flow> flows;
  for (const walked_job* j : jobs)
    for (const traffic::any_source& source : j->sources)
      for (std::size_t k = 0; k < source.size(); ++k) {
        const std::string who =
            "job " + std::to_string(j->id.value) + " phase " + std::to_string(k) + ": ";
        (void)source.write(k, flows);
        const int allowed = std::max(1, cards(j->ranks, flows).card);
        std::map<std::pair<std::uint32_t, int>, int> load;
        for (const traffic::flow f : entering(j->ranks, flows))
          for (std::size_t p = 0; p < planes; ++p) {
            const std::uint32_t a = j->ranks.leafs[f.source].value + static_cast<std::uint32_t>(p),
                                b = j->ranks.leafs[f.target].value + static_cast<std::uint32_t>(p);
            if (a == b) continue;
            const auto first = [&](std::uint32_t r) {
              return j->ranks.cards.empty() ? r : j->ranks.cards[r];
            };
            const std::uint32_t lid =
                lids.of_card[j->ranks.gpus[f.target].index() * planes + p].first +
                j->routes.lid_of(first(f.source), first(f.target), static_cast<int>(p));
            const auto way = hops(wires, tables, a, lid, lids.ends[lid]);
            if (!way) return who + "LID " + std::to_string(lid) + " is not reached";
            for (std::size_t i = 0; i + 1 < way->size(); ++i) {
              const std::pair<std::uint32_t, int> at{(*way)[i].at, (*way)[i].port};
              const auto owner = user.find(at);
              if (owner == user.end() || owner->second != j->id.value)
                return who + "not over its own link, but switch " + std::to_string(at.first) +
                       " port " + std::to_string(at.second);
              if (++load[at] > allowed) return who + "two flows on a link";
            }
          }
      }
  return {};
}

}  // namespace heddle::test
