// Virtual Clos networks where a server hangs whole under one leaf, in two tiers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

#include <heddle/core/declared.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/detail/banded_biclique.hpp>
#include <heddle/place/detail/card_items.hpp>
#include <heddle/place/detail/clos_search.hpp>
#include <heddle/place/detail/clos_shapes.hpp>
#include <heddle/place/detail/tapered.hpp>
#include <heddle/place/detail/unequal_leafs.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/traffic/leaf_width.hpp>

namespace heddle::place::detail {

/// What `vclos` does on networks without rails and cores. One writer.
class plain_vclos {
 public:
  answer operator()(const clos_ledger& free, int gpus, const clos_shapes& shapes,
                    std::int64_t nodes) {
    search_.start(free, nodes, leaf_order::best_fit);
    if (const leaf_id l = search_.one_leaf(gpus); l.valid()) {
      placement p;
      pick(free, unit_under(l), gpus, p.gpus);
      return p;
    }
    gave_up_ = gpus_would_do_ = false;
    if (!shapes.sends.empty() && place_declared(free, gpus, shapes.sends)) {
      placement p = search_.take();
      p.enough_for = shapes.sends;
      if (p.links.size() > static_cast<std::size_t>(gpus) &&
          (shapes.remainder ? place_any(free, gpus, shapes) : place_even(free, gpus))) {
        placement any = search_.take();
        if (any.links.size() < p.links.size()) return any;
      }
      return p;
    }
    if (shapes.remainder ? place_any(free, gpus, shapes) : place_even(free, gpus))
      return search_.take();
    if (gave_up_) return {wait_reason::search_limit, false};
    if (const narrow_cut cut = narrow_cut_for(free, gpus, shapes.sends);
        cut.where != narrow_cut::tier::none) {
      answer a{wait_reason::tapered};
      a.cut = cut;
      return a;
    }
    return gpus_would_do_ ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
  }

  /// The same with `share` ≥ 1 GPUs to a link: leafs of any sizes over fewer spines in common, or two.
  std::optional<placement> thin(const clos_ledger& free, int gpus, const declared& sends, int share,
                                std::int64_t nodes) {
    search_.start(free, nodes, leaf_order::best_fit);
    gave_up_ = gpus_would_do_ = false;
    if (!sends.empty() && place_declared(free, gpus, sends, share)) {
      placement p = search_.take();
      p.enough_for = sends;
      return p;
    }
    if (found(search_.find_pair(gpus, pair_order::fewest_links, share)) ||
        (!gave_up_ && found(unequal_.find(search_, gpus, share))))
      return search_.take();
    return std::nullopt;
  }

  [[nodiscard]] std::int64_t visited() const { return search_.visited(); }
  /// As if nothing had been visited.
  void forget() { search_.forget(); }

 private:
  bool found(search_status s) {
    gave_up_ |= s == search_status::gave_up;
    return s == search_status::found;
  }

  [[nodiscard]] narrow_cut narrow_cut_for(const clos_ledger& free, int gpus,
                                          const declared& sends) {
    const fabric::leaf_spine& dc = free.fabric();
    if (dc.uplinks() >= dc.gpus_per_leaf()) return {};
    std::optional<band> declared;
    if (!sends.empty())
      if (const std::optional<int> wide = traffic::leaf_width(sends, gpus, dc.hosts()))
        declared = band{0, 1, *wide};
    items_.start(free);
    const band any{0, 1, 1};
    return tapered_(dc, items_, gpus, {&any, 1},
                    declared ? std::span{&*declared, 1} : std::span<const band>{});
  }

  /// Any leafs over as many common spines as the collectives are wide.
  bool place_declared(const clos_ledger& free, int gpus, const declared& sends, int share = 1) {
    const fabric::leaf_spine& dc = free.fabric();
    const std::optional<int> wide = traffic::leaf_width(sends, gpus, dc.hosts());
    if (!wide) return false;
    const int most = dc.gpus_per_leaf(), links = std::max(1, (*wide + share - 1) / share);
    if (links > dc.uplinks()) return false;
    if (search_.room_of(most) < gpus) return false;
    gpus_would_do_ = true;
    return found(search_.find_cover(gpus, links, most));
  }

  bool place_any(const clos_ledger& free, int gpus, const clos_shapes& shapes) {
    const search_status pair = search_.find_pair(gpus, shapes.pairs);
    if (found(pair)) return true;
    gpus_would_do_ |= search_.has_pair();
    if (gave_up_) return false;
    for (int n = std::min(search_.widest(), gpus / 2); n >= 1; --n) {
      const int q = gpus / n, r = gpus % n;
      if (q + (r > 0) > free.fabric().leafs()) break;  // q only grows
      if (!search_.has_room(q, n, r)) continue;
      gpus_would_do_ = true;
      if (found(search_.find(q, n, r))) return true;
      if (gave_up_) return false;
    }
    if (!shapes.unequal) return false;
    const bool yes = found(unequal_.find(search_, gpus));
    gpus_would_do_ |= unequal_.has_room();
    return yes;
  }

  bool place_even(const clos_ledger& free, int gpus) {
    const int most = std::min(free.fabric().leafs(), gpus), widest = search_.widest();
    for (int m = std::max(2, (gpus + widest - 1) / widest); m <= most; ++m) {
      if (gpus % m || !search_.has_room(m, gpus / m, 0)) continue;
      gpus_would_do_ = true;
      if (found(search_.find(m, gpus / m, 0))) return true;
      if (gave_up_) return false;
    }
    return false;
  }

  clos_search search_;
  unequal_leafs unequal_;
  card_items items_;
  tapered_cut tapered_;
  bool gave_up_ = false, gpus_would_do_ = false;
};

}  // namespace heddle::place::detail
