// Finds whole leafs of several pods, and links between these, for one job.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/place/detail/banded_biclique.hpp>
#include <heddle/place/detail/banded_search.hpp>
#include <heddle/place/detail/core_links.hpp>

namespace heddle::place::detail {

/// Jobs over pods, of *whole units*: all items and all uplinks of their leafs. T pods give q of them
/// each, one more pod q' < q and, maybe, one unit of r items; spines in one slot (pod_table.hpp) of all
/// full pods own links to the same q cores for each link that a unit has there, those of the small pod
/// to as many of these as it needs. Every partial permutation can then be routed (docs/theory.md). The
/// search over pods is that over leafs once more: a slot is a band. Exact for this family.
class pod_search {
 public:
  /// Looks for a place for `items` in the state that `in` has begun with. \returns  `none` too where the
  /// network has one pod.
  search_status find(banded_search& in, int items) {
    in_ = &in;
    gpus_would_do_ = false;
    const fabric::pod_table* pods = in.free().fabric().pods();
    if (pods == nullptr || pods->pods() < 2 || in.free().fabric().cores() == 0)
      return search_status::none;
    pods_ = pods;
    bool gave_up = false;
    for (int size : unit_sizes()) {
      for (int kind = 0; kind < pods->kinds(); ++kind) {
        begin(kind, size);
        const search_status s = find_of_kind(items, size);
        if (s == search_status::found) return s;
        gave_up |= s == search_status::gave_up;
      }
    }
    return gave_up ? search_status::gave_up : search_status::none;
  }
  /// Whether whole units would have sufficed if all links between spines and cores were free.
  [[nodiscard]] bool gpus_would_do() const { return gpus_would_do_; }

  /// The placement that was found last.
  [[nodiscard]] fabric::placement take() {
    fabric::placement p;
    units_.clear();
    for (std::uint32_t row : chosen_)
      for (int k = 0; k < q_; ++k)
        units_.push_back({whole_[row][static_cast<std::size_t>(k)], false});
    if (has_small_) {
      int left = small_whole_;
      for (std::uint32_t x : whole_[small_])
        if (left > 0 && x != small_unit_) {
          units_.push_back({x, false});
          --left;
        }
      if (r_ > 0) units_.push_back({small_unit_, true});
    }
    std::sort(units_.begin(), units_.end());
    for (const auto& [x, is_rest] : units_) {
      in_->items().take(unit_id{x}, is_rest ? r_ : size_, p.gpus);
      in_->add_links(x, is_rest ? rest_columns_ : all_columns_, p.links);
    }
    add_core_links(p.core_links);
    return p;
  }

 private:
  using unit_list = std::vector<std::uint32_t>;

  /// Items of whole units, the most first.
  [[nodiscard]] std::vector<int> unit_sizes() const {
    std::vector<int> sizes;
    for (unit_id x : in_->free().fabric().all_units())
      if (const int n = in_->items().all_of(x);
          n > 0 && std::find(sizes.begin(), sizes.end(), n) == sizes.end())
        sizes.push_back(n);
    std::sort(sizes.rbegin(), sizes.rend());
    return sizes;
  }

