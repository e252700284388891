#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/core/error.hpp>
#include <heddle/optical/plan.hpp>
#include <heddle/optical/rewire.hpp>

#include "support/dice.hpp"

#ifdef HEDDLE_HAS_GLPK
#include <glpk.h>
#endif

namespace {

using namespace heddle;
using optical::circuit;
using optical::link_matrix;
using optical::ports;
using optical::rewire_problem;
using optical::rewire_result;
using optical::rewire_status;
using optical::rewire_witness;
using optical::wiring;

/// A circuit by its OCS. Two alike are two, over different fibres.
struct place {
  int ocs, leaf, spine;
};

/// What a problem is made of, to be changed at will.
struct draft {
  int switches = 0, leafs = 0, spines = 0;
  int leaf_fibres = 1, spine_fibres = 1;
  std::vector<place> current;
  link_matrix want;
  std::vector<std::size_t> frozen;  // of the current ones

  [[nodiscard]] ports ends() const { return {leafs, spines, switches, leaf_fibres, spine_fibres}; }
  [[nodiscard]] int& wanted(int l, int s) { return want(leaf_id{l}, spine_id{s}); }
  /// Row by row.
  void set_want(std::initializer_list<int> rows) {
    auto n = rows.begin();
    for (int l = 0; l < leafs; ++l)
      for (int s = 0; s < spines; ++s) wanted(l, s) = *n++;
  }
  operator rewire_problem() const {
    rewire_problem p{wiring{ends()}, want, {}};
    std::vector<circuit> up;
    for (const place& k : current)
      up.push_back(p.current.connect(leaf_id{k.leaf}, spine_id{k.spine}, ocs_id{k.ocs}));
    for (const std::size_t i : frozen) p.frozen.push_back(up[i]);
    return p;
  }
};

draft dark(int switches, int leafs, int spines, int leaf_fibres = 1, int spine_fibres = 1) {
  draft p;
  p.switches = switches;
  p.leafs = leafs;
  p.spines = spines;
  p.leaf_fibres = leaf_fibres;
  p.spine_fibres = spine_fibres;
  p.want = link_matrix{leafs, spines};
  return p;
}

/// A random wiring that uses about `fill` of the leafs' fibres.
std::vector<place> random_wiring(const draft& p, double fill, test::dice& dice) {
  std::vector<place> wiring;
  for (int o = 0; o < p.switches; ++o) {
    std::vector<int> leafs, spines;
    for (int l = 0; l < p.leafs; ++l)
      leafs.insert(leafs.end(), static_cast<std::size_t>(p.leaf_fibres), l);
    for (int s = 0; s < p.spines; ++s)
      spines.insert(spines.end(), static_cast<std::size_t>(p.spine_fibres), s);
    dice.shuffle(leafs);
    dice.shuffle(spines);
    for (std::size_t i = 0; i < std::min(leafs.size(), spines.size()); ++i)
      if (dice.chance(fill)) wiring.push_back({o, leafs[i], spines[i]});
  }
  return wiring;
}

void want(draft& p, const std::vector<place>& wiring) {
  p.want = link_matrix{p.leafs, p.spines};
  for (const place& k : wiring) ++p.wanted(k.leaf, k.spine);
}

/// Wants what it has, but for the spines of pairs of circuits that were exchanged, whatever their
/// OCS.
void exchange(draft& p, int pairs, test::dice& dice) {
  std::vector<place> then = p.current;
  for (; pairs > 0 && then.size() > 1; --pairs) {
    const std::size_t a = dice.index(then.size()), b = dice.index(then.size());
    std::swap(then[a].spine, then[b].spine);
  }
  want(p, then);
}

/// A dark fabric of up to so many of each.
draft any_fabric(int switches, int ends, int fibres, test::dice& dice) {
  const int o = dice.between(1, switches), l = dice.between(1, ends), s = dice.between(1, ends);
  const int f = dice.between(1, fibres), c = dice.between(1, fibres);
  return dark(o, l, s, f, c);
}

/// A realizable problem without frozen circuits, of any kind.
draft small_case(test::dice& dice) {
  draft p = any_fabric(6, 7, 1, dice);
  if (dice.chance(0.3)) p.leaf_fibres = 2;
  if (dice.chance(0.4)) p.spine_fibres = 2;
  p.current = random_wiring(p, dice.chance(0.5) ? 1 : 0.8, dice);
  if (dice.chance(0.7))
    exchange(p, dice.between(1, 8), dice);
  else
    want(p, random_wiring(p, dice.chance(0.5) ? 1 : 0.7, dice));
  return p;
}

draft full_case(int ports, int switches, double share, std::uint64_t seed) {
  test::dice dice{seed};
  draft p = dark(switches, ports, ports);
  p.current = random_wiring(p, 1, dice);
  exchange(p, static_cast<int>(share / 2 * ports * switches), dice);
  return p;
}

#define CHECK_VALID(problem, result)                       \
  do {                                                     \
    const auto wrong = check(problem, result);             \
    CHECK_MESSAGE(!wrong.has_value(), wrong.value_or("")); \
  } while (false)

/// The circuits of a problem by leaf · spines + spine, then OCS.
std::vector<int> table_of(const rewire_problem& p, const std::vector<circuit>& circuits) {
  const ports& ends = p.current.ends();
  const auto n = [](int v) { return static_cast<std::size_t>(v); };
  std::vector<int> table(n(ends.leafs()) * n(ends.spines()) * n(ends.switches()), 0);
  for (const circuit& k : circuits)
    ++table[(k.leaf.index() * n(ends.spines()) + k.spine.index()) * n(ends.switches()) +
            ends.ocs_of_uplink(k.uplink).index()];
  return table;
}
std::vector<int> table_of(const rewire_problem& p) {
  std::vector<circuit> all;
  p.current.list(all);
  return table_of(p, all);
}
std::vector<int> rows_of(const rewire_problem& p) {
  std::vector<int> rows;
  for (leaf_id l : p.current.ends().all_leafs())
    for (spine_id s : p.current.ends().all_spines()) rows.push_back(p.want(l, s));
  return rows;
}

/// The fewest circuits to set up by trying all wirings, nothing if there is none.
std::optional<std::size_t> by_trying_all(const rewire_problem& p) {
  const auto n = [](int v) { return static_cast<std::size_t>(v); };
  const ports& ends = p.current.ends();
  const std::size_t k = n(ends.switches()), spines = n(ends.spines());
  std::vector<int> left = rows_of(p), home = table_of(p), leaf, spine;
  for (leaf_id l : ends.all_leafs())
    for (ocs_id o : ends.all_switches()) leaf.push_back(ends.open(l, o));
  for (spine_id s : ends.all_spines())
    for (ocs_id o : ends.all_switches()) spine.push_back(ends.open(s, o));
  std::size_t all = 0;
  for (const circuit& c : p.frozen) {
    const std::size_t o = ends.ocs_of_uplink(c.uplink).index();
    const std::size_t pair = c.leaf.index() * spines + c.spine.index();
    --home[pair * k + o];
    --leaf[c.leaf.index() * k + o];
    --spine[c.spine.index() * k + o];
    if (--left[pair] < 0) return std::nullopt;
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
          int& a = leaf[q / spines * k + o];
          int& b = spine[q % spines * k + o];
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
  const ports& ends = p.current.ends();
  const std::vector<int> home = table_of(p), want = rows_of(p);
  const std::size_t k = n(ends.switches()), cells = want.size(), leafs = n(ends.leafs()),
                    spines = n(ends.spines());
  glp_prob* lp = glp_create_prob();
  glp_term_out(GLP_OFF);
  glp_set_obj_dir(lp, GLP_MAX);
  // rows: wanted, leafs' fibres, spines' fibres
  const int leaf_row = static_cast<int>(cells), spine_row = leaf_row + static_cast<int>(leafs * k);
  glp_add_rows(lp, spine_row + static_cast<int>(spines * k));
  std::vector<std::vector<int>> row(n(glp_get_num_rows(lp)) + 1);
  int wanted = 0;
  for (std::size_t q = 0; q < cells; ++q) {
    glp_set_row_bnds(lp, static_cast<int>(q) + 1, GLP_FX, want[q], want[q]);
    wanted += want[q];
    if (want[q] == 0) continue;
    for (std::size_t o = 0; o < k; ++o)
      for (const bool keeps : {true, false}) {
        if (keeps && home[q * k + o] == 0) continue;
        const int column = glp_add_cols(lp, 1);
        glp_set_col_kind(lp, column, GLP_IV);
        glp_set_col_bnds(lp, column, GLP_DB, 0,
                         keeps ? home[q * k + o]
                               : std::min(ends.leaf_fibres(), ends.spine_fibres()));
        glp_set_obj_coef(lp, column, keeps ? 1 : 0);
        row[q + 1].push_back(column);
        row[n(leaf_row) + q / spines * k + o + 1].push_back(column);
        row[n(spine_row) + q % spines * k + o + 1].push_back(column);
      }
  }
  for (int i = leaf_row + 1; i <= glp_get_num_rows(lp); ++i)
    glp_set_row_bnds(lp, i, GLP_UP, 0, i <= spine_row ? ends.leaf_fibres() : ends.spine_fibres());
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
    draft p = dark(6, 8, 7, 1, 2);
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
  CHECK(optical::rewire(rewire_problem{}));
  CHECK(optical::rewire(dark(0, 3, 3)));
  CHECK(optical::rewire(dark(3, 0, 3)).target.circuits() == 0);
  draft p = full_case(5, 4, 0, 3);
  p.want = link_matrix{5, 5};
  const rewire_result r = optical::rewire(p);
  CHECK_VALID(p, r);
  CHECK(r.torn_down == 20);
  p.current.clear();  // nothing is wired and all is wanted
  for (int l = 0; l < 5; ++l)
    for (int s = 0; s < 5; ++s) p.wanted(l, s) = l != s;
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
    draft p = any_fabric(3, 3, 2, dice);
    if (p.leaf_fibres * p.spine_fibres == 4) p.switches = std::min(p.switches, 2);
    p.current = random_wiring(p, 0.9, dice);
    if (dice.chance(0.5))
      exchange(p, 3, dice);
    else
      for (int l = 0; l < p.leafs; ++l)
        for (int s = 0; s < p.spines; ++s)
          p.wanted(l, s) = dice.chance(0.5) ? dice.between(0, 2) : 0;
    for (std::size_t k = 0; k < p.current.size(); ++k)
      if (dice.chance(0.25)) p.frozen.push_back(k);
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
    const draft p = small_case(dice);
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
    const draft p = full_case(8, 6, 0.2, seed);
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
  draft p = dark(2, 2, 2);
  p.current = {{0, 0, 1}, {0, 1, 0}, {1, 0, 1}, {1, 1, 0}};
  p.set_want({1, 1, 1, 1});
  rewire_result r = optical::rewire(p);
  CHECK_VALID(p, r);
  CHECK(r.set_up == 2);
  p.frozen = {0};
  r = optical::rewire(p);
  CHECK_VALID(p, r);
  REQUIRE(r);
  CHECK(r.target.has({leaf_id{0}, spine_id{1}, 0}));
  CHECK(r.set_up == 2);
  p.frozen = {0, 3};
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::pair);
  CHECK(
      r.witness->message() ==
      "1 circuit wanted between leaf 0 and spine 0 beside the frozen ones, which leave room for 0");
  p.frozen = {0, 2};
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::frozen);
  CHECK(r.witness->message() == "2 circuits frozen between leaf 0 and spine 1, where 1 wanted");
}

