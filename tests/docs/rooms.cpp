// What rooms must not know.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

TEST_CASE("schedulers, allocations and accounts of energy run on tori and name none") {
  const std::filesystem::path library = std::filesystem::path{HEDDLE_SOURCE_DIR} / "include/heddle";
  int files = 0;
  for (const char* room : {"model", "order", "choice", "share", "allocate", "schedule", "sim"})
    for (const auto& entry : std::filesystem::recursive_directory_iterator(library / room)) {
      const std::string name = entry.path().filename().string();
      // Decisions as text have all that a placement may have.
      if (!entry.is_regular_file() || name == "decision_text.hpp" || name == "decision_reader.hpp")
        continue;
      std::ifstream in(entry.path());
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      CAPTURE(entry.path().string());
      for (const char* word :
           {"torus", "cubes", "cube_book", "chip_link", "face_circuit", "leaf_spine_ocs"})
        CHECK(text.find(word) == std::string::npos);
      ++files;
    }
  CHECK(files > 50);
}
