#include <heddle/route/flow_contention.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/route/coloured.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/steady.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using fabric::placement;
using route::flow_contention;
using route::flow_contention_options;

namespace {

struct running {
  placement where;
  collective pattern = collective::none;
  double duty = 0;
};

const leaf_spine network{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

/// Takes some of the free GPUs, now and then as a slice of all leafs with links of its own.
running random_job(test::dice& d, std::set<gpu_id>& free) {
  running r;
  constexpr collective patterns[] = {collective::ring, collective::halving_doubling,
                                     collective::all_to_all};
  r.pattern = patterns[d.index(3)];
  r.duty = d.chance(.1) ? 0 : d.real();
  const std::size_t n = std::size_t{2} << d.index(3);
  std::vector<gpu_id> some(free.begin(), free.end());
  d.shuffle(some);
  some.resize(std::min(n, some.size()));
  std::sort(some.begin(), some.end());
  for (gpu_id g : some) free.erase(g);
  r.where.gpus = some;
  return r;
}

using jobs_by_id = std::map<job_id, running>;

/// Links that all phases of a job use, routed one by one.
template <class Policy>
std::set<std::uint32_t> links_of(const running& r, Policy policy) {
  const route::link_numbers numbers{network};
  const auto ranks = traffic::make_group(network, r.where.gpus);
  const traffic::any_source all = traffic::source_of(r.pattern, ranks, 1.0);
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{network, numbers, ranks, none};
  std::set<std::uint32_t> out;
  std::vector<traffic::flow> flows;
  for (std::size_t k = 0; r.duty > 0 && k < all.size(); ++k) {
    (void)all.write(k, flows);
    route::for_each_link(policy, v, std::span<const traffic::flow>{flows},
                         [&](std::uint32_t l) { out.insert(l); });
  }
  return out;
}

/// Components by joining two jobs that share a link until nothing changes; each is simulated whole.
template <class Policy>
std::map<job_id, double> from_nothing(const jobs_by_id& jobs, Policy policy,
                                      flow_contention_options o) {
  flow_contention<Policy> as{network, policy, o};
  std::map<job_id, std::set<std::uint32_t>> links;
  std::map<job_id, job_id> root;
  for (const auto& [id, r] : jobs) {
    links[id] = links_of(r, policy);
    root[id] = id;
  }
  for (bool again = true; std::exchange(again, false);)
    for (const auto& [a, of_a] : links)
      for (const auto& [b, of_b] : links) {
        const bool meet =
            std::any_of(of_a.begin(), of_a.end(), [&](auto l) { return of_b.contains(l); });
        if (!meet || !(root[b] < root[a])) continue;
        root[a] = root[b];
        again = true;
      }
  std::map<job_id, double> out;
  for (const auto& [first, same] : root) {
    if (first != same) continue;
    std::vector<route::flow_job> component;
    for (const auto& [id, r] : jobs)
      if (root[id] == first) component.push_back(as.as_flow_job(id, r.where, r.pattern, r.duty));
    route::flow_simulation simulate{
        network, policy, {.iterations = o.iterations, .warm_up = o.warm_up}};
    for (const auto& report : simulate(component))
      out[report.id] = std::max(1.0, report.communication_slowdown());
  }
  return out;
}

template <class Policy>
void check_against_direct_simulation(Policy policy, std::uint64_t seed) {
  CAPTURE(seed);
  test::dice d{seed};
  const flow_contention_options o{.iterations = 2, .seed = seed};
  flow_contention model{network, policy, o};
  jobs_by_id jobs;
  std::map<job_id, double> before;
  std::set<gpu_id> free;
  for (gpu_id g : network.all_gpus()) free.insert(g);
  for (int step = 0; step < 25; ++step) {
    CAPTURE(step);
    job_id who{step};
    if (jobs.empty() || (free.size() >= 4 && d.chance(.6))) {
      const running r = jobs[who] = random_job(d, free);
      model.add(who, r.where, r.pattern, r.duty);
    } else {
      auto it = jobs.begin();
      std::advance(it, static_cast<std::ptrdiff_t>(d.index(jobs.size())));
      who = it->first;
      free.insert(it->second.where.gpus.begin(), it->second.where.gpus.end());
      jobs.erase(it);
      model.remove(who);
    }
    const auto expected = from_nothing(jobs, policy, o);
    const auto changed = model.changed();
    REQUIRE(std::is_sorted(changed.begin(), changed.end()));
    REQUIRE(std::binary_search(changed.begin(), changed.end(), who));
    std::map<job_id, double> now;
    for (const auto& [id, x] : expected) {
      now[id] = model.slowdown(id);
      // A job by itself is not simulated where its links cannot hold it back: 1 but for rounding.
      if (now[id] == 1)
        REQUIRE(std::abs(x - 1) < 1e-9);
      else
        REQUIRE(now[id] == x);
      if (id != who)
        REQUIRE(std::binary_search(changed.begin(), changed.end(), id) ==
                (before.at(id) != now[id]));
    }
    before = now;
  }
}

}  // namespace

TEST_CASE("slow-downs flow by flow equal those of the flow simulation run on each component") {
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    check_against_direct_simulation(route::ecmp{seed}, seed);
    check_against_direct_simulation(route::source{}, seed);
    check_against_direct_simulation(route::coloured{}, seed);
  }
}