TEST_CASE(
    "rewiring proves by search that frozen circuits leave no way, though each pair has room") {
  // Leaf 0 wants three spines at three OCS; each of its pairs has room at OCS 0 and 1 alone.
  draft p = dark(3, 4, 3);
  p.current = {{2, 1, 0}, {2, 2, 1}, {2, 3, 2}};
  p.frozen = {0, 1, 2};
  want(p, p.current);
  for (int s = 0; s < 3; ++s) p.wanted(0, s) = 1;
  const rewire_result r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(r.witness->what == rewire_witness::kind::search);
  // Out of nodes the flow of leaf 0 alone proves it.
  const rewire_result quick = optical::rewire(p, {.search_nodes = 1});
  REQUIRE(quick.status == rewire_status::unrealizable);
  CHECK(*quick.witness ==
        rewire_witness{rewire_witness::kind::ends, leaf_id{0}, {}, 3, 2, {0, 1, 2}});
  CHECK(
      quick.witness->message() ==
      "3 circuits wanted between leaf 0 and spines 0 1 2 beside the frozen ones, which leave room "
      "for 2");
}

TEST_CASE("rewiring out of nodes is right in every no that it proves and gives up on the others") {
  test::dice dice{17};
  optical::rewirer rewirer;
  int proved = 0, gave_up = 0;
  for (int i = 0; i < 3000; ++i) {
    CAPTURE(i);
    draft p = any_fabric(3, 4, 1, dice);
    p.current = random_wiring(p, 0.6, dice);
    for (int l = 0; l < p.leafs; ++l)
      for (int s = 0; s < p.spines; ++s) p.wanted(l, s) = dice.chance(0.6);
    for (std::size_t k = 0; k < p.current.size(); ++k) {
      if (!dice.chance(0.6)) continue;
      p.frozen.push_back(k);
      p.wanted(p.current[k].leaf, p.current[k].spine) = 1;
    }
    const rewire_result r = rewirer(p, {.effort = 0, .search_nodes = 0});
    CHECK_VALID(p, r);
    gave_up += r.status == rewire_status::gave_up;
    if (r.status != rewire_status::unrealizable) continue;
    CHECK_FALSE(by_trying_all(p));
    proved += r.witness->what == rewire_witness::kind::ends;
  }
  MESSAGE(proved << " proved by flow, " << gave_up << " given up");
  CHECK(proved >= 5);
  CHECK(gave_up >= 1);
}

