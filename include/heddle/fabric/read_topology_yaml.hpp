// Networks from Slurm's topology.yaml.
#pragma once

#include <cstddef>
#include <istream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/yaml.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/read_hostlist.hpp>
#include <heddle/fabric/switch_tree.hpp>
#include <heddle/fabric/tree_layout.hpp>

namespace heddle::fabric {

namespace detail {

/// A host list as text, or a list of such.
inline std::vector<std::string> yaml_names(const yaml_value* v, const tree_place& file,
                                           std::size_t& left) {
  std::vector<std::string> out;
  const auto add = [&](const yaml_value& one) {
    if (!one.is_scalar()) throw input_error(file.at(one.line), "a host list", "a list or a map");
    if (one.is_nothing()) return;
    for (std::string& n : expand_hostlist(one.text, file.at(one.line), left)) {
      out.push_back(std::move(n));
      --left;
    }
  };
  if (!v) return out;
  if (v->is_list())
    for (const yaml_value& one : v->items) add(one);
  else
    add(*v);
  return out;
}

/// Makes a tree of one of the topologies of topology.yaml.
class yaml_topologies {
 public:
  yaml_topologies(const yaml_value& all, std::string name, const std::string& wanted)
      : file_{std::move(name)} {
    if (!all.is_list() || all.items.empty())
      throw input_error(file_.at(all.line), "a list of topologies", "none");
    for (const yaml_value& one : all.items) {
      const yaml_value* named = one.find("topology");
      if (!named || !named->is_scalar())
        throw input_error(file_.at(one.line), "the name of a topology", "none");
      for (const auto& [key, value] : one.entries)
        if (key != "topology" && !is_default_key(key) && key != "tree" && key != "block" &&
            key != "flat" && key != "ring")
          throw input_error(file_.at(value.line), "tree, block, flat or cluster_default",
                            shown(key));
      all_.push_back(&one);
    }
    chosen_ = choose(wanted);
  }

  [[nodiscard]] switch_tree read() {
    const yaml_value& one = *chosen_;
    switch_tree out = tree_of(one);
    if (all_.size() > 1) {
      std::string others;
      for (const yaml_value* other : all_)
        if (other != chosen_) others += (others.empty() ? "" : ", ") + name_of(*other);
      out.notes.push_back("topology " + name_of(one) + " is read, and not " + others);
    }
    detail::name_nodes_once(out, std::vector<bool>(out.switches.size(), false));
    return out;
  }

 private:
  static std::string name_of(const yaml_value& one) { return shown(one.find("topology")->text); }
  /// Early writers of the file spelled it in capitals.
  static bool is_default_key(std::string_view key) {
    return key == "cluster_default" || key == "clusterDefault";
  }
  static bool is_true(const yaml_value* v) {
    return v && v->is_scalar() &&
           (same_word(v->text, "true") || same_word(v->text, "yes") || v->text == "1");
  }
  [[nodiscard]] const yaml_value* choose(const std::string& wanted) const {
    if (!wanted.empty()) {
      std::string known;
      for (const yaml_value* one : all_) {
        if (one->find("topology")->text == wanted) return one;
        known += (known.empty() ? "" : ", ") + name_of(*one);
      }
      throw input_error(file_.name, "one of the topologies " + known, shown(wanted));
    }
    for (const yaml_value* one : all_)
      for (const auto& [key, value] : one->entries)
        if (is_default_key(key) && is_true(&value)) return one;
    return all_.front();
  }

  [[nodiscard]] switch_tree tree_of(const yaml_value& one) {
    const yaml_value* tree = one.find("tree");
    const yaml_value* block = one.find("block");
    if (tree && tree->is_map()) return switches_of(*tree, "switches", "switch");
    if (block && block->is_map()) {
      switch_tree out = switches_of(*block, "blocks", "block");
      if (out.switches.size() > 1) {
        named_switch above{.name = "network", .line = block->line};
        for (const named_switch& s : out.switches) above.switches.push_back(s.name);
        out.switches.push_back(std::move(above));
      }
      return out;
    }
    if (!is_true(one.find("flat")))
      throw input_error(file_.at(one.line),
                        "a tree, blocks or flat: true in topology " + name_of(one),
                        one.find("ring") ? "a ring" : "none");
    // All nodes are alike: those that the other topologies of the file tell of.
    switch_tree out{.switches = {{.name = one.find("topology")->text, .line = one.line}}};
    std::set<std::string> known;
    for (const yaml_value* other : all_) {
      const yaml_value* part = other->find("tree") ? other->find("tree") : other->find("block");
      if (other == &one || !part || !part->is_map()) continue;
      const bool is_tree = other->find("tree") != nullptr;
      const switch_tree t =
          switches_of(*part, is_tree ? "switches" : "blocks", is_tree ? "switch" : "block");
      for (const named_switch& s : t.switches)
        for (const named_node& n : s.nodes)
          if (known.insert(n.name).second) out.switches[0].nodes.push_back(n);
    }
    return out;
  }
  [[nodiscard]] switch_tree switches_of(const yaml_value& part, const char* list,
                                        const char* name_key) {
    switch_tree out;
    const yaml_value* all = part.find(list);
    if (!all || (!all->is_list() && !all->is_nothing()))
      throw input_error(file_.at(part.line), std::string("a list of ") + list,
                        all ? "another value" : "none");
    std::set<std::string> known;
    for (const yaml_value& one : all->items) {
      const yaml_value* named = one.find(name_key);
      if (!named || !named->is_scalar() || named->is_nothing())
        throw input_error(file_.at(one.line), std::string("the name of a ") + name_key, "none");
      if (!known.insert(named->text).second)
        throw input_error(file_.at(named->line), std::string("each ") + name_key + " once",
                          shown(named->text) + " again");
      named_switch s{.name = named->text, .line = one.line};
      for (std::string& n : yaml_names(one.find("nodes"), file_, names_left_))
        s.nodes.push_back({.name = std::move(n)});
      s.switches = yaml_names(one.find("children"), file_, names_left_);
      for (const auto& [key, value] : one.entries)
        if (key != name_key && key != "nodes" && key != "children" && key != "link_speed")
          throw input_error(file_.at(value.line), "nodes or children", shown(key));
      out.switches.push_back(std::move(s));
    }
    return out;
  }

  tree_place file_;
  std::vector<const yaml_value*> all_;
  const yaml_value* chosen_ = nullptr;
  std::size_t names_left_ = 1u << 18;
};

}  // namespace detail

/// Reads Slurm's topology.yaml as a tree of names: the topology of that name, else the first that says
/// `cluster_default: true`, else the first. Blocks are leafs under a switch that the file does not tell
/// of; of `flat: true` all nodes that the file knows are on one switch. A switch may have nodes and
/// children.
/// \throws input_error  `name:line: expected …, got …` for text that is none of that
/// Complexity: O(names log names).
[[nodiscard]] inline switch_tree read_topology_yaml_tree(std::istream& in, const std::string& name,
                                                         const std::string& topology = {}) {
  const detail::yaml_value all = detail::yaml_reader{in, name}.read();
  return detail::yaml_topologies{all, name, topology}.read();
}

/// The same as a network, with what the file does not say.
/// \param gpus  GPUs of a server: a number for all, or a function of its name
template <class Gpus>
[[nodiscard]] layout read_topology_yaml(std::istream& in, const std::string& name, const Gpus& gpus,
                                        const topology_conf_options& o = {}) {
  return layout_of(read_topology_yaml_tree(in, name), name, gpus, o);
}

}  // namespace heddle::fabric
