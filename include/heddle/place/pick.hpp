// Choosing GPUs inside one unit, NVLink domain or server.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/near_first.hpp>

namespace heddle::place {

/// Appends the `n` lowest free GPUs of `s`. Precondition: it has so many.
inline void pick(const fabric::gpu_book& free, server_id s, int n, std::vector<gpu_id>& out) {
  for (gpu_id g : free.hosts().gpus_of(s)) {
    if (n == 0) return;
    if (free.is_free(g)) {
      out.push_back(g);
      --n;
    }
  }
  assert(n == 0);
}

namespace detail {
/// Appends `n` free GPUs of these servers on as few as can be: whole servers with most free first, and for
/// the last part the server that it fits best (fewest free, then the lowest id).
template <class Servers>
void pick_of(const fabric::gpu_book& free, const Servers& servers, int n,
             std::vector<gpu_id>& out) {
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  for (int level = free.hosts().gpus_per_server(); n > 0; --level)
    for (server_id s : servers) {
      if (n == 0 || free.free_gpus(s) != level) continue;
      if (level <= n) {
        pick(free, s, level, out);
        n -= level;
        continue;
      }
      // The last part: all servers with fewer free than this one are still unused.
      server_id best = s;
      for (server_id other : servers)
        if (free.free_gpus(other) >= n && free.free_gpus(other) < free.free_gpus(best))
          best = other;
      pick(free, best, n, out);
      n = 0;
    }
  std::sort(out.begin() + first, out.end());
}
[[nodiscard]] inline int free_gpus(const fabric::gpu_book& free, domain_id d) {
  int n = 0;
  for (server_id s : free.hosts().servers_of(d)) n += free.free_gpus(s);
  return n;
}
}  // namespace detail

/// The same of an NVLink domain, in order of their ids, on as few servers as can be.
/// Precondition: it has so many free.
inline void pick(const fabric::gpu_book& free, domain_id d, int n, std::vector<gpu_id>& out) {
  detail::pick_of(free, free.hosts().servers_of(d), n, out);
}

/// Appends `n` free GPUs of `x`, in order of their ids, in as few NVLink domains, on as few servers as can
/// be: whole ones with most free first, and for the last part the one that it fits best (fewest free, then the
/// lowest id). Precondition: the unit has so many free. O(servers of the unit · GPUs of a server), or
/// O(GPUs of the unit) where all that are free are wanted.
inline void pick(const fabric::gpu_book& free, unit_id x, int n, std::vector<gpu_id>& out) {
  assert(n >= 0 && free.free_gpus(x) >= n);
  const fabric::hosts& dc = free.hosts();
  const auto servers = dc.servers_of(x);
  if (n == free.free_gpus(x)) {
    for (server_id s : servers) pick(free, s, free.free_gpus(s), out);
    return;
  }
  const auto domains = dc.domains_of(x);
  if (domains.size() == servers.size() || domains.size() == 1)
    return detail::pick_of(free, servers, n, out);
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  detail::rooms parts, shares;
  for (domain_id d : domains)
    if (const int here = detail::free_gpus(free, d); here > 0) parts.push_back({here, 0, d.value});
  detail::share_out(parts, n, detail::of_equals::first, shares);
  for (const detail::room_in& share : shares) pick(free, domain_id{share.part}, share.room, out);
  std::sort(out.begin() + first, out.end());
}

}  // namespace heddle::place
