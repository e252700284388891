// Words, numbers and lists in what Slurm's commands print.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <heddle/core/text.hpp>
#include <heddle/fabric/read_hostlist.hpp>

namespace heddle::pilot::detail {

/// The parts between separators; not more than `most`, of which the last holds the rest.
inline std::vector<std::string_view> split(std::string_view text, char by,
                                           std::size_t most = ~std::size_t{0}) {
  std::vector<std::string_view> out;
  for (std::size_t from = 0;;) {
    const auto end = out.size() + 1 == most ? std::string_view::npos : text.find(by, from);
    out.push_back(text.substr(from, end - from));
    if (end == std::string_view::npos) return out;
    from = end + 1;
  }
}

/// Lines that are not blank.
inline std::vector<std::string_view> lines_of(std::string_view text) {
  auto out = split(text, '\n');
  std::erase_if(out, [](std::string_view l) { return l.find_first_not_of(" \t\r") == l.npos; });
  return out;
}

template <class T>
std::optional<T> number(std::string_view text) {
  T x{};
  const auto [end, error] = heddle::detail::read_number(text.data(), text.data() + text.size(), x);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return x;
}

/// Slurm's ways to say that there is nothing.
inline bool is_nothing(std::string_view text) {
  return text.empty() || text == "(null)" || text == "N/A" || text == "None assigned";
}

/// The names in a list of nodes. \throws input_error  for brackets that do not close and the like
inline std::vector<std::string> hosts(std::string_view list) {
  if (is_nothing(list)) return {};
  return fabric::expand_hostlist(list, "slurm");
}

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

/// Seconds of `days-hours:minutes:seconds`, of which the front parts may be missing; 0 for other
/// text, as UNLIMITED is.
inline double seconds_in(std::string_view limit) {
  double days = 0, seconds = 0;
  if (const auto dash = limit.find('-'); dash != limit.npos) {
    days = number<int>(limit.substr(0, dash)).value_or(0);
    limit.remove_prefix(dash + 1);
  }
  for (std::string_view part : split(limit, ':'))
    seconds = 60 * seconds + number<int>(part).value_or(0);
  return seconds + 86400 * days;
}

}  // namespace heddle::pilot::detail

namespace heddle::pilot {

/// The version in what `--version` of Slurm's commands prints, `slurm-wlm 22.05.8`, as 2205; 0 if there
/// is none.
[[nodiscard]] inline int version_in(std::string_view text) {
  const std::string_view last = text.substr(std::min(text.find_last_of(' ') + 1, text.size()));
  const auto parts = detail::split(last.substr(0, last.find_first_of("\r\n-")), '.');
  if (parts.size() < 2) return 0;
  const auto year = detail::number<int>(parts[0]), month = detail::number<int>(parts[1]);
  return year && month && *year > 0 && *year < 100 && *month > 0 && *month < 13
             ? 100 * *year + *month
             : 0;
}

}  // namespace heddle::pilot
