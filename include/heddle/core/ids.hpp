// Strong ids: a GPU cannot be passed where a leaf is meant.
//
//   gpu_id, server_id, domain_id, unit_id, pod_id   hosts, dense from 0: fabric/hosts.hpp
//   leaf_id, spine_id, core_id                      switches, dense from 0
//   ocs_id                                          an optical circuit switch, dense from 0
//   job_id                                          a job, as its trace or its scheduler names it
#pragma once

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>  // for std::hash, at less cost than <functional>

namespace heddle {

/// A 32-bit number that means one kind of thing only. Default constructed it is `none`.
template <class Tag>
struct id {
  using value_type = std::uint32_t;

  value_type value = std::numeric_limits<value_type>::max();

  constexpr id() = default;
  constexpr explicit id(std::integral auto v) : value(static_cast<value_type>(v)) {}

  /// True for every id but the default constructed one.
  [[nodiscard]] constexpr bool valid() const { return *this != id{}; }
  /// The id as an index into an array.
  [[nodiscard]] constexpr std::size_t index() const { return value; }

  friend constexpr auto operator<=>(id, id) = default;
};

using gpu_id = id<struct gpu_tag>;
using server_id = id<struct server_tag>;
using domain_id = id<struct domain_tag>;
using unit_id = id<struct unit_tag>;
using pod_id = id<struct pod_tag>;
using leaf_id = id<struct leaf_tag>;
using spine_id = id<struct spine_tag>;
using core_id = id<struct core_tag>;
using ocs_id = id<struct ocs_tag>;
using job_id = id<struct job_tag>;

/// The ids [first, last), for range-based for: `for (gpu_id g : dc.gpus_of(server))`.
template <class Id>
class id_range {
 public:
  class iterator {
   public:
    using value_type = Id;
    using difference_type = std::ptrdiff_t;

    constexpr iterator() = default;
    constexpr explicit iterator(std::uint32_t v) : value_(v) {}
    constexpr Id operator*() const { return Id{value_}; }
    constexpr iterator& operator++() {
      ++value_;
      return *this;
    }
    constexpr iterator operator++(int) {
      iterator old = *this;
      ++value_;
      return old;
    }
    friend constexpr bool operator==(iterator, iterator) = default;

   private:
    std::uint32_t value_ = 0;
  };

  constexpr id_range() = default;
  constexpr id_range(std::uint32_t first, std::uint32_t last) : first_(first), last_(last) {}

  [[nodiscard]] constexpr iterator begin() const { return iterator{first_}; }
  [[nodiscard]] constexpr iterator end() const { return iterator{last_}; }
  [[nodiscard]] constexpr std::uint32_t size() const { return last_ - first_; }
  [[nodiscard]] constexpr bool empty() const { return first_ == last_; }
  [[nodiscard]] constexpr Id front() const { return Id{first_}; }

 private:
  std::uint32_t first_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace heddle

/// \cond
template <class Tag>
struct std::hash<heddle::id<Tag>> {
  std::size_t operator()(heddle::id<Tag> i) const noexcept { return i.value; }
};
/// \endcond
