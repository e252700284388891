// Boxes and paths in cubes, and the best of them as a placement.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/place/detail/box_layout.hpp>
#include <heddle/place/detail/cube_chains.hpp>
#include <heddle/place/detail/cube_match.hpp>
#include <heddle/place/detail/cube_view.hpp>
#include <heddle/place/detail/mesh_join.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// What of a mesh may be done to place it.
struct cube_rules {
  bool closed = false;   ///< rows longer than 2 are rings
  bool twisted = false;  ///< shapes that can be are twisted tori (`cubes::twist_of`)
  bool folds = false;    ///< the mesh may be folded, and its pieces share cubes
  std::int64_t steps = 0;
};

class cube_placer {
 public:
  /// Looks at what is free; for the searches that follow.
  void look(const cube_ledger& book) {
    book_ = &book;
    view_.look(book);
    if (!words_ || side_ != view_.cells.side) {
      side_ = view_.cells.side;
      words_ = std::make_unique<pattern_words>(side_);
    }
    dark_ = !book.network().all_work();
  }

  /// A place for a mesh, cheapest first: fewest empty cubes broken, then fewest free chips left beside it.
  bool find(const box_shape& mesh, const cube_rules& asked, placement& out) {
    cube_rules rules = asked;
    twist_ = rules.twisted ? book_->fabric().twist_of(mesh) : 0;
    if (twist_ > 0) rules = {.closed = true};  // of whole cubes, which no fold is
    best_ = {};
    found_ = kind::none;
    const std::array<int, 3> sides{mesh[0], mesh[1], mesh[2]};
    if (rules.folds && !rules.closed) {
      find_inside(mesh, sides, rules);
      find_chain(mesh, sides, rules);
    }
    const bool is_line = sides[0] + sides[1] + sides[2] == mesh.volume() + 2;
    if (!(rules.folds && is_line && found_ != kind::none)) find_box(mesh, sides, rules);
    // What folds leave out: all offsets of the box as it is, each piece in a cube of its own.
    if (rules.folds && found_ == kind::none) find_box(mesh, sides, {.closed = rules.closed});
    if (found_ == kind::none) return false;
    return write(mesh, rules, out);
  }
  static constexpr std::size_t most_sides = 3;
  /// There are more folds than are tried.
  [[nodiscard]] static bool has_proved(const cube_rules& rules) { return !rules.folds; }

 private:
  enum class kind : unsigned char { none, box, chain };

  // --- paths ---------------------------------------------------------------------------------------

  void find_chain(const box_shape& mesh, const std::array<int, 3>& sides, const cube_rules& rules) {
    const auto longest =
        static_cast<std::size_t>(std::max_element(sides.begin(), sides.end()) - sides.begin());
    const std::array<std::size_t, 2> other{longest == 0 ? 1u : 0u, longest == 2 ? 1u : 2u};
    if (sides[other[0]] > side_ || sides[other[1]] > side_) return;
    if (!chains_.find(view_, sides[longest], {sides[other[0]], sides[other[1]]}, rules.steps, best_,
                      chain_))
      return;
    chain_dim_ = {longest, other[0], other[1]};
    placement p;
    if (dark_ && !(write_chain(mesh, p), usable(p, false))) {
      best_ = {};
      return;
    }
    found_ = kind::chain;
  }
  void write_chain(const box_shape& mesh, placement& p) const {
    const fabric::cubes& dc = book_->fabric();
    const step_grid& g = chain_.way->grid;
    std::array<std::size_t, 3> stride{1, static_cast<std::size_t>(mesh[0]),
                                      static_cast<std::size_t>(mesh[0]) *
                                          static_cast<std::size_t>(mesh[1])};
    p.gpus.resize(static_cast<std::size_t>(mesh.volume()));
    p.shape = mesh;
    std::size_t i = 0;
    const int b = mesh[chain_dim_[1]], c = mesh[chain_dim_[2]];
    for (const stretch& part : chain_.path)
      for (int step : part.steps) {
        for (int k = 0; k < c; ++k)
          for (int j = 0; j < b; ++j) {
            std::array<int, 3> inner{};
            inner[chain_.across[0]] = j;
            inner[chain_.across[1]] = k;
            p.gpus[i * stride[chain_dim_[0]] + static_cast<std::size_t>(j) * stride[chain_dim_[1]] +
                   static_cast<std::size_t>(k) * stride[chain_dim_[2]]] =
                dc.at(unit_id{part.cube}, view_.cells.cell_at(g.bit_of(step, inner)));
          }
        ++i;
      }
  }

  // --- boxes ---------------------------------------------------------------------------------------

