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

TEST_CASE("a placement owns a part of the network if it has links or circuits") {
  placement p{{gpu_id{1}}};
  CHECK_FALSE(p.owns_network());
  p.links.push_back({leaf_id{0}, spine_id{0}});
  CHECK(p.owns_network());
  placement q{{gpu_id{1}}, {}, {{leaf_id{0}, spine_id{0}, 2}}};
  CHECK(q.owns_network());
  CHECK(p != q);
}

TEST_CASE("circuits are ordered by leaf, then spine, then uplink") {
  using fabric::circuit;
  CHECK(circuit{leaf_id{0}, spine_id{5}, 9} < circuit{leaf_id{1}, spine_id{0}, 0});
  CHECK(circuit{leaf_id{0}, spine_id{1}, 9} < circuit{leaf_id{0}, spine_id{2}, 0});
  CHECK(circuit{leaf_id{0}, spine_id{1}, 1} < circuit{leaf_id{0}, spine_id{1}, 2});
}
