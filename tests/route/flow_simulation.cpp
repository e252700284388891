#include <heddle/route/flow_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/route/flow_contention.hpp>
#include <heddle/route/rates.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using route::flow_job;
using route::flow_job_report;
using route::flow_simulation;

namespace {

constexpr double relative_tolerance = 1e-9;
constexpr collective patterns[] = {collective::ring, collective::halving_doubling,
                                   collective::all_to_all};

std::vector<gpu_id> gpus(std::initializer_list<int> list) {
  std::vector<gpu_id> out;
  for (int g : list) out.push_back(gpu_id{g});
  return out;
}

// The job with a collective to send.
flow_job sending(const leaf_spine& dc, collective c, double bytes, flow_job j) {
  j.source = traffic::source_of(c, traffic::make_group(dc, j.where.gpus), bytes);
  return j;
}

flow_job random_job(const leaf_spine& dc, test::dice& d, std::uint32_t id,
                    std::vector<gpu_id>& free) {
  flow_job j{.id = job_id{id}};
  const collective pattern = patterns[d.index(3)];
  const std::size_t n = std::min(free.size(), 2 + d.index(9));
  j.where.gpus.assign(free.end() - static_cast<std::ptrdiff_t>(n), free.end());
  free.resize(free.size() - n);
  if (d.chance(.7)) std::sort(j.where.gpus.begin(), j.where.gpus.end());
  const double bytes = 1e9 * (.2 + d.real());
  j.compute_s = d.chance(.2) ? 0 : .3 * d.real();
  j.start_s = d.real();
  return sending(dc, pattern, bytes, std::move(j));
}

// The same model from nothing: all rates solved anew at every event, flows in plain lists.
struct by_hand {
  struct sent {
    std::vector<std::uint32_t> over;
    double left;
    std::size_t job;
  };
  struct job_state {
    std::size_t phase = 0;
    int run = 0;
    bool computes = true;
    double wake = 0, iteration_start = 0, measured = 0;
    int iterations = 0;
  };

  static std::vector<double> iteration_times(const leaf_spine& dc,
                                             const std::vector<flow_job>& jobs, route::ecmp policy,
                                             int warm_up, int measured) {
    const route::link_numbers links{dc};
    const auto n = static_cast<std::uint32_t>(dc.gpus());
    const auto base = static_cast<std::uint32_t>(links.size());
    std::vector<double> capacity(base + 4 * n, dc.link_gbps() / 8e-9);
    for (std::uint32_t i = base + 2 * n; i < base + 4 * n; ++i)
      capacity[i] = dc.server_gbps() / 8e-9;
    std::vector<job_state> state(jobs.size());
    std::vector<sent> flows;
    std::vector<traffic::group> ranks;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      ranks.push_back(traffic::make_group(dc, jobs[j].where.gpus));
      state[j].wake = jobs[j].start_s + jobs[j].compute_s;
      state[j].iteration_start = jobs[j].start_s;
    }
    const auto send = [&](std::size_t j) {
      std::vector<traffic::flow> out;
      const auto p = jobs[j].source.write(state[j].phase, out);
      const route::detail::no_load none;
      const route::view<route::detail::no_load> v{dc, links, ranks[j], none};
      for (const traffic::flow& f : out) {
        const auto a = ranks[j].gpus[f.source].value, b = ranks[j].gpus[f.target].value;
        sent s{{}, p.bytes, j};
        if (ranks[j].servers[f.source] == ranks[j].servers[f.target]) {
          s.over = {base + 2 * n + a, base + 3 * n + b};
        } else {
          s.over = {base + a, base + n + b};
          const leaf_id la = ranks[j].leafs[f.source], lb = ranks[j].leafs[f.target];
          if (la != lb) {
            const route::path way = policy(v, f);
            s.over.push_back(links.up(la, way.spine, way.up_lane));
            s.over.push_back(links.down(way.spine, lb, way.down_lane));
          }
        }
        flows.push_back(s);
      }
    };
    double now = 0;
    const auto done = [&] {
      return std::all_of(state.begin(), state.end(),
                         [&](const job_state& s) { return s.iterations >= warm_up + measured; });
    };
    while (!done()) {
      route::flow_paths paths;
      for (const sent& s : flows) paths.add(s.over);
      route::max_min_rates solve;
      const auto rate = solve(capacity, paths);
      double step = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < flows.size(); ++i) step = std::min(step, flows[i].left / rate[i]);
      for (const job_state& s : state)
        if (s.computes) step = std::min(step, s.wake - now);
      now += step;
      for (std::size_t i = 0; i < flows.size(); ++i) flows[i].left -= rate[i] * step;
      std::erase_if(flows, [](const sent& s) { return s.left < 1; });  // of about 10^8 bytes
      for (std::size_t j = 0; j < jobs.size(); ++j) {
        job_state& s = state[j];
        if (s.computes) {
          if (s.wake > now + 1e-12) continue;
          s.computes = false;
          s.phase = 0;
          s.run = 0;
          send(j);
          continue;
        }
        if (std::any_of(flows.begin(), flows.end(), [&](const sent& f) { return f.job == j; }))
          continue;
        std::vector<traffic::flow> out;
        if (++s.run == jobs[j].source.write(s.phase, out).repeat) {
          s.run = 0;
          ++s.phase;
        }
        if (s.phase < jobs[j].source.size()) {
          send(j);
          continue;
        }
        if (s.iterations >= warm_up) s.measured += now - s.iteration_start;
        ++s.iterations;
        s.iteration_start = now;
        s.computes = true;
        s.wake = now + jobs[j].compute_s;
        if (jobs[j].compute_s == 0) {
          s.computes = false;
          s.phase = 0;
          send(j);
        }
      }
    }
    std::vector<double> out;
    for (const job_state& s : state) out.push_back(s.measured / (s.iterations - warm_up));
    return out;
  }
};

}  // namespace

