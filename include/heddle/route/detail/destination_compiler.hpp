// Compiles the routes of a job by destination.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/band_problem.hpp>
#include <heddle/route/detail/destination_calls.hpp>
#include <heddle/route/detail/destination_search.hpp>
#include <heddle/route/detail/destination_slots.hpp>
#include <heddle/route/detail/own_links.hpp>
#include <heddle/route/detail/shift_theorem.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::route::detail {

/// Routes of one job, for one set of sources after the other. \see by_destination
class destination_compiler {
 public:
  using bands = std::vector<bool>;  ///< by the number of a leaf in its unit
  using sources = std::span<const traffic::any_source>;

  /// All is only looked at.
  destination_compiler(const fabric::leaf_spine& dc, const fabric::placement& where,
                       const traffic::group& ranks)
      : dc_(dc), where_(where), ranks_(ranks), numbers_(dc), own_(dc, where), one_(*this, 1) {}
  destination_compiler(const destination_compiler&) = delete;
  destination_compiler& operator=(const destination_compiler&) = delete;

  /// Whether slots are known to carry every shift of the ranks.
  [[nodiscard]] bool shifts_are_carried() const { return one_.proved.holds(); }
  /// In which bands slots carry all that sources send, whatever else is sent: what several sources send they
  /// carry where they carry each.
  [[nodiscard]] bands carried_by_slots(sources all) const { return carried_by(one_, all); }
  /// Flows of all phases of sources, counted up to `most`.
  [[nodiscard]] static std::size_t flows_of(sources all, std::size_t most) {
    std::vector<traffic::flow> flows;
    std::size_t n = 0;
    for (const traffic::any_source& s : all)
      for (std::size_t k = 0; k < s.size() && n < most; ++k) {
        (void)s.write(k, flows);
        n += flows.size();
      }
    return std::min(n, most);
  }
  /// Steps that searches of the last call left of its budget.
  [[nodiscard]] std::size_t budget_left() const { return budget_; }
  /// \param good  `carried_by_slots` of the sources
  [[nodiscard]] destination_routes operator()(sources all, const bands& good,
                                              const destination_options& options) {
    sources_ = all;
    options_ = options;
    budget_ = options.budget;
    out_ = {};
    searched_ = 0;
    answer_ = destination_search::answer::stopped;
    bool done = true;
    const bool served = std::find(good.begin(), good.end(), false) == good.end();
    std::optional<slot_ways> two;
    if (!served && options_.most_lids > 1) {
      two.emplace(*this, 2);
      if (const bands by_two = carried_by(*two, all);
          std::find(by_two.begin(), by_two.end(), false) != by_two.end())
        two.reset();
      else
        budget_ = std::min(budget_, most_steps_beside);
    }
    for (std::uint32_t band = 0; band < good.size() && done; ++band) {
      if (good[band]) continue;
      out_.method = destination_method::search;
      done = !own_.in_three_tiers() && search(band, 1);
    }
    if (done) {
      add_slots(one_.slots, good);
    } else if (two) {
      out_ = {.lids = 2, .least = answer_ == destination_search::answer::none};
      add_slots(two->slots, bands(good.size(), true));
    } else if (options_.most_lids > 1 && has_few_flows()) {
      add_pairs();
    } else {
      return {.lids = 0,
              .least = answer_ == destination_search::answer::none,
              .method = destination_method::pairs,
              .complete = false};
    }
    sort();
    if (out_.method != destination_method::slots) out_.complete = carries();
    return std::move(out_);
  }

 private:
  using flow_span = std::span<const card_flow>;
  /// Ways by slots, with so many addresses a card.
  struct slot_ways {
    slot_ways(const destination_compiler& of, std::uint32_t lids)
        : slots(of.dc_, of.own_, of.numbers_, of.ranks_, lids),
          proved(of.dc_, of.ranks_, of.own_, slots) {}
    slot_ways(const slot_ways&) = delete;
    slot_ways& operator=(const slot_ways&) = delete;

