// Rows of forwarding tables: ways as free as can be, with as few entries changed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/forwarding.hpp>
#include <heddle/fabric/switch_ports.hpp>
#include <heddle/route/detail/table_links.hpp>

namespace heddle::route::detail {

/// Tables, who owns which link, and what is written since `start`. \see table_keeper
class table_settler {
 public:
  table_settler(fabric::switch_ports wires, fabric::forwarding tables,
                std::vector<fabric::port_end> ends)
      : wires_(std::move(wires)), tables_(std::move(tables)), ends_(std::move(ends)),
        owner_(wires_.size() * fabric::switch_ports::ports, job_id{}.value),
        holder_(tables_.lids(), job_id{}.value), free_up_(wires_.size(), 0),
        cost_(wires_.size(), unreachable), fixed_(wires_.size(), 0) {
    ends_.resize(tables_.lids());
    for (std::uint32_t s = 0; s < wires_.size(); ++s)
      wires_.for_each_up(s, [&](std::uint8_t, std::uint32_t) { ++free_up_[s]; });
    list_islands();
  }

  [[nodiscard]] const fabric::forwarding& tables() const { return tables_; }
  [[nodiscard]] const fabric::switch_ports& wires() const { return wires_; }
  [[nodiscard]] const std::vector<fabric::port_end>& ends() const { return ends_; }
  [[nodiscard]] job_id owner(fabric::port_end p) const { return job_id{owner_[place(p)]}; }
  /// The job that runs on the card of a LID and owns links; none.
  [[nodiscard]] job_id holder(std::uint32_t lid) const { return job_id{holder_[lid]}; }
  void hold(std::uint32_t lid, job_id id) { holder_[lid] = id.value; }
  void own(fabric::port_end p, job_id id) {
    owner_[place(p)] = id.value;
    if (is_up(p)) --free_up_[p.at];
  }
  void disown(fabric::port_end p) {
    owner_[place(p)] = job_id{}.value;
    if (wires_.is_alive(p) && is_up(p)) ++free_up_[p.at];
  }
  void cut(fabric::port_end a) {
    const fabric::port_end lower = is_up(a) ? a : wires_.peer(a);
    if (!owner(lower).valid()) --free_up_[lower.at];
    wires_.cut(a);
    list_islands();
  }

  /// Forgets what was written.
  void start() { log_.clear(); }
  bool write(std::uint32_t at, std::uint32_t lid, std::uint8_t port) {
    const std::uint8_t before = tables_.port(at, lid);
    if (before == port) return false;
    log_.push_back({lid, at, before, port});
    tables_.set(at, lid, port);
    return true;
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
  /// What was written since, each entry once.
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
          downs_.push_back(
              {upper, down.port, std::max(cost_of(down, holder_[lid]), cost_[below[i]])});
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
        for (std::size_t i = 1; i < below.size(); ++i)
          best_down_ = std::min(best_down_, cost_[below[i]]);
    }
    for (std::uint32_t s : below) fixed_[s] = stamp_;  // settled
    for (std::uint32_t s : climbers_[wires_.island(end.at)])
      if (fixed_[s] != stamp_ || (cost_[s] == unreachable && wires_.tier(s) > 0)) go_up(lid, s);
  }
  /// What leads to a LID from switches that do not reach it goes nowhere.
  void drop_unreached(std::uint32_t lid) {
    for (std::uint32_t s = 0; s < wires_.size(); ++s)
      if (wires_.island(s) != wires_.island(ends_[lid].at)) write(s, lid, fabric::forwarding::none);
  }

 private:
  /// What keeps a way from being free, the worst of its links.
  enum cost : std::uint8_t { unowned, own_job, other_job, unreachable };

  static std::size_t place(fabric::port_end p) { return fabric::switch_ports::place(p); }
  [[nodiscard]] bool is_up(fabric::port_end p) const {
    return wires_.tier(wires_.peer(p).at) > wires_.tier(p.at);
  }
  [[nodiscard]] cost cost_of(fabric::port_end p, std::uint32_t holder) const {
    const std::uint32_t o = owner_[place(p)];
    return o == job_id{}.value ? unowned : o == holder ? own_job : other_job;
  }
  void list_islands() {
    climbers_.assign(wires_.size(), {});
    for (int tier = 1; tier >= 0; --tier)
      for (std::uint32_t s = 0; s < wires_.size(); ++s)
        if (wires_.tier(s) == tier) climbers_[wires_.island(s)].push_back(s);
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
        if (nearer == fabric::forwarding::none && far[s] > 0 && far[next] + 1 == far[s])
          nearer = port;
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
      if (wires_.tier(next) > wires_.tier(s))
        price = std::max(cost_of(now, holder_[lid]), cost_[next]);
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

  fabric::switch_ports wires_;
  fabric::forwarding tables_;
  std::vector<fabric::port_end> ends_;
  std::vector<std::uint32_t> owner_;    // by port: a job's id
  std::vector<std::uint32_t> holder_;   // by LID: the job that runs on the card and owns links
  std::vector<std::uint32_t> free_up_;  // by switch: cables up that nobody owns
  std::vector<std::vector<std::uint32_t>> climbers_;  // by island: spines, then leafs
  std::vector<table_change> log_;                     // scratch, as all below
  std::vector<cost> cost_;
  std::vector<std::uint64_t> fixed_;
  std::uint64_t stamp_ = 0;
  std::vector<std::uint32_t> order_;
  std::vector<option> downs_;
  cost best_down_ = unreachable;
};

}  // namespace heddle::route::detail
