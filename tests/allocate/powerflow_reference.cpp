// allocate::powerflow against its rules written down plainly, cold and after every kind of change.
#include <heddle/allocate/powerflow.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
using model::curve;
using point = model::operating_point;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

// The rules of powerflow's documentation, one step at a time over all jobs, in plain sums.
struct reference {
  const powerflow& options;
  const std::vector<candidate>& jobs;
  const limits& l;

  struct stand {
    const point* at = nullptr;
    double key = infinite, watts = 0, sample_j = 0;
    int steps = 0;
    bool out = false;
  };
  struct step {
    const point* to = nullptr;
    double key = 0;
  };

  [[nodiscard]] double rank(const point& a, const point& b, const candidate& j) const {
    const double slower = a.throughput / b.throughput, saved = 1 - slower;
    const bool relative = options.rank == ranking::relative;
    if (!(saved > 0) || !(j.weight > 0)) return 0;
    if (!options.weigh_energy) return j.weight * (relative ? saved : j.work * saved / a.throughput);
    const double spent = slower * b.power_w / a.power_w - 1;
    if (spent <= 1e-12) return infinite;
    return j.weight * (relative ? saved / spent : saved / (spent * a.power_w));
  }
  [[nodiscard]] step clock_step(const point* p, const candidate& j) const {
    const auto points = j.curve->points();
    if (p + 1 == points.data() + points.size() || p[1].config.gpus != p->config.gpus) return {};
    return {p + 1, rank(*p, p[1], j)};
  }
  [[nodiscard]] step best_step(const point* p, const candidate& j) const {
    step best = clock_step(p, j);
    const int least = options.grow == growth::doubling ? 2 * p->config.gpus : p->config.gpus + 1;
    int count = 0;
    step larger;
    for (const point& q : j.curve->points()) {
      if (count == 0 && q.config.gpus >= least && q.config.gpus <= j.max_gpus)
        count = q.config.gpus;
      if (q.config.gpus != count) continue;
      if (const double r = rank(*p, q, j); r >= larger.key) larger = {&q, r};
    }
    return larger.key > best.key ? larger : best;
  }

  allocation solve() const {
    std::vector<stand> jobs_now(jobs.size());
    std::map<int, int, std::greater<>> classes;
    for (const candidate& j : jobs) classes[options.classes ? j.priority : 0] = 0;
    double gpus = l.gpus, watts = l.power_w, joules = l.energy_j;
    for (const auto& [priority, unused] : classes) {
      const auto in_class = [&](std::size_t i) {
        return !options.classes || jobs[i].priority == priority;
      };
      const double joules_before = joules;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (!in_class(i)) continue;
        if (gpus < 1) break;
        const auto points = jobs[i].curve->points();
        const point* start = nullptr;
        for (const point& p : points)
          if (p.config.gpus >= jobs[i].min_gpus && p.config.gpus <= jobs[i].max_gpus) {
            start = jobs[i].curve->most_efficient(p.config.gpus);
            break;
          }
        const double w = start ? extra_power_w(*start, l) : 0;
        const double e = start ? jobs[i].work * start->energy_per_sample_j() : 0;
        const bool energy_fits = e <= joules || (jobs[i].current && !options.hard_energy);
        if (!start || start->config.gpus > gpus || w > watts || !energy_fits) {
          if (options.full == when_full::stop) break;
          continue;
        }
        jobs_now[i] = {.at = start, .watts = w, .sample_j = start->energy_per_sample_j()};
        gpus -= start->config.gpus;
        watts -= w;
        joules -= e;
      }
      (void)joules_before;
      const double debt = std::min(joules, 0.0);  // of running jobs that go on
      const auto pay = [&](std::size_t i, const point& to) {
        stand& s = jobs_now[i];
        const double w = std::max(s.watts, extra_power_w(to, l));
        const double e = std::max(s.sample_j, to.energy_per_sample_j());
        const double g = to.config.gpus - s.at->config.gpus;
        const double cost = jobs[i].work * (e - s.sample_j);
        if (g > gpus || w - s.watts > watts || cost > joules - debt) return false;
        gpus -= g;
        watts -= w - s.watts;
        joules -= cost;
        s.at = &to;
        s.watts = w;
        s.sample_j = e;
        return true;
      };
      // Makes steps in order; on one that does not fit ends, or leaves the job out and goes on.
      const auto make = [&](bool clocks, bool end, auto wanted) {
        for (stand& s : jobs_now) s.out = false;
        if (clocks && end)
          for (stand& s : jobs_now) {
            s.key = infinite;
            s.steps = 0;
          }
        for (;;) {
          step next;
          std::tuple best{infinite, 0, job_id{}, std::size_t{0}};
          for (std::size_t i = 0; i < jobs.size(); ++i) {
            const stand& s = jobs_now[i];
            if (!in_class(i) || !s.at || s.out) continue;
            step mine = clocks ? clock_step(s.at, jobs[i]) : best_step(s.at, jobs[i]);
            mine.key = std::min(mine.key, s.key);
            if (!(mine.key > 0) || !wanted(*s.at, *mine.to)) continue;
            const std::tuple here{-mine.key, s.steps, jobs[i].id, i};
            if (here < best) {
              best = here;
              next = mine;
            }
          }
          if (!next.to) return;
          const std::size_t who = std::get<3>(best);
          if (pay(who, *next.to)) {
            ++jobs_now[who].steps;
            jobs_now[who].key = next.key;
          } else if (end) {
            return;
          } else {
            jobs_now[who].out = true;
          }
        }
      };
      make(false, true, [](auto&, auto&) { return true; });
      if (options.full == when_full::stop) continue;
      make(false, false, [](auto& a, auto& b) { return b.config.gpus > a.config.gpus; });
      make(true, true, [](auto&, auto&) { return true; });
      make(true, false, [](auto&, auto&) { return true; });
    }
    allocation out;
    for (const stand& s : jobs_now) out.push_back(s.at);
    return out;
  }
};

