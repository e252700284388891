// The one exception of the library: bad input at the door.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace heddle {

/// Thrown where data from outside enters (a file, a fabric's shape, a policy's options) and is not
/// what it must be. Its message is one line: `where: expected …, got …`.
///
/// What is *not* an input error: a request that cannot be met (that is an outcome, returned as
/// data) and a broken precondition of a function (that asserts).
class input_error : public std::runtime_error {
 public:
  /// \param where     what was read: `jobs.csv:12`, `leaf_spine.leafs`
  /// \param expected  what stands there in a good input: `a duration of at least 0 s`
  /// \param got       what stood there: `-3`
  input_error(std::string where, std::string expected, std::string got)
      : std::runtime_error(where + ": expected " + expected + ", got " + got),
        where_(std::move(where)), expected_(std::move(expected)), got_(std::move(got)) {}

  [[nodiscard]] const std::string& where() const { return where_; }
  [[nodiscard]] const std::string& expected() const { return expected_; }
  [[nodiscard]] const std::string& got() const { return got_; }

 private:
  std::string where_, expected_, got_;
};

}  // namespace heddle
