// Groups on links, and by how much they slow each other down, round by round.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/route/detail/footprint.hpp>

namespace heddle::route::detail {

/// The groups that are there, by what they put on links, whatever links these are; the model is that of
/// `steady` (route/steady.hpp).
class steady_book {
 public:
  /// \param rounds  ≥ 1
  steady_book(std::size_t links, int rounds)
      : rounds_(static_cast<std::size_t>(std::max(1, rounds))),
        background_(rounds_, std::vector<std::int64_t>(links, 0)), users_(links),
        link_epoch_(links, 0) {}

  /// Adds a group that is present `duty` of the time when nothing slows it down. \param fill  writes its footprint; may look at
  /// `background`. Precondition: `owner` is not there yet.
  template <class Fill>
  void add(job_id owner, communication duty, Fill&& fill) {
    assert(!slot_of_.contains(owner) && duty.on_network() >= 0 && duty.on_network() <= 1);
    const std::uint32_t slot = take_slot();
    slot_of_.emplace(owner, slot);
    entry& e = entries_[slot];
    e.owner = owner;
    e.duty = duty;
    std::fill(e.slowdown.begin(), e.slowdown.end(), 1.0);
    e.use.clear();
    fill(e.use);
    for (auto& a : e.amount) a.assign(e.use.shares.size(), 0);
    for (const footprint::share& s : e.use.shares) users_[s.link].push_back(slot);
    update(slot, true);
  }
  /// Mean flows on a link now, in the first round.
  [[nodiscard]] double background(std::uint32_t link) const {
    return static_cast<double>(background_.front()[link]) / unit;
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    const std::uint32_t slot = it->second;
    for (const footprint::share& s : entries_[slot].use.shares) {
      auto& users = users_[s.link];
      *std::find(users.begin(), users.end(), slot) = users.back();
      users.pop_back();
    }
    update(slot, false);
    slot_of_.erase(it);
    free_slots_.push_back(slot);
  }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    return entries_[it->second].slowdown.back();
  }

  /// Owners whose slow-down the last `add` or `remove` has changed, by id; after `add` the newcomer
  /// is among them, after `remove` the one that left.
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

 private:
  static constexpr double unit = footprint::unit;

  struct entry {
    job_id owner;
    communication duty;
    footprint use;
    std::vector<double> slowdown;                   // of each round
    std::vector<std::vector<std::int64_t>> amount;  // of each round and share: mean flows, in units
  };

  std::uint32_t take_slot() {
    if (free_slots_.empty()) {
      entries_.emplace_back();
      entries_.back().slowdown.assign(rounds_, 1);
      entries_.back().amount.resize(rounds_);
      is_reached_.push_back(0);
      return static_cast<std::uint32_t>(entries_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  /// Carries the arrival or departure of `slot` through all rounds.
  void update(std::uint32_t slot, bool is_there) {
    changed_.assign(1, entries_[slot].owner);
    moved_.assign(1, slot);  // whose load in this round differs
    for (std::size_t r = 0; r < rounds_; ++r) {
      reached_.clear();
      all_ = slot_of_.size() - (is_there ? 0 : 1);
      if (is_there) reach(slot);
      for (std::uint32_t m : moved_) {
        const double s = r > 0 ? entries_[m].slowdown[r - 1] : 1;
        put_load(m, r, m == slot && !is_there ? 0 : entries_[m].duty.on_network(s));
      }
      ++epoch_;
      moved_.assign(1, slot);
      for (std::uint32_t other : reached_) {
        is_reached_[other] = 0;
        entry& e = entries_[other];
        const double now = slowdown_of(e, r);
        if (now == e.slowdown[r]) continue;
        e.slowdown[r] = now;
        if (other == slot) continue;
        moved_.push_back(other);
        if (r + 1 == rounds_) changed_.push_back(e.owner);
      }
    }
    std::sort(changed_.begin(), changed_.end());
  }
  void reach(std::uint32_t slot) {
    if (std::exchange(is_reached_[slot], 1) == 0) reached_.push_back(slot);
  }

  /// What the group in `slot` puts on its links in round `r`. Reaches those who share a link that
  /// carries another load than before.
  void put_load(std::uint32_t slot, std::size_t r, double duty) {
    const footprint& use = entries_[slot].use;
    auto& background = background_[r];
    auto& amounts = entries_[slot].amount[r];
    for (std::size_t i = 0; i < use.shares.size(); ++i) {
      const footprint::share& s = use.shares[i];
      const std::int64_t now = rounded(duty * s.mean), before = std::exchange(amounts[i], now);
      if (now == before) continue;
      background[s.link] += now - before;
      // Nobody new where all have been reached, or all of this link.
      if (reached_.size() == all_ || link_epoch_[s.link] == epoch_) continue;
      link_epoch_[s.link] = epoch_;
      for (std::uint32_t user : users_[s.link]) reach(user);
    }
  }
  /// llround for 0 ≤ x < 2^63, in line.
  [[nodiscard]] static std::int64_t rounded(double x) {
    const auto whole = static_cast<std::int64_t>(x);
    return whole + (x - static_cast<double>(whole) >= 0.5);
  }

  [[nodiscard]] double slowdown_of(const entry& e, std::size_t round) {
    const footprint& use = e.use;
    const std::int64_t* background = background_[round].data();
    const std::int64_t* amount = e.amount[round].data();
    most_.clear();
    for (const footprint::phase& p : use.phases) most_.push_back(p.own);
    std::size_t h = 0;
    for (std::size_t i = 0; i < use.shares.size(); h = use.shares[i++].end) {
      const std::int64_t others = background[use.shares[i].link] - amount[i];
      if (others == 0) continue;
      const double flows = static_cast<double>(others) * (1 / unit);
      for (; h < use.shares[i].end && use.hits[h].slack < flows; ++h) {
        const footprint::hit x = use.hits[h];
        most_[x.phase] = std::max(most_[x.phase], use.phases[x.phase].own - x.slack + flows);
      }
    }
    double stretched = 0;  // added to 1, so that nothing added leaves exactly 1
    for (std::size_t i = 0; i < use.phases.size(); ++i)
      stretched += use.phases[i].weight * (most_[i] / use.phases[i].card - 1);
    return 1 + stretched;
  }

  std::size_t rounds_;

  std::vector<std::vector<std::int64_t>> background_;  // of each round and directed link, in units
  std::vector<std::vector<std::uint32_t>> users_;      // per directed link: slots
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_slots_;
  std::map<job_id, std::uint32_t> slot_of_;
  std::vector<job_id> changed_;

  std::vector<std::uint32_t> moved_, reached_;
  std::vector<unsigned char> is_reached_;  // per slot
  std::vector<std::uint64_t> link_epoch_;  // when the users of a directed link were reached last
  std::uint64_t epoch_ = 1;
  std::size_t all_ = 0;  // who can be reached
  std::vector<double> most_;
};

}  // namespace heddle::route::detail
