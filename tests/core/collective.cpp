#include <heddle/core/collective.hpp>

#include <doctest/doctest.h>

using namespace heddle;

TEST_CASE("every collective is found by its name") {
  for (collective c : {collective::none, collective::ring, collective::halving_doubling,
                       collective::all_to_all})
    CHECK(collective_named(name(c)) == c);
  CHECK(name(collective::none) == "none");
  CHECK(name(collective::ring) == "ring");
  CHECK(name(collective::halving_doubling) == "halving_doubling");
  CHECK(name(collective::all_to_all) == "all_to_all");
}

TEST_CASE("no other text names a collective") {
  for (const char* text : {"", "Ring", "ring ", "halving-doubling", "alltoall"})
    CHECK_FALSE(collective_named(text));
}
