// Exact search for links by destination: which way out of a leaf each destination has, so that flows of a
// phase do not meet.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace heddle::route::detail {

/// Gives *callers* links. A caller is what is sent from a leaf to a destination, all of it or one
/// source's part; it takes part in some phases, and has some ways, an up-link of its leaf and a down-link
/// of the destination's each. Of a phase a link may carry so many flows; the callers of a group take at
/// most `k` different up-links; and what goes to a destination over a spine comes down one link.
///
/// Most constrained first (Brélaz, CACM 1979), with turning back: exact unless it stops for its budget of
/// *steps*, looks at a caller or at one of its ways.
class destination_search {
 public:
  struct way {
    std::uint32_t up = 0, down = 0, spine = 0;
    friend bool operator==(const way&, const way&) = default;
  };
  struct call {
    std::uint32_t phase = 0;
    int flows = 1;
    friend bool operator==(const call&, const call&) = default;
  };
  struct caller {
    std::uint32_t leaf = 0, to_leaf = 0, destination = 0, group = 0;
    std::uint32_t first_way = 0, ways = 0;  ///< in `ways`
    std::vector<call> calls = {};
    friend bool operator==(const caller&, const caller&) = default;
  };
  enum class answer : unsigned char { found, none, stopped };

  std::vector<caller> callers;
  std::vector<way> ways;
  std::vector<int> allowed;  ///< flows on a link, by phase
  std::uint32_t links = 0, spines = 0, destinations = 0, groups = 0;

  /// \param k       up-links of a group at most
  /// \param budget  steps that are made at most, a choice's to its end; lessened by those made
  answer operator()(std::uint32_t k, std::size_t& budget) {
    k_ = k;
    prepare();
    left_ = budget;
    const answer a = look();
    budget = left_;
    return a;
  }
  /// Whether another asks the same.
  [[nodiscard]] bool is_like(const destination_search& o) const {
    return links == o.links && spines == o.spines && groups == o.groups && allowed == o.allowed &&
           ways == o.ways && callers == o.callers;
  }
  /// The way of a caller. Precondition: found.
  [[nodiscard]] const way& of(std::size_t c) const {
    return ways[callers[c].first_way + static_cast<std::size_t>(chosen_[c])];
  }

 private:
  struct step {
    std::uint32_t who = 0, next = 0;
  };
  struct held {
    std::uint32_t link = 0;
    int count = 0;
  };

