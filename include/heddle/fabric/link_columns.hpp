// Which uplink of a switch leads where, on a network whose parts have switches of their own.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <vector>

#include <heddle/fabric/links.hpp>

namespace heddle::fabric {

/// Numbers the uplinks of lower switches. Where pods, rails or planes have upper switches of their own
/// most pairs have no link; a *part* is what links join, and a switch has numbers for the upper switches
/// of its part alone: that with *place* p among them is behind uplinks [p·lanes, (p+1)·lanes). *Plain*
/// numbers have one part of all switches, and the place of an upper switch is its id.
///
/// An immutable value; copies are cheap, queries O(1).
class link_columns {
 public:
  /// Plain ones.
  link_columns() = default;
  /// Of what `links` joins; plain if that is one part. Parts are numbered by their lowest lower switch,
  /// then those without any. O(pairs of switches).
  explicit link_columns(const tier_links& links) {
    const auto lower = static_cast<std::uint32_t>(links.lower());
    const auto upper = static_cast<std::uint32_t>(links.upper());
    if (links.is_regular() || upper == 0) return;
    std::vector<std::uint32_t> root(lower + upper);
    std::iota(root.begin(), root.end(), 0u);
    const auto find = [&](std::uint32_t x) {
      while (root[x] != x) x = root[x] = root[root[x]];
      return x;
    };
    for (std::uint32_t l = 0; l < lower; ++l)
      for (std::uint32_t u = 0; u < upper; ++u)
        if (links.between(l, u) > 0) {
          const std::uint32_t a = find(l), b = find(lower + u);
          root[std::max(a, b)] = std::min(a, b);  // the lowest is the root
        }
    auto t = std::make_shared<tables>();
    std::vector<std::uint32_t> number(lower + upper, 0);
    for (std::uint32_t x = 0; x < lower + upper; ++x)
      if (find(x) == x) number[x] = t->parts++;
    if (t->parts == 1) return;
    std::vector<std::uint32_t> size(t->parts, 0);
    for (std::uint32_t l = 0; l < lower; ++l) t->part_of_lower.push_back(number[find(l)]);
    for (std::uint32_t u = 0; u < upper; ++u) {
      t->part_of_upper.push_back(number[find(lower + u)]);
      t->place.push_back(size[t->part_of_upper.back()]++);
    }
    t->width = *std::max_element(size.begin(), size.end());
    t->upper.assign(std::size_t{t->parts} * t->width, none);
    for (std::uint32_t u = 0; u < upper; ++u)
      t->upper[t->part_of_upper[u] * t->width + t->place[u]] = u;
    tables_ = std::move(t);
  }

  static constexpr std::uint32_t none = ~std::uint32_t{0};

  [[nodiscard]] bool is_plain() const { return !tables_; }
  [[nodiscard]] std::uint32_t parts() const { return is_plain() ? 1 : tables_->parts; }
  [[nodiscard]] std::uint32_t part_of_lower(std::size_t l) const {
    return is_plain() ? 0 : tables_->part_of_lower[l];
  }
  [[nodiscard]] std::uint32_t part_of_upper(std::size_t u) const {
    return is_plain() ? 0 : tables_->part_of_upper[u];
  }
  /// Among the upper switches of its part, from 0.
  [[nodiscard]] std::uint32_t place(std::uint32_t u) const {
    return is_plain() ? u : tables_->place[u];
  }
  /// The upper switch of a part in that place; `none` if it has fewer.
  [[nodiscard]] std::uint32_t upper(std::uint32_t part, std::uint32_t place) const {
    return is_plain() ? place : tables_->upper[part * tables_->width + place];
  }
  /// Places of the largest part, of `upper` switches in all.
  [[nodiscard]] int places(int upper) const {
    return is_plain() ? upper : static_cast<int>(tables_->width);
  }

  friend bool operator==(const link_columns& a, const link_columns& b) {
    return a.tables_ == b.tables_ || (a.tables_ && b.tables_ && *a.tables_ == *b.tables_);
  }

 private:
  struct tables {
    std::uint32_t parts = 0, width = 0;
    std::vector<std::uint32_t> part_of_lower, part_of_upper, place;
    std::vector<std::uint32_t> upper;  // part-major

    friend bool operator==(const tables&, const tables&) = default;
  };
  std::shared_ptr<const tables> tables_;  // null: plain
};

}  // namespace heddle::fabric
