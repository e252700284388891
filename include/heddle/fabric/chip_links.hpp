// Fixed links between neighbouring chips, and the book of those that have failed.
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The fixed link from a chip to the next one along a dimension, both ways.
struct chip_link {
  gpu_id from;
  std::uint8_t dimension = 0;

  friend auto operator<=>(const chip_link&, const chip_link&) = default;
};

/// The book of a fabric whose links are their chips': a link belongs to a job when both its ends do, so
/// nothing of the network is booked by itself. It keeps which links have failed.
class chip_link_book {
 public:
  template <class T>
  static constexpr bool knows = std::same_as<T, chip_link>;

  /// Of a fabric with `hosts()` and `end_of(link)`.
  template <class Fabric>
  explicit chip_link_book(const Fabric& dc)
      : failed_(static_cast<std::size_t>(dc.hosts().gpus()) * box_shape::most_sides) {}

  [[nodiscard]] bool is_failed(const chip_link& k) const { return failed_.contains(mark_of(k)); }
  /// Whether nothing of the network has failed.
  [[nodiscard]] bool all_work() const { return failed_.empty(); }

  friend bool operator==(const chip_link_book&, const chip_link_book&) = default;

  // --- for the ledger ----------------------------------------------------------------------------

  [[nodiscard]] bool knows_all(const placement& p) const { return !p.owns_network(); }
  [[nodiscard]] bool take(const placement&, job_id) { return true; }
  void give_back(const placement&) {}

  /// Marks a link; the ledger knows who owns its ends.
  template <class Fabric, class Cut, class Hit>
  bool mark(const Fabric&, const chip_link& k, bool failed, Cut&&, Hit&&) {
    return failed_.set(mark_of(k), failed);
  }
  /// Takes over what has failed in a book of the same network.
  void adopt_failures(const chip_link_book& other) { failed_ = other.failed_; }

 private:
  [[nodiscard]] static std::size_t mark_of(const chip_link& k) {
    return k.from.index() * box_shape::most_sides + k.dimension;
  }

  detail::marks failed_;
};

}  // namespace heddle::fabric
