// One line of operations: what to do with which job or part.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <nlohmann/json.hpp>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/chip_links.hpp>
#include <heddle/fabric/circuit_book.hpp>

#include "common/any_fabric.hpp"
#include "common/json_keys.hpp"

namespace heddle::examples {

/// All links between a leaf and a spine.
struct leaf_spine_pair {
  leaf_id leaf;
  spine_id spine;
};
/// All links between a spine and a core.
struct spine_core_pair {
  spine_id spine;
  core_id core;
};
using any_part =
    std::variant<gpu_id, server_id, unit_id, leaf_id, spine_id, core_id, ocs_id, leaf_spine_pair,
                 spine_core_pair, fabric::chip_link, fabric::leaf_fibre, fabric::spine_fibre>;

enum class op_kind : unsigned char { place, release, move, fail, repair };

struct operation {
  op_kind kind = op_kind::place;
  job_id job;                    // place, release, move
  int gpus = 0;                  // place
  std::string tenant;            // place
  box_shape shape;               // place, on a torus
  int tensor = 0, pipeline = 0;  // place, with groups
  collective_set sends;          // place, with a guarantee for what is declared
  any_part part;                 // fail, repair
};

/// Reads a line; errors are input_errors that say `where`.
class operation_reader {
 public:
  operation_reader(const any_fabric& dc, std::string where, const std::string& line)
      : fabric_(dc), where_(std::move(where)), json_(object_on_line(line, where_)) {}

  operation read() {
    operation op;
    const std::string kind = text("op", all_kinds);
    if (kind == "place" || kind == "release" || kind == "move") {
      op.kind = kind == "place"     ? op_kind::place
                : kind == "release" ? op_kind::release
                                    : op_kind::move;
      if (kind == "place")
        only_keys(json_, where_,
                  {"op", "job", "gpus", "vc", "shape", "tensor", "pipeline", "collective"});
      else
        only_keys(json_, where_, {"op", "job"});
      op.job = job_id{whole(at("job"), "a job id", 4294967294.0)};
      if (kind == "move" && !fabric_.cubes()) fail("a fabric of cubes, or no move", json_["op"]);
      if (kind != "place") return op;
      if (json_.contains("shape")) {
        op.shape = shape();
        op.gpus = static_cast<int>(op.shape.volume());
      }
      if (op.shape.empty() || json_.contains("gpus"))
        op.gpus =
            static_cast<int>(whole(at("gpus"), "a number of GPUs of at least 1", 2147483647.0, 1));
      if (!op.shape.empty() && op.gpus != op.shape.volume())
        fail("as many GPUs as the shape has cells", at("gpus"));
      const auto size = [&](const char* key) {
        if (!json_.contains(key)) return 0;
        return static_cast<int>(whole(at(key), std::string(key) + " of at least 1", 1 << 20, 1));
      };
      op.tensor = size("tensor");
      op.pipeline = size("pipeline");
      if (json_.contains("vc")) op.tenant = text("vc", "a name as vc");
      if (json_.contains("collective")) op.sends = collectives_named(at("collective"));
      return op;
    }
    if (kind != "fail" && kind != "repair") fail(all_kinds, json_["op"]);
    op.kind = kind == "fail" ? op_kind::fail : op_kind::repair;
    only_keys(json_, where_,
              {"op", "gpu", "server", "leaf", "spine", "core", "ocs", "link", "core_link", "fibre",
               "cube"});
    op.part = part();
    return op;
  }

 private:
  static constexpr const char* all_kinds = "place, release, move, fail or repair as op";

  [[noreturn]] void fail(const std::string& expected, const nlohmann::json& got) const {
    throw input_error(where_, expected, got.is_null() ? "nothing" : shortened(got.dump()));
  }
  [[nodiscard]] nlohmann::json at(const char* key) const {
    return json_.contains(key) ? json_[key] : nlohmann::json{};
  }
  std::string text(const char* key, const std::string& expected) const {
    if (!at(key).is_string()) fail(expected, at(key));
    return at(key).get<std::string>();
  }
  std::uint32_t whole(const nlohmann::json& v, const std::string& expected, double most,
                      double least = 0) const {
    if (!v.is_number()) fail(expected, v);
    const double x = v.get<double>();
    if (!(x >= least && x <= most) || x != std::floor(x)) fail(expected, v);
    return static_cast<std::uint32_t>(x);
  }
  /// A name, or several in an array.
  collective_set collectives_named(const nlohmann::json& v) const {
    collective_set all;
    for (const nlohmann::json& one : v.is_array() ? v : nlohmann::json::array({v})) {
      const auto c =
          one.is_string() ? declared_by(one.get<std::string>()) : std::optional<collective_set>{};
      if (!c || c->empty()) fail("a collective, or several in an array", one);
      all.add(*c);
    }
    return all;
  }
  box_shape shape() const {
    if (fabric_.has_leafs()) fail("a torus, or no shape", at("shape"));
    const std::string expected = R"(sides as shape, like "4x4x8")";
    const auto s = shape_in(text("shape", expected));
    if (!s || s->volume() > 2147483647) fail(expected, at("shape"));
    return *s;
  }
  template <class Id>
  Id id(const nlohmann::json& v, std::string_view what, int count) const {
    if (count == 0)
      fail(std::string(what == "core"   ? "a fabric of three tiers"
                       : what == "cube" ? "a fabric of cubes"
                       : what == "ocs"  ? "an optical fabric"
                                        : "a fabric of leafs and spines") +
               ", or no " + std::string(what),
           v);
    return Id{whole(v, std::string(what) + " from 0 to " + std::to_string(count - 1), count - 1)};
  }

