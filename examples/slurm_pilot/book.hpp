// What the pilot knows: which job it put where, and how far it got with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/fabric/ledger.hpp>

#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/moves.hpp"

namespace heddle::pilot {

/// How far a job of the book is. The book is written before Slurm is told, so that after a crash
/// nothing that runs is unknown.
enum class stage : unsigned char {
  placed,    ///< decided; Slurm may or may not have heard of it
  released,  ///< Slurm may start it on the nodes chosen
  running,
  foreign,  ///< runs where somebody else put it: it holds what it holds, nothing is promised
};

[[nodiscard]] constexpr std::string_view name(stage s) {
  switch (s) {
  case stage::placed:
    return "placed";
  case stage::released:
    return "released";
  case stage::running:
    return "running";
  case stage::foreign:
    break;
  }
  return "foreign";
}

struct booked_job {
  fabric::placement where;
  stage at = stage::placed;
  double since_s = 0;    ///< when it came to that stage, seconds since 1970
  double clock_ghz = 0;  ///< 0: left alone
  collective pattern = collective::ring;
  bool refused = false;  ///< this stage's command failed: told once, tried again at the next look
};

/// All jobs that hold parts of the cluster, by Slurm's job id.
struct book {
  std::map<std::uint32_t, booked_job> jobs;
  move_ledger moves{};
};

/// The owners of the cluster's parts as the book has them, with nodes that cannot be used as failed.
/// Precondition: placements are disjoint, as reconcile leaves them.
template <class Fabric>
[[nodiscard]] fabric::ledger<Fabric> ledger_of(const book& b, const machine<Fabric>& m,
                                               const std::vector<server_id>& unusable) {
  fabric::ledger l{m.dc};
  for (const auto& [id, j] : b.jobs) {
    if (const auto status = l.reserve(job_id{id}, j.where);
        status != fabric::reserve_status::reserved)
      throw input_error(std::string("the book, job ") + std::to_string(id),
                        "parts that nobody else holds", std::string(name(status)));
  }
  for (server_id s : unusable) l.fail(s);
  return l;
}

namespace detail {
inline constexpr const char* book_format = "heddle-slurm-pilot book";
inline constexpr int book_version = 1;

/// Links and circuits are both written as leaf, spine and which way up: a network has one kind of them.
inline nlohmann::ordered_json to_json(const site& m, const fabric::placement& p) {
  nlohmann::ordered_json ranks = nlohmann::json::array(), links = nlohmann::json::array();
  for (gpu_id g : p.gpus) ranks.push_back({m.host_of(g), m.number_of(g)});
  for (const fabric::link& k : p.links)
    links.push_back({m.leafs[k.leaf.index()], k.spine.value, k.lane});
  for (const fabric::circuit& k : p.circuits)
    links.push_back({m.leafs[k.leaf.index()], k.spine.value, k.uplink});
  nlohmann::ordered_json out{{"ranks", ranks}, {"links", links}};
  for (const fabric::core_link& k : p.core_links)
    out["core_links"].push_back({k.spine.value, k.core.value, k.lane});
  return out;
}
}  // namespace detail

/// The book as JSON, a line a job. Parts stand under their names, so that a cluster that has grown or been
/// renumbered is no obstacle.
[[nodiscard]] inline std::string write_book(const book& b, const site& m) {
  std::string out = std::string("{\"format\": \"") + std::string(detail::book_format) +
                    "\", \"version\": " + std::to_string(detail::book_version) + ", \"jobs\": [";
  bool first = true;
  for (const auto& [id, j] : b.jobs) {
    nlohmann::ordered_json one{{"id", id},
                               {"stage", name(j.at)},
                               {"since_s", j.since_s},
                               {"clock_ghz", j.clock_ghz},
                               {"collective", name(j.pattern)}};
    one.update(detail::to_json(m, j.where));
    out += (first ? "\n" : ",\n") + one.dump();
    first = false;
  }
  out += "\n]";
  // None in the book of a pilot that moves nobody.
  if (!b.moves.jobs.empty() || b.moves.measured > 0)
    out += ", \"moves\": " + to_json(b.moves).dump();
  return out + "}\n";
}

/// Reads what `write_book` wrote. Jobs with a part that this cluster does not have, or that another
/// job of the file has too, are left out: their ids are added to `lost`, and reconcile finds them
/// as foreign jobs if they run.
/// \throws input_error  for text that is no book of this version
template <class Fabric>
[[nodiscard]] book read_book(const std::string& text, const std::string& file,
                             const machine<Fabric>& m, std::vector<std::uint32_t>& lost) {
  const nlohmann::json doc = nlohmann::json::parse(text, nullptr, false);
  if (!doc.is_object() || doc.value("format", "") != detail::book_format)
    throw input_error(file, "a state file of heddle-slurm-pilot", "another file");
  if (const auto v = doc.find("version"); v == doc.end() || *v != detail::book_version)
    throw input_error(file, std::string("version ") + std::to_string(detail::book_version),
                      v == doc.end() ? "none" : v->dump());
  book b;
  fabric::ledger taken{m.dc};
  try {
    for (const nlohmann::json& one : doc.at("jobs")) {
      const auto id = one.at("id").get<std::uint32_t>();
      booked_job j;
      const auto stage_name = one.at("stage").get<std::string>();
      for (const stage s : {stage::placed, stage::released, stage::running})
        if (name(s) == stage_name) j.at = s;
      if (stage_name == name(stage::foreign)) continue;  // found again where it runs
      j.since_s = one.at("since_s").get<double>();
      j.clock_ghz = one.at("clock_ghz").get<double>();
      j.pattern =
          collective_named(one.at("collective").get<std::string>()).value_or(collective::ring);
      bool known = true;
      for (const nlohmann::json& rank : one.at("ranks")) {
        const auto s = m.server_named.find(rank.at(0).get<std::string>());
        const gpu_id g =
            s == m.server_named.end() ? gpu_id{} : m.gpu(s->second, rank.at(1).get<int>());
        known &= g.valid();
        j.where.gpus.push_back(g);
      }
      for (const nlohmann::json& link : one.at("links")) {
        const auto l = m.leaf_named.find(link.at(0).get<std::string>());
        known &= l != m.leaf_named.end();
        if (!known) continue;
        const spine_id s{link.at(1).get<std::uint32_t>()};
        const auto way = link.at(2).get<std::uint32_t>();
        if constexpr (has_circuits<Fabric>)
          j.where.circuits.push_back({l->second, s, way});
        else
          j.where.links.push_back({l->second, s, way});
      }
      if (const auto cores = one.find("core_links"); cores != one.end())
        for (const nlohmann::json& k : *cores)
          j.where.core_links.push_back({spine_id{k.at(0).get<std::uint32_t>()},
                                        core_id{k.at(1).get<std::uint32_t>()},
                                        k.at(2).get<std::uint32_t>()});
      std::sort(j.where.core_links.begin(), j.where.core_links.end());
      std::sort(j.where.links.begin(), j.where.links.end());
      std::sort(j.where.circuits.begin(), j.where.circuits.end());
      if (known && taken.reserve(job_id{id}, j.where) == fabric::reserve_status::reserved)
        b.jobs.emplace(id, std::move(j));
      else
        lost.push_back(id);
    }
    if (const auto moves = doc.find("moves"); moves != doc.end()) b.moves = moves_in(*moves);
  } catch (const nlohmann::json::exception&) {
    throw input_error(file, "jobs with id, stage, since_s, clock_ghz, collective, ranks and links",
                      "one without, or of another kind");
  }
  return b;
}

}  // namespace heddle::pilot
