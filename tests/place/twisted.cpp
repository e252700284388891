// Twisted tori: that circuits make them, and that they are worth it, counted on what was placed.
#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/verify_mesh.hpp>
#include <heddle/route/mesh_ways.hpp>

using namespace heddle;
using fabric::cubes;

namespace {

/// The chips of a slice, and everything that joins two of them, links and circuits.
struct network {
  std::vector<std::vector<std::size_t>> next;

  network(const cubes& dc, const fabric::placement& p) : next(p.gpus.size()) {
    std::map<gpu_id, std::size_t> rank;
    for (std::size_t r = 0; r < p.gpus.size(); ++r) rank[p.gpus[r]] = r;
    const auto join = [&](gpu_id a, gpu_id b) {
      next[rank.at(a)].push_back(rank.at(b));
      next[rank.at(b)].push_back(rank.at(a));
    };
    for (gpu_id g : p.gpus)
      for (std::uint8_t d = 0; d < 3; ++d)
        if (const gpu_id end = dc.end_of({g, d}); end.valid()) join(g, end);
    for (const auto& k : p.faces) join(dc.ends_of(k)[0], dc.ends_of(k)[1]);
  }
  [[nodiscard]] std::size_t size() const { return next.size(); }

  /// Links between two halves, the fewest of all halves.
  [[nodiscard]] int bisection() const {
    int least = 1 << 20;
    for (std::uint32_t half = 1; half < 1u << size(); half += 2) {  // with the first chip
      if (std::popcount(half) * 2 != static_cast<int>(size())) continue;
      int cut = 0;
      for (std::size_t a = 0; a < size(); ++a)
        if (half >> a & 1u)
          for (std::size_t b : next[a]) cut += !(half >> b & 1u);
      least = std::min(least, cut);
    }
    return least;
  }
  /// Flows on the fullest way from chip to chip of an all-to-all that is split evenly over all shortest
  /// paths, link by link.
  [[nodiscard]] double all_to_all() const {
    std::map<std::pair<std::size_t, std::size_t>, double> load;
    std::map<std::pair<std::size_t, std::size_t>, int> lanes;
    for (std::size_t a = 0; a < size(); ++a)
      for (std::size_t b : next[a]) ++lanes[{a, b}];
    for (std::size_t from = 0; from < size(); ++from) {
      std::vector<std::size_t> order{from};
      std::vector<int> far(size(), -1);
      std::vector<double> paths(size(), 0), through(size(), 1);
      far[from] = 0;
      paths[from] = 1;
      for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t b : next[order[i]]) {
          if (far[b] < 0) {
            far[b] = far[order[i]] + 1;
            order.push_back(b);
          }
          if (far[b] == far[order[i]] + 1) paths[b] += paths[order[i]];
        }
      for (std::size_t i = order.size(); i-- > 1;)
        for (std::size_t a : next[order[i]])
          if (far[a] + 1 == far[order[i]]) {
            const double part = through[order[i]] * paths[a] / paths[order[i]];
            load[{a, order[i]}] += part;
            through[a] += part;
          }
    }
    double most = 0;
    for (const auto& [ends, flows] : load) most = std::max(most, flows / lanes.at(ends));
    return most;
  }
};

fabric::placement placed(const cubes& dc, const box_shape& shape, bool twisted) {
  fabric::ledger book{dc};
  // Cubes here and there are taken.
  for (std::uint32_t c : {1u, 4u})
    REQUIRE(book.reserve(job_id{90 + c}, {.gpus = {dc.at(unit_id{c}, 3)}}) ==
            fabric::reserve_status::reserved);
  place::reconfigured straight{.closed = true, .twisted = twisted};
  place::folded_reconfigured folds{.closed = true, .twisted = twisted};
  const place::request job{job_id{1}, static_cast<int>(shape.volume()), {}, shape};
  const place::answer a = straight(book, job), b = folds(book, job);
  REQUIRE(a);
  REQUIRE(b);
  for (const place::answer* x : {&b, &a}) {
    fabric::ledger trial = book;
    REQUIRE(trial.reserve(job_id{1}, *x->where) == fabric::reserve_status::reserved);
    CHECK(place::mesh_fault(trial, job_id{1}, {shape, true, twisted}).value_or("") == "");
    CHECK(place::mesh_fault(trial, job_id{1}, {shape, true, !twisted}).has_value());
  }
  return *a.where;
}

}  // namespace

