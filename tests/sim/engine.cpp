#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/synthetic.hpp>

#include "support/dice.hpp"
#include "support/power_meter.hpp"
#include "support/schedulers.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using fabric::leaf_spine;
using place::wait_reason;
using schedule::scheduler;
using sim::report;
using sim::run_status;
using test::linear_workload;
using test::make_job;
using test::point;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

const leaf_spine small{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

// Random jobs in whole seconds, so that times add up without rounding.
std::vector<job> random_jobs(std::uint64_t seed, std::size_t count, int most_gpus,
                             double comm_share = 0) {
  test::dice d{seed};
  std::vector<job> jobs;
  int now = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (d.chance(.8)) now += d.between(0, 60);
    const int n = d.chance(.5) ? 1 << d.between(0, 5) : d.between(1, most_gpus);
    jobs.push_back(make_job(i, now, std::min(n, most_gpus), d.between(1, 500)));
    constexpr collective patterns[] = {collective::ring, collective::halving_doubling,
                                       collective::all_to_all, collective::none};
    jobs.back().pattern = patterns[d.index(4)];
    jobs.back().comm_share = comm_share * d.real();
  }
  return jobs;
}

// A curve with two clocks at every power of two, for elastic policies.
model::workload elastic_workload(std::vector<job> jobs) {
  std::vector<model::operating_point> points;
  for (int n = 1; n <= 32; n *= 2)
    for (double f : {1.0, 1.4})
      points.push_back(point(n, std::pow(n, 0.9) * f, n * (100 + 150 * f * f * f), f));
  model::workload w;
  w.curves.push_back(model::curve{points});
  for (job& j : jobs) {
    int n = 1;
    while (2 * n <= j.gpus) n *= 2;
    j.gpus = n;
  }
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

void check_energy(const report& r, const test::power_meter& meter) {
  double jobs_j = 0;
  for (const auto& j : r.records) jobs_j += j.energy_j;
  CHECK(r.energy_j == Approx(jobs_j + r.overhead_energy_j).epsilon(sum_tolerance));
  CHECK(r.energy_j == Approx(meter.energy_j).epsilon(sum_tolerance));
  CHECK(r.mean_power_w * r.makespan_s == Approx(r.energy_j).epsilon(sum_tolerance));
  CHECK(r.peak_power_w == Approx(meter.peak_w).epsilon(sum_tolerance));
}

// Gives points by chance, and nothing to some; the first candidate always gets something.
struct capricious {
  static constexpr bool elastic = true;
  test::dice* d;
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(jobs.size(), nullptr);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const auto points = jobs[i].curve->points();
      if (jobs[i].current && d->chance(.4))
        out[i] = jobs[i].current;
      else if (i == 0 || d->chance(.8))
        out[i] = &points[d->index(points.size())];
    }
  }
};

// What jobs have done, from decisions alone, on a network without contention.
struct work_book {
  move_price cost;
  struct line {
    double rate = 0, from_s = 0, done_s = 0;
    bool started = false;
    void stop_at(double now_s) {
      done_s += std::max(0.0, now_s - from_s) * rate;
      from_s = std::max(now_s, from_s);
    }
  };
  std::map<job_id, line> lines;
  std::size_t moves = 0, restarts = 0, clocks_in_pause = 0;

  void operator()(const sim::moment& m) {
    const auto rate = [&](job_id id, const model::operating_point& p) {
      return p.throughput / m.state.jobs[m.state.slot_of(id)].reference->throughput;
    };
    for (job_id id : m.decided.stops) {
      lines[id].stop_at(m.now_s);
      lines[id].rate = 0;
    }
    for (const auto& r : m.decided.resizes) {
      line& l = lines[r.job];
      clocks_in_pause += !r.moved && l.from_s > m.now_s;
      l.stop_at(m.now_s);
      l.rate = rate(r.job, r.point);
      if (r.moved) l.from_s = m.now_s + cost(r.point.config.gpus);
      moves += r.moved;
    }
    for (const auto& s : m.decided.starts) {
      line& l = lines[s.job];
      l.from_s = m.now_s + (l.started ? cost(s.point.config.gpus) : 0);
      restarts += l.started;
      l.started = true;
      l.rate = rate(s.job, s.point);
    }
  }
};

