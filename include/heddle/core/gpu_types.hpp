// GPU types of a cluster, by number.
#pragma once

#include <cstdint>

namespace heddle {

/// As many as one cluster can have.
inline constexpr int most_gpu_types = 16;

/// A set of GPU types: bit t stands for type t.
using gpu_type_set = std::uint16_t;
inline constexpr gpu_type_set all_gpu_types = 0xffff;

/// As a number of a type: none in particular.
inline constexpr int any_gpu_type = -1;

[[nodiscard]] constexpr bool has_type(gpu_type_set all, int type) {
  return type >= 0 && type < most_gpu_types && (all >> type & 1) != 0;
}
/// The one type, or all of them for `any_gpu_type`.
[[nodiscard]] constexpr gpu_type_set types_of(int type) {
  return type < 0 ? all_gpu_types : static_cast<gpu_type_set>(1U << type);
}

}  // namespace heddle
