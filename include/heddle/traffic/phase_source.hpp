// What a group of GPUs sends, as phases: sets of simultaneous flows, the next starting when all have
// finished.
//
//   source          phases of                                             where
//   ring, tree, …   one collective, a file each                           collectives.hpp has the table
//   training_step   a step of tensor, pipeline, data, expert parallelism  training_step.hpp
//   scaled          another source, with other bytes                      phase_source.hpp
//   any_source      whatever was put in                                   any_source.hpp
//
// A source of one's own is a type with `size` and `write`; see docs/concepts/traffic.md.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace heddle::traffic {

/// From one rank of a group to another.
struct flow {
  std::uint32_t source = 0;
  std::uint32_t target = 0;

  friend bool operator==(const flow&, const flow&) = default;
};

/// What is said of a phase besides its flows.
struct phase {
  double bytes = 0;  ///< of each flow, > 0
  int repeat = 1;    ///< the phase is run this many times, one after the other, ≥ 1

  friend bool operator==(const phase&, const phase&) = default;
};

/// S is a source of phases: `size()` says how many distinct ones there are, `write(k, out)` replaces
/// `out` by the flows of phase k < size(), between ranks of the group that the source was made for.
/// One phase is written at a time, so that an all-to-all of N ranks needs O(N) memory. The promises
/// that types cannot say are checked by `broken_promises` of conformance.hpp.
template <class S>
concept PhaseSource = requires(const S& s, std::size_t k, std::vector<flow>& out) {
  { s.size() } -> std::convertible_to<std::size_t>;
  { s.write(k, out) } -> std::same_as<phase>;
};

/// The phases of another source with `factor` times its bytes.
template <PhaseSource Source>
class scaled {
 public:
  /// \param factor  > 0
  scaled(Source of, double factor) : of_(std::move(of)), factor_(factor) {}

  [[nodiscard]] std::size_t size() const { return of_.size(); }
  phase write(std::size_t k, std::vector<flow>& out) const {
    phase p = of_.write(k, out);
    p.bytes *= factor_;
    return p;
  }

 private:
  Source of_;
  double factor_;
};

/// Counts the *incast* P of a phase: the most flows that one rank sends, or receives. Keeps its
/// scratch. One writer. O(flows + ranks).
class incast_counter {
 public:
  int operator()(std::span<const flow> flows) {
    count_.clear();
    int most = 0;
    for (const flow f : flows) {
      const std::size_t last = std::max(f.source, f.target);
      if (last >= count_.size()) count_.resize(last + 1);
      most = std::max({most, ++count_[f.source].out, ++count_[f.target].in});
    }
    return most;
  }

 private:
  struct ends {
    int out = 0, in = 0;
  };
  std::vector<ends> count_;
};

}  // namespace heddle::traffic
