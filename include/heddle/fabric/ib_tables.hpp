// An InfiniBand network and the forwarding tables of its switches, brought together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/card_address.hpp>
#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/lft_text.hpp>
#include <heddle/fabric/switch_ports.hpp>

namespace heddle::fabric {

/// A dump by the numbers of a network: switches as `switch_ports` numbers them, where each LID hangs, the
/// LIDs of each GPU's card. Switches of the dump that are none of the network's are kept as they are.
class ib_tables {
 public:
  /// \param lost  cables that are there no more
  /// \throws input_error  if a switch with cables has no tables, or the LIDs of a port are not in a row
  ib_tables(const ib_network& net, lft_dump dump, const std::string& name,
            const std::vector<port_end>& lost = {})
      : dump_(std::move(dump)), ends_(dump_.tables.lids()) {
    std::map<std::uint64_t, std::uint32_t> number;
    for (std::uint32_t s = 0; s < net.switches.size(); ++s) number.emplace(net.switches[s], s);
    std::vector<bool> found(net.switches.size(), false);
    for (const lft_switch& s : dump_.switches) {
      const auto at = number.find(s.guid);
      row_.push_back(at == number.end() ? port_end::none : at->second);
      if (at != number.end()) found[at->second] = true;
    }
    switch_ports now = net.wires;
    for (const port_end& p : lost) now.cut(p);
    for (std::uint32_t s = 0; s < found.size(); ++s)
      if (!found[s] && !now.is_cut_off(s))
        throw input_error(name, "tables of every switch of the network", "none of " + net.names[s]);
    find_lids(net, number, name);
    find_ends(net.wires, now);
  }

  [[nodiscard]] const lft_dump& dump() const { return dump_; }
  [[nodiscard]] const std::vector<port_end>& ends() const { return ends_; }  ///< by LID
  /// Of GPU g in plane p at g · planes + p.
  [[nodiscard]] const std::vector<card_address>& addresses() const { return addresses_; }

  /// The tables by the numbers of the network.
  [[nodiscard]] forwarding by_number() const {
    forwarding t{switches_, dump_.tables.lids()};
    for (std::uint32_t s = 0; s < row_.size(); ++s)
      if (row_[s] != port_end::none)
        for (std::uint32_t lid = 0; lid < t.lids(); ++lid)
          t.set(row_[s], lid, dump_.tables.port(s, lid));
    return t;
  }
  /// The dump with other entries. \param gone  callable: (switch) → whether it is left out
  template <class Gone>
  [[nodiscard]] lft_dump with(const forwarding& t, Gone&& gone) const {
    lft_dump out{{}, dump_.owners, {}};
    std::vector<std::uint32_t> kept;
    for (std::uint32_t s = 0; s < row_.size(); ++s)
      if (row_[s] == port_end::none || !gone(row_[s])) kept.push_back(s);
    out.tables = {static_cast<std::uint32_t>(kept.size()), dump_.tables.lids()};
    for (std::uint32_t k = 0; k < kept.size(); ++k) {
      const std::uint32_t s = kept[k];
      out.switches.push_back(dump_.switches[s]);
      for (std::uint32_t lid = 0; lid < dump_.tables.lids(); ++lid)
        out.tables.set(
            k, lid, row_[s] == port_end::none ? dump_.tables.port(s, lid) : t.port(row_[s], lid));
    }
    return out;
  }

 private:
  void find_lids(const ib_network& net, const std::map<std::uint64_t, std::uint32_t>& number,
                 const std::string& name) {
    switches_ = net.wires.size();
    std::map<std::uint64_t, card_address> lids;
    for (std::uint32_t lid = 0; lid < dump_.owners.size(); ++lid) {
      const lft_owner& o = dump_.owners[lid];
      if (o.guid == 0) continue;
      card_address& a = lids.try_emplace(o.guid, card_address{lid, 0}).first->second;
      if (a.first + a.count != lid)
        throw input_error(name, "the LIDs of a port one after the other", o.text);
      ++a.count;
      if (o.is_switch) {
        if (const auto s = number.find(o.guid); s != number.end()) ends_[lid] = {s->second, 0};
      } else if (const auto host = net.hosts.find(o.guid); host != net.hosts.end()) {
        ends_[lid] = host->second;
      }
    }
    for (std::uint64_t guid : net.cards) {
      const auto at = lids.find(guid);
      addresses_.push_back(at == lids.end() ? card_address{} : at->second);
    }
  }

  /// Of LIDs whose ports the network does not show, hosts that are down for one: where all entries lead.
  void find_ends(const switch_ports& whole, const switch_ports& now) {
    const forwarding t = by_number();
    for (std::uint32_t lid = 1; lid < t.lids(); ++lid) {
      if (ends_[lid].valid()) continue;
      port_end p;
      for (std::uint32_t s = 0; s < switches_ && !p.valid(); ++s)
        if (t.port(s, lid) != forwarding::none) p = {s, t.port(s, lid)};
      for (int hops = 0; hops < 8 && p.valid() && whole.peer(p).valid(); ++hops)
        p = {whole.peer(p).at, t.port(whole.peer(p).at, lid)};
      if (p.valid() && p.port != 0 && p.port != forwarding::none && !whole.peer(p).valid() &&
          (!first_fault(whole, t, lid, p) || !first_fault(now, t, lid, p)))
        ends_[lid] = p;
    }
  }

  lft_dump dump_;
  std::vector<port_end> ends_;
  std::vector<card_address> addresses_;
  std::vector<std::uint32_t> row_;  // of each switch of the dump: its number, or none
  std::uint32_t switches_ = 0;
};

/// An entry that two dumps do not have alike. `got` is missing where the second lacks the switch.
struct lft_difference {
  std::string at;  ///< the switch
  std::uint32_t lid = 0;
  std::uint8_t expected = forwarding::none;
  int got = -1;  ///< −1: no such switch
};
/// All of them, in the order of `wanted`; what `got` has beside is not looked at. O(places).
[[nodiscard]] inline std::vector<lft_difference> differences(const lft_dump& wanted,
                                                             const lft_dump& got) {
  std::map<std::uint64_t, std::uint32_t> row;
  for (std::uint32_t s = 0; s < got.switches.size(); ++s) row.emplace(got.switches[s].guid, s);
  std::vector<lft_difference> out;
  const std::uint32_t lids = std::max(wanted.tables.lids(), got.tables.lids());
  for (std::uint32_t s = 0; s < wanted.switches.size(); ++s) {
    const auto at = row.find(wanted.switches[s].guid);
    if (at == row.end()) {
      out.push_back({wanted.switches[s].name});
      continue;
    }
    for (std::uint32_t lid = 1; lid < lids; ++lid) {
      const auto port = [&](const lft_dump& d, std::uint32_t sw) {
        return lid < d.tables.lids() ? d.tables.port(sw, lid) : forwarding::none;
      };
      const std::uint8_t x = port(wanted, s), y = port(got, at->second);
      if (x != y) out.push_back({wanted.switches[s].name, lid, x, y});
    }
  }
  return out;
}

}  // namespace heddle::fabric
