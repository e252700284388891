// Dumps of an InfiniBand network and its tables, read from text.
#pragma once

#include <sstream>
#include <string>

#include <heddle/fabric/ib_network.hpp>
#include <heddle/fabric/lft_text.hpp>

namespace heddle::test {

inline fabric::ib_network network_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_ib_network(in, "network");
}
inline fabric::lft_dump tables_in(const std::string& text) {
  std::istringstream in(text);
  return fabric::read_lft(in, "tables");
}

}  // namespace heddle::test
