// Networks from Slurm's topology.conf.
//
//   reader                  what it reads                          links         GPUs
//   read_topology_conf      Slurm's description of its network     not told      not told
//   read_ibnetdiscover      what an InfiniBand fabric says itself  all           one a card
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/gpus_of_host.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/read_hostlist.hpp>

namespace heddle::fabric {

/// What topology.conf does not say.
struct topology_conf_options {
  int links_per_pair = 1;     ///< between a leaf and each spine above it, ≥ 1
  int spines_per_switch = 1;  ///< spines that an upper switch of the file stands for, ≥ 1: one name
                              ///< is often written for all of them
  double link_gbps = 100;     ///< as in `layout`
  double server_gbps = 1000;
};

namespace detail {

/// One switch of topology.conf.
struct conf_switch {
  std::string name;
  std::size_t line = 0;
  std::vector<std::string> nodes, switches;
};

/// Goes through the statements of a file of Slurm's configuration: comments out, continued lines
/// joined.
class conf_reader {
 public:
  conf_reader(std::istream& in, const std::string& name) : lines_(in, name) {}

  /// Goes to the next statement; false after the last.
  bool next() {
    text_.clear();
    for (bool more = false; lines_.next();) {
      if (!more) first_ = lines_.number();
      std::string_view line = without_comment(lines_.line());
      line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
      more = line.ends_with('\\');
      text_ += line.substr(0, line.size() - (more ? 1 : 0));
      if (text_.size() > longest) fail("a statement of at most 1 MiB", "more");
      if (more || trimmed(text_).empty()) continue;
      rest_ = text_;
      return true;
    }
    rest_ = text_ = trimmed(text_);  // the last line was continued by nothing
    return !text_.empty();
  }

  /// The next `key=value` of the statement; blanks may stand around the sign, and the value in
  /// double quotes. Nothing at the end.
  std::optional<std::pair<std::string_view, std::string_view>> pair() {
    rest_ = trimmed(rest_);
    if (rest_.empty()) return std::nullopt;
    const auto sign = rest_.find('=');
    const std::string_view key = trimmed(rest_.substr(0, sign));
    if (sign == std::string_view::npos || key.empty() ||
        key.find_first_of(" \t") != std::string_view::npos)
      fail("key=value", shown(rest_));
    rest_ = trimmed(rest_.substr(sign + 1));
    const bool in_quotes = rest_.starts_with('"');
    if (in_quotes) rest_.remove_prefix(1);
    const auto end = in_quotes ? rest_.find('"') : rest_.find_first_of(" \t");
    if (in_quotes && end == std::string_view::npos) fail("a closing quote", shown(rest_));
    const std::string_view value = rest_.substr(0, end);
    if (trimmed(value).empty()) fail("a value of " + std::string(key), "nothing");
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    return std::pair{key, value};
  }

  [[nodiscard]] std::size_t line() const { return first_; }
  [[nodiscard]] std::string where() const { return lines_.where(first_); }
  [[nodiscard]] std::string where(std::size_t line) const { return lines_.where(line); }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw input_error(where(), expected, got);
  }

 private:
  static constexpr std::size_t longest = 1 << 20;

  static std::string_view without_comment(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i)
      if (line[i] == '#' && (i == 0 || line[i - 1] != '\\')) return line.substr(0, i);
    return line;
  }

  line_reader lines_;
  std::string text_;
  std::string_view rest_;
  std::size_t first_ = 1;
};

