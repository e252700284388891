// Points in time as traces write them.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

#include <heddle/core/text.hpp>

namespace heddle::trace::detail {

/// Seconds since 1970 of `2020-04-01 08:30:00`: a date and perhaps a time of day (`T` or a blank
/// between them, seconds with a fraction or without) and perhaps an offset (`Z`, `+08:00`, `+0800`,
/// `+08`, ` UTC`). A time without an offset is taken as it stands; the hours in which clocks are put
/// forward or back are not known to it. A number is seconds as they are. Nothing for any other
/// text.
[[nodiscard]] inline std::optional<double> moment_in(std::string_view text) {
  using namespace std::chrono;
  if (const auto seconds = number_in<double>(text)) return seconds;
  const auto take = [&](std::size_t digits) -> std::optional<int> {
    if (text.size() < digits || text.find_first_not_of("0123456789") < digits) return std::nullopt;
    const auto value = number_in<int>(text.substr(0, digits));
    text.remove_prefix(digits);
    return value;
  };
  const auto skip = [&](char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
  };

  const auto y = take(4);
  if (!y || !skip('-')) return std::nullopt;
  const auto m = take(2);
  if (!m || !skip('-')) return std::nullopt;
  const auto d = take(2);
  if (!d) return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(*m)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok()) return std::nullopt;
  double at = 86400.0 * static_cast<double>(sys_days{date}.time_since_epoch().count());
  if (text.empty()) return at;

  if (!skip('T') && !skip(' ')) return std::nullopt;
  const auto hour = take(2);
  if (!hour || *hour > 23 || !skip(':')) return std::nullopt;
  const auto minute = take(2);
  if (!minute || *minute > 59) return std::nullopt;
  at += 3600.0 * *hour + 60.0 * *minute;
  if (skip(':')) {
    auto length = text.find_first_not_of("0123456789.");
    if (length == std::string_view::npos) length = text.size();
    const auto seconds = number_in<double>(text.substr(0, length));
    if (length < 2 || text[0] == '.' || text[1] == '.' || !seconds || *seconds >= 60)
      return std::nullopt;
    at += *seconds;
    text.remove_prefix(length);
  }
  if (text.empty() || text == "Z") return at;
  if (const auto zone = trimmed(text); zone == "UTC" || zone == "GMT") return at;
  if (text.front() == ' ') text.remove_prefix(1);

  const bool east = text.starts_with('+');
  if (!skip('+') && !skip('-')) return std::nullopt;
  const auto hours = take(2);
  if (!hours) return std::nullopt;
  const bool colon = skip(':');
  const auto minutes = text.empty() && !colon ? std::optional<int>(0) : take(2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return at - (east ? 1 : -1) * (3600.0 * *hours + 60.0 * *minutes);
}

/// Seconds of `1-02:03:04`, days, hours, minutes and seconds; `02:03:04`, `03:04`. Nothing for any other
/// text.
[[nodiscard]] inline std::optional<double> elapsed_in(std::string_view text) {
  double days = 0;
  const auto dash = text.find('-');
  if (dash != std::string_view::npos) {
    const auto told = number_in<int>(text.substr(0, dash));
    if (!told || *told < 0 || dash == 0) return std::nullopt;
    days = *told;
    text.remove_prefix(dash + 1);
  }
  double at = 0;
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const auto colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    const auto value = number_in<double>(part);
    if (part.empty() || part[0] < '0' || part[0] > '9' || !value || (parts > 0 && *value >= 60))
      return std::nullopt;
    at = 60 * at + *value;
    more = colon != std::string_view::npos;
    if (more) text.remove_prefix(colon + 1);
  }
  if (parts > 3 || (dash != std::string_view::npos ? parts != 3 : parts < 2)) return std::nullopt;
  return 86400 * days + at;
}

/// Whether a field says that there is no value.
[[nodiscard]] inline bool is_null(std::string_view text) {
  if (text.empty()) return true;
  for (std::string_view word :
       {"none", "null", "(null)", "nan", "nat", "unknown", "n/a", "na", "invalid"})
    if (same_word(text, word)) return true;
  return false;
}

}  // namespace heddle::trace::detail
