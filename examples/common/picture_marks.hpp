// Letters and colours of jobs in pictures.
#pragma once

#include <array>
#include <cstddef>
#include <string>

namespace heddle::examples::svg {

/// Of the job at that place of a list: A, B, … Z, A1.
[[nodiscard]] inline std::string letter_of_rank(std::size_t rank) {
  std::string text(1, static_cast<char>('A' + rank % 26));
  return rank < 26 ? text : text + std::to_string(rank / 26);
}
/// A number of a colour of the palette: neighbours in the list differ most.
[[nodiscard]] inline std::string colour_of_rank(std::size_t rank) {
  constexpr std::array<int, 7> order{4, 1, 2, 3, 0, 6, 7};
  return std::to_string(order[rank % order.size()]);
}

}  // namespace heddle::examples::svg
