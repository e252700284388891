#include <heddle/optical/kempe.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"

using namespace heddle;
using namespace heddle::optical;

namespace {

std::vector<circuit> circuits_of(const wiring& w) {
  std::vector<circuit> all;
  w.list(all);
  return all;
}
void check_valid(const wiring& w) {
  const auto wrong = check(w.ends(), circuits_of(w));
  INFO(wrong.value_or(""));
  REQUIRE_FALSE(wrong);
}
int free_total(const wiring& w, auto id) {
  int n = 0;
  for (ocs_id o : w.ends().all_switches()) n += w.free_ends(id, o);
  return n;
}

// Replays what was said to have moved onto the circuits of before; the new one is what is left over.
void check_story(const std::vector<circuit>& before, const std::vector<rerouted>& moved,
                 const wiring& after, leaf_id l, spine_id s) {
  std::vector<circuit> now = before;
  for (const rerouted& r : moved) {
    REQUIRE(r.from.leaf == r.to.leaf);
    REQUIRE(r.from.spine == r.to.spine);
    const auto it = std::find(now.begin(), now.end(), r.from);
    REQUIRE(it != now.end());
    now.erase(it);
  }
  for (const rerouted& r : moved) now.push_back(r.to);
  std::vector<circuit> fresh;
  for (const circuit& k : circuits_of(after)) {
    const auto it = std::find(now.begin(), now.end(), k);
    if (it == now.end())
      fresh.push_back(k);
    else
      now.erase(it);
  }
  REQUIRE(now.empty());
  REQUIRE(fresh.size() == 1);
  REQUIRE(fresh[0].leaf == l);
  REQUIRE(fresh[0].spine == s);
}

constexpr auto may_move = [](const circuit&) { return 1; };

}  // namespace

TEST_CASE("a Kempe chain sets up a circuit whenever leaf and spine have a free end and all OCS are "
          "alike") {
  kempe insert;
  std::vector<rerouted> moved;
  int chains = 0, longest = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ports ends{d.between(1, 10), d.between(1, 10), d.between(1, 9), d.between(1, 3),
               d.between(1, 3)};
    if (ends.switches() > 1 && d.chance(.3))
      ends.close(ocs_id{d.index(static_cast<std::size_t>(ends.switches()))});
    wiring w{ends};
    for (int i = 0; i < 400; ++i) {
      const leaf_id l{d.index(static_cast<std::size_t>(ends.leafs()))};
      const spine_id s{d.index(static_cast<std::size_t>(ends.spines()))};
      if (d.chance(.15) && w.circuits() > 0) {  // some leave, so that the rest is no neat colouring
        const auto all = circuits_of(w);
        w.disconnect(all[d.index(all.size())]);
        continue;
      }
      const auto before = circuits_of(w);
      const bool has_room = free_total(w, l) > 0 && free_total(w, s) > 0;
      moved.clear();
      REQUIRE(insert.insert(w, l, s, may_move, kempe::frozen, moved) == has_room);
      if (!has_room) {
        ++refused;
        REQUIRE(circuits_of(w) == before);
        continue;
      }
      REQUIRE(static_cast<int>(moved.size()) == insert.cost());
      REQUIRE(static_cast<int>(moved.size()) <= ends.leafs() + ends.spines());
      check_valid(w);
      check_story(before, moved, w, l, s);
      chains += !moved.empty();
      longest = std::max(longest, static_cast<int>(moved.size()));
    }
  }
  CHECK(chains > 2000);
  CHECK(longest > 4);
  CHECK(refused > 2000);
}

TEST_CASE("frozen circuits stay and a bound on what moves is kept") {
  kempe insert;
  std::vector<rerouted> moved;
  int saved_by_bound = 0, failed = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ports ends{d.between(2, 8), d.between(2, 8), d.between(2, 6), 1, d.between(1, 2)};
    // Single fibres may be closed as well: then an insertion may fail, and must leave all as it was.
    for (leaf_id l : ends.all_leafs())
      for (ocs_id o : ends.all_switches())
        if (d.chance(.05)) ends.close(l, o);
    wiring w{ends};
    const int most = d.between(0, 3);
    for (int i = 0; i < 200; ++i) {
      const leaf_id l{d.index(static_cast<std::size_t>(ends.leafs()))};
      const spine_id s{d.index(static_cast<std::size_t>(ends.spines()))};
      const auto cost = [&](const circuit& k) {
        return k.leaf.value % 3 == 0 ? kempe::frozen : k.leaf.value % 3 == 1 ? 0 : 1;
      };
      const auto before = circuits_of(w);
      moved.clear();
      const bool done = insert.insert(w, l, s, cost, most, moved);
      check_valid(w);
      int sum = 0;
      for (const rerouted& r : moved) {
        REQUIRE(cost(r.from) != kempe::frozen);
        sum += cost(r.from);
      }
      REQUIRE(sum <= most);
      if (done) {
        check_story(before, moved, w, l, s);
        REQUIRE(sum == insert.cost());
        saved_by_bound += !moved.empty();
      } else {
        REQUIRE(circuits_of(w) == before);
        ++failed;
      }
      if (d.chance(.4) && w.circuits() > 0) {
        const auto all = circuits_of(w);
        w.disconnect(all[d.index(all.size())]);
      }
    }
  }
  CHECK(saved_by_bound > 300);
  CHECK(failed > 300);
}

TEST_CASE("a chain moves as few circuits as any chain of two OCS could") {
  // Leaf 0 has OCS 1 free, spine 1 has OCS 0: one circuit has to move, and one alone does.
  wiring w{ports{2, 2, 2, 1, 1}};
  w.connect({leaf_id{0}, spine_id{0}, 0});
  w.connect({leaf_id{1}, spine_id{1}, 1});
  kempe insert;
  std::vector<rerouted> moved;
  CHECK_FALSE(insert.insert(w, leaf_id{0}, spine_id{1}, may_move, 0, moved));
  REQUIRE(insert.insert(w, leaf_id{0}, spine_id{1}, may_move, 1, moved));
  REQUIRE(moved.size() == 1);
  CHECK(w.circuits() == 3);
  check_valid(w);
}

TEST_CASE("a warm Kempe insertion allocates nothing") {
  std::vector<rerouted> moved;
  kempe insert;
  moved.reserve(10'000);
  std::size_t allocations = 0;
  int chains = 0;
  for (bool warm : {false, true}) {
    wiring w{ports{16, 16, 16, 1, 1}};
    test::dice d{3};
    const test::allocation_guard guard;
    for (int i = 0; i < 3000; ++i) {
      moved.clear();
      const leaf_id l{d.index(16)};
      const spine_id s{d.index(16)};
      (void)insert.insert(w, l, s, may_move, kempe::frozen, moved);
      chains += !moved.empty();
    }
    if (warm) allocations = guard.count();
  }
  CHECK(allocations == 0);
  CHECK(chains > 30);
}
