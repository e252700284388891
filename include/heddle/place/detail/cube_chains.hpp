// Long thin meshes through whole cubes and the free rests of others.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/place/detail/cube_match.hpp>
#include <heddle/place/detail/cube_paths.hpp>
#include <heddle/place/detail/cube_view.hpp>

namespace heddle::place::detail {

/// A grid of steps, and the ways through all of an empty cube that it has been asked for.
class whole_cubes {
 public:
  explicit whole_cubes(step_grid g) : grid(std::move(g)), ways_(grid.mask.size()) {
    for (int i = 0; i < grid.count(); ++i)
      if ((grid.level(i, 0) + grid.level(i, 1) + grid.level(i, 2)) % 2 == 0) even_ |= word{1} << i;
  }
  step_grid grid;

  /// A path through all steps of a cube from `entry` to a corner at a face; null if none was found.
  const std::vector<int>* from(int entry) {
    auto& way = ways_[static_cast<std::size_t>(entry)];
    if (!way) {
      path_search search{longest, longest};
      // A path takes even and odd steps by turns.
      const bool ends_even = (even_ >> entry & 1u) == static_cast<unsigned>(grid.count() % 2);
      const word ends = grid.corners & (ends_even ? even_ : ~even_);
      way = search.find(grid, grid.all, entry, grid.count(), ends) ? std::move(search.path)
                                                                   : std::vector<int>{};
    }
    return way->empty() ? nullptr : &*way;
  }
  /// Appends the way through `n` empty cubes from `entry` on; false if none was found.
  bool chain(const std::vector<std::uint32_t>& empty, std::size_t n, int entry,
             std::vector<stretch>& out) {
    for (std::size_t i = 0; i < n; ++i) {
      const std::vector<int>* way = from(entry);
      if (!way) return false;
      out.push_back({empty[i], *way});
      entry = -1;
      grid.for_each_beyond(way->back(), [&](int step) {
        if (entry < 0) entry = step;
      });
    }
    return true;
  }

 private:
  static constexpr int longest = 20'000;

  std::vector<std::optional<std::vector<int>>> ways_;
  word even_ = 0;
};

/// A mesh of `length` steps as a path: how steps lie in cubes, and where it goes.
struct chain_found {
  whole_cubes* way = nullptr;
  std::array<std::size_t, 2> across{};  // the axes of the mesh's other two dimensions
  std::vector<stretch> path;
};

/// Takes whole empty cubes, and for what is left the open cube that fits it best.
class cube_chains {
 public:
  /// \param across  the other two sides of the mesh
  /// \param budget  steps that may be tried
  bool find(const cube_view& v, int length, std::array<int, 2> across, std::int64_t budget,
            cube_cost& best, chain_found& out) {
    search_.left = budget;
    bool found = false;
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b) {
        if (a == b || (across[0] == across[1] && a > b) || redundant(across, a, b)) continue;
        std::array<int, 3> thick{1, 1, 1};
        thick[a] = across[0];
        thick[b] = across[1];
        const int shifts = shifts_of(v.cells.side, across[0]) * shifts_of(v.cells.side, across[1]);
        for (int s = 0; s < shifts; ++s) {
          std::array<int, 3> from{0, 0, 0};
          from[a] = s % shifts_of(v.cells.side, across[0]);
          from[b] = s / shifts_of(v.cells.side, across[0]);
          found |= find(v, length, grid(v.cells, thick, from), {a, b}, best, out);
        }
      }
    return found;
  }

 private:
  /// Whether only the axis of a side of 1 differs from an order that is tried as well.
  static bool redundant(const std::array<int, 2>& across, std::size_t a, std::size_t b) {
    if (across[0] == 1 && across[1] == 1) return a != 1 || b != 2;
    if (across[1] == 1) return b != (a == 2 ? 1u : 2u);
    return across[0] == 1 && a != (b == 2 ? 1u : 2u);
  }
  /// Places of a side that neither moves nor turns over.
  static int shifts_of(int side, int thick) {
    return thick == 1 || thick * 2 == side ? 1 : side - thick + 1;
  }
  whole_cubes& grid(const cell_words& cells, const std::array<int, 3>& thick,
                    const std::array<int, 3>& from) {
    const auto key = std::tuple{cells.side, thick, from};
    auto at = grids_.find(key);
    if (at == grids_.end())
      at = grids_.emplace(key, whole_cubes{step_grid{cells, thick, from}}).first;
    return at->second;
  }