/// The switches of a topology.conf in its order, each name once.
inline std::vector<conf_switch> read_conf_switches(conf_reader& conf) {
  constexpr std::size_t most = 1u << 18;  // names in the whole file
  std::vector<conf_switch> out;
  std::map<std::string, std::size_t> lines;
  std::size_t names = 0;
  while (conf.next()) {
    conf_switch s;
    s.line = conf.line();
    bool speed = false;
    const auto list = [&](std::vector<std::string>& to, std::string_view key,
                          std::string_view text) {
      if (!to.empty()) conf.fail(std::string(key) + " once", "twice");
      to = expand_hostlist(text, conf.where(), most - names);
      names += to.size();
    };
    while (const auto pair = conf.pair()) {
      const auto& [key, value] = *pair;
      if (same_word(key, "SwitchName")) {
        if (!s.name.empty()) conf.fail("SwitchName once", "twice");
        if (value.find_first_of("[], \t") != std::string_view::npos)
          conf.fail("the name of one switch", shown(value));
        s.name = value;
      } else if (s.name.empty()) {
        conf.fail("SwitchName first (the file of topology/tree)", shown(key));
      } else if (same_word(key, "Nodes")) {
        list(s.nodes, "Nodes", value);
      } else if (same_word(key, "Switches")) {
        list(s.switches, "Switches", value);
      } else if (same_word(key, "LinkSpeed")) {
        if (std::exchange(speed, true)) conf.fail("LinkSpeed once", "twice");
      } else {
        conf.fail("Nodes, Switches or LinkSpeed", shown(key));
      }
    }
    if (s.nodes.empty() == s.switches.empty())
      conf.fail("either Nodes or Switches of switch " + shown(s.name),
                s.nodes.empty() ? "neither" : "both");
    const auto [known, is_new] = lines.try_emplace(s.name, s.line);
    if (!is_new)
      conf.fail("each switch once",
                shown(s.name) + " again, first in line " + std::to_string(known->second));
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace detail

/// Reads Slurm's topology.conf (plugin topology/tree) as a network of two tiers.
///
/// Switches with `Nodes` become leafs, their nodes servers, both in the file's order; switches with
/// `Switches` become spines, linked to the leafs that they list. A leaf may stand under several.
/// `LinkSpeed` is passed over: Slurm gives it no unit and makes no use of it. One leaf alone may
/// stand under no switch; the layout then has no spine, and `leaf_spine` wants at least one.
///
///     std::ifstream in("/etc/slurm/topology.conf");
///     const fabric::leaf_spine dc{fabric::read_topology_conf(in, "topology.conf", 8)};
///
/// \param gpus  GPUs of a server: a number for all, or a function of its name
/// \throws input_error  `name:line: expected …, got …` for a file that is no topology.conf, and for
/// a
///                      network that is none of two tiers: a switch above one that is itself above
///                      others, or above itself; a node or a switch named twice or not described; a
///                      leaf under no switch
/// Complexity: O(names log names + leafs · spines).
template <class Gpus>
[[nodiscard]] layout read_topology_conf(std::istream& in, const std::string& name, const Gpus& gpus,
                                        const topology_conf_options& o = {}) {
  if (o.links_per_pair < 1 || o.spines_per_switch < 1)
    throw input_error("topology_conf_options", "at least 1 link and 1 spine",
                      std::to_string(o.links_per_pair) + " and " +
                          std::to_string(o.spines_per_switch));
  detail::conf_reader conf{in, name};
  const std::vector<detail::conf_switch> switches = detail::read_conf_switches(conf);
  if (switches.empty()) throw input_error(name, "a line with SwitchName", "none");

  std::map<std::string_view, const detail::conf_switch*> known;
  for (const auto& s : switches) known.emplace(s.name, &s);
  layout out{.link_gbps = o.link_gbps, .server_gbps = o.server_gbps};
  std::map<std::string_view, std::size_t> leaf_of, host_line;
  for (const auto& s : switches) {
    if (s.nodes.empty()) continue;
    leaf_of.emplace(s.name, out.leafs.size());
    leaf_layout leaf{.name = s.name};
    for (const std::string& host : s.nodes) {
      const auto [at, is_new] = host_line.try_emplace(host, s.line);
      if (!is_new)
        throw input_error(conf.where(s.line), "each node under one leaf",
                          shown(host) + " again, first in line " + std::to_string(at->second));
      leaf.servers.push_back({host, detail::gpus_of_host(gpus, host, conf.where(s.line))});
    }
    out.leafs.push_back(std::move(leaf));
  }

  const std::size_t uppers = switches.size() - out.leafs.size();
  const auto each = static_cast<std::size_t>(o.spines_per_switch);
  if (1.0 * static_cast<double>(uppers * out.leafs.size()) * o.spines_per_switch > 1 << 28)
    throw input_error(name, "at most 2^28 pairs of a leaf and a spine", "more");
  std::vector<bool> linked(out.leafs.size(), uppers == 0 && out.leafs.size() == 1);
  for (leaf_layout& leaf : out.leafs) leaf.links.assign(uppers * each, 0);
  for (const auto& s : switches) {
    if (s.switches.empty()) continue;
    for (const std::string& child : s.switches) {
      const auto under = known.find(child);
      if (under == known.end())
        throw input_error(conf.where(s.line), "switches that the file describes", shown(child));
      const auto leaf = leaf_of.find(child);
      if (leaf == leaf_of.end())
        throw input_error(conf.where(s.line),
                          "a leaf under switch " + shown(s.name) + " (two tiers)",
                          child == s.name ? std::string("the switch itself (a loop)")
                                          : "switch " + shown(child) + ", which is above others");
      auto& links = out.leafs[leaf->second].links;
      if (links[out.spines.size()] != 0)
        throw input_error(conf.where(s.line), "each switch once under " + shown(s.name),
                          shown(child) + " twice");
      for (std::size_t i = 0; i < each; ++i) links[out.spines.size() + i] = o.links_per_pair;
      linked[leaf->second] = true;
    }
    for (std::size_t i = 0; i < each; ++i)
      out.spines.push_back(each == 1 ? s.name : s.name + "/" + std::to_string(i));
  }
  for (const auto& s : switches)
    if (!s.nodes.empty() && !linked[leaf_of.at(s.name)])
      throw input_error(conf.where(s.line), "leaf " + shown(s.name) + " under a switch",
                        "none above it");
  return out;
}

}  // namespace heddle::fabric
