// What the flows of a rail and plane ask of the links that a job owns there, as a search problem.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/route/detail/destination_search.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/path.hpp>

namespace heddle::route::detail {

/// Numbers from 0 in the order in which things come.
class numbering {
 public:
  /// The number of `what`, and whether it is new.
  std::pair<std::uint32_t, bool> operator()(std::uint64_t what) {
    const auto [at, is_new] = number_.try_emplace(what, static_cast<std::uint32_t>(things_.size()));
    if (is_new) things_.push_back(what);
    return {at->second, is_new};
  }
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(things_.size()); }
  [[nodiscard]] std::uint32_t thing(std::uint32_t number) const {
    return static_cast<std::uint32_t>(things_[number]);
  }

 private:
  std::map<std::uint64_t, std::uint32_t> number_;
  std::vector<std::uint64_t> things_;
};

/// Leafs, links, spines and destinations are numbered as they come, so that bands whose flows and links are
/// alike ask the same.
struct band_problem {
  /// Leaf, target and, where addresses are chosen by sender, source of a caller.
  using key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;

  destination_search find = {};
  std::map<key, std::uint32_t> callers = {};
  numbering leafs = {}, destinations = {}, groups = {}, links = {}, spines = {};

  void add_phase(int allowed) { find.allowed.push_back(allowed); }
  /// A flow of the last phase. \param by_sender  whether each source is a caller of its own
  void add(const card_flow& f, bool by_sender) {
    const auto phase = static_cast<std::uint32_t>(find.allowed.size()) - 1;
    const auto [at, is_new] =
        callers.try_emplace(key{f.from.value, f.target, by_sender ? f.source : 0},
                            static_cast<std::uint32_t>(find.callers.size()));
    if (is_new)
      find.callers.push_back({.leaf = leafs(f.from.value).first,
                              .to_leaf = leafs(f.to.value).first,
                              .destination = destinations(f.target).first,
                              .group = groups(pair(f.from.value, f.target)).first});
    auto& calls = find.callers[at->second].calls;
    if (!calls.empty() && calls.back().phase == phase)
      ++calls.back().flows;
    else
      calls.push_back({phase, 1});
  }
  /// The ways of all callers: up to any spine that both leafs have a link to.
  void add_ways(const own_links& own, const link_numbers& numbers) {
    std::map<std::uint64_t, std::pair<std::uint32_t, std::uint32_t>> of_leafs;  // first, count
    for (destination_search::caller& c : find.callers) {
      const auto [at, is_new] = of_leafs.try_emplace(pair(c.leaf, c.to_leaf));
      auto& [first, count] = at->second;
      if (is_new) {
        first = static_cast<std::uint32_t>(find.ways.size());
        const leaf_id from{leafs.thing(c.leaf)}, to{leafs.thing(c.to_leaf)};
        for (const own_link& a : own.of(from))
          for (const own_link& b : own.of(to))
            if (a.upper == b.upper)
              find.ways.push_back({links(numbers.up(from, spine_id{a.upper}, a.lane)).first,
                                   links(numbers.down(spine_id{b.upper}, to, b.lane)).first,
                                   spines(a.upper).first});
        count = static_cast<std::uint32_t>(find.ways.size()) - first;
      }
      c.first_way = first;
      c.ways = count;
    }
    find.links = links.size();
    find.spines = spines.size();
    find.destinations = destinations.size();
    find.groups = groups.size();
  }

 private:
  static std::uint64_t pair(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} << 32 | b; }
};

}  // namespace heddle::route::detail
