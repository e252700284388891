// Contention where jobs that compute much for what they send choose their paths first.
#pragma once

#include <algorithm>
#include <cassert>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/communication.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/least_loaded.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/route/steady_options.hpp>
#include <heddle/traffic/collectives.hpp>

namespace heddle::route {

/// A rival on a shared network: whenever somebody comes or goes the jobs choose paths anew in the order of
/// their *intensity*, computing over communicating: GPUs · (1 − exposed) / on the network. Each flow takes the
/// equal-cost path that is least loaded by those before it (`least_loaded`). Slow-downs are those of `steady`.
///
/// A Contention. Only jobs of less intensity than the one that comes or goes are routed again: O(their flows ·
/// spines). One writer.
/// Reference: Cao et al., Crux: GPU-Efficient Communication Scheduling for Deep Learning Training (SIGCOMM 2024),
/// for the intensity and the order. Its priority classes on the wire are not modelled, and of its paths, which
/// hash ports of connections, only that they can be chosen.
template <class Traffic = traffic::by_pattern>
class crux {
 public:
  template <LeafSpineFabric Fabric>
  explicit crux(const Fabric& dc, steady_options options = {}, Traffic traffic = {})
      : network_(dc, least_loaded{}, options, std::move(traffic)) {}

  /// Precondition: it is not there yet.
  void add(const job& spec, const fabric::placement& where) {
    changing(spec.id, [&] {
      const auto at = place_of(spec);
      lift(at);
      const auto here = jobs_.insert(at, {spec, where, 1});
      route(here);
    });
  }
  /// Precondition: it is there.
  void remove(job_id owner) {
    changing(owner, [&] {
      const auto at = find(owner);
      lift(at);
      route(jobs_.erase(at));
    });
  }
  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const { return network_.slowdown(owner); }
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

  /// What a job computes over what it sends.
  [[nodiscard]] static double intensity(const job& j) {
    const communication c = j.communication();
    return j.gpus * (1 - c.exposed) / c.on_network();
  }

 private:
  struct one {
    job spec;
    fabric::placement where;
    double slowdown = 1;  // before the last change
  };
  using place = typename std::vector<one>::iterator;

  place place_of(const job& spec) {
    return std::partition_point(jobs_.begin(), jobs_.end(), [&](const one& x) {
      const double a = intensity(x.spec), b = intensity(spec);
      return a > b || (a == b && spec.id > x.spec.id);
    });
  }
  place find(job_id owner) {
    const auto at =
        std::find_if(jobs_.begin(), jobs_.end(), [&](const one& x) { return x.spec.id == owner; });
    assert(at != jobs_.end());
    return at;
  }
  void lift(place from) {
    for (; from != jobs_.end(); ++from) network_.remove(from->spec.id);
  }
  void route(place from) {
    for (; from != jobs_.end(); ++from) network_.add(from->spec, from->where);
  }
  /// \param change  leaves the flows of all who are there then on the network
  template <class Change>
  void changing(job_id owner, Change&& change) {
    for (one& x : jobs_) x.slowdown = network_.slowdown(x.spec.id);
    change();
    changed_.assign(1, owner);
    for (const one& x : jobs_)
      if (x.spec.id != owner && network_.slowdown(x.spec.id) != x.slowdown)
        changed_.push_back(x.spec.id);
    std::sort(changed_.begin(), changed_.end());
  }

  steady<least_loaded, Traffic> network_;
  std::vector<one> jobs_;  // by intensity, the highest first
  std::vector<job_id> changed_;
};

}  // namespace heddle::route
