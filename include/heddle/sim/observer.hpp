// What can be watched in a simulation.
//
// An observer has any of these members, and each is called only if it has it:
//
//   operator()(const moment&)                       after everything that happens at one time
//   on_decision(const moment&)                      after each decision
//   on_submit(double now_s, const job&)             a job joined the queue
//   on_start(double now_s, const schedule::start&)  as decided; it may still wait for servers to wake
//   on_resize(double now_s, const schedule::resize&)
//   on_stop(double now_s, job_id)                   the scheduler stopped a job
//   on_hit(double now_s, job_id, double lost_s)     a failure stopped a job
//   on_finish(double now_s, const job_record&)
//   on_server(const node_event&)                    a server failed or works again
#pragma once

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim {

/// The cluster at one time. When nothing was decided, because a server woke for example, `decided`
/// is empty.
struct moment {
  double now_s = 0;
  double power_w = 0;  ///< of the whole cluster from now on
  const schedule::state& state;
  const schedule::decision& decided;
  const energy_parts& spent;  ///< energy of the whole cluster until now
};

/// T watches something.
template <class T>
concept Observer = requires(T& o, const moment& m) {
  o(m);
}
|| requires(T& o, const moment& m) { o.on_decision(m); }
|| requires(T& o, const job& j) { o.on_submit(0.0, j); }
|| requires(T& o, const schedule::start& s) { o.on_start(0.0, s); }
|| requires(T& o, const schedule::resize& r) { o.on_resize(0.0, r); }
|| requires(T& o, job_id id) { o.on_stop(0.0, id); }
|| requires(T& o, job_id id) { o.on_hit(0.0, id, 0.0); }
|| requires(T& o, const job_record& r) { o.on_finish(0.0, r); }
|| requires(T& o, const node_event& e) { o.on_server(e); };

}  // namespace heddle::sim