TEST_CASE("rewiring goes round ends that are closed, and keeps the uplinks of what stays") {
  test::dice dice{23};
  optical::rewirer rewirer;
  int wired = 0;
  for (int i = 0; i < 1000; ++i) {
    CAPTURE(i);
    ports ends{dice.between(1, 3), dice.between(1, 3), dice.between(1, 3), dice.between(1, 2), 1};
    for (leaf_id l : ends.all_leafs())
      for (std::uint32_t u = 0; u < static_cast<std::uint32_t>(ends.uplinks()); ++u)
        if (dice.chance(0.2)) ends.close(l, u);
    for (spine_id s : ends.all_spines())
      for (ocs_id o : ends.all_switches())
        if (dice.chance(0.2)) ends.close(s, o);
    rewire_problem p{wiring{ends}, link_matrix{ends.leafs(), ends.spines()}, {}};
    for (int k = 0; k < 12; ++k) {
      const leaf_id l{dice.between(0, ends.leafs() - 1)};
      const spine_id s{dice.between(0, ends.spines() - 1)};
      const ocs_id o{dice.between(0, ends.switches() - 1)};
      if (p.current.free_ends(l, o) > 0 && p.current.free_ends(s, o) > 0)
        p.current.connect(l, s, o);
      if (p.want.sum(l) < 2) ++p.want(l, s);
    }
    const std::optional<std::size_t> best = by_trying_all(p);
    const rewire_result r = rewirer(p);
    CHECK_VALID(p, r);
    CHECK(r.status == (best ? rewire_status::ok : rewire_status::unrealizable));
    if (!best || !r) continue;
    CHECK(r.set_up == *best);
    ++wired;
  }
  CHECK(wired > 200);
}

