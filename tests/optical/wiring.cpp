#include <heddle/optical/wiring.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/optical/realizability.hpp>

#include "support/dice.hpp"

using namespace heddle;
using namespace heddle::optical;

namespace {

// Tries every OCS for every link, one after the other: knows counts of open ends and nothing else.
class by_force {
 public:
  by_force(const ports& ends, const link_matrix& wanted) {
    for (leaf_id l : ends.all_leafs())
      for (spine_id s : ends.all_spines())
        for (int k = 0; k < wanted(l, s); ++k) links_.push_back({l, s, 0});
    const auto k = static_cast<std::size_t>(ends.switches());
    for (leaf_id l : ends.all_leafs())
      for (ocs_id o : ends.all_switches()) up_.push_back(ends.open(l, o));
    for (spine_id s : ends.all_spines())
      for (ocs_id o : ends.all_switches()) down_.push_back(ends.open(s, o));
    can_ = fits(0, k);
  }
  [[nodiscard]] bool can() const { return can_; }

 private:
  bool fits(std::size_t at, std::size_t switches) {
    if (at == links_.size()) return true;
    for (std::size_t o = 0; o < switches; ++o) {
      int& a = up_[links_[at].leaf.index() * switches + o];
      int& b = down_[links_[at].spine.index() * switches + o];
      if (a == 0 || b == 0) continue;
      --a, --b;
      const bool rest = fits(at + 1, switches);
      ++a, ++b;
      if (rest) return true;
    }
    return false;
  }
  std::vector<circuit> links_;
  std::vector<int> up_, down_;
  bool can_ = false;
};

// Calls f with every matrix whose entries are at most `most`.
template <class F>
void for_each_matrix(int leafs, int spines, int most, F&& f) {
  link_matrix m{leafs, spines};
  for (;;) {
    f(m);
    int at = 0;
    const auto entry = [&](int i) -> int& { return m(leaf_id{i / spines}, spine_id{i % spines}); };
    while (at < leafs * spines && entry(at) == most) entry(at++) = 0;
    if (at == leafs * spines) return;
    ++entry(at);
  }
}

std::vector<circuit> circuits_of(const wiring& w) {
  std::vector<circuit> all;
  w.list(all);
  return all;
}

// Valid to an outsider, and the wiring's own books agree.
void check_valid(const wiring& w) {
  const std::vector<circuit> all = circuits_of(w);
  const auto wrong = check(w.ends(), all);
  INFO(wrong.value_or(""));
  REQUIRE_FALSE(wrong);
  REQUIRE(static_cast<int>(all.size()) == w.circuits());
  wiring fresh{w.ends()};
  for (const circuit& k : all) fresh.connect(k);
  REQUIRE(fresh == w);
  for (leaf_id l : w.ends().all_leafs())
    for (ocs_id o : w.ends().all_switches())
      REQUIRE(test_bit(w.free_switches(l), o.index()) == (fresh.free_ends(l, o) > 0));
  for (spine_id s : w.ends().all_spines())
    for (ocs_id o : w.ends().all_switches())
      REQUIRE(test_bit(w.free_switches(s), o.index()) == (fresh.free_ends(s, o) > 0));
}

ports random_ports(test::dice& d) {
  return ports{d.between(1, 3), d.between(1, 3), d.between(1, 4), d.between(1, 2), d.between(1, 2)};
}
void close_some(ports& ends, test::dice& d, double p) {
  for (leaf_id l : ends.all_leafs())
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(ends.uplinks()); ++i)
      if (d.chance(p)) ends.close(l, i);
  for (spine_id s : ends.all_spines())
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(ends.fibres()); ++i)
      if (d.chance(p)) ends.close(s, i);
}
link_matrix random_matrix(const ports& ends, test::dice& d, int most) {
  link_matrix m{ends.leafs(), ends.spines()};
  for (leaf_id l : ends.all_leafs())
    for (spine_id s : ends.all_spines()) m(l, s) = d.between(0, most);
  return m;
}

