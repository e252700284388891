// The slow-down of every running job by contention, followed flow by flow.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

struct flow_contention_options {
  int iterations = 3;      ///< of each job that are measured, ≥ 1
  int warm_up = 1;         ///< before these, ≥ 0
  double iteration_s = 1;  ///< mean length of an iteration without contention, > 0
  double spread = 0.5;     ///< lengths lie within ± half of this part of the mean, in [0, 2)
  std::uint64_t seed = 0;  ///< of lengths and of where the first iterations start
  std::size_t most_flows = 100'000'000;  ///< that are started at most, in all simulations together
};

/// More flows would have to be followed than were allowed.
struct flow_limit_reached : std::runtime_error {
  explicit flow_limit_reached(std::size_t flows)
      : std::runtime_error("stopped after " + std::to_string(flows) +
                           " flows, the most that were allowed") {}
};

/// The model of contention that `steady` approximates: whoever runs is simulated by
/// `flow_simulation` whenever somebody comes or goes, and the mean stretch of its communication over
/// a few iterations is its slow-down until the next change. Used as `steady` is.
///
/// Jobs that share a link, directly or through others, are a *component*. Components are simulated
/// apart; one that is as it was, or that has been before with the same jobs on the same GPUs, is not
/// simulated again. A job by itself whose links carry no more flows than its network cards is
/// slowed down by exactly 1 without being simulated: flow_simulation would say the same but for
/// rounding (undisturbed.hpp).
///
/// A duty says which part of an iteration is communication, not how long an iteration is. Lengths and
/// starts are drawn by `seed` and the owner's id, so that jobs do not run in step. Over a few
/// iterations a slow-down depends on this draw; more iterations average it out. Derived.
///
/// Cost: a simulation of a whole component each time, for an all-to-all of N GPUs N² flows an
/// iteration: for clusters of hundreds of GPUs and traces of hundreds of jobs, where `steady` takes
/// thousands. Deterministic, and independent of the order in which jobs came. One writer.
///
/// `Traffic` says what a job sends, as for `steady`.
template <class Shared, class Traffic = traffic::by_pattern>
class flow_contention {
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
  flow_contention(const Fabric& dc, Shared shared, flow_contention_options options = {},
                  Traffic traffic = {})
      : fabric_(fixed_part(dc)), links_(dc), shared_(std::move(shared)),
        traffic_(std::move(traffic)), options_(options), users_(links_.size()),
        flows_on_(links_.size(), 0), used_by_(links_.size(), 0) {}
  flow_contention(flow_contention&&) = default;  // links know their users by address

  /// \param source  of the group of `where.gpus`; it is copied, its bytes are scaled to the duty
  /// \param duty  share of the time in which `owner` communicates when nothing slows it down, in
  ///              [0, 1], or what of that is exposed and what hidden. Precondition: `owner` is not there yet.
  /// \throws flow_limit_reached  then nothing but destruction is allowed
  template <class Source>
  void add(job_id owner, const fabric::placement& where, const Source& source, communication duty) {
    static_assert(traffic::PhaseSource<Source>,
                  "what a job sends is a PhaseSource: size() says how many phases there are, "
                  "write(k, out) writes the flows of one (traffic/phase_source.hpp)");
    if constexpr (traffic::PhaseSource<Source>) {
      const traffic::any_source kept{source};
      put(as_flow_job(owner, where, duty, [&](const traffic::group&, double bytes) {
        return traffic::scaled{kept, bytes};
      }));
    }
  }
  /// The collective of that name.
  void add(job_id owner, const fabric::placement& where, collective pattern, communication duty) {
    put(as_flow_job(owner, where, pattern, duty));
  }
  /// What `spec` sends for its `communication` of the time.
  void add(const job& spec, const fabric::placement& where) {
    put(as_flow_job(
        spec.id, where, spec.communication(),
        [&](const traffic::group& ranks, double bytes) { return traffic_(spec, ranks, bytes); }));
  }

