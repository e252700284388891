// From the jobs' points at the best prices to a choice that fits, and to a better one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/choice/detail/dual.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// How much work a repair may be.
struct repair_effort {
  std::size_t candidates = 4000;  ///< points of least reduced cost that are looked at first
  std::size_t partners = 192;     ///< of these in exchanges of two jobs; 0: none
  std::size_t moves = 400;        ///< at most
};

/// Greedy repair and local search on the points of least reduced cost ρ_k = (score of the job's best
/// point) − (score of k), score = value − π·use: what a choice loses against the bound is Σ ρ + π·(what
/// is left over).
class repair_search {
 public:
  /// Offers what it finds to `best`. True if it found a choice that fits.
  bool run(const scaled_problem& d, const std::vector<double>& price, dual_search& dual,
           best_choice& best, const repair_effort& effort = {}) {
    dual.pass(d, price);
    const auto& pick = dual.pick();
    score(d, price, pick);
    for (std::size_t count = effort.candidates;; count *= 8) {
      start(d, pick);
      choose_candidates(d, pick, count);
      if (make_fit(d, effort.moves)) break;
      if (count >= d.points()) return false;
    }
    for (;;) {
      improve_one(d, effort.moves);
      if (effort.partners == 0 || !improve_two(d, effort.partners)) break;
    }
    best.offer(d, now_, d.base + worth(d));
    return true;
  }

  /// Σ of values of the last choice found, less the base.
  [[nodiscard]] double worth(const scaled_problem& d) const { return value_of(d, now_); }
  /// ρ of every point at the prices of the last run.
  [[nodiscard]] const std::vector<double>& reduced() const { return reduced_; }

 private:
  static double value_of(const scaled_problem& d, const std::vector<std::uint32_t>& pick) {
    double sum = 0;
    for (std::uint32_t k : pick) sum += d.value[k];
    return sum;
  }

  struct candidate {
    double reduced;
    std::uint32_t point, job;
    friend bool operator<(const candidate& a, const candidate& b) {
      return a.reduced != b.reduced ? a.reduced < b.reduced : a.point < b.point;
    }
  };

