// Forwarding tables under which jobs that come and go keep their links to themselves.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/table_links.hpp>
#include <heddle/route/detail/table_settler.hpp>

namespace heddle::route {

/// What an arrival or a fault did to the tables. A refusal leaves them as they were.
struct table_update {
  std::vector<table_change> changes = {};  ///< sorted
  std::string refused = {};                ///< why; empty: done
  std::vector<job_id> broken = {};         ///< jobs that lost a link: no longer isolated

  explicit operator bool() const { return refused.empty(); }
};

/// Keeps the tables of an InfiniBand network. A job that arrives gets its entries; entries of others that
/// would use a link that is now owned leave it, where there is another way; all other bytes stay. The
/// entries towards a job's own cards are not touched while it runs. Every row that changes is checked
/// (`first_fault`) before an update is given out.
///
/// Ways are up and then down alone, so that no buffers wait for one another in a ring.
///
/// An arrival is O(LIDs · switches of the job + rows that change · (leafs + links at a switch)).
class table_keeper {
 public:
  /// \param ends  of each LID: the port where it hangs, port 0 for a switch's own; none: unknown, its
  ///              entries are left alone
  table_keeper(fabric::switch_ports wires, fabric::forwarding tables,
               std::vector<fabric::port_end> ends)
      : at_(std::move(wires), std::move(tables), std::move(ends)) {}

  [[nodiscard]] const fabric::forwarding& tables() const { return at_.tables(); }
  [[nodiscard]] const fabric::switch_ports& wires() const { return at_.wires(); }
  [[nodiscard]] const std::vector<fabric::port_end>& ends() const { return at_.ends(); }
  /// The job that owns the link out of a port; none.
  [[nodiscard]] job_id owner(fabric::port_end p) const { return at_.owner(p); }

  /// The first fault of the tables as they are, for each LID that has one.
  [[nodiscard]] std::vector<fabric::forwarding_fault> faults() const {
    std::vector<fabric::forwarding_fault> out;
    for (std::uint32_t lid = 0; lid < at_.tables().lids(); ++lid)
      if (at_.ends()[lid].valid())
        if (const auto fault = fabric::first_fault(at_.wires(), at_.tables(), lid, at_.ends()[lid]))
          out.push_back(*fault);
    return out;
  }

  /// Gives ways to LIDs to which some leaf has none, hosts that came back for one. All that leads somewhere stays.
  table_update complete() {
    table_update out;
    at_.start();
    for (std::uint32_t lid = 0; lid < at_.tables().lids(); ++lid) {
      const auto row = at_.tables().row(lid);
      if (!at_.ends()[lid].valid() ||
          std::find(row.begin(), row.end(), fabric::forwarding::none) == row.end())
        continue;
      const auto fault = fabric::first_fault(at_.wires(), at_.tables(), lid, at_.ends()[lid]);
      if (fault && fault->what == fabric::forwarding_fault::kind::no_entry) at_.settle(lid, {});
    }
    out.refused = at_.check();
    if (out)
      out.changes = at_.changes();
    else
      at_.undo();
    return out;
  }

  /// Whether the tables send the job's flows over its ways already.
  [[nodiscard]] bool has(const fabric::leaf_spine& dc, const placed_routes& job) const {
    std::string why;
    const auto wanted = detail::entries_of(dc, at_.wires(), job, why);
    return why.empty() && std::all_of(wanted.begin(), wanted.end(), [&](const table_change& e) {
             return at_.tables().port(e.at, e.lid) == e.to;
           });
  }

  /// A job comes with its links and routes.
  table_update arrive(const fabric::leaf_spine& dc, const placed_routes& job) {
    table_update out;
    at_.start();
    if (enter(dc, job, out)) settle_held(jobs_.at(job.id));
    if (out) settle_users(job.id, out);
    return out;
  }
  /// Jobs that the tables carry already come at once, so that rows of one do not leave the links of another.
  std::vector<table_update> adopt(const fabric::leaf_spine& dc,
                                  std::span<const placed_routes> jobs) {
    std::vector<table_update> out(jobs.size());
    at_.start();
    for (std::size_t i = 0; i < jobs.size(); ++i) (void)enter(dc, jobs[i], out[i]);
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      at_.start();
      if (out[i]) settle_users(jobs[i].id, out[i]);
    }
    return out;
  }

