// cluster.json of a torus, or of cubes joined by optical circuit switches.
#pragma once

#include <string>
#include <variant>

#include <heddle/core/shape.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/torus.hpp>

#include "common/json_file.hpp"
#include "common/names.hpp"

namespace heddle::examples {

using any_torus = std::variant<fabric::torus, fabric::cubes>;

/// The kinds of it.
[[nodiscard]] inline name_lines torus_fabric_names() {
  return {{"torus", "chips in a box closed to a ring along each axis, by fixed links"},
          {"cubes", "cubes of chips, whose faces optical circuit switches join"}};
}

namespace detail {
inline box_shape shape_at(const json_file& f, const std::string& key, const box_shape& missing) {
  if (!f.find({key})) return missing;
  const auto s = shape_in(f.text({key}, "sides, like \"16x16x16\""));
  if (!s) f.fail({key}, "sides, like \"16x16x16\"");
  return *s;
}
}  // namespace detail

/// `{"fabric": "cubes", "cubes": 64, "side": 4, "switching_ms": 50, "link_gbps": 400}` or
/// `{"fabric": "torus", "sides": "16x16x16", "host": "2x2x1", "link_gbps": 400}`; all but `fabric` have
/// these defaults.
/// \throws input_error  `file:line: expected …, got …`
[[nodiscard]] inline any_torus read_torus(const json_file& f) {
  const std::string kind =
      f.text({"fabric"}, either({{"fabric", "", torus_fabric_names()}}, "fabric"));
  const auto number = [&](const char* key, double missing) {
    return f.find({key}) ? f.number({key}, "a number of at least 0", 0) : missing;
  };
  const auto whole = [&](const char* key, int missing) {
    return f.find({key}) ? f.integer({key}, "a whole number from 1", 1) : missing;
  };
  if (kind == "cubes") {
    f.only({}, {"fabric", "cubes", "side", "switching_ms", "link_gbps"});
    const fabric::cubes_shape d;
    return fabric::cubes{{.cubes = whole("cubes", d.cubes),
                          .side = whole("side", d.side),
                          .switching_ms = number("switching_ms", d.switching_ms),
                          .link_gbps = number("link_gbps", d.link_gbps)}};
  }
  if (kind != "torus") refuse_name(f.where({"fabric"}), torus_fabric_names(), kind);
  f.only({}, {"fabric", "sides", "host", "link_gbps"});
  const fabric::torus_shape d;
  return fabric::torus{{.sides = detail::shape_at(f, "sides", d.sides),
                        .host = detail::shape_at(f, "host", d.host),
                        .link_gbps = number("link_gbps", d.link_gbps)}};
}

}  // namespace heddle::examples
