// Bringing the book into line with what Slurm says. Pure: nothing is told to Slurm here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/fabric/ledger.hpp>

#include "slurm_pilot/book.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

struct reconcile_options {
  double start_timeout_s = 120;  ///< a released job that Slurm does not start by then is taken back
  std::string partition = {};    ///< jobs of this one only; empty: of all
};

/// How the explanation of a job begins that the pilot has placed.
inline constexpr std::string_view placed_mark = "heddle: placed";

/// Something that happened to a job since the last look.
struct happening {
  std::uint32_t job = 0;
  std::string_view what;  ///< started, ended, requeued, taken_back, elsewhere, foreign
};

/// What a look at Slurm leads to.
struct findings {
  std::vector<happening> happened;
  std::vector<std::uint32_t>
      hold;  ///< Slurm must not start these: their nodes are not what was chosen
  std::vector<std::uint32_t> unsent;      ///< placed, and Slurm has not heard of it: say it again
  std::vector<std::uint32_t> gone;        ///< no longer in the book: drivers may forget them
  std::vector<std::uint32_t> renumbered;  ///< Slurm chose other GPUs of the same nodes
  std::vector<std::uint32_t> waiting;     ///< held jobs to be scheduled, by id
  std::vector<server_id> unusable;        ///< down, drained, silent or unknown nodes
};

namespace detail {

/// How many GPUs of each server a placement has.
inline std::map<server_id, int> counts_of(const site& m, const fabric::placement& p) {
  std::map<server_id, int> out;
  for (gpu_id g : p.gpus) ++out[m.servers.server_of(g)];
  return out;
}

inline std::set<std::string> hosts_of(const site& m, const fabric::placement& p) {
  std::set<std::string> out;
  for (gpu_id g : p.gpus) out.insert(m.host_of(g));
  return out;
}

/// Hands out GPUs so that what Slurm has said comes first and guesses after it.
class gpu_numbering {
 public:
  explicit gpu_numbering(const site& m)
      : m_(m), taken_(static_cast<std::size_t>(m.servers.gpus()), false) {}

