// The collective operations by which a training job's GPUs exchange gradients or tokens.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace heddle {

/// Which pattern a job's communication follows; traffic/collectives.hpp has its phases.
enum class collective : unsigned char {
  none,                     ///< the job does not communicate
  ring,                     ///< ring all-reduce; hierarchical across servers
  halving_doubling,         ///< recursive halving and doubling all-reduce
  all_to_all,               ///< pairwise exchange
  tree,                     ///< all-reduce over two binary trees
  hierarchical_all_to_all,  ///< exchange inside servers, then across
  all_gather,               ///< around a ring
  reduce_scatter,           ///< around a ring
  broadcast,                ///< from the first rank to all
  pipeline,                 ///< from stage to stage, and back
};

inline constexpr std::array<std::string_view, 10> collective_names{
    "none",       "ring",           "halving_doubling",
    "all_to_all", "tree",           "hierarchical_all_to_all",
    "all_gather", "reduce_scatter", "broadcast",
    "pipeline"};

/// All of them, `none` included, in the order of the enumeration.
inline constexpr std::array<collective, collective_names.size()> all_collectives{
    collective::none,       collective::ring,           collective::halving_doubling,
    collective::all_to_all, collective::tree,           collective::hierarchical_all_to_all,
    collective::all_gather, collective::reduce_scatter, collective::broadcast,
    collective::pipeline};

[[nodiscard]] constexpr std::string_view name(collective c) {
  return collective_names[static_cast<std::size_t>(c)];
}

/// The collective of that name, or nothing.
[[nodiscard]] constexpr std::optional<collective> collective_named(std::string_view text) {
  for (collective c : all_collectives)
    if (name(c) == text) return c;
  return std::nullopt;
}

}  // namespace heddle
