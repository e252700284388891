// Lines of tables that are not simply set apart by one sign.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include <heddle/core/text.hpp>

namespace heddle::trace::detail {

/// Where a column of fixed width stands.
struct column_width {
  std::size_t from = 0, length = 0;
};

/// The columns under a line of dashes, `----- -------- ---`; none if it is no such line.
[[nodiscard]] inline std::vector<column_width> columns_under(std::string_view dashes) {
  std::vector<column_width> out;
  if (trimmed(dashes).empty() || dashes.find_first_not_of("- \t\r") != std::string_view::npos)
    return out;
  for (std::size_t i = 0; i < dashes.size(); ++i) {
    if (dashes[i] != '-') continue;
    if (i == 0 || dashes[i - 1] != '-') out.push_back({i, 0});
    ++out.back().length;
  }
  return out;
}

/// The parts of a line under such columns; what a short line lacks is empty.
[[nodiscard]] inline std::vector<std::string_view>
parts_of(std::string_view line, const std::vector<column_width>& columns) {
  std::vector<std::string_view> out;
  for (const column_width& c : columns)
    out.push_back(c.from < line.size() ? line.substr(c.from, c.length) : std::string_view{});
  return out;
}

/// Whether `more` goes on a list like `cpu=8,mem=4G`: it is an item that the list does not have yet.
[[nodiscard]] inline bool goes_on(std::string_view list, std::string_view more) {
  const auto end = more.find('=');
  if (end == std::string_view::npos || end == 0 || list.find('=') == std::string_view::npos)
    return false;
  const std::string_view name = more.substr(0, end + 1);
  for (std::size_t at = list.find(name); at != std::string_view::npos; at = list.find(name, at + 1))
    if (at == 0 || list[at - 1] == ',') return false;
  return true;
}

}  // namespace heddle::trace::detail
