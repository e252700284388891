// From fractions of time to whole jobs on whole GPUs, round by round.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/share/problem.hpp>

namespace heddle::share {

/// Deficit scheduler: in each round every job runs on one type with all its GPUs, or waits.
///
/// Each job is owed x_ij rounds on type j for every round that passes, and pays one for each that it
/// gets. The most owed (job, type) pairs are served first while their GPUs are free; a job gets no more
/// than one type a round. A debt is kept in rounds, so that new fractions (jobs come and go, the shares
/// are solved again) go on from the old debts.
///
/// Debts stay bounded where the greedy choice packs: when every type has some GPUs to spare, or every job
/// has one type. Where jobs of many GPUs do not fit together, or everything is shared out to the last
/// GPU, some may stay owed: `debt` says how much.
///
/// After Gavel's round-based scheduling (Narayanan et al., OSDI 2020), with debts in the place of
/// priorities x_ij / rounds received. O(k log k) a round, k the number of positive x_ij; allocation-free
/// after `start`, and after a `change` that needs no more room. One user at a time.
class rounds {
 public:
  static constexpr std::uint32_t waits = std::numeric_limits<std::uint32_t>::max();

  /// \param p  capacities and GPUs of the jobs
  /// \param x  fractions of time, jobs × types
  /// \throws input_error  if `x` is not jobs × types numbers in [0, 1 + 1e-9]
  void start(const problem& p, const std::vector<double>& x) {
    check(p);
    debt_.assign(p.jobs() * p.types(), 0);
    read(p, x);
  }

  /// New fractions for the same jobs and types; debts are kept. \throws input_error  as `start`
  void change(const problem& p, const std::vector<double>& x) {
    check(p);
    if (p.jobs() * p.types() != debt_.size())
      throw input_error("rounds", std::to_string(debt_.size()) + " fractions",
                        std::to_string(p.jobs() * p.types()));
    read(p, x);
  }

  /// The next round: the type that each job runs on, or `waits`. Valid until the next call.
  const std::vector<std::uint32_t>& next() {
    for (std::size_t k = 0; k < x_.size(); ++k) debt_[k] += x_[k];
    order_.clear();
    for (std::size_t k = 0; k < debt_.size(); ++k)
      if (debt_[k] > 0) order_.push_back(static_cast<std::uint32_t>(k));
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return debt_[a] != debt_[b] ? debt_[a] > debt_[b] : a < b;
    });
    free_.assign(capacity_.begin(), capacity_.end());
    std::fill(type_.begin(), type_.end(), waits);
    for (std::uint32_t k : order_) {
      const std::size_t i = k / capacity_.size(), j = k % capacity_.size();
      if (type_[i] != waits || gpus_[i] > free_[j]) continue;
      free_[j] -= gpus_[i];
      type_[i] = static_cast<std::uint32_t>(j);
      debt_[k] -= 1;
    }
    return type_;
  }

  /// Rounds that job i is owed on type j; negative: it has had more than its share.
  [[nodiscard]] double debt(std::size_t i, std::size_t j) const {
    return debt_[i * capacity_.size() + j];
  }

 private:
  void read(const problem& p, const std::vector<double>& x) {
    detail::require_size("x", x.size(), p.jobs() * p.types(), false);
    for (std::size_t k = 0; k < x.size(); ++k)
      detail::require(x[k] >= 0 && x[k] <= 1 + 1e-9, "x", k, "a fraction in [0, 1]", x[k]);
    x_ = x;
    capacity_ = p.capacity;
    gpus_.resize(p.jobs());
    for (std::size_t i = 0; i < p.jobs(); ++i) gpus_[i] = p.gpus_of(i);
    type_.assign(p.jobs(), waits);
    order_.reserve(x.size());
    free_.reserve(p.types());
  }

  std::vector<double> x_, debt_, capacity_, gpus_, free_;
  std::vector<std::uint32_t> type_, order_;
};

}  // namespace heddle::share
