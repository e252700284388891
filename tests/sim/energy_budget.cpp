// Budgets of energy that are paced by work, and work that is forecast.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/energy_pace.hpp>
#include <heddle/allocate/energy_plan.hpp>
#include <heddle/allocate/marginals.hpp>
#include <heddle/allocate/work_by_day.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/order/run_history.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/rehearse.hpp>
#include <heddle/sim/run.hpp>

#include "support/dice.hpp"
#include "support/watts.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using allocate::price_response;
using doctest::Approx;
using schedule::scheduler_options;
using test::make_job;
using test::point;
using test::watts;

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double sum_tolerance = 1e-9;

// Two servers of four GPUs under one leaf.
const fabric::leaf_spine two{
    {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};

/// Counts 1, 2, 4 and 8; four clocks, of which the slowest but one spends least.
model::curve clocked(double scale) {
  std::vector<model::operating_point> points;
  for (int n = 1; n <= 8; n *= 2)
    for (const double f : {.4, .6, .8, 1.})
      points.push_back(point(n, scale * std::pow(n, .8) * f, n * (90 + 210 * f * f * f), f));
  return model::curve{std::move(points)};
}
model::workload drawn(test::dice& d, std::size_t jobs, double mean_gap_s) {
  model::workload w;
  for (const double scale : {1., 2., 5.}) w.curves.push_back(clocked(scale));
  double now = 0;
  for (std::uint32_t i = 0; i < jobs; ++i) {
    w.jobs.push_back(
        make_job(job_id{i}.value, now, 1 << d.between(0, 4 - 1), 20 + 2000 * d.real() * d.real()));
    w.curve_of.push_back(static_cast<std::uint32_t>(d.index(3)));
    if (d.index(4) != 0) continue;  // bursts
    now += 8 * mean_gap_s * d.real();
  }
  return w;
}

template <class... Watch>
sim::report run(const model::workload& w, const scheduler_options& o, Watch&... watch) {
  schedule::scheduler plan{order::fifo{}, allocate::throughput_marginal{}, place::packed{},
                           route::ideal{}, o};
  return sim::run(two, w, plan, {.power = watts}, watch...);
}

allocate::outlook sure(double joules) { return {joules, joules, joules}; }

/// What has been spent, at every moment that is seen, beside what has come in.
struct account {
  double energy_j, horizon_s, floor_w;
  double worst = -infinite;  // spent beyond what may be, in J
  double first_s = -1;

  void operator()(const sim::moment& m) {
    if (first_s < 0) first_s = m.state.start_s;
    const double passed = m.now_s - first_s;
    const double horizons = std::floor(passed / horizon_s) + 1;
    // What the idle cluster takes until the horizon's end is spent, too.
    const double rest_j = floor_w * (horizons * horizon_s - passed);
    worst = std::max(worst, m.state.energy_j + rest_j - horizons * energy_j);
  }
};

}  // namespace

TEST_CASE("what work takes at a price is what its cheapest clocks take") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const model::workload w = drawn(d, 6, 100);
    price_response ladder;
    double whole = 0;
    for (std::size_t i = 0; i < w.jobs.size(); ++i) {
      const model::curve& c = w.curves[w.curve_of[i]];
      whole += ladder.add(c, *c.fastest(w.jobs[i].gpus), 1 + static_cast<double>(i), 100, 30);
    }
    CHECK(ladder.whole_j() == Approx(whole));
    double before = infinite;
    for (double price = price_response::least_price; price < 1e2; price *= price_response::ratio) {
      double joules = 0;
      for (std::size_t i = 0; i < w.jobs.size(); ++i) {
        double least = infinite, takes = 0;
        for (const model::operating_point& p : w.curves[w.curve_of[i]].at(w.jobs[i].gpus)) {
          const double extra = p.power_w - 30 * p.config.gpus;
          const double cost = (1 + static_cast<double>(i) + price * extra) / p.throughput;
          if (cost >= least) continue;
          least = cost;
          takes = 100 * extra / p.throughput;
        }
        joules += takes;
      }
      CHECK(ladder.share(price) == Approx(joules / whole).epsilon(1e-6));
      CHECK(ladder.share(price) <= before);
      before = ladder.share(price);
      const double back = ladder.price_for(ladder.share(price));
      CHECK(ladder.share(back) <= ladder.share(price) + .0301);  // no more is asked than pays
      CHECK(back <= price * (1 + 1e-9));
    }
    CHECK(ladder.price_for(2) == 0);
    CHECK(ladder.share(0) == Approx(1));
  }
  CHECK(price_response{}.share(1) == 1);
  CHECK(price_response{}.price_for(.5) == 0);
}

