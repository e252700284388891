// What can be watched in a simulation.
//
//   event            when
//   moment           after everything that happens at one time
//   decision_made    after each decision
//   submitted        a job joined the queue
//   started          a job starts, as decided; it may still wait for servers to wake
//   resized          a running job changes its GPUs, clock or batch
//   stopped          the scheduler stopped a job
//   hit              a failure stopped a job
//   finished         a job is done
//   server_changed   a server fails, is repaired, goes off, begins to wake or is on
//
// An observer is called with the events that it takes: a lambda for one, overloads of `operator()`
// for several.
//
//     const auto print = [](const sim::finished& e) { std::cout << e.record.jct_s() << '\n'; };
//     sim::run(dc, jobs, plan, {}, print);
//
// Events are types, so one that is misspelt does not compile.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/job_table.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/report.hpp>
#include <heddle/sim/server_mode.hpp>

namespace heddle::sim {

/// The cluster at one time. When nothing was decided, because a server woke for example, `decided`
/// is empty.
struct moment {
  double now_s = 0;
  double power_w = 0;  ///< of the whole cluster from now on
  int used_gpus = 0;   ///< that jobs hold; those of servers that are away are not used
  const schedule::job_table& state;  ///< jobs and servers
  const fabric::gpu_book& gpus;      ///< who holds what
  const schedule::decision& decided;
  const energy_parts& spent;  ///< energy of the whole cluster until now
};

struct decision_made {
  double now_s = 0;
  const schedule::decision& what;
  const moment& at;
};
struct submitted {
  double now_s = 0;
  const job& spec;
};
struct started {
  double now_s = 0;
  const schedule::start& what;
};
struct resized {
  double now_s = 0;
  const schedule::resize& what;
};
struct stopped {
  double now_s = 0;
  job_id job;
};
struct hit {
  double now_s = 0;
  job_id job;
  double lost_s = 0;  ///< of its work, in s of run time at the GPUs asked for
};
struct finished {
  double now_s = 0;
  const job_record& record;
};
struct server_changed {
  double now_s = 0;
  server_id server;
  server_mode mode = server_mode::on;
};

namespace detail {

template <class... Events>
struct event_types {
  template <class T>
  static constexpr bool hold = (std::same_as<T, Events> || ...);
  template <class T>
  static constexpr bool reach = (std::invocable<T&, const Events&> || ...);
  /// Reach T only where it may change them.
  template <class T>
  static constexpr bool are_wanted_mutable =
      ((std::invocable<T&, Events&> && !std::invocable<T&, const Events&>) || ...);
};
using events = event_types<moment, decision_made, submitted, started, resized, stopped, hit,
                           finished, server_changed>;

// Arguments of no type, of any type but an event, and of any type.
struct unrelated {};
struct no_event {
  template <class T>
    requires(!events::hold<std::remove_cvref_t<T>>)
  operator T() const;
};
struct anything {
  template <class T>
  operator T() const;
};

/// T has a call operator, alone or beside others, that no event reaches: of another type, of more
/// arguments, or of an event that it wants to change. A template that takes whatever it is given has
/// none. Of several such operators the compiler names none to choose, so that none is seen.
template <class T>
concept HasCallOfNoEvent = (std::invocable<T&, no_event> && !std::invocable<T&, unrelated>) ||
                           (std::invocable<T&, anything, anything> &&
                            !std::invocable<T&, unrelated, unrelated>) ||
                           (std::invocable<T&, anything, anything, anything> &&
                            !std::invocable<T&, unrelated, unrelated, unrelated>) ||
                           events::are_wanted_mutable<T>;

}  // namespace detail

/// T is one of the events.
template <class T>
concept Event = detail::events::hold<T>;

/// T watches something: it can be called with at least one of the events.
template <class T>
concept Observer = detail::events::reach<T>;

}  // namespace heddle::sim