// What each asked for; if one has a priority, to those alone.
struct favourite {
  static constexpr bool elastic = true;
  void operator()(std::span<const allocate::candidate> all, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(all.size(), nullptr);
    const bool preempt =
        std::any_of(all.begin(), all.end(), [](const auto& c) { return c.priority; });
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].priority || !preempt) out[i] = all[i].curve->fastest(all[i].requested_gpus);
  }
};

// What each asked for, but at the third call nothing.
struct once {
  static constexpr bool elastic = true;
  int* calls;
  void operator()(std::span<const allocate::candidate> all, const allocate::limits&,
                  allocate::allocation& out) const {
    const bool stop_all = ++*calls == 3;
    out.assign(all.size(), nullptr);
    for (std::size_t i = 0; i < all.size() && !stop_all; ++i)
      out[i] = all[i].curve->fastest(all[i].requested_gpus);
  }
};

// One GPU to the first candidate of the first call, and nothing ever after.
struct only_once {
  static constexpr bool elastic = true;
  int* calls;
  void operator()(std::span<const allocate::candidate> all, const allocate::limits&,
                  allocate::allocation& out) const {
    out.assign(all.size(), nullptr);
    if (++*calls == 1) out[0] = all[0].curve->fastest(1);
  }
};

bool same_apart_from_time(report a, report b) {
  if (a.records.size() != b.records.size() || a.stuck_jobs != b.stuck_jobs) return false;
  for (std::size_t i = 0; i < a.records.size(); ++i) {
    const auto &x = a.records[i], &y = b.records[i];
    if (x.id != y.id || x.start_s != y.start_s || x.finish_s != y.finish_s || x.run_s != y.run_s ||
        x.gpus != y.gpus || x.leafs != y.leafs || x.servers != y.servers ||
        x.slowdown != y.slowdown || x.energy_j != y.energy_j || x.rescales != y.rescales ||
        x.why_waited != y.why_waited)
      return false;
  }
  return a.status == b.status && a.jobs == b.jobs && a.finished == b.finished &&
         a.mean_jct_s == b.mean_jct_s && a.p50_jct_s == b.p50_jct_s && a.p99_jct_s == b.p99_jct_s &&
         a.mean_jwt_s == b.mean_jwt_s && a.mean_jrt_s == b.mean_jrt_s &&
         a.makespan_s == b.makespan_s && a.mean_slowdown == b.mean_slowdown &&
         a.share_waiting == b.share_waiting && a.gpu_utilization == b.gpu_utilization &&
         a.network_fragmentation == b.network_fragmentation && a.energy_j == b.energy_j &&
         a.overhead_energy_j == b.overhead_energy_j && a.mean_power_w == b.mean_power_w &&
         a.peak_power_w == b.peak_power_w && a.rescales == b.rescales &&
         a.decisions == b.decisions && a.events == b.events;
}

}  // namespace

TEST_CASE("fifo without contention starts and finishes jobs as list scheduling does") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const auto w = linear_workload(random_jobs(seed, 200, small.gpus()));
    scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
    const report r = sim::run(small, w, plan);

    // The oracle: each job in turn waits until enough GPUs are free, and holds back all behind it.
    int free = small.gpus();
    double now = 0;
    std::priority_queue<std::pair<double, int>, std::vector<std::pair<double, int>>, std::greater<>>
        running;
    REQUIRE(r.records.size() == w.size());
    double jct = 0, last = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const job& j = w.jobs[i];
      now = std::max(now, j.submit_s);
      while (free < j.gpus || (!running.empty() && running.top().first <= now)) {
        now = std::max(now, running.top().first);
        free += running.top().second;
        running.pop();
      }
      free -= j.gpus;
      running.push({now + j.duration_s, j.gpus});
      last = std::max(last, now + j.duration_s);
      jct += now + j.duration_s - j.submit_s;
      REQUIRE(r.records[i].id == j.id);
      REQUIRE(r.records[i].start_s == now);
      REQUIRE(r.records[i].finish_s == now + j.duration_s);
      REQUIRE(r.records[i].run_s == j.duration_s);
      REQUIRE(r.records[i].gpus == j.gpus);
      REQUIRE(r.records[i].slowdown == 1);
    }
    CHECK(r.status == run_status::finished);
    CHECK(r.finished == w.size());
    CHECK(r.events == 2 * w.size());
    CHECK(r.makespan_s == last - w.jobs.front().submit_s);
    CHECK(r.mean_jct_s == Approx(jct / 200).epsilon(sum_tolerance));
    CHECK(r.mean_slowdown == 1);
    CHECK(r.rescales == 0);
  }
}