TEST_CASE("the way to the answer of rewiring can be planned as it is") {
  test::dice dice{29};
  optical::rewirer rewirer;
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    draft d = small_case(dice);
    for (std::size_t k = 0; k < d.current.size(); k += 3)
      if (d.wanted(d.current[k].leaf, d.current[k].spine) > 0) {
        d.frozen.push_back(k);
        --d.wanted(d.current[k].leaf, d.current[k].spine);
      }
    for (std::size_t k : d.frozen) ++d.wanted(d.current[k].leaf, d.current[k].spine);
    const rewire_problem p = d;
    const rewire_result r = rewirer(p);
    if (!r) continue;
    const optical::plan way = optical::make_plan(p.current, r.target, 50);
    CHECK(way.circuits_set_up() == r.set_up + static_cast<std::size_t>(way.detours));
    wiring now = p.current;
    for (const optical::plan_step& step : way.steps) {
      for (const circuit& k : step.down) {
        CHECK(std::find(p.frozen.begin(), p.frozen.end(), k) == p.frozen.end());
        now.disconnect(k);
      }
      for (const circuit& k : step.up) now.connect(k);
    }
    CHECK(now == r.target);
  }
}

TEST_CASE("rewiring names the leaf or spine whose fibres are short") {
  draft p = dark(2, 2, 3, 1, 2);
  p.set_want({1, 1, 1, 0, 0, 0});
  rewire_result r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(*r.witness == rewire_witness{rewire_witness::kind::leaf, leaf_id{0}, {}, 3, 2});
  CHECK(r.witness->message() == "3 circuits wanted at leaf 0, which has 2 fibres");
  p = dark(1, 3, 2, 2, 2);
  p.set_want({1, 1, 1, 0, 1, 1});
  r = optical::rewire(p);
  REQUIRE(r.status == rewire_status::unrealizable);
  CHECK(*r.witness == rewire_witness{rewire_witness::kind::spine, {}, spine_id{0}, 3, 2});
  CHECK(r.target.circuits() == 0);
}

