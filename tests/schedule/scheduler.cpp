#include <heddle/schedule/scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using place::wait_reason;
using schedule::decision;
using schedule::scheduler;
using schedule::state;
using test::make_job;
using test::point;

namespace {

const fabric::leaf_spine dc{{.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 8}};

// A state to which jobs are submitted; jobs and curve live here.
struct cluster {
  model::curve curve;
  std::vector<job> jobs;
  state<fabric::leaf_spine> s{dc};

  explicit cluster(std::vector<job> all, model::curve c)
      : curve(std::move(c)), jobs(std::move(all)) {
    for (const job& j : jobs) s.submit(j, curve);
  }
  explicit cluster(std::vector<job> all)
      : cluster(std::move(all), test::linear_curve({1, 2, 3, 4, 6, 8, 12, 16})) {}

  void finish(std::uint32_t id) { s.finish(s.slot_of(job_id{id})); }
  [[nodiscard]] std::size_t held(std::uint32_t id) const {
    const auto* p = s.ledger.find(job_id{id});
    return p ? p->gpus.size() : 0;
  }
  [[nodiscard]] std::vector<std::uint32_t> queue() const {
    std::vector<std::uint32_t> out;
    for (std::uint32_t slot : s.waiting) out.push_back(s.jobs[slot].spec->id.value);
    return out;
  }
};

std::vector<std::uint32_t> started(const decision& d) {
  std::vector<std::uint32_t> out;
  for (const auto& x : d.starts) out.push_back(x.job.value);
  return out;
}
using ids = std::vector<std::uint32_t>;

// An elastic policy that does as it is told: per job the wanted point, or null.
struct told {
  static constexpr bool elastic = true;
  std::map<job_id, const model::operating_point*>* wanted;
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(jobs.size(), nullptr);
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (const auto it = wanted->find(jobs[i].id); it != wanted->end()) out[i] = it->second;
  }
};

// Packs jobs of at most `most` GPUs and refuses larger ones.
struct refuses_above {
  int* most;
  place::answer operator()(const fabric::ledger<fabric::leaf_spine>& free,
                           const place::request& job) const {
    if (job.gpus > *most) return wait_reason::network_fragmentation;
    return place::packed{}(free, job);
  }
};

// Bookkeeping that must hold after every decision.
void check_state(const cluster& c) {
  REQUIRE(c.s.ledger.consistent());
  for (std::uint32_t slot : c.s.running) {
    const auto& j = c.s.jobs[slot];
    REQUIRE(j.running());
    REQUIRE(c.s.ledger.find(j.spec->id) != nullptr);
    REQUIRE(c.s.ledger.find(j.spec->id)->gpus.size() ==
            static_cast<std::size_t>(j.point()->config.gpus));
  }
  for (std::uint32_t slot : c.s.waiting) REQUIRE_FALSE(c.s.jobs[slot].running());
  REQUIRE(c.s.running.size() == c.s.ledger.placements().size());
}

}  // namespace

TEST_CASE("elasticity is what a policy says of itself") {
  CHECK_FALSE(allocate::ElasticPolicy<allocate::requested>);
  CHECK(allocate::ElasticPolicy<allocate::powerflow>);
  CHECK(allocate::ElasticPolicy<told>);
}

TEST_CASE("under fifo the first job that cannot start blocks all behind it") {
  cluster c{{make_job(0, 0, 8, 10), make_job(1, 1, 12, 10), make_job(2, 2, 1, 10)}};
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
  decision d = plan.decide(c.s, 2);
  CHECK(started(d) == ids{0});
  REQUIRE(d.waiting.size() == 1);
  CHECK(d.waiting[0] == schedule::blocked{job_id{1}, wait_reason::gpus, true});
  CHECK(c.queue() == ids{1, 2});
  c.finish(0);
  d = plan.decide(c.s, 3);
  CHECK(started(d) == ids{1, 2});
  CHECK(d.waiting.empty());
  check_state(c);
}

