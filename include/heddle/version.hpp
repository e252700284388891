// The version of heddle. The numbers stand here alone: the build reads them from this file.
#pragma once

#define HEDDLE_VERSION_MAJOR 0
#define HEDDLE_VERSION_MINOR 1
#define HEDDLE_VERSION_PATCH 0

#define HEDDLE_DETAIL_TEXT(x) #x
#define HEDDLE_DETAIL_JOIN(major, minor, patch) \
  HEDDLE_DETAIL_TEXT(major) "." HEDDLE_DETAIL_TEXT(minor) "." HEDDLE_DETAIL_TEXT(patch)

/// The version as a string literal, "major.minor.patch".
#define HEDDLE_VERSION_STRING \
  HEDDLE_DETAIL_JOIN(HEDDLE_VERSION_MAJOR, HEDDLE_VERSION_MINOR, HEDDLE_VERSION_PATCH)

namespace heddle {

/// The version as a C string, for reports and `--version`.
inline constexpr const char* version = HEDDLE_VERSION_STRING;

}  // namespace heddle