// Checks what a witness of a no claims.
void check_witness(const ports& ends, const link_matrix& wanted, const shortage& w) {
  int sum = 0, possible = 0;
  const auto is_named = [&](std::uint32_t i) {
    return w.others.empty() || std::find(w.others.begin(), w.others.end(), i) != w.others.end();
  };
  if (w.leaf.valid()) {
    for (spine_id s : ends.all_spines()) sum += is_named(s.value) ? wanted(w.leaf, s) : 0;
    for (ocs_id o : ends.all_switches()) {
      int there = 0;
      for (spine_id s : ends.all_spines()) there += is_named(s.value) ? ends.open(s, o) : 0;
      possible += w.others.empty() ? ends.open(w.leaf, o) : std::min(ends.open(w.leaf, o), there);
    }
  } else {
    for (leaf_id l : ends.all_leafs()) sum += is_named(l.value) ? wanted(l, w.spine) : 0;
    for (ocs_id o : ends.all_switches()) {
      int there = 0;
      for (leaf_id l : ends.all_leafs()) there += is_named(l.value) ? ends.open(l, o) : 0;
      possible += w.others.empty() ? ends.open(w.spine, o) : std::min(ends.open(w.spine, o), there);
    }
  }
  CHECK(w.wanted == sum);
  CHECK(w.possible == possible);
  CHECK(w.by() > 0);
}

// Wires a matrix by Kempe chains, circuit by circuit. If one cannot come in all go dark again.
bool wire(const link_matrix& wanted, wiring& w) {
  kempe insert;
  std::vector<rerouted> moved;
  const auto may_move = [](const circuit&) { return 0; };
  for (leaf_id l : w.ends().all_leafs())
    for (spine_id s : w.ends().all_spines())
      for (int k = 0; k < wanted(l, s); ++k)
        if (!insert.insert(w, l, s, may_move, kempe::frozen, moved)) {
          w.reset(ports{w.ends()});
          return false;
        }
  return true;
}

}  // namespace

TEST_CASE("a matrix is realizable exactly when brute force wires it on every small optical layer") {
  int yes = 0, no = 0;
  struct shape {
    int leafs, spines, switches, leaf_fibres, spine_fibres, most;
  };
  for (const shape& x : {shape{1, 1, 3, 2, 2, 7},
                         {2, 2, 2, 1, 1, 2},
                         {2, 2, 2, 1, 2, 2},
                         {2, 2, 3, 1, 1, 3},
                         {3, 2, 2, 1, 1, 2},
                         {3, 2, 2, 1, 2, 2},
                         {2, 3, 2, 2, 1, 2},
                         {3, 3, 2, 1, 1, 1},
                         {3, 3, 2, 1, 2, 1},
                         {2, 2, 2, 2, 2, 4}}) {
    ports ends{x.leafs, x.spines, x.switches, x.leaf_fibres, x.spine_fibres};
    for (bool lost : {false, true}) {
      if (lost) ends.close(ocs_id{0});
      REQUIRE(ends.is_uniform());
      for_each_matrix(x.leafs, x.spines, x.most, [&](const link_matrix& m) {
        const realizability r = check_realizable(ends, m);
        REQUIRE(r.verdict != realizable::unknown);
        const bool can = r.verdict == realizable::yes;
        REQUIRE(can == by_force(ends, m).can());
        wiring w{ends};
        REQUIRE(wire(m, w) == can);
        if (can) {
          REQUIRE(w.links() == m);
          check_valid(w);
        } else {
          REQUIRE(w.circuits() == 0);
          check_witness(ends, m, *r.witness);
        }
        ++(can ? yes : no);
      });
    }
  }
  CHECK(yes > 500);
  CHECK(no > 500);
}

TEST_CASE("with single fibres closed a no is a proof and the search settles what is unknown") {
  int no = 0, set_witness = 0, unknown_yes = 0, unknown_no = 0;
  circuit_search search;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    ports ends = random_ports(d);
    close_some(ends, d, .3 * d.real());
    const link_matrix m = random_matrix(ends, d, 2);
    const realizability r = check_realizable(ends, m);
    const bool can = by_force(ends, m).can();
    if (r.verdict == realizable::no) {
      REQUIRE_FALSE(can);
      check_witness(ends, m, *r.witness);
      set_witness += !r.witness->others.empty();
      ++no;
    } else if (r.verdict == realizable::yes) {
      REQUIRE(can);
    } else {
      ++(can ? unknown_yes : unknown_no);
    }
    wiring w{ends};
    std::vector<pair_links> wanted;
    for (leaf_id l : ends.all_leafs())
      for (spine_id s : ends.all_spines()) wanted.push_back({l, s, m(l, s)});
    std::int64_t budget = 1'000'000;
    const search_result found = search.solve(w, wanted, budget);
    REQUIRE(found == (can ? search_result::found : search_result::none));
    REQUIRE(w.circuits() == (can ? static_cast<int>(search.circuits().size()) : 0));
    if (can) REQUIRE(w.links() == m);
    check_valid(w);
    budget = 0;
    wiring again{ends};
    if (search.solve(again, wanted, budget) == search_result::gave_up) CHECK(again.circuits() == 0);
  }
  CHECK(no > 1000);
  CHECK(set_witness > 20);
  CHECK(unknown_yes > 200);
  MESSAGE("unknown verdicts: " << unknown_yes << " can be wired, " << unknown_no << " cannot");
}

