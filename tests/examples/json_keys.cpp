#include "common/json_keys.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "common/json_file.hpp"

using namespace heddle;
using namespace heddle::examples;

TEST_CASE("a key that stands twice in its object is found wherever it is") {
  const auto twice = [](std::string_view text) {
    const auto found = find_repeated_key(text);
    return found ? found->key + "@" + std::to_string(found->offset) : std::string("none");
  };
  CHECK(twice(R"({"a": 1, "a": 2})") == "a@9");
  CHECK(twice(R"({"a": {"a": [{"a": 1}, {"a": 2}]}, "b": "a"})") == "none");
  CHECK(twice(R"([{"b": {"x": 1, "y": {}, "x": 2}}])") == "x@25");
  CHECK(twice(R"({"a": "\"a\": 1", "b": "{\"a\"", "c\\": 1, "c": 2})") == "none");
  CHECK(twice(R"({"ab": 1, "\u0061b": 2})") == "ab@10");
  CHECK(twice(R"({"a":1,"b":["a","a"],"a" : 3})") == "a@21");
  CHECK(twice("3") == "none");
  CHECK(twice(R"("a")") == "none");
}

TEST_CASE("the first unknown key in the text is told with its line and the nearest known one") {
  const json_file f("f.json", "{\"alpha\": 1,\n \"zulu\":\n 2, \"gamma\": {\"gpsu\": 1,\n"
                              "\"yankee\": 3}, \"beta\": 1}");
  CHECK_THROWS_WITH_AS(f.only({}, {"alpha", "gamma"}),
                       "f.json:2: expected one of alpha, gamma, got \"zulu\"", input_error);
  CHECK_THROWS_WITH_AS(f.only({"gamma"}, {"id", "gpus"}),
                       "f.json:3: expected one of id, gpus, got \"gpsu\", which is near gpus",
                       input_error);
  CHECK_THROWS_WITH_AS(f.only({"gamma"}, {"gpsu"}),
                       "f.json:4: expected one of gpsu, got \"yankee\"", input_error);
  f.only({"gamma"}, {"yankee", "gpsu"});
  f.only({"missing"}, {"yankee"});
  f.only({"alpha"}, {"yankee"});  // no object: refused by who reads it
  CHECK_THROWS_WITH_AS((json_file{"f.json", "{\"b\": 1,\n\"b\": 2}"}),
                       "f.json:2: expected each key once, got \"b\" twice", input_error);
}

TEST_CASE("a line of JSON lines is an object with each key once") {
  CHECK(object_on_line(R"({"a": 1})", "f:3")["a"] == 1);
  CHECK_THROWS_WITH_AS((void)object_on_line("[1]", "f:3"), "f:3: expected a JSON object, got [1]",
                       input_error);
  CHECK_THROWS_WITH_AS((void)object_on_line("{", "f:3"), "f:3: expected a JSON object, got {",
                       input_error);
  CHECK_THROWS_WITH_AS((void)object_on_line(R"({"a": 1, "a": 1})", "f:3"),
                       "f:3: expected each key once, got \"a\" twice", input_error);
}
