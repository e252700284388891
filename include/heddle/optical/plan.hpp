// From one wiring to another in steps, so that nobody loses a link on the way.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

/// What all OCS do at once: `down` goes dark, then `up` is joined, over ends that are free or have just
/// become so. Until the step is over the new circuits carry nothing.
struct plan_step {
  std::vector<circuit> down, up;
  /// Pairs of leaf and spine that have so many links less than both wirings give them, for as long as
  /// the step lasts; sorted.
  std::vector<pair_links> paused = {};

  friend bool operator==(const plan_step&, const plan_step&) = default;
};

/// A circuit that has to go dark before its successor is up: until then its leaf and spine have a link
/// less than both wirings give them.
struct plan_dip {
  std::size_t step = 0;  ///< in which it goes dark
  circuit lost;

  friend bool operator==(const plan_dip&, const plan_dip&) = default;
};

struct plan {
  std::vector<plan_step> steps;
  std::vector<plan_dip> dips;  ///< empty: no pair of leaf and spine ever falls below both wirings
  int detours = 0;             ///< circuits that went over a third OCS, so as not to dip
  double time_ms = 0;          ///< of all steps

  [[nodiscard]] std::size_t circuits_set_up() const {
    std::size_t n = 0;
    for (const plan_step& s : steps) n += s.up.size();
    return n;
  }
};

/// Plans the way from one wiring to another over the same ends. Each step takes down what is surplus (a
/// circuit that the target does not have, of a pair with more links than the target gives it) and sets
/// up what of the target has free ends. So a circuit that changes its OCS is set up at the new one, and
/// comes down at the old one a step later. Where all wait for one another's ends, one that is in the
/// way makes a detour over an OCS that is free at both its ends; where there is none it goes dark first,
/// and the plan says so, and for how long.
///
/// Every step leaves a valid wiring. The steps are few, not provably fewest. O(steps · ends).
/// \param switching_ms  time of a step, ≥ 0
/// Precondition: the same ports. Derived.
[[nodiscard]] inline plan make_plan(const wiring& from, const wiring& to, double switching_ms) {
  assert(from.ends() == to.ends());
  plan p;
  wiring now = from;
  link_matrix links = from.links();
  const link_matrix target = to.links();
  std::vector<circuit> leaving, coming, detoured;
  std::vector<pair_links> dipped;  // the pairs that ever did, and what both wirings give them
  from.list(leaving);
  std::erase_if(leaving, [&](const circuit& k) { return to.has(k); });
  to.list(coming);
  std::erase_if(coming, [&](const circuit& k) { return from.has(k); });

  const auto take_down = [&](plan_step& step, const circuit& k) {
    now.disconnect(k);
    --links(k.leaf, k.spine);
    step.down.push_back(k);
  };
  const auto set_up = [&](plan_step& step, const circuit& k) {
    now.connect(k);
    ++links(k.leaf, k.spine);
    step.up.push_back(k);
  };
  const auto can_come = [&](const circuit& k) {
    return !now.spine_at(k.leaf, k.uplink).valid() &&
           test_bit(now.free_switches(k.spine), now.ends().ocs_of_uplink(k.uplink).index());
  };
  const auto common = [&](const circuit& k) -> ocs_id {
    for (ocs_id o : now.ends().all_switches())
      if (test_bit(now.free_switches(k.leaf), o.index()) &&
          test_bit(now.free_switches(k.spine), o.index()))
        return o;
    return {};
  };

  const auto dip = [&, before = from.links()](const circuit& k) {
    const pair_links pair{k.leaf, k.spine,
                          std::min(before(k.leaf, k.spine), target(k.leaf, k.spine))};
    const auto at = std::lower_bound(dipped.begin(), dipped.end(), pair);
    if (at == dipped.end() || *at != pair) dipped.insert(at, pair);
  };
  const auto note_paused = [&](plan_step& step) {
    for (const auto& [leaf, spine, both] : dipped) {
      const auto is_new = [&](const circuit& k) { return k.leaf == leaf && k.spine == spine; };
      const auto dark = std::count_if(step.up.begin(), step.up.end(), is_new);
      const int less = both - links(leaf, spine) + static_cast<int>(dark);
      if (less > 0) step.paused.push_back({leaf, spine, less});
    }
  };

  while (!leaving.empty() || !coming.empty()) {
    plan_step step;
    std::erase_if(leaving, [&](const circuit& k) {
      const bool surplus = links(k.leaf, k.spine) > target(k.leaf, k.spine);
      if (surplus) take_down(step, k);
      return surplus;
    });
    const auto come = [&] {
      std::erase_if(coming, [&](const circuit& k) {
        const bool comes = can_come(k);
        if (comes) set_up(step, k);
        return comes;
      });
    };
    come();
    if (step.down.empty() && step.up.empty()) {
      // All that leave are needed until others come, which wait for their ends.
      const auto turns = std::find_if(leaving.begin(), leaving.end(), [&](const circuit& k) {
        return std::find(detoured.begin(), detoured.end(), k) == detoured.end() &&
               common(k).valid();
      });
      if (turns != leaving.end()) {
        const ocs_id o = common(*turns);
        const circuit k{turns->leaf, turns->spine, now.free_uplink(turns->leaf, o)};
        set_up(step, k);
        leaving.push_back(k);
        detoured.push_back(k);
        ++p.detours;
      } else {
        p.dips.push_back({p.steps.size(), leaving.front()});
        dip(leaving.front());
        take_down(step, leaving.front());
        leaving.erase(leaving.begin());
        come();
      }
    }
    note_paused(step);
    p.steps.push_back(std::move(step));
  }
  assert(now == to);
  p.time_ms = switching_ms * static_cast<double>(p.steps.size());
  return p;
}

}  // namespace heddle::optical