TEST_CASE("a job alone on an ideal network takes its undisturbed time") {
  const leaf_spine dc{{.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (collective c : patterns)
    for (int n : {2, 3, 4, 8, 12, 16, 27, 32}) {
      CAPTURE(n);
      flow_job j{.id = job_id{1}, .compute_s = .25};
      for (int g = 0; g < n; ++g) j.where.gpus.push_back(gpu_id{g});
      j = sending(dc, c, 1e9, std::move(j));
      flow_simulation run{dc, route::ideal{}};
      const auto r = run(std::vector{j});
      REQUIRE(run.complete());
      CHECK(r[0].iterations == 4);
      CHECK(r[0].communication_slowdown() == doctest::Approx(1).epsilon(relative_tolerance));
      CHECK(r[0].iteration_s ==
            doctest::Approx(.25 + r[0].undisturbed_s).epsilon(relative_tolerance));
      double sum = 0;
      for (const auto& p : r[0].phases) {
        CHECK(p.time_s == doctest::Approx(p.undisturbed_s).epsilon(relative_tolerance));
        sum += p.repeat * p.time_s;
      }
      CHECK(sum == doctest::Approx(r[0].undisturbed_s).epsilon(relative_tolerance));
    }
}

TEST_CASE("undisturbed times are those of the bytes over the speed of cards and servers") {
  const leaf_spine dc{{.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  flow_simulation run{dc, route::ideal{}};
  // All-to-all of 8 over 100 Gb/s: 7 phases of 1 GB, .08 s each.
  flow_job j{.id = job_id{1}};
  for (int g = 0; g < 8; ++g) j.where.gpus.push_back(gpu_id{g});
  CHECK(run(std::vector{sending(dc, collective::all_to_all, 1e9, j)})[0].undisturbed_s ==
        doctest::Approx(7 * .08));
  // A two-way ring of 4 inside a server at 1000 Gb/s: 6 runs of two flows of D/8 each way.
  j.where.gpus.resize(4);
  CHECK(run(std::vector{sending(dc, collective::ring, 1e9, j)})[0].undisturbed_s ==
        doctest::Approx(6 * 2 * (1.0 / 8) * .008));
}

TEST_CASE("two jobs that meet on a link all the time take twice as long") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  flow_simulation run{dc, route::source{}};
  const std::vector<flow_job> jobs{
      sending(dc, collective::all_to_all, 1e9, {.id = job_id{1}, .where = {gpus({0, 2}), {}}}),
      sending(dc, collective::all_to_all, 1e9, {.id = job_id{2}, .where = {gpus({1, 3}), {}}})};
  for (const auto& r : run(jobs)) {
    CHECK(r.slowdown() == doctest::Approx(2).epsilon(relative_tolerance));
    CHECK(r.phases[0].time_s == doctest::Approx(.16).epsilon(relative_tolerance));
  }
}

TEST_CASE("a job that computes half of its time shares a link for the other half") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  flow_simulation run{dc, route::source{}, {.iterations = 8}};
  // Job 1 always communicates, in steps of 1 ms. Job 2 computes 1 s and needs the link for 1 s alone,
  // for 2 s beside job 1; of those 3 s job 1 has the link to itself for one.
  const std::vector<flow_job> jobs{
      sending(dc, collective::all_to_all, 1.25e7, {.id = job_id{1}, .where = {gpus({0, 2}), {}}}),
      sending(dc, collective::all_to_all, 1.25e10,
              {.id = job_id{2}, .where = {gpus({1, 3}), {}}, .compute_s = 1})};
  const auto r = run(jobs);
  CHECK(r[1].iteration_s == doctest::Approx(3).epsilon(1e-3));
  CHECK(r[1].slowdown() == doctest::Approx(1.5).epsilon(1e-3));
  CHECK(r[1].communication_slowdown() == doctest::Approx(2).epsilon(1e-3));
  CHECK(r[0].slowdown() == doctest::Approx(1.5).epsilon(1e-2));
}

TEST_CASE("jobs that own their links do not slow one another down in the flow simulation") {
  const leaf_spine dc{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (collective c : patterns) {
    std::vector<flow_job> jobs;
    for (int k = 0; k < 4; ++k) {
      flow_job j{.id = job_id{k}, .compute_s = .1 * k};
      for (int l = 0; l < 4; ++l)
        for (int i = 2 * k; i < 2 * k + 2; ++i) {
          j.where.gpus.push_back(gpu_id{l * 8 + i});
          j.where.links.push_back({leaf_id{l}, spine_id{i}, 0});
        }
      jobs.push_back(sending(dc, c, 1e9, std::move(j)));
    }
    flow_simulation own{dc, route::ecmp{}};
    for (const auto& r : own(jobs))
      CHECK(r.communication_slowdown() == doctest::Approx(1).epsilon(relative_tolerance));
    for (flow_job& j : jobs) j.where.links.clear();
    flow_simulation shared{dc, route::ecmp{}};
    double most = 1;
    for (const auto& r : shared(jobs)) most = std::max(most, r.communication_slowdown());
    CHECK(most > 1.2);
  }
}

TEST_CASE("the flow simulation equals one that solves all rates anew at every event") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = 3, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};
    std::vector<gpu_id> free;
    for (gpu_id g : dc.all_gpus()) free.push_back(g);
    if (seed % 2) d.shuffle(free);
    std::vector<flow_job> jobs;
    while (free.size() > 3)
      jobs.push_back(random_job(dc, d, static_cast<std::uint32_t>(jobs.size()), free));
    flow_simulation run{dc, route::ecmp{seed}, {.iterations = 2, .warm_up = 1}};
    const auto r = run(jobs);
    const auto expected = by_hand::iteration_times(dc, jobs, route::ecmp{seed}, 1, 2);
    REQUIRE(run.complete());
    for (std::size_t j = 0; j < jobs.size(); ++j)
      CHECK(r[j].iteration_s == doctest::Approx(expected[j]).epsilon(1e-6));
  }
}

