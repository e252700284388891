// Max-min fair rates that are kept up to date as flows come and go.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/route/detail/flow_table.hpp>

namespace heddle::route {

/// Links with capacities, and flows on them with max-min fair rates (rates.hpp). A change costs what
/// it reaches: links and flows whose level it does not move are not looked at.
///
/// The *level* of a flow is its rate over its weight; that of a full link is the largest level on
/// it, which is that of the flows that it holds back. Water filling is replayed from below, but only
/// on *touched* links: those on which the water differs from before. At first these are the links of
/// flows that came or went. A flow on a touched link that no touched link holds back is taken to end
/// at its old level. Two things happen as the water rises: a touched link is full, and fixes its
/// flows; or it passes its old level without being full, and the flows that it held back go on. Both
/// touch the other links of the flows that thereby leave their old level, at a water level that none
/// of these links has reached before, so nothing that is done is ever done again.
///
/// Levels that differ by 10^-13 of themselves count as equal, which ends ripples of rounding. They
/// are computed from capacities and rates every time, so that nothing adds up over many changes. A
/// ripple that costs more than all flows together is given up: from the level reached on all links
/// are filled at once.
///
/// Numbers of flows are reused, last freed first. The same calls give the same rates to the last bit.
/// Allocates nothing after warm-up. One writer. Derived.
class flow_network {
 public:
  /// \param capacity       of each link, ≥ 0
  /// \param links_per_flow the most links that a flow takes, ≥ 1
  explicit flow_network(std::span<const double> capacity, std::size_t links_per_flow = 4)
      : table_(capacity, links_per_flow) {}

  /// Adds a flow and returns its number. Its rate is 0 until `solve`. O(links of the flow).
  /// \param links   distinct, at least one and at most links_per_flow
  /// \param weight  > 0
  std::uint32_t add(std::span<const std::uint32_t> links, double weight = 1) {
    const std::uint32_t f = table_.add(links, weight);
    added_.push_back(f);
    return f;
  }

  /// Takes a flow away; the rates of the others stay until `solve`. O(links of the flow).
  void remove(std::uint32_t f) { table_.remove(f, left_); }

  /// Brings all rates up to date. O(r · log r + flows on r) for r links reached, and never more than
  /// a few times the cost of all flows at once.
  void solve() {
    table_.next_epoch();
    changed_.clear();
    heap_.clear();
    for (std::uint32_t f : added_)
      if (table_.flows[f].links > 0) {
        table_.flows[f].epoch = table_.epoch;
        table_.flows[f].now = state::open;
      }
    for (std::uint32_t f : added_)
      for (const step& s : table_.steps_of(f)) touch(s.link, 0);
    for (std::uint32_t l : left_) touch(l, 0);
    added_.clear();
    left_.clear();
    const std::size_t patience = table_.incidences / 2;
    visits_ = 0;
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
      const auto [t, l] = heap_.back();
      heap_.pop_back();
      link& here = table_.links[l];
      if (here.done || here.next != t) continue;  // put in again, under another level
      if (visits_ > patience) return fill_all(t);
      if (here.is_stale) {
        look_ahead(l, t);
        if (here.next > t) {
          push(l);
          continue;
        }
      }
      if (here.full_at <= t)
        fill(l, t);
      else
        pass(l, t);
    }
  }

  /// Flows whose rate the last `solve` changed, newcomers included, each once.
  [[nodiscard]] std::span<const std::uint32_t> changed() const { return changed_; }

  /// Precondition: `f` is there.
  [[nodiscard]] double rate(std::uint32_t f) const {
    return table_.flows[f].weight * std::max(table_.flows[f].level, 0.0);
  }
  /// The full link that holds `f` back. Precondition: `f` is there and solved.
  [[nodiscard]] std::uint32_t bottleneck(std::uint32_t f) const {
    return table_.flows[f].bottleneck;
  }
  /// Flows now on a link.
  [[nodiscard]] std::size_t flows_on(std::uint32_t l) const { return table_.members[l].size(); }
  /// Flows that are there.
  [[nodiscard]] std::size_t size() const { return table_.size; }

 private:
  using flow_table = detail::flow_table;
  using state = flow_table::state;
  using flow = flow_table::flow;
  using step = flow_table::step;
  using member = flow_table::member;
  using link = flow_table::link;

  static constexpr double never = flow_table::never;
  static constexpr double same = 1e-13;

  void push(std::uint32_t l) {
    if (table_.links[l].next == never) return;
    heap_.emplace_back(table_.links[l].next, l);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
  }

  /// From level t on the water on `l` is not what it was.
  void touch(std::uint32_t l, double t) {
    link& here = table_.links[l];
    if (here.epoch == table_.epoch) return;
    here.epoch = table_.epoch;
    here.done = false;
    look_ahead(l, t);
    push(l);
  }

