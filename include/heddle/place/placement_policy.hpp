// What a placement policy is asked and answers.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/declared.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::place {

using fabric::placement;

/// GPUs wanted for one job, ≥ 1.
struct request {
  job_id job;
  int gpus = 1;
  std::string_view tenant = {};  ///< its virtual cluster; must outlive the question
  box_shape shape = {};          ///< on a torus, of so many cells; none: any shape
  int tensor = 0, pipeline = 0;  ///< ranks of its tensor groups, its stages (`groups`); 0: not said
  declared sends = {};           ///< what it says that it sends, one at a time; empty: unknown
  /// What it had until a failure hit it, or null; must outlive the question. A policy may give it as much of
  /// that again as there is, so that little else changes.
  const placement* before = nullptr;
  int gpu_type = any_gpu_type;  ///< that all its GPUs are to be of; any: it does not matter which
};

/// The type of the GPUs of `where`; `any_gpu_type` on hosts whose GPUs are all alike.
[[nodiscard]] inline int gpu_type_of(const fabric::hosts& h, const placement& where) {
  return h.gpu_types() > 1 && !where.gpus.empty() ? h.type_of(h.server_of(where.gpus.front()))
                                                  : any_gpu_type;
}

/// Why a job waits.
enum class wait_reason : unsigned char {
  none,                   ///< it does not
  queue,                  ///< it stands behind another in the queue
  budget,                 ///< the power or energy budget allows no further job
  gpus,                   ///< too few GPUs are free
  gpu_fragmentation,      ///< enough are free, but not where the policy needs them
  network_fragmentation,  ///< GPUs would do, links of its own cannot be found
  search_limit,           ///< the search gave up before it knew
  unsupported,            ///< the policy does not know this wiring of the fabric (rails, planes)
  tapered,  ///< a cut of the network is too narrow, however empty it is: `answer::cut`
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
  case wait_reason::unsupported:
    return "unsupported";
  case wait_reason::tapered:
    return "tapered";
  }
  return "none";
}

/// A cut of the network over which a job has no isolated shape, even if nobody else were there.
struct narrow_cut {
  enum class tier : unsigned char {
    none,
    leaf,  ///< up from a leaf
    core,  ///< up from the spines of a pod
  };
  tier where = tier::none;
  int links = 0;   ///< that there are
  int needed = 0;  ///< by the narrowest shape

  friend bool operator==(const narrow_cut&, const narrow_cut&) = default;
};

/// A placement, or why there is none.
struct answer {
  std::optional<placement> where;
  wait_reason why = wait_reason::none;
  bool proved = true;  ///< false if a placement of the policy's kind may exist all the same
  /// How much longer the job's communication is expected to take than on an idle network, by a
  /// policy that predicts it (`relaxed`, `patched`); 1 from all others.
  double predicted_slowdown = 1;
  /// Circuits of running jobs that have to move first (`fabric::ledger::rewire`), where links are circuits.
  std::vector<fabric::circuit_move> moved = {};
  narrow_cut cut = {};  ///< with `wait_reason::tapered`

  answer(placement p) : where(std::move(p)) {}
  answer(wait_reason r, bool is_proved = true) : why(r), proved(is_proved) {}
  /// For policies that say no without a reason; `place::ask` finds the obvious one.
  answer(std::optional<placement> p) : where(std::move(p)) {}
  answer(std::nullopt_t) {}

  explicit operator bool() const { return where.has_value(); }
};

/// T chooses GPUs (and links, circuits) for a request among those that are free. It changes nothing:
/// whoever asks makes the reservation. It is a pure function of what it is asked: the same question has
/// the same answer, whatever was asked before and whether or not an answer was booked.
/// `std::optional<placement>` will do as an answer.
///
/// What a policy needs it says by the type of its first parameter: a `fabric::gpu_book` where GPUs
/// alone are given away (any fabric will do), a `fabric::ledger` of the fabric whose links it owns.
/// \tparam Ledger  what it is asked on
template <class T, class Ledger = fabric::ledger<fabric::leaf_spine>>
concept PlacementPolicy = requires(T& policy, const Ledger& free, const request& job) {
  { policy(free, job) } -> std::convertible_to<answer>;
};

namespace detail {
/// Becomes the ledger of whatever fabric a policy asks for.
struct some_ledger {
  template <class Ledger>
  operator const Ledger&() const;
};
}  // namespace detail

/// T is a placement policy for some fabric.
template <class T>
concept PolicyOfSomeFabric =
    PlacementPolicy<T> || PlacementPolicy<T, fabric::ledger<fabric::leaf_spine_ocs>> ||
    PlacementPolicy<T, fabric::gpu_book> || PlacementPolicy<T, detail::some_ledger>;

