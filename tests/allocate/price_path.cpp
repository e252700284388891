// price_path beside closed forms, brute force and what its theory promises.
#include <heddle/allocate/price_path.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>

#include <heddle/allocate/conformance.hpp>
#include <heddle/allocate/detail/path_forward.hpp>
#include <heddle/allocate/ideal_run.hpp>
#include <heddle/core/random.hpp>

#include "support/allocation_guard.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
namespace inner = heddle::allocate::detail;

namespace {

// Jobs that are all there, the GPUs that they share, and what a joule costs.
struct instance {
  std::vector<model::curve> curves;
  std::vector<candidate> jobs;
  int gpus = 8;
  double energy_price = 0;
};

class dice {
 public:
  explicit dice(std::uint64_t seed) : bits_(seed, 0, "price_path test") {}
  double real(double low, double high) {
    return boost::random::uniform_real_distribution<double>(low, high)(bits_);
  }
  int whole(int low, int high) {
    return boost::random::uniform_int_distribution<int>(low, high)(bits_);
  }

 private:
  stream bits_;
};

// Counts in powers of two from a least one, up to three clocks, speed ~ count^p.
instance some_instance(std::uint64_t seed, int jobs, int gpus, bool weights) {
  dice d(seed);
  instance s;
  s.gpus = gpus;
  const int clocks = d.whole(1, 3);
  if (clocks > 1) s.energy_price = d.whole(0, 1) ? 2 : .3;
  for (int i = 0; i < jobs; ++i) {
    const double p = d.real(.3, 1), idle = d.real(.05, .3), top = d.real(.2, .8);
    const double bound = d.real(.2, .9);
    std::vector<model::operating_point> points;
    for (int n = 1 << d.whole(0, 2); n <= gpus; n *= 2)
      for (int c = 0; c < clocks; ++c) {
        const double f = 1 - .25 * c;
        points.push_back(test::point(n, std::pow(n, p) / (bound / f + 1 - bound),
                                     n * (idle + top * f * f * f), f));
      }
    s.curves.emplace_back(std::move(points));
  }
  for (int i = 0; i < jobs; ++i)
    s.jobs.push_back({.id = job_id{i},
                      .curve = &s.curves[static_cast<std::size_t>(i)],
                      .work = std::exp(d.real(0, 3)),
                      .weight = weights && d.whole(0, 1) ? 10.0 : 1.0});
  return s;
}

// The least cost of an instance over the allocations of every phase, a phase lasting until a job ends.
class brute_force {
 public:
  explicit brute_force(const instance& s) : s_(s) {
    for (const candidate& j : s.jobs) {
      alone_.push_back(std::numeric_limits<double>::infinity());
      for (const model::operating_point& p : j.curve->points())
        if (p.config.gpus <= s.gpus)
          alone_.back() =
              std::min(alone_.back(), (j.weight + s.energy_price * p.power_w) / p.throughput);
    }
  }

  double cost(const std::vector<double>& work) {
    std::vector<std::size_t> alive;
    double weight = 0;
    for (std::size_t i = 0; i < work.size(); ++i)
      if (work[i] > 0) alive.push_back(i), weight += s_.jobs[i].weight;
    if (alive.empty()) return 0;
    if (alive.size() == 1) return work[alive[0]] * alone_[alive[0]];
    double best = std::numeric_limits<double>::infinity();
    std::vector<const model::operating_point*> given(alive.size(), nullptr);
    const auto phase = [&] {
      double step = std::numeric_limits<double>::infinity(), rate = weight;
      for (std::size_t k = 0; k < alive.size(); ++k)
        if (given[k]) {
          rate += s_.energy_price * given[k]->power_w;
          step = std::min(step, work[alive[k]] / given[k]->throughput);
        }
      if (!(rate * step < best)) return;  // also where nobody runs
      std::vector<double> left = work;
      for (std::size_t k = 0; k < alive.size(); ++k)
        if (given[k]) {
          double& w = left[alive[k]];
          w -= step * given[k]->throughput;
          if (w < 1e-12 * work[alive[k]]) w = 0;
        }
      double at_least = rate * step;
      for (std::size_t i : alive) at_least += left[i] * alone_[i];
      if (at_least < best) best = std::min(best, rate * step + cost(left));
    };
    const auto choose = [&](auto& self, std::size_t k, int gpus) -> void {
      if (k == alive.size()) return phase();
      given[k] = nullptr;
      self(self, k + 1, gpus);
      for (const model::operating_point& p : s_.jobs[alive[k]].curve->points())
        if (p.config.gpus <= gpus) {
          given[k] = &p;
          self(self, k + 1, gpus - p.config.gpus);
        }
      given[k] = nullptr;
    };
    choose(choose, 0, s_.gpus);
    return best;
  }

