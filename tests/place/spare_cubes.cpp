// Slices that move to spare cubes by circuits alone.
#include <heddle/place/spare_cubes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <heddle/place/reconfigured.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::cubes;
using fabric::reserve_status;
using place::move_to_spares;
using place::spare_move;

TEST_CASE("a ring of cubes goes on in the spare one, and circuits that touch neither stay") {
  const cubes dc{{.cubes = 5}};
  fabric::ledger book{dc};
  place::reconfigured rings{.closed = true};
  const place::answer a = rings(book, {job_id{1}, 256, {}, {16, 4, 4}});
  REQUIRE(a);
  REQUIRE(book.reserve(job_id{1}, *a.where, "team") == reserve_status::reserved);
  CHECK(!move_to_spares(book, job_id{1}));  // nothing has failed
  CHECK(!move_to_spares(book, job_id{2}));
  const unit_id lost = dc.cube_of(a.where->gpus[5]);
  REQUIRE(book.fail(lost) == std::vector{job_id{1}});
  const std::optional<spare_move> move = move_to_spares(book, job_id{1});
  REQUIRE(move);
  REQUIRE(move->cubes.size() == 1);
  CHECK(move->cubes[0].first == lost);
  // 16 circuits to each neighbour, and 32 that close the other two dimensions in it.
  CHECK(move->down.size() == 64);
  CHECK(move->up.size() == 64);
  REQUIRE(place::carry_out(book, job_id{1}, *move));
  CHECK(place::mesh_fault(book, job_id{1}, {{16, 4, 4}, true}).value_or("") == "");
  CHECK(book.tenant_of(job_id{1}) == "team");
  CHECK(book.consistent());
  // No other is spare.
  book.fail(dc.cube_of(book.find(job_id{1})->gpus[100]));
  CHECK(!move_to_spares(book, job_id{1}));
}

TEST_CASE("whatever fails under jobs on cubes, a move leaves them the mesh that they had") {
  int moves = 0, refused = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    test::dice d{seed};
    const cubes dc{{.cubes = d.between(4, 9), .side = d.chance(.5) ? 2 : 4}};
    fabric::ledger book{dc};
    place::folded_reconfigured folds;
    std::vector<std::pair<job_id, box_shape>> running;
    for (std::uint32_t i = 0; i < 8; ++i) {
      const box_shape s{d.between(1, 40), d.between(1, 3), d.between(1, 2)};
      const place::request job{job_id{i}, static_cast<int>(s.volume()), {}, s};
      if (d.chance(.2)) continue;
      if (const place::answer a = place::ask(folds, book, job); a) {
        REQUIRE(book.reserve(job.job, *a.where) == reserve_status::reserved);
        running.push_back({job.job, s});
      }
    }
    for (int i = d.between(1, 3); i > 0; --i) {
      const gpu_id g{d.between(0, dc.hosts().gpus() - 1)};
      switch (d.between(0, 3)) {
      case 0:
        (void)book.fail(g);
        break;
      case 1:
        (void)book.fail(book.hosts().server_of(g));
        break;
      case 2:
        (void)book.fail(fabric::chip_link{g, static_cast<std::uint8_t>(d.between(0, 2))});
        break;
      default:
        (void)book.fail(dc.cube_of(g));
      }
    }
    for (const auto& [job, shape] : running) {
      const fabric::placement before = *book.find(job);
      const std::optional<spare_move> move = move_to_spares(book, job);
      refused += !move;
      if (!move) continue;
      ++moves;
      std::set<unit_id> left;
      for (const auto& [from, to] : move->cubes) left.insert(from);
      CHECK(move->down.size() ==
            static_cast<std::size_t>(std::count_if(
                before.faces.begin(), before.faces.end(), [&](const fabric::face_circuit& k) {
                  return left.contains(k.from) || left.contains(k.to);
                })));
      CHECK(move->up.size() == move->down.size());
      for (std::size_t r = 0; r < before.gpus.size(); ++r)
        if (!left.contains(dc.cube_of(before.gpus[r])))
          CHECK(move->where.gpus[r] == before.gpus[r]);
      CAPTURE(seed);
      REQUIRE(place::carry_out(book, job, *move));
      CHECK(place::mesh_fault(book, job, {shape}).value_or("") == "");
      CHECK(book.consistent());
      // Whoever has moved has nothing left that has failed.
      CHECK(!move_to_spares(book, job));
    }
  }
  CHECK(moves > 30);
  CHECK(refused > 30);
}
