// Finds circuits on idle fibres alone: nothing of other jobs moves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>
#include <heddle/place/detail/free_fibres.hpp>

namespace heddle::place::detail {

/// A wiring of the chosen leafs alone, over those of their ends and of the spines' that are free.
/// After a yes the circuits stand in `links`, sorted. Keeps its memory between calls.
class idle_circuits {
 public:
  /// Column by column, on the spines that could take most of them first, then those with fewest ports;
  /// a circuit that finds no OCS may move others of this job. The columns of the rest come first.
  bool greedy(free_fibres& free, std::span<const leaf_id> leafs, int n, int r) {
    free_ = &free;
    start(leafs);
    insert_.most_pairs = 8;
    bool placed = true;
    if (r > 0) placed = greedy_columns(leafs, r);
    if (placed && n > r) placed = greedy_columns(leafs.first(leafs.size() - (r > 0)), n - r);
    insert_.most_pairs = ~std::size_t{0};
    return placed && take(leafs);
  }

  /// All ways to spread the columns over the spines, each with a search for its circuits.
  optical::search_result exact(free_fibres& free, std::span<const leaf_id> leafs, int n, int r,
                               std::int64_t& budget) {
    free_ = &free;
    const int m = static_cast<int>(leafs.size()) - (r > 0);
    budget -= static_cast<std::int64_t>(leafs.size() * free.by_ports().size() / 256);
    shares_.clear();
    for (spine_id s : free_->by_ports()) {
      if (free_->free_ports(s) < m) continue;
      share x{s,    free_->free_ports(s) / m, r > 0 ? free_->common(leafs.back(), s) : 0, 0, 0, 0,
              false};
      for (int i = 0; i < m; ++i) x.most = std::min(x.most, free_->common(leafs[size(i)], s));
      if (x.most > 0) shares_.push_back(x);
    }
    int columns = 0;
    for (std::size_t i = shares_.size(); i-- > 0;) {
      columns += shares_[i].most;
      shares_[i].from_here = columns;
      // Spines with the same free fibres are alike: of two only the first may have more columns.
      shares_[i].is_twin = i > 0 && free_->same_fibres(shares_[i - 1].spine, shares_[i].spine);
    }
    const optical::search_result found = spread(leafs, m, 0, n, r, budget);
    if (found == optical::search_result::found) take(leafs);
    return found;
  }

  /// N ports of one spine, and of each leaf at most as many as it has GPUs: leafs in the order given,
  /// as few as that takes. Nothing of others moves. By augmenting paths, exact.
  /// \param gpus  in: what each leaf can give; out: what it gives
  bool crossbar(free_fibres& free, std::span<const leaf_id> leafs, std::span<int> gpus, int n,
                spine_id s) {
    free_ = &free;
    start(leafs);
    open(s);
    int left = n;
    for (std::size_t i = 0; i < leafs.size(); ++i) {
      int given = 0;
      while (given < gpus[i] && left > 0) {
        seen_.assign(size(local_.ends().switches()), false);
        if (!augment(leaf_id{i}, s)) break;
        ++given;
        --left;
      }
      gpus[i] = given;
    }
    return left == 0 && take(leafs);
  }

  [[nodiscard]] const std::vector<fabric::circuit>& circuits() const { return links_; }

 private:
  /// What one spine carries, and could.
  struct share {
    spine_id spine;
    int most = 0;       // columns
    int most_wide = 0;  // that the rest could have
    int from_here = 0;  // columns of this and all later spines
    int columns = 0, wide = 0;
    bool is_twin = false;
  };

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }

  /// All circuits down, and other leafs.
  void start(std::span<const leaf_id> leafs) {
    const fabric::leaf_spine_ocs& dc = free_->state().fabric();
    ends_.reset(static_cast<int>(leafs.size()), dc.spines(), dc.optical().switches,
                dc.optical().leaf_fibres, dc.optical().spine_fibres);
    for (std::size_t i = 0; i < leafs.size(); ++i)
      ends_.open(leaf_id{i}, free_->state().network().free_ports(leafs[i]));
    local_.reset(ends_);
    ports_left_ = free_->ports();
    is_open_.assign(ports_left_.size(), false);
  }
  void open(spine_id s) {
    if (is_open_[s.index()]) return;
    is_open_[s.index()] = true;
    for (ocs_id o : free_->state().fabric().all_switches())
      if (const int n = free_->state().network().free_spine_fibres(s, o)) local_.open(s, o, n);
  }