 private:
  const instance& s_;
  std::vector<double> alone_;  // the least that a unit of each job's work costs on all GPUs
};

std::vector<double> work_of(const instance& s) {
  std::vector<double> work;
  for (const candidate& j : s.jobs) work.push_back(j.work);
  return work;
}

// What comes of asking a policy at every end. `see` is shown every decision.
template <class Policy, class See>
double followed(const instance& s, Policy& policy, See see) {
  std::vector<candidate> jobs = s.jobs;
  allocation out;
  double cost = 0;
  while (!jobs.empty()) {
    policy(jobs, {.gpus = s.gpus}, out);
    double step = std::numeric_limits<double>::infinity(), rate = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      rate += jobs[i].weight;
      if (!out[i]) continue;
      rate += s.energy_price * out[i]->power_w;
      step = std::min(step, jobs[i].work / out[i]->throughput);
    }
    see(jobs, step);
    cost += rate * step;
    std::vector<candidate> next;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      candidate j = jobs[i];
      if (out[i]) j.work -= step * out[i]->throughput, j.current = out[i];
      if (j.work > 1e-12 * jobs[i].work) next.push_back(j);
    }
    jobs = std::move(next);
  }
  return cost;
}
template <class Policy>
double followed(const instance& s, Policy policy) {
  return followed(s, policy, [](const auto&, double) {});
}

struct ordered {
  std::vector<inner::path_job> jobs;
  std::vector<double> work;
  std::vector<std::size_t> who;
};
ordered in_order(const instance& s, inner::path_tables& tables,
                 const std::vector<std::size_t>& order) {
  ordered o;
  for (std::size_t i : order) {
    const candidate& j = s.jobs[i];
    o.jobs.push_back({tables.of(*j.curve, j.min_gpus, j.max_gpus), j.weight});
    o.work.push_back(j.work);
    o.who.push_back(i);
  }
  return o;
}

double sum_of(const instance& s) {
  double sum = 0;
  for (const candidate& j : s.jobs) sum += j.weight;
  return sum;
}

}  // namespace

TEST_CASE("price_path is optimal on tiny instances, beside all allocations of every phase") {
  constexpr int instances = 1200;
  constexpr double equal = 1e-6;
  int optimal_order = 0;
  double worst_order = 1, worst = 1, sum = 0;
  std::vector<double> all;
  for (std::uint64_t seed = 0; seed < instances; ++seed) {
    inner::path_forward forward;
    const instance s = some_instance(seed, 3, 8, seed % 2 != 0);
    const double least = brute_force(s).cost(work_of(s));
    inner::path_tables tables;
    tables.prepare(0, true, 3);
    double best = std::numeric_limits<double>::infinity();
    std::vector<std::size_t> order{0, 1, 2};
    do {
      const ordered o = in_order(s, tables, order);
      const double cost =
          forward.cost(o.jobs, o.work, tables, {.capacity = 8, .energy_price = s.energy_price});
      best = std::min(best, cost);
    } while (std::next_permutation(order.begin(), order.end()));
    INFO("seed ", seed);
    CHECK(best >= least * (1 - 1e-9));  // nothing beats brute force
    optimal_order += best <= least * (1 + equal);
    worst_order = std::max(worst_order, best / least);
    all.push_back(followed(s, price_path{.energy_price = s.energy_price}) / least);
    sum += all.back();
  }
  std::sort(all.begin(), all.end());
  worst = all.back();
  MESSAGE("best order equal to brute force in ", optimal_order, " of ", instances, ", worst ",
          worst_order, "; the policy's: mean ", sum / instances, ", 99th percentile ",
          all[instances * 99 / 100], ", worst ", worst);
  CHECK(optimal_order >= .999 * instances);
  CHECK(worst_order <= 1.03);
  CHECK(sum / instances <= 1.002);
  CHECK(all[instances * 99 / 100] <= 1.04);
}

