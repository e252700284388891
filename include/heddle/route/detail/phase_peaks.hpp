// How full the fullest link of each phase of a group is, as the loads of others change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/route/detail/footprint.hpp>

namespace heddle::route::detail {

/// The greatest load of each phase of a footprint, its own flows and what others put beside them, and the
/// slow-down that follows. A link whose load rises moves the peaks that it tops; of one whose load
/// falls only the phases that it topped are looked at again, from their fullest links down. All answers are
/// those of `find_all`, to the last bit.
///
/// The footprint is always the same. `others` says what others put on the link of a share, in units.
class phase_peaks {
 public:
  /// Looks at all links.
  template <class Others>
  void find_all(const footprint& use, Others&& others) {
    peaks_.clear();
    for (const footprint::phase& p : use.phases) peaks_.push_back(p.own);
    most_ = 0;
    std::size_t h = 0;
    for (std::size_t i = 0; i < use.shares.size(); h = use.shares[i++].end) {
      const double flows = in_flows(others(i));
      most_ = std::max(most_, flows);
      for (; h < use.shares[i].end && use.hits[h].slack < flows; ++h) {
        const footprint::hit x = use.hits[h];
        peaks_[x.phase] = std::max(peaks_[x.phase], load(use, x.phase, x.slack, flows));
      }
    }
  }
  /// What others put on the link of a share was `before` and is `after`. Precondition: `find_all` was
  /// called before, and each such change was told since, but for those of a link that carries no more than `most`
  /// before and after, and less than all peaks that are above `phase::own`, or no more than that.
  /// \returns  whether that moves a peak
  bool change(const footprint& use, std::uint32_t share, std::int64_t before, std::int64_t after) {
    if (before == after) return false;
    const bool rises = after > before;
    const double flows = in_flows(rises ? after : before);
    most_ = std::max(most_, flows);
    bool moves = false;
    const std::size_t end = use.shares[share].end;
    for (std::size_t h = use.first_hit(share); h < end && use.hits[h].slack < flows; ++h) {
      const footprint::hit x = use.hits[h];
      double& peak = peaks_[x.phase];
      const double here = load(use, x.phase, x.slack, flows);
      if (peak == unknown || (rises ? here <= peak : here < peak)) continue;
      peak = rises ? here : unknown;
      moves = true;
    }
    return moves;
  }
  /// Flows of others that no link has more of, as far as was told.
  [[nodiscard]] double most() const { return most_; }
  /// Finds that anew. O(links).
  template <class Others>
  void find_most(const footprint& use, Others&& others) {
    std::int64_t most = 0;
    for (std::size_t i = 0; i < use.shares.size(); ++i) most = std::max(most, others(i));
    most_ = in_flows(most);
  }
  /// Of each phase; those that `slowdown` has seen.
  [[nodiscard]] std::span<const double> peaks() const { return peaks_; }
  /// The slow-down now. \param find_parts  of the footprint
  template <class Others>
  [[nodiscard]] double slowdown(footprint& use, Others&& others, part_finder& find_parts) {
    double stretched = 0;  // added to 1, so that nothing added leaves exactly 1
    for (std::size_t p = 0; p < use.phases.size(); ++p) {
      if (peaks_[p] == unknown) {
        find_parts(use);
        find(use, p, others);
      }
      stretched += use.phases[p].weight * (peaks_[use.phases[p].like] / use.phases[p].card - 1);
    }
    return 1 + stretched;
  }

 private:
  static constexpr double unknown = -1;
  static constexpr std::size_t ahead = 8;

  [[nodiscard]] static double in_flows(std::int64_t units) {
    return static_cast<double>(units) * (1 / footprint::unit);
  }
  [[nodiscard]] static double load(const footprint& use, std::size_t phase, std::uint32_t slack,
                                   double flows) {
    return use.phases[phase].own - slack + flows;
  }

  /// Looks at one phase, from the links with most flows of its own to those which no load of others can make
  /// the fullest.
  template <class Others>
  void find(const footprint& use, std::size_t phase, Others&& others) {
    double peak = use.phases[phase].own;
    for (std::size_t k = use.first_part(phase); k < use.phases[phase].end; ++k) {
      const footprint::part x = use.parts[k];
      if (k + ahead < use.phases[phase].end)
        __builtin_prefetch(use.shares.data() + use.parts[k + ahead].share);
      if (load(use, phase, x.slack, most_) <= peak) break;
      if (const double flows = in_flows(others(x.share)); x.slack < flows)
        peak = std::max(peak, load(use, phase, x.slack, flows));
    }
    peaks_[phase] = peak;
  }

  std::vector<double> peaks_;  // of each phase, in flows
  double most_ = 0;  // no link has more flows of others, but for those that it was not told of
};

}  // namespace heddle::route::detail