TEST_CASE("large random matrices on the port counts' edge are wired and one link more is refused") {
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const ports ends{d.between(20, 64), d.between(8, 32), d.between(8, 32), d.between(1, 2),
                     d.between(1, 2)};
    // Random links while both ends have ports left: nearly full in the end.
    link_matrix m{ends.leafs(), ends.spines()};
    std::vector<int> row(static_cast<std::size_t>(ends.leafs()), ends.uplinks());
    std::vector<int> column(static_cast<std::size_t>(ends.spines()), ends.fibres());
    for (int i = 0; i < 20'000; ++i) {
      const leaf_id l{d.index(row.size())};
      const spine_id s{d.index(column.size())};
      if (row[l.index()] == 0 || column[s.index()] == 0) continue;
      --row[l.index()], --column[s.index()];
      ++m(l, s);
    }
    wiring w{ends};
    REQUIRE(check_realizable(ends, m).verdict == realizable::yes);
    REQUIRE(wire(m, w));
    REQUIRE(w.links() == m);
    check_valid(w);
    for (leaf_id l : ends.all_leafs())
      if (row[l.index()] == 0) {
        ++m(l, spine_id{0});
        const realizability r = check_realizable(ends, m);
        REQUIRE(r.verdict == realizable::no);
        CHECK(r.witness->leaf == l);
        CHECK(r.witness->by() == 1);
        CHECK(r.witness->message().find("leaf") == 0);
        wiring none{ends};
        CHECK_FALSE(wire(m, none));
        break;
      }
  }
}

TEST_CASE("the checker names what is wrong with a list of circuits") {
  ports ends{2, 2, 2, 1, 1};
  const circuit good{leaf_id{0}, spine_id{0}, 0};
  CHECK_FALSE(check(ends, std::vector<circuit>{good, {leaf_id{1}, spine_id{0}, 1}}));
  const auto says = [&](std::vector<circuit> circuits, const char* what) {
    const auto wrong = check(ends, circuits);
    return wrong && wrong->find(what) != std::string::npos;
  };
  CHECK(says({{leaf_id{2}, spine_id{0}, 0}}, "no such part"));
  CHECK(says({{leaf_id{0}, spine_id{2}, 0}}, "no such part"));
  CHECK(says({{leaf_id{0}, spine_id{0}, 2}}, "no such part"));
  CHECK(says({good, {leaf_id{0}, spine_id{1}, 0}}, "has a circuit already"));
  CHECK(says({good, {leaf_id{1}, spine_id{0}, 0}}, "no fibre left"));
  ends.close(leaf_id{0}, ocs_id{0});
  CHECK(says({good}, "closed"));
}

TEST_CASE("ports know what of a fabric is in order") {
  const fabric::leaf_spine_ocs dc{
      {.leafs = 3, .spines = 2, .switches = 4, .leaf_fibres = 2, .spine_fibres = 3}};
  fabric::ledger l{dc};
  CHECK(ports{dc} == ports{dc, l.network()});
  CHECK(l.fail(ocs_id{1}).empty());
  ports ends{dc, l.network()};
  CHECK(ends.is_uniform());
  CHECK(ends.open(leaf_id{2}, ocs_id{1}) == 0);
  CHECK(ends.open(spine_id{0}, ocs_id{0}) == 3);
  CHECK(count_bits(ends.open(leaf_id{0})) == 6);
  CHECK(l.fail(leaf_id{1}).empty());
  CHECK(ports(dc, l.network()).is_uniform());
  CHECK(count_bits(ports(dc, l.network()).open(leaf_id{1})) == 0);
  CHECK(l.fail(fabric::spine_fibre{spine_id{1}, ocs_id{3}}).empty());
  CHECK_FALSE(ports(dc, l.network()).is_uniform());
}
