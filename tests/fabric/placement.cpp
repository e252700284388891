#include <heddle/fabric/placement.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace heddle;
using fabric::placement;

TEST_CASE("links are ordered by leaf, then spine, then lane") {
  std::vector<fabric::link> links{{leaf_id{1}, spine_id{0}, 0},
                                  {leaf_id{0}, spine_id{1}, 1},
                                  {leaf_id{0}, spine_id{1}, 0},
                                  {leaf_id{0}, spine_id{0}, 2}};
  const std::vector<fabric::link> sorted{links[3], links[2], links[1], links[0]};
  std::sort(links.begin(), links.end());
  CHECK(links == sorted);
}

TEST_CASE("placements are equal if they name the same parts in the same order") {
  placement a{{gpu_id{1}, gpu_id{2}}, {{leaf_id{0}, spine_id{0}, 0}}};
  placement b = a;
  CHECK(a == b);
  std::swap(b.gpus[0], b.gpus[1]);
  CHECK(a != b);
  b = a;
  b.links[0].lane = 1;
  CHECK(a != b);
}
