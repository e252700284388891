// What every program does alike: exit codes, errors in one line, files written whole.
//
//   0  done
//   1  the request was well formed but cannot be met, or something outside failed
//   2  bad input or bad use: one line on standard error, nothing written
#pragma once

#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include <heddle/core/error.hpp>
#include <heddle/version.hpp>

namespace heddle::examples {

/// The exit status of a program that could do what it was asked, could not, or was asked wrongly.
enum exit_status : int { done = 0, not_met = 1, bad_input = 2 };

/// A request that is well formed and cannot be met: one line, exit status 1.
struct unmet_request : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Runs `body(app)` between parsing the command line and a clean exit.
///
/// \param name   `heddle-simulate`; errors begin with it
/// \param setup  adds options to a CLI::App
/// \param body   does the work and returns the exit status
int run_program(const std::string& name, const std::string& about, int argc, char** argv,
                const std::function<void(CLI::App&)>& setup, const std::function<int()>& body);

/// The name of the program that `run_program` runs: what it says on standard error begins with it.
[[nodiscard]] const std::string& program_name();

/// Files that appear whole or not at all: each is written beside its place under another name, and
/// all are renamed by `commit`. What was not committed is removed again. A link stays one, and what it points
/// to is replaced; a device or a pipe, as /dev/null, is written to by `commit` and never replaced.
class whole_files {
 public:
  whole_files() = default;
  whole_files(const whole_files&) = delete;
  whole_files& operator=(const whole_files&) = delete;
  ~whole_files() {
    std::error_code ignored;
    for (const auto& [temporary, target] : written_) std::filesystem::remove(temporary, ignored);
  }

  /// Writes `content` for `path`; to standard output at `commit` for `-`.
  /// \throws unmet_request  if it cannot be written
  void add(const std::string& path, const std::string& content) {
    if (path == "-") {
      to_stdout_ += content;
      return;
    }
    std::error_code error;
    const std::filesystem::file_status there = std::filesystem::status(path, error);
    if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
      to_devices_.emplace_back(path, content);
      return;
    }
    const std::string target =
        std::filesystem::exists(there) ? std::filesystem::canonical(path).string() : path;
    const std::string temporary = target + ".part";
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    if (out) written_.emplace_back(temporary, target);
    if (!(out << content) || !out.flush()) throw unmet_request(path + ": cannot be written");
  }

  void commit() {
    for (const auto& [temporary, target] : written_) {
      std::error_code error;
      std::filesystem::rename(temporary, target, error);
      if (error) throw unmet_request(target + ": " + error.message());
    }
    written_.clear();
    for (const auto& [path, content] : to_devices_) {
      std::ofstream out(path, std::ios::binary);
      if (!(out << content) || !out.flush()) throw unmet_request(path + ": cannot be written");
    }
    to_devices_.clear();
    std::cout << to_stdout_;
    to_stdout_.clear();
  }

 private:
  std::vector<std::pair<std::string, std::string>> written_;     // temporary and target
  std::vector<std::pair<std::string, std::string>> to_devices_;  // path and content
  std::string to_stdout_;
};

}  // namespace heddle::examples