TEST_CASE("a start names the point and the GPUs that are booked") {
  cluster c{{make_job(5, 0, 4, 10)}};
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
  const decision d = plan.decide(c.s, 0);
  REQUIRE(d.starts.size() == 1);
  CHECK(d.starts[0].point == *c.curve.fastest(4));
  CHECK(d.starts[0].where == *c.s.ledger.find(job_id{5}));
  CHECK(c.s.jobs[0].point() == c.curve.fastest(4));
  CHECK(plan.decide(c.s, 1).changes_nothing());
}

TEST_CASE("a higher priority class goes first") {
  std::vector jobs{make_job(0, 0, 16, 10), make_job(1, 1, 16, 10), make_job(2, 2, 16, 10)};
  jobs[2].priority = 1;
  cluster c{jobs};
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{}};
  CHECK(started(plan.decide(c.s, 2)) == ids{2});
  CHECK(c.queue() == ids{0, 1});
}

TEST_CASE("newcomers are put in their places among those that wait") {
  cluster c{{make_job(0, 0, 16, 10)}};
  scheduler plan{order::fewest_gpus{}, allocate::requested{}, place::packed{}, route::source{}};
  plan.decide(c.s, 0);
  const std::vector later{make_job(1, 1, 8, 1), make_job(2, 2, 2, 1), make_job(3, 3, 4, 1),
                          make_job(4, 3, 2, 1)};
  for (const job& j : later) {
    c.s.submit(j, c.curve);
    plan.decide(c.s, j.submit_s);
  }
  CHECK(c.queue() == ids{2, 4, 3, 1});
  c.finish(0);
  CHECK(started(plan.decide(c.s, 9)) == ids{2, 4, 3, 1});
}

TEST_CASE("a lambda is an order") {
  cluster c{{make_job(0, 0, 2, 1), make_job(1, 0, 4, 1), make_job(2, 0, 3, 1)}};
  const auto widest = [](const order::entry& a, const order::entry& b) {
    return a.spec->gpus > b.spec->gpus;
  };
  scheduler plan{widest, allocate::requested{}, place::packed{}, route::source{}};
  CHECK(started(plan.decide(c.s, 0)) == ids{1, 2, 0});
}

TEST_CASE("a placement's reason and whether it is proved are passed on") {
  int most = 4;
  cluster c{{make_job(0, 0, 8, 1)}};
  scheduler plan{order::fifo{}, allocate::requested{}, refuses_above{&most}, route::source{}};
  decision d = plan.decide(c.s, 0);
  CHECK(d.waiting ==
        std::vector{schedule::blocked{job_id{0}, wait_reason::network_fragmentation, true}});
  const auto tired = [](const fabric::ledger<fabric::leaf_spine>&, const place::request&) {
    return place::answer{wait_reason::search_limit, false};
  };
  scheduler other{order::fifo{}, allocate::requested{}, tired, route::source{}};
  d = other.decide(c.s, 0);
  CHECK(d.waiting == std::vector{schedule::blocked{job_id{0}, wait_reason::search_limit, false}});
}

TEST_CASE("the power budget counts idle parts and running jobs") {
  // 300 W a GPU, of which 60 W are drawn idle too: 240 W more for each GPU that works.
  for (bool enough : {false, true}) {
    cluster c{{make_job(0, 0, 4, 10), make_job(1, 0, 4, 10)}};
    const double budget = c.s.idle_power_w() + 8 * 240 - (enough ? 0 : 1);
    scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::source{},
                   schedule::scheduler_options{.power_budget_w = budget}};
    decision d = plan.decide(c.s, 0);
    CHECK(started(d) == (enough ? ids{0, 1} : ids{0}));
    if (enough) continue;
    CHECK(d.waiting == std::vector{schedule::blocked{job_id{1}, wait_reason::budget, true}});
    CHECK(plan.decide(c.s, 1).changes_nothing());  // the running job counts
    c.finish(0);
    CHECK(started(plan.decide(c.s, 2)) == ids{1});
  }
}

