// How many LIDs a card needs: heddle-route --lids.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/traffic/collectives.hpp>

namespace heddle::examples {

/// A job of one GPU a server under some leafs; each leaf owns links to the first spines, as many as it has GPUs,
/// or on two leafs as many as the smaller.
struct lids_case {
  fabric::leaf_spine dc;
  fabric::placement where;
  traffic::group ranks;

  explicit lids_case(const std::vector<int>& gpus)
      : dc{{.leafs = static_cast<int>(gpus.size()),
            .spines = *std::max_element(gpus.begin(), gpus.end()),
            .servers_per_leaf = *std::max_element(gpus.begin(), gpus.end()),
            .gpus_per_server = 1}} {
    const int least = *std::min_element(gpus.begin(), gpus.end());
    for (std::size_t l = 0; l < gpus.size(); ++l) {
      for (int i = 0; i < gpus[l]; ++i)
        where.gpus.push_back(gpu_id{static_cast<int>(l) * dc.gpus_per_leaf() + i});
      for (int s = 0; s < (gpus.size() == 2 ? least : gpus[l]); ++s)
        where.links.push_back({leaf_id{l}, spine_id{s}, 0});
    }
    ranks = traffic::make_group(dc, where.gpus);
  }
  [[nodiscard]] std::vector<traffic::any_source> sources(std::span<const collective> what) const {
    std::vector<traffic::any_source> out;
    for (collective c : what) out.push_back(traffic::source_of(c, ranks, 1));
    return out;
  }
  /// LIDs by destination: `1`, `2`, `<= 3` where fewer are not known to do.
  [[nodiscard]] std::string by_destination(std::span<const collective> what) const {
    const auto r = route::by_destination(dc, where, ranks, sources(what));
    if (!r.complete) return "none";
    return (r.least ? "" : "<= ") + std::to_string(r.lids);
  }
  /// Ways that senders under one leaf take to one destination where the *source's* slot says the spine.
  [[nodiscard]] std::size_t by_source(std::span<const collective> what) const {
    std::map<std::pair<leaf_id, std::uint32_t>, std::set<std::uint32_t>> ways;
    std::vector<traffic::flow> flows;
    std::size_t most = 1;
    for (const traffic::any_source& s : sources(what))
      for (std::size_t k = 0; k < s.size(); ++k) {
        (void)s.write(k, flows);
        for (const traffic::flow f : flows)
          if (ranks.leafs[f.source] != ranks.leafs[f.target]) {
            auto& used = ways[{ranks.leafs[f.source], f.target}];
            used.insert(ranks.slots[f.source]);
            most = std::max(most, used.size());
          }
      }
    return most;
  }
};

/// A table in Markdown: LIDs by destination, and in brackets those that source slots take.
inline std::string lids_table() {
  struct column {
    const char* name;
    std::vector<collective> what;
  };
  using enum collective;
  const std::vector<column> columns{
      {"ring", {ring}},
      {"tree", {tree}},
      {"halving-doubling", {halving_doubling}},
      {"all-to-all", {all_to_all}},
      {"ring, halving-doubling, all-to-all", {ring, halving_doubling, all_to_all}},
      {"these and trees", {ring, halving_doubling, all_to_all, tree}}};
  std::string out = "| GPUs under the leafs |", line = "|---|";
  for (const column& c : columns) {
    out += std::string(" ") + c.name + " |";
    line += "---|";
  }
  out += '\n' + line + '\n';
  for (const std::vector<int>& gpus : std::vector<std::vector<int>>{{4, 4},
                                                                    {8, 8},
                                                                    {4, 4, 4, 4},
                                                                    {5, 3},
                                                                    {8, 5},
                                                                    {2, 2, 1},
                                                                    {3, 3, 1},
                                                                    {3, 3, 2},
                                                                    {3, 3, 3},
                                                                    {4, 4, 1},
                                                                    {4, 4, 2},
                                                                    {4, 4, 3},
                                                                    {5, 5, 2},
                                                                    {2, 2, 2, 1},
                                                                    {4, 4, 4, 1}}) {
    const lids_case one{gpus};
    out += "|";
    for (std::size_t i = 0; i < gpus.size(); ++i)
      out += (i == 0 ? " " : ", ") + std::to_string(gpus[i]);
    out += " |";
    for (const column& c : columns)
      out +=
          " " + one.by_destination(c.what) + " (" + std::to_string(one.by_source(c.what)) + ") |";
    out += '\n';
  }
  return out;
}

}  // namespace heddle::examples
