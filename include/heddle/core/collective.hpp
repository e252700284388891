// The collective operations by which a training job's GPUs exchange gradients or tokens.
#pragma once

#include <optional>
#include <string_view>

namespace heddle {

/// Which pattern a job's communication follows; traffic/collective.hpp turns it into phases.
enum class collective : unsigned char {
  none,               ///< the job does not communicate
  ring,               ///< ring all-reduce; hierarchical across servers
  halving_doubling,   ///< recursive halving and doubling all-reduce
  all_to_all,         ///< pairwise exchange
};

[[nodiscard]] constexpr std::string_view name(collective c) {
  switch (c) {
    case collective::ring: return "ring";
    case collective::halving_doubling: return "halving_doubling";
    case collective::all_to_all: return "all_to_all";
    case collective::none: break;
  }
  return "none";
}

/// The collective of that name, or nothing.
[[nodiscard]] constexpr std::optional<collective> collective_named(std::string_view text) {
  for (collective c : {collective::none, collective::ring, collective::halving_doubling,
                       collective::all_to_all})
    if (name(c) == text) return c;
  return std::nullopt;
}

}  // namespace heddle
