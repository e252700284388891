// The parts that a job over several servers is made of, where cards hang on rails.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/traffic/leaf_width.hpp>

namespace heddle::place::detail {

/// An *item* is what a job that spans servers takes whole. With rails it is one server's GPUs of the same
/// numbers on every server, a *mask*; without, one network card's GPUs. Cards are never shared, for their
/// ports would be. Keeps its memory between states. Where rails are many a server has 64 GPUs at most.
class card_items {
 public:
  /// Looks at `free`, which must stay as it is until the next start. O(1).
  void start(const clos_ledger& free) {
    free_ = &free;
    masks_known_ = false;
  }

  [[nodiscard]] bool by_server() const { return free_->fabric().rails() > 1; }
  /// GPUs of an item.
  [[nodiscard]] int gpus() const {
    return by_server() ? std::popcount(mask_) : free_->fabric().gpus_per_card();
  }
  /// Network cards of an item on the leafs of one rail.
  [[nodiscard]] int cards_on(int rail) const {
    if (!by_server()) return 1;
    const fabric::leaf_spine& dc = free_->fabric();
    const int of_rail = dc.gpus_per_server() / dc.rails();
    return std::popcount(mask_ >> (rail * of_rail) & low_bits(of_rail)) / dc.gpus_per_card();
  }
  /// What the servers of a job of `items` have on the leafs of one rail.
  [[nodiscard]] traffic::leaf_share share_on(int rail, int items) const {
    const fabric::leaf_spine& dc = free_->fabric();
    const int domain = dc.hosts().servers_per_domain();
    if (!by_server()) return {.cards = domain * dc.cards_per_server()};
    const int of_rail = dc.gpus_per_server() / dc.rails();
    return {.cards = domain * cards_on(rail),
            .servers = items,
            .first = std::countr_zero(mask_) / of_rail == rail,
            .last = (63 - std::countl_zero(mask_)) / of_rail == rail};
  }

  /// Counts the items of cards, or of whole servers. O(units), or O(GPUs) where cards have several.
  void count_whole() {
    const fabric::leaf_spine& dc = free_->fabric();
    mask_ = low_bits(dc.gpus_per_server());
    counts_.resize(static_cast<std::size_t>(dc.units()));
    if (by_server()) {
      for (unit_id x : dc.all_units()) counts_[x.index()] = free_->idle_servers(x);
    } else if (dc.gpus_per_card() == 1) {
      for (unit_id x : dc.all_units()) counts_[x.index()] = free_->free_gpus(x);
    } else {
      for (unit_id x : dc.all_units()) {
        counts_[x.index()] = 0;
        for_each_free_card(x, [&](gpu_id) { ++counts_[x.index()]; });
      }
    }
  }
  /// Counts the servers with those GPUs free. Precondition: `by_server`. O(servers).
  void count(word mask) {
    const fabric::leaf_spine& dc = free_->fabric();
    find_masks();
    mask_ = mask;
    counts_.assign(static_cast<std::size_t>(dc.units()), 0);
    for (server_id s : dc.all_servers())
      counts_[dc.unit_of(s).index()] += (masks_[s.index()] & mask) == mask;
  }
  /// Servers without GPUs to spare for `mask`, that is with some of their GPUs taken, which have it free.
  [[nodiscard]] int servers_in_use_with(word mask) {
    find_masks();
    const word all = low_bits(free_->fabric().gpus_per_server());
    return static_cast<int>(std::count_if(masks_.begin(), masks_.end(),
                                          [&](word m) { return m != all && (m & mask) == mask; }));
  }

  /// Items that are free, of each unit.
  [[nodiscard]] const std::vector<int>& counts() const { return counts_; }
  [[nodiscard]] int count_of(std::size_t unit) const { return counts_[unit]; }
  /// Items of a unit with nothing taken.
  [[nodiscard]] int all_of(unit_id x) const {
    const fabric::leaf_spine& dc = free_->fabric();
    if (by_server()) return static_cast<int>(dc.servers_of(x).size());
    int n = 0;
    for (server_id s : dc.servers_of(x))
      n += static_cast<int>(dc.gpus_of(s).size()) / dc.gpus_per_card();
    return n;
  }

  /// Appends the GPUs of `n` items of `x`, in order of their ids: of servers those with fewest GPUs free
  /// first. Precondition: it has so many.
  void take(unit_id x, int n, std::vector<gpu_id>& out) {
    const fabric::leaf_spine& dc = free_->fabric();
    if (!by_server() && dc.gpus_per_card() == 1) return pick(*free_, x, n, out);
    if (!by_server()) {
      for_each_free_card(x, [&](gpu_id first) {
        if (n-- <= 0) return;
        for (int k = 0; k < dc.gpus_per_card(); ++k)
          out.push_back(gpu_id{first.value + static_cast<std::uint32_t>(k)});
      });
      return;
    }
    if (mask_ == low_bits(dc.gpus_per_server())) {
      for (server_id s : dc.servers_of(x)) {
        if (n == 0) return;
        if (!free_->is_idle(s)) continue;
        --n;
        for (gpu_id g : dc.gpus_of(s)) out.push_back(g);
      }
      return;
    }
    chosen_.clear();
    for (server_id s : dc.servers_of(x))
      if ((masks_[s.index()] & mask_) == mask_) chosen_.push_back(s);
    std::sort(chosen_.begin(), chosen_.end(), [&](server_id a, server_id b) {
      const int m = free_->free_gpus(a), k = free_->free_gpus(b);
      return m != k ? m < k : a < b;
    });
    chosen_.resize(static_cast<std::size_t>(n));
    std::sort(chosen_.begin(), chosen_.end());
    for (server_id s : chosen_)
      for (gpu_id g : dc.gpus_of(s))
        if (mask_ >> (g.value - dc.gpus_of(s).front().value) & 1) out.push_back(g);
  }

  [[nodiscard]] static word low_bits(int n) { return n >= 64 ? ~word{0} : (word{1} << n) - 1; }

 private:
  /// The free GPUs of each server.
  void find_masks() {
    if (masks_known_) return;
    masks_known_ = true;
    const fabric::leaf_spine& dc = free_->fabric();
    masks_.assign(static_cast<std::size_t>(dc.servers()), 0);
    for (server_id s : dc.all_servers()) {
      const std::uint32_t first = dc.gpus_of(s).empty() ? 0 : dc.gpus_of(s).front().value;
      for (gpu_id g : dc.gpus_of(s))
        masks_[s.index()] |= word{free_->is_free(g)} << (g.value - first);
    }
  }
  /// Calls `f(first GPU)` for each card whose GPUs are all free. Cards are counted server by server.
  template <class F>
  void for_each_free_card(unit_id x, F&& f) const {
    const fabric::leaf_spine& dc = free_->fabric();
    const auto each = static_cast<std::uint32_t>(dc.gpus_per_card());
    for (server_id s : dc.servers_of(x)) {
      const auto gpus = dc.gpus_of(s);
      for (std::uint32_t k = 0; k + each <= gpus.size(); k += each) {
        bool all = true;
        for (std::uint32_t i = 0; i < each; ++i)
          all = all && free_->is_free(gpu_id{gpus.front().value + k + i});
        if (all) f(gpu_id{gpus.front().value + k});
      }
    }
  }

  const clos_ledger* free_ = nullptr;
  word mask_ = 0;
  bool masks_known_ = false;
  std::vector<word> masks_;
  std::vector<int> counts_;
  std::vector<server_id> chosen_;
};

}  // namespace heddle::place::detail
