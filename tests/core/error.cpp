#include <heddle/core/error.hpp>

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

TEST_CASE("an input error says where, what was expected and what was given") {
  const heddle::input_error e{"jobs.csv:12", "a duration above 0 s", "\"-3\""};
  CHECK(std::string(e.what()) == "jobs.csv:12: expected a duration above 0 s, got \"-3\"");
  CHECK(e.where() == "jobs.csv:12");
  CHECK(e.expected() == "a duration above 0 s");
  CHECK(e.got() == "\"-3\"");
}

TEST_CASE("an input error is a runtime error") {
  CHECK_THROWS_AS(throw heddle::input_error("a", "b", "c"), std::runtime_error);
}
