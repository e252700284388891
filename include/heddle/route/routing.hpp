// How flows between leafs choose their spine on a network that jobs share.
//
//   policy     a flow's spine                                   when                     cost a flow
//   ecmp       hash of its two ends                             what switches do today   O(1)
//   balanced   of five hashes the one with the least loaded     switches that rehash     O(1)
//              up-link
//   weighted   hash of its two ends, spines by weight           spines are unlike,       O(spines)
//                                                               or one is to be spared
//   least_     of all paths the one whose fullest link     a controller knows all   O(spines)
//     loaded   carries fewest flows                        loads: least_loaded.hpp
//   source     the source's index under its leaf: every GPU     source routing without   O(1)
//              has an up-link of its own                        placement
//   coloured   a phase at once, no two flows on a link if it    every switch can be      coloured.hpp
//              can be helped                                    programmed
//   ideal      none: leaf-spine links never contend             the bound
//
// A job that owns its links is routed over these (owned.hpp), whatever the shared policy is.
//
// A policy of one's own is a function (const view&, const traffic::flow&) → path, or one of all the
// flows of a phase, (const view&, span<const flow>) → span<const path>; a template over the view, for
// the type of the loads in it is that of whoever asks.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/path.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// What a policy may look at when it routes a flow: the network, the group, and the mean number of
/// flows on each directed link now, those of the same phase routed before this flow included.
template <class Load>
struct view {
  const fabric::leaf_spine& fabric;
  const link_numbers& links;
  const traffic::group& ranks;
  const Load& load;  ///< callable: directed link number → mean number of flows
  int plane = 0;     ///< which a path is wanted in
  /// The flows as their source has them, in the order of those asked for: with rails these enter the
  /// network elsewhere (network_flows.hpp). May be empty.
  std::span<const traffic::flow> asked = {};

  /// The leafs of a flow's ends.
  [[nodiscard]] leaf_id from(traffic::flow f) const { return leaf_of(f.source); }
  [[nodiscard]] leaf_id to(traffic::flow f) const { return leaf_of(f.target); }

  [[nodiscard]] gpu_id source(traffic::flow f) const { return ranks.gpus[f.source]; }
  [[nodiscard]] gpu_id target(traffic::flow f) const { return ranks.gpus[f.target]; }

 private:
  [[nodiscard]] leaf_id leaf_of(std::uint32_t rank) const {
    return leaf_id{ranks.leafs[rank].value + static_cast<std::uint32_t>(plane)};
  }
};

namespace detail {
struct no_load {
  double operator()(std::uint32_t) const { return 0; }
};
/// As `no_load`, under another type: whoever asks has loads of a type of its own.
struct some_load : no_load {};

template <class T, class Load>
concept routes_flows_under = requires(T& policy, const view<Load>& v, const traffic::flow& f) {
  { policy(v, f) } -> std::same_as<path>;
};
template <class T, class Load>
concept routes_phases_under = requires(T& policy, const view<Load>& v,
                                       std::span<const traffic::flow> flows) {
  { policy(v, flows) } -> std::convertible_to<std::span<const path>>;
};
}  // namespace detail

/// T chooses the path of a flow whose ends lie under different leafs, whatever type the loads of its
/// view have: its call operator is a template. What asks it has a `Load` of its own.
template <class T>
concept FlowRouting = detail::routes_flows_under<T, detail::no_load> &&
    detail::routes_flows_under<T, detail::some_load>;

/// T chooses the paths of all flows of a phase at once, one for each in their order, whatever type
/// the loads of its view have.
template <class T>
concept PhaseRouting = detail::routes_phases_under<T, detail::no_load> &&
    detail::routes_phases_under<T, detail::some_load>;

/// T routes flow by flow or phase by phase, and is a value: whoever routes has a copy.
template <class T>
concept RoutingPolicy = std::copy_constructible<T> &&(FlowRouting<T> || PhaseRouting<T>);

