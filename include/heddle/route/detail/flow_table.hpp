// Which flows are on which links, and what is known of both while their rates are found.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace heddle::route::detail {

/// What `flow_network` knows of its flows and links. A flow knows its place among the flows of each of
/// its links, so that it comes and goes in O(its links). What counts for one solve alone is stamped with
/// an epoch, so that a new solve need not clear it.
class flow_table {
 public:
  static constexpr double never = std::numeric_limits<double>::infinity();
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  /// What this solve knows of a flow, if anything (else it ends at its old level unless that changes):
  /// that it is past its old level, or its new level.
  enum class state : std::uint8_t { open, fixed };
  struct flow {
    double level = -1;
    double weight = 0;
    std::uint32_t bottleneck = nobody;
    std::uint32_t links = 0;  ///< 0: a free number
    std::uint32_t epoch = 0;  ///< of `now`
    state now = state::open;
  };
  /// Of a flow onto a link.
  struct step {
    std::uint32_t link = 0;
    std::uint32_t at = 0;  ///< among the members of the link
  };
  /// A flow on a link.
  struct member {
    std::uint32_t flow = 0;
    std::uint32_t step = 0;
  };
  struct link {
    double capacity = 0;
    double level = never;     ///< at which it is full; that of the last solve until passed or done
    double full_at = never;   ///< by what is known now
    double next = never;      ///< when to look at it again
    std::uint32_t epoch = 0;  ///< touched in this solve
    bool is_stale = false;    ///< full_at may be too low
    bool done = false;
  };

  flow_table(std::span<const double> capacity, std::size_t links_per_flow)
      : links(capacity.size()), members(capacity.size()), most_links_(links_per_flow) {
    for (std::size_t l = 0; l < capacity.size(); ++l) links[l].capacity = capacity[l];
  }

  std::vector<link> links;
  std::vector<std::vector<member>> members;  ///< of each link
  std::vector<flow> flows;
  std::uint32_t epoch = 0;     ///< of this solve
  std::size_t size = 0;        ///< flows that are there
  std::size_t incidences = 0;  ///< Σ of their links

  /// The number of a new flow, the last freed if any. Nothing is known of it.
  std::uint32_t add(std::span<const std::uint32_t> on, double weight) {
    assert(!on.empty() && on.size() <= most_links_ && weight > 0);
    std::uint32_t f;
    if (free_.empty()) {
      f = static_cast<std::uint32_t>(flows.size());
      flows.emplace_back();
      steps_.resize(steps_.size() + most_links_);
    } else {
      f = free_.back();
      free_.pop_back();
    }
    flows[f] = {.weight = weight, .links = static_cast<std::uint32_t>(on.size())};
    for (std::size_t k = 0; k < on.size(); ++k) {
      auto& there = members[on[k]];
      steps_[f * most_links_ + k] = {on[k], static_cast<std::uint32_t>(there.size())};
      there.push_back({f, static_cast<std::uint32_t>(k)});
    }
    incidences += on.size();
    ++size;
    return f;
  }

  /// Appends the links that `f` took to `left`.
  void remove(std::uint32_t f, std::vector<std::uint32_t>& left) {
    assert(f < flows.size() && flows[f].links > 0);
    for (const step& s : steps_of(f)) {
      auto& there = members[s.link];
      there[s.at] = there.back();
      steps_[there[s.at].flow * most_links_ + there[s.at].step].at = s.at;
      there.pop_back();
      left.push_back(s.link);
    }
    incidences -= flows[f].links;
    flows[f] = {};
    free_.push_back(f);
    --size;
  }

  [[nodiscard]] std::span<const step> steps_of(std::uint32_t f) const {
    return {steps_.data() + f * most_links_, flows[f].links};
  }

  /// Begins a solve, of which nothing is known yet.
  void next_epoch() {
    if (++epoch != 0) return;
    for (flow& f : flows) f.epoch = 0;
    for (link& l : links) l.epoch = 0;
    epoch = 1;
  }

  /// Whether this solve has still to find the level of `f`, when it has found all those below `t`.
  [[nodiscard]] bool is_open(const flow& f, double t) const {
    return f.epoch == epoch ? f.now == state::open : f.level >= t;
  }

 private:
  std::size_t most_links_;
  std::vector<step> steps_;  // of flow f: [f · most_links_, + flows[f].links)
  std::vector<std::uint32_t> free_;
};

}  // namespace heddle::route::detail
