#include <heddle/schedule/scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/sim/run.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/states.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using schedule::scheduler_options;
using test::linear_workload;
using test::make_job;

namespace {

using any_order = std::function<bool(const order::entry&, const order::entry&)>;
using any_place =
    std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&, const place::request&)>;
using test::any_admission;
using plain =
    schedule::scheduler<any_order, allocate::requested, any_place, route::ideal, any_admission>;

const fabric::leaf_spine sixteen{
    {.leafs = 2, .spines = 8, .servers_per_leaf = 1, .gpus_per_server = 8}};

sim::report replay(const fabric::leaf_spine& dc, const model::workload& w, any_admission a,
                   any_order by = order::fifo{}, any_place at = place::packed{},
                   scheduler_options o = {}) {
  plain plan{std::move(by), allocate::requested{}, std::move(at), route::ideal{}, std::move(a), o};
  return sim::run(dc, w, plan);
}
std::map<std::uint32_t, double> starts(const sim::report& r) {
  std::map<std::uint32_t, double> out;
  for (const auto& j : r.records) out[j.id.value] = j.start_s;
  return out;
}
using times = std::map<std::uint32_t, double>;

std::vector<job> random_jobs(std::uint64_t seed, std::size_t n, int most) {
  test::dice d{seed};
  std::vector<job> jobs;
  int now = 0;
  for (std::uint32_t i = 0; i < n; ++i) {
    now += d.between(0, 40);
    jobs.push_back(
        make_job(i, now, d.chance(.2) ? d.between(1, most) : d.between(1, 4), d.between(1, 400)));
  }
  return jobs;
}

}  // namespace

TEST_CASE("each kind of backfill starts what its name says") {
  // Ten GPUs run until 100, so job 1 with twelve waits. Six are free. Job 2 (two GPUs) ends in time,
  // job 3 (four) leaves job 1 its twelve, job 4 (two) would not.
  const auto w =
      linear_workload({make_job(0, 0, 10, 100), make_job(1, 1, 12, 100), make_job(2, 2, 2, 50),
                       make_job(3, 3, 4, 500), make_job(4, 4, 2, 500)});
  CHECK(starts(replay(sixteen, w, admit::in_order{})) ==
        times{{0, 0}, {1, 100}, {2, 100}, {3, 150}, {4, 200}});
  CHECK(starts(replay(sixteen, w, admit::greedy{})) ==
        times{{0, 0}, {1, 503}, {2, 2}, {3, 3}, {4, 52}});
  CHECK(starts(replay(sixteen, w, admit::easy{})) ==
        times{{0, 0}, {1, 100}, {2, 2}, {3, 3}, {4, 200}});
  CHECK(starts(replay(sixteen, w, admit::conservative{})) ==
        times{{0, 0}, {1, 100}, {2, 2}, {3, 3}, {4, 200}});
}

