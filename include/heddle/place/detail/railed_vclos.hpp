// Virtual Clos networks where the cards of a server hang on several leafs, or above spines are cores.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/place/detail/banded_search.hpp>
#include <heddle/place/detail/pod_search.hpp>
#include <heddle/place/detail/rail_options.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// What `vclos` does on rails, planes and in three tiers. A job fits one server or NVLink domain, or it is
/// made of items (rail_options.hpp). Shapes of items are those of `vclos` with units for leafs, in one
/// unit, in one pod, over pods (pod_search.hpp). One writer.
class railed_vclos {
 public:
  answer operator()(const clos_ledger& free, int gpus, bool any_size, std::int64_t nodes) {
    search_.start(free, nodes);
    any_size_ = any_size;
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
      search_.begin();
      if (in_one_pod(o.items)) return search_.take();
      if (over_.find(search_, o.items) == search_status::found) return over_.take();
      gpus_would_do_ |= over_.gpus_would_do();
      gave_up_ |= search_.budget() <= 0;
      if (&o == &options.front()) cut = narrow_cut_for(o.items);
    }
    if (gave_up_) return {wait_reason::search_limit, false};
    if (options.size() == 1 && cut.where != narrow_cut::tier::none) {
      answer a{wait_reason::tapered};
      a.cut = cut;
      return a;
    }
    return gpus_would_do_ ? wait_reason::network_fragmentation : wait_reason::gpu_fragmentation;
  }

  [[nodiscard]] std::int64_t visited() const { return search_.visited(); }
  /// As if nothing had been visited.
  void forget() { search_.forget(); }

 private:
  /// Pods with fewest items first.
  bool in_one_pod(int items) {
    const fabric::pod_table* pods = search_.free().fabric().pods();
    if (pods == nullptr || pods->pods() == 1) {
      units_.resize(static_cast<std::size_t>(search_.free().fabric().units()));
      std::iota(units_.begin(), units_.end(), 0u);
      search_.enter(units_);
      return has_shape(items);
    }
    order_.clear();
    for (int p = 0; p < pods->pods(); ++p) {
      const std::vector<std::uint32_t>& units = pods->units(p);
      const std::vector<int>& counts = search_.items().counts();
      int here = 0;
      if (units.back() - units.front() + 1 == units.size()) {  // mostly they are consecutive
        const auto first = counts.begin() + static_cast<std::ptrdiff_t>(units.front());
        here = std::accumulate(first, first + static_cast<std::ptrdiff_t>(units.size()), 0);
      } else {
        for (std::uint32_t x : units) here += counts[x];
      }
      if (here >= items) order_.emplace_back(here, p);
    }
    std::sort(order_.begin(), order_.end());
    for (const auto& [n, p] : order_) {
      search_.enter(pods->units(p));
      if (has_shape(items)) return true;
    }
    return false;
  }

  bool has_shape(int items) {
    if (any_size_) {
      if (found(search_.find_pair(items))) return true;
      gpus_would_do_ |= search_.has_pair();
    }
    for (int n = std::min(search_.widest(), any_size_ ? items / 2 : items - 1); n >= 1; --n) {
      const int m = items / n, r = items % n;
      if (m < 2 || (!any_size_ && r > 0) || !search_.has_room(m, n, r)) continue;
      gpus_would_do_ = true;
      if (found(search_.find(m, n, r))) return true;
    }
    return false;
  }
  bool found(search_status s) {
    gave_up_ |= s == search_status::gave_up;
    return s == search_status::found;
  }

  /// The cut for which no state has room for `items`, though it has so many.
  [[nodiscard]] narrow_cut narrow_cut_for(int items) {
    const fabric::leaf_spine& dc = search_.free().fabric();
    card_items& parts = search_.items();
    int all = 0, widest = 0;
    for (unit_id x : dc.all_units()) {
      all += parts.all_of(x);
      widest = std::max(widest, parts.all_of(x));
    }
    if (items > all || items <= widest) return {};
    const fabric::pod_table* pods = dc.pods();
    if (pods == nullptr) return {};
    int width = widest, links = 0, weight = 1;  // of the narrowest band
    for (const band& b : search_.bands()) {
      int here = 0;
      for (std::size_t p = 0; p < pods->places(); ++p) here += pods->links(b.first / b.words, p);
      if (here / b.weight > width || (links > 0 && here / b.weight == width)) continue;
      width = here / b.weight;
      links = here;
      weight = b.weight;
    }
    if (search_.bands().empty()) return {};
    int in_pod = 0, most_units = 0;
    for (int p = 0; p < pods->pods(); ++p) {
      int here = 0;
      for (std::uint32_t x : pods->units(p)) here += std::min(width, parts.all_of(unit_id{x}));
      in_pod = std::max(in_pod, here);
      most_units = std::max(most_units, static_cast<int>(pods->units(p).size()));
    }
    if (items <= in_pod) return {};
    using enum narrow_cut::tier;
    if (width < widest)
      return {leaf, links,
              (pods->pods() > 1 ? widest : (items + most_units - 1) / most_units) * weight};
    // Over pods: as many links up from every slot as the fewest units in a pod that will do.
    const int leafs = (items + widest - 1) / widest;
    const int q = (leafs + pods->pods() - 1) / pods->pods();
    int have = 0, want = 0;
    bool is_short = false;
    const std::vector<std::uint32_t>& spines = pods->spines(0);
    std::vector<int> of_slot(spines.size(), 0);
    for (const band& b : search_.bands())
      for (std::size_t p = 0; p < pods->places(); ++p)
        of_slot[pods->slot(0, b.first / b.words, p)] += pods->links(b.first / b.words, p);
    for (std::size_t s = 0; s < spines.size(); ++s) {
      if (spines[s] == fabric::link_columns::none || of_slot[s] == 0) continue;
      int up = 0;
      for (core_id c : dc.all_cores()) up += dc.core_links().between(spines[s], c.index());
      have += up;
      want += q * of_slot[s];
      is_short |= up < q * of_slot[s];
    }
    if (is_short) return {core, have, want};
    return {};
  }

  banded_search search_;
  pod_search over_;
  bool any_size_ = true, gave_up_ = false, gpus_would_do_ = false;
  rail_options options_;
  std::vector<std::uint32_t> units_;
  std::vector<std::pair<int, int>> order_;
};

}  // namespace heddle::place::detail