TEST_CASE("a job alone takes its duration on any network that is not oversubscribed") {
  for (collective c : {collective::ring, collective::all_to_all, collective::halving_doubling}) {
    for (int n : {1, 5, 8, 16, 32}) {
      std::vector jobs{make_job(0, 100, n, 777)};
      jobs[0].pattern = c;
      jobs[0].comm_share = 0.3;
      const auto w = linear_workload(jobs);
      scheduler plan{order::fifo{}, allocate::requested{}, place::vclos{}, route::ecmp{}};
      const report r = sim::run(small, w, plan);
      REQUIRE(r.finished == 1);
      CHECK(r.mean_jct_s == 777);
      CHECK(r.mean_jwt_s == 0);
      CHECK(r.records[0].finish_s == 877);
      CHECK(r.share_waiting == 0);
    }
  }
}

TEST_CASE("run times under vclos are those of the ideal network exactly, under ECMP never less") {
  constexpr double rounding = 1e-12;  // relative
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    CAPTURE(seed);
    auto jobs = random_jobs(seed, 300, small.gpus(), 0.6);
    for (job& j : jobs) j.duration_s += 0.123 * j.gpus;  // no whole seconds
    const auto w = linear_workload(jobs);
    const auto replay = [&](auto place, auto route) {
      scheduler plan{order::fifo{}, allocate::requested{}, place, route};
      return sim::run(small, w, plan);
    };
    const report ideal = replay(place::packed{}, route::ideal{});
    const report isolated = replay(place::vclos{}, route::ecmp{seed});
    const report shared = replay(place::packed{}, route::ecmp{seed});
    const report spread = replay(place::spread{}, route::ecmp{seed});
    REQUIRE(isolated.status == run_status::finished);
    REQUIRE(shared.finished == w.size());
    for (std::size_t i = 0; i < w.size(); ++i) {
      REQUIRE(ideal.records[i].run_s == w.jobs[i].duration_s);
      REQUIRE(isolated.records[i].run_s == ideal.records[i].run_s);
      REQUIRE(isolated.records[i].slowdown == 1);
      REQUIRE(shared.records[i].run_s >= ideal.records[i].run_s * (1 - rounding));
      REQUIRE(shared.records[i].slowdown >= 1 - rounding);
      REQUIRE(spread.records[i].run_s >= ideal.records[i].run_s * (1 - rounding));
    }
    CHECK(isolated.mean_slowdown == 1);
    CHECK(shared.mean_slowdown > 1.01);
    CHECK(spread.mean_slowdown > shared.mean_slowdown);
  }
}

TEST_CASE("two jobs on one link take as long as the formula of contention says") {
  // Two leafs, one spine; each job sends half of its time over the same link.
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  std::vector jobs{make_job(0, 0, 2, 100), make_job(1, 0, 2, 100)};
  for (job& j : jobs) {
    j.pattern = collective::all_to_all;
    j.comm_share = 0.5;
  }
  const auto w = linear_workload(jobs);
  scheduler plan{order::fifo{}, allocate::requested{}, place::spread{}, route::source{}};
  test::power_meter meter;
  const report r = sim::run(dc, w, plan, {}, meter);
  REQUIRE(r.finished == 2);
  for (const auto& j : r.records) {
    // Communication takes 1.5 times as long where the other's flow is there half of the time; so
    // slowed down it is there 0.75 / 1.25 of the time, and communication takes 1.6 times as long.
    CHECK(j.run_s == Approx(130));
    CHECK(j.slowdown == Approx(1.3));
    CHECK(j.leafs == 2);
    CHECK(j.servers == 2);
    // 600 W for 100 s, a quarter of that for the 30 s added, and half of the servers' base.
    CHECK(j.energy_j == Approx(600 * 100 + 150 * 30 + 500 * 130));
  }
  CHECK(r.mean_slowdown == Approx(1.3));
  check_energy(r, meter);
}

