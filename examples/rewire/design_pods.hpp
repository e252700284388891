// Which spine carries which circuit between pods, from JSON to JSON.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/optical/leaf_centric.hpp>

#include "common/json_file.hpp"
#include "rewire/read_problem.hpp"

namespace heddle::examples {

/// The wanted circuits between leafs, with their sum bounded by what fits in memory.
inline std::vector<optical::wanted_pair> read_pairs(const json_file& file, int leafs,
                                                    int leafs_per_pod) {
  if (!file.find({"want"})) file.fail({"want"}, "want, an array", "nothing");
  const auto wanted = triples(file, "want", "[leaf, leaf, count], integers of at least 0",
                              {leafs, leafs, most_cells});
  std::set<std::pair<int, int>> seen;
  std::vector<optical::wanted_pair> pairs;
  double sum = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const int a = wanted[i][0], b = wanted[i][1], count = wanted[i][2];
    if (a / leafs_per_pod == b / leafs_per_pod)
      file.fail({"want", i}, leafs_per_pod > 1 ? "leafs of two pods" : "two leafs");
    if (!seen.emplace(std::min(a, b), std::max(a, b)).second)
      file.fail({"want", i}, "two leafs once", (*file.find({"want", i})).dump() + " again");
    if ((sum += count) > most_cells)
      file.fail({"want", i}, "at most " + std::to_string(most_cells) + " circuits in all");
    pairs.push_back({static_cast<std::uint32_t>(a), static_cast<std::uint32_t>(b), count});
  }
  return pairs;
}

/// `most` is the largest number of circuits that one leaf has at one spine; `lower_bound` bounds it
/// from below.
inline json designed(const json_file& file) {
  if (!file.value().is_object()) file.fail({}, "an object with leafs, spines and want");
  file.only({}, {"leafs", "spines", "leafs_per_pod", "want"});
  const int leafs = file.integer({"leafs"}, "leafs, an integer of at least 0", 0, most_cells);
  const int spines = file.integer({"spines"}, "spines, an integer of at least 1", 1, most_cells);
  const int leafs_per_pod =
      file.find({"leafs_per_pod"})
          ? file.integer({"leafs_per_pod"}, "leafs_per_pod, an integer of at least 1", 1,
                         most_cells)
          : 1;
  if (static_cast<double>(leafs) * spines > most_cells)
    file.fail({"spines"}, "at most " + std::to_string(most_cells) + " pairs of a leaf and a spine");
  const auto pairs = read_pairs(file, leafs, leafs_per_pod);

  const auto start = std::chrono::steady_clock::now();
  optical::leaf_centric spread;
  const auto circuits =
      spread(static_cast<std::size_t>(leafs), pairs, static_cast<std::uint32_t>(spines));
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;

  const auto n = static_cast<std::size_t>(spines);
  std::vector<int> at(static_cast<std::size_t>(leafs) * n, 0),
      of_leaf(static_cast<std::size_t>(leafs), 0);
  json all = json::array();
  for (const optical::spread_circuit& k : circuits) {
    for (std::uint32_t leaf : {k.from, k.to}) {
      ++at[leaf * n + k.spine];
      ++of_leaf[leaf];
    }
    all.push_back({k.from, k.to, k.spine});
  }
  const auto largest = [](const std::vector<int>& v) {
    return v.empty() ? 0 : *std::max_element(v.begin(), v.end());
  };
  return {{"status", "ok"},
          {"circuits", std::move(all)},
          {"most", largest(at)},
          {"lower_bound", (largest(of_leaf) + spines - 1) / spines},
          {"solve_us", took.count()}};
}

}  // namespace heddle::examples
