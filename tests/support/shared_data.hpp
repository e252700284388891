// Public data sets that lie beside the project and are not part of it.
//
//   shared_file("data/jobs/x.csv")     its path, or nothing where it is missing
//   skip("data/jobs/x.csv")            tells main() that this test could not check all it wanted to
//   HEDDLE_SHARED_FILE(path, "data/jobs/x.csv");   both: defines `path`, or skips and returns
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::test {

/// The path of a file or directory of the shared data, `name` relative to HEDDLE_SHARED_DIR.
inline std::optional<std::filesystem::path> shared_file(std::string_view name) {
  const std::filesystem::path path = std::filesystem::path(HEDDLE_SHARED_DIR) / name;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::nullopt;
  return path;
}

/// What was missing so far. main() prints it as "[skipped] <what>" after a run without failures, so
/// that a test that found a fault before it was skipped still counts as failed.
inline std::vector<std::string>& skipped() {
  static std::vector<std::string> what;
  return what;
}

/// Records that the running test leaves something out, because `missing` is missing.
inline void skip(std::string_view missing) { skipped().emplace_back(missing); }

}  // namespace heddle::test

/// Defines `variable`, the path of a shared file; where it is missing, skips the test and returns.
#define HEDDLE_SHARED_FILE(variable, name)                           \
  const auto variable##_or_none = ::heddle::test::shared_file(name); \
  if (!variable##_or_none) {                                         \
    ::heddle::test::skip(name);                                      \
    return;                                                          \
  }                                                                  \
  const std::filesystem::path& variable = *variable##_or_none
