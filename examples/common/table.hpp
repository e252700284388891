// Tables and numbers as text, the same on every compiler and in every locale.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace heddle::examples {

/// `x` with `digits` digits after the point and a comma between thousands; a real minus sign, and
/// none before a zero.
[[nodiscard]] inline std::string fixed(double x, int digits) {
  char buffer[400];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(x), std::chars_format::fixed, digits);
  std::string text(buffer, end);
  const bool is_zero = text.find_first_not_of("0.") == std::string::npos;
  const std::size_t whole = std::min(text.find('.'), text.size());
  for (std::size_t i = whole; i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return x < 0 && !is_zero ? "\u2212" + text : text;
}

/// The shortest text that reads back as `x`.
[[nodiscard]] inline std::string shortest(double x) {
  char buffer[32];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, x);
  return {buffer, end};
}

/// A whole number with a comma between thousands.
[[nodiscard]] inline std::string grouped(std::size_t n) {
  std::string text = std::to_string(n);
  for (std::size_t i = text.size(); i > 3; i -= 3) text.insert(i - 3, 1, ',');
  return text;
}

/// "1 job", "2,000 jobs".
[[nodiscard]] inline std::string count_of(std::size_t n, const std::string& what) {
  return grouped(n) + " " + what + (n == 1 ? "" : "s");
}

/// A share as per cent: 0.204 → "20.4 %".
[[nodiscard]] inline std::string percent(double share, int digits = 1) {
  return fixed(100 * share, digits) + " %";
}

/// A change as per cent with its sign: "+4.1 %", "−4.1 %", "0.0 %".
[[nodiscard]] inline std::string signed_percent(double share, int digits = 1) {
  std::string text = percent(share, digits);
  const bool is_zero = text.find_first_not_of("0. %") == std::string::npos;
  return share > 0 && !is_zero ? "+" + text : text;
}

/// The number of characters of UTF-8 text, which is its width where each is one column wide.
[[nodiscard]] inline std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

/// `text` in lines of at most `columns` characters where its words allow, each ended.
[[nodiscard]] inline std::string wrapped(std::string_view text, std::size_t columns = 100) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (column > 0 && column + 1 + width(word) > columns) {
      out += '\n';
      column = 0;
    } else if (column > 0) {
      out += ' ';
      ++column;
    }
    out += word;
    column += width(word);
    at = end + 1;
  }
  return out + '\n';
}

/// A column of a table: its title, its unit where it has one.
struct column {
  std::string title;
  std::string unit = {};
  bool is_text = false;  ///< flush left; numbers stand flush right
};

/// A table of cells that are text already. The first column names the row. Rows of a group stand
/// together.
struct table {
  std::string caption;
  std::vector<column> columns;
  std::vector<std::vector<std::vector<std::string>>> groups;  ///< group, row, cell

  /// Rows of one more group follow.
  void begin_group() { groups.emplace_back(); }
  void add(std::vector<std::string> cells) {
    if (groups.empty()) begin_group();
    groups.back().push_back(std::move(cells));
  }
};

namespace detail {
inline std::string padded(const std::string& text, std::size_t to, bool left) {
  const std::string spaces(to - std::min(to, width(text)), ' ');
  return left ? text + spaces : spaces + text;
}
}  // namespace detail

/// Writes the table in aligned columns, two spaces apart, a line between groups.
inline void print(std::ostream& out, const table& t) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < t.columns.size(); ++c) {
    std::size_t w = std::max(width(t.columns[c].title), width(t.columns[c].unit));
    for (const auto& group : t.groups)
      for (const auto& row : group) w = std::max(w, width(row[c]));
    widths.push_back(w);
  }
  const auto line = [&](auto&& cell) {
    std::string text;
    for (std::size_t c = 0; c < t.columns.size(); ++c)
      text += (c ? "  " : "") + detail::padded(cell(c), widths[c], t.columns[c].is_text);
    out << text.substr(0, text.find_last_not_of(' ') + 1) << '\n';
  };
  std::size_t total = 2 * (t.columns.size() - 1);
  for (std::size_t w : widths) total += w;
  std::string rule;
  for (std::size_t i = 0; i < total; ++i) rule += "\u2500";

  out << wrapped(t.caption) << '\n';
  line([&](std::size_t c) { return t.columns[c].title; });
  if (std::any_of(t.columns.begin(), t.columns.end(),
                  [](const column& c) { return !c.unit.empty(); }))
    line([&](std::size_t c) { return t.columns[c].unit; });
  for (const auto& group : t.groups) {
    out << rule << '\n';
    for (const auto& row : group) line([&](std::size_t c) { return row[c]; });
  }
}

}  // namespace heddle::examples
