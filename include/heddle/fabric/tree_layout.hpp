// Leafs, spines and cores of a tree of which names alone are known.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/detail/gpus_of_host.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/switch_tree.hpp>

namespace heddle::fabric {

/// What a tree of names does not say.
struct topology_conf_options {
  int links_per_pair = 1;     ///< between a leaf and each spine above it, ≥ 1
  int spines_per_switch = 1;  ///< spines that an upper switch of the file stands for, ≥ 1: one name
                              ///< is often written for all of them
  double link_gbps = 100;     ///< as in `layout`
  double server_gbps = 1000;
  /// In place of `spines_per_switch`: spines above each leaf, ≥ 1, evenly over the switches that the file
  /// names above it. 0: as `spines_per_switch` says.
  int spines_per_leaf = 0;
};

namespace detail {

/// Makes the layout of a tree. \see layout_of
class tree_tiers {
 public:
  tree_tiers(switch_tree t, std::string name, const topology_conf_options& o)
      : tree_(std::move(t)), file_{std::move(name)}, options_(o) {
    if (o.links_per_pair < 1 || o.spines_per_switch < 1 || o.spines_per_leaf < 0)
      throw input_error(
          "topology_conf_options", "at least 1 link and 1 spine",
          std::to_string(o.links_per_pair) + " and " +
              std::to_string(o.spines_per_leaf < 0 ? o.spines_per_leaf : o.spines_per_switch));
    links_ = link_tree(tree_, file_);
    find_leafs();
    find_spines();
    find_roots();
  }

  template <class Gpus>
  [[nodiscard]] layout read(const Gpus& gpus) {
    layout out{.link_gbps = options_.link_gbps, .server_gbps = options_.server_gbps};
    const std::size_t each = spines_of_a_switch();
    most_pairs(leafs_.size(), spines_.size() * each, "a leaf and a spine");
    for (std::size_t i : leafs_) {
      const named_switch& s = tree_.switches[i];
      leaf_layout leaf{.name = s.name, .servers = {}, .links = {}};
      leaf.links.assign(spines_.size() * each, 0);
      add_servers(s, gpus, leaf.servers);
      for_each_spine(i, [&](std::size_t k) {
        for (std::size_t n = 0; n < each; ++n) leaf.links[k * each + n] = options_.links_per_pair;
      });
      out.leafs.push_back(std::move(leaf));
    }
    for (std::size_t k : spines_) add_named(tree_.switches[k].name, each, out.spines);
    add_cores(each, out);
    out.notes = std::move(tree_.notes);
    return out;
  }

 private:
  [[nodiscard]] bool is_leaf(std::size_t i) const { return !tree_.switches[i].nodes.empty(); }
  [[nodiscard]] std::size_t leafs_below(std::size_t i) const {
    std::size_t n = is_leaf(i) && !links_.below[i].empty();  // its own hosts hang on a leaf of it
    for (std::size_t child : links_.below[i]) n += is_leaf_of_tree_[child];
    return n;
  }
  /// Calls `f` with the number of each spine above a leaf.
  template <class F>
  void for_each_spine(std::size_t leaf, F&& f) const {
    if (number_[leaf] < spines_.size()) f(number_[leaf]);
    for (std::size_t i : links_.above[leaf]) f(number_[i]);
  }

  /// Switches with hosts. Where nobody has any, the file is the frame of a network whose hosts come and
  /// go: then those with nothing below.
  void find_leafs() {
    bool any = false;
    for (std::size_t i = 0; i < tree_.switches.size(); ++i) any |= is_leaf(i);
    is_leaf_of_tree_.assign(tree_.switches.size(), false);
    for (std::size_t i = 0; i < tree_.switches.size(); ++i) {
      is_leaf_of_tree_[i] = any ? is_leaf(i) : links_.below[i].empty();
      if (is_leaf_of_tree_[i]) leafs_.push_back(i);
      if (any && !is_leaf(i) && links_.below[i].empty())
        tree_.notes.push_back("switch " + shown(tree_.switches[i].name) + " (line " +
                              std::to_string(tree_.switches[i].line) +
                              ") has nothing below it: left out");
    }
    if (!any)
      tree_.notes.push_back("no switch of " + file_.name + " has hosts: the frame of a network");
  }
  void find_spines() {
    number_.assign(tree_.switches.size(), tree_.switches.size());
    for (std::size_t i = 0; i < tree_.switches.size(); ++i)
      if (leafs_below(i) > 0) {
        number_[i] = spines_.size();
        spines_.push_back(i);
      }
  }
  /// Switches with nothing above, and others than leafs below, join what is below them by cores.
  void find_roots() {
    std::vector<std::size_t> seen_from(tree_.switches.size(), tree_.switches.size());
    for (std::size_t i = 0; i < tree_.switches.size(); ++i) {
      if (!links_.above[i].empty()) continue;
      std::vector<std::size_t> spines, todo{i};
      for (std::size_t next = 0; next < todo.size(); ++next) {
        const std::size_t s = todo[next];
        if (std::exchange(seen_from[s], i) == i) continue;
        if (number_[s] < spines_.size()) spines.push_back(number_[s]);
        todo.insert(todo.end(), links_.below[s].begin(), links_.below[s].end());
      }
      std::sort(spines.begin(), spines.end());
      if (spines.size() > 1) roots_.emplace_back(i, std::move(spines));
    }
  }

