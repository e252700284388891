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
#include "slurm_pilot/gpu_numbering.hpp"
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
  std::string_view
      what;  ///< started, ended, requeued, taken_back, elsewhere, foreign, gpus_unknown
};

/// A node that gets no new job, or a held job that the pilot does not place, and why.
struct lost_node {
  server_id server;
  std::string why;
};
struct left_job {
  std::uint32_t job = 0;
  std::string why;
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
  std::vector<left_job> left;             ///< other held jobs, by id
  std::vector<server_id> unusable;        ///< down, drained, silent or unknown nodes
  std::vector<lost_node> lost;            ///< the same, and why
  std::vector<gpu_id> blocked;            ///< GPUs in use, without a job of which it is known
};

namespace detail {

inline std::set<std::string> hosts_of(const site& m, const fabric::placement& p) {
  std::set<std::string> out;
  for (gpu_id g : p.gpus) out.insert(m.host_of(g));
  return out;
}

/// Whether Slurm names more GPUs of a node for a job than it was placed on.
inline bool holds_more(const job_report& r, const site& m, const fabric::placement& p) {
  if (r.gpu_numbers.empty()) return false;
  const auto booked = counts_of(m, p);
  for (std::size_t i = 0; i < r.nodes.size(); ++i)
    if (const auto s = m.server_named.find(r.nodes[i]); s != m.server_named.end())
      if (const auto n = booked.find(s->second);
          static_cast<int>(r.gpu_numbers[i].size()) > (n == booked.end() ? 0 : n->second))
        return true;
  return false;
}

/// Why a server gets no new job; empty if it may.
inline std::string why_lost(const node_report* n, const site& m, server_id s) {
  if (!n) return "Slurm does not list it";
  if (!n->usable) return n->why.empty() ? "its state is not told" : n->why;
  if (!n->gpus_told) return "Slurm lists it in a group, and does not tell its own GPUs";
  const auto known = m.servers.gpus_of(s).size();
  if (static_cast<std::size_t>(n->gpus) < known)
    return "it has " + std::to_string(n->gpus) + " GPUs, and had " + std::to_string(known) +
           " when the pilot started";
  return {};
}

/// Why a held job is not placed by the pilot; empty if it is.
inline std::string why_left(const job_report& r) {
  if (!r.whole) return "arrays and heterogeneous jobs are left alone";
  if (r.depends) return "waits for the jobs that it depends on";
  if (!r.odd.empty()) return "left alone, " + r.odd;
  if (r.gpus == 0) return "left alone, it asks for no GPUs";
  return {};
}

/// The GPUs of a server that are in use as far as Slurm's listing of its nodes goes, beyond those that
/// jobs are known to hold: those of users whose jobs are hidden from the pilot, or of jobs that have
/// started since the jobs were listed. A node that is full has none left.
inline void add_blocked(std::vector<gpu_id>& out, const node_report& n, const site& m, server_id s,
                        const gpu_numbering& gpus) {
  const int all = static_cast<int>(m.servers.gpus_of(s).size());
  const auto more = gpus.pick(s, n.full ? all : n.used - gpus.in_use(s), used_of(m, &n, s));
  out.insert(out.end(), more.begin(), more.end());
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
  std::vector<const node_report*> node(m.hosts.size(), nullptr);
  for (const node_report& n : seen.nodes)
    if (const auto at = m.server_named.find(n.name); at != m.server_named.end())
      node[at->second.index()] = &n;
  std::set<server_id> bad;
  for (server_id s : m.servers.all_servers())
    if (std::string why = detail::why_lost(node[s.index()], m, s); !why.empty()) {
      bad.insert(s);
      f.unusable.push_back(s);
      f.lost.push_back({s, std::move(why)});
    }

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
      if (detail::holds_more(*r, m, j.where) ||
          (j.at == stage::running || r->phase == job_phase::completing ? !are_some(r->nodes)
                                                                       : !are_all(r->nodes))) {
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
  std::vector<detail::stranger> strangers;
  for (const job_report& r : seen.jobs)
    if (has_nodes(r) && !b.jobs.contains(r.id)) strangers.emplace_back(r);

  std::set<std::uint32_t> settled;
  for (auto& [id, j] : b.jobs) {
    if (j.at != stage::running) continue;
    const auto told = gpus.told(*seen.find(id));
    const fabric::placement before = j.where;
    if (told.empty() || !detail::renumber(m, told, j.where)) continue;
    gpus.take(j.where.gpus, true);
    settled.insert(id);
    if (!(before == j.where)) f.renumbered.push_back(id);
  }
  for (detail::stranger& x : strangers) x.take_named(m, gpus);
  const auto settle_by_guess = [&](std::uint32_t id, booked_job& j) {
    std::map<server_id, std::vector<gpu_id>> picked;
    for (const auto& [s, n] : detail::counts_of(m, j.where))
      picked[s] = gpus.pick(s, n, j.where.gpus);
    const fabric::placement before = j.where;
    if (!detail::renumber(m, picked, j.where)) return false;
    gpus.take(j.where.gpus, j.at == stage::running);
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
    for (detail::stranger& x : strangers) x.take_counted(m, gpus, node);
  }
  // What is not certain takes nothing from jobs that were placed.
  for (detail::stranger& x : strangers) x.take_rest(m, gpus, node);
  for (server_id s : m.servers.all_servers())
    if (const node_report* n = node[s.index()]; n && !bad.contains(s))
      detail::add_blocked(f.blocked, *n, m, s, gpus);

  // --- jobs that the book does not know --------------------------------------------------------------
  fabric::ledger<Fabric> taken = ledger_of(b, m, {});
  for (detail::stranger& x : strangers) {
    if (x.gpus().empty()) continue;
    const std::uint32_t id = x.id();
    booked_job j{.at = stage::foreign, .since_s = now_s};
    j.where.gpus = std::move(x.gpus());
    std::sort(j.where.gpus.begin(), j.where.gpus.end());
    if constexpr (!has_circuits<Fabric>)
      j.where.links = detail::free_links_between(taken, j.where.gpus);
    (void)taken.reserve(job_id{id}, j.where);
    if (!were_foreign.contains(id)) {
      f.happened.push_back({id, "foreign"});
      if (x.unknown()) f.happened.push_back({id, "gpus_unknown"});
    }
    b.jobs.emplace(id, std::move(j));
  }

  // Placed by a pilot whose book is lost: it must not start where nobody knows of its links.
  for (const job_report& r : seen.jobs)
    if (r.phase == job_phase::pending && !b.jobs.contains(r.id) &&
        r.explanation.starts_with(placed_mark))
      f.hold.push_back(r.id);
  for (const job_report& r : seen.jobs) {
    if (r.phase != job_phase::held || b.jobs.contains(r.id) ||
        !(o.partition.empty() || r.partition == o.partition))
      continue;
    if (std::string why = detail::why_left(r); why.empty())
      f.waiting.push_back(r.id);
    else
      f.left.push_back({r.id, std::move(why)});
  }
  std::sort(f.hold.begin(), f.hold.end());
  f.hold.erase(std::unique(f.hold.begin(), f.hold.end()), f.hold.end());
  std::sort(f.gone.begin(), f.gone.end());
  return f;
}

}  // namespace heddle::pilot
