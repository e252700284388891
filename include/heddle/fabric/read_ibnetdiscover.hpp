// Networks from the output of ibnetdiscover, the dump of an InfiniBand fabric (infiniband-diags).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <istream>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/gpus_of_host.hpp>
#include <heddle/fabric/detail/ib_dump.hpp>
#include <heddle/fabric/layout.hpp>

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
  /// A host with cards on several leafs (one leaf a rail) is an error, or else becomes one server
  /// on each, named `host@leaf`: the GPUs of the machine are then no longer known to be in one
  /// server.
  bool split_hosts = false;
  /// A link between a leaf and a spine that runs slower than others (a bad cable) is an error, or
  /// else left out.
  bool leave_out_slow_links = false;
  double link_gbps = 100;     ///< where the dump does not say
  double server_gbps = 1000;  ///< as in `layout`
};

namespace detail {

/// Finds the two tiers of a dump and makes the layout.
class ib_tiers {
 public:
  ib_tiers(std::istream& in, const std::string& name, const ibnetdiscover_options& o)
      : options_(o), lines_(in, name), nodes_(read_ib_nodes(lines_)) {
    check_ib_links(nodes_, lines_);
    for (const auto& [id, node] : nodes_)
      if (node.is_switch()) ++described_[node.description];
    find_hosts();
  }

  template <class Gpus>
  [[nodiscard]] layout read(const Gpus& gpus) {
    find_leafs(gpus);
    find_spines();
    layout out{.link_gbps = fastest_ > 0 ? fastest_ : options_.link_gbps,
               .server_gbps = options_.server_gbps};
    for (const ib_node* s : spines_) {
      check_spine(*s);
      out.spines.push_back(name(*s));
    }
    for (const ib_node* l : leafs_)
      out.leafs.push_back({name(*l), std::move(servers_[l]), links_of(*l)});
    name_servers(out);
    return out;
  }

 private:
  /// The cards of one host on one switch.
  struct cards {
    int count = 0;
    std::size_t line = 0;  // of one of them
  };

  [[noreturn]] void fail(std::size_t line, const std::string& expected,
                         const std::string& got) const {
    throw input_error(lines_.where(line), expected, got);
  }
  /// A switch's description, or its id where that tells it from others.
  [[nodiscard]] const std::string& name(const ib_node& n) const {
    const auto of_that_name = described_.find(n.description);
    const bool alone = of_that_name != described_.end() && of_that_name->second == 1;
    return alone && !n.description.empty() ? n.description : n.id;
  }
  void sort(std::vector<const ib_node*>& tier,
            std::map<std::string_view, std::size_t>& place) const {
    std::sort(tier.begin(), tier.end(), [this](const ib_node* a, const ib_node* b) {
      return std::tie(name(*a), a->id) < std::tie(name(*b), b->id);
    });
    for (std::size_t i = 0; i < tier.size(); ++i) place.emplace(tier[i]->id, i);
  }

  void find_hosts() {
    for (const auto& [id, node] : nodes_) {
      if (!id.starts_with('H')) continue;
      std::string host = options_.host_of(node.description);
      if (host.empty()) continue;
      if (host == node.description && host.find(' ') != std::string::npos) host = id;
      for (const auto& [port, p] : node.ports) {
        const ib_node& peer = nodes_.at(p.peer);
        if (!peer.is_switch())
          fail(p.line, "a host linked to switches", shown(host) + " linked to " + shown(p.peer));
        cards& c = hosts_[&peer][host];
        c.line = p.line;
        ++c.count;
      }
    }
  }

  template <class Gpus>
  void find_leafs(const Gpus& gpus) {
    std::map<std::string_view, std::pair<const ib_node*, std::size_t>> seen;
    for (const auto& [id, node] : nodes_) {
      const auto here = hosts_.find(&node);
      if (here == hosts_.end()) continue;
      bool any = false;
      for (const auto& [host, c] : here->second) {
        const int n = gpus_of_host(gpus, host, lines_.where(c.line), c.count);
        servers_[&node].push_back({host, n});
        if (n == 0) continue;
        any = true;
        const auto [other, is_new] = seen.try_emplace(host, &node, c.line);
        if (!is_new && !options_.split_hosts)
          fail(c.line, "the cards of host " + shown(host) + " on one leaf",
               shown(name(node)) + " and, in line " + std::to_string(other->second.second) + ", " +
                   shown(name(*other->second.first)));
      }
      if (any) leafs_.push_back(&node);
    }
    if (leafs_.empty())
      throw input_error(lines_.name(), "a switch with a host that has GPUs", "none");
    sort(leafs_, leaf_of_);
  }

