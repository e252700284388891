// Keys of JSON objects: none that nobody reads, none twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

#include "common/names.hpp"

namespace heddle::examples {

/// A key that stands a second time in its object. RFC 8259 leaves open what that means.
struct repeated_key {
  std::string key;
  std::size_t offset = 0;  ///< of the second one
};

/// Finds a key that stands twice in an object, anywhere in a well-formed JSON text. O(n log n).
[[nodiscard]] inline std::optional<repeated_key> find_repeated_key(std::string_view text) {
  std::vector<std::set<std::string>> objects;  // the keys so far of those that are open
  std::vector<bool> in_object;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '{' || c == '[') {
      in_object.push_back(c == '{');
      if (c == '{') objects.emplace_back();
    } else if (c == '}' || c == ']') {
      in_object.pop_back();
      if (c == '}') objects.pop_back();
    } else if (c == '"') {
      const std::size_t from = at;
      for (++at; text[at] != '"'; ++at)
        if (text[at] == '\\') ++at;
      const std::size_t next = text.find_first_not_of(" \t\r\n", at + 1);
      if (next == std::string_view::npos || text[next] != ':' || !in_object.back()) continue;
      // Escapes make two spellings of one key.
      const std::string_view quoted = text.substr(from, at + 1 - from);
      std::string key = quoted.find('\\') == std::string_view::npos
                            ? std::string(quoted.substr(1, quoted.size() - 2))
                            : nlohmann::json::parse(quoted).get<std::string>();
      if (!objects.back().insert(key).second) return repeated_key{std::move(key), from};
    }
  }
  return std::nullopt;
}

/// \throws input_error  always: at `where` one of the known keys was expected; with the nearest, if one is near
[[noreturn]] inline void refuse_key(const std::string& where, std::string_view key,
                                    std::span<const std::string_view> known) {
  name_lines names;
  for (const std::string_view k : known) names.push_back({k, {}});
  refuse_name(where, names, key);
}

/// Refuses keys of an object that are not among `known`. \throws input_error  at `where`
inline void only_keys(const nlohmann::json& object, const std::string& where,
                      std::span<const std::string_view> known) {
  for (const auto& [key, value] : object.items())
    if (std::find(known.begin(), known.end(), key) == known.end()) refuse_key(where, key, known);
}
inline void only_keys(const nlohmann::json& object, const std::string& where,
                      std::initializer_list<std::string_view> known) {
  only_keys(object, where, std::span(known.begin(), known.size()));
}

/// A value for an error, at most 60 characters of it.
[[nodiscard]] inline std::string shortened(const std::string& text) {
  return text.size() > 60 ? text.substr(0, 57) + "..." : text;
}

/// The object on a line of JSON lines.
/// \throws input_error  at `where` for other text and for a key that stands twice in its object
[[nodiscard]] inline nlohmann::json object_on_line(const std::string& line,
                                                   const std::string& where) {
  nlohmann::json object;
  try {
    object = nlohmann::json::parse(line);
  } catch (const nlohmann::json::exception&) {
    throw input_error(where, "a JSON object", shortened(line));
  }
  if (!object.is_object()) throw input_error(where, "a JSON object", shortened(object.dump()));
  if (const auto twice = find_repeated_key(line))
    throw input_error(where, "each key once", shown(twice->key) + " twice");
  return object;
}

}  // namespace heddle::examples
