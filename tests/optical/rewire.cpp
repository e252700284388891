#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/core/error.hpp>
#include <heddle/optical/rewire.hpp>

#include "support/dice.hpp"

#ifdef HEDDLE_HAS_GLPK
#include <glpk.h>
#endif

namespace {

using namespace heddle;
using optical::cross_connect;
using optical::rewire_problem;
using optical::rewire_result;
using optical::rewire_status;
using optical::rewire_witness;

cross_connect at(int o, int l, int s) { return {ocs_id{o}, leaf_id{l}, spine_id{s}}; }

rewire_problem fabric(int switches, int leafs, int spines, int leaf_fibres = 1,
                      int spine_fibres = 1) {
  rewire_problem p;
  p.switches = switches;
  p.leafs = leafs;
  p.spines = spines;
  p.leaf_fibres = leaf_fibres;
  p.spine_fibres = spine_fibres;
  p.want.assign(static_cast<std::size_t>(leafs) * static_cast<std::size_t>(spines), 0);
  return p;
}

/// A random wiring that uses about `fill` of the leafs' fibres.
std::vector<cross_connect> random_wiring(const rewire_problem& p, double fill, test::dice& dice) {
  std::vector<cross_connect> wiring;
  for (int o = 0; o < p.switches; ++o) {
    std::vector<int> leafs, spines;
    for (int l = 0; l < p.leafs; ++l)
      leafs.insert(leafs.end(), static_cast<std::size_t>(p.leaf_fibres), l);
    for (int s = 0; s < p.spines; ++s)
      spines.insert(spines.end(), static_cast<std::size_t>(p.spine_fibres), s);
    dice.shuffle(leafs);
    dice.shuffle(spines);
    for (std::size_t i = 0; i < std::min(leafs.size(), spines.size()); ++i)
      if (dice.chance(fill)) wiring.push_back(at(o, leafs[i], spines[i]));
  }
  return wiring;
}

void want(rewire_problem& p, const std::vector<cross_connect>& wiring) {
  std::fill(p.want.begin(), p.want.end(), 0);
  for (const cross_connect& c : wiring) ++p.wanted(c.leaf, c.spine);
}

/// Wants what it has, but for the spines of pairs of circuits that were exchanged, whatever their
/// OCS.
void exchange(rewire_problem& p, int pairs, test::dice& dice) {
  std::vector<cross_connect> then = p.current;
  for (; pairs > 0 && then.size() > 1; --pairs) {
    const std::size_t a = dice.index(then.size()), b = dice.index(then.size());
    std::swap(then[a].spine, then[b].spine);
  }
  want(p, then);
}

/// A dark fabric of up to so many of each.
rewire_problem any_fabric(int switches, int ends, int fibres, test::dice& dice) {
  const int o = dice.between(1, switches), l = dice.between(1, ends), s = dice.between(1, ends);
  const int f = dice.between(1, fibres), c = dice.between(1, fibres);
  return fabric(o, l, s, f, c);
}

/// A realizable problem without frozen circuits, of any kind.
rewire_problem small_case(test::dice& dice) {
  rewire_problem p = any_fabric(6, 7, 1, dice);
  if (dice.chance(0.3)) p.leaf_fibres = 2;
  if (dice.chance(0.4)) p.spine_fibres = 2;
  p.current = random_wiring(p, dice.chance(0.5) ? 1 : 0.8, dice);
  if (dice.chance(0.7))
    exchange(p, dice.between(1, 8), dice);
  else
    want(p, random_wiring(p, dice.chance(0.5) ? 1 : 0.7, dice));
  return p;
}

rewire_problem full_case(int ports, int switches, double share, std::uint64_t seed) {
  test::dice dice{seed};
  rewire_problem p = fabric(switches, ports, ports);
  p.current = random_wiring(p, 1, dice);
  exchange(p, static_cast<int>(share / 2 * ports * switches), dice);
  return p;
}

#define CHECK_VALID(problem, result)                       \
  do {                                                     \
    const auto wrong = check(problem, result);             \
    CHECK_MESSAGE(!wrong.has_value(), wrong.value_or("")); \
  } while (false)

/// The fewest circuits to set up by trying all wirings, nothing if there is none.
std::optional<std::size_t> by_trying_all(const rewire_problem& p) {
  const auto n = [](int v) { return static_cast<std::size_t>(v); };
  const std::size_t k = n(p.switches);
  std::vector<int> left = p.want, leaf(n(p.leafs) * k, p.leaf_fibres),
                   spine(n(p.spines) * k, p.spine_fibres);
  std::vector<int> home(left.size() * k, 0);
  const auto pair = [&](const cross_connect& c) {
    return c.leaf.index() * n(p.spines) + c.spine.index();
  };
  for (const cross_connect& c : p.current) ++home[pair(c) * k + c.ocs.index()];
  std::size_t all = 0;
  for (const cross_connect& c : p.frozen) {
    --home[pair(c) * k + c.ocs.index()];
    --leaf[c.leaf.index() * k + c.ocs.index()];
    --spine[c.spine.index() * k + c.ocs.index()];
    if (--left[pair(c)] < 0) return std::nullopt;
  }
  for (const int w : left) all += n(w);
  std::optional<std::size_t> most_kept;
  const std::function<void(std::size_t, std::size_t, std::size_t)> place =
      [&](std::size_t q, std::size_t from, std::size_t kept) {
        while (q < left.size() && left[q] == 0) {
          ++q;
          from = 0;
        }
        if (q == left.size()) {
          most_kept = std::max(most_kept.value_or(0), kept);
          return;
        }
        for (std::size_t o = from; o < k; ++o) {
          int& a = leaf[q / n(p.spines) * k + o];
          int& b = spine[q % n(p.spines) * k + o];
          if (a == 0 || b == 0) continue;
          --a, --b, --left[q];
          const bool keeps = home[q * k + o] > 0;
          home[q * k + o] -= keeps;
          place(q, o, kept + keeps);
          home[q * k + o] += keeps;
          ++a, ++b, ++left[q];
        }
      };
  place(0, 0, 0);
  if (!most_kept) return std::nullopt;
  return all - *most_kept;
}

#ifdef HEDDLE_HAS_GLPK
/// The same by an integer program; its relaxation if asked.
double by_program(const rewire_problem& p, bool integer) {
  const auto n = [](int v) { return static_cast<std::size_t>(v); };
  const std::size_t k = n(p.switches), cells = p.want.size();
  std::vector<int> home(cells * k, 0);
  for (const cross_connect& c : p.current)
    ++home[(c.leaf.index() * n(p.spines) + c.spine.index()) * k + c.ocs.index()];
  glp_prob* lp = glp_create_prob();
  glp_term_out(GLP_OFF);
  glp_set_obj_dir(lp, GLP_MAX);
  // rows: wanted, leafs' fibres, spines' fibres
  const int leaf_row = static_cast<int>(cells),
            spine_row = leaf_row + static_cast<int>(n(p.leafs) * k);
  glp_add_rows(lp, spine_row + static_cast<int>(n(p.spines) * k));
  std::vector<std::vector<int>> row(n(glp_get_num_rows(lp)) + 1);
  int wanted = 0;
  for (std::size_t q = 0; q < cells; ++q) {
    glp_set_row_bnds(lp, static_cast<int>(q) + 1, GLP_FX, p.want[q], p.want[q]);
    wanted += p.want[q];
    if (p.want[q] == 0) continue;
    for (std::size_t o = 0; o < k; ++o)
      for (const bool keeps : {true, false}) {
        if (keeps && home[q * k + o] == 0) continue;
        const int column = glp_add_cols(lp, 1);
        glp_set_col_kind(lp, column, GLP_IV);
        glp_set_col_bnds(lp, column, GLP_DB, 0,
                         keeps ? home[q * k + o] : std::min(p.leaf_fibres, p.spine_fibres));
        glp_set_obj_coef(lp, column, keeps ? 1 : 0);
        row[q + 1].push_back(column);
        row[n(leaf_row) + q / n(p.spines) * k + o + 1].push_back(column);
        row[n(spine_row) + q % n(p.spines) * k + o + 1].push_back(column);
      }
  }
  for (int i = leaf_row + 1; i <= glp_get_num_rows(lp); ++i)
    glp_set_row_bnds(lp, i, GLP_UP, 0, i <= spine_row ? p.leaf_fibres : p.spine_fibres);
  for (std::size_t i = 1; i < row.size(); ++i) {
    std::vector<int> index(1, 0);
    index.insert(index.end(), row[i].begin(), row[i].end());
    const std::vector<double> ones(index.size(), 1.0);
    glp_set_mat_row(lp, static_cast<int>(i), static_cast<int>(row[i].size()), index.data(),
                    ones.data());
  }
  double kept = 0;
  if (glp_get_num_cols(lp) > 0) {
    if (integer) {
      glp_iocp options;
      glp_init_iocp(&options);
      options.presolve = GLP_ON;
      options.msg_lev = GLP_MSG_OFF;
      REQUIRE(glp_intopt(lp, &options) == 0);
      kept = glp_mip_obj_val(lp);
    } else {
      glp_smcp options;
      glp_init_smcp(&options);
      options.msg_lev = GLP_MSG_OFF;
      REQUIRE(glp_simplex(lp, &options) == 0);
      kept = glp_get_obj_val(lp);
    }
  }
  glp_delete_prob(lp);
  return wanted - kept;
}
#endif

}  // namespace