namespace detail {
/// Of choices that have some lanes each, the one in which lane number `left` of all lies.
template <class Id>
struct lane_pick {
  std::uint32_t left;  ///< in the end: the lane of that choice
  Id found = {};

  void offer(Id choice, std::uint32_t lanes) {
    if (found.valid()) return;
    if (left < lanes)
      found = choice;
    else
      left -= lanes;
  }
};

/// Way number `n` < ways() from one leaf to another, on a network whose leafs differ: links up to the
/// spines from which the other can be reached, in order. Where both leafs have spines in common the lane
/// down is number `m` of those there, modulo their count. Else the way is over cores: n also says which
/// of the links to cores that lead on, m which of the ways down.
template <class View>
struct uneven_ways {
  const View& v;
  leaf_id from, to;
  bool look_ahead =
      false;  ///< over cores: whether each leads on; pods of one kind are taken to be whole

  [[nodiscard]] std::uint32_t ways() const {
    std::uint32_t n = 0;
    for_each_spine(from, [&](spine_id s) { n += up_lanes(s); });
    return n;
  }
  /// No spine if there is no way at all.
  [[nodiscard]] path way(std::uint32_t n, std::uint32_t m) const {
    path p;
    lane_pick<spine_id> up{n};
    for_each_spine(from, [&](spine_id s) {
      if (!up.found.valid()) up.offer(s, up_lanes(s));
    });
    if (!up.found.valid()) return p;
    p.spine = up.found;
    p.up_lane = up.left;
    if (!over_cores()) {
      p.down_lane = m % links(to, p.spine);
      return p;
    }
    if (add_core(p, n, m)) return p;
    if (look_ahead) return {};
    const uneven_ways careful{v, from, to, true};
    const std::uint32_t left = careful.ways();
    return left == 0 ? path{} : careful.way(n % left, m);
  }