TEST_CASE("a pace by work spends a budget whatever work really takes beside the ladder") {
  const model::curve c = clocked(1);
  price_response ladder;
  for (int n = 1; n <= 8; n *= 2)
    for (double weight = .1; weight <= 50; weight *= 1.3)
      ladder.add(c, *c.fastest(n), weight, 1000. / n, 50);
  const double work = ladder.whole_j();
  for (const double off : {.9, 1.2, 1.6, 2.}) {
    CAPTURE(off);
    allocate::energy_pace pace;
    const double price = 1e-3, budget = off * ladder.share(price) * work;
    double spent = 0, done = 0, most = 0, least = infinite;
    constexpr int parts = 500;
    for (int i = 0; i < parts; ++i) {
      pace.observe(ladder, spent, done);
      const double p = pace.price(ladder, budget, done, budget - spent, sure(work - done));
      if (done > .3 * work && done < .8 * work) {
        most = std::max(most, p);
        least = std::min(least, p);
      }
      spent += off * ladder.share(p) * work / parts;
      done += work / parts;
    }
    CHECK(spent / budget == Approx(1).epsilon(.01));
    CHECK(most < 2 * price);
    CHECK(least > price / 2);
  }
}

TEST_CASE("a price is the mean over what there may be to do and not that of the mean") {
  const model::curve c = clocked(1);
  price_response ladder;
  for (double weight = .1; weight <= 50; weight *= 1.3)
    ladder.add(c, *c.fastest(4), weight, 250, 50);
  const double work = ladder.whole_j();
  const auto price_of = [&](double budget, const allocate::outlook& to_do) {
    allocate::energy_pace pace;
    pace.observe(ladder, 0, 0);
    return pace.price(ladder, budget, 0, budget, to_do);
  };
  for (const double part : {1.1, .9, .7}) {
    const double budget = part * 1.3 * work;
    const double low = price_of(budget, sure(.5 * work)), high = price_of(budget, sure(1.5 * work)),
                 likely = price_of(budget, sure(work));
    CHECK(price_of(budget, {work, .5 * work, 1.5 * work}) ==
          Approx(2. / 3 * likely + (low + high) / 6));
    CHECK(high > likely);
  }
}

TEST_CASE("how far a forecast of work is off is what is said of it") {
  // Days of work that are drawn alike: what comes in `left` days, forecast from the mean of those that are over.
  constexpr double day_s = 100;
  for (const int days : {3, 10, 40})
    for (const int left : {1, 5, 30}) {
      CAPTURE(days);
      CAPTURE(left);
      test::dice d{static_cast<std::uint64_t>(100 * days + left)};
      double squares = 0, said = 0;
      constexpr int tries = 4000;
      for (int i = 0; i < tries; ++i) {
        allocate::work_by_day seen;
        double come = 0, will = 0;
        for (int k = 0; k < days + left; ++k) {
          const double joules = 8 + 4 * d.real();
          (k < days ? come : will) += joules;
          if (k >= days) continue;
          seen.add(day_s * (k + .3), day_s, joules / 3);
          seen.add(day_s * (k + .8), day_s, 2 * joules / 3);
        }
        const double forecast = come / days * left;
        squares += (will / forecast - 1) * (will / forecast - 1) / tries;
        const double error = seen.error(day_s * days, day_s * left, day_s);
        said += error * error / tries;
      }
      CHECK(std::sqrt(said) == Approx(std::sqrt(squares)).epsilon(.08));
    }
  CHECK(allocate::work_by_day{}.error(500, 100, day_s) == .5);
  allocate::work_by_day one;
  one.add(50, day_s, 7);
  CHECK(one.error(199, 100, day_s) == .5);
  CHECK(one.error(300, 1, day_s) == .5);  // the most that is said
}

