#include <heddle/route/steady.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using fabric::placement;
using route::steady;
using traffic::flow;

namespace {

struct running {
  placement where;
  collective pattern = collective::none;
  double duty = 0, hidden = 0;  // exposed, and behind computing

  [[nodiscard]] communication shares() const { return {duty, hidden}; }
};

// The formula of the header, from nothing: every phase of every group against every other group.
struct by_formula {
  leaf_spine dc;
  route::ecmp shared;
  int samples;
  int rounds;
  double step = 0;
  route::link_numbers links{dc};

  struct part {
    double weight = 0;
    double card = 1;
    std::map<std::uint32_t, int> flows;
  };

  [[nodiscard]] std::vector<part> parts(const running& r) const {
    std::vector<part> out;
    const auto ranks = traffic::make_group(dc, r.where.gpus);
    if (!ranks.crosses_leafs()) return out;
    const traffic::any_source all = traffic::source_of(r.pattern, ranks, 1.0);
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{dc, links, ranks, none};
    std::vector<flow> flows;
    const std::size_t n = std::min(all.size(), static_cast<std::size_t>(samples));
    double total = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const auto p = all.write((2 * i + 1) * all.size() / (2 * n), flows);
      std::map<std::uint32_t, int> out_of, into, from_inside, to_inside;
      int card = 0, inside = 0;
      for (const flow& f : flows) {
        if (ranks.servers[f.source] == ranks.servers[f.target])
          inside = std::max({inside, ++from_inside[f.source], ++to_inside[f.target]});
        else
          card = std::max({card, ++out_of[f.source], ++into[f.target]});
      }
      part here{p.repeat *
                    (8e-9 * p.bytes * std::max(card / dc.link_gbps(), inside / dc.server_gbps())),
                std::max(1.0, 1.0 * card),
                {}};
      const auto count = [&](std::uint32_t l) { ++here.flows[l]; };
      if (r.where.links.empty()) {
        route::ecmp policy = shared;
        route::for_each_link(policy, v, std::span<const flow>{flows}, count);
      } else {
        route::owned policy{dc.leafs(), r.where};
        route::for_each_link(policy, v, std::span<const flow>{flows}, count);
      }
      total += here.weight;
      out.push_back(here);
    }
    for (part& p : out) p.weight /= total;
    return out;
  }

  [[nodiscard]] std::map<job_id, double> slowdowns(const std::map<job_id, running>& jobs) const {
    constexpr double unit = 0x1p40;  // background counts whole parts of a flow
    std::map<job_id, std::vector<part>> of;
    std::map<job_id, double> out;
    for (const auto& [id, r] : jobs) {
      of[id] = parts(r);
      out[id] = 1;
    }
    for (int round = 0; round < rounds; ++round) {
      std::map<job_id, std::map<std::uint32_t, std::int64_t>> adds;
      std::map<std::uint32_t, std::int64_t> sum;
      for (const auto& [id, r] : jobs) {
        const auto share = [&](double slow) {
          const double sent = (r.duty + r.hidden) * slow,
                       longer = std::max(0.0, r.hidden * slow - (1 - r.duty));
          return sent / (1 - r.duty + r.duty * slow + longer);
        };
        double duty = share(out[id]);
        if (step > 0 && duty > 0)
          duty = share(1) * std::exp(std::round(std::log(duty / share(1)) / step) * step);
        std::map<std::uint32_t, double> mean;
        for (const part& p : of[id])
          for (const auto& [l, n] : p.flows) mean[l] += p.weight * n;
        for (const auto& [l, x] : mean) sum[l] += adds[id][l] = std::llround(duty * x * unit);
      }
      for (const auto& [id, r] : jobs) {
        double stretched = 0;
        for (const part& p : of[id]) {
          double most = p.card;
          for (const auto& [l, n] : p.flows)
            most = std::max(most, n + static_cast<double>(sum[l] - adds[id][l]) / unit);
          stretched += p.weight * (most / p.card - 1);
        }
        out[id] = 1 + stretched;
      }
    }
    return out;
  }
};

