// The order in which jobs are expected to end.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/allocate/detail/path_engine.hpp>
#include <heddle/allocate/detail/path_tables.hpp>

namespace heddle::allocate::detail {

/// A job as it is given to a plan.
struct path_entry {
  path_job kind;
  double work = 0;
  std::uint64_t id = 0;
  std::uint32_t candidate = 0;
  double spread = 0;  ///< of the logarithm of work
};

/// Sorts jobs by work · φ / weight, φ the least cost of a unit at the price expected. One writer.
class path_order {
 public:
  struct key {
    double time;
    std::uint64_t id;
    std::uint32_t entry;
    friend bool operator<(const key& a, const key& b) {
      if (a.time != b.time) return a.time > b.time;
      return a.id != b.id ? a.id > b.id : a.entry > b.entry;
    }
  };

  /// \param order  becomes the entries, the one that ends last first  \param time  by what they are sorted
  void operator()(const std::vector<path_entry>& entries, const path_tables& tables,
                  const path_resource& r, std::vector<path_entry>& order,
                  std::vector<double>& time) {
    double weight = 0;
    for (const path_entry& e : entries) weight += e.kind.weight;
    const double gpus = r.a_gpu > 0 ? r.capacity / r.a_gpu : 1;
    const double price = weight > 0 ? expected_price(weight, gpus) : 0;
    if (known_.price != price || known_.energy_price != r.energy_price ||
        known_.age != tables.age()) {
      known_ = {price, r.energy_price, tables.age()};
      cost_.clear();
    }
    keys_.resize(entries.size());
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      const path_job& j = entries[i].kind;
      double cost = 0;
      if (j.weight == 1) {
        if (j.table >= cost_.size()) cost_.resize(j.table + std::size_t{1}, 0);
        double& kept = cost_[j.table];
        if (kept == 0) kept = cost_by_weight(j, tables, r, price);
        cost = kept;
      } else {
        cost = cost_by_weight(j, tables, r, price);
      }
      keys_[i] = {entries[i].work * cost, entries[i].id, i};
    }
    sort(keys_);
    order.resize(entries.size());
    time.resize(entries.size());
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      order[i] = entries[keys_[i].entry];
      time[i] = keys_[i].time;
    }
  }
  /// By the bits of times, which are in the order of times, into as many boxes as there are jobs, each then by itself.
  void sort(std::vector<key>& keys) {
    const std::size_t n = keys.size();
    if (n < 2) return;
    const auto bits = [](const key& k) { return std::bit_cast<std::uint64_t>(k.time); };
    std::uint64_t least = bits(keys[0]), most = least;
    for (const key& k : keys) {
      least = std::min(least, bits(k));
      most = std::max(most, bits(k));
    }
    const int shift = std::max(0, static_cast<int>(std::bit_width(most - least)) -
                                      static_cast<int>(std::bit_width(n)));
    const auto box = [&](const key& k) {
      return static_cast<std::size_t>((most - bits(k)) >> shift);
    };
    boxes_.reserve(2 * n + 2);
    boxes_.assign(((most - least) >> shift) + 2, 0);
    for (const key& k : keys) ++boxes_[box(k) + 1];
    for (std::size_t b = 1; b < boxes_.size(); ++b) boxes_[b] += boxes_[b - 1];
    boxed_.resize(n);
    for (const key& k : keys) boxed_[boxes_[box(k)]++] = k;
    keys.swap(boxed_);
    std::size_t from = 0;
    for (std::size_t b = 0; b + 1 < boxes_.size(); ++b) {  // it holds its end now
      const std::size_t to = boxes_[b];
      if (to > from + 1)
        std::sort(keys.begin() + static_cast<std::ptrdiff_t>(from),
                  keys.begin() + static_cast<std::ptrdiff_t>(to));
      from = to;
    }
  }

 private:
  // The price expected: half of what all are worth for a GPU now, which is the price where speed rises as the root
  // of GPUs. A power of √2, so that it stays the same over most events.
  static double expected_price(double weight, double gpus) {
    int exponent = 0;
    const double m = std::frexp(0.5 * weight / gpus, &exponent);
    return std::ldexp(m < 0.70710678118654752 ? 0.59460355750136051 : 0.84089641525371454,
                      exponent);
  }
  // Who ends later: the larger work · φ / weight, φ the least cost of a unit at that price. Two neighbours i, j of
  // an order are right if swapping them costs more. i raises the price that j pays by about its own
  // k·price/φ·s share of weight, and so does j for i; with that, what stands here is compared.
  [[nodiscard]] static double cost_by_weight(const path_job& j, const path_tables& tables,
                                             const path_resource& r, double price) {
    const path_table& t = tables[j.table];
    double best = std::numeric_limits<double>::infinity();
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g) {
      const double held = j.weight + price * tables.count[g];
      if (held >= best * t.top_speed) break;
      for (std::uint32_t x = tables.begin[g]; x < tables.begin[g + 1]; ++x)
        best = std::min(best, tables.points[x].cost(held, r.energy_price));
    }
    return best / std::max(j.weight, 1e-12);
  }

  struct priced_at {
    double price = -1, energy_price = -1;
    std::uint64_t age = 0;
  };

  priced_at known_;           // what cost_ was worked out for
  std::vector<double> cost_;  // `cost_by_weight` of weight 1, by table
  std::vector<key> keys_, boxed_;
  std::vector<std::uint32_t> boxes_;
};

}  // namespace heddle::allocate::detail
