// The part of YAML in which networks are described.
#pragma once

#include <cstddef>
#include <istream>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::fabric::detail {

/// A value of a YAML text: a scalar, a list or a map. Nothing at all is an empty scalar.
struct yaml_value {
  enum class kind { scalar, list, map };
  kind what = kind::scalar;
  std::size_t line = 1;
  std::string text = {};                                         ///< of a scalar
  std::vector<yaml_value> items = {};                            ///< of a list
  std::vector<std::pair<std::string, yaml_value>> entries = {};  ///< of a map, in its order

  [[nodiscard]] bool is_list() const { return what == kind::list; }
  [[nodiscard]] bool is_map() const { return what == kind::map; }
  [[nodiscard]] bool is_scalar() const { return what == kind::scalar; }
  [[nodiscard]] bool is_nothing() const {
    return is_scalar() && (text.empty() || text == "~" || text == "null");
  }
  /// The value of a key of a map, or null.
  [[nodiscard]] const yaml_value* find(std::string_view key) const {
    for (const auto& [k, v] : entries)
      if (k == key) return &v;
    return nullptr;
  }
};

/// Reads block and flow lists and maps, plain scalars, quoted ones of one line, and comments; of several
/// documents the first. What YAML has beyond (anchors, tags, literal blocks) is refused.
class yaml_reader {
 public:
  yaml_reader(std::istream& in, const std::string& name) : source_(in, name) {
    std::size_t all = 0;
    while (source_.next()) {
      std::string_view text = without_comment(source_.line());
      text = text.substr(0, text.find_last_not_of(" \t\r") + 1);
      if (source_.number() == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
      if (text.empty() || text.starts_with('%')) continue;
      if (text == "---" || text == "...") {
        if (!lines_.empty()) break;
        continue;
      }
      if (text.starts_with("--- ")) text.remove_prefix(4);
      const auto indent = text.find_first_not_of(' ');
      if (text[indent] == '\t') fail(source_.number(), "blanks in front of a line", "a tab");
      lines_.push_back({indent, std::string(text.substr(indent)), source_.number()});
      if ((all += text.size()) > most_text)
        fail(source_.number(), "at most 64 MiB of YAML", "more");
    }
  }

  [[nodiscard]] yaml_value read() {
    if (lines_.empty()) throw input_error(source_.name(), "YAML", "nothing");
    yaml_value v = block(lines_[0].indent, 0);
    if (at_ < lines_.size())
      fail(lines_[at_].number, "a line that belongs to those before it", shown(lines_[at_].text));
    return v;
  }

 private:
  static constexpr std::size_t most_text = 64u << 20, deepest = 40;
  struct text_line {
    std::size_t indent;
    std::string text;
    std::size_t number;
  };

  [[noreturn]] void fail(std::size_t line, const std::string& expected,
                         const std::string& got) const {
    throw input_error(source_.where(line), expected, got);
  }

  static std::string_view without_comment(std::string_view line) {
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
      const bool begins = i == 0 || std::string_view(" \t,[{:-").find(line[i - 1]) != line.npos;
      if (quote != 0)
        quote = line[i] == quote ? '\0' : quote;
      else if ((line[i] == '"' || line[i] == '\'') && begins)
        quote = line[i];
      else if (line[i] == '#' && (i == 0 || line[i - 1] == ' ' || line[i - 1] == '\t'))
        return line.substr(0, i);
    }
    return line;
  }
  static bool is_item(std::string_view text) { return text == "-" || text.starts_with("- "); }
  /// The end of the key that a line begins with, where its colon stands.
  static std::size_t end_of_key(std::string_view text) {
    std::size_t i = 0;
    if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
      const auto close = text.find(text[0], 1);
      if (close == std::string_view::npos) return close;
      i = text.find_first_not_of(" \t", close + 1);
      return i != std::string_view::npos && text[i] == ':' &&
                     (i + 1 == text.size() || text[i + 1] == ' ')
                 ? i
                 : std::string_view::npos;
    }
    if (text.starts_with('[') || text.starts_with('{')) return std::string_view::npos;
    for (; i < text.size(); ++i)
      if (text[i] == ':' && (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\t'))
        return i;
    return std::string_view::npos;
  }

  /// What stands from line `at_` on, at `indent`.
  yaml_value block(std::size_t indent, std::size_t depth) {
    const text_line& first = lines_[at_];
    if (depth > deepest) fail(first.number, "at most 40 levels of YAML", "more");
    if (is_item(first.text)) return list(indent, depth);
    if (end_of_key(first.text) != std::string_view::npos) return map(indent, depth);
    const std::string text = first.text;
    return inline_value(text, lines_[at_++].number, depth);
  }
  yaml_value list(std::size_t indent, std::size_t depth) {
    yaml_value out{.what = yaml_value::kind::list, .line = lines_[at_].number};
    while (at_ < lines_.size() && lines_[at_].indent == indent && is_item(lines_[at_].text)) {
      text_line& l = lines_[at_];
      const auto rest = l.text.find_first_not_of(" \t", 1);
      if (rest == std::string::npos) {
        ++at_;
        const bool deeper = at_ < lines_.size() && lines_[at_].indent > indent;
        out.items.push_back(deeper ? block(lines_[at_].indent, depth + 1)
                                   : yaml_value{.line = lines_[at_ - 1].number});
        continue;
      }
      l.indent += rest;  // the rest of the line is a block of its own
      l.text.erase(0, rest);
      out.items.push_back(block(l.indent, depth + 1));
    }
    check_end(indent);
    return out;
  }
  yaml_value map(std::size_t indent, std::size_t depth) {
    yaml_value out{.what = yaml_value::kind::map, .line = lines_[at_].number};
    std::set<std::string> known;
    while (at_ < lines_.size() && lines_[at_].indent == indent && !is_item(lines_[at_].text)) {
      const text_line l = lines_[at_];
      const auto colon = end_of_key(l.text);
      if (colon == std::string::npos) fail(l.number, "key: value", shown(l.text));
      const std::string key = scalar(trimmed(std::string_view(l.text).substr(0, colon)), l.number);
      if (!known.insert(key).second) fail(l.number, "each key once", shown(key) + " again");
      std::string rest(trimmed(std::string_view(l.text).substr(colon + 1)));
      ++at_;
      if (!rest.empty() && std::string_view("[{\"'").find(rest[0]) == std::string_view::npos)
        while (at_ < lines_.size() && lines_[at_].indent > indent)  // it goes on
          rest += " " + lines_[at_++].text;
      if (!rest.empty()) {
        out.entries.emplace_back(key, inline_value(rest, l.number, depth + 1));
        continue;
      }
      const bool deeper =
          at_ < lines_.size() && (lines_[at_].indent > indent ||
                                  (lines_[at_].indent == indent && is_item(lines_[at_].text)));
      out.entries.emplace_back(key, deeper ? block(lines_[at_].indent, depth + 1)
                                           : yaml_value{.line = l.number});
    }
    check_end(indent);
    return out;
  }
  /// What follows a block stands further left, or is an item of the list around it.
  void check_end(std::size_t indent) const {
    if (at_ < lines_.size() && lines_[at_].indent > indent)
      fail(lines_[at_].number, "a line as far in as those before it", shown(lines_[at_].text));
  }

  /// A value on the line of its key; lists and maps in brackets may go on over the next lines.
  yaml_value inline_value(std::string text, std::size_t line, std::size_t depth) {
    if (text[0] != '[' && text[0] != '{') return {.line = line, .text = scalar(text, line)};
    while (!is_closed(text)) {
      if (at_ == lines_.size()) fail(line, "a closing bracket", shown(text));
      if (text.size() + lines_[at_].text.size() > most_text)
        fail(line, "a closing bracket", "none");
      text += " " + lines_[at_++].text;
    }
    std::string_view rest = text;
    yaml_value v = flow(rest, line, depth);
    if (!trimmed(rest).empty()) fail(line, "nothing behind a closing bracket", shown(rest));
    return v;
  }
  static bool is_closed(std::string_view text) {
    std::size_t open = 0;
    char quote = 0;
    for (char c : text) {
      if (quote != 0)
        quote = c == quote ? '\0' : quote;
      else if (c == '"' || c == '\'')
        quote = c;
      else if (c == '[' || c == '{')
        ++open;
      else if ((c == ']' || c == '}') && open > 0)
        --open;
    }
    return open == 0 && quote == 0;
  }
  yaml_value flow(std::string_view& rest, std::size_t line, std::size_t depth) {
    if (depth > deepest) fail(line, "at most 40 levels of YAML", "more");
    const char open = rest[0], close = open == '[' ? ']' : '}';
    yaml_value out{.what = open == '[' ? yaml_value::kind::list : yaml_value::kind::map,
                   .line = line};
    rest.remove_prefix(1);
    for (;;) {
      rest = trimmed(rest);
      if (rest.empty()) fail(line, std::string("a closing ") + close, "none");
      if (rest[0] == close) break;
      if (rest[0] == ',') {
        rest.remove_prefix(1);
        continue;
      }
      std::string key;
      if (open == '{') {
        const auto colon = end_of_key(rest);
        if (colon == std::string_view::npos) fail(line, "key: value", shown(rest));
        key = scalar(trimmed(rest.substr(0, colon)), line);
        if (out.find(key)) fail(line, "each key once", shown(key) + " again");
        rest = trimmed(rest.substr(colon + 1));
      }
      yaml_value v{.line = line};
      if (!rest.empty() && (rest[0] == '[' || rest[0] == '{'))
        v = flow(rest, line, depth + 1);
      else
        v.text = scalar(flow_scalar(rest), line);
      if (open == '[')
        out.items.push_back(std::move(v));
      else
        out.entries.emplace_back(std::move(key), std::move(v));
      rest = trimmed(rest);
      if (!rest.empty() && rest[0] != ',' && rest[0] != close)
        fail(line, std::string("a comma or a closing ") + close, shown(rest));
    }
    rest.remove_prefix(1);
    return out;
  }
  /// Takes a scalar off the front: to the next comma or bracket that is not one of its own, so that host
  /// lists may stand bare.
  static std::string_view flow_scalar(std::string_view& rest) {
    std::size_t i = 0, open = 0;
    if (!rest.empty() && (rest[0] == '"' || rest[0] == '\'')) {
      i = rest.find(rest[0], 1);
      i = i == std::string_view::npos ? rest.size() : i + 1;
    } else {
      for (; i < rest.size(); ++i) {
        if (rest[i] == '[') ++open;
        if (open == 0 && (rest[i] == ',' || rest[i] == ']' || rest[i] == '}')) break;
        if (rest[i] == ']') --open;
      }
    }
    const std::string_view out = trimmed(rest.substr(0, i));
    rest.remove_prefix(i);
    return out;
  }

  std::string scalar(std::string_view text, std::size_t line) const {
    if (text.empty()) return {};
    if (text[0] == '"' || text[0] == '\'') {
      if (text.size() < 2 || text.back() != text[0]) fail(line, "a closing quote", shown(text));
      const std::string_view inside = text.substr(1, text.size() - 2);
      if (inside.find(text[0]) != std::string_view::npos ||
          (text[0] == '"' && inside.find('\\') != std::string_view::npos))
        fail(line, "text without quotes or backslashes inside", shown(text));
      return std::string(inside);
    }
    if (std::string_view("|>&*!@`").find(text[0]) != std::string_view::npos)
      fail(line, "a name, a number or a list", shown(text));
    return std::string(text);
  }

  line_reader source_;
  std::vector<text_line> lines_;
  std::size_t at_ = 0;
};

}  // namespace heddle::fabric::detail
