// Virtual clusters inside one cluster: each tenant has cells of its own, wherever they happen to be.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/detail/blocks.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A tenant's virtual cluster: so many cells of so many GPUs.
struct cell_quota {
  std::string tenant;
  int cells = 1;          ///< ≥ 0
  int gpus_per_cell = 8;  ///< a power of two, at most a server's GPUs
};

/// Buddy cells with quotas. A tenant has numbered virtual cells. One is bound to an aligned block of
/// GPUs when a job first needs it and let go when it is empty; while it is bound nobody else gets a GPU
/// of it. A job goes into the tightest block of its tenant's bound cells, the lowest of equal ones, else
/// into a new cell, else it waits. Jobs larger than a cell get new cells, under as few leafs as can be,
/// and must be of a tenant with whole servers as cells. New cells take the tightest unbound block.
/// Tenants without a quota share the servers that no quota needs, as one tenant.
///
/// If a server's GPUs are a power of two, nothing has failed and all jobs are placed by this policy,
/// a tenant is placed exactly when it would be alone on a cluster of its cells: another tenant cannot
/// fragment what it was promised. It says `gpus` where the quota is used up, `gpu_fragmentation` where
/// the tenant itself has fragmented it (or parts have failed).
///
/// Remembers which tenant each job is of, and forgets jobs that the ledger does not hold any more. Owns
/// no links. One writer. Precondition: servers have at most 64 GPUs.
/// O(servers + jobs) a question.
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
  answer operator()(const fabric::ledger& free, const request& job) {
    start(free);
    const std::size_t tenant = tenant_of(job.tenant);
    const int size = size_of_[tenant];
    const auto left = std::count_if(cells_[tenant].begin(), cells_[tenant].end(),
                                    [](const cell& c) { return c.jobs == 0; });
    if (job.gpus <= size) {
      if (answer a = take_block(free, tenant, job)) return a;
      if (left > 0) return take_cell(free, tenant, job);
    } else if (size == free.fabric().gpus_per_server() && (job.gpus + size - 1) / size <= left) {
      return take_servers(free, tenant, job);
    }
    const int all = size * static_cast<int>(cells_[tenant].size());
    return all - used_[tenant] < job.gpus ? wait_reason::gpus : wait_reason::gpu_fragmentation;
  }

 private:
  /// A virtual cell and where it is while it has jobs.
  struct cell {
    int jobs = 0;
    server_id server;
    detail::block at;
  };
  struct held {
    std::size_t tenant = 0;
    int gpus = 0;
    std::vector<std::size_t> cells;
  };

  [[nodiscard]] std::size_t tenant_of(std::string_view name) const {
    for (std::size_t i = 0; i < quotas_.size(); ++i)
      if (quotas_[i].tenant == name) return i;
    return quotas_.size();  // all others together
  }

  /// Makes room for the cells, at first, and lets go what the ledger does not hold any more.
  void start(const fabric::ledger& free) {
    const fabric::leaf_spine& dc = free.fabric();
    if (!fabric_ || !(*fabric_ == dc)) {
      fabric_ = dc;
      held_.clear();
      bound_.assign(static_cast<std::size_t>(dc.servers()), 0);
      used_.assign(quotas_.size() + 1, 0);
      cells_.assign(quotas_.size() + 1, {});
      size_of_.assign(quotas_.size() + 1, dc.gpus_per_server());
      cells_.back().resize(static_cast<std::size_t>(servers_left(dc)));
      for (std::size_t t = 0; t < quotas_.size(); ++t) {
        cells_[t].resize(static_cast<std::size_t>(quotas_[t].cells));
        size_of_[t] = quotas_[t].gpus_per_cell;
      }
    }
    std::erase_if(held_, [&](const auto& entry) {
      if (free.find(entry.first)) return false;
      forget(entry.second);
      return true;
    });
  }
  void forget(const held& h) {
    used_[h.tenant] -= h.gpus;
    for (std::size_t v : h.cells) {
      cell& c = cells_[h.tenant][v];
      if (--c.jobs == 0) bound_[c.server.index()] &= ~c.at.mask();
    }
  }
  answer remember(const request& job, std::size_t tenant, std::vector<std::size_t> cells,
                  placement p) {
    for (std::size_t v : cells) {
      cell& c = cells_[tenant][v];
      if (c.jobs++ == 0) bound_[c.server.index()] |= c.at.mask();
    }
    used_[tenant] += job.gpus;
    held_[job.job] = {tenant, job.gpus, std::move(cells)};
    return p;
  }

  /// Servers that no quota needs: cells of one size fill blocks of the next, up to servers.
  [[nodiscard]] int servers_left(const fabric::leaf_spine& dc) const {
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

  /// Into a bound cell: the tightest block, of equal ones in the lowest cell.
  answer take_block(const fabric::ledger& free, std::size_t tenant, const request& job) {
    std::optional<std::size_t> best;
    detail::block at;
    int least = 0;
    for (std::size_t v = 0; v < cells_[tenant].size(); ++v) {
      const cell& c = cells_[tenant][v];
      if (c.jobs == 0) continue;
      const word mine = (detail::free_word(free, c.server) & c.at.mask()) >> c.at.first;
      int whole = 0;
      const detail::block b = detail::tightest_block(mine, c.at.size, job.gpus, whole);
      if (b.size == 0 || (best && whole >= least)) continue;
      best = v;
      at = b;
      least = whole;
    }
    if (!best) return wait_reason::gpu_fragmentation;
    const cell& c = cells_[tenant][*best];
    return remember(job, tenant, {*best}, gpus_at(c.server, c.at.first + at.first, job.gpus));
  }

  /// Binds the lowest empty cell to the tightest unbound block, under the leaf with fewest free GPUs.
  answer take_cell(const fabric::ledger& free, std::size_t tenant, const request& job) {
    std::optional<std::tuple<int, int, server_id>> best;
    detail::block at;
    for (leaf_id l : fabric_->all_leafs())
      for (server_id s : fabric_->servers_of(l)) {
        if (free.free_gpus(s) < job.gpus) continue;
        int whole = 0;
        const detail::block b = detail::tightest_block(
            detail::free_word(free, s) & ~bound_[s.index()],
            static_cast<int>(fabric_->gpus_of(s).size()), size_of_[tenant], whole);
        const std::tuple here{whole, free.free_gpus(l), s};
        if (b.size == 0 || (best && here >= *best)) continue;
        best = here;
        at = b;
      }
    if (!best) return wait_reason::gpu_fragmentation;
    const server_id s = std::get<server_id>(*best);
    return remember(job, tenant, {empty_cell(tenant, 0, s, at)}, gpus_at(s, at.first, job.gpus));
  }

  /// Binds empty cells to whole unbound servers, under few leafs.
  answer take_servers(const fabric::ledger& free, std::size_t tenant, const request& job) {
    const int g = fabric_->gpus_per_server();
    const auto is_open = [&](server_id s) { return !bound_[s.index()] && free.free_gpus(s) == g; };
    std::vector<std::pair<int, leaf_id>> leafs;  // open servers (negative)
    int open = 0;
    for (leaf_id l : fabric_->all_leafs()) {
      int here = 0;
      for (server_id s : fabric_->servers_of(l)) here += is_open(s);
      leafs.push_back({-here, l});
      open += here;
    }
    if (open < (job.gpus + g - 1) / g) return wait_reason::gpu_fragmentation;
    std::sort(leafs.begin(), leafs.end());
    placement p;
    std::vector<std::size_t> cells;
    int left = job.gpus;
    for (auto l = leafs.begin(); left > 0; ++l)
      for (server_id s : fabric_->servers_of(l->second)) {
        if (left == 0 || !is_open(s)) continue;
        cells.push_back(empty_cell(tenant, cells.empty() ? 0 : cells.back() + 1, s, {0, g}));
        const placement part = gpus_at(s, 0, std::min(g, left));
        p.gpus.insert(p.gpus.end(), part.gpus.begin(), part.gpus.end());
        left -= std::min(g, left);
      }
    std::sort(p.gpus.begin(), p.gpus.end());
    return remember(job, tenant, std::move(cells), std::move(p));
  }

  /// The lowest empty cell from `from` on, put at a block.
  std::size_t empty_cell(std::size_t tenant, std::size_t from, server_id s, detail::block at) {
    while (cells_[tenant][from].jobs > 0) ++from;
    cells_[tenant][from].server = s;
    cells_[tenant][from].at = at;
    return from;
  }
  [[nodiscard]] placement gpus_at(server_id s, int first, int n) const {
    placement p;
    for (int i = 0; i < n; ++i)
      p.gpus.push_back(
          gpu_id{fabric_->gpus_of(s).front().value + static_cast<std::uint32_t>(first + i)});
    return p;
  }

  std::vector<cell_quota> quotas_;
  std::optional<fabric::leaf_spine> fabric_;  // that the cells are for
  std::map<job_id, held> held_;
  std::vector<std::vector<cell>> cells_;  // of each tenant, those without a quota last
  std::vector<int> size_of_;              // GPUs of a tenant's cells
  std::vector<int> used_;                 // GPUs of a tenant's jobs
  std::vector<word> bound_;               // of each server: GPUs in bound cells
};

}  // namespace heddle::place
