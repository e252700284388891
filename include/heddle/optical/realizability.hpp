// Can a link matrix be wired at all, and if not, whose ports are short?
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/optical/ports.hpp>

namespace heddle::optical {

/// A leaf or a spine that is to have more links than its ports allow: in all, or to the others named
/// (at the OCS where both it and they have open ends).
struct shortage {
  leaf_id leaf = {};  ///< one of the two is valid
  spine_id spine = {};
  std::vector<std::uint32_t> others =
      {};  ///< the spines, or leafs, that the links go to; empty: all
  long wanted = 0;
  long possible = 0;

  /// By how many links.
  [[nodiscard]] long by() const { return wanted - possible; }
  [[nodiscard]] std::string message() const {
    std::string m = leaf.valid() ? "leaf " + std::to_string(leaf.value)
                                 : "spine " + std::to_string(spine.value);
    m += " is to have " + std::to_string(wanted) + " links";
    if (!others.empty()) {
      m += leaf.valid() ? " to spines" : " to leafs";
      for (std::uint32_t i : others) m.append(" ").append(std::to_string(i));
    }
    return m + " and has ports for " + std::to_string(possible);
  }

  friend bool operator==(const shortage&, const shortage&) = default;
};

enum class realizable : unsigned char {
  yes,      ///< proved: port counts fit and all OCS are alike
  no,       ///< proved: see the witness
  unknown,  ///< no leaf or spine by itself is short, but OCS differ: only a search can tell
};

struct realizability {
  realizable verdict = realizable::yes;
  std::optional<shortage> witness;  ///< of a no
};

namespace detail {

/// The wanted links of one leaf (or spine) as a flow from the others over the OCS, by augmenting
/// paths: the whole of it goes through iff no set of others wants more than the ends allow.
template <class Id, class Other>
class one_sided_flow {
 public:
  one_sided_flow(const ports& ends, Id id, id_range<Other> others, const std::vector<int>& wanted)
      : ends_(ends), id_(id), others_(others), switches_(static_cast<std::size_t>(ends.switches())),
        flow_(others.size() * switches_, 0), load_(switches_, 0) {
    for (Other other : others)
      for (int k = 0; k < wanted[other.index()]; ++k) {
        other_seen_.assign(others.size(), false);
        ocs_seen_.assign(switches_, false);
        if (push(other)) continue;
        fill_shortage(wanted);
        return;
      }
  }
  [[nodiscard]] std::optional<shortage> take() { return std::move(shortage_); }

 private:
  /// Finds an OCS for one link more to `other`, where need be by moving those of others.
  bool push(Other other) {
    other_seen_[other.index()] = true;
    for (ocs_id o : ends_.all_switches()) {
      int& here = flow_[other.index() * switches_ + o.index()];
      if (ocs_seen_[o.index()] || here == ends_.open(other, o)) continue;
      ocs_seen_[o.index()] = true;
      bool room = load_[o.index()] < ends_.open(id_, o);
      if (room) ++load_[o.index()];
      for (auto i = others_.begin(); !room && i != others_.end(); ++i) {
        int& there = flow_[(*i).index() * switches_ + o.index()];
        if (there == 0 || other_seen_[(*i).index()] || !push(*i)) continue;
        --there;
        room = true;
      }
      if (!room) continue;
      ++here;
      return true;
    }
    return false;
  }
  /// Those seen in vain use up all that they and `id` can share.
  void fill_shortage(const std::vector<int>& wanted) {
    shortage s;
    if constexpr (std::is_same_v<Id, leaf_id>)
      s.leaf = id_;
    else
      s.spine = id_;
    for (Other other : others_)
      if (other_seen_[other.index()]) {
        s.others.push_back(other.value);
        s.wanted += wanted[other.index()];
      }
    for (ocs_id o : ends_.all_switches()) {
      int there = 0;
      for (std::uint32_t i : s.others) there += ends_.open(Other{i}, o);
      s.possible += std::min(ends_.open(id_, o), there);
    }
    shortage_ = std::move(s);
  }

  const ports& ends_;
  Id id_;
  id_range<Other> others_;
  std::size_t switches_;
  std::vector<int> flow_, load_;  // links over each OCS: of each other, of all
  std::vector<char> other_seen_, ocs_seen_;
  std::optional<shortage> shortage_;
};

}  // namespace detail

/// A leaf or a spine with more links wanted than it has open ends; leafs come first.
/// O(leafs · spines + ends / 64).
[[nodiscard]] inline std::optional<shortage> count_shortage(const ports& ends,
                                                            const link_matrix& wanted) {
  for (leaf_id l : ends.all_leafs())
    if (const long sum = wanted.sum(l), open = count_bits(ends.open(l)); sum > open)
      return shortage{.leaf = l, .wanted = sum, .possible = open};
  for (spine_id s : ends.all_spines())
    if (const long sum = wanted.sum(s), open = count_bits(ends.open(s)); sum > open)
      return shortage{.spine = s, .wanted = sum, .possible = open};
  return std::nullopt;
}

/// Whether `wanted` can be wired. Where all OCS are alike, so also after whole OCS have failed, iff no
/// leaf and no spine has more links than open ends: exact, O(leafs · spines + ends);
/// `kempe` wires it, circuit by circuit.
/// Where single fibres are closed the question is list colouring, NP-hard; then each leaf and each
/// spine is examined by itself, by flow: a no is proved, what is not a no is `unknown`, and
/// `circuit_search` or `kempe` may find the wiring. Derived.
[[nodiscard]] inline realizability check_realizable(const ports& ends, const link_matrix& wanted) {
  if (auto found = count_shortage(ends, wanted)) return {realizable::no, std::move(found)};
  if (ends.is_uniform()) return {};

  std::vector<int> links;
  for (leaf_id l : ends.all_leafs()) {
    links.clear();
    for (spine_id s : ends.all_spines()) links.push_back(wanted(l, s));
    if (auto found = detail::one_sided_flow{ends, l, ends.all_spines(), links}.take())
      return {realizable::no, std::move(found)};
  }
  for (spine_id s : ends.all_spines()) {
    links.clear();
    for (leaf_id l : ends.all_leafs()) links.push_back(wanted(l, s));
    if (auto found = detail::one_sided_flow{ends, s, ends.all_leafs(), links}.take())
      return {realizable::no, std::move(found)};
  }
  return {realizable::unknown, std::nullopt};
}

}  // namespace heddle::optical
