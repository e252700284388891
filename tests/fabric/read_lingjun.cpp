// A real three-tier network, given host by host, as one layout a pod.
#include <doctest/doctest.h>

#include <cstddef>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/trace/csv.hpp>

#include "support/shared_data.hpp"

using namespace heddle;

namespace {

// Hosts under access switches (asw) under pods (psw); the file names a pod's group of aggregation
// switches once, so how many it has is the caller's to say. Access switches are numbered in each
// pod.
std::map<std::string, fabric::layout> pods_in(std::istream& in, const std::string& name,
                                              int spines) {
  trace::csv_reader rows{in, name};
  const auto host = rows.required("host"), pod = rows.required("psw"),
             access = rows.required("asw");
  std::map<std::string, std::map<std::string, fabric::leaf_layout>> pods;
  while (rows.next()) {
    fabric::leaf_layout& leaf = pods[rows.text(pod)][rows.text(access)];
    leaf.name = rows.text(access);
    leaf.servers.push_back({rows.text(host), 8});
    leaf.links.assign(static_cast<std::size_t>(spines), 1);
  }
  std::map<std::string, fabric::layout> out;
  for (const auto& [psw, leafs] : pods) {
    for (int i = 0; i < spines; ++i) out[psw].spines.push_back(psw + "/" + std::to_string(i));
    for (const auto& [asw, leaf] : leafs) out[psw].leafs.push_back(leaf);
  }
  return out;
}

}  // namespace

TEST_CASE("a real network of three tiers is read as a layout for each pod") {
  HEDDLE_SHARED_FILE(file, "data/topology/lingjun_clos.csv");
  std::ifstream in(file);
  const auto pods = pods_in(in, file.string(), 60);
  std::map<std::string, std::size_t> leafs;
  int hosts = 0;
  for (const auto& [name, pod] : pods) {
    leafs[name] = pod.leafs.size();
    const fabric::leaf_spine dc{pod};
    hosts += dc.servers();
    CHECK(dc.gpus() == 8 * dc.servers());
    CHECK(dc.spines() == 60);
    CHECK(dc.gpus_per_leaf() == 64);
  }
  CHECK(leafs == std::map<std::string, std::size_t>{{"P10", 48}, {"P12", 42}, {"P8", 29}});
  CHECK(hosts == 847);
}
