#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/allocate/static_clock.hpp>
#include <heddle/place/shared_network.hpp>

#include "believed.hpp"
#include "compositions.hpp"
#include "energy.hpp"
#include "frontier.hpp"
#include "plan.hpp"
#include "runs.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::signed_percent;
using examples::table;

constexpr std::array few_clocks_ghz{1.41, 1.2, 1.05, .9};
constexpr std::array few_shares{1., .8, .65, .5};
constexpr std::array few_prices{0., 1e-4, 3e-4, 1e-3};  // job-seconds a joule
constexpr double never = std::numeric_limits<double>::infinity();

/// What a cluster may have of both papers.
struct parts {
  bool isolated =
      true;  ///< links of a job's own, where waiting for them pays; else packed under ECMP
  bool elastic = true;  ///< else as many GPUs as asked for
  bool clocks = true;   ///< else full clock
  bool jointly = true;  ///< allocation asks placement
  bool off = true;      ///< idle servers are switched off
  bool planned = true;  ///< price_path, else powerflow
  bool optical = false;
};

template <class Policy>
any_allocation allocation_of(const parts& p) {
  if (p.elastic)
    return p.clocks ? any_allocation::of(Policy{}) : any_allocation::of(one_clock<Policy>{});
  return p.clocks ? any_allocation::of(as_requested<Policy>{})
                  : any_allocation::of(allocate::requested{});
}
any_plan plan_of(const parts& p, schedule::scheduler_options o) {
  o.off_after_s = p.off ? off_after_s() : never;
  const any_allocation allocation =
      p.planned ? allocation_of<allocate::price_path>(p) : allocation_of<allocate::powerflow>(p);
  if (!p.isolated)
    return plan(order::fifo{}, allocation, place::packed{}, {route::ecmp{}},
                {.options = o, .joint = p.jointly});
  const composition& isolated =
      compositions()[p.optical ? composition_index::circuits_pay_free : composition_index::pays];
  // What is elastic starts small instead of waiting.
  return plan(order::fifo{}, allocation, isolated.place, examples::route_named(isolated.route, 1),
              {.options = o,
               .waits_for = p.elastic ? std::nullopt : isolated.more.waits_for,
               .joint = p.jointly});
}
contender budgeted(std::string name, parts p) {
  return {std::move(name), true,
          [=](double, double budget_w) { return plan_of(p, {.power_budget_w = budget_w}); }};
}
contender priced(std::string name, parts p) {
  return {.name = std::move(name),
          .make = [=](double price, double) { return plan_of(p, {.energy_price = price}); },
          .by_price = true};
}
/// As many GPUs as asked for, at one clock for all.
contender clocked(std::string name, bool isolated) {
  return {std::move(name), false, [=](double ghz, double) {
            using fixed_size = allocate::static_clock<allocate::requested>;
            const composition& c =
                compositions()[isolated ? composition_index::pays : composition_index::ecmp];
            extras more = c.more;
            more.options.off_after_s = off_after_s();
            return plan(order::fifo{}, any_allocation::of(fixed_size{ghz, {}}), c.place,
                        examples::route_named(c.route, 1), more);
          }};
}

constexpr std::size_t both = 5;  // of what follows

std::vector<contender> contenders() {
  const parts alone{.isolated = false, .jointly = false};
  return {clocked("today: packed + ECMP", false),
          clocked("vClos alone", true),
          budgeted("PowerFlow alone: packed + ECMP",
                   {.isolated = false, .jointly = false, .planned = false}),
          priced("price path alone: packed + ECMP", alone),
          budgeted("joint with PowerFlow", {.planned = false}),
          priced("joint", {}),
          priced("joint, OCS", {.optical = true})};
}

/// From today to everything, each step with those before it; then everything without one.
std::vector<contender> steps() {
  const parts none{false, false, false, false, false, false, false};
  std::vector<contender> all;
  parts p = none;
  const auto next = [&](std::string name) { all.push_back(budgeted(std::move(name), p)); };
  next("today: packed + ECMP");
  p.isolated = true;
  next("+ isolation");
  p.elastic = true;
  next("+ elasticity");
  p.jointly = true;
  next("+ allocation asks placement");
  p.off = true;
  next("+ idle servers off");
  p.clocks = true;
  next("+ clocks");
  p.planned = true;
  next("+ price path for powerflow");
  p.optical = true;
  next("+ OCS");
  all.push_back(budgeted("all but OCS and isolation", {.isolated = false}));
  all.push_back(budgeted("all but OCS and elasticity", {.elastic = false}));
  all.push_back(budgeted("all but OCS and asking", {.jointly = false}));
  all.push_back(budgeted("all but OCS and servers off", {.off = false}));
  all.push_back(budgeted("all but OCS and clocks", {.clocks = false}));
  return all;
}