  bool find(const cube_view& v, int length, whole_cubes& w, std::array<std::size_t, 2> across,
            cube_cost& best, chain_found& out) {
    const step_grid& g = w.grid;
    const int all = g.count(), q = length / all, r = length % all;
    const int area = std::popcount(g.mask[0]), cube = std::popcount(g.cells.all());
    const auto whole = static_cast<std::size_t>(q);
    if (whole > v.empty.size() || q > best.broken) return false;
    const auto keep = [&](cube_cost cost) {
      if (!(cost < best)) return false;
      best = cost;
      out.way = &w;
      out.across = across;
      std::swap(out.path, path_);
      return true;
    };
    if (r == 0) {
      path_.clear();
      return w.chain(v.empty, whole, first_of(g.corners), path_) &&
             keep({q, q * (cube - all * area), q});
    }
    for (const auto& [c, count, free] : v.open) {
      const int left = count - r * area;
      if (left < 0) continue;
      if (!(cube_cost{q, left + q * (cube - all * area), q + 1} < best)) break;
      if (rest_in(usable(v, c), w, v, r, whole, c))
        return keep({q, left + q * (cube - all * area), q + 1});
    }
    if (whole + 1 > v.empty.size() || q + 1 > best.broken) return false;
    const std::uint32_t last = v.empty[whole];
    return rest_in(g.cells.all(), w, v, r, whole, last) &&
           keep({q + 1, cube - r * area + q * (cube - all * area), q + 1});
  }
  static int first_of(word s) { return std::countr_zero(s); }
  /// The free cells of a cube without one end of each failed link.
  static word usable(const cube_view& v, std::uint32_t c) {
    word free = v.free[c];
    for (const auto& [cube, ends] : v.cut)
      if (cube == c) free &= ~(ends & (~ends + 1));
    return free;
  }

  /// A path of `r` steps through the free cells of cube `c`, and on through `whole` empty cubes. The first
  /// that leaves the rest in one part will do; if it leads nowhere, or there is none, that which leaves it in
  /// fewest.
  bool rest_in(word free, whole_cubes& w, const cube_view& v, int r, std::size_t whole,
               std::uint32_t c) {
    return (list_rests(free, w.grid, r, whole > 0, true) && connect(w, v, whole, c)) ||
           (rests_end_early_ && list_rests(free, w.grid, r, whole > 0, false) &&
            connect(w, v, whole, c));
  }
  /// Paths of `r` steps in a cube that begin at a face if they must: the best first in `rests_`, where
  /// best leaves the rest in fewest parts. \param one  whether the first that none can beat is enough
  bool list_rests(word free, const step_grid& g, int r, bool at_face, bool one) {
    rests_.clear();
    rests_end_early_ = false;
    const word s = g.within(free);
    const int least = std::popcount(s) > r ? 1 : 0;
    for (word rest = s; rest != 0;) {
      const word part = g.reach(s, rest & (~rest + 1));
      rest &= ~part;
      if (std::popcount(part) < r) continue;
      starts_.clear();
      for (word w = at_face ? part & g.at_face : part; w; w &= w - 1) {
        const int i = std::countr_zero(w);
        starts_.push_back({std::popcount(g.neighbours(word{1} << i) & part), i});
      }
      std::sort(starts_.begin(), starts_.end());
      if (starts_.size() > most_starts) starts_.resize(most_starts);
      for (const auto& [degree, start] : starts_) {
        if (!search_.find(g, part, start, r, ~word{0})) continue;
        word taken = 0;
        for (int step : search_.path) taken |= word{1} << step;
        int parts = 0;
        for (word w = s & ~taken; w; ++parts) w &= ~g.reach(w, w & (~w + 1));
        rests_.push_back({parts, search_.path});
        if (!one || parts > least) continue;
        std::rotate(rests_.begin(), rests_.end() - 1, rests_.end());
        rests_.resize(1);
        rests_end_early_ = true;
        return true;
      }
    }
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    // By insertion, which keeps the order of equals.
    for (auto it = rests_.begin(); it != rests_.end(); ++it)
      std::rotate(std::upper_bound(rests_.begin(), it, *it, less), it, it + 1);
    return !rests_.empty();
  }
  /// The path from one of `rests_` in cube `c` through `whole` empty cubes.
  bool connect(whole_cubes& w, const cube_view& v, std::size_t whole, std::uint32_t c) {
    for (auto& [parts, rest] : rests_) {
      path_.clear();
      path_.push_back({c, {rest.rbegin(), rest.rend()}});
      if (whole == 0) return true;
      bool joined = false;
      w.grid.for_each_beyond(rest.front(), [&](int entry) {
        if (joined) return;
        path_.resize(1);
        joined = w.chain(v.empty, whole, entry, path_);
      });
      if (joined) return true;
    }
    return false;
  }

  static constexpr std::size_t most_starts = 6;

  std::map<std::tuple<int, std::array<int, 3>, std::array<int, 3>>, whole_cubes> grids_;
  path_search search_;
  std::vector<stretch> path_;
  std::vector<std::pair<int, int>> starts_;
  std::vector<std::pair<int, std::vector<int>>> rests_;
  bool rests_end_early_ = false;  // there may be more
};

}  // namespace heddle::place::detail
