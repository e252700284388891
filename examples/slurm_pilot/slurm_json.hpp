// Slurm's JSON, in the shapes of all its versions.
//
//   notion       22.05              23.02 and later
//   a number     7, null            {"set": true, "infinite": false, "number": 7}
//   words        "idle"             ["IDLE", "DRAIN"]
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>

#include "slurm_pilot/json_records.hpp"
#include "slurm_pilot/read_fields.hpp"

namespace heddle::pilot::detail {

/// One record of Slurm's JSON. What is missing, null or of another kind is nothing.
class json_record {
 public:
  explicit json_record(const nlohmann::json& j) : j_(j) {}

  /// A number; `otherwise` if it is not set or is infinite.
  [[nodiscard]] double number(const char* key, double otherwise = 0) const {
    const nlohmann::json* at = find(key);
    if (!at) return otherwise;
    if (at->is_number()) return at->get<double>();
    if (!at->is_object() || is_true(*at, "infinite") || !is_true(*at, "set", true))
      return otherwise;
    const auto n = at->find("number");
    return n != at->end() && n->is_number() ? n->get<double>() : otherwise;
  }
  [[nodiscard]] int integer(const char* key) const {
    return static_cast<int>(std::clamp(number(key), -1e9, 1e9));
  }
  [[nodiscard]] bool flag(const char* key) const { return is_true(j_, key); }
  [[nodiscard]] std::string text(const char* key) const {
    const nlohmann::json* at = find(key);
    return at && at->is_string() ? at->get<std::string>() : std::string{};
  }
  /// A word, or a list of words; joined by `sign`.
  [[nodiscard]] std::string words(const char* key, const char* sign = "+") const {
    std::string out;
    for (const std::string& w : list(key)) out += (out.empty() ? "" : sign) + w;
    return out;
  }
  /// The strings of a list, "" for what is none; a string alone is a list of one.
  [[nodiscard]] std::vector<std::string> list(const char* key) const {
    std::vector<std::string> out;
    const nlohmann::json* at = find(key);
    if (at && at->is_string()) out.push_back(at->get<std::string>());
    if (at && at->is_array())
      for (const auto& w : *at) out.push_back(w.is_string() ? w.get<std::string>() : "");
    return out;
  }
  /// An object within; an empty one if there is none.
  [[nodiscard]] json_record at(const char* key) const {
    static const nlohmann::json nothing = nlohmann::json::object();
    const nlohmann::json* at = find(key);
    return json_record{at && at->is_object() ? *at : nothing};
  }

 private:
  [[nodiscard]] const nlohmann::json* find(const char* key) const {
    const auto at = j_.find(key);
    return at == j_.end() ? nullptr : &*at;
  }
  static bool is_true(const nlohmann::json& j, const char* key, bool otherwise = false) {
    const auto at = j.find(key);
    return at != j.end() && at->is_boolean() ? at->get<bool>() : otherwise;
  }
  const nlohmann::json& j_;
};

/// Keys below a record's own: of numbers, lists of nodes, groups of nodes.
inline constexpr std::array<std::string_view, 9> inner_keys{
    "set", "infinite", "number", "nodes", "list", "name", "state", "total", "used"};

/// The text with what JSON does not allow and Slurm prints: bytes of names and comments that are no
/// UTF-8 become `?`; NaN and Infinity as numbers become null.
inline std::string mended_json(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool quoted = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x80) {
      const std::size_t more = c >= 0xf0 && c < 0xf5   ? 3
                               : c >= 0xe0 && c < 0xf0 ? 2
                               : c >= 0xc2 && c < 0xe0 ? 1
                                                       : 0;
      bool good = more > 0 && i + more < text.size();
      for (std::size_t k = 1; good && k <= more; ++k)
        good = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
      if (good && more > 1) {  // neither too long a form, nor half of a pair, nor beyond the last
        const auto next = static_cast<unsigned char>(text[i + 1]);
        good = !(c == 0xe0 && next < 0xa0) && !(c == 0xed && next > 0x9f) &&
               !(c == 0xf0 && next < 0x90) && !(c == 0xf4 && next > 0x8f);
      }
      out += good ? std::string(text.substr(i, more + 1)) : "?";
      i += good ? more + 1 : 1;
      continue;
    }
    if (quoted && c == '\\' && i + 1 < text.size()) {
      out += text.substr(i, 2);
      i += 2;
      continue;
    }
    if (c == '"') quoted = !quoted;
    if (quoted && c < 0x20) {
      out += ' ';
      ++i;
      continue;
    }
    bool replaced = false;
    if (!quoted && (c == 'N' || c == 'I' || c == '-'))
      for (std::string_view word : {"NaN", "Infinity", "-NaN", "-Infinity"})
        if (!replaced && text.substr(i).starts_with(word)) {
          out += "null";
          i += word.size();
          replaced = true;
        }
    if (replaced) continue;
    out += text[i++];
  }
  return out;
}

/// Calls `use` for each record of the first of these lists that a document has, with those of its keys that are
/// among `keys`, and below them those among `inner`. O(text), memory of one record.
/// \throws input_error  if the text is no such document; `begin` is called before each attempt to read it
template <class Begin, class Use>
void for_each_record(std::string_view text, std::initializer_list<const char*> lists,
                     std::span<const std::string_view> keys,
                     std::span<const std::string_view> inner, const char* command, Begin&& begin,
                     Use&& use) {
  std::string mended;
  for (const bool mend : {false, true}) {
    // What JSON does not allow is rare, and costs a copy of the text.
    if (mend) mended = mended_json(text);
    const std::string_view in = mend ? std::string_view(mended) : text;
    for (const char* list : lists) {
      begin();
      record_reader reader{list, keys, inner, std::ref(use)};
      const bool whole = nlohmann::json::sax_parse(in.begin(), in.end(), &reader);
      if (reader.result() == record_reader::outcome::not_objects)
        throw input_error(command, std::string(list) + " that are objects", "another value");
      if (!whole) break;
      if (reader.result() == record_reader::outcome::list) return;
    }
  }
  throw input_error(command,
                    std::string("a JSON document with a list of ") + std::string(*lists.begin()),
                    text.empty() ? "nothing" : "other text");
}

}  // namespace heddle::pilot::detail
