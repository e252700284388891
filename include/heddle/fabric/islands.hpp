// Parts of a network that no switch joins.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// F has units of leafs, and fixed links from these to spines.
template <class F>
concept HasFixedLinks = requires(const F& dc, leaf_id l, spine_id s, unit_id x) {
  { dc.links(l, s) } -> std::convertible_to<int>;
  { dc.is_regular() } -> std::convertible_to<bool>;
  { dc.core_links().between(std::size_t{}, std::size_t{}) } -> std::convertible_to<int>;
  dc.leafs_of(x);
  dc.all_spines();
};

/// Which units of a network are *joined*: two are if on every rail, in some plane, a spine has links that
/// work to the leafs of both, or in three tiers a core to spines of both. A flow goes up once and down once,
/// so that A joined to B and B to C does not join A to C.
///
/// An *island* is a set of units each joined to all others of it, as large as can be: a hall without a link
/// to the next one, leafs whose last common spine has failed. GPUs of two islands are never one job's.
///
/// An immutable value; copies are cheap.
class islands {
 public:
  /// Every unit is joined to every other.
  islands() = default;

  /// Of a network as it works now. O(leafs · spines) where all is joined, by a spine or core that all
  /// reach; else O(kinds² · rails · planes · spines + kinds⁴) more, units that reach the same being of one
  /// kind. Where sets overlap in very many ways not all are listed.
  template <HasFixedLinks F, class Book>
  islands(const F& dc, const Book& book) {
    if (dc.units() == 1 || (dc.is_regular() && dc.spines() > 0 && book.all_work())) return;
    const reach r{dc, book};
    if (r.all_joined()) return;
    auto t = std::make_shared<table>();
    r.find_sets(*t);
    table_ = std::move(t);
  }

  [[nodiscard]] bool all_joined() const { return !table_; }
  /// Number of islands; 1 where all is joined. They may overlap where A–B and B–C are joined, A–C not.
  [[nodiscard]] std::size_t size() const { return table_ ? table_->sets.size() : 1; }
  /// The units of an island, by id. Precondition: not all is joined.
  [[nodiscard]] std::span<const unit_id> units(std::size_t island) const {
    return table_->sets[island];
  }
  /// Whether a way that works leads from the one to the other.
  [[nodiscard]] bool joined(unit_id a, unit_id b) const {
    if (!table_ || a == b) return true;
    const std::size_t x = table_->kind[a.index()], y = table_->kind[b.index()];
    return x != none && y != none && test_bit(table_->near[x], y);
  }

  friend bool operator==(const islands& a, const islands& b) {
    return a.table_ == b.table_ ||
           (a.table_ && b.table_ && a.table_->sets == b.table_->sets &&
            a.table_->kind == b.table_->kind && a.table_->near == b.table_->near);
  }

 private:
  using set = std::vector<unit_id>;
  struct table {
    std::vector<set> sets;
    std::vector<std::size_t> kind;  // of a unit, by what it reaches; none: it is joined to nobody
    bit_matrix near;                // of each kind: those that it is joined to
  };
  static constexpr std::size_t none = static_cast<std::size_t>(-1), most_sets = 256;

  /// What the leafs of every unit reach: spines and cores, as bits.
  class reach {
   public:
    template <class F, class Book>
    reach(const F& dc, const Book& book)
        : rails_(size(dc.rails())), planes_(size(dc.planes())), units_(size(dc.units())),
          width_(size(dc.spines() + dc.cores())), rows_(size(dc.leafs()), width_),
          is_cut_(size(dc.units()) * rails_, true) {
      bit_matrix cores(size(dc.spines()), width_);
      for (spine_id s : dc.all_spines())
        for (std::size_t c = 0; c < size(dc.cores()); ++c)
          if (works(book, s, core_id{c}, dc.core_links().between(s.index(), c)))
            set_bit(cores[s.index()], size(dc.spines()) + c);
      for (unit_id x : dc.all_units())
        for (leaf_id l : dc.leafs_of(x)) {
          if (book.is_failed(l)) continue;
          is_cut_[x.index() * rails_ + size(dc.rail_of(l))] = false;
          for (spine_id s : dc.all_spines()) {
            if (book.is_failed(s) || !works(book, l, s, dc.links(l, s))) continue;
            set_bit(rows_[l.index()], s.index());
            for_each_bit(cores[s.index()], [&](std::size_t c) { set_bit(rows_[l.index()], c); });
          }
        }
    }

    /// Whether on every rail all reach one and the same spine or core.
    [[nodiscard]] bool all_joined() const {
      for (std::size_t r = 0; r < rails_; ++r) {
        bool joined = false;
        for (std::size_t q = 0; q < planes_ && !joined; ++q) {
          bit_matrix common(1, width_);
          fill_bits(common[0], width_);
          for (std::size_t x = 0; x < units_; ++x)
            if (!is_cut_[x * rails_ + r])
              for (std::size_t w = 0; w < common[0].size(); ++w) common[0][w] &= row(x, r, q)[w];
          joined = count_bits(common[0]) > 0;
        }
        if (!joined) return false;
      }
      return true;
    }

