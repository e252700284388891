// A grid of cells put into units so that rows and columns lie over few units and pods.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>

namespace heddle::place::detail {

/// How many different ones there are. Sorts.
template <class T>
[[nodiscard]] std::size_t count_of_kinds(std::vector<T>& of) {
  std::sort(of.begin(), of.end());
  return static_cast<std::size_t>(std::unique(of.begin(), of.end()) - of.begin());
}

/// `stages` rows of `replicas` cells, row by row. A row is a data group and a column a pipeline group, and
/// the cost of one is its weight times (units + pods − 2). Which cell goes to which unit is found by tiles,
/// exchange, and branch and bound, each from what the one before found. Keeps its memory between questions.
class cell_grid {
 public:
  struct weights {
    int column = 1, row = 1;
  };

  void start(int stages, int replicas, weights w) {
    stages_ = stages;
    replicas_ = replicas;
    weight_ = w;
    units_.clear();
    visited_ = 0;
  }
  /// A unit with room for n ≥ 1 cells.
  void add(unit_id x, pod_id p, int n) { units_.push_back({n, p, x}); }
  [[nodiscard]] int cells() const { return stages_ * replicas_; }
  [[nodiscard]] std::int64_t visited() const { return visited_; }

  /// Finds a place for every cell. Precondition: there is room.
  void solve(std::int64_t nodes) {
    order_units();
    best_cost_ = std::numeric_limits<std::int64_t>::max();
    tile();
    if (best_cost_ > 0) exchange();
    if (best_cost_ > lower_bound()) bound(nodes);
    note_cells();
  }
  /// What was found, in order of the units.
  [[nodiscard]] std::span<const unit_id> units_used() const { return used_; }
  [[nodiscard]] std::span<const int> cells_of(unit_id x) const {
    const auto at = std::lower_bound(used_.begin(), used_.end(), x) - used_.begin();
    return std::span{cells_}.subspan(
        static_cast<std::size_t>(first_[static_cast<std::size_t>(at)]),
        static_cast<std::size_t>(first_[static_cast<std::size_t>(at) + 1] -
                                 first_[static_cast<std::size_t>(at)]));
  }
  [[nodiscard]] std::int64_t cost() const { return best_cost_; }

 private:
  struct unit {
    int room;
    pod_id pod;
    unit_id id;
  };
  using assignment = std::vector<int>;  // of each cell a place in units_

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] int cell(int stage, int replica) const { return stage * replicas_ + replica; }

  /// Pods with most room first, in each pod units so; but if one pod holds all, the one with least room.
  void order_units() {
    std::vector<std::int64_t> of_pod;
    for (const unit& u : units_) {
      if (u.pod.index() >= of_pod.size()) of_pod.resize(u.pod.index() + 1, 0);
      of_pod[u.pod.index()] += u.room;
    }
    const auto rank = [&](const unit& u) {
      const std::int64_t room = of_pod[u.pod.index()];
      return room >= cells() ? std::pair{0, room} : std::pair{1, -room};
    };
    std::sort(units_.begin(), units_.end(), [&](const unit& a, const unit& b) {
      return std::tuple{rank(a), a.pod, -a.room, a.id} < std::tuple{rank(b), b.pod, -b.room, b.id};
    });
  }

  // --- cost -----------------------------------------------------------------------------------------

  [[nodiscard]] std::int64_t cost_of_line(const assignment& a, int first, int step, int n) {
    seen_units_.clear();
    seen_pods_.clear();
    for (int k = 0; k < n; ++k) {
      const int u = a[at(first + k * step)];
      seen_units_.push_back(u);
      seen_pods_.push_back(units_[at(u)].pod);
    }
    return static_cast<std::int64_t>(count_of_kinds(seen_units_) + count_of_kinds(seen_pods_)) - 2;
  }
  [[nodiscard]] std::int64_t cost_of_row(const assignment& a, int stage) {
    return weight_.row * cost_of_line(a, cell(stage, 0), 1, replicas_);
  }
  [[nodiscard]] std::int64_t cost_of_column(const assignment& a, int replica) {
    return weight_.column * cost_of_line(a, replica, replicas_, stages_);
  }
  [[nodiscard]] std::int64_t cost_of(const assignment& a) {
    std::int64_t sum = 0;
    for (int s = 0; s < stages_; ++s) sum += cost_of_row(a, s);
    for (int r = 0; r < replicas_; ++r) sum += cost_of_column(a, r);
    return sum;
  }
  /// Of any placement: a row, or column, needs as many units as the largest of them are too small.
  [[nodiscard]] std::int64_t lower_bound() const {
    return stages_ * weight_.row * least_spread(replicas_) +
           replicas_ * weight_.column * least_spread(stages_);
  }
  [[nodiscard]] std::int64_t least_spread(int cells) const {
    int most = 0;
    for (const unit& u : units_) most = std::max(most, u.room);
    return (cells + most - 1) / most - 1;
  }
  void keep_if_better(const assignment& a) {
    const std::int64_t c = cost_of(a);
    if (c >= best_cost_) return;
    best_cost_ = c;
    best_ = a;
  }

