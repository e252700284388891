// A look at written pages and drawings: tags that balance, ids that are there once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace heddle::test {

/// Reads XML as far as balance goes: what is open, which ids there are, what refers to them. The
/// first fault is kept.
class xml_check {
 public:
  explicit xml_check(std::string_view text) : text_(text) {
    while (fault.empty() && at_ < text_.size()) step();
    if (fault.empty() && !open_.empty()) fail("not closed: " + open_.back());
    for (const std::string& id : referred)
      if (!ids.contains(id)) fail("refers to no id: " + id);
  }

  std::string fault;
  std::set<std::string> ids, referred;
  std::map<std::string, int> count;  ///< of elements by name

 private:
  void fail(const std::string& what) {
    if (fault.empty()) fault = what + " at " + std::to_string(at_);
  }

  void step() {
    if (text_[at_] != '<') return content();
    const std::size_t end = text_.find('>', at_);
    if (end == std::string_view::npos) return fail("a tag without an end");
    const std::string_view tag = text_.substr(at_ + 1, end - at_ - 1);
    if (tag.starts_with('/'))
      close(std::string(tag.substr(1)));
    else if (!tag.starts_with('?') && !tag.starts_with('!'))
      begin(tag);
    at_ = end + 1;
  }

  void content() {
    const std::size_t end = std::min(text_.find('<', at_), text_.size());
    const std::string_view part = text_.substr(at_, end - at_);
    const bool is_style = !open_.empty() && open_.back() == "style";
    if (!is_style && part.find('>') != std::string_view::npos) fail("a bare > in text");
    for (std::size_t i = 0; (i = part.find('&', i)) != std::string_view::npos; ++i)
      if (part.find(';', i) > i + 6) fail("a bare & in text");
    at_ = end;
  }

  void close(const std::string& name) {
    if (open_.empty() || open_.back() != name) return fail("closes what is not open: " + name);
    open_.pop_back();
  }

  void begin(std::string_view tag) {
    const bool is_empty = tag.ends_with('/');
    if (is_empty) tag.remove_suffix(1);
    const std::string name(tag.substr(0, tag.find(' ')));
    ++count[name];
    attributes(tag.substr(name.size()));
    if (!is_empty) open_.push_back(name);
  }

  void attributes(std::string_view rest) {
    std::set<std::string> seen;
    while (!rest.empty()) {
      const std::size_t quote = rest.find("=\"");
      const std::size_t end = quote == std::string_view::npos ? quote : rest.find('"', quote + 2);
      if (rest[0] != ' ' || end == std::string_view::npos) return fail("a bad attribute");
      const std::string key(rest.substr(1, quote - 1));
      const std::string value(rest.substr(quote + 2, end - quote - 2));
      if (!seen.insert(key).second) fail("an attribute twice: " + key);
      if (key == "id" && !ids.insert(value).second) fail("an id twice: " + value);
      if (key == "href" && value.starts_with('#')) referred.insert(value.substr(1));
      if (key == "aria-labelledby") refer(value);
      if (value.find("nan") != std::string::npos || value.find("inf") != std::string::npos)
        fail("no number in " + key + ": " + value);
      rest.remove_prefix(end + 1);
    }
  }

  void refer(const std::string& value) {
    for (std::size_t at = 0; at < value.size();) {
      const std::size_t end = std::min(value.find(' ', at), value.size());
      referred.insert(value.substr(at, end - at));
      at = end + 1;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> open_;
};

}  // namespace heddle::test
