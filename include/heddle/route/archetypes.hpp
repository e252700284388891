// The least that a type must be to model each concept of this room. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <array>
#include <span>

#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::archetype {

/// A Contention and nothing more: it can be moved, but neither copied, assigned nor default
/// constructed. Everybody is slowed down alike, from the start.
struct contention {
  /// Only convertible to double.
  struct stretch {
    double value;
    operator double() const { return value; }
  };
  explicit contention(double slowdown) : slowdown_{slowdown} {}
  contention(contention&&) = default;
  contention& operator=(contention&&) = delete;

  void add(const job& spec, const fabric::placement&) { changed_ = {spec.id}; }
  void remove(job_id owner) { changed_ = {owner}; }
  stretch slowdown(job_id) const { return slowdown_; }
  const std::array<job_id, 1>& changed() const { return changed_; }

 private:
  stretch slowdown_;
  std::array<job_id, 1> changed_ = {};
};

static_assert(Contention<contention>);

/// A FlowRouting and nothing more: it can be copied, not assigned.
struct flow_routing {
  explicit flow_routing(int) {}
  flow_routing(const flow_routing&) = default;
  flow_routing& operator=(const flow_routing&) = delete;
  template <class Load>
  path operator()(const view<Load>&, const traffic::flow&) {
    return {spine_id{0}, 0, 0};
  }
};

/// A PhaseRouting and nothing more; its answer is only convertible to a span.
struct phase_routing {
  struct none {
    operator std::span<const path>() const { return {}; }
  };
  explicit phase_routing(int) {}
  phase_routing(const phase_routing&) = default;
  phase_routing& operator=(const phase_routing&) = delete;
  template <class Load>
  none operator()(const view<Load>&, std::span<const traffic::flow>) {
    return {};
  }
};

static_assert(RoutingPolicy<flow_routing> && FlowRouting<flow_routing> &&
              !PhaseRouting<flow_routing>);
static_assert(RoutingPolicy<phase_routing> && PhaseRouting<phase_routing> &&
              !FlowRouting<phase_routing>);

}  // namespace heddle::route::archetype
