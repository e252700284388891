// Which GPUs of its nodes each job holds: what Slurm says comes first, and guesses after it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/fabric/ledger.hpp>

#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot::detail {

/// How many GPUs of each server a placement has.
inline std::map<server_id, int> counts_of(const site& m, const fabric::placement& p) {
  std::map<server_id, int> out;
  for (gpu_id g : p.gpus) ++out[m.servers.server_of(g)];
  return out;
}

/// Hands out GPUs, each once.
class gpu_numbering {
 public:
  explicit gpu_numbering(const site& m)
      : m_(m), taken_(static_cast<std::size_t>(m.servers.gpus()), false),
        in_use_(m.hosts.size(), 0) {}

  /// The GPUs that Slurm names for a job on its i-th node; empty if it names none, or some that are
  /// taken or not there.
  [[nodiscard]] std::vector<gpu_id> told(const job_report& r, std::size_t i, server_id s) const {
    std::vector<gpu_id> out;
    if (i >= r.gpu_numbers.size()) return out;
    for (int number : r.gpu_numbers[i]) {
      const gpu_id g = m_.gpu(s, number);
      if (!g.valid() || taken_[g.index()]) return {};
      out.push_back(g);
    }
    return out;
  }
  /// The same of all its nodes, by server; empty if one is.
  [[nodiscard]] std::map<server_id, std::vector<gpu_id>> told(const job_report& r) const {
    std::map<server_id, std::vector<gpu_id>> out;
    for (std::size_t i = 0; i < r.gpu_numbers.size(); ++i) {
      const auto s = m_.server_named.find(r.nodes[i]);
      if (s == m_.server_named.end()) continue;
      out[s->second] = told(r, i, s->second);
      if (out[s->second].empty()) return {};
    }
    return out;
  }
  /// `n` GPUs of a server, those of `liked` first; fewer if it has no more.
  [[nodiscard]] std::vector<gpu_id> pick(server_id s, int n, std::span<const gpu_id> liked) const {
    std::vector<gpu_id> out;
    const auto take = [&](gpu_id g) {
      if (static_cast<int>(out.size()) < n && !taken_[g.index()] &&
          std::find(out.begin(), out.end(), g) == out.end())
        out.push_back(g);
    };
    for (gpu_id g : liked)
      if (m_.servers.server_of(g) == s) take(g);
    for (gpu_id g : m_.servers.gpus_of(s)) take(g);
    std::sort(out.begin(), out.end());
    return out;
  }
  /// \param runs  whether the job that gets them has started
  void take(std::span<const gpu_id> gpus, bool runs) {
    for (gpu_id g : gpus) {
      taken_[g.index()] = true;
      if (runs) ++in_use_[m_.servers.server_of(g).index()];
    }
  }
  /// GPUs of a server that jobs which have started hold.
  [[nodiscard]] int in_use(server_id s) const { return in_use_[s.index()]; }

 private:
  const site& m_;
  std::vector<bool> taken_;
  std::vector<int> in_use_;  // by server
};

/// The k-th rank on a server gets the k-th of its GPUs: the order of hosts stays. False if the GPUs
/// are others by number than the placement's.
inline bool renumber(const site& m, std::map<server_id, std::vector<gpu_id>> gpus,
                     fabric::placement& p) {
  std::map<server_id, std::size_t> next;
  for (const auto& [s, n] : counts_of(m, p)) {
    const auto at = gpus.find(s);
    if (at == gpus.end() || at->second.size() != static_cast<std::size_t>(n)) return false;
  }
  for (gpu_id& g : p.gpus) {
    const server_id s = m.servers.server_of(g);
    g = gpus[s][next[s]++];
  }
  return true;
}

/// The GPUs of a server that its node says are in use, as far as it names them.
inline std::vector<gpu_id> used_of(const site& m, const node_report* n, server_id s) {
  std::vector<gpu_id> out;
  if (!n) return out;
  for (int number : n->used_numbers)
    if (const gpu_id g = m.gpu(s, number); g.valid()) out.push_back(g);
  return out;
}

/// A job that runs and that the book does not know: what it holds is found out node by node.
class stranger {
 public:
  explicit stranger(const job_report& r) : r_(&r), settled_(r.nodes.size(), false) {}

  [[nodiscard]] std::uint32_t id() const { return r_->id; }
  [[nodiscard]] std::vector<gpu_id>& gpus() { return gpus_; }
  /// Whether nodes were taken as a whole, since nothing tells how many GPUs it has there.
  [[nodiscard]] bool unknown() const { return unknown_; }

  /// Takes the GPUs that Slurm names.
  void take_named(const site& m, gpu_numbering& gpus) {
    each_open(m, [&](std::size_t i, server_id s) {
      if (const auto list = gpus.told(*r_, i, s); !list.empty()) take(i, list, gpus);
    });
  }
  /// Takes as many as it has on each node, where that is told.
  void take_counted(const site& m, gpu_numbering& gpus,
                    const std::vector<const node_report*>& nodes) {
    each_open(m, [&](std::size_t i, server_id s) {
      const int all = static_cast<int>(m.servers.gpus_of(s).size());
      if (!r_->exclusive && i >= r_->gpus_on.size()) return;
      const int n = r_->exclusive ? all : r_->gpus_on[i];
      take(i, gpus.pick(s, n, used_of(m, nodes[s.index()], s)), gpus);
    });
  }
  /// Takes of the other nodes as many as it can have there at most: all, or all but one for each of its
  /// other nodes. Not more than are in use and nobody else is known to hold, where that is told.
  void take_rest(const site& m, gpu_numbering& gpus, const std::vector<const node_report*>& nodes) {
    each_open(m, [&](std::size_t i, server_id s) {
      const int all = static_cast<int>(m.servers.gpus_of(s).size());
      const node_report* n = nodes[s.index()];
      const bool use_told = n && n->used >= 0 && r_->odd.empty();
      unknown_ |= !r_->gpus_told && !use_told && all > 0;
      int most = all;
      if (r_->gpus_told) most = std::min(most, r_->gpus - static_cast<int>(r_->nodes.size()) + 1);
      if (use_told) most = std::min(most, n->used - gpus.in_use(s));
      take(i, gpus.pick(s, most, used_of(m, n, s)), gpus);
    });
  }

 private:
  template <class F>
  void each_open(const site& m, F&& f) {
    for (std::size_t i = 0; i < r_->nodes.size(); ++i)
      if (const auto s = m.server_named.find(r_->nodes[i]);
          s != m.server_named.end() && !settled_[i])
        f(i, s->second);
  }
  void take(std::size_t i, const std::vector<gpu_id>& list, gpu_numbering& gpus) {
    gpus.take(list, true);
    gpus_.insert(gpus_.end(), list.begin(), list.end());
    settled_[i] = true;
  }
  const job_report* r_;
  std::vector<gpu_id> gpus_;
  std::vector<bool> settled_;  // by node
  bool unknown_ = false;
};

}  // namespace heddle::pilot::detail