TEST_CASE("price_path meets heSRPT's closed form where speed is a power of GPUs") {
  constexpr double tolerance = 1e-3;
  constexpr int gpus = 768;
  for (const double p : {.3, .5, .8}) {
    std::vector<model::operating_point> points;
    for (int n = 1; n <= gpus; ++n) points.push_back(test::point(n, std::pow(n, p), 1));
    instance s;
    s.gpus = gpus;
    s.curves.emplace_back(std::move(points));
    dice d(7);
    for (int i = 0; i < 6; ++i)
      s.jobs.push_back({.id = job_id{i}, .curve = &s.curves[0], .work = std::exp(d.real(0, 3))});
    // Of m jobs the i-th largest has (i/m)^c − ((i−1)/m)^c of the GPUs, c = 1/(1−p).
    std::vector<double> work = work_of(s);
    std::sort(work.rbegin(), work.rend());
    double closed = 0;
    const double c = 1 / (1 - p);
    for (std::size_t m = work.size(); m > 0; --m) {
      const auto speed = [&](std::size_t i) {
        const double a = static_cast<double>(i + 1) / static_cast<double>(m);
        const double b = static_cast<double>(i) / static_cast<double>(m);
        return std::pow((std::pow(a, c) - std::pow(b, c)) * gpus, p);
      };
      const double step = work[m - 1] / speed(m - 1);
      closed += static_cast<double>(m) * step;
      for (std::size_t i = 0; i < m; ++i) work[i] -= step * speed(i);
    }
    const double exact = followed(s, price_path{.exact_work = 1e9});
    const double hulls = followed(s, price_path{.exact_work = 0});
    INFO("p ", p);
    CHECK(std::abs(exact / closed - 1) <= tolerance);
    CHECK(std::abs(hulls / closed - 1) <= tolerance);
  }
}

TEST_CASE("after every job the GPUs are worth the weights, and a plan whose ends come in order "
          "costs its V") {
  constexpr double tolerance = 1e-9;
  int consistent = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const instance s = some_instance(1'000 + seed, 4, 16, seed % 2 != 0);
    INFO("seed ", seed);
    inner::path_tables tables;
    tables.prepare(0, true, 4);
    const ordered o = in_order(s, tables, {0, 1, 2, 3});
    const inner::path_resource r{.capacity = 16, .energy_price = s.energy_price};
    inner::path_engine<inner::path_knapsack> engine;
    engine.run(o.jobs, tables, r);
    double weights = 0, planned = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      weights += o.jobs[i].weight;
      planned += engine.work_worth[i] * o.work[i];
      CHECK(std::abs(engine.worth.after(i + 1)[16] / weights - 1) <= tolerance);
    }
    std::vector<double> ends;
    inner::path_forward forward;
    const double cost = forward.cost(o.jobs, o.work, tables, r, &ends);
    if (std::is_sorted(ends.rbegin(), ends.rend())) {
      ++consistent;
      CHECK(std::abs(cost / planned - 1) <= tolerance);
    }
    // The order of ends alone: other work, or who ends first gone, changes no other V.
    const std::vector<double> before = engine.work_worth;
    inner::path_engine<inner::path_knapsack> fewer;
    fewer.run(std::span{o.jobs}.first(3), tables, r);
    for (std::size_t i = 0; i < 3; ++i) CHECK(fewer.work_worth[i] == before[i]);
  }
  CHECK(consistent >= 10);
}

