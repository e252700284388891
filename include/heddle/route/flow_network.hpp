// Max-min fair rates that are kept up to date as flows come and go.
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <utility>
#include <vector>

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
      : most_links_(links_per_flow), links_(capacity.size()), members_(capacity.size()) {
    for (std::size_t l = 0; l < capacity.size(); ++l) links_[l].capacity = capacity[l];
  }

  /// Adds a flow and returns its number. Its rate is 0 until `solve`. O(links of the flow).
  /// \param links   distinct, at least one and at most links_per_flow
  /// \param weight  > 0
  std::uint32_t add(std::span<const std::uint32_t> links, double weight = 1) {
    assert(!links.empty() && links.size() <= most_links_ && weight > 0);
    std::uint32_t f;
    if (free_.empty()) {
      f = static_cast<std::uint32_t>(flows_.size());
      flows_.emplace_back();
      steps_.resize(steps_.size() + most_links_);
    } else {
      f = free_.back();
      free_.pop_back();
    }
    flows_[f] = {.weight = weight, .links = static_cast<std::uint32_t>(links.size())};
    for (std::size_t k = 0; k < links.size(); ++k) {
      auto& on = members_[links[k]];
      steps_[f * most_links_ + k] = {links[k], static_cast<std::uint32_t>(on.size())};
      on.push_back({f, static_cast<std::uint32_t>(k)});
    }
    added_.push_back(f);
    incidences_ += links.size();
    ++size_;
    return f;
  }

  /// Takes a flow away; the rates of the others stay until `solve`. O(links of the flow).
  void remove(std::uint32_t f) {
    assert(f < flows_.size() && flows_[f].links > 0);
    for (const step& s : steps_of(f)) {
      auto& on = members_[s.link];
      on[s.at] = on.back();
      steps_[on[s.at].flow * most_links_ + on[s.at].step].at = s.at;
      on.pop_back();
      left_.push_back(s.link);
    }
    incidences_ -= flows_[f].links;
    flows_[f] = {};
    free_.push_back(f);
    --size_;
  }

  /// Brings all rates up to date. O(r · log r + flows on r) for r links reached, and never more than
  /// a few times the cost of all flows at once.
  void solve() {
    next_epoch();
    changed_.clear();
    heap_.clear();
    for (std::uint32_t f : added_)
      if (flows_[f].links > 0) {
        flows_[f].epoch = epoch_;
        flows_[f].now = state::open;
      }
    for (std::uint32_t f : added_)
      for (const step& s : steps_of(f)) touch(s.link, 0);
    for (std::uint32_t l : left_) touch(l, 0);
    added_.clear();
    left_.clear();
    const std::size_t patience = incidences_ / 2;
    visits_ = 0;
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>{});
      const auto [t, l] = heap_.back();
      heap_.pop_back();
      link& here = links_[l];
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
    return flows_[f].weight * std::max(flows_[f].level, 0.0);
  }
  /// The full link that holds `f` back. Precondition: `f` is there and solved.
  [[nodiscard]] std::uint32_t bottleneck(std::uint32_t f) const { return flows_[f].bottleneck; }
  /// Flows now on a link.
  [[nodiscard]] std::size_t flows_on(std::uint32_t l) const { return members_[l].size(); }
  /// Flows that are there.
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr double never = std::numeric_limits<double>::infinity();
  static constexpr double same = 1e-13;
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  // What this solve knows of a flow: nothing (it ends at its old level unless that changes), that it
  // is past its old level, or its new level.
  enum class state : std::uint8_t { open, fixed };
  struct flow {
    double level = -1;
    double weight = 0;
    std::uint32_t bottleneck = nobody;
    std::uint32_t links = 0;
    std::uint32_t epoch = 0;  // of `now`
    state now = state::open;
  };
  struct step {
    std::uint32_t link = 0;
    std::uint32_t at = 0;  // among the members of the link
  };
  struct member {
    std::uint32_t flow = 0;
    std::uint32_t step = 0;
  };
  struct link {
    double capacity = 0;
    double level = never;     // at which it is full; that of the last solve until passed or done
    double full_at = never;   // by what is known now
    double next = never;      // when to look at it again
    std::uint32_t epoch = 0;  // touched in this solve
    bool is_stale = false;    // full_at may be too low
    bool done = false;
  };

  [[nodiscard]] std::span<const step> steps_of(std::uint32_t f) const {
    return {steps_.data() + f * most_links_, flows_[f].links};
  }
  void next_epoch() {
    if (++epoch_ != 0) return;
    for (flow& f : flows_) f.epoch = 0;
    for (link& l : links_) l.epoch = 0;
    epoch_ = 1;
  }
  void push(std::uint32_t l) {
    if (links_[l].next == never) return;
    heap_.emplace_back(links_[l].next, l);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>{});
  }

  /// From level t on the water on `l` is not what it was.
  void touch(std::uint32_t l, double t) {
    link& here = links_[l];
    if (here.epoch == epoch_) return;
    here.epoch = epoch_;
    here.done = false;
    look_ahead(l, t);
    push(l);
  }

  /// At which level ≥ t the link is full if flows that are not known to change end where they did.
  void look_ahead(std::uint32_t l, double t) {
    link& here = links_[l];
    double rest = here.capacity, open = 0, at_most = 0;
    visits_ += members_[l].size();
    ends_.clear();
    for (const member m : members_[l]) {
      const flow& f = flows_[m.flow];
      if (f.epoch == epoch_ && f.now == state::fixed) {
        rest -= f.weight * f.level;
      } else if (f.epoch == epoch_ || f.bottleneck == l) {
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
    links_[l].level = t;
    links_[l].done = true;
    for (const member m : members_[l]) {
      flow& f = flows_[m.flow];
      const bool known = f.epoch == epoch_;
      if (known ? f.now == state::fixed : f.level < t && f.bottleneck != l) continue;
      // A flow that another link held back at this very level is held by this one now; the water
      // on untouched links is as it was.
      const bool moves = known || f.level != t;
      if (f.level != t) changed_.push_back(m.flow);
      f.level = t;
      f.bottleneck = l;
      f.epoch = epoch_;
      f.now = state::fixed;
      for (const step& s : steps_of(m.flow)) {
        link& other = links_[s.link];
        if (other.epoch == epoch_)
          other.is_stale = true;  // slower than was thought: it fills no earlier
        else if (moves)
          touch(s.link, t);
      }
    }
  }

  void pass(std::uint32_t l, double t) {
    links_[l].level = never;
    for (const member m : members_[l]) {
      flow& f = flows_[m.flow];
      if (f.epoch == epoch_ || f.bottleneck != l) continue;
      f.epoch = epoch_;
      f.now = state::open;
      for (const step& s : steps_of(m.flow)) {
        link& other = links_[s.link];
        if (other.epoch != epoch_) {
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
    links_[l].next = links_[l].full_at;
    push(l);
  }

  /// Fills all links from level t on. What ended below t stays.
  void fill_all(double t) {
    open_.assign(links_.size(), {});
    heap_.clear();
    for (std::uint32_t l = 0; l < links_.size(); ++l) {
      room& r = open_[l];
      r.capacity = links_[l].capacity;
      for (const member m : members_[l]) {
        const flow& f = flows_[m.flow];
        if (is_open(f, t)) {
          r.weight += f.weight;
          ++r.flows;
        } else {
          r.capacity -= f.weight * f.level;
        }
      }
      if (links_[l].epoch == epoch_ && !links_[l].done) links_[l].level = never;
      if (r.flows == 0) continue;
      links_[l].level = never;
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
      links_[l].level = now;
      for (const member m : members_[l]) {
        flow& f = flows_[m.flow];
        if (!is_open(f, t)) continue;
        if (f.level != now) changed_.push_back(m.flow);
        f.level = now;
        f.bottleneck = l;
        f.epoch = epoch_;
        f.now = state::fixed;
        for (const step& s : steps_of(m.flow)) {
          room& other = open_[s.link];
          other.capacity -= f.weight * now;
          other.weight -= f.weight;
          --other.flows;
        }
      }
    }
  }
  [[nodiscard]] bool is_open(const flow& f, double t) const {
    return f.epoch == epoch_ ? f.now == state::open : f.level >= t;
  }

  struct room {
    double capacity = 0;      // what is left of it
    double weight = 0;        // of the open flows
    std::uint32_t flows = 0;  // these
    [[nodiscard]] double level() const { return std::max(capacity, 0.0) / weight; }
  };

  std::size_t most_links_;
  std::size_t size_ = 0, incidences_ = 0;
  std::size_t visits_ = 0;  // of flows on links, by this solve
  std::uint32_t epoch_ = 0;
  std::vector<link> links_;
  std::vector<std::vector<member>> members_;  // of each link
  std::vector<flow> flows_;
  std::vector<step> steps_;  // of flow f: [f · most_links_, + flows_[f].links)
  std::vector<std::uint32_t> free_, added_, left_, changed_;
  std::vector<std::pair<double, std::uint32_t>> heap_;  // level, link
  std::vector<std::pair<double, double>> ends_;         // scratch: level, weight
  std::vector<room> open_;                              // scratch
};

}  // namespace heddle::route
