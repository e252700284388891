// Routing over the links that a job owns, so that no link carries more flows than a network card.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/pod_table.hpp>
#include <heddle/route/detail/owned_band.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// Routes the phases of a job over its own links. A phase is routed by *slot* where that suffices: what
/// goes to the rank in slot k of its leaf goes up the k-th link that the job owns at the source's leaf and
/// down the k-th at the target's, both of one spine. So on equal leafs every phase of rings,
/// halving-doubling of N = 2^k, pipelines and all-to-alls goes by destination alone, as forwarding tables
/// do (`by_destination` says how many addresses a card needs for all phases of a job at once). Slots are
/// counted within the job, not within the leaf, because the GPUs of a job need not be aligned. Where two
/// flows would meet on a link the *source's* slot is tried; and then, or where a leaf has fewer links than
/// ranks, the phase is routed by edge colouring: flows are edges from source leafs to target leafs, colours
/// are spines.
///
/// With P flows a network card, colouring needs no more than P flows on a link for every phase if
/// the job has one of the shapes with a proof: equal leafs with n ranks and links to the same n
/// spines each; these and one leaf of r < n ranks with links to r of those spines; two leafs with as
/// many common spines as the smaller has ranks; leafs of c·n ranks, each c of its own, with c·w(s) links
/// to spine s, the same w for all, n = Σ w(s). The last one is routed as c *virtual leafs* of n ranks with
/// w(s) links each; with a single spine it is a crossbar. All others are coloured with lists (`list_colouring`),
/// without a proof.
///
/// With rails and planes each of them is routed by itself, flows entering at the target's rail. In three
/// tiers spines are told by their place in the pod; the flows of one place that go to other pods are
/// edges from pods to pods then, and colours are cores.
///
/// A PhaseRouting; deterministic, so that routes can be compiled into a static table. One writer.
/// Source: source routing by slot is of Han et al., arXiv 2308.05692; by the destination's slot is derived
/// (docs/concepts/routing.md); colouring is Kőnig's theorem, its use for remainders and twice over in three
/// tiers is derived (docs/theory.md).
class owned {
 public:
  /// For leafs under which servers hang whole, in two tiers.
  /// \param leafs  of the network
  /// \param where  what the job owns, links or circuits
  owned(int leafs, const fabric::placement& where) {
    std::vector<detail::own_link> links;
    links.reserve(where.links.size() + where.circuits.size());
    for (const fabric::link& k : where.links)
      links.push_back({k.leaf.value, k.spine.value, k.lane, k.spine.value});
    for (const fabric::circuit& k : where.circuits)
      links.push_back({k.leaf.value, k.spine.value, k.uplink, k.spine.value});
    bands_.emplace_back(static_cast<std::size_t>(leafs), std::move(links));
  }
  /// For any network of leafs and spines.
  owned(const fabric::leaf_spine& dc, const fabric::placement& where) {
    if (dc.pods() == nullptr) {
      *this = owned{dc.leafs(), where};
      return;
    }
    per_unit_ = static_cast<std::uint32_t>(dc.leafs_per_unit());
    planes_ = static_cast<std::uint32_t>(dc.planes());
    std::vector<std::vector<detail::own_link>> links(per_unit_);
    for (const fabric::link& k : where.links)
      links[k.leaf.value % per_unit_].push_back(
          {k.leaf.value / per_unit_, k.spine.value, k.lane, dc.up_columns().place(k.spine.value)});
    for (auto& of_band : links)
      bands_.emplace_back(static_cast<std::size_t>(dc.units()), std::move(of_band));
    if (dc.cores() > 0) list_pods(dc, where);
  }

  /// The paths of the flows of one phase, as `network_flows` gives them and in their order; valid until the
  /// next call. Flows that stay under their leaf get none.
  template <class View>
  std::span<const path> operator()(const View& v, std::span<const traffic::flow> flows) {
    paths_.assign(flows.size(), path{});
    const int incast = std::max(1, cards_(v.ranks, flows).card);
    complete_ = true;
    if (per_unit_ == 0) {
      route(bands_.front(), whole_leafs<View>{v}, flows, {}, incast);
      return paths_;
    }
    crossing_.clear();
    for (std::uint32_t band = static_cast<std::uint32_t>(v.plane); band < per_unit_;
         band += planes_)
      route_band(v, band, flows, incast);
    if (!crossing_.empty()) route_over_cores(incast);
    return paths_;
  }

  /// Whether the last phase found a path for every flow between leafs; always true for a job of the
  /// shapes above. A plane in which the job owns nothing is one that it does without.
  [[nodiscard]] bool complete() const { return complete_; }

 private:
  template <class View>
  struct whole_leafs {
    const View& v;
    [[nodiscard]] std::size_t from(traffic::flow f) const {
      return v.ranks.leafs[f.source].index();
    }
    [[nodiscard]] std::size_t to(traffic::flow f) const { return v.ranks.leafs[f.target].index(); }
    [[nodiscard]] std::uint32_t slot(std::uint32_t rank) const { return v.ranks.slots[rank]; }
  };
  /// The leafs of a rail and plane, by unit.
  template <class View>
  struct leafs_of_band {
    const View& v;
    std::uint32_t per_unit;
    [[nodiscard]] std::size_t from(traffic::flow f) const { return v.from(f).value / per_unit; }
    [[nodiscard]] std::size_t to(traffic::flow f) const { return v.to(f).value / per_unit; }
    [[nodiscard]] std::uint32_t slot(std::uint32_t rank) const { return v.ranks.slots[rank]; }
  };
  /// The pods of flows that are numbered by their place in `crossing_`.
  struct ends_of_pods {
    const std::vector<traffic::flow>& pods;
    [[nodiscard]] std::size_t from(traffic::flow f) const { return pods[f.source].source; }
    [[nodiscard]] std::size_t to(traffic::flow f) const { return pods[f.source].target; }
    [[nodiscard]] std::uint32_t slot(std::uint32_t flow) const { return flow; }
  };
  struct crossing {
    std::uint32_t slot = 0, flow = 0, from_pod = 0, to_pod = 0, number = 0;
  };