  void score(const scaled_problem& d, const std::vector<double>& price,
             const std::vector<std::uint32_t>& pick) {
    const std::size_t resources = d.resources();
    reduced_.resize(d.points());
    for (std::size_t k = 0; k < d.points(); ++k) {
      const double* row = d.row(k);
      double here = d.value[k];
      for (std::size_t r = 0; r < resources; ++r) here -= price[r] * row[r];
      reduced_[k] = here;
    }
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      const double most = reduced_[pick[i]];
      for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) reduced_[k] = most - reduced_[k];
    }
  }

  void start(const scaled_problem& d, const std::vector<std::uint32_t>& pick) {
    now_ = pick;
    used_.assign(d.resources(), 0);
    trial_.resize(d.resources());
    for (std::uint32_t k : now_)
      for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r];
  }

  void choose_candidates(const scaled_problem& d, const std::vector<std::uint32_t>& pick,
                         std::size_t count) {
    candidates_.clear();
    for (std::uint32_t i = 0; i < d.jobs(); ++i)
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (k != pick[i]) candidates_.push_back({reduced_[k], k, i});
    if (candidates_.size() > count) {
      std::nth_element(candidates_.begin(),
                       candidates_.begin() + static_cast<std::ptrdiff_t>(count), candidates_.end());
      candidates_.resize(count);
    }
    // The way back, for each job that has a way out.
    touched_.assign(d.jobs(), 0);
    const std::size_t out = candidates_.size();
    for (std::size_t c = 0; c < out; ++c) {
      const std::uint32_t i = candidates_[c].job;
      if (touched_[i]) continue;
      touched_[i] = 1;
      candidates_.push_back({0, pick[i], i});
    }
    std::sort(candidates_.begin(), candidates_.end());
  }

  // How far the use after moving job i to point k is over the limits.
  [[nodiscard]] double excess_after(const scaled_problem& d, std::size_t i, std::size_t k) const {
    const double* to = d.row(k);
    const double* from = d.row(now_[i]);
    double over = 0;
    for (std::size_t r = 0; r < d.resources(); ++r) {
      const double v = used_[r] - from[r] + to[r] - d.left[r];
      if (v > scaled_problem::slack) over += v;
    }
    return over;
  }

  void move(const scaled_problem& d, std::size_t i, std::uint32_t k) {
    for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r] - d.row(now_[i])[r];
    now_[i] = k;
  }

  bool make_fit(const scaled_problem& d, std::size_t moves) {
    double over = 0;
    for (std::size_t r = 0; r < d.resources(); ++r) {
      const double v = used_[r] - d.left[r];
      if (v > scaled_problem::slack) over += v;
    }
    for (std::size_t step = 0; over > 0 && step < moves + d.jobs(); ++step) {
      const candidate* best = nullptr;
      double least = std::numeric_limits<double>::infinity(), after = over;
      for (const candidate& c : candidates_) {
        if (now_[c.job] == c.point) continue;
        const double rest = excess_after(d, c.job, c.point);
        if (!(rest < over)) continue;
        const double loss = c.reduced - reduced_[now_[c.job]];
        const double rate = loss > 0 ? loss / (over - rest) : loss * (over - rest);
        if (rate < least) {
          least = rate;
          best = &c;
          after = rest;
        }
      }
      if (!best) return false;
      move(d, best->job, best->point);
      over = after;
    }
    return over <= 0;
  }

  // Moves of one job that gain, the largest gain first.
  void improve_one(const scaled_problem& d, std::size_t moves) {
    for (std::size_t step = 0; step < moves; ++step) {
      const candidate* best = nullptr;
      double most = 1e-15 * d.spread;
      for (const candidate& c : candidates_) {
        const double gain = d.value[c.point] - d.value[now_[c.job]];
        if (gain > most && excess_after(d, c.job, c.point) <= 0) {
          most = gain;
          best = &c;
        }
      }
      if (!best) return;
      move(d, best->job, best->point);
    }
  }

  // The best exchange of two jobs among the candidates that lose least; false if none gains.
  bool improve_two(const scaled_problem& d, std::size_t partners) {
    pool_.clear();
    for (const candidate& c : candidates_)
      if (now_[c.job] != c.point)
        pool_.push_back({c.reduced - reduced_[now_[c.job]], c.point, c.job});
    if (pool_.size() > partners) {
      std::nth_element(pool_.begin(), pool_.begin() + static_cast<std::ptrdiff_t>(partners),
                       pool_.end());
      pool_.resize(partners);
    }
    std::sort(pool_.begin(), pool_.end());
    const std::size_t resources = d.resources();
    const candidate *first = nullptr, *second = nullptr;
    double most = 1e-15 * d.spread;
    for (const candidate& a : pool_) {
      const double* to = d.row(a.point);
      const double* from = d.row(now_[a.job]);
      for (std::size_t r = 0; r < resources; ++r)
        trial_[r] = d.left[r] + scaled_problem::slack - used_[r] - to[r] + from[r];
      const double gain_a = d.value[a.point] - d.value[now_[a.job]];
      for (const candidate* b = &a + 1; b != pool_.data() + pool_.size(); ++b) {
        if (b->job == a.job) continue;
        const double gain = gain_a + d.value[b->point] - d.value[now_[b->job]];
        if (!(gain > most)) continue;
        const double* in = d.row(b->point);
        const double* out = d.row(now_[b->job]);
        bool fits = true;
        for (std::size_t r = 0; r < resources && fits; ++r) fits = in[r] - out[r] <= trial_[r];
        if (!fits) continue;
        most = gain;
        first = &a;
        second = b;
      }
    }
    if (!first) return false;
    move(d, first->job, first->point);
    move(d, second->job, second->point);
    return true;
  }

  std::vector<double> reduced_, used_, trial_;
  std::vector<std::uint32_t> now_;
  std::vector<char> touched_;
  std::vector<candidate> candidates_, pool_;
};

}  // namespace heddle::choice::detail
