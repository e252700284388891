// Virtual clusters inside one cluster: each tenant has cells of its own, wherever they happen to be.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
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
#include <heddle/place/detail/cell_tree.hpp>
#include <heddle/place/detail/near_first.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// A tenant's virtual cluster: so many cells of so many GPUs.
struct cell_quota {
  std::string tenant;
  int cells = 1;  ///< ≥ 0
  /// A power of two, at most a server's GPUs; or all GPUs of a whole NVLink domain, unit or pod.
  int gpus_per_cell = 8;

  friend bool operator==(const cell_quota&, const cell_quota&) = default;
};

/// Buddy cells with quotas, on the tree block of a server – server – NVLink domain – unit – pod. A tenant has
/// so many cells. One is bound to a block of GPUs, or a whole part of the tree, when a job first needs it and
/// let go when it is empty; while it is bound nobody else gets a GPU of it. A job goes into the tightest
/// block of its tenant's bound cells, of equal ones that of the cell with the lowest job id (so a tenant's
/// choices do not hang on where its cells lie); one of several servers into the bound cell with fewest idle
/// servers of those that have enough; else into a new cell, else it waits. Jobs larger than a cell get new
/// cells, near one another, and must be of a tenant with whole servers, or larger parts, as cells. New
/// cells take the tightest unbound block: one in parts of the tree that are not whole any more, if there is.
/// Tenants without a quota share the servers that no quota needs, as one tenant.
///
/// If a server's GPUs are a power of two, parts of a kind are alike, nothing has failed and all jobs are placed
/// by this policy, a tenant is placed exactly when it would be alone on a cluster of its cells: another
/// tenant cannot fragment what it was promised. *Proof.* A part is begun only if those begun before have no
/// room, so of each kind there are never more than the quotas below fill. ∎ It says `gpus` where the quota is
/// used up, `gpu_fragmentation` where the tenant itself has fragmented it (or parts have failed).
///
/// Which cells are bound follows from the jobs that are booked and the tenants they were booked for
/// (`fabric::ledger::reserve`): asking is not booking. Owns no links. One writer: it keeps its work space.
/// Precondition: servers have at most 64 GPUs. O(servers + GPUs held) a question.
/// Reference: Zhao et al., HiveD: Sharing a GPU Cluster for Deep Learning with Guarantees, OSDI 2020.
/// Here quotas have one size of cell a tenant; no low-priority jobs.
class hived {
 public:
  explicit hived(std::vector<cell_quota> quotas = {}) : quotas_(std::move(quotas)) {
    for (const cell_quota& q : quotas_) {
      if (q.cells < 0)
        throw input_error("hived, tenant " + q.tenant, "0 cells or more", std::to_string(q.cells));
      if (q.gpus_per_cell < 1)
        throw input_error("hived, tenant " + q.tenant, "at least 1 as GPUs of a cell",
                          std::to_string(q.gpus_per_cell));
    }
    for (std::size_t i = 0; i < quotas_.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (quotas_[k].tenant == quotas_[i].tenant)
          throw input_error("hived", "each tenant once", quotas_[i].tenant + " twice");
  }

  /// \throws input_error  if the quotas need more than the cluster has, or cells of which it has no part
  answer operator()(const fabric::gpu_book& free, const request& job) {
    start(free);
    const budget& mine = tenants_[tenant_of(job.tenant)];
    const int left = mine.cells - static_cast<int>(mine.bound.size());
    if (job.gpus <= mine.size) {
      const bool is_small = job.gpus <= free.hosts().gpus_per_server();
      if (answer a = is_small ? take_block(free, mine, job.gpus)
                              : take_servers_of_cell(free, mine, job.gpus))
        return a;
      if (left > 0) return take_cell(free, mine, job.gpus);
    } else if (mine.size >= free.hosts().gpus_per_server() &&
               (job.gpus + mine.size - 1) / mine.size <= left) {
      return take_cells(free, mine, job.gpus);
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
      const cell c = cell_of(free.hosts(), g, mine, job.job);
      if (std::any_of(cells.begin(), cells.end(), [&](const cell& x) { return x.is_at(c); }))
        continue;
      if (!is_unbound(c)) return false;
      cells.push_back(c);
    }
    return static_cast<int>(cells.size()) <= mine.cells;
  }

  friend bool operator==(const hived& a, const hived& b) { return a.quotas_ == b.quotas_; }

 private:
  using cell = detail::tree_cell;
  using kind = detail::cell_kind;

  struct budget {
    int cells = 0, size = 0;  // of how many GPUs each
    kind of = kind::block;
    int used = 0;             // GPUs of the tenant's jobs
    std::vector<cell> bound;  // by place in the tree
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
      tree_.emplace(dc);
      rest_ = detail::servers_left(*tree_, dc.gpus_per_server(), quotas_);
      of_ = dc;
    }
    std::array<bool, 4> used{};
    tenants_.resize(quotas_.size() + 1);
    for (std::size_t t = 0; t <= quotas_.size(); ++t) {
      budget& b = tenants_[t];
      const bool has_quota = t < quotas_.size();
      b.cells = has_quota ? quotas_[t].cells : rest_;
      b.size = has_quota ? quotas_[t].gpus_per_cell : dc.gpus_per_server();
      b.of = has_quota ? *tree_->kind_of(b.size) : kind::block;
      used[static_cast<std::size_t>(b.of)] = true;
      b.used = 0;
      b.bound.clear();
    }
    for (const auto& [job, where] : free.placements()) {
      budget& b = tenants_[tenant_of(free.tenant_of(job))];
      b.used += static_cast<int>(where.gpus.size());
      for (gpu_id g : where.gpus) {
        const cell c = cell_of(dc, g, b, job);
        if (b.bound.empty() || !b.bound.back().is_at(c)) b.bound.push_back(c);
      }
    }
    tree_->start(used);
    for (budget& b : tenants_) {
      std::sort(b.bound.begin(), b.bound.end());
      b.bound.erase(std::unique(b.bound.begin(), b.bound.end(),
                                [](const cell& x, const cell& y) { return x.is_at(y); }),
                    b.bound.end());
      for (const cell& c : b.bound) tree_->bind(c);
    }
  }
  /// The cell that a GPU lies in; the last block of a server ends with it.
  [[nodiscard]] cell cell_of(const fabric::hosts& dc, gpu_id g, const budget& b, job_id job) const {
    const server_id s = dc.server_of(g);
    if (b.of != kind::block) return {b.of, tree_->part_of(b.of, s), {}, job};
    const int block = detail::block_size(b.size), all = static_cast<int>(dc.gpus_of(s).size());
    const int first = dc.index_in_server(g) / block * block;
    return {kind::block, s.value, {first, std::min(block, all - first)}, job};
  }
  [[nodiscard]] bool is_unbound(const cell& c) const {
    const word mask = c.kind == kind::block ? c.at.mask() : ~word{0};
    bool open = true;
    tree_->for_each_server(c.kind, c.part,
                           [&](server_id s) { open = open && !(tree_->bound(s) & mask); });
    return open;
  }

