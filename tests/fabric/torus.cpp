// Chips in tori and cubes: where they stand, what joins them, and the books of both.
#include <heddle/fabric/torus.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/conformance.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>

using namespace heddle;
using fabric::chip_link;
using fabric::cubes;
using fabric::face_circuit;
using fabric::ledger;
using fabric::reserve_status;
using fabric::torus;

static_assert(fabric::Fabric<torus>);
static_assert(fabric::Fabric<cubes>);

TEST_CASE("a shape reads as it is written, and what is none is not one") {
  CHECK(text_of(box_shape{4, 8, 2}) == "4x8x2");
  CHECK(shape_in("4x8x2") == box_shape{4, 8, 2});
  CHECK(shape_in("7") == box_shape{7});
  CHECK(box_shape{4, 8}.volume() == 32);
  CHECK(box_shape{4, 8}[2] == 1);
  for (const char* bad : {"", "x", "4x", "x4", "4xx4", "0x4", "-1", "4x4x4x4x4x4x4", "4 x 4", "4X4",
                          "65536", "60000x60000", "4.5"})
    CHECK_MESSAGE(!shape_in(bad), bad);
}

TEST_CASE("chips of a torus are numbered host by host, and its links lead once to each neighbour") {
  for (const auto& [sides, host] : {std::pair{box_shape{4, 4, 4}, box_shape{2, 2, 1}},
                                    {box_shape{6, 2, 3}, box_shape{2, 2, 1}},
                                    {box_shape{8}, box_shape{4}},
                                    {box_shape{3, 5, 2, 2}, box_shape{1, 1, 1, 2}}}) {
    const torus dc{{.sides = sides, .host = host}};
    CHECK(dc.hosts().gpus() == sides.volume());
    std::set<std::pair<gpu_id, gpu_id>> joined;
    std::size_t links = 0;
    for (gpu_id g : dc.hosts().all_gpus()) {
      CHECK(dc.at(dc.cell_of(g)) == g);
      for (std::uint8_t d = 0; d < dc.dimensions(); ++d) {
        const gpu_id other = dc.end_of({g, d});
        if (!other.valid()) continue;
        ++links;
        joined.insert({std::min(g, other), std::max(g, other)});
        int steps = 0;
        for (std::size_t k = 0; k < dc.dimensions(); ++k)
          steps += dc.cell_of(g)[k] != dc.cell_of(other)[k];
        CHECK(steps == 1);
      }
    }
    CHECK(joined.size() == links);
    std::size_t expected = 0;  // a ring has as many links as chips, a side of 2 half as many
    for (std::size_t d = 0; d < sides.size(); ++d)
      expected += static_cast<std::size_t>(sides.volume()) * (sides[d] > 2 ? 2 : sides[d] - 1) / 2;
    CHECK(links == expected);
    for (server_id s : dc.hosts().all_servers()) {  // a host is a block
      auto low = dc.cell_of(dc.hosts().gpus_of(s).front()), high = low;
      for (gpu_id g : dc.hosts().gpus_of(s))
        for (std::size_t d = 0; d < dc.dimensions(); ++d) {
          low[d] = std::min(low[d], dc.cell_of(g)[d]);
          high[d] = std::max(high[d], dc.cell_of(g)[d]);
        }
      for (std::size_t d = 0; d < dc.dimensions(); ++d) CHECK(high[d] - low[d] + 1 == host[d]);
    }
  }
}

TEST_CASE("a cube has a face of side² ports each way, and a circuit joins equal positions") {
  for (int side : {2, 4}) {
    const cubes dc{{.cubes = 3, .side = side}};
    CHECK(dc.hosts().units() == 3);
    CHECK(dc.hosts().gpus_per_server() == 4);
    CHECK(dc.equipment().circuit_switches == 3 * side * side);
    std::set<ocs_id> all;
    int links = 0;
    for (gpu_id g : dc.hosts().all_gpus()) {
      CHECK(dc.at(dc.cube_of(g), dc.cell_of(g)) == g);
      for (std::uint8_t d = 0; d < 3; ++d) links += dc.end_of({g, d}).valid();
    }
    CHECK(links == 3 * 3 * side * side * (side - 1));
    for (std::uint16_t d = 0; d < 3; ++d)
      for (std::uint16_t p = 0; p < side * side; ++p) {
        const face_circuit k{unit_id{0}, unit_id{2}, d, p};
        all.insert(dc.ocs_of(k));
        const auto [a, b] = dc.ends_of(k);
        CHECK(dc.cube_of(a) == unit_id{0});
        CHECK(dc.cube_of(b) == unit_id{2});
        CHECK(dc.cell_of(a)[d] == side - 1);
        CHECK(dc.cell_of(b)[d] == 0);
        CHECK(dc.cells().position_of(dc.cell_of(a), d) == p);
        CHECK(dc.cells().position_of(dc.cell_of(b), d) == p);
      }
    CHECK(all.size() == static_cast<std::size_t>(3 * side * side));
  }
}