  void find_spines() {
    for (const auto& [id, node] : nodes_) {
      if (!node.is_switch() || leaf_of_.contains(id)) continue;
      bool is_spine = false;
      for (const auto& [port, p] : node.ports)
        if (leaf_of_.contains(p.peer)) {
          is_spine = true;
          fastest_ = std::max(fastest_, p.gbps);
        }
      if (is_spine) spines_.push_back(&node);
    }
    sort(spines_, spine_of_);
  }

  /// A switch of storage may hang at a spine; another spine, or a switch without hosts, is a tier
  /// more.
  void check_spine(const ib_node& spine) const {
    for (const auto& [port, p] : spine.ports) {
      const ib_node& peer = nodes_.at(p.peer);
      if (!peer.is_switch() || leaf_of_.contains(p.peer)) continue;
      if (spine_of_.contains(p.peer) || !hosts_.contains(&peer))
        fail(p.line, "links of spine " + shown(name(spine)) + " to leafs (two tiers)",
             "one to " + shown(name(peer)));
    }
  }

  [[nodiscard]] std::vector<int> links_of(const ib_node& leaf) const {
    std::vector<int> links(spines_.size(), 0);
    for (const auto& [port, p] : leaf.ports) {
      if (leaf_of_.contains(p.peer))
        fail(p.line, "links of leaf " + shown(name(leaf)) + " to hosts and spines",
             "one to leaf " + shown(name(nodes_.at(p.peer))));
      const auto spine = spine_of_.find(p.peer);
      if (spine == spine_of_.end()) continue;
      const bool slow = p.gbps > 0 && p.gbps < fastest_;
      const auto gbps = [](double rate) { return std::to_string(std::lround(rate)) + " Gb/s"; };
      if (slow && !options_.leave_out_slow_links)
        fail(p.line, "all links between leafs and spines at " + gbps(fastest_), gbps(p.gbps));
      links[spine->second] += slow ? 0 : 1;
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
  std::map<std::string, int> described_;                          // switches of each description
  std::map<const ib_node*, std::map<std::string, cards>> hosts_;  // looked up, never walked through
  std::map<const ib_node*, std::vector<server_layout>> servers_;
  std::vector<const ib_node*> leafs_, spines_;
  std::map<std::string_view, std::size_t> leaf_of_, spine_of_;
  double fastest_ = 0;
};

}  // namespace detail

/// Reads the output of `ibnetdiscover` as a network of two tiers.
///
/// Switches with a host that has GPUs become leafs, switches linked to leafs spines, in the order
/// of their names (a switch's description; its id where several have the same), and so do the
/// servers of a leaf. Parallel links are counted. The cards that `host_of` gives one name are one
/// host; each link of a card counts as a card. Hosts without GPUs are servers without GPUs under a
/// leaf, and left out elsewhere (storage and management often hang at spines), and so are switches
/// that have none but such, and routers. The rate of the links is that of the fastest between a
/// leaf and a spine.
///
///     std::ifstream in("fabric.txt");  // ibnetdiscover > fabric.txt
///     const fabric::leaf_spine dc{fabric::read_ibnetdiscover(in, "fabric.txt")};
///
/// \param gpus  GPUs of a host: a number for all, a function of its name, or one of its name and
///              the number of its cards
/// \throws input_error  `name:line: expected …, got …` for text that is no such dump, for a link
///                      that only one end tells or that both tell differently, and for a network
///                      that is none of two tiers: links between leafs or between spines
/// Complexity: O(links log nodes + leafs · spines).
template <class Gpus = one_per_card>
[[nodiscard]] layout read_ibnetdiscover(std::istream& in, const std::string& name,
                                        const Gpus& gpus = {},
                                        const ibnetdiscover_options& o = {}) {
  return detail::ib_tiers{in, name, o}.read(gpus);
}

}  // namespace heddle::fabric
