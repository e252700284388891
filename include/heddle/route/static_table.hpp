// Routes of what a group sends as a table that switches can hold: source and destination to path.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// The paths of all phases of some sources on one group, compiled. Nothing is reconfigured between
/// phases: an ordered pair of ranks meets in one phase of a ring, of each half of halving-doubling, of
/// an all-to-all, a broadcast, a pipeline, and the halves are alike, so that a deterministic routing
/// (`owned`, `coloured`, `ecmp`, `source`) gives a pair one path for good. The phases of a tree are
/// parts of its fullest one, whose paths serve all of them: no link then carries more flows of a part
/// than of the whole. Two flows of a phase between the same ranks have an entry each, told apart by
/// their order.
///
/// Where a pair meets in unlike phases, of several sources or of one of one's own, the path of the
/// fullest counts. A routing flow by flow gives it no other; one of whole phases may, and a link can
/// then carry more flows than under the routing itself: `verify_isolated` does not look at tables.
///
/// Models PhaseRouting for flows of the sources it was made of; those it does not know get no spine.
class static_table {
 public:
  /// One row: the `copy`-th flow of a phase from rank `source` to rank `target`, in one plane. With rails
  /// the way is from where it enters the network.
  struct row {
    std::uint32_t source = 0, target = 0, copy = 0;
    path way;
    int plane = 0;

    friend bool operator==(const row&, const row&) = default;
  };

  /// \param sources  of `ranks`; at least one
  /// O(flows of all phases · log of it), each routed once.
  template <LeafSpineFabric Fabric, RoutingPolicy Policy, class... Sources>
    requires(sizeof...(Sources) > 0)
  static_table(const Fabric& dc, const traffic::group& ranks, Policy&& policy,
               const Sources&... sources) {
    static_assert((traffic::PhaseSource<Sources> && ...),
                  "what a static table is made of are PhaseSources: size() says how many phases "
                  "there are, write(k, out) writes the flows of one (traffic/phase_source.hpp)");
    const link_numbers links{dc};
    const detail::no_load none;
    const fabric::leaf_spine& fixed = fixed_part(dc);
    const view<detail::no_load> v{fixed, links, ranks, none};
    network_flows entering;
    std::vector<traffic::flow> flows;
    std::vector<std::size_t> sizes;  // of the phases of all sources in turn
    const auto look = [&](const auto& source) {
      for (std::size_t k = 0, n = source.size(); k < n; ++k) {
        (void)source.write(k, flows);
        sizes.push_back(flows.size());
      }
    };
    (look(sources), ...);
    // The fullest phase first: where a pair meets in several, its path counts.
    std::vector<std::size_t> order(sizes.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return sizes[a] != sizes[b] ? sizes[a] > sizes[b] : a < b;
    });
    for (std::size_t at : order) {
      const auto write = [&](const auto& source) {
        const std::size_t n = source.size(), k = at;
        at -= n;  // wraps once it is found, and is out of everybody's range then
        if (k < n) (void)source.write(k, flows);
      };
      (write(sources), ...);
      add(v, flows, entering(ranks, flows), policy);
    }
    keep_first_of_each();
  }
  /// Of the collective of that name.
  template <LeafSpineFabric Fabric, RoutingPolicy Policy>
  static_table(const Fabric& dc, const traffic::group& ranks, Policy&& policy, collective pattern)
      : static_table(dc, ranks, policy, traffic::source_of(pattern, ranks, 1.0)) {}

  /// The paths of flows that go together, in their order; valid until the next call.
  template <class View>
  std::span<const path> operator()(const View& v, std::span<const traffic::flow> flows) {
    paths_.clear();
    const auto asked = v.asked.empty() ? flows : v.asked;
    for_each_copy(asked, [&](std::size_t, std::uint32_t copy, traffic::flow f) {
      paths_.push_back(find(f.source, f.target, copy, v.plane));
    });
    return paths_;
  }

  /// The path from rank to rank; none if they never meet or stay under a leaf. O(log rows).
  [[nodiscard]] path find(std::uint32_t source, std::uint32_t target, std::uint32_t copy = 0,
                          int plane = 0) const {
    const auto at =
        std::lower_bound(rows_.begin(), rows_.end(), row{source, target, copy, {}, plane}, before);
    return at != rows_.end() && at->source == source && at->target == target && at->copy == copy &&
                   at->plane == plane
               ? at->way
               : path{};
  }
  /// All rows that have a path, by source, target and copy.
  [[nodiscard]] std::span<const row> rows() const { return rows_; }

 private:
  static bool before(const row& a, const row& b) {
    return std::tie(a.source, a.target, a.copy, a.plane) <
           std::tie(b.source, b.target, b.copy, b.plane);
  }

  /// Calls `f(place, copy, flow)` for each flow in order.
  template <class F>
  void for_each_copy(std::span<const traffic::flow> flows, F&& f) {
    order_.resize(flows.size());
    copy_.resize(flows.size());
    std::iota(order_.begin(), order_.end(), 0u);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::tie(flows[a].source, flows[a].target, a) <
             std::tie(flows[b].source, flows[b].target, b);
    });
    for (std::size_t i = 0; i < order_.size(); ++i)
      copy_[order_[i]] =
          i > 0 && flows[order_[i]] == flows[order_[i - 1]] ? copy_[order_[i - 1]] + 1 : 0;
    for (std::size_t i = 0; i < flows.size(); ++i) f(i, copy_[i], flows[i]);
  }

  /// Sorts the rows; of several for the same flow the first that was added stays.
  void keep_first_of_each() {
    std::vector<std::uint32_t> by_key(rows_.size());
    std::iota(by_key.begin(), by_key.end(), 0u);
    std::sort(by_key.begin(), by_key.end(), [&](std::uint32_t a, std::uint32_t b) {
      return before(rows_[a], rows_[b]) || (!before(rows_[b], rows_[a]) && a < b);
    });
    std::vector<row> kept;
    for (std::uint32_t i : by_key)
      if (kept.empty() || before(kept.back(), rows_[i])) kept.push_back(rows_[i]);
    rows_ = std::move(kept);
  }

  template <class Load, class Policy>
  void add(const view<Load>& v, std::span<const traffic::flow> flows,
           std::span<const traffic::flow> entering, Policy& policy) {
    std::vector<std::uint32_t> copies(flows.size());
    for_each_copy(flows,
                  [&](std::size_t i, std::uint32_t copy, traffic::flow) { copies[i] = copy; });
    detail::for_each_path(
        policy, v, flows, entering,
        [&](int plane, std::size_t i, const path& way, leaf_id, leaf_id) {
          if (way.spine.valid())
            rows_.push_back({flows[i].source, flows[i].target, copies[i], way, plane});
        });
  }

  std::vector<row> rows_;
  std::vector<path> paths_;
  std::vector<std::uint32_t> order_, copy_;  // scratch
};

}  // namespace heddle::route
