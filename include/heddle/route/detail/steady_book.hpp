// Groups on links, and by how much they slow each other down, round by round.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/detail/phase_peaks.hpp>

namespace heddle::route::detail {

/// The groups that are there, by what they put on links, whatever links these are; the model is that of
/// `steady` (route/steady.hpp).
///
/// An arrival or departure costs, a round, the links whose load it changes and the groups on them; of these
/// only the phases are looked at again whose fullest link is among them.
class steady_book {
 public:
  /// \param rounds  ≥ 1
  /// \param step  of slow-downs before they become the next round's duties; 0: as they are
  steady_book(std::size_t links, int rounds, double step = 0)
      : rounds_(static_cast<std::size_t>(std::max(1, rounds))), step_(step),
        background_(rounds_, std::vector<std::int64_t>(links, 0)), users_(links),
        touched_at_(links, 0) {}

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
    e.use.clear();
    fill(e.use);
    e.rounds.assign(rounds_, {});
    for (std::uint32_t i = 0; i < e.use.shares.size(); ++i)
      users_[e.use.shares[i].link].add({slot, i, in_units(e.use.hits[e.use.first_hit(i)])});
    update(slot, true);
  }
  /// Mean flows on a link now, in the first round.
  [[nodiscard]] double background(std::uint32_t link) const {
    return static_cast<double>(background_.front()[link]) / footprint::unit;
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    const std::uint32_t slot = it->second;
    for (const footprint::share& s : entries_[slot].use.shares) users_[s.link].remove(slot);
    update(slot, false);
    slot_of_.erase(it);
    free_slots_.push_back(slot);
  }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    return entries_[it->second].rounds.back().slowdown;
  }

  /// Owners whose slow-down the last `add` or `remove` has changed, by id; after `add` the newcomer
  /// is among them, after `remove` the one that left.
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }
  /// Links whose load the last change has changed, summed over rounds.
  [[nodiscard]] std::size_t touched_links() const { return touched_links_; }

 private:
  struct round {
    double slowdown = 1;
    double present = 0;  // share of the time on the network
    double before = 0;   // the same before the change that is carried through
    phase_peaks peaks;
  };
  struct entry {
    job_id owner;
    communication duty;
    footprint use;
    std::vector<round> rounds;
  };
  struct user {
    std::uint32_t slot = 0, share = 0;
    std::int64_t room =
        0;  // in units: what more the link can carry in any phase without being its fullest
  };
  struct change {
    std::uint32_t slot = 0, share = 0;
    std::int64_t before = 0, after = 0;  // what others put on the link, in units
  };
  struct link_users {
    std::vector<user> all;
    std::int64_t least_room = most_room;

    void add(const user& u) {
      all.push_back(u);
      least_room = std::min(least_room, u.room);
    }
    void remove(std::uint32_t slot) {
      least_room = most_room;
      std::size_t kept = 0;
      for (const user& u : all) {
        if (u.slot == slot) continue;
        least_room = std::min(least_room, u.room);
        all[kept++] = u;
      }
      all.resize(kept);
    }
    static constexpr std::int64_t most_room = std::numeric_limits<std::int64_t>::max();
  };
  struct touched_link {
    std::uint32_t link = 0;
    std::int64_t before = 0;
  };

  [[nodiscard]] static std::int64_t in_units(const footprint::hit& x) {
    return std::int64_t{x.slack} * static_cast<std::int64_t>(footprint::unit);
  }
  /// Share of a group → what others put on its link, in units.
  [[nodiscard]] auto others_of(const entry& e, std::size_t r) const {
    return [background = background_[r].data(), shares = e.use.shares.data(),
            present = e.rounds[r].present](std::size_t i) {
      return background[shares[i].link] - rounded(present * shares[i].mean);
    };
  }
  /// llround for 0 ≤ x < 2^63, in line.
  [[nodiscard]] static std::int64_t rounded(double x) {
    const auto whole = static_cast<std::int64_t>(x);
    return whole + (x - static_cast<double>(whole) >= 0.5);
  }

  std::uint32_t take_slot() {
    if (free_slots_.empty()) {
      entries_.emplace_back();
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
    moved_.assign(1, slot);  // whose load in this round may differ
    touched_links_ = 0;
    for (std::size_t r = 0; r < rounds_; ++r) {
      ++epoch_;
      touched_.clear();
      for (std::uint32_t m : moved_) {
        const entry& e = entries_[m];
        const double s = r > 0 ? in_steps(e.rounds[r - 1].slowdown) : 1;
        put_load(m, r, m == slot && !is_there ? 0 : e.duty.on_network(s));
      }
      touched_links_ += touched_.size();
      reach_users(slot, is_there, r);
      for (std::uint32_t m : moved_) {
        round& x = entries_[m].rounds[r];
        x.before = x.present;
      }
      moved_.assign(1, slot);
      for (std::uint32_t other : reached_) {
        is_reached_[other] = 0;
        entry& e = entries_[other];
        round& x = e.rounds[r];
        const double now = x.peaks.slowdown(e.use, others_of(e, r), find_parts_);
        if (now == x.slowdown) continue;
        x.slowdown = now;
        if (other == slot) continue;
        moved_.push_back(other);
        if (r + 1 == rounds_) changed_.push_back(e.owner);
      }
    }
    std::sort(changed_.begin(), changed_.end());
  }
  [[nodiscard]] double in_steps(double slowdown) const {
    return step_ > 0 ? 1 + std::round((slowdown - 1) / step_) * step_ : slowdown;
  }

  /// What the group in `slot` puts on its links in round `r`.
  void put_load(std::uint32_t slot, std::size_t r, double present) {
    const footprint& use = entries_[slot].use;
    round& x = entries_[slot].rounds[r];
    x.present = present;
    if (present == x.before) return;
    auto& background = background_[r];
    for (const footprint::share& s : use.shares) {
      const std::int64_t more = rounded(present * s.mean) - rounded(x.before * s.mean);
      if (more == 0) continue;
      if (std::exchange(touched_at_[s.link], epoch_) != epoch_)
        touched_.push_back({s.link, background[s.link]});
      background[s.link] += more;
    }
  }
  /// Tells those on links whose load has changed. The newcomer looks at everything. Whose flows leave more room
  /// on a link, in every phase, than all others take does not feel what these do.
  void reach_users(std::uint32_t slot, bool is_there, std::size_t r) {
    reached_.clear();
    if (is_there) {
      entry& e = entries_[slot];
      e.rounds[r].peaks.find_all(e.use, others_of(e, r));
      reach(slot);
    }
    // In three passes, so that the memory of many is fetched at a time.
    const std::int64_t* background = background_[r].data();
    felt_.clear();
    for (std::size_t i = 0; i < touched_.size(); ++i) {
      if (i + ahead < touched_.size()) fetch(users_[touched_[i + ahead].link].all.data());
      const touched_link l = touched_[i];
      const std::int64_t after = background[l.link], most = std::max(l.before, after);
      if (users_[l.link].least_room >= most) continue;
      for (const user& u : users_[l.link].all) {
        if (u.room >= most || u.slot == slot) continue;
        fetch(entries_[u.slot].use.shares.data() + u.share);
        felt_.push_back({u.slot, u.share, l.before, after});
      }
    }
    for (change& c : felt_) {
      const entry& e = entries_[c.slot];
      const round& x = e.rounds[r];
      const double mean = e.use.shares[c.share].mean;
      c.before -= rounded(x.before * mean);
      c.after -= rounded(x.present * mean);
      fetch(e.use.hits.data() + e.use.first_hit(c.share));
    }
    for (const change& c : felt_) {
      entry& e = entries_[c.slot];
      if (e.rounds[r].peaks.change(e.use, c.share, c.before, c.after)) reach(c.slot);
    }
  }
  static void fetch(const void* at) { __builtin_prefetch(at); }
  void reach(std::uint32_t slot) {
    if (std::exchange(is_reached_[slot], 1) == 0) reached_.push_back(slot);
  }

  static constexpr std::size_t ahead = 8;

  std::size_t rounds_;
  double step_;

  std::vector<std::vector<std::int64_t>> background_;  // of each round and directed link, in units
  std::vector<link_users> users_;                      // per directed link
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_slots_;
  std::map<job_id, std::uint32_t> slot_of_;
  std::vector<job_id> changed_;

  std::size_t touched_links_ = 0;

  // Scratch of one change.
  std::vector<std::uint32_t> moved_, reached_;
  std::vector<unsigned char> is_reached_;  // per slot
  std::vector<touched_link> touched_;
  std::vector<change> felt_;
  std::vector<std::uint64_t>
      touched_at_;  // per directed link: the last epoch in which its load changed
  std::uint64_t epoch_ = 0;
  part_finder find_parts_;
};

}  // namespace heddle::route::detail
