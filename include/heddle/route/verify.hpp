// Proves that jobs do not slow one another down, or shows where they do.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// A link that breaks isolation.
struct violation {
  job_id job;  ///< whose flows were looked at
  job_id
      other;  ///< who else uses or owns the link; `job` itself for a collision within; none: a flow
              ///< has no way
  collective pattern = collective::none;  ///< of `job`; none: it has a source of its own
  std::size_t phase = 0;                  ///< of `job`
  leaf_id leaf{};                         ///< none: the link is between spine and core
  spine_id spine{};
  bool up = true;   ///< leaf to spine, spine to core, or back
  int flows = 0;    ///< of `job` in that phase
  int allowed = 1;  ///< as many as a network card carries; 0: there is no link to take
  core_id core{};   ///< none: the link is between leaf and spine

  [[nodiscard]] std::string message() const {
    const std::string what = "job " + std::to_string(job.value) + ", " +
                             (pattern == collective::none ? "" : std::string(name(pattern)) + " ") +
                             "phase " + std::to_string(phase);
    if (allowed == 0 && !other.valid())
      return what + ": no links that work lead from one of its leafs to another";
    if (allowed == 0) return what + ": two of its leafs share no spine of its own";
    const std::string low = core.valid() ? "spine " + std::to_string(spine.value)
                                         : "leaf " + std::to_string(leaf.value),
                      high = core.valid() ? "core " + std::to_string(core.value)
                                          : "spine " + std::to_string(spine.value);
    return what + ": the link " + (up ? "from " : "to ") + low + (up ? " to " : " from ") + high +
           (other == job ? " carries " + std::to_string(flows) + " flows of a phase, " +
                               std::to_string(allowed) + " allowed"
                         : " is used by job " + std::to_string(other.value) + " too");
  }
};

/// What `verify_isolated` found.
struct isolation {
  std::optional<violation> broken;  ///< the first violation in order of job, phase and flow
  std::size_t flows_checked = 0;

  explicit operator bool() const { return !broken; }
};

namespace detail {
template <class F>
concept SourceOfJob = requires(F& source_of, job_id job, const traffic::group& ranks) {
  { source_of(job, ranks) } -> traffic::PhaseSource;
};
}  // namespace detail

/// Checks that all jobs of `state` are isolated: no directed link carries flows of two jobs or is
/// owned by another, and no phase of a job puts more flows on a link than a network card carries.
/// Looks at every flow of every phase and knows nothing of how placements were found.
///
/// \param source_of  callable: (job id, its group) → the PhaseSource of what it sends; or job id →
///                   its collective
/// \param shared     routes the jobs that own no links
/// O(flows of all phases); an all-to-all of N ranks has N² of them.
template <LeafSpineFabric Fabric, class SourceOf, RoutingPolicy Shared>
[[nodiscard]] isolation verify_isolated(const fabric::ledger<Fabric>& state, SourceOf&& source_of,
                                        Shared shared) {
  constexpr bool by_pattern = std::is_invocable_r_v<collective, SourceOf&, job_id>;
  static_assert(by_pattern || detail::SourceOfJob<SourceOf>,
                "the second argument of verify_isolated gives what a job sends: a PhaseSource for "
                "(job_id, const traffic::group&), or a collective for a job_id");
  const fabric::leaf_spine& dc = fixed_part(state.fabric());
  const link_numbers links{state.fabric()};
  std::vector<job_id> user(links.size());
  std::vector<int> load(links.size(), 0);
  std::vector<std::uint32_t> touched;
  std::vector<traffic::flow> flows;
  card_counter cards;
  network_flows entering;
  isolation result;

  // A circuit leads where its owner has it, a fixed link where its number says.
  const auto spine_of = [&](std::uint32_t l, const std::vector<fabric::circuit>& own) {
    for (const fabric::circuit& k : own)
      if (links.up(k.leaf, k.spine, k.uplink) == l || links.down(k.spine, k.leaf, k.uplink) == l)
        return k.spine;
    return own.empty() ? links.spine_of(l) : spine_id{};
  };

  // What is owned is used by its owner, whether or not a flow passes.
  const auto use = [&](job_id job, leaf_id l, spine_id s, std::uint32_t lane) {
    user[links.up(l, s, lane)] = job;
    user[links.down(s, l, lane)] = job;
  };
  for (const auto& [job, where] : state.placements()) {
    for (const fabric::link& k : where.links) use(job, k.leaf, k.spine, k.lane);
    for (const fabric::circuit& k : where.circuits) use(job, k.leaf, k.spine, k.uplink);
    for (const fabric::core_link& k : where.core_links) {
      user[links.up(k.spine, k.core, k.lane)] = job;
      user[links.down(k.core, k.spine, k.lane)] = job;
    }
  }

  const auto check = [&](job_id job, const fabric::placement& where, const traffic::group& ranks,
                         auto& policy) {
    collective pattern = collective::none;
    const auto make = [&]() -> decltype(auto) {
      if constexpr (by_pattern)
        return traffic::source_of(pattern = source_of(job), ranks, 1.0);
      else
        return source_of(job, ranks);
    };
    const auto& all = make();
    const detail::no_load none;
    const view<detail::no_load> v{dc, links, ranks, none};
    const std::size_t phases = all.size();
    for (std::size_t k = 0; k < phases && !result.broken; ++k) {
      (void)all.write(k, flows);
      const int allowed = std::max(1, cards(ranks, flows).card);
      result.flows_checked += flows.size();
      if (!where.owns_network() && !state.islands().all_joined())
        for (const traffic::flow& f : flows)
          if (!state.islands().joined(dc.unit_of(ranks.gpus[f.source]),
                                      dc.unit_of(ranks.gpus[f.target]))) {
            result.broken = violation{
                .job = job, .other = job_id{}, .pattern = pattern, .phase = k, .allowed = 0};
            return;
          }
      touched.clear();
      (void)for_each_link(
          policy, v, flows,
          [&](std::uint32_t l) {
            if (load[l]++ == 0) touched.push_back(l);
            const job_id other = user[l].valid() ? user[l] : job;
            user[l] = other;
            if (!result.broken && (other != job || load[l] > allowed))
              result.broken = links.is_of_core(l) ? violation{job,
                                                              other,
                                                              pattern,
                                                              k,
                                                              {},
                                                              links.spine_of(l),
                                                              links.is_up(l),
                                                              load[l],
                                                              allowed,
                                                              links.core_of(l)}
                                                  : violation{job,
                                                              other,
                                                              pattern,
                                                              k,
                                                              links.leaf_of(l),
                                                              spine_of(l, where.circuits),
                                                              links.is_up(l),
                                                              load[l],
                                                              allowed,
                                                              {}};
          },
          entering);
      for (std::uint32_t l : touched) load[l] = 0;
      if constexpr (requires { policy.complete(); })
        if (!result.broken && !policy.complete())
          result.broken =
              violation{.job = job, .other = job, .pattern = pattern, .phase = k, .allowed = 0};
    }
  };
  for (const auto& [job, where] : state.placements()) {
    const traffic::group ranks = traffic::make_group(dc, where.gpus);
    // In the dark there is nothing between leafs but circuits: who has none must not send there.
    if (where.owns_network() || dc.links() == 0) {
      owned own{dc, where};
      check(job, where, ranks, own);
    } else {
      check(job, where, ranks, shared);
    }
    if (result.broken) break;
  }
  return result;
}

}  // namespace heddle::route
