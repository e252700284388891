#include <heddle/route/path.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

using namespace heddle;

TEST_CASE("every direction of every link has a number of its own") {
  const fabric::leaf_spine dc{{.leafs = 3, .spines = 4, .links_per_pair = 2}};
  const route::link_numbers links{dc};
  REQUIRE(links.size() == 48);
  std::vector<int> seen(links.size(), 0);
  for (std::uint32_t l = 0; l < 3; ++l)
    for (std::uint32_t s = 0; s < 4; ++s)
      for (std::uint32_t lane = 0; lane < 2; ++lane) {
        const auto up = links.up(leaf_id{l}, spine_id{s}, lane);
        const auto down = links.down(spine_id{s}, leaf_id{l}, lane);
        CHECK(links.is_up(up));
        CHECK_FALSE(links.is_up(down));
        for (std::uint32_t number : {up, down}) {
          REQUIRE(number < links.size());
          ++seen[number];
          CHECK(links.leaf_of(number) == leaf_id{l});
          CHECK(links.spine_of(number) == spine_id{s});
        }
      }
  for (int n : seen) CHECK(n == 1);
}

TEST_CASE("a path without a spine uses no link") {
  CHECK_FALSE(route::path{}.spine.valid());
  CHECK(route::path{} != route::path{spine_id{0}, 0, 0});
}