  /// Precondition: `owner` is there. \throws flow_limit_reached  as `add`
  void remove(job_id owner) {
    const auto it = jobs_.find(owner);
    assert(it != jobs_.end());
    member& gone = it->second;
    std::erase_if(known_, [&](const auto& k) {
      return std::find(k.first.begin(), k.first.end(), gone.serial) != k.first.end();
    });
    changed_.assign(1, owner);
    ++epoch_;
    for (std::uint32_t l : gone.links) std::erase(users_[l], &gone);
    for (std::uint32_t l : gone.links)
      for (member* m : users_[l])
        if (m->epoch != epoch_) refresh(*m);
    jobs_.erase(it);
    std::sort(changed_.begin(), changed_.end());
  }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const {
    assert(jobs_.contains(owner));
    return jobs_.find(owner)->second.slowdown;
  }
  /// Owners whose slow-down the last `add` or `remove` has changed, by id, and its own.
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

  /// Flows started so far.
  [[nodiscard]] std::size_t flows_started() const { return started_; }

  /// The job that is simulated for such an owner.
  [[nodiscard]] flow_job as_flow_job(job_id owner, const fabric::placement& where,
                                     collective pattern, communication duty) {
    return as_flow_job(owner, where, duty, [&](const traffic::group& ranks, double bytes) {
      return traffic::source_of(pattern, ranks, bytes);
    });
  }

 private:
  struct member {
    flow_job job;
    std::vector<std::uint32_t> links;  // that its flows may use
    bool contends_alone = false;       // one of these carries more of its flows than a card does
    double slowdown = 1;
    std::uint64_t serial = 0;  // of its arrival
    std::uint64_t epoch = 0;   // when it was looked at
  };

  /// \param make  (group, factor of bytes) → its source
  template <class Make>
  [[nodiscard]] flow_job as_flow_job(job_id owner, const fabric::placement& where,
                                     communication duty, Make&& make) {
    stream bits{options_.seed, owner.value, "iteration"};
    const auto real = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    const double length_s = options_.iteration_s * (1 + options_.spread * (real() - 0.5));
    flow_job j{.id = owner,
               .where = where,
               .source = {},
               .compute_s = (1 - duty.exposed) * length_s,
               .start_s = real() * length_s};
    const traffic::group ranks = traffic::make_group(fabric_, where.gpus);
    double of_a_byte_s = 0;
    {
      const traffic::PhaseSource auto all = make(ranks, 1.0);
      for (std::size_t k = 0, n = all.size(); k < n; ++k) {
        const traffic::phase p = all.write(k, flows_);
        of_a_byte_s += p.repeat * undisturbed_s(fabric_, p, cards_(ranks, flows_));
      }
    }
    if (const double busy = duty.on_network(); of_a_byte_s > 0 && busy > 0) {
      j.source = make(ranks, busy * length_s / of_a_byte_s);
      j.hidden = duty.hidden / busy;
    }
    return j;
  }

  void put(flow_job&& j) {
    const job_id owner = j.id;
    assert(!jobs_.contains(owner));
    member& m = jobs_[owner];
    m.job = std::move(j);
    m.serial = ++serials_;
    find_links(m);
    for (std::uint32_t l : m.links) users_[l].push_back(&m);
    changed_.assign(1, owner);
    ++epoch_;
    refresh(m);
    std::sort(changed_.begin(), changed_.end());
  }

  void find_links(member& m) {
    m.links.clear();
    const traffic::group ranks = traffic::make_group(fabric_, m.job.where.gpus);
    if (!ranks.crosses_leafs()) return;
    if (!m.job.where.owns_network()) {
      route_all(m, ranks, shared_);
    } else {
      owned own{fabric_, m.job.where};
      route_all(m, ranks, own);
    }
  }