running random_job(const leaf_spine& dc, test::dice& d) {
  running r;
  constexpr collective patterns[] = {collective::ring, collective::halving_doubling,
                                     collective::all_to_all, collective::none};
  r.pattern = patterns[d.chance(.03) ? 3 : d.index(3)];
  r.duty = d.chance(.1) ? 1 : d.chance(.1) ? 0 : d.real();
  if (d.chance(.3)) r.hidden = (1 - r.duty) * d.real();
  if (d.chance(.3)) {  // a virtual Clos: slots of two neighbouring leafs or more
    const int m = d.between(2, dc.leafs()), n = d.between(1, 4), first = d.between(0, 4);
    for (int l = 0; l < m; ++l)
      for (int k = 0; k < n; ++k) {
        r.where.gpus.push_back(gpu_id{l * dc.gpus_per_leaf() + first + k});
        r.where.links.push_back({leaf_id{l}, spine_id{first + k}, 0});
      }
    return r;
  }
  const double p = d.real();
  for (gpu_id g : dc.all_gpus())
    if (d.chance(p)) r.where.gpus.push_back(g);
  if (r.where.gpus.empty()) r.where.gpus.push_back(gpu_id{0});
  if (d.chance(.2)) d.shuffle(r.where.gpus);
  return r;
}

// Jobs that own every k-th slice of all leafs: two GPUs and two spines a job.
running slice(const leaf_spine& dc, int k, collective pattern) {
  running r{{}, pattern, 1};
  for (int l = 0; l < dc.leafs(); ++l)
    for (int i = 2 * k; i < 2 * k + 2; ++i) {
      r.where.gpus.push_back(gpu_id{l * dc.gpus_per_leaf() + i});
      r.where.links.push_back({leaf_id{l}, spine_id{i}, 0});
    }
  return r;
}

