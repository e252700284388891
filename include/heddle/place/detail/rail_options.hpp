// What a job may be made of where the cards of a server hang on several leafs, and where it needs no spine.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/place/detail/card_items.hpp>
#include <heddle/place/pick.hpp>

namespace heddle::place::detail {

/// So many items of one kind (card_items.hpp).
struct rail_option {
  int items = 0;
  word mask = 0;  ///< 0: of whole servers, or cards

  void count(card_items& in) const {
    if (mask == 0)
      in.count_whole();
    else
      in.count(mask);
  }
};

/// The options of a job, preferred ones first: N/g whole servers; where g does not divide N, s servers with
/// the same q GPUs each, N = s·q, q from the largest down, of equal ones those that fit most servers that
/// are in use. Without rails N GPUs, in whole cards.
class rail_options {
 public:
  const std::vector<rail_option>& list(card_items& in, const fabric::leaf_spine& dc, int gpus) {
    options_.clear();
    const int g = dc.gpus_per_server(), each = dc.gpus_per_card();
    if (dc.rails() == 1) {
      if (gpus % each == 0) options_.push_back({gpus / each, 0});
      return options_;
    }
    if (gpus % g == 0 && gpus > g) options_.push_back({gpus / g, 0});
    if (gpus <= g || gpus % g == 0 || g > 64) return options_;
    const int cards = dc.cards_per_server();
    for (int q = g - 1; q >= 1; --q) {
      if (gpus % q || q % each || gpus / q > dc.servers()) continue;
      const std::size_t first = options_.size();
      // All sets of q / each cards, in increasing order.
      word set = card_items::low_bits(q / each);
      for (const word last = card_items::low_bits(cards); (set & ~last) == 0;) {
        options_.push_back({gpus / q, mask_of(set, each)});
        if (options_.size() > most) return options_;
        const word low = set & (~set + 1), up = set + low;
        if (up == 0) break;
        set = up | ((set ^ up) / low >> 2);
      }
      weigh(in, first);
    }
    return options_;
  }

 private:
  static constexpr std::size_t most = 100'000;

  static word mask_of(word cards, int each) {
    if (each == 1) return cards;
    word mask = 0;
    for (word w = cards; w; w &= w - 1)
      mask |= card_items::low_bits(each) << (std::countr_zero(w) * each);
    return mask;
  }
  void weigh(card_items& in, std::size_t first) {
    weight_.clear();
    for (std::size_t i = first; i < options_.size(); ++i)
      weight_.emplace_back(-in.servers_in_use_with(options_[i].mask), options_[i].mask);
    std::sort(weight_.begin(), weight_.end());
    for (std::size_t i = first; i < options_.size(); ++i)
      options_[i].mask = weight_[i - first].second;
  }

  std::vector<rail_option> options_;
  std::vector<std::pair<int, word>> weight_;
};

/// The server with fewest GPUs free of those that have enough, else such an NVLink domain. O(servers).
inline bool in_one_domain(const fabric::gpu_book& free, int gpus, fabric::placement& out) {
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
  const domain_id d = best_domain(dc, gpus, [&](server_id s) { return free.free_gpus(s); });
  if (!d.valid()) return false;
  pick(free, d, gpus, out.gpus);
  return true;
}

/// The unit with fewest items of those that have `n`, or none. O(units).
[[nodiscard]] inline unit_id one_unit(const fabric::leaf_spine& dc, const card_items& in, int n) {
  unit_id best;
  if (n > (in.by_server() ? dc.shape().servers_per_leaf : dc.hosts().gpus_per_unit())) return best;
  for (unit_id x : dc.all_units()) {
    const int here = in.count_of(x.index());
    if (here >= n && (!best.valid() || here < in.count_of(best.index()))) best = x;
    if (here == n) break;
  }
  return best;
}

/// A place in one server, NVLink domain or unit, whose flows stay on their rails.
inline std::optional<fabric::placement> in_one_unit(const clos_ledger& free, int gpus) {
  fabric::placement p;
  if (in_one_domain(free, gpus, p)) return p;
  card_items items;
  items.start(free);
  rail_options options;
  for (const rail_option& o : options.list(items, free.fabric(), gpus)) {
    o.count(items);
    if (const unit_id x = one_unit(free.fabric(), items, o.items); x.valid()) {
      items.take(x, o.items, p.gpus);
      return p;
    }
  }
  return std::nullopt;
}

}  // namespace heddle::place::detail