TEST_CASE("shapes that can be twisted have sides of k and 2k") {
  CHECK(twist_of({4, 4, 8}) == 4);
  CHECK(twist_of({8, 4, 4}) == 4);
  CHECK(twist_of({8, 4, 8}) == 4);
  CHECK(twist_of({2, 2, 4}) == 2);
  for (const box_shape& s : {box_shape{4, 4, 4}, {4, 8, 16}, {4, 4, 12}, {1, 1, 2}, {4, 8}, {}})
    CHECK(twist_of(s) == 0);
}

TEST_CASE("what is no mesh of whole cubes is placed without a twist") {
  const cubes dc{{.cubes = 3}};
  CHECK(dc.twist_of({4, 4, 8}) == 4);
  CHECK(dc.twist_of({2, 2, 4}) == 0);
  place::reconfigured straight{.twisted = true};
  place::folded_reconfigured folds{.twisted = true};
  for (const box_shape& s : {box_shape{2, 2, 4}, {2, 4, 4}, {1, 1, 2}, {3, 3, 6}}) {
    fabric::ledger book{dc};
    const place::request job{job_id{1}, static_cast<int>(s.volume()), {}, s};
    const place::answer a = straight(book, job), b = folds(book, job);
    REQUIRE(a);
    REQUIRE(b);
    for (const place::answer* x : {&a, &b}) {
      fabric::ledger trial = book;
      REQUIRE(trial.reserve(job_id{1}, *x->where) == fabric::reserve_status::reserved);
      CHECK(place::mesh_fault(trial, job_id{1}, {s}).value_or("") == "");
    }
  }
}

TEST_CASE("a twist doubles the bisection of k x k x 2k, by all halves that there are") {
  const cubes dc{{.cubes = 6, .side = 2}};
  const network plain{dc, placed(dc, {2, 2, 4}, false)}, twisted{dc, placed(dc, {2, 4, 2}, true)};
  CHECK(plain.bisection() == 8);
  CHECK(twisted.bisection() == 16);
}

TEST_CASE(
    "an all-to-all on a twisted torus takes what the mean distance says, and less than straight") {
  // Every pair sends a flow: 1.75 and 1.39 times as fast; TPU v4 measured 1.63 and 1.31.
  const cubes dc{{.cubes = 8}};
  const struct {
    box_shape shape;
    double straight, twisted;
  } cases[] = {{{4, 4, 8}, 128, 440.0 / 6}, {{4, 8, 8}, 256, 1104.0 / 6}};
  for (const auto& c : cases) {
    CAPTURE(text_of(c.shape));
    const network twisted{dc, placed(dc, c.shape, true)};
    for (const auto& ends : twisted.next) CHECK(ends.size() == 6);
    CHECK(twisted.all_to_all() == doctest::Approx(c.twisted));
    CHECK(network{dc, placed(dc, c.shape, false)}.all_to_all() == doctest::Approx(c.straight));
    CHECK(route::all_to_all_load(c.shape, true) == c.straight);
    // A cut of c links carries (N/2)² flows one way, so no cut of a half is below this; straight ones are
    // 2 k² and 4 k² wide.
    const double n = static_cast<double>(twisted.size());
    CHECK(n * n / 4 / c.twisted > 1.38 * n * n / 4 / c.straight);
  }
}

TEST_CASE("a shape that cannot be twisted is closed or open as it is otherwise") {
  const cubes dc{{.cubes = 8}};
  fabric::ledger book{dc};
  place::reconfigured both{.closed = true, .twisted = true}, open{.twisted = true};
  for (auto* policy : {&both, &open}) {
    fabric::ledger trial = book;
    const place::answer a = (*policy)(trial, {job_id{1}, 192, {}, {4, 4, 12}});
    REQUIRE(a);
    REQUIRE(trial.reserve(job_id{1}, *a.where) == fabric::reserve_status::reserved);
    CHECK(place::mesh_fault(trial, job_id{1}, {{4, 4, 12}, policy->closed}).value_or("") == "");
  }
  // Nor can parts of cubes: 2 x 2 x 4 in cubes of 4.
  const place::answer a = both(book, {job_id{1}, 16, {}, {2, 2, 4}});
  REQUIRE(a);
  REQUIRE(book.reserve(job_id{1}, *a.where) == fabric::reserve_status::reserved);
  CHECK(place::mesh_fault(book, job_id{1}, {{2, 2, 4}, true}).value_or("") == "");
}
