// Virtual clusters inside one cluster: each tenant has cells of its own, wherever they happen to be.
#pragma once

#include <algorithm>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/blocks.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A tenant's virtual cluster: so many cells of so many GPUs.
struct cell_quota {
  std::string tenant;
  int cells = 1;          ///< ≥ 0
  int gpus_per_cell = 8;  ///< a power of two, at most a server's GPUs

  friend bool operator==(const cell_quota&, const cell_quota&) = default;
};

/// Buddy cells with quotas. A tenant has so many cells. One is bound to an aligned block of GPUs when a
/// job first needs it and let go when it is empty; while it is bound nobody else gets a GPU of it. A job
/// goes into the tightest block of its tenant's bound cells, of equal ones that of the cell with the lowest
/// job id (so a tenant's choices do not hang on where its cells lie), else into a new cell, else it waits.
/// Jobs larger than a cell get new cells, under as few leafs as can be, and must be of a tenant with whole
/// servers as cells. New cells take the tightest unbound block.
/// Tenants without a quota share the servers that no quota needs, as one tenant.
///
/// If a server's GPUs are a power of two, nothing has failed and all jobs are placed by this policy,
/// a tenant is placed exactly when it would be alone on a cluster of its cells: another tenant cannot
/// fragment what it was promised. It says `gpus` where the quota is used up, `gpu_fragmentation` where
/// the tenant itself has fragmented it (or parts have failed).
///
/// Which cells are bound follows from the jobs that are booked and the tenants they were booked for
/// (`fabric::ledger::reserve`): asking is not booking. Owns no links. One writer: it keeps its work space.
/// Precondition: servers have at most 64 GPUs. O(servers + GPUs held) a question.
/// Reference: Zhao et al., HiveD: Sharing a GPU Cluster for Deep Learning with Guarantees, OSDI 2020.
/// Here quotas have one size of cell a tenant and stop at the server; no low-priority jobs.
class hived {
 public:
  explicit hived(std::vector<cell_quota> quotas = {}) : quotas_(std::move(quotas)) {
    for (const cell_quota& q : quotas_) {
      if (q.cells < 0)
        throw input_error("hived, tenant " + q.tenant, "0 cells or more", std::to_string(q.cells));
      if (q.gpus_per_cell < 1 || !std::has_single_bit(static_cast<unsigned>(q.gpus_per_cell)))
        throw input_error("hived, tenant " + q.tenant, "a power of two as GPUs of a cell",
                          std::to_string(q.gpus_per_cell));
    }
    for (std::size_t i = 0; i < quotas_.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (quotas_[k].tenant == quotas_[i].tenant)
          throw input_error("hived", "each tenant once", quotas_[i].tenant + " twice");
  }

  /// \throws input_error  if the quotas need more than the cluster has, or cells larger than a server
  answer operator()(const fabric::gpu_book& free, const request& job) {
    start(free);
    const std::size_t tenant = tenant_of(job.tenant);
    const budget& mine = tenants_[tenant];
    const int left = mine.cells - static_cast<int>(mine.bound.size());
    if (job.gpus <= mine.size) {
      if (answer a = take_block(free, mine, job.gpus)) return a;
      if (left > 0) return take_cell(free, mine.size, job.gpus);
    } else if (mine.size == free.hosts().gpus_per_server() &&
               (job.gpus + mine.size - 1) / mine.size <= left) {
      return take_servers(free, job.gpus);
    }
    return mine.size * mine.cells - mine.used < job.gpus ? wait_reason::gpus
                                                         : wait_reason::gpu_fragmentation;
  }

  /// Whether these free GPUs lie in cells that the tenant has or may bind, and in nobody else's.
  [[nodiscard]] bool may_have(const fabric::gpu_book& free, const request& job,
                              const placement& where) {
    start(free);
    const budget& mine = tenants_[tenant_of(job.tenant)];
    std::vector<cell> cells = mine.bound;
    for (gpu_id g : where.gpus) {
      const cell c = cell_of(free.hosts(), g, mine.size, job.job);
      if (std::any_of(cells.begin(), cells.end(), [&](const cell& x) { return x.is_at(c); }))
        continue;
      if (bound_[c.server.index()] & c.at.mask()) return false;
      cells.push_back(c);
    }
    return static_cast<int>(cells.size()) <= mine.cells;
  }

  friend bool operator==(const hived& a, const hived& b) { return a.quotas_ == b.quotas_; }

 private:
  /// A block that jobs of a tenant have bound a cell to.
  struct cell {
    server_id server;
    detail::block at;
    job_id oldest;  // the lowest id of its jobs

    friend auto operator<=>(const cell& a, const cell& b) {
      return std::tuple{a.server, a.at.first, a.oldest} <=>
             std::tuple{b.server, b.at.first, b.oldest};
    }
    [[nodiscard]] bool is_at(const cell& other) const {
      return server == other.server && at.first == other.at.first;
    }
  };
  struct budget {
    int cells = 0, size = 0;  // of how many GPUs each
    int used = 0;             // GPUs of the tenant's jobs
    std::vector<cell> bound;  // by server and place in it
  };

  [[nodiscard]] std::size_t tenant_of(std::string_view name) const {
    for (std::size_t i = 0; i < quotas_.size(); ++i)
      if (quotas_[i].tenant == name) return i;
    return quotas_.size();  // all others together
  }

  /// Finds what the jobs in the book have bound.
  void start(const fabric::gpu_book& free) {
    const fabric::hosts& dc = free.hosts();
    if (!of_ || !(*of_ == dc)) {
      rest_ = servers_left(dc);
      of_ = dc;
    }
    tenants_.resize(quotas_.size() + 1);
    for (std::size_t t = 0; t <= quotas_.size(); ++t) {
      budget& b = tenants_[t];
      const bool has_quota = t < quotas_.size();
      b.cells = has_quota ? quotas_[t].cells : rest_;
      b.size = has_quota ? quotas_[t].gpus_per_cell : dc.gpus_per_server();
      b.used = 0;
      b.bound.clear();
    }
    for (const auto& [job, where] : free.placements()) {
      budget& b = tenants_[tenant_of(free.tenant_of(job))];
      b.used += static_cast<int>(where.gpus.size());
      for (gpu_id g : where.gpus) {
        const cell c = cell_of(dc, g, b.size, job);
        if (b.bound.empty() || !b.bound.back().is_at(c)) b.bound.push_back(c);
      }
    }
    bound_.assign(static_cast<std::size_t>(dc.servers()), 0);
    for (budget& b : tenants_) {
      std::sort(b.bound.begin(), b.bound.end());
      b.bound.erase(std::unique(b.bound.begin(), b.bound.end(),
                                [](const cell& x, const cell& y) { return x.is_at(y); }),
                    b.bound.end());
      for (const cell& c : b.bound) bound_[c.server.index()] |= c.at.mask();
    }
  }
  /// The block of `size` GPUs that a GPU lies in; the last one of a server ends with it.
  [[nodiscard]] static cell cell_of(const fabric::hosts& dc, gpu_id g, int size, job_id job) {
    const server_id s = dc.server_of(g);
    const int block = detail::block_size(size), all = static_cast<int>(dc.gpus_of(s).size());
    const int first = dc.index_in_server(g) / block * block;
    return {s, {first, std::min(block, all - first)}, job};
  }

  /// Servers that no quota needs: cells of one size fill blocks of the next, up to servers.
  [[nodiscard]] int servers_left(const fabric::hosts& dc) const {
    const int g = dc.gpus_per_server();
    long long blocks = 0;  // of the size looked at
    for (int size = 1; size <= g; size *= 2) {
      blocks = size > 1 ? (blocks + 1) / 2 : 0;
      for (const cell_quota& q : quotas_)
        if (q.gpus_per_cell == size) blocks += q.cells;
    }
    for (const cell_quota& q : quotas_)
      if (q.gpus_per_cell > g)
        throw input_error("hived, tenant " + q.tenant,
                          "cells of at most a server's " + std::to_string(g) + " GPUs",
                          std::to_string(q.gpus_per_cell));
    if (!std::has_single_bit(static_cast<unsigned>(g))) {  // each block has a server to itself
      blocks = 0;
      for (const cell_quota& q : quotas_) blocks += q.cells;
    }
    int servers = 0;
    for (server_id s : dc.all_servers()) servers += static_cast<int>(dc.gpus_of(s).size()) == g;
    if (blocks > servers)
      throw input_error("hived", "quotas of at most " + std::to_string(servers) + " servers",
                        std::to_string(blocks));
    return servers - static_cast<int>(blocks);
  }

  /// Into a bound cell: the tightest block, of equal ones in the cell with the oldest job.
  [[nodiscard]] static answer take_block(const fabric::gpu_book& free, const budget& mine,
                                         int gpus) {
    const cell* best = nullptr;
    detail::block at;
    int least = 0;
    for (const cell& c : mine.bound) {
      const word open = (detail::free_word(free, c.server) & c.at.mask()) >> c.at.first;
      int whole = 0;
      const detail::block b = detail::tightest_block(open, c.at.size, gpus, whole);
      if (b.size == 0 || (best && std::pair{whole, c.oldest} >= std::pair{least, best->oldest}))
        continue;
      best = &c;
      at = b;
      least = whole;
    }
    if (!best) return wait_reason::gpu_fragmentation;
    return gpus_at(free.hosts(), best->server, best->at.first + at.first, gpus);
  }

  /// Binds a cell to the tightest unbound block, under the leaf with fewest free GPUs.
  [[nodiscard]] answer take_cell(const fabric::gpu_book& free, int size, int gpus) const {
    const fabric::hosts& dc = free.hosts();
    std::optional<std::tuple<int, int, server_id>> best;
    detail::block at;
    for (unit_id x : dc.all_units())
      for (server_id s : dc.servers_of(x)) {
        if (free.free_gpus(s) < gpus) continue;
        int whole = 0;
        const detail::block b =
            detail::tightest_block(detail::free_word(free, s) & ~bound_[s.index()],
                                   static_cast<int>(dc.gpus_of(s).size()), size, whole);
        const std::tuple here{whole, free.free_gpus(x), s};
        if (b.size == 0 || (best && here >= *best)) continue;
        best = here;
        at = b;
      }
    if (!best) return wait_reason::gpu_fragmentation;
    return gpus_at(dc, std::get<server_id>(*best), at.first, gpus);
  }

  /// Binds cells to whole unbound servers, under few leafs.
  [[nodiscard]] answer take_servers(const fabric::gpu_book& free, int gpus) const {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server();
    const auto is_open = [&](server_id s) { return !bound_[s.index()] && free.free_gpus(s) == g; };
    std::vector<std::pair<int, unit_id>> units;  // open servers (negative)
    int open = 0;
    for (unit_id x : dc.all_units()) {
      int here = 0;
      for (server_id s : dc.servers_of(x)) here += is_open(s);
      units.push_back({-here, x});
      open += here;
    }
    if (open < (gpus + g - 1) / g) return wait_reason::gpu_fragmentation;
    std::sort(units.begin(), units.end());
    placement p;
    int left = gpus;
    for (auto x = units.begin(); left > 0; ++x)
      for (server_id s : dc.servers_of(x->second)) {
        if (left == 0 || !is_open(s)) continue;
        const placement part = gpus_at(dc, s, 0, std::min(g, left));
        p.gpus.insert(p.gpus.end(), part.gpus.begin(), part.gpus.end());
        left -= std::min(g, left);
      }
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }

  [[nodiscard]] static placement gpus_at(const fabric::hosts& dc, server_id s, int first, int n) {
    placement p;
    for (int i = 0; i < n; ++i)
      p.gpus.push_back(gpu_id{dc.gpus_of(s).front().value + static_cast<std::uint32_t>(first + i)});
    return p;
  }

  std::vector<cell_quota> quotas_;
  std::optional<fabric::hosts> of_;  // of whom the servers were counted that no quota needs
  int rest_ = 0;
  std::vector<budget> tenants_;  // those without a quota last
  std::vector<word> bound_;      // of each server: GPUs in bound cells
};

}  // namespace heddle::place
