// Budgets of energy paced by work, and work that is forecast, beside a constant price and known work.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/sim/rehearse.hpp>

#include "energy.hpp"
#include "frontier.hpp"
#include "runs.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::table;

/// What a run came to, and the energy that it had used at a time.
struct seen_run {
  double jct_s = 0, by_then_j = 0;
  bool finished = true;
  double energy_j = 0;  ///< of a job, in the mean
};
seen_run run(const arena& where, const model::workload& jobs, const any_allocation& how,
             schedule::scheduler_options o, double then_s,
             const std::function<void(const sim::moment&)>& also = {}) {
  o.off_after_s = off_after_s();
  any_plan p = plan(order::fifo{}, how, place::packed{}, {route::ideal{}}, {.options = o});
  double at_s = jobs.jobs.front().submit_s, energy_j = 0, power_w = 0, by_then_j = -1;
  const sim::report r = p.run(where.on, jobs, {}, {.after_each_time = [&](const sim::moment& m) {
                                if (by_then_j < 0 && m.now_s >= then_s)
                                  by_then_j = energy_j + (then_s - at_s) * power_w;
                                at_s = m.now_s;
                                energy_j = m.state.energy_j;
                                power_w = m.power_w;
                                if (also) also(m);
                              }});
  if (by_then_j < 0) by_then_j = energy_j + std::max(0.0, then_s - at_s) * power_w;
  return {r.mean_jct_s, by_then_j, r.status == sim::run_status::finished,
          r.energy_j / static_cast<double>(r.records.size())};
}

}  // namespace

void evaluate_budget(const energy_options& asked) {
  const model::catalogue known;
  const any_allocation how = any_allocation::of(allocate::price_path{});
  table t{
      .caption =
          "**A budget of energy for the horizon from the first submission to the last, as much as "
          "a constant price spends in it**: part of the jobs' energy that is spent in it, and mean "
          "JCT over that of the constant price (means over seeds, worst in brackets)",
      .columns = {{"arena", "", true},
                  {"price", "job-s/J"},
                  {"told: spent"},
                  {"JCT"},
                  {"forecast: spent"},
                  {"JCT"},
                  {"by time: spent"},
                  {"JCT"}}};
  const std::size_t in_all = arenas(asked, known, 1, further_traces).size();
  for (std::size_t a = 0; a < in_all; ++a)
    for (const double price : {1e-4, 3e-4, 1e-3}) {
      std::array<running_statistics, 3> spent, jct;
      std::string name;
      for (int seed = 1; seed <= asked.seeds; ++seed) {
        const arena where =
            arenas(asked, known, static_cast<std::uint64_t>(seed), further_traces)[a];
        name = where.name;
        const model::workload jobs = where.with_curves(known);
        const schedule::state idle{where.on.fixed};
        const double end_s = jobs.jobs.back().submit_s;
        const double horizon_s = end_s - jobs.jobs.front().submit_s;
        const double floor_j = idle.power_when_off_w() * horizon_s;
        const seen_run constant = run(where, jobs, how, {.energy_price = price}, end_s);
        for (std::size_t k = 0; k < 3; ++k) {
          schedule::scheduler_options o;
          o.energy = {.energy_j = constant.by_then_j,
                      .horizon_s = horizon_s,
                      .hard = k < 2,
                      .pace_by_work = k < 2,
                      .learn_s = std::min(86400., horizon_s / 5)};
          if (k == 0)
            o.energy.plan = sim::rehearse(o.energy, horizon_s, [&](double at_price, auto& meter) {
              (void)run(where, jobs, how, {.energy_price = at_price}, end_s, std::ref(meter));
            });
          if (k == 1) o.energy_price = price;  // of the first day, of which nothing is known
          const seen_run r = run(where, jobs, how, o, end_s);
          spent[k].add((r.by_then_j - floor_j) / (constant.by_then_j - floor_j));
          jct[k].add(r.jct_s / constant.jct_s);
        }
      }
      std::vector<std::string> row{name, examples::shortest(price)};
      for (std::size_t k = 0; k < 3; ++k) {
        row.push_back(percent(spent[k].mean(), 1) + " (" + percent(spent[k].min(), 1) + ")");
        row.push_back(fixed(jct[k].mean(), 3) + " (" + fixed(jct[k].max(), 3) + ")");
      }
      t.add(std::move(row));
    }
  print_markdown(std::cout, t);
}

void evaluate_forecasts(const energy_options& asked) {
  constexpr traced philly[] = {{"philly_all", 14}};  // its jobs tell their virtual clusters
  const model::catalogue known;
  const any_allocation own = any_allocation::of(allocate::price_path{}),
                       afs = any_allocation::of(allocate::throughput_marginal{});
  table t{
      .caption =
          "**Work left forecast from jobs that have ended**: mean JCT + price · energy of a job, "
          "which both make least, of AFS with the same price of energy over price path's, with "
          "work "
          "known and forecast, and the part of the gain that stays (95 % intervals over seeds; "
          "\"–\": "
          "the whole gain is within its interval)",
      .columns = {{"arena", "", true}, {"price", "job-s/J"}, {"known"}, {"forecast"}, {"stays"}}};
  const std::size_t in_all = arenas(asked, known, 1, philly).size();
  for (std::size_t a = 0; a < in_all; ++a)
    for (const double price : {0., 3e-4, 1e-3}) {
      running_statistics known_gain, forecast_gain;
      std::string name;
      for (int seed = 1; seed <= asked.seeds; ++seed) {
        const arena where = arenas(asked, known, static_cast<std::uint64_t>(seed), philly)[a];
        name = where.name;
        const model::workload jobs = where.with_curves(known);
        const auto cost = [&](const any_allocation& policy, bool forecast) {
          const seen_run r =
              run(where, jobs, policy, {.energy_price = price, .forecast_work = forecast}, 0);
          return r.jct_s + price * r.energy_j;
        };
        const double base = cost(afs, false);
        known_gain.add(base / cost(own, false));
        forecast_gain.add(base / cost(own, true));
      }
      const bool certain = known_gain.mean() - half_width(known_gain) > 1;
      t.add({name, examples::shortest(price), mean_and_interval(known_gain, 3),
             mean_and_interval(forecast_gain, 3),
             certain ? percent((forecast_gain.mean() - 1) / (known_gain.mean() - 1), 0)
                     : std::string("–")});
    }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
