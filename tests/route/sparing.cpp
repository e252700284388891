// Jobs that nobody can disturb, set aside, against a model that is told of all.
#include <heddle/route/sparing.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/conformance.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::placement;
using fabric::reserve_status;
using route::sparing;
using route::steady;

static_assert(route::Contention<sparing<steady<route::ecmp>>>);

namespace {

struct tally {
  std::size_t aside = 0, told = 0, slowed = 0;
};

// Isolated jobs, jobs on fewer links than they need and jobs without links come and go.
template <class Shared>
tally compare(const leaf_spine& dc, const Shared& shared, std::uint64_t seed) {
  CAPTURE(seed);
  test::dice d{seed};
  ledger l{dc};
  steady all{dc, shared};
  sparing some{dc, steady{dc, shared}, route::detail::uses_links(shared)};
  std::vector<job> running;
  tally n;
  for (std::uint32_t i = 0; i < 200; ++i) {
    CAPTURE(i);
    // For a while all have links of their own.
    const double sharing = i % 100 < 50 ? 0 : .2;
    if (d.chance(.55)) {
      job j;
      j.id = job_id{i};
      j.gpus = d.between(2, dc.gpus() / 3);
      j.pattern = d.chance(.5) ? collective::all_to_all
                               : (d.chance(.5) ? collective::ring : collective::halving_doubling);
      j.comm_share = .1 + .8 * d.real();
      place::request want{j.id, j.gpus};
      place::answer a = place::wait_reason::none;
      if (d.chance(sharing)) {
        place::spread wide;
        a = place::ask(wide, l, want);
      } else if (d.chance(.3)) {
        place::relaxed thin;
        a = place::ask(thin, l, want);
      } else {
        place::vclos own;
        a = place::ask(own, l, want);
      }
      if (!a || l.reserve(j.id, *a.where) != reserve_status::reserved) continue;
      all.add(j, *l.find(j.id));
      some.add(j, *l.find(j.id));
      running.push_back(j);
    } else {
      if (running.empty()) continue;
      std::swap(running[d.index(running.size())], running.back());
      all.remove(running.back().id);
      some.remove(running.back().id);
      l.release(running.back().id);
      running.pop_back();
    }
    const auto a = all.changed(), b = some.changed();
    REQUIRE(std::vector<job_id>(a.begin(), a.end()) == std::vector<job_id>(b.begin(), b.end()));
    for (const job& j : running) {
      REQUIRE(some.slowdown(j.id) == all.slowdown(j.id));
      n.slowed += all.slowdown(j.id) > 1;
    }
    n.aside += some.set_aside();
    n.told += running.size() - some.set_aside();
  }
  return n;
}

}  // namespace

TEST_CASE("a model that is spared says what one that is told of all jobs says") {
  const leaf_spine plain{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  const leaf_spine lanes{
      {.leafs = 6, .spines = 4, .links_per_pair = 2, .servers_per_leaf = 4, .gpus_per_server = 2}};
  tally sum;
  const auto add = [&](const tally& n) {
    sum.aside += n.aside;
    sum.told += n.told;
    sum.slowed += n.slowed;
  };
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    add(compare(plain, route::ecmp{seed}, seed));
    add(compare(lanes, route::ecmp{seed}, seed));
    add(compare(plain, route::balanced{seed}, seed));
    add(compare(plain, route::source{}, seed));
    add(compare(lanes, route::ideal{}, seed));
  }
  CHECK(sum.aside > 1000);
  CHECK(sum.told > 1000);
  CHECK(sum.slowed > 1000);
}

TEST_CASE("a model that is spared keeps the promises of a model of contention") {
  const leaf_spine dc{{.leafs = 4, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 2}};
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CAPTURE(seed);
    CHECK(route::broken_promises(sparing{dc, steady{dc, route::ecmp{seed}}, true}, dc, seed) ==
          std::vector<std::string>{});
    CHECK(route::broken_promises(sparing{dc, steady{dc, route::ideal{}}, false}, dc, seed) ==
          std::vector<std::string>{});
  }
}

TEST_CASE("a job is set aside for its links, whatever it sends, and only where they are enough") {
  const leaf_spine dc{{.leafs = 3, .spines = 4, .servers_per_leaf = 2, .gpus_per_server = 2}};
  const auto gpus = [&](std::vector<int> of_leaf) {
    std::vector<gpu_id> out;
    for (std::size_t l = 0; l < of_leaf.size(); ++l)
      for (int k = 0; k < of_leaf[l]; ++k)
        out.push_back(gpu_id{4 * l + static_cast<std::size_t>(k)});
    return out;
  };
  const auto links = [](std::vector<std::vector<std::uint32_t>> spines) {
    std::vector<fabric::link> out;
    for (std::size_t l = 0; l < spines.size(); ++l)
      for (std::uint32_t s : spines[l]) out.push_back({leaf_id{l}, spine_id{s}, 0});
    return out;
  };
  route::keeps_apart apart;
  const auto is = [&](std::vector<int> of_leaf, std::vector<std::vector<std::uint32_t>> spines) {
    placement p;
    p.gpus = gpus(std::move(of_leaf));
    p.links = links(std::move(spines));
    return apart(dc, p);
  };
  CHECK(is({2, 2}, {{0, 1}, {0, 1}}));
  CHECK_FALSE(is({2, 2}, {{0, 1}, {0, 2}}));          // other spines
  CHECK_FALSE(is({2, 2}, {{0}, {0}}));                // too few links
  CHECK(is({3, 1}, {{2}, {2}}));                      // no more than one flow crosses
  CHECK(is({2, 2, 1}, {{0, 3}, {0, 3}, {3}}));        // a remainder
  CHECK_FALSE(is({2, 2, 1}, {{0, 3}, {0, 3}, {1}}));  // not of their spines
  CHECK_FALSE(is({2, 1, 1}, {{0, 3}, {0}, {3}}));     // two leafs that lack spines
  CHECK_FALSE(is({2, 2, 1}, {{0, 3}, {0, 3}}));       // none at one leaf
  CHECK_FALSE(is({2, 2}, {{0, 1}, {0, 1}, {0}}));     // at a leaf without ranks
  CHECK_FALSE(is({2, 2}, {}));
}
