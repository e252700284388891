// A wiring in the making: wanted circuits, each at an optical circuit switch or still without one.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>

namespace heddle::optical::detail {

/// What stays of a rewiring problem once its frozen circuits are taken out: wanted circuits,
/// numbered so that those of a pair (leaf, spine) follow each other, and the ends that they may
/// use.
struct rewire_core {
  std::size_t switches = 0, leafs = 0, spines = 0;
  std::size_t leaf_fibres = 1, spine_fibres = 1;
  std::vector<std::uint32_t> pair_begin;  ///< pairs + 1 offsets into the circuits
  std::vector<std::uint32_t> pair_leaf, pair_spine;
  std::vector<std::uint8_t> home;  ///< pairs × switches: current circuits that may stay
  std::vector<std::uint8_t> leaf_open, spine_open;  ///< ends × switches: fibres that may be used

  [[nodiscard]] std::size_t pairs() const { return pair_leaf.size(); }
  [[nodiscard]] std::size_t circuits() const { return pair_begin.empty() ? 0 : pair_begin.back(); }
};

/// Circuits at switches such that no fibre has two. A circuit is *kept* where the current wiring
/// has it; a switch is *idle* at an end with a free fibre to it, and *kept* at one without, whose
/// circuits all are kept. These sets are rows of bits, so that an unplaced circuit weighs all
/// switches at once.
class rewire_board {
 public:
  static constexpr std::int32_t none = -1;

  /// Starts with every current circuit kept that may be, the first copies of each pair.
  void reset(const rewire_core& core) {
    core_ = &core;
    words_ = words_for(core.switches);
    all_.resize(core.circuits());
    for (std::uint32_t q = 0; q < core.pairs(); ++q)
      for (std::uint32_t e = core.pair_begin[q]; e < core.pair_begin[q + 1]; ++e)
        all_[e] = {.leaf = core.pair_leaf[q], .spine = core.pair_spine[q], .pair = q};
    at_leafs_.reset(core.leafs, core.switches, core.leaf_fibres, core.leaf_open);
    at_spines_.reset(core.spines, core.switches, core.spine_fibres, core.spine_open);
    clear();
    for (std::uint32_t q = 0; q < core.pairs(); ++q) {
      std::uint32_t e = core.pair_begin[q];
      for (std::size_t k = 0; k < core.switches; ++k)
        for (std::uint8_t n = core.home[q * core.switches + k]; n > 0 && e < core.pair_begin[q + 1];
             --n)
          put(e++, k);
    }
  }

  /// The switch of each circuit.
  void save(std::vector<std::int32_t>& at) const {
    at.resize(all_.size());
    std::transform(all_.begin(), all_.end(), at.begin(), [](const seat& c) { return c.at; });
  }
  /// Goes back to a wiring that was saved complete.
  void restore(std::span<const std::int32_t> at) {
    for (std::uint32_t e = 0; e < at.size(); ++e)
      if (all_[e].at != none && all_[e].at != at[e]) take(e);
    for (std::uint32_t e = 0; e < at.size(); ++e)
      if (all_[e].at != at[e]) put(e, static_cast<std::size_t>(at[e]));
  }

  [[nodiscard]] const rewire_core& core() const { return *core_; }
  [[nodiscard]] std::size_t switches() const { return core_->switches; }
  [[nodiscard]] std::size_t words() const { return words_; }
  [[nodiscard]] std::size_t circuits() const { return all_.size(); }
  /// Or none.
  [[nodiscard]] std::int32_t switch_of(std::uint32_t e) const { return all_[e].at; }
  [[nodiscard]] std::span<const std::uint32_t> unplaced() const { return unplaced_; }
  [[nodiscard]] bool is_kept(std::uint32_t e) const { return all_[e].kept; }
  /// Circuits at a switch where the current wiring has none of their pair to spare.
  [[nodiscard]] std::size_t moved() const { return moved_; }
  /// What the wiring would cost if all that is unplaced came in at no further cost.
  [[nodiscard]] std::size_t cost() const { return moved_ + unplaced_.size(); }
  [[nodiscard]] std::uint32_t leaf(std::uint32_t e) const { return all_[e].leaf; }
  [[nodiscard]] std::uint32_t spine(std::uint32_t e) const { return all_[e].spine; }
  [[nodiscard]] std::uint32_t pair(std::uint32_t e) const { return all_[e].pair; }

  /// Rows of `words()` words: at the circuit's leaf and spine, and where it would be kept.
  struct ends {
    const word *usable, *idle, *kept;
  };
  [[nodiscard]] ends leaf_end(std::uint32_t e) const {
    return at_leafs_.rows(all_[e].leaf, words_);
  }
  [[nodiscard]] ends spine_end(std::uint32_t e) const {
    return at_spines_.rows(all_[e].spine, words_);
  }
  [[nodiscard]] const word* home(std::uint32_t e) const { return &home_[all_[e].pair * words_]; }

