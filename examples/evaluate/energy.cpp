#include "energy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <heddle/allocate/allocate.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/any_scheduler.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/schedule/server_power.hpp>
#include <heddle/sim/engine.hpp>

#include "common/named_policies.hpp"
#include "common/parallel.hpp"
#include "runs.hpp"
#include "believed.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::shortest;
using examples::signed_percent;
using examples::table;
using schedule::any_scheduler;
using schedule::scheduler_options;

constexpr double top_ghz = 1.41;  // of the A100

/// One point of a scheduler's energy–JCT curve.
struct point {
  std::string setting;  ///< of its clock or budget
  double jct_s = 0, p99_s = 0, energy_mwh = 0, ftf = 0, fragmentation = 0, urgent_jct_s = 0;
  bool finished = true;
};

/// A scheduler and what it is swept over: clock caps in GHz or shares of the power between idle and
/// the peak of the first scheduler.
struct contender {
  std::string name;
  bool by_budget = false;
  std::function<any_scheduler(double swept, double budget_w)> make;
};

template <class Order, class Allocate, class Place, class Route>
any_scheduler plan(Order o, Allocate a, Place p, Route r, const scheduler_options& options) {
  return any_scheduler{schedule::scheduler{std::move(o), std::move(a), std::move(p), std::move(r), options}};
}

double off_after_s() { return schedule::break_even_s(fabric::base_power{}, 8); }

point run(const arena& where, const model::workload& jobs, any_scheduler s, bool optical = false) {
  const sim::report r = sim::run(optical ? where.optical : where.fixed, jobs, s);
  point p{.jct_s = r.mean_jct_s, .p99_s = r.p99_jct_s, .energy_mwh = r.energy_j / 3.6e9,
          .ftf = r.mean_ftf, .fragmentation = r.network_fragmentation,
          .finished = r.status == sim::run_status::finished};
  return p;
}

/// Of the contender with budgets, the JCT where its curve crosses `energy`: linear between points,
/// none below the least; above the most the JCT there, which costs less still.
std::optional<double> jct_at(std::vector<point> curve, double energy) {
  std::sort(curve.begin(), curve.end(),
            [](const point& a, const point& b) { return a.energy_mwh < b.energy_mwh; });
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (!curve[i].finished) continue;
    if (curve[i].energy_mwh <= energy) best = std::min(best, curve[i].jct_s);
    if (i + 1 < curve.size() && curve[i].energy_mwh <= energy && energy < curve[i + 1].energy_mwh) {
      const double t = (energy - curve[i].energy_mwh) / (curve[i + 1].energy_mwh - curve[i].energy_mwh);
      best = std::min(best, curve[i].jct_s + t * (curve[i + 1].jct_s - curve[i].jct_s));
    }
  }
  return std::isfinite(best) ? std::optional(best) : std::nullopt;
}

std::vector<contender> contenders() {
  const auto clocked = [](std::string name, auto order, auto allocate, scheduler_options o = {}) {
    o.off_after_s = off_after_s();
    return contender{std::move(name), false, [=](double ghz, double) {
                       return plan(order, allocate::static_clock<decltype(allocate)>{ghz, allocate},
                                   place::packed{}, route::ideal{}, o);
                     }};
  };
  const auto budgeted = [](std::string name, auto allocate, double off_s = off_after_s()) {
    return contender{std::move(name), true, [=](double, double budget_w) {
                       return plan(order::fifo{}, allocate, place::packed{}, route::ideal{},
                                   scheduler_options{.power_budget_w = budget_w, .off_after_s = off_s});
                     }};
  };
  return {clocked("FIFO", order::fifo{}, allocate::requested{}),
          clocked("FIFO, EASY backfill", order::fifo{}, allocate::requested{},
                  {.backfill = schedule::backfill::easy}),
          clocked("SJF", order::shortest{}, allocate::requested{}),
          clocked("SRTF", order::shortest_remaining{}, allocate::requested{}, {.preemptive = true}),
          clocked("Tiresias (least attained)", order::least_attained{}, allocate::requested{},
                  {.preemptive = true}),
          clocked("max-min shares", order::fifo{}, allocate::max_min{}),
          clocked("AFS (throughput marginal)", order::fifo{}, allocate::throughput_marginal{}),
          clocked("Optimus", order::fifo{}, allocate::optimus{}),
          clocked("Pollux", order::fifo{}, allocate::pollux<>{}),
          {"Zeus, SJF", false,
           [](double ghz, double) {
             // Zeus chooses clocks itself: its knob η runs from energy alone to time alone.
             return plan(order::shortest{}, allocate::zeus{.eta = std::clamp((top_ghz - ghz) / .9, 0., 1.)},
                         place::packed{}, route::ideal{}, scheduler_options{.off_after_s = off_after_s()});
           }},
          budgeted("optimal", allocate::optimal<>{}),
          budgeted("powerflow", allocate::powerflow{})};
}

