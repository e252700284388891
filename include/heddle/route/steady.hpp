// The slow-down of every running job by contention, kept up to date as jobs come and go.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phases.hpp>

namespace heddle::route {

struct steady_options {
  /// A collective with more phases than this (an all-to-all has N − 1) is stood for by so many of
  /// them, evenly spaced. ≥ 1.
  int phase_samples = 32;
};

/// The steady model of contention, derived. A group of flows is present on the network a share of
/// the time, its *duty*. While group j runs phase p, a link l that it uses carries
///
///     load(j, p, l) = own flows of j + Σ over other groups k of duty_k · mean flows of k on l
///
/// and the flows of a phase share each link equally, so the phase takes max(P, max over l of load) /
/// P times as long as it would alone (P = most flows that one network card carries). The slow-down
/// of a group's communication is the mean of that over its phases, weighted by their undisturbed
/// time. Exactly 1 for a group whose links are its own and carry at most P flows of a phase.
///
/// First order: duties are those without contention. Network cards and links inside a server are
/// not contended for, because nobody shares them.
///
/// Groups with links of their own are routed over these, all others by `Shared`. `add` and `remove`
/// touch only groups that share a link with the one that comes or goes. Background load is kept in
/// fixed point, so that what a group adds its removal takes away to the last bit.
template <RoutingPolicy Shared>
class steady {
 public:
  steady(const fabric::leaf_spine& dc, Shared shared, steady_options options = {})
      : fabric_(dc),
        links_(dc),
        shared_(std::move(shared)),
        options_(options),
        background_(links_.size(), 0),
        users_(links_.size()),
        phase_load_(links_.size(), 0),
        share_of_(links_.size(), nobody) {}

  /// Adds the flows of `owner`. \param duty  share of the time in which it communicates, in [0, 1]
  /// Precondition: `owner` is not there yet.
  void add(job_id owner, const fabric::placement& where, collective pattern, double duty) {
    assert(!slot_of_.contains(owner) && duty >= 0 && duty <= 1);
    const std::size_t slot = take_slot();
    slot_of_.emplace(owner, slot);
    entry& e = entries_[slot];
    e.owner = owner;
    load(e, where, pattern, duty);
    for (const share& s : e.shares) {
      background_[s.link] += s.amount;
      users_[s.link].push_back(slot);
    }
    update_neighbours(e);
  }

  /// Takes the flows of `owner` away. Precondition: it is there.
  void remove(job_id owner) {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    const std::size_t slot = it->second;
    entry& e = entries_[slot];
    for (const share& s : e.shares) {
      background_[s.link] -= s.amount;
      auto& users = users_[s.link];
      *std::find(users.begin(), users.end(), slot) = users.back();
      users.pop_back();
    }
    update_neighbours(e);
    slot_of_.erase(it);
    free_slots_.push_back(slot);
  }

  /// By how much the communication of `owner` is stretched, ≥ 1. Precondition: it is there.
  [[nodiscard]] double slowdown(job_id owner) const {
    const auto it = slot_of_.find(owner);
    assert(it != slot_of_.end());
    return entries_[it->second].slowdown;
  }

  /// Owners whose slow-down the last `add` or `remove` has changed, by id; after `add` the newcomer
  /// is among them.
  [[nodiscard]] std::span<const job_id> changed() const { return changed_; }

 private:
  static constexpr double unit = 1099511627776.0;  // 2^40 parts of a flow
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  struct share {
    std::uint32_t link = 0;
    std::int64_t amount = 0;  // duty · mean flows, in parts
  };
  struct hit {
    std::uint32_t share = 0;  // index into entry::shares
    std::uint32_t flows = 0;
  };
  struct part {
    double weight = 0;  // of the undisturbed communication time
    int incast = 1;
    std::size_t end = 0;  // of its hits
  };
  struct entry {
    job_id owner;
    double slowdown = 1;
    std::vector<part> parts;
    std::vector<hit> hits;
    std::vector<share> shares;
  };

  std::size_t take_slot() {
    if (free_slots_.empty()) {
      entries_.emplace_back();
      return entries_.size() - 1;
    }
    const std::size_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }

