// The slow-down of every running job by contention, kept up to date as jobs come and go.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

struct steady_options {
  /// A source with more phases than this (an all-to-all has N − 1) is stood for by so many of them,
  /// evenly spaced. ≥ 1.
  int phase_samples = 32;
  /// 1: everybody is on the network for the share of the time that it would be alone. Each further
  /// round uses the shares that follow from the slow-downs of the round before. ≥ 1.
  int rounds = 2;
};

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
/// d communicating, d·S / (1 − d + d·S). The first round has the duties d; each further one those of
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
        rounds_(static_cast<std::size_t>(std::max(1, options.rounds))),
        background_(rounds_, std::vector<std::int64_t>(links_.size(), 0)), users_(links_.size()),
        link_epoch_(links_.size(), 0), measure_(links_.size()) {}

  /// Adds the flows of `owner`. \param source  of the group of `where.gpus`, only looked at here
  /// \param duty  share of the time in which it communicates when nothing slows it down, in [0, 1].
  /// Precondition: `owner` is not there yet.
  template <class Source>
  void add(job_id owner, const fabric::placement& where, const Source& source, double duty) {
    static_assert(traffic::PhaseSource<Source>,
                  "what a job sends is a PhaseSource: size() says how many phases there are, "
                  "write(k, out) writes the flows of one (traffic/phase_source.hpp)");
    if constexpr (traffic::PhaseSource<Source>)
      put(owner, where, duty, [&](const traffic::group&) -> const Source& { return source; });
  }
  /// Adds the collective of that name.
  void add(job_id owner, const fabric::placement& where, collective pattern, double duty) {
    put(owner, where, duty,
        [&](const traffic::group& ranks) { return traffic::source_of(pattern, ranks, 1.0); });
  }
  /// Adds what `spec` sends for its `comm_share` of the time.
  void add(const job& spec, const fabric::placement& where) {
    put(spec.id, where, spec.comm_share,
        [&](const traffic::group& ranks) { return traffic_(spec, ranks, 1.0); });
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    const std::uint32_t slot = it->second;
    for (const footprint::share& s : entries_[slot].use.shares) {
      auto& users = users_[s.link];
      *std::find(users.begin(), users.end(), slot) = users.back();
      users.pop_back();
    }
    update(slot, false);
    slot_of_.erase(it);
    free_slots_.push_back(slot);
  }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    return entries_[it->second].slowdown.back();
  }

  /// Owners whose slow-down the last `add` or `remove` has changed, by id; after `add` the newcomer
  /// is among them, after `remove` the one that left.
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

 private:
  using footprint = detail::footprint;
  static constexpr double unit = footprint::unit;

  struct entry {
    job_id owner;
    double duty = 0;
    footprint use;
    std::vector<double> slowdown;                   // of each round
    std::vector<std::vector<std::int64_t>> amount;  // of each round and share: mean flows, in units
  };

  std::uint32_t take_slot() {
    if (free_slots_.empty()) {
      entries_.emplace_back();
      entries_.back().slowdown.assign(rounds_, 1);
      entries_.back().amount.resize(rounds_);
      is_reached_.push_back(0);
      return static_cast<std::uint32_t>(entries_.size() - 1);
    }
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  /// \param make  group → its source
  template <class Make>
  void put(job_id owner, const fabric::placement& where, double duty, Make&& make) {
    assert(!slot_of_.contains(owner) && duty >= 0 && duty <= 1);
    const std::uint32_t slot = take_slot();
    slot_of_.emplace(owner, slot);
    entry& e = entries_[slot];
    e.owner = owner;
    e.duty = duty;
    load(e, where, make);
    for (const footprint::share& s : e.use.shares) users_[s.link].push_back(slot);
    update(slot, true);
  }

  /// Fills the footprint of `e`; it weighs nothing yet.
  template <class Make>
  void load(entry& e, const fabric::placement& where, Make& make) {
    std::fill(e.slowdown.begin(), e.slowdown.end(), 1.0);
    e.use.clear();
    const traffic::group ranks = traffic::make_group(fabric_, where.gpus);
    if (ranks.crosses_leafs()) {
      const auto& all = make(ranks);
      const auto route = [&](auto& policy) {
        const auto others = [this](std::uint32_t l) {
          return static_cast<double>(background_.front()[l]) / unit;
        };
        measure_(e.use, fabric_, links_, ranks, all, policy, others, options_.phase_samples);
      };
      if (!where.owns_network()) {
        route(shared_);
      } else {
        owned own{fabric_, where};
        route(own);
      }
    }
    for (auto& a : e.amount) a.assign(e.use.shares.size(), 0);
  }

  /// Carries the arrival or departure of `slot` through all rounds.
  void update(std::uint32_t slot, bool is_there) {
    changed_.assign(1, entries_[slot].owner);
    moved_.assign(1, slot);  // whose load in this round differs
    for (std::size_t r = 0; r < rounds_; ++r) {
      reached_.clear();
      all_ = slot_of_.size() - (is_there ? 0 : 1);
      if (is_there) reach(slot);
      for (std::uint32_t m : moved_) {
        const double s = r > 0 ? entries_[m].slowdown[r - 1] : 1;
        const double duty = entries_[m].duty;
        put_load(m, r, m == slot && !is_there ? 0 : duty * s / (1 - duty + duty * s));
      }
      ++epoch_;
      moved_.assign(1, slot);
      for (std::uint32_t other : reached_) {
        is_reached_[other] = 0;
        entry& e = entries_[other];
        const double now = slowdown_of(e, r);
        if (now == e.slowdown[r]) continue;
        e.slowdown[r] = now;
        if (other == slot) continue;
        moved_.push_back(other);
        if (r + 1 == rounds_) changed_.push_back(e.owner);
      }
    }
    std::sort(changed_.begin(), changed_.end());
  }
  void reach(std::uint32_t slot) {
    if (std::exchange(is_reached_[slot], 1) == 0) reached_.push_back(slot);
  }

  /// What the group in `slot` puts on its links in round `r`. Reaches those who share a link that
  /// carries another load than before.
  void put_load(std::uint32_t slot, std::size_t r, double duty) {
    const footprint& use = entries_[slot].use;
    auto& background = background_[r];
    auto& amounts = entries_[slot].amount[r];
    for (std::size_t i = 0; i < use.shares.size(); ++i) {
      const footprint::share& s = use.shares[i];
      const std::int64_t now = rounded(duty * s.mean), before = std::exchange(amounts[i], now);
      if (now == before) continue;
      background[s.link] += now - before;
      // Nobody new where all have been reached, or all of this link.
      if (reached_.size() == all_ || link_epoch_[s.link] == epoch_) continue;
      link_epoch_[s.link] = epoch_;
      for (std::uint32_t user : users_[s.link]) reach(user);
    }
  }
  /// llround for 0 ≤ x < 2^63, in line.
  [[nodiscard]] static std::int64_t rounded(double x) {
    const auto whole = static_cast<std::int64_t>(x);
    return whole + (x - static_cast<double>(whole) >= 0.5);
  }

  [[nodiscard]] double slowdown_of(const entry& e, std::size_t round) {
    const footprint& use = e.use;
    const std::int64_t* background = background_[round].data();
    const std::int64_t* amount = e.amount[round].data();
    most_.clear();
    for (const footprint::phase& p : use.phases) most_.push_back(p.own);
    std::size_t h = 0;
    for (std::size_t i = 0; i < use.shares.size(); h = use.shares[i++].end) {
      const std::int64_t others = background[use.shares[i].link] - amount[i];
      if (others == 0) continue;
      const double flows = static_cast<double>(others) * (1 / unit);
      for (; h < use.shares[i].end && use.hits[h].slack < flows; ++h) {
        const footprint::hit x = use.hits[h];
        most_[x.phase] = std::max(most_[x.phase], use.phases[x.phase].own - x.slack + flows);
      }
    }
    double stretched = 0;  // added to 1, so that nothing added leaves exactly 1
    for (std::size_t i = 0; i < use.phases.size(); ++i)
      stretched += use.phases[i].weight * (most_[i] / use.phases[i].card - 1);
    return 1 + stretched;
  }

  fabric::leaf_spine fabric_;
  link_numbers links_;
  Shared shared_;
  Traffic traffic_;
  steady_options options_;
  std::size_t rounds_;

  std::vector<std::vector<std::int64_t>> background_;  // of each round and directed link, in units
  std::vector<std::vector<std::uint32_t>> users_;      // per directed link: slots
  std::vector<entry> entries_;
  std::vector<std::uint32_t> free_slots_;
  std::map<job_id, std::uint32_t> slot_of_;
  std::vector<job_id> changed_;

  std::vector<std::uint32_t> moved_, reached_;
  std::vector<unsigned char> is_reached_;  // per slot
  std::vector<std::uint64_t> link_epoch_;  // when the users of a directed link were reached last
  std::uint64_t epoch_ = 1;
  std::size_t all_ = 0;  // who can be reached
  std::vector<double> most_;
  detail::footprint_maker measure_;
};

/// The model of contention that goes with a fabric and a routing: `steady`, or none where a fabric has no
/// leafs and spines.
template <class Fabric, class Shared>
[[nodiscard]] auto contention_on(const Fabric& dc, const Shared& shared,
                                 const steady_options& options) {
  if constexpr (LeafSpineFabric<Fabric>)
    return steady<Shared>(dc, shared, options);
  else
    return no_contention{};
}

}  // namespace heddle::route
