// Networks from the output of ibnetdiscover, the dump of an InfiniBand fabric (infiniband-diags).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/gpus_of_host.hpp>
#include <heddle/fabric/detail/ib_dump.hpp>
#include <heddle/fabric/detail/ib_units.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/switch_tree.hpp>

namespace heddle::fabric {

/// The host of a network card, from what the card says of itself: `node018 HCA-1` and `node018
/// mlx5_0` are cards of node018; one word is the host's name. Nothing, if the card belongs to no
/// host: the aggregation nodes inside switches. The whole description for any other: such a card is
/// named by nobody, and counts as a host of its own.
[[nodiscard]] inline std::string host_of_card(const std::string& description) {
  if (description.find("Aggregation Node") != std::string::npos) return {};
  const auto blank = description.find(' ');
  if (blank == std::string::npos || description.find(' ', blank + 1) == std::string::npos)
    return description.substr(0, blank);
  return description;
}

/// One GPU for each network card of a host: what machines built for training have.
struct one_per_card {
  int operator()(const std::string&, int cards) const { return cards; }
};

struct ibnetdiscover_options {
  /// The host that a card belongs to, by the card's description; empty: none, the card is left out.
  std::string (*host_of)(const std::string& description) = host_of_card;
  /// A host with cards on several leafs becomes one server on each, named `host@leaf`: the GPUs of the
  /// machine are then no longer known to be in one server.
  bool split_hosts = false;
  /// A link between switches that runs slower than others (a bad cable) is an error, or else left out.
  bool leave_out_slow_links = false;
  double link_gbps = 100;     ///< where the dump does not say
  double server_gbps = 1000;  ///< as in `layout`
};

namespace detail {

/// Finds the units and tiers of a dump and makes the layout.
class ib_tiers {
 public:
  ib_tiers(std::istream& in, const std::string& name, const ibnetdiscover_options& o)
      : options_(o), lines_(in, name), nodes_(read_ib_nodes(lines_)) {
    check_ib_links(nodes_, lines_);
    described_ = ib_switch_descriptions(nodes_);
    find_hosts();
  }

  template <class Gpus>
  [[nodiscard]] layout read(const Gpus& gpus) {
    if (options_.split_hosts)
      split(gpus);
    else
      unite(gpus);
    if (leafs_.empty())
      throw input_error(lines_.name(), "a switch with a host that has GPUs", "none");
    find_upper(leaf_of_, {}, spines_, spine_of_);
    find_upper(spine_of_, leaf_of_, cores_, core_of_);
    check_tops();
    for (const ib_node* l : leafs_) out_.leafs.push_back({name(*l), {}, links_up(*l)});
    for (auto& [leaf, servers] : servers_)
      out_.leafs[leaf_of_.at(leaf->id)].servers = std::move(servers);
    for (const ib_node* s : spines_) {
      out_.spines.push_back(name(*s));
      if (!cores_.empty()) out_.core_links.push_back(links_up(*s));
    }
    for (const ib_node* c : cores_) out_.cores.push_back(name(*c));
    out_.link_gbps = fastest_ > 0 ? fastest_ : of_cards_ > 0 ? of_cards_ : options_.link_gbps;
    out_.server_gbps = options_.server_gbps;
    if (options_.split_hosts) name_servers(out_);
    return std::move(out_);
  }

 private:
  using places = std::map<std::string_view, std::size_t>;

  [[noreturn]] void fail(std::size_t line, const std::string& expected,
                         const std::string& got) const {
    throw input_error(lines_.where(line), expected, got);
  }
  [[nodiscard]] const std::string& name(const ib_node& n) const {
    return ib_switch_name(n, described_);
  }
  [[nodiscard]] bool comes_before(const ib_node* a, const ib_node* b) const {
    return std::tie(name(*a), a->id) < std::tie(name(*b), b->id);
  }
  void sort(std::vector<const ib_node*>& tier, places& place) const {
    std::sort(tier.begin(), tier.end(),
              [this](const ib_node* a, const ib_node* b) { return comes_before(a, b); });
    for (std::size_t i = 0; i < tier.size(); ++i) place.emplace(tier[i]->id, i);
  }

  void find_hosts() {
    hosts_ = ib_hosts_of(nodes_, options_.host_of, lines_);
    for (const auto& [name, h] : hosts_)
      for (const ib_card& c : h.cards) {
        has_hosts_.insert(c.switches.begin(), c.switches.end());
        for (const auto& [port, p] : c.node->ports) of_cards_ = std::max(of_cards_, p.gbps);
      }
  }

  /// Each host's part on each switch as a server of its own.
  template <class Gpus>
  void split(const Gpus& gpus) {
    std::map<const ib_node*, std::map<std::string, std::pair<int, std::size_t>>> parts;
    for (const auto& [host, h] : hosts_)
      for (const ib_card& c : h.cards)
        for (const ib_node* leaf : c.switches) {
          auto& [cards, line] = parts[leaf][host];
          ++cards;
          line = c.line;
        }
    for (const auto& [leaf, here] : parts) {
      bool any = false;
      for (const auto& [host, part] : here) {
        const int n = gpus_of_host(gpus, host, lines_.where(part.second), part.first);
        servers_[leaf].push_back({host, n});
        any |= n > 0;
      }
      if (any)
        leafs_.push_back(leaf);
      else
        servers_.erase(leaf);
    }
    sort(leafs_, leaf_of_);
  }