  answer look() {
    std::vector<step> path;
    path.reserve(callers.size());
    bool forward = true;
    for (;;) {
      if (forward) {
        if (path.size() == callers.size()) return answer::found;
        path.push_back({pick(), 0});
      }
      step& s = path.back();
      if (!forward) {
        undo(s.who);
        ++s.next;
      }
      const caller& c = callers[s.who];
      while (s.next < c.ways && !is_open(s.who, s.next)) ++s.next;
      if (s.next == c.ways) {
        path.pop_back();
        if (path.empty()) return answer::none;
        forward = false;
        continue;
      }
      if (left_ == 0) return answer::stopped;
      take(s.who, s.next);
      forward = true;
    }
  }
  void spend(std::size_t steps) { left_ -= std::min(left_, steps); }
  void prepare() {
    chosen_.assign(callers.size(), -1);
    load_.assign(allowed.size() * links, 0);
    down_of_.assign(std::size_t{spines} * destinations, {});
    palette_.assign(groups, {});
    open_.resize(callers.size());
    first_block_.resize(callers.size());
    std::uint32_t blocks = 0;  // callers may share ways: each has its own blocks
    for (std::size_t c = 0; c < callers.size(); ++c) {
      open_[c] = callers[c].ways;
      first_block_[c] = std::exchange(blocks, blocks + callers[c].ways);
    }
    blocked_.assign(blocks, 0);
    std::uint32_t leafs = 0;
    for (const caller& c : callers) leafs = std::max({leafs, c.leaf + 1, c.to_leaf + 1});
    leafs_ = leafs;
    out_.assign(std::size_t{leafs} * allowed.size(), {});
    in_.assign(std::size_t{leafs} * allowed.size(), {});
    for (std::uint32_t c = 0; c < callers.size(); ++c)
      for (const call& p : callers[c].calls) {
        out_[std::size_t{p.phase} * leafs_ + callers[c].leaf].push_back({c, p.flows});
        in_[std::size_t{p.phase} * leafs_ + callers[c].to_leaf].push_back({c, p.flows});
        if (p.flows > allowed[p.phase])  // never fits
          for (std::uint32_t w = 0; w < callers[c].ways; ++w) block(c, w, 1);
      }
  }
  [[nodiscard]] const way& at(std::uint32_t c, std::uint32_t w) const {
    return ways[callers[c].first_way + w];
  }
  void block(std::uint32_t c, std::uint32_t w, int by) {
    int& n = blocked_[first_block_[c] + w];
    if (n == 0 && by > 0) --open_[c];
    n += by;
    if (n == 0 && by < 0) ++open_[c];
  }
  [[nodiscard]] bool is_open(std::uint32_t c, std::uint32_t w) const {
    if (blocked_[first_block_[c] + w] != 0) return false;
    const way& x = at(c, w);
    const held& down = down_of_[std::size_t{x.spine} * destinations + callers[c].destination];
    if (down.count > 0 && down.link != x.down) return false;
    const std::vector<held>& used = palette_[callers[c].group];
    if (used.size() < k_) return true;
    return std::any_of(used.begin(), used.end(), [&](const held& h) { return h.link == x.up; });
  }
  [[nodiscard]] std::uint32_t pick() {
    std::uint32_t best = 0, fewest = ~std::uint32_t{0};
    spend(callers.size());
    for (std::uint32_t c = 0; c < callers.size(); ++c) {
      if (chosen_[c] >= 0) continue;
      std::uint32_t n = open_[c];
      if (n > 0 && palette_[callers[c].group].size() == k_) {
        n = 0;
        for (std::uint32_t w = 0; w < callers[c].ways; ++w) n += is_open(c, w);
      }
      if (n < fewest) {
        fewest = n;
        best = c;
        if (n == 0) break;
      }
    }
    return best;
  }
  /// Flows of `c` come onto, or leave, one link; others that no longer fit there are blocked.
  void load(std::uint32_t c, std::uint32_t link, bool up, int sign) {
    for (const call& p : callers[c].calls) {
      int& n = load_[std::size_t{p.phase} * links + link];
      const int before = n, most = allowed[p.phase];
      n += sign * p.flows;
      const auto& others = up ? out_[std::size_t{p.phase} * leafs_ + callers[c].leaf]
                              : in_[std::size_t{p.phase} * leafs_ + callers[c].to_leaf];
      spend(others.size());
      for (const auto& [o, flows] : others) {
        if (o == c) continue;
        const bool was = before + flows > most, is = n + flows > most;
        if (was == is) continue;
        spend(callers[o].ways);
        for (std::uint32_t w = 0; w < callers[o].ways; ++w)
          if ((up ? at(o, w).up : at(o, w).down) == link) block(o, w, is ? 1 : -1);
      }
    }
  }
  void take(std::uint32_t c, std::uint32_t w) {
    const way& x = at(c, w);
    chosen_[c] = static_cast<int>(w);
    load(c, x.up, true, 1);
    load(c, x.down, false, 1);
    held& down = down_of_[std::size_t{x.spine} * destinations + callers[c].destination];
    down.link = x.down;
    ++down.count;
    for (held& h : palette_[callers[c].group])
      if (h.link == x.up) {
        ++h.count;
        return;
      }
    palette_[callers[c].group].push_back({x.up, 1});
  }
  void undo(std::uint32_t c) {
    const way x = at(c, static_cast<std::uint32_t>(chosen_[c]));
    chosen_[c] = -1;
    load(c, x.up, true, -1);
    load(c, x.down, false, -1);
    --down_of_[std::size_t{x.spine} * destinations + callers[c].destination].count;
    std::vector<held>& used = palette_[callers[c].group];
    const auto h =
        std::find_if(used.begin(), used.end(), [&](const held& a) { return a.link == x.up; });
    assert(h != used.end());
    if (--h->count == 0) used.erase(h);
  }

  std::uint32_t k_ = 1, leafs_ = 0;
  std::size_t left_ = 0;
  std::vector<int> chosen_, load_, blocked_;
  std::vector<std::uint32_t> open_, first_block_;
  std::vector<held> down_of_;  // by spine and destination
  std::vector<std::vector<held>> palette_;
  std::vector<std::vector<std::pair<std::uint32_t, int>>> out_, in_;  // by phase and leaf
};

}  // namespace heddle::route::detail
