// What each step of adoption buys: the same jobs on the same cluster, with ever more of heddle.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include <heddle/core/statistics.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/schedule/server_power.hpp>
#include <heddle/schedule/state.hpp>

#include "common/parallel.hpp"
#include "common/program.hpp"
#include "common/run_simulation.hpp"
#include "common/simulation.hpp"

namespace heddle::advise {

using examples::cluster;
using examples::simulation_spec;

/// A step and what it changes in a run.
struct step {
  std::string_view name, what, needs;
  std::string_view costs;  ///< how it can make things worse
  void (*apply)(simulation_spec&, const cluster&);
};

/// In the order of adoption: what costs nothing but software comes first.
inline constexpr std::array<step, 7> steps{{
    {"source routing",
     "A flow's uplink follows from its GPU's place under the leaf, not from a hash",
     "static routes in hosts or switches",
     "Fixed paths do not step aside: jobs whose flows share an uplink collide as long as they run.",
     [](simulation_spec& s, const cluster&) { s.names.route = "source"; }},
    {"isolation", "A job that crosses leafs owns its links: virtual Clos networks of equal leafs",
     "the placement, ranks in its order, routes per job",
     "A job that finds GPUs but no free links waits, and under a strict order so do those behind "
     "it.",
     [](simulation_spec& s, const cluster&) { s.names.place = "vclos_even"; }},
    {"isolation, any size", "Virtual Clos networks with unequal leafs too", "the same",
     "A job that finds GPUs but no free links waits, and under a strict order so do those behind "
     "it.",
     [](simulation_spec& s, const cluster&) { s.names.place = "vclos"; }},
    {"clocks", "Each job at the clock of its best trade of energy for time (Zeus, η = ½)",
     "the right to set clocks; measured curves",
     "At a lower clock a job draws less and takes longer; it holds its GPUs longer, and others "
     "wait for them.",
     [](simulation_spec& s, const cluster&) { s.names.allocate = "zeus"; }},
    {"elasticity", "GPUs and clock together by time saved per energy spent (PowerFlow)",
     "jobs that can be stopped and go on with another number of GPUs",
     "It takes the place of the step \u201cclocks\u201d: without a power budget it hands out GPUs "
     "and clocks as long as "
     "they save time, whatever they draw. Small shares let jobs start sooner and run longer, and "
     "each resize costs time.",
     [](simulation_spec& s, const cluster&) { s.names.allocate = "powerflow"; }},
    {"idle servers off", "A server that has been idle for its break-even time is switched off",
     "servers that wake reliably", "A job that gets a server that is off waits until it has woken.",
     [](simulation_spec& s, const cluster& c) {
       s.options.off_after_s = schedule::break_even_s(c.power, c.fabric.gpus_per_server());
     }},
    {"optical switches", "Circuits between leafs and spines where the jobs need them (OCS-vClos)",
     "optical circuit switches and their control",
     "They draw power all the time, and a job waits while its circuits are set up. They pay where "
     "jobs wait for links.",
     [](simulation_spec& s, const cluster&) { s.names.place = "ocs_vclos"; }},
}};
inline constexpr std::size_t last_step = steps.size() - 1;

/// What the cluster does today: packed placement, ECMP, the GPUs asked for at full clock.
[[nodiscard]] inline simulation_spec today(simulation_spec s) {
  s.names = {.order = s.names.order, .allocate = "requested", .place = "packed", .route = "ecmp"};
  return s;
}

/// Of each server, the type of its GPUs; empty where all are of type 0.
[[nodiscard]] inline std::vector<std::uint16_t> types_of(const fabric::hosts& h) {
  std::vector<std::uint16_t> out;
  if (h.gpu_types() == 1) return out;
  for (server_id s : h.all_servers()) out.push_back(h.type_of(s));
  return out;
}

/// The optical fabric to compare with: the cluster's own, or one of the same ports. Each leaf keeps its
/// uplinks, one to each OCS; each spine has at least the ports that it had.
[[nodiscard]] inline cluster with_circuits(const cluster& c) {
  if (c.fabric.circuits()) return c;
  const fabric::leaf_spine_shape& s = c.fabric.fixed()->shape();
  const int uplinks = c.fabric.uplinks();
  cluster out = c;
  out.fabric =
      fabric::leaf_spine_ocs{{.leafs = s.leafs,
                              .spines = s.spines,
                              .switches = uplinks,
                              .leaf_fibres = 1,
                              .spine_fibres = (s.leafs * s.links_per_pair + uplinks - 1) / uplinks,
                              .servers_per_leaf = s.servers_per_leaf,
                              .gpus_per_server = s.gpus_per_server,
                              .link_gbps = s.link_gbps,
                              .server_gbps = s.server_gbps,
                              .type_of_server = types_of(c.fabric.hosts())}};
  return out;
}

/// What is compared. All of one run.
struct numbers {
  double mean_jct_s = 0, p99_jct_s = 0, mean_jwt_s = 0;
  double urgent_jwt_s = 0;  ///< mean wait of the jobs above the lowest priority
  double energy_kwh = 0;    ///< of the whole cluster over `period_s`
  double busy_gpu_h = 0;    ///< GPU hours held by jobs
  std::vector<double> busy_h_of_type =
      {};  ///< the same by type of GPU, by number; empty: all are alike
  double makespan_s = 0;
  std::size_t stuck = 0;  ///< jobs that never start
};

/// A scheduler with the numbers of every seed.
struct variant {
  std::string name;
  simulation_spec spec;
  bool optical = false;
  std::vector<numbers> runs = {};

