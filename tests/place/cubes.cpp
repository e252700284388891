// Meshes on cubes joined by optical circuit switches, against brute force and a checker of their own.
#include <heddle/place/reconfigured.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <heddle/fabric/cubes.hpp>
#include <heddle/place/broken_promises.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::chip_link;
using fabric::cubes;
using fabric::reserve_status;
using place::folded_reconfigured;
using place::reconfigured;

static_assert(place::PlacementPolicy<reconfigured, fabric::ledger<cubes>>);
static_assert(place::PlacementPolicy<folded_reconfigured, fabric::ledger<cubes>>);
static_assert(!place::PlacementPolicy<reconfigured>);

namespace {

using ledger = fabric::ledger<cubes>;

/// The fewest empty cubes that a straight box breaks, by trying all there is; nothing if it cannot be.
/// Of cubes of side 2: a piece is a set of eight bits, x + 2y + 4z.
class straight_oracle {
 public:
  explicit straight_oracle(const ledger& book) : book_(book), dc_(book.fabric()) {
    for (unit_id c : dc_.all_cubes()) {
      unsigned free = 0;
      std::vector<unsigned> cuts;
      for (int bit = 0; bit < 8; ++bit) {
        const cell at{bit % 2, bit / 2 % 2, bit / 4};
        const gpu_id g = dc_.at(c, at);
        if (book.is_free(g)) free |= 1u << bit;
        for (std::uint8_t d = 0; d < 3; ++d)
          if (at[d] == 0 && book.is_failed(chip_link{g, d}))
            cuts.push_back(1u << bit | 1u << (bit + (1 << d)));
      }
      free_.push_back(free);
      cuts_.push_back(cuts);
    }
  }

  std::optional<int> fewest_broken(const box_shape& mesh) {
    best_.reset();
    std::array<int, 3> order{0, 1, 2};
    do
      for (int from = 0; from < 8; ++from) lay(mesh, order, {from % 2, from / 2 % 2, from / 4});
    while (std::next_permutation(order.begin(), order.end()));
    return best_;
  }

 private:
  using cell = std::array<int, 3>;

  void lay(const box_shape& mesh, const std::array<int, 3>& order, const cell& from) {
    std::map<int, unsigned> pieces;
    std::array<int, 3> n{};
    for (std::size_t d = 0; d < 3; ++d) n[d] = mesh[static_cast<std::size_t>(order[d])];
    for (int x = from[0]; x < from[0] + n[0]; ++x)
      for (int y = from[1]; y < from[1] + n[1]; ++y)
        for (int z = from[2]; z < from[2] + n[2]; ++z) {
          pieces[x / 2 + 64 * (y / 2 + 64 * (z / 2))] |= 1u << (x % 2 + 2 * (y % 2) + 4 * (z % 2));
          // The circuits that it takes to get here: of the OCS of dimension and position.
          if (x % 2 == 0 && x > from[0] && book_.is_failed(ocs_id{y % 2 + 2 * (z % 2)})) return;
          if (y % 2 == 0 && y > from[1] && book_.is_failed(ocs_id{4 + x % 2 + 2 * (z % 2)})) return;
          if (z % 2 == 0 && z > from[2] && book_.is_failed(ocs_id{8 + x % 2 + 2 * (y % 2)})) return;
        }
    if (pieces.size() > free_.size()) return;
    std::vector<unsigned> list;
    for (const auto& [cube, bits] : pieces) list.push_back(bits);
    std::vector<bool> used(free_.size());
    assign(list, 0, used, 0);
  }
  void assign(const std::vector<unsigned>& pieces, std::size_t i, std::vector<bool>& used,
              int broken) {
    if (best_ && broken >= *best_) return;
    if (i == pieces.size()) {
      best_ = broken;
      return;
    }
    for (std::size_t c = 0; c < free_.size(); ++c) {
      if (used[c] || !holds(c, pieces[i])) continue;
      used[c] = true;
      assign(pieces, i + 1, used, broken + holds(c, 255));
      used[c] = false;
    }
  }
  [[nodiscard]] bool holds(std::size_t c, unsigned piece) const {
    return (free_[c] & piece) == piece &&
           std::none_of(cuts_[c].begin(), cuts_[c].end(),
                        [&](unsigned ends) { return (piece & ends) == ends; });
  }

