// OpenSM's text of forwarding tables: what `opensm --dump_files_dir` writes and `opensm -R file -U` reads,
// and what `dump_fts` prints.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <istream>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>
#include <heddle/fabric/forwarding.hpp>

namespace heddle::fabric {

/// A switch of a dump.
struct lft_switch {
  std::uint64_t guid = 0;
  std::uint32_t lid = 0;  ///< 0: not told
  std::string name = {};

  friend bool operator==(const lft_switch&, const lft_switch&) = default;
};
/// Whose a LID is: a switch's or a port's of a card.
struct lft_owner {
  std::uint64_t guid = 0;  ///< of the port; 0: nobody's, or not told
  bool is_switch = false;
  std::string text = {};  ///< `Channel Adapter portguid 0x…: 'name'`

  friend bool operator==(const lft_owner&, const lft_owner&) = default;
};

/// The tables of all switches of a dump, in its order.
struct lft_dump {
  std::vector<lft_switch> switches = {};
  std::vector<lft_owner> owners = {};  ///< by LID
  forwarding tables = {};

  friend bool operator==(const lft_dump&, const lft_dump&) = default;
};

namespace detail {

/// Reads a dump in blocks, line by line.
class lft_reader {
 public:
  lft_reader(std::istream& in, std::string name) : in_(in), name_(std::move(name)) {}

  lft_dump read() {
    if (!in_) throw input_error(name_, "a readable file", "none");
    std::string block(std::size_t{1} << 16, '\0');
    std::size_t kept = 0;
    while (in_) {
      if (kept == block.size()) block.resize(2 * block.size());
      in_.read(block.data() + kept, static_cast<std::streamsize>(block.size() - kept));
      const std::size_t size = kept + static_cast<std::size_t>(in_.gcount());
      const char *at = block.data(), *const end = at + size;
      while (const void* stop = std::memchr(at, '\n', static_cast<std::size_t>(end - at))) {
        const char* const next = static_cast<const char*>(stop);
        line({at, static_cast<std::size_t>(next - at)});
        at = next + 1;
      }
      kept = static_cast<std::size_t>(end - at);
      std::memmove(block.data(), at, kept);
    }
    if (kept > 0) line({block.data(), kept});
    finish_switch({});
    if (out_.switches.empty()) throw input_error(name_, "the tables of a switch", "none");
    out_.tables = transposed();
    return std::move(out_);
  }

 private:
  static constexpr std::size_t most_places = std::size_t{1} << 28;

  [[noreturn]] void fail(const std::string& expected, std::string_view got) const {
    throw input_error(name_ + ":" + std::to_string(number_), expected, shown(got));
  }
  void line(std::string_view text) {
    ++number_;
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (text.starts_with("0x"))
      entry(text);
    else if (text.starts_with("Unicast lids"))
      header(text);
    else if (text.find("lids dumped") != std::string_view::npos)
      total(text);
    else if (const std::string_view word = trimmed(text); !word.empty() && word[0] != '#' &&
                                                          !word.starts_with("Lid") &&
                                                          !word.starts_with("Port"))
      fail("a line of a dump of forwarding tables", text);
  }
  /// What stands between two texts; nothing if they do not.
  static std::string_view between(std::string_view text, std::string_view a, std::string_view b) {
    const auto from = text.find(a);
    if (from == std::string_view::npos) return {};
    text.remove_prefix(from + a.size());
    return text.substr(0, b.empty() ? text.size() : text.find(b));
  }
  template <class Number>
  static std::optional<Number> hex(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    Number n{};
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n, 16);
    if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
    return n;
  }
  void header(std::string_view text) {
    finish_switch(text);
    lft_switch s;
    const auto guid = hex<std::uint64_t>(trimmed(between(text, " guid ", "(")));
    if (!guid) fail("the guid of a switch, guid 0x… (…)", text);
    s.guid = *guid;
    s.lid = number_in<std::uint32_t>(between(text, "switch Lid ", " ")).value_or(0);
    std::string_view name = between(text, "(", "");
    name = name.substr(0, name.rfind(')'));
    if (name.size() > 1 && name.starts_with('\'') && name.ends_with('\''))
      name = name.substr(1, name.size() - 2);
    s.name = name;
    if (!guids_.insert(s.guid).second) fail("each switch once", text);
    out_.switches.push_back(std::move(s));
    columns_.emplace_back();
    entries_ = 0;
    open_ = true;
  }
  void total(std::string_view text) {
    std::string_view count = trimmed(text);
    count = count.substr(0, count.find(' '));
    const auto n = number_in<std::size_t>(count);
    // dump_fts counts lines; OpenSM all LIDs, those without a way among them.
    const bool of_lines = text.find("valid lids dumped") != std::string_view::npos;
    if (!open_ || !n || (of_lines ? *n != entries_ : *n < entries_))
      fail(std::to_string(entries_) + " lids dumped, as lines stand there", text);
    open_ = false;
  }
  void entry(std::string_view text) {
    if (!open_) fail("a switch before its entries", text);
    const std::string_view all = text;
    std::uint32_t lid = 0, port = 0;
    const char* at = text.data() + 2;
    const char* const end = text.data() + text.size();
    auto got = std::from_chars(at, end, lid, 16);
    if (got.ec != std::errc{} || got.ptr == end || *got.ptr != ' ' || lid == 0 || lid >= 0xC000)
      fail("a LID from 0x0001 to 0xbfff", all);
    at = got.ptr + 1;
    got = std::from_chars(at, end, port, 10);
    if (got.ec != std::errc{} || port > 255) fail("a port from 000 to 255", all);
    text.remove_prefix(static_cast<std::size_t>(got.ptr - text.data()));
    std::vector<std::uint8_t>& column = columns_.back();
    if (column.size() <= lid) {
      lids_ = std::max(lids_, lid + std::size_t{1});
      if (lids_ * columns_.size() > most_places)
        fail("at most 2^28 places, switches times LIDs", all);
      column.resize(lid + std::size_t{1}, forwarding::none);
    }
    if (seen_.size() <= lid) seen_.resize(lid + std::size_t{1}, 0);
    if (seen_[lid] == columns_.size()) fail("each LID of a switch once", all);
    seen_[lid] = columns_.size();
    column[lid] = static_cast<std::uint8_t>(port);
    ++entries_;
    own(lid, text);
  }
  /// What follows the port: ` # owner`, or ` : (owner)`.
  void own(std::uint32_t lid, std::string_view tail) {
    if (out_.owners.size() <= lid) {
      out_.owners.resize(lid + std::size_t{1});
      tails_.resize(lid + std::size_t{1});
    }
    if (tail == tails_[lid]) return;  // as at the switch before
    const std::string_view raw = tail;
    tail = trimmed(tail);
    if (tail.starts_with('#')) {
      tail = trimmed(tail.substr(1));
    } else if (tail.starts_with(": (") && tail.ends_with(')')) {
      tail = trimmed(tail.substr(3, tail.size() - 4));
    } else if (!tail.empty()) {
      fail("# or : and whose the LID is", tail);
    }
    lft_owner o{.text = std::string(tail)};
    o.is_switch = tail.starts_with("Switch");
    if (const std::string_view guid = between(tail, "portguid ", ":"); !guid.empty()) {
      const auto n = hex<std::uint64_t>(trimmed(guid));
      if (!n) fail("portguid 0x…", tail);
      o.guid = *n;
    }
    if (!tails_[lid].empty() && out_.owners[lid].guid != o.guid)
      fail("LID " + std::to_string(lid) + " to be of " + out_.owners[lid].text + " as before",
           tail);
    tails_[lid] = raw;
    out_.owners[lid] = std::move(o);
  }
  void finish_switch(std::string_view text) const {
    if (open_) fail("the number of lids dumped after the entries of a switch", text);
  }
  [[nodiscard]] forwarding transposed() const {
    forwarding t{static_cast<std::uint32_t>(columns_.size()), static_cast<std::uint32_t>(lids_)};
    for (std::size_t first = 0; first < lids_; first += 64)
      for (std::uint32_t s = 0; s < columns_.size(); ++s)
        for (std::size_t l = first; l < std::min({first + 64, lids_, columns_[s].size()}); ++l)
          t.set(s, static_cast<std::uint32_t>(l), columns_[s][l]);
    return t;
  }

