#include <heddle/place/fragmentation.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>

#include "support/dice.hpp"
#include "support/states.hpp"

using namespace heddle;
using fabric::leaf_spine;
using ledger = fabric::ledger<leaf_spine>;
using fabric::reserve_status;
using place::size_share;

TEST_CASE("holes are the free GPUs of servers that are partly used") {
  const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  CHECK(place::server_holes(l) == 0);
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{0}}, {}}) == reserve_status::reserved);
  CHECK(place::server_holes(l) == doctest::Approx(3.0 / 15));
  l.fail(server_id{1});
  CHECK(place::server_holes(l) == doctest::Approx(3.0 / 11));
  l.fail(leaf_id{1});
  CHECK(place::server_holes(l) == 1);
  l.fail(leaf_id{0});
  CHECK(place::server_holes(l) == 0);
}

TEST_CASE("links are misaligned by the share of a pair's links that do not meet") {
  const leaf_spine dc{{.leafs = 2, .spines = 4, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  CHECK(place::misaligned_links(l) == 0);
  // Leaf 0 keeps spines 2 and 3, leaf 1 keeps 0, 1 and 2: they share one of at most two.
  REQUIRE(l.reserve(job_id{0}, {{}, {{leaf_id{0}, spine_id{0}}, {leaf_id{0}, spine_id{1}}}}) ==
          reserve_status::reserved);
  REQUIRE(l.reserve(job_id{1}, {{}, {{leaf_id{1}, spine_id{3}}}}) == reserve_status::reserved);
  CHECK(place::misaligned_links(l) == doctest::Approx(.5));
  // A leaf without free GPUs does not count.
  REQUIRE(l.reserve(job_id{2}, {{gpu_id{0}, gpu_id{1}, gpu_id{2}, gpu_id{3}}, {}}) ==
          reserve_status::reserved);
  CHECK(place::misaligned_links(l) == 0);
}

TEST_CASE("what is unplaceable is what stays free when a size is placed until it fits no more") {
  const leaf_spine dc{{.leafs = 2, .spines = 2, .servers_per_leaf = 1, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{0}}, {}}) == reserve_status::reserved);
  place::one_server policy;
  const std::vector<size_share> twos{{2, 1}}, fours{{4, 1}}, both{{2, 3}, {4, 1}};
  CHECK(place::unplaceable(l, twos, policy) == doctest::Approx(1.0 / 7));
  CHECK(place::unplaceable(l, fours, policy) == doctest::Approx(3.0 / 7));
  CHECK(place::unplaceable(l, both, policy) == doctest::Approx((3 * 1.0 + 3.0) / 4 / 7));
  place::first_of<place::one_leaf, place::vclos> isolated;
  const std::vector<size_share> sevens{{7, 1}};
  CHECK(place::unplaceable(l, sevens, isolated) == 1);  // three and four need three spines of two
  const std::vector<size_share> sixes{{6, 1}};
  CHECK(place::unplaceable(l, sixes, isolated) == doctest::Approx(1.0 / 7));
  CHECK(l.placements().size() == 1);
}

TEST_CASE("measures of random states are shares and an isolating policy can use no more than "
          "packing can") {
  const std::vector<size_share> mix{{1, 4}, {2, 2}, {4, 2}, {6, 1}, {8, 1}};
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const leaf_spine dc{{.leafs = d.between(1, 4),
                         .spines = d.between(1, 4),
                         .servers_per_leaf = d.between(1, 3),
                         .gpus_per_server = d.between(1, 4)}};
    const ledger l = test::random_state(dc, d, d.real(), d.real());
    place::vclos isolated;
    place::packed packed;
    const double a = place::unplaceable(l, mix, isolated), b = place::unplaceable(l, mix, packed);
    for (double x : {a, b, place::server_holes(l), place::misaligned_links(l)}) {
      CHECK(x >= 0);
      CHECK(x <= 1);
    }
    CHECK(a >= b - 1e-12);
  }
}

TEST_CASE("placing by the least that becomes unplaceable keeps a server whole for a large job") {
  const leaf_spine dc{{.leafs = 1, .spines = 1, .servers_per_leaf = 2, .gpus_per_server = 4}};
  ledger l{dc};
  REQUIRE(l.reserve(job_id{0}, {{gpu_id{4}, gpu_id{5}}, {}}) == reserve_status::reserved);
  place::best_of by_gradient{place::least_unplaceable<place::one_server>{{{4, 1}}}, place::spread{},
                             place::packed{}};
  const place::answer a = by_gradient(l, {job_id{1}, 2});
  REQUIRE(a);
  CHECK(a.where->gpus == std::vector{gpu_id{6}, gpu_id{7}});
}
