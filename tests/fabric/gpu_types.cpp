// Counts of free GPUs by type through a million operations.
#include <heddle/fabric/ledger.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/clos_shape.hpp>
#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"

using namespace heddle;

TEST_CASE("free GPUs of each type are counted right through a million operations") {
  test::dice d{5};
  std::vector<std::uint16_t> types;
  for (int s = 0; s < 16; ++s) types.push_back(static_cast<std::uint16_t>(d.index(4)));
  const fabric::leaf_spine dc{fabric::parts_of({.units = 4,
                                                .servers_per_unit = 4,
                                                .gpus_per_server = 4,
                                                .spines = 4,
                                                .type_of_server = types})};
  const fabric::hosts& h = dc.hosts();
  fabric::ledger book{dc};
  std::vector<job_id> held;
  std::uint32_t next = 0;
  std::size_t operations = 0;
  const auto count = [&] {
    std::array<int, 4> free{};
    for (gpu_id g : h.all_gpus()) free[h.type_of(h.server_of(g))] += book.is_free(g);
    for (int t = 0; t < 4; ++t)
      REQUIRE(book.free_gpus_of_type(t) == free[static_cast<std::size_t>(t)]);
    REQUIRE(book.free_gpus_of_type(any_gpu_type) == book.free_gpus());
    REQUIRE(book.free_gpus_of_type(7) == 0);
  };
  while (operations < 1'000'000) {
    ++operations;
    const double what = d.real();
    if (what < .45) {
      fabric::placement p;
      for (gpu_id g : h.all_gpus())
        if (book.is_free(g) && d.chance(.1)) p.gpus.push_back(g);
      if (p.gpus.empty()) continue;
      const job_id job{next++};
      REQUIRE(book.reserve(job, std::move(p)) == fabric::reserve_status::reserved);
      held.push_back(job);
    } else if (what < .9) {
      if (held.empty()) continue;
      const std::size_t i = d.index(held.size());
      REQUIRE(book.release(held[i]));
      held[i] = held.back();
      held.pop_back();
    } else {
      const server_id s{d.index(16)};
      const gpu_id g{d.index(64)};
      if (book.is_failed(s))
        (void)book.repair(s);
      else if (book.is_failed(g))
        (void)book.repair(g);
      else if (d.chance(.5))
        (void)book.fail(s);
      else
        (void)book.fail(g);
    }
    if (operations % 97 == 0) count();
    if (operations % 50'021 == 0) REQUIRE(book.consistent());
  }
  count();
  // What is of one type alone has no GPU of another, and all of its own.
  for (int t = 0; t < 4; ++t) {
    const fabric::ledger part = std::as_const(book).of_type(t);
    CHECK(part.free_gpus() == book.free_gpus_of_type(t));
    for (gpu_id g : h.all_gpus())
      CHECK(part.is_free(g) == (book.is_free(g) && h.type_of(h.server_of(g)) == t));
  }
}

TEST_CASE("a cluster has sixteen types of GPU at most") {
  CHECK_NOTHROW((void)fabric::hosts{{{{.gpus = 1, .type = 15}}}});
  CHECK_THROWS_WITH_AS((void)fabric::hosts({{{.gpus = 1, .type = 16}}}),
                       "hosts: expected a GPU type from 0 to 15, got 16", input_error);
  const fabric::hosts h{{{{.gpus = 2, .type = 3}, {.gpus = 4}}}};
  CHECK(h.gpu_types() == 4);
  CHECK(h.gpus_of_type(0) == 4);
  CHECK(h.gpus_of_type(1) == 0);
  CHECK(h.gpus_of_type(3) == 2);
  CHECK(h.gpus_of_type(9) == 0);
}