  /// Fills parts, hits and shares of `e`.
  void load(entry& e, const fabric::placement& where, collective pattern, double duty) {
    e.slowdown = 1;
    e.parts.clear();
    e.hits.clear();
    e.shares.clear();
    const traffic::group ranks = traffic::make_group(fabric_, where.gpus);
    if (!ranks.crosses_leafs()) return;
    if (where.links.empty()) {
      load_routed(e, ranks, pattern, shared_);
    } else {
      owned own{fabric_, where.links};
      load_routed(e, ranks, pattern, own);
    }

    double total = 0;
    for (const part& p : e.parts) total += p.weight;
    for (part& p : e.parts) p.weight /= total;
    std::vector<double> mean(e.shares.size(), 0);
    std::size_t begin = 0;
    for (const part& p : e.parts) {
      for (; begin < p.end; ++begin) mean[e.hits[begin].share] += p.weight * e.hits[begin].flows;
    }
    for (std::size_t i = 0; i < e.shares.size(); ++i) {
      e.shares[i].amount = std::llround(duty * mean[i] * unit);
      share_of_[e.shares[i].link] = nobody;
    }
  }

  template <class Policy>
  void load_routed(entry& e, const traffic::group& ranks, collective pattern, Policy& policy) {
    const traffic::phases all{pattern, ranks, 1.0};
    const auto flows_on = [this](std::uint32_t l) {
      return static_cast<double>(background_[l]) / unit + phase_load_[l];
    };
    const view<decltype(flows_on)> v{fabric_, links_, ranks, flows_on};
    const std::size_t samples =
        std::min(all.size(), static_cast<std::size_t>(std::max(1, options_.phase_samples)));
    for (std::size_t i = 0; i < samples; ++i) {
      const std::size_t k = (2 * i + 1) * all.size() / (2 * samples);
      const traffic::phase p = all.write(k, flows_);
      touched_.clear();
      for_each_link(policy, v, flows_, [&](std::uint32_t l) {
        if (phase_load_[l]++ == 0) touched_.push_back(l);
      });
      for (std::uint32_t l : touched_) {
        if (share_of_[l] == nobody) {
          share_of_[l] = static_cast<std::uint32_t>(e.shares.size());
          e.shares.push_back({.link = l});
        }
        e.hits.push_back({share_of_[l], static_cast<std::uint32_t>(phase_load_[l])});
        phase_load_[l] = 0;
      }
      const bool leaves_servers = std::any_of(flows_.begin(), flows_.end(), [&](traffic::flow f) {
        return ranks.servers[f.source] != ranks.servers[f.target];
      });
      const double gbps = leaves_servers ? fabric_.link_gbps() : fabric_.server_gbps();
      e.parts.push_back({.weight = p.repeat * p.bytes * p.incast / gbps,
                         .incast = p.incast,
                         .end = e.hits.size()});
    }
  }

  /// Recomputes every group that shares a link with `e`, itself included while it is there.
  void update_neighbours(const entry& e) {
    affected_.clear();
    for (const share& s : e.shares)
      for (std::size_t user : users_[s.link]) affected_.push_back(user);
    std::sort(affected_.begin(), affected_.end());
    affected_.erase(std::unique(affected_.begin(), affected_.end()), affected_.end());

    changed_.clear();
    for (std::size_t slot : affected_) {
      entry& other = entries_[slot];
      const double before = other.slowdown;
      other.slowdown = slowdown_of(other);
      if (other.slowdown != before && &other != &e) changed_.push_back(other.owner);
    }
    changed_.push_back(e.owner);
    std::sort(changed_.begin(), changed_.end());
  }

  [[nodiscard]] double slowdown_of(const entry& e) {
    others_.resize(e.shares.size());
    for (std::size_t i = 0; i < e.shares.size(); ++i)
      others_[i] = static_cast<double>(background_[e.shares[i].link] - e.shares[i].amount) / unit;
    double stretched = 0;  // added to 1, so that nothing added leaves exactly 1
    std::size_t begin = 0;
    for (const part& p : e.parts) {
      double most = p.incast;
      for (; begin < p.end; ++begin)
        most = std::max(most, e.hits[begin].flows + others_[e.hits[begin].share]);
      stretched += p.weight * (most / p.incast - 1);
    }
    return 1 + stretched;
  }

  fabric::leaf_spine fabric_;
  link_numbers links_;
  Shared shared_;
  steady_options options_;

  std::vector<std::int64_t> background_;          // per directed link, in parts of a flow
  std::vector<std::vector<std::size_t>> users_;   // per directed link: slots
  std::vector<entry> entries_;
  std::vector<std::size_t> free_slots_;
  std::map<job_id, std::size_t> slot_of_;
  std::vector<job_id> changed_;

  std::vector<int> phase_load_;          // scratch, per directed link
  std::vector<std::uint32_t> share_of_;  // scratch, per directed link
  std::vector<std::uint32_t> touched_;
  std::vector<std::size_t> affected_;
  std::vector<traffic::flow> flows_;
  std::vector<double> others_;
};

}  // namespace heddle::route
