#include <heddle/core/collective.hpp>

#include <doctest/doctest.h>

#include <cstddef>

using namespace heddle;

TEST_CASE("every collective is found by its name") {
  std::size_t place = 0;
  for (collective c : all_collectives) {
    CHECK(collective_named(name(c)) == c);
    CHECK(static_cast<std::size_t>(c) == place++);
  }
  CHECK(name(collective::none) == "none");
  CHECK(name(collective::ring) == "ring");
  CHECK(name(collective::halving_doubling) == "halving_doubling");
  CHECK(name(collective::all_to_all) == "all_to_all");
  CHECK(name(collective::pipeline) == "pipeline");
}

TEST_CASE("no other text names a collective") {
  for (const char* text : {"", "Ring", "ring ", "halving-doubling", "alltoall"})
    CHECK_FALSE(collective_named(text));
}