  /// Hosts that hang on the same leafs as units.
  template <class Gpus>
  void unite(const Gpus& gpus) {
    std::map<const ib_host*, int> gpus_of;
    std::vector<const ib_host*> with_gpus, odd;
    for (const auto& [host, h] : hosts_) {
      const ib_wiring w = wiring_of(h);
      const int cards = w.leafs.empty() ? w.links : w.cards.cards_per_server;
      const int n = gpus_of_host(gpus, host, lines_.where(h.cards.front().line), cards);
      gpus_of.emplace(&h, n);
      if (n > 0) with_gpus.push_back(&h);
    }
    std::vector<ib_unit> units;
    if (!find_units(with_gpus, units, odd))
      fail(odd[0]->cards.front().line,
           "the cards of host " + shown(odd[0]->name) + " on one leaf, or on several as others'",
           leafs_named(*odd[0]));
    for (const ib_host* h : odd)
      out_.notes.push_back("host " + shown(h->name) + " is left out: its cards are on " +
                           leafs_named(*h) + ", not as those of other hosts there");
    std::sort(units.begin(), units.end(), [this](const ib_unit& a, const ib_unit& b) {
      return comes_before(a.wiring.leafs[0], b.wiring.leafs[0]);
    });
    for (const ib_unit& u : units) add_unit(u, units[0], gpus_of);
    for (std::size_t l = 0; l < leafs_.size(); ++l) leaf_of_.emplace(leafs_[l]->id, l);
    if (leafs_.size() == units.size()) add_others(gpus_of);
    set_cards(units, gpus_of);
  }
  void add_unit(const ib_unit& u, const ib_unit& first,
                const std::map<const ib_host*, int>& gpus_of) {
    const rail_shape &a = first.wiring.cards, &b = u.wiring.cards;
    if (a.rails != b.rails || a.planes != b.planes)
      fail(u.hosts[0]->cards.front().line,
           "as many rails and planes as host " + shown(first.hosts[0]->name) + " has (" +
               std::to_string(a.rails) + " and " + std::to_string(a.planes) + ")",
           std::to_string(b.rails) + " and " + std::to_string(b.planes) + " of host " +
               shown(u.hosts[0]->name));
    leafs_.insert(leafs_.end(), u.wiring.leafs.begin(), u.wiring.leafs.end());
    for (const ib_host* h : u.hosts)
      servers_[u.wiring.leafs[0]].push_back({h->name, gpus_of.at(h)});
  }
  /// Hosts without GPUs under leafs, where a server hangs whole under one.
  void add_others(const std::map<const ib_host*, int>& gpus_of) {
    for (const auto& [host, h] : hosts_) {
      if (gpus_of.at(&h) > 0) continue;
      std::set<const ib_node*> here;
      for (const ib_card& c : h.cards)
        for (const ib_node* leaf : c.switches)
          if (leaf_of_.contains(leaf->id)) here.insert(leaf);
      for (const ib_node* leaf : here)
        servers_[leaf].push_back({here.size() > 1 ? host + "@" + name(*leaf) : host, 0});
    }
    for (auto& [leaf, servers] : servers_)
      std::sort(servers.begin(), servers.end(),
                [](const auto& a, const auto& b) { return a.name < b.name; });
  }
  /// How many cards a server has, where that is not one a GPU.
  void set_cards(const std::vector<ib_unit>& units, const std::map<const ib_host*, int>& gpus_of) {
    if (units.empty()) return;
    out_.cards = units[0].wiring.cards;
    bool a_card_a_gpu = true, even = true;
    for (const ib_unit& u : units)
      for (const ib_host* h : u.hosts) {
        const int cards = wiring_of(*h).cards.cards_per_server;
        a_card_a_gpu &= cards == gpus_of.at(h);
        even &= cards == out_.cards.cards_per_server && gpus_of.at(h) % cards == 0;
      }
    const bool whole = out_.cards.rails == 1 && out_.cards.planes == 1;
    if (a_card_a_gpu || (whole && !even)) out_.cards.cards_per_server = 0;
  }
  [[nodiscard]] std::string leafs_named(const ib_host& h) const {
    std::vector<std::string> names;
    for (const ib_card& c : h.cards)
      for (const ib_node* leaf : c.switches)
        if (std::find(names.begin(), names.end(), name(*leaf)) == names.end())
          names.push_back(name(*leaf));
    return shown_few(names);
  }

  /// The switches above a tier: those without hosts that are linked to it, and among spines those with.
  void find_upper(const places& lower, const places& below, std::vector<const ib_node*>& upper,
                  places& place) {
    for (const auto& [id, node] : nodes_) {
      if (!node.is_switch() || lower.contains(id) || below.contains(id)) continue;
      if (&lower != &leaf_of_ && has_hosts_.contains(&node)) continue;  // storage hangs at spines
      bool is_above = false;
      for (const auto& [port, p] : node.ports)
        if (lower.contains(p.peer)) {
          is_above = true;
          fastest_ = std::max(fastest_, p.gbps);
        }
      if (is_above) upper.push_back(&node);
    }
    sort(upper, place);
  }

