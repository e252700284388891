// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <utility>

#include <heddle/route/routing.hpp>
#include <heddle/schedule/admission.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/job_table.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/schedule/scheduler_concept.hpp>

namespace heddle::schedule::archetype {

/// An AdmissionPolicy and nothing more: move only, not default constructible, not comparable.
struct admission_policy {
  explicit admission_policy(int most) : most_(most) {}
  admission_policy(admission_policy&&) = default;
  admission_policy& operator=(admission_policy&&) = default;
  template <class Desk>
  void operator()(Desk& d) {
    for (int i = 0; i < most_ && static_cast<std::size_t>(i) < d.queued(); ++i)
      if (!d.admit(d.waiting(static_cast<std::size_t>(i)))) return;
  }

 private:
  int most_;
};

/// A MeansOfRoom and nothing more: it makes none.
struct means_of_room {
  explicit means_of_room(int) {}
  means_of_room(means_of_room&&) = default;
  means_of_room& operator=(means_of_room&&) = default;
  template <class Desk>
  bool operator()(Desk&, const hindered&) {
    return false;
  }
};

/// A Scheduler and nothing more: nobody ever starts.
struct scheduler {
  explicit scheduler(scheduler_options o) : options_(std::move(o)) {}
  scheduler(scheduler&&) = default;
  scheduler& operator=(scheduler&&) = default;
  decision decide(job_table&, double) { return {}; }
  bool carry_out(job_table&, double, const decision& d) { return d.changes_nothing(); }
  const scheduler_options& options() const { return options_; }
  route::ideal route() const { return {}; }

 private:
  scheduler_options options_;
};

static_assert(Scheduler<scheduler>);

}  // namespace heddle::schedule::archetype
