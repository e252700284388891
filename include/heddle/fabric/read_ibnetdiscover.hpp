// Networks from the output of ibnetdiscover, the dump of an InfiniBand fabric (infiniband-diags).
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/gpus_of_host.hpp>
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

struct ib_port {
  std::string peer;  ///< its id
  int peer_port = 0;
  double gbps = 0;  ///< 0: not told
  std::size_t line = 0;
};
/// A switch, a card or a router of the dump.
struct ib_node {
  std::string id;  ///< "S-…", "H-…", "R-…"
  std::string description;
  int port_count = 0;
  std::size_t line = 0;
  std::map<int, ib_port> ports;

  [[nodiscard]] bool is_switch() const { return id.starts_with('S'); }
};

/// Reads the parts of one line from the left.
class ib_line {
 public:
  explicit ib_line(const line_reader& lines) : lines_(lines), rest_(lines.line()) {}

  void skip_blanks() { rest_ = trimmed(rest_); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// Takes `open`, text and `close` off the front, if they stand there.
  std::optional<std::string_view> enclosed(char open, char close) {
    if (!rest_.starts_with(open)) return std::nullopt;
    const auto end = rest_.find(close, 1);
    if (end == std::string_view::npos) fail("a closing " + std::string(1, close));
    const std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return inside;
  }
  int port() {
    const auto text = enclosed('[', ']');
    const auto number = text ? number_in<int>(trimmed(*text)) : std::nullopt;
    if (!number || *number < 0 || *number > 255) fail("a port number in brackets");
    return *number;
  }
  /// "[ext 5]": how the port is labelled on the case.
  void skip_label() {
    if (rest_.starts_with("[ext")) enclosed('[', ']');
  }
  int number() {
    const std::string_view text = word();
    const auto value = number_in<int>(text);
    if (!value || *value < 0 || *value > 255) fail("a number of ports of at most 255");
    return *value;
  }
  std::string id() {
    const auto text = enclosed('"', '"');
    if (!text || text->size() < 3 || text->size() > 18 || (*text)[1] != '-' ||
        std::string_view("SHR").find((*text)[0]) == std::string_view::npos ||
        text->find_first_not_of("0123456789abcdefABCDEF", 2) != std::string_view::npos)
      fail("a node like \"S-0002c9020046c588\"");
    return std::string(*text);
  }
  /// What follows the `#`: the first text in quotes.
  std::string description() {
    const auto from = rest_.find('"');
    if (!rest_.starts_with('#') || from == std::string_view::npos)
      fail("# and a description in quotes");
    rest_.remove_prefix(from);
    return std::string(trimmed(*enclosed('"', '"')));
  }
  /// The rate of a link, `4xHDR`, in Gb/s each way; 0 if the line has none.
  double rate() {
    if (const auto last = rest_.rfind('"'); last != std::string_view::npos)
      rest_.remove_prefix(last + 1);
    while (!empty()) {
      const std::string_view w = word();
      const auto x = w.find('x');
      const auto lanes = number_in<int>(w.substr(0, x));
      if (x == std::string_view::npos || !lanes) continue;
      for (const auto& [name, gbps] : lane_rates)
        if (w.substr(x + 1) == name && *lanes >= 1 && *lanes <= 12) return *lanes * gbps;
      fail("a link rate like 4xHDR", w);
    }
    return 0;
  }
  std::string_view word() {
    skip_blanks();
    const auto end = rest_.find_first_of(" \t");
    const std::string_view w = rest_.substr(0, end);
    rest_.remove_prefix(w.size());
    skip_blanks();
    return w;
  }

  [[noreturn]] void fail(const std::string& expected) const { fail(expected, rest_); }
  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw input_error(lines_.where(), expected, shown(got));
  }

 private:
  /// Nominal data rates of one lane, in Gb/s. Reference: InfiniBand Trade Association, roadmap.
  static constexpr std::array<std::pair<std::string_view, double>, 9> lane_rates{{
      {"SDR", 2.5},
      {"DDR", 5},
      {"QDR", 10},
      {"FDR10", 10},
      {"FDR", 14},
      {"EDR", 25},
      {"HDR", 50},
      {"NDR", 100},
      {"XDR", 200},
  }};

  const line_reader& lines_;
  std::string_view rest_;
};

