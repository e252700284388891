// What is decided at the start of a round: on which type of GPU each job runs, with all its GPUs, or that it
// waits.
//
//   RoundPolicy            what decides rounds
//   by_share               fractions of time, carried out by priorities (by_share.hpp)
//   rate_by_time_left      jobs that end soon, on types that suit them, by exact choice (rate_by_time_left.hpp)
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <heddle/share/problem.hpp>

namespace heddle::share {

/// In the place of a type: the job does not run in this round.
inline constexpr std::uint32_t no_type = std::numeric_limits<std::uint32_t>::max();

/// The jobs that are there at the start of a round, in the order of their submission, and what became of
/// the round before. Vectors have one entry a job unless said otherwise; all live as long as the call.
struct round_view {
  /// What the jobs ask and have left: `gpus`, `weight`, `steps` and `elapsed_s` are filled.
  const problem& jobs;
  const std::vector<std::uint32_t>& id;      ///< a number that a job keeps, from 0, rising
  const std::vector<std::uint32_t>& before;  ///< the type of the round before, or `no_type`
  const std::vector<double>& held_s;         ///< for how long it held it in the round before
  const std::vector<double>&
      type_held_s;  ///< of each type: the sum over all jobs, also those that ended
  double now_s = 0;
  double round_s =
      0;  ///< until the next decision at the latest; infinite: until a job comes or ends
  double switch_s = 0;   ///< what a job that starts on a type loses first
  bool changed = false;  ///< whether jobs came or ended since the decision before

  /// One more than the highest id that there is, of a job that is there.
  [[nodiscard]] std::uint32_t ids() const { return id.empty() ? 0 : id.back() + 1; }
};

/// T decides rounds: `policy(view, type)` writes a type or `no_type` for each job of the view. No type is given
/// more GPUs than it has, no job a type on which it has no throughput. It is called once a round, in the order
/// of time, and may remember.
template <class T>
concept RoundPolicy = std::copyable<T> &&
    requires(T policy, const round_view& view, std::vector<std::uint32_t>& type) {
  { policy(view, type) } -> std::same_as<void>;
};

/// Which promise of `RoundPolicy` an answer breaks, in a sentence; empty: none. O(jobs + types).
[[nodiscard]] inline std::string broken_promise(const round_view& view,
                                                const std::vector<std::uint32_t>& type) {
  const problem& p = view.jobs;
  if (type.size() != p.jobs())
    return std::to_string(type.size()) + " types for " + std::to_string(p.jobs()) + " jobs";
  std::vector<double> used(p.types(), 0);
  for (std::size_t i = 0; i < type.size(); ++i) {
    if (type[i] == no_type) continue;
    const std::string job = "job " + std::to_string(view.id[i]);
    if (type[i] >= p.types()) return job + " on a type that there is not";
    if (!(p.row(i)[type[i]] > 0)) return job + " on a type on which it does not run";
    used[type[i]] += p.gpus_of(i);
  }
  for (std::size_t j = 0; j < used.size(); ++j)
    if (used[j] > p.capacity[j])
      return std::to_string(used[j]) + " GPUs of type " + std::to_string(j) + " of " +
             std::to_string(p.capacity[j]);
  return {};
}

}  // namespace heddle::share
