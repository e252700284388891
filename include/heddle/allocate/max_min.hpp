// Time shared equally by weight on one type of GPU.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/remaining.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::allocate {

/// Every job gets the GPUs that its user asked for, for a part of the time that is max-min fair by weight:
/// x_i = min(1, t·weight_i) with Σ gpus_i·x_i = GPUs, t as large as it can be. On one type of GPU that is
/// what `share::max_min_lexicographic` gives where jobs are alike in their GPUs; several types need that.
///
/// Fractions become rounds as in `share::rounds`: a job is owed x_i of the time that passes and pays for
/// the time that it runs. A round lasts `round_s`; at its end the most owed jobs run, as far as GPUs and
/// budgets go, at their fastest point that fits; within a round only what has become free is handed out,
/// to the most owed. Debts of jobs that leave are forgotten, newcomers owe and are owed nothing. Without
/// `limits::now_s` each call is a round.
///
/// So that rounds can end, decisions must be asked for at least every `round_s`; else a round lasts until
/// the next one. Of jobs owed alike running ones go first, then the earlier candidate. O(J log J),
/// allocation-free once warm. One writer.
///
/// Reference: Narayanan et al., Gavel, OSDI 2020 (6-minute rounds), debts in the place of its priorities.
/// Time is shared rather than GPUs in space because jobs here keep the count they were written for; the
/// elastic way to fairness is `pollux`.
struct max_min {
  static constexpr bool elastic = true;  ///< running jobs may be stopped

  double round_s = 360;

  /// What a job is owed, in s.
  struct account {
    job_id id;
    double share = 0;  ///< x_i
    double owed_s = 0;
    bool runs = false;

    bool operator==(const account&) const = default;
  };
  /// What decides later rounds. A copy goes on from here.
  struct memory {
    std::vector<account> accounts;  ///< by id
    std::optional<double> last_s;   ///< time of the last call, if it told one
    double round_from_s = -std::numeric_limits<double>::infinity();

    bool operator==(const memory&) const = default;
  };
  memory past = {};

  struct work_space {
    std::vector<std::uint32_t> order;
    std::vector<double> debt;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const max_min&) const = default;

  [[nodiscard]] double round_length_s() const { return round_s; }

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
    out.assign(jobs.size(), nullptr);
    auto& [accounts, last_s, round_from_s] = past;
    const bool timed = !std::isnan(l.now_s);
    const double passed = !timed ? round_s : last_s ? std::max(0.0, l.now_s - *last_s) : 0;
    for (account& a : accounts) a.owed_s += passed * (a.share - (a.runs ? 1 : 0));
    last_s = timed ? std::optional{l.now_s} : std::nullopt;
    const bool new_round = !timed || l.now_s - round_from_s >= round_s * (1 - 1e-9);
    if (new_round) round_from_s = timed ? l.now_s : -std::numeric_limits<double>::infinity();

    const double level = common_level(jobs, l.gpus);
    std::vector<std::uint32_t>& order = work->order;
    std::vector<double>& debt = work->debt;
    debt.resize(jobs.size());
    order.clear();
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const account* a = find(accounts, jobs[i].id);
      debt[i] = a ? a->owed_s : 0;
      if (can_take(jobs[i])) order.push_back(static_cast<std::uint32_t>(i));
    }
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      const bool runs_a = jobs[a].current, runs_b = jobs[b].current;
      if (!new_round && runs_a != runs_b) return runs_a;
      if (debt[a] != debt[b]) return debt[a] > debt[b];
      return runs_a != runs_b ? runs_a : a < b;
    });
    remaining left{l};
    for (std::uint32_t i : order) {
      if (left.gpus < 1) break;
      const auto* p = left.fastest(jobs[i], nullptr, jobs[i].requested_gpus);
      if (p && left.move(jobs[i], nullptr, p)) out[i] = p;
    }
    accounts.clear();
    for (std::size_t i = 0; i < jobs.size(); ++i)
      accounts.push_back({jobs[i].id, can_take(jobs[i]) ? std::min(1.0, level * jobs[i].weight) : 0,
                          debt[i], out[i] != nullptr});
    std::sort(accounts.begin(), accounts.end(),
              [](const account& a, const account& b) { return a.id < b.id; });
  }

  /// t: the largest with Σ gpus·min(1, t·weight) ≤ `gpus`, over jobs that can run. O(J log J).
  double common_level(std::span<const candidate> jobs, int gpus) {
    std::vector<std::uint32_t>& order = work->order;
    order.clear();
    double asked = 0;  // Σ gpus·weight of those below a whole share
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (can_take(jobs[i])) {
        order.push_back(static_cast<std::uint32_t>(i));
        asked += jobs[i].requested_gpus * jobs[i].weight;
      }
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return jobs[a].weight != jobs[b].weight ? jobs[a].weight > jobs[b].weight : a < b;
    });
    double left = std::max(0, gpus);
    for (std::uint32_t i : order) {  // the heaviest reach a whole share first
      if (left <= asked / jobs[i].weight) return left / asked;
      left -= jobs[i].requested_gpus;
      asked -= jobs[i].requested_gpus * jobs[i].weight;
    }
    return std::numeric_limits<double>::max();  // all can run all the time
  }

 private:
  static bool can_take(const candidate& j) {
    return can_run(j) && j.weight > 0 && j.weight < std::numeric_limits<double>::infinity() &&
           j.curve->fastest(j.requested_gpus);
  }
  static const account* find(const std::vector<account>& all, job_id id) {
    const auto at = std::lower_bound(all.begin(), all.end(), id,
                                     [](const account& a, job_id b) { return a.id < b; });
    return at != all.end() && at->id == id ? &*at : nullptr;
  }
};

}  // namespace heddle::allocate
