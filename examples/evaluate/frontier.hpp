// Energy–JCT curves of several schedulers on one cluster, over seeds.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/server_power.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/report.hpp>

#include "common/parallel.hpp"
#include "plan.hpp"
#include "runs.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

/// One run: a point of a scheduler's energy–JCT curve.
struct point {
  std::string setting;  ///< its clock or budget
  double jct_s = 0, p99_s = 0, energy_mwh = 0, ftf = 0, fragmentation = 0, slowdown = 1;
  bool finished = true;
};

/// A scheduler, and what it is swept over: clock caps in GHz, or shares of the power between idle and
/// the peak of first come, first served.
struct contender {
  std::string name;
  bool by_budget = false;
  std::function<any_plan(double swept, double budget_w)> make;
  bool by_price = false;  ///< swept over energy prices, in job-seconds a joule
  bool finer = false;     ///< and over what lies between two of the sweep
};

/// A setting of one contender beside another at the same energy.
struct compared {
  std::size_t contender = 0, setting = 0;
  running_statistics ratio;
  double energy_mwh = 0;
};

struct sweep_of {
  std::span<const double> clocks_ghz, budget_shares, energy_prices = {};
};

[[nodiscard]] inline double off_after_s() {
  return schedule::break_even_s(fabric::base_power{}, 8);
}

/// The JCT of `curve` where its energy is `energy`: linear between points, none below the least;
/// above the most the JCT there, which costs less still.
[[nodiscard]] inline std::optional<double> jct_at(std::vector<point> curve, double energy) {
  std::sort(curve.begin(), curve.end(),
            [](const point& a, const point& b) { return a.energy_mwh < b.energy_mwh; });
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < curve.size(); ++i) {
    const point& p = curve[i];
    if (!p.finished || p.energy_mwh > energy) continue;
    best = std::min(best, p.jct_s);
    if (i + 1 == curve.size() || curve[i + 1].energy_mwh <= energy) continue;
    const double t = (energy - p.energy_mwh) / (curve[i + 1].energy_mwh - p.energy_mwh);
    best = std::min(best, p.jct_s + t * (curve[i + 1].jct_s - p.jct_s));
  }
  return std::isfinite(best) ? std::optional(best) : std::nullopt;
}

/// All contenders on one arena, seed by seed. Call `add` for each seed, `run_all`, then look.
class frontier {
 public:
  explicit frontier(sweep_of over) : over_(over) {}

  void add(const arena& where, std::vector<contender> all) {
    seed s{where, where.with_curves(model::catalogue{}), std::move(all), 0, 0, {}};
    s.idle_w = schedule::state{where.on.optical}.idle_power_w();
    s.peak_w = plan(order::fifo{}, any_allocation::of(allocate::requested{}), place::packed{},
                    {route::ideal{}})
                   .run(where.on, s.jobs)
                   .peak_power_w;
    for (const contender& c : s.all) s.curves.emplace_back(steps(c));
    seeds_.push_back(std::move(s));
  }

  [[nodiscard]] std::size_t tasks() const {
    std::size_t n = 0;
    for (const auto& c : seeds_[0].curves) n += c.size();
    return n * seeds_.size();
  }
  /// Any thread, each task once.
  void run_task(std::size_t i) {
    const std::size_t each = tasks() / seeds_.size();
    seed& s = seeds_[i / each];
    i %= each;
    std::size_t c = 0;
    for (; i >= s.curves[c].size(); ++c) i -= s.curves[c].size();
    const contender& who = s.all[c];
    const std::span<const double> sweep = sweep_for(who);
    const double swept = who.finer ? (sweep[i / 2] + sweep[(i + 1) / 2]) / 2 : sweep[i];
    const double budget_w = s.idle_w + swept * (s.peak_w - s.idle_w);
    const sim::report r = who.make(swept, budget_w).run(s.where.on, s.jobs);
    s.curves[c][i] = {.setting = who.by_price    ? examples::shortest(swept) + " job-s/J"
                                 : who.by_budget ? examples::percent(swept, 0) + " of the power"
                                                 : examples::fixed(swept, 2) + " GHz",
                      .jct_s = r.mean_jct_s,
                      .p99_s = r.p99_jct_s,
                      .energy_mwh = r.energy_j / 3.6e9,
                      .ftf = r.mean_ftf,
                      .fragmentation = r.network_fragmentation,
                      .slowdown = r.mean_slowdown,
                      .finished = r.status == sim::run_status::finished};
  }

  [[nodiscard]] std::string title() const {
    running_statistics load;
    for (const seed& s : seeds_) load.add(s.where.load());
    return seeds_[0].where.name + ", " + std::to_string(seeds_[0].where.on.fixed.gpus()) +
           " GPUs, load " + examples::fixed(load.mean(), 2);
  }
  [[nodiscard]] std::size_t contenders() const { return seeds_[0].all.size(); }
  [[nodiscard]] std::size_t settings(std::size_t c) const { return seeds_[0].curves[c].size(); }
  [[nodiscard]] const std::string& name(std::size_t c) const { return seeds_[0].all[c].name; }

