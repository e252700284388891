// Setting up one circuit more, moving few others.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

/// A circuit that goes over another OCS.
struct rerouted {
  circuit from, to;  ///< the same leaf and spine, another uplink

  friend bool operator==(const rerouted&, const rerouted&) = default;
};

/// Inserts circuits into a wiring, by Kempe chains. If leaf and spine have free ends at one OCS, that
/// is it. Else take an OCS α where the leaf has a free end and β where the spine has one. The circuit
/// goes to α; there the spine has one too many, of which one moves to β; its leaf then may have one
/// too many at β, of which one moves to α; and so on until an end is free.
///
/// Ends with several fibres to an OCS need not be split into vertices with one each: the chain ends at
/// the first free fibre and may choose among the circuits of an OCS, so it is never longer. Chains are
/// searched breadth first, those that move fewest circuits that count before all others; each spine
/// and leaf is met once.
///
/// Where all OCS are alike (`ports::is_uniform`) and every circuit may move, a chain is found whenever
/// the leaf and the spine have a free end at all: at each vertex passed the numbers of α and β circuits
/// stay as they were, so a chain can only end at a free one, and no circuit moves twice. With frozen
/// circuits or single fibres closed there may be none though a wiring exists. Derived
/// (docs/optical/wiring.md).
///
/// O(OCS / 64) if an OCS is free at both; else O(pairs (α, β) tried · (leafs + circuits at α and β)).
/// Keeps its memory between calls. One writer.
class kempe {
 public:
  static constexpr int frozen = std::numeric_limits<int>::max();

  /// Pairs (α, β) that may be tried; with fewer than all an insertion may fail that could be done.
  std::size_t most_pairs = std::numeric_limits<std::size_t>::max();

  /// \param cost   callable: circuit → what it costs to move it: 0, 1, or `frozen`
  /// \param most   what the chain may cost in all
  /// \param moved  what moved is appended
  /// \returns  whether the circuit was set up; if not, all is as it was
  template <class Cost>
  bool insert(wiring& w, leaf_id leaf, spine_id spine, const Cost& cost, int most,
              std::vector<rerouted>& moved) {
    if (const ocs_id o = common(w, leaf, spine); o.valid()) {
      set_up_ = w.connect(leaf, spine, o);
      cost_ = 0;
      return true;
    }
    const const_bit_row at_leaf = w.free_switches(leaf), at_spine = w.free_switches(spine);
    best_.clear();
    int best_cost = most == frozen ? frozen : most + 1;
    bool found = false;
    std::size_t pairs = 0;
    for_each_bit(at_leaf, [&](std::size_t a) {
      for_each_bit(at_spine, [&](std::size_t b) {
        if (best_cost > 0 && pairs++ < most_pairs)
          found |= search(w, spine, ocs_id{a}, ocs_id{b}, cost, best_cost);
      });
    });
    if (!found) return false;
    // All down before any is up: each goes where the next one was.
    for (const rerouted& r : best_) w.disconnect(r.from);
    for (rerouted& r : best_) {
      r.to = w.connect(r.from.leaf, r.from.spine, w.ends().ocs_of_uplink(r.to.uplink));
      moved.push_back(r);
    }
    set_up_ = w.connect(leaf, spine, common(w, leaf, spine));
    cost_ = best_cost;
    return true;
  }

  /// Of the last insertion that succeeded: what it cost, and the new circuit.
  [[nodiscard]] int cost() const { return cost_; }
  [[nodiscard]] const circuit& set_up() const { return set_up_; }

 private:
  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  /// A circuit that moves, reached from the step `from` before it.
  struct step {
    optical::circuit circuit;
    std::uint32_t from = nobody;
    int cost = 0;
  };

  [[nodiscard]] static ocs_id common(const wiring& w, leaf_id l, spine_id s) {
    const const_bit_row a = w.free_switches(l), b = w.free_switches(s);
    for (std::size_t k = 0; k < a.size(); ++k)
      if (const word both = a[k] & b[k])
        return ocs_id{k * 64 + static_cast<std::size_t>(std::countr_zero(both))};
    return {};
  }

