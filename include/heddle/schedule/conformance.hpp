// Checks that a scheduler, or an admission policy of one's own, keeps the promises that its drivers
// rely on.
//
//   broken_promises(plan, fabric, seed)                     of a Scheduler
//   broken_promises_of_admission(policy, fabric, seed)      of an AdmissionPolicy
//
// Each returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(broken_promises(plan, dc, 1).empty())`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/schedule/scheduler_concept.hpp>
#include <heddle/schedule/state.hpp>

namespace heddle::schedule {

namespace detail {

/// Jobs that come and go by chance under a scheduler, and what is seen broken.
template <class Plan, class Fabric>
class promise_check {
 public:
  promise_check(Plan& plan, const Fabric& dc, std::uint64_t seed)
      : plan_(plan), state_(dc), dice_(seed, 0, "promises") {
    std::vector<model::operating_point> points;
    for (int n = 1; n <= dc.hosts().gpus_per_server(); ++n)
      points.push_back({.config = {.gpus = n, .servers = 1, .local_batch = 1, .clock_ghz = 1},
                        .throughput = 1.0 * n,
                        .power_w = 100.0 * n,
                        .waiting_power_w = 50.0 * n});
    curve_ = model::curve{std::move(points)};
  }

  std::vector<std::string> run(int steps) {
    for (int step = 0; step < steps && broken_.empty(); ++step) {
      now_s_ += 1 + below(10);
      if (below(2)) submit();
      if (!state_.running.empty() && below(3) == 0)
        state_.finish(state_.running[below(state_.running.size())]);
      decide();
    }
    // Nobody comes any more: all that wait get their turn.
    for (std::size_t left = 2 * (state_.waiting.size() + state_.running.size());
         broken_.empty() && left-- > 0 && !state_.waiting.empty();) {
      if (!state_.running.empty()) state_.finish(state_.running.front());
      now_s_ += 1;
      const decision d = decide();
      require(!state_.running.empty() || state_.waiting.empty(),
              "somebody starts where nobody runs and somebody waits");
    }
    return std::move(broken_);
  }

 private:
  decision decide() {
    advance();
    state<Fabric> before = state_;
    const decision d = plan_.decide(state_, now_s_);
    require(state_.ledger.consistent(), "the books of the ledger are right");
    require(d.again_s > now_s_, "the next look is later than this one");
    for (std::uint32_t slot : state_.running) {
      const active_job& j = state_.jobs[slot];
      const fabric::placement* has = state_.ledger.find(j.spec->id);
      require(j.running() && has && static_cast<int>(has->gpus.size()) == j.point()->config.gpus,
              "a job that runs holds the GPUs of its point");
    }
    for (std::uint32_t slot : state_.waiting)
      require(!state_.jobs[slot].running() && !state_.ledger.find(state_.jobs[slot].spec->id),
              "a job that waits holds nothing");
    for (const blocked& b : d.waiting)
      require(b.why != place::wait_reason::none, "a job that waits is told why");
    const bool fits = plan_.carry_out(before, now_s_, d);
    require(fits && before.ledger == state_.ledger && before.running == state_.running &&
                before.waiting == state_.waiting,
            "what was decided is what was booked: carried out on an equal state it gives this one");
    state_.jobs.for_each([](active_job& j) {
      j.rate = j.running() ? j.point()->throughput / j.reference->throughput : 0;
    });
    return d;
  }
  /// Jobs do their work; those that are done leave.
  void advance() {
    state_.jobs.for_each([&](active_job& j) {
      j.remaining_s = j.remaining_at(now_s_);
      j.attained_gpu_s = j.attained_at(now_s_);
      j.since_s = now_s_;
    });
    const std::vector<std::uint32_t> running = state_.running;
    for (std::uint32_t slot : running)
      if (state_.jobs[slot].remaining_s <= 0) state_.finish(slot);
  }
  void submit() {
    job j{.id = job_id{static_cast<std::uint32_t>(jobs_.size())}, .submit_s = now_s_};
    j.gpus = 1 + static_cast<int>(below(curve_.points().size()));
    j.duration_s = 1.0 + below(300);
    j.priority = static_cast<int>(below(2));
    jobs_.push_back(j);
    state_.submit(jobs_.back(), curve_);
  }
  [[nodiscard]] std::size_t below(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }
  void require(bool kept, const char* promise) {
    if (!kept) broken_.push_back(std::string(promise) + ": at " + std::to_string(now_s_) + " s");
  }

  Plan& plan_;
  state<Fabric> state_;
  stream dice_;
  model::curve curve_;
  std::deque<job> jobs_;  // the state points to them
  double now_s_ = 0;
  std::vector<std::string> broken_;
};

}  // namespace detail

/// The promises of a Scheduler, over jobs of at most a server's GPUs that come and go by chance:
/// 1. a job that runs holds the GPUs of its point, one that waits holds nothing, and the books are right;
/// 2. what is decided is booked, and can be carried out on an equal state;
/// 3. the next look lies ahead, and who waits is told why;
/// 4. where nobody runs somebody starts. Without budgets and jobs larger than a server, that is.
template <class Plan, fabric::Fabric Fabric>
  requires Scheduler<Plan, Fabric>
[[nodiscard]] std::vector<std::string> broken_promises(Plan& plan, const Fabric& dc,
                                                       std::uint64_t seed, int steps = 300) {
  return detail::promise_check<Plan, Fabric>{plan, dc, seed}.run(steps);
}

/// The same of a scheduler that admits jobs by `policy`, each with the GPUs it asks for, packed.
template <class Admission, fabric::Fabric Fabric>
[[nodiscard]] std::vector<std::string>
broken_promises_of_admission(Admission policy, const Fabric& dc, std::uint64_t seed) {
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                 std::move(policy)};
  return broken_promises(plan, dc, seed);
}

}  // namespace heddle::schedule