  /// Nothing may stand beside spines or cores, and nothing above cores.
  void check_tops() const {
    for (const ib_node* s : spines_)
      for (const auto& [port, p] : s->ports)
        if (spine_of_.contains(p.peer))
          fail(p.line, "links of spine " + shown(name(*s)) + " to leafs and cores",
               "one to spine " + shown(name(nodes_.at(p.peer))));
    for (const ib_node* c : cores_)
      for (const auto& [port, p] : c->ports)
        if (const ib_node& peer = nodes_.at(p.peer);
            peer.is_switch() && !spine_of_.contains(p.peer) && !has_hosts_.contains(&peer))
          fail(p.line, "links of core " + shown(name(*c)) + " to spines (three tiers)",
               "one to " + shown(name(peer)));
  }

  /// Links of a leaf to the spines, or of a spine to the cores.
  [[nodiscard]] std::vector<int> links_up(const ib_node& lower) const {
    const bool is_leaf = leaf_of_.contains(lower.id);
    const places& upper = is_leaf ? spine_of_ : core_of_;
    std::vector<int> links(upper.size(), 0);
    for (const auto& [port, p] : lower.ports) {
      if (is_leaf && leaf_of_.contains(p.peer))
        fail(p.line, "links of leaf " + shown(name(lower)) + " to hosts and spines",
             "one to leaf " + shown(name(nodes_.at(p.peer))));
      const auto at = upper.find(p.peer);
      if (at == upper.end()) continue;
      const bool slow = p.gbps > 0 && p.gbps < fastest_;
      const auto gbps = [](double rate) { return std::to_string(std::lround(rate)) + " Gb/s"; };
      if (slow && !options_.leave_out_slow_links)
        fail(p.line, "all links between switches at " + gbps(fastest_), gbps(p.gbps));
      links[at->second] += slow ? 0 : 1;
    }
    return links;
  }

  /// Parts of one host get names of their own.
  static void name_servers(layout& out) {
    std::map<std::string, int> parts;
    for (const leaf_layout& leaf : out.leafs)
      for (const server_layout& s : leaf.servers) ++parts[s.name];
    for (leaf_layout& leaf : out.leafs)
      for (server_layout& s : leaf.servers)
        if (parts[s.name] > 1) s.name += "@" + leaf.name;
  }

  ibnetdiscover_options options_;
  line_reader lines_;
  std::map<std::string, ib_node> nodes_;
  std::map<std::string, int> described_;  // switches of each description
  std::map<std::string, ib_host> hosts_;
  std::set<const ib_node*> has_hosts_;                            // looked up, never walked through
  std::map<const ib_node*, std::vector<server_layout>> servers_;  // of the first leaf of a unit
  std::vector<const ib_node*> leafs_, spines_, cores_;
  places leaf_of_, spine_of_, core_of_;
  double fastest_ = 0, of_cards_ = 0;
  layout out_;
};

}  // namespace detail

/// Reads the output of `ibnetdiscover` as a network of one switch, two tiers or three.
///
/// Switches with a host that has GPUs become leafs, switches linked to leafs spines, and switches without
/// hosts that are linked to spines cores, in the order of their names (a switch's description; its id where
/// several have the same), and so do the servers of a leaf. Parallel links are counted. The cards that
/// `host_of` gives one name are one host. Hosts without GPUs are servers without GPUs under a leaf, and left
/// out elsewhere (storage and management often hang at spines), and so are switches that have none but such,
/// and routers. The rate of the links is that of the fastest between two switches.
///
/// Hosts whose cards hang on the same leafs are a unit: card k of mlx5_0, mlx5_1, … on rail ⌊k·R/c⌋ of R
/// leafs. Where every card has several ports, each on a leaf of its own, these are planes; else each port
/// counts as a card. A host that hangs otherwise on the leafs of a unit, because a card is missing or a
/// cable is wrong, is left out and a note says so.
///
///     std::ifstream in("fabric.txt");  // ibnetdiscover > fabric.txt
///     const fabric::leaf_spine dc{fabric::read_ibnetdiscover(in, "fabric.txt")};
///
/// \param gpus  GPUs of a host: a number for all, a function of its name, or one of its name and
///              the number of its cards
/// \throws input_error  `name:line: expected …, got …` for text that is no such dump, for a link
///                      that only one end tells or that both tell differently, and for a network
///                      of another kind: links between leafs or between spines, a fourth tier, units of
///                      different numbers of rails
/// Complexity: O(links log nodes + leafs · spines + spines · cores).
template <class Gpus = one_per_card>
[[nodiscard]] layout read_ibnetdiscover(std::istream& in, const std::string& name,
                                        const Gpus& gpus = {},
                                        const ibnetdiscover_options& o = {}) {
  return detail::ib_tiers{in, name, o}.read(gpus);
}

}  // namespace heddle::fabric