  /// Boxes inside one cube: over fixed links alone.
  void find_inside(const box_shape& mesh, const std::array<int, 3>& sides,
                   const cube_rules& rules) {
    box_layout l;
    l.dim = {0, 1, 2};
    l.sides = sides;
    l.width = sides[0];
    for (l.from[1] = 0; l.from[1] + sides[1] <= side_; ++l.from[1])
      for (l.from[0] = 0; l.from[0] + sides[0] <= side_; ++l.from[0]) {
        patterns_.planes_of(l, side_);
        for (l.from[2] = 0; l.from[2] + sides[2] <= side_; ++l.from[2]) {
          patterns_.lines_of(l, side_);
          try_axes(mesh, l, rules);
        }
      }
  }
  void find_box(const box_shape& mesh, const std::array<int, 3>& sides, const cube_rules& rules) {
    std::array<int, 3> dim{0, 1, 2};
    do {
      box_layout l;
      for (std::size_t k = 0; k < 3; ++k) {
        l.dim[k] = dim[k];
        l.sides[k] = sides[static_cast<std::size_t>(dim[k])];
      }
      const bool straight_is_new = dim == std::array<int, 3>{0, 1, 2};
      if (straight_is_new) {
        l.width = l.sides[0];
        try_everywhere(mesh, l, rules);
      }
      if (!rules.folds || l.sides[0] <= 2) continue;
      if (l.sides[1] == 1) {
        const int most = std::min(2 * side_, l.sides[0] / 2);
        for (int layers = 2; layers <= most; ++layers) {
          l.width = (l.sides[0] + layers - 1) / layers;
          if (l.layers() == layers) try_everywhere(mesh, l, rules);
        }
      } else if (l.sides[1] * 2 == side_) {
        l.width = (l.sides[0] + 1) / 2;
        try_everywhere(mesh, l, rules);
      }
    } while (std::next_permutation(dim.begin(), dim.end()));
  }
  /// All offsets of a straight box; of a folded one, those that waste nothing.
  void try_everywhere(const box_shape& mesh, box_layout& l, const cube_rules& rules) {
    const bool folded = l.layers() > 1;
    const std::array<int, 3> extent{l.width, l.height(), l.sides[2]};
    const auto skip = [&](int from, int n) {
      return rules.folds && n > side_ && from != 0 && (n + from) % side_ != 0;
    };
    for (l.from[1] = 0; l.from[1] < side_; ++l.from[1]) {
      if (skip(l.from[1], extent[1])) continue;
      if (rules.folds && extent[1] <= side_ && l.from[1] + extent[1] > side_) break;
      if (folded && l.sides[1] > 1 && l.from[1] > 0) break;  // it turns over within the side
      for (l.from[0] = 0; l.from[0] < side_; ++l.from[0]) {
        if (skip(l.from[0], extent[0])) continue;
        if (rules.folds && extent[0] <= side_ && l.from[0] + extent[0] > side_) break;
        patterns_.planes_of(l, side_);
        for (l.from[2] = 0; l.from[2] < side_; ++l.from[2]) {
          if (skip(l.from[2], extent[2])) continue;
          if (rules.folds && extent[2] <= side_ && l.from[2] + extent[2] > side_) break;
          if (rules.closed && !closes(l)) continue;
          patterns_.lines_of(l, side_);
          if (least_broken() > best_.broken || least_broken() > int(view_.empty.size())) continue;
          try_axes(mesh, l, rules);
        }
      }
    }
  }
  [[nodiscard]] int least_broken() const {
    int planes = 0, lines = 0;
    const auto all_plane = (1u << (side_ * side_)) - 1, all_line = (1u << side_) - 1;
    for (const auto& [p, n, cells] : patterns_.planes())
      if (p == all_plane) planes = n;
    for (const auto& [p, n, cells] : patterns_.lines())
      if (p == all_line) lines = n;
    return planes * lines;
  }
  /// Whether all rows longer than 2 close to rings.
  [[nodiscard]] bool closes(const box_layout& l) const {
    if (twist_ > 0) return l.from == std::array<int, 3>{0, 0, 0};
    const auto straight = [&](std::size_t k) {
      return l.sides[k] <= 2 || (l.sides[k] % side_ == 0 && l.from[k] == 0);
    };
    const int layers = l.layers();
    if (layers == 1) return straight(0) && straight(1) && straight(2);
    const bool ends_meet = layers % 2 == 0 && l.sides[0] == layers * l.width &&
                           (layers == 2 || (l.height() % side_ == 0 && l.from[1] == 0));
    return ends_meet && l.sides[1] <= 2 && straight(2);
  }
  void try_axes(const box_shape& mesh, box_layout& l, const cube_rules& rules) {
    l.axis = {0, 1, 2};
    do {
      if (l.layers() == 1 && repeats(l)) continue;
      kinds_.clear();
      for (const auto& plane : patterns_.planes())
        for (const auto& line : patterns_.lines())
          kinds_.push_back({words_->cells(at(l.axis[0]), at(l.axis[1]), plane.bits,
                                          static_cast<std::uint8_t>(line.bits)),
                            plane.count * line.count, plane.cells * line.cells});
      cube_cost cost = best_;
      if (!match_.find(view_, kinds_, rules.folds, cost)) continue;
      if (dark_) {
        placement p;
        match_.keep(kept_trial_);
        write_box(mesh, l, kinds_, kept_trial_, p);
        if (!usable(p, rules.closed)) continue;
      }
      best_ = cost;
      found_ = kind::box;
      box_ = l;
      box_kinds_ = kinds_;
      match_.keep(kept_);
    } while (std::next_permutation(l.axis.begin(), l.axis.end()));
  }
  /// Whether equal sides at equal offsets change places against an order that is tried as well.
  [[nodiscard]] static bool repeats(const box_layout& l) {
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = a + 1; b < 3; ++b)
        if (l.sides[a] == l.sides[b] && l.from[a] == l.from[b] && l.axis[a] > l.axis[b])
          return true;
    return false;
  }
  void write_box(const box_shape& mesh, const box_layout& l, const std::vector<piece_kind>& kinds,
                 cube_match& given, placement& p) {
    const fabric::cubes& dc = book_->fabric();
    const std::array<int, 3> n = l.cubes(side_);
    cube_of_.assign(static_cast<std::size_t>(n[0]) * at(n[1]) * at(n[2]), none);
    const auto piece = [&](int u, int v, int w) {
      return at(u) + at(n[0]) * (at(v) + at(n[1]) * at(w));
    };
    for (int w = 0; w < n[2]; ++w)
      for (int v = 0; v < n[1]; ++v)
        for (int u = 0; u < n[0]; ++u) {
          const word mask =
              words_->cells(at(l.axis[0]), at(l.axis[1]), layout_patterns::plane(l, side_, u, v),
                            layout_patterns::line(l, side_, w));
          for (std::size_t k = 0; mask != 0 && k < kinds.size(); ++k)
            if (kinds[k].mask == mask) {
              cube_of_[piece(u, v, w)] = given.next_cube(k);
              break;
            }
        }
    const std::array<std::size_t, 3> stride{1, at(mesh[0]), at(mesh[0]) * at(mesh[1])};
    p.gpus.resize(static_cast<std::size_t>(mesh.volume()));
    p.shape = mesh;
    for (int j = 0; j < l.sides[2]; ++j)
      for (int k = 0; k < l.sides[1]; ++k)
        for (int i = 0; i < l.sides[0]; ++i) {
          const std::array<int, 3> here = l.place_of(i, k, j);
          fabric::cubes::cell c{};
          for (std::size_t d = 0; d < 3; ++d) c[at(l.axis[d])] = here[d] % side_;
          const std::uint32_t cube =
              cube_of_[piece(here[0] / side_, here[1] / side_, here[2] / side_)];
          p.gpus[at(i) * stride[at(l.dim[0])] + at(k) * stride[at(l.dim[1])] +
                 at(j) * stride[at(l.dim[2])]] = dc.at(unit_id{cube}, c);
        }
  }

  // --- both ----------------------------------------------------------------------------------------

  bool write(const box_shape& mesh, const cube_rules& rules, placement& out) {
    if (found_ == kind::chain)
      write_chain(mesh, out);
    else
      write_box(mesh, box_, box_kinds_, kept_, out);
    return join(*book_, out, rules.closed, twist_);
  }
  /// Whether what `p` needs works: its circuits go over no OCS that has failed.
  [[nodiscard]] bool usable(placement& p, bool closed) const {
    return join(*book_, p, closed, twist_) &&
           std::all_of(p.faces.begin(), p.faces.end(),
                       [&](const fabric::face_circuit& k) { return book_->network().is_free(k); });
  }

  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  static constexpr std::uint32_t none = ~0u;

  const cube_ledger* book_ = nullptr;
  cube_view view_;
  int side_ = 0;
  bool dark_ = false;
  int twist_ = 0;  // of the mesh that is looked for
  std::unique_ptr<pattern_words> words_;
  layout_patterns patterns_;
  std::vector<piece_kind> kinds_, box_kinds_;
  cube_match match_, kept_, kept_trial_;
  std::vector<std::uint32_t> cube_of_;
  cube_chains chains_;
  chain_found chain_;
  std::array<std::size_t, 3> chain_dim_{};
  box_layout box_;
  cube_cost best_;
  kind found_ = kind::none;
};

}  // namespace heddle::place::detail
