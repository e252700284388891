// Compiles the routes of a job by destination.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/route/detail/destination_search.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route::detail {

/// \see by_destination
class destination_compiler {
 public:
  destination_compiler(const fabric::leaf_spine& dc, const traffic::group& ranks,
                       std::span<const traffic::any_source> sources,
                       const destination_options& options)
      : dc_(dc), ranks_(ranks), numbers_(dc), sources_{sources}, options_(options) {
    good_.assign(static_cast<std::size_t>(dc_.leafs_per_unit()), true);
  }

  [[nodiscard]] destination_routes operator()(const fabric::placement& where) {
    const own_links own{dc_, where};
    const destination_slots slots{dc_, own, numbers_, ranks_};
    find_bands(own, slots);
    bool done = true;
    for (std::uint32_t band = 0; band < good_.size() && done; ++band) {
      if (good_[band]) continue;
      out_.method = destination_method::search;
      done = !own.in_three_tiers() && search(own, band, 1);
    }
    if (done)
      add_slots(own, slots);
    else
      add_pairs(where, own);
    std::sort(out_.entries.begin(), out_.entries.end());
    out_.entries.erase(std::unique(out_.entries.begin(), out_.entries.end()), out_.entries.end());
    std::sort(out_.picks.begin(), out_.picks.end());
    if (out_.method != destination_method::slots) out_.complete = carries(own);
    return std::move(out_);
  }

 private:
  using flow_span = std::span<const card_flow>;

  [[nodiscard]] std::uint32_t band_of(leaf_id l) const {
    return l.value % static_cast<std::uint32_t>(dc_.leafs_per_unit());
  }
  template <class F>
  void for_each_phase(const own_links& own, F&& f) const {
    (void)for_each_card_phase(
        ranks_, sources_, [&](leaf_id l) { return own.in_plane(l); }, f);
  }

  /// Which bands slots serve.
  void find_bands(const own_links& own, const destination_slots& slots) {
    std::vector<int> load(numbers_.size(), 0);
    std::vector<std::uint32_t> touched;
    for_each_phase(own, [&](flow_span flows, int allowed) {
      for (const card_flow& f : flows) {
        const std::uint32_t band = band_of(f.to);
        if (!good_[band]) continue;
        const way_links way = band_of(f.from) == band ? slots(f.from, f.to, f.target) : way_links{};
        good_[band] = way.count > 0;
        for (int i = 0; i < way.count; ++i) {
          if (load[way.link[i]]++ == 0) touched.push_back(way.link[i]);
          good_[band] = good_[band] && load[way.link[i]] <= allowed;
        }
      }
      for (std::uint32_t l : touched) load[l] = 0;
      touched.clear();
      return std::find(good_.begin(), good_.end(), true) != good_.end();
    });
  }
  /// From every leaf of the job to every card of it, in the bands that slots serve.
  void add_slots(const own_links& own, const destination_slots& slots) {
    std::vector<leaf_id> leafs = ranks_.leafs;
    std::sort(leafs.begin(), leafs.end());
    leafs.erase(std::unique(leafs.begin(), leafs.end()), leafs.end());
    std::vector<std::vector<leaf_id>> of_band(good_.size());
    for (leaf_id l : leafs) of_band[band_of(l)].push_back(l);
    for (std::uint32_t r = 0; r < ranks_.gpus.size(); ++r) {
      if (card_of(ranks_, r) != r) continue;
      for (int plane = 0; plane < ranks_.planes; ++plane) {
        const auto p = static_cast<std::uint32_t>(plane);
        const leaf_id to{ranks_.leafs[r].value + p};
        if (!good_[band_of(to)] || !own.in_plane(to)) continue;
        for (leaf_id l : of_band[band_of(ranks_.leafs[r])]) {
          if (l == ranks_.leafs[r]) continue;
          const way_links way = slots(leaf_id{l.value + p}, to, r);
          // Down from the spine it is the same for all leafs.
          for (int i = 0; i < way.count; ++i) out_.entries.push_back({r, plane, 0, way.link[i]});
        }
      }
    }
  }

