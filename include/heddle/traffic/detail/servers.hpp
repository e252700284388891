// What collectives that work in two levels, or around a ring, have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic::detail {

[[nodiscard]] constexpr std::uint32_t u32(std::size_t v) { return static_cast<std::uint32_t>(v); }

/// Every rank i of `n` to rank i + `by`, around; 1 ≤ by < n.
inline void write_shift(std::size_t n, std::size_t by, std::vector<flow>& out) {
  out.resize(n);
  const std::size_t around = n - by;
  for (std::size_t i = 0; i < around; ++i) out[i] = {u32(i), u32(i + by)};
  for (std::size_t i = around; i < n; ++i) out[i] = {u32(i), u32(i + by - n)};
}

/// Every rank of `n` to the rank `by` further of its `q` consecutive ones, around.
inline void write_shift_within(std::size_t n, std::size_t q, std::size_t by,
                               std::vector<flow>& out) {
  out.clear();
  for (std::size_t i = 0; i < n; ++i) out.push_back({u32(i), u32(i - i % q + (i + by) % q)});
}

/// q if every one of those that `s` names holds exactly q > 1 consecutive ranks, else 1.
template <class Id>
[[nodiscard]] std::size_t equal_share(const std::vector<Id>& s) {
  const std::size_t n = s.size();
  std::size_t q = 1;
  while (q < n && s[q] == s[0]) ++q;
  if (q == 1 || n % q) return 1;
  std::vector<Id> used;
  for (std::size_t i = 0; i < n; i += q) {
    for (std::size_t j = 1; j < q; ++j)
      if (s[i + j] != s[i]) return 1;
    used.push_back(s[i]);
  }
  std::sort(used.begin(), used.end());
  return std::adjacent_find(used.begin(), used.end()) == used.end() ? q : 1;
}

/// q if the ranks are a multiple of the servers' size and every server used holds exactly q > 1
/// consecutive ranks, else 1. Of NVLink domains of several servers the same, where the job has several.
[[nodiscard]] inline std::size_t equal_share_of_servers(const group& ranks) {
  const std::size_t n = ranks.servers.size();
  if (n == 0 || n % static_cast<std::size_t>(ranks.gpus_per_server)) return 1;
  if (!ranks.domains.empty())
    if (const std::size_t q = equal_share(ranks.domains); q > 1 && q < n) return q;
  return equal_share(ranks.servers);
}

}  // namespace heddle::traffic::detail