TEST_CASE("jobs shrink before others grow and before the queue starts") {
  cluster c{{make_job(0, 0, 8, 1000), make_job(1, 0, 8, 1000), make_job(2, 1, 4, 1000)}};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, c.curve.fastest(4)},
                                                         {job_id{1}, c.curve.fastest(12)}};
  scheduler plan{order::fifo{}, told{&wanted}, place::packed{}, route::source{},
                 admit::elastic{.least_gain_s = 0}};
  CHECK(started(plan.decide(c.s, 0)) == ids{0, 1});
  check_state(c);
  // Job 1, listed first among growers, needs what the others give back.
  wanted[job_id{0}] = c.curve.fastest(8);
  wanted[job_id{1}] = c.curve.fastest(4);
  wanted[job_id{2}] = c.curve.fastest(4);
  const decision d = plan.decide(c.s, 10);
  REQUIRE(d.resizes.size() == 2);
  CHECK(d.resizes[0].job == job_id{1});
  CHECK(d.resizes[1].job == job_id{0});
  CHECK(d.resizes[0].moved);
  CHECK(d.resizes[1].moved);
  CHECK(d.resizes[1].where == *c.s.ledger.find(job_id{0}));
  CHECK(started(d) == ids{2});
  CHECK(c.held(0) == 8);
  CHECK(c.held(1) == 4);
  CHECK(c.held(2) == 4);
  check_state(c);
}

TEST_CASE("a growth that placement refuses leaves the job where it was, at a clock it may have") {
  const model::curve two_clocks{
      {point(4, 10, 1000, 1), point(4, 14, 1600, 1.4), point(8, 19, 1500, 1)}};
  cluster c{{make_job(0, 0, 4, 1000)}, two_clocks};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, &c.curve.at(4)[0]}};
  int most = 4;
  scheduler plan{order::fifo{}, told{&wanted}, refuses_above{&most}, route::source{}};
  plan.decide(c.s, 0);
  const fabric::placement before = *c.s.ledger.find(job_id{0});
  wanted[job_id{0}] = c.curve.fastest(8);  // 1500 W, beyond idle 1020 W
  decision d = plan.decide(c.s, 1);
  // Four GPUs at 1.4 GHz would draw 1360 W beyond idle: more than was granted, so nothing changes.
  CHECK(d.changes_nothing());
  CHECK(*c.s.ledger.find(job_id{0}) == before);

  cluster e{{make_job(0, 0, 4, 1000)},
            model::curve{{point(4, 10, 1000, 1), point(4, 14, 1600, 1.4), point(8, 19, 2500, 1)}}};
  wanted[job_id{0}] = &e.curve.at(4)[0];
  plan.decide(e.s, 0);
  wanted[job_id{0}] = e.curve.fastest(8);
  d = plan.decide(e.s, 1);
  REQUIRE(d.resizes.size() == 1);
  CHECK_FALSE(d.resizes[0].moved);
  CHECK(d.resizes[0].point == e.curve.at(4)[1]);
  CHECK(d.resizes[0].where == *e.s.ledger.find(job_id{0}));
  check_state(e);
}

TEST_CASE("a job that may no longer draw what its GPUs need at least is stopped") {
  // More GPUs at less power are refused, and at four GPUs there is nothing within that power.
  cluster c{{make_job(0, 0, 4, 1000)}, model::curve{{point(4, 10, 2000), point(8, 12, 1000)}}};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, c.curve.fastest(4)}};
  int most = 4;
  scheduler plan{order::fifo{}, told{&wanted}, refuses_above{&most}, route::source{}};
  plan.decide(c.s, 0);
  wanted[job_id{0}] = c.curve.fastest(8);
  const decision d = plan.decide(c.s, 1);
  CHECK(d.stops == std::vector{job_id{0}});
  CHECK(d.resizes.empty());
  check_state(c);
}

