// Power-of-two blocks inside servers, whole servers under few units.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/blocks.hpp>
#include <heddle/place/detail/near_first.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// Buddy allocation. A job of at most g GPUs (a server's) gets the first GPUs of an aligned block of
/// the next power of two on one server: the tightest block, under the leaf with fewest free GPUs. A
/// larger job gets whole idle servers of one NVLink domain, leaf or pod, the one that they fit best, else leafs
/// with most of them first and the last one where the rest fits best, and a block for what remains. Blocks are what the ledger's free GPUs make them, so
/// nothing is kept between questions, and what is released merges by itself.
///
/// If g and all sizes are powers of two and nothing has failed, a job of at most g GPUs waits only for
/// want of compaction: see place/compact.hpp. Owns no links: jobs of several leafs share them.
///
/// Precondition: servers have at most 64 GPUs. O(servers · g / N) at most; with an index of free GPUs
/// (fabric/gpu_book.hpp) fewest where a block fits exactly, and of whole servers O(units).
/// Reference: PowerFlow (arXiv 2304.06381) places by buddy allocation; the details are derived.
struct buddy {
  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server();
    placement p;
    if (job.gpus > g && !take_servers(free, job.gpus / g, p)) return std::nullopt;
    const int rest = job.gpus > g ? job.gpus % g : job.gpus;
    if (rest > 0 && !take_block(free, rest, p)) return std::nullopt;
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }

 private:
  [[nodiscard]] static bool is_idle(const fabric::gpu_book& free, server_id s) {
    return free.free_gpus(s) == free.hosts().gpus_per_server();  // of full size, then
  }

  /// Adds so many idle servers of full size, near one another.
  static bool take_servers(const fabric::gpu_book& free, int servers, placement& p) {
    const fabric::hosts& dc = free.hosts();
    const auto open = [&](server_id s) { return is_idle(free, s); };
    const auto take = [&](server_id s) { pick(free, s, dc.gpus_per_server(), p.gpus); };
    if (const domain_id d = detail::best_domain(dc, servers, open); d.valid()) {
      for (server_id s : dc.servers_of(d))
        if (open(s) && servers-- > 0) take(s);
      return true;
    }
    detail::near_first units;
    // Of equal ones that most used.
    const auto add = [&](unit_id x, int idle) {
      if (idle > 0) units.add(x, idle, free.free_gpus(x));
    };
    if (const auto& index = free.rooms(); !index.empty())
      for_each_bit(index.units_with(dc.gpus_per_server()), [&](std::size_t x) {
        add(unit_id{x}, index.servers_at(unit_id{x}, dc.gpus_per_server()));
      });
    else
      for (unit_id x : dc.all_units()) {
        int idle = 0;
        for (server_id s : dc.servers_of(x)) idle += open(s);
        add(x, idle);
      }
    if (!units.over_units(dc, servers, detail::of_equals::first, detail::best_pod::least_room))
      return false;
    for (const detail::room_in& x : units.shares())
      detail::take_open_servers(dc, unit_id{x.part}, x.room, open, take);
    return true;
  }

  /// Adds `gpus` of a block, on a server that `p` does not use; under one of its leafs if it can.
  static bool take_block(const fabric::gpu_book& free, int gpus, placement& p) {
    const fabric::hosts& dc = free.hosts();
    const auto used = [&](auto&& part_of, auto part) {
      return std::any_of(p.gpus.begin(), p.gpus.end(),
                         [&](gpu_id g) { return part_of(g) == part; });
    };
    std::tuple<bool, int, int, server_id> best;
    detail::block at;
    // The least that servers of such a unit could offer, and of the same the first goes.
    const auto is_worse = [&](bool is_new, int unit_free) {
      return at.size > 0 && std::tuple{is_new, detail::block_size(gpus), unit_free} >=
                                std::tuple{std::get<0>(best), std::get<1>(best), std::get<2>(best)};
    };
    const auto look = [&](unit_id x) {
      const int unit_free = free.free_gpus(x);
      if (unit_free < gpus) return;
      const bool is_new = !used([&](gpu_id g) { return dc.unit_of(g); }, x);
      if (is_worse(is_new, unit_free)) return;
      for (server_id s : dc.servers_of(x)) {
        if (free.free_gpus(s) < gpus) continue;
        int whole = 0;
        const detail::block b = detail::tightest_block(
            detail::free_word(free, s), static_cast<int>(dc.gpus_of(s).size()), gpus, whole);
        const std::tuple here{is_new, whole, unit_free, s};
        if (b.size == 0 || (at.size > 0 && here >= best)) continue;
        if (!p.gpus.empty() && used([&](gpu_id g) { return dc.server_of(g); }, s)) continue;
        best = here;
        at = b;
      }
    };
    if (const auto& index = free.rooms(); !index.empty()) {
      unit_id last;
      for (gpu_id g : p.gpus)
        if (const unit_id x = dc.unit_of(g); x != last) look(last = x);
      // From those with fewest free GPUs on, until none can be better.
      for (int n = index.next_of_units(gpus); n >= 0 && !is_worse(true, n);
           n = index.next_of_units(n + 1))
        for_each_bit(index.units_at(n), [&](std::size_t x) { look(unit_id{x}); });
    } else {
      for (unit_id x : dc.all_units()) look(x);
    }
    if (at.size == 0) return false;
    const std::uint32_t first =
        dc.gpus_of(std::get<server_id>(best)).front().value + static_cast<std::uint32_t>(at.first);
    for (std::uint32_t g = 0; g < static_cast<std::uint32_t>(gpus); ++g)
      p.gpus.push_back(gpu_id{first + g});
    return true;
  }
};

}  // namespace heddle::place
