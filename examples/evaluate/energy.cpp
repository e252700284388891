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
constexpr std::array energy_prices{0.,   3e-5, 1e-4, 2e-4, 3e-4,
                                   6e-4, 1e-3, 2e-3, 4e-3};  // job-seconds a joule
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
                   double off_s = off_after_s(), examples::any_order order = order::fifo{},
                   extras o = {}) {
  o.options.off_after_s = off_s;
  return {std::move(name), true, [=](double, double budget_w) {
            extras with = o;
            with.options.power_budget_w = budget_w;
            return plan(order, any_allocation::of(allocate), place, no_contention(), with);
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
/// One policy three times: over clocks, power caps and energy prices.
template <class Allocate>
void every_way(std::vector<contender>& all, const std::string& name, Allocate allocate,
               examples::any_order order = order::fifo{}, extras o = {}) {
  all.push_back(clocked(name + ", clocks", order, allocate, o));
  all.push_back(
      budgeted(name + ", power caps", allocate, place::packed{}, off_after_s(), order, o));
  all.push_back(priced(name + ", energy price", allocate, order, o));
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
  namespace objective = allocate::objective;
  const extras preemptive{.greedy = true, .preempt = true};
  std::vector<contender> all;
  every_way(all, "FIFO, EASY", allocate::requested{}, order::fifo{}, {.easy = true});
  every_way(all, "SRTF, greedy", allocate::requested{}, order::shortest_remaining{}, preemptive);
  every_way(all, "Tiresias, greedy", allocate::requested{}, order::least_attained{}, preemptive);
  all.push_back(zeus("Zeus, SJF, its knob"));
  every_way(all, "max-min", allocate::max_min{});
  every_way(all, "AFS", allocate::throughput_marginal{});
  every_way(all, "Optimus", allocate::optimus{});
  every_way(all, "Pollux", allocate::pollux<>{});
  every_way(all, "optimal, jct", allocate::optimal<>{});
  every_way(all, "optimal, T^-1/2", allocate::optimal<objective::root_rate>{});
  every_way(all, "optimal, completion rate", allocate::optimal<objective::completion_rate>{});
  every_way(all, "optimal, energy", allocate::optimal<objective::energy>{});
  every_way(all, "optimal, energy-delay", allocate::optimal<objective::energy_delay>{});
  every_way(all, "powerflow, relative", allocate::powerflow{.rank = allocate::ranking::relative});
  every_way(all, "powerflow, absolute", allocate::powerflow{.rank = allocate::ranking::absolute});
  all.push_back(budgeted("price path, power caps", allocate::price_path{}));
  all.push_back(priced("price path", allocate::price_path{}));
  all.back().finer = true;  // so that its curve between two settings is no straight line too high
  return all;
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

/// Whether a 95 % interval lies wholly below 1.
bool below_one(const running_statistics& r) {
  return r.mean() + (r.count() > 1 ? half_width(r) : 0) < 1;
}

void print_at_equal_energy(const frontier& f) {
  const std::array own{f.contenders() - 2, f.contenders() - 1};  // by cap and by price
  const std::size_t afs = f.find("AFS, clocks");
  const double part_mwh = .75 * f.over(afs, 0, &point::energy_mwh).mean();
  table t{.caption = "**" + f.title() +
                     "**: mean JCT over price path's at the same energy (by price or by cap, the "
                     "better), over "
                     "all settings of each at energies that both can reach; 95 % intervals over "
                     "seeds, paired. \"Low\": at most "
                     "75 % of the energy of AFS at full clock (" +
                     fixed(part_mwh, 2) +
                     " MWh); \"–\": "
                     "none of its settings comes so low, or price path does not",
          .columns = {{"scheduler", "", true},
                      {"settings"},
                      {"wholly below 1"},
                      {"least"},
                      {"at", "", true},
                      {"least where low"},
                      {"least energy", "MWh"}}};
  std::size_t points = 0, short_of = 0, below = 0;
  for (std::size_t c = 0; c < f.contenders(); ++c) {
    double lowest_mwh = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < f.settings(c); ++i)
      if (f.finished(c, i))
        lowest_mwh = std::min(lowest_mwh, f.over(c, i, &point::energy_mwh).mean());
    if (std::find(own.begin(), own.end(), c) != own.end()) {
      t.add({f.name(c), "", "", "1", "", "", fixed(lowest_mwh, 2)});
      continue;
    }
    const std::vector<compared> all = f.all_against(c, own);
    const compared *least = nullptr, *low = nullptr;
    std::size_t under = 0;
    for (const compared& p : all) {
      if (!least || p.ratio.mean() < least->ratio.mean()) least = &p;
      if (p.energy_mwh <= part_mwh && (!low || p.ratio.mean() < low->ratio.mean())) low = &p;
      under += below_one(p.ratio);
      short_of += p.ratio.mean() < .998;
    }
    points += all.size();
    below += under;
    const auto text = [](const compared* p) {
      return p ? mean_and_interval(p->ratio, 3) : std::string("–");
    };
    t.add({f.name(c), std::to_string(all.size()), std::to_string(under), text(least),
           least ? f.setting(c, least->setting) : "–", text(low),
           std::isfinite(lowest_mwh) ? fixed(lowest_mwh, 2) : std::string("–")});
  }
  print_markdown(std::cout, t);
  std::cout << "\nOf " << points << " points the mean is below .998 at " << short_of
            << ", and the interval wholly below 1 at " << below << ".\n";
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
    by_seed.push_back(arenas(asked, known, static_cast<std::uint64_t>(seed), further_traces));
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
