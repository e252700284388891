#include <heddle/core/detail/read_number.hpp>
#include <heddle/core/text.hpp>

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <string>

#include <heddle/core/random.hpp>

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

TEST_CASE("numbers are read the same without from_chars of the standard library") {
  const auto check = [](const std::string& text) {
    CAPTURE(text);
    const char *const first = text.data(), *const last = first + text.size();
    double slow = -1, fast = -1;
    const auto a = heddle::detail::read_slowly(first, last, slow);
    const auto b = heddle::detail::read_number(first, last, fast);
    CHECK(a.ec == b.ec);
    CHECK(a.ptr - first == b.ptr - first);
    CHECK(std::bit_cast<std::uint64_t>(slow) == std::bit_cast<std::uint64_t>(fast));
  };
  for (const char* text : {"",
                           "-",
                           ".",
                           "-.5",
                           "5.",
                           "1e",
                           "1e+",
                           "1e-x",
                           "2e3x",
                           "0x10",
                           "+1",
                           " 1",
                           "1 ",
                           "-0",
                           "0e999",
                           "1e999",
                           "-1e999",
                           "1e-999",
                           "4.9e-324",
                           "2e-324",
                           "1e-310",
                           "0.1",
                           "1E5",
                           "1,5",
                           "00012",
                           "1.2.3",
                           "1.7976931348623157e308",
                           "1.7976931348623159e308",
                           "9007199254740993",
                           "0.1000000000000000055511151231257827021181583404541015625"})
    check(text);
  stream random(7, 0, "numbers");
  for (int i = 0; i < 2000; ++i) {
    const auto x = std::bit_cast<double>(random());
    if (!std::isfinite(x)) continue;
    std::ostringstream out;
    out.precision(static_cast<int>(1 + random() % 20));
    out << x;
    check(out.str());
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
