#include <heddle/schedule/admission.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <heddle/allocate/max_min.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/static_clock.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/archetypes.hpp>
#include <heddle/schedule/conformance.hpp>
#include <heddle/schedule/decision_log.hpp>
#include <heddle/sim/run.hpp>

#include "support/schedulers.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using schedule::means;
using schedule::scheduler;
using schedule::scheduler_options;
using test::linear_workload;
using test::make_job;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 8, .servers_per_leaf = 1, .gpus_per_server = 8}};

// An admission policy outside the library: behind a blocked job only small ones start.
struct small_ones_pass {
  int most_gpus = 2;

  template <class Desk>
  void operator()(Desk& d) const {
    std::size_t i = 0;
    while (i < d.queued() && d.admit(d.waiting(i))) ++i;
    for (++i; i < d.queued(); ++i)
      if (d.job(d.waiting(i)).spec->gpus <= most_gpus) (void)d.try_start(d.waiting(i));
  }
};

// One that starts nobody.
struct nobody {
  template <class Desk>
  void operator()(Desk&) const {}
};

// All that the first candidate may have of so many GPUs, and nothing to others.
struct all_to_first {
  static constexpr bool elastic = true;
  const int* gpus;
  void operator()(std::span<const allocate::candidate> all, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(all.size(), nullptr);
    if (!out.empty()) out[0] = all[0].curve->fastest(*gpus);
  }
};

template <class... Parts>
sim::report replay(const model::workload& w, Parts... parts) {
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}, parts...};
  return sim::run(dc, w, plan);
}

}  // namespace

TEST_CASE("an admission policy of one's own decides who starts") {
  const auto w = linear_workload({make_job(0, 0, 12, 100), make_job(1, 1, 8, 10),
                                  make_job(2, 2, 4, 50), make_job(3, 3, 2, 500)});
  const auto starts = [](const sim::report& r) {
    std::vector<double> at;
    for (const auto& j : r.records) at.push_back(j.start_s);
    return at;
  };
  CHECK(starts(replay(w, admit::in_order{})) == std::vector<double>{0, 100, 100, 100});
  CHECK(starts(replay(w, small_ones_pass{})) == std::vector<double>{0, 100, 100, 3});
}

TEST_CASE("every admission policy keeps the promises of one, with all means of making room") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    using none = std::vector<std::string>;
    CHECK(schedule::broken_promises_of_admission(admit::in_order{}, dc, seed) == none{});
    CHECK(schedule::broken_promises_of_admission(admit::greedy{}, dc, seed) == none{});
    CHECK(schedule::broken_promises_of_admission(admit::easy{}, dc, seed) == none{});
    CHECK(schedule::broken_promises_of_admission(admit::conservative{}, dc, seed) == none{});
    CHECK(schedule::broken_promises_of_admission(small_ones_pass{}, dc, seed) == none{});
    CHECK(schedule::broken_promises_of_admission(schedule::archetype::admission_policy{9}, dc,
                                                 seed) == none{});
    scheduler all{order::shortest_remaining{},
                  allocate::requested{},
                  place::one_server{},
                  route::ideal{},
                  admit::greedy{},
                  means{schedule::preempt{}, schedule::migrate{}, schedule::other_count{},
                        schedule::archetype::means_of_room{1}}};
    CHECK(schedule::broken_promises(all, dc, seed) == none{});
    scheduler elastic{order::fifo{}, allocate::powerflow{}, place::packed{}, route::ideal{},
                      admit::elastic{.ask_place = seed % 2 == 1}};
    CHECK(schedule::broken_promises(elastic, dc, seed) == none{});
  }
}

TEST_CASE("a policy that starts nobody is seen to break its promise") {
  REQUIRE_FALSE(schedule::broken_promises_of_admission(nobody{}, dc, 1).empty());
  schedule::archetype::scheduler idle{{}};
  CHECK_FALSE(schedule::broken_promises(idle, dc, 1).empty());
}