curve random_curve(test::dice& d) {
  std::vector<point> points;
  const double exponent = 0.3 + 0.8 * d.real();
  int n = d.chance(.2) ? 2 : 1;
  for (int i = d.between(1, 6); i > 0; --i, n = d.chance(.8) ? 2 * n : n + 1)
    for (int k = d.between(1, 5); k > 0; --k) {
      const double f = 0.5 + 1.5 * d.real();
      points.push_back(test::point(n,
                                   std::pow(n, exponent) * (0.3 + 0.7 * f) * (0.9 + 0.2 * d.real()),
                                   n * (80 + 100 * f * f * f), f));
    }
  return curve{std::move(points)};
}

candidate random_job(test::dice& d, const std::vector<curve>& curves, std::uint32_t id) {
  candidate j;
  j.id = job_id{id};
  j.curve = &curves[d.index(curves.size())];
  j.work = 1 + 1e4 * d.real();
  if (d.chance(.3)) j.min_gpus = d.between(1, 3);
  if (d.chance(.3)) j.max_gpus = j.min_gpus + d.between(0, 8);
  j.weight = d.chance(.5) ? 1 : d.chance(.1) ? 0 : 0.5 + d.real();
  j.priority = d.chance(.3) ? d.between(-1, 1) : 0;
  if (d.chance(.3)) j.current = &j.curve->points()[d.index(j.curve->points().size())];
  return j;
}

limits random_limits(test::dice& d, std::size_t jobs) {
  limits l{.gpus = d.between(0, 1 + 6 * static_cast<int>(jobs)),
           .gpu_idle_w = d.chance(.5) ? 60. : 0.};
  if (d.chance(.5)) l.power_w = 900.0 * static_cast<double>(jobs) * d.real();
  if (d.chance(.4))
    l.energy_j = 1e6 * static_cast<double>(jobs) * d.real() * (d.chance(.2) ? 0.01 : 1);
  return l;
}

}  // namespace

TEST_CASE("powerflow does what its rules say cold and after jobs and budgets changed") {
  int changes = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = d.between(1, 6); i > 0; --i) curves.push_back(random_curve(d));
    powerflow policy{.weigh_energy = d.chance(.8),
                     .rank = d.chance(.7) ? ranking::relative : ranking::absolute,
                     .grow = d.chance(.7) ? growth::doubling : growth::next_count,
                     .full = d.chance(.8) ? when_full::skip : when_full::stop,
                     .classes = d.chance(.5),
                     .hard_energy = d.chance(.3),
                     .start_waiting = false};
    std::uint32_t next_id = 0;
    std::vector<candidate> jobs;
    for (int i = d.between(0, 25); i > 0; --i) jobs.push_back(random_job(d, curves, next_id++));
    limits l = random_limits(d, jobs.size());
    for (int turn = 0; turn < 12; ++turn) {
      CAPTURE(turn);
      const allocation want = reference{policy, jobs, l}.solve();
      powerflow cold = policy;
      cold.memory = {};
      allocation warm_out, cold_out;
      policy(jobs, l, warm_out);
      cold(jobs, l, cold_out);
      REQUIRE(warm_out == want);
      REQUIRE(cold_out == want);

      const allocation before = want;
      if (d.chance(.7))
        jobs.insert(jobs.begin() + static_cast<std::ptrdiff_t>(d.index(jobs.size() + 1)),
                    random_job(d, curves, next_id++));
      if (!jobs.empty() && d.chance(.5))
        jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(d.index(jobs.size())));
      if (!jobs.empty() && d.chance(.3))
        std::swap(jobs[d.index(jobs.size())], jobs[d.index(jobs.size())]);
      if (d.chance(.5))
        for (candidate& j : jobs) j.work *= 1 - 0.1 * d.real();
      if (!jobs.empty() && d.chance(.3)) jobs[d.index(jobs.size())].weight = d.real();
      if (d.chance(.3)) l = random_limits(d, jobs.size());
      if (d.chance(.1)) l.power_w *= 1e-3;
      policy(jobs, l, warm_out);
      changes += warm_out != before;
    }
  }
  CHECK(changes > 2000);
}

TEST_CASE("powerflow of thousands of jobs is the same cold and warm") {
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<curve> curves;
    for (int i = 0; i < (seed % 2 ? 3000 : 20); ++i) curves.push_back(random_curve(d));
    std::vector<candidate> jobs;
    std::uint32_t next_id = 0;
    for (int i = 0; i < 3000; ++i) jobs.push_back(random_job(d, curves, next_id++));
    if (seed % 3)
      for (candidate& j : jobs) j.priority = 0;
    powerflow policy{.start_waiting = false};
    for (int turn = 0; turn < 20; ++turn) {
      CAPTURE(turn);
      limits l{.gpus = 6000 + turn};
      if (seed >= 2) l.power_w = 4e5 + 100 * turn;
      if (seed >= 4) l.energy_j = 2e10;
      allocation warm, cold;
      policy(jobs, l, warm);
      powerflow{.start_waiting = false}(jobs, l, cold);
      REQUIRE(warm == cold);
      jobs.push_back(random_job(d, curves, next_id++));
      jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(d.index(jobs.size())));
      if (turn % 4 == 3)
        for (candidate& j : jobs) j.work *= 0.99;
    }
  }
}