/// T is a policy that searches, and can be told how far: `limit` bounds the nodes of every question
/// to come, `visited` says how many the last one took.
template <class T>
concept SearchingPolicy = requires(T& policy, const T& asked, std::int64_t nodes) {
  policy.limit(nodes);
  { asked.visited() } -> std::convertible_to<std::int64_t>;
};

/// T keeps tenants or the like apart, and can be asked whether a job may have a place that it did not
/// choose itself: one that it had before others came.
template <class T, class Ledger = fabric::ledger<fabric::leaf_spine>>
concept GuardingPolicy = requires(T& policy, const Ledger& free, const request& job,
                                  const placement& where) {
  { policy.may_have(free, job, where) } -> std::same_as<bool>;
};

/// Whether `policy` would let a job have `where`, all of it free: the others have nothing against it.
template <class Policy, class Ledger>
[[nodiscard]] bool may_have(Policy& policy, const Ledger& free, const request& job,
                            const placement& where) {
  if constexpr (GuardingPolicy<Policy, Ledger>)
    return policy.may_have(free, job, where);
  else
    return true;
}

/// T never places a job over two units, so that it need not know which of them are joined.
template <class T>
concept OneUnitPolicy = requires {
  requires T::within_a_unit;
};

namespace detail {
/// Asks a policy that knows GPUs alone on one island after the other. Of what it answers the placement on
/// fewest units counts, then that on the island where fewest GPUs stay free.
/// O(cluster) an island that has enough GPUs free, for a copy of the ledger.
template <class Policy, class Ledger>
[[nodiscard]] answer ask_on_islands(Policy& policy, const Ledger& free, const request& job) {
  const fabric::hosts& dc = free.hosts();
  answer best = wait_reason::network_fragmentation;  // no island has enough free
  std::pair<std::size_t, int> least;
  for (std::size_t k = 0; k < free.islands().size(); ++k) {
    const auto units = free.islands().units(k);
    int room = 0;
    for (unit_id x : units) room += free.free_gpus(x);
    if (room < job.gpus) continue;
    const Ledger part = free.within(units);
    answer a = policy(part, job);
    if (!a) {
      if (a.why == wait_reason::none) a.why = wait_reason::gpu_fragmentation;
      if (!best) best = std::move(a);
      continue;
    }
    std::vector<unit_id> used;
    for (gpu_id g : a.where->gpus) used.push_back(dc.unit_of(g));
    std::sort(used.begin(), used.end());
    const auto count =
        static_cast<std::size_t>(std::unique(used.begin(), used.end()) - used.begin());
    if (const std::pair cost{count, room}; !best || cost < least) {
      best = std::move(a);
      least = cost;
    }
  }
  return best;
}

template <class Policy, class Ledger>
[[nodiscard]] answer ask_for_reason(Policy& policy, const Ledger& free, const request& job) {
  answer a = policy(free, job);
  if (!a && a.why == wait_reason::none) a.why = wait_reason::gpu_fragmentation;
  return a;
}
}  // namespace detail

namespace detail {
/// As `place::ask` where no type of GPU is asked for.
template <class Policy, class Ledger>
[[nodiscard]] answer ask_for_any_type(Policy& policy, const Ledger& free, const request& job) {
  if (job.gpus > free.free_gpus()) return wait_reason::gpus;
  if constexpr (requires { free.islands(); } && PlacementPolicy<Policy, fabric::gpu_book> &&
                !OneUnitPolicy<Policy>)
    if (!free.islands().all_joined()) return ask_on_islands(policy, free, job);
  return ask_for_reason(policy, free, job);
}
}  // namespace detail

/// Asks `policy`, after a check that enough GPUs are free at all, and gives a bare no its reason. One that
/// knows GPUs alone is asked for each island of the network by itself (fabric/islands.hpp): no job is
/// placed where no switch joins its GPUs. Where a request says a type of GPU and there are others, policies are
/// asked on a copy of the ledger that has no others: O(cluster).
template <class Policy, class Ledger>
  requires PlacementPolicy<Policy, Ledger>
[[nodiscard]] answer ask(Policy& policy, const Ledger& free, const request& job) {
  if constexpr (requires { free.of_type(0); })
    if (job.gpu_type != any_gpu_type && free.hosts().gpu_types() > 1) {
      if (job.gpus > free.free_gpus_of_type(job.gpu_type)) return wait_reason::gpus;
      request on_part = job;
      on_part.gpu_type = any_gpu_type;
      return detail::ask_for_any_type(policy, std::as_const(free).of_type(job.gpu_type), on_part);
    }
  return detail::ask_for_any_type(policy, free, job);
}

}  // namespace heddle::place