  template <class Policy>
  void route_all(member& m, const traffic::group& ranks, Policy& policy) {
    bool looked = false;  // at loads, so that other flows may go elsewhere
    const auto load = [&](std::uint32_t) {
      looked = true;
      return 0.0;
    };
    const view<decltype(load)> v{fabric_, links_, ranks, load};
    for (std::size_t k = 0; k < m.job.source.size(); ++k) {
      (void)m.job.source.write(k, flows_);
      const int card = std::max(1, cards_(ranks, flows_).card);
      touched_.clear();
      for_each_link(policy, v, flows_, [&](std::uint32_t l) {
        if (++flows_on_[l] == 1) touched_.push_back(l);
        m.contends_alone |= flows_on_[l] > card;
      });
      for (std::uint32_t l : touched_) {
        flows_on_[l] = 0;
        if (std::exchange(used_by_[l], m.serial) != m.serial) m.links.push_back(l);
      }
    }
    if (!looked) return;
    m.contends_alone = true;
    m.links.clear();
    for (std::uint32_t l = 0; l < links_.size(); ++l)
      if (links_.is_of_core(l) || ranks.planes > 1 ||
          std::find(ranks.leafs.begin(), ranks.leafs.end(), links_.leaf_of(l)) != ranks.leafs.end())
        m.links.push_back(l);
  }

  /// Brings the component of `first` up to date.
  void refresh(member& first) {
    component_.assign(1, &first);
    first.epoch = epoch_;
    for (std::size_t i = 0; i < component_.size(); ++i)
      for (std::uint32_t l : component_[i]->links)
        for (member* m : users_[l])
          if (std::exchange(m->epoch, epoch_) != epoch_) component_.push_back(m);
    if (component_.size() == 1 && !first.contends_alone) return set(first, 1);

    std::sort(component_.begin(), component_.end(),
              [](const member* a, const member* b) { return b->job.id > a->job.id; });
    std::vector<std::uint64_t> key;
    for (const member* m : component_) key.push_back(m->serial);
    auto it = known_.find(key);
    if (it == known_.end()) it = known_.emplace(std::move(key), simulated()).first;
    for (std::size_t i = 0; i < component_.size(); ++i) set(*component_[i], it->second[i]);
  }

  [[nodiscard]] std::vector<double> simulated() {
    std::vector<flow_job> jobs;
    for (const member* m : component_) jobs.push_back(m->job);
    flow_simulation simulate{fabric_,
                             links_,
                             shared_,
                             {.iterations = options_.iterations,
                              .warm_up = options_.warm_up,
                              .most_flows = options_.most_flows - started_}};
    const std::vector<flow_job_report> found = simulate(jobs);
    started_ += std::min(simulate.flows_started(), options_.most_flows - started_);
    if (!simulate.complete() && started_ >= options_.most_flows) throw flow_limit_reached(started_);
    std::vector<double> out;
    for (const flow_job_report& r : found) out.push_back(std::max(1.0, r.communication_slowdown()));
    return out;
  }

  void set(member& m, double slowdown) {
    if (std::exchange(m.slowdown, slowdown) != slowdown && m.job.id != changed_.front())
      changed_.push_back(m.job.id);
  }

  fabric::leaf_spine fabric_;
  link_numbers links_;
  Shared shared_;
  Traffic traffic_;
  flow_contention_options options_;

  std::map<job_id, member> jobs_;
  std::vector<std::vector<member*>> users_;                          // of each directed link
  std::map<std::vector<std::uint64_t>, std::vector<double>> known_;  // by serials, in order of ids
  std::uint64_t serials_ = 0, epoch_ = 0;
  std::size_t started_ = 0;
  std::vector<job_id> changed_;  // the one that came or went first, until it is sorted

  std::vector<int> flows_on_;           // scratch, per directed link
  std::vector<std::uint64_t> used_by_;  // the last serial, per directed link
  std::vector<std::uint32_t> touched_;
  std::vector<member*> component_;
  std::vector<traffic::flow> flows_;
  card_counter cards_;
};

}  // namespace heddle::route
