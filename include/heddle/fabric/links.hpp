// Fixed links between two tiers of switches.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>

namespace heddle::fabric {

/// How many links there are from each switch of a lower tier to each of the tier above: leafs to
/// spines, and in three tiers spines to cores. 0 where there are none. An immutable value; copies are
/// cheap, queries O(1).
///
/// The ways up from a lower switch are numbered: *lane* k of the links to upper switch s is uplink
/// s · lanes + k, where `lanes` is the most that any pair has.
class tier_links {
 public:
  /// None: there is no tier above.
  tier_links() = default;
  /// The same number for every pair.
  /// \throws input_error  if a number is less than 1, or there are more than 2^28 links
  tier_links(int lower, int upper, int per_pair) : lower_(lower), upper_(upper), lanes_(per_pair) {
    for (int n : {lower, upper, per_pair})
      if (n < 1)
        throw input_error("links", "at least 1 switch of each tier and 1 link", std::to_string(n));
    check_size();
  }
  /// As found: lower-major, `lower` · `upper` numbers. Rails without spines have an upper tier of none.
  /// \throws input_error  if there is no lower switch, a number is negative, or there are not so many
  tier_links(int lower, int upper, std::vector<int> counts)
      : lower_(lower), upper_(upper), lanes_(1) {
    if (lower < 1 || upper < 0)
      throw input_error("links", "at least 1 switch of the lower tier and 0 of the upper",
                        std::to_string(lower) + " and " + std::to_string(upper));
    if (counts.size() != size(lower) * size(upper))
      throw input_error("links", std::to_string(size(lower) * size(upper)) + " pairs of switches",
                        std::to_string(counts.size()));
    for (int n : counts) {
      if (n < 0) throw input_error("links", "0 links of a pair or more", std::to_string(n));
      lanes_ = std::max(lanes_, n);
    }
    check_size();
    for (int n : counts) all_ += n;
    if (upper > 0 && all_ == lower * uplinks()) return;  // all alike
    counts_ = std::make_shared<const std::vector<int>>(std::move(counts));
  }

  [[nodiscard]] int lower() const { return lower_; }
  [[nodiscard]] int upper() const { return upper_; }
  /// Links of a pair, at most.
  [[nodiscard]] int lanes() const { return lanes_; }
  /// Numbers for links up from one lower switch.
  [[nodiscard]] int uplinks() const { return upper_ * lanes_; }
  /// Whether all pairs have the same number of links.
  [[nodiscard]] bool is_regular() const { return !counts_; }
  /// Links from lower switch `a` to upper switch `b`.
  [[nodiscard]] int between(std::size_t a, std::size_t b) const {
    return is_regular() ? lanes_ : (*counts_)[a * size(upper_) + b];
  }
  /// All of them.
  [[nodiscard]] int total() const { return is_regular() ? lower_ * uplinks() : all_; }

  friend bool operator==(const tier_links& a, const tier_links& b) {
    return a.lower_ == b.lower_ && a.upper_ == b.upper_ && a.lanes_ == b.lanes_ &&
           (a.counts_ == b.counts_ || (a.counts_ && b.counts_ && *a.counts_ == *b.counts_));
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  void check_size() const {
    if (const double most = 1.0 * lower_ * upper_ * lanes_; most > 1 << 28)
      throw input_error("links", "at most 2^28 of them",
                        std::to_string(static_cast<long long>(std::min(most, 9e18))));
  }

  int lower_ = 0, upper_ = 0, lanes_ = 0, all_ = 0;
  std::shared_ptr<const std::vector<int>> counts_;  // null: all alike
};

}  // namespace heddle::fabric
