// An InfiniBand network as a model and as switches with ports: the same dump read as both.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <iterator>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/ib_dump.hpp>
#include <heddle/fabric/detail/ib_units.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/read_ibnetdiscover.hpp>
#include <heddle/fabric/switch_ports.hpp>

namespace heddle::fabric {

/// What `ibnetdiscover` tells of a network: the model of its leafs and spines, the ports behind it, and
/// which card's port each GPU has. A value.
struct ib_network {
  layout found = {};
  leaf_spine dc;
  switch_ports wires;
  std::vector<std::uint64_t> switches = {};  ///< guids by number
  std::vector<std::string> names = {};       ///< of switches, by number
  std::vector<std::uint64_t> cards =
      {};  ///< port guid of GPU g in plane p at g · planes + p; 0: none
  std::vector<std::string> devices =
      {};  ///< of each of `cards`: its name in its host; empty: not told
  std::map<std::uint64_t, port_end> hosts = {};  ///< where each card's port hangs, by its guid
};

namespace detail {

inline std::uint64_t guid_in(std::string_view hexadecimal) {
  std::uint64_t n = 0;
  std::from_chars(hexadecimal.data(), hexadecimal.data() + hexadecimal.size(), n, 16);
  return n;
}

/// Makes an `ib_network` of a dump. \see read_ib_network
class ib_wires {
 public:
  ib_wires(const std::string& text, const std::string& name, layout found,
           const ibnetdiscover_options& o)
      : in_(text), lines_(in_, name),
        nodes_(read_ib_nodes(lines_)), out_{std::move(found), leaf_spine{out_.found},
                                            switch_ports{1, 0, 0}} {
    check_ib_links(nodes_, lines_);
    number_switches();
    join();
    const std::map<std::string, ib_host> hosts = ib_hosts_of(nodes_, o.host_of, lines_);
    find_cards(hosts);
  }
  [[nodiscard]] ib_network take() { return std::move(out_); }

