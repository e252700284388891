// Networks from Slurm's topology.conf.
//
//   reader                  what it reads                          links         GPUs
//   read_topology_conf      Slurm's description of its network     not told      not told
//   read_topology_yaml      the same, since Slurm 25.05            not told      not told
//   read_topograph          a model of NVIDIA's topograph          not told      not told
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
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/read_hostlist.hpp>
#include <heddle/fabric/switch_tree.hpp>
#include <heddle/fabric/tree_layout.hpp>

namespace heddle::fabric {

namespace detail {

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
  /// double quotes, or be empty. Nothing at the end.
  std::optional<std::pair<std::string_view, std::string_view>> pair() {
    rest_ = trimmed(rest_);
    if (rest_.empty()) return std::nullopt;
    const auto sign = rest_.find('=');
    const std::string_view key = trimmed(rest_.substr(0, sign));
    if (sign == std::string_view::npos || key.empty() ||
        key.find_first_of(" \t") != std::string_view::npos)
      fail("key=value", shown(rest_));
    rest_ = rest_.substr(sign + 1);
    if (!is_next_key(trimmed(rest_))) rest_ = trimmed(rest_);
    const bool in_quotes = rest_.starts_with('"');
    if (in_quotes) rest_.remove_prefix(1);
    const auto end = in_quotes ? rest_.find('"') : rest_.find_first_of(" \t");
    if (in_quotes && end == std::string_view::npos) fail("a closing quote", shown(rest_));
    const std::string_view value = rest_.substr(0, end);
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

  /// Whether a value is missing: what stands next is a key and its sign.
  static bool is_next_key(std::string_view text) {
    const auto sign = text.find('=');
    return sign != std::string_view::npos && sign > 0 && text.front() != '"' &&
           trimmed(text.substr(0, sign)).find_first_of(" \t\",[") == std::string_view::npos;
  }

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

/// What one statement of the file says.
struct conf_statement {
  enum class kind { none, tree_switch, block, aggregate, block_sizes };
  kind what = kind::none;
  std::string name;
  std::vector<std::string> nodes, switches;
};

/// Reads the statements of topology/tree and topology/block, as the file has them and as `scontrol show
/// topology` prints them.
class conf_statements {
 public:
  conf_statements(std::istream& in, const std::string& name) : conf_(in, name) {}

  bool next() {
    if (!conf_.next()) return false;
    now_ = {};
    std::vector<std::string_view> seen;
    while (const auto pair = conf_.pair()) {
      const auto& [key, value] = *pair;
      for (std::string_view other : seen)
        if (same_word(other, key)) conf_.fail(std::string(other) + " once", "twice");
      read(key, value);
      seen.push_back(now_.what != conf_statement::kind::none ? known_as(key) : key);
    }
    return true;
  }
  [[nodiscard]] conf_statement& now() { return now_; }
  [[nodiscard]] const conf_reader& at() const { return conf_; }

 private:
  using kind = conf_statement::kind;
  static constexpr std::size_t most_names = 1u << 18;  // in the whole file
  static constexpr std::string_view keys[] = {
      "SwitchName", "BlockName", "AggregatedBlock", "BlockSizes", "Nodes",      "Switches",
      "LinkSpeed",  "Level",     "BlockIndex",      "BlockSize",  "BlockLevels"};

  /// A key's own spelling, which outlives its line.
  static std::string_view known_as(std::string_view key) {
    for (std::string_view k : keys)
      if (same_word(k, key)) return k;
    return {};
  }
  void begin(kind what, std::string_view value) {
    if (now_.what != kind::none)
      conf_.fail("one switch or block a line", shown(value) + " beside " + shown(now_.name));
    if (what != kind::aggregate && what != kind::block_sizes &&
        value.find_first_of("[], \t") != std::string_view::npos)
      conf_.fail("the name of one " + std::string(what == kind::block ? "block" : "switch"),
                 shown(value));
    if (value.empty()) conf_.fail("a name", "nothing");
    now_.what = what;
    now_.name = value;
  }
  void list(std::vector<std::string>& to, std::string_view text) {
    if (trimmed(text).empty() || text == "(null)") return;
    to = expand_hostlist(text, conf_.where(), most_names - names_);
    names_ += to.size();
  }
  void read(std::string_view key, std::string_view value) {
    const std::string_view k = known_as(key);
    if (k == "SwitchName") return begin(kind::tree_switch, value);
    if (k == "BlockName") return begin(kind::block, value);
    if (k == "AggregatedBlock") return begin(kind::aggregate, value);
    if (k == "BlockSizes" || k == "BlockLevels") return begin(kind::block_sizes, value);
    if (now_.what == kind::none) conf_.fail("SwitchName or BlockName first", shown(key));
    if (k == "Nodes")
      list(now_.nodes, value);
    else if (k == "Switches" && now_.what == kind::tree_switch)
      list(now_.switches, value);
    else if (k.empty() || k == "Switches")
      conf_.fail(now_.what == kind::tree_switch ? "Nodes, Switches, LinkSpeed or Level"
                                                : "Nodes, BlockIndex or BlockSize",
                 shown(key));
  }

  conf_reader conf_;
  conf_statement now_;
  std::size_t names_ = 0;
};

}  // namespace detail

/// Reads Slurm's topology.conf, of topology/tree or topology/block, and what `scontrol show topology`
/// prints, as a tree of names.
///
/// A switch may be told in two lines, one with its `Nodes` and one with its `Switches`, or not at all but
/// below another, or have nothing. Of a line with both the nodes are those of the switches below, as
/// `scontrol` lists them, but for nodes that nobody else names. A node that is named twice counts where
/// it is named first; a note says so. Blocks are leafs under a switch that the file does not tell of;
/// `AggregatedBlock` lines and block sizes tell nothing new, and `LinkSpeed` has no unit.
/// \throws input_error  `name:line: expected …, got …` for a file that is no topology.conf
/// Complexity: O(names log names).
[[nodiscard]] inline switch_tree read_topology_conf_tree(std::istream& in,
                                                         const std::string& name) {
  using kind = detail::conf_statement::kind;
  detail::conf_statements text{in, name};
  switch_tree out;
  std::vector<bool> lists_all_below;
  std::map<std::string, std::size_t> known;
  named_switch above{.name = "network"};  // of all blocks
  bool blocks = false, switches = false;
  while (text.next()) {
    detail::conf_statement& now = text.now();
    if (now.what == kind::aggregate || now.what == kind::block_sizes) {
      blocks = true;
      continue;
    }
    (now.what == kind::block ? blocks : switches) = true;
    const auto [at, is_new] = known.try_emplace(now.name, out.switches.size());
    if (is_new) {
      out.switches.push_back({.name = now.name, .line = text.at().line()});
      lists_all_below.push_back(false);
      if (now.what == kind::block) above.switches.push_back(now.name);
    }
    named_switch& s = out.switches[at->second];
    const bool has_nodes = !now.nodes.empty(), has_switches = !now.switches.empty();
    if (!is_new && (now.what == kind::block || (has_nodes && !s.nodes.empty()) ||
                    (has_switches && !s.switches.empty()) || has_nodes == has_switches))
      text.at().fail("each switch once",
                     shown(s.name) + " again, first in line " + std::to_string(s.line));
    if (has_nodes && has_switches) lists_all_below[at->second] = true;
    for (std::string& n : now.nodes) s.nodes.push_back({.name = std::move(n)});
    if (has_switches) s.switches = std::move(now.switches);
  }
  if (out.switches.empty()) throw input_error(name, "a line with SwitchName or BlockName", "none");
  if (blocks && switches)
    throw input_error(name, "switches or blocks", "both SwitchName and BlockName");
  detail::name_nodes_once(out, lists_all_below);
  if (blocks && out.switches.size() > 1) {
    while (known.contains(above.name)) above.name += "'";
    out.switches.push_back(std::move(above));
  }
  return out;
}

/// Reads Slurm's topology.conf as a network: `read_topology_conf_tree`, then `layout_of` (tree_layout.hpp)
/// with what the file does not say.
///
///     std::ifstream in("/etc/slurm/topology.conf");
///     const fabric::leaf_spine dc{fabric::read_topology_conf(in, "topology.conf", 8)};
///
/// \param gpus  GPUs of a server: a number for all, or a function of its name
/// \throws input_error  as both do
template <class Gpus>
[[nodiscard]] layout read_topology_conf(std::istream& in, const std::string& name, const Gpus& gpus,
                                        const topology_conf_options& o = {}) {
  return layout_of(read_topology_conf_tree(in, name), name, gpus, o);
}

}  // namespace heddle::fabric
