// How far price_path is from what any schedule can reach, beside others.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>
#include <vector>

#include <heddle/allocate/ideal_run.hpp>
#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/path_bound.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/priced_clock.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/catalogue.hpp>

#include "energy.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::table;

constexpr allocate::limits room{.gpus = 64, .gpu_idle_w = 60};

/// Jobs of the catalogue's models: all at once, or in bursts.
struct instance {
  std::vector<model::curve> curves;
  std::vector<allocate::known_job> jobs;
};
instance draw(std::uint64_t seed) {
  stream bits(seed, 0, "evaluate bound");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  const auto some = 40 + static_cast<std::size_t>(21 * unit());
  instance s;
  for (int i = 0; i < 10; ++i) {
    const double share = .003 + .15 * unit() * unit(), bound = .1 + .5 * unit();
    std::vector<model::operating_point> points;
    for (int n = 1; n <= 64; n *= 2)
      for (const double f : {.6, .75, .9, 1.05, 1.2, 1.41}) {
        const double volt = 1 + .62 * std::max(0., f - 1.06);
        points.push_back({.config = {.gpus = n, .servers = (n + 7) / 8, .clock_ghz = f},
                          .throughput = n / (bound + (1 - bound) * 1.41 / f + share * (n - 1)),
                          .power_w = n * (60 + 160 * f * volt * volt),
                          .waiting_power_w = n * 60.});
      }
    s.curves.emplace_back(std::move(points));
  }
  double now = 0;
  for (std::size_t i = 0; i < some; ++i) {
    if (seed % 2 != 0 && unit() < .2) now += 4000 * unit();
    s.jobs.push_back({.arrival_s = now, .work = std::exp(6 + 4.5 * unit())});
  }
  for (std::size_t i = 0; i < some; ++i) s.jobs[i].curve = &s.curves[i % s.curves.size()];
  return s;
}

struct reached {
  double jct_s = 0, energy_j = 0, price = -1, cost = 0;
  std::vector<allocate::price_slot> prices;
};
template <class Policy>
reached run(Policy policy, const instance& s, double price) {
  policy.energy_price = price;
  const allocate::ideal_run_answer r = allocate::ideal_run(policy, s.jobs, room);
  const auto n = static_cast<double>(s.jobs.size());
  return {r.weighted_time_s / n, r.energy_j, price, r.weighted_time_s + price * r.energy_j,
          r.prices};
}
/// The point of least energy price at which no more than `energy_j` is taken; price < 0 where there is none.
template <class Policy>
reached at_energy(Policy policy, const instance& s, double energy_j) {
  reached r = run(policy, s, 0);
  if (r.energy_j <= energy_j) return r;
  double low = 1e-7, high = 1;
  reached best = run(policy, s, high);
  if (best.energy_j > energy_j) return {};
  for (int i = 0; i < 16; ++i) {
    r = run(policy, s, std::sqrt(low * high));
    if (r.energy_j <= energy_j)
      high = r.price, best = r;
    else
      low = r.price;
  }
  return best;
}

}  // namespace

void evaluate_bound(const bound_options& asked, const progress& told) {
  constexpr double shares[] = {1, .8, .6, .5};
  table t{.caption =
              "**Beside the clairvoyant bound**: mean completion time over the least that any "
              "schedule can have with as much energy (jobs' GPUs beyond idle; moves are free). "
              "Energy in parts of that of AFS at full clock",
          .columns = {{"energy", "", true},
                      {"instances that can have it"},
                      {"price path, mean"},
                      {"worst"},
                      {"AFS with an energy price, mean"},
                      {"worst"},
                      {"that can"}},
          .groups = {{}}};
  running_statistics all;
  std::vector<running_statistics> own(4), afs(4);
  for (int seed = 0; seed < asked.instances; ++seed) {
    const instance s = draw(static_cast<std::uint64_t>(seed));
    const auto n = static_cast<double>(s.jobs.size());
    const double full = run(allocate::priced_clock<allocate::throughput_marginal>{}, s, 0).energy_j;
    for (std::size_t k = 0; k < 4; ++k) {
      const reached p = at_energy(allocate::price_path{}, s, shares[k] * full);
      if (p.price < 0) continue;
      allocate::path_bound bound;
      const auto least = [&](const reached& at) {
        const allocate::path_bound_answer a = bound(s.jobs, at.prices,
                                                    {.gpus = room.gpus,
                                                     .gpu_idle_w = room.gpu_idle_w,
                                                     .energy_price = at.price,
                                                     .known_cost = at.cost,
                                                     .steps = asked.steps});
        return [=](double energy_j) { return (a.cost - at.price * energy_j) / n; };
      }(p);
      own[k].add(p.jct_s / least(p.energy_j));
      all.add(p.jct_s / least(p.energy_j));
      const reached a =
          at_energy(allocate::priced_clock<allocate::throughput_marginal>{}, s, shares[k] * full);
      if (a.price >= 0) afs[k].add(a.jct_s / least(a.energy_j));
    }
    told(static_cast<std::size_t>(seed) + 1, static_cast<std::size_t>(asked.instances));
  }
  for (std::size_t k = 0; k < 4; ++k)
    t.add({percent(shares[k], 0), std::to_string(own[k].count()), fixed(own[k].mean(), 4),
           fixed(own[k].max(), 4), afs[k].count() ? fixed(afs[k].mean(), 4) : std::string("–"),
           afs[k].count() ? fixed(afs[k].max(), 4) : std::string("–"),
           std::to_string(afs[k].count())});
  print_markdown(std::cout, t);
  std::cout << "\nOver all " << all.count() << ": mean " << fixed(all.mean(), 4) << ", worst "
            << fixed(all.max(), 4) << ".\n";
}

}  // namespace heddle::evaluate
