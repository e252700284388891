#include <heddle/trace/csv.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/dice.hpp"
#include "support/refusal.hpp"

using namespace heddle;
using trace::csv_reader;

namespace {

std::vector<std::vector<std::string>> read(const std::string& text) {
  std::istringstream in(text);
  csv_reader rows{in, "f.csv"};
  std::vector<std::vector<std::string>> out{rows.columns()};
  while (rows.next()) {
    out.emplace_back();
    for (std::size_t i = 0; i < rows.columns().size(); ++i)
      out.back().push_back(rows.text({i, ""}));
  }
  return out;
}
std::string refusal(const std::string& text) {
  return test::refusal_of([&] { return read(text); });
}
using rows = std::vector<std::vector<std::string>>;

// In double quotes; appended, because GCC 12 warns of std::string's own operator+ (GCC PR 105651).
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  out.append(text).append("\"");
  return out;
}

// What `number` and `integer` make of a field, or the error.
std::string as_number(const std::string& field) {
  std::istringstream in("x,y\n" + field + ",0\n");
  csv_reader r{in, "f.csv"};
  const auto x = r.required("x");
  try {
    if (!r.next()) return "no row";
    return std::to_string(r.number(x, "a number"));
  } catch (const input_error& e) {
    return e.what();
  }
}
template <class Int>
std::string as_integer(const std::string& field, Int least) {
  std::istringstream in("x,y\n" + field + ",0\n");
  csv_reader r{in, "f.csv"};
  const auto x = r.required("x");
  try {
    if (!r.next()) return "no row";
    return std::to_string(r.integer<Int>(x, least, "a whole number"));
  } catch (const input_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("fields are separated by commas and stripped of blanks") {
  CHECK(read("a,b,c\n1,2,3\n 4 ,\t5,6 \n,,\n") ==
        rows{{"a", "b", "c"}, {"1", "2", "3"}, {"4", "5", "6"}, {"", "", ""}});
}

TEST_CASE("a file may lack its last line break, have carriage returns and a byte order mark") {
  const rows expected{{"a", "b"}, {"1", "2"}};
  CHECK(read("a,b\n1,2") == expected);
  CHECK(read("a,b\r\n1,2\r\n") == expected);
  CHECK(read("\xef\xbb\xbf"
             "a,b\n1,2\n") == expected);
  CHECK(read("\xef\xbb\xbf\"a\",\"b\"\r\n\"1\",\"2\"\r\n") == expected);
}

TEST_CASE("quotes keep commas, quotes and line breaks") {
  CHECK(read("a,b\n\"1,5\",\"say \"\"hi\"\"\"\n\"two\nlines\",x\n") ==
        rows{{"a", "b"}, {"1,5", "say \"hi\""}, {"two\nlines", "x"}});
  CHECK(read("a,b\n\"\",\"\"\n") == rows{{"a", "b"}, {"", ""}});
  CHECK(read("a\n5\" disk\n") == rows{{"a"}, {"5\" disk"}});  // within a field a quote is a quote
}

TEST_CASE("what stands in quotes keeps its blanks and what stands around them is dropped") {
  CHECK(read("a,b\n\" 1 \" ,\" \"\r\n") == rows{{"a", "b"}, {" 1 ", " "}});
  std::istringstream in("a\n\" 5 \"\n");
  csv_reader r{in, "f.csv"};
  REQUIRE(r.next());
  CHECK(r.number(r.required("a"), "a number") == 5);
}

TEST_CASE("fields may be set apart by another sign and quotes be letters like others") {
  std::istringstream in("a|b\n\"x|1,5\n");
  csv_reader r{in, "f.csv", {.separator = '|', .quotes = false}};
  REQUIRE(r.next());
  CHECK(r.text(r.required("a")) == "\"x");
  CHECK(r.text(r.required("b")) == "1,5");
}

TEST_CASE("the columns of a file without a header line are given") {
  const trace::csv_dialect dialect{.columns = "a,b"};
  for (const char* text : {"1,2\n3,4\n", "a,b\n1,2\n3,4\n"}) {
    std::istringstream in(text);
    csv_reader r{in, "f.csv", dialect};
    const auto b = r.required("b");
    REQUIRE(r.next());
    CHECK(r.text(b) == "2");
    REQUIRE(r.next());
    CHECK(r.text(b) == "4");
    CHECK_FALSE(r.next());
  }
  std::istringstream in("1,2,3\n");
  csv_reader r{in, "f.csv", dialect};
  CHECK_THROWS_WITH_AS((void)r.next(), "f.csv:1: expected 2 fields, got 3", input_error);
}

TEST_CASE("empty lines are passed over and counted") {
  std::istringstream in("a,b\n\n1,2\n   \n\n3,4\n\n");
  csv_reader r{in, "f.csv"};
  REQUIRE(r.next());
  CHECK(r.where() == "f.csv:3");
  REQUIRE(r.next());
  CHECK(r.where() == "f.csv:6");
  CHECK_FALSE(r.next());
}

TEST_CASE("an error names the first line of its row") {
  std::istringstream in("a,b\n\"x\ny\",1\nz,2\n");
  csv_reader r{in, "f.csv"};
  REQUIRE(r.next());
  CHECK(r.where() == "f.csv:2");
  REQUIRE(r.next());
  CHECK(r.where() == "f.csv:4");
}

TEST_CASE("files that are no CSV are refused") {
  CHECK(refusal("") == "f.csv:1: expected a header line, got an empty file");
  CHECK(refusal("a,b\n1\n") == "f.csv:2: expected 2 fields, got 1");
  CHECK(refusal("a,b\n1,2\n1,2,3\n") == "f.csv:3: expected 2 fields, got 3");
  CHECK(refusal("a,b\n1,\"2\n3,4\n") == "f.csv:2: expected a closing quote, got the end of file");
  CHECK(refusal(std::string("a,b\n1,\0002\n", 9)) ==
        "f.csv:2: expected a text file, got a binary one (a zero byte)");
}

TEST_CASE("columns that nobody asks for may repeat") {
  std::istringstream in("note,a,note,,\nx,1,y,,\n");
  csv_reader r{in, "f.csv"};
  const auto a = r.required("a");
  REQUIRE(r.next());
  CHECK(r.text(a) == "1");
  CHECK_THROWS_WITH_AS((void)r.column("note"),
                       "f.csv:1: expected each column once, got \"note\" twice", input_error);
}

TEST_CASE("all columns that lack are named at once") {
  std::istringstream in("b,a\n1,2\n");
  csv_reader r{in, "f.csv"};
  CHECK_THROWS_WITH_AS(r.require({"a", "gpus", "submit_s"}),
                       "f.csv:1: expected columns \"gpus\", \"submit_s\", got \"b,a\"",
                       input_error);
}

TEST_CASE("a stream that cannot be read is refused") {
  std::istringstream in("a\n");
  in.setstate(std::ios::failbit);
  CHECK_THROWS_WITH_AS((csv_reader{in, "f.csv"}), "f.csv: expected a readable file, got none",
                       input_error);
}

TEST_CASE("columns are found by name, and a missing one is named with those there are") {
  std::istringstream in("b, a \n1,2\n");
  csv_reader r{in, "f.csv"};
  REQUIRE(r.column("a"));
  CHECK_FALSE(r.column("A"));
  const auto a = r.required("a");
  REQUIRE(r.next());
  CHECK(r.text(a) == "2");
  CHECK_THROWS_WITH_AS((void)r.required("gpus"), "f.csv:1: expected a column \"gpus\", got \"b,a\"",
                       input_error);
}

TEST_CASE("numbers are finite decimals and nothing else") {
  CHECK(as_number("12") == "12.000000");
  CHECK(as_number(" -0.5 ") == "-0.500000");
  CHECK(as_number("1e3") == "1000.000000");
  const auto refused = [](const std::string& got) {
    return "f.csv:2: expected a number as x, got " + got;
  };
  CHECK(as_number("\"\"") == refused("nothing"));
  for (const char* bad : {"x", "1x", "1 2", "nan", "NaN", "inf", "-inf", "1e400", "-1e400", "0x10",
                          "1,5", "--1", "1e", "."}) {
    CAPTURE(bad);
    const std::string field = std::string(bad) == "1,5" ? "\"1,5\"" : bad;
    CHECK(as_number(field) == refused(in_quotes(bad)));
  }
}

TEST_CASE("whole numbers fit into their type, and 8.0 is one") {
  CHECK(as_integer<int>("8.0", 1) == "8");
  CHECK(as_integer<int>("2147483647", 1) == "2147483647");
  CHECK(as_integer<int>("-2147483648", std::numeric_limits<int>::min()) == "-2147483648");
  const auto refused = [](const std::string& got) {
    return "f.csv:2: expected a whole number as x, got \"" + got + "\"";
  };
  for (const char* bad : {"0", "-1", "1.5", "2147483648", "1e10", "1e300"})
    CHECK(as_integer<int>(bad, 1) == refused(bad));
  CHECK(as_integer<std::int64_t>("4294967296", 0) == "4294967296");
  for (const char* bad : {"9223372036854775808", "18446744073709551616", "1e19"})
    CHECK(as_integer<std::int64_t>(bad, 0) == refused(bad));
}

TEST_CASE("what an error quotes is short and printable") {
  CHECK(trace::quoted("") == "nothing");
  CHECK(trace::quoted("a\nb\x7f") == "\"a?b?\"");
  CHECK(trace::quoted(std::string(40, 'x')) == in_quotes(std::string(40, 'x')));
  CHECK(trace::quoted(std::string(41, 'x')) == in_quotes(std::string(40, 'x') + "…"));
}

TEST_CASE("random bytes are read or refused, never worse") {
  const std::string alphabet = "a1,\"\n\r \t.-e\xef\xbb\xbf";
  int accepted = 0;
  for (std::uint64_t seed = 0; seed < 5000; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::string text;
    for (int i = d.between(0, 60); i > 0; --i)
      text += d.chance(.01) ? static_cast<char>(d.index(256)) : alphabet[d.index(alphabet.size())];
    const std::string answer = refusal(text);
    accepted += answer == "accepted";
    REQUIRE((answer == "accepted" || answer.starts_with("f.csv:")));
    REQUIRE(answer.find('\n') == std::string::npos);
  }
  CHECK(accepted > 100);
}
