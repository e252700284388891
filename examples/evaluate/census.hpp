// How often a phase meets other flows on a shared network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include <boost/random/uniform_01.hpp>

#include <heddle/core/random.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/sim/observer.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

#include "common/named_policies.hpp"

namespace heddle::evaluate {

/// Looks at the running jobs from time to time. Each is on the network with the probability of its
/// communication share, in one of its phases by their undisturbed time. A phase whose flows cross
/// leafs is *contended* if a link of them carries more flows, its own and others', than the job's
/// busiest network card does. Derived; the published share of contended phases is not defined.
class phase_census {
 public:
  phase_census(const fabric::leaf_spine& dc, examples::route_of route, std::uint64_t seed)
      : dc_(dc), links_(dc), route_(route), seed_(seed), load_(links_.size(), 0) {}

  void look(const sim::moment& m) {
    constexpr std::size_t every = 100;
    if (++calls_ % every) return;
    phases_.clear();
    std::fill(load_.begin(), load_.end(), 0);
    for (std::uint32_t slot : m.state.running) route_one(m, m.state.jobs[slot]);
    for (const seen& p : phases_) {
      bool contended = false, own = false;
      for (const auto& [link, flows] : p.flows) {
        contended |= load_[link] > p.card;
        own |= flows > p.card;
      }
      ++all_;
      contended_ += contended;
      by_itself_ += own;
    }
  }
  /// Of the phases that cross leafs.
  [[nodiscard]] double contended() const { return share(contended_); }
  [[nodiscard]] double by_itself() const { return share(by_itself_); }

 private:
  struct seen {
    int card = 1;
    std::map<std::uint32_t, int> flows;  // by link
  };
  [[nodiscard]] double share(std::size_t n) const {
    return all_ ? static_cast<double>(n) / static_cast<double>(all_) : 0;
  }

  void route_one(const sim::moment& m, const schedule::active_job& j) {
    const fabric::placement& where = *m.gpus.find(j.spec->id);
    if (where.owns_network()) return;
    stream dice{seed_ + calls_ * 1000003, j.spec->id.value, "census"};
    boost::random::uniform_01<double> uniform;
    if (uniform(dice) >= j.spec->comm_share) return;
    const traffic::group ranks = traffic::make_group(dc_, where.gpus);
    if (!ranks.crosses_leafs()) return;
    const traffic::any_source all = traffic::source_of(j.spec->pattern, ranks, 1.0);
    if (all.size() == 0) return;
    const std::size_t k = choose(all, ranks, uniform(dice));
    all.write(k, flows_);
    seen p{std::max(1, cards_(ranks, flows_).card), {}};
    const auto nothing = [](std::uint32_t) { return 0.0; };
    route::for_each_link(route_, route::view<decltype(nothing)>{dc_, links_, ranks, nothing},
                         flows_, [&](std::uint32_t l) { ++p.flows[l]; });
    if (p.flows.empty()) return;
    for (const auto& [link, n] : p.flows) load_[link] += n;
    phases_.push_back(std::move(p));
  }
  std::size_t choose(const traffic::any_source& all, const traffic::group& ranks, double u) {
    constexpr std::size_t few = 64;  // an all-to-all has more, all alike
    if (all.size() > few) return static_cast<std::size_t>(u * static_cast<double>(all.size()));
    std::vector<double> until;
    for (std::size_t k = 0; k < all.size(); ++k) {
      const traffic::phase p = all.write(k, flows_);
      until.push_back((until.empty() ? 0 : until.back()) +
                      p.repeat * route::undisturbed_s(dc_, p, cards_(ranks, flows_)));
    }
    const auto at = std::upper_bound(until.begin(), until.end(), u * until.back());
    return std::min(static_cast<std::size_t>(at - until.begin()), all.size() - 1);
  }

  fabric::leaf_spine dc_;
  route::link_numbers links_;
  examples::route_of route_;
  std::uint64_t seed_;
  std::vector<int> load_;  // flows on each directed link
  std::vector<seen> phases_;
  std::vector<traffic::flow> flows_;
  route::card_counter cards_;
  std::size_t calls_ = 0, all_ = 0, contended_ = 0, by_itself_ = 0;
};

}  // namespace heddle::evaluate
