#include <heddle/optical/plan.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;
using namespace heddle::optical;

namespace {

// Circuits at random wherever both ends are free.
wiring random_wiring(const ports& ends, test::dice& d, int tries) {
  wiring w{ends};
  for (int i = 0; i < tries; ++i) {
    const leaf_id l{d.index(static_cast<std::size_t>(ends.leafs()))};
    const spine_id s{d.index(static_cast<std::size_t>(ends.spines()))};
    const ocs_id o{d.index(static_cast<std::size_t>(ends.switches()))};
    if (w.free_ends(l, o) > 0 && w.free_ends(s, o) > 0) w.connect(l, s, o);
  }
  return w;
}

// Follows a plan circuit by circuit on plain lists.
void check_plan(const wiring& from, const wiring& to, const plan& p) {
  const ports& ends = from.ends();
  std::vector<circuit> now;
  from.list(now);
  const link_matrix before = from.links(), after = to.links();
  link_matrix links = before;
  std::size_t dips = 0;
  link_matrix excused{ends.leafs(), ends.spines()};
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    const plan_step& step = p.steps[i];
    REQUIRE_FALSE((step.down.empty() && step.up.empty()));
    for (const circuit& k : step.down) {
      const auto it = std::find(now.begin(), now.end(), k);
      REQUIRE(it != now.end());
      now.erase(it);
      --links(k.leaf, k.spine);
    }
    for (; dips < p.dips.size() && p.dips[dips].step == i; ++dips) {
      REQUIRE(std::find(step.down.begin(), step.down.end(), p.dips[dips].lost) != step.down.end());
      ++excused(p.dips[dips].lost.leaf, p.dips[dips].lost.spine);
    }
    // While the step lasts: what stayed up is all there is.
    std::vector<pair_links> paused;
    for (leaf_id l : ends.all_leafs())
      for (spine_id s : ends.all_spines()) {
        const int less = std::min(before(l, s), after(l, s)) - links(l, s);
        REQUIRE(excused(l, s) >= less);
        if (less > 0) paused.push_back({l, s, less});
      }
    REQUIRE(step.paused == paused);
    for (const circuit& k : step.up) {
      now.push_back(k);
      ++links(k.leaf, k.spine);
    }
    const auto wrong = check(ends, now);
    INFO(wrong.value_or(""));
    REQUIRE_FALSE(wrong);
  }
  REQUIRE(dips == p.dips.size());
  std::vector<circuit> wanted;
  to.list(wanted);
  std::sort(now.begin(), now.end());
  std::sort(wanted.begin(), wanted.end());
  REQUIRE(now == wanted);
}

}  // namespace

TEST_CASE(
    "every step of a plan is valid and no pair falls below both wirings but where it says so") {
  int with_dips = 0, with_detours = 0, longest = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const ports ends{d.between(1, 6), d.between(1, 5), d.between(1, 5), d.between(1, 2),
                     d.between(1, 2)};
    const int tries = d.between(0, 120);
    const wiring from = random_wiring(ends, d, tries), to = random_wiring(ends, d, tries);
    const plan p = make_plan(from, to, 50);
    check_plan(from, to, p);
    REQUIRE(p.time_ms == 50 * static_cast<double>(p.steps.size()));
    with_dips += !p.dips.empty();
    with_detours += p.detours > 0;
    longest = std::max(longest, static_cast<int>(p.steps.size()));
  }
  CHECK(with_dips > 50);
  CHECK(with_detours > 20);
  CHECK(longest > 4);
}

TEST_CASE("a circuit that moves is up at its new switch before it goes dark at the old") {
  wiring from{ports{1, 1, 2, 1, 1}}, to{ports{1, 1, 2, 1, 1}};
  from.connect({leaf_id{0}, spine_id{0}, 0});
  to.connect({leaf_id{0}, spine_id{0}, 1});
  const plan p = make_plan(from, to, 50);
  REQUIRE(p.steps.size() == 2);
  CHECK(p.steps[0] == plan_step{{}, {{leaf_id{0}, spine_id{0}, 1}}});
  CHECK(p.steps[1] == plan_step{{{leaf_id{0}, spine_id{0}, 0}}, {}});
  CHECK(p.dips.empty());
  CHECK(p.circuits_set_up() == 1);
  CHECK(make_plan(to, to, 50).steps.empty());
}

TEST_CASE("circuits that want one another's ends take a detour if a switch is free and else one "
          "goes dark") {
  // Two leafs at two spines swap their OCS: 0 and 1.
  for (int switches : {2, 3}) {
    wiring from{ports{2, 2, switches, 1, 1}}, to{ports{2, 2, switches, 1, 1}};
    for (std::uint32_t i : {0u, 1u}) {
      from.connect({leaf_id{i}, spine_id{i}, 0});
      from.connect({leaf_id{i}, spine_id{1 - i}, 1});
      to.connect({leaf_id{i}, spine_id{i}, 1});
      to.connect({leaf_id{i}, spine_id{1 - i}, 0});
    }
    const plan p = make_plan(from, to, 10);
    check_plan(from, to, p);
    CHECK(p.dips.empty() == (switches == 3));
    CHECK((p.detours > 0) == (switches == 3));
  }
}

TEST_CASE("with as many idle switches again no plan of many has had to dip") {
  int detours = 0;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const int used = d.between(1, 4);
    const ports ends{d.between(1, 5), d.between(1, 5), 2 * used, 1, 1};
    // Both wirings keep to the first half of the OCS, each circuit has a place in the other half.
    ports half = ends;
    for (ocs_id o :
         id_range<ocs_id>{static_cast<std::uint32_t>(used), static_cast<std::uint32_t>(2 * used)})
      half.close(o);
    const auto spread = [&] {
      const wiring w = random_wiring(half, d, 100);
      wiring all{ends};
      std::vector<circuit> list;
      w.list(list);
      for (const circuit& k : list) all.connect(k);
      return all;
    };
    const wiring from = spread(), to = spread();
    const plan p = make_plan(from, to, 50);
    check_plan(from, to, p);
    CHECK(p.dips.empty());
    detours += p.detours;
  }
  CHECK(detours > 20);
}