TEST_CASE("a price that is paced by work does not move while nothing is done") {
  const model::curve c = clocked(1);
  price_response ladder;
  ladder.add(c, *c.fastest(4), 1, 1000, 50);
  allocate::energy_pace pace;
  pace.set_price(1e-3);
  const double work = ladder.whole_j();
  for (const double left : {.9, .1, .5}) {
    pace.observe(ladder, 0, 0);
    CHECK(pace.price(ladder, work, 0, left * work, sure(work)) == 1e-3);
  }
  pace.observe(ladder, work, work / 2);
  CHECK(pace.price(ladder, work, work / 2, .1 * work, sure(work / 2)) > 1e-3);
}

TEST_CASE("a plan says what is spent at each price and which price lasts") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    // What is spent at a price by a time: a sum of steps, each less at a higher price.
    std::vector<double> at_s, joules;
    for (double t = 0; t < 100; t += 10 * d.real()) {
      at_s.push_back(t);
      joules.push_back(5 * d.real());
    }
    const auto by = [&](double price, double t) {
      double sum = 0;
      for (std::size_t i = 0; i + 1 < at_s.size(); ++i)
        sum +=
            joules[i] / (1 + price) * std::clamp((t - at_s[i]) / (at_s[i + 1] - at_s[i]), 0., 1.);
      return sum;
    };
    allocate::energy_plan plan;
    std::vector<double> prices;
    const int courses = d.between(1, 6);
    for (int i = 0; i < courses; ++i) prices.push_back(i + d.real());
    std::vector<double> shuffled = prices;
    if (courses > 1) std::swap(shuffled.front(), shuffled.back());
    for (const double price : shuffled) {
      allocate::energy_plan::course c{price};
      for (const double t : at_s) c.mark(t, by(price, t));
      plan.add(std::move(c));
    }
    for (int i = 0; i < 20; ++i) {
      const double from_s = 110 * d.real() - 5, to_s = from_s + 60 * d.real();
      const auto spent = [&](double price) { return by(price, to_s) - by(price, from_s); };
      for (const double price : prices)
        CHECK(plan.spent_j(price, from_s, to_s) == Approx(spent(price)));
      CHECK(plan.spent_j(prices.front() - .1, from_s, to_s) == Approx(spent(prices.front())));
      CHECK(plan.spent_j(1e9, from_s, to_s) == Approx(spent(prices.back())));
      const double left_j = 1.2 * spent(0) * d.real();
      const double price = plan.price_for(left_j, from_s, to_s);
      CHECK(price >= prices.front());
      CHECK(price <= prices.back());
      const double least_j = spent(prices.back());
      const double wanted_j = std::max(left_j, least_j + .03 * (spent(prices.front()) - least_j));
      CHECK(plan.spent_j(price, from_s, to_s) <= wanted_j * (1 + sum_tolerance) + sum_tolerance);
      if (price > prices.front() && spent(0) > 1e-3)
        CHECK(plan.spent_j(price, from_s, to_s) == Approx(wanted_j));
    }
  }
  CHECK(allocate::energy_plan{}.price_for(1, 0, 1) == 0);
  CHECK(allocate::energy_plan{}.spent_j(1, 0, 1) == 0);
}

TEST_CASE("marks that are left out change nothing that is straight") {
  allocate::energy_plan::course all{0}, few{0};
  for (int i = 0; i <= 100; ++i) {
    all.mark(i, 3. * i);
    few.mark(i, 3. * i, 7.5);
  }
  for (double t = -1; t < 110; t += .37) CHECK(few.energy_j(t) == Approx(all.energy_j(t)));
}

