// What one group puts on links, phase by phase, in the form that slow-downs are computed from.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route::detail {

/// The links that the phases of a group use.
struct footprint {
  static constexpr double unit = 1099511627776.0;  ///< of loads in fixed point, in a flow: 2^40

  struct phase {
    double weight = 0;  ///< of the undisturbed communication time
    double own = 1;     ///< flows on its fullest link, of this group alone; at least `card`
    double card = 1;
    std::uint32_t end = 0;  ///< of what it puts on links
  };
  struct share {
    std::uint32_t link = 0;
    std::uint32_t end = 0;  ///< of its hits
    double mean = 0;        ///< flows while the group communicates, in units
  };
  struct hit {
    std::uint32_t phase = 0;
    std::uint32_t slack = 0;  ///< flows that the fullest link of the phase has more than this one
  };
  /// The same as a hit, seen from its phase.
  struct part {
    std::uint32_t share = 0;
    std::uint32_t slack = 0;
  };

  std::vector<phase> phases;
  std::vector<share> shares;  ///< a link each
  std::vector<hit> hits;      ///< of each share in turn, by slack
  std::vector<part> parts;    ///< of each phase in turn, by slack; made by `part_finder`

  [[nodiscard]] std::uint32_t first_hit(std::size_t i) const {
    return i == 0 ? 0 : shares[i - 1].end;
  }
  [[nodiscard]] std::uint32_t first_part(std::size_t k) const {
    return k == 0 ? 0 : phases[k - 1].end;
  }

  void clear() {
    phases.clear();
    shares.clear();
    hits.clear();
    parts.clear();
  }
};

/// Makes footprints of counts of flows on links, phase by phase; keeps its scratch. One writer.
class footprint_builder {
 public:
  explicit footprint_builder(std::size_t links) : load_(links, 0), share_of_(links, nobody) {}

  void begin(footprint& out) {
    out_ = &out;
    out.clear();
    found_.clear();
    touched_.clear();
  }
  /// A flow of this phase on a link.
  void count(std::uint32_t link) {
    if (load_[link]++ == 0) touched_.push_back(link);
  }
  /// Flows of this phase on a link so far.
  [[nodiscard]] int load(std::uint32_t link) const { return load_[link]; }
  /// Ends a phase. \param weight  of its undisturbed time
  /// \param card  flows that hold it back when nothing else does, ≥ 1
  footprint::phase& end_phase(double weight, double card) {
    footprint::phase here{.weight = weight, .own = card, .card = card};
    for (std::uint32_t l : touched_) {
      if (share_of_[l] == nobody) {
        share_of_[l] = static_cast<std::uint32_t>(out_->shares.size());
        out_->shares.push_back({.link = l});
      }
      const auto flows = static_cast<std::uint32_t>(load_[l]);
      found_.push_back({share_of_[l], static_cast<std::uint32_t>(out_->phases.size()), flows});
      here.own = std::max(here.own, static_cast<double>(flows));
      load_[l] = 0;
    }
    touched_.clear();
    return out_->phases.emplace_back(here);
  }
  void finish() {
    double total = 0;
    for (const footprint::phase& p : out_->phases) total += p.weight;
    for (footprint::phase& p : out_->phases) p.weight /= total;
    if (load_.size() >= many_links) sort_shares(*out_);
    sort_hits(*out_);
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t many_links = 8192;  ///< tables by link that no cache near by holds

  struct found {
    std::uint32_t share = 0, phase = 0, flows = 0, slack = 0;
  };

  /// Sorts shares by link, so that those of one leaf lie side by side.
  void sort_shares(footprint& e) {
    by_link_.clear();
    for (const footprint::share& s : e.shares) by_link_.push_back(s.link);
    std::sort(by_link_.begin(), by_link_.end());
    moved_to_.resize(e.shares.size());
    for (std::uint32_t i = 0; i < by_link_.size(); ++i) {
      moved_to_[share_of_[by_link_[i]]] = i;
      share_of_[by_link_[i]] = nobody;
      e.shares[i].link = by_link_[i];
    }
    for (found& x : found_) x.share = moved_to_[x.share];
  }
  /// Sorts what was found by share and slack, by counting.
  void sort_hits(footprint& e) {
    slack_ends_.clear();
    for (found& x : found_) {
      ++e.shares[x.share].end;
      e.shares[x.share].mean += e.phases[x.phase].weight * x.flows;
      x.slack = static_cast<std::uint32_t>(e.phases[x.phase].own) - x.flows;
      if (x.slack >= slack_ends_.size()) slack_ends_.resize(x.slack + 1, 0);
      ++slack_ends_[x.slack];
    }
    std::uint32_t behind = 0;
    for (std::uint32_t& n : slack_ends_) n = std::exchange(behind, behind + n);
    by_slack_.resize(found_.size());
    for (std::uint32_t i = 0; i < found_.size(); ++i) by_slack_[slack_ends_[found_[i].slack]++] = i;

    std::uint32_t at = 0;
    for (footprint::share& s : e.shares) {
      share_of_[s.link] = nobody;
      s.mean *= footprint::unit;
      at += s.end;
      s.end = at - s.end;  // its begin, until its hits are in
    }
    e.hits.resize(found_.size());
    for (std::uint32_t i : by_slack_)
      e.hits[e.shares[found_[i].share].end++] = {found_[i].phase, found_[i].slack};
  }

  footprint* out_ = nullptr;
  std::vector<int> load_;                // of a phase, per directed link
  std::vector<std::uint32_t> share_of_;  // per directed link
  std::vector<std::uint32_t> touched_;
  std::vector<found> found_;
  std::vector<std::uint32_t> by_link_, moved_to_, slack_ends_, by_slack_;
};

/// Finds what each phase puts on links, in order of slack; keeps its scratch. One writer.
class part_finder {
 public:
  /// Nothing happens if that was found already. O(hits), by counting.
  void operator()(footprint& e) {
    if (!e.parts.empty()) return;
    ends_.clear();
    for (const footprint::hit& x : e.hits) {
      if (x.slack >= ends_.size()) ends_.resize(x.slack + 1, 0);
      ++ends_[x.slack];
      ++e.phases[x.phase].end;
    }
    std::uint32_t behind = 0;
    for (std::uint32_t& n : ends_) n = std::exchange(behind, behind + n);
    by_slack_.resize(e.hits.size());
    std::uint32_t h = 0;
    for (std::uint32_t i = 0; i < e.shares.size(); ++i)
      for (; h < e.shares[i].end; ++h)
        by_slack_[ends_[e.hits[h].slack]++] = {e.hits[h].phase, {i, e.hits[h].slack}};
    behind = 0;
    for (footprint::phase& p : e.phases) p.end = std::exchange(behind, behind + p.end);
    e.parts.resize(e.hits.size());
    for (const found& x : by_slack_) e.parts[e.phases[x.phase].end++] = x.what;
  }

