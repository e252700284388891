// The memory that fair-share policies reuse from call to call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/share/detail/equal_jobs.hpp>
#include <heddle/share/detail/level_search.hpp>
#include <heddle/share/detail/value_search.hpp>
#include <heddle/share/problem.hpp>

namespace heddle::share {

/// Pass one to a policy's long form and after the first call of a size nothing is allocated. A
/// workspace has one user at a time; what is in it between calls means nothing.
struct workspace {
  /// Of an entity's sorted jobs: up to a total of `total` it is `full` + `rising` · height.
  struct piece {
    double total = 0, full = 0, rising = 0;
  };
  /// The pieces of an entity and what its held jobs have.
  struct entity_pieces {
    std::size_t begin = 0, end = 0;
    double held = 0;
  };

  detail::equal_jobs classes;
  detail::level_search levels;
  detail::value_search values;
  std::vector<double> rate, cap, held, sum, kept;
  std::vector<piece> pieces;
  std::vector<entity_pieces> entities;
  std::vector<std::uint32_t> order, begin;
};

namespace detail {
/// A policy's answer from a workspace of its own.
template <class Policy>
[[nodiscard]] answer solved(const Policy& policy, const problem& p) {
  workspace w;
  answer out;
  policy(p, w, out);
  return out;
}
}  // namespace detail

}  // namespace heddle::share