TEST_CASE("rewiring touches nothing where nothing changes") {
  test::dice dice{1};
  for (int i = 0; i < 20; ++i) {
    rewire_problem p = fabric(6, 8, 7, 1, 2);
    p.current = random_wiring(p, 0.9, dice);
    want(p, p.current);
    const rewire_result r = optical::rewire(p);
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(r.set_up == 0);
    CHECK(r.torn_down == 0);
    CHECK(r.kept == p.current.size());
    CHECK(r.is_optimal());
  }
}

TEST_CASE("rewiring of nothing and of a whole fabric to nothing") {
  CHECK(optical::rewire({}));
  CHECK(optical::rewire(fabric(0, 3, 3)));
  CHECK(optical::rewire(fabric(3, 0, 3)).circuits.empty());
  rewire_problem p = full_case(5, 4, 0, 3);
  std::fill(p.want.begin(), p.want.end(), 0);
  const rewire_result r = optical::rewire(p);
  CHECK_VALID(p, r);
  CHECK(r.torn_down == 20);
  std::swap(p.current, p.frozen);  // nothing is wired and all is wanted
  p.frozen.clear();
  p.want.assign(25, 0);
  for (int l = 0; l < 5; ++l)
    for (int s = 0; s < 5; ++s) p.wanted(leaf_id{l}, spine_id{s}) = l != s;
  const rewire_result full = optical::rewire(p);
  CHECK_VALID(p, full);
  REQUIRE(full);
  CHECK(full.set_up == 20);
  CHECK(full.is_optimal());
}

