// Host lists as Slurm writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::fabric {

namespace detail {

/// The names of one item of a host list, appended to `out`. Several brackets count like the digits
/// of a number: the last runs fastest.
inline void expand_item(std::string_view item, const std::string& where, std::size_t most,
                        std::vector<std::string>& out) {
  constexpr std::size_t longest_name = 255;  // of a host on the internet
  constexpr std::uint64_t most_text = 1u << 25;
  const auto refuse = [&](const char* expected) {
    throw input_error(where, expected, shown(item));
  };
  const auto too_many = [&] {
    throw input_error(where, "at most " + std::to_string(most) + " names", "more");
  };
  const auto check_text = [&](std::uint64_t count, std::size_t length) {
    if (count * length > most_text)
      throw input_error(where, "names of at most 32 MiB in all", "more, in a host list");
  };
  std::vector<std::string> names{{}};
  while (!item.empty()) {
    const auto open = item.find('[');
    const std::string_view plain = item.substr(0, open);
    if (plain.find_first_of("] \t,") != std::string_view::npos)
      refuse("a host list like node[01-16,20],login");
    if (names.front().size() + plain.size() > longest_name)
      refuse("names of at most 255 characters");
    check_text(names.size(), names.front().size() + plain.size());
    for (std::string& n : names) n += plain;
    if (open == std::string_view::npos) break;
    const auto close = item.find(']', open);
    if (close == std::string_view::npos) refuse("a closing bracket in a host list");
    std::string_view ranges = item.substr(open + 1, close - open - 1);
    std::vector<std::string> numbers, wider;
    for (bool more = true; more;) {
      const auto comma = ranges.find(',');
      const std::string_view range = ranges.substr(0, comma);
      more = comma != std::string_view::npos;
      if (more) ranges.remove_prefix(comma + 1);
      const auto dash = range.find('-');
      const std::string_view first = range.substr(0, dash);
      const std::string_view last = dash == std::string_view::npos ? first : range.substr(dash + 1);
      const auto from = number_in<std::uint32_t>(first), to = number_in<std::uint32_t>(last);
      if (!from || !to || first.size() > 9 || last.size() > 9)
        refuse("ranges of whole numbers of at most 9 digits in the brackets of a host list");
      if (*to < *from) refuse("ranges of a host list to run upwards");
      if ((std::uint64_t{*to} - *from + 1 + numbers.size()) * names.size() + out.size() > most)
        too_many();
      for (std::uint32_t i = *from; i <= *to; ++i) {
        std::string digits = std::to_string(i);
        if (digits.size() < first.size()) digits.insert(0, first.size() - digits.size(), '0');
        numbers.push_back(std::move(digits));
      }
    }
    check_text(std::uint64_t{names.size()} * numbers.size(),
               names.front().size() + numbers.back().size());
    for (const std::string& n : names)
      for (const std::string& digits : numbers) wider.push_back(n + digits);
    names = std::move(wider);
    item.remove_prefix(close + 1);
  }
  if (names.size() + out.size() > most) too_many();
  for (std::string& n : names) out.push_back(std::move(n));
}

}  // namespace detail

/// The names of a host list, in its order: `node[08-10,3],login` is node08, node09, node10, node3,
/// login. Numbers keep the width of the first of their range. Commas too many are passed over, as Slurm does.
///
/// \param where  for errors: the file and line
/// \param most   names at most
/// \throws input_error  for text that is no host list or names nobody, more than `most` hosts, or hosts
///                      whose names are more than 32 MiB of text
[[nodiscard]] inline std::vector<std::string>
expand_hostlist(std::string_view list, const std::string& where, std::size_t most = 1u << 18) {
  std::vector<std::string> out;
  for (std::size_t from = 0;;) {
    // A comma inside brackets belongs to its item.
    bool inside = false;
    std::size_t end = from;
    for (; end < list.size() && (inside || list[end] != ','); ++end) {
      if (list[end] == '[') inside = true;
      if (list[end] == ']') inside = false;
    }
    if (const auto item = trimmed(list.substr(from, end - from)); !item.empty())
      detail::expand_item(item, where, most, out);
    if (end == list.size()) break;
    from = end + 1;
  }
  if (out.empty()) throw input_error(where, "a name in a host list", shown(list));
  return out;
}

}  // namespace heddle::fabric
