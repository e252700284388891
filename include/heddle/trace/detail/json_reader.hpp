// A small strict reader of JSON, for traces that are published in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <istream>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::trace::detail {

/// Reads a JSON text (RFC 8259) in one pass, as its caller asks for it; nothing is kept but the
/// value being read, so that a file may be larger than memory.
///
///     json_reader json{file, "jobs.json"};
///     json.array("a list of jobs", [&] {
///       json.object("a job", [&](const std::string& key) {
///         if (key == "user") user = json.string("a name");
///         else json.skip();
///       });
///     });
///     json.end();
///
/// Each callback must read exactly one value. Every error is an `input_error` at `name:line`.
class json_reader {
 public:
  /// \throws input_error  if the stream cannot be read
  json_reader(std::istream& in, std::string name) : name_(std::move(name)) {
    if (!in) throw input_error(name_, "a readable file", "none");
    in_ = in.rdbuf();
    if (peek() == 0xEF) {  // a byte order mark
      take();
      if (take() != 0xBB || take() != 0xBF) fail("a JSON text", "other bytes");
    }
  }

  /// Calls `each()` for each element.
  template <class Each>
  void array(std::string_view what, const Each& each) {
    open('[', what);
    for (bool first = true; more(first, ']'); first = false) each();
    --depth_;
  }
  /// Calls `each(key)` for each member.
  template <class Each>
  void object(std::string_view what, const Each& each) {
    open('{', what);
    for (bool first = true; more(first, '}'); first = false) {
      const std::string key = string("a key in quotes");
      if (blank() != ':') unexpected("a colon after " + shown(key));
      take();
      each(key);
    }
    --depth_;
  }
  [[nodiscard]] std::string string(std::string_view what) {
    if (blank() != '"') unexpected(std::string(what));
    take();
    std::string out;
    for (;;) {
      const int c = take();
      if (c == '"') return out;
      if (c < 0) fail("a closing quote", "the end of file");
      if (c < 32) fail("a text on one line", "a control character");
      if (out.size() >= longest) fail("texts of at most 1 MiB", "more");
      if (c != '\\')
        out += static_cast<char>(c);
      else
        escape(out);
    }
  }
  /// Whether the next value is null; takes it if so.
  bool null() {
    if (blank() != 'n') return false;
    word("null");
    return true;
  }
  /// The next value whatever it is.
  void skip() {
    const int c = blank();
    if (c == '{') {
      object("an object", [this](const std::string&) { skip(); });
    } else if (c == '[') {
      array("a list", [this] { skip(); });
    } else if (c == '"') {
      static_cast<void>(string("a text"));
    } else if (c == 't') {
      word("true");
    } else if (c == 'f') {
      word("false");
    } else if (c == 'n') {
      word("null");
    } else {
      number();
    }
  }
  /// That nothing follows.
  void end() {
    if (blank() >= 0) unexpected("the end of file");
  }

  [[nodiscard]] std::string where() const { return where(line_); }
  [[nodiscard]] std::string where(std::size_t line) const {
    return name_ + ":" + std::to_string(line);
  }
  [[nodiscard]] std::size_t line() const { return line_; }
  [[noreturn]] void fail(const std::string& expected, const std::string& got) const {
    throw input_error(where(), expected, got);
  }

 private:
  static constexpr int deepest = 64;
  static constexpr std::size_t longest = 1 << 20;
  using traits = std::streambuf::traits_type;

  [[nodiscard]] int peek() const {
    const auto c = in_->sgetc();
    return traits::eq_int_type(c, traits::eof())
               ? -1
               : static_cast<unsigned char>(traits::to_char_type(c));
  }
  int take() {
    const int c = peek();
    if (c == '\n') ++line_;
    if (c >= 0) in_->sbumpc();
    return c;
  }
  /// The first character that is no blank, left where it is.
  int blank() {
    for (;;) {
      const int c = peek();
      if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
      take();
    }
  }
  [[noreturn]] void unexpected(const std::string& expected) {
    const int c = peek();
    if (c < 0) fail(expected, "the end of file");
    const char text = static_cast<char>(c);
    fail(expected, shown({&text, 1}));
  }
  void open(char bracket, std::string_view what) {
    if (blank() != bracket) unexpected(std::string(what) + " in " + (bracket == '[' ? "[]" : "{}"));
    if (++depth_ > deepest) fail("at most 64 values within each other", "more");
    take();
  }
  /// Whether another element follows; takes the comma before it, or the closing bracket.
  bool more(bool first, char bracket) {
    const int c = blank();
    if (c == bracket) {
      take();
      return false;
    }
    if (first) return true;
    if (c != ',') unexpected(std::string("a comma or ") + bracket);
    take();
    blank();  // so that `line` is that of the element
    return true;
  }
  void word(std::string_view expected) {
    for (char c : expected)
      if (take() != c) fail(std::string(expected), "another word");
  }
  /// Passes over a number; its value is nobody's business here.
  void number() {
    const auto digits = [this] {
      if (!is_digit(peek())) unexpected("a digit");
      while (is_digit(peek())) take();
    };
    if (peek() == '-')
      take();
    else if (!is_digit(peek()))
      unexpected("a value");
    if (peek() == '0')
      take();
    else
      digits();
    if (peek() == '.') {
      take();
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      take();
      if (peek() == '+' || peek() == '-') take();
      digits();
    }
  }
  static bool is_digit(int c) { return c >= '0' && c <= '9'; }
  unsigned hex() {
    unsigned value = 0;
    for (int i = 0; i < 4; ++i) {
      const int c = take();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("four hexadecimal digits after \\u", "other characters");
      value = value * 16 + static_cast<unsigned>(digit);
    }
    return value;
  }
  void escape(std::string& out) {
    const int c = take();
    constexpr std::string_view letters = "\"\\/bfnrt", means = "\"\\/\b\f\n\r\t";
    const auto at = c < 0 ? std::string_view::npos : letters.find(static_cast<char>(c));
    if (at != std::string_view::npos) {
      out += means[at];
      return;
    }
    if (c != 'u') fail("one of \"\\/bfnrtu after a backslash", "another character");
    std::uint32_t code = hex();
    if (code >= 0xD800 && code < 0xE000) {  // half of a pair
      const bool high = code < 0xDC00;
      if (!high || take() != '\\' || take() != 'u') fail("a pair of surrogates", "half of one");
      const unsigned low = hex();
      if (low < 0xDC00 || low >= 0xE000) fail("a pair of surrogates", "half of one");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    const auto byte = [&](std::uint32_t b) {
      out += static_cast<char>(static_cast<unsigned char>(b));
    };
    if (code < 0x80) {
      byte(code);
    } else if (code < 0x800) {
      byte(0xC0 | code >> 6);
      byte(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
      byte(0xE0 | code >> 12);
      byte(0x80 | (code >> 6 & 0x3F));
      byte(0x80 | (code & 0x3F));
    } else {
      byte(0xF0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3F));
      byte(0x80 | (code >> 6 & 0x3F));
      byte(0x80 | (code & 0x3F));
    }
  }

  std::streambuf* in_ = nullptr;
  std::string name_;
  std::size_t line_ = 1;
  int depth_ = 0;
};

}  // namespace heddle::trace::detail
