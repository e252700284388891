// Boxes in static tori, against brute force and a checker of their own.
#include <heddle/place/torus_boxes.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <heddle/fabric/torus.hpp>
#include <heddle/place/broken_promises.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::chip_link;
using fabric::reserve_status;
using fabric::torus;
using place::best_fit;
using place::folded;
using place::torus_first_fit;

static_assert(place::PlacementPolicy<torus_first_fit, fabric::ledger<torus>>);
static_assert(!place::PlacementPolicy<torus_first_fit>);

namespace {

using ledger = fabric::ledger<torus>;
using cell = fabric::chip_grid::cell;

/// All boxes of three sides that are free, one by one.
class boxes {
 public:
  explicit boxes(const ledger& book) : book_(book), dc_(book.fabric()) {}

  template <class F>
  void for_each(const std::array<int, 3>& length, F&& f) const {
    for (std::size_t d = 0; d < 3; ++d)
      if (length[d] > dc_.sides()[d]) return;
    for (gpu_id g : dc_.hosts().all_gpus()) {
      const cell from = dc_.cell_of(g);
      if (is_free(from, length)) f(from);
    }
  }
  [[nodiscard]] std::set<gpu_id> chips(const cell& from, const std::array<int, 3>& length) const {
    std::set<gpu_id> out;
    each_cell(from, length, [&](const cell& c, const cell&) { out.insert(dc_.at(c)); });
    return out;
  }
  /// Free chips of the largest free box, in which no link counts.
  [[nodiscard]] int largest() const {
    int most = 0;
    for (int x = 1; x <= dc_.sides()[0]; ++x)
      for (int y = 1; y <= dc_.sides()[1]; ++y)
        for (int z = 1; z <= dc_.sides()[2]; ++z)
          if (x * y * z > most)
            for (gpu_id g : dc_.hosts().all_gpus()) {
              bool free = true;
              each_cell(dc_.cell_of(g), {x, y, z}, [&](const cell& c, const cell&) {
                free = free && book_.is_free(dc_.at(c));
              });
              if (free) most = std::max(most, x * y * z);
            }
    return most;
  }

 private:
  template <class F>
  void each_cell(const cell& from, const std::array<int, 3>& length, F&& f) const {
    cell at{};
    for (at[0] = 0; at[0] < length[0]; ++at[0])
      for (at[1] = 0; at[1] < length[1]; ++at[1])
        for (at[2] = 0; at[2] < length[2]; ++at[2]) {
          cell c{};
          for (std::size_t d = 0; d < 3; ++d) c[d] = (from[d] + at[d]) % dc_.sides()[d];
          f(c, at);
        }
  }
  [[nodiscard]] bool is_free(const cell& from, const std::array<int, 3>& length) const {
    bool all = true;
    each_cell(from, length, [&](const cell& c, const cell& at) {
      all = all && book_.is_free(dc_.at(c));
      for (std::size_t d = 0; d < 3 && all; ++d) {
        if (at[d] + 1 >= length[d]) continue;
        cell next = c;
        next[d] = (c[d] + 1) % dc_.sides()[d];
        const auto dim = static_cast<std::uint8_t>(d);
        // The one link of a side of two is the first chip's.
        const bool back = dc_.sides()[d] == 2 && c[d] == 1;
        all = !book_.is_failed(chip_link{dc_.at(back ? next : c), dim});
      }
    });
    return all;
  }

  const ledger& book_;
  const torus& dc_;
};

std::vector<std::array<int, 3>> orders(const box_shape& s) {
  std::array<std::size_t, 3> o{0, 1, 2};
  std::vector<std::array<int, 3>> out;
  do out.push_back({s[o[0]], s[o[1]], s[o[2]]});
  while (std::next_permutation(o.begin(), o.end()));
  return out;
}

void disturb(ledger& book, test::dice& d, bool links) {
  std::uint32_t next = 10'000;
  const double share = d.real() * .5;
  for (gpu_id g : book.hosts().all_gpus())
    if (d.chance(share)) (void)book.reserve(job_id{next++}, {.gpus = {g}});
  while (links && d.chance(.6))
    (void)book.fail(chip_link{gpu_id{d.between(0, book.hosts().gpus() - 1)},
                              static_cast<std::uint8_t>(d.between(0, 2))});
}

torus random_torus(test::dice& d) {
  const box_shape sides{d.between(1, 4), d.between(1, 4), d.between(1, 4)};
  return torus{{.sides = sides, .host = {1, 1, 1}}};
}
box_shape random_shape(test::dice& d, int longest, int most) {
  for (;;) {
    const box_shape s{d.between(1, longest), d.between(1, longest), d.between(1, 3)};
    if (s.volume() <= most) return s;
  }
}

}  // namespace