  // --- tiles ----------------------------------------------------------------------------------------

  /// Fills units with the cells in bands: of h rows, column by column, and of h columns, row by row; units in
  /// full, or only with whole columns (rows) of the band, or whole bands.
  void tile() {
    for (const bool by_rows : {true, false}) {
      const int across = by_rows ? stages_ : replicas_, along = by_rows ? replicas_ : stages_;
      for (int h = 1; h <= across; ++h) {
        if (h > 16 && h != across && across % h != 0) continue;
        line_.clear();
        for (int first = 0; first < across; first += h)
          for (int k = 0; k < along; ++k)
            for (int i = first; i < std::min(across, first + h); ++i)
              line_.push_back(by_rows ? cell(i, k) : cell(k, i));
        for (int piece : {1, h, h * along}) fill_in_line(piece);
        if (best_cost_ == 0) return;
      }
    }
  }
  /// Cells as they stand in `line_`, into units in order, multiples of `piece` into each where there is room.
  void fill_in_line(int piece) {
    std::int64_t room = 0;
    for (const unit& u : units_) room += u.room / piece * piece;
    if (room < cells()) return;  // not for pieces of 1
    trial_.assign(at(cells()), 0);
    std::size_t next = 0;
    for (int u = 0; next < line_.size(); ++u)
      for (int k = units_[at(u)].room / piece * piece; k > 0 && next < line_.size(); --k)
        trial_[at(line_[next++])] = u;
    keep_if_better(trial_);
  }

  // --- exchange -------------------------------------------------------------------------------------

  /// Exchanges two cells of different units, or moves one to a unit with room, as long as that gains.
  void exchange() {
    if (cells() > most_to_exchange) return;
    trial_ = best_;
    left_.clear();
    for (const unit& u : units_) left_.push_back(u.room);
    for (int u : trial_) --left_[at(u)];
    bool gained = true;
    for (int round = 0; gained && round < 8; ++round) {
      gained = false;
      for (int a = 0; a < cells(); ++a) {
        for (int b = 0; b < a; ++b) {
          if (trial_[at(a)] == trial_[at(b)]) continue;
          const std::int64_t before = cost_around(a, b);
          std::swap(trial_[at(a)], trial_[at(b)]);
          if (cost_around(a, b) < before)
            gained = true;
          else
            std::swap(trial_[at(a)], trial_[at(b)]);
        }
        for (int u = 0; u < static_cast<int>(units_.size()); ++u) {
          const int old = trial_[at(a)];
          if (u == old || left_[at(u)] == 0) continue;
          const std::int64_t before = cost_around(a, a);
          trial_[at(a)] = u;
          if (cost_around(a, a) < before) {
            gained = true;
            --left_[at(u)];
            ++left_[at(old)];
          } else {
            trial_[at(a)] = old;
          }
        }
      }
    }
    keep_if_better(trial_);
  }
  /// Of the rows and columns of two cells.
  [[nodiscard]] std::int64_t cost_around(int a, int b) {
    const int i = a / replicas_, j = a % replicas_, k = b / replicas_, l = b % replicas_;
    return cost_of_row(trial_, i) + (k != i ? cost_of_row(trial_, k) : 0) +
           cost_of_column(trial_, j) + (l != j ? cost_of_column(trial_, l) : 0);
  }

  // --- branch and bound -----------------------------------------------------------------------------

