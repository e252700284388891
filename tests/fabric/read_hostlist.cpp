#include <heddle/fabric/read_hostlist.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "support/refusal.hpp"

using namespace heddle;
using fabric::expand_hostlist;

namespace {

using names = std::vector<std::string>;
std::string refusal(const std::string& text, std::size_t most = 1000) {
  return test::refusal_of([&] { return expand_hostlist(text, "f:3", most); });
}

}  // namespace

TEST_CASE("a host list names its hosts in order") {
  CHECK(expand_hostlist("a", "") == names{"a"});
  CHECK(expand_hostlist("a,b-c, d.e", "") == names{"a", "b-c", "d.e"});
  CHECK(expand_hostlist("tux[0-3,12,18-20]", "") ==
        names{"tux0", "tux1", "tux2", "tux3", "tux12", "tux18", "tux19", "tux20"});
  CHECK(expand_hostlist("n[3],n1,m[1-2]", "") == names{"n3", "n1", "m1", "m2"});
}

TEST_CASE("numbers of a host list keep the width of the first of their range") {
  CHECK(expand_hostlist("n[08-10]", "") == names{"n08", "n09", "n10"});
  CHECK(expand_hostlist("n[8-10]", "") == names{"n8", "n9", "n10"});
  CHECK(expand_hostlist("n[098-101,7]", "") == names{"n098", "n099", "n100", "n101", "n7"});
  CHECK(expand_hostlist("n[01-100]", "").back() == "n100");
}

TEST_CASE("names of a host list may go on behind brackets and have several") {
  CHECK(expand_hostlist("n[1-2]-ib", "") == names{"n1-ib", "n2-ib"});
  CHECK(expand_hostlist("r[1-2]n[08-09,1]", "") ==
        names{"r1n08", "r1n09", "r1n1", "r2n08", "r2n09", "r2n1"});
}

TEST_CASE("commas too many in a host list are passed over") {
  for (const char* same :
       {"a,,b[1-2]", "a,b[1-2],", ",a,b[1-2]", "a, ,b[1-2], ,", ",,,a,,,b[1-2],,,"})
    CHECK(expand_hostlist(same, "") == names{"a", "b1", "b2"});
}

TEST_CASE("text that is no host list is refused") {
  CHECK(refusal("") == "f:3: expected a name in a host list, got nothing");
  CHECK(refusal(" , ,") == "f:3: expected a name in a host list, got \" , ,\"");
  CHECK(refusal("n[1-2") == "f:3: expected a closing bracket in a host list, got \"n[1-2\"");
  CHECK(refusal("n1]") == "f:3: expected a host list like node[01-16,20],login, got \"n1]\"");
  CHECK(refusal("n1 n2") == "f:3: expected a host list like node[01-16,20],login, got \"n1 n2\"");
  for (const char* bad : {"n[]", "n[1,]", "n[a]", "n[1-]", "n[-1]", "n[1--2]", "n[1-2-3]", "n[ 1]",
                          "n[1234567890]", "n[[1]"})
    CHECK(refusal(bad).find("ranges of whole numbers of at most 9 digits in the brackets of a host "
                            "list, got ") != std::string::npos);
  CHECK(refusal("n[5-3]") == "f:3: expected ranges of a host list to run upwards, got \"n[5-3]\"");
}

TEST_CASE("a host list has an end") {
  CHECK(refusal("n[1-1000]") == "accepted");
  CHECK(refusal("n[1-999],m") == "accepted");
  CHECK(refusal("n[1-1000],m") == "f:3: expected at most 1000 names, got more");
  CHECK(refusal("n[0-999999999]") == "f:3: expected at most 1000 names, got more");
  CHECK(refusal("n[0-99]m[0-99]p[0-99]q[0-99]r[0-99]s[0-99]t[0-99]") ==
        "f:3: expected at most 1000 names, got more");
  CHECK(refusal(std::string(255, 'n')) == "accepted");
  CHECK(refusal(std::string(256, 'n')).find("names of at most 255 characters") !=
        std::string::npos);
}

TEST_CASE("a host list of names that are too much text together is refused before it is made") {
  const std::string stem(200, 'x');
  CHECK(refusal(stem + "[0-200000]", 1u << 18) ==
        "f:3: expected names of at most 32 MiB in all, got more, in a host list");
  CHECK(refusal("x[0-200000]" + stem, 1u << 18) ==
        "f:3: expected names of at most 32 MiB in all, got more, in a host list");
}
