// Dumps of an InfiniBand network and its tables, read from text.
#pragma once

#include <cstdint>
#include <cstdio>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/fabric/switch_ports.hpp>

#include "support/walked_tables.hpp"

namespace heddle::test {

inline fabric::ib_network network_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_ib_network(in, "network");
}
inline fabric::lft_dump tables_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_lft(in, "tables");
}

inline std::string hex(std::uint64_t guid) {
  char text[24];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(guid));
  return text;
}

// What ibnetdiscover prints of leafs of so many hosts with one link to each spine; some cables cut.
inline std::string discovered(int leafs, int hosts, int spines,
                              const std::set<std::pair<int, int>>& cut = {}) {
  const auto leaf = [](int l) { return 0x100u + static_cast<unsigned>(l); };
  const auto spine = [](int s) { return 0x200u + static_cast<unsigned>(s); };
  const auto host = [](int h) { return 0x1000u + static_cast<unsigned>(h); };
  std::string out;
  const auto port = [&](int p, const std::string& id, int far, const std::string& rest) {
    out += "[" + std::to_string(p) + "]\t\"" + id + "\"[" + std::to_string(far) + "]" + rest + "\n";
  };
  for (int l = 0; l < leafs; ++l) {
    out += "switchguid=0x" + hex(leaf(l)) + "\nSwitch\t16 \"S-" + hex(leaf(l)) + "\"\t\t# \"leaf" +
           std::to_string(l) + "\" enhanced port 0 lid 1 lmc 0\n";
    for (int h = 0; h < hosts; ++h)
      port(h + 1, "H-" + hex(host(l * hosts + h)), 1,
           "(" + hex(host(l * hosts + h)) + ") \t\t# \"n" + std::to_string(l * hosts + h) +
               " mlx5_0\" lid 1 4xHDR");
    for (int s = 0; s < spines; ++s)
      if (!cut.contains({l, s}))
        port(hosts + s + 1, "S-" + hex(spine(s)), l + 1, "\t\t# \"spine\" lid 1 4xHDR");
    out += "\n";
  }
  for (int s = 0; s < spines; ++s) {
    bool any = false;
    for (int l = 0; l < leafs; ++l) any = any || !cut.contains({l, s});
    if (!any) continue;  // nobody sees it
    out += "switchguid=0x" + hex(spine(s)) + "\nSwitch\t16 \"S-" + hex(spine(s)) +
           "\"\t\t# \"spine" + std::to_string(s) + "\" enhanced port 0 lid 1 lmc 0\n";
    for (int l = 0; l < leafs; ++l)
      if (!cut.contains({l, s}))
        port(l + 1, "S-" + hex(leaf(l)), hosts + s + 1, "\t\t# \"leaf\" lid 1 4xHDR");
    out += "\n";
  }
  for (int h = 0; h < leafs * hosts; ++h) {
    out += "caguid=0x" + hex(host(h)) + "\nCa\t1 \"H-" + hex(host(h)) + "\"\t\t# \"n" +
           std::to_string(h) + " mlx5_0\"\n[1](" + hex(host(h)) + ") \t\"S-" +
           hex(leaf(h / hosts)) + "\"[" + std::to_string(h % hosts + 1) +
           "]\t\t# lid 1 lmc 0 \"leaf\" lid 1 4xHDR\n\n";
  }
  return out;
}
// What a subnet manager would make of it by itself.
inline std::string first_tables(const fabric::ib_network& net) {
  fabric::lft_dump d;
  std::vector<fabric::port_end> ends(1);
  d.owners.resize(1);
  for (const auto& [guid, end] : net.hosts) {
    ends.push_back(end);
    d.owners.push_back({guid, false, "Channel Adapter portguid 0x" + hex(guid) + ": 'card'"});
  }
  for (std::uint32_t s = 0; s < net.wires.size(); ++s) {
    ends.push_back({s, 0});
    d.owners.push_back({net.switches[s], true,
                        "Switch portguid 0x" + hex(net.switches[s]) + ": '" + net.names[s] + "'"});
    d.switches.push_back(
        {net.switches[s], static_cast<std::uint32_t>(ends.size()) - 1, net.names[s]});
  }
  d.tables = turn_tables(net.wires, ends);
  std::ostringstream out;
  fabric::write_lft(out, d);
  return out.str();
}

}  // namespace heddle::test
