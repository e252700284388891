// Reading CSV files with a header, with errors that say where and what.
//
// A file is lines of comma-separated fields; a field in double quotes may hold commas, quotes
// (doubled) and line breaks, and keeps the blanks around it. Columns may stand in any order, those
// that nobody asks for are ignored and may repeat, a UTF-8 byte order mark and `\r\n` are accepted.
// A text of another kind is named for what it looks like.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/trace/detail/table_lines.hpp>
#include <heddle/trace/looks_like.hpp>

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
  /// If not empty: the first of these characters that the header has is the separator. If it has none
  /// and the line below it is one of dashes, these say how wide each column is.
  std::string_view separators;
  bool any_case = false;  ///< names of columns may have other capitals
  /// Fields may be lists like cpu=8,gres/gpu=4 whose commas set fields apart too.
  bool lists = false;
  /// Columns of free text, apart by blanks. Where a file has one of them, what a row has too much is of it.
  std::string_view free_text;
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
    read_header();
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
  }

  /// The column of that name, if the file has it.
  /// \throws input_error  if the file has it twice: which one counts is unclear
  [[nodiscard]] std::optional<csv_column> column(std::string_view name) const {
    std::optional<csv_column> found;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (dialect_.any_case ? !same_word(columns_[i], name) : columns_[i] != name) continue;
      if (found) throw input_error(name_ + ":1", "each column once", shown(columns_[i]) + " twice");
      found = csv_column{i, columns_[i]};
    }
    return found;
  }
  /// The column of that name. \throws input_error  if the file lacks it
  [[nodiscard]] csv_column required(std::string_view name) const {
    if (auto c = column(name)) return *std::move(c);
    lacks({name});
  }
  /// That the file has all of these columns. \throws input_error  that names all that it lacks, or the
  /// kind of text or table that it is instead
  void require(std::initializer_list<std::string_view> names) const {
    std::vector<std::string_view> missing;
    for (std::string_view name : names)
      if (!column(name)) missing.push_back(name);
    if (!missing.empty()) lacks(missing, true);
  }
  /// Throws the error for columns that the file lacks: says what it looks like if it is no such table.
  /// \param tables_too  says so of known tables of fields as well
  [[noreturn]] void lacks(const std::vector<std::string_view>& missing,
                          bool tables_too = false) const {
    std::string bare, quoted;
    for (std::string_view name : missing) {
      (bare += bare.empty() ? "" : ", ") += name;
      (quoted += quoted.empty() ? "\"" : ", \"") += name;
      quoted += '"';
    }
    refuse_other_kind(bare, tables_too);
    std::string header;
    for (const std::string& c : columns_) header += (header.empty() ? "" : ",") + c;
    throw input_error(name_ + ":1", (missing.size() == 1 ? "a column " : "columns ") + quoted,
                      shown(header));
  }
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }

  /// Goes to the next row; false after the last. Empty lines are passed over.
  /// \throws input_error  for a row with more or fewer fields than the header
  bool next() {
    do {
      if (!std::exchange(first_is_row_, false) && !read_record()) return false;
    } while (fields_.size() == 1 && trimmed(fields_[0].text).empty());
    if (dialect_.lists && fields_.size() > columns_.size()) join_lists();
    if (!dialect_.free_text.empty() && fields_.size() > columns_.size()) join_free_text();
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
  /// Whether the field may have been cut off, as tables of fixed widths do: it ends in a plus sign.
  [[nodiscard]] bool is_cut(const csv_column& c) const {
    return !widths_.empty() && bare(c).ends_with('+');
  }
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

  void read_header() {
    std::string line;
    if (!std::getline(in_, line)) throw input_error(where(), "a header line", "an empty file");
    if (line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    head_ = line;
    line_ = 1;
    if (!dialect_.separators.empty()) {
      const auto at = line.find_first_of(dialect_.separators);
      if (at != std::string::npos)
        dialect_.separator = line[at];
      else if (std::string dashes; std::getline(in_, dashes)) {
        head_ += '\n' + dashes;
        ++line_;
        widths_ = detail::columns_under(dashes);
      }
    }
    try {
      split(std::move(line));
    } catch (const input_error&) {
      refuse_other_kind("", false);
      throw;
    }
  }

  /// Throws if the text does not look like a table of this dialect.
  void refuse_other_kind(const std::string& columns, bool tables_too) const {
    std::string head = head_ + '\n';
    const auto begun = head.size();
    head.resize(begun + 4096);
    in_.read(head.data() + begun, 4096);
    head.resize(begun + static_cast<std::size_t>(in_.gcount()));
    const text_kind kind = looks_like(head);
    const bool commas = dialect_.separators.empty() && dialect_.separator == ',';
    if (kind.name.empty() || (kind.is_table && !tables_too)) return;
    throw input_error(name_ + ":1",
                      std::string(commas ? "a CSV file" : "a table") +
                          (columns.empty() ? "" : " with the columns " + columns),
                      "what looks like " + std::string(kind.name) +
                          (kind.advice.empty() ? "" : "; " + std::string(kind.advice)));
  }

  /// Puts lists together again whose commas set fields apart; each has a name once.
  void join_lists() {
    std::vector<field> joined;
    for (field& f : fields_) {
      if (!joined.empty() && detail::goes_on(joined.back().text, f.text))
        (joined.back().text += ',') += f.text;
      else
        joined.push_back(std::move(f));
    }
    fields_ = std::move(joined);
  }

  /// Puts a free text together again that holds the separator.
  void join_free_text() {
    std::optional<csv_column> only;
    for (std::string_view name : detail::words(dialect_.free_text))
      if (const auto c = column(name)) {
        if (only) return;  // which one is unclear
        only = c;
      }
    if (!only) return;
    const auto at = fields_.begin() + static_cast<std::ptrdiff_t>(only->index);
    const auto end = at + static_cast<std::ptrdiff_t>(fields_.size() - columns_.size());
    for (auto f = at; f != end; ++f) at->text += dialect_.separator + std::next(f)->text;
    fields_.erase(at + 1, end + 1);
  }

  /// Reads one record into `fields_`; false at the end of the file.
  bool read_record() {
    std::string line;
    if (!std::getline(in_, line)) return false;
    ++line_;
    split(std::move(line));
    return true;
  }

  /// Splits a line, and those that a quoted field goes on in.
  void split(std::string line) {
    row_line_ = line_;
    fields_.clear();
    if (line.find('\0') != std::string::npos)
      throw input_error(where(), "a text file", "a binary one (a zero byte)");
    if (!widths_.empty()) {
      for (std::string_view part : detail::parts_of(line, widths_))
        fields_.push_back({std::string(trimmed(part)), false});
      return;
    }
    fields_.emplace_back();
    bool in_quotes = false;
    for (;;) {
      for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
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
      if (!in_quotes) return;
      fields_.back().text += '\n';
      if (!std::getline(in_, line))
        throw input_error(where(), "a closing quote", "the end of file");
      if (line.find('\0') != std::string::npos)
        throw input_error(where(), "a text file", "a binary one (a zero byte)");
      ++line_;
    }
  }

  std::istream& in_;
  std::string name_;
  csv_dialect dialect_;
  std::vector<std::string> columns_;
  std::vector<field> fields_;
  std::vector<detail::column_width> widths_;  ///< of a table of fixed widths; else empty
  std::string head_;                          ///< its first line, or two
  bool first_is_row_ = false;
  std::size_t line_ = 0, row_line_ = 1;
};

}  // namespace heddle::trace