/// The nodes of a dump by id, their links as each end tells them.
inline std::map<std::string, ib_node> read_ib_nodes(line_reader& lines) {
  std::map<std::string, ib_node> nodes;
  ib_node* current = nullptr;
  while (lines.next()) {
    ib_line at{lines};
    at.skip_blanks();
    const std::string_view line = trimmed(lines.line());
    if (line.starts_with('[')) {
      if (!current) at.fail("a switch or a card before its links");
      const int port = at.port();
      at.skip_label();
      at.enclosed('(', ')');  // the port's own id, of a card
      at.skip_blanks();
      ib_port p{.line = lines.number()};
      p.peer = at.id();
      p.peer_port = at.port();
      p.gbps = at.rate();
      if (port < 1 || port > current->port_count)
        throw input_error(lines.where(),
                          "a port of " + shown(current->id) + " from 1 to " +
                              std::to_string(current->port_count),
                          std::to_string(port));
      const auto [known, is_new] = current->ports.try_emplace(port, std::move(p));
      if (!is_new)
        throw input_error(lines.where(), "each port of " + shown(current->id) + " once",
                          std::to_string(port) + " again, first in line " +
                              std::to_string(known->second.line));
    } else if (line.empty() || line.starts_with('#')) {
      continue;
    } else if (line.starts_with("Switch") || line.starts_with("Ca") || line.starts_with("Rt")) {
      const std::string_view kind = at.word();
      ib_node n{.line = lines.number()};
      n.port_count = at.number();
      n.id = at.id();
      const char letter = kind == "Switch" ? 'S' : kind == "Ca" ? 'H' : kind == "Rt" ? 'R' : '?';
      if (n.id[0] != letter)
        throw input_error(lines.where(), "Switch \"S-…\", Ca \"H-…\" or Rt \"R-…\"", shown(line));
      at.skip_blanks();
      n.description = at.description();
      const auto [known, is_new] = nodes.try_emplace(n.id, n);
      if (!is_new)
        throw input_error(lines.where(), "each node once",
                          shown(n.id) + " again, first in line " +
                              std::to_string(known->second.line));
      current = &known->second;
    } else if (const auto sign = line.find('=');
               sign != std::string_view::npos &&
               line.substr(0, sign).find_first_of(" \t\"") == std::string_view::npos) {
      current = nullptr;  // vendid= and so on: the ids of the next node
    } else if (line.starts_with("Chassis") || line.starts_with("Non-Chassis")) {
      current = nullptr;
    } else {
      throw input_error(lines.where(), "a line of ibnetdiscover's topology file", shown(line));
    }
  }
  return nodes;
}

/// That both ends of each link tell the same of it; the slower rate counts.
inline void check_ib_links(std::map<std::string, ib_node>& nodes, const line_reader& lines) {
  for (auto& [id, node] : nodes)
    for (auto& [port, p] : node.ports) {
      const auto peer = nodes.find(p.peer);
      if (peer == nodes.end())
        throw input_error(lines.where(p.line), "a link to a node of the dump", shown(p.peer));
      const auto back = peer->second.ports.find(p.peer_port);
      const auto end = [](std::string_view node_id, int number) {
        return shown(node_id) + " port " + std::to_string(number);
      };
      if (back == peer->second.ports.end())
        throw input_error(lines.where(p.line), "both ends of each link",
                          "none at " + end(p.peer, p.peer_port));
      if (back->second.peer != id || back->second.peer_port != port)
        throw input_error(lines.where(p.line), "both ends of a link to name each other",
                          end(p.peer, p.peer_port) + " linked to " +
                              end(back->second.peer, back->second.peer_port) + " in line " +
                              std::to_string(back->second.line));
      if (p.gbps > 0 && (back->second.gbps == 0 || back->second.gbps > p.gbps))
        back->second.gbps = p.gbps;
      else
        p.gbps = back->second.gbps;
    }
}

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
/// the
///              number of its cards
/// \throws input_error  `name:line: expected …, got …` for text that is no such dump, for a link
/// that
///                      only one end tells or that both tell differently, and for a network that is
///                      none of two tiers: links between leafs or between spines
/// Complexity: O(links log nodes + leafs · spines).
template <class Gpus = one_per_card>
[[nodiscard]] layout read_ibnetdiscover(std::istream& in, const std::string& name,
                                        const Gpus& gpus = {},
                                        const ibnetdiscover_options& o = {}) {
  return detail::ib_tiers{in, name, o}.read(gpus);
}

}  // namespace heddle::fabric
