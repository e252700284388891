// vclos against the integer program of the original, solved by GLPK.
#include <heddle/place/vclos.hpp>

#include <doctest/doctest.h>

#include "support/dice.hpp"
#include "support/shared_data.hpp"
#include "support/states.hpp"

#ifdef HEDDLE_HAS_GLPK
#include <glpk.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

using namespace heddle;
using ledger = fabric::ledger<fabric::leaf_spine>;
using place::wait_reason;

namespace {

// Rows of an integer program over binary variables, numbered from 1.
class program {
 public:
  program() : lp_(glp_create_prob()) { glp_set_obj_dir(lp_, GLP_MIN); }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() { glp_delete_prob(lp_); }

  int binary(double cost = 0) {
    const int c = glp_add_cols(lp_, 1);
    glp_set_col_kind(lp_, c, GLP_BV);
    glp_set_obj_coef(lp_, c, cost);
    return c;
  }
  // low ≤ Σ coefficient · variable ≤ high
  struct term {
    double coefficient;
    int variable;
  };
  void row(double low, const std::vector<term>& terms, double high) {
    const int r = glp_add_rows(lp_, 1);
    glp_set_row_bnds(lp_, r, low == high ? GLP_FX : GLP_DB, low, high);
    std::vector<int> at{0};
    std::vector<double> value{0};
    for (const term& t : terms) {
      at.push_back(t.variable);
      value.push_back(t.coefficient);
    }
    glp_set_mat_row(lp_, r, static_cast<int>(terms.size()), at.data(), value.data());
  }
  // The cost of the best solution, if there is one.
  std::optional<double> solve() {
    glp_iocp options;
    glp_init_iocp(&options);
    options.msg_lev = GLP_MSG_OFF;
    options.presolve = GLP_ON;
    const int failed = glp_intopt(lp_, &options);
    if (failed || glp_mip_status(lp_) != GLP_OPT) return std::nullopt;
    return glp_mip_obj_val(lp_);
  }

 private:
  glp_prob* lp_;
};

// m leafs of n GPUs with links to the same n spines. l: leaf used, p: spine used, y: link owned
// afterwards, taken: owned before. Several links of a pair are spines of their own.
bool ilp_places(const ledger& free, int m, int n) {
  const fabric::leaf_spine& dc = free.fabric();
  const int leafs = dc.leafs(), columns = dc.uplinks();
  constexpr double much = 1e6;
  program ip;
  std::vector<program::term> all_leafs, all_spines;
  for (int a = 0; a < leafs; ++a) {
    all_leafs.push_back({1, ip.binary(free.free_gpus(unit_id{a}))});
    ip.row(-much, {{static_cast<double>(n), all_leafs.back().variable}},
           free.free_gpus(unit_id{a}));
  }
  for (int b = 0; b < columns; ++b) all_spines.push_back({1, ip.binary()});
  ip.row(m, all_leafs, m);
  ip.row(n, all_spines, n);
  for (int a = 0; a < leafs; ++a)
    for (int b = 0; b < columns; ++b) {
      const double taken =
          test_bit(free.network().free_uplinks(leaf_id{a}), static_cast<std::size_t>(b)) ? 0 : 1;
      const int y = ip.binary(), l = all_leafs[static_cast<std::size_t>(a)].variable,
                p = all_spines[static_cast<std::size_t>(b)].variable;
      ip.row(taken, {{1, y}}, 1);
      ip.row(-much, {{1, y}, {-1, l}}, taken);
      ip.row(-much, {{1, y}, {-1, p}}, taken);
      ip.row(taken - 1, {{1, y}, {-1, l}, {-1, p}}, much);
    }
  return ip.solve().has_value();
}

}  // namespace

TEST_CASE(
    "vclos places exactly when the integer program of the original does and over as many leafs") {
  glp_term_out(GLP_OFF);
  place::vclos policy{.any_size = false};
  int placed = 0, no_links = 0, wider_failed = 0, tapered = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const fabric::leaf_spine dc{{.leafs = d.between(2, 6),
                                 .spines = d.between(2, 6),
                                 .links_per_pair = d.chance(.1) ? 2 : 1,
                                 .servers_per_leaf = d.between(1, 2),
                                 .gpus_per_server = d.between(2, 4)}};
    ledger free = test::random_state(dc, d, .5 * d.real(), .8 * d.real());
    if (d.chance(.2)) free.fail(spine_id{d.index(static_cast<std::size_t>(dc.spines()))});
    // Sizes with several factorisations, larger than any leaf.
    int most = 0;
    for (unit_id x : dc.all_units()) most = std::max(most, free.free_gpus(x));
    if (most == 0 || free.free_gpus() <= most) continue;
    int wanted = d.between(most + 1, free.free_gpus());
    if (d.chance(.6)) wanted -= wanted % 2;
    if (wanted <= most) continue;
    CAPTURE(wanted);

    // The original's order: widest leafs first.
    int expected = 0;
    bool gpus_would_do = false, a_wider_one_failed = false;
    for (int m = 2; m <= std::min(dc.leafs(), wanted) && expected == 0; ++m) {
      const int n = wanted / m;
      if (wanted % m || n > std::min(dc.gpus_per_leaf(), dc.uplinks())) continue;
      int room = 0;
      for (unit_id x : dc.all_units()) room += free.free_gpus(x) >= n;
      if (room < m) continue;
      gpus_would_do = true;
      if (ilp_places(free, m, n))
        expected = m;
      else
        a_wider_one_failed = true;
    }
    const place::answer a = policy(free, {job_id{1}, wanted});
    REQUIRE(a.proved);
    REQUIRE(static_cast<bool>(a) == (expected > 0));
    if (a) {
      std::set<leaf_id> used;
      for (gpu_id g : a.where->gpus) used.insert(dc.leaf_of(g));
      REQUIRE(used.size() == static_cast<std::size_t>(expected));
      REQUIRE(a.where->links.size() == static_cast<std::size_t>(wanted));
      ++placed;
      wider_failed += a_wider_one_failed;
    } else if (a.why == wait_reason::tapered) {
      // Not even the empty network has a shape.
      const ledger empty{dc};
      for (int m = 2; m <= std::min(dc.leafs(), wanted); ++m)
        if (wanted % m == 0 && wanted / m <= dc.gpus_per_leaf())
          REQUIRE_FALSE(ilp_places(empty, m, wanted / m));
      ++tapered;
    } else {
      REQUIRE(a.why == (gpus_would_do ? wait_reason::network_fragmentation
                                      : wait_reason::gpu_fragmentation));
      no_links += gpus_would_do;
    }
  }
  CHECK(placed > 300);
  CHECK(no_links > 300);
  CHECK(wider_failed > 10);
  CHECK(tapered > 10);
}

#else

TEST_CASE(
    "vclos places exactly when the integer program of the original does and over as many leafs") {
  heddle::test::skip("GLPK");
}

#endif
