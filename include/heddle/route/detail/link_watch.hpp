// The load of links, and who is to be told when it changes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace heddle::route::detail {

/// What groups put on links in each round of `steady_book`, in fixed point, and on each link the groups that use
/// it. A group says for each of its links what this can carry, its *room*, before it wants to hear of it; a link
/// knows the least of its users, so that one on which nothing matters costs a comparison.
///
/// Rooms are kept for the first round and for all others: what is on a link then is about the same in all of them.
class link_watch {
 public:
  /// Rooms are counted in this part of a flow.
  static constexpr double room_unit = 65536;
  static constexpr int unit_bits = 24;  ///< of a load in a unit of rooms

  using rooms = std::array<std::int32_t, 2>;  ///< in the first round, and in all others
  struct user {
    std::uint32_t slot = 0, share = 0;
    rooms room = {};
  };
  struct touched_link {
    std::uint32_t link = 0;
    std::int64_t before = 0;
  };

  link_watch(std::size_t links, std::size_t rounds)
      : loads_(rounds, std::vector<load>(links)), users_(links) {}

  [[nodiscard]] static std::size_t kind_of(std::size_t round) { return round > 0; }
  /// A room of so many flows, less what rounding may take.
  [[nodiscard]] static std::int32_t in_rooms(double flows) {
    return static_cast<std::int32_t>(std::min(flows * room_unit, most_room)) - 1;
  }

  /// A function: link → what is on it in that round.
  [[nodiscard]] auto loads(std::size_t round) const {
    return [at = loads_[round].data()](std::uint32_t link) { return at[link].units; };
  }
  [[nodiscard]] std::span<const user> users(std::uint32_t link) const { return users_[link]; }
  /// For who will look at `users` soon.
  void fetch(std::uint32_t link) const { __builtin_prefetch(users_[link].data()); }

  /// Begins a round of changes.
  void begin() {
    touched_.clear();
    if (++epoch_ != 0) return;
    for (auto& round : loads_)
      for (load& x : round) x.epoch = 0;
    epoch_ = 1;
  }
  /// Links whose load has changed since, and what it was.
  [[nodiscard]] std::span<const touched_link> touched() const { return touched_; }
  void put(std::size_t round, std::uint32_t link, std::int64_t more) {
    load& x = loads_[round][link];
    if (std::exchange(x.epoch, epoch_) != epoch_) touched_.push_back({link, x.units});
    x.units += more;
  }
  /// Whether a load is more than some user of the link has room for, or one of them.
  [[nodiscard]] bool matters(std::size_t round, std::uint32_t link, std::int64_t units) const {
    return is_more(units, loads_[round][link].least_room);
  }
  [[nodiscard]] static bool is_more(std::int64_t units, std::int32_t room) {
    return (units >> unit_bits) >= room;
  }

  void add(std::uint32_t link, const user& u) {
    users_[link].push_back(u);
    for (std::size_t r = 0; r < loads_.size(); ++r) {
      std::int32_t& least = loads_[r][link].least_room;
      least = std::min(least, u.room[kind_of(r)]);
    }
  }
  void remove(std::uint32_t link, std::uint32_t slot) {
    auto& all = users_[link];
    user& u = find(link, slot);
    const rooms left = u.room;
    u = all.back();
    all.pop_back();
    for (std::size_t r = 0; r < loads_.size(); ++r)
      if (loads_[r][link].least_room == left[kind_of(r)]) find_least(r, link);
  }
  /// Sets the room of a user, in the rounds of that kind.
  void set_room(std::uint32_t link, std::uint32_t slot, std::size_t kind, std::int32_t room) {
    const std::int32_t before = std::exchange(find(link, slot).room[kind], room);
    if (before == room) return;
    for (std::size_t r = kind; r < (kind == 0 ? 1 : loads_.size()); ++r) {
      std::int32_t& least = loads_[r][link].least_room;
      if (room <= least)
        least = room;
      else if (before == least)
        find_least(r, link);
    }
  }
  /// As that, if it is less than before.
  void lower_room(std::uint32_t link, std::uint32_t slot, std::size_t kind, std::int32_t room) {
    user& u = find(link, slot);
    if (room >= u.room[kind]) return;
    u.room[kind] = room;
    for (std::size_t r = kind; r < (kind == 0 ? 1 : loads_.size()); ++r) {
      std::int32_t& least = loads_[r][link].least_room;
      least = std::min(least, room);
    }
  }

 private:
  static constexpr double most_room = std::numeric_limits<std::int32_t>::max() - 1;

  struct load {
    std::int64_t units = 0;
    std::uint32_t epoch = 0;  // the last one in which it changed
    std::int32_t least_room = std::numeric_limits<std::int32_t>::max();
  };

  [[nodiscard]] user& find(std::uint32_t link, std::uint32_t slot) {
    user* u = users_[link].data();
    while (u->slot != slot) ++u;
    return *u;
  }
  void find_least(std::size_t round, std::uint32_t link) {
    std::int32_t least = std::numeric_limits<std::int32_t>::max();
    for (const user& u : users_[link]) least = std::min(least, u.room[kind_of(round)]);
    loads_[round][link].least_room = least;
  }

  std::vector<std::vector<load>> loads_;  // of each round and directed link
  std::vector<std::vector<user>> users_;  // of each directed link
  std::vector<touched_link> touched_;
  std::uint32_t epoch_ = 0;
};

}  // namespace heddle::route::detail
