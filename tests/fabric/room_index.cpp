// The index of free GPUs against going through all units and servers.
#include <heddle/fabric/gpu_book.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::gpu_book;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;

namespace {

unit_id scanned_unit(const gpu_book& b, int n) {
  unit_id best;
  for (unit_id x : b.hosts().all_units())
    if (b.free_gpus(x) >= n && (!best.valid() || b.free_gpus(x) < b.free_gpus(best))) best = x;
  return best;
}
server_id scanned_server(const gpu_book& b, int n) {
  server_id best;
  const auto cost = [&](server_id s) {
    return std::pair{b.free_gpus(s), b.free_gpus(b.hosts().unit_of(s))};
  };
  for (server_id s : b.hosts().all_servers())
    if (b.free_gpus(s) >= n && (!best.valid() || cost(s) < cost(best))) best = s;
  return best;
}

// Whether all that the index says is so.
void check_all(const gpu_book& b) {
  const auto& rooms = b.rooms();
  const fabric::hosts& dc = b.hosts();
  for (int n = 0; n <= dc.gpus_per_unit(); ++n) {
    int units = 0;
    unit_id first, last;
    for (unit_id x : dc.all_units()) {
      const bool is_at = b.free_gpus(x) == n;
      REQUIRE(test_bit(rooms.units_at(n), x.index()) == is_at);
      units += is_at;
      if (is_at && !first.valid()) first = x;
      if (is_at) last = x;
    }
    REQUIRE(rooms.count_of_units_at(n) == units);
    if (units == 0) continue;
    REQUIRE(rooms.first_at(n) == first);
    REQUIRE(rooms.last_at(n) == last);
  }
  for (int n = 0; n <= dc.gpus_per_server(); ++n)
    for (unit_id x : dc.all_units()) {
      int servers = 0;
      for (server_id s : dc.servers_of(x)) servers += b.free_gpus(s) == n;
      REQUIRE(rooms.servers_at(x, n) == servers);
      REQUIRE(test_bit(rooms.units_with(n), x.index()) == (servers > 0));
    }
}

// Jobs of any GPUs come and go, servers, GPUs and leafs fail and are repaired.
void churn(const leaf_spine& dc, std::uint64_t seed, int steps) {
  CAPTURE(seed);
  test::dice d{seed};
  ledger l{dc};
  REQUIRE_FALSE(l.gpus().rooms().empty());
  std::vector<job_id> running;
  std::uint32_t next = 0;
  const auto any = [&](int n) { return static_cast<std::uint32_t>(d.between(0, n - 1)); };
  for (int i = 0; i < steps; ++i) {
    CAPTURE(i);
    const int what = d.between(0, 99);
    if (what < 48) {
      fabric::placement p;
      const int most = d.chance(.9) ? 8 : 200;
      for (gpu_id g{any(dc.gpus())}; g.index() < static_cast<std::size_t>(dc.gpus()) &&
                                     static_cast<int>(p.gpus.size()) < most;
           g.value += d.chance(.8) ? 1 : 3)
        if (l.is_free(g)) p.gpus.push_back(g);
      if (l.reserve(job_id{next}, std::move(p)) == reserve_status::reserved)
        running.push_back(job_id{next});
      ++next;
    } else if (what < 96) {
      if (running.empty()) continue;
      std::swap(running[d.index(running.size())], running.back());
      REQUIRE(l.release(running.back()));
      running.pop_back();
    } else if (what == 96) {
      const server_id s{any(dc.servers())};
      if (l.is_failed(s))
        l.repair(s);
      else
        (void)l.fail(s);
    } else if (what == 97) {
      const gpu_id g{any(dc.gpus())};
      if (l.is_failed(g))
        l.repair(g);
      else
        (void)l.fail(g);
    } else {
      const leaf_id x{any(dc.leafs())};
      if (l.is_failed(x))
        l.repair(x);
      else if (d.chance(.3))
        (void)l.fail(x);
    }
    const int in_unit = d.between(1, dc.hosts().gpus_per_unit()),
              in_server = d.between(1, dc.gpus_per_server());
    REQUIRE(l.gpus().tightest_unit(in_unit) == scanned_unit(l, in_unit));
    REQUIRE(l.gpus().tightest_server(in_server) == scanned_server(l, in_server));
    if (i % 1024 == 0) check_all(l);
  }
  check_all(l);
  REQUIRE(l.consistent());
  for (job_id j : running) l.release(j);
  check_all(l);
}

}  // namespace

TEST_CASE("an index of free GPUs says what going through units and servers says") {
  const leaf_spine even{{.leafs = 64, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};
  churn(even, 1, 60'000);
  fabric::layout found;
  found.spines = {"s"};
  test::dice d{2};
  for (int x = 0; x < 70; ++x) {
    fabric::leaf_layout leaf{"l" + std::to_string(x), {}, {1}};
    for (int k = d.between(1, 4); k > 0; --k)
      leaf.servers.push_back({leaf.name + "-" + std::to_string(k), d.between(x == 0 ? 1 : 0, 8)});
    found.leafs.push_back(leaf);
  }
  churn(leaf_spine{found}, 3, 60'000);
}

TEST_CASE("an index of free GPUs is a value and follows what is tried on copies") {
  const leaf_spine dc{{.leafs = 70, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}, gpu_id{1}}}) == reserve_status::reserved);
  ledger copy = l;
  CHECK(copy.gpus().rooms() == l.gpus().rooms());
  REQUIRE(copy.release(job_id{1}));
  CHECK(copy.gpus().tightest_server(2) == server_id{0});
  CHECK(l.gpus().tightest_unit(6) == unit_id{0});
  CHECK(copy.gpus().rooms() == ledger{dc}.gpus().rooms());
  const std::vector<unit_id> some{unit_id{3}, unit_id{69}};
  const ledger part = l.within(some);
  CHECK(part.gpus().tightest_unit(1) == unit_id{3});
  check_all(part);
}

TEST_CASE("hosts of few units, or of very unlike ones, have no index and are gone through") {
  const leaf_spine few{{.leafs = 63, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 2}};
  CHECK(ledger{few}.gpus().rooms().empty());
  std::vector<std::vector<fabric::host>> units(4000, {{.gpus = 1}});
  units.push_back({{.gpus = 4000}});
  const gpu_book unlike{fabric::hosts{units}};
  CHECK(unlike.rooms().empty());
  CHECK(unlike.tightest_unit(2) == unit_id{4000});
  CHECK(unlike.tightest_unit(1) == unit_id{0});
  CHECK(unlike.tightest_server(4001) == server_id{});
}