constexpr double clocks_ghz[] = {1.41, 1.2, 1.05, .9, .75};
constexpr double budget_shares[] = {1, .85, .7, .6, .5, .4, .3};

struct curve_of {
  std::string name;
  std::vector<point> points;
};

/// All contenders on one arena; tasks go to `tasks` and fill `into`.
class sweep {
 public:
  sweep(const arena& where, const model::catalogue& known, std::vector<contender> all)
      : where_(where), jobs_(where.with_curves(known)), all_(std::move(all)) {
    any_scheduler first = plan(order::fifo{}, allocate::requested{}, place::packed{}, route::ideal{}, {});
    const schedule::state empty(where.fixed);
    idle_w_ = empty.idle_power_w();
    peak_w_ = sim::run(where.fixed, jobs_, first).peak_power_w;
    for (const contender& c : all_) {
      curve_of& to = curves_.emplace_back();
      to.name = c.name;
      to.points.resize(c.by_budget ? std::size(budget_shares) : std::size(clocks_ghz));
    }
  }
  [[nodiscard]] std::size_t tasks() const {
    std::size_t n = 0;
    for (const curve_of& c : curves_) n += c.points.size();
    return n;
  }
  void run_task(std::size_t i) {
    for (std::size_t c = 0; c < all_.size(); ++c) {
      if (i >= curves_[c].points.size()) {
        i -= curves_[c].points.size();
        continue;
      }
      const double swept = all_[c].by_budget ? budget_shares[i] : clocks_ghz[i];
      const double budget_w = idle_w_ + swept * (peak_w_ - idle_w_);
      point p = run(where_, jobs_, all_[c].make(swept, budget_w));
      p.setting = all_[c].by_budget ? fixed(budget_w / 1e3, 0) + " kW" : fixed(swept, 2) + " GHz";
      curves_[c].points[i] = std::move(p);
      return;
    }
  }
  [[nodiscard]] const std::vector<curve_of>& curves() const { return curves_; }
  [[nodiscard]] const arena& where() const { return where_; }

 private:
  const arena& where_;
  model::workload jobs_;
  std::vector<contender> all_;
  double idle_w_ = 0, peak_w_ = 0;
  std::vector<curve_of> curves_;
};

void print_sweep(const sweep& s, std::size_t reference) {
  const std::vector<point>& best = s.curves()[reference].points;
  table t{.caption = "**" + s.where().name + "**, " + std::to_string(s.where().fixed.gpus()) +
                     " GPUs, load " + fixed(s.where().load(), 2) +
                     ": each scheduler at full clock (or its largest budget), and its JCT over "
                     "powerflow's at the same energy",
          .columns = {{"scheduler", "", true}, {"mean JCT", "s"}, {"p99 JCT", "s"}, {"energy", "MWh"},
                      {"ratio of JCT at full clock"}, {"least and largest over its sweep"}}};
  for (const curve_of& c : s.curves()) {
    std::vector<double> ratios;
    for (const point& p : c.points) {
      const auto at = jct_at(best, p.energy_mwh);
      ratios.push_back(at && p.finished ? p.jct_s / *at : std::nan(""));
    }
    const auto text = [](double r) { return std::isnan(r) ? std::string("–") : fixed(r, 2); };
    double low = std::numeric_limits<double>::infinity(), high = 0;
    for (double r : ratios)
      if (!std::isnan(r)) {
        low = std::min(low, r);
        high = std::max(high, r);
      }
    const point& full = c.points.front();
    t.add({c.name, fixed(full.jct_s, 0), fixed(full.p99_s, 0), fixed(full.energy_mwh, 2), text(ratios.front()),
           high > 0 ? fixed(low, 2) + " … " + fixed(high, 2) : "–"});
  }
  print_markdown(std::cout, t);
}

void write_rows(std::ostream& csv, const std::string& arena, const curve_of& c) {
  for (const point& p : c.points)
    csv << arena << ",\"" << c.name << "\",\"" << p.setting << "\"," << shortest(p.energy_mwh) << ','
        << shortest(p.jct_s) << ',' << shortest(p.p99_s) << ',' << shortest(p.ftf) << ','
        << shortest(p.fragmentation) << ',' << p.finished << '\n';
}
constexpr const char* head =
    "arena,scheduler,setting,energy_mwh,jct_s,p99_jct_s,mean_ftf,network_fragmentation,finished\n";

