// The time of a phase when nothing but its own network cards holds it back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// How many flows of a phase the busiest network card carries one way, and how many the busiest GPU
/// has inside its server or NVLink domain, those on their way to the card of another among them.
struct card_load {
  int card = 0;
  int inside = 0;
};

/// Counts `card_load`s; keeps its scratch. One writer.
class card_counter {
 public:
  card_load operator()(const traffic::group& ranks, std::span<const traffic::flow> flows) {
    count_.assign(ranks.gpus.size(), {});
    card_load most;
    if (!ranks.numbers.empty() || !ranks.cards.empty() || !ranks.domains.empty())
      return by_wiring(ranks, flows);
    for (const traffic::flow f : flows) {
      ends &from = count_[f.source], &to = count_[f.target];
      if (ranks.servers[f.source] == ranks.servers[f.target])
        most.inside = std::max({most.inside, ++from.out_inside, ++to.in_inside});
      else
        most.card = std::max({most.card, ++from.out, ++to.in});
    }
    return most;
  }

 private:
  card_load by_wiring(const traffic::group& ranks, std::span<const traffic::flow> flows) {
    card_load most;
    const auto inside = [&](std::uint32_t a, std::uint32_t b) {
      most.inside = std::max({most.inside, ++count_[a].out_inside, ++count_[b].in_inside});
    };
    const auto card = [&](std::uint32_t r) { return ranks.cards.empty() ? r : ranks.cards[r]; };
    for (const traffic::flow f : flows) {
      if (ranks.share_domain(f.source, f.target)) {
        inside(f.source, f.target);
        continue;
      }
      const std::uint32_t entry = ranks.entry(f.source, f.target);
      if (entry != f.source) inside(f.source, entry);
      most.card = std::max({most.card, ++count_[card(entry)].out, ++count_[card(f.target)].in});
    }
    return most;
  }

  struct ends {
    int out = 0, in = 0, out_inside = 0, in_inside = 0;
  };
  std::vector<ends> count_;
};

/// Seconds of one run of phase `p` without contention on leaf-spine links. All flows carry the same
/// bytes, and by max-min fairness none is slower than an even share of its fullest end, so the phase
/// takes exactly as long as the busiest card, or GPU inside its server, needs for all it carries. A card
/// has a port of `link_gbps` in every plane.
[[nodiscard]] inline double undisturbed_s(const fabric::leaf_spine& dc, const traffic::phase& p,
                                          card_load most) {
  return 8e-9 * p.bytes *
         std::max(most.card / (dc.planes() * dc.link_gbps()), most.inside / dc.server_gbps());
}

}  // namespace heddle::route