  any_part part() const {
    static constexpr std::string_view keys[] = {"gpu",  "server", "leaf", "spine",     "ocs",
                                                "link", "fibre",  "core", "core_link", "cube"};
    std::optional<std::string> key;
    for (std::string_view k : keys)
      if (json_.contains(k)) {
        if (key) fail("one part", json_);
        key = k;
      }
    if (!key) fail("a gpu, server, leaf, spine, core, cube, ocs, link, core_link or fibre", json_);
    const nlohmann::json& v = json_[*key];
    const int switches = fabric_.circuits() ? fabric_.circuits()->optical().switches
                         : fabric_.cubes()  ? fabric_.cubes()->circuit_switches()
                                            : 0;
    if (*key == "cube")
      return id<unit_id>(v, "cube", fabric_.cubes() ? fabric_.hosts().units() : 0);
    if (*key == "gpu") return id<gpu_id>(v, "gpu", fabric_.gpus());
    if (*key == "server") return id<server_id>(v, "server", fabric_.servers());
    if (*key == "leaf") return id<leaf_id>(v, "leaf", fabric_.leafs());
    if (*key == "spine") return id<spine_id>(v, "spine", fabric_.spines());
    if (*key == "core") return id<core_id>(v, "core", fabric_.cores());
    if (*key == "core_link") {
      if (!v.is_array() || v.size() != 2) fail("[spine, core] as core_link", v);
      return spine_core_pair{id<spine_id>(v[0], "spine", fabric_.spines()),
                             id<core_id>(v[1], "core", fabric_.cores())};
    }
    if (*key == "ocs") return id<ocs_id>(v, "ocs", switches);
    if (*key == "link" && !fabric_.has_leafs()) {
      const int dimensions = fabric_.cubes() ? 3 : static_cast<int>(fabric_.torus()->dimensions());
      if (!v.is_array() || v.size() != 2) fail("[gpu, dimension] as link", v);
      const fabric::chip_link k{
          id<gpu_id>(v[0], "gpu", fabric_.gpus()),
          static_cast<std::uint8_t>(whole(
              v[1], "dimension from 0 to " + std::to_string(dimensions - 1), dimensions - 1))};
      const gpu_id end = fabric_.cubes() ? fabric_.cubes()->end_of(k) : fabric_.torus()->end_of(k);
      if (!end.valid()) fail("[gpu, dimension] of a link that there is, to the next GPU", v);
      return k;
    }
    if (*key == "link") {
      if (fabric_.circuits()) fail("a fibre, for the fabric has no fixed links", v);
      if (!v.is_array() || v.size() != 2) fail("[leaf, spine] as link", v);
      return leaf_spine_pair{id<leaf_id>(v[0], "leaf", fabric_.leafs()),
                             id<spine_id>(v[1], "spine", fabric_.spines())};
    }
    if (!fabric_.circuits()) fail("an optical fabric of leafs and spines, or no fibre", v);
    if (!v.is_array() || v.size() != 3 || !(v[0] == "leaf" || v[0] == "spine"))
      fail("[\"leaf\" or \"spine\", index, ocs] as fibre", v);
    const auto ocs = id<ocs_id>(v[2], "ocs", switches);
    if (v[0] == "leaf") return fabric::leaf_fibre{id<leaf_id>(v[1], "leaf", fabric_.leafs()), ocs};
    return fabric::spine_fibre{id<spine_id>(v[1], "spine", fabric_.spines()), ocs};
  }

  const any_fabric& fabric_;
  std::string where_;
  nlohmann::json json_;
};

}  // namespace heddle::examples