TEST_CASE("a job grows only if that shortens the rest of its run by enough") {
  for (double duration : {100.0, 200.0}) {
    cluster c{{make_job(0, 0, 4, duration)}};
    std::map<job_id, const model::operating_point*> wanted{{job_id{0}, c.curve.fastest(4)}};
    scheduler plan{order::fifo{}, told{&wanted}, place::packed{}, route::source{}};
    plan.decide(c.s, 0);
    wanted[job_id{0}] = c.curve.fastest(8);  // twice as fast: gains half of what is left
    CHECK(plan.decide(c.s, 0).resizes.size() == (duration > 120 ? 1 : 0));
    CHECK(c.held(0) == (duration > 120 ? 8 : 4));
  }
}

TEST_CASE("a change of clock alone moves nothing") {
  cluster c{{make_job(0, 0, 4, 1000)},
            model::curve{{point(4, 10, 1000, 1), point(4, 14, 1600, 2)}}};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, &c.curve.at(4)[1]}};
  scheduler plan{order::fifo{}, told{&wanted}, place::packed{}, route::source{}};
  plan.decide(c.s, 0);
  wanted[job_id{0}] = &c.curve.at(4)[0];
  const decision d = plan.decide(c.s, 1);
  REQUIRE(d.resizes.size() == 1);
  CHECK_FALSE(d.resizes[0].moved);
  CHECK(d.resizes[0].point.config.clock_ghz == 1);
}

TEST_CASE("a running job that the policy gives nothing goes back into the queue by its order") {
  cluster c{{make_job(0, 0, 8, 1000), make_job(1, 1, 8, 1000), make_job(2, 2, 8, 1000)}};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, c.curve.fastest(8)},
                                                         {job_id{1}, c.curve.fastest(8)}};
  scheduler plan{order::fifo{}, told{&wanted}, place::packed{}, route::source{}};
  plan.decide(c.s, 2);
  wanted = {{job_id{1}, c.curve.fastest(8)}, {job_id{2}, c.curve.fastest(8)}};
  decision d = plan.decide(c.s, 3);
  CHECK(d.stops == std::vector{job_id{0}});
  CHECK(started(d) == ids{2});
  CHECK(c.queue() == ids{0});
  check_state(c);
  wanted = {};
  d = plan.decide(c.s, 4);
  CHECK(d.stops == std::vector{job_id{1}, job_id{2}});
  plan.decide(c.s, 5);
  CHECK(c.queue() == ids{0, 1, 2});
  check_state(c);
}

TEST_CASE("a waiting job starts on fewer GPUs where those granted cannot be placed") {
  int most = 3;
  cluster c{{make_job(0, 0, 8, 1000)}};
  std::map<job_id, const model::operating_point*> wanted{{job_id{0}, c.curve.fastest(8)}};
  scheduler plan{order::fifo{}, told{&wanted}, refuses_above{&most}, route::source{}};
  decision d = plan.decide(c.s, 0);
  REQUIRE(started(d) == ids{0});
  CHECK(d.starts[0].point.config.gpus == 3);
  CHECK(c.held(0) == 3);
  check_state(c);

  cluster e{{make_job(0, 0, 8, 1000)}};
  e.jobs[0].min_gpus = 4;
  wanted[job_id{0}] = e.curve.fastest(8);
  d = plan.decide(e.s, 0);
  CHECK(d.starts.empty());
  CHECK(d.waiting ==
        std::vector{schedule::blocked{job_id{0}, wait_reason::network_fragmentation, true}});
}

// Gives the first all it may have, the next what is left, and so on.
struct greedy {
  static constexpr bool elastic = true;
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) const {
    int left = l.gpus;
    out.assign(jobs.size(), nullptr);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      for (const model::operating_point& p : jobs[i].curve->points())
        if (jobs[i].work > 0 && p.config.gpus <= std::min(left, jobs[i].max_gpus)) out[i] = &p;
      if (out[i]) left -= out[i]->config.gpus;
    }
  }
};