  [[nodiscard]] bool home_is(std::uint32_t e, std::size_t k) const {
    return test_bit({home(e), words_}, k);
  }

  /// The circuit that would have to leave for another at that end of switch k: `none` if a fibre is
  /// idle, else one that is not kept, if any; below `none` if no fibre may be used. `turn` chooses
  /// between equals.
  [[nodiscard]] std::int32_t in_the_way_of_leaf(std::size_t l, std::size_t k,
                                                std::size_t turn = 0) const {
    return at_leafs_.in_the_way(l, k, turn, all_);
  }
  [[nodiscard]] std::int32_t in_the_way_of_spine(std::size_t s, std::size_t k,
                                                 std::size_t turn = 0) const {
    return at_spines_.in_the_way(s, k, turn, all_);
  }

  /// Fibres by number, for alternating paths: a fibre i to one switch goes on as fibre i to
  /// another. The circuit over one, or none; the lowest free one, or none; the one that e uses.
  [[nodiscard]] std::int32_t over_leaf_fibre(std::size_t l, std::size_t k, std::size_t i) const {
    return at_leafs_.over(l, k, i);
  }
  [[nodiscard]] std::int32_t over_spine_fibre(std::size_t s, std::size_t k, std::size_t i) const {
    return at_spines_.over(s, k, i);
  }
  [[nodiscard]] std::size_t leaf_fibre(std::uint32_t e) const {
    return at_leafs_.find(all_[e].leaf, static_cast<std::size_t>(all_[e].at),
                          static_cast<std::int32_t>(e));
  }
  [[nodiscard]] std::size_t spine_fibre(std::uint32_t e) const {
    return at_spines_.find(all_[e].spine, static_cast<std::size_t>(all_[e].at),
                           static_cast<std::int32_t>(e));
  }
  [[nodiscard]] std::size_t free_leaf_fibre(std::size_t l, std::size_t k) const {
    return at_leafs_.find(l, k, none);
  }
  [[nodiscard]] std::size_t free_spine_fibre(std::size_t s, std::size_t k) const {
    return at_spines_.find(s, k, none);
  }

  /// Precondition: e is unplaced, and both its ends have an idle fibre to k (for the second:
  /// those).
  void put(std::uint32_t e, std::size_t k) {
    put(e, k, free_leaf_fibre(all_[e].leaf, k), free_spine_fibre(all_[e].spine, k));
  }
  void put(std::uint32_t e, std::size_t k, std::size_t leaf_fibre, std::size_t spine_fibre) {
    const std::size_t q = all_[e].pair;
    all_[e].at = static_cast<std::int32_t>(k);
    word& home = home_[q * words_ + k / 64];
    const word bit = word{1} << (k % 64);
    all_[e].kept = (home & bit) != 0;
    if (!all_[e].kept)
      ++moved_;
    else if (alone_ || --home_left_[q * core_->switches + k] == 0)
      home &= ~bit;
    at_leafs_.set(all_[e].leaf, k, leaf_fibre, static_cast<std::int32_t>(e), all_);
    at_spines_.set(all_[e].spine, k, spine_fibre, static_cast<std::int32_t>(e), all_);
    const std::uint32_t hole = all_[e].place;
    unplaced_[hole] = unplaced_.back();
    all_[unplaced_[hole]].place = hole;
    unplaced_.pop_back();
  }

  /// Precondition: e is at a switch.
  void take(std::uint32_t e) {
    const std::size_t q = all_[e].pair, k = static_cast<std::size_t>(all_[e].at);
    const std::size_t at_leaf = leaf_fibre(e), at_spine = spine_fibre(e);
    if (!alone_ && all_[e].kept) {  // a copy beside it that was one too many is kept instead
      for (std::size_t i = 0; i < core_->leaf_fibres; ++i) {
        const std::int32_t other = over_leaf_fibre(all_[e].leaf, k, i);
        if (other < 0 || all_[static_cast<std::size_t>(other)].pair != q ||
            all_[static_cast<std::size_t>(other)].kept)
          continue;
        std::swap(all_[e].kept, all_[static_cast<std::size_t>(other)].kept);
        break;
      }
    }
    if (all_[e].kept) {
      home_[q * words_ + k / 64] |= word{1} << (k % 64);
      if (!alone_) ++home_left_[q * core_->switches + k];
    } else {
      --moved_;
    }
    all_[e].at = none;
    at_leafs_.set(all_[e].leaf, k, at_leaf, none, all_);
    at_spines_.set(all_[e].spine, k, at_spine, none, all_);
    all_[e].place = static_cast<std::uint32_t>(unplaced_.size());
    unplaced_.push_back(e);
  }

