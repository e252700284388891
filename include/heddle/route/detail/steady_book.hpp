// Groups on links, and by how much they slow each other down, round by round.
#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/route/detail/floors.hpp>
#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/detail/link_watch.hpp>
#include <heddle/route/detail/phase_peaks.hpp>

namespace heddle::route::detail {

/// The groups that are there, by what they put on links, whatever links these are; the model is that of
/// `steady` (route/steady.hpp).
///
/// An arrival or departure costs, a round, the links whose load it changes, and the groups on those of them that
/// may top a phase. A group wants to hear of a link only when its load is above its *room*: what the link can carry
/// with each phase staying below its *floor*. Floors stand somewhat below the peaks of phases and follow these when
/// they fall under them, or when much was heard that moved no peak. Floors change no slow-down, only what is
/// looked at.
class steady_book {
 public:
  /// \param rounds  ≥ 1
  /// \param step  of the logarithm of shares of time in all rounds but the first; 0: as they are
  steady_book(std::size_t links, int rounds, double step = 0)
      : rounds_(static_cast<std::size_t>(std::max(1, rounds))), step_(step),
        links_(links, rounds_) {}

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
    e.rounds.resize(rounds_);
    for (round& x : e.rounds) x.clear();
    update(slot, true);
    for (std::size_t kind = 0; kind < kinds; ++kind) set_floors(e, kind);
    for (std::uint32_t i = 0; i < e.use.shares.size(); ++i) {
      if (i + ahead < e.use.shares.size()) links_.fetch(e.use.shares[i + ahead].link);
      links_.add(e.use.shares[i].link,
                 {slot, i, {e.below[0].room_of(e.use, i), e.below[1].room_of(e.use, i)}});
    }
  }
  /// Mean flows on a link now, in the first round.
  [[nodiscard]] double background(std::uint32_t link) const {
    return static_cast<double>(links_.loads(0)(link)) / footprint::unit;
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    const std::uint32_t slot = it->second;
    const auto& shares = entries_[slot].use.shares;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      if (i + ahead < shares.size()) links_.fetch(shares[i + ahead].link);
      links_.remove(shares[i].link, slot);
    }
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
  /// Groups on them that were told, summed over links.
  [[nodiscard]] std::size_t told() const { return told_; }

 private:
  static constexpr std::size_t kinds = std::tuple_size_v<link_watch::rooms>;
  static constexpr std::size_t ahead = 8;

  struct round {
    double slowdown = 1;
    double present = 0;  // share of the time on the network
    double before = 0;   // the same before the change that is carried through
    phase_peaks peaks;

    void clear() {
      slowdown = 1;
      present = before = 0;
    }
  };
  struct entry {
    job_id owner;
    communication duty;
    footprint use;
    std::vector<round> rounds;
    std::array<floors, kinds> below;
  };
  struct change {
    std::uint32_t slot = 0, share = 0;
    std::int64_t before = 0, after = 0;  // what others put on the link, in units
  };
  struct tired {
    std::uint32_t slot = 0;
    std::size_t kind = 0;
  };

