// The collective operations by which a training job's GPUs exchange gradients or tokens.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
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
  server_tree,              ///< all-reduce inside servers, and over two binary trees of these
};

/// A collective, its name and what it is in one line.
struct collective_row {
  std::string_view name;
  std::string_view what;
  collective value;
};

/// All of them, `none` included, in the order of the enumeration.
inline constexpr std::array<collective_row, 11> collectives{{
    {"none", "the job does not communicate", collective::none},
    {"ring", "ring all-reduce, hierarchical across servers", collective::ring},
    {"halving_doubling", "recursive halving and doubling all-reduce", collective::halving_doubling},
    {"all_to_all", "pairwise exchange", collective::all_to_all},
    {"tree", "all-reduce over two binary trees", collective::tree},
    {"hierarchical_all_to_all", "exchange inside servers, then across",
     collective::hierarchical_all_to_all},
    {"all_gather", "around a ring", collective::all_gather},
    {"reduce_scatter", "around a ring", collective::reduce_scatter},
    {"broadcast", "from the first rank to all", collective::broadcast},
    {"pipeline", "from stage to stage, and back", collective::pipeline},
    {"server_tree", "all-reduce inside servers, and over two binary trees of these",
     collective::server_tree},
}};

/// Their values.
inline constexpr auto all_collectives = [] {
  std::array<collective, collectives.size()> out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = collectives[i].value;
  return out;
}();

[[nodiscard]] constexpr std::string_view name(collective c) {
  return collectives[static_cast<std::size_t>(c)].name;
}

/// The collective of that name, or nothing.
[[nodiscard]] constexpr std::optional<collective> collective_named(std::string_view text) {
  for (const collective_row& c : collectives)
    if (c.name == text) return c.value;
  return std::nullopt;
}

/// A set of collectives.
class collective_set {
 public:
  constexpr collective_set() = default;
  constexpr collective_set(std::initializer_list<collective> all) {
    for (collective c : all) add(c);
  }
  constexpr void add(const collective_set& more) {
    bits_ = static_cast<std::uint16_t>(bits_ | more.bits_);
  }
  constexpr void add(collective c) { bits_ = static_cast<std::uint16_t>(bits_ | bit(c)); }
  [[nodiscard]] constexpr bool contains(collective c) const { return (bits_ & bit(c)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }

  friend constexpr bool operator==(collective_set, collective_set) = default;

 private:
  static_assert(collectives.size() <= 16);
  static constexpr std::uint16_t bit(collective c) {
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(c));
  }
  std::uint16_t bits_ = 0;
};

/// What the stock library sends on large jobs, whichever its tuner takes: rings and two binary trees over
/// servers on every card, and pairs of send and receive between neighbouring stages. Not an exchange made of
/// such pairs: a job that has one (experts) names `all_to_all` beside it.
inline constexpr std::string_view nccl_name = "nccl";
inline constexpr collective_set nccl_collectives{collective::ring, collective::all_gather,
                                                 collective::reduce_scatter,
                                                 collective::server_tree, collective::pipeline};

/// What a job of that name sends where only one collective can be told: rings for `nccl`. O(names).
[[nodiscard]] constexpr std::optional<collective> sent_by(std::string_view text) {
  return text == nccl_name ? collective::ring : collective_named(text);
}
/// What a name declares: one collective, or all of `nccl`; nothing if it is neither. O(names).
[[nodiscard]] constexpr std::optional<collective_set> declared_by(std::string_view text) {
  if (text == nccl_name) return nccl_collectives;
  const std::optional<collective> c = collective_named(text);
  if (!c) return std::nullopt;
  return *c == collective::none ? collective_set{} : collective_set{*c};
}

}  // namespace heddle
