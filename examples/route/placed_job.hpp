// One line of placed jobs: what a job holds and how it communicates.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/traffic/collectives.hpp>

#include "common/json_keys.hpp"
#include "common/names.hpp"
#include "common/step_text.hpp"

namespace heddle::examples {

/// What holds where a line says nothing.
struct placed_defaults {
  std::optional<collective> pattern;
  std::optional<double> bytes;
};

/// Reads lines like those that heddle-place writes, with `collective` and `bytes`, or `training_step`
/// (step_text.hpp), and perhaps `compute_s` besides, and books them: nothing may be held twice. Lines of jobs that wait, or were released,
/// are passed over. \throws input_error  `name:line: expected …, got …`
template <class Fabric>
class placed_reader {
  static constexpr bool has_circuits = std::is_same_v<Fabric, fabric::leaf_spine_ocs>;

 public:
  placed_reader(const Fabric& dc, placed_defaults otherwise) : state_(dc), otherwise_(otherwise) {}

  void read(std::istream& in, const std::string& name) {
    std::string line;
    for (std::size_t number = 1; std::getline(in, line); ++number) {
      if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
      where_ = name + ":" + std::to_string(number);
      read_line(line);
    }
  }

  [[nodiscard]] const std::vector<route::flow_job>& jobs() const { return jobs_; }
  /// What each of them sends: the name of a collective, or `training_step`.
  [[nodiscard]] const std::vector<std::string>& sends() const { return sends_; }
  [[nodiscard]] const fabric::ledger<Fabric>& state() const { return state_; }

 private:
  using json = nlohmann::json;

  [[noreturn]] void fail(const std::string& expected, const json& got) const {
    throw input_error(where_, expected, got.is_null() ? "nothing" : shortened(got.dump()));
  }
  static json at(const json& object, const char* key) {
    return object.contains(key) ? object[key] : json{};
  }
  std::uint32_t whole(const json& v, const std::string& expected, double least, double most) const {
    if (!v.is_number()) fail(expected, v);
    const double x = v.get<double>();
    if (!(x >= least && x <= most) || x != std::floor(x)) fail(expected, v);
    return static_cast<std::uint32_t>(x);
  }
  std::uint32_t index(const json& v, const std::string& what, int count) const {
    return whole(v, what + " from 0 to " + std::to_string(count - 1), 0, count - 1);
  }
  const json& triples(const json& list, const char* key, const char* shape) const {
    if (!list.is_array()) fail(std::string("an array as ") + key, list);
    for (const json& v : list)
      if (!v.is_array() || v.size() != 3) fail(std::string(shape) + " in " + key, v);
    return list;
  }

  void read_line(const std::string& line) {
    const json text = object_on_line(line, where_);
    if (const json status = at(text, "status"); status.is_string() && status != "placed") return;
    // Those of heddle-place's answers, and what is added to them.
    only_keys(text, where_,
              {"job", "status", "gpus", "links", "core_links", "circuits", "moved", "shape",
               "faces", "predicted_slowdown", "isolated", "us", "collective", "bytes",
               "training_step", "compute_s", "lanes"});

    const Fabric& dc = state_.fabric();
    route::flow_job j;
    j.id = job_id{whole(at(text, "job"), "a job id as job", 0, 4294967294.0)};
    const json gpus = at(text, "gpus");
    if (!gpus.is_array() || gpus.empty()) fail("an array of GPUs as gpus", gpus);
    for (const json& g : gpus) j.where.gpus.push_back(gpu_id{index(g, "a gpu", dc.gpus())});
    j.source = source(text, traffic::make_group(dc, j.where.gpus));
    if (const json compute = at(text, "compute_s"); !compute.is_null()) {
      if (!compute.is_number() || !(compute.get<double>() >= 0 && compute.get<double>() < 1e12))
        fail("a number of at least 0 as compute_s", compute);
      j.compute_s = compute.get<double>();
    }
    if (const json links = at(text, "links"); !links.is_null())
      add_links(links, at(text, "lanes"), j.where);
    if (const json links = at(text, "core_links"); !links.is_null()) add_core_links(links, j.where);
    if (const json circuits = at(text, "circuits"); !circuits.is_null())
      add_circuits(circuits, j.where);
    std::sort(j.where.links.begin(), j.where.links.end());
    std::sort(j.where.core_links.begin(), j.where.core_links.end());
    std::sort(j.where.circuits.begin(), j.where.circuits.end());
    switch (state_.reserve(j.id, j.where)) {
    case fabric::reserve_status::reserved:
      break;
    case fabric::reserve_status::job_present:
      fail("each job once", at(text, "job"));
    case fabric::reserve_status::gpu_taken:
      fail("GPUs that no other job holds", gpus);
    case fabric::reserve_status::malformed:
      fail("each GPU once", gpus);
    case fabric::reserve_status::link_taken:
      fail("links that no other job holds",
           at(text,
              text.contains("circuits") && !at(text, "circuits").empty() ? "circuits" : "links"));
    }
    jobs_.push_back(std::move(j));
  }