TEST_CASE("algorithms ask no more of a scheduler than its archetype has") {
  const auto w = linear_workload({make_job(0, 0, 1, 10)});
  schedule::archetype::scheduler idle{{}};
  CHECK(sim::run(dc, w, idle).status == sim::run_status::stuck);
  schedule::any_scheduler any{schedule::archetype::scheduler{{}}};
  schedule::replayed again{any, {}};
  CHECK(sim::run(dc, w, again).status == sim::run_status::stuck);
}

TEST_CASE("nobody is started over the energy budget, also where others might be stopped") {
  // What is left after job 0 pays for no second one, of whatever class; it has eight GPUs to itself.
  std::vector jobs{make_job(0, 0, 8, 100), make_job(1, 1, 8, 100)};
  jobs[1].priority = 1;
  const auto w = linear_workload(jobs);
  schedule::state s{dc};
  s.submit(w.jobs[0], w.curves[0]);
  const double one_j = 100 * w.curves[0].fastest(8)->power_w;
  const scheduler_options o{.energy = {.energy_j = 1.5 * one_j}};
  scheduler plan{order::fifo{},
                 allocate::requested{},
                 place::packed{},
                 route::ideal{},
                 admit::in_order{},
                 means{schedule::preempt{}, schedule::other_count{}},
                 o};
  REQUIRE(plan.decide(s, 0).starts.size() == 1);
  s.submit(w.jobs[1], w.curves[0]);
  const schedule::decision d = plan.decide(s, 1);
  // It may have the energy of the one that it stops, not what nobody has.
  REQUIRE(d.starts.size() == 1);
  CHECK(d.stops == std::vector{job_id{0}});
}

TEST_CASE("a scheduler knows a queue again and takes no other for it") {
  // Both orders of submission, one state after the other in the same place.
  const auto curve = test::linear_curve({4, 8, 16});
  const std::vector jobs{make_job(0, 0, 16, 9), make_job(1, 0, 8, 9), make_job(2, 0, 4, 9)};
  scheduler plan{order::fewest_gpus{}, allocate::requested{}, place::one_server{}, route::ideal{}};
  for (const auto& order : {std::vector{0, 1, 2}, std::vector{2, 1, 0}, std::vector{1, 0, 2}}) {
    schedule::state s{dc};
    for (int i : order) s.submit(jobs[static_cast<std::size_t>(i)], curve);
    const auto copy = s;
    for (auto* x : {&s, &s}) (void)plan.decide(*x, 0);
    REQUIRE(s.running.size() == 2);
    CHECK(s.jobs[s.running[0]].spec->gpus == 4);
    CHECK(s.jobs[s.running[1]].spec->gpus == 8);
    auto other = copy;
    (void)plan.decide(other, 0);
    CHECK(other.ledger == s.ledger);
  }
}

TEST_CASE("a job grows only if it gains more than the pause that the driver charges for it") {
  // Twice as fast on sixteen GPUs: the last 100 s at eight become 50.
  const auto curve = test::linear_curve({8, 16});
  const std::vector jobs{make_job(0, 0, 8, 100)};
  for (const double pause_s : {49.0, 51.0}) {
    CAPTURE(pause_s);
    int gpus = 8;
    schedule::state s{dc, {}, {.rescale = {.pause_s = pause_s}}};
    s.submit(jobs[0], curve);
    scheduler plan{order::fifo{}, all_to_first{&gpus}, place::packed{}, route::ideal{},
                   admit::elastic{.least_gain_s = 0}};
    (void)plan.decide(s, 0);
    gpus = 16;
    CHECK(plan.decide(s, 0).resizes.size() == (pause_s < 50 ? 1 : 0));
  }
}

TEST_CASE("time is shared under a capped clock as without the cap") {
  // Two jobs that want the whole cluster take turns in rounds.
  const auto w = linear_workload({make_job(0, 0, 16, 1000), make_job(1, 0, 16, 1000)});
  const auto stops = [&](auto allocate) {
    scheduler plan{order::fifo{}, std::move(allocate), place::packed{}, route::ideal{}};
    return sim::run(dc, w, plan).rescales;
  };
  const std::size_t bare = stops(allocate::max_min{.round_s = 100});
  CHECK(bare >= 10);
  CHECK(stops(allocate::static_clock<allocate::max_min>{1e9, {.round_s = 100}}) == bare);
}
