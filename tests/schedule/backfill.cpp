#include <heddle/schedule/scheduler.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
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
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/sim/run.hpp>

#include "support/dice.hpp"
#include "support/reference_queue.hpp"
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

namespace {

// A queue in whole ticks of a tenth of a second, which as seconds are no binary fractions.
std::vector<test::reference::job> random_ticks(test::dice& d, std::size_t n, int most) {
  std::vector<test::reference::job> jobs;
  std::int64_t now = 0;
  const bool often_at_once = d.chance(.5);
  for (std::size_t i = 0; i < n; ++i) {
    now += often_at_once ? 10 * d.between(0, 3) : d.between(0, 60);
    const int wants = d.chance(.3) ? d.between(1, most) : d.between(1, std::max(1, most / 4));
    jobs.push_back({now, often_at_once ? 10 * d.between(1, 12) : d.between(1, 300), wants});
  }
  return jobs;
}

}  // namespace

TEST_CASE("every admission starts each job when its definition says on 2000 random queues") {
  using test::reference::kind;
  const std::pair<kind, any_admission> all[] = {{kind::in_order, admit::in_order{}},
                                                {kind::greedy, admit::greedy{}},
                                                {kind::easy, admit::easy{}},
                                                {kind::conservative, admit::conservative{}}};
  // Six servers of four under one leaf, and under three.
  const fabric::leaf_spine under_one{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 6, .gpus_per_server = 4}};
  const fabric::leaf_spine under_three{
      {.leafs = 3, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const any_place whole[] = {place::packed{}, place::vclos{}, place::topology_aware{},
                             place::spread{}};
  std::size_t passed = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    test::dice d{seed};
    // By number, wherever they are, or in whole servers.
    const bool in_servers = seed % 2;
    const int size = in_servers ? 6 : 24;
    const auto jobs = random_ticks(d, 24, size);
    std::vector<job> given;
    for (const auto& j : jobs)
      given.push_back(make_job(static_cast<std::uint32_t>(given.size()),
                               static_cast<double>(j.submit) / 10, (in_servers ? 4 : 1) * j.wants,
                               static_cast<double>(j.run) / 10));
    const auto w = linear_workload(given);
    const auto& dc = in_servers ? under_one : under_three;
    const any_place& at = in_servers ? whole[seed / 2 % 4] : whole[seed / 2 % 2 * 3];
    std::vector<std::int64_t> plain_starts;
    for (const auto& [k, admission] : all) {
      CAPTURE(seed);
      CAPTURE(static_cast<int>(k));
      const auto expected = test::reference::machine{jobs, size, k}.run();
      const auto found = starts(replay(dc, w, admission, order::fifo{}, at));
      REQUIRE(found.size() == expected.size());
      for (const auto& [id, at_s] : found)
        REQUIRE(std::abs(at_s - static_cast<double>(expected[id]) / 10) < 1e-6);
      if (k == kind::in_order) plain_starts = expected;
      passed += expected != plain_starts;
    }
  }
  CHECK(passed > 3000);  // the queues are such that it matters
}

TEST_CASE("easy leaves no GPUs idle that the blocked job can do without then") {
  // GPUs 0 and 1 are free from 20 on, job 2 has three at 300, when six are free but for those of job 3.
  const fabric::leaf_spine six{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 6}};
  const auto w = linear_workload({make_job(0, 0, 2, 20), make_job(1, 0, 4, 300),
                                  make_job(2, 21, 3, 100), make_job(3, 22, 1, 5000)});
  const auto at = starts(replay(six, w, admit::easy{}));
  CHECK(at.at(2) == 300);
  CHECK(at.at(3) == 22);
  // The same in whole servers, wherever a policy puts them first.
  const fabric::leaf_spine servers{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 6, .gpus_per_server = 4}};
  std::vector<job> jobs = w.jobs;
  for (job& j : jobs) j.gpus *= 4;
  for (const any_place& by : {any_place(place::packed{}), any_place(place::vclos{}),
                              any_place(place::topology_aware{}), any_place(place::spread{})})
    CHECK(starts(replay(servers, linear_workload(jobs), admit::easy{}, order::fifo{}, by)) == at);
}

TEST_CASE("a job may sit where the blocked one was to go if that one can go elsewhere then") {
  // Job 3 is put on server 0, the first with room, where job 2, that wants a whole server, was to go when
  // job 0 ends; at that time server 1 is free too.
  const fabric::leaf_spine dc{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const auto w =
      linear_workload({make_job(0, 0, 3, 100), make_job(1, 0, 3, 100), make_job(2, 1, 4, 50),
                       make_job(3, 2, 1, 1000), make_job(4, 3, 1, 1000)});
  const auto at =
      starts(replay(dc, w, admit::easy{}, order::fifo{}, any_place(place::one_server{})));
  CHECK(at.at(2) == 100);
  CHECK(at.at(3) == 2);
  // The other server is the last for job 2.
  CHECK(at.at(4) >= 100);
}

TEST_CASE("what ends at the moment of the reservation counts, rounding apart") {
  const fabric::leaf_spine six{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 6}};
  // Jobs 1 and 2 end at 290.1, which is 0.1 + 290 and 0.2 + 289.9.
  const auto w =
      linear_workload({make_job(0, 0, 2, 20), make_job(1, 0.1, 2, 290), make_job(2, 0.2, 2, 289.9),
                       make_job(3, 21, 4, 100), make_job(4, 22, 1, 5000)});
  for (const any_admission& a :
       {any_admission(admit::easy{}), any_admission(admit::conservative{})})
    CHECK(starts(replay(six, w, a)).at(4) == 22);
  // Job 3 would run from 30.1 for 226.3 s, to 256.4, when job 1 ends.
  const auto late = linear_workload({make_job(0, 0, 2, 20), make_job(1, 0, 4, 256.4),
                                     make_job(2, 21, 6, 50), make_job(3, 30.1, 1, 226.3)});
  for (const any_admission& a :
       {any_admission(admit::easy{}), any_admission(admit::conservative{})})
    CHECK(starts(replay(six, late, a)).at(3) == 30.1);
}

TEST_CASE("a fitting job starts however many wait before it that do not fit") {
  const fabric::leaf_spine eight{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 8}};
  std::vector<job> jobs{make_job(0, 0, 6, 1000)};
  for (std::uint32_t i = 1; i <= 3000; ++i) jobs.push_back(make_job(i, 1, 8, 10));
  jobs.push_back(make_job(3001, 2, 1, 5));
  const auto w = linear_workload(jobs);
  const auto first_start = [&](any_admission a) {
    plain plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}, std::move(a)};
    double at = -1;
    (void)sim::run(eight, w, plan, {}, [&](const sim::started& e) {
      if (e.what.job == job_id{3001}) at = e.now_s;
    });
    return at;
  };
  CHECK(first_start(admit::greedy{}) == 2);
  CHECK(first_start(admit::easy{}) == 2);
  CHECK(first_start(admit::conservative{}) == 2);
  // A depth of one's own cuts the queue.
  CHECK(first_start(admit::easy{.depth = 3000}) == 2);
  CHECK(first_start(admit::easy{.depth = 2999}) == 31000);
  CHECK(first_start(admit::greedy{.depth = 2999}) == 31000);
}