  /// Whether all jobs of all seeds did.
  [[nodiscard]] bool finished(std::size_t c, std::size_t i) const {
    return std::all_of(seeds_.begin(), seeds_.end(),
                       [&](const seed& s) { return s.curves[c][i].finished; });
  }
  /// Over seeds.
  [[nodiscard]] running_statistics over(std::size_t c, std::size_t i, double point::*number) const {
    running_statistics x;
    for (const seed& s : seeds_) x.add(s.curves[c][i].*number);
    return x;
  }
  /// Relative to another contender at the same setting, seed by seed.
  [[nodiscard]] running_statistics against(std::size_t c, std::size_t i, std::size_t base,
                                           double point::*number) const {
    running_statistics x;
    for (const seed& s : seeds_) x.add(s.curves[c][i].*number / s.curves[base][i].*number - 1);
    return x;
  }
  /// JCT over the least of `bases` at the same energy, seed by seed; none where they need more energy
  /// for any of them.
  [[nodiscard]] std::optional<running_statistics> ratio(std::size_t c, std::size_t i,
                                                        std::span<const std::size_t> bases) const {
    running_statistics x;
    for (const seed& s : seeds_) {
      const point& p = s.curves[c][i];
      std::vector<point> base;
      for (std::size_t b : bases) base.insert(base.end(), s.curves[b].begin(), s.curves[b].end());
      const auto at = jct_at(std::move(base), p.energy_mwh);
      if (!at || !p.finished) return std::nullopt;
      x.add(p.jct_s / *at);
    }
    return x;
  }

  [[nodiscard]] std::optional<running_statistics> ratio(std::size_t c, std::size_t i,
                                                        std::size_t base) const {
    return ratio(c, i, std::span(&base, 1));
  }

  /// All settings of `c` at energies that `bases` reach too.
  [[nodiscard]] std::vector<compared> all_against(std::size_t c,
                                                  std::span<const std::size_t> bases) const {
    std::vector<compared> all;
    for (std::size_t i = 0; i < settings(c); ++i)
      if (const auto r = ratio(c, i, bases))
        all.push_back({c, i, *r, over(c, i, &point::energy_mwh).mean()});
    return all;
  }
  [[nodiscard]] const std::string& setting(std::size_t c, std::size_t i) const {
    return seeds_[0].curves[c][i].setting;
  }
  /// The index of a contender by name; `contenders()` if there is none.
  [[nodiscard]] std::size_t find(const std::string& called) const {
    std::size_t c = 0;
    while (c < contenders() && name(c) != called) ++c;
    return c;
  }

  static constexpr const char* csv_head =
      "arena,scheduler,setting,energy_mwh,jct_s,jct_ci,p99_jct_s,mean_ftf,network_fragmentation,"
      "mean_slowdown,finished\n";
  void write_rows(std::ostream& csv, const std::string& suffix) const {
    using examples::shortest;
    for (std::size_t c = 0; c < contenders(); ++c)
      for (std::size_t i = 0; i < settings(c); ++i) {
        csv << seeds_[0].where.name << suffix << ",\"" << name(c) << "\",\""
            << seeds_[0].curves[c][i].setting << "\","
            << shortest(over(c, i, &point::energy_mwh).mean()) << ','
            << shortest(over(c, i, &point::jct_s).mean()) << ','
            << shortest(half_width(over(c, i, &point::jct_s)));
        for (double point::*m :
             {&point::p99_s, &point::ftf, &point::fragmentation, &point::slowdown})
          csv << ',' << shortest(over(c, i, m).mean());
        csv << ',' << finished(c, i) << '\n';
      }
  }

 private:
  struct seed {
    arena where;
    model::workload jobs;
    std::vector<contender> all;
    double idle_w, peak_w;
    std::vector<std::vector<point>> curves;  // by contender and setting
  };
  [[nodiscard]] std::size_t steps(const contender& c) const {
    const std::size_t n = sweep_for(c).size();
    return c.finer ? 2 * n - 1 : n;
  }
  [[nodiscard]] std::span<const double> sweep_for(const contender& c) const {
    if (c.by_price) return over_.energy_prices;
    return c.by_budget ? over_.budget_shares : over_.clocks_ghz;
  }

  sweep_of over_;
  std::vector<seed> seeds_;
};

/// Runs all tasks of all of them on all processors.
inline void run_all(std::span<frontier> all, const progress& told) {
  std::vector<std::pair<std::size_t, std::size_t>> tasks;
  for (std::size_t f = 0; f < all.size(); ++f)
    for (std::size_t i = 0; i < all[f].tasks(); ++i) tasks.emplace_back(f, i);
  std::mutex guard;
  std::size_t done = 0;
  examples::in_parallel(tasks.size(), [&](std::size_t i) {
    all[tasks[i].first].run_task(tasks[i].second);
    const std::lock_guard lock(guard);
    told(++done, tasks.size());
  });
}

}  // namespace heddle::evaluate