  /// Rows of the pods of a kind, and which of their units are whole and free.
  void begin(int kind, int size) {
    size_ = size;
    const fabric::leaf_spine& dc = in_->free().fabric();
    const bit_matrix& core = in_->free().network().free_core_links();
    pod_of_row_.clear();
    for (int p = 0; p < pods_->pods(); ++p)
      if (pods_->kind(p) == kind) pod_of_row_.push_back(p);
    const std::size_t slots = pods_->spines(pod_of_row_.front()).size();
    words_ = core.words();
    rows_.reset(pod_of_row_.size(), 64 * slots * words_);

    // How many links a whole unit has to each slot; no items fit more.
    const int first = pod_of_row_.front();
    weight_.assign(slots, 0);
    all_columns_.clear();
    is_wide_ = true;
    const auto width =
        64 * static_cast<std::uint32_t>(in_->free().network().free_uplinks().words());
    for (const band& b : in_->bands()) {
      const std::size_t number = b.first / b.words;
      int links = 0;
      for (std::size_t place = 0; place < pods_->places(); ++place) {
        const int here = pods_->links(number, place);
        weight_[pods_->slot(first, number, place)] += here;
        links += here;
        for (int k = 0; k < here; ++k)
          all_columns_.push_back(static_cast<std::uint32_t>(number) * width +
                                 static_cast<std::uint32_t>(place) *
                                     static_cast<std::uint32_t>(dc.links_per_pair()) +
                                 static_cast<std::uint32_t>(k));
      }
      is_wide_ = is_wide_ && links >= size * b.weight;
    }
    bands_.clear();
    for (std::size_t s = 0; s < slots; ++s)
      if (weight_[s] > 0)
        bands_.push_back({static_cast<std::uint32_t>(s * words_),
                          static_cast<std::uint32_t>(words_), weight_[s]});
    shape_ = {rows_.rows() == 0 ? nullptr : rows_[0].data(), slots * words_, bands_};

    whole_.resize(pod_of_row_.size());
    order_.clear();
    for (std::uint32_t row = 0; row < pod_of_row_.size(); ++row) {
      const int pod = pod_of_row_[row];
      whole_[row].clear();
      if (is_wide_)
        for (std::uint32_t x : pods_->units(pod))
          if (in_->items().count_of(x) == size && in_->items().all_of(unit_id{x}) == size &&
              has_all_links(x))
            whole_[row].push_back(x);
      if (whole_[row].empty()) continue;
      order_.push_back(row);
    }
    for (std::uint32_t row = 0; row < pod_of_row_.size(); ++row) {
      const std::vector<std::uint32_t>& spines = pods_->spines(pod_of_row_[row]);
      for (std::size_t s = 0; s < slots; ++s)
        if (spines[s] != fabric::link_columns::none)
          std::copy_n(core[spines[s]].begin(), words_,
                      rows_[row].begin() + static_cast<std::ptrdiff_t>(s * words_));
    }
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      const std::size_t m = whole_[a].size(), n = whole_[b].size();
      return m != n ? m < n : a < b;
    });
  }
  [[nodiscard]] bool has_all_links(std::uint32_t unit) const {
    const const_bit_row row = in_->rows()[unit];
    return std::all_of(all_columns_.begin(), all_columns_.end(),
                       [&](std::uint32_t c) { return test_bit(row, c); });
  }

  search_status find_of_kind(int items, int size) {
    if (order_.empty()) return search_status::none;
    const int leafs = items / size, most = static_cast<int>(whole_[order_.back()].size());
    r_ = items % size;
    for (q_ = std::min(most, leafs); q_ >= 1; --q_) {
      const int full = leafs / q_;
      small_whole_ = leafs % q_;
      has_small_ = small_whole_ > 0 || r_ > 0;
      if (full + has_small_ < 2) continue;  // one pod: needs no cores
      const auto with = std::partition_point(order_.begin(), order_.end(), [&](std::uint32_t row) {
        return static_cast<int>(whole_[row].size()) < q_;
      });
      if (order_.end() - with < full) continue;
      gpus_would_do_ = true;
      const std::span<const std::uint32_t> candidates{
          &*with, static_cast<std::size_t>(order_.end() - with)};
      const auto rest = [&](const_bit_row columns, std::span<const std::uint32_t> chosen) {
        return !has_small_ || find_small(columns, chosen);
      };
      const search_status s = search_.solve(shape_, candidates, static_cast<std::size_t>(full), q_,
                                            in_->budget(), rest);
      if (s == search_status::none) continue;
      if (s == search_status::found) {
        chosen_.assign(search_.rows().begin(), search_.rows().end());
        columns_.assign(search_.columns().begin(), search_.columns().end());
      }
      return s;
    }
    return search_status::none;
  }

  /// The first pod beside those chosen that holds what they do not, over cores in common.
  bool find_small(const_bit_row columns, std::span<const std::uint32_t> chosen) {
    for (std::uint32_t row = 0; row < pod_of_row_.size(); ++row) {
      if (std::find(chosen.begin(), chosen.end(), row) != chosen.end()) continue;
      if (static_cast<int>(whole_[row].size()) < small_whole_) continue;
      if (small_whole_ > 0 && !shape_.meet(rows_[row], columns, small_whole_)) continue;
      small_ = row;
      small_unit_ = nobody;
      if (r_ == 0 || find_small_unit(columns, row)) return true;
    }
    return false;
  }
  /// The unit of the pod with fewest items of those that have r of them, and links over which to leave it.
  bool find_small_unit(const_bit_row columns, std::uint32_t row) {
    spare_.assign(weight_.size(), 0);
    for (const band& b : bands_)
      spare_[b.first / words_] =
          count_common(rows_[row].subspan(b.first, b.words), columns.subspan(b.first, b.words)) -
          small_whole_ * b.weight;
    int best = 0;
    for (std::uint32_t x : pods_->units(pod_of_row_[row])) {
      const int here = in_->items().count_of(x);
      if (here < r_ || (small_unit_ != nobody && here >= best)) continue;
      const bool is_whole =
          std::find(whole_[row].begin(), whole_[row].end(), x) != whole_[row].end();
      if (static_cast<int>(whole_[row].size()) - is_whole < small_whole_) continue;
      if (!match_rest(x, pod_of_row_[row])) continue;
      small_unit_ = x;
      best = here;
    }
    if (small_unit_ == nobody) return false;
    return match_rest(small_unit_, pod_of_row_[row]);
  }

  /// Of each band of the unit, r · weight links to slots with cores to spare, into `rest_columns_` and
  /// `rest_of_slot_`. Bands that share spines share what these can spare: paths that make room for one
  /// another, one link at a time. O(links of the rest · links of the leafs).
  bool match_rest(std::uint32_t unit, int pod) {
    rest_of_slot_.assign(weight_.size(), 0);
    const std::size_t places = pods_->places();
    const auto lanes = static_cast<std::size_t>(in_->free().fabric().links_per_pair());
    const auto bands = in_->bands();
    used_.assign(bands.size() * places, 0);
    const auto room_at = [&](std::size_t b, std::size_t place) {
      const std::size_t number = bands[b].first / bands[b].words;
      const std::size_t first = (place * lanes);
      const const_bit_row leaf = in_->rows()[unit].subspan(bands[b].first, bands[b].words);
      return std::min(pods_->links(number, place), count_bits(leaf, first, first + lanes));
    };
    for (std::size_t b = 0; b < bands.size(); ++b)
      for (int k = 0; k < r_ * bands[b].weight; ++k) {
        seen_.assign(weight_.size(), 0);
        if (!augment(b, pod, room_at)) return false;
      }
    rest_columns_.clear();
    const auto width =
        64 * static_cast<std::uint32_t>(in_->free().network().free_uplinks().words());
    for (std::size_t b = 0; b < bands.size(); ++b)
      for (std::size_t place = 0; place < places; ++place)
        for (int k = 0; k < used_[b * places + place]; ++k)
          rest_columns_.push_back(bands[b].first / bands[b].words * width +
                                  static_cast<std::uint32_t>(place * lanes) +
                                  static_cast<std::uint32_t>(k));
    std::sort(rest_columns_.begin(), rest_columns_.end());
    return true;
  }
  /// Gives band `b` one link more; another that shares the slot may have to go elsewhere.
  template <class Room>
  bool augment(std::size_t b, int pod, Room& room_at) {
    const std::size_t places = pods_->places();
    const auto bands = in_->bands();
    for (std::size_t place = 0; place < places; ++place) {
      if (used_[b * places + place] >= room_at(b, place)) continue;
      const std::size_t slot = pods_->slot(pod, bands[b].first / bands[b].words, place);
      if (std::exchange(seen_[slot], 1)) continue;
      if (rest_of_slot_[slot] < spare_[slot]) {
        ++rest_of_slot_[slot];
        ++used_[b * places + place];
        return true;
      }
      for (std::size_t other = 0; other < bands.size(); ++other) {
        if (other == b || used_[other * places + place] == 0 ||
            pods_->slot(pod, bands[other].first / bands[other].words, place) != slot)
          continue;
        if (!augment(other, pod, room_at)) continue;
        --used_[other * places + place];
        ++used_[b * places + place];
        return true;
      }
    }
    return false;
  }

  /// For each slot the cores, those first that the small pod reaches too.
  void add_core_links(std::vector<fabric::core_link>& out) {
    for (const band& b : bands_) {
      const std::size_t slot = b.first / words_;
      mine_.clear();
      rest_.clear();
      for_each_bit(const_bit_row{columns_}.subspan(b.first, b.words), [&](std::size_t c) {
        const bool shared = has_small_ && test_bit(rows_[small_].subspan(b.first, b.words), c);
        (shared ? mine_ : rest_).push_back(static_cast<std::uint32_t>(c));
      });
      const auto wanted = static_cast<std::size_t>(q_ * b.weight);
      const auto of_small =
          has_small_ ? static_cast<std::size_t>(small_whole_ * b.weight + rest_of(slot)) : 0;
      small_columns_.assign(mine_.begin(), mine_.begin() + static_cast<std::ptrdiff_t>(of_small));
      mine_.insert(mine_.end(), rest_.begin(), rest_.end());
      mine_.resize(wanted);
      std::sort(mine_.begin(), mine_.end());
      const auto add = [&](std::uint32_t row, const std::vector<std::uint32_t>& columns) {
        detail::add_core_links(in_->free(), spine_id{pods_->spines(pod_of_row_[row])[slot]},
                               columns, out);
      };
      for (std::uint32_t row : chosen_) add(row, mine_);
      if (has_small_) add(small_, small_columns_);
    }
    std::sort(out.begin(), out.end());
  }
  [[nodiscard]] int rest_of(std::size_t slot) const { return r_ > 0 ? rest_of_slot_[slot] : 0; }

  static constexpr std::uint32_t nobody = ~std::uint32_t{0};

  banded_search* in_ = nullptr;
  const fabric::pod_table* pods_ = nullptr;
  bool gpus_would_do_ = false, is_wide_ = true, has_small_ = false;
  int size_ = 0, q_ = 0, r_ = 0, small_whole_ = 0;
  std::uint32_t small_ = 0, small_unit_ = nobody;
  std::size_t words_ = 0;
  std::vector<int> pod_of_row_;
  bit_matrix rows_;  // a row per pod: free links to cores, by slot
  std::vector<int> weight_;
  std::vector<band> bands_;
  banded_rows shape_;
  std::vector<unit_list> whole_;  // of each row
  unit_list order_;
  banded_biclique search_;
  unit_list chosen_;
  std::vector<word> columns_;
  std::vector<std::uint32_t> all_columns_, rest_columns_, mine_, rest_, small_columns_;
  std::vector<int> spare_, rest_of_slot_, used_;
  std::vector<char> seen_;
  std::vector<std::pair<std::uint32_t, bool>> units_;
};

}  // namespace heddle::place::detail
