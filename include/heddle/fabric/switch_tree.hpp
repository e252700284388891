// Networks of which the names are known and the links are not: trees of switches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::fabric {

/// A host that hangs on a switch.
struct named_node {
  std::string name;
  std::string domain = {};  ///< of NVLink that it is in; empty: not told

  friend bool operator==(const named_node&, const named_node&) = default;
};

/// A switch and what hangs on it.
struct named_switch {
  std::string name;
  std::vector<named_node> nodes = {};
  std::vector<std::string> switches = {};  ///< below it, by name
  std::size_t line = 0;                    ///< of the text that tells of it

  friend bool operator==(const named_switch&, const named_switch&) = default;
};

/// What Slurm and topograph know of a network: which switches stand below which, to any depth, under one
/// root or many, and which hosts hang on them. `layout_of` (tree_layout.hpp) makes a network of it.
struct switch_tree {
  std::vector<named_switch> switches = {};  ///< in the order of the text
  std::vector<std::string> notes = {};      ///< what was passed over, a sentence each

  friend bool operator==(const switch_tree&, const switch_tree&) = default;
};

namespace detail {

/// Where a tree's text lies, for errors: `name:line`.
struct tree_place {
  std::string name;

  [[nodiscard]] std::string at(std::size_t line) const { return name + ":" + std::to_string(line); }
};

/// `"a", "b" and 3 more`.
inline std::string shown_few(const std::vector<std::string>& names) {
  constexpr std::size_t most = 4;
  std::string out;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i)
    out += (i == 0 ? "" : ", ") + shown(names[i]);
  if (names.size() > most) out += " and " + std::to_string(names.size() - most) + " more";
  return out;
}

/// Gives each host to the first switch that names it; says which others did. A switch that lists the
/// hosts of switches below it, as `scontrol show topology` does, has told nothing new.
inline void name_nodes_once(switch_tree& t, const std::vector<bool>& lists_all_below) {
  std::map<std::string, std::size_t> owner;
  for (bool listing : {false, true})
    for (std::size_t i = 0; i < t.switches.size(); ++i)
      if (lists_all_below[i] == listing)
        for (const named_node& n : t.switches[i].nodes) owner.emplace(n.name, i);
  std::set<std::string> taken;
  for (std::size_t i = 0; i < t.switches.size(); ++i) {
    named_switch& s = t.switches[i];
    std::vector<named_node> mine;
    std::map<std::size_t, std::vector<std::string>> again;  // by the switch that has them
    for (const named_node& n : s.nodes) {
      const std::size_t first = owner.at(n.name);
      if (first == i && taken.insert(n.name).second)
        mine.push_back(n);
      else if (!lists_all_below[i])
        again[first].push_back(n.name);
    }
    for (const auto& [first, names] : again) {
      const named_switch& other = t.switches[first];
      t.notes.push_back((names.size() == 1 ? "node " : "nodes ") + shown_few(names) + " under " +
                        shown(other.name) + " (line " + std::to_string(other.line) +
                        ") and again under " + shown(s.name) + " (line " + std::to_string(s.line) +
                        "): counted once, under the first");
    }
    s.nodes = std::move(mine);
  }
}

/// The switches of a tree by number: who is below and above whom.
struct tree_links {
  std::vector<std::vector<std::size_t>> below, above;
};

/// \throws input_error  for a switch that stands below itself, or twice below another
inline tree_links link_tree(switch_tree& t, const tree_place& file) {
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < t.switches.size(); ++i) known.emplace(t.switches[i].name, i);
  std::vector<named_switch> undescribed;
  tree_links out;
  for (std::size_t i = 0; i < t.switches.size(); ++i) {
    const named_switch& s = t.switches[i];
    out.below.emplace_back();
    std::set<std::size_t> here;
    for (const std::string& child : s.switches) {
      auto at = known.find(child);
      if (at == known.end()) {
        at = known.emplace(child, t.switches.size() + undescribed.size()).first;
        undescribed.push_back({.name = child, .line = s.line});
      }
      if (!here.insert(at->second).second)
        throw input_error(file.at(s.line), "each switch once under " + shown(s.name),
                          shown(child) + " twice");
      out.below.back().push_back(at->second);
    }
  }
  for (named_switch& s : undescribed) t.switches.push_back(std::move(s));
  out.below.resize(t.switches.size());
  out.above.resize(t.switches.size());
  for (std::size_t i = 0; i < out.below.size(); ++i)
    for (std::size_t child : out.below[i]) out.above[child].push_back(i);

  // Whoever is left when switches without anything below are taken away again and again is in a loop.
  std::vector<std::size_t> open(out.below.size()), ready;
  for (std::size_t i = 0; i < open.size(); ++i)
    if ((open[i] = out.below[i].size()) == 0) ready.push_back(i);
  std::size_t done = 0;
  for (; done < ready.size(); ++done)
    for (std::size_t parent : out.above[ready[done]])
      if (--open[parent] == 0) ready.push_back(parent);
  if (done < open.size())
    for (std::size_t i = 0; i < open.size(); ++i)
      if (open[i] > 0)
        throw input_error(file.at(t.switches[i].line), "switches below others",
                          "switch " + shown(t.switches[i].name) + " below itself (a loop)");
  return out;
}

}  // namespace detail

}  // namespace heddle::fabric