 private:
  [[nodiscard]] std::uint32_t links(leaf_id l, spine_id s) const {
    return static_cast<std::uint32_t>(v.fabric.links(l, s));
  }
  [[nodiscard]] bool over_cores() const {
    const fabric::link_columns& c = v.fabric.up_columns();
    return v.fabric.cores() > 0 && c.part_of_lower(from.index()) != c.part_of_lower(to.index());
  }
  [[nodiscard]] bool must_look() const {
    const fabric::pod_table* pods = v.fabric.pods();
    const auto kind = [&](leaf_id l) {
      const auto each = static_cast<std::uint32_t>(v.fabric.leafs_per_unit());
      return pods->kind(pods->of(unit_id{l.value / each}));
    };
    return look_ahead || pods == nullptr || kind(from) != kind(to);
  }
  template <class F>
  void for_each_spine(leaf_id l, F&& f) const {
    const fabric::link_columns& c = v.fabric.up_columns();
    if (c.is_plain()) {
      for (spine_id s : v.fabric.all_spines()) f(s);
      return;
    }
    const std::uint32_t part = c.part_of_lower(l.index());
    for (int k = 0; k < c.places(v.fabric.spines()); ++k)
      if (const std::uint32_t s = c.upper(part, static_cast<std::uint32_t>(k));
          s != fabric::link_columns::none)
        f(spine_id{s});
  }
  /// Lanes up to `s`, if the other leaf can be reached from there.
  [[nodiscard]] std::uint32_t up_lanes(spine_id s) const {
    if (!over_cores()) return links(to, s) > 0 ? links(from, s) : 0;
    return links(from, s) > 0 && (!must_look() || count_core_ways(s) > 0) ? links(from, s) : 0;
  }
  /// Calls `f(core, links up)` for each core of `s` that has a spine above the other leaf.
  template <class F>
  void for_each_core(spine_id s, F&& f) const {
    const fabric::link_columns& c = v.fabric.core_columns();
    const std::uint32_t part = c.part_of_lower(s.index());
    for (int k = 0; k < c.places(v.fabric.cores()); ++k) {
      const std::uint32_t core = c.upper(part, static_cast<std::uint32_t>(k));
      if (core == fabric::link_columns::none) break;
      const int lanes = v.fabric.core_links().between(s.index(), core);
      if (lanes > 0 && (!must_look() || down_ways(core_id{core}) > 0))
        f(core_id{core}, static_cast<std::uint32_t>(lanes));
    }
  }
  [[nodiscard]] std::uint32_t count_core_ways(spine_id s) const {
    std::uint32_t n = 0;
    for_each_core(s, [&](core_id, std::uint32_t lanes) { n += lanes; });
    return n;
  }
  /// Spines above the other leaf that a core reaches.
  [[nodiscard]] std::uint32_t down_ways(core_id c) const {
    std::uint32_t n = 0;
    for_each_spine(to, [&](spine_id s) { n += links(to, s) > 0 && core_lanes(s, c) > 0; });
    return n;
  }
  [[nodiscard]] std::uint32_t core_lanes(spine_id s, core_id c) const {
    return static_cast<std::uint32_t>(v.fabric.core_links().between(s.index(), c.index()));
  }
  /// False if it does not lead on.
  bool add_core(path& p, std::uint32_t n, std::uint32_t m) const {
    const std::uint32_t ups = count_core_ways(p.spine);
    if (ups == 0) return false;
    lane_pick<core_id> up{n % ups};
    for_each_core(p.spine, [&](core_id c, std::uint32_t lanes) { up.offer(c, lanes); });
    p.core = up.found;
    p.core_up_lane = up.left;
    const std::uint32_t downs = down_ways(p.core);
    if (downs == 0) return false;
    std::uint32_t down = m % downs;
    for_each_spine(to, [&](spine_id s) {
      if (links(to, s) == 0 || core_lanes(s, p.core) == 0 || down-- != 0) return;
      p.down_spine = s;
      p.core_down_lane = m % core_lanes(s, p.core);
      p.down_lane = m % links(to, s);
    });
    return true;
  }
};
template <class View>
uneven_ways(const View&, leaf_id, leaf_id) -> uneven_ways<View>;
template <class View>
uneven_ways(const View&, leaf_id, leaf_id, bool) -> uneven_ways<View>;

/// x of 32 random bits as a number below n.
constexpr std::uint32_t below(std::uint32_t n, std::uint64_t x) {
  return static_cast<std::uint32_t>(x * n >> 32);
}

template <class View>
std::uint64_t hash_of_ends(std::uint64_t seed, int attempt, const View& v, const traffic::flow& f) {
  const std::uint64_t ends =
      (std::uint64_t{v.source(f).value} << 32) | std::uint64_t{v.target(f).value};
  return mix(mix(seed + static_cast<std::uint64_t>(attempt)) ^ mix(ends));
}

/// The `attempt`-th hash of a flow's ends, as a path: one draw for the up-link, one for the lane down.
template <class View>
path hashed(std::uint64_t seed, int attempt, const View& v, const traffic::flow& f) {
  const std::uint64_t h = hash_of_ends(seed, attempt, v, f);
  if (!v.fabric.is_regular()) {
    const uneven_ways ways{v, v.from(f), v.to(f)};
    return ways.way(below(ways.ways(), h >> 32), static_cast<std::uint32_t>(h & 0xffffffffu));
  }
  const auto lanes = static_cast<std::uint32_t>(v.fabric.links_per_pair());
  const std::uint32_t up = below(static_cast<std::uint32_t>(v.fabric.uplinks()), h >> 32);
  return {spine_id{up / lanes}, up % lanes, below(lanes, h & 0xffffffffu)};
}
}  // namespace detail

