// heddle-fuzz-seeds <directory>: writes a good input of each target to <directory>/<target>/good.
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "fuzz/targets.hpp"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: heddle-fuzz-seeds <directory>\n");
    return 2;
  }
  for (const auto& t : heddle::fuzz::targets()) {
    const auto directory = std::filesystem::path(argv[1]) / t.name;
    std::filesystem::create_directories(directory);
    std::ofstream(directory / "good", std::ios::binary) << t.seed;
  }
}
