// What is wired and what is wanted, the answer of `rewire`, and checks of both from outside.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

/// What is wired now and what is wanted. The open ends of the current wiring are those that may be used.
struct rewire_problem {
  wiring current;
  link_matrix want;             ///< circuits wanted of each leaf and spine, at least 0
  std::vector<circuit> frozen;  ///< of the current ones those that must stay, distinct
};

struct rewire_options {
  std::uint64_t seed = 1;
  double effort = 1;  ///< times the steps taken by default, at least 0
  /// More: a higher lower bound and better prices; 0: by size, 16 to 96.
  std::size_t bound_sweeps = 0;
  /// Of the search where frozen or closed fibres are in the way and chance found nothing.
  std::size_t search_nodes = 100'000;
};

enum class rewire_status : unsigned char {
  ok,            ///< a wiring with the wanted circuits and all frozen ones
  unrealizable,  ///< proved that there is none: see the witness
  gave_up,       ///< frozen circuits or closed ends are in the way; neither found nor excluded
};

/// Why there is no wiring.
struct rewire_witness {
  enum class kind : unsigned char {
    leaf,    ///< more circuits wanted at the leaf than it has fibres
    spine,   ///< the same at a spine
    frozen,  ///< more circuits of the pair are frozen than wanted
    pair,    ///< beside the frozen circuits fewer OCS are left to the pair than circuits wanted
    ends,    ///< the same of a leaf, or spine, and those of `others` together
    search,  ///< all ways to place the circuits beside the frozen ones were tried
  };
  kind what = kind::search;
  leaf_id leaf;  ///< invalid where it does not say
  spine_id spine;
  long wanted = 0, possible = 0;
  std::vector<std::uint32_t> others = {};  ///< of `ends`: spines if `leaf` is valid, else leafs

  [[nodiscard]] std::string message() const {
    const auto end = [this] {
      return leaf.valid() && spine.valid() ? "leaf " + std::to_string(leaf.value) + " and spine " +
                                                 std::to_string(spine.value)
             : leaf.valid() ? "leaf " + std::to_string(leaf.value)
                            : "spine " + std::to_string(spine.value);
    };
    const auto n = [](long v) { return std::to_string(v) + (v == 1 ? " circuit" : " circuits"); };
    switch (what) {
    case kind::leaf:
    case kind::spine:
      return n(wanted) + " wanted at " + end() + ", which has " + std::to_string(possible) +
             " fibres";
    case kind::frozen:
      return n(possible) + " frozen between " + end() + ", where " + std::to_string(wanted) +
             " wanted";
    case kind::pair:
      return n(wanted) + " wanted between " + end() +
             " beside the frozen ones, which leave room for " + std::to_string(possible);
    case kind::ends: {
      std::string message =
          n(wanted) + " wanted between " + end() + " and " + (leaf.valid() ? "spines" : "leafs");
      for (std::uint32_t i : others) message.append(" ").append(std::to_string(i));
      return message + " beside the frozen ones, which leave room for " + std::to_string(possible);
    }
    case kind::search:
      break;
    }
    return "no wiring keeps all frozen circuits";
  }

  friend bool operator==(const rewire_witness&, const rewire_witness&) = default;
};

struct rewire_result {
  rewire_status status = rewire_status::ok;
  std::optional<rewire_witness> witness;  ///< where unrealizable
  wiring target;                          ///< over the same ends, for `make_plan`; dark unless ok
  std::size_t kept = 0;                   ///< circuits that the current wiring has too
  std::size_t set_up = 0;                 ///< circuits that it has not
  std::size_t torn_down = 0;              ///< current circuits that are gone
  std::size_t lower_bound = 0;            ///< no wiring sets up fewer
  std::size_t steps = 0;                  ///< of the annealing

  [[nodiscard]] explicit operator bool() const { return status == rewire_status::ok; }
  [[nodiscard]] bool is_optimal() const { return *this && set_up == lower_bound; }
};

/// Checks sizes, ranges and that `frozen` is a part of the current wiring.
/// O(leafs · spines + frozen · log frozen).
/// \throws input_error  that names the field and the index of the first bad entry
inline void check(const rewire_problem& p) {
  const ports& ends = p.current.ends();
  const auto at_most_255 = [](const char* field, int fibres) {
    if (fibres < 1 || fibres > 255)
      throw input_error(std::string{"rewire."} + field, "1 to 255", std::to_string(fibres));
  };
  at_most_255("leaf_fibres", ends.leaf_fibres());
  at_most_255("spine_fibres", ends.spine_fibres());
  const auto size = [](int leafs, int spines) {
    return std::to_string(leafs) + " leafs and " + std::to_string(spines) + " spines";
  };
  if (p.want.leafs() != ends.leafs() || p.want.spines() != ends.spines())
    throw input_error("rewire.want", size(ends.leafs(), ends.spines()),
                      size(p.want.leafs(), p.want.spines()));
  for (leaf_id l : ends.all_leafs())
    for (spine_id s : ends.all_spines())
      if (p.want(l, s) < 0)
        throw input_error("rewire.want(leaf " + std::to_string(l.value) + ", spine " +
                              std::to_string(s.value) + ")",
                          "at least 0 circuits", std::to_string(p.want(l, s)));
  std::vector<circuit> seen = p.frozen;
  std::sort(seen.begin(), seen.end());
  for (std::size_t i = 0; i < p.frozen.size(); ++i) {
    const circuit& k = p.frozen[i];
    const bool exists = k.leaf.index() < ends.all_leafs().size() &&
                        k.uplink < static_cast<std::uint32_t>(ends.uplinks()) && k.spine.valid();
    const auto [first, last] = std::equal_range(seen.begin(), seen.end(), k);
    if (!exists || !p.current.has(k) || last - first > 1)
      throw input_error("rewire.frozen[" + std::to_string(i) + "]",
                        "a circuit of the current wiring, once",
                        "leaf " + std::to_string(k.leaf.value) + ", spine " +
                            std::to_string(k.spine.value) + ", uplink " + std::to_string(k.uplink));
  }
}

/// Judges an answer from outside: the ends, the wanted counts, the frozen circuits and the numbers
/// told. \returns what is wrong, or nothing
[[nodiscard]] inline std::optional<std::string> check(const rewire_problem& p,
                                                      const rewire_result& r) {
  if (!r)
    return r.target.circuits() == 0 ? std::nullopt
                                    : std::optional<std::string>{"circuits without a wiring"};
  if (r.target.ends() != p.current.ends()) return "a wiring of other ends";
  std::vector<circuit> then, now;
  r.target.list(then);
  p.current.list(now);
  if (auto wrong = check(p.current.ends(), then)) return wrong;
  if (r.target.links() != p.want) return "other circuits than wanted";
  for (const circuit& k : p.frozen)
    if (!r.target.has(k)) return "a frozen circuit is gone";
  std::size_t kept = 0;
  for (const circuit& k : now) kept += r.target.has(k);
  if (r.kept != kept) return "another number of circuits kept";
  if (r.set_up != then.size() - kept) return "another number of circuits set up";
  if (r.torn_down != now.size() - kept) return "another number of circuits torn down";
  if (r.lower_bound > r.set_up) return "fewer circuits set up than the bound";
  return std::nullopt;
}

}  // namespace heddle::optical
