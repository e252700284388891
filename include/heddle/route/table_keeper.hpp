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
      : wires_(std::move(wires)), tables_(std::move(tables)), ends_(std::move(ends)),
        owner_(wires_.size() * fabric::switch_ports::ports, job_id{}.value),
        holder_(tables_.lids(), job_id{}.value), free_up_(wires_.size(), 0),
        cost_(wires_.size(), unreachable), fixed_(wires_.size(), 0) {
    ends_.resize(tables_.lids());
    for (std::uint32_t s = 0; s < wires_.size(); ++s)
      wires_.for_each_up(s, [&](std::uint8_t, std::uint32_t) { ++free_up_[s]; });
  }

  [[nodiscard]] const fabric::forwarding& tables() const { return tables_; }
  [[nodiscard]] const fabric::switch_ports& wires() const { return wires_; }
  [[nodiscard]] const std::vector<fabric::port_end>& ends() const { return ends_; }
  /// The job that owns the link out of a port; none.
  [[nodiscard]] job_id owner(fabric::port_end p) const { return job_id{owner_[place(p)]}; }

  /// The first fault of the tables as they are, for each LID that has one.
  [[nodiscard]] std::vector<fabric::forwarding_fault> faults() const {
    std::vector<fabric::forwarding_fault> out;
    for (std::uint32_t lid = 0; lid < tables_.lids(); ++lid)
      if (ends_[lid].valid())
        if (const auto fault = fabric::first_fault(wires_, tables_, lid, ends_[lid]))
          out.push_back(*fault);
    return out;
  }

  /// Whether the tables send the job's flows over its ways already.
  [[nodiscard]] bool has(const fabric::leaf_spine& dc, const placed_routes& job) const {
    std::string why;
    const auto wanted = detail::entries_of(dc, wires_, job, why);
    return why.empty() && std::all_of(wanted.begin(), wanted.end(), [&](const table_change& e) {
      return tables_.port(e.at, e.lid) == e.to;
    });
  }

  /// A job comes with its links and routes.
  table_update arrive(const fabric::leaf_spine& dc, const placed_routes& job) {
    table_update out;
    std::vector<table_change> wanted = detail::entries_of(dc, wires_, job, out.refused);
    std::vector<fabric::port_end> links;
    if (out) links = detail::ports_of(dc, wires_, job.where, out.refused);
    if (out && jobs_.contains(job.id)) out.refused = "it is there already";
    for (const fabric::port_end& p : links)
      if (out && owner(p).valid())
        out.refused = "a link of its is owned by job " + std::to_string(owner(p).value);
    if (!out) return out;

    log_.clear();
    bool fresh = false;
    for (const table_change& e : wanted) fresh |= write(e.at, e.lid, e.to);
    for (const fabric::port_end& p : links) own(p, job.id);
    held_job& held = jobs_[job.id];
    for (const table_change& e : wanted) held.entries.emplace_back(e.lid, e.at);
    held.links = std::move(links);
    for (std::uint32_t lid : detail::lids_of(job)) {
      holder_[lid] = job.id.value;
      held.lids.push_back(lid);
    }
    if (fresh) settle_held(held);
    for (std::uint32_t lid : users_of(held.links)) settle(lid, {});
    out.refused = check();
    if (!out) {
      undo();
      release(job.id);
      return out;
    }
    out.changes = changes();
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
    log_.clear();
    for (std::uint32_t lid : lids) settle(lid, {});
    out.refused = check();
    out.changes = changes();
    return out;
  }

  /// A cable is lost: what went over it goes elsewhere, and jobs that owned it are no longer kept apart.
  table_update cut(fabric::port_end a) {
    table_update out;
    const fabric::port_end b = wires_.peer(a);
    if (!b.valid() || !wires_.is_alive(a)) return out;
    for (const fabric::port_end& p : {a, b})
      if (owner(p).valid() && (out.broken.empty() || out.broken.back() != owner(p)))
        out.broken.push_back(owner(p));
    const fabric::port_end& lower = wires_.tier(a.at) < wires_.tier(b.at) ? a : b;
    if (!owner(lower).valid()) --free_up_[lower.at];
    wires_.cut(a);
    log_.clear();
    for (job_id id : out.broken)
      for (std::uint32_t lid : jobs_.at(id).lids) holder_[lid] = job_id{}.value;
    for (std::uint32_t lid = 0; lid < tables_.lids(); ++lid) {
      if (!ends_[lid].valid() || (tables_.port(a.at, lid) != a.port && tables_.port(b.at, lid) != b.port))
        continue;
      const job_id of{holder_[lid]};
      settle(lid, of.valid() ? jobs_.at(of).at(lid) : std::vector<std::uint32_t>{});
    }
    out.refused = check();
    out.changes = changes();
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
    for (std::uint32_t lid = 0; lid < tables_.lids(); ++lid) {
      const fabric::port_end end = ends_[lid];
      if (!end.valid() || end.port == 0) continue;
      for (std::uint32_t from = 0; from < wires_.size(); ++from) {
        if (wires_.tier(from) != 0) continue;
        fabric::port_end p{from, tables_.port(from, lid)};
        for (int hops = 0; hops < 8 && p.at != end.at && wires_.is_alive(p); ++hops) {
          const job_id who = owner(p);
          if (who.valid() && holder_[lid] != who.value && others_at(from, who))
            out.try_emplace({lid, place(p)}, intruder{who, lid, from, p});
          const std::uint32_t next = wires_.peer(p).at;
          p = {next, tables_.port(next, lid)};
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

    [[nodiscard]] std::vector<std::uint32_t> at(std::uint32_t lid) const {
      std::vector<std::uint32_t> out;
      for (auto e = std::lower_bound(entries.begin(), entries.end(), std::pair{lid, 0u});
           e != entries.end() && e->first == lid; ++e)
        out.push_back(e->second);
      return out;
    }
  };
  /// What keeps a way from being free, the worst of its links.
  enum cost : std::uint8_t { unowned, own_job, other_job, unreachable };

  static std::size_t place(fabric::port_end p) {
    return std::size_t{p.at} * fabric::switch_ports::ports + p.port;
  }
  bool write(std::uint32_t at, std::uint32_t lid, std::uint8_t port) {
    const std::uint8_t before = tables_.port(at, lid);
    if (before == port) return false;
    log_.push_back({lid, at, before, port});
    tables_.set(at, lid, port);
    return true;
  }
  void own(fabric::port_end p, job_id id) {
    owner_[place(p)] = id.value;
    if (wires_.tier(wires_.peer(p).at) > wires_.tier(p.at)) --free_up_[p.at];
  }
  void release(job_id id) {
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return;
    for (const fabric::port_end& p : job->second.links) {
      owner_[place(p)] = job_id{}.value;
      if (wires_.is_alive(p) && wires_.tier(wires_.peer(p).at) > wires_.tier(p.at)) ++free_up_[p.at];
    }
    for (std::uint32_t lid : job->second.lids)
      if (holder_[lid] == id.value) holder_[lid] = job_id{}.value;
    jobs_.erase(job);
  }
  void settle_held(const held_job& held) {
    for (std::uint32_t lid : held.lids) settle(lid, held.at(lid));
  }
  /// LIDs of nobody who runs whose entries use one of `links`.
  [[nodiscard]] std::vector<std::uint32_t> users_of(std::span<const fabric::port_end> links) const {
    std::vector<std::uint64_t> mine((wires_.size() * fabric::switch_ports::ports + 63) / 64, 0);
    std::vector<std::uint32_t> switches, out;
    for (const fabric::port_end& p : links) {
      mine[place(p) / 64] |= std::uint64_t{1} << place(p) % 64;
      switches.push_back(p.at);
    }
    std::sort(switches.begin(), switches.end());
    switches.erase(std::unique(switches.begin(), switches.end()), switches.end());
    for (std::uint32_t lid = 0; lid < tables_.lids(); ++lid) {
      if (!ends_[lid].valid() || ends_[lid].port == 0 || job_id{holder_[lid]}.valid()) continue;
      const auto row = tables_.row(lid);
      for (std::uint32_t s : switches) {
        const std::size_t at = place({s, row[s]});
        if ((mine[at / 64] >> at % 64 & 1) != 0) {
          out.push_back(lid);
          break;
        }
      }
    }
    return out;
  }

  [[nodiscard]] cost cost_of(fabric::port_end p, std::uint32_t holder) const {
    const std::uint32_t o = owner_[place(p)];
    return o == job_id{}.value ? unowned : o == holder ? own_job : other_job;
  }
  /// Gives the entries towards a LID ways as free as can be, and leaves those alone that have one.
  /// \param fixed  switches whose entries are the job's own
  void settle(std::uint32_t lid, const std::vector<std::uint32_t>& fixed) {
    const fabric::port_end end = ends_[lid];
    if (end.port == 0) {
      settle_switch(lid);
      return;
    }
    ++stamp_;
    for (std::uint32_t s : fixed) fixed_[s] = stamp_;
    std::fill(cost_.begin(), cost_.end(), unreachable);
    cost_[end.at] = unowned;
    if (fixed_[end.at] != stamp_) write(end.at, lid, end.port);
    std::vector<std::uint32_t>& below = order_;
    below.assign(1, end.at);
    // Down: tier by tier what lies above.
    best_down_ = unreachable;
    for (std::size_t first = 0, last = 1; first < last; first = last, last = below.size()) {
      downs_.clear();
      for (std::size_t i = first; i < last; ++i)
        wires_.for_each_up(below[i], [&](std::uint8_t port, std::uint32_t upper) {
          const fabric::port_end down = wires_.peer({below[i], port});
          downs_.push_back({upper, down.port,
                            std::max(cost_of(down, holder_[lid]), cost_[below[i]])});
        });
      std::sort(downs_.begin(), downs_.end());
      for (std::size_t i = 0; i < downs_.size();) {
        std::size_t stop = i;
        while (stop < downs_.size() && downs_[stop].at == downs_[i].at) ++stop;
        choose(lid, std::span{downs_}.subspan(i, stop - i));
        below.push_back(downs_[i].at);
        i = stop;
      }
      if (first == 0)
        for (std::size_t i = 1; i < below.size(); ++i) best_down_ = std::min(best_down_, cost_[below[i]]);
    }
    for (std::uint32_t s : below) fixed_[s] = stamp_;  // settled
    // Up: the highest first.
    for (int tier = 1; tier >= 0; --tier)
      for (std::uint32_t s = 0; s < wires_.size(); ++s)
        if (wires_.tier(s) == tier && (fixed_[s] != stamp_ || cost_[s] == unreachable)) go_up(lid, s);
  }
  /// Towards a switch itself: nearer at every step, ways may turn.
  void settle_switch(std::uint32_t lid) {
    std::vector<int> far(wires_.size(), -1);
    order_.assign(1, ends_[lid].at);
    far[ends_[lid].at] = 0;
    const auto for_each_port = [&](std::uint32_t s, auto&& f) {
      for (std::uint32_t p = 1; p < fabric::forwarding::none; ++p)
        if (const fabric::port_end at{s, static_cast<std::uint8_t>(p)}; wires_.is_alive(at))
          f(at.port, wires_.peer(at).at);
    };
    for (std::size_t i = 0; i < order_.size(); ++i)
      for_each_port(order_[i], [&](std::uint8_t, std::uint32_t next) {
        if (far[next] >= 0) return;
        far[next] = far[order_[i]] + 1;
        order_.push_back(next);
      });
    for (std::uint32_t s = 0; s < wires_.size(); ++s) {
      if (s == ends_[lid].at) {
        write(s, lid, 0);
        continue;
      }
      const fabric::port_end now{s, tables_.port(s, lid)};
      if (wires_.is_alive(now) && far[wires_.peer(now).at] + 1 == far[s]) continue;
      std::uint8_t nearer = fabric::forwarding::none;
      for_each_port(s, [&](std::uint8_t port, std::uint32_t next) {
        if (nearer == fabric::forwarding::none && far[s] > 0 && far[next] + 1 == far[s]) nearer = port;
      });
      write(s, lid, nearer);
    }
  }
  struct option {
    std::uint32_t at = 0;
    std::uint8_t port = 0;
    cost price = unowned;
    friend auto operator<=>(const option&, const option&) = default;
  };
  /// One of the options of a switch: what it has if none is better, else by turns.
  void choose(std::uint32_t lid, std::span<const option> options) {
    const std::uint32_t s = options.front().at;
    cost best = unreachable;
    const option* now = nullptr;
    std::uint32_t equals = 0;
    for (const option& o : options) {
      if (o.port == tables_.port(s, lid)) now = &o;
      if (o.price < best) {
        best = o.price;
        equals = 0;
      }
      equals += o.price == best;
    }
    if (now != nullptr && (now->price == best || fixed_[s] == stamp_)) {
      cost_[s] = now->price;
      return;
    }
    if (best == unreachable) {
      const std::uint8_t port = tables_.port(s, lid);
      if (!wires_.is_alive({s, port})) write(s, lid, fabric::forwarding::none);
      return;
    }
    std::uint32_t turn = (lid + s) % equals;
    for (const option& o : options)
      if (o.price == best && turn-- == 0) {
        write(s, lid, o.port);
        cost_[s] = best;
        return;
      }
  }
  void go_up(std::uint32_t lid, std::uint32_t s) {
    const bool fixed = fixed_[s] == stamp_;
    const fabric::port_end now{s, tables_.port(s, lid)};
    cost price = unreachable;
    if (now.port != fabric::forwarding::none && wires_.is_alive(now)) {
      const std::uint32_t next = wires_.peer(now).at;
      if (wires_.tier(next) > wires_.tier(s)) price = std::max(cost_of(now, holder_[lid]), cost_[next]);
    }
    cost_[s] = price;
    if (fixed || price == unowned || price <= best_down_) return;
    if (free_up_[s] == 0 && price < unreachable && !job_id{holder_[lid]}.valid()) return;
    downs_.clear();
    wires_.for_each_up(s, [&](std::uint8_t port, std::uint32_t upper) {
      downs_.push_back({s, port, std::max(cost_of({s, port}, holder_[lid]), cost_[upper])});
    });
    if (!downs_.empty()) choose(lid, downs_);
  }

  /// Of the rows written to, the first fault as a sentence.
  [[nodiscard]] std::string check() {
    std::vector<std::uint32_t> lids;
    for (const table_change& c : log_) lids.push_back(c.lid);
    std::sort(lids.begin(), lids.end());
    lids.erase(std::unique(lids.begin(), lids.end()), lids.end());
    for (std::uint32_t lid : lids)
      if (ends_[lid].valid())
        if (const auto fault = fabric::first_fault(wires_, tables_, lid, ends_[lid]))
          return fault->message();
    return {};
  }
  void undo() {
    for (auto c = log_.rbegin(); c != log_.rend(); ++c) tables_.set(c->at, c->lid, c->from);
  }
  /// What was written, each entry once.
  [[nodiscard]] std::vector<table_change> changes() const {
    std::vector<table_change> out;
    std::vector<std::size_t> order(log_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::tie(log_[a].lid, log_[a].at, a) < std::tie(log_[b].lid, log_[b].at, b);
    });
    for (std::size_t i : order) {
      const table_change& c = log_[i];
      if (!out.empty() && out.back().lid == c.lid && out.back().at == c.at)
        out.back().to = c.to;
      else
        out.push_back(c);
    }
    std::erase_if(out, [](const table_change& c) { return c.from == c.to; });
    return out;
  }

  fabric::switch_ports wires_;
  fabric::forwarding tables_;
  std::vector<fabric::port_end> ends_;
  std::vector<std::uint32_t> owner_;   // by port: a job's id
  std::vector<std::uint32_t> holder_;  // by LID: the job that runs on the card and owns links
  std::vector<std::uint32_t> free_up_;  // by switch: cables up that nobody owns
  std::map<job_id, held_job> jobs_;

  std::vector<table_change> log_;  // scratch, as all below
  std::vector<cost> cost_;
  std::vector<std::uint64_t> fixed_;
  std::uint64_t stamp_ = 0;
  std::vector<std::uint32_t> order_;
  std::vector<option> downs_;
  cost best_down_ = unreachable;
};

}  // namespace heddle::route
