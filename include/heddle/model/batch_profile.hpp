// What a job's gradient time does over the batch size beyond a straight line.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/throughput.hpp>

namespace heddle::model {

/// A factor on the gradient time over the local batch: kernels are chosen by shape, padding depends
/// on the batch, so measured times scatter about a line by more than their noise. Between two
/// batches log factor is linear in log batch, beyond the ends it stays. Without knots it is 1.
class batch_profile {
 public:
  struct knot {
    double local_batch = 1;  ///< > 0
    double factor = 1;       ///< > 0
    friend bool operator==(const knot&, const knot&) = default;
  };

  batch_profile() = default;
  /// \throws input_error  for knots that are not positive or not in ascending order
  explicit batch_profile(std::vector<knot> knots) : knots_(std::move(knots)) {
    for (std::size_t i = 0; i < knots_.size(); ++i)
      if (!(knots_[i].local_batch > 0 && knots_[i].factor > 0) ||
          (i && !(knots_[i - 1].local_batch < knots_[i].local_batch)))
        throw input_error("batch_profile", "positive knots in ascending order",
                          std::to_string(knots_[i].local_batch));
  }

  [[nodiscard]] const std::vector<knot>& knots() const { return knots_; }

  /// O(log knots), no allocation.
  [[nodiscard]] double factor(double local_batch) const {
    if (knots_.empty()) return 1;
    const auto next = std::upper_bound(knots_.begin(), knots_.end(), local_batch,
                                       [](double b, const knot& k) { return b < k.local_batch; });
    if (next == knots_.begin()) return next->factor;
    const knot& low = *std::prev(next);
    if (next == knots_.end() || low.local_batch == local_batch) return low.factor;
    const double share =
        std::log(local_batch / low.local_batch) / std::log(next->local_batch / low.local_batch);
    return low.factor * std::pow(next->factor / low.factor, share);
  }

  friend bool operator==(const batch_profile&, const batch_profile&) = default;

 private:
  std::vector<knot> knots_;
};

/// A powerflow_throughput whose gradient time follows a batch_profile.
struct profiled_throughput {
  powerflow_throughput base;
  batch_profile profile;

  [[nodiscard]] step_time operator()(const configuration& c) const {
    step_time t;
    t.compute_s = base.compute_s(c.local_batch, c.clock_ghz) * profile.factor(c.local_batch) *
                  base.waiting(c.gpus);
    t.sync_s = base.sync_s(c.gpus, c.servers);
    t.total_s = overlapped(t.compute_s, t.sync_s, base.gamma);
    return t;
  }
};

}  // namespace heddle::model
