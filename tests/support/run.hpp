// Running the example programs as their users do.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

namespace heddle::test {

/// A directory of a test's own that goes away with it.
class scratch_dir {
 public:
  scratch_dir() {
    std::random_device any;
    do {
      path_ = std::filesystem::temp_directory_path() / ("heddle-test-" + std::to_string(any()));
    } while (!std::filesystem::create_directory(path_));
  }
  scratch_dir(const scratch_dir&) = delete;
  scratch_dir& operator=(const scratch_dir&) = delete;
  ~scratch_dir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

  /// Writes a file of that name and returns its path.
  std::string write(const std::string& name, const std::string& content) const {
    const std::string file = *this / name;
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }
  /// The number of files and directories in it.
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] inline std::string content_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// How a program ended, and what it wrote.
struct outcome {
  int status = -1;
  std::string out, err;
};

/// Runs a program of the build, `arguments` as a shell sees them.
inline outcome run(const std::string& program, const std::string& arguments) {
  const scratch_dir dir;
  const std::string command = std::string(HEDDLE_BIN_DIR) + "/" + program + " " + arguments + " >" +
                              dir / "out" + " 2>" + dir / "err";
  const int code = std::system(command.c_str());
  return {WIFEXITED(code) ? WEXITSTATUS(code) : -1, content_of(dir / "out"),
          content_of(dir / "err")};
}

}  // namespace heddle::test
