// The slow-down of every running job by contention, kept up to date as jobs come and go.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <heddle/core/collective.hpp>
#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/detail/steady_book.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/sparing.hpp>
#include <heddle/route/steady_options.hpp>
#include <heddle/route/torus_steady.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// The steady model of contention, derived. A group of flows is present on the network a share of
/// the time, its *duty*. While group j runs phase p, a link l that it uses carries
///
///     load(j, p, l) = own flows of j + Σ over other groups k of duty_k · mean flows of k on l
///
/// and the flows of a phase share each link equally, so the phase takes max(P, max over l of load) /
/// P times as long as it would alone (P = most flows that one network card carries). The slow-down
/// S of a group's communication is the mean of that over its phases, weighted by their undisturbed
/// time. Exactly 1 for a group whose links are its own and carry at most P flows of a phase.
///
/// Who is slowed down communicates a larger share of the time: of an iteration of 1 − d computing and
/// d communicating, d·S / (1 − d + d·S); where some of it is hidden, `communication::on_network`. The first round has the duties d; each further one those of
/// the slow-downs before it, and the last round's slow-downs count. Two rounds are close to the fixed
/// point, and what changes stays within as many hops of shared links as there are rounds.
///
/// Measured against the flow simulation on random mixes of jobs: docs/theory.md. Network cards and
/// links inside a server are not contended for, because nobody shares them.
///
/// Groups with links of their own are routed over these, all others by `Shared`; where links are circuits
/// that jobs own, one that owns none but talks across leafs counts as undisturbed, though it has no way at
/// all: `verify_isolated` says so. `add` and `remove`
/// touch only groups that a change reaches. The load of every round is kept in fixed point and
/// computed from duties alone, so that what a group adds its removal takes away to the last bit, and
/// slow-downs do not depend on the order in which groups came (but for policies that look at loads).
///
/// `Traffic` says what a job sends (`add(job, placement)`): the collective that it names, or a source
/// of one's own.
template <class Shared, class Traffic = traffic::by_pattern>
class steady {
  static_assert(
      RoutingPolicy<Shared>,
      "the shared routing gives a flow, or all flows of a phase, a path whatever the type "
      "of the loads that it may look at: see route/routing.hpp");
  static_assert(
      traffic::JobTraffic<Traffic>,
      "what jobs send is a function (const job&, const traffic::group&, double bytes) to a "
      "PhaseSource: see traffic/collectives.hpp");

 public:
  template <LeafSpineFabric Fabric>
  steady(const Fabric& dc, Shared shared, steady_options options = {}, Traffic traffic = {})
      : fabric_(fixed_part(dc)), links_(dc), shared_(std::move(shared)),
        traffic_(std::move(traffic)), options_(options),
        book_(links_.size(), options.rounds, options.step), measure_(links_.size()) {}

  /// Adds the flows of `owner`. \param source  of the group of `where.gpus`, only looked at here
  /// \param duty  share of the time in which it communicates when nothing slows it down, in [0, 1], or
  /// what of that is exposed and what hidden.
  /// Precondition: `owner` is not there yet.
  template <class Source>
  void add(job_id owner, const fabric::placement& where, const Source& source, communication duty) {
    static_assert(traffic::PhaseSource<Source>,
                  "what a job sends is a PhaseSource: size() says how many phases there are, "
                  "write(k, out) writes the flows of one (traffic/phase_source.hpp)");
    if constexpr (traffic::PhaseSource<Source>)
      put(owner, where, duty, [&](const traffic::group&) -> const Source& { return source; });
  }
  /// Adds the collective of that name.
  void add(job_id owner, const fabric::placement& where, collective pattern, communication duty) {
    put(owner, where, duty,
        [&](const traffic::group& ranks) { return traffic::source_of(pattern, ranks, 1.0); });
  }
  /// Adds what `spec` sends for its `communication` of the time.
  void add(const job& spec, const fabric::placement& where) {
    put(spec.id, where, spec.communication(),
        [&](const traffic::group& ranks) { return traffic_(spec, ranks, 1.0); });
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) { book_.remove(owner); }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const { return book_.slowdown(owner); }

  /// Owners whose slow-down the last `add` or `remove` has changed, by id; after `add` the newcomer
  /// is among them, after `remove` the one that left.
  [[nodiscard]] std::span<const job_id> changed() const { return book_.changed(); }
  /// What the last `add` or `remove` cost: links whose load it has changed, summed over rounds.
  [[nodiscard]] std::size_t touched_links() const { return book_.touched_links(); }
  /// And groups that were told of them, summed over links and rounds: those who have not the room to pass it over.
  [[nodiscard]] std::size_t told_groups() const { return book_.told(); }

 private:
  /// \param make  group → its source
  template <class Make>
  void put(job_id owner, const fabric::placement& where, communication duty, Make&& make) {
    book_.add(owner, duty, [&](detail::footprint& use) {
      const traffic::group ranks = traffic::make_group(fabric_, where.gpus);
      if (!ranks.crosses_leafs()) return;
      const auto& all = make(ranks);
      const auto route = [&](auto& policy) {
        const auto others = [this](std::uint32_t l) { return book_.background(l); };
        measure_(use, fabric_, links_, ranks, all, policy, others, options_.phase_samples);
      };
      if (!where.owns_network()) {
        route(shared_);
      } else {
        owned own{fabric_, where};
        route(own);
      }
    });
  }

  fabric::leaf_spine fabric_;
  link_numbers links_;
  Shared shared_;
  Traffic traffic_;
  steady_options options_;
  detail::steady_book book_;
  detail::footprint_maker measure_;
};

/// The model of contention that goes with a fabric and a routing: `steady`, spared of jobs that nobody can
/// disturb, on a static torus
/// `torus_steady`, and none where jobs own all that they use, or nothing is known of the network.
template <class Fabric, class Shared>
[[nodiscard]] auto contention_on(const Fabric& dc, const Shared& shared,
                                 const steady_options& options) {
  if constexpr (LeafSpineFabric<Fabric>)
    return sparing{dc, steady<Shared>(dc, shared, options), detail::uses_links(shared)};
  else if constexpr (std::is_same_v<Fabric, fabric::torus>)
    return torus_steady<>(dc, options);
  else
    return no_contention{};
}

}  // namespace heddle::route
