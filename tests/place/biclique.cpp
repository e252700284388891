#include <heddle/place/detail/biclique.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <set>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"

using namespace heddle;
using place::detail::biclique_search;
using place::detail::column_counter;
using place::detail::search_status;

namespace {

constexpr std::int64_t no_limit = std::int64_t{1} << 40;

bit_matrix random_matrix(test::dice& d, std::size_t rows, std::size_t columns, double density) {
  bit_matrix m{rows, columns};
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      if (d.chance(density)) set_bit(m[r], c);
  return m;
}

// The first m rows in lexicographic order of their places in `order` that share n columns, and with
// r > 0 leave another row of `others` that shares r of these.
std::optional<std::vector<std::uint32_t>> by_force(const bit_matrix& rows,
                                                   const std::vector<std::uint32_t>& order,
                                                   std::size_t m, int n, int r,
                                                   const std::vector<std::uint32_t>& others) {
  std::optional<std::vector<std::size_t>> best;
  for (std::uint32_t set = 0; set < 1u << order.size(); ++set) {
    if (static_cast<std::size_t>(std::popcount(set)) != m) continue;
    std::vector<word> common(rows.words(), ~word{0});
    std::vector<std::size_t> at;
    std::set<std::uint32_t> used;
    for (std::size_t i = 0; i < order.size(); ++i)
      if (set >> i & 1) {
        at.push_back(i);
        used.insert(order[i]);
        intersect(common, rows[order[i]], common);
      }
    if (count_bits(common) < n) continue;
    const bool rest = r == 0 || std::any_of(others.begin(), others.end(), [&](std::uint32_t t) {
                        return !used.contains(t) && count_common(rows[t], common) >= r;
                      });
    if (rest && (!best || at < *best)) best = at;
  }
  if (!best) return std::nullopt;
  std::vector<std::uint32_t> out;
  for (std::size_t i : *best) out.push_back(order[i]);
  return out;
}

}  // namespace

TEST_CASE("counts of columns agree with counting one by one") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t rows = 1 + d.index(20), columns = 1 + d.index(150);
    const bit_matrix m = random_matrix(d, rows, columns, d.real());
    const bit_matrix mask = random_matrix(d, 1, columns, d.real());
    column_counter counter;
    counter.reset(m.words(), rows);
    std::vector<std::size_t> expected(columns, 0);
    for (std::size_t r = 0; r < rows; ++r) {
      counter.add(m[r], mask[0]);
      for (std::size_t c = 0; c < columns; ++c)
        expected[c] += test_bit(m[r], c) && test_bit(mask[0], c);
    }
    for (std::size_t c = 0; c < columns; ++c) {
      REQUIRE(counter.count(c) == expected[c]);
      for (std::size_t threshold = 1; threshold <= rows + 2; ++threshold)
        REQUIRE((counter.at_least(c / 64, threshold) >> (c % 64) & 1) ==
                (expected[c] >= threshold));
    }
  }
}

TEST_CASE("the search finds the first biclique by brute force, or proves that there is none") {
  biclique_search search;  // one for all: it keeps its memory
  int found = 0, none = 0, with_rest = 0;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t rows = 1 + d.index(9),
                      columns = d.chance(.1) ? 65 + d.index(70) : 1 + d.index(9);
    bit_matrix m = random_matrix(d, rows, columns, 0.2 + 0.8 * d.real());
    if (d.chance(.3) && rows > 1)  // twins
      for (std::size_t r = 1; r < rows; r += 2) std::copy(m[0].begin(), m[0].end(), m[r].begin());
    std::vector<std::uint32_t> order(rows);
    std::iota(order.begin(), order.end(), 0u);
    d.shuffle(order);
    order.resize(1 + d.index(rows));
    std::vector<std::uint32_t> others(rows);
    std::iota(others.begin(), others.end(), 0u);
    d.shuffle(others);
    const std::size_t wanted = 1 + d.index(rows);
    const int n = columns > 9 ? d.between(1, 40) : d.between(1, static_cast<int>(columns));
    const int r = n > 1 && d.chance(.4) ? d.between(1, n - 1) : 0;
    CAPTURE(rows);
    CAPTURE(columns);
    CAPTURE(wanted);
    CAPTURE(n);
    CAPTURE(r);

    const auto expected = by_force(m, order, wanted, n, r, others);
    std::int64_t budget = no_limit;
    const auto status = search.solve(m, order, wanted, n, budget, r, others);
    CHECK(budget <= no_limit);
    if (!expected) {
      ++none;
      REQUIRE(status == search_status::none);
      continue;
    }
    ++found;
    with_rest += r > 0;
    REQUIRE(status == search_status::found);
    REQUIRE(std::vector(search.rows().begin(), search.rows().end()) == *expected);
    std::vector<word> common(m.words(), ~word{0});
    for (std::uint32_t row : *expected) intersect(common, m[row], common);
    REQUIRE(
        std::equal(common.begin(), common.end(), search.columns().begin(), search.columns().end()));
    if (r > 0) {
      const std::uint32_t t = search.remainder();
      REQUIRE(std::find(expected->begin(), expected->end(), t) == expected->end());
      REQUIRE(count_common(m[t], common) >= r);
    }
  }
  CHECK(found > 1000);
  CHECK(none > 1000);
  CHECK(with_rest > 200);
}

TEST_CASE("a search out of nodes gives up and never says no") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const bit_matrix m = random_matrix(d, 8, 8, 0.6);
    std::vector<std::uint32_t> order(8);
    std::iota(order.begin(), order.end(), 0u);
    const std::size_t wanted = 2 + d.index(3);
    const int n = d.between(2, 4);
    const auto expected = by_force(m, order, wanted, n, 0, {});
    biclique_search search;
    for (std::int64_t nodes : {0, 1, 2, 5}) {
      std::int64_t budget = nodes;
      const auto status = search.solve(m, order, wanted, n, budget);
      CHECK(budget >= -1);
      if (status == search_status::found) CHECK(expected.has_value());
      if (status == search_status::none) CHECK_FALSE(expected.has_value());
      if (nodes == 0) CHECK(status == search_status::gave_up);
    }
  }
}

TEST_CASE("a warm search allocates nothing") {
  test::dice d{1};
  const bit_matrix m = random_matrix(d, 32, 64, 0.7);
  std::vector<std::uint32_t> order(32);
  std::iota(order.begin(), order.end(), 0u);
  biclique_search search;
  const auto solve_all = [&] {
    for (std::size_t wanted = 1; wanted < 8; ++wanted)
      for (int n = 1; n < 12; ++n) {
        std::int64_t budget = 1000;
        (void)search.solve(m, order, wanted, n, budget);
      }
  };
  solve_all();
  const test::allocation_guard guard;
  solve_all();
  CHECK(guard.count() == 0);
}
