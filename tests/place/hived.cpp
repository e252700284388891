#include <heddle/place/hived.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/place/shared_network.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::cell_quota;
using place::hived;
using place::wait_reason;

static_assert(place::PlacementPolicy<hived>);

namespace {

// A tenant's requests, answered in the shared cluster and on a private one made of its cells.
struct tenant {
  cell_quota quota;
  leaf_spine dc;
  ledger alone;
  hived private_policy;
  std::vector<std::pair<job_id, int>> running;

  explicit tenant(cell_quota q)
      : quota(q), dc({.leafs = 1,
                      .spines = 1,
                      .servers_per_leaf = q.cells,
                      .gpus_per_server = q.gpus_per_cell}),
        alone(dc), private_policy({q}) {}
};

// Hosts and nothing else.
struct bare {
  using book = fabric::no_links;
  fabric::hosts all;

  [[nodiscard]] const fabric::hosts& hosts() const { return all; }
  [[nodiscard]] fabric::equipment equipment() const { return {}; }
  friend bool operator==(const bare&, const bare&) = default;
};

}  // namespace

TEST_CASE("no tenant of hived waits where it would not wait on a private cluster of its quota") {
  int placed = 0, refused = 0, fragmented_itself = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 4, .gpus_per_server = 8}};
    // Quotas that fill the eight servers: whole ones, halves, quarters, single GPUs.
    std::vector<tenant> tenants;
    tenants.emplace_back(cell_quota{"a", 3, 8});
    tenants.emplace_back(cell_quota{"b", 2, 8});
    tenants.emplace_back(cell_quota{"c", 3, 4});
    tenants.emplace_back(cell_quota{"d", 4, 2});
    tenants.emplace_back(cell_quota{"e", 4, 1});
    std::vector<cell_quota> quotas;
    for (const tenant& t : tenants) quotas.push_back(t.quota);
    hived policy{quotas};
    ledger shared{dc};
    for (std::uint32_t i = 0; i < 2500; ++i) {
      CAPTURE(i);
      tenant& t = tenants[d.index(tenants.size())];
      if (!t.running.empty() && d.chance(.47)) {
        const std::size_t k = d.index(t.running.size());
        const job_id id = t.running[k].first;
        REQUIRE(shared.release(id));
        REQUIRE(t.alone.release(id));
        t.running.erase(t.running.begin() + static_cast<std::ptrdiff_t>(k));
        continue;
      }
      int wanted = 1 << d.between(0, 3);
      if (d.chance(.2)) wanted = d.between(1, 16);
      if (t.quota.gpus_per_cell < 8) wanted = std::min(wanted, t.quota.gpus_per_cell);
      const place::request r{job_id{i}, wanted, t.quota.tenant};
      const place::answer there = policy(shared, r), here = t.private_policy(t.alone, r);
      REQUIRE(static_cast<bool>(there) == static_cast<bool>(here));
      REQUIRE(there.why == here.why);
      if (!there) {
        ++refused;
        fragmented_itself += there.why == wait_reason::gpu_fragmentation;
        continue;
      }
      ++placed;
      REQUIRE(there.where->gpus.size() == static_cast<std::size_t>(wanted));
      REQUIRE(shared.reserve(r.job, *there.where, r.tenant) == reserve_status::reserved);
      REQUIRE(t.alone.reserve(r.job, *here.where, r.tenant) == reserve_status::reserved);
      t.running.push_back({r.job, wanted});
      if (wanted <= 8)
        for (gpu_id g : there.where->gpus)
          REQUIRE(dc.server_of(g) == dc.server_of(there.where->gpus[0]));
    }
  }
  CHECK(placed > 20'000);
  CHECK(refused > 5'000);
  CHECK(fragmented_itself > 100);
}

TEST_CASE("where tenants have counts of GPUs alone one fragments what the other was promised") {
  // The reason for cells: two tenants with half of two servers each, placed spread out.
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto p = place::spread{}(l, {job_id{i}, 1});
    REQUIRE(l.reserve(job_id{i}, *p) == reserve_status::reserved);
  }
  CHECK_FALSE(place::one_server{}(l, {job_id{9}, 4}));

  ledger safe{dc};
  hived policy{{{"a", 1, 4}, {"b", 1, 4}}};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto a = policy(safe, {job_id{i}, 1, "a"});
    REQUIRE(a);
    REQUIRE(safe.reserve(job_id{i}, *a.where, "a") == reserve_status::reserved);
  }
  CHECK(policy(safe, {job_id{9}, 4, "b"}));
  const auto full = policy(safe, {job_id{10}, 1, "a"});
  CHECK_FALSE(full);
  CHECK(full.why == wait_reason::gpus);
}