TEST_CASE("rewiring agrees with trying all wirings of tiny fabrics with frozen circuits") {
  test::dice dice{5};
  optical::rewirer rewirer;
  int unrealizable = 0, frozen_cases = 0;
  for (int i = 0; i < 1500; ++i) {
    CAPTURE(i);
    rewire_problem p = any_fabric(3, 3, 2, dice);
    if (p.leaf_fibres * p.spine_fibres == 4) p.switches = std::min(p.switches, 2);
    p.current = random_wiring(p, 0.9, dice);
    if (dice.chance(0.5))
      exchange(p, 3, dice);
    else
      for (int& w : p.want) w = dice.chance(0.5) ? dice.between(0, 2) : 0;
    for (const cross_connect& c : p.current)
      if (dice.chance(0.25)) p.frozen.push_back(c);
    frozen_cases += !p.frozen.empty();
    const std::optional<std::size_t> best = by_trying_all(p);
    const rewire_result r = rewirer(p);
    CHECK_VALID(p, r);
    CHECK(r.status == (best ? rewire_status::ok : rewire_status::unrealizable));
    CHECK(r.witness.has_value() == !best.has_value());
    unrealizable += !best;
    if (!best || !r) continue;
    CHECK(r.lower_bound <= *best);
    CHECK(r.set_up == *best);
  }
  CHECK(unrealizable > 200);
  CHECK(frozen_cases > 500);
}