  /// A job goes and its links are free. Entries towards its cards change where others came to own a link
  /// on the way meanwhile; all others stay.
  table_update depart(job_id id) {
    table_update out;
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) {
      out.refused = "there is no such job";
      return out;
    }
    const std::vector<std::uint32_t> lids = job->second.lids;
    release(id);
    at_.start();
    for (std::uint32_t lid : lids) at_.settle(lid, {});
    out.refused = at_.check();
    out.changes = at_.changes();
    return out;
  }

  /// A cable is lost: what went over it goes elsewhere, and jobs that owned it are no longer kept apart.
  table_update cut(fabric::port_end a) {
    table_update out;
    const fabric::port_end b = at_.wires().peer(a);
    if (!b.valid() || !at_.wires().is_alive(a)) return out;
    for (const fabric::port_end& p : {a, b})
      if (owner(p).valid() && (out.broken.empty() || out.broken.back() != owner(p)))
        out.broken.push_back(owner(p));
    at_.cut(a);
    at_.start();
    for (job_id id : out.broken)
      for (std::uint32_t lid : jobs_.at(id).lids) at_.hold(lid, {});
    for (std::uint32_t lid = 0; lid < at_.tables().lids(); ++lid) {
      if (!at_.ends()[lid].valid() ||
          (at_.tables().port(a.at, lid) != a.port && at_.tables().port(b.at, lid) != b.port))
        continue;
      const job_id of = at_.holder(lid);
      at_.settle(lid, of.valid() ? jobs_.at(of).at(lid) : std::vector<std::uint32_t>{});
      at_.drop_unreached(lid);
    }
    out.refused = at_.check();
    out.changes = at_.changes();
    return out;
  }

  /// A link that a job owns and what goes to `lid` still takes, from a leaf with hosts of others.
  struct intruder {
    job_id owner;
    std::uint32_t lid = 0, from = 0;
    fabric::port_end link = {};
  };
  /// All of them but those to switches themselves; of each link, owner and LID the first.
  /// \param others_at  callable: (leaf, job) → whether hosts of others than the job hang there
  template <class OthersAt>
  [[nodiscard]] std::vector<intruder> intruders(OthersAt&& others_at) const {
    std::map<std::pair<std::uint32_t, std::uint64_t>, intruder> out;
    for (std::uint32_t lid = 0; lid < at_.tables().lids(); ++lid) {
      const fabric::port_end end = at_.ends()[lid];
      if (end.valid() && end.port == 0) continue;
      for (std::uint32_t from = 0; from < at_.wires().size(); ++from) {
        if (at_.wires().tier(from) != 0) continue;
        fabric::port_end p{from, at_.tables().port(from, lid)};
        for (int hops = 0; hops < 8 && p.at != end.at && at_.wires().is_alive(p); ++hops) {
          const job_id who = owner(p);
          if (who.valid() && at_.holder(lid) != who && !jobs_.at(who).has(lid) &&
              others_at(from, who))
            out.try_emplace({lid, fabric::switch_ports::place(p)}, intruder{who, lid, from, p});
          const std::uint32_t next = at_.wires().peer(p).at;
          p = {next, at_.tables().port(next, lid)};
        }
      }
    }
    std::vector<intruder> list;
    for (const auto& [key, one] : out) list.push_back(one);
    return list;
  }

 private:
  struct held_job {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> entries;  // LID and switch; sorted
    std::vector<fabric::port_end> links;
    std::vector<std::uint32_t> lids;

    [[nodiscard]] bool has(std::uint32_t lid) const {
      return std::binary_search(lids.begin(), lids.end(), lid);
    }
    [[nodiscard]] std::vector<std::uint32_t> at(std::uint32_t lid) const {
      std::vector<std::uint32_t> out;
      for (auto e = std::lower_bound(entries.begin(), entries.end(), std::pair{lid, 0u});
           e != entries.end() && e->first == lid; ++e)
        out.push_back(e->second);
      return out;
    }
  };
  /// Books a job and writes its entries. \returns  whether some are new
  bool enter(const fabric::leaf_spine& dc, const placed_routes& job, table_update& out) {
    std::vector<table_change> wanted = detail::entries_of(dc, at_.wires(), job, out.refused);
    std::vector<fabric::port_end> links;
    if (out) links = detail::ports_of(dc, at_.wires(), job.where, out.refused);
    if (out && jobs_.contains(job.id)) out.refused = "it is there already";
    for (const fabric::port_end& p : links)
      if (out && owner(p).valid())
        out.refused = "a link of its is owned by job " + std::to_string(owner(p).value);
    if (!out) return false;
    bool fresh = false;
    for (const table_change& e : wanted) fresh |= at_.write(e.at, e.lid, e.to);
    for (const fabric::port_end& p : links) at_.own(p, job.id);
    held_job& held = jobs_[job.id];
    for (const table_change& e : wanted) held.entries.emplace_back(e.lid, e.at);
    held.links = std::move(links);
    for (std::uint32_t lid : detail::lids_of(job)) {
      at_.hold(lid, job.id);
      held.lids.push_back(lid);
    }
    return fresh;
  }
  /// Others leave the links of a job that has come; it goes again where that breaks a row.
  void settle_users(job_id id, table_update& out) {
    for (std::uint32_t lid : users_of(jobs_.at(id).links)) at_.settle(lid, {});
    out.refused = at_.check();
    if (out) {
      out.changes = at_.changes();
      return;
    }
    at_.undo();
    release(id);
  }
  void release(job_id id) {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return;
    for (const fabric::port_end& p : job->second.links) at_.disown(p);
    for (std::uint32_t lid : job->second.lids)
      if (at_.holder(lid) == id) at_.hold(lid, {});
    jobs_.erase(job);
  }
  void settle_held(const held_job& held) {
    for (std::uint32_t lid : held.lids) at_.settle(lid, held.at(lid));
  }
  /// LIDs of nobody who runs whose entries use one of `links`.
  [[nodiscard]] std::vector<std::uint32_t> users_of(std::span<const fabric::port_end> links) const {
    std::vector<std::uint64_t> mine((at_.wires().size() * fabric::switch_ports::ports + 63) / 64,
                                    0);
    std::vector<std::uint32_t> switches, out;
    for (const fabric::port_end& p : links) {
      mine[fabric::switch_ports::place(p) / 64] |= std::uint64_t{1}
                                                   << fabric::switch_ports::place(p) % 64;
      switches.push_back(p.at);
    }
    std::sort(switches.begin(), switches.end());
    switches.erase(std::unique(switches.begin(), switches.end()), switches.end());
    for (std::uint32_t lid = 0; lid < at_.tables().lids(); ++lid) {
      if (!at_.ends()[lid].valid() || at_.ends()[lid].port == 0 || at_.holder(lid).valid())
        continue;
      const auto row = at_.tables().row(lid);
      for (std::uint32_t s : switches) {
        const std::size_t at = fabric::switch_ports::place({s, row[s]});
        if ((mine[at / 64] >> at % 64 & 1) != 0) {
          out.push_back(lid);
          break;
        }
      }
    }
    return out;
  }

  detail::table_settler at_;
  std::map<job_id, held_job> jobs_;
};

}  // namespace heddle::route
