// Jobs that no policy can tell apart, found once so that they are priced once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/random.hpp>

namespace heddle::share::detail {

/// Classes of jobs with equal keys, numbered by their first job.
///
/// A queue of thousands of training jobs follows a few dozen throughput tables; equal jobs may share
/// equally (the constraints are convex), so that a policy has one unknown a class.
class equal_jobs {
 public:
  /// Every job is a class of its own.
  void none(std::size_t jobs) {
    of_.resize(jobs);
    first_.resize(jobs);
    count_.assign(jobs, 1);
    for (std::size_t i = 0; i < jobs; ++i) of_[i] = first_[i] = static_cast<std::uint32_t>(i);
  }

  /// Groups jobs by `width` numbers each, written by `key(i, double* out)`. Numbers are compared bit by
  /// bit. Where no two of a few hundred jobs are alike, all count as different. Expected O(jobs · width).
  template <class Key>
  void group(std::size_t jobs, std::size_t width, Key key) {
    const auto each = [&](std::size_t count, std::size_t apart) {
      first_.clear();
      count_.clear();
      kept_.clear();
      table_.assign(std::bit_ceil(2 * count + 2), empty);
      for (std::size_t i = 0; i < count; ++i) {
        key(i * apart, key_.data());
        put(i, i * apart);
      }
    };
    of_.resize(jobs);
    key_.resize(width);
    if (jobs >= 4 * sampled) {
      each(sampled, jobs / sampled);
      if (first_.size() == sampled) return none(jobs);
    }
    each(jobs, 1);
  }

  [[nodiscard]] std::size_t size() const { return first_.size(); }
  [[nodiscard]] std::size_t of(std::size_t job) const { return of_[job]; }    ///< class of a job
  [[nodiscard]] std::size_t first(std::size_t k) const { return first_[k]; }  ///< its first job
  [[nodiscard]] double count(std::size_t k) const { return count_[k]; }       ///< how many jobs

 private:
  static constexpr std::uint32_t empty = static_cast<std::uint32_t>(-1);
  static constexpr std::size_t sampled = 256;

  // The n-th job seen, with its numbers in key_, into its class.
  void put(std::size_t n, std::size_t job) {
    std::uint64_t hash = key_.size();
    for (double v : key_) {
      hash = (hash ^ std::bit_cast<std::uint64_t>(v)) * 0x9e3779b97f4a7c15u;
      hash ^= hash >> 32;
    }
    const std::size_t last = table_.size() - 1;
    std::size_t slot = mix(hash) & last;
    while (table_[slot] != empty && !same(table_[slot])) slot = (slot + 1) & last;
    if (table_[slot] == empty) {
      table_[slot] = static_cast<std::uint32_t>(first_.size());
      first_.push_back(static_cast<std::uint32_t>(job));
      count_.push_back(0);
      kept_.insert(kept_.end(), key_.begin(), key_.end());
    }
    of_[n] = table_[slot];
    count_[of_[n]] += 1;
  }

  [[nodiscard]] bool same(std::uint32_t k) const {
    for (std::size_t c = 0; c < key_.size(); ++c)
      if (std::bit_cast<std::uint64_t>(kept_[k * key_.size() + c]) !=
          std::bit_cast<std::uint64_t>(key_[c]))
        return false;
    return true;
  }

  std::vector<std::uint32_t> of_, first_, table_;
  std::vector<double> count_, key_, kept_;
};

}  // namespace heddle::share::detail