#ifdef HEDDLE_HAS_GLPK
TEST_CASE("rewiring equals the optimum of an integer program on 95 of 100 small cases and is near "
          "it on all") {
  test::dice dice{2026};
  optical::rewirer rewirer;
  int cases = 0, equal = 0, busy = 0;
  while (cases < 500) {
    const rewire_problem p = small_case(dice);
    ++cases;
    CAPTURE(cases);
    const auto best = static_cast<std::size_t>(std::lround(by_program(p, true)));
    const rewire_result r = rewirer(p);
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(r.lower_bound <= best);
    CHECK(r.set_up >= best);
    CHECK(r.set_up * 10 <= best * 11);
    equal += r.set_up == best;
    busy += best > 3;
  }
  MESSAGE(equal << " of " << cases << " optimal, " << busy
                << " with more than three circuits to set up");
  CHECK(equal * 100 >= cases * 95);
  CHECK(busy > 150);
}

TEST_CASE("the bound of rewiring never passes the linear program and comes near it") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    const rewire_problem p = full_case(8, 6, 0.2, seed);
    const double program = by_program(p, false);
    constexpr double accuracy = 1e-6;  // of the simplex method
    const rewire_result r = optical::rewire(p, {.bound_sweeps = 400});
    CHECK_VALID(p, r);
    CHECK(static_cast<double>(r.lower_bound) <= std::ceil(program - accuracy));
    CHECK(static_cast<double>(r.lower_bound) >= 0.93 * program);
    const rewire_result quick = optical::rewire(p);
    CHECK(static_cast<double>(quick.lower_bound) <= std::ceil(program - accuracy));
  }
}
#endif

TEST_CASE("rewiring keeps frozen circuits and says when they stand in the way") {
  // Two leafs and spines, two OCS: crossed at both, wanted straight once and crossed once at either
  // leaf.
  rewire_problem p = fabric(2, 2, 2);
  p.current = {at(0, 0, 1), at(0, 1, 0), at(1, 0, 1), at(1, 1, 0)};
  p.want = {1, 1, 1, 1};
  rewire_result r = optical::rewire(p);
  CHECK_VALID(p, r);
  CHECK(r.set_up == 2);
  p.frozen = {at(0, 0, 1)};
  r = optical::rewire(p);
  CHECK_VALID(p, r);
  REQUIRE(r);
  CHECK(std::count(r.circuits.begin(), r.circuits.end(), at(0, 0, 1)) == 1);
  CHECK(r.set_up == 2);
  p.frozen = {at(0, 0, 1), at(1, 1, 0)};
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::pair);
  CHECK(
      r.witness->message() ==
      "1 circuit wanted between leaf 0 and spine 0 beside the frozen ones, which leave room for 0");
  p.frozen = {at(0, 0, 1), at(1, 0, 1)};
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::frozen);
  CHECK(r.witness->message() == "2 circuits frozen between leaf 0 and spine 1, where 1 wanted");
}

TEST_CASE(
    "rewiring proves by search that frozen circuits leave no way, though each pair has room") {
  // Leaf 0 wants three spines at three OCS; each of its pairs has room at OCS 0 and 1 alone.
  rewire_problem p = fabric(3, 4, 3);
  p.current = {at(2, 1, 0), at(2, 2, 1), at(2, 3, 2)};
  p.frozen = p.current;
  want(p, p.current);
  for (int s = 0; s < 3; ++s) p.wanted(leaf_id{0}, spine_id{s}) = 1;
  const rewire_result r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::search);
  CHECK(optical::rewire(p, {.search_nodes = 1}).status == rewire_status::gave_up);
}

TEST_CASE("rewiring names the leaf or spine whose fibres are short") {
  rewire_problem p = fabric(2, 2, 3, 1, 2);
  p.want = {1, 1, 1, 0, 0, 0};
  rewire_result r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(*r.witness == rewire_witness{rewire_witness::kind::leaf, leaf_id{0}, {}, 3, 2});
  CHECK(r.witness->message() == "3 circuits wanted at leaf 0, which has 2 fibres");
  p = fabric(1, 3, 2, 2, 2);
  p.want = {1, 1, 1, 0, 1, 1};
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(*r.witness == rewire_witness{rewire_witness::kind::spine, {}, spine_id{0}, 3, 2});
  CHECK(r.circuits.empty());
}

