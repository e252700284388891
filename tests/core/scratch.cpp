#include <heddle/core/detail/scratch.hpp>

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using heddle::detail::scratch;

namespace {

struct options {
  int depth = 3;
  scratch<std::vector<int>> seen = {};

  bool operator==(const options&) const = default;
};

}  // namespace

TEST_CASE("scratch is made on first use and stays") {
  options o{.depth = 4};
  CHECK(!o.seen);
  o.seen->push_back(7);
  CHECK(o.seen);
  CHECK(*o.seen == std::vector<int>{7});
  CHECK(sizeof(o.seen) == sizeof(void*));
}

TEST_CASE("a copy starts without scratch and options compare without it") {
  options o{.depth = 4};
  o.seen->push_back(7);
  const options copy = o;
  CHECK(!copy.seen);
  CHECK(copy == o);
  CHECK(copy != options{});
}

TEST_CASE("what is assigned to keeps its own scratch") {
  options o{.depth = 4}, other{.depth = 5};
  o.seen->push_back(7);
  o = other;
  CHECK(o.depth == 5);
  CHECK(*o.seen == std::vector<int>{7});
}

TEST_CASE("what is moved takes its scratch along") {
  options o{.depth = 4};
  o.seen->push_back(7);
  const std::vector<int>* at = &*o.seen;
  options taken = std::move(o);
  CHECK(&*taken.seen == at);
}
