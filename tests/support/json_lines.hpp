// What the tests of programs that answer line by line share.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace heddle::test {

/// Four leafs of four GPUs over four optical switches, as a cluster file.
inline const std::string optical_cluster =
    R"({"fabric": "leaf_spine_ocs", "leafs": 4, "spines": 2, "servers_per_leaf": 2, "gpus_per_server": 2,
        "ocs": {"switches": 4, "leaf_fibres": 1, "spine_fibres": 2}})";

/// The JSON values of a text, one a line.
[[nodiscard]] inline std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

}  // namespace heddle::test