TEST_CASE("price_path says when jobs end, and they do") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const instance s = some_instance(2'000 + seed, 3, 8, false);
    price_path policy{.energy_price = s.energy_price};
    std::vector<double> predicted;
    std::vector<double> ended(3, 0);
    double now = 0;
    bool first = true;
    followed(s, policy, [&](const std::vector<candidate>& jobs, double step) {
      if (first) policy.predict(predicted);
      first = false;
      now += step;
      for (const candidate& j : jobs) ended[j.id.value] = now;
    });
    INFO("seed ", seed);
    double a = 0, b = 0;
    for (std::size_t i = 0; i < 3; ++i) a += predicted[i], b += ended[i];
    CHECK(a == doctest::Approx(b).epsilon(.02));  // an order may be mended on the way
  }
}

TEST_CASE("no schedule costs less than price_path's bound, and its plan says what it costs") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const instance s = some_instance(3'000 + seed, 3, 8, seed % 2 != 0);
    price_path policy{.energy_price = s.energy_price};
    allocation out;
    policy(s.jobs, {.gpus = 8}, out);
    CHECK(policy.bound() <= brute_force(s).cost(work_of(s)) * (1 + 1e-9));
    CHECK(policy.bound() > 0);
    CHECK(policy.last().energy_price == s.energy_price);
    CHECK(policy.last().exact);
  }
}

TEST_CASE("price_path keeps what schedulers rely on") {
  const auto broken = [](const price_path& policy) {
    std::string all;
    for (const std::string& s : check(policy)) all += s + '\n';
    return all;
  };
  CHECK(broken({}) == "");
  CHECK(broken({.energy_price = 1e-3}) == "");
  CHECK(broken({.energy_price = 1e-3, .exact_work = 0}) == "");
  CHECK(broken({.classes = false, .rescale = {.interval_s = 100}}) == "");
}

TEST_CASE("by hulls price_path answers after events what it answers from nothing") {
  dice d(11);
  const instance s = some_instance(5, 60, 64, true);
  for (const double exact : {0.0, 1e9}) {
    price_path warm{.energy_price = .3, .exact_work = exact};
    std::vector<candidate> jobs(s.jobs.begin(), s.jobs.begin() + 40);
    allocation out, fresh;
    for (int event = 0; event < 60; ++event) {
      if (d.whole(0, 1) && jobs.size() > 5)
        jobs.erase(jobs.begin() + d.whole(0, static_cast<int>(jobs.size()) - 1));
      else
        jobs.push_back(s.jobs[static_cast<std::size_t>(d.whole(0, 59))]);
      for (candidate& j : jobs) j.work *= d.real(.9, 1);
      warm(jobs, {.gpus = 64}, out);
      price_path cold{.energy_price = .3, .exact_work = exact};
      cold(jobs, {.gpus = 64}, fresh);
      CHECK(out == fresh);
    }
  }
}

