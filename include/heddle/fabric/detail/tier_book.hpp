// Who owns which link of one tier of switches, and which are free.
#pragma once

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/link_columns.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric::detail {

/// The lower and the upper switch of a link.
[[nodiscard]] inline leaf_id lower_of(const link& k) { return k.leaf; }
[[nodiscard]] inline spine_id upper_of(const link& k) { return k.spine; }
[[nodiscard]] inline spine_id lower_of(const core_link& k) { return k.spine; }
[[nodiscard]] inline core_id upper_of(const core_link& k) { return k.core; }

/// The owners of the links between a lower and an upper tier. Sets are rows of bits, a row a lower switch;
/// links in consecutive lanes are booked by words.
/// \tparam Link  `link` or `core_link`
template <class Link>
class tier_book {
 public:
  using lower_id = decltype(lower_of(Link{}));
  using upper_id = decltype(upper_of(Link{}));

  tier_book() = default;
  tier_book(const tier_links& links, link_columns columns)
      : columns_(std::move(columns)), lowers_(size(links.lower())), uppers_(size(links.upper())),
        places_(size(columns_.places(links.upper()))), lanes_(size(links.lanes())),
        is_regular_(links.is_regular()), owner_(lowers_ * uplinks()), there_(lowers_, uplinks()),
        failed_(lowers_ + uppers_ + lowers_ * uplinks()) {
    for (std::size_t l = 0; l < lowers_; ++l)
      for (std::size_t p = 0; p < places_; ++p) {
        const std::uint32_t u = columns_.upper(columns_.part_of_lower(l), narrow(p));
        if (u == link_columns::none) break;
        set_bits(there_[l], p * lanes_, p * lanes_ + size(links.between(l, u)));
      }
    free_lanes_ = there_;
    if (counts_lanes()) free_uplinks_ = free_lanes_;
    lowers_with_.assign(uplinks(), 0);
    for (std::size_t l = 0; l < lowers_; ++l)
      for_each_bit(there_[l], [&](std::size_t c) { ++lowers_with_[c]; });
  }

  [[nodiscard]] bool is_free(const Link& k) const {
    return is_near(k) && test_bit(free_lanes_[lower(k)], lane_of(k));
  }
  [[nodiscard]] job_id owner(const Link& k) const {
    return is_near(k) ? owner_[index(k)] : job_id{};
  }
  /// In thermometer code: see `link_book::free_uplinks`.
  [[nodiscard]] const bit_matrix& free_uplinks() const {
    return counts_lanes() ? free_uplinks_ : free_lanes_;
  }
  /// Of how many lower switches the row of `free_uplinks` has each bit.
  [[nodiscard]] std::span<const int> lowers_with() const { return lowers_with_; }
  [[nodiscard]] int free_links(lower_id l, upper_id u) const {
    if (!is_near(l, u)) return 0;
    return count_bits(free_lanes_[l.index()], column(u), column(u) + lanes_);
  }
  [[nodiscard]] std::uint32_t free_lane(lower_id l, upper_id u, std::uint32_t from) const {
    const std::size_t first = column(u);
    while (!test_bit(free_lanes_[l.index()], first + from)) ++from;
    assert(from < lanes_);
    return from;
  }

  [[nodiscard]] bool is_failed(lower_id l) const { return failed_.contains(mark_of(l)); }
  [[nodiscard]] bool is_failed(upper_id u) const { return failed_.contains(mark_of(u)); }
  [[nodiscard]] bool is_failed(const Link& k) const {
    return is_near(k) && failed_.contains(mark_of(k));
  }
  [[nodiscard]] bool all_work() const { return failed_.empty(); }

  friend bool operator==(const tier_book& a, const tier_book& b) {
    return a.owner_ == b.owner_ && a.there_ == b.there_ && a.free_lanes_ == b.free_lanes_ &&
           a.free_uplinks_ == b.free_uplinks_ && a.failed_ == b.failed_ && a.lanes_ == b.lanes_ &&
           a.columns_ == b.columns_;
  }

  /// Whether the links exist, are sorted and each once.
  [[nodiscard]] bool knows_all(std::span<const Link> links) const {
    return all_exist(links) && is_strictly_sorted(links);
  }
  /// Gives them to `job` if all are free. Precondition: `knows_all`.
  [[nodiscard]] bool take(std::span<const Link> links, job_id job) {
    std::size_t done = 0;
    bool free = true;
    for_each_run(links, [&](std::size_t l, std::size_t first, std::size_t last) {
      free = free && all_set(free_lanes_[l], first, last);
      if (!free) return;
      own(l, first, last, job);
      clear_bits(free_lanes_[l], first, last);
      count(first, counts_lanes() ? first : last, -1);
      recount(l, first, last);
      done += last - first;
    });
    if (!free) give_back(links.first(done));
    return free;
  }
  void give_back(std::span<const Link> links) {
    for_each_run(links, [&](std::size_t l, std::size_t first, std::size_t last) {
      own(l, first, last, job_id{});
      if (failed_.empty()) {
        set_bits(free_lanes_[l], first, last);
        count(first, counts_lanes() ? first : last, +1);
        recount(l, first, last);
      } else {
        for (std::size_t k = first; k < last; ++k) refresh(l * uplinks() + k);
      }
    });
  }

  /// Marks a switch or a link and brings the links that it carries up to date. Tells `hit(job)` of their
  /// owners. \returns  whether the mark changed
  template <class Part, class Hit>
  bool mark(const Part& part, bool failed, Hit&& hit) {
    if constexpr (std::same_as<Part, Link>)
      if (!is_near(part)) return false;
    const bool changed = failed_.set(mark_of(part), failed);
    for_each_uplink(part, [&](std::size_t i) {
      if (owner_[i].valid()) hit(owner_[i]);
      refresh(i);
    });
    return changed;
  }
  void adopt_failures(const tier_book& other) {
    failed_ = other.failed_;
    for (std::size_t i = 0; i < owner_.size(); ++i) refresh(i);
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  static std::uint32_t narrow(std::size_t n) { return static_cast<std::uint32_t>(n); }
  static std::ptrdiff_t offset(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

  [[nodiscard]] std::size_t uplinks() const { return places_ * lanes_; }
  /// Whether the thermometer code differs from the free lanes themselves.
  [[nodiscard]] bool counts_lanes() const { return lanes_ > 1; }
  /// Whether the upper switch has a number at the lower one.
  [[nodiscard]] bool is_near(lower_id l, upper_id u) const {
    return columns_.is_plain() ||
           columns_.part_of_lower(l.index()) == columns_.part_of_upper(u.index());
  }
  [[nodiscard]] bool is_near(const Link& k) const { return is_near(lower_of(k), upper_of(k)); }
  [[nodiscard]] std::size_t column(upper_id u) const {
    return std::size_t{columns_.place(u.value)} * lanes_;
  }
  [[nodiscard]] static std::size_t lower(const Link& k) { return lower_of(k).index(); }
  /// Which of its lower switch's uplinks a link is, and which of all.
  [[nodiscard]] std::size_t lane_of(const Link& k) const { return column(upper_of(k)) + k.lane; }
  [[nodiscard]] std::size_t index(const Link& k) const { return lower(k) * uplinks() + lane_of(k); }
  [[nodiscard]] std::size_t mark_of(lower_id l) const { return l.index(); }
  [[nodiscard]] std::size_t mark_of(upper_id u) const { return lowers_ + u.index(); }
  [[nodiscard]] std::size_t mark_of(const Link& k) const { return lowers_ + uppers_ + index(k); }

  [[nodiscard]] bool all_exist(std::span<const Link> links) const {
    const std::uint32_t lowers = narrow(lowers_), uppers = narrow(uppers_), most = narrow(lanes_);
    bool wrong = false;
    for (const Link& k : links) {  // all of them, without a branch each
      wrong |= lower_of(k).value >= lowers;
      wrong |= upper_of(k).value >= uppers;
      wrong |= k.lane >= most;
    }
    if (wrong || is_regular_) return !wrong;
    return std::all_of(links.begin(), links.end(), [&](const Link& k) {
      return is_near(k) && test_bit(there_[lower(k)], lane_of(k));
    });
  }
  /// Precondition: they exist. Consecutive uplinks ascend by themselves.
  [[nodiscard]] bool is_strictly_sorted(std::span<const Link> links) const {
    bool sorted = true;
    std::size_t lower = 0, end = 0;
    for_each_run(links, [&](std::size_t l, std::size_t first, std::size_t last) {
      sorted &= l > lower || (l == lower && first >= end);
      lower = l;
      end = last;
    });
    return sorted;
  }

  /// Calls `f(lower, first, last)` for each longest run of consecutive uplinks of a lower switch.
  template <class F>
  void for_each_run(std::span<const Link> links, F&& f) const {
    const auto lanes = narrow(lanes_);
    const auto run = [&](auto&& place) {
      const auto lane = [&](const Link& k) { return place(upper_of(k).value) * lanes + k.lane; };
      for (std::size_t i = 0; i < links.size();) {
        const lower_id at = lower_of(links[i]);
        const std::uint32_t first = lane(links[i]);
        std::uint32_t last = first + 1;
        for (++i; i < links.size() && lower_of(links[i]) == at && lane(links[i]) == last; ++i)
          ++last;
        f(at.index(), std::size_t{first}, std::size_t{last});
      }
    };
    if (columns_.is_plain())
      run([](std::uint32_t u) { return u; });
    else
      run([&](std::uint32_t u) { return columns_.place(u); });
  }

  void own(std::size_t l, std::size_t first, std::size_t last, job_id job) {
    const auto row = owner_.begin() + offset(l * uplinks());
    std::fill(row + offset(first), row + offset(last), job);
  }
  /// Columns [first, last) are free, or taken, at one lower switch more.
  void count(std::size_t first, std::size_t last, int more) {
    for (std::size_t c = first; c < last; ++c) lowers_with_[c] += more;
  }
  /// Brings the thermometer code of the upper switches whose lanes lie in [first, last) up to date.
  void recount(std::size_t l, std::size_t first, std::size_t last) {
    if (!counts_lanes()) return;
    for (std::size_t s = first / lanes_; s * lanes_ < last; ++s) {
      const std::size_t begin = s * lanes_;
      const auto n = size(count_bits(free_lanes_[l], begin, begin + lanes_)),
                 before = size(count_bits(free_uplinks_[l], begin, begin + lanes_));
      count(begin + n, begin + before, -1);
      count(begin + before, begin + n, +1);
      set_bits(free_uplinks_[l], begin, begin + n);
      clear_bits(free_uplinks_[l], begin + n, begin + lanes_);
    }
  }
  /// Makes the bit of one uplink, by its index among all, say whether it is free.
  void refresh(std::size_t i) {
    const std::size_t l = i / uplinks(), lane = i % uplinks();
    const std::uint32_t u = columns_.upper(columns_.part_of_lower(l), narrow(lane / lanes_));
    if (u == link_columns::none) return;
    const bool free = test_bit(there_[l], lane) && !owner_[i].valid() && !is_failed(lower_id{l}) &&
                      !is_failed(upper_id{u}) && !failed_.contains(lowers_ + uppers_ + i);
    if (free == test_bit(free_lanes_[l], lane)) return;
    if (!counts_lanes()) lowers_with_[lane] += free ? 1 : -1;
    if (free)
      set_bit(free_lanes_[l], lane);
    else
      clear_bit(free_lanes_[l], lane);
    recount(l, lane, lane + 1);
  }

  template <class F>
  void for_each_uplink(lower_id l, F&& f) const {
    for (std::size_t k = 0; k < uplinks(); ++k) f(l.index() * uplinks() + k);
  }
  template <class F>
  void for_each_uplink(upper_id u, F&& f) const {
    for (std::size_t l = 0; l < lowers_; ++l)
      if (is_near(lower_id{l}, u))
        for (std::size_t k = 0; k < lanes_; ++k) f(l * uplinks() + column(u) + k);
  }
  template <class F>
  void for_each_uplink(const Link& k, F&& f) const {
    f(index(k));
  }

  link_columns columns_;
  std::size_t lowers_ = 0, uppers_ = 0, places_ = 0, lanes_ = 1;
  bool is_regular_ = true;
  std::vector<job_id> owner_;     // lower-major, then uplink
  bit_matrix there_;              // a row per lower switch: uplinks that exist
  bit_matrix free_lanes_;         // likewise, those that are free
  bit_matrix free_uplinks_;       // the same in thermometer code, if that differs
  std::vector<int> lowers_with_;  // of these rows, or those above
  marks failed_;
};

}  // namespace heddle::fabric::detail