void print_frontier(const frontier& f) {
  table t{.caption =
              "**" + f.title() +
              "**: mean JCT in s and energy in MWh at full clock, the largest budget or no price, "
              "and two steps below; the last column is the joint scheduler's JCT (on fixed "
              "links) against theirs at the same energy, over their sweep",
          .columns = {{"scheduler", "", true},
                      {"JCT"},
                      {"energy"},
                      {"JCT"},
                      {"energy"},
                      {"FTF ρ"},
                      {"fragmentation"},
                      {"joint at the same energy"}}};
  for (std::size_t c = 0; c < f.contenders(); ++c) {
    std::string against;
    double low = never, high = -never;
    for (std::size_t i = 0; i < f.settings(c); ++i)
      if (const auto r = f.ratio(c, i, both)) {
        low = std::min(low, 1 / r->mean() - 1);
        high = std::max(high, 1 / r->mean() - 1);
      }
    if (c != both && high > -never) {
      against = signed_percent(low) + " … " + signed_percent(high);
      if (const auto r = f.ratio(c, 0, both))
        against += "; at the first " + signed_percent(1 / r->mean() - 1) + " ± " +
                   fixed(100 * half_width(*r) / (r->mean() * r->mean()), 1);
    }
    t.add({f.name(c), mean_and_interval(f.over(c, 0, &point::jct_s)),
           fixed(f.over(c, 0, &point::energy_mwh).mean(), 2),
           mean_and_interval(f.over(c, 2, &point::jct_s)),
           fixed(f.over(c, 2, &point::energy_mwh).mean(), 2),
           fixed(f.over(c, 0, &point::ftf).mean(), 2),
           percent(f.over(c, 0, &point::fragmentation).mean()), against});
  }
  print_markdown(std::cout, t);
}

constexpr std::array step_shares{1., .65};
constexpr std::size_t steps_in_turn = 8;  // the others leave one out

void print_steps(const frontier& f, std::ostream& csv) {
  table t{.caption =
              "**" + f.title() +
              "**: from today to both papers, step by step, with as much power as FIFO "
              "draws at its peak, and with 65 % of what that is above idle (– where a job needs "
              "more at full clock); in brackets against the step before, or against all but OCS",
          .columns = {{"step", "", true},
                      {"JCT at 100 %", "s"},
                      {"energy", "MWh"},
                      {"JCT at 65 %", "s"},
                      {"energy", "MWh"}}};
  for (std::size_t c = 0; c < f.contenders(); ++c) {
    const std::size_t base = c < steps_in_turn ? (c == 0 ? 0 : c - 1) : steps_in_turn - 2;
    std::vector<std::string> row{f.name(c)};
    for (std::size_t i = 0; i < step_shares.size(); ++i)
      for (double point::*m : {&point::jct_s, &point::energy_mwh}) {
        if (!f.finished(c, i)) {
          row.push_back("–");
          continue;
        }
        const running_statistics change = f.against(c, i, base, m);
        row.push_back(fixed(f.over(c, i, m).mean(), m == &point::jct_s ? 0 : 2) +
                      (c == 0 || !f.finished(base, i)
                           ? ""
                           : " (" + signed_percent(change.mean()) + " ± " +
                                 fixed(100 * half_width(change), 1) + ")"));
      }
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
  f.write_rows(csv, "");
}

}  // namespace

void evaluate_joint(const energy_options& asked, const progress& told) {
  const model::catalogue known;
  std::vector<std::vector<arena>> by_seed;
  for (int i = 1; i <= asked.seeds; ++i) {
    const auto seed = static_cast<std::uint64_t>(i);
    by_seed.push_back(arenas(asked, known, seed));
    by_seed.back().push_back(heavy_arena(asked.jobs, seed));
  }
  const std::size_t n = by_seed[0].size();
  std::vector<frontier> all;
  for (const bool in_steps : {false, true})
    for (std::size_t a = 0; a < n; ++a) {
      frontier& f = all.emplace_back(in_steps ? sweep_of{few_clocks_ghz, step_shares}
                                              : sweep_of{few_clocks_ghz, few_shares, few_prices});
      for (const auto& s : by_seed) f.add(s[a], in_steps ? steps() : contenders());
    }
  run_all(all, told);

  std::ofstream csv(asked.out / "joint.csv"), waterfall(asked.out / "waterfall.csv");
  csv << frontier::csv_head;
  waterfall << frontier::csv_head;
  for (std::size_t i = 0; i < n; ++i) {
    print_frontier(all[i]);
    all[i].write_rows(csv, "");
  }
  for (std::size_t i = n; i < 2 * n; ++i) print_steps(all[i], waterfall);
}

}  // namespace heddle::evaluate