const leaf_spine network{{.leafs = 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

}  // namespace

TEST_CASE("slow-downs equal the formula bit for bit after each of many arrivals and departures") {
  // The last is so wide that tables by link are walked in another order.
  const leaf_spine wide{{.leafs = 64, .spines = 64, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 7; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine& dc = seed < 6 ? network : wide;
    const int samples = seed % 2 ? 4 : 32;
    const int rounds = seed < 6 ? 1 + static_cast<int>(seed % 3) : 2;
    const double step = seed >= 4 ? 1.0 / 16 : 0;
    const by_formula oracle{dc, route::ecmp{seed}, samples, rounds, step};
    const by_formula without{dc, route::ecmp{seed}, samples, rounds};
    steady model{dc, route::ecmp{seed}, {.phase_samples = samples, .rounds = rounds, .step = step}};
    std::map<job_id, running> jobs;
    std::map<job_id, double> before;
    for (int change = 0; change < (seed < 6 ? 120 : 20); ++change) {
      CAPTURE(change);
      job_id who;
      if (jobs.empty() || (jobs.size() < 8 && d.chance(.55))) {
        who = job_id{change};
        const running r = random_job(dc, d);
        jobs[who] = r;
        model.add(who, r.where, r.pattern, r.shares());
      } else {
        auto it = jobs.begin();
        std::advance(it, static_cast<std::ptrdiff_t>(d.index(jobs.size())));
        who = it->first;
        model.remove(who);
        jobs.erase(it);
      }
      const auto expected = oracle.slowdowns(jobs);
      const auto changed = model.changed();
      REQUIRE(std::is_sorted(changed.begin(), changed.end()));
      REQUIRE(std::binary_search(changed.begin(), changed.end(), who));
      for (const auto& [id, x] : expected) {
        REQUIRE(model.slowdown(id) == x);
        if (id == who) continue;
        REQUIRE(std::binary_search(changed.begin(), changed.end(), id) == (before.at(id) != x));
      }
      before = expected;
      if (step == 0 || jobs.empty() || change % 5 != 0) continue;
      for (const auto& [id, x] : without.slowdowns(jobs))
        REQUIRE(std::abs(std::log(model.slowdown(id) / x)) <= (rounds - 1) * step / 2 + 1e-9);
    }
  }
}

TEST_CASE(
    "slow-downs equal the formula where many jobs meet on every link and floors rise and fall") {
  const leaf_spine dc{{.leafs = 16, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const double step = seed % 2 ? 1.0 / 64 : 0;
    const int rounds = seed < 3 ? 2 : 3;
    const by_formula oracle{dc, route::ecmp{seed}, 8, rounds, step};
    steady model{dc, route::ecmp{seed}, {.phase_samples = 8, .rounds = rounds, .step = step}};
    std::map<job_id, running> jobs;
    for (int change = 0; change < 300; ++change) {
      CAPTURE(change);
      if (jobs.empty() || (jobs.size() < 40 && d.chance(.6))) {
        const job_id who{change};
        running r = random_job(dc, d);
        r.where.links.clear();
        r.where.gpus.clear();
        const int leafs = d.between(1, 4), first = d.between(0, 15);
        for (int l = 0; l < leafs; ++l)
          for (int g = 0; g < 8; ++g)
            if (g == 0 || d.chance(.4))
              r.where.gpus.push_back(gpu_id{(first + l * d.between(1, 3)) % 16 * 8 + g});
        std::sort(r.where.gpus.begin(), r.where.gpus.end());
        r.where.gpus.erase(std::unique(r.where.gpus.begin(), r.where.gpus.end()),
                           r.where.gpus.end());
        jobs[who] = r;
        model.add(who, r.where, r.pattern, r.shares());
      } else {
        auto it = jobs.begin();
        std::advance(it, static_cast<std::ptrdiff_t>(d.index(jobs.size())));
        model.remove(it->first);
        jobs.erase(it);
      }
      if (change % 6 != 0) continue;
      for (const auto& [id, x] : oracle.slowdowns(jobs)) REQUIRE(model.slowdown(id) == x);
    }
  }
}

TEST_CASE("with steps of a fiftieth no slow-down is off by more than a hundredth") {
  const leaf_spine dc{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  constexpr double hundredth = .01;
  double worst = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    steady exactly{dc, route::ecmp{seed}};
    steady in_steps{dc, route::ecmp{seed}, {.step = .02}};
    for (std::uint32_t i = 0; i < 16; ++i) {
      const running r = random_job(dc, d);
      exactly.add(job_id{i}, r.where, r.pattern, r.shares());
      in_steps.add(job_id{i}, r.where, r.pattern, r.shares());
    }
    for (std::uint32_t i = 0; i < 16; ++i)
      worst = std::max(
          worst, std::abs(std::log(in_steps.slowdown(job_id{i}) / exactly.slowdown(job_id{i}))));
  }
  CHECK(worst > 0);
  CHECK(worst <= hundredth);
}

TEST_CASE("what a change costs does not grow with the cluster, and steps make it cheaper") {
  // As many jobs a leaf everywhere, each of two GPUs under each of four leafs near one another.
  struct cost {
    double links = 0, groups = 0;  // looked at, a change
  };
  const auto cost_of_a_change = [](int leafs, double step) {
    const leaf_spine dc{{.leafs = leafs, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
    test::dice d{7};
    steady model{dc, route::ecmp{}, {.step = step}};
    std::vector<placement> where;
    for (int i = 0; i < leafs; ++i) {
      placement p;
      for (int k = 0; k < 4; ++k) {
        const int leaf = (i + k * (1 + d.between(0, 2))) % leafs;
        for (int g = 0; g < 2; ++g) p.gpus.push_back(gpu_id{leaf * 8 + 2 * k + g});
      }
      model.add(job_id{i}, p, collective::all_to_all, 0.348);
      where.push_back(p);
    }
    cost sum;
    const int changes = 200;
    const auto count = [&] {
      sum.links += static_cast<double>(model.touched_links()) / (2 * changes);
      sum.groups += static_cast<double>(model.told_groups()) / (2 * changes);
    };
    for (int n = 0; n < changes; ++n) {
      const std::size_t i = d.index(where.size());
      model.remove(job_id{i});
      count();
      model.add(job_id{i}, where[i], collective::all_to_all, 0.348);
      count();
    }
    return sum;
  };
  const cost small = cost_of_a_change(32, 0), large = cost_of_a_change(512, 0),
             in_steps = cost_of_a_change(512, 1.0 / 16);
  CAPTURE(small.links);
  CAPTURE(large.links);
  CAPTURE(small.groups);
  CAPTURE(large.groups);
  CHECK(small.links > 20);
  CHECK(large.links < 1.25 * small.links);
  CHECK(small.groups > 5);
  CHECK(large.groups < 1.25 * small.groups);
  CHECK(in_steps.links < .8 * large.links);
  CHECK(in_steps.groups < .8 * large.groups);
}

TEST_CASE("the slow-down does not depend on the order in which jobs came") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<running> jobs;
    for (int i = 0; i < 8; ++i) jobs.push_back(random_job(network, d));
    std::vector<std::uint32_t> order{0, 1, 2, 3, 4, 5, 6, 7};
    std::vector<double> first;
    for (int attempt = 0; attempt < 4; ++attempt) {
      steady model{network, route::ecmp{}};
      for (std::uint32_t i : order)
        model.add(job_id{i}, jobs[i].where, jobs[i].pattern, jobs[i].duty);
      std::vector<double> now;
      for (std::uint32_t i = 0; i < 8; ++i) now.push_back(model.slowdown(job_id{i}));
      if (attempt == 0) first = now;
      CHECK(now == first);
      d.shuffle(order);
    }
  }
}

TEST_CASE("jobs that own their links are not slowed down at all") {
  for (collective c : {collective::ring, collective::halving_doubling, collective::all_to_all}) {
    steady model{network, route::ecmp{}};
    for (int k = 0; k < 4; ++k) {
      const running r = slice(network, k, c);
      model.add(job_id{k}, r.where, r.pattern, r.shares());
    }
    for (std::uint32_t k = 0; k < 4; ++k) CHECK(model.slowdown(job_id{k}) == 1);
  }
}

TEST_CASE("what a job adds its removal takes away to the last bit") {
  test::dice d{5};
  steady model{network, route::ecmp{1}};
  const running lonely = slice(network, 0, collective::all_to_all);
  for (int round = 0; round < 30; ++round) {
    for (std::uint32_t i = 1; i < 10; ++i) {
      const running r = random_job(network, d);
      model.add(job_id{i}, r.where, r.pattern, r.shares());
    }
    for (std::uint32_t i = 1; i < 10; ++i) model.remove(job_id{i * 7 % 10});  // in another order
    model.add(job_id{0}, lonely.where, lonely.pattern, lonely.duty);
    CHECK(model.slowdown(job_id{0}) == 1);
    model.remove(job_id{0});
  }
}

TEST_CASE("two jobs that share one link are slowed down by each other's duty") {
  // One spine: all flows between the two leafs meet. Each job has one GPU under either leaf.
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  steady model{dc, route::source{}, {.rounds = 1}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::all_to_all, 0.25);
  CHECK(model.slowdown(job_id{1}) == 1);
  model.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::all_to_all, 0.5);
  CHECK(model.slowdown(job_id{1}) == 1.5);
  CHECK(model.slowdown(job_id{2}) == 1.25);
  CHECK(std::vector(model.changed().begin(), model.changed().end()) ==
        std::vector{job_id{1}, job_id{2}});
  model.remove(job_id{2});
  CHECK(model.slowdown(job_id{1}) == 1);
  CHECK(std::vector(model.changed().begin(), model.changed().end()) ==
        std::vector{job_id{1}, job_id{2}});
}

TEST_CASE("who is slowed down is on the network for longer and so slows down others more") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  steady model{dc, route::source{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::all_to_all, 0.25);
  model.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::all_to_all, 0.5);
  // After the first round 1.5 and 1.25: duties .25 · 1.5 / (.75 + .375) and .5 · 1.25 / (.5 + .625).
  CHECK(model.slowdown(job_id{1}) == doctest::Approx(1 + 5.0 / 9));
  CHECK(model.slowdown(job_id{2}) == doctest::Approx(1 + 1.0 / 3));
  // Further rounds go on to the fixed point x = 1 + e(y), y = 1 + d(x).
  steady more{dc, route::source{}, {.rounds = 60}};
  more.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::all_to_all, 0.25);
  more.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::all_to_all, 0.5);
  const double x = more.slowdown(job_id{1}), y = more.slowdown(job_id{2});
  CHECK(x == doctest::Approx(1 + .5 * y / (.5 + .5 * y)));
  CHECK(y == doctest::Approx(1 + .25 * x / (.75 + .25 * x)));
}