TEST_CASE("under a policy that looks at loads jobs under one leaf are simulated together") {
  // Jobs of two GPUs each under leafs 0 and 1, and another pair under leafs 2 and 3.
  const auto between = [](int leaf, int other, int k) {
    return placement{{gpu_id{leaf * 8 + k}, gpu_id{other * 8 + k}}, {}};
  };
  flow_contention model{network, route::balanced{}, {}};
  model.add(job_id{0}, between(0, 1, 0), collective::all_to_all, .5);
  model.add(job_id{1}, between(2, 3, 1), collective::all_to_all, .5);
  const std::size_t before = model.flows_started();
  model.add(job_id{2}, between(0, 3, 2), collective::all_to_all, .5);
  std::vector<route::flow_job> all{
      model.as_flow_job(job_id{0}, between(0, 1, 0), collective::all_to_all, .5),
      model.as_flow_job(job_id{1}, between(2, 3, 1), collective::all_to_all, .5),
      model.as_flow_job(job_id{2}, between(0, 3, 2), collective::all_to_all, .5)};
  route::flow_simulation simulate{network, route::balanced{}, {.iterations = 3}};
  const auto reports = simulate(all);
  CHECK(model.flows_started() - before == simulate.flows_started());
  for (std::uint32_t i = 0; i < 3; ++i)
    CHECK(model.slowdown(job_id{i}) == std::max(1.0, reports[i].communication_slowdown()));
}

TEST_CASE(
    "flow by flow jobs that own their links are slowed down by exactly 1 without a simulation") {
  for (collective c : {collective::ring, collective::halving_doubling, collective::all_to_all}) {
    flow_contention model{network, route::ecmp{}};
    for (int k = 0; k < 4; ++k) {
      placement slice;
      for (int l = 0; l < network.leafs(); ++l)
        for (int i = 2 * k; i < 2 * k + 2; ++i) {
          slice.gpus.push_back(gpu_id{l * network.gpus_per_leaf() + i});
          slice.links.push_back({leaf_id{l}, spine_id{i}, 0});
        }
      model.add(job_id{k}, slice, c, .5);
    }
    for (std::uint32_t k = 0; k < 4; ++k) CHECK(model.slowdown(job_id{k}) == 1);
    CHECK(model.flows_started() == 0);
  }
}