TEST_CASE("a rehearsal finds prices on both sides of what a budget pays for") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    model::workload w = drawn(d, 120, 60);
    for (job& j : w.jobs)
      j.weight = std::pow(10., 2 * d.real());  // each slows down at its own price
    const double all_s = w.jobs.back().submit_s - w.jobs.front().submit_s;
    int runs = 0;
    const auto at_price = [&](double price, auto& meter) {
      ++runs;
      (void)run(w, {.energy_price = price}, meter);
    };
    const schedule::energy_budget plenty{.energy_j = 1e12, .horizon_s = all_s};
    CHECK(sim::rehearse(plenty, all_s, at_price)->price_for(1e12, 0, all_s) == 0);
    CHECK(runs == 1);
    const auto spent_j = [&](double price) {
      sim::detail::energy_meter meter{price, 0};
      at_price(price, meter);
      return meter.course.energy_j(all_s);
    };
    for (const double part : {.8, .3}) {
      const double horizon_s = all_s / 3;
      const double energy_j = (part * spent_j(0) + (1 - part) * spent_j(100)) / 3;
      runs = 0;
      const auto plan =
          sim::rehearse({.energy_j = energy_j, .horizon_s = horizon_s}, all_s, at_price);
      CHECK(runs <= 15);
      const double price = plan->price_for(3 * energy_j, 0, all_s);
      CHECK(price > 0);
      CHECK(price < 100);
      CHECK(spent_j(price) == Approx(3 * energy_j).epsilon(.02));
    }
  }
}

TEST_CASE("of work that comes evenly the part is known that is done by the end") {
  const model::curve c = clocked(1);
  const model::operating_point& p = *c.fastest(1);
  for (const double alone_s : {30., 1000., 40'000.})
    for (const double reach_s : {100., 1000., 20'000.}) {
      price_response ladder;
      ladder.add(c, p, 1, alone_s * p.throughput, 50, alone_s);
      double done = 0;
      constexpr int parts = 10'000;
      for (int i = 0; i < parts; ++i)
        done += std::min(1., (i + .5) / parts * reach_s / alone_s) / parts;
      constexpr double box = 1.2;  // lengths are known by halves of octaves
      CHECK(ladder.part_within(reach_s) <= done * box);
      CHECK(ladder.part_within(reach_s) >= done / box);
    }
  CHECK(price_response{}.part_within(10) == 1);
}

TEST_CASE("a GPU is charged the base of servers as full as they are") {
  // Two servers of four GPUs.
  schedule::state s{two, watts};
  const scheduler_options off{.off_after_s = 100};
  const double base_w = watts.server_w - watts.server_off_w;
  REQUIRE(base_w > 0);
  CHECK(schedule::gpu_base_w({}, s) == 0);  // servers stay on whoever holds GPUs
  CHECK(schedule::gpu_base_w(off, s) == Approx(base_w / 4));
  const auto hold = [&](std::uint32_t job, std::vector<gpu_id> gpus) {
    REQUIRE(s.ledger.reserve(job_id{job}, {std::move(gpus), {}}) ==
            fabric::reserve_status::reserved);
  };
  hold(1, {gpu_id{0}});
  CHECK(schedule::gpu_base_w(off, s) == Approx(base_w));
  hold(2, {gpu_id{1}, gpu_id{2}});
  CHECK(schedule::gpu_base_w(off, s) == Approx(base_w / 4 * 1.25));  // a third more, by quarters
  hold(3, {gpu_id{3}});
  CHECK(schedule::gpu_base_w(off, s) == Approx(base_w / 4));
  hold(4, {gpu_id{4}});
  CHECK(schedule::gpu_base_w(off, s) == Approx(base_w / 4 * 1.5));  // eight of five
  CHECK(schedule::full_base_w(off, s) == Approx(base_w / 4));
}

TEST_CASE("a hard budget that is paced by work is never exceeded and what is left carries over") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const model::workload w = drawn(d, 30, 60);
    const double off_after_s = d.index(2) ? infinite : 30 + 100 * d.real();
    const schedule::state idle{two, watts};
    const double floor_w = off_after_s < infinite ? idle.power_when_off_w() : idle.idle_power_w();
    const double horizon_s = 1000 + 4000 * d.real();
    // Between barely more than the idle cluster takes and more than all jobs do.
    const double energy_j = horizon_s * (floor_w + (100 + 2500 * d.real() * d.real())) +
                            (off_after_s < infinite ? 900 * off_after_s : 0);
    std::shared_ptr<const allocate::energy_plan> told;
    if (d.index(2)) {  // rehearsed with the cluster always on, and told wrongly by up to thrice
      const double wrong = d.index(2) ? 1 : 3 * d.real();
      told = sim::rehearse({.energy_j = wrong * energy_j, .horizon_s = horizon_s * d.between(1, 2)},
                           w.jobs.back().submit_s, [&](double price, auto& meter) {
                             (void)run(w, {.energy_price = price}, meter);
                           });
    }
    account book{energy_j, horizon_s, floor_w};
    const sim::report r = run(w,
                              {.off_after_s = off_after_s,
                               .energy = {.energy_j = energy_j,
                                          .horizon_s = horizon_s,
                                          .hard = true,
                                          .pace_by_work = true,
                                          .plan = told,
                                          .learn_s = horizon_s / 3}},
                              book);
    CHECK(r.status == sim::run_status::finished);
    CHECK(book.worst <= 1e-6 * energy_j);
  }
}

TEST_CASE(
    "a budget that is told a rehearsal comes near the constant price that it is the budget of") {
  // Three times as much work as the cluster can do: what is told cannot all be done in the horizon.
  double spent = 0, jct = 0;
  constexpr int seeds = 12;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    test::dice d{seed};
    const model::workload w = drawn(d, 300, 60);
    const double end_s = w.jobs.back().submit_s, horizon_s = end_s - w.jobs.front().submit_s;
    // What is spent by the last submission.
    struct meter {
      double end_s, at_s = 0, energy_j = 0, power_w = 0, by_then_j = -1;
      void operator()(const sim::moment& m) {
        if (by_then_j < 0 && m.now_s >= end_s) by_then_j = energy_j + (end_s - at_s) * power_w;
        at_s = m.now_s;
        energy_j = m.state.energy_j;
        power_w = m.power_w;
      }
    };
    meter constant{end_s}, paced{end_s};
    const sim::report hindsight = run(w, {.energy_price = 3e-3}, constant);
    const auto told = sim::rehearse(
        {.energy_j = constant.by_then_j, .horizon_s = horizon_s}, horizon_s,
        [&](double price, auto& meter) { (void)run(w, {.energy_price = price}, meter); });
    const sim::report r = run(w,
                              {.energy = {.energy_j = constant.by_then_j,
                                          .horizon_s = horizon_s,
                                          .hard = true,
                                          .pace_by_work = true,
                                          .plan = told}},
                              paced);
    const double idle_j = schedule::state{two, watts}.idle_power_w() * horizon_s;
    CHECK(paced.by_then_j <= constant.by_then_j * (1 + 1e-9));
    spent += (paced.by_then_j - idle_j) / (constant.by_then_j - idle_j) / seeds;
    jct += r.mean_jct_s / hindsight.mean_jct_s / seeds;
  }
  MESSAGE("spent ", spent, ", JCT ", jct);
  CHECK(spent >= .97);
  CHECK(jct <= 1.03);
}