  const ledger& book_;
  const cubes& dc_;
  std::vector<unsigned> free_;
  std::vector<std::vector<unsigned>> cuts_;
  std::optional<int> best_;
};

/// Empty cubes of which a placement takes some.
int broken_by(const ledger& book, const fabric::placement& p) {
  std::set<unit_id> touched;
  for (gpu_id g : p.gpus) touched.insert(book.fabric().cube_of(g));
  return static_cast<int>(std::count_if(touched.begin(), touched.end(), [&](unit_id c) {
    if (book.free_gpus(c) != book.fabric().chips_per_cube()) return false;
    for (gpu_id g : book.hosts().gpus_of(c))
      for (std::uint8_t d = 0; d < 3; ++d)
        if (book.fabric().end_of({g, d}).valid() && book.is_failed(chip_link{g, d})) return false;
    return true;
  }));
}

void disturb(ledger& book, test::dice& d, double failures) {
  const cubes& dc = book.fabric();
  const double share = d.real() * .6;
  std::uint32_t next = 10'000;
  for (gpu_id g : dc.hosts().all_gpus())
    if (d.chance(share)) (void)book.reserve(job_id{next++}, {.gpus = {g}});
  for (unit_id c : dc.all_cubes())  // some cubes stay whole
    if (d.chance(.4))
      for (gpu_id g : dc.hosts().gpus_of(c))
        if (const job_id o = book.owner(g); o.valid()) book.release(o);
  while (d.chance(failures)) {
    const gpu_id g{d.between(0, dc.hosts().gpus() - 1)};
    switch (d.between(0, 3)) {
    case 0:
      (void)book.fail(g);
      break;
    case 1:
      (void)book.fail(ocs_id{d.between(0, dc.circuit_switches() - 1)});
      break;
    default:
      (void)book.fail(chip_link{g, static_cast<std::uint8_t>(d.between(0, 2))});
    }
  }
}

box_shape random_shape(test::dice& d, int longest, int most) {
  for (;;) {
    const box_shape s{d.between(1, longest), d.between(1, d.chance(.5) ? longest : 2),
                      d.between(1, d.chance(.5) ? longest : 2)};
    if (s.volume() <= most) return s;
  }
}

}  // namespace

TEST_CASE("a straight box is placed if and only if one exists and breaks as few cubes as can be") {
  for (std::uint64_t seed = 0; seed < 3200; ++seed) {
    test::dice d{seed};
    const cubes dc{{.cubes = d.between(1, 8), .side = 2}};
    ledger book{dc};
    disturb(book, d, seed % 2 ? .5 : 0);
    const box_shape shape = random_shape(d, 5, dc.hosts().gpus());
    CAPTURE(seed);
    CAPTURE(text_of(shape));
    const int n = static_cast<int>(shape.volume());
    reconfigured policy;
    const place::answer a = policy(book, {job_id{1}, n, {}, shape});
    const std::optional<int> least = straight_oracle{book}.fewest_broken(shape);
    REQUIRE(a.where.has_value() == least.has_value());
    folded_reconfigured folds;
    const place::answer b = folds(book, {job_id{1}, n, {}, shape});
    if (!a) {
      CHECK(a.proved);
    } else {
      CHECK(broken_by(book, *a.where) == *least);
      REQUIRE(b);  // it may do all that the other does
    }
    if (!b) continue;
    for (const auto& [id, answer] : {std::pair{1u, &a}, std::pair{2u, &b}}) {
      if (!*answer) continue;
      ledger trial = book;
      REQUIRE(trial.reserve(job_id{id}, *answer->where) == reserve_status::reserved);
      CHECK(place::mesh_fault(trial, job_id{id}, {shape}).value_or("") == "");
    }
  }
}

TEST_CASE("what is placed on cubes of side 4 among jobs and failures is the mesh asked for") {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    test::dice d{seed};
    const cubes dc{{.cubes = d.between(2, 12)}};
    ledger book{dc};
    folded_reconfigured folds;
    reconfigured straight;
    std::vector<std::pair<job_id, box_shape>> running;
    std::uint32_t next = 0;
    for (int step = 0; step < 120; ++step) {
      CAPTURE(seed);
      CAPTURE(step);
      if (d.chance(.35) && !running.empty()) {
        const auto k = static_cast<std::size_t>(d.between(0, static_cast<int>(running.size()) - 1));
        REQUIRE(book.release(running[k].first));
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(k));
        continue;
      }
      if (d.chance(.05)) (void)book.fail(chip_link{gpu_id{d.between(0, dc.hosts().gpus() - 1)}, 1});
      if (d.chance(.03)) (void)book.fail(ocs_id{d.between(0, 47)});
      if (d.chance(.2))
        for (ocs_id o : dc.all_switches()) book.repair(o);
      const box_shape shape = random_shape(d, d.chance(.5) ? 70 : 10, 400);
      CAPTURE(text_of(shape));
      const place::request job{job_id{next++}, static_cast<int>(shape.volume()), {}, shape};
      const place::answer a =
          d.chance(.7) ? place::ask(folds, book, job) : place::ask(straight, book, job);
      if (!a) continue;
      REQUIRE(book.reserve(job.job, *a.where) == reserve_status::reserved);
      CHECK(place::mesh_fault(book, job.job, {shape}).value_or("") == "");
      running.push_back({job.job, shape});
    }
    CHECK(book.consistent());
  }
}

