// Flows of given sizes that share links, followed to their ends.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/route/flow_network.hpp>

namespace heddle::route {

/// Flows that run at their max-min fair rates until all that they carry is through. Time goes on from
/// one end of flows to the next: `next_end()` tells when, `advance(t)` goes there. Between these,
/// flows may start at the present. Units of amounts, rates and times are those of the capacities.
///
/// A flow whose rate did not change is not looked at. Ends within 10^-12 of the time passed are one
/// event: flows that are alike end together. Deterministic, of one writer, without allocation after
/// warm-up.
class transfers {
 public:
  explicit transfers(std::span<const double> capacity, std::size_t links_per_flow = 4)
      : network_(capacity, links_per_flow) {}

  /// Starts a flow now and returns its number (reused after its end).
  /// \param amount  ≥ 0   \param links, weight  as for `flow_network::add`
  std::uint32_t start(std::span<const std::uint32_t> links, double amount, double weight = 1) {
    const std::uint32_t f = network_.add(links, weight);
    if (f >= flows_.size()) flows_.resize(f + 1);
    flows_[f] = {.left = amount, .since = now_};
    is_solved_ = false;
    return f;
  }

  [[nodiscard]] double now() const { return now_; }
  /// Flows on their way.
  [[nodiscard]] std::size_t size() const { return network_.size(); }
  [[nodiscard]] const flow_network& network() const { return network_; }

  /// When the next flow ends; infinity if none does.
  [[nodiscard]] double next_end() {
    solve();
    return heap_.empty() ? never : flows_[heap_.front()].end;
  }

  /// Goes on to time `t`, now() ≤ t ≤ next_end(). Returns the flows that end there, in order of end
  /// and number; they are gone, and the answer is valid until the next call.
  std::span<const std::uint32_t> advance(double t) {
    solve();
    assert(t >= now_ && t <= next_end());
    now_ = t;
    ended_.clear();
    const double same_time = t + 1e-12 * t;
    while (!heap_.empty() && flows_[heap_.front()].end <= same_time) {
      const std::uint32_t f = heap_.front();
      drop(f);
      network_.remove(f);
      ended_.push_back(f);
    }
    if (!ended_.empty()) is_solved_ = false;
    return ended_;
  }

 private:
  static constexpr double never = std::numeric_limits<double>::infinity();
  static constexpr std::uint32_t nowhere = std::numeric_limits<std::uint32_t>::max();

  struct transfer {
    double left = 0;  // at `since`
    double since = 0;
    double rate = 0;
    double end = never;
    std::uint32_t heap_index = nowhere;  // in the heap
  };

  void solve() {
    if (is_solved_) return;
    is_solved_ = true;
    network_.solve();
    for (std::uint32_t f : network_.changed()) {
      transfer& x = flows_[f];
      x.left = std::max(0.0, x.left - x.rate * (now_ - x.since));
      x.since = now_;
      x.rate = network_.rate(f);
      x.end = x.left > 0 ? now_ + x.left / x.rate : now_;
      if (x.heap_index == nowhere) {
        x.heap_index = static_cast<std::uint32_t>(heap_.size());
        heap_.push_back(f);
      }
      rise(x.heap_index);
      sink(x.heap_index);
    }
  }

  // A binary heap of flows by end, ties by number.
  [[nodiscard]] bool before(std::uint32_t a, std::uint32_t b) const {
    return flows_[a].end != flows_[b].end ? flows_[a].end < flows_[b].end : a < b;
  }
  void put(std::uint32_t f, std::size_t at) {
    heap_[at] = f;
    flows_[f].heap_index = static_cast<std::uint32_t>(at);
  }
  void rise(std::size_t at) {
    const std::uint32_t f = heap_[at];
    for (; at > 0 && before(f, heap_[(at - 1) / 2]); at = (at - 1) / 2)
      put(heap_[(at - 1) / 2], at);
    put(f, at);
  }
  void sink(std::size_t at) {
    const std::uint32_t f = heap_[at];
    for (std::size_t child; (child = 2 * at + 1) < heap_.size(); at = child) {
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
      if (!before(heap_[child], f)) break;
      put(heap_[child], at);
    }
    put(f, at);
  }
  void drop(std::uint32_t f) {
    const std::size_t at = flows_[f].heap_index;
    const std::uint32_t last = heap_.back();
    heap_.pop_back();
    flows_[f].heap_index = nowhere;
    if (last == f) return;
    put(last, at);
    rise(at);
    sink(flows_[last].heap_index);
  }

  flow_network network_;
  double now_ = 0;
  bool is_solved_ = true;
  std::vector<transfer> flows_;
  std::vector<std::uint32_t> heap_, ended_;
};

}  // namespace heddle::route
