// What the shapes of `ocs_vclos` share while one question is answered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/place/detail/ocs_links.hpp>

namespace heddle::place::detail {

/// The leafs of a ledger by free GPUs, the circuits, what may be spent, what was found out, and the
/// answer so far. Keeps its memory between questions.
struct ocs_search {
  /// GPUs of one leaf that the job gets.
  struct part {
    leaf_id leaf;
    int gpus = 0;
  };

  const ocs_ledger* free = nullptr;
  bool may_move = false;  // circuits of running jobs
  int most_moved = 0;
  std::int64_t nodes = 0, budget = 0;  // of this question, and what is left of them
  bool gpus_would_do = false, gave_up = false, unproved = false;
  ocs_links links;
  std::vector<int> ports;         // free uplinks of each leaf
  std::vector<std::size_t> from;  // where those with so many free GPUs begin
  std::vector<leaf_id> by_free;   // leafs with free GPUs, fewest first
  std::vector<leaf_id> chosen;
  std::vector<part> parts;  // of the answer

  /// \param moves  whether circuits of others may move, at most `most` for this question
  void start(const ocs_ledger& state, bool moves, int most, std::int64_t search_nodes) {
    free = &state;
    may_move = moves;
    most_moved = most;
    nodes = budget = search_nodes;
    gpus_would_do = gave_up = unproved = false;
    links.start(state);
    const fabric::leaf_spine_ocs& dc = free->fabric();
    ports.clear();
    from.assign(size(dc.gpus_per_leaf()) + 2, 0);
    for (leaf_id l : dc.all_leafs()) {
      ports.push_back(count_bits(free->network().free_ports(l)));
      ++from[size(free_gpus(l)) + 1];
    }
    from[1] = 0;  // those without
    for (std::size_t n = 1; n < from.size(); ++n) from[n] += from[n - 1];
    by_free.resize(from.back());
    for (leaf_id l : dc.all_leafs())
      if (const int n = free_gpus(l); n > 0) by_free[from[size(n)]++] = l;
  }
  /// Free GPUs under a leaf; here every server hangs whole under one.
  [[nodiscard]] int free_gpus(leaf_id l) const { return free->free_gpus(unit_id{l.value}); }
  /// The leafs with at least `n` free GPUs, fewest first.
  [[nodiscard]] std::span<const leaf_id> leafs_with(int n) const {
    const auto first = std::partition_point(by_free.begin(), by_free.end(),
                                            [&](leaf_id l) { return free_gpus(l) < n; });
    return {first, by_free.end()};
  }
  /// Those with just so many.
  [[nodiscard]] std::span<const leaf_id> leafs_with_just(int n) const {
    const auto enough = leafs_with(n), more = leafs_with(n + 1);
    return enough.first(enough.size() - more.size());
  }
  /// GPUs of a leaf that can have a circuit each.
  [[nodiscard]] int width(leaf_id l) const { return std::min(free_gpus(l), ports[l.index()]); }
  /// The most GPUs that one leaf can have with a circuit each.
  [[nodiscard]] int widest() const {
    return std::min(free->fabric().gpus_per_leaf(), free->fabric().uplinks());
  }
  [[nodiscard]] bool is_chosen(leaf_id l) const {
    return std::find(chosen.begin(), chosen.end(), l) != chosen.end();
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
};

}  // namespace heddle::place::detail