    /// The islands, in the order of their first units.
    void find_sets(table& t) const {
      t.kind.assign(units_, none);
      // Units that reach the same are of one kind.
      std::map<std::vector<word>, std::size_t> known;
      std::vector<std::vector<unit_id>> kinds;
      for (std::size_t x = 0; x < units_; ++x) {
        bool any = false;
        for (std::size_t r = 0; r < rails_; ++r) any |= !is_cut_[x * rails_ + r];
        if (!any) continue;  // has no GPU that a job could use
        if (!joined(x, x)) {
          t.sets.push_back({unit_id{x}});
          continue;
        }
        std::vector<word> key;
        for (std::size_t r = 0; r < rails_; ++r) {
          key.push_back(is_cut_[x * rails_ + r]);
          for (std::size_t q = 0; q < planes_; ++q)
            key.insert(key.end(), row(x, r, q).begin(), row(x, r, q).end());
        }
        const auto [at, is_new] = known.emplace(std::move(key), kinds.size());
        if (is_new) kinds.emplace_back();
        kinds[at->second].push_back(unit_id{x});
      }
      t.near.reset(kinds.size(), kinds.size());
      for (std::size_t a = 0; a < kinds.size(); ++a)
        for (std::size_t b = 0; b < kinds.size(); ++b)
          if (joined(kinds[a][0].index(), kinds[b][0].index())) set_bit(t.near[a], b);
      // What grows of each two that are joined and in no set yet, the first first; and of who is alone.
      bit_matrix covered(kinds.size(), kinds.size());
      for (std::size_t a = 0; a < kinds.size(); ++a)
        for (std::size_t b = 0; b < kinds.size(); ++b) {
          if (!test_bit(t.near[a], b) || test_bit(covered[a], b)) continue;
          if (a != b && t.sets.size() > most_sets + kinds.size()) continue;
          std::vector<std::size_t> in{a};
          if (a != b) in.push_back(b);
          for (std::size_t c = 0; c < kinds.size(); ++c)
            if (c != a && c != b && std::all_of(in.begin(), in.end(), [&](std::size_t k) {
                  return test_bit(t.near[k], c);
                }))
              in.push_back(c);
          set all;
          for (std::size_t k : in) {
            for (std::size_t other : in) set_bit(covered[k], other);
            all.insert(all.end(), kinds[k].begin(), kinds[k].end());
          }
          std::sort(all.begin(), all.end());
          t.sets.push_back(std::move(all));
        }
      std::sort(t.sets.begin(), t.sets.end());
      for (std::size_t k = 0; k < kinds.size(); ++k)
        for (unit_id x : kinds[k]) t.kind[x.index()] = k;
    }

   private:
    static std::size_t size(int n) { return static_cast<std::size_t>(n); }
    /// Whether one of the links of a leaf and a spine, or of a spine and a core, works.
    template <class Book>
    static bool works(const Book& book, leaf_id l, spine_id s, int links) {
      for (int k = 0; k < links; ++k)
        if (!book.is_failed(link{l, s, static_cast<std::uint32_t>(k)})) return true;
      return false;
    }
    template <class Book>
    static bool works(const Book& book, spine_id s, core_id c, int links) {
      if (links == 0 || book.is_failed(c)) return false;
      for (int k = 0; k < links; ++k)
        if (!book.is_failed(core_link{s, c, static_cast<std::uint32_t>(k)})) return true;
      return false;
    }
    [[nodiscard]] const_bit_row row(std::size_t x, std::size_t rail, std::size_t plane) const {
      return rows_[(x * rails_ + rail) * planes_ + plane];
    }
    [[nodiscard]] bool joined(std::size_t a, std::size_t b) const {
      for (std::size_t r = 0; r < rails_; ++r) {
        if (is_cut_[a * rails_ + r] || is_cut_[b * rails_ + r]) continue;
        bool joined = false;
        for (std::size_t q = 0; q < planes_ && !joined; ++q) {
          const const_bit_row x = row(a, r, q), y = row(b, r, q);
          for (std::size_t w = 0; w < x.size() && !joined; ++w) joined = (x[w] & y[w]) != 0;
        }
        if (!joined) return false;
      }
      return true;
    }

    std::size_t rails_, planes_, units_, width_;
    bit_matrix rows_;           // of each leaf
    std::vector<bool> is_cut_;  // of each unit and rail: all its leafs have failed
  };

  std::shared_ptr<const table> table_;  // null: all is joined
};

}  // namespace heddle::fabric
