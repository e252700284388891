#include <heddle/core/text.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>

using namespace heddle;

TEST_CASE("what an error shows of a text is short and printable") {
  CHECK(shown("") == "nothing");
  CHECK(shown("a\nb\x7f") == "\"a?b?\"");
  const std::string forty(40, 'x');
  CHECK(shown(forty) == '"' + forty + '"');
  // A character is never cut in two.
  std::string text(39, 'x');
  std::string expected = '"' + text;
  CHECK(shown(text.append("éé")) == expected.append("…\""));
  text.assign(38, 'x');
  expected = '"' + text;
  CHECK(shown(text.append("éé")) == expected.append("é…\""));
}

TEST_CASE("blanks are trimmed at both ends") {
  CHECK(trimmed(" \ta b\r").compare("a b") == 0);
  CHECK(trimmed(" \t\r").empty());
  CHECK(trimmed("").empty());
}

TEST_CASE("a text is a number as a whole or not at all") {
  CHECK(number_in<double>("1.5e3") == 1500);
  CHECK(number_in<int>("-7") == -7);
  CHECK(number_in<std::uint32_t>("4294967295") == std::numeric_limits<std::uint32_t>::max());
  for (const char* bad : {"", " 1", "1 ", "1x", "+1", "nan", "inf", "1e999", "0x10"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_in<double>(bad));
  }
  for (const char* bad : {"", "1.0", "4294967296", "-1"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_in<std::uint32_t>(bad));
  }
}

TEST_CASE("words are compared without regard to capitals") {
  CHECK(same_word("SwitchName", "switchNAME"));
  CHECK_FALSE(same_word("Nodes", "Node"));
  CHECK_FALSE(same_word("a[", "A{"));
}

TEST_CASE("lines are counted and freed of what ends them") {
  std::istringstream in("\xef\xbb\xbf"
                        "a\r\n\nb");
  line_reader r{in, "f"};
  REQUIRE(r.next());
  CHECK(r.line() == "a");
  REQUIRE(r.next());
  CHECK(r.line().empty());
  CHECK(r.where() == "f:2");
  REQUIRE(r.next());
  CHECK(r.line() == "b");
  CHECK(r.where(1) == "f:1");
  CHECK_FALSE(r.next());
  std::istringstream binary(std::string("a\nb\0", 4));
  line_reader b{binary, "f"};
  REQUIRE(b.next());
  CHECK_THROWS_WITH_AS((void)b.next(), "f:2: expected a text file, got a binary one (a zero byte)",
                       input_error);
}