TEST_CASE("a job that a paced budget stops goes on in the next horizon") {
  // One GPU at 300 W beside 1500 W of the idle cluster, of which its own GPU is 50: 250 W more.
  model::workload w = test::linear_workload({make_job(0, 0, 1, 1000)});
  const double idle_w = schedule::state{two, watts}.idle_power_w();
  const double horizon_s = 2000, energy_j = idle_w * horizon_s + 250 * 600;
  account book{energy_j, horizon_s, idle_w};
  const sim::report r = run(w,
                            {.energy = {.energy_j = energy_j,
                                        .horizon_s = horizon_s,
                                        .hard = true,
                                        .pace_by_work = true}},
                            book);
  REQUIRE(r.status == sim::run_status::finished);
  // It stops when less is left than two seconds at full power of all GPUs, 8 · 250 W, twice; that carries over.
  const double ran_s = 600 - 2 * 8 - 8;
  CHECK(r.records[0].rescales >= 1);
  CHECK(r.records[0].finish_s >= horizon_s + 1000 - 600);
  CHECK(r.records[0].finish_s <= horizon_s + 1000 - ran_s + 60);
  CHECK(book.worst <= 0);
}

TEST_CASE("a budget that does not pay for the idle cluster says that it is used up") {
  const model::workload w = test::linear_workload({make_job(0, 0, 1, 1000)});
  const sim::report r =
      run(w, {.energy = {.energy_j = 100, .horizon_s = 1000, .hard = true, .pace_by_work = true}});
  CHECK(r.status == sim::run_status::stuck);
  CHECK(sim::text_of(r.stuck) == "budget: the energy budget is used up");
}

