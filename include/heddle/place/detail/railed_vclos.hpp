// Virtual Clos networks where the cards of a server hang on several leafs, or above spines are cores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/core/declared.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/place/detail/banded_search.hpp>
#include <heddle/place/detail/clos_shapes.hpp>
#include <heddle/place/detail/core_cover.hpp>
#include <heddle/place/detail/pod_search.hpp>
#include <heddle/place/detail/rail_options.hpp>
#include <heddle/place/detail/tapered.hpp>
#include <heddle/place/detail/unequal_leafs.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/traffic/leaf_width.hpp>

namespace heddle::place::detail {

/// What `vclos` does on rails, planes and in three tiers. A job fits one server or NVLink domain, or it is
/// made of items (rail_options.hpp). Shapes of items are those of `vclos` with units for leafs, in one
/// unit, in one pod, over pods (pod_search.hpp). One writer.
class railed_vclos {
 public:
  answer operator()(const clos_ledger& free, int gpus, const clos_shapes& shapes,
                    std::int64_t nodes) {
    search_.start(free, nodes);
    gave_up_ = gpus_would_do_ = false;
    if (placement p; in_one_domain(free, gpus, p)) return p;
    const std::vector<rail_option>& options = options_.list(search_.items(), free.fabric(), gpus);
    for (const rail_option& o : options) {
      o.count(search_.items());
      if (const unit_id x = one_unit(free.fabric(), search_.items(), o.items); x.valid()) {
        placement p;
        search_.items().take(x, o.items, p.gpus);
        return p;
      }
    }
    narrow_cut cut;
    for (const rail_option& o : options) {
      if (options.size() > 1) {
        if (--search_.budget() < 0) return {wait_reason::search_limit, false};
        o.count(search_.items());
      }
      declared_.clear();
      if (!shapes.sends.empty() && begin_declared(gpus, o.items, shapes.sends)) {
        declared_.assign(search_.bands().begin(), search_.bands().end());
        if (in_one_pod(o.items, [&] { return has_cover(o.items); })) {
          placement p = search_.take();
          p.enough_for = shapes.sends;
          search_.begin();
          if (p.links.size() > search_.links_for(o.items) &&
              in_one_pod(o.items, [&] { return has_shape(o.items, shapes); })) {
            placement any = search_.take();
            if (any.links.size() < p.links.size()) return any;
          }
          return p;
        }
      }
      search_.begin();
      if (in_one_pod(o.items, [&] { return has_shape(o.items, shapes); })) return search_.take();
      if (over_.find(search_, o.items) == search_status::found) return over_.take();
      gpus_would_do_ |= over_.gpus_would_do();
      gave_up_ |= search_.budget() <= 0;
      if (options.size() == 1)
        cut = tapered_(free.fabric(), search_.items(), o.items, search_.bands(), declared_);
    }
    if (gave_up_) return {wait_reason::search_limit, false};
    if (cut.where != narrow_cut::tier::none) {
      answer a{wait_reason::tapered};
      a.cut = cut;
      return a;
    }
    return gpus_would_do_ ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
  }

