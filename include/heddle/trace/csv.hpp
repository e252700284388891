// Reading CSV files with a header, with errors that say where and what.
//
// A file is lines of comma-separated fields; a field in double quotes may hold commas, quotes
// (doubled) and line breaks, and keeps the blanks around it. Columns may stand in any order, those
// that nobody asks for are ignored, a UTF-8 byte order mark and `\r\n` are accepted.
#pragma once

#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::trace {

/// A column of the file being read; got from `csv_reader::column`, usable with that reader only.
struct csv_column {
  std::size_t index = 0;
  std::string name;
};

/// As `shown`, for errors.
[[nodiscard]] inline std::string quoted(std::string_view text) { return shown(text); }

/// How the fields of a file are set apart.
struct csv_dialect {
  char separator = ',';
  bool quotes =
      true;  ///< double quotes hold a field together; else they are a character like others
  /// The columns of a file without a header line. A first line that has the first of them in its
  /// place is a header all the same. Empty: the file has a header line.
  std::string_view columns;
};

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
  csv_reader(std::istream& in, std::string name, const csv_dialect& dialect = {})
      : in_(in), name_(std::move(name)), dialect_(dialect) {
    if (!in_) throw input_error(name_, "a readable file", "none");
    if (!read_record()) throw input_error(where(), "a header line", "an empty file");
    const std::string_view first = dialect.columns.substr(0, dialect.columns.find(','));
    if (!dialect.columns.empty() && trimmed(fields_.front().text) != first) {
      first_is_row_ = true;
      for (std::string_view rest = dialect.columns;;) {
        const auto comma = rest.find(',');
        columns_.emplace_back(rest.substr(0, comma));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
      }
    } else {
      for (const field& f : fields_) columns_.emplace_back(trimmed(f.text));
    }
    for (std::size_t i = 0; i < columns_.size(); ++i)
      for (std::size_t k = 0; k < i; ++k)
        if (columns_[i] == columns_[k] && !columns_[i].empty())
          throw input_error(where(), "each column once", shown(columns_[i]) + " twice");
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
    throw input_error(name_ + ":1", "a column \"" + std::string(name) + "\"", shown(header));
  }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  /// Goes to the next row; false after the last. Empty lines are passed over.
  /// \throws input_error  for a row with more or fewer fields than the header
  bool next() {
    do {
      if (!std::exchange(first_is_row_, false) && !read_record()) return false;
    } while (fields_.size() == 1 && trimmed(fields_[0].text).empty());
    if (fields_.size() != columns_.size())
      throw input_error(where(), std::to_string(columns_.size()) + " fields",
                        std::to_string(fields_.size()));
    return true;
  }

  /// The text of a field of the current row, without the blanks around it unless it was in quotes.
  [[nodiscard]] std::string text(const csv_column& c) const {
    const field& f = fields_[c.index];
    return f.in_quotes ? f.text : std::string(trimmed(f.text));
  }
  [[nodiscard]] bool empty(const csv_column& c) const { return bare(c).empty(); }
  /// The field without blanks around it, valid until the next row.
  [[nodiscard]] std::string_view bare(const csv_column& c) const {
    return trimmed(fields_[c.index].text);
  }

  /// A finite number. \param expected  what stands there in a good file, for the error
  [[nodiscard]] double number(const csv_column& c, std::string_view expected) const {
    const auto value = number_in<double>(bare(c));
    if (!value) fail(c, expected);
    return *value;
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
    throw input_error(where(), std::string(expected) + " as " + c.name, shown(bare(c)));
  }

 private:
  struct field {
    std::string text;
    bool in_quotes = false;
  };

  /// Reads one record into `fields_`; false at the end of the file.
  bool read_record() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    if (line_ == 0 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    row_line_ = ++line_;
    fields_.clear();
    fields_.emplace_back();
    bool in_quotes = false;
    for (;;) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '\0') throw input_error(where(), "a text file", "a binary one (a zero byte)");
        if (in_quotes && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
          fields_.back().text += line[++i];
        } else if (c == '"' && dialect_.quotes && (in_quotes || fields_.back().text.empty())) {
          in_quotes = !in_quotes;
          fields_.back().in_quotes = true;
        } else if (c == dialect_.separator && !in_quotes) {
          fields_.emplace_back();
        } else if (in_quotes || !fields_.back().in_quotes || trimmed({&c, 1}) != "") {
          fields_.back().text += c;  // all but blanks behind a closing quote
        }
      }
      if (!in_quotes) return true;
      fields_.back().text += '\n';
      if (!std::getline(in_, line))
        throw input_error(where(), "a closing quote", "the end of file");
      ++line_;
    }
  }

  std::istream& in_;
  std::string name_;
  csv_dialect dialect_;
  std::vector<std::string> columns_;
  std::vector<field> fields_;
  bool first_is_row_ = false;
  std::size_t line_ = 0, row_line_ = 1;
};

}  // namespace heddle::trace
