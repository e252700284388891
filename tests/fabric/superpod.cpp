// Rail-optimized networks and three tiers from dumps of a simulated InfiniBand.
#include <doctest/doctest.h>

#include <sstream>
#include <string>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/presets.hpp>
#include <heddle/fabric/read_ibnetdiscover.hpp>

#include "support/ib_simulator.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using fabric::leaf_spine;

namespace {

// What is read of what ibnetdiscover finds on ibsim.
leaf_spine discovered(const test::scratch_dir& dir, const leaf_spine& dc) {
  test::ib_simulator sim{dir, test::ibsim_network(dc), "node0000 mlx5_0"};
  std::istringstream in(sim.first_discovery());
  return leaf_spine{fabric::read_ibnetdiscover(in, "dump", fabric::one_per_card{})};
}

}  // namespace

TEST_CASE("a dump of a SuperPOD of 1024 cards is 128 servers of 8 GPUs in 4 units of 8 rails, and "
          "one of 16 units has three tiers") {
  if (const std::string what = test::ib_simulator::missing(); !what.empty()) {
    test::skip(what);
    return;
  }
  for (int units : {4, 16}) {
    CAPTURE(units);
    const leaf_spine made{fabric::parts_of(fabric::preset_shape("dgx-superpod-h100", units))};
    const test::scratch_dir dir;
    const leaf_spine dc = discovered(dir, made);
    CHECK(dc.servers() == 32 * units);
    CHECK(dc.gpus() == 8 * dc.servers());
    CHECK(dc.gpus_per_server() == 8);
    CHECK(dc.units() == units);
    CHECK(dc.rails() == 8);
    CHECK(dc.tiers() == (units > 8 ? 3 : 2));
    CHECK(dc.pods()->pods() == (units > 8 ? 4 : 1));
    CHECK(dc.leafs() == 8 * units);
    CHECK(dc.spines() == (units > 8 ? 128 : 16));
    CHECK(dc.cores() == (units > 8 ? 64 : 0));
    CHECK(dc.up_links() == made.up_links());
    CHECK(dc.core_links() == made.core_links());
  }
}