 private:
  void number_switches() {
    const std::map<std::string, int> described = ib_switch_descriptions(nodes_);
    std::map<std::string, const ib_node*> named;
    for (const auto& [id, n] : nodes_)
      if (n.is_switch()) named.emplace(ib_switch_name(n, described), &n);
    const auto add = [&](const std::string& name) {
      const ib_node* n = named.at(name);
      number_.emplace(n->id, static_cast<std::uint32_t>(out_.switches.size()));
      out_.switches.push_back(guid_in(std::string_view(n->id).substr(2)));
      out_.names.push_back(name);
    };
    for (const leaf_layout& l : out_.found.leafs) add(l.name);
    for (const std::string& s : out_.found.spines) add(s);
    for (const std::string& c : out_.found.cores) add(c);
    const std::size_t known = out_.switches.size();
    for (const auto& [name, n] : named)
      if (!number_.contains(n->id) && hangs_above_leafs(*n)) add(name);
    out_.wires = switch_ports{out_.dc.leafs(), out_.dc.spines(), out_.dc.cores(),
                              static_cast<int>(out_.switches.size() - known)};
  }
  /// Storage at spines, for one: like a leaf.
  [[nodiscard]] bool hangs_above_leafs(const ib_node& n) const {
    bool any = false;
    for (const auto& [port, p] : n.ports) {
      const auto at = number_.find(p.peer);
      if (at == number_.end()) continue;
      if (at->second < static_cast<std::uint32_t>(out_.dc.leafs())) return false;
      any = true;
    }
    return any;
  }
  void join() {
    for (const auto& [id, s] : number_)
      for (const auto& [port, p] : nodes_.at(id).ports) {
        const port_end here{s, static_cast<std::uint8_t>(port)};
        const auto there = number_.find(p.peer);
        if (there == number_.end()) {
          const ib_port& far = nodes_.at(p.peer).ports.at(p.peer_port);
          if (!far.guid.empty()) out_.hosts.emplace(guid_in(far.guid), here);
          continue;
        }
        const port_end far{there->second, static_cast<std::uint8_t>(p.peer_port)};
        if (out_.wires.tier(here.at) != out_.wires.tier(far.at) && here.at < far.at)
          out_.wires.join(here, far);
      }
  }
  /// The second of two words, of `dgx000 mlx5_0`.
  static std::string device_of(const std::string& description) {
    const auto blank = description.find(' ');
    if (blank == std::string::npos || description.find(' ', blank + 1) != std::string::npos)
      return {};
    return description.substr(blank + 1);
  }
  /// The i-th GPU of a server on a leaf has the card's port number i · ports / GPUs there.
  void find_cards(const std::map<std::string, ib_host>& hosts) {
    const leaf_spine& dc = out_.dc;
    const auto planes = static_cast<std::size_t>(dc.planes());
    out_.cards.assign(static_cast<std::size_t>(dc.gpus()) * planes, 0);
    out_.devices.resize(out_.cards.size());
    std::uint32_t server = 0;
    for (const leaf_layout& l : out_.found.leafs)
      for (const server_layout& one : l.servers) {
        const server_id s{server++};
        const auto host = hosts.find(one.name);
        if (host == hosts.end()) continue;
        struct port {
          std::uint64_t guid;
          std::string device;
        };
        std::map<std::uint32_t, std::vector<port>> on_leaf;
        for (const ib_card& c : host->second.cards)
          for (const auto& [port, p] : c.node->ports)
            if (const auto at = number_.find(p.peer); at != number_.end())
              on_leaf[at->second].push_back({guid_in(p.guid), device_of(c.node->description)});
        for (std::size_t q = 0; q < planes; ++q) {
          std::map<std::uint32_t, std::vector<gpu_id>> gpus;
          for (gpu_id g : dc.hosts().gpus_of(s))
            gpus[dc.leaf_of(g, static_cast<int>(q)).value].push_back(g);
          for (const auto& [leaf, list] : gpus) {
            const std::vector<port>& ports = on_leaf[leaf];
            for (std::size_t i = 0; i < list.size() && !ports.empty(); ++i) {
              const port& p = ports[i * ports.size() / list.size()];
              out_.cards[list[i].index() * planes + q] = p.guid;
              out_.devices[list[i].index() * planes + q] = p.device;
            }
          }
        }
      }
  }

  std::istringstream in_;
  line_reader lines_;
  std::map<std::string, ib_node> nodes_;
  std::map<std::string, std::uint32_t> number_;  // of switches by id
  ib_network out_;
};

}  // namespace detail

/// Reads the output of `ibnetdiscover` as `read_ibnetdiscover` does, and keeps the ports.
/// \throws input_error  as `read_ibnetdiscover` does
template <class Gpus = one_per_card>
[[nodiscard]] ib_network read_ib_network(std::istream& in, const std::string& name,
                                         const Gpus& gpus = {},
                                         const ibnetdiscover_options& o = {}) {
  if (!in) throw input_error(name, "a readable file", "none");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::istringstream again{text};
  layout found = read_ibnetdiscover(again, name, gpus, o);
  return detail::ib_wires{text, name, std::move(found), o}.take();
}

/// Cables of `whole` that `now`, a later look at the same network, does not have.
[[nodiscard]] inline std::vector<port_end> lost_cables(const ib_network& whole,
                                                       const ib_network& now) {
  std::map<std::uint64_t, std::uint32_t> there;
  for (std::uint32_t s = 0; s < now.switches.size(); ++s) there.emplace(now.switches[s], s);
  std::vector<port_end> out;
  for (std::uint32_t s = 0; s < whole.switches.size(); ++s)
    whole.wires.for_each_up(s, [&](std::uint8_t port, std::uint32_t upper) {
      const auto at = there.find(whole.switches[s]);
      const port_end far = whole.wires.peer({s, port});
      const port_end found = at == there.end() ? port_end{} : now.wires.peer({at->second, port});
      if (!found.valid() || now.switches[found.at] != whole.switches[upper] ||
          found.port != far.port)
        out.push_back({s, port});
    });
  return out;
}

}  // namespace heddle::fabric
