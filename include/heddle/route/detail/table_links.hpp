// Links of a model of the network as ports of its switches.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/card_address.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/path.hpp>

namespace heddle::route {

/// An entry before and after.
struct table_change {
  std::uint32_t lid = 0, at = 0;  ///< LID, switch
  std::uint8_t from = 0, to = 0;  ///< ports

  friend auto operator<=>(const table_change&, const table_change&) = default;
};

using fabric::card_address;

/// A placed job and its routes. All is only looked at.
struct placed_routes {
  job_id id;
  const fabric::placement& where;
  const destination_routes& routes;
  std::span<const card_address> addresses;  ///< of GPU g in plane p at g · planes + p
  int planes = 1;

  [[nodiscard]] card_address address_of(std::uint32_t rank, int plane) const {
    return addresses[where.gpus[rank].index() * static_cast<std::size_t>(planes) +
                     static_cast<std::size_t>(plane)];
  }
};

namespace detail {

/// The port out of which a directed link of `numbers` goes; nothing if there is none.
inline std::optional<fabric::port_end>
port_of(const link_numbers& numbers, const fabric::switch_ports& wires, std::uint32_t link) {
  const bool up = numbers.is_up(link);
  const spine_id s = numbers.spine_of(link);
  if (numbers.is_of_core(link)) {
    const core_id c = numbers.core_of(link);
    return up ? wires.up(wires.of(s), wires.of(c), link - numbers.up(s, c, 0))
              : wires.down(wires.of(c), wires.of(s), link - numbers.down(c, s, 0));
  }
  const leaf_id l = numbers.leaf_of(link);
  return up ? wires.up(wires.of(l), wires.of(s), link - numbers.up(l, s, 0))
            : wires.down(wires.of(s), wires.of(l), link - numbers.down(s, l, 0));
}

/// The entries that a job needs, sorted; `why` says what is in their way.
inline std::vector<table_change> entries_of(const fabric::leaf_spine& dc,
                                            const fabric::switch_ports& wires,
                                            const placed_routes& job, std::string& why) {
  const link_numbers numbers{dc};
  std::vector<table_change> out;
  out.reserve(job.routes.entries.size());
  if (job.routes.lids == 0)
    why = "not enforceable by destination: a card needs more LIDs than were looked for";
  else if (!job.routes.complete)
    why = "its links do not carry all that it sends";
  for (const destination_entry& e : job.routes.entries) {
    if (!why.empty()) return {};
    const card_address to = job.address_of(e.destination, e.plane);
    const auto port = port_of(numbers, wires, e.link);
    if (to.first == 0)
      why = "GPU " + std::to_string(job.where.gpus[e.destination].value) + " has no LID";
    else if (e.lid >= to.count)
      why = "not enforceable by destination: a card needs " + std::to_string(job.routes.lids) +
            " LIDs, and has " + std::to_string(to.count);
    else if (!port || !wires.is_alive(*port))
      why = "a link of its is not in service: " +
            (port ? "switch " + std::to_string(port->at) + " port " + std::to_string(port->port)
                  : "it is not there");
    else
      out.push_back({to.first + e.lid, port->at, 0, port->port});
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Both ports of every link that a job owns, sorted.
inline std::vector<fabric::port_end> ports_of(const fabric::leaf_spine& dc,
                                              const fabric::switch_ports& wires,
                                              const fabric::placement& where, std::string& why) {
  const link_numbers numbers{dc};
  std::vector<fabric::port_end> out;
  const auto add = [&](std::uint32_t link, const char* what) {
    const auto port = port_of(numbers, wires, link);
    if (!port || !wires.is_alive(*port))
      why = std::string("a link of its to a ") + what + " is not in service";
    else
      out.push_back(*port);
  };
  for (const fabric::link& k : where.links) {
    add(numbers.up(k.leaf, k.spine, k.lane), "spine");
    add(numbers.down(k.spine, k.leaf, k.lane), "spine");
  }
  for (const fabric::core_link& k : where.core_links) {
    add(numbers.up(k.spine, k.core, k.lane), "core");
    add(numbers.down(k.core, k.spine, k.lane), "core");
  }
  std::sort(out.begin(), out.end(), [](const fabric::port_end& a, const fabric::port_end& b) {
    return a.at != b.at ? a.at < b.at : a.port < b.port;
  });
  return out;
}

/// All LIDs of a job's cards, sorted.
inline std::vector<std::uint32_t> lids_of(const placed_routes& job) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t r = 0; r < job.where.gpus.size(); ++r)
    for (int plane = 0; plane < job.planes; ++plane) {
      const card_address a = job.address_of(r, plane);
      for (std::uint32_t i = 0; a.first != 0 && i < a.count; ++i) out.push_back(a.first + i);
    }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace detail
}  // namespace heddle::route
