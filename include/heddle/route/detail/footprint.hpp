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

  std::vector<phase> phases;
  std::vector<share> shares;  ///< a link each
  std::vector<hit> hits;      ///< of each share in turn, by slack

  void clear() {
    phases.clear();
    shares.clear();
    hits.clear();
  }
};

/// Makes footprints; keeps its scratch. One writer.
class footprint_maker {
 public:
  explicit footprint_maker(std::size_t links) : load_(links, 0), share_of_(links, nobody) {}

  /// Writes what the phases of `all` use under `policy` to `out`, at most `samples` of them, evenly
  /// spaced. \param background  callable: directed link → mean number of flows of others
  template <class Source, class Policy, class Background>
  void operator()(footprint& out, const fabric::leaf_spine& dc, const link_numbers& links,
                  const traffic::group& ranks, const Source& all, Policy& policy,
                  Background&& background, int samples) {
    out.clear();
    found_.clear();
    const auto flows_on = [&](std::uint32_t l) { return background(l) + load_[l]; };
    const view<decltype(flows_on)> v{dc, links, ranks, flows_on};
    const std::size_t phases = all.size();
    const std::size_t seen = std::min(phases, static_cast<std::size_t>(std::max(1, samples)));
    for (std::size_t i = 0; i < seen; ++i) {
      const std::size_t k = (2 * i + 1) * phases / (2 * seen);
      const traffic::phase p = all.write(k, flows_);
      const card_load cards = cards_(ranks, flows_);
      footprint::phase here{.weight = p.repeat * undisturbed_s(dc, p, cards),
                            .own = std::max(1.0, static_cast<double>(cards.card)),
                            .card = std::max(1.0, static_cast<double>(cards.card))};
      touched_.clear();
      const int planes = for_each_link(
          policy, v, flows_,
          [&](std::uint32_t l) {
            if (load_[l]++ == 0) touched_.push_back(l);
          },
          entering_);
      for (std::uint32_t l : touched_) {
        if (share_of_[l] == nobody) {
          share_of_[l] = static_cast<std::uint32_t>(out.shares.size());
          out.shares.push_back({.link = l});
        }
        const auto count = static_cast<std::uint32_t>(load_[l]);
        found_.push_back({share_of_[l], static_cast<std::uint32_t>(i), count});
        here.own = std::max(here.own, static_cast<double>(count));
        load_[l] = 0;
      }
      // Planes without a way leave their bytes to the others, as if these carried more flows.
      if (planes > 0 && planes < dc.planes())
        here.own = std::max(here.own, here.card * dc.planes() / planes);
      out.phases.push_back(here);
    }
    double total = 0;
    for (const footprint::phase& p : out.phases) total += p.weight;
    for (footprint::phase& p : out.phases) p.weight /= total;
    sort_hits(out);
  }

 private:
  static constexpr std::uint32_t nobody = std::numeric_limits<std::uint32_t>::max();

  struct found {
    std::uint32_t share = 0, phase = 0, flows = 0, slack = 0;
  };

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

  std::vector<int> load_;                // of a phase, per directed link
  std::vector<std::uint32_t> share_of_;  // per directed link
  std::vector<std::uint32_t> touched_;
  std::vector<traffic::flow> flows_;
  std::vector<found> found_;
  std::vector<std::uint32_t> slack_ends_, by_slack_;
  card_counter cards_;
  network_flows entering_;
};

}  // namespace heddle::route::detail
