// Which of a phase's flows use network cards, and over whose they leave their servers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// The flows of a phase as the network sees them: with rails a flow enters at the target's rail, from
/// the GPU of its number in the server of the source (`traffic::group::entry`), and what stays inside an
/// NVLink domain stays where it is. Keeps its scratch. One writer.
class network_flows {
 public:
  /// As many flows, in their order; one that uses no card goes from its target to itself. Valid until the
  /// next call and as long as `flows`: without rails and domains they are those themselves. O(flows).
  std::span<const traffic::flow> operator()(const traffic::group& ranks,
                                            std::span<const traffic::flow> flows) {
    if (ranks.numbers.empty() && ranks.domains.empty()) return flows;
    entering_.resize(flows.size());
    for (std::size_t i = 0; i < flows.size(); ++i) {
      const traffic::flow f = flows[i];
      entering_[i] = {ranks.share_domain(f.source, f.target) ? f.target
                                                             : ranks.entry(f.source, f.target),
                      f.target};
    }
    return entering_;
  }

 private:
  std::vector<traffic::flow> entering_;
};

}  // namespace heddle::route
