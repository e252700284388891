// What a placement policy is asked and answers.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::place {

using fabric::placement;

/// GPUs wanted for one job, ≥ 1.
struct request {
  job_id job;
  int gpus = 1;
  std::string_view tenant = {};  ///< its virtual cluster; must outlive the question
};

/// Why a job waits.
enum class wait_reason : unsigned char {
  none,                   ///< it does not
  queue,                  ///< it stands behind another in the queue
  budget,                 ///< the power or energy budget allows no further job
  gpus,                   ///< too few GPUs are free
  gpu_fragmentation,      ///< enough are free, but not where the policy needs them
  network_fragmentation,  ///< GPUs would do, links of its own cannot be found
  search_limit,           ///< the search gave up before it knew
};

[[nodiscard]] constexpr std::string_view name(wait_reason r) {
  switch (r) {
  case wait_reason::none:
    break;
  case wait_reason::queue:
    return "queue";
  case wait_reason::budget:
    return "budget";
  case wait_reason::gpus:
    return "gpus";
  case wait_reason::gpu_fragmentation:
    return "gpu_fragmentation";
  case wait_reason::network_fragmentation:
    return "network_fragmentation";
  case wait_reason::search_limit:
    return "search_limit";
  }
  return "none";
}

/// A placement, or why there is none.
struct answer {
  std::optional<placement> where;
  wait_reason why = wait_reason::none;
  bool proved = true;  ///< false if a placement of the policy's kind may exist all the same
  /// How much longer the job's communication is expected to take than on an idle network, by a
  /// policy that predicts it (`relaxed`); 1 from all others.
  double predicted_slowdown = 1;
  /// Circuits of running jobs that have to move first (`fabric::ledger::rewire`); on optical fabrics.
  std::vector<fabric::circuit_move> moved = {};

  answer(placement p) : where(std::move(p)) {}
  answer(wait_reason r, bool is_proved = true) : why(r), proved(is_proved) {}
  /// For policies that say no without a reason; `place::ask` finds the obvious one.
  answer(std::optional<placement> p) : where(std::move(p)) {}
  answer(std::nullopt_t) {}

  explicit operator bool() const { return where.has_value(); }
};

/// T chooses GPUs (and links) for a request among those that a ledger says are free. It changes
/// nothing: whoever asks makes the reservation. `std::optional<placement>` will do as an answer.
template <class T>
concept PlacementPolicy = requires(T& policy, const fabric::ledger& free, const request& job) {
  { policy(free, job) } -> std::convertible_to<answer>;
};

/// T is a policy that searches, and can be told how far: `limit` bounds the nodes of every question
/// to come, `visited` says how many the last one took.
template <class T>
concept SearchingPolicy = requires(T& policy, const T& asked, std::int64_t nodes) {
  policy.limit(nodes);
  { asked.visited() } -> std::convertible_to<std::int64_t>;
};

/// Asks `policy`, after a check that enough GPUs are free at all, and gives a bare no its reason.
template <PlacementPolicy P>
[[nodiscard]] answer ask(P& policy, const fabric::ledger& free, const request& job) {
  if (job.gpus > free.free_gpus()) return wait_reason::gpus;
  answer a = policy(free, job);
  if (!a && a.why == wait_reason::none) a.why = wait_reason::gpu_fragmentation;
  return a;
}

}  // namespace heddle::place
