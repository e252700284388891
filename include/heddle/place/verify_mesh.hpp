// A check that what jobs hold on a torus is the mesh or torus that they asked for.
//
// It knows nothing of how placements are found: it goes from chip to chip, and asks for each pair of
// neighbours which link or circuit joins them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/torus.hpp>

namespace heddle::place {

/// What a mesh is checked for.
struct mesh_claim {
  box_shape shape;      ///< as asked for
  bool closed = false;  ///< rows longer than 2 are rings
  bool twisted =
      false;  ///< a torus k × k × 2k or k × 2k × 2k whose short rows end k further along the long
              ///< sides
};

namespace detail {

/// Goes through the rows of a mesh. `joined(a, b)` says whether something joins two ranks.
template <class Joined>
[[nodiscard]] std::optional<std::string> row_fault(const mesh_claim& claim, Joined&& joined) {
  const box_shape& s = claim.shape;
  int shortest = s[0];
  for (std::size_t d = 1; d < s.size(); ++d) shortest = std::min(shortest, s[d]);
  std::array<int, box_shape::most_sides> at{};
  const auto rank = [&](std::array<int, box_shape::most_sides> c) {
    std::size_t r = 0;
    for (std::size_t d = s.size(); d-- > 0;)
      r = r * static_cast<std::size_t>(s[d]) + static_cast<std::size_t>(c[d]);
    return r;
  };
  for (bool more = true; more;) {
    for (std::size_t d = 0; d < s.size(); ++d) {
      auto next = at;
      if (++next[d] == s[d]) {
        next[d] = 0;
        if (claim.twisted && s[d] == shortest) {
          for (std::size_t e = 0; e < s.size(); ++e)
            if (s[e] == 2 * shortest) next[e] = (next[e] + shortest) % s[e];
        } else if (!(claim.closed || claim.twisted) || s[d] <= 2) {
          continue;
        }
      }
      if (!joined(rank(at), rank(next)))
        return "nothing of its own joins ranks " + std::to_string(rank(at)) + " and " +
               std::to_string(rank(next));
    }
    more = false;
    for (std::size_t d = 0; d < s.size() && !more; ++d) {
      more = ++at[d] < s[d];
      if (!more) at[d] = 0;
    }
  }
  return std::nullopt;
}

template <class F>
[[nodiscard]] std::optional<std::string> chips_fault(const fabric::ledger<F>& book, job_id job,
                                                     const fabric::placement& p,
                                                     const mesh_claim& claim) {
  if (p.shape != claim.shape) return "its shape is " + text_of(p.shape);
  if (static_cast<std::int64_t>(p.gpus.size()) != claim.shape.volume())
    return "it has " + std::to_string(p.gpus.size()) + " chips";
  if (std::set(p.gpus.begin(), p.gpus.end()).size() != p.gpus.size()) return "it has a chip twice";
  for (gpu_id g : p.gpus)
    if (book.owner(g) != job) return "chip " + std::to_string(g.value) + " is not its own";
  return std::nullopt;
}

}  // namespace detail

/// What is wrong with the mesh of a job, or nothing: it has the chips of its shape, each its own, and
/// neighbours are joined by a fixed link that works, or by a circuit of its own between the + port of one
/// and the − port of the other at equal positions of their faces, over the OCS of that position; every port
/// is used once, and no circuit is idle. O(chips · log).
[[nodiscard]] inline std::optional<std::string>
mesh_fault(const fabric::ledger<fabric::cubes>& book, job_id job, const mesh_claim& claim) {
  const fabric::cubes& dc = book.fabric();
  const fabric::placement* p = book.find(job);
  if (!p) return "it holds nothing";
  if (auto fault = detail::chips_fault(book, job, *p, claim)) return fault;
  std::map<std::pair<gpu_id, gpu_id>, bool> circuits;  // by + and − chip: used
  std::set<std::tuple<gpu_id, std::size_t, bool>> ports;
  for (const fabric::face_circuit& k : p->faces) {
    const auto [a, b] = dc.ends_of(k);
    if (!ports.insert({a, k.dimension, true}).second ||
        !ports.insert({b, k.dimension, false}).second)
      return "two circuits end at one port";
    if (book.owner(a) != job || book.owner(b) != job) return "a circuit ends at a chip of others";
    if (book.owner(k) != job) return "a circuit is not its own";
    if (book.is_failed(dc.ocs_of(k))) return "a circuit goes over an OCS that has failed";
    circuits[{a, b}] = false;
  }
  const auto has_link = [&](gpu_id a, gpu_id b) {
    for (std::uint8_t d = 0; d < 3; ++d)
      for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}})
        if (dc.end_of({from, d}) == to && !book.is_failed(fabric::chip_link{from, d})) return true;
    return false;
  };
  const auto joined = [&](std::size_t r, std::size_t next) {
    const gpu_id a = p->gpus[r], b = p->gpus[next];
    if (has_link(a, b)) return true;
    for (const auto& ends : {std::pair{a, b}, std::pair{b, a}})
      if (const auto k = circuits.find(ends); k != circuits.end()) return k->second = true;
    return false;
  };
  if (auto fault = detail::row_fault(claim, joined)) return fault;
  for (const auto& [ends, used] : circuits)
    if (!used) return "a circuit joins no neighbours";
  return std::nullopt;
}

/// The same on a static torus, where neighbours are joined by links that work.
[[nodiscard]] inline std::optional<std::string>
mesh_fault(const fabric::ledger<fabric::torus>& book, job_id job, const mesh_claim& claim) {
  const fabric::torus& dc = book.fabric();
  const fabric::placement* p = book.find(job);
  if (!p) return "it holds nothing";
  if (auto fault = detail::chips_fault(book, job, *p, claim)) return fault;
  return detail::row_fault(claim, [&](std::size_t r, std::size_t next) {
    for (std::uint8_t d = 0; d < dc.dimensions(); ++d)
      for (const auto& [from, to] :
           {std::pair{p->gpus[r], p->gpus[next]}, std::pair{p->gpus[next], p->gpus[r]}})
        if (dc.end_of({from, d}) == to && !book.is_failed(fabric::chip_link{from, d})) return true;
    return false;
  });
}

}  // namespace heddle::place
