// Networks from the models of NVIDIA's topograph (github.com/NVIDIA/topograph), which discovers them.
#pragma once

#include <cstddef>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/yaml.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/read_topology_yaml.hpp>
#include <heddle/fabric/switch_tree.hpp>
#include <heddle/fabric/tree_layout.hpp>

namespace heddle::fabric {

namespace detail {

/// Puts together what a model says in several places.
class topograph_model {
 public:
  topograph_model(const yaml_value& all, std::string name) : file_{std::move(name)} {
    if (!all.is_map() || !(all.find("switches") || all.find("blocks") ||
                           all.find("capacity_blocks") || all.find("nodes")))
      throw input_error(file_.at(all.line), "a model with switches, blocks or nodes", "none");
    // NVLink domains are told by nodes, or by the blocks that they are in.
    for_each(all.find("nodes"), "name", [&](const std::string& node, const yaml_value& v) {
      std::string domain = domain_of(v);
      if (!domain.empty()) domains_[node] = std::move(domain);
      known_nodes_.push_back(node);
    });
    for (const char* key : {"capacity_blocks", "blocks"})
      for_each(all.find(key), "name",
               [&](const std::string& called, const yaml_value& v) { add_block(called, v); });
    for_each(all.find("switches"), "name",
             [&](const std::string& s, const yaml_value& v) { add_switch(s, v); });
    add_what_no_switch_names();
  }

  [[nodiscard]] switch_tree take() {
    name_nodes_once(tree_, std::vector<bool>(tree_.switches.size(), false));
    return std::move(tree_);
  }

 private:
  struct block {
    std::string name, on;  ///< on: the switch that it names itself
    std::vector<std::string> nodes;
    std::size_t line;
    bool is_used = false;
  };

  /// The entries of a map by their keys, or the items of a list by what they are called in them.
  template <class Use>
  void for_each(const yaml_value* v, const char* name_key, const Use& use) {
    if (!v || v->is_nothing()) return;
    if (v->is_scalar()) throw input_error(file_.at(v->line), "a list or a map", shown(v->text));
    for (const auto& [key, value] : v->entries) use(key, value);
    for (const yaml_value& one : v->items) {
      if (one.is_scalar()) {
        use(one.text, one);
        continue;
      }
      const yaml_value* named = one.find(name_key);
      use(named && named->is_scalar() ? named->text : std::string(), one);
    }
  }

  /// `nvlink` of a node or block, or what a label about its accelerators says.
  static std::string domain_of(const yaml_value& v) {
    if (const yaml_value* n = v.find("nvlink"); n && n->is_scalar()) return n->text;
    for (const char* part : {"attributes", "labels", "annotations", "metadata"}) {
      const yaml_value* in = v.find(part);
      if (!in) continue;
      for (const auto& [key, value] : in->entries)
        if (value.is_scalar() && (key == "nvlink" || key.find("accelerat") != std::string::npos))
          return value.text;
    }
    return {};
  }
  void add_block(const std::string& name, const yaml_value& v) {
    block b{.name = name, .on = {}, .nodes = {}, .line = v.line};
    if (const yaml_value* on = v.find("switch"); on && on->is_scalar()) b.on = on->text;
    b.nodes = yaml_names(v.find("nodes"), file_, names_left_);
    if (const std::string domain = domain_of(v); !domain.empty())
      for (const std::string& n : b.nodes) domains_.try_emplace(n, domain);
    blocks_.push_back(std::move(b));
  }
  void add_nodes(named_switch& s, const std::vector<std::string>& nodes) {
    for (const std::string& n : nodes) {
      const auto domain = domains_.find(n);
      s.nodes.push_back({n, domain == domains_.end() ? std::string() : domain->second});
      placed_.insert(n);
    }
  }
  void add_switch(const std::string& name, const yaml_value& v) {
    if (name.empty()) throw input_error(file_.at(v.line), "the name of a switch", "none");
    if (!switches_.insert(name).second)
      throw input_error(file_.at(v.line), "each switch once", shown(name) + " again");
    named_switch s{.name = name, .line = v.line};
    s.switches = yaml_names(v.find("switches"), file_, names_left_);
    add_nodes(s, yaml_names(v.find("nodes"), file_, names_left_));
    const std::vector<std::string> here = yaml_names(v.find("capacity_blocks"), file_, names_left_);
    const std::set<std::string> wanted(here.begin(), here.end());
    for (block& b : blocks_)
      if (b.on == name || (!b.name.empty() && wanted.contains(b.name))) {
        add_nodes(s, b.nodes);
        b.is_used = true;
      }
    tree_.switches.push_back(std::move(s));
  }
  /// A block on a switch that nobody describes, one on none, and nodes in neither.
  void add_what_no_switch_names() {
    std::map<std::string, std::size_t> made;
    for (block& b : blocks_) {
      std::vector<std::string> nodes;
      for (std::string& n : b.nodes)
        if (!placed_.contains(n)) nodes.push_back(std::move(n));
      if (b.is_used || (nodes.empty() && b.on.empty())) continue;
      std::string name = !b.on.empty() ? b.on : !b.name.empty() ? b.name : "block";
      if (b.on.empty())
        while (switches_.contains(name) || made.contains(name)) name += "'";
      const auto [at, is_new] = made.try_emplace(name, tree_.switches.size());
      if (is_new) tree_.switches.push_back({.name = name, .line = b.line});
      add_nodes(tree_.switches[at->second], nodes);
      if (b.on.empty())
        tree_.notes.push_back("block " + shown(b.name) + " (line " + std::to_string(b.line) +
                              ") is on no switch: a leaf of its own");
    }
    std::vector<std::string> rest;
    for (const std::string& n : known_nodes_)
      if (!placed_.contains(n)) rest.push_back(n);
    if (rest.empty()) return;
    std::string name = "nodes";
    while (switches_.contains(name) || made.contains(name)) name += "'";
    tree_.notes.push_back("nodes " + shown_few(rest) + " on no switch: on a leaf of their own");
    tree_.switches.push_back({.name = name, .line = 1});
    add_nodes(tree_.switches.back(), rest);
  }

  tree_place file_;
  switch_tree tree_;
  std::map<std::string, std::string> domains_;  // of nodes
  std::vector<std::string> known_nodes_;
  std::vector<block> blocks_;
  std::set<std::string> switches_, placed_;
  std::size_t names_left_ = 1u << 20;
};

}  // namespace detail

/// Reads a model of topograph as a tree of names, in each of the forms that it has had: `switches` as a list
/// with names or as a map; their hosts in `nodes`, in `capacity_blocks` or in `blocks` that name their
/// switch. NVLink domains are those of `nvlink` and of labels about accelerators.
/// \throws input_error  `name:line: expected …, got …` for text that is no such model
/// Complexity: O(switches · blocks + names log names).
[[nodiscard]] inline switch_tree read_topograph_tree(std::istream& in, const std::string& name) {
  const detail::yaml_value all = detail::yaml_reader{in, name}.read();
  return detail::topograph_model{all, name}.take();
}

/// The same as a network, with what the model does not say.
/// \param gpus  GPUs of a server: a number for all, or a function of its name
template <class Gpus>
[[nodiscard]] layout read_topograph(std::istream& in, const std::string& name, const Gpus& gpus,
                                    const topology_conf_options& o = {}) {
  return layout_of(read_topograph_tree(in, name), name, gpus, o);
}

}  // namespace heddle::fabric
