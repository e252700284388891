#include <algorithm>
#include <filesystem>
#include <string>

#include <doctest/doctest.h>

#include "support/run.hpp"

TEST_CASE("every numbered example stands in docs/examples.md and is at most 80 lines long") {
  namespace fs = std::filesystem;
  const std::string page = heddle::test::content_of(HEDDLE_SOURCE_DIR "/docs/examples.md");
  int examples = 0;
  for (const auto& e : fs::directory_iterator(HEDDLE_SOURCE_DIR "/examples")) {
    const std::string name = e.path().stem().string();
    if (e.path().extension() != ".cpp" || name[0] < '0' || name[0] > '9') continue;
    CAPTURE(name);
    ++examples;
    CHECK(page.find("\nbuild/test/bin/" + name + "\n") !=
          page.npos);  // run, and its output compared
    const std::string text = heddle::test::content_of(e.path().string());
    CHECK(std::count(text.begin(), text.end(), '\n') <= 80);
  }
  CHECK(examples >= 6);
}
