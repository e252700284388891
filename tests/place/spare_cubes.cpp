// Slices that move to spare cubes by circuits alone.
#include <heddle/place/spare_cubes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <heddle/optical/cube_wiring.hpp>
#include <heddle/optical/plan.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::cubes;
using fabric::reserve_status;
using place::move_to_spares;
using place::spare_move;

namespace {

using cost = std::pair<int, int>;  // chips that move, circuits that are set up

/// Tries every cube for everything that a job has in a cube. Nothing: no way.
std::optional<cost> least_cost(const fabric::ledger<cubes>& book, job_id job, int& tried) {
  const cubes& dc = book.fabric();
  const fabric::placement& now = *book.find(job);
  std::map<unit_id, std::vector<gpu_id>> all;
  for (gpu_id g : now.gpus) all[dc.cube_of(g)].push_back(g);
  const std::vector<std::pair<unit_id, std::vector<gpu_id>>> pieces(all.begin(), all.end());
  const auto linked = [&](gpu_id a, gpu_id b) {
    for (std::uint8_t d = 0; d < 3; ++d)
      for (const auto& [x, y] : {std::pair{a, b}, std::pair{b, a}})
        if (dc.end_of({x, d}) == y && !book.is_failed(fabric::chip_link{x, d})) return true;
    return false;
  };
  const auto stays = [&](std::size_t i) {
    for (gpu_id g : pieces[i].second) {
      if (book.is_failed(g) || book.is_failed(dc.hosts().server_of(g)) ||
          book.is_failed(dc.cube_of(g)))
        return false;
      for (gpu_id h : pieces[i].second)
        for (std::uint8_t d = 0; d < 3; ++d)
          if (dc.end_of({g, d}) == h && !linked(g, h)) return false;
    }
    return true;
  };
  std::map<unit_id, unit_id> to;
  std::set<gpu_id> taken;
  std::optional<cost> best;
  const auto look = [&] {
    ++tried;
    cost c{0, 0};
    for (const auto& [from, chips] : pieces)
      if (to[from] != from) c.first += static_cast<int>(chips.size());
    for (fabric::face_circuit k : now.faces) {
      const fabric::face_circuit before = k;
      k.from = to[k.from];
      k.to = to[k.to];
      const auto [a, b] = dc.ends_of(k);
      if (linked(a, b)) continue;
      if (book.is_failed(dc.ocs_of(k))) return;
      c.second += k != before;
    }
    if (!best || c < *best) best = c;
  };
  const auto next = [&](auto&& self, std::size_t i) -> void {
    if (i == pieces.size()) return look();
    const auto& [from, chips] = pieces[i];
    for (unit_id c : dc.all_cubes()) {
      to[from] = c;
      if (c == from) {
        if (stays(i)) self(self, i + 1);
        continue;
      }
      std::vector<gpu_id> there;
      for (gpu_id g : chips) there.push_back(dc.at(c, dc.number_of(g)));
      bool fits = true;
      for (std::size_t x = 0; x < chips.size() && fits; ++x) {
        fits = book.is_free(there[x]) && !taken.contains(there[x]);
        for (std::size_t y = 0; y < chips.size() && fits; ++y)
          for (std::uint8_t d = 0; d < 3; ++d)
            if (dc.end_of({there[x], d}) == there[y]) fits = fits && linked(there[x], there[y]);
      }
      if (!fits) continue;
      taken.insert(there.begin(), there.end());
      self(self, i + 1);
      for (gpu_id g : there) taken.erase(g);
    }
  };
  next(next, 0);
  return best;
}

/// A part of which `g` needs one, or any OCS.
void fail_something(fabric::ledger<cubes>& book, gpu_id g, test::dice& d) {
  const cubes& dc = book.fabric();
  switch (d.between(0, 4)) {
  case 0:
    (void)book.fail(g);
    break;
  case 1:
    (void)book.fail(book.hosts().server_of(g));
    break;
  case 2:
    (void)book.fail(fabric::chip_link{g, static_cast<std::uint8_t>(d.between(0, 2))});
    break;
  case 3:
    (void)book.fail(ocs_id{d.between(0, dc.circuit_switches() - 1)});
    break;
  default:
    (void)book.fail(dc.cube_of(g));
  }
}

}  // namespace

