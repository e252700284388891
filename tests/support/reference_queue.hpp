// Schedulers written down once more from their definitions, by number alone and in whole ticks of time,
// to compare with. Nothing of the library is used.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace heddle::test::reference {

struct job {
  std::int64_t submit = 0, run = 0;
  int wants = 0;  ///< of what there is one kind of
};

enum class kind { in_order, greedy, easy, conservative };

/// When each job starts, jobs being by submission, on a machine of `size`.
class machine {
 public:
  machine(const std::vector<job>& jobs, int size, kind k)
      : jobs_(jobs), kind_(k), free_(size), starts_(jobs.size(), -1) {}

  std::vector<std::int64_t> run() {
    std::size_t next = 0;
    while (next < jobs_.size() || !running_.empty()) {
      now_ = std::numeric_limits<std::int64_t>::max();
      if (next < jobs_.size()) now_ = jobs_[next].submit;
      for (std::size_t r : running_) now_ = std::min(now_, end_of(r));
      std::erase_if(running_, [&](std::size_t r) {
        if (end_of(r) > now_) return false;
        free_ += jobs_[r].wants;
        return true;
      });
      for (; next < jobs_.size() && jobs_[next].submit == now_; ++next) queue_.push_back(next);
      if (kind_ == kind::conservative)
        reserve_for_all();
      else
        decide();
      std::erase_if(queue_, [&](std::size_t q) { return starts_[q] >= 0; });
    }
    return starts_;
  }

 private:
  std::int64_t end_of(std::size_t j) const { return starts_[j] + jobs_[j].run; }
  bool fits(std::size_t j) const { return jobs_[j].wants <= free_; }
  void start(std::size_t j) {
    starts_[j] = now_;
    free_ -= jobs_[j].wants;
    running_.push_back(j);
  }

  void decide() {
    std::size_t i = 0;
    for (; i < queue_.size() && fits(queue_[i]); ++i) start(queue_[i]);
    if (i == queue_.size() || kind_ == kind::in_order) return;
    // The shadow time, and what the head leaves over then.
    const int head = jobs_[queue_[i]].wants;
    std::vector<std::pair<std::int64_t, int>> ends;
    for (std::size_t r : running_) ends.emplace_back(end_of(r), jobs_[r].wants);
    std::sort(ends.begin(), ends.end());
    std::int64_t shadow = 0;
    int then = free_;
    for (const auto& [at, n] : ends) {
      if (then >= head && at > shadow) break;
      then += n;
      shadow = at;
    }
    int extra = then - head;
    for (++i; i < queue_.size(); ++i) {
      const std::size_t j = queue_[i];
      const bool in_time = now_ + jobs_[j].run <= shadow;
      if (!fits(j) || (kind_ == kind::easy && !in_time && jobs_[j].wants > extra)) continue;
      if (!in_time) extra -= jobs_[j].wants;
      start(j);
    }
  }

  void reserve_for_all() {
    struct span {
      std::int64_t from, to;
      int wants;
    };
    std::vector<span> taken;
    std::vector<std::int64_t> times{now_};
    int size = free_;
    for (std::size_t r : running_) {
      taken.push_back({now_, end_of(r), jobs_[r].wants});
      times.push_back(end_of(r));
      size += jobs_[r].wants;
    }
    for (std::size_t j : queue_) {
      // Room only grows at an end, so the earliest start is one of these times.
      std::sort(times.begin(), times.end());
      for (std::int64_t at : times) {
        const std::int64_t end = at + jobs_[j].run;
        const auto used_at = [&](std::int64_t t) {
          int used = 0;
          for (const span& s : taken) used += s.from <= t && t < s.to ? s.wants : 0;
          return used;
        };
        bool room = used_at(at) + jobs_[j].wants <= size;
        for (const span& s : taken)
          if (s.from > at && s.from < end) room = room && used_at(s.from) + jobs_[j].wants <= size;
        if (!room) continue;
        taken.push_back({at, end, jobs_[j].wants});
        times.push_back(end);
        if (at == now_) start(j);
        break;
      }
    }
  }

  const std::vector<job>& jobs_;
  kind kind_;
  int free_;
  std::int64_t now_ = 0;
  std::vector<std::int64_t> starts_;
  std::vector<std::size_t> queue_, running_;
};

/// When each job ends under shortest remaining time first that stops and starts freely: at every moment
/// all jobs are gone through by the time that they have left, then by submission, and each runs that fits
/// beside those before it.
inline std::vector<double> ends_under_srtf(const std::vector<double>& submit,
                                           const std::vector<double>& run,
                                           const std::vector<int>& wants, int size) {
  std::vector<double> left = run, ends(run.size(), 0);
  std::vector<std::size_t> present, chosen;
  double now = 0;
  for (std::size_t next = 0; next < run.size() || !present.empty();) {
    double at = next < run.size() ? submit[next] : std::numeric_limits<double>::infinity();
    for (std::size_t j : chosen) at = std::min(at, now + left[j]);
    for (std::size_t j : chosen) left[j] -= at - now;
    now = at;
    constexpr double done = 1e-6;
    std::erase_if(present, [&](std::size_t j) {
      if (left[j] > done) return false;
      ends[j] = now;
      return true;
    });
    for (; next < run.size() && submit[next] <= now; ++next) present.push_back(next);
    std::stable_sort(present.begin(), present.end(),
                     [&](std::size_t a, std::size_t b) { return left[a] < left[b]; });
    chosen.clear();
    int free = size;
    for (std::size_t j : present)
      if (wants[j] <= free) {
        free -= wants[j];
        chosen.push_back(j);
      }
  }
  return ends;
}

}  // namespace heddle::test::reference
