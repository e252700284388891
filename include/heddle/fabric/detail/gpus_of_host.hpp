// How many GPUs a host has, where its network does not say.
#pragma once

#include <concepts>
#include <string>
#include <type_traits>

#include <heddle/core/error.hpp>
#include <heddle/core/text.hpp>

namespace heddle::fabric::detail {

/// \param gpus   a number for all hosts, a function of the host's name, or one of its name and the
///               number of its network cards
/// \param cards  0 where they are not known
template <class Gpus>
[[nodiscard]] int gpus_of_host(const Gpus& gpus, const std::string& host, const std::string& where,
                               int cards = 0) {
  constexpr bool number = std::integral<Gpus>;
  constexpr bool of_cards = std::is_invocable_r_v<int, const Gpus&, const std::string&, int>;
  constexpr bool of_name = std::is_invocable_r_v<int, const Gpus&, const std::string&>;
  static_assert(
      number || of_cards || of_name,
      "the GPUs of hosts are a number, a function of a host's name, or one of its name and "
      "the number of its network cards");
  int n = 0;
  if constexpr (number)
    n = static_cast<int>(gpus);
  else if constexpr (of_cards)
    n = gpus(host, cards);
  else
    n = gpus(host);
  if (n < 0 || n > 1 << 20)
    throw input_error(where, "0 to 1048576 GPUs of host " + shown(host), std::to_string(n));
  return n;
}

}  // namespace heddle::fabric::detail