TEST_CASE("easy backfill reserves links and not GPUs alone") {
  // Job 1 can only have both leafs; half of leaf 1 is free, and job 2 would take a server's GPUs
  // that job 1 is going to need.
  const fabric::leaf_spine dc{
      {.leafs = 2, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const auto w = linear_workload({make_job(0, 0, 8, 100), make_job(1, 1, 16, 10),
                                  make_job(2, 2, 8, 1000), make_job(3, 3, 8, 90)});
  const any_place isolated = place::first_of{place::one_leaf{}, place::vclos{}};
  CHECK(starts(replay(dc, w, admit::easy{}, order::fifo{}, isolated)) ==
        times{{0, 0}, {1, 100}, {2, 110}, {3, 3}});
}

namespace {

// What an observer sees of a state, with the links that jobs own.
struct seen_state : schedule::job_table {
  fabric::ledger<fabric::leaf_spine> ledger;
};

}  // namespace

TEST_CASE("under easy backfill the first blocked job starts when it was promised to") {
  // The promise: when the head of the queue blocks, the time at which it could be placed if nobody
  // else started. Run times are exact, so it never starts later, whatever passes it.
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    CAPTURE(seed);
    const auto w = linear_workload(random_jobs(seed, 150, 16));
    for (const any_place& at : {any_place(place::packed{}), any_place(place::vclos{})}) {
      plain plan{order::fifo{}, allocate::requested{}, at, route::ideal{}, admit::easy{}};
      std::map<job_id, double> promised;
      schedule::forecast look;
      any_place again = at;
      std::size_t passed = 0;
      const auto watch = [&](const sim::moment& m) {
        if (m.state.waiting.empty()) return;
        const auto& head = m.state.jobs[m.state.waiting.front()];
        passed += !m.decided.starts.empty();
        const auto at_s = look(seen_state{m.state, test::ledger_of(sixteen, m.gpus)},
                               {head.spec->id, head.spec->gpus}, m.now_s, again, 1e9, 0,
                               [](const auto&) { return 0.0; })
                              .at_s;
        const auto [p, is_new] = promised.try_emplace(head.spec->id, at_s);
        p->second = std::min(p->second, at_s);
      };
      const sim::report r = sim::run(sixteen, w, plan, {}, watch);
      REQUIRE(r.finished == w.size());
      std::size_t kept = 0;
      for (const auto& j : r.records)
        if (const auto p = promised.find(j.id); p != promised.end()) {
          REQUIRE(j.start_s <= p->second + 1e-6);
          ++kept;
        }
      CHECK(kept > 0);
      CHECK(passed > 0);
    }
  }
}

TEST_CASE("conservative backfill starts nobody later than list scheduling without passing would") {
  for (std::uint64_t seed = 0; seed < 25; ++seed) {
    CAPTURE(seed);
    const auto w = linear_workload(random_jobs(seed, 150, 16));
    const auto plain_fifo = starts(replay(sixteen, w, admit::in_order{}));
    const auto filled = starts(replay(sixteen, w, admit::conservative{}));
    for (const auto& [id, at] : filled) REQUIRE(at <= plain_fifo.at(id) + 1e-9);
  }
}

TEST_CASE("a stream of small jobs starves a large one unless there is patience") {
  // A four-GPU job every five seconds, each of 40 s: eight at a time on 32 GPUs. One of 24 at 100 s.
  const fabric::leaf_spine dc{
      {.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  std::vector<job> jobs;
  for (std::uint32_t i = 0; i < 1000; ++i) jobs.push_back(make_job(i, 5.0 * i, 4, 40));
  jobs.push_back(make_job(1000, 101, 24, 40));
  std::sort(jobs.begin(), jobs.end(),
            [](const job& a, const job& b) { return a.submit_s < b.submit_s; });
  const auto w = linear_workload(jobs);
  constexpr double longest_s = 40;
  for (const bool by_size : {true, false})
    for (const any_admission& b : {any_admission(admit::in_order{}), any_admission(admit::greedy{}),
                                   any_admission(admit::easy{})}) {
      const any_order by = by_size ? any_order(order::fewest_gpus{}) : any_order(order::fifo{});
      const double wait = starts(replay(dc, w, b, by))[1000] - 101;
      const double patient =
          starts(replay(dc, w, b, by, place::packed{}, {.patience_s = 300}))[1000] - 101;
      // Nobody before it waits: k = 0.
      CHECK(patient <= 300 + longest_s);
      // Without patience until the stream ends, unless it is the head of the queue and protected.
      if (by_size || std::holds_alternative<admit::greedy>(b.which))
        CHECK(wait > 4000);
      else
        CHECK(wait <= longest_s);
      CHECK(patient <= wait);
    }
}

TEST_CASE("nobody waits longer than patience and the jobs before him allow") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const auto w = linear_workload(random_jobs(seed, 200, 16));
    const any_admission a =
        seed % 2 ? any_admission(admit::greedy{}) : any_admission(admit::in_order{});
    const sim::report r =
        replay(sixteen, w, a, order::fewest_gpus{}, place::packed{}, {.patience_s = 200});
    REQUIRE(r.finished == w.size());
    double longest = 0;
    for (const job& j : w.jobs) longest = std::max(longest, j.duration_s);
    const auto at = starts(r);
    for (const auto& j : r.records) {
      // Those submitted before it that still waited when it became overdue.
      const double overdue_s = j.submit_s + 200;
      std::size_t before = 0;
      for (const auto& other : r.records)
        before +=
            (other.submit_s < j.submit_s || (other.submit_s == j.submit_s && other.id < j.id)) &&
            other.start_s >= overdue_s;
      REQUIRE(j.jwt_s() <= 200 + (static_cast<double>(before) + 1) * longest + 1e-6);
    }
  }
}