    destination_slots slots;
    shift_theorem proved;
  };
  [[nodiscard]] bands carried_by(const slot_ways& with, sources all) const {
    bands good(static_cast<std::size_t>(dc_.leafs_per_unit()), true);
    std::vector<int> load(numbers_.size(), 0);
    std::vector<std::uint32_t> touched;
    const auto look = [&](flow_span flows, int allowed) {
      for (const card_flow& f : flows) {
        const std::uint32_t band = band_of(f.to);
        if (!good[band]) continue;
        const way_links way = band_of(f.from) == band
                                  ? with.slots(f.from, f.to, f.target,
                                               with.slots.lid_of(f.from, f.to, f.source, f.target))
                                  : way_links{};
        good[band] = way.count > 0;
        for (int i = 0; i < way.count; ++i) {
          if (load[way.link[i]]++ == 0) touched.push_back(way.link[i]);
          good[band] = good[band] && load[way.link[i]] <= allowed;
        }
      }
      for (std::uint32_t l : touched) load[l] = 0;
      touched.clear();
      return std::find(good.begin(), good.end(), true) != good.end();
    };
    for_each_phase(all, look,
                   [&](std::span<const traffic::flow> phase) { return with.proved.covers(phase); });
    return good;
  }

  [[nodiscard]] std::uint32_t band_of(leaf_id l) const {
    return l.value % static_cast<std::uint32_t>(dc_.leafs_per_unit());
  }
  template <class F, class LeavesOut = no_phase>
  bool for_each_phase(sources all, F&& f, const LeavesOut& leaves_out = {}) const {
    return for_each_card_phase(
        ranks_, joined_sources{all}, [&](leaf_id l) { return own_.in_plane(l); }, f, leaves_out);
  }

  void sort() {
    std::sort(out_.entries.begin(), out_.entries.end());
    out_.entries.erase(std::unique(out_.entries.begin(), out_.entries.end()), out_.entries.end());
    std::sort(out_.picks.begin(), out_.picks.end());
  }
  [[nodiscard]] bool has_few_flows() const {
    return flows_of(sources_, options_.most_flows + 1) <= options_.most_flows;
  }
  /// From every leaf of the job to every card of it, in the bands that slots serve.
  void add_slots(const destination_slots& slots, const bands& good) {
    std::vector<leaf_id> leafs = ranks_.leafs;
    std::sort(leafs.begin(), leafs.end());
    leafs.erase(std::unique(leafs.begin(), leafs.end()), leafs.end());
    std::vector<std::vector<leaf_id>> of_band(good.size());
    for (leaf_id l : leafs) of_band[band_of(l)].push_back(l);
    for (std::uint32_t r = 0; r < ranks_.gpus.size(); ++r) {
      if (card_of(ranks_, r) != r) continue;
      for (int plane = 0; plane < ranks_.planes; ++plane) {
        const auto p = static_cast<std::uint32_t>(plane);
        const leaf_id to{ranks_.leafs[r].value + p};
        if (!good[band_of(to)] || !own_.in_plane(to)) continue;
        for (leaf_id l : of_band[band_of(ranks_.leafs[r])]) {
          if (l == ranks_.leafs[r]) continue;
          const leaf_id from{l.value + p};
          const std::uint32_t lids = slots.lids(from, to, r);
          for (std::uint32_t lid = 0; lid < lids; ++lid) {
            const way_links way = slots(from, to, r, lid);
            // Down from the spine it is the same for all leafs.
            for (int i = 0; i < way.count; ++i)
              out_.entries.push_back({r, plane, lid, way.link[i]});
          }
          for (std::uint32_t s = 0; lids > 1 && s < ranks_.leafs.size(); ++s)
            if (ranks_.leafs[s] == l && card_of(ranks_, s) == s)
              if (const std::uint32_t lid = slots.lid_of(from, to, s, r); lid > 0)
                out_.picks.push_back({plane, r, s, lid});
        }
      }
    }
  }

