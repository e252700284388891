// Numbers in text, for standard libraries whose std::from_chars knows whole numbers alone.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <limits>
#include <locale>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>

namespace heddle::detail {

/// A decimal number at the front of the text, by hand where the standard library has no
/// `std::from_chars` for it (libc++ 19): the same texts are taken, and the same value is found, but for
/// `inf` and `nan`.
template <std::floating_point Number>
[[nodiscard]] std::from_chars_result read_slowly(const char* first, const char* last,
                                                 Number& value) {
  const auto digits = [last](const char*& at) {
    bool any = false, nonzero = false;
    for (; at != last && *at >= '0' && *at <= '9'; ++at) any = true, nonzero |= *at != '0';
    return std::pair{any, nonzero};
  };
  const char* at = first;
  if (at != last && *at == '-') ++at;
  auto [any, nonzero] = digits(at);
  if (at != last && *at == '.') {
    const char* after = at + 1;
    const auto [more, more_nonzero] = digits(after);
    if (any || more) at = after;
    any |= more, nonzero |= more_nonzero;
  }
  if (!any) return {first, std::errc::invalid_argument};
  if (at != last && (*at == 'e' || *at == 'E')) {
    const char* after = at + 1;
    if (after != last && (*after == '+' || *after == '-')) ++after;
    if (digits(after).first) at = after;
  }
  std::istringstream in(std::string(first, at));
  in.imbue(std::locale::classic());
  Number read{};
  in >> read;
  // It may say that it failed for subnormal numbers, too; too large a one is the largest then.
  const bool too_large = in.fail() && std::abs(read) == std::numeric_limits<Number>::max();
  if (!std::isfinite(read) || too_large || (read == 0 && nonzero))
    return {at, std::errc::result_out_of_range};
  value = read;
  return {at, std::errc{}};
}

}  // namespace heddle::detail
