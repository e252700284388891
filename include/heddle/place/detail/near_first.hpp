// What one part of the tree server – NVLink domain – unit – pod cannot hold is shared out over few others.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <iterator>
#include <tuple>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::place::detail {

/// A part of the tree, and how much of what is wanted (GPUs, idle servers) it has room for.
template <class Id>
struct room_in {
  int room = 0;
  int rank = 0;  ///< of equal parts those with a lower one go first
  Id part;

  friend auto operator<=>(const room_in& a, const room_in& b) {
    return std::tuple{-a.room, a.rank, a.part} <=> std::tuple{-b.room, b.rank, b.part};
  }
  friend bool operator==(const room_in&, const room_in&) = default;
};

/// Which of several parts that the rest fits equally well.
enum class of_equals : unsigned char { first, last };

/// Calls `give(part, n)`: parts with most room first, the last of them where the rest fits best. So no other
/// choice has fewer parts. Precondition: together they have room for `wanted`. O(parts log parts).
template <class Id, class F>
void share_out(std::vector<room_in<Id>>& parts, int wanted, of_equals which, F&& give) {
  std::sort(parts.begin(), parts.end());
  for (auto p = parts.begin(); wanted > 0; ++p) {
    if (p->room >= wanted) {
      const auto end = std::partition_point(
          p, parts.end(), [&](const auto& other) { return other.room >= wanted; });
      const int least = std::prev(end)->room;
      p = which == of_equals::last
              ? std::prev(end)
              : std::partition_point(p, end, [&](const auto& x) { return x.room > least; });
    }
    const int here = std::min(wanted, p->room);
    give(p->part, here);
    wanted -= here;
  }
}

/// Which pod of those that hold a job.
enum class best_pod : unsigned char {
  least_room,    ///< it fits best
  fewest_units,  ///< it takes fewest units of, then least room
};

/// Shares `wanted` out over units: one, else units of one pod, else of pods with most room first, the last of
/// them where the rest fits best; within pods so too. Keeps its memory between questions.
class near_first {
 public:
  using unit_room = room_in<unit_id>;

  /// Starts anew.
  void clear() { units_.clear(); }
  /// A unit has room for n ≥ 1.
  void add(unit_id x, int n, int rank = 0) { units_.push_back({n, rank, x}); }

  /// Calls `give(unit, n)`. \returns  whether there is room for all; if not nothing was called.
  /// O(units log units)
  template <class F>
  bool over_units(const fabric::hosts& dc, int wanted, of_equals which, best_pod best, F&& give) {
    int all = 0, most = 0;
    for (const unit_room& x : units_) {
      all += x.room;
      most = std::max(most, x.room);
    }
    if (all < wanted) return false;
    if (dc.pods() == 1 || most >= wanted) {
      share_out(units_, wanted, which, give);
      return true;
    }
    of_pod_.assign(static_cast<std::size_t>(dc.pods()), {});
    for (const unit_room& x : units_) of_pod_[dc.pod_of(x.part).index()].push_back(x);
    pods_.clear();
    for (pod_id p : dc.all_pods()) {
      int room = 0;
      for (const unit_room& x : of_pod_[p.index()]) room += x.room;
      if (room > 0) pods_.push_back({room, 0, p});
    }
    if (best == best_pod::fewest_units && one_pod_holds(wanted)) {
      std::erase_if(pods_, [&](const auto& p) { return p.room < wanted; });
      for (room_in<pod_id>& p : pods_) p.rank = units_for(of_pod_[p.part.index()], wanted);
      const auto least =
          std::min_element(pods_.begin(), pods_.end(), [](const auto& a, const auto& b) {
            return std::tuple{a.rank, a.room, a.part} < std::tuple{b.rank, b.room, b.part};
          });
      share_out(of_pod_[least->part.index()], wanted, which, give);
      return true;
    }
    share_out(pods_, wanted, of_equals::first,
              [&](pod_id p, int here) { share_out(of_pod_[p.index()], here, which, give); });
    return true;
  }

 private:
  [[nodiscard]] bool one_pod_holds(int wanted) const {
    return std::any_of(pods_.begin(), pods_.end(), [&](const auto& p) { return p.room >= wanted; });
  }
  /// How many of them hold so much. Sorts.
  [[nodiscard]] static int units_for(std::vector<unit_room>& of, int wanted) {
    std::sort(of.begin(), of.end());
    int n = 0;
    for (auto x = of.begin(); wanted > 0; ++x, ++n) wanted -= x->room;
    return n;
  }

  std::vector<unit_room> units_;
  std::vector<std::vector<unit_room>> of_pod_;
  std::vector<room_in<pod_id>> pods_;
};

/// Calls `give(server)` for `n` servers of a unit that are `open`: of one NVLink domain, the one that they fit
/// best, else of few. Precondition: there are so many. O(servers of the unit).
template <class Open, class F>
void take_open_servers(const fabric::hosts& dc, unit_id x, int n, Open&& open, F&& give) {
  const auto take = [&](const auto& servers, int left) {
    for (server_id s : servers) {
      if (left == 0) return;
      if (!open(s)) continue;
      give(s);
      --left;
    }
  };
  const auto domains = dc.domains_of(x);
  if (domains.size() == dc.servers_of(x).size() || domains.size() == 1)
    return take(dc.servers_of(x), n);
  std::vector<room_in<domain_id>> parts;
  for (domain_id d : domains) {
    int here = 0;
    for (server_id s : dc.servers_of(d)) here += open(s);
    if (here > 0) parts.push_back({here, 0, d});
  }
  share_out(parts, n, of_equals::first,
            [&](domain_id d, int here) { take(dc.servers_of(d), here); });
}

/// The NVLink domain with least room of those that have enough, where domains are of several servers; else
/// none. \param room  of a server. O(servers)
template <class Room>
[[nodiscard]] domain_id best_domain(const fabric::hosts& dc, int wanted, Room&& room) {
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