TEST_CASE("a job that arrives midway slows a running one down from then on") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  std::vector jobs{make_job(0, 0, 2, 100), make_job(1, 50, 2, 100)};
  for (job& j : jobs) {
    j.pattern = collective::all_to_all;
    j.comm_share = 0.5;
  }
  const auto w = linear_workload(jobs);
  scheduler plan{order::fifo{}, allocate::requested{}, place::spread{}, route::source{}};
  const report r = sim::run(dc, w, plan);
  // Job 0: 50 s alone, the other half at 1 / 1.3. Job 1: 65 s together, then alone.
  CHECK(r.records[0].finish_s == Approx(50 + 65));
  CHECK(r.records[1].finish_s == Approx(115 + 50));
  CHECK(r.records[0].slowdown == Approx(115.0 / 100));
}

TEST_CASE("energy is the integral of the power that observers see, part by part") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    const auto jobs = random_jobs(seed, 150, small.gpus(), 0.6);
    test::power_meter fixed, elastic;
    {
      const auto w = linear_workload(jobs);
      scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{seed}};
      check_energy(sim::run(small, w, plan, {}, fixed), fixed);
    }
    const auto w = elastic_workload(jobs);
    scheduler plan{order::shortest{}, allocate::powerflow{}, place::packed{}, route::ecmp{seed}};
    check_energy(sim::run(small, w, plan, {}, elastic), elastic);
  }
}

TEST_CASE("energy and work add up under a policy that changes its mind") {
  std::size_t moves = 0, restarts = 0, clocks_in_pause = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    const auto w = elastic_workload(random_jobs(seed, 120, small.gpus(), 0.6));
    const sim::options o{.moves = {.rescale = {.pause_s = 20, .restart = seed % 2 == 0}}};

    test::dice mood{seed};
    scheduler ideal{order::fifo{}, capricious{&mood}, place::packed{}, route::ideal{},
                    admit::elastic{.least_gain_s = 0}};
    work_book book{o.moves.rescale, {}};
    test::power_meter meter;
    const report r = sim::run(small, w, ideal, o, book, meter);
    REQUIRE(r.status == run_status::finished);
    REQUIRE(r.records.size() == w.size());
    check_energy(r, meter);
    for (std::size_t i = 0; i < w.size(); ++i) {
      const auto& line = book.lines.at(w.jobs[i].id);
      const double done = line.done_s + (r.records[i].finish_s - line.from_s) * line.rate;
      REQUIRE(done == Approx(w.jobs[i].duration_s).epsilon(sum_tolerance));
      REQUIRE(r.records[i].run_s ==
              Approx(r.records[i].finish_s - r.records[i].start_s).epsilon(sum_tolerance));
      REQUIRE(r.records[i].slowdown == 1);
    }
    moves += book.moves;
    restarts += book.restarts;
    clocks_in_pause += book.clocks_in_pause;
    CHECK(r.rescales == book.moves + book.restarts);
    std::size_t recorded = 0;
    for (const auto& j : r.records) recorded += static_cast<std::size_t>(j.rescales);
    CHECK(recorded == r.rescales);

    // The same on a network with contention: energy still adds up.
    test::dice again{seed};
    scheduler shared{order::fifo{}, capricious{&again}, place::spread{}, route::ecmp{seed},
                     admit::elastic{.least_gain_s = 0}};
    test::power_meter other;
    const report s = sim::run(small, w, shared, o, other);
    REQUIRE(s.status == run_status::finished);
    check_energy(s, other);
    for (const auto& j : s.records) {
      REQUIRE(j.run_s == Approx(j.finish_s - j.start_s).epsilon(sum_tolerance));
      REQUIRE(j.slowdown >= 1 - 1e-12);
    }
  }
  CHECK(moves > 500);
  CHECK(restarts > 200);
  CHECK(clocks_in_pause > 20);
}

