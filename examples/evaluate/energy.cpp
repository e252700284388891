#include "energy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/allocate.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/server_power.hpp>

#include "believed.hpp"
#include "frontier.hpp"
#include "plan.hpp"
#include "runs.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::shortest;
using examples::signed_percent;
using examples::table;

constexpr double top_ghz = 1.41;  // of the A100
constexpr std::array clocks_ghz{1.41, 1.2, 1.05, .9, .75};
constexpr std::array energy_prices{0., 3e-5, 1e-4, 3e-4, 1e-3, 3e-3};  // job-seconds a joule
constexpr std::array budget_shares{1., .85, .7, .6, .5, .4, .3};

examples::route_of no_contention() { return {route::ideal{}}; }

/// A contender on the ideal network, packed, idle servers off.
template <class Allocate>
contender clocked(std::string name, examples::any_order order, Allocate allocate, extras o = {}) {
  o.options.off_after_s = off_after_s();
  return {std::move(name), false, [=](double ghz, double) {
            return plan(order, any_allocation::of(allocate::static_clock<Allocate>{ghz, allocate}),
                        place::packed{}, no_contention(), o);
          }};
}
template <class Allocate>
contender budgeted(std::string name, Allocate allocate, any_place place = place::packed{},
                   double off_s = off_after_s()) {
  return {std::move(name), true, [=](double, double budget_w) {
            return plan(order::fifo{}, any_allocation::of(allocate), place, no_contention(),
                        {.options = {.power_budget_w = budget_w, .off_after_s = off_s}});
          }};
}

template <class Allocate>
contender priced(std::string name, Allocate allocate, examples::any_order order = order::fifo{},
                 extras o = {}) {
  o.options.off_after_s = off_after_s();
  return {.name = std::move(name),
          .make =
              [=](double price, double) {
                extras with = o;
                with.options.energy_price = price;
                return plan(order, any_allocation::of(allocate), place::packed{}, no_contention(),
                            with);
              },
          .by_price = true};
}

/// Zeus chooses clocks itself: its knob η runs from time alone to energy alone.
contender zeus(std::string name) {
  return {std::move(name), false, [](double ghz, double) {
            return plan(
                order::shortest{},
                any_allocation::of(allocate::zeus{.eta = std::clamp((top_ghz - ghz) / .9, 0., 1.)}),
                place::packed{}, no_contention(), {.options = {.off_after_s = off_after_s()}});
          }};
}

/// The last is what the others are compared with.
std::vector<contender> rivals_of_price_path() {
  allocate::powerflow absolute{.rank = allocate::ranking::absolute};
  return {clocked("FIFO, EASY backfill", order::fifo{}, allocate::requested{}, {.easy = true}),
          clocked("max-min shares", order::fifo{}, allocate::max_min{}),
          clocked("AFS", order::fifo{}, allocate::throughput_marginal{}),
          priced("AFS, energy price", allocate::throughput_marginal{}),
          clocked("SRTF, greedy", order::shortest_remaining{}, allocate::requested{},
                  {.greedy = true, .preempt = true}),
          priced("SRTF, greedy, energy price", allocate::requested{}, order::shortest_remaining{},
                 {.greedy = true, .preempt = true}),
          clocked("Tiresias, greedy", order::least_attained{}, allocate::requested{},
                  {.greedy = true, .preempt = true}),
          zeus("Zeus, SJF"),
          priced("Optimus, energy price", allocate::optimus{}),
          priced("Pollux, energy price", allocate::pollux<>{}),
          budgeted("optimal, jct", allocate::optimal<>{}),
          budgeted("optimal, T^-1/2", allocate::optimal<allocate::objective::root_rate>{}),
          priced("optimal, completion rate, energy price",
                 allocate::optimal<allocate::objective::completion_rate>{}),
          budgeted("powerflow, relative", allocate::powerflow{}),
          budgeted("powerflow, absolute", absolute),
          priced("powerflow, absolute, energy price", absolute),
          budgeted("price path, power caps", allocate::price_path{}),
          priced("price path", allocate::price_path{})};
}

std::vector<contender> rivals() {
  return {clocked("FIFO", order::fifo{}, allocate::requested{}),
          clocked("FIFO, EASY backfill", order::fifo{}, allocate::requested{}, {.easy = true}),
          clocked("SJF", order::shortest{}, allocate::requested{}),
          clocked("SRTF", order::shortest_remaining{}, allocate::requested{},
                  {.greedy = true, .preempt = true}),
          clocked("Tiresias (least attained)", order::least_attained{}, allocate::requested{},
                  {.greedy = true, .preempt = true}),
          clocked("max-min shares", order::fifo{}, allocate::max_min{}),
          clocked("AFS (throughput marginal)", order::fifo{}, allocate::throughput_marginal{}),
          clocked("Optimus", order::fifo{}, allocate::optimus{}),
          clocked("Pollux", order::fifo{}, allocate::pollux<>{}),
          zeus("Zeus, SJF"),
          clocked("powerflow, clock capped", order::fifo{}, allocate::powerflow{}),
          budgeted("optimal", allocate::optimal<>{}),
          budgeted("powerflow", allocate::powerflow{})};
}

