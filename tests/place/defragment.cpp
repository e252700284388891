#include <heddle/place/defragment.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/route/routing.hpp>
#include <heddle/route/verify.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;

namespace {

constexpr job_id newcomer{1000};
using isolating = place::first_of<place::one_server, place::one_leaf, place::vclos>;

// Jobs come and leave until the cluster is nearly full.
ledger crowded(const leaf_spine& dc, test::dice& d) {
  ledger l{dc};
  isolating policy;
  std::vector<job_id> running;
  for (std::uint32_t i = 0; i < 40; ++i) {
    const auto a = place::ask(policy, l, {job_id{i}, d.between(1, 6)});
    if (a) {
      REQUIRE(l.reserve(job_id{i}, *a.where) == reserve_status::reserved);
      running.push_back(job_id{i});
    } else if (!running.empty()) {
      const std::size_t k = d.index(running.size());
      l.release(running[k]);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }
  return l;
}

// The fewest GPUs of any set of jobs that can be moved, by all sets.
std::optional<int> cheapest(const ledger& state, int wanted) {
  std::vector<std::pair<int, job_id>> jobs;
  for (const auto& [id, p] : state.placements())
    jobs.push_back({static_cast<int>(p.gpus.size()), id});
  std::sort(jobs.begin(), jobs.end());
  std::optional<int> best;
  for (std::uint32_t set = 0; set < 1u << jobs.size(); ++set) {
    ledger l = state;
    int gpus = 0;
    std::vector<std::pair<int, job_id>> out;
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (set >> i & 1) {
        l.release(jobs[i].second);
        gpus += jobs[i].first;
        out.push_back(jobs[i]);
      }
    if (best && gpus >= *best) continue;
    out.push_back({wanted, newcomer});
    std::rotate(out.begin(), out.end() - 1, out.end());
    std::sort(out.begin() + 1, out.end(), std::greater<>{});
    isolating policy;
    bool fits = true;
    for (std::size_t i = 0; i < out.size() && fits; ++i) {
      const auto a = place::ask(policy, l, {out[i].second, out[i].first});
      fits = a && l.reserve(out[i].second, *a.where) == reserve_status::reserved;
    }
    if (fits) best = gpus;
  }
  return best;
}

// Carries a plan out: all that move stop, then start elsewhere.
ledger after(ledger l, const place::migration_plan& plan, int wanted) {
  for (const place::migration& m : plan.moves) {
    const fabric::placement* old = l.find(m.job);
    REQUIRE(old);
    REQUIRE(old->gpus.size() == m.to.gpus.size());
    l.release(m.job);
  }
  REQUIRE(plan.where.gpus.size() == static_cast<std::size_t>(wanted));
  REQUIRE(l.reserve(newcomer, plan.where) == reserve_status::reserved);
  for (const place::migration& m : plan.moves)
    REQUIRE(l.reserve(m.job, m.to) == reserve_status::reserved);
  return l;
}

}  // namespace

TEST_CASE(
    "defragmentation moves as few GPUs as the best of all sets of jobs and leaves all isolated") {
  int moved = 0, none = 0, at_once = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(2, 4),
                         .spines = d.between(2, 4),
                         .servers_per_leaf = 1,
                         .gpus_per_server = d.between(3, 4)}};
    const ledger l = crowded(dc, d);
    if (l.free_gpus() == 0 || l.placements().size() > 10) continue;
    const int wanted = d.between((l.free_gpus() + 1) / 2, l.free_gpus());
    CAPTURE(wanted);
    const std::optional<int> expected = cheapest(l, wanted);
    const auto found = place::defragment(l, {newcomer, wanted});
    CHECK(found.proved);
    REQUIRE(found.plan.has_value() == expected.has_value());
    if (!found) {
      ++none;
      continue;
    }
    REQUIRE(found.plan->gpus_moved == *expected);
    CHECK(found.plan->jobs_moved == static_cast<int>(found.plan->moves.size()));
    int gpus = 0;
    for (const place::migration& m : found.plan->moves) gpus += static_cast<int>(m.to.gpus.size());
    CHECK(gpus == *expected);
    const ledger then = after(l, *found.plan, wanted);
    const auto isolated = route::verify_isolated(
        then, [](job_id) { return collective::all_to_all; }, route::ecmp{});
    INFO((isolated.broken ? isolated.broken->message() : "isolated"));
    CHECK(isolated);
    moved += gpus > 0;
    at_once += gpus == 0;
  }
  CHECK(moved > 20);
  CHECK(none > 5);
  CHECK(at_once > 50);
}

TEST_CASE("defragmentation keeps to its budget of GPUs and of trials") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{0}, gpu_id{1}}, {}}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{4}, gpu_id{5}}, {}}) == reserve_status::reserved);
  const auto found = place::defragment(l, {newcomer, 4});
  REQUIRE(found);
  CHECK(found.plan->gpus_moved == 2);
  CHECK(found.plan->moves[0].job == job_id{0});
  const auto poor = place::defragment(l, {newcomer, 4}, {.gpus = 1});
  CHECK_FALSE(poor);
  CHECK(poor.proved);  // within what may move
  const auto hasty = place::defragment(l, {newcomer, 4}, {.trials = 1});
  CHECK_FALSE(hasty);
  CHECK_FALSE(hasty.proved);
  CHECK(hasty.trials == 1);
}

TEST_CASE("a job that holds a failed part stays where it is") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{0}, gpu_id{1}}, {}}) == reserve_status::reserved);
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{4}, gpu_id{5}}, {}}) == reserve_status::reserved);
  l.fail(gpu_id{0});
  const auto found = place::defragment(l, {newcomer, 4});
  REQUIRE(found);
  CHECK(found.plan->moves[0].job == job_id{1});
}