  std::istream& in_;
  std::string name_;
  lft_dump out_;
  std::vector<std::vector<std::uint8_t>> columns_;  // by switch
  std::vector<std::string> tails_;                  // by LID
  std::vector<std::size_t> seen_;
  std::set<std::uint64_t> guids_;
  std::size_t number_ = 0, entries_ = 0, lids_ = 0;
  bool open_ = false;
};

}  // namespace detail

/// Reads tables as OpenSM dumps them, or as `dump_fts` prints them.
/// \throws input_error  `name:line: expected …, got …` for other text, a LID or switch given twice, a LID
///                      with two owners, a switch without the number of its lines, and more than 2^28
///                      places
/// O(bytes), block by block.
[[nodiscard]] inline lft_dump read_lft(std::istream& in, const std::string& name) {
  return detail::lft_reader{in, name}.read();
}

/// Writes tables as OpenSM dumps them and `-U` reads them. O(bytes).
inline void write_lft(std::ostream& out, const lft_dump& dump) {
  std::vector<std::string> tails(dump.tables.lids()), lids(dump.tables.lids());
  char text[64];
  for (std::uint32_t lid = 0; lid < dump.tables.lids(); ++lid) {
    std::snprintf(text, sizeof text, "0x%04x ", lid);
    lids[lid] = text;
    tails[lid] = lid < dump.owners.size() && !dump.owners[lid].text.empty()
                     ? " # " + dump.owners[lid].text + "\n"
                     : " #\n";
  }
  std::string block;
  for (std::uint32_t s = 0; s < dump.switches.size(); ++s) {
    const lft_switch& one = dump.switches[s];
    std::snprintf(text, sizeof text, " guid 0x%016llx ('",
                  static_cast<unsigned long long>(one.guid));
    block += "Unicast lids [0-" + std::to_string(dump.tables.lids() - 1) + "] of switch Lid " +
             std::to_string(one.lid) + text + one.name + "'):\n";
    for (std::uint32_t lid = 0; lid < dump.tables.lids(); ++lid) {
      const std::uint8_t port = dump.tables.port(s, lid);
      if (port == forwarding::none) continue;
      block += lids[lid];
      const char digits[3] = {static_cast<char>('0' + port / 100),
                              static_cast<char>('0' + port / 10 % 10),
                              static_cast<char>('0' + port % 10)};
      block.append(digits, 3);
      block += tails[lid];
      if (block.size() > (std::size_t{1} << 20)) {
        out.write(block.data(), static_cast<std::streamsize>(block.size()));
        block.clear();
      }
    }
    block += std::to_string(dump.tables.lids() - 1) + " lids dumped\n";
  }
  out.write(block.data(), static_cast<std::streamsize>(block.size()));
}

}  // namespace heddle::fabric