  /// Ways of one band by colouring with `k` addresses.
  bool search(const own_links& own, std::uint32_t band, std::uint32_t k) {
    destination_search find;
    using key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  // leaf, target, source
    std::map<key, std::uint32_t> known;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> groups, of_leafs;
    std::size_t flows_seen = 0;
    bool fits = true;
    for_each_phase(own, [&](flow_span flows, int allowed) {
      const auto phase = static_cast<std::uint32_t>(find.allowed.size());
      find.allowed.push_back(allowed);
      for (const card_flow& f : flows) {
        if (band_of(f.to) != band) continue;
        fits = fits && band_of(f.from) == band && ++flows_seen <= options_.most_flows;
        if (!fits) return false;
        const auto [at, is_new] =
            known.try_emplace(key{f.from.value, f.target, k == 1 ? 0 : f.source},
                              static_cast<std::uint32_t>(find.callers.size()));
        if (is_new)
          find.callers.push_back(
              {.leaf = f.from.value,
               .to_leaf = f.to.value,
               .destination = f.target,
               .group = groups
                            .try_emplace({f.from.value, f.target},
                                         static_cast<std::uint32_t>(groups.size()))
                            .first->second});
        auto& calls = find.callers[at->second].calls;
        if (!calls.empty() && calls.back().phase == phase)
          ++calls.back().flows;
        else
          calls.push_back({phase, 1});
      }
      return true;
    });
    if (!fits) return false;
    for (destination_search::caller& c : find.callers) {
      const auto [at, is_new] =
          of_leafs.try_emplace({c.leaf, c.to_leaf}, static_cast<std::uint32_t>(find.ways.size()));
      c.first_way = at->second;
      if (is_new) add_ways(own, leaf_id{c.leaf}, leaf_id{c.to_leaf}, find.ways);
      c.ways = 0;
      while (c.first_way + c.ways < find.ways.size() &&
             find.ways[c.first_way + c.ways].spine != sentinel)
        ++c.ways;
    }
    find.links = static_cast<std::uint32_t>(numbers_.size());
    find.spines = static_cast<std::uint32_t>(dc_.spines());
    find.destinations = static_cast<std::uint32_t>(ranks_.gpus.size());
    find.groups = static_cast<std::uint32_t>(groups.size());
    const auto answer = find(k, options_.budget + find.callers.size());
    refuted_ = answer == destination_search::answer::none;
    if (answer != destination_search::answer::found) return false;
    std::vector<std::vector<std::uint32_t>> used(groups.size());
    for (std::size_t c = 0; c < find.callers.size(); ++c)
      used[find.callers[c].group].push_back(find.of(c).up);
    for (std::vector<std::uint32_t>& u : used) {
      std::sort(u.begin(), u.end());
      u.erase(std::unique(u.begin(), u.end()), u.end());
      out_.lids = std::max(out_.lids, static_cast<int>(u.size()));
    }
    const int plane = static_cast<int>(band) % ranks_.planes;
    for (const auto& [at, c] : known) {
      const std::vector<std::uint32_t>& u = used[find.callers[c].group];
      const auto lid = static_cast<std::uint32_t>(
          std::lower_bound(u.begin(), u.end(), find.of(c).up) - u.begin());
      const auto [leaf, target, source] = at;
      out_.entries.push_back({target, plane, lid, find.of(c).up});
      out_.entries.push_back({target, plane, lid, find.of(c).down});
      if (lid > 0) out_.picks.push_back({plane, target, source, lid});
    }
    return true;
  }
  void add_ways(const own_links& own, leaf_id from, leaf_id to,
                std::vector<destination_search::way>& ways) const {
    for (const own_link& a : own.of(from))
      for (const own_link& b : own.of(to))
        if (a.upper == b.upper)
          ways.push_back({numbers_.up(from, spine_id{a.upper}, a.lane),
                          numbers_.down(spine_id{b.upper}, to, b.lane), a.upper});
    ways.push_back({0, 0, sentinel});
  }

  /// As `owned` routes, with the addresses that takes; fewer, if a search finds them.
  void add_pairs(const fabric::placement& where, const own_links& own) {
    bool refuted = refuted_;
    out_ = {};
    out_.method = destination_method::pairs;
    owned policy{dc_, where};
    const static_table table{dc_, ranks_, policy, sources_};
    std::map<std::tuple<int, std::uint32_t, std::uint32_t>, std::vector<way_links>> ways;
    for (const static_table::row& r : table.rows()) {
      const std::uint32_t entry = ranks_.entry(r.source, r.target);
      const auto p = static_cast<std::uint32_t>(r.plane);
      ways[{r.plane, card_of(ranks_, r.target), card_of(ranks_, entry)}].push_back(
          links_of(r.way, leaf_id{ranks_.leafs[entry].value + p},
                   leaf_id{ranks_.leafs[r.target].value + p}));
    }
    // Of a card's addresses which link each switch uses.
    std::vector<std::map<std::uint32_t, std::uint32_t>> used;
    std::pair<int, std::uint32_t> last{-1, 0};
    for (const auto& [pair, list] : ways) {
      const auto [plane, target, source] = pair;
      if (last != std::pair{plane, target}) used.clear();
      last = {plane, target};
      for (const way_links& way : list) add_way(way, pair, used);
    }
    if (!own.in_three_tiers()) search_fewer(own, refuted);
    out_.least = out_.lids == 1 || (refuted && out_.least);
  }
  void add_way(const way_links& way, const std::tuple<int, std::uint32_t, std::uint32_t>& pair,
               std::vector<std::map<std::uint32_t, std::uint32_t>>& used) {
    const auto [plane, target, source] = pair;
    std::uint32_t lid = 0;
    const auto fits = [&](const std::map<std::uint32_t, std::uint32_t>& of_switch) {
      for (int i = 0; i < way.count; ++i)
        if (const auto at = of_switch.find(switch_of(way.link[i]));
            at != of_switch.end() && at->second != way.link[i])
          return false;
      return true;
    };
    while (lid < used.size() && !fits(used[lid])) ++lid;
    if (lid == used.size()) used.emplace_back();
    for (int i = 0; i < way.count; ++i) {
      used[lid][switch_of(way.link[i])] = way.link[i];
      out_.entries.push_back({target, plane, lid, way.link[i]});
    }
    out_.lids = std::max(out_.lids, static_cast<int>(lid) + 1);
    if (lid > 0) out_.picks.push_back({plane, target, source, lid});
  }
  /// \param refuted  whether one address is known not to do; then: whether one fewer than are taken
  void search_fewer(const own_links& own, bool& refuted) {
    const destination_routes pairs = std::exchange(out_, {});
    for (int k = 2; k < pairs.lids && k <= options_.most_lids; ++k) {
      out_ = {};
      out_.method = destination_method::search;
      bool all = true;
      for (std::uint32_t band = 0; band < good_.size() && all; ++band)
        all = search(own, band, static_cast<std::uint32_t>(k));
      if (all) return;
      refuted = refuted_;
    }
    out_ = pairs;
    refuted = refuted && out_.lids <= options_.most_lids + 1;
  }