 private:
  struct found {
    std::uint32_t phase = 0;
    footprint::part what;
  };
  std::vector<std::uint32_t> ends_;
  std::vector<found> by_slack_;
};

/// Calls `f(k)` for at most `samples` of `phases` phases, evenly spaced.
template <class F>
void for_each_sample(std::size_t phases, int samples, F&& f) {
  const std::size_t seen = std::min(phases, static_cast<std::size_t>(std::max(1, samples)));
  for (std::size_t i = 0; i < seen; ++i) f((2 * i + 1) * phases / (2 * seen));
}

/// Makes footprints on leafs and spines; keeps its scratch. One writer.
class footprint_maker {
 public:
  explicit footprint_maker(std::size_t links) : builder_(links) {}

  /// Writes what the phases of `all` use under `policy` to `out`, at most `samples` of them, evenly
  /// spaced. \param background  callable: directed link → mean number of flows of others
  template <class Source, class Policy, class Background>
  void operator()(footprint& out, const fabric::leaf_spine& dc, const link_numbers& links,
                  const traffic::group& ranks, const Source& all, Policy& policy,
                  Background&& background, int samples) {
    builder_.begin(out);
    const auto flows_on = [&](std::uint32_t l) { return background(l) + builder_.load(l); };
    const view<decltype(flows_on)> v{dc, links, ranks, flows_on};
    for_each_sample(all.size(), samples, [&](std::size_t k) {
      const traffic::phase p = all.write(k, flows_);
      const card_load cards = cards_(ranks, flows_);
      const int planes = for_each_link(
          policy, v, flows_, [&](std::uint32_t l) { builder_.count(l); }, entering_);
      footprint::phase& here = builder_.end_phase(p.repeat * undisturbed_s(dc, p, cards),
                                                  std::max(1.0, static_cast<double>(cards.card)));
      // Planes without a way leave their bytes to the others, as if these carried more flows.
      if (planes > 0 && planes < dc.planes())
        here.own = std::max(here.own, here.card * dc.planes() / planes);
    });
    builder_.finish();
  }

 private:
  footprint_builder builder_;
  std::vector<traffic::flow> flows_;
  card_counter cards_;
  network_flows entering_;
};

}  // namespace heddle::route::detail
