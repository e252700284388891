// What one part of the tree server – NVLink domain – unit – pod cannot hold is shared out over few others.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/room_index.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::place::detail {

/// A part of the tree by its number, and how much of what is wanted (GPUs, idle servers) it has room for, or
/// gets.
struct room_in {
  int room = 0;
  int rank = 0;  ///< of equal parts those with a lower one go first
  std::uint32_t part = 0;

  friend bool operator<(const room_in& a, const room_in& b) {
    if (a.room != b.room) return a.room > b.room;
    return a.rank != b.rank ? a.rank < b.rank : a.part < b.part;
  }
};
using rooms = std::vector<room_in>;

/// Which of several parts that the rest fits equally well.
enum class of_equals : unsigned char { first, last };

/// Appends to `out` what each part gets: those with most room first, the last of them where the rest fits best.
/// So no other choice has fewer parts. Precondition: together they have room for `wanted`. Takes parts out and
/// changes their order. O(parts + parts used · log parts).
inline void share_out(rooms& parts, int wanted, of_equals which, rooms& out) {
  const auto goes_last = [](const room_in& a, const room_in& b) { return b < a; };
  if (wanted == 0) return;
  std::make_heap(parts.begin(), parts.end(), goes_last);
  while (wanted > parts.front().room) {
    out.push_back({parts.front().room, 0, parts.front().part});
    wanted -= parts.front().room;
    std::pop_heap(parts.begin(), parts.end(), goes_last);
    parts.pop_back();
  }
  const room_in* best = nullptr;
  for (const room_in& x : parts) {
    if (x.room < wanted) continue;
    if (!best || x.room < best->room ||
        (x.room == best->room && (which == of_equals::first ? x < *best : *best < x)))
      best = &x;
  }
  out.push_back({wanted, 0, best->part});
}

/// The same over units by their free GPUs, of those that the rest fits equally well the last: calls
/// `give(unit, GPUs)`. Preconditions: together they have room for `wanted`, and the index is not empty.
/// O(GPUs of a unit + units / 64 · numbers of free GPUs looked at + parts).
template <class F>
void share_out_by_rooms(const fabric::detail::room_index& index, int gpus_per_unit, int wanted,
                        F&& give) {
  for (int level = gpus_per_unit;; --level) {
    int left = index.count_of_units_at(level);
    const const_bit_row here = index.units_at(level);
    for (std::size_t k = 0; left > 0 && wanted > level; ++k)
      for (word w = here[k]; w && wanted > level; w &= w - 1) {
        give(unit_id{k * 64 + static_cast<std::size_t>(std::countr_zero(w))}, level);
        wanted -= level;
        --left;
      }
    if (left == 0) continue;
    give(index.last_at(index.next_of_units(wanted)), wanted);
    return;
  }
}

/// Which pod of those that hold a job.
enum class best_pod : unsigned char {
  least_room,    ///< it fits best
  fewest_units,  ///< it takes fewest units of, then least room
};

/// Shares out over units: one, else units of one pod, else of pods with most room first, the last of them where
/// the rest fits best; within pods so too. Keeps its memory between questions.
class near_first {
 public:
  /// Starts anew.
  void clear() { units_.clear(); }
  /// A unit has room for n ≥ 1.
  void add(unit_id x, int n, int rank = 0) { units_.push_back({n, rank, x.value}); }

  /// \returns  whether there is room for all: then `shares` says how much each unit gets.
  /// O(units log units)
  bool over_units(const fabric::hosts& dc, int wanted, of_equals which, best_pod best) {
    shares_.clear();
    int all = 0, most = 0;
    for (const room_in& x : units_) {
      all += x.room;
      most = std::max(most, x.room);
    }
    if (all < wanted) return false;
    if (dc.pods() == 1 || most >= wanted) {
      share_out(units_, wanted, which, shares_);
      return true;
    }
    pods_.clear();
    for (pod_id p : dc.all_pods()) pods_.push_back({0, 0, p.value});
    for (const room_in& x : units_) pods_[dc.pod_of(unit_id{x.part}).index()].room += x.room;
    of_pods_.clear();
    if (best == best_pod::fewest_units) prefer_fewest_units(dc, wanted, which);
    if (of_pods_.empty()) share_out(pods_, wanted, of_equals::first, of_pods_);
    for (const room_in& p : of_pods_) {
      take_units_of(dc, p.part);
      share_out(in_pod_, p.room, which, shares_);
    }
    return true;
  }
  [[nodiscard]] const rooms& shares() const { return shares_; }

 private:
  void take_units_of(const fabric::hosts& dc, std::uint32_t pod) {
    in_pod_.clear();
    for (const room_in& x : units_)
      if (dc.pod_of(unit_id{x.part}).value == pod) in_pod_.push_back(x);
  }
  void prefer_fewest_units(const fabric::hosts& dc, int wanted, of_equals which) {
    std::size_t fewest = 0;
    int least = 0;
    for (const room_in& p : pods_) {
      if (p.room < wanted) continue;
      take_units_of(dc, p.part);
      share_out(in_pod_, wanted, which, shares_);
      const std::size_t n = shares_.size();
      shares_.clear();
      if (!of_pods_.empty() && (n > fewest || (n == fewest && p.room >= least))) continue;
      of_pods_.assign(1, {wanted, 0, p.part});
      fewest = n;
      least = p.room;
    }
  }

  rooms units_, pods_, of_pods_, in_pod_, shares_;
};

/// Calls `give(server)` for `n` servers of a unit that are `open`: of one NVLink domain, the one that they fit
/// best, else of few. Precondition: there are so many. O(servers of the unit).
template <class Open, class F>
void take_open_servers(const fabric::hosts& dc, unit_id x, int n, const Open& open, F&& give) {
  rooms parts, shares;
  for (domain_id d : dc.domains_of(x)) {
    int here = 0;
    for (server_id s : dc.servers_of(d)) here += open(s);
    if (here > 0) parts.push_back({here, 0, d.value});
  }
  if (dc.domains_of(x).size() == dc.servers_of(x).size())  // each its own: as they stand
    shares.assign(parts.begin(), parts.begin() + n);
  else
    share_out(parts, n, of_equals::first, shares);
  for (const room_in& share : shares) {
    int left = share.room;
    for (server_id s : dc.servers_of(domain_id{share.part}))
      if (left > 0 && open(s)) {
        give(s);
        --left;
      }
  }
}

/// The NVLink domain with least room of those that have enough, where domains are of several servers; else
/// none. \param room  of a server. O(servers)
template <class Room>
[[nodiscard]] domain_id best_domain(const fabric::hosts& dc, int wanted, const Room& room) {
  domain_id best;
  if (dc.domains() == dc.servers()) return best;
  int least = 0;
  for (domain_id d : dc.all_domains()) {
    int here = 0;
    for (server_id s : dc.servers_of(d)) here += room(s);
    if (here < wanted || (best.valid() && here >= least)) continue;
    best = d;
    least = here;
  }
  return best;
}

}  // namespace heddle::place::detail