TEST_CASE("what is left of a run time is the mean of those that ran longer") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    order::run_history past;
    std::vector<job> ended;
    for (std::uint32_t i = 0; i < 150; ++i) {
      job j = make_job(i, 0, 1 << d.between(0, 3 - 1), std::exp(8 * d.real()));
      j.vc = std::string(1, static_cast<char>('a' + d.index(4)));
      if (d.index(5) == 0 && !ended.empty()) j.duration_s = ended.back().duration_s;  // ties
      const double had = d.index(3) == 0   ? 0
                         : d.index(4) == 0 ? j.duration_s
                                           : std::exp(8.5 * d.real());
      std::vector<double> longer[3];
      for (const job& e : ended)
        if (e.duration_s > had) {
          longer[2].push_back(e.duration_s);
          if (e.gpus == j.gpus) longer[1].push_back(e.duration_s);
          if (e.gpus == j.gpus && e.vc == j.vc) longer[0].push_back(e.duration_s);
        }
      const order::run_guess g = past(j, had);
      const auto& from = longer[0].size() >= order::run_history::enough   ? longer[0]
                         : longer[1].size() >= order::run_history::enough ? longer[1]
                                                                          : longer[2];
      CHECK(g.jobs == from.size());
      if (from.empty()) {
        CHECK(g.left_s == (had > 0 ? had : past.first_s));
        CHECK(g.error_s == infinite);
      } else {
        double mean = 0, squares = 0;
        for (double x : from) mean += x / static_cast<double>(from.size());
        for (double x : from) squares += (x - mean) * (x - mean);
        const auto n = static_cast<double>(from.size());
        std::vector<double> left = from;
        std::sort(left.begin(), left.end());
        const auto part = [&](double p) {
          return std::max(1.0, left[static_cast<std::size_t>(p * n)] - had);
        };
        if (left.size() >= order::run_history::enough)
          CHECK(g.spread == Approx(std::log(part(.84) / part(.16)) / 2));
        CHECK(g.left_s == Approx(mean - had).epsilon(sum_tolerance));
        if (from.size() > 1)
          CHECK(g.error_s == Approx(std::sqrt(squares / n / (n - 1))).epsilon(1e-5).scale(mean));
      }
      past.add(j);
      ended.push_back(j);
    }
    CHECK(past.size() == ended.size());
  }
}

namespace {

/// Notes what it is told of work left.
struct nosy {
  static constexpr bool elastic = true;
  std::map<std::uint32_t, double>* told;
  allocate::throughput_marginal inner = {};

  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    told->clear();
    for (const allocate::candidate& j : jobs) (*told)[j.id.value] = j.work;
    inner(jobs, l, out);
  }
};

}  // namespace

TEST_CASE("a policy that is given forecasts sees nothing but what has ended by then") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    model::workload w = drawn(d, 40, 100);
    std::map<std::uint32_t, double> told;
    std::map<std::uint32_t, double> in_queue;  // what a waiting job was expected to take at first
    std::vector<std::uint32_t> unfinished;
    order::run_history past;
    std::size_t looked = 0;
    const auto watch = [&](const sim::decision_made& e) {
      // Before this decision: those that are no longer there have ended.
      for (std::uint32_t id : unfinished)
        if (!told.contains(id)) past.add(w.jobs[id]);
      unfinished.clear();
      for (const auto& [id, work] : told) {
        unfinished.push_back(id);
        const auto& j = e.at.state.jobs[id];
        const double had = w.jobs[id].duration_s - j.remaining_at(e.now_s);
        const double expected = past(w.jobs[id], had).left_s * j.reference->throughput;
        if (in_queue.contains(id)) {
          CHECK(work == Approx(in_queue[id]));
        } else {
          CHECK(work == Approx(expected).epsilon(sum_tolerance));
          ++looked;
        }
        if (!j.running())
          in_queue.try_emplace(id, work);
        else
          in_queue.erase(id);
      }
    };
    schedule::scheduler plan{order::fifo{}, nosy{&told}, place::packed{}, route::ideal{},
                             scheduler_options{.forecast_work = true}};
    const sim::report r = sim::run(two, w, plan, {.power = watts}, watch);
    CHECK(r.status == sim::run_status::finished);
    CHECK(looked > 80);
  }
}