TEST_CASE("a circuit is given to who has both its chips, and a port leads to one place") {
  const cubes dc{{.cubes = 3, .side = 2}};
  ledger book{dc};
  const face_circuit k{unit_id{0}, unit_id{1}, 2, 3};
  const auto [a, b] = dc.ends_of(k);
  CHECK(book.reserve(job_id{1}, {.gpus = {a}, .faces = {k}}) == reserve_status::malformed);
  CHECK(book.reserve(job_id{1}, {.gpus = {a, b}, .faces = {k, k}}) == reserve_status::malformed);
  face_circuit nowhere = k;
  nowhere.position = 4;
  CHECK(book.reserve(job_id{1}, {.gpus = {a, b}, .faces = {nowhere}}) == reserve_status::malformed);
  // Two circuits out of one + port.
  const face_circuit second{unit_id{0}, unit_id{2}, 2, 3};
  const gpu_id c = dc.ends_of(second)[1];
  CHECK(book.reserve(job_id{1}, {.gpus = {a, b, c}, .faces = {k, second}}) ==
        reserve_status::link_taken);
  CHECK(book == ledger{dc});
  REQUIRE(book.reserve(job_id{1}, {.gpus = {a, b}, .faces = {k}}) == reserve_status::reserved);
  CHECK(book.owner(k) == job_id{1});
  CHECK(book.network().next(unit_id{0}, dc.ocs_of(k)) == unit_id{1});
  CHECK(book.fail(dc.ocs_of(k)) == std::vector{job_id{1}});
  CHECK(book.fail(ocs_id{0}).empty());
  CHECK(book.release(job_id{1}));
  CHECK(!book.is_free(k));
  CHECK(book.reserve(job_id{1}, {.gpus = {a, b}, .faces = {k}}) == reserve_status::link_taken);
  CHECK(book.repair(dc.ocs_of(k)));
  CHECK(book.is_free(k));
}

TEST_CASE("a failed cube takes its chips with it, a failed link hits who has both its ends") {
  const cubes dc{{.cubes = 2, .side = 2}};
  ledger book{dc};
  REQUIRE(book.reserve(job_id{7}, {.gpus = {gpu_id{0}, gpu_id{1}}}) == reserve_status::reserved);
  REQUIRE(book.reserve(job_id{8}, {.gpus = {gpu_id{2}}}) == reserve_status::reserved);
  CHECK(book.fail(chip_link{gpu_id{0}, 0}) == std::vector{job_id{7}});
  CHECK(book.fail(chip_link{gpu_id{0}, 1}).empty());  // chips 0 and 2
  CHECK(book.fail(unit_id{0}) == std::vector{job_id{7}, job_id{8}});
  CHECK(book.free_gpus() == 8);
  CHECK(book.free_gpus(unit_id{0}) == 0);
  CHECK(book.repair(unit_id{0}));
  CHECK(book.free_gpus() == 13);

  const torus ring{{.sides = {4, 4, 2}}};
  ledger on_ring{ring};
  const gpu_id last = ring.at({3, 0, 0});
  REQUIRE(on_ring.reserve(job_id{1}, {.gpus = {gpu_id{0}, last}}) == reserve_status::reserved);
  CHECK(on_ring.fail(chip_link{last, 0}) ==
        std::vector{job_id{1}});  // the link that closes the ring
}

TEST_CASE("tori and cubes keep the promises of fabrics under jobs, failures and repairs") {
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    CHECK(fabric::broken_promises(torus{{.sides = {4, 4, 4}}}, seed) == std::nullopt);
    CHECK(fabric::broken_promises(torus{{.sides = {6, 3}, .host = {2, 1}}}, seed) == std::nullopt);
    CHECK(fabric::broken_promises(cubes{{.cubes = 4, .side = 2}}, seed) == std::nullopt);
    CHECK(fabric::broken_promises(cubes{{.cubes = 2}}, seed) == std::nullopt);
  }
}

TEST_CASE("a torus or cubes that cannot be are refused with what was wrong") {
  CHECK_THROWS_AS(torus({.sides = {}}), input_error);
  CHECK_THROWS_AS(torus({.sides = {5, 4, 4}}), input_error);
  CHECK_THROWS_AS(torus({.sides = {4, 4, 4}, .link_gbps = 0}), input_error);
  CHECK_THROWS_AS(torus({.sides = {60000, 60000}}), input_error);
  CHECK_THROWS_AS(cubes({.cubes = 0}), input_error);
  CHECK_THROWS_AS(cubes({.side = 3}), input_error);
  CHECK_THROWS_AS(cubes({.switching_ms = -1}), input_error);
}