TEST_CASE("rewiring always succeeds where ports suffice, even without a step of annealing") {
  test::dice dice{11};
  optical::rewirer rewirer;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    draft p = any_fabric(12, 12, 3, dice);
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
    const draft p = full_case(12, switches, 0.1, 7);
    const rewire_result r = optical::rewire(p, {.effort = 0.2});
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(r.set_up < p.current.size() / 4);
  }
  test::dice dice{3};
  draft p = dark(32, 64, 32, 1, 2);  // a leaf's fibre to each OCS, two of a spine
  p.current = random_wiring(p, 1, dice);
  exchange(p, 100, dice);
  for (std::size_t i = 0; i < p.current.size(); i += 7)
    if (int& wanted = p.wanted(p.current[i].leaf, p.current[i].spine); wanted > 0) {
      p.frozen.push_back(i);
      --wanted;
    }
  for (std::size_t i : p.frozen) ++p.wanted(p.current[i].leaf, p.current[i].spine);
  const rewire_result r = optical::rewire(p);
  REQUIRE(r);
  CHECK_VALID(p, r);
}

TEST_CASE("rewiring a full fabric of a tenth exchanged stays near its bound") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const draft p = full_case(16, 16, 0.1, seed);
    const rewire_result r = optical::rewire(p, {.bound_sweeps = 96});
    REQUIRE(r);
    CHECK_VALID(p, r);
    CHECK(static_cast<double>(r.set_up) <= 1.2 * static_cast<double>(r.lower_bound));
  }
}

TEST_CASE("rewiring gives the same answer each time, whatever was asked before, and by seed") {
  const draft p = full_case(24, 8, 0.2, 4);
  optical::rewirer used;
  (void)used(full_case(9, 17, 0.3, 1));
  const rewire_result a = optical::rewire(p), b = used(p);
  CHECK(a.target == b.target);
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
  rewire_problem good = dark(2, 2, 2);
  const circuit first = good.current.connect(leaf_id{0}, spine_id{0}, ocs_id{0});
  good.frozen = {first};
  check(good);
  rewire_problem p = good;
  p.current = wiring{ports{2, 2, 2, 1, 256}};
  refuses(p, "rewire.spine_fibres: expected 1 to 255, got 256");
  p = good;
  p.want = link_matrix{2, 3};
  refuses(p, "rewire.want: expected 2 leafs and 2 spines, got 2 leafs and 3 spines");
  p = good;
  p.want(leaf_id{1}, spine_id{0}) = -1;
  refuses(p, "rewire.want(leaf 1, spine 0): expected at least 0 circuits, got -1");
  p = good;
  p.frozen = {first, {leaf_id{1}, spine_id{0}, 0}};
  refuses(p,
          "rewire.frozen[1]: expected a circuit of the current wiring, once, got leaf 1, spine 0, "
          "uplink 0");
  p.frozen = {first, first};
  refuses(p,
          "rewire.frozen[0]: expected a circuit of the current wiring, once, got leaf 0, spine 0, "
          "uplink 0");
  p.frozen = {{leaf_id{7}, spine_id{0}, 0}};
  refuses(p,
          "rewire.frozen[0]: expected a circuit of the current wiring, once, got leaf 7, spine 0, "
          "uplink 0");
}
