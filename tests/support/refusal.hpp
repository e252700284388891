// What a reader says of input that it refuses.
#pragma once

#include <string>

#include <heddle/core/error.hpp>

namespace heddle::test {

/// The message of the input_error that `read()` throws; "accepted" if it throws none.
template <class Read>
[[nodiscard]] std::string refusal_of(const Read& read) {
  try {
    static_cast<void>(read());
  } catch (const input_error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace heddle::test
