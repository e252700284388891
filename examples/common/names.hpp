// Names that programs take on the command line and in files: one table a kind, from which the choice at
// run time, `--help`, `--names`, errors and the page docs/names.md come. A new name is a row of its table.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace CLI {
class App;
}

namespace heddle::examples {

/// A name, one line that says what it is, and what it stands for. A row of a table; tables of more
/// columns have rows of their own that begin alike.
template <class T>
struct named {
  std::string_view name;
  std::string_view what;
  T value;
};
template <class T>
named(std::string_view, std::string_view, T) -> named<T>;

/// A table of values of several types, of which each row holds one.
template <class... T>
[[nodiscard]] constexpr auto table_of(named<T>... rows) {
  using any = std::variant<T...>;
  return std::array<named<any>, sizeof...(T)>{
      named<any>{rows.name, rows.what, any{std::in_place_type<T>, std::move(rows.value)}}...};
}
/// What a row of such a table holds.
template <class Table>
using value_in = decltype(Table::value_type::value);

/// A row as it is printed.
struct name_line {
  std::string_view name;
  std::string_view what;
};
using name_lines = std::vector<name_line>;

/// The rows of a table, or those that `filter` keeps.
template <class Table, class Filter>
[[nodiscard]] name_lines lines_of(const Table& table, Filter filter) {
  name_lines out;
  for (const auto& row : table)
    if (filter(row)) out.push_back({row.name, row.what});
  return out;
}
template <class Table>
[[nodiscard]] name_lines lines_of(const Table& table) {
  return lines_of(table, [](const auto&) { return true; });
}

/// "fifo, shortest, deadline".
[[nodiscard]] std::string listed(const name_lines& names);
/// "fifo, shortest or deadline".
[[nodiscard]] std::string either(const name_lines& names);

/// Of these, the one that `given` may have been meant for; empty if none is near.
[[nodiscard]] std::string_view nearest(const name_lines& names, std::string_view given);

/// \throws input_error  always: at `where`, one of `names` was expected; with the nearest, if one is near
[[noreturn]] void refuse_name(const std::string& where, const name_lines& names,
                              std::string_view given);

/// The row of that name. \throws input_error  with all names, if there is none
template <class Table>
[[nodiscard]] const auto& find_named(const Table& table, const std::string& where,
                                     std::string_view name) {
  for (const auto& row : table)
    if (row.name == name) return row;
  refuse_name(where, lines_of(table), name);
}

/// A kind of names: where they are given, what they name, and all of them.
struct name_kind {
  std::string_view option;
  std::string_view what;
  name_lines names;
};

/// "fifo, shortest or deadline" of the kind of that option. Precondition: there is one.
[[nodiscard]] std::string either(const std::vector<name_kind>& kinds, std::string_view option);

/// Adds the flag `--names`, which prints these kinds and ends the program.
void add_names(CLI::App& app, std::vector<name_kind> kinds);

}  // namespace heddle::examples