TEST_CASE("a box of a torus is found if and only if there is one, and is the mesh asked for") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    test::dice d{seed};
    const torus dc = random_torus(d);
    ledger book{dc};
    disturb(book, d, seed % 2 == 1);
    const box_shape shape = random_shape(d, 4, dc.hosts().gpus());
    CAPTURE(seed);
    CAPTURE(text_of(shape));
    CAPTURE(text_of(dc.sides()));
    bool there = false;
    for (const auto& length : orders(shape))
      boxes{book}.for_each(length, [&](const cell&) { there = true; });
    const place::request job{job_id{1}, static_cast<int>(shape.volume()), {}, shape};
    torus_first_fit first;
    best_fit best;
    folded folds;
    const place::answer a = first(book, job), b = best(book, job), c = folds(book, job);
    REQUIRE(a.where.has_value() == there);
    REQUIRE(b.where.has_value() == there);
    CHECK((a || a.proved));
    if (there) REQUIRE(c);
    for (const place::answer* one : {&a, &b, &c}) {
      if (!*one) continue;
      ledger trial = book;
      REQUIRE(trial.reserve(job_id{1}, *one->where) == reserve_status::reserved);
      CHECK(place::mesh_fault(trial, job_id{1}, {shape}).value_or("") == "");
    }
  }
}

TEST_CASE("best fit leaves as large a free box as can be") {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    test::dice d{seed};
    const torus dc = random_torus(d);
    ledger book{dc};
    disturb(book, d, false);
    const box_shape shape = random_shape(d, 3, dc.hosts().gpus());
    best_fit best;
    const place::answer a = best(book, {job_id{1}, static_cast<int>(shape.volume()), {}, shape});
    if (!a) continue;
    int most = 0;
    for (const auto& length : orders(shape))
      boxes{book}.for_each(length, [&](const cell& from) {
        ledger trial = book;
        const auto chips = boxes{book}.chips(from, length);
        REQUIRE(trial.reserve(job_id{1}, {.gpus = {chips.begin(), chips.end()}}) ==
                reserve_status::reserved);
        most = std::max(most, boxes{trial}.largest());
      });
    ledger trial = book;
    REQUIRE(trial.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CAPTURE(seed);
    CHECK(boxes{trial}.largest() == most);
  }
}

TEST_CASE("folds of lines and planes fit where straight ones do not, and rings close") {
  const torus dc{{.sides = {8, 8, 8}}};
  const ledger empty{dc};
  torus_first_fit straight;
  folded folds;
  for (const box_shape& shape :
       {box_shape{16, 1, 1}, {100, 1, 1}, {30, 5, 1}, {1, 512, 1}, {13, 8, 2}}) {
    const place::request job{job_id{1}, static_cast<int>(shape.volume()), {}, shape};
    CAPTURE(text_of(shape));
    CHECK(!straight(empty, job));
    const place::answer a = folds(empty, job);
    if (shape == box_shape{13, 8, 2}) {  // three sides have no axis left to fold along
      CHECK(!a);
      CHECK(a.proved);
      continue;
    }
    REQUIRE(a);
    ledger book = empty;
    REQUIRE(book.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(book, job_id{1}, {shape}).value_or("") == "");
  }
  folded rings{.closed = true};
  for (const box_shape& shape : {box_shape{16, 1, 1}, {8, 8, 1}, {14, 8, 1}, {32, 8, 2}}) {
    CAPTURE(text_of(shape));
    const place::answer a = rings(empty, {job_id{1}, static_cast<int>(shape.volume()), {}, shape});
    if (shape == box_shape{32, 8, 2}) {
      CHECK(!a);
      continue;
    }
    REQUIRE(a);
    ledger book = empty;
    REQUIRE(book.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(book, job_id{1}, {shape, true}).value_or("") == "");
  }
  CHECK(!rings(empty, {job_id{1}, 7, {}, {7, 1, 1}}));
}

TEST_CASE("a torus of four dimensions takes meshes of four sides") {
  const torus dc{{.sides = {4, 4, 2, 3}, .host = {2, 2}}};
  ledger book{dc};
  torus_first_fit first;
  folded folds;
  std::uint32_t next = 0;
  for (const box_shape& shape : {box_shape{2, 3, 2, 2}, {3, 2, 2, 1}, {9, 2, 1, 1}}) {
    const place::request job{job_id{next++}, static_cast<int>(shape.volume()), {}, shape};
    const place::answer a = shape[0] == 9 ? folds(book, job) : first(book, job);
    CAPTURE(text_of(shape));
    REQUIRE(a);
    REQUIRE(book.reserve(job.job, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(book, job.job, {shape}).value_or("") == "");
  }
}

TEST_CASE("placements on tori keep the promises of placement policies") {
  const torus dc{{.sides = {4, 4, 4}}};
  CHECK(place::broken_promises(torus_first_fit{}, dc, 1) == std::nullopt);
  CHECK(place::broken_promises(folded{}, dc, 2) == std::nullopt);
  CHECK(place::broken_promises(best_fit{}, dc, 3, {.steps = 60}) == std::nullopt);
}