  /// Whether the entries lead every flow to its target, and none meets more others than a card carries.
  [[nodiscard]] bool carries(const own_links& own) const {
    std::map<std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> out_of;
    for (const destination_entry& e : out_.entries)
      out_of.emplace(std::tuple{e.plane, e.destination, e.lid, switch_of(e.link)}, e.link);
    std::vector<int> load(numbers_.size(), 0);
    std::vector<std::uint32_t> touched;
    return for_each_card_phase(
        ranks_, sources_, [&](leaf_id l) { return own.in_plane(l); },
        [&](flow_span flows, int allowed) {
          for (std::uint32_t l : touched) load[l] = 0;
          touched.clear();
          for (const card_flow& f : flows) {
            const std::uint32_t lid = out_.lid_of(f.source, f.target, f.plane);
            std::uint32_t at = f.from.value;
            for (int hops = 0; at != f.to.value; ++hops) {
              const auto next = out_of.find({f.plane, f.target, lid, at});
              if (next == out_of.end() || hops == 4) return false;
              if (load[next->second]++ == 0) touched.push_back(next->second);
              if (load[next->second] > allowed) return false;
              at = end_of(next->second);
            }
          }
          return true;
        });
  }
  [[nodiscard]] way_links links_of(const path& p, leaf_id from, leaf_id to) const {
    const std::uint32_t up = numbers_.up(from, p.spine, p.up_lane);
    if (!p.core.valid()) return {{up, numbers_.down(p.spine, to, p.down_lane)}, 2};
    return {{up, numbers_.up(p.spine, p.core, p.core_up_lane),
             numbers_.down(p.core, p.down_spine, p.core_down_lane),
             numbers_.down(p.down_spine, to, p.down_lane)},
            4};
  }
  /// The switch that a directed link leaves, leafs before spines before cores.
  [[nodiscard]] std::uint32_t switch_of(std::uint32_t link) const {
    const auto leafs = static_cast<std::uint32_t>(dc_.leafs()),
               spines = static_cast<std::uint32_t>(dc_.spines());
    if (numbers_.is_of_core(link))
      return numbers_.is_up(link) ? leafs + numbers_.spine_of(link).value
                                  : leafs + spines + numbers_.core_of(link).value;
    return numbers_.is_up(link) ? numbers_.leaf_of(link).value
                                : leafs + numbers_.spine_of(link).value;
  }

  /// And the one that it enters.
  [[nodiscard]] std::uint32_t end_of(std::uint32_t link) const {
    const auto leafs = static_cast<std::uint32_t>(dc_.leafs()),
               spines = static_cast<std::uint32_t>(dc_.spines());
    if (numbers_.is_of_core(link))
      return numbers_.is_up(link) ? leafs + spines + numbers_.core_of(link).value
                                  : leafs + numbers_.spine_of(link).value;
    return numbers_.is_up(link) ? leafs + numbers_.spine_of(link).value
                                : numbers_.leaf_of(link).value;
  }

  static constexpr std::uint32_t sentinel = ~std::uint32_t{0};

  const fabric::leaf_spine& dc_;
  const traffic::group& ranks_;
  link_numbers numbers_;
  joined_sources sources_;
  destination_options options_;
  std::vector<bool> good_;  // bands that slots serve
  destination_routes out_;
  bool refuted_ = false;  // whether the last search ended without a way
};

}  // namespace heddle::route::detail
