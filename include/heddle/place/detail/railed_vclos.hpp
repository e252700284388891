// Virtual Clos networks where the cards of a server hang on several leafs, or above spines are cores.
#pragma once

#include <algorithm>
#include <bit>
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
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place::detail {

/// What `vclos` does on rails, planes and in three tiers. A job fits one server or NVLink domain, or it is
/// made of items (card_items.hpp): with rails of N/g whole servers or, where g does not divide N, of s
/// servers with the same q GPUs each, N = s·q, q from the largest down; without rails of cards. Shapes of
/// items are those of `vclos` with units for leafs, in one unit, in one pod, over pods. One writer.
class railed_vclos {
 public:
  answer operator()(const clos_ledger& free, int gpus, bool any_size, std::int64_t nodes) {
    search_.start(free, nodes);
    any_size_ = any_size;
    gave_up_ = gpus_would_do_ = false;
    if (placement p; in_one_domain(free, gpus, p)) return p;
    list_options(free.fabric(), gpus);
    for (const option& o : options_) {
      look_at(o);
      if (const unit_id x = search_.one_unit(o.items); x.valid()) {
        placement p;
        search_.items().take(x, o.items, p.gpus);
        return p;
      }
    }
    narrow_cut cut;
    for (const option& o : options_) {
      if (options_.size() > 1) {
        if (--search_.budget() < 0) return {wait_reason::search_limit, false};
        look_at(o);
      }
      search_.begin();
      if (in_one_pod(o.items)) return search_.take();
      if (over_.find(search_, o.items) == search_status::found) return over_.take();
      gpus_would_do_ |= over_.gpus_would_do();
      gave_up_ |= search_.budget() <= 0;
      if (&o == &options_.front()) cut = narrow_cut_for(o.items);
    }
    if (gave_up_) return {wait_reason::search_limit, false};
    if (options_.size() == 1 && cut.where != narrow_cut::tier::none) {
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
  struct option {
    int items = 0;
    word mask = 0;  ///< 0: of whole servers, or cards
  };

  void look_at(const option& o) {
    if (o.mask == 0)
      search_.items().count_whole();
    else
      search_.items().count(o.mask);
  }

  /// The server with fewest GPUs free of those that have enough, else the NVLink domain.
  static bool in_one_domain(const clos_ledger& free, int gpus, placement& out) {
    const fabric::hosts& dc = free.hosts();
    server_id best;
    if (gpus <= dc.gpus_per_server())
      for (server_id s : dc.all_servers())
        if (const int here = free.free_gpus(s);
            here >= gpus && (!best.valid() || here < free.free_gpus(best))) {
          best = s;
          if (here == gpus) break;
        }
    if (best.valid()) {
      pick(free, best, gpus, out.gpus);
      return true;
    }
    if (dc.domains() == dc.servers()) return false;
    domain_id least;
    int fewest = 0;
    for (domain_id d : dc.all_domains()) {
      int here = 0;
      for (server_id s : dc.servers_of(d)) here += free.free_gpus(s);
      if (here < gpus || (least.valid() && here >= fewest)) continue;
      least = d;
      fewest = here;
    }
    if (!least.valid()) return false;
    std::vector<server_id> servers(dc.servers_of(least).begin(), dc.servers_of(least).end());
    std::stable_sort(servers.begin(), servers.end(), [&](server_id a, server_id b) {
      return free.free_gpus(a) > free.free_gpus(b);
    });
    for (server_id s : servers) {
      const int here = std::min(gpus, free.free_gpus(s));
      pick(free, s, here, out.gpus);
      gpus -= here;
    }
    std::sort(out.gpus.begin(), out.gpus.end());
    return true;
  }

  /// What items a job can be made of, preferred ones first.
  void list_options(const fabric::leaf_spine& dc, int gpus) {
    options_.clear();
    const int g = dc.gpus_per_server(), each = dc.gpus_per_card();
    if (dc.rails() == 1) {
      if (gpus % each == 0) options_.push_back({gpus / each, 0});
      return;
    }
    if (gpus % g == 0 && gpus > g) options_.push_back({gpus / g, 0});
    if (gpus <= g || gpus % g == 0 || g > 64) return;
    const int cards = dc.cards_per_server();
    for (int q = g - 1; q >= 1; --q) {
      if (gpus % q || q % each || gpus / q > dc.servers()) continue;
      const std::size_t first = options_.size();
      // All sets of q / each cards in increasing order; those that fit servers in use already first.
      word set = card_items::low_bits(q / each);
      for (const word end = word{1} << (cards - 1) << 1; end == 0 || set < end;) {
        options_.push_back({gpus / q, mask_of(set, each)});
        if (options_.size() > most_options) return;
        const word low = set & (~set + 1), up = set + low;
        if (up == 0) break;
        set = up | ((set ^ up) / low >> 2);
      }
      weigh(first);
    }
  }
  static word mask_of(word cards, int each) {
    if (each == 1) return cards;
    word mask = 0;
    for (word w = cards; w; w &= w - 1)
      mask |= card_items::low_bits(each) << (std::countr_zero(w) * each);
    return mask;
  }
  void weigh(std::size_t first) {
    weight_.clear();
    for (std::size_t i = first; i < options_.size(); ++i)
      weight_.emplace_back(-search_.items().servers_in_use_with(options_[i].mask),
                           options_[i].mask);
    std::sort(weight_.begin(), weight_.end());
    for (std::size_t i = first; i < options_.size(); ++i)
      options_[i].mask = weight_[i - first].second;
  }

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
      int here = 0;
      for (std::uint32_t x : pods->units(p)) here += search_.items().count_of(x);
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

  static constexpr std::size_t most_options = 100'000;

  banded_search search_;
  pod_search over_;
  bool any_size_ = true, gave_up_ = false, gpus_would_do_ = false;
  std::vector<option> options_;
  std::vector<std::pair<int, word>> weight_;
  std::vector<std::uint32_t> units_;
  std::vector<std::pair<int, int>> order_;
};

}  // namespace heddle::place::detail