TEST_CASE("in joint mode what placement refuses to one job is given to the others") {
  // No job may have more than 8 of 16 GPUs; the first is given all of them.
  int most = 8;
  for (const bool joint : {false, true}) {
    CAPTURE(joint);
    cluster c{{make_job(0, 0, 8, 1000), make_job(1, 0, 4, 1000)}};
    scheduler plan{order::fifo{}, greedy{}, refuses_above{&most}, route::ideal{},
                   admit::elastic{.ask_place = joint}};
    plan.decide(c.s, 0);
    check_state(c);
    CHECK(c.held(0) == 8);
    CHECK(c.held(1) == (joint ? 8 : 0));
    // A job that runs and is refused more keeps what it has, and leaves the rest.
    c.finish(joint ? 1 : 0);
    plan.decide(c.s, 1);
    check_state(c);
    CHECK(c.held(joint ? 0 : 1) == 8);
  }
  // A job that cannot be placed at all waits for the reason that placement gives.
  most = 0;
  cluster c{{make_job(0, 0, 8, 1000)}};
  scheduler plan{order::fifo{}, greedy{}, refuses_above{&most}, route::ideal{},
                 admit::elastic{.ask_place = true}};
  CHECK(plan.decide(c.s, 0).waiting ==
        std::vector{schedule::blocked{job_id{0}, wait_reason::network_fragmentation}});
}

TEST_CASE("a job that waits for want of GPUs or of power is told which") {
  std::map<job_id, const model::operating_point*> wanted;
  scheduler plan{order::fifo{}, told{&wanted}, place::packed{}, route::source{}};
  cluster c{{make_job(0, 0, 16, 1000), make_job(1, 1, 8, 1000)}};
  CHECK(plan.decide(c.s, 0).waiting[0].why == wait_reason::budget);
  wanted[job_id{0}] = c.curve.fastest(16);
  const decision d = plan.decide(c.s, 0);
  REQUIRE(d.waiting.size() == 1);
  CHECK(d.waiting[0] == schedule::blocked{job_id{1}, wait_reason::gpus, true});
}

TEST_CASE("the cluster's books stay right under an allocation policy that changes its mind") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<job> jobs;
    for (std::uint32_t i = 0; i < 40; ++i)
      jobs.push_back(make_job(i, i, 1 << d.between(0, 4), 1000 * d.real()));
    std::vector<model::operating_point> points;
    for (int n : {1, 2, 4, 8, 16})
      for (double f : {1.0, 1.5, 2.0})
        points.push_back(point(n, n * std::sqrt(f), n * (150 + 100 * f * f), f));
    cluster c{{}, model::curve{points}};
    c.jobs = jobs;
    std::map<job_id, const model::operating_point*> wanted;
    scheduler plan{order::shortest_remaining{}, told{&wanted}, place::vclos{}, route::source{},
                   admit::elastic{.least_gain_s = 0, .ask_place = seed % 2 == 1}};
    std::size_t next = 0;
    for (int step = 0; step < 200; ++step) {
      CAPTURE(step);
      if (next < c.jobs.size() && d.chance(.3)) c.s.submit(c.jobs[next++], c.curve);
      if (!c.s.running.empty() && d.chance(.2))
        c.s.finish(c.s.running[d.index(c.s.running.size())]);
      for (const job& j : c.jobs)
        wanted[j.id] = d.chance(.3) ? nullptr : &c.curve.points()[d.index(c.curve.points().size())];
      const auto before = c.s.ledger.placements();
      const decision made = plan.decide(c.s, step);
      check_state(c);
      // Carrying the decision out on the old books gives the new ones.
      auto books = before;
      for (job_id id : made.stops) books.erase(id);
      for (const auto& r : made.resizes) {
        REQUIRE(books.contains(r.job));
        if (!r.moved) REQUIRE(books[r.job] == r.where);
        books[r.job] = r.where;
      }
      for (const auto& x : made.starts) REQUIRE(books.emplace(x.job, x.where).second);
      REQUIRE(books == c.s.ledger.placements());
    }
  }
}