/// powerflow with one of its parts taken away, and with curves fitted to few samples.
std::vector<contender> ablations(const model::catalogue& known, const arena& where) {
  const auto budgeted = [](std::string name, auto allocate, auto place, double off_s) {
    return contender{std::move(name), true, [=](double, double budget_w) {
                       return plan(order::fifo{}, allocate, place, route::ideal{},
                                   scheduler_options{.power_budget_w = budget_w, .off_after_s = off_s});
                     }};
  };
  std::vector<contender> all{
      budgeted("powerflow", allocate::powerflow{}, place::packed{}, off_after_s()),
      budgeted("without clocks", one_clock<allocate::powerflow>{}, place::packed{}, off_after_s()),
      budgeted("without elasticity", as_requested<allocate::powerflow>{}, place::packed{}, off_after_s()),
      budgeted("without packing (spread)", allocate::powerflow{}, place::spread{}, off_after_s()),
      budgeted("without switching servers off", allocate::powerflow{}, place::packed{},
               std::numeric_limits<double>::infinity())};
  const auto truth = std::make_shared<const model::workload>(where.with_curves(known));
  for (int samples : {3, 5, 9}) {
    const auto fitted = std::make_shared<const fitted_curves>(*truth, samples, 0.03);
    all.push_back(budgeted("curves from " + std::to_string(samples) + " samples each",
                           believed<allocate::powerflow>{.fitted = fitted}, place::packed{}, off_after_s()));
  }
  return all;
}

void run_all(std::vector<sweep>& sweeps, const std::function<void(std::size_t, std::size_t)>& told,
             std::size_t& done, std::size_t in_all) {
  std::mutex guard;
  std::vector<std::pair<std::size_t, std::size_t>> tasks;
  for (std::size_t s = 0; s < sweeps.size(); ++s)
    for (std::size_t i = 0; i < sweeps[s].tasks(); ++i) tasks.emplace_back(s, i);
  examples::in_parallel(tasks.size(), [&](std::size_t i) {
    sweeps[tasks[i].first].run_task(tasks[i].second);
    const std::lock_guard lock(guard);
    told(++done, in_all);
  });
}

std::size_t tasks_of(const std::vector<sweep>& sweeps) {
  std::size_t n = 0;
  for (const sweep& s : sweeps) n += s.tasks();
  return n;
}

}  // namespace

void evaluate_energy(const energy_options& asked,
                     const std::function<void(std::size_t, std::size_t)>& told) {
  const model::catalogue known;
  const std::vector<arena> all = arenas(asked, known, 1);
  std::vector<sweep> rivals, parts;
  for (const arena& a : all) {
    rivals.emplace_back(a, known, contenders());
    parts.emplace_back(a, known, ablations(known, a));
  }
  const std::size_t in_all = tasks_of(rivals) + tasks_of(parts);
  std::size_t done = 0;
  run_all(rivals, told, done, in_all);
  run_all(parts, told, done, in_all);

  std::ofstream csv(asked.out / "energy.csv");
  csv << head;
  for (const sweep& s : rivals) {
    print_sweep(s, s.curves().size() - 1);
    for (const curve_of& c : s.curves()) write_rows(csv, s.where().name, c);
  }
  for (const sweep& s : parts) {
    const std::vector<curve_of>& curves = s.curves();
    table t{.caption = "**" + s.where().name + "**: powerflow without one of its parts, at three budgets "
                       "(share of the power between idle and FIFO's peak)",
            .columns = {{"variant", "", true}, {"JCT at 100 %", "s"}, {"energy", "MWh"}, {"JCT at 70 %", "s"},
                        {"energy", "MWh"}, {"JCT at 50 %", "s"}, {"energy", "MWh"}}};
    for (const curve_of& c : curves) {
      std::vector<std::string> row{c.name};
      for (std::size_t i : {0u, 2u, 4u}) {
        row.push_back(fixed(c.points[i].jct_s, 0) + " (" +
                      signed_percent(c.points[i].jct_s / curves[0].points[i].jct_s - 1) + ")");
        row.push_back(fixed(c.points[i].energy_mwh, 2));
      }
      t.add(std::move(row));
      write_rows(csv, s.where().name + " ablation", c);
    }
    print_markdown(std::cout, t);
  }
}

