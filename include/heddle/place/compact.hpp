// Compaction by migration: room for a power-of-two job among blocks.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/detail/blocks.hpp>
#include <heddle/place/migration.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

namespace detail {

/// Moves jobs on a copy of the ledger, and notes how.
template <class Ledger>
class compactor {
 public:
  explicit compactor(const Ledger& state)
      : state_(state), cleared_(static_cast<std::size_t>(state.hosts().servers()), 0) {}

  std::optional<migration_plan> run(const request& job) {
    const int g = state_.hosts().gpus_per_server();
    const int servers = job.gpus / g, rest = job.gpus % g;
    for (int i = 0; i < servers; ++i)
      if (!clear(g)) return std::nullopt;
    if (rest > 0 && !clear(block_size(rest))) return std::nullopt;
    for (word& w : cleared_) w = 0;
    answer a = buddy{}(state_, job);
    if (!a) return std::nullopt;
    plan_.where = *std::move(a.where);
    std::vector<job_id> jobs;
    for (const migration& m : plan_.moves) jobs.push_back(m.job);
    std::sort(jobs.begin(), jobs.end());
    plan_.jobs_moved = static_cast<int>(std::unique(jobs.begin(), jobs.end()) - jobs.begin());
    return std::move(plan_);
  }

 private:
  struct spot {
    server_id server;
    block at;
  };

  [[nodiscard]] int gpus_of(server_id s) const {
    return static_cast<int>(state_.hosts().gpus_of(s).size());
  }
  [[nodiscard]] gpu_id gpu(const spot& x, int i) const {
    return gpu_id{state_.hosts().gpus_of(x.server).front().value +
                  static_cast<std::uint32_t>(x.at.first + i)};
  }

  /// Empties one more block of `size` GPUs and keeps it empty: the one in which fewest are used.
  std::optional<spot> clear(int size) {
    const std::optional<spot> found = least_used(size);
    if (!found) return std::nullopt;
    cleared_[found->server.index()] |= found->at.mask();
    std::vector<std::pair<int, job_id>> inside;  // GPUs (negative), job
    for (int i = 0; i < found->at.size; ++i)
      if (const job_id owner = state_.owner(gpu(*found, i)); owner.valid())
        inside.push_back({-static_cast<int>(state_.find(owner)->gpus.size()), owner});
    std::sort(inside.begin(), inside.end());
    inside.erase(std::unique(inside.begin(), inside.end()), inside.end());
    for (const auto& [negative, job] : inside)  // the largest first
      if (!move_away(job, -negative)) return std::nullopt;
    return found;
  }

  /// Moves a job of one server to another block, which is emptied first.
  bool move_away(job_id job, int gpus) {
    const std::optional<spot> to = clear(block_size(gpus));
    if (!to) return false;
    cleared_[to->server.index()] &= ~to->at.mask();
    fabric::placement p;
    for (int i = 0; i < gpus; ++i) p.gpus.push_back(gpu(*to, i));
    state_.release(job);
    if (state_.reserve(job, p) != fabric::reserve_status::reserved) return false;
    plan_.gpus_moved += gpus;
    plan_.moves.push_back({job, std::move(p)});
    return true;
  }

  /// Outside the cleared blocks, the block of that size with fewest GPUs used among those that can be
  /// emptied and would gain by it: some GPU is free, and all jobs are smaller and lie inside. Then the
  /// lowest.
  [[nodiscard]] std::optional<spot> least_used(int size) const {
    std::optional<spot> best;
    int least = 0;
    for (server_id s : state_.hosts().all_servers()) {
      if (state_.free_gpus(s) == 0) continue;
      const word free = free_word(state_, s);
      for (int first = 0; first + size <= gpus_of(s); first += size) {
        const spot here{s, {first, size}};
        const word mask = here.at.mask();
        if ((cleared_[s.index()] & mask) || !(free & mask)) continue;
        const int used = size - std::popcount(free & mask);
        if ((best && used >= least) || (used > 0 && !can_empty(here))) continue;
        best = here;
        least = used;
        if (used == 0) return best;
      }
    }
    return best;
  }
  [[nodiscard]] bool can_empty(const spot& x) const {
    for (int i = 0; i < x.at.size; ++i) {
      const gpu_id g = gpu(x, i);
      if (state_.is_free(g)) continue;
      const fabric::placement* p = state_.find(state_.owner(g));
      if (!p || p->owns_network() || static_cast<int>(p->gpus.size()) >= x.at.size) return false;
      for (gpu_id other : p->gpus)
        if (other < gpu(x, 0) || gpu(x, x.at.size - 1) < other) return false;
    }
    return true;
  }

  Ledger state_;
  std::vector<word> cleared_;  // of each server: GPUs that must stay empty
  migration_plan plan_;
};

}  // namespace detail

/// Which jobs to move, and where to, so that `job` can be placed by `buddy`. The moves can be made one
/// after the other: each finds its GPUs free. A job may move twice. Nothing moves if it fits already.
///
/// A block in which fewest GPUs are used is emptied; its jobs, the largest first, go to the emptiest
/// blocks of their own size, which are emptied first in the same way. If a server's GPUs and all sizes,
/// of jobs that run and of that which waits, are powers of two, no job of at most a server's GPUs spans
/// two, and nothing has failed, this finds a plan whenever enough GPUs are free. *Proof.* Blocks that
/// are being emptied are disjoint and get ever smaller, so what is outside them falls into whole blocks
/// of the size s looked for next. At least s GPUs are free outside, so some block is not full and holds
/// smaller jobs only. With u GPUs used in it, the free ones outside all blocks are at least u: before,
/// outside was at least s free, of which the block took s − u. ∎ (Derived.)
///
/// In other cases it may find none where there is one. The plan is not always the cheapest. Jobs that
/// own links or lie on several servers stay. Precondition: servers have at most 64 GPUs.
/// O(GPUs · moves), and a copy of the ledger.
template <class Ledger>
[[nodiscard]] std::optional<migration_plan> compact(const Ledger& state, const request& job) {
  if (job.gpus > state.free_gpus()) return std::nullopt;
  if (answer a = buddy{}(state, job))
    return migration_plan{.moves = {}, .where = *std::move(a.where)};
  return detail::compactor<Ledger>{state}.run(job);
}

}  // namespace heddle::place
