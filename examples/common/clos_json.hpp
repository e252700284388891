// Leaf-spine networks in cluster files: by their numbers, or part by part.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/fabric/clos_shape.hpp>
#include <heddle/fabric/layout.hpp>
#include <heddle/fabric/leaf_spine.hpp>

#include "common/json_file.hpp"

namespace heddle::examples {

/// Whether a file has keys of units, rails, planes, domains or three tiers.
[[nodiscard]] bool has_clos_keys(const json_file& f);
/// The numbers of a network that has such keys.
/// \throws input_error  for keys of which one would do, and for numbers that make no network
[[nodiscard]] fabric::clos_shape read_clos_shape(const json_file& f);

/// The type of GPUs of each server, as `gpu_types` says: 0, or one more than the entry's place there; empty without
/// such a key. \throws input_error
[[nodiscard]] std::vector<std::uint16_t> read_types_of_servers(const json_file& f, int units,
                                                               int servers_per_unit);

/// Whether a file describes its network part by part, under `layout`.
[[nodiscard]] bool has_layout(const json_file& f);
/// \throws input_error  `file:line: expected …, got …`
[[nodiscard]] fabric::layout read_layout(const json_file& f);

/// A network as the part of a cluster file that describes it: by its numbers where it is regular, else part
/// by part. The names of servers and switches are kept under `names`.
[[nodiscard]] nlohmann::ordered_json json_of(const fabric::layout& found);

/// The parts of a network of a cluster file, with the names that the file gives them under `names`, or made up.
[[nodiscard]] fabric::layout layout_of(const json_file& f, const fabric::leaf_spine& dc);

}  // namespace heddle::examples