  [[nodiscard]] std::size_t spines_of_a_switch() const {
    if (options_.spines_per_leaf == 0) return static_cast<std::size_t>(options_.spines_per_switch);
    std::size_t most = 1;
    for (std::size_t i : leafs_) {
      std::size_t n = 0;
      for_each_spine(i, [&](std::size_t) { ++n; });
      most = std::max(most, n);
    }
    const auto wanted = static_cast<std::size_t>(options_.spines_per_leaf);
    if (wanted % most != 0)
      throw input_error(file_.name,
                        "spines of a leaf in a multiple of the " + std::to_string(most) +
                            " switches above it",
                        std::to_string(wanted));
    return wanted / most;
  }
  void most_pairs(std::size_t lower, std::size_t upper, const char* of) const {
    if (static_cast<double>(lower) * static_cast<double>(upper) > 1 << 28)
      throw input_error(file_.name, std::string("at most 2^28 pairs of ") + of, "more");
  }

  template <class Gpus>
  void add_servers(const named_switch& s, const Gpus& gpus, std::vector<server_layout>& out) const {
    std::map<std::string_view, std::size_t> domains;  // by when they come first
    std::vector<std::pair<std::size_t, const named_node*>> order;
    for (const named_node& n : s.nodes)
      order.emplace_back(n.domain.empty() ? s.nodes.size() + order.size()
                                          : domains.emplace(n.domain, order.size()).first->second,
                         &n);
    if (!domains.empty()) std::sort(order.begin(), order.end());  // nodes by where they stand
    for (std::size_t i = 0; i < order.size(); ++i)
      out.push_back({.name = order[i].second->name,
                     .gpus = gpus_of_host(gpus, order[i].second->name, file_.at(s.line)),
                     .joins = i > 0 && order[i].first == order[i - 1].first});
  }
  static void add_named(const std::string& name, std::size_t n, std::vector<std::string>& out) {
    for (std::size_t i = 0; i < n; ++i)
      out.push_back(n == 1 ? name : name + "/" + std::to_string(i));
  }

  /// Spine i of every switch below a root reaches the cores of group i of that root, one link each, as many
  /// as it has links down: nothing is tapered that the file does not say.
  void add_cores(std::size_t each, layout& out) const {
    if (roots_.empty()) return;
    std::vector<std::size_t> in_group;
    std::size_t all = 0;
    for (const auto& [root, spines] : roots_) {
      std::size_t most = 1;
      for (std::size_t k : spines) most = std::max(most, leafs_below(spines_[k]));
      in_group.push_back(most * static_cast<std::size_t>(options_.links_per_pair));
      all += in_group.back() * each;
    }
    most_pairs(out.spines.size(), all, "a spine and a core");
    out.core_links.assign(out.spines.size(), std::vector<int>(all, 0));
    for (std::size_t r = 0; r < roots_.size(); ++r) {
      const std::size_t first = out.cores.size();
      add_named(tree_.switches[roots_[r].first].name, in_group[r] * each, out.cores);
      for (std::size_t k : roots_[r].second)
        for (std::size_t i = 0; i < each; ++i)
          for (std::size_t c = 0; c < in_group[r]; ++c)
            out.core_links[k * each + i][first + i * in_group[r] + c] = 1;
    }
  }

  switch_tree tree_;
  tree_place file_;
  topology_conf_options options_;
  tree_links links_;
  std::vector<bool> is_leaf_of_tree_;
  std::vector<std::size_t> leafs_, spines_;  // places in the tree
  std::vector<std::size_t> number_;          // of a place in the tree: which spine it is
  std::vector<std::pair<std::size_t, std::vector<std::size_t>>>
      roots_;  // and their spines, by number
};

}  // namespace detail

/// The network that a tree of names stands for: two tiers where every switch with others below it has
/// leafs below it, else three.
///
/// - Switches with hosts are leafs, the hosts their servers, in the tree's order. Those of one NVLink
///   domain follow one another.
/// - Switches directly above leafs are spines, and so is a leaf that has switches below.
/// - All higher tiers are taken as one, of cores: leafs that have a switch above both, however high,
///   are joined.
/// - Leafs that have none are on different *islands* (islands.hpp).
/// - Links are not told: a leaf has `links_per_pair` to each spine above it, and spines have as many
///   links up as down.
///
/// \param name  of the file, for errors
/// \param gpus  GPUs of a server: a number for all, or a function of its name
/// \throws input_error  for a switch below itself, and for options that make no sense
/// Complexity: O(names log names + leafs · spines + spines · cores).
template <class Gpus>
[[nodiscard]] layout layout_of(switch_tree tree, const std::string& name, const Gpus& gpus,
                               const topology_conf_options& o = {}) {
  return detail::tree_tiers{std::move(tree), name, o}.read(gpus);
}

}  // namespace heddle::fabric