TEST_CASE("flow by flow what was simulated before is not simulated again") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 3}};
  flow_contention model{dc, route::source{}};
  const auto pair = [](int k) { return placement{{gpu_id{k}, gpu_id{3 + k}}, {}}; };
  model.add(job_id{1}, pair(0), collective::all_to_all, .5);
  CHECK(model.flows_started() == 0);
  model.add(job_id{2}, pair(1), collective::all_to_all, .5);
  const double two = model.slowdown(job_id{1});
  CHECK(two > 1);
  CHECK(two < 2);
  model.add(job_id{3}, pair(2), collective::all_to_all, .5);
  CHECK(model.slowdown(job_id{1}) > two);
  const std::size_t started = model.flows_started();
  model.remove(job_id{3});
  CHECK(model.slowdown(job_id{1}) == two);
  CHECK(model.flows_started() == started);
  model.add(job_id{3}, pair(2), collective::all_to_all, .25);  // another job under the same id
  CHECK(model.flows_started() > started);
}

TEST_CASE(
    "who always communicates halves a link with its like and slows by the steady model's limit") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  flow_contention model{dc, route::source{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::all_to_all, 1);
  model.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::all_to_all, 1);
  // A job may be measured until the other is, which runs alone for no time: both always send.
  CHECK(model.slowdown(job_id{1}) == doctest::Approx(2).epsilon(1e-9));
  CHECK(model.slowdown(job_id{2}) == doctest::Approx(2).epsilon(1e-9));
}

TEST_CASE("the steady model is near the flow by flow one on random mixes") {
  double sum = 0, most = 0;
  int n = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    test::dice d{seed};
    std::set<gpu_id> free;
    for (gpu_id g : network.all_gpus()) free.insert(g);
    route::steady steady{network, route::ecmp{}};
    flow_contention flows{network, route::ecmp{}, {.iterations = 30, .warm_up = 3}};
    std::vector<double> share;
    for (std::uint32_t i = 0; i < 5; ++i) {
      const running r = random_job(d, free);
      steady.add(job_id{i}, r.where, r.pattern, r.duty);
      flows.add(job_id{i}, r.where, r.pattern, r.duty);
      share.push_back(r.duty);
    }
    for (std::uint32_t i = 0; i < 5; ++i) {
      // Of whole jobs: a duty of nearly nothing may be stretched much and matters little.
      const double a = 1 + share[i] * (steady.slowdown(job_id{i}) - 1),
                   b = 1 + share[i] * (flows.slowdown(job_id{i}) - 1);
      sum += std::abs(a / b - 1);
      most = std::max(most, std::abs(a / b - 1));
      ++n;
    }
  }
  CAPTURE(most);
  CAPTURE(sum / n);
  CHECK(sum / n < 0.05);
  CHECK(most < 0.25);
}

TEST_CASE("a simulation that needs more flows than are allowed says so") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  flow_contention model{dc, route::source{}, {.most_flows = 10}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::all_to_all, .5);
  CHECK_THROWS_AS(model.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::all_to_all, .5),
                  route::flow_limit_reached);
}

TEST_CASE(
    "jobs on circuits of their own do not slow one another down, flow by flow or in the mean") {
  const fabric::leaf_spine_ocs dc{{.leafs = 6,
                                   .spines = 4,
                                   .switches = 8,
                                   .spine_fibres = 2,
                                   .servers_per_leaf = 2,
                                   .gpus_per_server = 4}};
  fabric::ledger book{dc};
  place::ocs_vclos policy;
  flow_contention exact{dc, route::source{}};
  route::steady mean{dc, route::source{}};
  std::size_t across = 0;
  for (std::uint32_t j = 0; j < 6; ++j) {
    const place::answer a = policy(book, {job_id{j}, j % 2 ? 12 : 4});
    if (!a) continue;
    REQUIRE(book.reserve(job_id{j}, *a.where) == fabric::reserve_status::reserved);
    across += !a.where->circuits.empty();
    exact.add(job_id{j}, *a.where, collective::halving_doubling, .5);
    mean.add(job_id{j}, *a.where, collective::halving_doubling, .5);
  }
  REQUIRE(across >= 2);
  for (const auto& [job, where] : book.placements()) {
    CAPTURE(job.value);
    CHECK(exact.slowdown(job) == doctest::Approx(1));
    CHECK(mean.slowdown(job) == 1);
  }
}
