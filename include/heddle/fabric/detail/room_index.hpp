// Which units and servers have how many GPUs free, so that none need be gone through.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/hosts.hpp>

namespace heddle::fabric::detail {

/// The units of a cluster by their number of free GPUs, and by those of their servers: a row of bits for each
/// number, and how many there are. Whoever keeps the numbers tells of each change, O(1) but for units, whose
/// numbers must have been told when something is asked for.
///
/// Empty where there are few units, so that going through them costs less, or so unlike ones that most rows
/// would have nothing in them.
class room_index {
 public:
  room_index() = default;
  /// \param free_in_unit, free_in_server  now
  room_index(const hosts& h, const std::vector<int>& free_in_unit,
             const std::vector<int>& free_in_server) {
    const auto units = free_in_unit.size(), gpus = static_cast<std::size_t>(h.gpus());
    const auto of_unit = static_cast<std::size_t>(h.gpus_per_unit()) + 1,
               of_server = static_cast<std::size_t>(h.gpus_per_server()) + 1;
    const std::size_t most = most_bits * gpus;
    if (units < fewest_units || of_unit * units > most || of_server * units * 32 > most) return;
    levels_ = of_server;
    units_at_.reset(of_unit, units);
    units_with_.reset(of_server, units);
    count_of_units_.assign(of_unit, 0);
    count_of_servers_.assign(of_server, 0);
    in_unit_.assign(of_server * units, 0);
    for (std::size_t x = 0; x < units; ++x) add_unit(x, free_in_unit[x]);
    for (server_id s : h.all_servers())
      add_server(h.unit_of(s).index(), static_cast<std::size_t>(free_in_server[s.index()]));
  }

  [[nodiscard]] bool empty() const { return levels_ == 0; }

  /// A server of unit `x` had `before` GPUs free and has `now`. Precondition: not empty.
  void change_server(unit_id x, int before, int now) {
    const auto k = static_cast<std::size_t>(before);
    --count_of_servers_[k];
    if (--in_unit_[x.index() * levels_ + k] == 0) clear_bit(units_with_[k], x.index());
    add_server(x.index(), static_cast<std::size_t>(now));
  }
  void change_unit(unit_id x, int before, int now) {
    const auto k = static_cast<std::size_t>(before);
    --count_of_units_[k];
    clear_bit(units_at_[k], x.index());
    add_unit(x.index(), now);
  }

  /// Units with just `n` GPUs free, as a set and as a number. `n` is at most that of the largest.
  [[nodiscard]] const_bit_row units_at(int n) const {
    return units_at_[static_cast<std::size_t>(n)];
  }
  [[nodiscard]] int count_of_units_at(int n) const {
    return count_of_units_[static_cast<std::size_t>(n)];
  }
  /// Units that have a server with just `n` GPUs free.
  [[nodiscard]] const_bit_row units_with(int n) const {
    return units_with_[static_cast<std::size_t>(n)];
  }
  /// The servers of unit `x` with just `n` GPUs free.
  [[nodiscard]] int servers_at(unit_id x, int n) const {
    return in_unit_[x.index() * levels_ + static_cast<std::size_t>(n)];
  }
  /// The smallest number from `n` up of GPUs that some unit, or some server, has free; −1: there is none.
  [[nodiscard]] int next_of_units(int n) const { return next(count_of_units_, n); }
  [[nodiscard]] int next_of_servers(int n) const { return next(count_of_servers_, n); }

  /// The first unit with just `n` GPUs free. Precondition: there is one.
  [[nodiscard]] unit_id first_at(int n) const { return first_of(units_at(n)); }
  /// The last of them.
  [[nodiscard]] unit_id last_at(int n) const {
    const const_bit_row row = units_at(n);
    std::size_t k = row.size();
    while (row[--k] == 0) {
    }
    return unit_id{k * 64 + 63 - static_cast<std::size_t>(std::countl_zero(row[k]))};
  }
  /// Of units that have a server with just `n` GPUs free the one with fewest, of equal ones the first.
  /// Precondition: there is one. O(GPUs of a unit · units / 64), and hardly ever as much.
  [[nodiscard]] unit_id tightest_with(int n) const {
    const const_bit_row with = units_with(n);
    for (int f = next_of_units(n);; f = next_of_units(f + 1)) {
      const const_bit_row at = units_at(f);
      for (std::size_t k = 0; k < at.size(); ++k)
        if (const word both = at[k] & with[k])
          return unit_id{k * 64 + static_cast<std::size_t>(std::countr_zero(both))};
    }
  }

  friend bool operator==(const room_index&, const room_index&) = default;

 private:
  static constexpr std::size_t fewest_units = 64;
  static constexpr std::size_t most_bits = 64;  ///< for each GPU

  static int next(const std::vector<int>& count, int n) {
    for (auto k = static_cast<std::size_t>(n); k < count.size(); ++k)
      if (count[k] > 0) return static_cast<int>(k);
    return -1;
  }
  [[nodiscard]] static unit_id first_of(const_bit_row row) {
    std::size_t k = 0;
    while (row[k] == 0) ++k;
    return unit_id{k * 64 + static_cast<std::size_t>(std::countr_zero(row[k]))};
  }
  void add_server(std::size_t x, std::size_t k) {
    ++count_of_servers_[k];
    if (in_unit_[x * levels_ + k]++ == 0) set_bit(units_with_[k], x);
  }
  void add_unit(std::size_t x, int free) {
    const auto k = static_cast<std::size_t>(free);
    ++count_of_units_[k];
    set_bit(units_at_[k], x);
  }

  std::size_t levels_ = 0;                              // of a server; 0: nothing is kept
  bit_matrix units_at_, units_with_;                    // a row for each number of free GPUs
  std::vector<int> count_of_units_, count_of_servers_;  // by that number
  std::vector<std::uint32_t> in_unit_;                  // servers of a unit, by that number
};

}  // namespace heddle::fabric::detail
