// Rates of flows that share links.
//
//   max_min_rates  no flow can be faster without one that is as slow     O(incidences · log links)
//                  or slower: what fair queues and good transports reach
//   equal_share    each link is split evenly and nobody takes what       O(incidences)
//                  another leaves: a lower bound of max-min
//   flow_network   max-min, kept up to date as flows come and go         flow_network.hpp
//
// Capacities and rates have the same unit, whatever it is.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

namespace heddle::route {

/// Flows, the links that each takes, and the weight with which it shares them.
class flow_paths {
 public:
  /// Adds a flow. \param links  distinct; none for a flow that nothing holds back
  /// \param weight  > 0; a flow of weight 2 gets twice the rate of one of weight 1 beside it
  void add(std::span<const std::uint32_t> links, double weight = 1) {
    assert(weight > 0);
    links_.insert(links_.end(), links.begin(), links.end());
    first_.push_back(static_cast<std::uint32_t>(links_.size()));
    weights_.push_back(weight);
  }
  /// Forgets all flows and keeps the memory.
  void clear() {
    first_.resize(1);
    links_.clear();
    weights_.clear();
  }

  [[nodiscard]] std::size_t size() const { return weights_.size(); }
  [[nodiscard]] std::span<const std::uint32_t> links(std::size_t flow) const {
    return {links_.data() + first_[flow], links_.data() + first_[flow + 1]};
  }
  [[nodiscard]] double weight(std::size_t flow) const { return weights_[flow]; }
  /// The links of all flows, one after the other.
  [[nodiscard]] std::span<const std::uint32_t> all_links() const { return links_; }

 private:
  std::vector<std::uint32_t> first_ = {0};
  std::vector<std::uint32_t> links_;
  std::vector<double> weights_;
};

/// Max-min fair rates of all flows at once, by water filling: the level of all flows rises evenly;
/// the link that is full first fixes the flows on it; the others go on. A link is full at level
/// (what its fixed flows leave) / (weight of the others), which only rises while links are fixed in
/// order of level. So links wait in a heap under keys that may be too low, and one that comes up
/// with an old key is put back. Flows without links get an infinite rate.
///
/// O(incidences + links · log links) and a further log links for each key that was too low. Allocates
/// nothing after warm-up. One writer. Sums of weights are kept by subtraction: weights more than 10^6
/// apart cost digits. Source: Bertsekas, Gallager, Data Networks, 1992, 6.5.2.
class max_min_rates {
 public:
  /// The rate of each flow; valid until the next call. \param capacity  of each link, ≥ 0
  std::span<const double> operator()(std::span<const double> capacity, const flow_paths& flows) {
    list_members(capacity, flows);
    rates_.assign(flows.size(), unbounded);
    fixed_.assign(flows.size(), 0);
    heap_.clear();
    for (std::uint32_t l = 0; l < links_.size(); ++l)
      if (links_[l].flows > 0) heap_.emplace_back(level(links_[l]), l);
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});

    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
      const auto [key, l] = heap_.back();
      const link& full = links_[l];
      if (full.flows == 0) {
        heap_.pop_back();
        continue;
      }
      const double now = std::max(key, level(full));
      if (now > key && heap_.size() > 1 && now > heap_.front().first) {
        heap_.back().first = now;
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
        continue;
      }
      heap_.pop_back();
      for (std::uint32_t m = first_[l]; m < first_[l + 1]; ++m)
        if (const std::uint32_t f = members_[m]; !fixed_[f]) fix(f, now, flows);
    }
    return rates_;
  }

 private:
  struct link {
    double rest = 0;          // what fixed flows leave
    double open = 0;          // weight of the flows that are not fixed
    std::uint32_t flows = 0;  // these
  };
  static constexpr double unbounded = std::numeric_limits<double>::infinity();

  static double level(const link& l) { return std::max(l.rest, 0.0) / l.open; }

  /// The flows on each link, by counting sort.
  void list_members(std::span<const double> capacity, const flow_paths& flows) {
    links_.assign(capacity.size(), link{});
    for (std::uint32_t l : flows.all_links()) ++links_[l].flows;
    first_.resize(capacity.size() + 1);
    std::uint32_t at = 0;
    for (std::size_t l = 0; l < links_.size(); ++l) {
      links_[l].rest = capacity[l];
      at += links_[l].flows;
      first_[l] = at;  // its end; filled from behind
    }
    first_.back() = at;
    members_.resize(at);
    for (std::size_t f = flows.size(); f-- > 0;) {
      const double w = flows.weight(f);
      for (std::uint32_t l : flows.links(f)) {
        members_[--first_[l]] = static_cast<std::uint32_t>(f);
        links_[l].open += w;
      }
    }
  }

  void fix(std::uint32_t f, double at_level, const flow_paths& flows) {
    const double w = flows.weight(f), rate = w * at_level;
    fixed_[f] = 1;
    rates_[f] = rate;
    for (std::uint32_t l : flows.links(f)) {
      links_[l].rest -= rate;
      links_[l].open -= w;
      --links_[l].flows;
    }
  }

  std::vector<link> links_;
  std::vector<std::uint32_t> first_, members_;  // flows on link l: [first_[l], first_[l + 1])
  std::vector<std::pair<double, std::uint32_t>> heap_;
  std::vector<double> rates_;
  std::vector<unsigned char> fixed_;
};

/// Writes the rate of each flow to `rates` if every link is split among its flows by weight and what
/// one of them cannot use is lost. Never above the max-min rate. O(incidences).
inline void equal_share(std::span<const double> capacity, const flow_paths& flows,
                        std::vector<double>& rates) {
  std::vector<double> weight(capacity.size(), 0);
  for (std::size_t f = 0; f < flows.size(); ++f)
    for (std::uint32_t l : flows.links(f)) weight[l] += flows.weight(f);
  rates.assign(flows.size(), std::numeric_limits<double>::infinity());
  for (std::size_t f = 0; f < flows.size(); ++f)
    for (std::uint32_t l : flows.links(f))
      rates[f] = std::min(rates[f], flows.weight(f) * (capacity[l] / weight[l]));
}

}  // namespace heddle::route