TEST_CASE("a two-way ring may put two flows on a link before it is slowed down") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 2}};
  steady model{dc, route::source{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{2}}, {}}, collective::ring, 1);
  CHECK(model.slowdown(job_id{1}) == 1);
  model.add(job_id{2}, {{gpu_id{1}, gpu_id{3}}, {}}, collective::ring, 1);
  CHECK(model.slowdown(job_id{1}) == 2);  // four flows where two are its own
}

TEST_CASE("a job under one leaf, or one that does not communicate, neither slows nor is slowed") {
  steady model{network, route::ecmp{}};
  model.add(job_id{1}, {{gpu_id{0}, gpu_id{1}}, {}}, collective::all_to_all, 1);
  model.add(job_id{2}, {{gpu_id{2}, gpu_id{9}}, {}}, collective::none, 1);
  model.add(job_id{3}, {{gpu_id{3}, gpu_id{10}}, {}}, collective::all_to_all, 1);
  for (std::uint32_t i : {1u, 2u, 3u}) CHECK(model.slowdown(job_id{i}) == 1);
}

TEST_CASE("on an ideal network nobody is slowed down") {
  test::dice d{3};
  steady model{network, route::ideal{}};
  for (std::uint32_t i = 0; i < 10; ++i) {
    running r = random_job(network, d);
    r.where.links.clear();
    model.add(job_id{i}, r.where, r.pattern, r.shares());
  }
  for (std::uint32_t i = 0; i < 10; ++i) CHECK(model.slowdown(job_id{i}) == 1);
}