  /// Into a bound cell: the tightest block, of equal ones in the cell with the oldest job.
  [[nodiscard]] answer take_block(const fabric::gpu_book& free, const budget& mine,
                                  int gpus) const {
    std::optional<std::tuple<int, job_id, server_id>> best;
    detail::block at;
    for (const cell& c : mine.bound)
      tree_->for_each_server(c.kind, c.part, [&](server_id s) {
        const int all =
            c.kind == kind::block ? c.at.size : static_cast<int>(free.hosts().gpus_of(s).size());
        const detail::block in{c.at.first, all};
        const word open = (detail::free_word(free, s) & in.mask()) >> in.first;
        int whole = 0;
        const detail::block b = detail::tightest_block(open, all, gpus, whole);
        const std::tuple here{whole, c.oldest, s};
        if (b.size == 0 || (best && here >= *best)) return;
        best = here;
        at = {in.first + b.first, b.size};
      });
    if (!best) return wait_reason::gpu_fragmentation;
    return gpus_at(free.hosts(), std::get<server_id>(*best), at.first, gpus);
  }

  [[nodiscard]] static bool is_idle(const fabric::gpu_book& free, server_id s) {
    return free.free_gpus(s) == free.hosts().gpus_per_server();
  }
  /// Into the bound cell with fewest idle servers of those that have enough, then the one with the oldest job.
  [[nodiscard]] answer take_servers_of_cell(const fabric::gpu_book& free, const budget& mine,
                                            int gpus) const {
    const int g = free.hosts().gpus_per_server(), servers = (gpus + g - 1) / g;
    std::optional<std::tuple<int, job_id, const cell*>> best;
    for (const cell& c : mine.bound) {
      int idle = 0;
      tree_->for_each_server(c.kind, c.part, [&](server_id s) { idle += is_idle(free, s); });
      const std::tuple here{idle, c.oldest, &c};
      if (idle >= servers && (!best || here < *best)) best = here;
    }
    if (!best) return wait_reason::gpu_fragmentation;
    return servers_in(free, *std::get<const cell*>(*best), gpus);
  }
  /// Idle servers of a cell, near one another.
  [[nodiscard]] answer servers_in(const fabric::gpu_book& free, const cell& c, int gpus) const {
    std::vector<unit_id> units;
    tree_->for_each_server(c.kind, c.part, [&](server_id s) {
      const unit_id x = free.hosts().unit_of(s);
      if (units.empty() || units.back() != x) units.push_back(x);
    });
    const auto open = [&](server_id s) {
      return is_idle(free, s) && tree_->part_of(c.kind, s) == c.part;
    };
    return near_servers(free, units, open, gpus);
  }
  /// ⌈gpus / g⌉ servers that are open, under few units; of the last one a part.
  template <class Units, class Open>
  [[nodiscard]] static answer near_servers(const fabric::gpu_book& free, const Units& units,
                                           const Open& open, int gpus) {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server();
    detail::near_first rooms;
    for (unit_id x : units) {
      int here = 0;
      for (server_id s : dc.servers_of(x)) here += open(s);
      if (here > 0) rooms.add(x, here);
    }
    std::vector<server_id> servers;
    if (!rooms.over_units(dc, (gpus + g - 1) / g, detail::of_equals::first,
                          detail::best_pod::least_room))
      return wait_reason::gpu_fragmentation;
    for (const detail::room_in& x : rooms.shares())
      detail::take_open_servers(dc, unit_id{x.part}, x.room, open,
                                [&](server_id s) { servers.push_back(s); });
    return whole_servers(dc, servers, gpus);
  }
  [[nodiscard]] static answer whole_servers(const fabric::hosts& dc,
                                            const std::vector<server_id>& servers, int gpus) {
    placement p;
    for (server_id s : servers) {
      const int here = std::min(dc.gpus_per_server(), gpus - static_cast<int>(p.gpus.size()));
      const placement part = gpus_at(dc, s, 0, here);
      p.gpus.insert(p.gpus.end(), part.gpus.begin(), part.gpus.end());
    }
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }

