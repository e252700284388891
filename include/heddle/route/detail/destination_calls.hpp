// What a job's phases ask of the network, card by card.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// A flow between leafs, from where it enters the network to the card of its target; cards are told by
/// their first rank.
struct card_flow {
  leaf_id from, to;
  std::uint32_t source = 0, target = 0;
  int plane = 0;
};

/// Several sources as one.
struct joined_sources {
  std::span<const traffic::any_source> all;

  [[nodiscard]] std::size_t size() const {
    std::size_t n = 0;
    for (const traffic::any_source& s : all) n += s.size();
    return n;
  }
  traffic::phase write(std::size_t k, std::vector<traffic::flow>& out) const {
    std::size_t i = 0;
    while (k >= all[i].size()) k -= all[i++].size();
    return all[i].write(k, out);
  }
};

[[nodiscard]] inline std::uint32_t card_of(const traffic::group& ranks, std::uint32_t r) {
  return ranks.cards.empty() ? r : ranks.cards[r];
}

/// Every phase is looked at.
struct no_phase {
  bool operator()(std::span<const traffic::flow>) const { return false; }
};

/// Calls `f(flows between leafs, most flows of a card)` for each phase, until it returns false.
/// \param in_plane  callable: whether the job has links in the plane of a leaf
/// \param leaves_out  callable: whether a phase need not be looked at
template <class InPlane, class F, class LeavesOut = no_phase>
bool for_each_card_phase(const traffic::group& ranks, const joined_sources& sources,
                         InPlane&& in_plane, F&& f, const LeavesOut& leaves_out = {}) {
  network_flows entering;
  card_counter cards;
  std::vector<traffic::flow> flows;
  std::vector<card_flow> out;
  for (const traffic::any_source& source : sources.all)
    for (std::size_t k = 0, n = source.size(); k < n; ++k) {
      (void)source.write(k, flows);
      if (leaves_out(std::span<const traffic::flow>{flows})) continue;
      const int allowed = std::max(1, cards(ranks, flows).card);
      out.clear();
      for (const traffic::flow e : entering(ranks, flows))
        for (int plane = 0; plane < ranks.planes; ++plane) {
          const auto p = static_cast<std::uint32_t>(plane);
          const leaf_id a{ranks.leafs[e.source].value + p}, b{ranks.leafs[e.target].value + p};
          if (a != b && in_plane(b))
            out.push_back({a, b, card_of(ranks, e.source), card_of(ranks, e.target), plane});
        }
      if (!f(std::span<const card_flow>{out}, allowed)) return false;
    }
  return true;
}

}  // namespace heddle::route::detail
