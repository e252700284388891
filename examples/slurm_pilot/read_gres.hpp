// Lists of generic and trackable resources (gres, TRES), and what they say of GPUs.
#pragma once

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "slurm_pilot/read_fields.hpp"

namespace heddle::pilot {

/// The GPUs of a list. What Slurm counts as gpu is one: a slice of a partitioned GPU (MIG), too.
struct gpu_list {
  bool told = false;                           ///< GPUs or shares of them are named, be it none
  int gpus = 0;                                ///< of all types
  int shares = 0;                              ///< parts of GPUs: gres/shard, gres/mps
  std::map<std::string, int, std::less<>> of;  ///< GPUs by type; "": those without one
  std::vector<int> numbers;        ///< of the GPUs in their node, ascending; empty if not told
  std::vector<int> share_numbers;  ///< of those that shares are parts of
};

namespace detail {

/// A count as Slurm writes it: `4`, `2K` of 1024 each, `1kb` of 1000; nothing for other text. Not
/// more than a million.
inline std::optional<int> gres_count(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && std::isdigit(static_cast<unsigned char>(text[digits]))) ++digits;
  const auto n = number<long long>(text.substr(0, digits));
  if (digits == 0 || !n) return std::nullopt;
  const std::string suffix = lower(text.substr(digits));
  constexpr std::string_view powers = "kmgtp";
  const auto power = suffix.empty() ? std::string_view::npos : powers.find(suffix[0]);
  if (!suffix.empty() && power == std::string_view::npos) return std::nullopt;
  const std::string_view unit = suffix.empty() ? "" : std::string_view(suffix).substr(1);
  if (!unit.empty() && unit != "b" && unit != "ib") return std::nullopt;
  double value = static_cast<double>(*n);
  for (std::size_t k = 0; !suffix.empty() && k <= power; ++k) value *= unit == "b" ? 1000 : 1024;
  return static_cast<int>(std::min(value, 1e6));
}

/// The items of a list: commas within parentheses belong to their item.
inline std::vector<std::string_view> gres_items(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = from;
    for (int depth = 0; end < text.size() && (depth > 0 || text[end] != ','); ++end)
      depth += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
    out.push_back(text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

/// The numbers in `(IDX:0-1,5)`.
inline void add_numbers(std::string_view item, std::vector<int>& out) {
  const auto at = item.find("IDX:");
  if (at == item.npos) return;
  const auto end = item.find(')', at);
  for (std::string_view range : split(item.substr(at + 4, end - at - 4), ',')) {
    const auto dash = range.find('-');
    const auto first = number<int>(range.substr(0, dash));
    const auto last = dash == range.npos ? first : number<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last > 4096) continue;
    for (int i = *first; i <= *last; ++i) out.push_back(i);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
}

}  // namespace detail

/// Reads a list in any of its forms: `gres:gpu:a100:8`, `gpu:4(S:0-1)`, `gpu:1g.5gb:7`,
/// `gres/gpu=4,gres/gpu:a100=4` (the sum, and again by type), `gpu:a100:4(IDX:0-3)`,
/// `gpu:tesla:no_consume:2`, `shard:16`. Other resources are passed over. An item without a number
/// is one.
[[nodiscard]] inline gpu_list read_gres(std::string_view text) {
  gpu_list out;
  if (detail::is_nothing(text)) return out;
  bool sums = false;
  int untyped = 0, typed = 0;
  for (std::string_view item : detail::gres_items(text)) {
    const auto blank = item.find_first_not_of(" \t");
    item.remove_prefix(std::min(blank, item.size()));
    const std::string_view whole = item;
    item = item.substr(0, item.find_first_of("( \t"));
    if (item.starts_with("gres:") || item.starts_with("gres/")) item.remove_prefix(5);
    const std::string_view name = item.substr(0, item.find_first_of(":="));
    const bool is_share = name == "shard" || name == "mps";
    if (name != "gpu" && !is_share) continue;
    out.told = true;
    int count = 1;
    std::string type;
    std::string_view rest = item.substr(name.size());
    if (const auto sign = rest.find_last_of(":="); sign != rest.npos) {
      sums |= rest[sign] == '=';
      if (const auto n = detail::gres_count(rest.substr(sign + 1))) {
        count = *n;
        rest = rest.substr(0, sign);
      }
      for (std::string_view part : detail::split(rest, ':'))
        if (!part.empty() && part != "no_consume")
          type += (type.empty() ? "" : ":") + std::string(part);
    }
    detail::add_numbers(whole, is_share ? out.share_numbers : out.numbers);
    if (is_share) {
      out.shares += count;
      continue;
    }
    (type.empty() ? untyped : typed) += count;
    if (count > 0) out.of[type] += count;
  }
  out.gpus = sums ? std::max(untyped, typed) : untyped + typed;
  if (sums && typed > 0) out.of.erase("");
  if (static_cast<int>(out.numbers.size()) != out.gpus) out.numbers.clear();
  return out;
}

}  // namespace heddle::pilot