 private:
  /// A circuit. All that a step asks of it lies together.
  struct seat {
    std::uint32_t leaf = 0, spine = 0, pair = 0;
    std::int32_t at = none;
    std::uint32_t place = 0;  // among the unplaced
    bool kept = false;
  };

  /// The fibres of all leafs, or of all spines.
  class fibres {
   public:
    void reset(std::size_t ends, std::size_t switches, std::size_t each,
               std::span<const std::uint8_t> open) {
      switches_ = switches;
      each_ = each;
      open_ = open;
      over_.resize(ends * switches * each);
      rows_.resize(ends * 3 * words_for(switches));
    }
    void clear() {
      const std::size_t words = words_for(switches_);
      std::fill(rows_.begin(), rows_.end(), word{0});
      for (std::size_t p = 0; p < open_.size(); ++p) {
        for (std::size_t i = 0; i < each_; ++i) over_[p * each_ + i] = i < open_[p] ? none : closed;
        if (open_[p] == 0) continue;
        word* usable = &rows_[p / switches_ * 3 * words];
        set_bit({usable, words}, p % switches_);
        set_bit({usable + words, words}, p % switches_);
      }
    }
    [[nodiscard]] ends rows(std::size_t end, std::size_t words) const {
      const word* r = &rows_[end * 3 * words];
      return {r, r + words, r + 2 * words};
    }
    [[nodiscard]] std::int32_t over(std::size_t end, std::size_t k, std::size_t i) const {
      return over_[(end * switches_ + k) * each_ + i];
    }
    [[nodiscard]] std::size_t find(std::size_t end, std::size_t k, std::int32_t what) const {
      std::size_t i = 0;
      while (over(end, k, i) != what) ++i;
      assert(i < each_);
      return i;
    }
    [[nodiscard]] std::int32_t in_the_way(std::size_t end, std::size_t k, std::size_t turn,
                                          const std::vector<seat>& all) const {
      const std::int32_t* first = &over_[(end * switches_ + k) * each_];
      if (each_ == 1) return first[0];
      std::int32_t found = closed;
      for (std::size_t i = 0; i < each_; ++i) {
        const std::int32_t e = first[(i + turn) % each_];
        if (e == none) return none;
        if (e < 0) continue;
        if (found < 0 ||
            (!all[static_cast<std::size_t>(e)].kept && all[static_cast<std::size_t>(found)].kept))
          found = e;
      }
      return found;
    }
    void set(std::size_t end, std::size_t k, std::size_t i, std::int32_t e,
             const std::vector<seat>& all) {
      std::int32_t* first = &over_[(end * switches_ + k) * each_];
      first[i] = e;
      bool idle = e == none, all_kept = e < 0 || all[static_cast<std::size_t>(e)].kept;
      if (each_ > 1)
        for (std::size_t j = 0; j < each_; ++j) {
          idle |= first[j] == none;
          all_kept &= first[j] < 0 || all[static_cast<std::size_t>(first[j])].kept;
        }
      const std::size_t words = words_for(switches_);
      word* idle_row = &rows_[(end * 3 + 1) * words];
      const std::size_t at = k / 64;
      const word bit = word{1} << (k % 64);
      idle_row[at] = idle ? idle_row[at] | bit : idle_row[at] & ~bit;
      word& kept_word = idle_row[words + at];
      kept_word = !idle && all_kept ? kept_word | bit : kept_word & ~bit;
    }

   private:
    static constexpr std::int32_t closed = -2;
    std::size_t switches_ = 0, each_ = 1;
    std::span<const std::uint8_t> open_;
    std::vector<std::int32_t> over_;  // ends × switches × each
    std::vector<word> rows_;          // usable, idle, kept: ends × 3 × words
  };

  void clear() {
    const rewire_core& core = *core_;
    at_leafs_.clear();
    at_spines_.clear();
    alone_ = core.leaf_fibres == 1 || core.spine_fibres == 1;
    if (!alone_) home_left_ = core.home;
    home_.assign(core.pairs() * words_, 0);
    for (std::size_t q = 0; q < core.pairs(); ++q)
      for (std::size_t k = 0; k < core.switches; ++k)
        if (core.home[q * core.switches + k] > 0) set_bit({&home_[q * words_], words_}, k);
    unplaced_.resize(core.circuits());
    for (std::uint32_t e = 0; e < core.circuits(); ++e) {
      unplaced_[e] = all_[e].place = e;
      all_[e].at = none;
      all_[e].kept = false;
    }
    moved_ = 0;
  }

  const rewire_core* core_ = nullptr;
  std::size_t words_ = 0, moved_ = 0;
  bool alone_ = true;  // no two circuits of a pair fit at one switch
  std::vector<seat> all_;
  fibres at_leafs_, at_spines_;
  std::vector<std::uint8_t> home_left_;  // as the core's home, unless alone_
  std::vector<word> home_;
  std::vector<std::uint32_t> unplaced_;
};

}  // namespace heddle::optical::detail