TEST_CASE("jobs without communication and runs that are cut short are told as they are") {
  const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 2}};
  flow_simulation run{dc, route::ecmp{}, {.iterations = 1000, .most_flows = 100}};
  const std::vector<flow_job> jobs{
      sending(dc, collective::ring, 1e9,
              {.id = job_id{4}, .where = {gpus({0}), {}}, .compute_s = 2}),
      sending(dc, collective::ring, 1e9, {.id = job_id{5}, .where = {gpus({1, 2}), {}}})};
  const auto r = run(jobs);
  CHECK(r[0].slowdown() == 1);
  CHECK(r[0].iteration_s == 2);
  CHECK_FALSE(run.complete());
  CHECK(run.flows_started() >= 100);
  CHECK(run.flows_started() < 110);
  CHECK(r[1].iterations < 1000);
  CHECK(run(std::vector<flow_job>{}).empty());
  CHECK(run.complete());
}

TEST_CASE(
    "what is sent behind computing stretches an iteration only where it takes longer than that") {
  // Two GPUs a leaf and one link: what crosses takes twice as long, for as long as it is sent.
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 1}};
  int covered = 0, uncovered = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const double exposed = .1 + .5 * d.real(), hidden = (1 - exposed) * d.real();
    const collective c = patterns[d.index(3)];
    route::flow_contention model{dc, route::ecmp{}};
    fabric::placement where{.gpus = gpus({0, 1, 2, 3})};
    const flow_job j = model.as_flow_job(job_id{0}, where, c, {exposed, hidden});
    flow_simulation simulate{dc, route::ecmp{}, {.iterations = 3}};
    const flow_job_report r = simulate(std::vector{j}).front();
    route::steady network{dc, route::ecmp{}};
    network.add(job_id{0}, where, c, {exposed, hidden});
    const double s = network.slowdown(job_id{0});
    CHECK(r.communication_slowdown() == doctest::Approx(s));
    CHECK(r.alone_s == doctest::Approx(j.compute_s / (1 - exposed)));
    CHECK(r.slowdown() == doctest::Approx(communication{exposed, hidden}.stretch(s)));
    ++(s * hidden > 1 - exposed ? uncovered : covered);
  }
  CHECK(covered > 10);
  CHECK(uncovered > 10);
}

TEST_CASE("the flow simulation gives the same bytes twice") {
  test::dice d{9};
  const leaf_spine dc{{.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 4}};
  std::vector<gpu_id> free;
  for (gpu_id g : dc.all_gpus()) free.push_back(g);
  d.shuffle(free);
  std::vector<flow_job> jobs;
  while (free.size() > 3)
    jobs.push_back(random_job(dc, d, static_cast<std::uint32_t>(jobs.size()), free));
  flow_simulation a{dc, route::balanced{}}, b{dc, route::balanced{}};
  const auto x = a(jobs), y = b(jobs), z = a(jobs);
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    CHECK(x[j].iteration_s == y[j].iteration_s);
    CHECK(x[j].iteration_s == z[j].iteration_s);
  }
}