  /// The GPUs that Slurm names for a job, by server; empty if it names none, or some that are taken.
  std::map<server_id, std::vector<gpu_id>> told(const job_report& r) {
    std::map<server_id, std::vector<gpu_id>> out;
    for (std::size_t i = 0; i < r.gpu_numbers.size(); ++i) {
      const auto s = m_.server_named.find(r.nodes[i]);
      if (s == m_.server_named.end()) continue;
      for (int number : r.gpu_numbers[i]) {
        const gpu_id g = m_.gpu(s->second, number);
        if (!g.valid() || taken_[g.index()]) return {};
        out[s->second].push_back(g);
      }
    }
    return out;
  }
  /// `n` GPUs of a server, those of `liked` first; fewer if it has no more.
  std::vector<gpu_id> pick(server_id s, int n, std::span<const gpu_id> liked) {
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
  void take(std::span<const gpu_id> gpus) {
    for (gpu_id g : gpus) taken_[g.index()] = true;
  }

 private:
  const site& m_;
  std::vector<bool> taken_;
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

/// All free links of the leafs of some GPUs; none if they lie under one leaf.
inline std::vector<fabric::link> free_links_between(const fabric::ledger<fabric::leaf_spine>& now,
                                                    std::span<const gpu_id> gpus) {
  const fabric::leaf_spine& dc = now.fabric();
  std::set<leaf_id> leafs;
  for (gpu_id g : gpus) leafs.insert(dc.leaf_of(g));
  std::vector<fabric::link> out;
  if (leafs.size() < 2) return out;
  for (leaf_id l : leafs)
    for (spine_id s : dc.all_spines())
      for (int lane = 0; lane < dc.links(l, s); ++lane)
        if (const fabric::link k{l, s, static_cast<std::uint32_t>(lane)}; now.is_free(k))
          out.push_back(k);
  return out;
}

}  // namespace detail

/// Changes `b` to agree with `seen`, and says what that leads to. Jobs of the book that Slurm runs on
/// the nodes chosen for them run; those that are gone leave; those that Slurm wants to start again by
/// itself (a node failed) are held, and wait again once they are; jobs that the book does not know
/// are booked as foreign on what Slurm says they have.
///
/// A foreign job that crosses leafs may use any link there: it is booked with all that are free, so
/// that nobody new gets one.
///
/// Calling it again with the same report changes nothing. O(jobs log jobs + GPUs).
template <class Fabric>
[[nodiscard]] findings reconcile(book& b, const cluster_report& seen, const machine<Fabric>& m,
                                 double now_s, const reconcile_options& o = {}) {
  findings f;
  std::set<std::string, std::less<>> usable;
  for (const node_report& n : seen.nodes)
    if (n.usable) usable.insert(n.name);
  std::set<server_id> bad;
  for (server_id s : m.servers.all_servers())
    if (!usable.contains(m.hosts[s.index()])) bad.insert(s);
  f.unusable.assign(bad.begin(), bad.end());

  const auto uses_bad_node = [&](const fabric::placement& p) {
    return std::any_of(p.gpus.begin(), p.gpus.end(),
                       [&](gpu_id g) { return bad.contains(m.servers.server_of(g)); });
  };
  const auto has_nodes = [](const job_report& r) {
    return r.phase == job_phase::running || r.phase == job_phase::completing;
  };

  // --- those of the book ---------------------------------------------------------------------------
  std::set<std::uint32_t> were_foreign;
  for (auto at = b.jobs.begin(); at != b.jobs.end();) {
    const std::uint32_t id = at->first;
    booked_job& j = at->second;
    const job_report* r = seen.find(id);
    const auto leave = [&](std::string_view what) {
      f.happened.push_back({id, what});
      f.gone.push_back(id);
      at = b.jobs.erase(at);
    };
    if (j.at == stage::foreign) {  // looked up anew below
      if (!r || !has_nodes(*r)) {
        leave("ended");
      } else {
        were_foreign.insert(id);
        at = b.jobs.erase(at);
      }
      continue;
    }
    const auto hosts = detail::hosts_of(m, j.where);
    const auto are_all = [&](const std::vector<std::string>& v) {
      return std::set<std::string>(v.begin(), v.end()) == hosts;
    };
    const auto are_some = [&](const std::vector<std::string>& v) {
      return std::all_of(v.begin(), v.end(),
                         [&](const std::string& h) { return hosts.contains(h); });
    };
    if (!r || r->phase == job_phase::ended) {
      leave("ended");
      continue;
    }
    switch (r->phase) {
    case job_phase::held:
      if (j.at == stage::placed && !uses_bad_node(j.where)) {
        f.unsent.push_back(id);
      } else {
        leave(j.at == stage::running ? "requeued" : "taken_back");
        continue;
      }
      break;
    case job_phase::pending:
      if (j.at == stage::placed && are_all(r->required)) {
        j.at = stage::released;  // Slurm was told, and the pilot ended before it wrote so down
        j.since_s = now_s;
      }
      if (j.at != stage::released || uses_bad_node(j.where) ||
          now_s - j.since_s > o.start_timeout_s)
        f.hold.push_back(id);
      break;
    default:
      // A node that failed leaves the list of a job that ends, or that goes on without it. The job
      // may have started and lost it since the last look.
      if (j.at == stage::running || r->phase == job_phase::completing ? !are_some(r->nodes)
                                                                      : !are_all(r->nodes)) {
        leave("elsewhere");
        continue;
      }
      if (j.at != stage::running) {
        j.at = stage::running;
        j.since_s = now_s;
        f.happened.push_back({id, "started"});
      }
    }
    ++at;
  }

  // --- the numbers of GPUs: first what Slurm says, then guesses --------------------------------------
  detail::gpu_numbering gpus{m};
  std::vector<const job_report*> strangers;
  for (const job_report& r : seen.jobs)
    if (has_nodes(r) && r.gpus > 0 && !b.jobs.contains(r.id)) strangers.push_back(&r);

  std::set<std::uint32_t> settled;
  for (auto& [id, j] : b.jobs) {
    if (j.at != stage::running) continue;
    const auto told = gpus.told(*seen.find(id));
    const fabric::placement before = j.where;
    if (told.empty() || !detail::renumber(m, told, j.where)) continue;
    gpus.take(j.where.gpus);
    settled.insert(id);
    if (!(before == j.where)) f.renumbered.push_back(id);
  }
  std::map<std::uint32_t, std::vector<gpu_id>> foreign_gpus;
  for (const job_report* r : strangers)
    for (const auto& [s, list] : gpus.told(*r)) {
      gpus.take(list);
      auto& mine = foreign_gpus[r->id];
      mine.insert(mine.end(), list.begin(), list.end());
    }
  const auto settle_by_guess = [&](std::uint32_t id, booked_job& j) {
    std::map<server_id, std::vector<gpu_id>> picked;
    for (const auto& [s, n] : detail::counts_of(m, j.where))
      picked[s] = gpus.pick(s, n, j.where.gpus);
    const fabric::placement before = j.where;
    if (!detail::renumber(m, picked, j.where)) return false;
    gpus.take(j.where.gpus);
    if (!(before == j.where)) f.renumbered.push_back(id);
    return true;
  };
  for (const bool running : {true, false}) {
    for (auto at = b.jobs.begin(); at != b.jobs.end();) {
      const std::uint32_t id = at->first;
      if ((at->second.at == stage::running) != running || settled.contains(id) ||
          settle_by_guess(id, at->second)) {
        ++at;
        continue;
      }
      // Somebody else has what this job was to get.
      if (!running && seen.find(id)->phase == job_phase::pending) f.hold.push_back(id);
      std::erase(f.unsent, id);
      f.happened.push_back({id, "taken_back"});
      f.gone.push_back(id);
      at = b.jobs.erase(at);
    }
    if (!running) break;
    for (const job_report* r : strangers) {
      if (foreign_gpus.contains(r->id) || r->nodes.empty()) continue;
      const int each =
          (r->gpus + static_cast<int>(r->nodes.size()) - 1) / static_cast<int>(r->nodes.size());
      for (const std::string& host : r->nodes)
        if (const auto s = m.server_named.find(host); s != m.server_named.end()) {
          const auto list = gpus.pick(s->second, each, {});
          gpus.take(list);
          auto& mine = foreign_gpus[r->id];
          mine.insert(mine.end(), list.begin(), list.end());
        }
    }
  }

  // --- jobs that the book does not know --------------------------------------------------------------
  fabric::ledger<Fabric> taken = ledger_of(b, m, {});
  for (auto& [id, list] : foreign_gpus) {
    booked_job j{.at = stage::foreign, .since_s = now_s};
    j.where.gpus = std::move(list);
    std::sort(j.where.gpus.begin(), j.where.gpus.end());
    if constexpr (!has_circuits<Fabric>)
      j.where.links = detail::free_links_between(taken, j.where.gpus);
    (void)taken.reserve(job_id{id}, j.where);
    if (!were_foreign.contains(id)) f.happened.push_back({id, "foreign"});
    b.jobs.emplace(id, std::move(j));
  }

  // Placed by a pilot whose book is lost: it must not start where nobody knows of its links.
  for (const job_report& r : seen.jobs)
    if (r.phase == job_phase::pending && !b.jobs.contains(r.id) &&
        r.explanation.starts_with(placed_mark))
      f.hold.push_back(r.id);
  for (const job_report& r : seen.jobs)
    if (r.phase == job_phase::held && !b.jobs.contains(r.id) && r.whole && !r.depends &&
        r.gpus > 0 && (o.partition.empty() || r.partition == o.partition))
      f.waiting.push_back(r.id);
  std::sort(f.hold.begin(), f.hold.end());
  f.hold.erase(std::unique(f.hold.begin(), f.hold.end()), f.hold.end());
  std::sort(f.gone.begin(), f.gone.end());
  return f;
}

}  // namespace heddle::pilot
