// What a group must hear of: how far below its peaks the loads of links do not matter.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/route/detail/footprint.hpp>
#include <heddle/route/detail/link_watch.hpp>
#include <heddle/route/detail/phase_peaks.hpp>

namespace heddle::route::detail {

/// A floor for each phase of a group, below its peaks in some rounds, and the *rooms* that follow: what a link can
/// carry, the group's own flows included, with every phase of the group staying below its floor there. What a link
/// does below its room moves no peak.
///
/// Floors stand part of the way up to the peaks, so that these may fall somewhat. They change no slow-down, only
/// what is looked at.
class floors {
 public:
  /// Nothing is known yet of peaks.
  void begin(const footprint& use) {
    above_own_.assign(use.phases.size(), unlimited);
    most_ = present_ = unlimited;
    heard_ = 0;
  }
  /// Puts floors below these peaks too, of a round in which the group is `present` so much of the time.
  /// Precondition: all peaks and the most of others on a link are known.
  void stay_below(const footprint& use, const phase_peaks& of, double present) {
    most_ = std::min(most_, of.most());
    present_ = std::min(present_, part_present * present);
    for (std::size_t p = 0; p < above_own_.size(); ++p)
      above_own_[p] = std::min(above_own_[p], part * (of.peaks()[p] - use.phases[p].own));
  }
  /// Of the link of a share, by `link_watch::in_rooms`. O(phases on it).
  [[nodiscard]] std::int32_t room_of(const footprint& use, std::uint32_t share) const {
    double flows = most_;
    const std::uint32_t end = use.shares[share].end;
    for (std::uint32_t h = use.first_hit(share); h < end && use.hits[h].slack < flows; ++h)
      flows = std::min(flows, use.hits[h].slack + above_own_[use.hits[h].phase]);
    return with_own(use, share, flows);
  }
  /// The group is less present than before. \returns  whether that makes rooms smaller
  bool is_less_present(double present) {
    if (present >= present_) return false;
    present_ = part_present * present;
    return true;
  }
  /// Lowers floors that are not below the peaks of a round any more; calls `f(share, room)` for links that may
  /// have less room then. Precondition: parts of `use` are known if a peak has fallen.
  template <class F>
  void lower(const footprint& use, const phase_peaks& of, F&& f) {
    for (std::size_t p = 0; p < above_own_.size(); ++p) {
      const double now = of.peaks()[p] - use.phases[p].own;
      if (above_own_[p] == 0 || now > above_own_[p]) continue;
      above_own_[p] = part * now;
      for (std::size_t k = use.first_part(p); k < use.phases[p].end; ++k) {
        const footprint::part at = use.parts[k];
        const double flows = at.slack + above_own_[p];
        if (flows >= most_) break;
        f(at.share, with_own(use, at.share, flows));
      }
    }
  }
  /// The group was told of a link. \returns  whether it was told of so many that floors should be put anew
  bool hear(const footprint& use) { return heard_++ == use.shares.size(); }

 private:
  /// Of the way from a phase's own flows up to its peak.
  static constexpr double part = .7;
  /// Of the time that a group is present: it may be so much less.
  static constexpr double part_present = .9;
  static constexpr double unlimited = std::numeric_limits<double>::infinity();

  [[nodiscard]] std::int32_t with_own(const footprint& use, std::uint32_t share,
                                      double flows) const {
    if (present_ == unlimited) return link_watch::in_rooms(unlimited);  // there is no such round
    return link_watch::in_rooms(flows + present_ * use.shares[share].mean / footprint::unit);
  }

  std::vector<double> above_own_;  // of each phase, in flows; all its peaks are higher, or it is 0
  double most_ = 0;     // what others put on a link above its room counts in `phase_peaks::most`
  double present_ = 0;  // the group is there so much of the time, or more
  std::size_t heard_ = 0;
};

}  // namespace heddle::route::detail
