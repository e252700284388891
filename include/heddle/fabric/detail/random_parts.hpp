// Random parts and placements of any fabric, for suites that check promises.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <heddle/core/ids.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/chip_links.hpp>
#include <heddle/fabric/circuit_book.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric::detail {

/// Small numbers from a stream, the same on every compiler.
class draws {
 public:
  draws(std::uint64_t seed, std::string_view purpose) : bits_(seed, 0, purpose) {}

  /// In [0, n). Precondition: n ≥ 1.
  template <std::integral T>
  T below(T n) {
    return static_cast<T>(bits_() % static_cast<std::uint64_t>(n));
  }
  /// In [low, high].
  int between(int low, int high) { return low + below(high - low + 1); }
  bool chance(double p) { return static_cast<double>(bits_() >> 11) * 0x1p-53 < p; }

 private:
  stream bits_;
};

template <class F>
concept HasLinks = requires(const F& dc, leaf_id l, spine_id s) {
  dc.all_leafs();
  dc.all_spines();
  { dc.links(l, s) } -> std::convertible_to<int>;
};
template <class F>
concept HasCircuits = requires(const F& dc) {
  dc.all_leafs();
  dc.all_spines();
  { dc.optical().uplinks() } -> std::convertible_to<int>;
};
template <class F>
concept HasCores = requires(const F& dc, std::size_t at) {
  { dc.cores() } -> std::convertible_to<int>;
  dc.all_cores();
  { dc.core_links().between(at, at) } -> std::convertible_to<int>;
};
/// Its leafs say which GPUs have a card on them.
template <class F>
concept HasCards = requires(const F& dc, gpu_id g, int plane) {
  dc.all_leafs();
  { dc.planes() } -> std::convertible_to<int>;
  { dc.leaf_of(g, plane) } -> std::same_as<leaf_id>;
};

/// Its units are cubes, whose faces circuits join.
template <class F>
concept HasFaces = requires(const F& dc, const face_circuit& k) {
  dc.all_cubes();
  dc.ends_of(k);
};

template <class Id>
Id draw_of(const id_range<Id>& all, draws& d) {
  return Id{all.front().value + d.below(all.size())};
}

/// Calls `use(part)` with a part of `dc` that can fail; half of them GPUs and servers.
template <Fabric F, class Use>
void with_random_part(const F& dc, draws& d, Use&& use) {
  constexpr auto knows = []<class Part>(Part) { return ledger<F>::template knows<Part>; };
  const hosts& h = dc.hosts();
  if constexpr (knows(chip_link{})) {
    if (d.chance(.2)) return use(chip_link{draw_of(h.all_gpus(), d), d.below(std::uint8_t{3})});
    if constexpr (knows(unit_id{}))
      if (d.chance(.2)) return use(draw_of(h.all_units(), d));
    if constexpr (knows(ocs_id{}))
      if (d.chance(.2)) return use(draw_of(dc.all_switches(), d));
  }
  switch (d.below(8)) {
  case 0:
    if constexpr (knows(leaf_id{}) && requires { dc.all_leafs(); })
      if (!dc.all_leafs().empty()) return use(draw_of(dc.all_leafs(), d));
    break;
  case 1:
    if constexpr (knows(spine_id{}) && requires { dc.all_spines(); })
      if (!dc.all_spines().empty()) return use(draw_of(dc.all_spines(), d));
    break;
  case 2:
    if constexpr (knows(link{}) && HasLinks<F>)
      if (!dc.all_spines().empty()) {
        const leaf_id l = draw_of(dc.all_leafs(), d);
        const spine_id s = draw_of(dc.all_spines(), d);
        if (const int n = dc.links(l, s); n > 0)
          return use(link{l, s, static_cast<std::uint32_t>(d.below(n))});
      }
    break;
  case 3:
    if constexpr (HasCircuits<F>) {
      const ocs_id o{d.below(dc.optical().switches)};
      switch (d.below(3)) {
      case 0:
        if constexpr (knows(ocs_id{})) return use(o);
        break;
      case 1:
        if constexpr (knows(leaf_fibre{})) return use(leaf_fibre{draw_of(dc.all_leafs(), d), o});
        break;
      default:
        if constexpr (knows(spine_fibre{})) return use(spine_fibre{draw_of(dc.all_spines(), d), o});
      }
    }
    break;
  case 4:
    if constexpr (HasCores<F>)
      if (dc.cores() > 0 && d.chance(.7)) {
        const spine_id s = draw_of(dc.all_spines(), d);
        const core_id c = draw_of(dc.all_cores(), d);
        if (const int n = dc.core_links().between(s.index(), c.index()); n > 0 && d.chance(.7))
          return use(core_link{s, c, static_cast<std::uint32_t>(d.below(n))});
        return use(c);
      }
    return use(draw_of(h.all_servers(), d));
  case 5:
    return use(draw_of(h.all_servers(), d));
  default:
    break;
  }
  use(draw_of(h.all_gpus(), d));
}

/// A few GPUs that lie near one another, and a few links or circuits: free or not.
template <Fabric F>
placement random_placement(const F& dc, draws& d) {
  placement p;
  const auto all = static_cast<std::uint32_t>(dc.hosts().gpus());
  const std::uint32_t first = d.below(all);
  for (std::uint32_t g = first; g < std::min(all, first + 8); ++g)
    if (d.chance(.5)) p.gpus.push_back(gpu_id{g});
  const auto sort_out = [](auto& parts) {
    std::sort(parts.begin(), parts.end());
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
  };
  const int parts = d.below(4);
  if constexpr (HasLinks<F>) {
    for (int i = 0; i < parts && !dc.all_spines().empty(); ++i) {
      const leaf_id l = draw_of(dc.all_leafs(), d);
      const spine_id s = draw_of(dc.all_spines(), d);
      if (const int n = dc.links(l, s); n > 0)
        p.links.push_back({l, s, static_cast<std::uint32_t>(d.below(n))});
    }
    sort_out(p.links);
    if constexpr (HasCores<F>)
      for (int i = 0; i < parts && dc.cores() > 0; ++i) {
        const spine_id s = draw_of(dc.all_spines(), d);
        const core_id c = draw_of(dc.all_cores(), d);
        if (const int n = dc.core_links().between(s.index(), c.index()); n > 0)
          p.core_links.push_back({s, c, static_cast<std::uint32_t>(d.below(n))});
      }
    sort_out(p.core_links);
  } else if constexpr (HasCircuits<F>) {
    for (int i = 0; i < parts; ++i)
      p.circuits.push_back({draw_of(dc.all_leafs(), d), draw_of(dc.all_spines(), d),
                            static_cast<std::uint32_t>(d.below(dc.optical().uplinks()))});
    sort_out(p.circuits);
  } else if constexpr (HasFaces<F>) {
    // Of chips on opposite faces; now and then of others, which no book may give.
    if (d.chance(.5)) {
      const auto cells = dc.cells();
      const auto dimension = d.below(std::size_t{3});
      const int position = d.below(cells.side * cells.side);
      const face_circuit k{draw_of(dc.all_cubes(), d), draw_of(dc.all_cubes(), d),
                           static_cast<std::uint16_t>(dimension),
                           static_cast<std::uint16_t>(position)};
      for (gpu_id g : dc.ends_of(k)) p.gpus.push_back(g);
      p.faces.push_back(k);
      if (d.chance(.1)) p.gpus.pop_back();
    }
    sort_out(p.gpus);
  }
  return p;
}

}  // namespace heddle::fabric::detail
