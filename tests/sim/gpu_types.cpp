// Clusters of several GPU types.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <heddle/allocate/by_rounds.hpp>
#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/price_path.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/clos_shape.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/verify.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/share.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/states.hpp"
#include "support/watts.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;
using schedule::scheduler;
using sim::run_status;

namespace {

constexpr double sum_tolerance = 1e-9;  // relative, of sums of many terms

// Three types, two of them under one leaf: 16 + 12 + 4 GPUs.
const fabric::leaf_spine mixed{fabric::parts_of({.units = 4,
                                                 .servers_per_unit = 2,
                                                 .gpus_per_server = 4,
                                                 .spines = 8,
                                                 .type_of_server = {0, 0, 1, 1, 0, 2, 1, 0}})};
constexpr std::array<int, 3> gpus_of_type{16, 12, 4};

fabric::base_power mixed_watts() {
  fabric::base_power w = test::watts;
  w.idle_w_of_type = {60, 35, 25};
  return w;
}

// On each type its speed and power; two clocks.
model::curve typed_curve(int type, double speed, double power_w) {
  std::vector<model::operating_point> points;
  for (int n = 1; n <= gpus_of_type[static_cast<std::size_t>(type)]; n *= 2)
    for (double clock : {.6, 1.0}) {
      model::operating_point p =
          test::point(n, speed * std::pow(n, .8) * std::sqrt(clock), power_w * n * clock, clock);
      p.config.type = static_cast<std::uint16_t>(type);
      points.push_back(p);
    }
  return model::curve{std::move(points)};
}

// Jobs with a curve on one, two or three types, some of which ask for one.
model::workload random_jobs(std::size_t count, std::uint64_t seed, bool chatty = false) {
  test::dice d{seed};
  model::workload w;
  double now_s = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    std::vector<model::curve> each;
    const int home = d.between(0, 2);
    for (int t = 0; t < 3; ++t)
      if (t == home || d.chance(.6))
        each.push_back(typed_curve(t, 1 + 3 * d.real(), 100 + 200 * d.real()));
    w.curves.push_back(model::on_types(std::move(each), home));
    job j = test::make_job(i, now_s += 60 * d.real(), 1 << d.between(0, 2), 30 + 600 * d.real());
    if (d.chance(.2)) j.gpu_type = home;
    if (chatty) {
      j.pattern = collective::ring;
      j.comm_share = .3;
    }
    w.curve_of.push_back(i);
    w.jobs.push_back(j);
  }
  return w;
}

// Every job stands on GPUs of the type of its point, which is one that it may have; no GPU is lost.
struct witness {
  double most_w = std::numeric_limits<double>::infinity();
  double energy_j = 0, last_s = 0, last_w = 0;
  bool first = true;
  std::size_t looks = 0;
  std::map<int, int> seen;  // starts by type

  void operator()(const sim::moment& m) {
    if (!first) energy_j += last_w * (m.now_s - last_s);
    first = false;
    last_s = m.now_s;
    last_w = m.power_w;
    REQUIRE(m.power_w <= most_w * (1 + 1e-9));
    const fabric::hosts& h = m.gpus.hosts();
    std::array<int, 3> free = gpus_of_type;
    for (const auto& [id, where] : m.gpus.placements()) {
      const schedule::active_job& j = m.state.jobs[m.state.slot_of(id)];
      REQUIRE(j.running());
      const int type = j.point()->config.type;
      REQUIRE(has_type(j.types(), type));
      REQUIRE(static_cast<int>(where.gpus.size()) == j.point()->config.gpus);
      for (gpu_id g : where.gpus) REQUIRE(h.type_of(h.server_of(g)) == type);
      free[static_cast<std::size_t>(type)] -= j.point()->config.gpus;
    }
    for (server_id s : h.all_servers())
      if (m.gpus.is_failed(s)) {
        for (gpu_id g : h.gpus_of(s)) REQUIRE_FALSE(m.gpus.owner(g).valid());
        free[h.type_of(s)] -= 4;
      }
    for (int t = 0; t < 3; ++t)
      REQUIRE(m.gpus.free_gpus_of_type(t) == free[static_cast<std::size_t>(t)]);
    ++looks;
  }
  void operator()(const sim::decision_made& d) {
    for (const schedule::start& s : d.what.starts) ++seen[s.point.config.type];
  }
};

using any_place =
    std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&, const place::request&)>;
using any_allocation = std::function<void(std::span<const allocate::candidate>,
                                          const allocate::limits&, allocate::allocation&)>;
// Many elastic policies under one scheduler type.
struct elastic_one {
  static constexpr bool elastic = true;
  any_allocation policy;
  void operator()(std::span<const allocate::candidate> jobs, const allocate::limits& l,
                  allocate::allocation& out) {
    policy(jobs, l, out);
  }
};

