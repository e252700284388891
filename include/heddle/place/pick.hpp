// Choosing GPUs inside one leaf or server.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>

namespace heddle::place {

/// Appends the `n` lowest free GPUs of `s`. Precondition: it has so many.
inline void pick(const fabric::ledger& free, server_id s, int n, std::vector<gpu_id>& out) {
  for (gpu_id g : free.fabric().gpus_of(s)) {
    if (n == 0) return;
    if (free.is_free(g)) {
      out.push_back(g);
      --n;
    }
  }
  assert(n == 0);
}

/// Appends `n` free GPUs of `l`, in order of their ids, on as few servers as can be: whole servers
/// with most free first, and for the last part the server that it fits best (fewest free, then the
/// lowest id). Precondition: the leaf has so many free. O(servers of the leaf · servers used).
inline void pick(const fabric::ledger& free, leaf_id l, int n, std::vector<gpu_id>& out) {
  assert(free.free_gpus(l) >= n);
  const auto first = static_cast<std::ptrdiff_t>(out.size());
  std::vector<server_id> used;
  while (n > 0) {
    server_id best;
    for (server_id s : free.fabric().servers_of(l)) {
      if (std::find(used.begin(), used.end(), s) != used.end()) continue;
      const int here = free.free_gpus(s), there = best.valid() ? free.free_gpus(best) : 0;
      if (there >= n ? here >= n && here < there : here > there) best = s;
    }
    const int taken = std::min(n, free.free_gpus(best));
    pick(free, best, taken, out);
    used.push_back(best);
    n -= taken;
  }
  std::sort(out.begin() + first, out.end());
}

}  // namespace heddle::place