  /// Ways of one band by colouring with `k` addresses. Bands that ask the same are searched once.
  bool search(std::uint32_t band, std::uint32_t k) {
    band_problem asked;
    std::size_t flows_seen = 0;
    bool fits = true;
    for_each_phase(sources_, [&](flow_span flows, int allowed) {
      asked.add_phase(allowed);
      for (const card_flow& f : flows) {
        if (band_of(f.to) != band) continue;
        fits = fits && band_of(f.from) == band && ++flows_seen <= options_.most_flows;
        if (!fits) return false;
        asked.add(f, k > 1);
      }
      return true;
    });
    if (!fits) return false;
    asked.add_ways(own_, numbers_);
    if (searched_ != k || !last_.is_like(asked.find)) {
      last_ = std::move(asked.find);
      searched_ = k;
      answer_ = last_(k, budget_);
    }
    if (answer_ != destination_search::answer::found) return false;
    std::vector<std::vector<std::uint32_t>> used(asked.groups.size());
    for (std::size_t c = 0; c < last_.callers.size(); ++c)
      used[last_.callers[c].group].push_back(last_.of(c).up);
    for (std::vector<std::uint32_t>& u : used) {
      std::sort(u.begin(), u.end());
      u.erase(std::unique(u.begin(), u.end()), u.end());
      out_.lids = std::max(out_.lids, static_cast<int>(u.size()));
    }
    const int plane = static_cast<int>(band) % ranks_.planes;
    for (const auto& [at, c] : asked.callers) {
      const std::vector<std::uint32_t>& u = used[last_.callers[c].group];
      const destination_search::way& way = last_.of(c);
      const auto lid =
          static_cast<std::uint32_t>(std::lower_bound(u.begin(), u.end(), way.up) - u.begin());
      const auto [leaf, target, source] = at;
      out_.entries.push_back({target, plane, lid, asked.links.thing(way.up)});
      out_.entries.push_back({target, plane, lid, asked.links.thing(way.down)});
      if (lid > 0) out_.picks.push_back({plane, target, source, lid});
    }
    return true;
  }

  /// As `owned` routes, with the addresses that takes; fewer, if a search finds them.
  void add_pairs() {
    bool refuted = answer_ == destination_search::answer::none;
    out_ = {};
    out_.method = destination_method::pairs;
    owned policy{dc_, where_};
    const static_table table{dc_, ranks_, policy, joined_sources{sources_}};
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
    if (!own_.in_three_tiers()) search_fewer(refuted);
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
  void search_fewer(bool& refuted) {
    sort();
    // A pair may have been given two ways, in two phases: then pairs are no routes.
    const bool carried = carries();
    const destination_routes pairs = std::exchange(out_, {});
    for (int k = 2; (!carried || k < pairs.lids) && k <= options_.most_lids; ++k) {
      out_ = {};
      out_.method = destination_method::search;
      bool all = true;
      for (std::uint32_t band = 0; band < static_cast<std::size_t>(dc_.leafs_per_unit()) && all;
           ++band)
        all = search(band, static_cast<std::uint32_t>(k));
      if (all) return;
      refuted = answer_ == destination_search::answer::none;
    }
    out_ = pairs;
    refuted = refuted && out_.lids <= options_.most_lids + 1;
  }

  /// Whether the entries lead every flow to its target, and none meets more others than a card carries.
  [[nodiscard]] bool carries() const {
    std::map<std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> out_of;
    for (const destination_entry& e : out_.entries)
      out_of.emplace(std::tuple{e.plane, e.destination, e.lid, switch_of(e.link)}, e.link);
    std::vector<int> load(numbers_.size(), 0);
    std::vector<std::uint32_t> touched;
    return for_each_phase(sources_, [&](flow_span flows, int allowed) {
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

  /// Of a search for one address where two are known to do: some milliseconds.
  static constexpr std::size_t most_steps_beside = 2'000'000;

  const fabric::leaf_spine& dc_;
  const fabric::placement& where_;
  const traffic::group& ranks_;
  link_numbers numbers_;
  own_links own_;
  slot_ways one_;
  sources sources_;  // of the call, as all below
  destination_options options_;
  std::size_t budget_ = 0;  // steps that searches may still make
  destination_routes out_;
  destination_search last_;  // what was searched last, for so many addresses
  std::uint32_t searched_ = 0;
  destination_search::answer answer_ = destination_search::answer::stopped;
};

}  // namespace heddle::route::detail