TEST_CASE("rows are closed to rings where that is asked for") {
  const cubes dc{{.cubes = 8}};
  for (const box_shape& shape : {box_shape{4, 4, 4}, {8, 8, 4}, {4, 2, 2}, {16, 4, 1}, {2, 2, 2}}) {
    ledger book{dc};
    CAPTURE(text_of(shape));
    reconfigured rings{.closed = true};
    const place::answer a = rings(book, {job_id{1}, static_cast<int>(shape.volume()), {}, shape});
    REQUIRE(a);
    REQUIRE(book.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(book, job_id{1}, {shape, true}).value_or("") == "");
  }
  ledger book{dc};
  // A row of 6 is no ring unless it is folded; one of 5 never is.
  reconfigured straight{.closed = true};
  folded_reconfigured folds{.closed = true};
  CHECK(!straight(book, {job_id{1}, 6, {}, {6, 1, 1}}));
  CHECK(!folds(book, {job_id{1}, 5, {}, {5, 1, 1}}));
  for (const box_shape& shape : {box_shape{6, 1, 1}, {10, 4, 1}, {10, 4, 2}, {1, 26, 1}}) {
    ledger trial{dc};
    CAPTURE(text_of(shape));
    const place::answer a = folds(trial, {job_id{1}, static_cast<int>(shape.volume()), {}, shape});
    REQUIRE(a);
    REQUIRE(trial.reserve(job_id{1}, *a.where) == reserve_status::reserved);
    CHECK(place::mesh_fault(trial, job_id{1}, {shape, true}).value_or("") == "");
  }
}

TEST_CASE("whole cubes never fragment and a line takes whole cubes and the rest of another") {
  const cubes dc{{.cubes = 8}};
  ledger book{dc};
  folded_reconfigured folds;
  // Every other cube is taken; a slice of four cubes takes the others.
  for (int c = 0; c < 8; c += 2)
    REQUIRE(book.reserve(job_id{100 + c}, {.gpus = {dc.at(unit_id{c}, 21)}}) ==
            reserve_status::reserved);
  reconfigured straight;
  const place::answer slice = straight(book, {job_id{1}, 256, {}, {16, 4, 4}});
  REQUIRE(slice);
  CHECK(broken_by(book, *slice.where) == 4);
  CHECK(slice.where->faces.size() == 48);
  const place::answer more = straight(book, {job_id{1}, 320, {}, {20, 4, 4}});
  CHECK(!more);
  CHECK(more.why == place::wait_reason::gpu_fragmentation);
  CHECK(more.proved);
  // 2 · 64 + 50 in a row: two whole cubes, the rest beside another job.
  const place::answer row = folds(book, {job_id{1}, 178, {}, {178, 1, 1}});
  REQUIRE(row);
  CHECK(broken_by(book, *row.where) == 2);
  REQUIRE(book.reserve(job_id{1}, *row.where) == reserve_status::reserved);
  CHECK(place::mesh_fault(book, job_id{1}, {{178, 1, 1}}).value_or("") == "");
}

TEST_CASE("an empty cube has a way from each cell of a face through all of it and on") {
  using place::detail::step_grid;
  using place::detail::whole_cubes;
  for (const std::array<int, 3>& thick : {std::array{1, 1, 1},
                                          {1, 1, 2},
                                          {1, 2, 1},
                                          {1, 2, 2},
                                          {2, 1, 4},
                                          {1, 1, 4},
                                          {4, 4, 1},
                                          {1, 1, 3},
                                          {3, 1, 2}}) {
    whole_cubes w{step_grid{{4}, thick, {0, 0, 0}}};
    int found = 0, all = 0;
    for (int i = 0; i < w.grid.count(); ++i)
      if (w.grid.at_face >> i & 1u) {
        ++all;
        const std::vector<int>* way = w.from(i);
        found += way != nullptr;
        if (!way) continue;
        CHECK(std::set(way->begin(), way->end()).size() == w.grid.mask.size());
        CHECK(way->front() == i);
      }
    CAPTURE(thick[0] * 100 + thick[1] * 10 + thick[2]);
    CHECK(w.from(0) != nullptr);
    if (w.grid.count() == 64) CHECK(found == all);
  }
}

TEST_CASE("placements on cubes keep the promises of placement policies") {
  CHECK(place::broken_promises(reconfigured{}, cubes{{.cubes = 5, .side = 2}}, 0) == std::nullopt);
  CHECK(place::broken_promises(folded_reconfigured{}, cubes{{.cubes = 5, .side = 2}}, 0) ==
        std::nullopt);
  CHECK(place::broken_promises(folded_reconfigured{}, cubes{{.cubes = 3}}, 0) == std::nullopt);
}

TEST_CASE("a mesh that fits in a cube as it is takes no circuits") {
  for (int side : {2, 4}) {
    fabric::ledger book{cubes{{.cubes = 3, .side = side}}};
    const job_id other{100};  // a corner of cube 0
    REQUIRE(book.reserve(other, {.gpus = {gpu_id{0}}}) == reserve_status::reserved);
    place::folded_reconfigured folds;
    for (int a = 1; a <= side; ++a)
      for (int b = 1; b <= side; ++b)
        for (int c = 1; c <= side; ++c) {
          const place::answer got = place::ask(folds, book, {job_id{1}, a * b * c, {}, {a, b, c}});
          CAPTURE(a);
          CAPTURE(b);
          CAPTURE(c);
          REQUIRE(got);
          CHECK(got.where->faces.empty());
        }
  }
}
