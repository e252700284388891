#include <heddle/place/pick.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"
#include "support/states.hpp"

using namespace heddle;
using place::pick;

TEST_CASE("of a server the lowest free GPUs are picked and appended") {
  const fabric::leaf_spine dc{
      {.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  fabric::ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{4}, gpu_id{6}}, {}}) == fabric::reserve_status::reserved);
  std::vector<gpu_id> out{gpu_id{0}};
  pick(l, server_id{1}, 2, out);
  CHECK(out == std::vector{gpu_id{0}, gpu_id{5}, gpu_id{7}});
  pick(l, server_id{0}, 0, out);
  CHECK(out.size() == 3);
}

TEST_CASE("of a unit the GPUs of as few servers as can be are picked, the last part best fitting") {
  const fabric::leaf_spine dc{
      {.leafs = 3, .spines = 1, .servers_per_leaf = 5, .gpus_per_server = 4}};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const fabric::ledger l = test::random_state(dc, d, d.real(), 0);
    const unit_id unit{1};
    const int n = d.between(0, l.free_gpus(unit));
    std::vector<gpu_id> out;
    pick(l, unit, n, out);

    REQUIRE(out.size() == static_cast<std::size_t>(n));
    CHECK(std::is_sorted(out.begin(), out.end()));
    std::set<server_id> used;
    for (gpu_id g : out) {
      CHECK(l.is_free(g));
      CHECK(dc.unit_of(g) == unit);
      used.insert(dc.server_of(g));
    }
    CHECK(std::set(out.begin(), out.end()).size() == out.size());

    std::vector<int> free;
    for (server_id s : dc.servers_of(unit)) free.push_back(l.free_gpus(s));
    std::sort(free.begin(), free.end(), std::greater<>{});
    std::size_t fewest = 0;
    int whole = 0;  // GPUs of all servers but the last
    for (int left = n; left > 0; left -= free[fewest++])
      if (left > free[fewest]) whole += free[fewest];
    CHECK(used.size() == fewest);
    if (n == 0) continue;
    // The rest lies on the server that has fewest free of those, not used whole, that hold it.
    const int rest = n - whole;
    int best = 5;
    for (std::size_t i = fewest - 1; i < free.size(); ++i)
      if (free[i] >= rest) best = free[i];
    bool found = false;
    for (server_id s : used) found = found || l.free_gpus(s) == best;
    CHECK(found);
  }
}
