// What a desk asks, and what it remembers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/over_types.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/model/operating_point.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::schedule::detail {

/// A running job that a decision has stopped, and what it had.
struct dropped_job {
  std::uint32_t slot = 0;
  const model::operating_point* at = nullptr;
  fabric::placement where = {};
};

/// Those that a decision has stopped and nobody has started again.
class dropped_jobs {
 public:
  void clear() { jobs_.clear(); }
  /// \param running  those that run, in their order, `j` among them
  void add(dropped_job j, const std::vector<std::uint32_t>& running) {
    if (jobs_.empty()) were_running_ = running;
    jobs_.push_back(std::move(j));
  }
  /// Null: it was not dropped, or has started again.
  [[nodiscard]] const dropped_job* find(std::uint32_t slot) const {
    const auto it = std::find_if(jobs_.begin(), jobs_.end(),
                                 [&](const dropped_job& j) { return j.slot == slot; });
    return it == jobs_.end() ? nullptr : &*it;
  }
  void forget(std::uint32_t slot) {
    std::erase_if(jobs_, [&](const dropped_job& j) { return j.slot == slot; });
  }
  /// Those running stand by time of start. The last of them goes on as if it had not been dropped: it stands
  /// where it stood.
  void goes_on(std::vector<std::uint32_t>& running) {
    const std::uint32_t slot = running.back();
    auto place = running.begin();
    for (std::uint32_t r : were_running_) {
      if (r == slot) break;
      if (*place == r) ++place;
    }
    std::rotate(place, running.end() - 1, running.end());
    forget(slot);
  }

 private:
  std::vector<dropped_job> jobs_;
  std::vector<std::uint32_t> were_running_;  // before the first of them was dropped
};

template <class Order, class Allocate, class Place, class Means>
struct desk_parts {
  Order order;
  Allocate allocate;
  Place place;
  Means means;
  double patience_s;
  allocate::over_types<Allocate> by_type = {};
  heddle::detail::scratch<allocate::allocation> chosen = {};
  heddle::detail::scratch<forecast> ahead = {};
  heddle::detail::scratch<dropped_jobs> dropped = {};
};

}  // namespace heddle::schedule::detail