template <class Plan>
sim::report conserve(Plan plan, const model::workload& w, sim::options o, double most_w) {
  o.power = mixed_watts();
  witness see{.most_w = most_w};
  sim::report r = sim::run(mixed, w, plan, o, see);
  REQUIRE(r.status == run_status::finished);
  CHECK(r.finished == w.size());
  CHECK(see.looks >= w.size());
  CHECK(see.seen.size() == 3);
  CHECK(r.energy_j == Approx(see.energy_j).epsilon(sum_tolerance));
  CHECK(r.energy_j == Approx(r.parts.total_j()).epsilon(sum_tolerance));
  double jobs_j = 0;
  for (const auto& j : r.records) jobs_j += j.energy_j;
  CHECK(r.energy_j == Approx(jobs_j + r.overhead_energy_j).epsilon(sum_tolerance));
  return r;
}

sim::options with_failures(std::uint64_t seed) {
  test::dice d{seed};
  sim::options o{.moves = {.rescale = {.pause_s = 5}}, .checkpoint_s = 100};
  double t = 0;
  for (int i = 0; i < 12; ++i) {
    const auto server = static_cast<std::uint32_t>(d.index(8));
    o.failures.push_back({t += 200 + 500 * d.real(), server, false});
    o.failures.push_back({t += 10 + 150 * d.real(), server, true});
  }
  return o;
}

constexpr double unlimited = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE(
    "on GPUs of several types every job stands on one that it may have under rigid schedulers") {
  using plain = scheduler<order::shortest_remaining, allocate::requested, any_place, route::ideal,
                          test::any_admission,
                          schedule::means<test::only_if<schedule::preempt>, schedule::migrate>>;
  std::uint64_t seed = 0;
  for (const any_place& where : {any_place{place::packed{}},
                                 any_place{place::first_of{place::one_server{}, place::vclos{}}}})
    for (const test::any_admission& a :
         {test::any_admission{admit::in_order{}}, test::any_admission{admit::greedy{}},
          test::any_admission{admit::easy{}}})
      for (bool stops : {false, true})
        for (double most_w : {unlimited, 10500.0}) {
          ++seed;
          CAPTURE(seed);
          plain plan{order::shortest_remaining{},
                     allocate::requested{},
                     where,
                     route::ideal{},
                     a,
                     schedule::means{test::only_if<schedule::preempt>{stops}, schedule::migrate{}},
                     {.power_budget_w = most_w}};
          conserve(plan, random_jobs(150, seed), with_failures(seed), most_w);
        }
}

TEST_CASE(
    "on GPUs of several types every job stands on one that it may have under elastic schedulers") {
  std::uint64_t seed = 100;
  for (const any_allocation& policy :
       {any_allocation{allocate::powerflow{}}, any_allocation{allocate::price_path{}},
        any_allocation{allocate::optimal<>{}}})
    for (double price : {0.0, .001})
      for (double most_w : {unlimited, 10500.0}) {
        ++seed;
        CAPTURE(seed);
        scheduler plan{
            order::fifo{}, elastic_one{policy},
            place::first_of{place::one_server{}, place::vclos{}}, route::ideal{},
            schedule::scheduler_options{.power_budget_w = most_w, .energy_price = price}};
        conserve(plan, random_jobs(150, seed), with_failures(seed), most_w);
      }
}

TEST_CASE("on GPUs of several types every job stands on one that it may have where a policy knows "
          "types") {
  std::uint64_t seed = 200;
  const auto both = [&](auto policy) {
    for (double most_w : {unlimited, 10500.0}) {
      ++seed;
      CAPTURE(seed);
      scheduler plan{order::fifo{}, policy, place::first_of{place::one_server{}, place::vclos{}},
                     route::ideal{},
                     schedule::scheduler_options{.power_budget_w = most_w, .energy_price = .0005}};
      conserve(plan, random_jobs(150, seed), with_failures(seed), most_w);
    }
  };
  both(allocate::optimal<>{});
  both(allocate::by_rounds{share::by_share{share::max_min_lexicographic{}}, 100});
  both(allocate::by_rounds{share::rate_by_time_left{}, 100});
}

TEST_CASE("links of one's own are isolated on GPUs of several types") {
  const model::workload w = random_jobs(200, 7, true);
  std::size_t proofs = 0;
  const auto prove = [&](const sim::decision_made& d) {
    if (d.what.starts.empty()) return;
    const auto pattern = [&](job_id id) {
      return d.at.state.jobs[d.at.state.slot_of(id)].spec->pattern;
    };
    const route::isolation proof =
        route::verify_isolated(test::ledger_of(mixed, d.at.gpus), pattern, route::source{});
    REQUIRE_MESSAGE(proof, proof.broken->message());
    ++proofs;
  };
  witness see;
  scheduler plan{order::fifo{}, allocate::requested{},
                 place::first_of{place::one_server{}, place::vclos{}}, route::source{},
                 admit::easy{}};
  const sim::report r = sim::run(mixed, w, plan, {}, see, prove);
  CHECK(r.finished == w.size());
  CHECK(proofs > 100);
}
