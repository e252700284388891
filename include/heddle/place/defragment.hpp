// The cheapest migrations after which a waiting job can be placed isolated.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <queue>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/migration.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

namespace heddle::place {

struct defragment_budget {
  int gpus = std::numeric_limits<int>::max();  ///< that may move
  std::size_t trials = 10'000;                 ///< sets of jobs looked at, before it gives up
};

/// A plan, or why there is none.
struct defragmentation {
  std::optional<migration_plan> plan;
  bool proved = true;      ///< false if the trials ran out, or a search of the policy did
  std::size_t trials = 0;  ///< sets of jobs looked at

  explicit operator bool() const { return plan.has_value(); }
};

namespace detail {

/// Goes through sets of running jobs by (GPUs, jobs, ids) and stops at the first that does.
template <class Policy, class Ledger>
class defragmenter {
 public:
  defragmenter(const Ledger& state, const request& job, const defragment_budget& budget,
               Policy& policy)
      : state_(state), wanted_(job), budget_(budget), policy_(policy) {
    for (const auto& [id, where] : state.placements())
      if (state.all_work() || can_be_put_back(id))
        jobs_.push_back({static_cast<int>(where.gpus.size()), id});
    std::sort(jobs_.begin(), jobs_.end());
  }

  defragmentation run() {
    // Sets by cost, each made of one other: by moving its largest job on, or adding the next one.
    std::priority_queue<set, std::vector<set>, std::greater<>> next;
    next.push({0, {}});
    while (!next.empty()) {
      const set s = next.top();
      next.pop();
      if (result_.trials == budget_.trials) {
        result_.proved = false;
        return std::move(result_);
      }
      ++result_.trials;
      if (try_set(s)) {
        result_.proved = !gave_up_;
        return std::move(result_);
      }
      const std::size_t last = s.members.empty() ? 0 : s.members.back() + 1;
      if (last == jobs_.size()) continue;
      set more = s;
      more.members.push_back(last);
      more.gpus += jobs_[last].first;
      if (more.gpus <= budget_.gpus) next.push(std::move(more));
      if (s.members.empty()) continue;
      set other = s;
      other.members.back() = last;
      other.gpus += jobs_[last].first - jobs_[last - 1].first;
      if (other.gpus <= budget_.gpus) next.push(std::move(other));
    }
    result_.proved = !gave_up_;
    return std::move(result_);
  }

 private:
  struct set {
    int gpus = 0;
    std::vector<std::size_t> members;  // indices of jobs_, ascending

    friend bool operator>(const set& a, const set& b) {
      return std::tuple<int, std::size_t, const std::vector<std::size_t>&>{a.gpus, a.members.size(),
                                                                           a.members} >
             std::tuple<int, std::size_t, const std::vector<std::size_t>&>{b.gpus, b.members.size(),
                                                                           b.members};
    }
  };

  struct lifted {
    job_id id;
    std::string tenant;
    fabric::placement where;
  };

  /// False for a job that holds a part that has failed.
  bool can_be_put_back(job_id id) {
    Ledger trial = state_;
    return trial.reserve(id, *trial.extract(id)) == fabric::reserve_status::reserved;
  }

  /// Takes the jobs out, places the waiting one and then them again, the largest first.
  bool try_set(const set& s) {
    if (state_.free_gpus() < wanted_.gpus) return false;  // moving frees nothing
    std::vector<lifted> out;
    for (std::size_t k : s.members) {
      const job_id id = jobs_[k].second;
      std::string tenant{state_.tenant_of(id)};
      out.push_back({id, std::move(tenant), *state_.extract(id)});
    }
    migration_plan plan;
    plan.gpus_moved = s.gpus;
    plan.jobs_moved = static_cast<int>(s.members.size());
    bool fits = place(wanted_, plan.where);
    std::vector<job_id> placed;
    if (fits) placed.push_back(wanted_.job);
    for (auto x = out.rbegin(); fits && x != out.rend(); ++x) {
      migration m{x->id, {}};
      fits = place({.job = x->id,
                    .gpus = static_cast<int>(x->where.gpus.size()),
                    .tenant = x->tenant,
                    .gpu_type = gpu_type_of(state_.hosts(), x->where)},
                   m.to);
      if (!fits) break;
      placed.push_back(x->id);
      plan.moves.push_back(std::move(m));
    }
    for (job_id id : placed) state_.release(id);
    for (auto& x : out) (void)state_.reserve(x.id, std::move(x.where), x.tenant);
    if (!fits) return false;
    result_.plan = std::move(plan);
    return true;
  }
  bool place(const request& job, fabric::placement& where) {
    answer a = ask(policy_, std::as_const(state_), job);
    gave_up_ |= a.why == wait_reason::search_limit;
    if (!a) return false;
    where = *std::move(a.where);
    return state_.reserve(job.job, where, job.tenant) == fabric::reserve_status::reserved;
  }

  Ledger state_;
  request wanted_;
  defragment_budget budget_;
  Policy& policy_;
  std::vector<std::pair<int, job_id>> jobs_;  // by GPUs
  defragmentation result_;
  bool gave_up_ = false;
};

}  // namespace detail

/// Finds the cheapest set of running jobs to move so that `job` can be placed by `policy`, by default
/// isolated, and they too. Cost is the number of GPUs moved, then of jobs. The waiting job is placed
/// first and those moved after it, the largest first, as the policy does on its own: where that fails
/// but another choice of places would not, the set is passed over. So the answer is the cheapest among
/// plans of this form, and `proved` says whether all cheaper sets were looked at.
///
/// Moves of a set are made together: jobs stop, then start elsewhere. Jobs that hold failed parts stay.
/// The waiting job must not be in the ledger. O(trials · a decision for each job of a set).
template <class Ledger, class Policy = first_of<one_server, one_leaf, vclos>>
  requires PlacementPolicy<Policy, Ledger>
[[nodiscard]] defragmentation defragment(const Ledger& state, const request& job,
                                         const defragment_budget& budget = {}, Policy policy = {}) {
  return detail::defragmenter<Policy, Ledger>{state, job, budget, policy}.run();
}

}  // namespace heddle::place
