// What all parts of the engine share: the cluster and its jobs now.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/slot_table.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/detail/agenda.hpp>
#include <heddle/sim/detail/meter.hpp>
#include <heddle/sim/detail/progress.hpp>
#include <heddle/sim/metrics.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/quantiles.hpp>

namespace heddle::sim::detail {

/// Numbers of what has happened.
struct tally {
  std::size_t events = 0, finished = 0, rescales = 0, migrations = 0, circuits_moved = 0;
  std::size_t failures = 0, restarts = 0;
  double jobs_j = 0, lost_gpu_s = 0;  ///< of jobs that have finished
  double last_finish_s = 0;
  quantiles decide_us;
};

/// The clock is `state.now_s`. `track` is by slot: by number of submission, which is the place in `state.jobs`. What
/// has ended stands there no longer.
template <class Fabric, class Feed, class... Observers>
struct world {
  world(const Fabric& on, Feed& given, const options& o, Observers&... watching)
      : dc(on), jobs(given), told(o), observers(watching...), state(on, o.power, o.moves),
        next(given, o.failures), energy(on, o), sums(on.hosts().gpus()) {
    if (const int types = on.hosts().gpu_types(); types > 1) {
      used_of_type.resize(static_cast<std::size_t>(types), 0);
      used_s_of_type.resize(used_of_type.size(), 0);
    }
  }

  const Fabric& dc;
  Feed& jobs;
  const options& told;
  std::tuple<Observers&...> observers;

  schedule::state<Fabric> state;
  agenda<Feed> next;
  meter energy;
  metrics sums;
  tally count;
  slot_table<progress> track;
  std::vector<std::pair<std::uint32_t, job_record>> records = {};  ///< of who has finished, if kept
  int used_gpus = 0;                                               ///< that jobs hold
  std::vector<int> used_of_type = {};       ///< the same by type; empty where all are alike
  std::vector<double> used_s_of_type = {};  ///< GPU time

  /// A job takes so many GPUs of a type, or gives them back.
  void use(int n, int type) {
    used_gpus += n;
    if (!used_of_type.empty()) used_of_type[static_cast<std::size_t>(type)] += n;
  }
  void use_for(double dt) {
    for (std::size_t t = 0; t < used_of_type.size(); ++t) used_s_of_type[t] += used_of_type[t] * dt;
  }

  [[nodiscard]] double now_s() const { return state.now_s; }

  /// Gives an event to those who take it.
  template <Event E>
  void tell(const E& event) {
    std::apply([&](Observers&... o) { (tell_one(o, event), ...); }, observers);
  }

 private:
  template <class Observer, class E>
  static void tell_one(Observer& o, const E& event) {
    if constexpr (std::invocable<Observer&, const E&>) o(event);
  }
};

}  // namespace heddle::sim::detail
