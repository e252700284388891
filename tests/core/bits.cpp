#include <heddle/core/bits.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "support/dice.hpp"

using namespace heddle;

namespace {

std::vector<std::size_t> members(const_bit_row row) {
  std::vector<std::size_t> out;
  for_each_bit(row, [&](std::size_t i) { out.push_back(i); });
  return out;
}

}  // namespace

TEST_CASE("a set needs one word for each 64 members that it may have") {
  CHECK(words_for(0) == 0);
  CHECK(words_for(1) == 1);
  CHECK(words_for(64) == 1);
  CHECK(words_for(65) == 2);
  CHECK(words_for(128) == 2);
  CHECK(words_for(129) == 3);
}

TEST_CASE("filling a set gives its first numbers and no others") {
  for (std::size_t capacity : {64u, 128u, 192u})
    for (std::size_t bits = 0; bits <= capacity; ++bits) {
      std::vector<word> row(words_for(capacity), 0xdeadbeefdeadbeefu);
      fill_bits(row, bits);
      REQUIRE(count_bits(row) == static_cast<int>(bits));
      for (std::size_t i = 0; i < capacity; ++i) REQUIRE(test_bit(row, i) == (i < bits));
    }
}

TEST_CASE("sets of bits agree with std::set through random changes") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const std::size_t size = 1 + d.index(200);
    bit_matrix rows{3, size};
    std::set<std::size_t> a, b;
    for (int step = 0; step < 400; ++step) {
      const std::size_t i = d.index(size);
      auto& which = d.chance(.5) ? a : b;
      const bit_row row = rows[&which == &a ? 0 : 2];
      if (d.chance(.6)) {
        set_bit(row, i);
        which.insert(i);
      } else {
        clear_bit(row, i);
        which.erase(i);
      }
    }
    std::vector<std::size_t> both;
    for (std::size_t i : a)
      if (b.contains(i)) both.push_back(i);

    CHECK(members(rows[0]) == std::vector<std::size_t>(a.begin(), a.end()));
    CHECK(members(rows[2]) == std::vector<std::size_t>(b.begin(), b.end()));
    CHECK(count_bits(rows[0]) == static_cast<int>(a.size()));
    CHECK(count_common(rows[0], rows[2]) == static_cast<int>(both.size()));
    CHECK(intersect(rows[0], rows[2], rows[1]) == static_cast<int>(both.size()));
    CHECK(members(rows[1]) == both);
  }
}

TEST_CASE("a set may be intersected in place") {
  bit_matrix rows{2, 70};
  fill_bits(rows[0], 70);
  set_bit(rows[1], 3);
  set_bit(rows[1], 69);
  CHECK(intersect(rows[0], rows[1], rows[0]) == 2);
  CHECK(members(rows[0]) == std::vector<std::size_t>{3, 69});
}

TEST_CASE("a matrix of bits starts empty and compares by its members") {
  bit_matrix a{4, 100}, b{4, 100};
  CHECK(a.rows() == 4);
  CHECK(a.words() == 2);
  for (std::size_t r = 0; r < 4; ++r) CHECK(count_bits(a[r]) == 0);
  CHECK(a == b);
  set_bit(a[3], 99);
  CHECK(a != b);
  clear_bit(a[3], 99);
  CHECK(a == b);
  CHECK(bit_matrix{}.rows() == 0);
}

TEST_CASE("ranges of bits are set and cleared and counted as one by one") {
  test::dice d{7};
  for (int round = 0; round < 2'000; ++round) {
    const std::size_t n = 1 + d.index(200);
    bit_matrix m(2, n);
    for (std::size_t i = 0; i < n; ++i)
      if (d.chance(.8)) set_bit(m[0], i);
    const std::size_t first = d.index(n + 1), last = first + d.index(n + 1 - first);
    std::size_t inside = 0;
    for (std::size_t i = first; i < last; ++i) inside += test_bit(m[0], i);
    CAPTURE(n);
    CAPTURE(first);
    CAPTURE(last);
    REQUIRE(count_bits(m[0], first, last) == static_cast<int>(inside));
    REQUIRE(all_set(m[0], first, last) == (inside == last - first));
    bit_matrix expected = m;
    for (std::size_t i = first; i < last; ++i) set_bit(expected[0], i);
    set_bits(m[0], first, last);
    REQUIRE(m == expected);
    REQUIRE(all_set(m[0], first, last));
    for (std::size_t i = first; i < last; ++i) clear_bit(expected[0], i);
    clear_bits(m[0], first, last);
    REQUIRE(m == expected);
  }
}