  /// `columns` more of the leafs given, the first of those that are local.
  bool greedy_columns(std::span<const leaf_id> leafs, int columns) {
    const int height = static_cast<int>(leafs.size());
    // What free fibres allow at best: most sets of leafs that will not do are found out here.
    free_->bound_columns(leafs, ports_left_, most_at_);
    int sum = 0;
    for (int most : most_at_) sum += most;
    if (sum < columns) return false;
    // Where most columns may go first: these are often the ports that one job has left behind.
    order_.clear();
    for (std::uint32_t i = 0; i < most_at_.size(); ++i)
      if (most_at_[i] > 0) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return most_at_[a] != most_at_[b] ? most_at_[a] > most_at_[b] : a < b;
    });
    for (std::size_t k = 0; k < order_.size() && columns > 0 && sum >= columns; ++k) {
      const spine_id s = free_->by_ports()[order_[k]];
      sum -= most_at_[order_[k]];
      for (int most = most_at_[order_[k]]; columns > 0 && most > 0 && greedy_column(height, s);
           --most) {
        ports_left_[s.index()] -= height;
        --columns;
      }
    }
    return columns == 0;
  }
  bool greedy_column(int height, spine_id s) {
    open(s);
    moved_.clear();
    set_up_.clear();
    const auto free_to_move = [](const fabric::circuit&) { return 0; };
    for (int i = 0; i < height; ++i) {
      if (insert_.insert(local_, leaf_id{i}, s, free_to_move, 0, moved_)) {
        set_up_.push_back(insert_.set_up());
        continue;
      }
      for (const fabric::circuit& k : set_up_) take_one_down(k);
      return false;
    }
    return true;
  }
  /// A circuit or, if that has moved, another of the same leaf and spine.
  void take_one_down(fabric::circuit k) {
    if (!local_.has(k))
      for (k.uplink = 0; local_.spine_at(k.leaf, k.uplink) != k.spine;) ++k.uplink;
    local_.disconnect(k);
  }

  bool take(std::span<const leaf_id> leafs) {
    links_.clear();
    local_.list(links_);
    for (fabric::circuit& k : links_) k.leaf = leafs[k.leaf.index()];
    std::sort(links_.begin(), links_.end());
    return true;
  }

  /// One circuit more from local leaf `l` to the only open spine, where need be by moving others.
  bool augment(leaf_id l, spine_id s) {
    for (ocs_id o : local_.ends().all_switches()) {
      if (seen_[o.index()] || !test_bit(local_.free_switches(l), o.index())) continue;
      seen_[o.index()] = true;
      if (!test_bit(local_.free_switches(s), o.index())) {
        const auto c = static_cast<std::uint32_t>(local_.ends().spine_fibres());
        bool room = false;
        for (std::uint32_t q = o.value * c; q < (o.value + 1) * c && !room; ++q)
          if (const fabric::circuit k = local_.circuit_at(s, q);
              k.leaf.valid() && augment(k.leaf, s)) {
            local_.disconnect(k);
            room = true;
          }
        if (!room) continue;
      }
      local_.connect(l, s, o);
      return true;
    }
    return false;
  }

  optical::search_result spread(std::span<const leaf_id> leafs, int m, std::size_t at, int n, int r,
                                std::int64_t& budget) {
    if (n == 0) return r == 0 ? wire_spread(leafs, m, at, budget) : optical::search_result::none;
    if (at == shares_.size() || shares_[at].from_here < n || r > n)
      return optical::search_result::none;
    if (budget-- <= 0) return optical::search_result::gave_up;
    share& x = shares_[at];
    const bool is_twin = at > 0 && x.is_twin;
    for (int k = std::min(x.most, n); k >= 0; --k) {
      if (is_twin && k > shares_[at - 1].columns) continue;
      const int ports = free_->free_ports(x.spine) - m * k;
      for (int t = std::min({k, r, x.most_wide, ports}); t >= 0; --t) {
        if (is_twin && k == shares_[at - 1].columns && t > shares_[at - 1].wide) continue;
        x.columns = k;
        x.wide = t;
        const optical::search_result found = spread(leafs, m, at + 1, n - k, r - t, budget);
        if (found != optical::search_result::none) return found;
      }
    }
    return optical::search_result::none;
  }
  optical::search_result wire_spread(std::span<const leaf_id> leafs, int m, std::size_t used,
                                     std::int64_t& budget) {
    budget -= 8;  // of the same weight as nodes
    start(leafs);
    wanted_.clear();
    for (const share& x : std::span(shares_).first(used)) {
      if (x.columns == 0) continue;
      open(x.spine);
      for (int i = 0; i < m; ++i) wanted_.push_back({leaf_id{i}, x.spine, x.columns});
      if (x.wide > 0) wanted_.push_back({leaf_id{m}, x.spine, x.wide});
    }
    return search_.solve(local_, wanted_, budget);
  }

  free_fibres* free_ = nullptr;  // of the call in hand
  optical::ports ends_;
  optical::wiring local_;
  optical::kempe insert_;
  optical::circuit_search search_;
  std::vector<int> ports_left_;  // free ports of each spine, without those in use here
  std::vector<char> is_open_, seen_;
  std::vector<share> shares_;
  std::vector<optical::pair_links> wanted_;
  std::vector<optical::rerouted> moved_;
  std::vector<int> most_at_;             // columns that each spine, by ports, could take
  std::vector<std::uint32_t> order_;     // of by_ports, the most columns first
  std::vector<fabric::circuit> set_up_;  // of the column in hand
  std::vector<fabric::circuit> links_;
};

}  // namespace heddle::place::detail