namespace {

/// Steps from what clusters do today to both papers at once.
struct step {
  std::string name;
  bool optical = false;
  std::function<any_scheduler(double budget_w)> make;
};

template <class Last>
auto chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

std::vector<step> steps() {
  const auto of = [](std::string name, auto allocate, auto place, auto route, scheduler_options o,
                     bool optical = false) {
    return step{std::move(name), optical, [=](double budget_w) mutable {
                  o.power_budget_w = budget_w;
                  return plan(order::fifo{}, allocate, place, route, o);
                }};
  };
  const scheduler_options joint{.joint = true}, off{.joint = true, .off_after_s = off_after_s()};
  const allocate::requested fixed_size;
  const allocate::powerflow elastic;
  const as_requested<allocate::powerflow> clocks;
  return {of("packed, ECMP", fixed_size, place::packed{}, route::ecmp{}, {}),
          of("vClos alone (m·n)", fixed_size, chain(place::vclos{.any_size = false}), route::source{}, {}),
          of("isolation of any size", fixed_size, chain(place::vclos{}), route::source{}, {}),
          of("PowerFlow alone (packed, ECMP)", elastic, place::packed{}, route::ecmp{}, {}),
          of("isolation + clocks", clocks, chain(place::vclos{}), route::source{}, {}),
          of("isolation + clocks + elasticity", elastic, chain(place::vclos{}), route::source{}, {}),
          of("… placed jointly", elastic, chain(place::vclos{}), route::source{}, joint),
          of("… and idle servers off", elastic, chain(place::vclos{}), route::source{}, off),
          of("… and OCS (free rewiring)", elastic,
             chain(place::ocs_vclos{.may_move = place::rewiring::free}), route::source{}, off, true)};
}

}  // namespace

void evaluate_joint(const energy_options& asked,
                    const std::function<void(std::size_t, std::size_t)>& told) {
  const model::catalogue known;
  const std::vector<arena> all = arenas(asked, known, 1);
  const std::vector<step> todo = steps();
  constexpr double shares[] = {1, .8, .65, .5};
  const std::size_t n = std::size(shares), in_all = all.size() * todo.size() * n;
  std::vector<point> points(in_all);
  std::vector<model::workload> jobs;
  std::vector<double> idle_w, peak_w;
  for (const arena& a : all) {
    jobs.push_back(a.with_curves(known));
    any_scheduler first = todo[0].make(std::numeric_limits<double>::infinity());
    idle_w.push_back(schedule::state(a.optical).idle_power_w());
    peak_w.push_back(sim::run(a.fixed, jobs.back(), first).peak_power_w);
  }
  std::mutex guard;
  std::size_t done = 0;
  examples::in_parallel(in_all, [&](std::size_t i) {
    const std::size_t share = i % n, s = i / n % todo.size(), a = i / n / todo.size();
    const double budget_w = idle_w[a] + shares[share] * (peak_w[a] - idle_w[a]);
    points[i] = run(all[a], jobs[a], todo[s].make(budget_w), todo[s].optical);
    points[i].setting = fixed(budget_w / 1e3, 0) + " kW";
    const std::lock_guard lock(guard);
    told(++done, in_all);
  });

  std::ofstream csv(asked.out / "joint.csv");
  csv << head;
  for (std::size_t a = 0; a < all.size(); ++a) {
    table t{.caption = "**" + all[a].name + "**, " + std::to_string(all[a].fixed.gpus()) + " GPUs, load " +
                       fixed(all[a].load(), 2) +
                       ": budgets as shares of the power between idle and the first scheduler's peak",
            .columns = {{"scheduler", "", true}, {"JCT at 100 %", "s"}, {"energy", "MWh"}, {"FTF ρ"},
                        {"fragmentation"}, {"JCT at 80 %", "s"}, {"energy", "MWh"}, {"JCT at 65 %", "s"},
                        {"energy", "MWh"}}};
    for (std::size_t s = 0; s < todo.size(); ++s) {
      const point* p = &points[(a * todo.size() + s) * n];
      t.add({todo[s].name, fixed(p[0].jct_s, 0), fixed(p[0].energy_mwh, 2), fixed(p[0].ftf, 2),
             percent(p[0].fragmentation), fixed(p[1].jct_s, 0), fixed(p[1].energy_mwh, 2),
             fixed(p[2].jct_s, 0), fixed(p[2].energy_mwh, 2)});
      write_rows(csv, all[a].name, {todo[s].name, {p, p + n}});
    }
    print_markdown(std::cout, t);
  }
}

}  // namespace heddle::evaluate