  /// Looks for a chain of colours α = a, β = b that costs less than `best_cost` and puts it into best_.
  template <class Cost>
  bool search(const wiring& w, spine_id spine, ocs_id a, ocs_id b, const Cost& cost,
              int& best_cost) {
    const ports& ends = w.ends();
    leaf_seen_.assign(static_cast<std::size_t>(ends.leafs()), false);
    spine_seen_.assign(static_cast<std::size_t>(ends.spines()), false);
    steps_.clear();
    now_.clear();
    later_.clear();
    const auto push = [&](const circuit& k, std::uint32_t from) {
      const int c = cost(k);
      if (c == frozen) return;
      const int sum = c + (from == nobody ? 0 : steps_[from].cost);
      if (sum >= best_cost) return;
      steps_.push_back({k, from, sum});
      (c == 0 ? now_ : later_).push_back(static_cast<std::uint32_t>(steps_.size() - 1));
    };
    const auto leave_spine = [&](spine_id s,
                                 std::uint32_t from) {  // one of its circuits at α goes to β
      const auto c = static_cast<std::uint32_t>(ends.spine_fibres());
      spine_seen_[s.index()] = true;
      for (std::uint32_t q = a.value * c; q < (a.value + 1) * c; ++q)
        if (const circuit k = w.circuit_at(s, q); k.leaf.valid() && !leaf_seen_[k.leaf.index()])
          push(k, from);
    };
    const auto leave_leaf = [&](leaf_id l,
                                std::uint32_t from) {  // one of its circuits at β goes to α
      const auto f = static_cast<std::uint32_t>(ends.leaf_fibres());
      leaf_seen_[l.index()] = true;
      for (std::uint32_t p = b.value * f; p < (b.value + 1) * f; ++p)
        if (const spine_id s = w.spine_at(l, p); s.valid() && !spine_seen_[s.index()])
          push({l, s, p}, from);
    };
    leave_spine(spine, nobody);
    // Steps of one cost in the order found; `later_` holds those that cost one more.
    for (std::size_t i = 0; i < now_.size() || !later_.empty(); ++i) {
      if (i >= now_.size()) {
        now_.swap(later_);
        later_.clear();
        i = 0;
      }
      const std::uint32_t at = now_[i];
      const circuit k = steps_[at].circuit;
      if (ends.ocs_of_uplink(k.uplink) == a) {
        if (leaf_seen_[k.leaf.index()]) continue;
        if (test_bit(w.free_switches(k.leaf), b.index())) return take(ends, at, a, b, best_cost);
        leave_leaf(k.leaf, at);
      } else {
        if (spine_seen_[k.spine.index()]) continue;
        if (test_bit(w.free_switches(k.spine), a.index())) return take(ends, at, a, b, best_cost);
        leave_spine(k.spine, at);
      }
    }
    return false;
  }

  bool take(const ports& ends, std::uint32_t last, ocs_id a, ocs_id b, int& best_cost) {
    best_.clear();
    const auto f = static_cast<std::uint32_t>(ends.leaf_fibres());
    for (std::uint32_t at = last; at != nobody; at = steps_[at].from) {
      const circuit k = steps_[at].circuit;
      const ocs_id to = ends.ocs_of_uplink(k.uplink) == a ? b : a;
      best_.push_back({k, {k.leaf, k.spine, to.value * f}});  // of `to` only the OCS is known yet
    }
    best_cost = steps_[last].cost;
    return true;
  }

  int cost_ = 0;
  circuit set_up_;
  std::vector<step> steps_;
  std::vector<std::uint32_t> now_, later_;
  std::vector<char> leaf_seen_, spine_seen_;
  std::vector<rerouted> best_;
};

}  // namespace heddle::optical