TEST_CASE("after a stream of arrivals and ends price_path answers what it answers from nothing") {
  // Jobs come on, start, wait again and change their places among the candidates, as under a scheduler.
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    dice d(100 + seed);
    const instance pool = some_instance(seed, 80, 64, true);
    const bool classes = seed % 4 == 0, dated = seed % 3 == 0, capped = seed % 5 == 0;
    price_path warm{.energy_price = seed % 2 ? .3 : 0, .exact_work = seed % 6 == 0 ? 1e9 : 0.};
    std::vector<candidate> jobs(pool.jobs.begin(), pool.jobs.begin() + 50);
    std::uint32_t id = 1000;
    for (candidate& j : jobs) j.priority = classes ? d.whole(0, 2) : 0;
    allocation out, fresh;
    for (int event = 0; event < 40; ++event) {
      CAPTURE(event);
      const allocate::limits l{
          .gpus = 64, .power_w = capped ? d.real(1, 200) : std::numeric_limits<double>::infinity()};
      const int what = d.whole(0, 5);
      if (what < 2 && jobs.size() > 5) {
        jobs.erase(jobs.begin() + d.whole(0, static_cast<int>(jobs.size()) - 1));
      } else if (what < 4) {
        jobs.push_back(pool.jobs[static_cast<std::size_t>(d.whole(0, 79))]);
        jobs.back().id = job_id{++id};
        jobs.back().priority = classes ? d.whole(0, 2) : 0;
        if (dated) jobs.back().time_left_s = d.real(1, 200);
      }  // else nobody comes or goes
      for (candidate& j : jobs)
        if (j.current) j.work *= d.real(.9, 1);
      warm(jobs, l, out);
      price_path cold{.energy_price = warm.energy_price, .exact_work = warm.exact_work};
      cold(jobs, l, fresh);
      REQUIRE(out == fresh);
      CHECK(warm.last().worth == cold.last().worth);
      CHECK(warm.last().gpu_price == cold.last().gpu_price);
      for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].current = out[i];
      std::stable_partition(jobs.begin(), jobs.end(),
                            [](const candidate& j) { return j.current != nullptr; });
    }
  }
}

TEST_CASE("a calendar of prices gives its steps in order, wherever prices lie") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    dice d(seed);
    allocate::detail::price_queue queue;
    std::vector<allocate::detail::priced_step> all, taken;
    const double spread = seed % 4 == 0 ? .01 : seed % 4 == 1 ? 5 : 400;  // beyond its days too
    for (std::uint32_t i = 0; i < 300; ++i) {
      const double price = d.whole(0, 4) == 0 ? 1 : std::exp(spread * d.real(-.5, .5));
      const allocate::detail::priced_step step{price, i};
      if (i % 100 == 99) queue.take_day(taken);
      if (queue.taken(price))
        taken.insert(std::upper_bound(taken.begin(), taken.end(), step), step);
      else
        queue.push(step);
      all.push_back(step);
    }
    while (queue.take_day(taken)) {
    }
    std::sort(all.begin(), all.end());
    REQUIRE(taken.size() == all.size());
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(taken[i].step == all[i].step);
  }
}

TEST_CASE(
    "price_path told that run times are uncertain costs less where all it is told is their mean") {
  // Exponential run times: nothing is ever known of who ends first, and equal shares are best.
  std::vector<model::operating_point> points;
  for (int n = 1; n <= 16; ++n) points.push_back(test::point(n, std::sqrt(n), 1));
  const model::curve curve{points};
  struct told_the_mean {
    double spread;
    price_path inner = {};
    void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) {
      std::vector<candidate> seen(jobs.begin(), jobs.end());
      for (candidate& j : seen) {
        j.work = 1;
        j.work_spread = spread;
      }
      inner(seen, l, out);
    }
  };
  double certain = 0, uncertain = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    dice d(seed);
    std::vector<known_job> jobs;
    for (int i = 0; i < 8; ++i)
      jobs.push_back({.work = -std::log(d.real(1e-9, 1)), .curve = &curve});
    told_the_mean no{.spread = 0}, yes{.spread = 1.3};
    certain += ideal_run(no, jobs, {.gpus = 16}).weighted_time_s;
    uncertain += ideal_run(yes, jobs, {.gpus = 16}).weighted_time_s;
  }
  MESSAGE("cost where it is told that they are uncertain over where it is not: ",
          uncertain / certain);
  CHECK(uncertain < .97 * certain);
}