/// powerflow with one of its parts taken away, and with curves fitted to few samples.
std::vector<contender> ablations(const arena& where) {
  const allocate::powerflow whole;
  std::vector<contender> all{budgeted("powerflow", whole),
                             budgeted("without clocks", one_clock<allocate::powerflow>{}),
                             budgeted("without elasticity", as_requested<allocate::powerflow>{}),
                             budgeted("without packing (spread)", whole, place::spread{}),
                             budgeted("buddy blocks instead of best fit", whole, place::buddy{}),
                             budgeted("without switching servers off", whole, place::packed{},
                                      std::numeric_limits<double>::infinity())};
  const model::workload truth = where.with_curves(model::catalogue{});
  for (int samples : {3, 5, 9}) {
    const auto fitted = std::make_shared<const fitted_curves>(truth, samples, 0.03);
    all.push_back(budgeted("curves from " + std::to_string(samples) + " samples each",
                           believed<allocate::powerflow>{.fitted = fitted}));
  }
  return all;
}

void print_rivals(const frontier& f) {
  const std::size_t reference = f.contenders() - 1;
  table t{.caption = "**" + f.title() +
                     "**: each scheduler at full clock (or its largest budget), and its "
                     "JCT over powerflow's at the same energy",
          .columns = {{"scheduler", "", true},
                      {"mean JCT", "s"},
                      {"p99 JCT", "s"},
                      {"energy", "MWh"},
                      {"ratio of JCT at full clock"},
                      {"least … largest over its sweep"}}};
  for (std::size_t c = 0; c < f.contenders(); ++c) {
    double low = std::numeric_limits<double>::infinity(), high = 0;
    for (std::size_t i = 0; i < f.settings(c); ++i)
      if (const auto r = f.ratio(c, i, reference)) {
        low = std::min(low, r->mean());
        high = std::max(high, r->mean());
      }
    const auto full = f.ratio(c, 0, reference);
    t.add({f.name(c), mean_and_interval(f.over(c, 0, &point::jct_s)),
           fixed(f.over(c, 0, &point::p99_s).mean(), 0),
           fixed(f.over(c, 0, &point::energy_mwh).mean(), 2),
           full ? mean_and_interval(*full, 2) : std::string("–"),
           high > 0 ? fixed(low, 2) + " … " + fixed(high, 2) : std::string("–")});
  }
  print_markdown(std::cout, t);
}

void print_at_equal_energy(const frontier& f) {
  const std::size_t reference = f.contenders() - 1;
  table t{.caption =
              "**" + f.title() +
              "**: mean JCT over price path's at the same energy, over all settings of each; 95 % "
              "intervals over seeds, paired; \"–\": price path cannot come so low",
          .columns = {{"scheduler", "", true},
                      {"least"},
                      {"at its first setting"},
                      {"energy", "MWh"},
                      {"at its last setting"},
                      {"energy", "MWh"}}};
  for (std::size_t c = 0; c + 1 < f.contenders(); ++c) {
    std::string least = "–";
    double low = std::numeric_limits<double>::infinity();
    const auto text = [](const std::optional<running_statistics>& r) {
      return r ? mean_and_interval(*r, 3) : std::string("–");
    };
    for (std::size_t i = 0; i < f.settings(c); ++i)
      if (const auto r = f.ratio(c, i, reference); r && r->mean() < low) {
        low = r->mean();
        least = text(r);
      }
    const std::size_t last = f.settings(c) - 1;
    t.add({f.name(c), least, text(f.ratio(c, 0, reference)),
           fixed(f.over(c, 0, &point::energy_mwh).mean(), 2), text(f.ratio(c, last, reference)),
           fixed(f.over(c, last, &point::energy_mwh).mean(), 2)});
  }
  print_markdown(std::cout, t);
}