  /// Paths of `flows`, which stand at `places` among all (empty: all of them).
  template <class Ends>
  void route(detail::owned_band& band, const Ends& ends, std::span<const traffic::flow> flows,
             std::span<const std::uint32_t> places, int incast) {
    const auto ways = band(ends, flows, incast);
    complete_ &= band.complete();
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (!ways[i].found()) continue;
      const detail::own_link &up = band.link(ways[i].up), &down = band.link(ways[i].down);
      path& p = paths_[places.empty() ? i : places[i]];
      p = {.spine = spine_id{up.upper}, .up_lane = up.lane, .down_lane = down.lane};
      if (down.upper != up.upper) p.down_spine = spine_id{down.upper};
    }
  }

  template <class View>
  void route_band(const View& v, std::uint32_t band, std::span<const traffic::flow> flows,
                  int incast) {
    flows_.clear();
    places_.clear();
    for (std::uint32_t i = 0; i < flows.size(); ++i) {
      const leaf_id from = v.from(flows[i]), to = v.to(flows[i]);
      if (from == to || to.value % per_unit_ != band) continue;
      if (from.value % per_unit_ != band) {
        complete_ = false;  // it would change rails
        continue;
      }
      flows_.push_back(flows[i]);
      places_.push_back(i);
    }
    if (flows_.empty() || (bands_[band].empty() && owns_other_plane(band))) return;
    route(bands_[band], leafs_of_band<View>{v, per_unit_}, flows_, places_, incast);
    if (pod_of_unit_.empty()) return;
    for (std::size_t k = 0; k < places_.size(); ++k) {
      const std::uint32_t a = pod_of_unit_[v.from(flows_[k]).value / per_unit_],
                          b = pod_of_unit_[v.to(flows_[k]).value / per_unit_];
      if (a != b && paths_[places_[k]].spine.valid())
        crossing_.push_back({slot_of_spine_[paths_[places_[k]].spine.index()], places_[k], a, b,
                             static_cast<std::uint32_t>(crossing_.size())});
    }
  }
  [[nodiscard]] bool owns_other_plane(std::uint32_t band) const {
    const std::uint32_t first = band - band % planes_;
    for (std::uint32_t b = first; b < first + planes_; ++b)
      if (!bands_[b].empty()) return true;
    return false;
  }

  void list_pods(const fabric::leaf_spine& dc, const fabric::placement& where) {
    const fabric::pod_table& pods = *dc.pods();
    for (unit_id x : dc.all_units()) pod_of_unit_.push_back(static_cast<std::uint32_t>(pods.of(x)));
    slot_of_spine_ = pods.slot_of_spine();
    std::size_t slots = 0;
    for (int p = 0; p < pods.pods(); ++p) slots = std::max(slots, pods.spines(p).size());
    std::vector<std::vector<detail::own_link>> links(slots);
    for (const fabric::core_link& k : where.core_links)
      links[slot_of_spine_[k.spine.index()]].push_back(
          {pods.pod_of_spine()[k.spine.index()], k.core.value, k.lane, k.core.value});
    for (auto& of_slot : links) {
      std::sort(of_slot.begin(), of_slot.end(),
                [](const detail::own_link& a, const detail::own_link& b) {
                  return std::tie(a.lower, a.key, a.lane) < std::tie(b.lower, b.key, b.lane);
                });
      slots_.emplace_back(static_cast<std::size_t>(pods.pods()), std::move(of_slot));
    }
  }

  /// Gives the flows between pods their cores, slot by slot.
  void route_over_cores(int incast) {
    std::sort(crossing_.begin(), crossing_.end(), [](const crossing& a, const crossing& b) {
      return a.slot != b.slot ? a.slot < b.slot : a.number < b.number;
    });
    for (std::size_t i = 0; i < crossing_.size();) {
      std::size_t end = i;
      flows_.clear();
      pods_.clear();
      for (; end < crossing_.size() && crossing_[end].slot == crossing_[i].slot; ++end) {
        const auto number = static_cast<std::uint32_t>(end - i);
        flows_.push_back({number, number});
        pods_.push_back({crossing_[end].from_pod, crossing_[end].to_pod});
      }
      detail::owned_band& cores = slots_[crossing_[i].slot];
      const auto ways = cores.coloured(ends_of_pods{pods_}, flows_, incast);
      complete_ &= cores.complete();
      for (std::size_t k = 0; i < end; ++i, ++k) {
        path& p = paths_[crossing_[i].flow];
        if (!ways[k].found()) {
          complete_ = false;
          p = {};
          continue;
        }
        p.core = core_id{cores.link(ways[k].up).upper};
        p.core_up_lane = cores.link(ways[k].up).lane;
        p.core_down_lane = cores.link(ways[k].down).lane;
      }
    }
  }

  std::uint32_t per_unit_ = 0;  // leafs of a unit; 0: of whole servers in two tiers
  std::uint32_t planes_ = 1;
  std::vector<detail::owned_band> bands_, slots_;
  std::vector<std::uint32_t> pod_of_unit_;    // with cores; else empty
  std::vector<std::uint32_t> slot_of_spine_;  // its place in the pod
  bool complete_ = true;

  std::vector<path> paths_;
  card_counter cards_;
  std::vector<traffic::flow> flows_, pods_;  // scratch
  std::vector<std::uint32_t> places_;
  std::vector<crossing> crossing_;
};

}  // namespace heddle::route
