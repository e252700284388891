// Jobs in pieces, each of which is inside one NVLink domain; and servers put in the place of failed ones.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// From so many servers on a job is cut into pieces of so many.
struct piece_size {
  int from = 1;     ///< servers of a job, ≥ 1
  int servers = 1;  ///< of a piece at most, ≥ 1

  friend bool operator==(const piece_size&, const piece_size&) = default;
};

/// Whole servers in *pieces* as equal as can be, each inside one NVLink domain: what Slurm's block plugin and
/// clouds of NVL72 racks ask for. With 16 servers a domain 24 become 12 + 12, 32 become 16 + 16, 48 three
/// times 16; never 18 + 6. Pieces may share a domain. A job of less than a server gets part of one; one that is no
/// multiple of a server takes part of its last.
///
/// A piece goes where it fits best: to the domain with fewest servers left of those that have enough,
/// larger pieces first. `promised` are the servers of a domain that may be in use at a time; the others
/// are spares. O(servers + pieces · domains). One writer.
struct segments {
  int promised = 0;  ///< 0: all servers of a domain
  /// The last one that a job is large enough for counts. Empty: pieces of a whole domain.
  std::vector<piece_size> pieces = {};
  struct work_space {
    std::vector<int> room;
    std::vector<std::pair<domain_id, int>> taken;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const segments&) const = default;

  answer operator()(const fabric::gpu_book& free, const request& job) {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server(), servers = (job.gpus + g - 1) / g;
    count_room(free);
    if (job.gpus < g) return part_of_server(free, job.gpus);
    const int most = piece_of(dc, servers);
    const int count = (servers + most - 1) / most;
    auto& [room, taken] = *work;
    taken.clear();
    for (int k = 0; k < count; ++k) {  // those with one more first
      const int size = servers / count + (k < servers % count);
      domain_id best;
      for (domain_id d : dc.all_domains())
        if (room[d.index()] >= size && (!best.valid() || room[d.index()] < room[best.index()]))
          best = d;
      if (!best.valid()) return wait_reason::gpu_fragmentation;
      room[best.index()] -= size;
      taken.emplace_back(best, size);
    }
    std::sort(taken.begin(), taken.end());
    placement p;
    for (std::size_t i = 0; i < taken.size();) {
      int left = 0;
      const domain_id d = taken[i].first;
      for (; i < taken.size() && taken[i].first == d; ++i) left += taken[i].second;
      for (server_id s : dc.servers_of(d)) {
        if (left == 0) break;
        if (!free.is_idle(s) || static_cast<int>(dc.gpus_of(s).size()) != g) continue;
        --left;
        for (gpu_id x : dc.gpus_of(s)) p.gpus.push_back(x);
      }
    }
    std::sort(p.gpus.begin(), p.gpus.end());
    p.gpus.resize(static_cast<std::size_t>(job.gpus));  // of the last server a part
    return p;
  }

  /// Servers of a piece of a job of `servers`, at most.
  [[nodiscard]] int piece_of(const fabric::hosts& dc, int servers) const {
    int most = 0;
    for (domain_id d : dc.all_domains())
      most = std::max(most, static_cast<int>(dc.servers_of(d).size()));
    if (promised > 0) most = std::min(most, promised);
    int wanted = most, from = 0;
    for (const piece_size& p : pieces)
      if (servers >= p.from && p.from >= from) {
        from = p.from;
        wanted = p.servers;
      }
    return std::max(1, std::min(most, wanted));
  }

 private:
  /// Idle servers of each domain that may be given away.
  void count_room(const fabric::gpu_book& free) {
    const fabric::hosts& dc = free.hosts();
    auto& room = work->room;
    room.assign(static_cast<std::size_t>(dc.domains()), 0);
    for (domain_id d : dc.all_domains()) {
      int idle = 0, used = 0;
      for (server_id s : dc.servers_of(d)) {
        idle += free.is_idle(s) && static_cast<int>(dc.gpus_of(s).size()) == dc.gpus_per_server();
        for (gpu_id x : dc.gpus_of(s))
          if (free.owner(x).valid()) {
            ++used;
            break;
          }
      }
      room[d.index()] = promised > 0 ? std::min(idle, std::max(0, promised - used)) : idle;
    }
  }
  /// On a server that is in use already, if one has room.
  answer part_of_server(const fabric::gpu_book& free, int gpus) {
    const fabric::hosts& dc = free.hosts();
    server_id best;
    for (server_id s : dc.all_servers()) {
      if (free.free_gpus(s) < gpus) continue;
      if (free.is_idle(s) && work->room[dc.domain_of(s).index()] == 0) continue;
      if (!best.valid() || free.free_gpus(s) < free.free_gpus(best)) best = s;
    }
    if (!best.valid()) return wait_reason::gpu_fragmentation;
    placement p;
    pick(free, best, gpus, p.gpus);
    return p;
  }
};

/// Where a job runs on when some of its servers are replaced: each of `failed` by an idle one with as many
/// GPUs, in its NVLink domain if one is there, else in its unit, else, for a job that owns no links, the one
/// of the whole cluster whose domain has fewest idle. Nothing else moves, and ranks keep their numbers.
/// Nothing where that cannot be. A job that owns links keeps them, for they are its unit's.
/// Precondition: `where` is what the job holds, `free` the ledger that says so. O(failed · servers).
[[nodiscard]] inline std::optional<placement>
swap(const fabric::gpu_book& free, const placement& where, std::span<const server_id> failed) {
  const fabric::hosts& dc = free.hosts();
  placement out = where;
  std::vector<server_id> chosen;
  for (server_id old : failed) {
    const auto rank = [&](server_id s) {
      const int near = dc.domain_of(s) == dc.domain_of(old) ? 0
                       : dc.unit_of(s) == dc.unit_of(old)   ? 1
                                                            : 2;
      int idle = 0;
      for (server_id other : dc.servers_of(dc.domain_of(s))) idle += free.is_idle(other);
      return std::pair{near, idle};
    };
    server_id best;
    for (server_id s : dc.all_servers())
      if (s != old && free.is_idle(s) && dc.gpus_of(s).size() == dc.gpus_of(old).size() &&
          std::find(chosen.begin(), chosen.end(), s) == chosen.end() &&
          (!where.owns_network() || dc.unit_of(s) == dc.unit_of(old)) &&
          (!best.valid() || rank(s) < rank(best)))
        best = s;
    if (!best.valid()) return std::nullopt;
    chosen.push_back(best);
    for (gpu_id& g : out.gpus)
      if (dc.server_of(g) == old)
        g = gpu_id{dc.gpus_of(best).front().value +
                   static_cast<std::uint32_t>(dc.index_in_server(g))};
  }
  return out;
}

}  // namespace heddle::place
