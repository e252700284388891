// Replays a workload against a scheduler.
//
//   run      under the scheduler's own routing, on route::steady, or without contention where a fabric
//            has no leafs
//   run_on   on a given model of contention
#pragma once

#include <type_traits>
#include <utility>

#include <heddle/model/workload.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/schedule/scheduler_concept.hpp>
#include <heddle/sim/detail/check_input.hpp>
#include <heddle/sim/detail/engine.hpp>
#include <heddle/sim/detail/feed.hpp>
#include <heddle/sim/job_source.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim {

/// T is what a simulation replays: a workload, or a source of jobs.
template <class T>
concept Jobs =
    std::is_convertible_v<T&&, const model::workload&> || JobSource<std::remove_reference_t<T>>;

namespace detail {

/// Says in a sentence which part is none. \returns  whether all are
template <class Fabric, class Scheduler, class... Observers>
consteval bool parts_fit() {
  constexpr bool stands = fabric::Fabric<Fabric>;
  constexpr bool decides = stands && schedule::Scheduler<Scheduler, Fabric>;
  constexpr bool watch = (Observer<Observers> && ...);
  constexpr bool all_called = (!HasCallOfNoEvent<Observers> && ...);
  static_assert(
      stands,
      "a simulation runs on a fabric: hosts(), equipment() and a type `book` that keeps the "
      "owners of its links (fabric/fabric.hpp)");
  static_assert(decides || !stands,
                "a simulation runs under a scheduler that it may change: decide, carry_out "
                "and options as in schedule/scheduler_concept.hpp");
  static_assert(watch, "an observer of a simulation can be called with at least one of the events "
                       "of sim/observer.hpp");
  static_assert(all_called || !watch,
                "an observer of a simulation has a call operator that no event reaches: each takes "
                "one event of sim/observer.hpp, by value or const reference");
  return stands && decides && watch && all_called;
}
template <class Network>
consteval bool is_contention() {
  static_assert(route::Contention<Network>,
                "a simulation runs on a model of contention: add, remove, slowdown and changed as "
                "in route/contention.hpp");
  return route::Contention<Network>;
}

}  // namespace detail

/// Replays `jobs` on an empty `dc` under `plan`, on a given network. See `run`.
template <class Network, class Fabric, Jobs Given, class Scheduler, class... Observers>
[[nodiscard]] report run_on(Network network, const Fabric& dc, Given&& jobs, Scheduler&& plan,
                            const options& o, Observers&&... observers) {
  using plan_type = std::remove_reference_t<Scheduler>;
  if constexpr (detail::is_contention<Network>() &&
                detail::parts_fit<Fabric, plan_type, std::remove_reference_t<Observers>...>()) {
    const auto replay = [&]<class Feed>(Feed feed) {
      return detail::engine<Fabric, Feed, plan_type, Network,
                            std::remove_reference_t<Observers>...>(
                 dc, feed, plan, std::move(network), o, observers...)
          .run();
    };
    if constexpr (std::is_convertible_v<Given&&, const model::workload&>) {
      detail::check_jobs(dc.hosts(), jobs);
      detail::check_options(dc.hosts(), o);
      return replay(detail::workload_feed{jobs});
    } else {
      detail::check_options(dc.hosts(), o);
      return replay(detail::source_feed<std::remove_reference_t<Given>>{jobs, dc.hosts()});
    }
  } else {
    return {};
  }
}

/// Replays `jobs` on an empty `dc` under `plan` until all have finished. Deterministic.
///
/// \param jobs       a model::workload; or a source of jobs that come one by one (sim/job_source.hpp), which gives
///                   the same report
/// \param plan       used as it is, so hand in a fresh one for comparable runs; may be a temporary
/// \param observers  see sim/observer.hpp
/// \throws input_error  for jobs out of order, larger than the cluster, without a duration or a
///                      curve at the GPUs they ask for; for failures out of order or of no server
/// Cost per event: one decision, and the contention of the jobs that share links with the one that
/// came or went. Memory: of the jobs that wait and run, O(links), 13 bytes for each job that there ever was, and the
/// records, if they are kept. A job of a source that cannot be replayed is refused when it comes.
template <class Fabric, Jobs Given, class Scheduler, class... Observers>
[[nodiscard]] report run(const Fabric& dc, Given&& jobs, Scheduler&& plan, const options& o = {},
                         Observers&&... observers) {
  if constexpr (!detail::parts_fit<Fabric, std::remove_reference_t<Scheduler>,
                                   std::remove_reference_t<Observers>...>())
    return {};
  else if constexpr (requires { plan.make_network(dc, o.contention); })
    return run_on(plan.make_network(dc, o.contention), dc, jobs, plan, o, observers...);
  else
    return run_on(route::contention_on(dc, plan.route(), o.contention), dc, jobs, plan, o,
                  observers...);
}

}  // namespace heddle::sim