TEST_CASE("jobs that share links may be stopped in one decision") {
  // Two jobs side by side on one spine, both stopped when the third arrives.
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
  std::vector jobs{make_job(0, 0, 2, 100), make_job(1, 0, 2, 100), make_job(2, 50, 8, 100)};
  for (job& j : jobs) {
    j.pattern = collective::all_to_all;
    j.comm_share = 0.5;
    j.priority = j.id.value == 2;
  }
  const auto w = linear_workload(jobs);
  scheduler plan{order::fifo{}, favourite{}, place::spread{}, route::source{}};
  test::power_meter meter;
  const report r = sim::run(dc, w, plan, {.moves = {.rescale = {.pause_s = 5}}}, meter);
  REQUIRE(r.status == run_status::finished);
  CHECK(r.records[2].start_s == 50);
  CHECK(r.records[0].rescales == 1);
  CHECK(r.records[1].rescales == 1);
  CHECK(r.rescales == 2);
  CHECK(r.records[0].run_s == Approx(r.records[0].finish_s));
  check_energy(r, meter);
}

TEST_CASE("a job that is stopped when no other event is to come is decided on again") {
  int calls = 0;
  const auto w =
      linear_workload({make_job(0, 0, 1, 10), make_job(1, 0, 1, 100), make_job(2, 5, 1, 5)});
  scheduler plan{order::fifo{}, once{&calls}, place::packed{}, route::ideal{}};
  // The third decision is at 10 s, when jobs 0 and 2 finish: job 1 is stopped and starts again.
  const report r = sim::run(small, w, plan);
  CHECK(r.status == run_status::finished);
  CHECK(r.finished == 3);
  CHECK(r.records[1].run_s == 100 + 2);
}

TEST_CASE("the power budget bounds the peak and is reached") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    const auto w = elastic_workload(random_jobs(seed, 150, small.gpus(), 0.5));
    const schedule::state empty{small};
    const double budget = empty.idle_power_w() + 5000;
    const schedule::scheduler_options o{.power_budget_w = budget};
    scheduler elastic{order::fifo{}, allocate::powerflow{}, place::vclos{}, route::ecmp{}, o};
    const report a = sim::run(small, w, elastic);
    CHECK(a.status == run_status::finished);
    CHECK(a.peak_power_w <= budget + 1e-3);  // power is kept in whole microwatts a job
    CHECK(a.peak_power_w > budget - 1000);
    scheduler fixed{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}, o};
    const report b = sim::run(small, w, fixed);
    CHECK(b.peak_power_w <= budget + 1e-3);
  }
}

TEST_CASE("a budget below the idle power runs nothing and says so") {
  const auto w = linear_workload({make_job(0, 0, 1, 10)});
  const schedule::state empty{small};
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
                 schedule::scheduler_options{.power_budget_w = empty.idle_power_w() - 1}};
  const report r = sim::run(small, w, plan);
  CHECK(r.status == run_status::budget_too_low);
  CHECK(r.jobs == 1);
  CHECK(r.finished == 0);
  CHECK(r.records.empty());
}

TEST_CASE("jobs that cannot start on an empty cluster are stuck, and those behind them") {
  // Thirty-one of 32 GPUs on leafs of eight: no virtual Clos of the original's kind.
  const auto w =
      linear_workload({make_job(4, 0, 4, 10), make_job(7, 0, 31, 10), make_job(9, 5, 1, 1)});
  scheduler plan{order::fifo{}, allocate::requested{}, place::vclos{.any_size = false},
                 route::ideal{}};
  const report r = sim::run(small, w, plan);
  CHECK(r.status == run_status::stuck);
  CHECK(r.finished == 1);
  CHECK(r.jobs == 3);
  CHECK(r.stuck_jobs == std::vector{job_id{7}, job_id{9}});
  REQUIRE(r.records.size() == 1);
  CHECK(r.records[0].id == job_id{4});

  scheduler budget{
      order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{},
      schedule::scheduler_options{.power_budget_w = schedule::state{small}.idle_power_w() + 240}};
  CHECK(sim::run(small, w, budget).stuck_jobs.size() == 3);
}

TEST_CASE("a job that was stopped for ever is stuck and not among the finished") {
  int calls = 0;
  const auto w = linear_workload({make_job(0, 0, 1, 100), make_job(1, 10, 1, 100)});
  scheduler plan{order::fifo{}, only_once{&calls}, place::packed{}, route::ideal{}};
  const report r = sim::run(small, w, plan);
  CHECK(r.status == run_status::stuck);
  CHECK(r.finished == 0);
  CHECK(r.records.empty());
  CHECK(r.stuck_jobs.size() == 2);
}