  /// The same with `share` ≥ 1 cards to a link: units of any sizes over fewer spines in common, in one pod, else in
  /// those with most free items, as few of these as hold the job.
  std::optional<placement> thin(const clos_ledger& free, int gpus, const declared& sends, int share,
                                std::int64_t nodes) {
    search_.start(free, nodes);
    gave_up_ = gpus_would_do_ = false;
    for (const rail_option& o : options_.list(search_.items(), free.fabric(), gpus)) {
      o.count(search_.items());
      for (const bool over : {false, true}) {
        const auto placed = [&](auto&& has_place) -> std::optional<placement> {
          if (over) return over_pods(o.items, has_place);
          if (in_one_pod(o.items, has_place)) return search_.take();
          return std::nullopt;
        };
        if (!sends.empty() && begin_declared(gpus, o.items, sends, share))
          if (auto p = placed([&] { return has_cover(o.items); })) {
            p->enough_for = sends;
            return p;
          }
        search_.begin();
        if (auto p = placed([&] { return found(unequal_.find(search_, o.items, share)); }))
          return p;
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] std::int64_t visited() const { return search_.visited(); }
  /// As if nothing had been visited.
  void forget() { search_.forget(); }

 private:
  /// Takes of each rail as many columns as the collectives need; false where the sizes of units bound it.
  bool begin_declared(int gpus, int items, const declared& sends, int share = 1) {
    const fabric::leaf_spine& dc = search_.free().fabric();
    const card_items& in = search_.items();
    if (!traffic::leaf_width(sends, gpus, dc.gpus_per_server(), {})) return false;
    search_.begin([&](int rail) {
      if (in.cards_on(rail) == 0) return 0;
      const traffic::leaf_share here = in.share_on(rail, items);
      const int n = *traffic::leaf_width(sends, gpus, dc.gpus_per_server(), here);
      return std::max((n + share - 1) / share,
                      here.first ? 1 : 0);  // also for a job that sends nothing
    });
    return true;
  }
  /// Units of any sizes.
  bool has_cover(int items) {
    if (!search_.has_uplinks(1)) return false;
    gpus_would_do_ = true;
    return found(search_.find_cover(items, 1, search_.widest()));
  }

  /// Items that units of a pod have together.
  [[nodiscard]] int items_of(const std::vector<std::uint32_t>& units) {
    const std::vector<int>& counts = search_.items().counts();
    if (units.back() - units.front() + 1 == units.size()) {  // mostly they are consecutive
      const auto first = counts.begin() + static_cast<std::ptrdiff_t>(units.front());
      return std::accumulate(first, first + static_cast<std::ptrdiff_t>(units.size()), 0);
    }
    return std::accumulate(units.begin(), units.end(), 0,
                           [&](int sum, std::uint32_t x) { return sum + counts[x]; });
  }

  /// Whether `has_place` finds one in a pod, those with fewest items first.
  template <class HasPlace>
  bool in_one_pod(int items, HasPlace&& has_place) {
    const fabric::pod_table* pods = search_.free().fabric().pods();
    if (pods == nullptr || pods->pods() == 1) {
      const std::vector<int>& counts = search_.items().counts();
      if (std::accumulate(counts.begin(), counts.end(), 0) < items) return false;
      units_.resize(static_cast<std::size_t>(search_.free().fabric().units()));
      std::iota(units_.begin(), units_.end(), 0u);
      search_.enter(units_);
      return has_place();
    }
    order_.clear();
    for (int p = 0; p < pods->pods(); ++p) {
      if (const int here = items_of(pods->units(p)); here >= items) order_.emplace_back(here, p);
    }
    std::sort(order_.begin(), order_.end());
    for (const auto& [n, p] : order_) {
      search_.enter(pods->units(p));
      if (has_place()) return true;
    }
    return false;
  }

  /// What `has_place` finds in the pods of a kind that have most items, as few of these as will do.
  template <class HasPlace>
  std::optional<placement> over_pods(int items, HasPlace&& has_place) {
    const clos_ledger& free = search_.free();
    const fabric::pod_table* pods = free.fabric().pods();
    if (pods == nullptr || pods->pods() < 2 || free.fabric().cores() == 0) return std::nullopt;
    for (int kind = 0; kind < pods->kinds(); ++kind) {
      order_.clear();
      for (int p = 0; p < pods->pods(); ++p) {
        if (pods->kind(p) != kind) continue;
        if (const int here = items_of(pods->units(p)); here > 0) order_.emplace_back(-here, p);
      }
      std::sort(order_.begin(), order_.end());
      int room = 0;
      units_.clear();
      for (std::size_t t = 0; t < order_.size(); ++t) {
        room -= order_[t].first;
        const std::vector<std::uint32_t>& more = pods->units(order_[t].second);
        units_.insert(units_.end(), more.begin(), more.end());
        if (t == 0 || room < items) continue;
        search_.enter(units_);
        if (!has_place()) continue;
        placement p = search_.take();
        if (cores_.add(free, p)) return p;
      }
    }
    return std::nullopt;
  }

  bool has_shape(int items, const clos_shapes& shapes) {
    if (shapes.remainder) {
      if (found(search_.find_pair(items))) return true;
      gpus_would_do_ |= search_.has_pair();
    }
    for (int n = std::min(search_.widest(), shapes.remainder ? items / 2 : items - 1); n >= 1;
         --n) {
      const int m = items / n, r = items % n;
      if (m < 2 || (!shapes.remainder && r > 0) || !search_.has_room(m, n, r)) continue;
      gpus_would_do_ = true;
      if (found(search_.find(m, n, r))) return true;
    }
    if (!shapes.unequal) return false;
    const bool yes = found(unequal_.find(search_, items));
    gpus_would_do_ |= unequal_.has_room();
    return yes;
  }
  bool found(search_status s) {
    gave_up_ |= s == search_status::gave_up;
    return s == search_status::found;
  }

  banded_search search_;
  unequal_leafs unequal_;
  pod_search over_;
  core_cover cores_;
  tapered_cut tapered_;
  bool gave_up_ = false, gpus_would_do_ = false;
  rail_options options_;
  std::vector<band> declared_;
  std::vector<std::uint32_t> units_;
  std::vector<std::pair<int, int>> order_;
};

}  // namespace heddle::place::detail
