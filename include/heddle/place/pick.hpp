// Choosing GPUs inside one unit or server.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>

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

/// Appends `n` free GPUs of `x`, in order of their ids, on as few servers as can be: whole servers
/// with most free first, and for the last part the server that it fits best (fewest free, then the
/// lowest id). Precondition: the unit has so many free. O(servers of the unit · GPUs of a server), or
/// O(GPUs of the unit) where all that are free are wanted.
inline void pick(const fabric::gpu_book& free, unit_id x, int n, std::vector<gpu_id>& out) {
  assert(n >= 0 && free.free_gpus(x) >= n);
  const auto servers = free.hosts().servers_of(x);
  if (n == free.free_gpus(x)) {
    for (server_id s : servers) pick(free, s, free.free_gpus(s), out);
    return;
  }
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

}  // namespace heddle::place
