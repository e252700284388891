// Rows of jobs by priority class.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/step_search.hpp>

namespace heddle::allocate::detail {

/// One lane a priority class, each of which is served before the next. Lanes are kept from call to call:
/// a search goes on from where that of its class ended.
class step_lanes {
 public:
  /// The jobs of one class, and where their searches ended.
  struct lane {
    int priority = 0;
    bool everyone = false;  ///< rows are all of them
    std::vector<std::uint32_t> rows = {};
    step_search steps = {}, clocks = {};
  };

  /// By priority falling. Those of a class that has no jobs now have no rows.
  [[nodiscard]] std::vector<lane>& all() { return lanes_; }

  /// Puts the rows of all jobs into the lanes of their classes. O(jobs × classes), and O(1) for one
  /// class of as many jobs as before.
  /// \param classes  false: all jobs are of one class
  /// \param mixed    priorities differ
  void split(std::span<const candidate> jobs, bool classes, bool mixed) {
    if (lanes_.size() > 64) lanes_.clear();
    if (!(classes && mixed)) {
      const int priority = classes && !jobs.empty() ? jobs[0].priority : 0;
      if (lanes_.size() != 1 || lanes_[0].priority != priority) lanes_.assign(1, lane{priority});
      auto& rows = lanes_[0].rows;
      if (rows.size() != jobs.size() || !lanes_[0].everyone) {
        rows.resize(jobs.size());
        std::iota(rows.begin(), rows.end(), 0u);
        lanes_[0].everyone = true;
      }
      return;
    }
    for (lane& each : lanes_) {
      each.rows.clear();
      each.everyone = false;
    }
    for (std::uint32_t r = 0; r < jobs.size(); ++r) {
      const int priority = jobs[r].priority;
      auto at = std::find_if(lanes_.begin(), lanes_.end(),
                             [&](const lane& each) { return each.priority <= priority; });
      if (at == lanes_.end() || at->priority != priority) at = lanes_.insert(at, lane{priority});
      at->rows.push_back(r);
    }
  }

 private:
  std::vector<lane> lanes_;
};

}  // namespace heddle::allocate::detail