  [[nodiscard]] std::size_t stuck() const {
    std::size_t n = 0;
    for (const numbers& r : runs) n = std::max(n, r.stuck);
    return n;
  }
};

/// Everything that was run.
struct advice {
  variant base;
  std::vector<variant> alone, together;  ///< by step; together: with all steps before it
  std::size_t jobs = 0, urgent = 0;      ///< jobs, and those above the lowest priority
  std::size_t can_grow = 0;              ///< jobs with a use for more GPUs than they ask for
  std::vector<double> period_s;          ///< of each seed: the longest run of that seed
  std::vector<std::string> gpu_types;    ///< as of `cluster`
};

/// A difference over the seeds, paired: the same jobs under both.
struct difference {
  double mean = 0;            ///< of variant − base
  double relative = 0;        ///< of the base's mean; 0 if that is 0
  bool exact = false;         ///< none at all, in any run
  bool known = true;          ///< false for a single run: nothing says how much chance does
  bool beyond_noise = false;  ///< outside the 95 % interval of Student's t
};

template <class Number>
[[nodiscard]] difference compare(const variant& base, const variant& v, Number&& number) {
  running_statistics d, b;
  difference out{.exact = true};
  for (std::size_t i = 0; i < base.runs.size(); ++i) {
    const double x = number(v.runs[i]) - number(base.runs[i]);
    out.exact &= x == 0;
    d.add(x);
    b.add(number(base.runs[i]));
  }
  out.mean = d.mean();
  out.relative = b.mean() != 0 ? d.mean() / b.mean() : 0;
  out.known = d.count() > 1;
  if (out.known && !out.exact) {
    const double n = static_cast<double>(d.count());
    const double t = quantile(boost::math::students_t(n - 1), 0.975);
    out.beyond_noise = std::abs(d.mean()) > t * d.stddev() / std::sqrt(n);
  }
  return out;
}

namespace detail {

/// Power of the cluster when nothing is left to do.
inline double at_rest_w(const variant& v, const cluster& c) {
  const bool off = v.spec.options.off_after_s < std::numeric_limits<double>::infinity();
  return c.fabric.on([&](const auto& dc) {
    return fabric::watts_of(off ? fabric::parts_when_off(dc) : fabric::parts_when_idle(dc, c.power),
                            c.power)
        .total();
  });
}

inline numbers numbers_of(const sim::report& r, const model::workload& w, int lowest, int gpus) {
  numbers n{.mean_jct_s = r.mean_jct_s,
            .p99_jct_s = r.p99_jct_s,
            .mean_jwt_s = r.mean_jwt_s,
            .energy_kwh = r.energy_j / 3.6e6,
            .busy_gpu_h = r.gpu_utilization * gpus * r.makespan_s / 3600,
            .makespan_s = r.makespan_s,
            .stuck = r.stuck_jobs.size()};
  for (double s : r.used_gpu_s_of_type) n.busy_h_of_type.push_back(s / 3600);
  running_statistics urgent;
  for (std::size_t i = 0, k = 0; i < w.size() && k < r.records.size(); ++i) {
    if (w.jobs[i].id != r.records[k].id) continue;  // stuck
    if (w.jobs[i].priority > lowest) urgent.add(r.records[k].jwt_s());
    ++k;
  }
  n.urgent_jwt_s = urgent.mean();
  return n;
}

}  // namespace detail

/// Runs all variants on seeds `spec.seed`, `spec.seed` + 1, … and brings their energies to one
/// period: who is done sooner rests until the slowest is.
/// \param told  called with the simulations done and all, by one thread at a time
[[nodiscard]] inline advice advise(const cluster& c, const simulation_spec& spec, int seeds,
                                   const std::function<void(std::size_t, std::size_t)>& told = {}) {
  const model::catalogue known;
  cluster fixed = c;
  fixed.fabric = examples::network_for(c, "packed");
  const cluster circuits = with_circuits(c);
  for (const cluster* on : {&std::as_const(fixed), &circuits})
    if (const double idle_w = on->fabric.idle_power_w(on->power);
        spec.options.power_budget_w < idle_w)
      throw examples::unmet_request("the power budget is below what the idle cluster draws, " +
                                    std::to_string(std::llround(idle_w)) + " W with " +
                                    (on == &circuits ? "optical" : "fixed") + " links");

  advice a;
  a.gpu_types = c.gpu_types;
  a.base = {"today", today(spec)};
  simulation_spec cumulated = today(spec);
  for (const step& s : steps) {
    simulation_spec one = today(spec);
    s.apply(one, fixed);
    s.apply(cumulated, fixed);
    a.alone.push_back({std::string(s.name), one, one.names.place == "ocs_vclos"});
    a.together.push_back(
        {std::string("+ ") + std::string(s.name), cumulated, cumulated.names.place == "ocs_vclos"});
  }
  std::vector<variant*> all{&a.base};
  for (auto* list : {&a.alone, &a.together})
    for (variant& v : *list) all.push_back(&v);
  const auto n = static_cast<std::size_t>(seeds);
  for (variant* v : all) v->runs.resize(n);

  std::vector<model::workload> jobs;
  for (std::size_t i = 0; i < n; ++i) {
    simulation_spec s = spec;
    s.seed += i;
    jobs.push_back(examples::read_workload(s, fixed, known));
  }
  if (jobs[0].size() == 0) throw input_error(spec.jobs, "at least one job", "none");
  int lowest = std::numeric_limits<int>::max();
  for (const job& j : jobs[0].jobs) lowest = std::min(lowest, j.priority);
  a.jobs = jobs[0].size();
  for (std::size_t i = 0; i < jobs[0].size(); ++i) {
    const job& j = jobs[0].jobs[i];
    a.urgent += j.priority > lowest;
    const auto points = jobs[0].curve_of_job(i).points();
    a.can_grow += std::any_of(points.begin(), points.end(), [&](const auto& p) {
      return p.config.gpus > j.gpus && p.config.gpus <= j.max_gpus;
    });
  }

  std::mutex one_at_a_time;
  std::size_t finished = 0;
  examples::in_parallel(all.size() * n, [&](std::size_t i) {
    variant& v = *all[i / n];
    const cluster& on = v.optical ? circuits : fixed;
    const sim::report r =
        examples::run_simulation(on.fabric, jobs[i % n], v.spec.names, v.spec.options,
                                 spec.seed + i % n, {.power = on.power});
    v.runs[i % n] = detail::numbers_of(r, jobs[i % n], lowest, on.fabric.gpus());
    const std::lock_guard lock(one_at_a_time);
    if (told) told(++finished, all.size() * n);
  });

  a.period_s.assign(n, 0);
  for (std::size_t i = 0; i < n; ++i)
    for (const variant* v : all) a.period_s[i] = std::max(a.period_s[i], v->runs[i].makespan_s);
  for (std::size_t i = 0; i < n; ++i)
    for (variant* v : all)
      v->runs[i].energy_kwh += detail::at_rest_w(*v, v->optical ? circuits : fixed) *
                               (a.period_s[i] - v->runs[i].makespan_s) / 3.6e6;
  return a;
}

/// Prices, as far as they are known; 0: not.
struct prices {
  double per_kwh = 0, gpu_hour = 0, carbon_g_per_kwh = 0, ocs = 0;
  std::vector<double> hour_of_type = {};  ///< of a GPU of each type; below 0, or none: `gpu_hour`