  void bound(std::int64_t nodes) {
    if (units_.size() > 64) return;
    left_.clear();
    for (const unit& u : units_) left_.push_back(u.room);
    least_row_ = least_spread(replicas_);
    least_column_ = least_spread(stages_);
    trial_.assign(at(cells()), 0);
    rows_.assign(at(stages_), {});
    columns_.assign(at(replicas_), {});
    nodes_ = nodes;
    const std::int64_t before = visited_;
    descend(0, lower_bound());
    visited_ = before + nodes - std::max<std::int64_t>(0, nodes_);
  }
  /// The units and pods that a line has so far, as sets.
  struct line_set {
    std::uint64_t units = 0, pods = 0;  // a pod is the first of its units

    [[nodiscard]] std::int64_t spread() const {
      return units == 0 ? 0 : std::popcount(units) + std::popcount(pods) - 2;
    }
  };
  [[nodiscard]] std::int64_t first_of_pod(int u) const {
    int first = u;
    while (first > 0 && units_[at(first - 1)].pod == units_[at(u)].pod) --first;
    return first;
  }
  /// \param cost  of what is placed, with the least for what is not
  void descend(int next, std::int64_t cost) {
    if (cost >= best_cost_ || --nodes_ < 0) return;
    if (next == cells()) {
      best_cost_ = cost;
      best_ = trial_;
      return;
    }
    line_set& row = rows_[at(next / replicas_)];
    line_set& column = columns_[at(next % replicas_)];
    const line_set old_row = row, old_column = column;
    const auto of_row = [&](const line_set& s) {
      return weight_.row * std::max(least_row_, s.spread());
    };
    const auto of_column = [&](const line_set& s) {
      return weight_.column * std::max(least_column_, s.spread());
    };
    for (int u = 0; u < static_cast<int>(units_.size()); ++u) {
      if (left_[at(u)] == 0 || is_like_an_earlier(u)) continue;
      const std::uint64_t bit = std::uint64_t{1} << u, pod = std::uint64_t{1} << first_of_pod(u);
      row.units |= bit;
      row.pods |= pod;
      column.units |= bit;
      column.pods |= pod;
      --left_[at(u)];
      trial_[at(next)] = u;
      descend(next + 1,
              cost + of_row(row) - of_row(old_row) + of_column(column) - of_column(old_column));
      ++left_[at(u)];
      row = old_row;
      column = old_column;
      if (nodes_ < 0) return;
    }
  }
  /// Of units of a pod with as much room that have no cell yet one will do.
  [[nodiscard]] bool is_like_an_earlier(int u) const {
    const unit& me = units_[at(u)];
    if (left_[at(u)] != me.room) return false;
    for (int k = u - 1; k >= 0 && units_[at(k)].pod == me.pod && units_[at(k)].room == me.room; --k)
      if (left_[at(k)] == me.room) return true;
    return false;
  }

  /// Lists what was found by unit.
  void note_cells() {
    used_.clear();
    for (int u : best_) used_.push_back(units_[at(u)].id);
    used_.resize(count_of_kinds(used_));
    first_.assign(used_.size() + 1, 0);
    const auto place = [&](int u) {
      return static_cast<std::size_t>(
          std::lower_bound(used_.begin(), used_.end(), units_[at(u)].id) - used_.begin());
    };
    for (int u : best_) ++first_[place(u) + 1];
    for (std::size_t i = 0; i < used_.size(); ++i) first_[i + 1] += first_[i];
    std::vector<int> next(first_.begin(), first_.end());
    cells_.resize(best_.size());
    for (int c = 0; c < cells(); ++c) cells_[at(next[place(best_[at(c)])]++)] = c;
  }

  static constexpr int most_to_exchange = 256;

  int stages_ = 1, replicas_ = 1;
  weights weight_;
  std::vector<unit> units_;
  std::int64_t best_cost_ = 0, visited_ = 0, nodes_ = 0, least_row_ = 0, least_column_ = 0;
  assignment best_, trial_;
  std::vector<int> line_, left_, seen_units_;
  std::vector<pod_id> seen_pods_;
  std::vector<line_set> rows_, columns_;
  std::vector<unit_id> used_;
  std::vector<int> first_, cells_;
};

}  // namespace heddle::place::detail