/// Equal-cost multi-path: the hash of a flow's ends picks one of the leaf's up-links, and one of the
/// spine's lanes down. The same two GPUs always get the same path.
struct ecmp {
  std::uint64_t seed = 0;

  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    return detail::hashed(seed, 0, v, f);
  }
};

/// ECMP that hashes up to `attempts` times and keeps the path whose up-link carries fewest flows:
/// a leaf knows its own ports only. Of equal ones the first.
struct balanced {
  std::uint64_t seed = 0;
  int attempts = 5;  ///< ≥ 1

  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    const leaf_id leaf = v.from(f);
    const auto load = [&](const path& p) { return v.load(v.links.up(leaf, p.spine, p.up_lane)); };
    path best = detail::hashed(seed, 0, v, f);
    if (!best.spine.valid()) return best;
    double least = load(best);
    for (int i = 1; i < attempts; ++i) {
      const path p = detail::hashed(seed, i, v, f);
      if (const double l = load(p); l < least) {
        best = p;
        least = l;
      }
    }
    return best;
  }
};

/// ECMP that takes a spine as often as its weight says: hashes are spread over the spines in
/// proportion, and evenly over the lanes to each. Of two spines the one with twice the weight gets
/// twice the flows; one of weight 0 gets none unless all have.
struct weighted {
  std::vector<double> spines;  ///< ≥ 0; missing ones count 1
  std::uint64_t seed = 0;

  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    const leaf_id from = v.from(f), to = v.to(f);
    const auto weight = [&](spine_id s) {
      return v.fabric.links(from, s) == 0 || v.fabric.links(to, s) == 0 ? 0.0
             : s.index() < spines.size()                                ? spines[s.index()]
                                                                        : 1.0;
    };
    double total = 0;
    for (spine_id s : v.fabric.all_spines()) total += weight(s);
    if (!(total > 0)) return detail::hashed(seed, 0, v, f);
    const std::uint64_t h = detail::hash_of_ends(seed, 0, v, f);
    double at = static_cast<double>(h >> 32) * 0x1p-32 * total;
    path p;
    for (spine_id s : v.fabric.all_spines()) {
      if (!(weight(s) > 0)) continue;
      p.spine = s;  // the last one, should rounding leave a rest
      if ((at -= weight(s)) < 0) break;
    }
    p.up_lane =
        detail::below(static_cast<std::uint32_t>(v.fabric.links(from, p.spine)), h & 0xffffffffu);
    p.down_lane = detail::below(static_cast<std::uint32_t>(v.fabric.links(to, p.spine)),
                                mix(h) & 0xffffffffu);
    return p;
  }
};

/// The up-link is the source GPU's index within its leaf, modulo the up-links; the lane down is the
/// lane up. With as many up-links as GPUs a leaf no up-link is ever shared; down-links may be.
struct source {
  template <class View>
  path operator()(const View& v, const traffic::flow& f) const {
    const auto index = static_cast<std::uint32_t>(v.fabric.index_in_leaf(v.source(f)));
    if (!v.fabric.is_regular()) {
      const detail::uneven_ways ways{v, v.from(f), v.to(f)};
      const std::uint32_t n = ways.ways();
      if (n == 0) return {};
      path p = ways.way(index % n, index);
      if (!p.core.valid())
        p.down_lane = p.up_lane % static_cast<std::uint32_t>(v.fabric.links(ways.to, p.spine));
      return p;
    }
    const auto lanes = static_cast<std::uint32_t>(v.fabric.links_per_pair());
    const std::uint32_t up = index % static_cast<std::uint32_t>(v.fabric.uplinks());
    return {spine_id{up / lanes}, up % lanes, up % lanes};
  }
};

/// No flow uses a leaf-spine link. Nothing can be faster, so it bounds every policy.
struct ideal {
  [[nodiscard]] static constexpr bool uses_links() { return false; }
  template <class View>
  path operator()(const View&, const traffic::flow&) const {
    return {};
  }
};

}  // namespace heddle::route
