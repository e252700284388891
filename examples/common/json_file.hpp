// JSON input with errors that say the line.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

#include "common/json_keys.hpp"
#include "common/open_text.hpp"

namespace heddle::examples {

/// One step into a JSON document: a key of an object or a place in an array.
struct json_step {
  std::string key;
  std::size_t place = 0;
  bool is_key = true;

  json_step(const char* k) : key(k) {}
  json_step(std::string k) : key(std::move(k)) {}
  json_step(std::size_t i) : place(i), is_key(false) {}
};
using json_path = std::vector<json_step>;

/// JSON has no infinity: what is not finite is null.
[[nodiscard]] inline nlohmann::json number_or_null(double v) {
  return std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(nullptr);
}

namespace detail {

/// Walks JSON text that is known to be well formed, to find where a value stands.
class json_walker {
 public:
  explicit json_walker(std::string_view text) : text_(text) {}

  /// The offset of the value at `path`, or of the last value on the way to it.
  std::size_t find(const json_path& path) {
    skip_space();
    for (const json_step& step : path)
      if (!enter(step)) break;
    return at_;
  }
  /// The offset of the key that `path` ends with, or of the last value on the way to it.
  std::size_t find_key(const json_path& path) {
    key_ = std::string_view::npos;
    const std::size_t value = find(path);
    return key_ == std::string_view::npos ? value : key_;
  }

 private:
  bool enter(const json_step& step) {
    const std::size_t start = at_;
    if (text_[at_] != (step.is_key ? '{' : '[')) return false;
    ++at_;
    for (std::size_t i = 0;; ++i) {
      skip_space();
      if (at_ >= text_.size() || text_[at_] == '}' || text_[at_] == ']') {
        at_ = start;
        return false;
      }
      std::string_view key;
      if (step.is_key) {
        const std::size_t from = at_ + 1;
        key_ = at_;
        skip_string();
        key = text_.substr(from, at_ - 1 - from);
        skip_space();
        ++at_;  // the colon
        skip_space();
      }
      if (step.is_key ? key == step.key : i == step.place) return true;
      skip_value();
      skip_space();
      if (text_[at_] == ',') ++at_;
    }
  }

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  void skip_string() {
    for (++at_; text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    ++at_;
  }
  void skip_value() {
    if (text_[at_] == '"') return skip_string();
    if (text_[at_] != '{' && text_[at_] != '[') {
      at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
      return;
    }
    std::size_t depth = 0;
    do {
      if (text_[at_] == '"') {
        skip_string();
        continue;
      }
      depth += text_[at_] == '{' || text_[at_] == '[';
      depth -= text_[at_] == '}' || text_[at_] == ']';
      ++at_;
    } while (depth > 0);
  }

  std::string_view text_;
  std::size_t at_ = 0, key_ = 0;
};

}  // namespace detail

/// A JSON document that was read from a file, packed or not, or from standard input for `-`. Its getters throw
/// `input_error` with `file:line` of the value at fault.
class json_file {
 public:
  explicit json_file(const std::string& path) : name_(path == "-" ? "stdin" : path) {
    text_ = open_text(path).all();
    parse();
  }
  json_file(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
    parse();
  }

  [[nodiscard]] const nlohmann::json& value() const { return value_; }
  [[nodiscard]] const std::string& name() const { return name_; }

  /// `file:line` of the value at `path`, or of the last value on the way there.
  [[nodiscard]] std::string where(const json_path& path) const {
    return name_ + ":" + std::to_string(line_of(detail::json_walker(text_).find(path)));
  }
  [[noreturn]] void fail(const json_path& path, const std::string& expected,
                         const std::string& got) const {
    throw input_error(where(path), expected, got);
  }
  /// The same, with the value that stands there as what was got.
  [[noreturn]] void fail(const json_path& path, const std::string& expected) const {
    const nlohmann::json* v = find(path);
    fail(path, expected, v ? shortened(v->dump()) : "nothing");
  }

  /// The value at `path`, or null.
  [[nodiscard]] const nlohmann::json* find(const json_path& path) const {
    const nlohmann::json* v = &value_;
    for (const json_step& step : path) {
      if (step.is_key) {
        if (!v->is_object() || !v->contains(step.key)) return nullptr;
        v = &(*v)[step.key];
      } else {
        if (!v->is_array() || step.place >= v->size()) return nullptr;
        v = &(*v)[step.place];
      }
    }
    return v;
  }

  /// Refuses keys of the object at `path` that are not among `known`; there may be none at `path`.
  void only(const json_path& path, std::span<const std::string_view> known) const {
    const nlohmann::json* object = find(path);
    if (!object || !object->is_object()) return;
    std::size_t first = std::string::npos;
    std::string unknown;
    for (const auto& [key, value] : object->items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      json_path at = path;
      at.emplace_back(key);
      if (const std::size_t offset = detail::json_walker(text_).find_key(at); offset < first) {
        first = offset;
        unknown = key;
      }
    }
    if (first == std::string::npos) return;
    refuse_key(name_ + ":" + std::to_string(line_of(first)), unknown, known);
  }
  void only(const json_path& path, std::initializer_list<std::string_view> known) const {
    only(path, std::span(known.begin(), known.size()));
  }

  [[nodiscard]] double number(const json_path& path, const std::string& expected, double least,
                              double most = std::numeric_limits<double>::max()) const {
    const nlohmann::json* v = find(path);
    if (!v || !v->is_number()) fail(path, expected);
    const double x = v->get<double>();
    if (!(x >= least && x <= most)) fail(path, expected);
    return x;
  }
  [[nodiscard]] int integer(const json_path& path, const std::string& expected, int least,
                            int most = std::numeric_limits<int>::max()) const {
    const double x = number(path, expected, least, most);
    if (x != std::floor(x)) fail(path, expected);
    return static_cast<int>(x);
  }
  [[nodiscard]] std::string text(const json_path& path, const std::string& expected) const {
    const nlohmann::json* v = find(path);
    if (!v || !v->is_string()) fail(path, expected);
    return v->get<std::string>();
  }

 private:
  void parse() {
    try {
      value_ = nlohmann::json::parse(text_);
    } catch (const nlohmann::json::parse_error& e) {
      const std::size_t at = e.byte > 0 ? e.byte - 1 : 0;
      const std::string got = at >= text_.size() ? "the end of the file" : printable(text_[at]);
      throw input_error(name_ + ":" + std::to_string(line_of(at)), "JSON", got);
    } catch (const nlohmann::json::out_of_range&) {
      throw input_error(name_ + ":1", "numbers that fit a double", "a larger one");
    }
    if (const auto twice = find_repeated_key(text_))
      throw input_error(name_ + ":" + std::to_string(line_of(twice->offset)), "each key once",
                        shown(twice->key) + " twice");
  }
  [[nodiscard]] static std::string printable(char c) {
    if (static_cast<unsigned char>(c) >= 32 && static_cast<unsigned char>(c) < 127)
      return std::string("'") + c + "'";
    return "byte " + std::to_string(static_cast<int>(static_cast<unsigned char>(c)));
  }
  [[nodiscard]] std::size_t line_of(std::size_t offset) const {
    std::size_t line = 1;
    for (std::size_t i = 0; i < offset && i < text_.size(); ++i) line += text_[i] == '\n';
    return line;
  }

  std::string name_, text_;
  nlohmann::json value_;
};

}  // namespace heddle::examples