TEST_CASE("network fragmentation is what waits although its GPUs would do") {
  // Two servers of eight under one leaf. Six and six run; four more fit by number but on no server.
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 8}};
  const auto w =
      linear_workload({make_job(0, 0, 6, 100), make_job(1, 0, 6, 100), make_job(2, 0, 4, 50)});
  scheduler plan{order::fifo{}, allocate::requested{}, place::one_server{}, route::ideal{}};
  const report r = sim::run(dc, w, plan);
  CHECK(r.network_fragmentation == Approx(1 - 12.0 / 16));
  CHECK(r.gpu_utilization == Approx((1200.0 + 200) / (16 * 150)));
  CHECK(r.records[2].why_waited == wait_reason::gpu_fragmentation);
  CHECK(r.records[0].why_waited == wait_reason::none);
  CHECK(r.share_waiting == Approx(1.0 / 3));
}

TEST_CASE("why a job waited is the last reason that it was told, or the queue") {
  const auto w =
      linear_workload({make_job(0, 0, 32, 100), make_job(1, 1, 32, 10), make_job(2, 2, 1, 10)});
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  const report r = sim::run(small, w, plan);
  CHECK(r.records[0].why_waited == wait_reason::none);
  CHECK(r.records[1].why_waited == wait_reason::gpus);
  CHECK(r.records[2].why_waited == wait_reason::gpus);  // at the head after job 1 had started
}

TEST_CASE("the same run twice gives the same report apart from the time of decisions") {
  const auto w = elastic_workload(random_jobs(3, 200, small.gpus(), 0.5));
  const auto replay = [&](std::uint64_t seed) {
    scheduler plan{order::shortest_remaining{}, allocate::powerflow{},
                   place::first_of{place::one_server{}, place::vclos{}, place::packed{}},
                   route::balanced{seed}};
    return sim::run(small, w, plan);
  };
  CHECK(same_apart_from_time(replay(1), replay(1)));
  CHECK_FALSE(same_apart_from_time(replay(1), replay(2)));
}

TEST_CASE("observers change nothing and see every decision") {
  const auto w = linear_workload(random_jobs(5, 100, small.gpus(), 0.5));
  scheduler a{order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{}};
  scheduler b = a;
  std::size_t seen = 0, starts = 0;
  double before = 0;
  const auto count = [&](const sim::moment& m) {
    ++seen;
    starts += m.decided.starts.size();
    REQUIRE(m.now_s >= before);
    before = m.now_s;
    REQUIRE(m.gpus.free_gpus() >= 0);
  };
  test::power_meter meter;
  const report x = sim::run(small, w, a), y = sim::run(small, w, b, {}, count, meter);
  CHECK(same_apart_from_time(x, y));
  CHECK(seen == y.decisions);
  CHECK(starts == w.size());
}

TEST_CASE("no jobs make an empty report") {
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  const report r = sim::run(small, model::workload{}, plan);
  CHECK(r.status == run_status::finished);
  CHECK(r.jobs == 0);
  CHECK(r.makespan_s == 0);
  CHECK(r.decisions == 0);
}

TEST_CASE("jobs that cannot be replayed are refused with what is wrong") {
  const auto refusal = [](job j, bool before_another = false) -> std::string {
    std::vector jobs{j};
    if (before_another) jobs.push_back(make_job(1, 0, 1, 1));
    auto w = linear_workload(jobs);
    scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
    try {
      (void)sim::run(small, w, plan);
    } catch (const input_error& e) {
      return e.what();
    }
    return "accepted";
  };
  CHECK(refusal(make_job(0, 0, 1, 1)) == "accepted");
  CHECK(refusal(make_job(0, 5, 1, 1), true) ==
        "job 1: expected jobs in the order of their submission, got an earlier time");
  CHECK(refusal(make_job(0, 0, 33, 1)) == "job 0: expected 1 to 32 GPUs, got 33");
  CHECK(refusal(make_job(3, 0, 1, 0)) == "job 3: expected a positive duration, got 0.000000");
  CHECK(
      refusal(make_job(3, 0, 1, std::nan(""))).starts_with("job 3: expected a positive duration"));
  job j = make_job(2, 0, 1, 1);
  j.comm_share = 1;
  CHECK(refusal(j) == "job 2: expected a communication share from 0 to below 1, got 1.000000");
  auto w = linear_workload({make_job(0, 0, 1, 1)});
  w.jobs[0].gpus = 2;
  scheduler plan{order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}};
  CHECK_THROWS_WITH_AS((void)sim::run(small, w, plan),
                       "job 0: expected a curve with a point at 2 GPUs, got none", input_error);
}

