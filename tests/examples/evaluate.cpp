// heddle-evaluate on small inputs: its tables and files are there, the same each time, and say what
// theory says.
#include <doctest/doctest.h>

#include <cstddef>
#include <sstream>
#include <string>
#include <vector>

#include "support/run.hpp"

using namespace heddle;

namespace {

const char* const program = "heddle-evaluate";

std::vector<std::vector<std::string>> csv_rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string>& cells = rows.emplace_back(1);
    bool quoted = false;
    for (char c : line)
      if (c == '"')
        quoted = !quoted;
      else if (c == ',' && !quoted)
        cells.emplace_back();
      else
        cells.back() += c;
  }
  return rows;
}

}  // namespace

TEST_CASE("heddle-evaluate finds isolated jobs as fast as on the ideal network") {
  const test::scratch_dir dir;
  const auto first =
      test::run(program, "isolation --quick --jobs 60 --seeds 2 --out " + dir.path().string());
  REQUIRE(first.status == 0);
  CHECK(first.out.find("equal, job by job") != std::string::npos);
  const auto rows = csv_rows(test::content_of(dir / "isolation.csv"));
  REQUIRE(rows.size() == 1 + 2 * 6 * 17);
  const std::size_t name = 5, jrt = 9, off = rows[0].size() - 1;
  CHECK(rows[0][off] == "most_off_ideal_s");
  double ideal_jrt = 0;
  std::size_t isolated = 0;
  for (const auto& row : rows) {
    if (row[name] == "ideal network") ideal_jrt = std::stod(row[jrt]);
    if (row[name] != "vclos" && row[name] != "ocs_vclos, no circuit moves") continue;
    CHECK(row[off] == "0");
    ++isolated;
  }
  CHECK(isolated == 24);
  CHECK(ideal_jrt > 0);
  const std::string csv = test::content_of(dir / "isolation.csv");
  const auto again =
      test::run(program, "isolation --quick --jobs 60 --seeds 2 --out " + dir.path().string());
  CHECK(again.out == first.out);
  CHECK(test::content_of(dir / "isolation.csv") == csv);
}

TEST_CASE("heddle-evaluate compares energy and both papers without traces too") {
  const test::scratch_dir dir;
  const auto joint = test::run(program, "joint --jobs 40 --seeds 2 --out " + dir.path().string());
  REQUIRE(joint.status == 0);
  CHECK(csv_rows(test::content_of(dir / "joint.csv")).size() == 1 + 2 * 7 * 4);
  CHECK(csv_rows(test::content_of(dir / "waterfall.csv")).size() == 1 + 2 * 13 * 2);
  const auto energy = test::run(program, "energy --jobs 40 --seeds 1 --out " + dir.path().string());
  REQUIRE(energy.status == 0);
  CHECK(energy.out.find("Priorities") != std::string::npos);
  const auto rows = csv_rows(test::content_of(dir / "energy.csv"));
  CHECK(rows.size() == 1 + 11 * 5 + 2 * 7 + 9 * 7);
  for (std::size_t i = 1; i < rows.size(); ++i) CHECK(std::stod(rows[i][3]) > 0);
}

TEST_CASE("heddle-evaluate says in one line what is wrong with its use") {
  for (const std::string bad :
       {"", "everything", "isolation --seeds 0", "joint --out /nowhere/at/all",
        "energy --jobs 40 --traces /nowhere"}) {
    CAPTURE(bad);
    const auto r = test::run(program, bad);
    CHECK(r.status == 2);
    CHECK(r.err.find("heddle-evaluate: ") == 0);
    CHECK(r.err.find('\n') == r.err.size() - 1);
  }
}
