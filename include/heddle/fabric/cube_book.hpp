// Who owns which circuits between cubes, and what of a cube's network has failed.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/chip_links.hpp>
#include <heddle/fabric/cube_cells.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The owners of circuits between the faces of cubes. Every port belongs to a chip, so a circuit is given
/// only to who has the chips at both ends. A circuit over an OCS that has failed cannot be set up; a
/// cube that has failed takes its chips with it. Read only; `ledger` is what books.
class cube_book {
 public:
  /// A part of the network that can fail by itself: a cube, an OCS, a link inside a cube.
  template <class T>
  static constexpr bool knows =
      std::same_as<T, unit_id> || std::same_as<T, ocs_id> || std::same_as<T, chip_link>;

  /// Of a fabric of cubes.
  template <class Fabric>
  explicit cube_book(const Fabric& dc)
      : cubes_(dc.all_cubes().size()), chips_(static_cast<std::size_t>(dc.chips_per_cube())),
        switches_(static_cast<std::size_t>(dc.circuit_switches())), cells_(dc.cells()),
        owner_(cubes_ * switches_), from_(cubes_ * switches_), to_(cubes_ * switches_),
        failed_(cubes_ + switches_), links_(dc) {}

  /// Where the + port of a cube leads, and where its − port comes from, over an OCS; or an invalid id.
  [[nodiscard]] unit_id next(unit_id cube, ocs_id o) const { return to_[port(cube, o)]; }
  [[nodiscard]] unit_id before(unit_id cube, ocs_id o) const { return from_[port(cube, o)]; }
  /// Whether both its ports are dark and its OCS works.
  [[nodiscard]] bool is_free(const face_circuit& k) const {
    return !to_[port(k.from, ocs(k))].valid() && !from_[port(k.to, ocs(k))].valid() &&
           !is_failed(ocs(k));
  }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(const face_circuit& k) const {
    return next(k.from, ocs(k)) == k.to ? owner_[port(k.from, ocs(k))] : job_id{};
  }

  /// Whether `part` itself has failed.
  [[nodiscard]] bool is_failed(unit_id cube) const { return failed_.contains(cube.index()); }
  [[nodiscard]] bool is_failed(ocs_id o) const { return failed_.contains(cubes_ + o.index()); }
  [[nodiscard]] bool is_failed(const chip_link& k) const { return links_.is_failed(k); }
  [[nodiscard]] bool all_work() const { return failed_.empty() && links_.all_work(); }
  /// Whether all links inside cubes work.
  [[nodiscard]] bool all_links_work() const { return links_.all_work(); }

  friend bool operator==(const cube_book&, const cube_book&) = default;

  // --- for the ledger ----------------------------------------------------------------------------

  /// Whether the circuits of `p` could exist between its own chips, sorted and each once.
  [[nodiscard]] bool knows_all(const placement& p) const {
    if (!p.links.empty() || !p.circuits.empty() || !p.core_links.empty()) return false;
    if (p.faces.empty()) return true;
    std::vector<word> mine(words_for(cubes_ * chips_));
    for (gpu_id g : p.gpus)
      if (g.index() < cubes_ * chips_) set_bit(mine, g.index());
    return std::all_of(p.faces.begin(), p.faces.end(),
                       [&](const face_circuit& k) { return exists(k) && joins(mine, k); }) &&
           std::adjacent_find(p.faces.begin(), p.faces.end(), std::greater_equal<>{}) ==
               p.faces.end();
  }
  /// Sets the circuits of `p` up for `job` if all can be. Precondition: `knows_all`.
  [[nodiscard]] bool take(const placement& p, job_id job) {
    for (std::size_t i = 0; i < p.faces.size(); ++i) {
      const face_circuit& k = p.faces[i];
      if (!is_free(k)) {
        darken(std::span(p.faces).first(i));
        return false;
      }
      to_[port(k.from, ocs(k))] = k.to;
      from_[port(k.to, ocs(k))] = k.from;
      owner_[port(k.from, ocs(k))] = job;
    }
    return true;
  }
  void give_back(const placement& p) { darken(p.faces); }

  /// Marks `part`. Tells `cut(gpu, is_cut)` of the chips of a cube and `hit(job)` of the owners of circuits.
  template <class Fabric, class Part, class Cut, class Hit>
  bool mark(const Fabric& dc, const Part& part, bool failed, Cut&& cut, Hit&& hit) {
    if constexpr (std::same_as<Part, chip_link>) {
      return links_.mark(dc, part, failed, cut, hit);
    } else if constexpr (std::same_as<Part, unit_id>) {
      const bool changed = failed_.set(part.index(), failed);
      for (gpu_id g : dc.hosts().gpus_of(part)) cut(g, failed);
      return changed;
    } else {
      for (std::size_t cube = 0; cube < cubes_; ++cube)
        if (const job_id job = owner_[port(unit_id{cube}, part)]; job.valid()) hit(job);
      return failed_.set(cubes_ + part.index(), failed);
    }
  }
  /// Takes over what has failed in a book of the same network.
  void adopt_failures(const cube_book& other) {
    failed_ = other.failed_;
    links_ = other.links_;
  }

 private:
  [[nodiscard]] std::size_t port(unit_id cube, ocs_id o) const {
    return cube.index() * switches_ + o.index();
  }
  [[nodiscard]] ocs_id ocs(const face_circuit& k) const {
    return ocs_id{int{k.dimension} * cells_.side * cells_.side + int{k.position}};
  }
  [[nodiscard]] bool exists(const face_circuit& k) const {
    return k.from.index() < cubes_ && k.to.index() < cubes_ && k.dimension < 3 &&
           int{k.position} < cells_.side * cells_.side;
  }
  [[nodiscard]] bool joins(const_bit_row mine, const face_circuit& k) const {
    const auto has = [&](unit_id cube, bool last) {
      const auto c = cells_.cell_on_face(k.dimension, k.position, last);
      return test_bit(mine, cube.index() * chips_ + static_cast<std::size_t>(cells_.number_at(c)));
    };
    return has(k.from, true) && has(k.to, false);
  }

  void darken(std::span<const face_circuit> faces) {
    for (const face_circuit& k : faces) {
      to_[port(k.from, ocs(k))] = unit_id{};
      from_[port(k.to, ocs(k))] = unit_id{};
      owner_[port(k.from, ocs(k))] = job_id{};
    }
  }

  std::size_t cubes_, chips_, switches_;
  cube_cells cells_;
  std::vector<job_id> owner_;       // of the circuit at a + port, cube-major, then OCS
  std::vector<unit_id> from_, to_;  // what leads to a − port, where a + port leads
  detail::marks failed_;            // cubes, then OCS
  chip_link_book links_;
};

}  // namespace heddle::fabric
