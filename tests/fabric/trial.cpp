#include <heddle/fabric/trial.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>

#include "support/dice.hpp"
#include "support/states.hpp"

using namespace heddle;
using fabric::leaf_spine;
using fabric::leaf_spine_ocs;
using fabric::ledger;
using fabric::placement;
using fabric::reserve_status;
using fabric::trial;

namespace {

const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};

}  // namespace

TEST_CASE("what is tried on a copy is not in the ledger") {
  ledger l{dc};
  REQUIRE(l.reserve(job_id{1}, {{gpu_id{0}}, {{leaf_id{0}, spine_id{0}}}}) ==
          reserve_status::reserved);
  const ledger before = l;
  trial t{l};
  CHECK(t.now() == l);
  CHECK(t->release(job_id{1}));
  t->fail(spine_id{1});
  (*t).fail(server_id{1});
  CHECK(t.now().free_gpus() == 4);
  CHECK(t.keep({{gpu_id{0}, gpu_id{1}}, {{leaf_id{0}, spine_id{0}}}}).valid());
  CHECK(t.now().free_gpus() == 2);
  CHECK(l == before);
  t.start(l);
  CHECK(t.now() == l);
}

TEST_CASE("guests of a trial have ids that no job of the ledger has") {
  ledger l{dc};
  const job_id highest = trial{l}.next_guest();
  REQUIRE(l.reserve(highest, {{gpu_id{0}}}) == reserve_status::reserved);
  trial t{l};
  std::set<job_id> guests{highest};
  for (std::uint32_t g = 1; g < 8; ++g) {
    const job_id announced = t.next_guest();
    CHECK(t.next_guest() == announced);
    const job_id guest = t.keep({{gpu_id{g}}});
    CHECK(guest == announced);
    CHECK(guests.insert(guest).second);
    CHECK(t.now().owner(gpu_id{g}) == guest);
  }
  CHECK_FALSE(t.keep({{gpu_id{3}}}).valid());
  CHECK(t.now().find(highest)->gpus == std::vector{gpu_id{0}});
  t.start(l);
  CHECK(guests.contains(t.next_guest()));  // numbers begin anew
}

TEST_CASE("of what is wanted a trial keeps the parts that are free") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const ledger l = test::random_state(dc, d, d.real(), d.real());
    placement wanted;
    for (gpu_id g : dc.all_gpus())
      if (d.chance(.5)) wanted.gpus.push_back(g);
    for (leaf_id leaf : dc.all_leafs())
      for (spine_id s : dc.all_spines())
        if (d.chance(.5)) wanted.links.push_back({leaf, s});
    trial t{l};
    t.keep_free_parts(wanted);
    for (gpu_id g : dc.all_gpus()) {
      bool named = false;
      for (gpu_id w : wanted.gpus) named = named || w == g;
      REQUIRE(t.now().is_free(g) == (l.is_free(g) && !named));
    }
    for (leaf_id leaf : dc.all_leafs())
      for (spine_id s : dc.all_spines()) {
        const fabric::link k{leaf, s};
        bool named = false;
        for (const fabric::link& w : wanted.links) named = named || w == k;
        REQUIRE(t.now().is_free(k) == (l.is_free(k) && !named));
      }
    REQUIRE(t.now().consistent());
  }
}

TEST_CASE("circuits that are free one by one but not together leave the GPUs of a trial kept") {
  const leaf_spine_ocs optical{{.leafs = 2,
                                .spines = 1,
                                .switches = 1,
                                .leaf_fibres = 1,
                                .spine_fibres = 1,
                                .servers_per_leaf = 1,
                                .gpus_per_server = 2}};
  const ledger l{optical};
  const fabric::circuit a{leaf_id{0}, spine_id{0}, 0}, b{leaf_id{1}, spine_id{0}, 0};
  REQUIRE(l.is_free(a));
  REQUIRE(l.is_free(b));
  trial t{l};
  t.keep_free_parts({{gpu_id{0}, gpu_id{2}}, {}, {a, b}});
  CHECK(t.now().free_gpus() == 2);
  CHECK(t.now().is_free(a));
  trial one{l};
  one.keep_free_parts({{gpu_id{0}}, {}, {a}});
  CHECK_FALSE(one.now().is_free(a));
  CHECK_FALSE(one.now().is_free(b));  // the spine's one fibre is in use
}
