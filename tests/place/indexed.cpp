// Policies that ask an index of free GPUs, against themselves on hosts that have none.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::placement;
using fabric::reserve_status;

namespace {

struct named_policy {
  std::string name;
  std::function<place::answer(const ledger&, const place::request&)> ask;
};
template <class Policy>
named_policy named(std::string name, Policy p) {
  return {std::move(name),
          [p](const ledger& l, const place::request& r) mutable { return place::ask(p, l, r); }};
}
std::vector<named_policy> policies() {
  return {named("one_server", place::one_server{}),
          named("one_leaf", place::one_leaf{}),
          named("packed", place::packed{}),
          named("locality", place::locality{}),
          named("spread", place::spread{}),
          named("buddy", place::buddy{}),
          named("topology_aware", place::topology_aware{}),
          named("vclos", place::vclos{}),
          named("vclos that saves GPUs", place::vclos{.saves = place::vclos_saves::gpus}),
          named("jigsaw", place::jigsaw{}),
          named("laas", place::laas{})};
}

// A large network of which a small one is the beginning, and the rest is taken: GPUs and links.
struct twins {
  leaf_spine few, many;
  ledger small, large;

  twins(int leafs, int spines, int lanes, int servers, int gpus)
      : few{shape(leafs, spines, lanes, servers, gpus)},
        many{shape(leafs + 64, spines, lanes, servers, gpus)}, small{few}, large{many} {
    placement rest;
    for (gpu_id g : many.all_gpus())
      if (g.index() >= static_cast<std::size_t>(few.gpus())) rest.gpus.push_back(g);
    for (leaf_id l : many.all_leafs())
      for (spine_id s : many.all_spines())
        for (std::uint32_t k = 0; k < static_cast<std::uint32_t>(lanes); ++k)
          if (l.index() >= static_cast<std::size_t>(leafs)) rest.links.push_back({l, s, k});
    REQUIRE(large.reserve(job_id{4'000'000'000u}, std::move(rest)) == reserve_status::reserved);
  }
  static fabric::leaf_spine_shape shape(int leafs, int spines, int lanes, int servers, int gpus) {
    return {.leafs = leafs,
            .spines = spines,
            .links_per_pair = lanes,
            .servers_per_leaf = servers,
            .gpus_per_server = gpus};
  }
};

}  // namespace

TEST_CASE("policies choose by the index of free GPUs what they choose without one") {
  int placed = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    for (named_policy& p : policies()) {
      CAPTURE(seed);
      CAPTURE(p.name);
      test::dice d{seed};
      twins t(d.between(2, 9), d.between(2, 8), d.between(1, 2), d.between(1, 4), d.between(1, 8));
      REQUIRE(t.small.gpus().rooms().empty());
      REQUIRE_FALSE(t.large.gpus().rooms().empty());
      std::vector<job_id> running;
      for (std::uint32_t i = 0; i < 250; ++i) {
        CAPTURE(i);
        if (d.chance(.56)) {
          const int most = d.chance(.6) ? t.few.gpus_per_server() : t.few.gpus();
          const place::request job{job_id{i}, d.between(1, most)};
          const place::answer a = p.ask(t.small, job), b = p.ask(t.large, job);
          REQUIRE(a.where == b.where);
          // Where nothing is found, why can depend on leafs that have nothing free.
          REQUIRE(a.proved == b.proved);
          refused += !a;
          if (!a) continue;
          ++placed;
          REQUIRE(t.small.reserve(job.job, *a.where) == reserve_status::reserved);
          REQUIRE(t.large.reserve(job.job, *b.where) == reserve_status::reserved);
          running.push_back(job.job);
        } else if (d.chance(.1)) {
          const server_id s{d.between(0, t.few.servers() - 1)};
          if (t.small.is_failed(s)) {
            t.small.repair(s);
            t.large.repair(s);
          } else {
            (void)t.small.fail(s);
            (void)t.large.fail(s);
          }
        } else if (!running.empty()) {
          std::swap(running[d.index(running.size())], running.back());
          t.small.release(running.back());
          t.large.release(running.back());
          running.pop_back();
        }
      }
    }
  CHECK(placed > 5000);
  CHECK(refused > 500);
}
