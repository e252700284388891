// Reading CSV files with a header, with errors that say where and what.
//
// A file is lines of comma-separated fields; a field in double quotes may hold commas, quotes
// (doubled) and line breaks. Columns may stand in any order, those that nobody asks for are ignored,
// a UTF-8 byte order mark and `\r\n` are accepted.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

namespace heddle::trace {

/// A column of the file being read; got from `csv_reader::column`, usable with that reader only.
struct csv_column {
  std::size_t index = 0;
  std::string name;
};

/// Text for an error message: short, printable, in quotes; the empty field is said to be empty.
[[nodiscard]] inline std::string quoted(std::string_view text) {
  if (text.empty()) return "nothing";
  std::string out = "\"";
  for (char c : text.substr(0, 40)) out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  return out + (text.size() > 40 ? "…\"" : "\"");
}

/// Reads a CSV file row by row.
///
///     csv_reader rows{file, "jobs.csv"};
///     const auto gpus = rows.required("gpus");
///     while (rows.next()) use(rows.integer(gpus, 1, "a positive number of GPUs"));
///
/// Every error is an `input_error` whose `where` is `name:line`.
class csv_reader {
 public:
  /// Reads the header. \throws input_error  if there is none or the stream cannot be read
  csv_reader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
    if (!in_) throw input_error(name_, "a readable file", "none");
    if (!read_record()) throw input_error(where(), "a header line", "an empty file");
    columns_ = fields_;
    for (std::string& c : columns_) c = trimmed(c);
    for (std::size_t i = 0; i < columns_.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (columns_[i] == columns_[k] && !columns_[i].empty())
          throw input_error(where(), "each column once", trace::quoted(columns_[i]) + " twice");
  }

  /// The column of that name, if the file has it.
  [[nodiscard]] std::optional<csv_column> column(std::string_view name) const {
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i] == name) return csv_column{i, std::string(name)};
    return std::nullopt;
  }
  /// The column of that name. \throws input_error  if the file lacks it
  [[nodiscard]] csv_column required(std::string_view name) const {
    if (auto c = column(name)) return *std::move(c);
    std::string header;
    for (const std::string& c : columns_) header += (header.empty() ? "" : ",") + c;
    throw input_error(name_ + ":1", "a column \"" + std::string(name) + "\"", trace::quoted(header));
  }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  /// Goes to the next row; false after the last. Empty lines are passed over.
  /// \throws input_error  for a row with more or fewer fields than the header
  bool next() {
    do {
      if (!read_record()) return false;
    } while (fields_.size() == 1 && trimmed(fields_[0]).empty());
    if (fields_.size() != columns_.size())
      throw input_error(where(), std::to_string(columns_.size()) + " fields",
                        std::to_string(fields_.size()));
    return true;
  }

  /// The text of a field of the current row, without surrounding blanks.
  [[nodiscard]] std::string text(const csv_column& c) const { return trimmed(fields_[c.index]); }
  [[nodiscard]] bool empty(const csv_column& c) const { return text(c).empty(); }

  /// A finite number. \param expected  what stands there in a good file, for the error
  [[nodiscard]] double number(const csv_column& c, std::string_view expected) const {
    const std::string field = text(c);
    double value = 0;
    const char* const end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value)) fail(c, expected);
    return value;
  }
  /// A finite number ≥ `least`.
  [[nodiscard]] double number(const csv_column& c, double least, std::string_view expected) const {
    const double value = number(c, expected);
    if (value < least) fail(c, expected);
    return value;
  }
  /// A whole number ≥ `least` that fits into `Int`; `8.0` is one.
  template <class Int = int>
  [[nodiscard]] Int integer(const csv_column& c, Int least, std::string_view expected) const {
    const double value = number(c, static_cast<double>(least), expected);
    if (value != std::floor(value) || value >= std::ldexp(1.0, std::numeric_limits<Int>::digits))
      fail(c, expected);
    return static_cast<Int>(value);
  }

  /// `name:line` of the current row's first line.
  [[nodiscard]] std::string where() const { return name_ + ":" + std::to_string(row_line_); }
  /// Throws the error for column `c` of the current row.
  [[noreturn]] void fail(const csv_column& c, std::string_view expected) const {
    throw input_error(where(), std::string(expected) + " as " + c.name, trace::quoted(text(c)));
  }

 private:
  [[nodiscard]] static std::string trimmed(std::string_view s) {
    const auto first = s.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string(s.substr(first, s.find_last_not_of(" \t\r") - first + 1));
  }

  /// Reads one record into `fields_`; false at the end of the file.
  bool read_record() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    if (line_ == 0 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    row_line_ = ++line_;
    fields_.assign(1, {});
    bool in_quotes = false;
    for (;;) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\0') throw input_error(where(), "a text file", "a binary one (a zero byte)");
        if (in_quotes && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
          fields_.back() += line[++i];
        } else if (c == '"' && (in_quotes || fields_.back().empty())) {
          in_quotes = !in_quotes;
        } else if (c == ',' && !in_quotes) {
          fields_.emplace_back();
        } else {
          fields_.back() += c;
        }
      }
      if (!in_quotes) return true;
      fields_.back() += '\n';
      if (!std::getline(in_, line)) throw input_error(where(), "a closing quote", "the end of file");
      ++line_;
    }
  }

  std::istream& in_;
  std::string name_;
  std::vector<std::string> columns_, fields_;
  std::size_t line_ = 0, row_line_ = 1;
};

}  // namespace heddle::trace
