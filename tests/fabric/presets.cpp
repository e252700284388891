// Networks by name: their counts are those that their builders give.
#include <heddle/fabric/presets.hpp>

#include <doctest/doctest.h>

#include <string>

#include <heddle/core/error.hpp>
#include <heddle/fabric/leaf_spine.hpp>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::leaf_spine;

namespace {

leaf_spine network(std::string_view name, int units = 0) {
  return leaf_spine{fabric::parts_of(fabric::preset_shape(name, units))};
}
std::string refusal(std::string_view name, int units) {
  return test::refusal_of([&] { return fabric::preset_shape(name, units); });
}

}  // namespace

TEST_CASE("SuperPODs have the servers, GPUs, switches and cables of NVIDIA's tables") {
  struct row {
    int units, servers, gpus, leafs, spines, cores, up_cables;
  };
  // Cables between servers and leafs are as many as those between leafs and spines.
  for (const row& r : {row{2, 64, 512, 16, 8, 0, 512},
                       {4, 128, 1024, 32, 16, 0, 1024},
                       {8, 256, 2048, 64, 32, 0, 2048},
                       {16, 512, 4096, 128, 128, 64, 4096},
                       {32, 1024, 8192, 256, 256, 128, 8192},
                       {64, 2048, 16384, 512, 512, 256, 16384}}) {
    CAPTURE(r.units);
    const leaf_spine dc = network("dgx-superpod-h100", r.units);
    CHECK(dc.units() == r.units);
    CHECK(dc.servers() == r.servers);
    CHECK(dc.gpus() == r.gpus);
    CHECK(dc.leafs() == r.leafs);
    CHECK(dc.spines() == r.spines);
    CHECK(dc.cores() == r.cores);
    CHECK(dc.links() == r.up_cables);
    CHECK(dc.servers() * dc.cards_per_server() * dc.planes() == r.up_cables);
    CHECK(dc.rails() == 8);
    if (r.cores > 0) CHECK(dc.core_links().total() == r.up_cables);
  }
  CHECK(network("dgx-superpod-h100", 3).links() == 3 * 8 * 32);
}

TEST_CASE("the other presets have the counts that their sources tell") {
  const leaf_spine nvl = network("nvl72");
  CHECK(nvl.hosts().domains() == nvl.units());
  CHECK(nvl.gpus() == 72 * nvl.units());
  CHECK(nvl.servers() == 18 * nvl.units());
  CHECK(network("nvl72", 278).hosts().domains() == 278);

  const leaf_spine hpn = network("hpn7");
  CHECK(hpn.gpus() == 15 * 1024);
  CHECK(hpn.leafs_per_unit() == 16);
  CHECK(hpn.planes() == 2);
  CHECK(hpn.rails() == 8);

  const leaf_spine meta = network("meta-24k");
  CHECK(meta.gpus() == 8 * 3072);
  CHECK(meta.leafs() * 2 == meta.servers());
  CHECK(meta.pods()->pods() == 8);
  CHECK(meta.links() / meta.core_links().total() == 6);  // 7:1, rounded down
  CHECK(meta.links() * 2 > 13 * meta.core_links().total());

  const leaf_spine two = network("hgx-b300-dual-plane", 2);
  CHECK(two.planes() == 2);
  CHECK(two.leafs() == 2 * network("dgx-superpod-h100", 2).leafs());
}

TEST_CASE("every preset says where it is from and what is assumed, and makes a network") {
  for (const fabric::preset& p : fabric::all_presets()) {
    CAPTURE(p.name);
    CHECK(!p.source.empty());
    CHECK(!p.assumed.empty());
    CHECK(fabric::preset_shape(p.name).units == p.units);
  }
  CHECK(refusal("dgx-superpod-h100", 12) ==
        "preset dgx-superpod-h100, units: expected 1 to 8, 16, 32 or 64 scalable units, got 12");
  CHECK(refusal("meta-24k", 100) ==
        "preset meta-24k, units: expected 192 racks for each of 1 to 8 pods, got 100");
  CHECK(
      refusal("dgx", 1) ==
      "preset: expected one of dgx-superpod-h100, hgx-b300-dual-plane, nvl72, hpn7, meta-24k, got "
      "\"dgx\"");
}