  [[nodiscard]] double hour_of(std::size_t type) const {
    return type < hour_of_type.size() && hour_of_type[type] >= 0 ? hour_of_type[type] : gpu_hour;
  }
  [[nodiscard]] bool any() const {
    return per_kwh > 0 || gpu_hour > 0 ||
           std::any_of(hour_of_type.begin(), hour_of_type.end(), [](double x) { return x > 0; });
  }
  /// Of a run, what depends on how it was scheduled.
  [[nodiscard]] double of(const numbers& n) const {
    double gpus = n.busy_h_of_type.empty() ? n.busy_gpu_h * gpu_hour : 0;
    for (std::size_t t = 0; t < n.busy_h_of_type.size(); ++t)
      gpus += n.busy_h_of_type[t] * hour_of(t);
    return n.energy_kwh * per_kwh + gpus;
  }
};

/// Days until the optical switches have paid for themselves, from what the last step saves on those
/// before it; nothing if it saves nothing beyond the noise.
[[nodiscard]] inline std::optional<double> payback_days(const advice& a, const prices& p) {
  if (!(p.ocs > 0) || !p.any() || a.together[last_step].stuck() > 0 ||
      a.together[last_step - 1].stuck() > 0)
    return std::nullopt;
  const difference d = compare(a.together[last_step - 1], a.together[last_step],
                               [&](const numbers& n) { return p.of(n); });
  if (d.mean >= 0 || (d.known && !d.beyond_noise)) return std::nullopt;
  double days = 0;
  for (double s : a.period_s) days += s / 86400 / static_cast<double>(a.period_s.size());
  return p.ocs / (-d.mean / days);
}

}  // namespace heddle::advise