TEST_CASE("no move moves fewer chips, or as many and sets up fewer circuits") {
  int moved = 0, none = 0, several = 0, over_a_dark_switch = 0, saved = 0, tried = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const bool large = d.chance(.15);
    const cubes dc{{.cubes = large ? d.between(3, 5) : d.between(3, 7), .side = large ? 4 : 2}};
    fabric::ledger book{dc};
    for (std::uint32_t i = 100; i < 100u + static_cast<std::uint32_t>(d.between(0, large ? 40 : 9));
         ++i) {
      const gpu_id g{d.between(0, dc.hosts().gpus() - 1)};
      if (book.is_free(g))
        REQUIRE(book.reserve(job_id{i}, {.gpus = {g}}) == reserve_status::reserved);
    }
    const int longest = large ? 9 : 6;
    const box_shape shape{d.between(2, longest), d.between(1, 2), d.between(1, 2)};
    const place::request job{job_id{1}, static_cast<int>(shape.volume()), {}, shape};
    place::folded_reconfigured folds;
    place::reconfigured straight;
    const place::answer a =
        d.chance(.5) ? place::ask(folds, book, job) : place::ask(straight, book, job);
    if (!a) continue;
    REQUIRE(book.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    for (int i = d.between(1, 3); i > 0; --i) {
      const gpu_id mine = a.where->gpus[d.index(a.where->gpus.size())];
      fail_something(book, d.chance(.7) ? mine : gpu_id{d.between(0, dc.hosts().gpus() - 1)}, d);
    }
    const bool was_dark =
        std::any_of(a.where->faces.begin(), a.where->faces.end(),
                    [&](const fabric::face_circuit& k) { return book.is_failed(dc.ocs_of(k)); });
    const std::optional<cost> least = least_cost(book, job_id{1}, tried);
    const std::optional<spare_move> move = move_to_spares(book, job_id{1});
    if (!least || least->first == 0) {
      CHECK(!move);
      ++none;
      continue;
    }
    REQUIRE(move);
    int chips = 0;
    for (std::size_t r = 0; r < a.where->gpus.size(); ++r)
      chips += move->where.gpus[r] != a.where->gpus[r];
    CHECK(cost{chips, static_cast<int>(move->up.size())} == *least);
    ++moved;
    several += move->cubes.size() > 1;
    over_a_dark_switch += was_dark;
    saved += move->up.size() < move->down.size();
    // As a wiring: what is lit afterwards goes over fibres that work, and the way there moves no more.
    std::vector<optical::circuit> lit;
    for (const fabric::face_circuit& k : move->where.faces)
      lit.push_back(optical::circuit_of(dc, k));
    std::sort(lit.begin(), lit.end());
    CHECK(optical::check(optical::ports_of(book), lit).value_or("") == "");
    const optical::wiring before = optical::wiring_of(book);
    REQUIRE(place::carry_out(book, job_id{1}, *move));
    const optical::plan way = optical::make_plan(before, optical::wiring_of(book), 50);
    CHECK(way.circuits_set_up() == move->up.size());
    CHECK(way.time_ms <= 50 * 2);
    CHECK(place::mesh_fault(book, job_id{1}, {shape}).value_or("") == "");
    CHECK(!move_to_spares(book, job_id{1}));
    // One that was stopped takes up what it had, and nothing else.
    const fabric::placement had = *book.find(job_id{1});
    book.release(job_id{1});
    const std::optional<spare_move> again = place::take_up_again(book, had);
    REQUIRE(again);
    CHECK(again->where == had);
    CHECK(again->cubes.empty());
  }
  CHECK(moved > 2000);
  CHECK(none > 1000);
  CHECK(several > 100);
  CHECK(over_a_dark_switch > 3);
  CHECK(saved > 8);
  CHECK(tried > 20'000);
}

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
  for (std::uint64_t seed = 0; seed < 90; ++seed) {
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
    for (int i = d.between(1, 3); i > 0; --i)
      fail_something(book, gpu_id{d.between(0, dc.hosts().gpus() - 1)}, d);
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

TEST_CASE("pieces of a mesh that share a cube are joined over no link that has failed") {
  int placed = 0, around = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const cubes dc{{.cubes = d.between(2, 4), .side = 2}};
    fabric::ledger book{dc};
    for (std::uint32_t i = 0; i < 3;
         ++i) {  // others have every other chip of a cube, or a row or plane
      const int cube = d.between(0, dc.hosts().units() - 1), x = d.between(0, 7),
                m = d.between(1, 7);
      for (int k = 0; k < 8; ++k)
        if (const gpu_id g{cube * 8 + k}; (k & m) == (x & m) && book.is_free(g))
          REQUIRE(book.reserve(job_id{100 + g.value}, {.gpus = {g}}) == reserve_status::reserved);
    }
    for (int i = d.between(1, 4); i > 0; --i)
      (void)book.fail(fabric::chip_link{gpu_id{d.between(0, dc.hosts().gpus() - 1)},
                                        static_cast<std::uint8_t>(d.between(0, 2))});
    place::folded_reconfigured folds;
    const box_shape shape{d.between(2, 9), 1, d.between(1, 2)};
    const place::answer a =
        place::ask(folds, book, {job_id{1}, static_cast<int>(shape.volume()), {}, shape});
    if (!a) continue;
    REQUIRE(book.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(book, job_id{1}, {shape}).value_or("") == "");
    ++placed;
    around += std::any_of(a.where->faces.begin(), a.where->faces.end(),
                          [](const fabric::face_circuit& k) { return k.from == k.to; });
  }
  CHECK(placed > 300);
  CHECK(around > 3);
}