TEST_CASE("tenants without a quota share what no quota needs") {
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 3, .gpus_per_server = 4}};
  ledger l{dc};
  hived policy{{{"a", 1, 4}, {"b", 1, 2}}};  // b's half server leaves its other half to nobody
  const auto x = policy(l, {job_id{0}, 4, "x"});
  REQUIRE(x);
  REQUIRE(l.reserve(job_id{0}, *x.where, "x") == reserve_status::reserved);
  CHECK_FALSE(policy(l, {job_id{1}, 1, "y"}));
  CHECK(policy(l, {job_id{2}, 4, "a"}));
  CHECK_FALSE(policy(l, {job_id{3}, 8, "a"}));
}

TEST_CASE("hived counts the jobs that are booked and not those that were only asked for") {
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  hived policy{{{"a", 1, 4}}};
  for (std::uint32_t i = 0; i < 5; ++i) CHECK(policy(l, {job_id{i}, 4, "a"}));
  const auto a = policy(l, {job_id{7}, 4, "a"});
  REQUIRE(l.reserve(job_id{7}, *a.where, "a") == reserve_status::reserved);
  CHECK_FALSE(policy(l, {job_id{8}, 1, "a"}));
  l.release(job_id{7});
  CHECK(policy(l, {job_id{8}, 1, "a"}));
}

