// What a server is doing.
#pragma once

#include <string_view>

namespace heddle::sim {

enum class server_mode : unsigned char {
  on,
  waking,  ///< on the way from off to on
  off,     ///< switched off to save energy
  failed,  ///< out of order, or away; draws what one that is off does
};

[[nodiscard]] constexpr std::string_view name(server_mode m) {
  switch (m) {
  case server_mode::on:
    return "on";
  case server_mode::waking:
    return "waking";
  case server_mode::off:
    return "off";
  case server_mode::failed:
    break;
  }
  return "failed";
}

}  // namespace heddle::sim
