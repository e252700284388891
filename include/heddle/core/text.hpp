// Text from outside: lines with their numbers, numbers, and how an error quotes what it read.
#pragma once

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <heddle/core/error.hpp>
#ifndef __cpp_lib_to_chars
#include <heddle/core/detail/read_number.hpp>
#endif

namespace heddle {

/// Text for an error message: short, printable, in quotes; the empty text is said to be nothing.
[[nodiscard]] inline std::string shown(std::string_view text) {
  if (text.empty()) return "nothing";
  std::size_t end = text.size() > 40 ? 40 : text.size();
  // A character of several bytes is shown whole or not at all.
  while (end < text.size() && end > 36 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;
  std::string out = "\"";
  for (char c : text.substr(0, end))
    out += static_cast<unsigned char>(c) < 32 || c == 127 ? '?' : c;
  return out + (end < text.size() ? "…\"" : "\"");
}

/// The text without blanks, tabs and carriage returns around it.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view s) {
  const auto first = s.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return s.substr(first, s.find_last_not_of(" \t\r") - first + 1);
}

namespace detail {

/// `std::from_chars` for decimal numbers.
template <class Number>
[[nodiscard]] std::from_chars_result read_number(const char* first, const char* last,
                                                 Number& value) {
#ifdef __cpp_lib_to_chars
  return std::from_chars(first, last, value);
#else
  if constexpr (std::floating_point<Number>)
    return read_slowly(first, last, value);
  else
    return std::from_chars(first, last, value);
#endif
}

}  // namespace detail

/// The number that all of the text is, decimal and finite; nothing for anything else.
template <class Number>
  requires std::integral<Number> || std::floating_point<Number>
[[nodiscard]] inline std::optional<Number> number_in(std::string_view text) {
  Number value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = detail::read_number(text.data(), end, value);
  if (error != std::errc{} || stop != end || text.empty()) return std::nullopt;
  if constexpr (std::floating_point<Number>)
    if (!std::isfinite(value)) return std::nullopt;
  return value;
}

/// Whether two ASCII texts are the same but for capitals.
[[nodiscard]] constexpr bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

/// Reads a text file line by line. Every error is an `input_error` whose `where` is `name:line`.
class line_reader {
 public:
  /// \throws input_error  if the stream cannot be read
  line_reader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {
    if (!in_) throw input_error(name_, "a readable file", "none");
  }

  /// Goes to the next line, without its break; false after the last.
  /// \throws input_error  for a zero byte: text files have none
  bool next() {
    if (!std::getline(in_, line_)) return false;
    ++number_;
    if (number_ == 1 && line_.starts_with("\xef\xbb\xbf")) line_.erase(0, 3);
    if (line_.ends_with('\r')) line_.pop_back();
    if (line_.find('\0') != std::string::npos)
      throw input_error(where(), "a text file", "a binary one (a zero byte)");
    return true;
  }

  [[nodiscard]] const std::string& line() const { return line_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::size_t number() const { return number_; }
  [[nodiscard]] std::string where() const { return where(number_); }
  [[nodiscard]] std::string where(std::size_t line) const {
    return name_ + ":" + std::to_string(line);
  }

 private:
  std::istream& in_;
  std::string name_, line_;
  std::size_t number_ = 0;
};

}  // namespace heddle
