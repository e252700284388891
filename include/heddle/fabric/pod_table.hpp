// Pods: units whose leafs share spines, and which spines of two pods reach the same cores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/link_columns.hpp>
#include <heddle/fabric/links.hpp>
#include <heddle/fabric/ports.hpp>

namespace heddle::fabric {

/// The pods of a network. Units are in one pod if their leafs of every rail and plane reach the same
/// spines. A *band* is a rail and a plane, numbered as the leafs of a unit. A *slot* is a spine of a pod
/// by its place: pods are of one *kind* if spines in the same slot reach the same cores, so that what
/// leaves one pod from there comes to the other there.
class pod_table {
 public:
  pod_table(const ports& where, const tier_links& up, const link_columns& columns,
            const link_columns& core_columns)
      : bands_(static_cast<std::size_t>(where.leafs_per_unit())),
        places_(static_cast<std::size_t>(columns.places(up.upper()))) {
    using signature = std::vector<std::uint32_t>;
    std::map<signature, int> known;
    std::vector<signature> parts_of_pod;
    for (unit_id x : where.all_units()) {
      signature parts;
      for (leaf_id l : where.leafs_of(x)) parts.push_back(columns.part_of_lower(l.index()));
      const auto [at, is_new] = known.emplace(parts, pods());
      if (is_new) {
        units_.emplace_back();
        parts_of_pod.push_back(std::move(parts));
      }
      of_unit_.push_back(at->second);
      units_[static_cast<std::size_t>(at->second)].push_back(x.value);
    }
    count_links(where, up, columns);

    // Bands that share spines in the first pod share slots; a pod of another pattern is of another kind.
    std::map<signature, int> kinds;
    for (const signature& parts : parts_of_pod) {
      signature pattern;  // which band is the first with these spines; then the core parts
      std::vector<std::uint32_t> spines;
      std::vector<std::uint32_t> first_slot;
      for (std::size_t b = 0; b < bands_; ++b) {
        const auto same = static_cast<std::size_t>(
            std::find(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(b), parts[b]) -
            parts.begin());
        pattern.push_back(static_cast<std::uint32_t>(same));
        if (same < b) {
          first_slot.push_back(first_slot[same]);
          continue;
        }
        first_slot.push_back(static_cast<std::uint32_t>(spines.size()));
        for (std::size_t p = 0; p < places_; ++p)
          spines.push_back(columns.upper(parts[b], static_cast<std::uint32_t>(p)));
      }
      for (std::uint32_t s : spines)
        pattern.push_back(s == link_columns::none ? link_columns::none
                                                  : core_columns.part_of_lower(s));
      kind_.push_back(
          kinds.emplace(std::move(pattern), static_cast<int>(kinds.size())).first->second);
      spines_.push_back(std::move(spines));
      first_slot_.push_back(std::move(first_slot));
    }
    slot_of_spine_.assign(at(up.upper()), 0);
    pod_of_spine_.assign(at(up.upper()), 0);
    for (std::uint32_t pod = 0; pod < spines_.size(); ++pod)
      for (std::uint32_t k = 0; k < spines_[pod].size(); ++k)
        if (const std::uint32_t s = spines_[pod][k]; s != link_columns::none) {
          slot_of_spine_[s] = k;
          pod_of_spine_[s] = pod;
        }
  }

  [[nodiscard]] int pods() const { return static_cast<int>(units_.size()); }
  [[nodiscard]] int of(unit_id x) const { return of_unit_[x.index()]; }
  [[nodiscard]] const std::vector<std::uint32_t>& units(int pod) const { return units_[at(pod)]; }
  /// Pods of one kind have equal slots, and the same cores above each.
  [[nodiscard]] int kind(int pod) const { return kind_[at(pod)]; }
  [[nodiscard]] int kinds() const { return *std::max_element(kind_.begin(), kind_.end()) + 1; }
  /// The spine of each slot; `link_columns::none` where the pod has none.
  [[nodiscard]] const std::vector<std::uint32_t>& spines(int pod) const { return spines_[at(pod)]; }
  /// Of each spine its slot, and its pod.
  [[nodiscard]] const std::vector<std::uint32_t>& slot_of_spine() const { return slot_of_spine_; }
  [[nodiscard]] const std::vector<std::uint32_t>& pod_of_spine() const { return pod_of_spine_; }
  /// The slot of a band's spine in place `place`.
  [[nodiscard]] std::size_t slot(int pod, std::size_t band, std::size_t place) const {
    return first_slot_[at(pod)][band] + place;
  }
  /// Whether two planes share spines somewhere.
  [[nodiscard]] bool planes_share(int planes) const {
    for (const auto& first : first_slot_)
      for (std::size_t a = 0; a < bands_; ++a)
        for (std::size_t b = 0; b < a; ++b)
          if (first[a] == first[b] && (a - b) % static_cast<std::size_t>(planes) != 0) return true;
    return false;
  }
  /// Places of spines at a leaf.
  [[nodiscard]] std::size_t places() const { return places_; }
  /// The most links that a leaf of this band has to the spine in that place.
  [[nodiscard]] int links(std::size_t band, std::size_t place) const {
    return links_[band * places_ + place];
  }

 private:
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }

  void count_links(const ports& where, const tier_links& up, const link_columns& columns) {
    links_.assign(bands_ * places_, 0);
    for (leaf_id l : where.all_leafs()) {
      const std::size_t band = l.index() % bands_;
      for (std::size_t p = 0; p < places_; ++p) {
        const std::uint32_t s =
            columns.upper(columns.part_of_lower(l.index()), static_cast<std::uint32_t>(p));
        if (s == link_columns::none) break;
        int& most = links_[band * places_ + p];
        most = std::max(most, up.between(l.index(), s));
      }
    }
  }

  std::size_t bands_, places_;
  std::vector<int> of_unit_;
  std::vector<std::vector<std::uint32_t>> units_;  // of each pod
  std::vector<int> kind_;
  std::vector<std::vector<std::uint32_t>> spines_;      // of each pod: by slot
  std::vector<std::vector<std::uint32_t>> first_slot_;  // of each pod: by band
  std::vector<std::uint32_t> slot_of_spine_, pod_of_spine_;
  std::vector<int> links_;  // band-major
};

}  // namespace heddle::fabric
