// Which cubes hold which pieces of a box.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/place/detail/box_layout.hpp>
#include <heddle/place/detail/cube_view.hpp>

namespace heddle::place::detail {

/// What a placement costs others: least is best.
struct cube_cost {
  int broken = std::numeric_limits<int>::max();  ///< empty cubes of which it takes some
  int left = std::numeric_limits<int>::max();  ///< free chips that stay in cubes it takes a part of
  int pieces = std::numeric_limits<int>::max();

  friend auto operator<=>(const cube_cost&, const cube_cost&) = default;
};

/// Gives each piece a cube: whole pieces empty ones, others the open cube that they fit best, or else an
/// empty one. A piece may take any cube of which all its cells are free: pieces of one box lie at common
/// offsets, so circuits join whatever cubes they are in.
class cube_match {
 public:
  /// \param share  whether pieces of this box may lie in one cube together
  /// \param best   what is to be undercut; if that is done it becomes the cost
  /// \returns      whether it was. Without sharing the number of empty cubes broken is the least there is:
  ///               a maximal matching of pieces and open cubes
  bool find(const cube_view& v, std::span<const piece_kind> kinds, bool share, cube_cost& best) {
    const word all = v.cells.all();
    cube_cost cost{0, 0, 0};
    for (const piece_kind& k : kinds) {
      cost.pieces += k.count;
      if (k.mask == all) cost.broken += k.count;
    }
    const int empty = static_cast<int>(v.empty.size());
    if (cost.broken > empty || cost.broken > best.broken) return false;
    order_.clear();
    for (std::uint32_t k = 0; k < kinds.size(); ++k) order_.push_back(k);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return kinds[a].cells != kinds[b].cells ? kinds[a].cells > kinds[b].cells
                                              : kinds[a].mask < kinds[b].mask;
    });
    if (share ? greedy_shared(v, kinds, cost, best) : exact(v, kinds, cost, best)) {
      best = cost_;
      return true;
    }
    return false;
  }
  /// After a find: the cube of the next piece of kind `k`.
  [[nodiscard]] std::uint32_t next_cube(std::size_t k) { return given_[k][taken_[k]++]; }
  /// Keeps what was found until the next find that is kept.
  void keep(cube_match& other) const {
    other.given_ = given_;
    other.taken_.assign(given_.size(), 0);
  }

 private:
  void restart(std::size_t kinds) {
    given_.resize(std::max(given_.size(), kinds));
    for (auto& g : given_) g.clear();
  }

  bool greedy_shared(const cube_view& v, std::span<const piece_kind> kinds, cube_cost cost,
                     const cube_cost& best) {
    restart(kinds.size());
    std::size_t next_empty = 0;
    cost.broken = 0;
    room_ = v.open;
    for (std::uint32_t k : order_) {
      const word mask = kinds[k].mask;
      int wanted = kinds[k].count;
      if (mask != v.cells.all())
        for (std::size_t i = 0; i < room_.size() && wanted > 0; ++i) {
          auto& [c, count, free] = room_[i];
          if ((free & mask) != mask || v.is_cut(c, mask)) continue;
          free &= ~mask;
          count -= kinds[k].cells;
          cost.left += count;
          given_[k].push_back(c);
          --wanted;
        }
      for (; wanted > 0; --wanted) {
        if (next_empty == v.empty.size() || ++cost.broken > best.broken) return false;
        const std::uint32_t c = v.empty[next_empty++];
        given_[k].push_back(c);
        const int left = v.cells.count() - kinds[k].cells;
        cost.left += left;
        if (left > 0) room_.push_back({c, left, v.cells.all() & ~mask});
      }
    }
    cost_ = cost;
    return cost < best;
  }

  bool exact(const cube_view& v, std::span<const piece_kind> kinds, cube_cost cost,
             const cube_cost& best) {
    restart(kinds.size());
    cost.broken = 0;
    // First what fits best, each open cube once; then what is left over by exchange.
    holder_.assign(v.free.size(), none);
    seen_.resize(v.free.size());
    std::size_t lacking = 0, least = 0;
    const auto most = static_cast<std::size_t>(
        std::max(0, std::min(best.broken, static_cast<int>(v.empty.size()))));
    missing_.clear();
    for (std::uint32_t k : order_) {
      int wanted = kinds[k].count, held = 0;
      const bool whole = kinds[k].mask == v.cells.all();
      for (std::size_t i = 0; i < v.open.size() && !whole && wanted > 0; ++i) {
        const std::uint32_t c = v.open[i].cube;
        if (!v.holds(c, kinds[k].mask)) continue;
        if (held < kinds[k].count) ++held;
        if (holder_[c] != none) continue;
        holder_[c] = k;
        --wanted;
      }
      least += static_cast<std::size_t>(kinds[k].count - held);
      if (least > most) return false;
      missing_.push_back({k, wanted, kinds[k].count - held});
      lacking += static_cast<std::size_t>(wanted);
    }
    if (lacking > least)
      for (auto& [k, wanted, at_least] : missing_)
        while (wanted > at_least) {
          ++round_;
          if (!augment(v, kinds, k)) break;
          --wanted;
          --lacking;
        }
    if (lacking > v.empty.size()) return false;
    cost.broken = static_cast<int>(lacking);
    if (cost.broken > best.broken) return false;
    std::size_t next_empty = 0;
    for (const auto& [c, count, free] : v.open)
      if (holder_[c] != none) {
        given_[holder_[c]].push_back(c);
        cost.left += count - kinds[holder_[c]].cells;
      }
    for (const auto& [k, wanted, at_least] : missing_)
      for (int n = wanted; n > 0; --n) {
        given_[k].push_back(v.empty[next_empty++]);
        cost.left += v.cells.count() - kinds[k].cells;
      }
    cost_ = cost;
    return cost < best;
  }
  /// Finds an open cube for one more piece of kind `k`; others make way.
  bool augment(const cube_view& v, std::span<const piece_kind> kinds, std::uint32_t k) {
    for (const auto& [c, count, free] : v.open) {
      if (seen_[c] == round_ || !v.holds(c, kinds[k].mask)) continue;
      seen_[c] = round_;
      if (holder_[c] != none && (holder_[c] == k || !augment(v, kinds, holder_[c]))) continue;
      holder_[c] = k;
      return true;
    }
    return false;
  }

  static constexpr std::uint32_t none = ~0u;

  std::vector<std::uint32_t> order_, holder_;
  std::vector<std::uint64_t> seen_;  // by cube, in which round
  std::uint64_t round_ = 0;
  struct lack {
    std::uint32_t kind;
    int wanted, at_least;
  };
  std::vector<lack> missing_;
  std::vector<open_cube> room_;
  std::vector<std::vector<std::uint32_t>> given_;
  std::vector<std::size_t> taken_;
  cube_cost cost_;
};

}  // namespace heddle::place::detail