  /// Share of a group → what others put on its link, in units.
  [[nodiscard]] auto others_of(const entry& e, std::size_t r) const {
    return [load = links_.loads(r), shares = e.use.shares.data(), present = e.rounds[r].present](
               std::size_t i) { return load(shares[i].link) - rounded(present * shares[i].mean); };
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
    tired_.clear();
    touched_links_ = told_ = 0;
    for (std::size_t r = 0; r < rounds_; ++r) {
      links_.begin();
      for (std::uint32_t m : moved_) {
        const entry& e = entries_[m];
        const double s = r > 0 ? e.rounds[r - 1].slowdown : 1;
        put_load(m, r, m == slot && !is_there ? 0 : share_of_time(e.duty, s));
        const std::size_t kind = link_watch::kind_of(r);
        if (m != slot && entries_[m].below[kind].is_less_present(e.rounds[r].present))
          set_rooms(m, kind);
      }
      touched_links_ += links_.touched().size();
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
        if (other != slot) lower_floors(other, r);
        if (now == x.slowdown) continue;
        x.slowdown = now;
        if (other == slot) continue;
        moved_.push_back(other);
        if (r + 1 == rounds_) changed_.push_back(e.owner);
      }
    }
    for (const tired& t : tired_) {
      set_floors(entries_[t.slot], t.kind);
      set_rooms(t.slot, t.kind);
    }
    std::sort(changed_.begin(), changed_.end());
  }
  /// Of a group whose communication is stretched, on the network; in steps.
  [[nodiscard]] double share_of_time(const communication& duty, double slowdown) const {
    const double exactly = duty.on_network(slowdown), least = duty.on_network(1);
    if (!(step_ > 0) || !(least > 0)) return exactly;
    return least * std::exp(std::round(std::log(exactly / least) / step_) * step_);
  }

  /// What the group in `slot` puts on its links in round `r`.
  void put_load(std::uint32_t slot, std::size_t r, double present) {
    const footprint& use = entries_[slot].use;
    round& x = entries_[slot].rounds[r];
    x.present = present;
    if (present == x.before) return;
    for (const footprint::share& s : use.shares)
      if (const std::int64_t more = rounded(present * s.mean) - rounded(x.before * s.mean))
        links_.put(r, s.link, more);
  }
  /// Tells those on links whose load has changed, where it is or was above their room. The newcomer looks at
  /// everything.
  void reach_users(std::uint32_t slot, bool is_there, std::size_t r) {
    reached_.clear();
    if (is_there) {
      entry& e = entries_[slot];
      e.rounds[r].peaks.find_all(e.use, others_of(e, r));
      reach(slot);
    }
    // In passes, so that the memory of many is fetched at a time.
    const auto load = links_.loads(r);
    const std::size_t kind = link_watch::kind_of(r);
    full_.clear();
    for (const link_watch::touched_link& l : links_.touched()) {
      if (!links_.matters(r, l.link, std::max(l.before, load(l.link)))) continue;
      links_.fetch(l.link);
      full_.push_back(l);
    }
    felt_.clear();
    for (const link_watch::touched_link& l : full_) {
      const std::int64_t after = load(l.link), most = std::max(l.before, after);
      for (const link_watch::user& u : links_.users(l.link)) {
        if (!link_watch::is_more(most, u.room[kind])) continue;
        fetch(entries_[u.slot].use.shares.data() + u.share);
        felt_.push_back({u.slot, u.share, l.before, after});
      }
    }
    told_ += felt_.size();
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
      if (e.below[kind].hear(e.use)) tired_.push_back({c.slot, kind});
    }
  }
  static void fetch(const void* at) { __builtin_prefetch(at); }
  void reach(std::uint32_t slot) {
    if (std::exchange(is_reached_[slot], 1) == 0) reached_.push_back(slot);
  }

  /// Calls `f(round)` for those of a kind.
  template <class F>
  static void for_each_of(entry& e, std::size_t kind, F&& f) {
    for (std::size_t r = kind; r < (kind == 0 ? 1 : e.rounds.size()); ++r) f(r);
  }
  /// Puts floors below the peaks of now. Precondition: all are known.
  void set_floors(entry& e, std::size_t kind) {
    e.below[kind].begin(e.use);
    for_each_of(e, kind, [&](std::size_t r) {
      round& x = e.rounds[r];
      x.peaks.find_most(e.use, others_of(e, r));
      e.below[kind].stay_below(e.use, x.peaks, x.present);
    });
  }
  void lower_floors(std::uint32_t slot, std::size_t r) {
    const entry& e = entries_[slot];
    const std::size_t kind = link_watch::kind_of(r);
    entries_[slot].below[kind].lower(e.use, e.rounds[r].peaks,
                                     [&](std::uint32_t i, std::int32_t room) {
                                       links_.lower_room(e.use.shares[i].link, slot, kind, room);
                                     });
  }
  void set_rooms(std::uint32_t slot, std::size_t kind) {
    const footprint& use = entries_[slot].use;
    for (std::uint32_t i = 0; i < use.shares.size(); ++i) {
      if (i + ahead < use.shares.size()) links_.fetch(use.shares[i + ahead].link);
      links_.set_room(use.shares[i].link, slot, kind, entries_[slot].below[kind].room_of(use, i));
    }
  }

  std::size_t rounds_;
  double step_;

  link_watch links_;
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_slots_;
  std::map<job_id, std::uint32_t> slot_of_;
  std::vector<job_id> changed_;

  std::size_t touched_links_ = 0, told_ = 0;

  // Scratch of one change.
  std::vector<std::uint32_t> moved_, reached_;
  std::vector<unsigned char> is_reached_;  // per slot
  std::vector<link_watch::touched_link> full_;
  std::vector<change> felt_;
  std::vector<tired> tired_;
  part_finder find_parts_;
};

}  // namespace heddle::route::detail