TEST_CASE("however often hived is asked without a booking no quota is exceeded and none is lost") {
  const leaf_spine dc{{.leafs = 2, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 8}};
  const std::vector<cell_quota> quotas{{"a", 2, 8}, {"b", 2, 4}, {"c", 3, 2}};  // 2 + 1 + 1 servers
  std::size_t booked = 0, full = 0, whole_again = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ledger l{dc};
    hived policy{quotas};
    std::vector<job_id> running;
    for (std::uint32_t i = 0; i < 600; ++i) {
      CAPTURE(i);
      const auto draw = [&](std::uint32_t id) {
        const cell_quota& q = quotas[d.index(quotas.size())];
        return place::request{job_id{id}, 1 << d.between(0, 3), q.tenant};
      };
      for (int k = d.between(0, 5); k > 0; --k)  // asked, and never booked
        (void)policy(l, draw(100'000 + i * 8 + static_cast<std::uint32_t>(k)));
      const place::request r = draw(i);
      const place::answer a = policy(l, r), fresh = hived{quotas}(l, r);
      REQUIRE(a.where == fresh.where);
      REQUIRE(a.why == fresh.why);
      full += a.why == wait_reason::gpus;
      if (a && d.chance(.6)) {
        REQUIRE(l.reserve(r.job, *a.where, r.tenant) == reserve_status::reserved);
        running.push_back(r.job);
        ++booked;
      } else if (!running.empty()) {
        const std::size_t k = d.index(running.size());
        REQUIRE(l.release(running[k]));
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
      }
      for (const cell_quota& q : quotas) {
        std::set<std::uint32_t> cells;  // aligned blocks of GPUs in which the tenant has a job
        for (const auto& [job, p] : l.placements())
          if (l.tenant_of(job) == q.tenant)
            for (gpu_id g : p.gpus)
              cells.insert(g.value / static_cast<std::uint32_t>(q.gpus_per_cell));
        REQUIRE(cells.size() <= static_cast<std::size_t>(q.cells));
        // Each cell that has none of its jobs can be had whole.
        ledger rest = l;
        for (std::size_t k = cells.size(); k < static_cast<std::size_t>(q.cells); ++k) {
          const place::request cell{job_id{200'000 + k}, q.gpus_per_cell, q.tenant};
          const place::answer one = policy(rest, cell);
          REQUIRE(one);
          REQUIRE(rest.reserve(cell.job, *one.where, q.tenant) == reserve_status::reserved);
          ++whole_again;
        }
        const place::answer more = policy(rest, {job_id{300'000}, q.gpus_per_cell, q.tenant});
        REQUIRE_FALSE(more);
      }
    }
  }
  CHECK(booked > 3000);
  CHECK(full > 200);
  CHECK(whole_again > 3000);
}

TEST_CASE("of equal blocks hived takes that of the cell with the oldest job wherever it lies") {
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  for (bool oldest_first : {false, true}) {
    ledger l{dc};
    const gpu_id old{oldest_first ? 0 : 4}, young{oldest_first ? 4 : 0};
    REQUIRE(l.reserve(job_id{1}, {{old}}, "a") == reserve_status::reserved);
    REQUIRE(l.reserve(job_id{2}, {{young}}, "a") == reserve_status::reserved);
    const place::answer a = hived{{{"a", 2, 4}}}(l, {job_id{3}, 1, "a"});
    REQUIRE(a);
    CHECK(dc.server_of(a.where->gpus[0]) == dc.server_of(old));
  }
}

TEST_CASE("hived throws on quotas that no cluster could keep") {
  CHECK_THROWS_WITH_AS((hived{{{"a", 1, 0}}}),
                       "hived, tenant a: expected at least 1 as GPUs of a cell, got 0",
                       input_error);
  CHECK_THROWS_WITH_AS((hived{{{"a", -1, 4}}}), "hived, tenant a: expected 0 cells or more, got -1",
                       input_error);
  CHECK_THROWS_WITH_AS((hived{{{"a", 1, 4}, {"a", 1, 4}}}),
                       "hived: expected each tenant once, got a twice", input_error);
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  hived many{{{"a", 1, 4}, {"b", 3, 2}}};
  CHECK_THROWS_WITH_AS((void)many(ledger{dc}, {job_id{1}, 1, "a"}),
                       "hived: expected quotas of at most 2 servers, got 3", input_error);
  for (const auto& [gpus, got] : {std::pair{3, "3"}, {16, "16"}}) {
    hived odd{{{"a", 1, gpus}}};  // 8 are the whole unit
    CHECK_THROWS_WITH_AS(
        (void)odd(ledger{dc}, {job_id{1}, 1, "a"}),
        (std::string("hived, tenant a: expected cells of 1, 2, 4 or 8 GPUs, got ") + got).c_str(),
        input_error);
  }
  hived units{{{"a", 1, 8}, {"b", 1, 1}}};
  CHECK_THROWS_WITH_AS((void)units(ledger{dc}, {job_id{1}, 1, "a"}),
                       "hived: expected quotas of at most 2 servers, got 4", input_error);
}

TEST_CASE("cells of whole domains and units too are what their tenants were promised") {
  // Two pods of two units of two domains of two servers of four GPUs; all of it is promised.
  const fabric::hosts one{4, 4, 4, 2};
  const fabric::hosts dc = one.in_pods({0, 1, 0, 1});
  struct member {
    cell_quota quota;
    fabric::hosts alone;
    hived policy;
    std::vector<std::pair<job_id, int>> running = {};
    std::optional<fabric::ledger<bare>> book = {};
  };
  int placed = 0, refused = 0, fragmented_itself = 0, over_servers = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<member> all;
    const auto add = [&](cell_quota q, const fabric::hosts& h) {
      all.push_back({q, h, hived{{q}}});
    };
    add({"unit", 1, 16}, {1, 4, 4, 2});
    add({"domain", 2, 8}, {1, 4, 4, 2});
    add({"server", 5, 4}, {5, 1, 4});
    add({"half", 3, 2}, {3, 1, 2});
    add({"one", 2, 1}, {2, 1, 1});
    std::vector<cell_quota> quotas;
    for (member& m : all) {
      quotas.push_back(m.quota);
      m.book.emplace(bare{m.alone});
    }
    hived policy{quotas};
    fabric::ledger<bare> shared{bare{dc}};
    for (std::uint32_t i = 0; i < 1500; ++i) {
      CAPTURE(i);
      member& m = all[d.index(all.size())];
      if (!m.running.empty() && d.chance(.47)) {
        const std::size_t k = d.index(m.running.size());
        REQUIRE(shared.release(m.running[k].first));
        REQUIRE(m.book->release(m.running[k].first));
        m.running.erase(m.running.begin() + static_cast<std::ptrdiff_t>(k));
        continue;
      }
      int wanted = d.chance(.3) ? d.between(1, 20) : 1 << d.between(0, 4);
      if (m.quota.gpus_per_cell < 4) wanted = std::min(wanted, m.quota.gpus_per_cell);
      const place::request r{job_id{i}, wanted, m.quota.tenant};
      const place::answer there = policy(shared, r), here = m.policy(*m.book, r);
      REQUIRE(static_cast<bool>(there) == static_cast<bool>(here));
      REQUIRE(there.why == here.why);
      if (!there) {
        ++refused;
        fragmented_itself += there.why == wait_reason::gpu_fragmentation;
        continue;
      }
      ++placed;
      over_servers += wanted > 4;
      REQUIRE(there.where->gpus.size() == static_cast<std::size_t>(wanted));
      REQUIRE(policy.may_have(shared, r, *there.where));
      REQUIRE(shared.reserve(r.job, *there.where, r.tenant) == reserve_status::reserved);
      REQUIRE(m.book->reserve(r.job, *here.where, r.tenant) == reserve_status::reserved);
      m.running.push_back({r.job, wanted});
      for (gpu_id g : there.where->gpus) {  // what fits a domain or unit cell is in one
        const gpu_id first = there.where->gpus[0];
        if (m.quota.gpus_per_cell == 16 && wanted <= 16)
          REQUIRE(dc.unit_of(g) == dc.unit_of(first));
        if (m.quota.gpus_per_cell == 8 && wanted <= 8)
          REQUIRE(dc.domain_of(dc.server_of(g)) == dc.domain_of(dc.server_of(first)));
      }
    }
  }
  CHECK(placed > 8'000);
  CHECK(refused > 2'000);
  CHECK(fragmented_itself > 100);
  CHECK(over_servers > 500);
}
