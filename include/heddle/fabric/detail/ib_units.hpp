// Which leafs the cards of a host hang on, and which hosts hang on the same.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/ib_dump.hpp>
#include <heddle/fabric/ports.hpp>

namespace heddle::fabric::detail {

/// A network card and the switches that its ports are linked to, in the order of the ports.
struct ib_card {
  const ib_node* node = nullptr;
  std::vector<const ib_node*> switches = {};
  std::size_t line = 0;  // of one of its links
};

/// A machine and its cards, in the order of what they are called: mlx5_2 comes before mlx5_10.
struct ib_host {
  std::string name;
  std::vector<ib_card> cards = {};
};

/// Compares text, and numbers in it as numbers.
inline bool naturally_less(std::string_view a, std::string_view b) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  while (!a.empty() && !b.empty()) {
    if (is_digit(a[0]) && is_digit(b[0])) {
      const auto number = [&](std::string_view& s) {
        std::size_t n = 0;
        while (n < s.size() && is_digit(s[n])) ++n;
        std::string_view digits = s.substr(0, n);
        s.remove_prefix(n);
        digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
        return digits;
      };
      const std::string_view x = number(a), y = number(b);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (a[0] != b[0]) return a[0] < b[0];
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  return a.size() < b.size();
}

/// The hosts of a dump by name. \param host_of  the host of a card by the card's description; empty: none
/// \throws input_error  if a card is linked to another
inline std::map<std::string, ib_host> ib_hosts_of(const std::map<std::string, ib_node>& nodes,
                                                  std::string (*host_of)(const std::string&),
                                                  const line_reader& lines) {
  std::map<std::string, ib_host> hosts;
  for (const auto& [id, node] : nodes) {
    if (!id.starts_with('H') || node.ports.empty()) continue;
    std::string host = host_of(node.description);
    if (host.empty()) continue;
    if (host == node.description && host.find(' ') != std::string::npos) host = id;
    ib_card card{.node = &node};
    for (const auto& [port, p] : node.ports) {
      const ib_node& peer = nodes.at(p.peer);
      if (!peer.is_switch())
        throw input_error(lines.where(p.line), "a host linked to switches",
                          shown(host) + " linked to " + shown(p.peer));
      card.switches.push_back(&peer);
      card.line = p.line;
    }
    const auto [at, is_new] = hosts.try_emplace(host, ib_host{host});
    at->second.cards.push_back(std::move(card));
  }
  for (auto& [host, h] : hosts)
    std::sort(h.cards.begin(), h.cards.end(), [](const ib_card& a, const ib_card& b) {
      const std::string &x = a.node->description, &y = b.node->description;
      return x != y ? naturally_less(x, y) || (!naturally_less(y, x) && x < y)
                    : a.node->id < b.node->id;
    });
  return hosts;
}

/// How many switches have each description.
inline std::map<std::string, int>
ib_switch_descriptions(const std::map<std::string, ib_node>& nodes) {
  std::map<std::string, int> out;
  for (const auto& [id, node] : nodes)
    if (node.is_switch()) ++out[node.description];
  return out;
}
/// A switch's description, or its id where that tells it from others.
inline const std::string& ib_switch_name(const ib_node& n,
                                         const std::map<std::string, int>& described) {
  const auto of_that_name = described.find(n.description);
  const bool alone = of_that_name != described.end() && of_that_name->second == 1;
  return alone && !n.description.empty() ? n.description : n.id;
}

/// How the cards of one host hang on leafs: the leafs by rail and plane, rail · planes + plane, and the cards
/// of each. Cards under one leaf are taken to be neighbours.
struct ib_wiring {
  std::vector<const ib_node*> leafs = {};
  rail_shape cards = {};
  int links = 0;  ///< of all cards

  friend bool operator==(const ib_wiring& a, const ib_wiring& b) {
    return a.leafs == b.leafs && a.cards == b.cards;
  }
};

/// Planes where every card has as many ports, each on a leaf of its own and no two of one card on one;
/// else one plane, and every port counts as a card. No rails: one leaf has all. Nothing that fits either:
/// no leafs.
inline ib_wiring wiring_of(const ib_host& host) {
  ib_wiring out;
  for (const ib_card& c : host.cards) out.links += static_cast<int>(c.switches.size());
  const auto try_planes = [&](std::size_t planes) {
    std::vector<std::vector<const ib_node*>> leafs(planes);
    std::map<const ib_node*, int> cards;
    int count = 0;
    const auto add = [&](std::size_t plane, const ib_node* leaf) {
      if (cards[leaf]++ == 0) leafs[plane].push_back(leaf);
    };
    for (const ib_card& c : host.cards) {
      if (planes > 1) {
        if (c.switches.size() != planes ||
            std::set<const ib_node*>(c.switches.begin(), c.switches.end()).size() != planes)
          return false;
        for (std::size_t q = 0; q < planes; ++q) add(q, c.switches[q]);
        ++count;
      } else {
        for (const ib_node* leaf : c.switches) add(0, leaf);
        count += static_cast<int>(c.switches.size());
      }
    }
    const std::size_t rails = leafs[0].size();
    for (const auto& of_plane : leafs)
      if (of_plane.size() != rails) return false;
    if (cards.size() != rails * planes) return false;
    for (const auto& [leaf, n] : cards)
      if (n != count / static_cast<int>(rails)) return false;
    out.leafs.clear();
    for (std::size_t r = 0; r < rails; ++r)
      for (std::size_t q = 0; q < planes; ++q) out.leafs.push_back(leafs[q][r]);
    out.cards = {static_cast<int>(rails), static_cast<int>(planes), count};
    return true;
  };
  const std::size_t most = host.cards.empty() ? 0 : host.cards[0].switches.size();
  if (out.links == 0) return out;
  if (most < 2 || !try_planes(most)) try_planes(1);
  return out;
}

/// Hosts that hang on the same leafs in the same order.
struct ib_unit {
  ib_wiring wiring = {};
  std::vector<const ib_host*> hosts = {};
};

/// Finds the units of hosts. Leafs that hosts share belong together; the unit is wired as most of its
/// hosts are that reach all of these leafs. \param odd  gets the hosts that are wired otherwise
/// \returns  false if hosts that reach several leafs are the fewer ones somewhere: then leafs are shared by
///           accident and there are no units; `odd` then has one of these hosts
inline bool find_units(const std::vector<const ib_host*>& hosts, std::vector<ib_unit>& units,
                       std::vector<const ib_host*>& odd) {
  std::map<const ib_node*, const ib_node*> above;  // towards the leaf that stands for the set
  const auto root = [&](const ib_node* l) {
    while (above.at(l) != l) l = above[l] = above.at(above.at(l));
    return l;
  };
  for (const ib_host* h : hosts) {
    const ib_node* first = nullptr;
    for (const ib_card& c : h->cards)
      for (const ib_node* l : c.switches) {
        above.try_emplace(l, l);
        if (!first) first = l;
        above[root(l)] = root(first);
      }
  }
  std::map<const ib_node*, std::size_t> leafs;  // of each set
  for (const auto& [l, towards] : above) ++leafs[root(l)];
  std::map<const ib_node*, std::vector<const ib_host*>> sets;
  std::vector<const ib_node*> order;
  for (const ib_host* h : hosts) {
    const ib_node* set = root(h->cards.front().switches.front());
    if (sets[set].empty()) order.push_back(set);
    sets[set].push_back(h);
  }
  for (const ib_node* set : order) {
    std::vector<std::pair<ib_unit, std::size_t>> kinds;  // and how many hosts
    std::size_t whole = 0;
    const ib_host* spans = nullptr;
    for (const ib_host* h : sets[set]) {
      ib_wiring w = wiring_of(*h);
      const bool several = w.leafs.size() != 1;
      if (several && !spans) spans = h;
      if (w.leafs.size() != leafs[set]) continue;
      ++whole;
      auto kind = std::find_if(kinds.begin(), kinds.end(),
                               [&](const auto& k) { return k.first.wiring == w; });
      const bool is_new = leafs[set] > 1 ? kind == kinds.end() : kinds.empty();
      if (is_new) {
        kinds.push_back({{std::move(w)}, 0});
        kind = std::prev(kinds.end());
      } else if (leafs[set] == 1) {
        kind = kinds.begin();  // under one leaf the number of cards does not matter
        if (kind->first.wiring.cards != w.cards) kind->first.wiring.cards.cards_per_server = 0;
      }
      kind->first.hosts.push_back(h);
      ++kind->second;
    }
    if (2 * whole < sets[set].size()) {
      odd.assign(1, spans);
      return false;
    }
    auto most = kinds.begin();
    for (auto k = kinds.begin(); k != kinds.end(); ++k)
      if (k->second > most->second) most = k;
    for (const ib_host* h : sets[set])
      if (std::find(most->first.hosts.begin(), most->first.hosts.end(), h) ==
          most->first.hosts.end())
        odd.push_back(h);
    units.push_back(std::move(most->first));
  }
  return true;
}

}  // namespace heddle::fabric::detail