TEST_CASE("rewiring always succeeds where ports suffice, even without a step of annealing") {
  test::dice dice{11};
  optical::rewirer rewirer;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    rewire_problem p = any_fabric(12, 12, 3, dice);
    p.current = random_wiring(p, 1, dice);
    want(p, random_wiring(p, 1, dice));
    for (const double effort : {0.0, 0.01}) {
      const rewire_result r = rewirer(p, {.effort = effort, .bound_sweeps = 1});
      REQUIRE(r);
      CHECK_VALID(p, r);
    }
  }
}

TEST_CASE("rewiring works beyond 64 switches and with several fibres at large") {
  for (const int switches : {65, 100, 130}) {
    const rewire_problem p = full_case(12, switches, 0.1, 7);
    const rewire_result r = optical::rewire(p, {.effort = 0.2});
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(r.set_up < p.current.size() / 4);
  }
  test::dice dice{3};
  rewire_problem p = fabric(32, 64, 32, 1, 2);  // a leaf's fibre to each OCS, two of a spine
  p.current = random_wiring(p, 1, dice);
  exchange(p, 100, dice);
  for (std::size_t i = 0; i < p.current.size(); i += 7)
    if (p.wanted(p.current[i].leaf, p.current[i].spine) > 0) {
      p.frozen.push_back(p.current[i]);
      --p.wanted(p.current[i].leaf, p.current[i].spine);
    }
  for (const cross_connect& c : p.frozen) ++p.wanted(c.leaf, c.spine);
  const rewire_result r = optical::rewire(p);
  REQUIRE(r);
  CHECK_VALID(p, r);
}

TEST_CASE("rewiring a full fabric of a tenth exchanged stays near its bound") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const rewire_problem p = full_case(16, 16, 0.1, seed);
    const rewire_result r = optical::rewire(p, {.bound_sweeps = 96});
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(static_cast<double>(r.set_up) <= 1.2 * static_cast<double>(r.lower_bound));
  }
}

TEST_CASE("rewiring gives the same answer each time, whatever was asked before, and by seed") {
  const rewire_problem p = full_case(24, 8, 0.2, 4);
  optical::rewirer used;
  (void)used(full_case(9, 17, 0.3, 1));
  const rewire_result a = optical::rewire(p), b = used(p);
  CHECK(a.circuits == b.circuits);
  CHECK(a.lower_bound == b.lower_bound);
  CHECK(a.steps == b.steps);
  CHECK_VALID(p, optical::rewire(p, {.seed = 2}));
}

TEST_CASE("rewiring refuses malformed problems by field") {
  const auto refuses = [](const rewire_problem& p, const std::string& message) {
    try {
      check(p);
      FAIL("accepted: " << message);
    } catch (const input_error& e) {
      CHECK(std::string{e.what()} == message);
    }
  };
  rewire_problem good = fabric(2, 2, 2);
  good.current = {at(0, 0, 0), at(1, 0, 0)};
  check(good);
  rewire_problem p = good;
  p.switches = -1;
  refuses(p, "rewire.switches: expected at least 0, got -1");
  p = good;
  p.spine_fibres = 0;
  refuses(p, "rewire.spine_fibres: expected 1 to 255, got 0");
  p = good;
  p.want.pop_back();
  refuses(p, "rewire.want: expected 4 entries, got 3");
  p = good;
  p.want[2] = -1;
  refuses(p, "rewire.want[2]: expected at least 0 circuits, got -1");
  p = good;
  p.current.push_back(at(0, 0, 1));
  refuses(p, "rewire.current[2]: expected a free fibre of the leaf to the OCS, got OCS 0, leaf 0, "
             "spine 1");
  p = good;
  p.current.push_back(at(0, 1, 0));
  refuses(p, "rewire.current[2]: expected a free fibre of the spine to the OCS, got OCS 0, leaf 1, "
             "spine 0");
  p = good;
  p.current.push_back(at(2, 1, 1));
  refuses(p, "rewire.current[2]: expected an OCS, a leaf and a spine that exist, got OCS 2, leaf "
             "1, spine 1");
  p = good;
  p.frozen = {at(0, 0, 0), at(0, 0, 0)};
  refuses(p,
          "rewire.frozen[1]: expected a circuit of the current wiring, got OCS 0, leaf 0, spine 0");
}
