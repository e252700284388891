// What is wired and what is wanted, from JSON.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/ids.hpp>
#include <heddle/optical/rewire_problem.hpp>

#include "common/json_file.hpp"

namespace heddle::examples {

using nlohmann::json;

inline constexpr int any = std::numeric_limits<int>::max();
inline constexpr int most_cells = 1 << 26;  // leafs × spines, and ends × OCS: what fits in memory

/// The triples of an array, with their upper limits.
inline std::vector<std::vector<int>> triples(const json_file& file, const char* key,
                                             const char* expected, const std::vector<int>& below) {
  const json* all = file.find({key});
  if (!all->is_array()) file.fail({key}, std::string(key) + ", an array");
  std::vector<std::vector<int>> out;
  for (std::size_t i = 0; i < all->size(); ++i) {
    const json& one = (*all)[i];
    if (!one.is_array() || one.size() != 3) file.fail({key, i}, expected);
    std::vector<int> numbers;
    for (std::size_t j = 0; j < 3; ++j) {
      const json& n = one[j];
      if (!n.is_number_integer() ||
          (n.is_number_unsigned() ? n.get<std::uint64_t>() > static_cast<std::uint64_t>(any)
                                  : n.get<std::int64_t>() < 0))
        file.fail({key, i, j}, expected);
      const int value = n.get<int>();
      if (value >= below[j])
        file.fail({key, i, j}, std::string(expected) + ", here below " + std::to_string(below[j]));
      numbers.push_back(value);
    }
    out.push_back(std::move(numbers));
  }
  return out;
}

/// A circuit as it stands in a file. Circuits of one leaf, spine and OCS are alike.
struct circuit_line {
  ocs_id ocs;
  leaf_id leaf;
  spine_id spine;

  friend auto operator<=>(const circuit_line&, const circuit_line&) = default;
  [[nodiscard]] std::string name() const {
    return "OCS " + std::to_string(ocs.value) + ", leaf " + std::to_string(leaf.value) +
           ", spine " + std::to_string(spine.value);
  }
};

inline std::vector<circuit_line> circuit_lines(const json_file& file, const char* key,
                                               const optical::ports& ends) {
  std::vector<circuit_line> out;
  if (!file.find({key})) return out;
  for (const std::vector<int>& c :
       triples(file, key, "a circuit [ocs, leaf, spine] of integers of at least 0",
               {ends.switches(), ends.leafs(), ends.spines()}))
    out.push_back({ocs_id{c[0]}, leaf_id{c[1]}, spine_id{c[2]}});
  return out;
}

/// Wires the circuits one after the other.
/// \throws input_error  that names the first without a fibre
inline void connect_all(const json_file& file, const std::vector<circuit_line>& lines,
                        optical::wiring& w) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto& [ocs, leaf, spine] = lines[i];
    if (w.free_ends(leaf, ocs) == 0)
      file.fail({"current", i}, "a free fibre of the leaf to the OCS", lines[i].name());
    if (w.free_ends(spine, ocs) == 0)
      file.fail({"current", i}, "a free fibre of the spine to the OCS", lines[i].name());
    w.connect(leaf, spine, ocs);
  }
}

/// The frozen circuits among those that are up, each one once.
/// \throws input_error  that names the first that is not up
inline std::vector<optical::circuit> pick_frozen(const json_file& file,
                                                 const std::vector<circuit_line>& lines,
                                                 const optical::wiring& w) {
  std::multimap<circuit_line, optical::circuit> up;
  std::vector<optical::circuit> all, frozen;
  w.list(all);
  for (const optical::circuit& k : all)
    up.emplace(circuit_line{w.ends().ocs_of_uplink(k.uplink), k.leaf, k.spine}, k);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto at = up.find(lines[i]);
    if (at == up.end())
      file.fail({"frozen", i}, "a circuit of the current wiring", lines[i].name());
    frozen.push_back(at->second);
    up.erase(at);
  }
  return frozen;
}

/// \throws input_error  that names the file and the line
inline optical::rewire_problem read_problem(const json_file& file) {
  if (!file.value().is_object())
    file.fail({}, "an object with ocs, leafs, spines, current and want");
  file.only({},
            {"ocs", "leafs", "spines", "leaf_fibres", "spine_fibres", "current", "want", "frozen"});
  const auto size = [&](const char* key) {
    return file.integer({key}, std::string(key) + ", an integer of at least 0", 0, most_cells);
  };
  const auto fibres = [&](const char* key, int otherwise) {
    if (!file.find({key})) return otherwise;
    return file.integer({key}, std::string(key) + ", an integer from 1 to 255", 1, 255);
  };
  const int switches = size("ocs"), leafs = size("leafs"), spines = size("spines");
  const int leaf_fibres = fibres("leaf_fibres", 1), spine_fibres = fibres("spine_fibres", 2);
  const auto limit = [&](const char* key, double cells) {
    if (cells > most_cells)
      file.fail({key}, "a fabric of at most " + std::to_string(most_cells) + " pairs or ports");
  };
  limit("spines", static_cast<double>(leafs) * spines);
  limit("ocs", static_cast<double>(leafs) * switches * leaf_fibres);
  limit("ocs", static_cast<double>(spines) * switches * spine_fibres);
  const optical::ports ends{leafs, spines, switches, leaf_fibres, spine_fibres};
  optical::rewire_problem p{optical::wiring{ends}, optical::link_matrix{leafs, spines}, {}};
  if (!file.find({"want"})) file.fail({"want"}, "want, an array", "nothing");
  std::set<std::pair<int, int>> seen;
  const auto wanted =
      triples(file, "want", "[leaf, spine, count], integers of at least 0", {leafs, spines, any});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!seen.emplace(wanted[i][0], wanted[i][1]).second)
      file.fail({"want", i}, "a leaf and spine once", (*file.find({"want", i})).dump() + " again");
    p.want(leaf_id{wanted[i][0]}, spine_id{wanted[i][1]}) = wanted[i][2];
  }
  const auto current = circuit_lines(file, "current", ends);
  const auto frozen = circuit_lines(file, "frozen", ends);
  connect_all(file, current, p.current);
  p.frozen = pick_frozen(file, frozen, p.current);
  return p;
}

}  // namespace heddle::examples