  /// At which level ≥ t the link is full if flows that are not known to change end where they did.
  void look_ahead(std::uint32_t l, double t) {
    link& here = table_.links[l];
    double rest = here.capacity, open = 0, at_most = 0;
    visits_ += table_.members[l].size();
    ends_.clear();
    for (const member m : table_.members[l]) {
      const flow& f = table_.flows[m.flow];
      if (f.epoch == table_.epoch && f.now == state::fixed) {
        rest -= f.weight * f.level;
      } else if (f.epoch == table_.epoch || f.bottleneck == l) {
        open += f.weight;
      } else {
        ends_.push_back({f.level, f.weight});
        at_most += f.weight;
      }
    }
    double level = never;
    while (open + at_most > 0) {
      level = std::max(rest, 0.0) / (open + at_most);
      std::size_t kept = 0;
      for (const auto& [end, weight] : ends_) {
        if (end < level) {
          rest -= weight * end;
          at_most -= weight;
        } else {
          ends_[kept++] = {end, weight};
        }
      }
      if (kept == ends_.size()) break;
      ends_.resize(kept);
      if (kept == 0) at_most = 0;
      level = never;
    }
    if (here.level != never && std::abs(level - here.level) <= same * here.level)
      level = here.level;
    here.full_at = std::max(level, t);
    here.next = std::max(std::min(here.full_at, here.level), t);
    here.is_stale = false;
  }

  void fill(std::uint32_t l, double t) {
    table_.links[l].level = t;
    table_.links[l].done = true;
    for (const member m : table_.members[l]) {
      flow& f = table_.flows[m.flow];
      const bool known = f.epoch == table_.epoch;
      if (known ? f.now == state::fixed : f.level < t && f.bottleneck != l) continue;
      // A flow that another link held back at this very level is held by this one now; the water
      // on untouched links is as it was.
      const bool moves = known || f.level != t;
      if (f.level != t) changed_.push_back(m.flow);
      f.level = t;
      f.bottleneck = l;
      f.epoch = table_.epoch;
      f.now = state::fixed;
      for (const step& s : table_.steps_of(m.flow)) {
        link& other = table_.links[s.link];
        if (other.epoch == table_.epoch)
          other.is_stale = true;  // slower than was thought: it fills no earlier
        else if (moves)
          touch(s.link, t);
      }
    }
  }

  void pass(std::uint32_t l, double t) {
    table_.links[l].level = never;
    for (const member m : table_.members[l]) {
      flow& f = table_.flows[m.flow];
      if (f.epoch == table_.epoch || f.bottleneck != l) continue;
      f.epoch = table_.epoch;
      f.now = state::open;
      for (const step& s : table_.steps_of(m.flow)) {
        link& other = table_.links[s.link];
        if (other.epoch != table_.epoch) {
          touch(s.link, t);
        } else if (s.link != l && !other.done) {
          other.is_stale = true;
          if (other.next > t) {
            other.next = t;
            push(s.link);
          }
        }
      }
    }
    table_.links[l].next = table_.links[l].full_at;
    push(l);
  }

  /// Fills all links from level t on. What ended below t stays.
  void fill_all(double t) {
    open_.assign(table_.links.size(), {});
    heap_.clear();
    for (std::uint32_t l = 0; l < table_.links.size(); ++l) {
      room& r = open_[l];
      r.capacity = table_.links[l].capacity;
      for (const member m : table_.members[l]) {
        const flow& f = table_.flows[m.flow];
        if (table_.is_open(f, t)) {
          r.weight += f.weight;
          ++r.flows;
        } else {
          r.capacity -= f.weight * f.level;
        }
      }
      if (table_.links[l].epoch == table_.epoch && !table_.links[l].done)
        table_.links[l].level = never;
      if (r.flows == 0) continue;
      table_.links[l].level = never;
      heap_.emplace_back(std::max(r.level(), t), l);
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>{});
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
      const auto [key, l] = heap_.back();
      heap_.pop_back();
      if (open_[l].flows == 0) continue;
      const double now = std::max(open_[l].level(), key);
      if (now > key && !heap_.empty() && now > heap_.front().first) {
        heap_.emplace_back(now, l);
        std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
        continue;
      }
      table_.links[l].level = now;
      for (const member m : table_.members[l]) {
        flow& f = table_.flows[m.flow];
        if (!table_.is_open(f, t)) continue;
        if (f.level != now) changed_.push_back(m.flow);
        f.level = now;
        f.bottleneck = l;
        f.epoch = table_.epoch;
        f.now = state::fixed;
        for (const step& s : table_.steps_of(m.flow)) {
          room& other = open_[s.link];
          other.capacity -= f.weight * now;
          other.weight -= f.weight;
          --other.flows;
        }
      }
    }
  }

  struct room {
    double capacity = 0;      // what is left of it
    double weight = 0;        // of the open flows
    std::uint32_t flows = 0;  // these
    [[nodiscard]] double level() const { return std::max(capacity, 0.0) / weight; }
  };

  flow_table table_;
  std::size_t visits_ = 0;  // of flows on links, by this solve
  std::vector<std::uint32_t> added_, left_, changed_;
  std::vector<std::pair<double, std::uint32_t>> heap_;  // level, link
  std::vector<std::pair<double, double>> ends_;         // scratch: level, weight
  std::vector<room> open_;                              // scratch
};

}  // namespace heddle::route