  /// Where a new cell is bound: the tightest unbound block, under the unit with fewest free GPUs.
  [[nodiscard]] std::optional<cell> new_cell(const fabric::gpu_book& free, kind k, int size,
                                             int gpus) const {
    const fabric::hosts& dc = free.hosts();
    std::optional<std::tuple<int, int, int, std::uint32_t>> best;
    cell out{.kind = k};
    if (k == kind::block) {
      for (unit_id x : dc.all_units())
        for (server_id s : dc.servers_of(x)) {
          if (free.free_gpus(s) < gpus) continue;
          int whole = 0;
          const detail::block b =
              detail::tightest_block(detail::free_word(free, s) & ~tree_->bound(s),
                                     static_cast<int>(dc.gpus_of(s).size()), size, whole);
          if (b.size == 0) continue;
          const std::tuple here{tree_->whole_above(s, k), whole, free.free_gpus(x), s.value};
          if (best && here >= *best) continue;
          best = here;
          out.part = s.value;
          out.at = b;
        }
    } else {
      for (std::uint32_t part : tree_->all_whole(k)) {
        bool open = true;
        server_id first;
        tree_->for_each_server(k, part, [&](server_id s) {
          open = open && !tree_->bound(s) && is_idle(free, s);
          if (!first.valid()) first = s;
        });
        if (!open) continue;
        const std::tuple here{tree_->whole_above(first, k), 0, free.free_gpus(dc.unit_of(first)),
                              part};
        if (best && here >= *best) continue;
        best = here;
        out.part = part;
      }
    }
    return best ? std::optional{out} : std::nullopt;
  }
  [[nodiscard]] answer take_cell(const fabric::gpu_book& free, const budget& mine, int gpus) const {
    const std::optional<cell> c = new_cell(free, mine.of, mine.size, gpus);
    if (!c) return wait_reason::gpu_fragmentation;
    if (c->kind == kind::block) return gpus_at(free.hosts(), server_id{c->part}, c->at.first, gpus);
    return servers_in(free, *c, gpus);
  }
  /// Binds cells for a job of more than one: whole servers under few units, or, where others have larger parts
  /// as cells, one after the other where they are tightest.
  [[nodiscard]] answer take_cells(const fabric::gpu_book& free, const budget& mine, int gpus) {
    const fabric::hosts& dc = free.hosts();
    if (!tree_->has_large_cells())
      return near_servers(
          free, dc.all_units(), [&](server_id s) { return !tree_->bound(s) && is_idle(free, s); },
          gpus);
    std::vector<server_id> servers;
    for (int left = gpus; left > 0; left -= mine.size) {
      const std::optional<cell> c = new_cell(free, mine.of, mine.size, mine.size);
      if (!c) return wait_reason::gpu_fragmentation;
      tree_->bind(*c);  // until the next question
      tree_->for_each_server(c->kind, c->part, [&](server_id s) {
        if (is_idle(free, s)) servers.push_back(s);
      });
    }
    servers.resize(
        static_cast<std::size_t>((gpus + dc.gpus_per_server() - 1) / dc.gpus_per_server()));
    return whole_servers(dc, servers, gpus);
  }

  [[nodiscard]] static placement gpus_at(const fabric::hosts& dc, server_id s, int first, int n) {
    placement p;
    for (int i = 0; i < n; ++i)
      p.gpus.push_back(gpu_id{dc.gpus_of(s).front().value + static_cast<std::uint32_t>(first + i)});
    return p;
  }

  std::vector<cell_quota> quotas_;
  std::optional<fabric::hosts> of_;  // of whom the rest was counted
  std::optional<detail::cell_tree> tree_;
  int rest_ = 0;
  std::vector<budget> tenants_;  // those without a quota last
};

}  // namespace heddle::place