TEST_CASE("with uncertain work price_path answers after events what it answers from nothing") {
  const instance s = some_instance(9, 40, 64, true);
  for (const double exact : {0.0, 1e9}) {
    price_path warm{.energy_price = .3, .exact_work = exact};
    std::vector<candidate> jobs = s.jobs;
    for (candidate& j : jobs) j.work_spread = .1 * static_cast<double>(j.id.value % 20);
    allocation out, fresh;
    while (jobs.size() > 4) {
      warm(jobs, {.gpus = 64}, out);
      price_path cold{.energy_price = .3, .exact_work = exact};
      cold(jobs, {.gpus = 64}, fresh);
      CHECK(out == fresh);
      int given = 0;
      for (const model::operating_point* p : out) given += p ? p->config.gpus : 0;
      CHECK(given <= 64);
      std::vector<double> ends;
      warm.predict(ends);
      CHECK(ends.size() == jobs.size());
      jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(jobs.size() / 2));
      for (candidate& j : jobs) j.work *= .9;
      const auto before = test::allocations();
      warm(jobs, {.gpus = 64}, out);
      if (jobs.size() + 3 < s.jobs.size()) CHECK(test::allocations() == before);
    }
  }
}

TEST_CASE("price_path allocates nothing once it has seen the sizes") {
  const instance s = some_instance(6, 60, 64, true);
  for (const double exact : {0.0, 1e9}) {
    price_path policy{.energy_price = .3, .exact_work = exact};
    allocation out;
    std::vector<candidate> jobs = s.jobs;
    policy(jobs, {.gpus = 64}, out);
    std::reverse(jobs.begin(), jobs.end());
    policy(jobs, {.gpus = 64}, out);
    const auto before = test::allocations();
    for (candidate& j : jobs) j.work *= .5 + .01 * static_cast<double>(j.id.value);
    policy(jobs, {.gpus = 64}, out);
    CHECK(test::allocations() == before);
  }
}

TEST_CASE("a higher priority class gets under price_path what it gets alone") {
  const instance s = some_instance(8, 12, 16, false);
  price_path policy{.energy_price = s.energy_price};
  std::vector<candidate> jobs = s.jobs, urgent;
  for (candidate& j : jobs) {
    j.priority = j.id.value % 3 == 0;
    if (j.priority) urgent.push_back(j);
  }
  allocation out, alone;
  policy(jobs, {.gpus = 16}, out);
  policy(urgent, {.gpus = 16}, alone);
  for (std::size_t i = 0; i < urgent.size(); ++i) CHECK(out[urgent[i].id.value] == alone[i]);
}

TEST_CASE("price_path meets a deadline that its prices would miss") {
  const model::curve c{
      {test::point(1, 1, 100), test::point(2, 1.9, 200), test::point(4, 3.5, 400)}};
  std::vector<candidate> jobs;
  for (int i = 0; i < 6; ++i)
    jobs.push_back({.id = job_id{i}, .curve = &c, .work = i == 5 ? 3000.0 : 10.0 + i});
  allocation out;
  price_path policy;
  policy(jobs, {.gpus = 4}, out);
  CHECK(!out[5]);
  jobs[5].time_left_s = 1800;
  policy(jobs, {.gpus = 4}, out);
  REQUIRE(out[5]);
  CHECK(out[5]->config.gpus == 2);
  jobs[5].time_left_s = 100;  // nothing meets it
  policy(jobs, {.gpus = 4}, out);
  CHECK(!out[5]);
}

TEST_CASE("under a power limit price_path keeps to it and uses what it can") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    instance s = some_instance(4'000 + seed, 8, 32, false);
    price_path policy{.energy_price = s.energy_price};
    allocation out;
    for (const double cap : {2., 5., 10.}) {
      policy(s.jobs, {.gpus = 32, .power_w = cap}, out);
      double watts = 0;
      for (const auto* p : out) watts += p ? p->power_w : 0;
      INFO("seed ", seed, " cap ", cap);
      CHECK(watts <= cap * (1 + 1e-12));
      CHECK(watts >= .3 * std::min(cap, 8 * .5));
    }
  }
  CHECK(sum_of(some_instance(1, 3, 8, false)) == 3);
}