  /// Notes its name.
  traffic::any_source source(const json& text, const traffic::group& ranks) {
    if (const json step = at(text, "training_step"); !step.is_null()) {
      if (text.contains("collective")) fail("a collective or a training_step", text["collective"]);
      const told_step told = read_step(
          step, [&](const std::string& expected, const json& got) { fail(expected, got); });
      sends_.push_back("training_step");
      try {
        return told.on(ranks);
      } catch (const input_error& e) {
        throw input_error(where_ + ": " + e.where(), e.expected(), e.got());
      }
    }
    const collective c = pattern(at(text, "collective"));
    sends_.emplace_back(name(c));
    return traffic::source_of(c, ranks, c == collective::none ? 1 : bytes(at(text, "bytes")));
  }
  collective pattern(const json& v) const {
    if (v.is_null() && otherwise_.pattern) return *otherwise_.pattern;
    const auto c = v.is_string() ? collective_named(v.get<std::string>()) : std::nullopt;
    if (!c) fail("a collective, one of " + listed(lines_of(collectives)), v);
    return *c;
  }
  double bytes(const json& v) const {
    if (v.is_null() && otherwise_.bytes) return *otherwise_.bytes;
    if (!v.is_number() || !(v.get<double>() > 0 && v.get<double>() < 1e24))
      fail("a positive number as bytes", v);
    return v.get<double>();
  }

  /// Of each pair the lanes that `lanes` has beside it, or else free ones, lowest first.
  void add_links(const json& list, const json& lanes, fabric::placement& p) const {
    const json& all = triples(list, "links", "[leaf, spine, count]");
    if (!lanes.is_null() && (!lanes.is_array() || lanes.size() != all.size()))
      fail("as many lists in lanes as in links", lanes);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if constexpr (has_circuits)
        fail("circuits, for the fabric has no fixed links", all[i]);
      else
        add_links_of(all[i], lanes.is_null() ? json{} : lanes[i], p);
    }
  }
  void add_links_of(const json& v, const json& lanes, fabric::placement& p) const
      requires(!has_circuits) {
    const Fabric& dc = state_.fabric();
    const leaf_id leaf{index(v[0], "a leaf", dc.leafs())};
    const spine_id spine{index(v[1], "a spine", dc.spines())};
    const std::uint32_t count = whole(v[2], "a count of links from 1", 1, 1e9);
    if (lanes.is_null()) {
      take_free(count, dc.links(leaf, spine), v, p.links, [&](std::uint32_t lane) {
        return fabric::link{leaf, spine, lane};
      });
      return;
    }
    if (!lanes.is_array() || lanes.size() != count) fail("so many lanes as links", lanes);
    for (const json& lane : lanes)
      p.links.push_back({leaf, spine, index(lane, "a lane", dc.links(leaf, spine))});
  }
  void add_core_links(const json& list, fabric::placement& p) const {
    for (const json& v : triples(list, "core_links", "[spine, core, count]")) {
      if constexpr (has_circuits) {
        fail("circuits, for the fabric has no fixed links", v);
      } else {
        const Fabric& dc = state_.fabric();
        const spine_id spine{index(v[0], "a spine", dc.spines())};
        const core_id core{index(v[1], "a core", dc.cores())};
        take_free(whole(v[2], "a count of links from 1", 1, 1e9),
                  dc.core_links().between(spine.index(), core.index()), v, p.core_links,
                  [&](std::uint32_t lane) {
                    return fabric::core_link{spine, core, lane};
                  });
      }
    }
  }
  /// `count` of the `there` lanes of a pair that are free, lowest first.
  template <class Link, class Make>
  void take_free(std::uint32_t count, int there, const json& v, std::vector<Link>& out,
                 Make&& make) const {
    for (std::uint32_t lane = 0; count > 0; ++lane) {
      if (static_cast<int>(lane) >= there)
        fail("links that are there and that no other job holds", v);
      const Link k = make(lane);
      if (!state_.is_free(k) || std::find(out.begin(), out.end(), k) != out.end()) continue;
      out.push_back(k);
      --count;
    }
  }
  /// Free fibres of each leaf, lowest first.
  void add_circuits(const json& list, fabric::placement& p) const {
    for (const json& v : triples(list, "circuits", "[ocs, leaf, spine]")) {
      if constexpr (has_circuits)
        add_circuit(v, p);
      else
        fail("links, for the fabric has no circuits", v);
    }
  }
  void add_circuit(const json& v, fabric::placement& p) const requires has_circuits {
    const Fabric& dc = state_.fabric();
    const std::uint32_t ocs = index(v[0], "an ocs", dc.optical().switches);
    const leaf_id leaf{index(v[1], "a leaf", dc.leafs())};
    const spine_id spine{index(v[2], "a spine", dc.spines())};
    const auto fibres = static_cast<std::uint32_t>(dc.optical().leaf_fibres);
    const auto is_held = [&](std::uint32_t uplink) {
      return !test_bit(state_.network().free_ports(leaf), uplink) ||
             std::any_of(p.circuits.begin(), p.circuits.end(), [&](const fabric::circuit& k) {
               return k.leaf == leaf && k.uplink == uplink;
             });
    };
    std::uint32_t uplink = ocs * fibres;
    while (uplink < (ocs + 1) * fibres && is_held(uplink)) ++uplink;
    if (uplink == (ocs + 1) * fibres) fail("circuits over fibres that no other job holds", v);
    p.circuits.push_back({leaf, spine, uplink});
  }

  std::string where_;
  fabric::ledger<Fabric> state_;
  placed_defaults otherwise_;
  std::vector<route::flow_job> jobs_;
  std::vector<std::string> sends_;
};

}  // namespace heddle::examples