void print_ablations(const frontier& f) {
  table t{.caption =
              "**" + f.title() +
              "**: powerflow without one of its parts, at three budgets (share of "
              "the power between idle and FIFO's peak); JCT in s, against the whole; energy in MWh",
          .columns = {{"variant", "", true},
                      {"JCT at 100 %"},
                      {"energy"},
                      {"JCT at 70 %"},
                      {"energy"},
                      {"JCT at 50 %"},
                      {"energy"}}};
  for (std::size_t c = 0; c < f.contenders(); ++c) {
    std::vector<std::string> row{f.name(c)};
    for (std::size_t i : {0u, 2u, 4u}) {
      const running_statistics change = f.against(c, i, 0, &point::jct_s);
      row.push_back(fixed(f.over(c, i, &point::jct_s).mean(), 0) +
                    (c == 0 ? ""
                            : " (" + signed_percent(change.mean()) + " ± " +
                                  fixed(100 * half_width(change), 1) + ")"));
      row.push_back(fixed(f.over(c, i, &point::energy_mwh).mean(), 2));
    }
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
}

/// A fifth of the jobs is urgent. What the others do to them.
void evaluate_priorities(const energy_options& asked) {
  struct way {
    std::string name;
    any_allocation allocate;
  };
  const std::vector<way> ways{
      {"FIFO within classes, no preemption", any_allocation::of(allocate::requested{})},
      {"powerflow, classes kept", any_allocation::of(allocate::powerflow{})},
      {"powerflow, classes ignored", any_allocation::of(allocate::powerflow{.classes = false})}};
  table t{
      .caption =
          "**Priorities**: a fifth of the jobs is of a higher class; its mean JCT with the others "
          "over that without them (means over seeds)",
      .columns = {{"scheduler", "", true}}};
  std::vector<std::vector<std::string>> rows;
  for (const way& w : ways) rows.push_back({w.name});
  const model::catalogue known;
  const std::size_t arenas_in_all = arenas(asked, known, 1).size();
  for (std::size_t a = 0; a < arenas_in_all; ++a) {
    for (std::size_t w = 0; w < ways.size(); ++w) {
      running_statistics ratio;
      for (int seed = 1; seed <= asked.seeds; ++seed) {
        arena with = arenas(asked, known, static_cast<std::uint64_t>(seed))[a];
        if (w == 0 && seed == 1) t.columns.push_back({with.name});
        std::vector<job> urgent;
        for (job& j : with.jobs)
          if (stream{static_cast<std::uint64_t>(seed), j.id.value, "urgent"}() % 5 == 0) {
            j.priority = 1;
            urgent.push_back(j);
          }
        arena without = with;
        without.jobs = urgent;
        const auto mean_jct = [&](const arena& x) {
          const sim::report r =
              plan(order::fifo{}, ways[w].allocate, place::packed{}, no_contention())
                  .run(x.on, x.with_curves(known));
          running_statistics jct;
          for (std::size_t i = 0; i < r.records.size(); ++i)
            if (x.jobs[i].priority == 1) jct.add(r.records[i].jct_s());
          return jct.mean();
        };
        ratio.add(mean_jct(with) / mean_jct(without));
      }
      rows[w].push_back(mean_and_interval(ratio, 2));
    }
  }
  for (auto& row : rows) t.add(std::move(row));
  print_markdown(std::cout, t);
}

}  // namespace

void evaluate_price_path(const energy_options& asked, const progress& told) {
  const model::catalogue known;
  std::vector<frontier> all;
  std::vector<std::vector<arena>> by_seed;
  for (int seed = 1; seed <= asked.seeds; ++seed)
    by_seed.push_back(arenas(asked, known, static_cast<std::uint64_t>(seed)));
  for (std::size_t a = 0; a < by_seed[0].size(); ++a) {
    frontier& f = all.emplace_back(sweep_of{
        .clocks_ghz = clocks_ghz, .budget_shares = budget_shares, .energy_prices = energy_prices});
    for (const auto& s : by_seed) f.add(s[a], rivals_of_price_path());
  }
  run_all(all, told);
  std::ofstream csv(asked.out / "price_path.csv");
  csv << frontier::csv_head;
  for (const frontier& f : all) {
    print_at_equal_energy(f);
    f.write_rows(csv, "");
  }
}

void evaluate_energy(const energy_options& asked, const progress& told) {
  const model::catalogue known;
  std::vector<frontier> all;
  std::vector<std::vector<arena>> by_seed;
  for (int seed = 1; seed <= asked.seeds; ++seed)
    by_seed.push_back(arenas(asked, known, static_cast<std::uint64_t>(seed)));
  for (const bool parts : {false, true})
    for (std::size_t a = 0; a < by_seed[0].size(); ++a) {
      frontier& f =
          all.emplace_back(sweep_of{.clocks_ghz = clocks_ghz, .budget_shares = budget_shares});
      for (const auto& s : by_seed) f.add(s[a], parts ? ablations(s[a]) : rivals());
    }
  run_all(all, told);

  std::ofstream csv(asked.out / "energy.csv");
  csv << frontier::csv_head;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool parts = i >= by_seed[0].size();
    parts ? print_ablations(all[i]) : print_rivals(all[i]);
    all[i].write_rows(csv, parts ? " ablation" : "");
  }
  evaluate_priorities(asked);
}

}  // namespace heddle::evaluate