TEST_CASE("the mean run times of the vClos mix are in the order that theory gives") {
  const leaf_spine dc{{.leafs = 16, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
  const auto w = linear_workload(trace::vclos_workload{.jobs = 400, .load = 0.9, .seed = 1}());
  const auto replay = [&](auto place, auto route) {
    scheduler plan{order::fifo{}, allocate::requested{}, place, route};
    return sim::run(dc, w, plan);
  };
  const double ideal = replay(place::packed{}, route::ideal{}).mean_jrt_s;
  const double isolated = replay(place::vclos{}, route::ecmp{}).mean_jrt_s;
  const double source = replay(place::packed{}, route::source{}).mean_jrt_s;
  const double balanced = replay(place::packed{}, route::balanced{}).mean_jrt_s;
  const double ecmp = replay(place::packed{}, route::ecmp{}).mean_jrt_s;
  CHECK(isolated == ideal);
  CHECK(ideal <= source);
  CHECK(source < balanced);
  CHECK(balanced < ecmp);
}

TEST_CASE("on leafs of several GPU types every job runs on its own at that type's curve") {
  // Leafs 0 and 1 have one type, leaf 2 another that is twice as fast and draws three times as much.
  const leaf_spine dc{{.leafs = 3, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  const std::vector<int> type_of_leaf{0, 0, 1};
  model::workload w;
  for (double f : {1.0, 2.0}) {
    std::vector<model::operating_point> points;
    for (int n : {1, 2, 3, 4, 8}) points.push_back(test::point(n, f * n, (f == 2 ? 300 : 100) * n));
    w.curves.emplace_back(std::move(points));
  }
  test::dice d{7};
  double now = 0;
  for (std::uint32_t i = 0; i < 300; ++i) {
    const auto type = static_cast<std::uint32_t>(d.index(2));
    w.jobs.push_back(
        make_job(i, now += d.between(0, 60), d.between(1, type == 0 ? 8 : 4), d.between(1, 100)));
    if (w.jobs.back().gpus > 4) w.jobs.back().gpus = 8;
    w.curve_of.push_back(type);
  }
  place::filtered placed{[&](leaf_id l, const place::request& job) {
                           return type_of_leaf[l.index()] ==
                                  static_cast<int>(w.curve_of[job.job.index()]);
                         },
                         place::first_of{place::one_server{}, place::vclos{}}};
  scheduler plan{order::fifo{}, allocate::requested{}, placed, route::source{}, admit::greedy{}};
  struct {
    const leaf_spine& dc;
    const model::workload& w;
    const std::vector<int>& type_of_leaf;
    std::size_t starts = 0, wrong = 0;
    void operator()(const sim::started& e) {
      ++starts;
      for (gpu_id g : e.what.where.gpus)
        wrong +=
            type_of_leaf[dc.leaf_of(g).index()] != static_cast<int>(w.curve_of[e.what.job.index()]);
    }
  } seen{dc, w, type_of_leaf};
  const report r = sim::run(dc, w, plan, {}, seen);
  REQUIRE(r.finished == w.size());
  CHECK(seen.starts == w.size());
  CHECK(seen.wrong == 0);
  for (const auto& j : r.records) {
    const job& asked = w.jobs[j.id.index()];
    REQUIRE(j.run_s == asked.duration_s);  // isolated, at the point asked for
    const double per_gpu_w = w.curve_of[j.id.index()] == 1 ? 300 : 100;
    REQUIRE(j.energy_j >= per_gpu_w * asked.gpus * asked.duration_s * (1 - 1e-9));
  }
}
