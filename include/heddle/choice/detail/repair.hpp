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
    write_changes(d);
  }

  // What a candidate changes against the point that its job has now: all that the searches below read, each in a row
  // of its own, so that they go over memory from end to end.
  void write_change(const scaled_problem& d, std::size_t c) {
    const std::uint32_t to = candidates_[c].point, from = now_[candidates_[c].job];
    gain_[c] = d.value[to] - d.value[from];
    for (std::size_t r = 0; r < d.resources(); ++r)
      more_[r * candidates_.size() + c] = d.row(to)[r] - d.row(from)[r];
  }
  void write_changes(const scaled_problem& d) {
    gain_.resize(candidates_.size());
    over_.resize(candidates_.size());
    more_.resize(candidates_.size() * d.resources());
    for (std::size_t c = 0; c < candidates_.size(); ++c) write_change(d, c);
  }

  // How far the use after a candidate's move is over the limits.
  [[nodiscard]] double excess_after(const scaled_problem& d, std::size_t c) const {
    double over = 0;
    for (std::size_t r = 0; r < d.resources(); ++r) {
      const double v = used_[r] + more_[r * candidates_.size() + c] - d.left[r];
      over += v > scaled_problem::slack ? v : 0;
    }
    return over;
  }
  // The same of all candidates.
  void write_excess(const scaled_problem& d) {
    const std::size_t n = candidates_.size();
    std::fill(over_.begin(), over_.end(), 0.0);
    double* const over = over_.data();
    for (std::size_t r = 0; r < d.resources(); ++r) {
      const double used = used_[r], left = d.left[r];
      const double* const more = more_.data() + r * n;
      for (std::size_t c = 0; c < n; ++c) {
        const double v = used + more[c] - left;
        over[c] += v > scaled_problem::slack ? v : 0;
      }
    }
  }

  void move(const scaled_problem& d, std::uint32_t job, std::uint32_t k) {
    for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r] - d.row(now_[job])[r];
    now_[job] = k;
    for (std::size_t c = 0; c < candidates_.size(); ++c)
      if (candidates_[c].job == job) write_change(d, c);
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
      write_excess(d);
      for (std::size_t k = 0; k < candidates_.size(); ++k) {
        const double rest = over_[k];
        if (!(rest < over)) continue;
        const candidate& c = candidates_[k];
        if (now_[c.job] == c.point) continue;
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
      for (std::size_t c = 0; c < candidates_.size(); ++c) {
        if (gain_[c] > most && excess_after(d, c) <= 0) {
          most = gain_[c];
          best = &candidates_[c];
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
    const std::size_t resources = d.resources(), n = pool_.size();
    pool_gain_.resize(n);
    pool_more_.resize(n * resources);
    for (std::size_t c = 0; c < n; ++c) {
      const std::uint32_t to = pool_[c].point, from = now_[pool_[c].job];
      pool_gain_[c] = d.value[to] - d.value[from];
      for (std::size_t r = 0; r < resources; ++r)
        pool_more_[c * resources + r] = d.row(to)[r] - d.row(from)[r];
    }
    std::size_t first = n, second = n;
    double most = 1e-15 * d.spread;
    for (std::size_t a = 0; a < n; ++a) {
      for (std::size_t r = 0; r < resources; ++r)
        trial_[r] = d.left[r] + scaled_problem::slack - used_[r] - pool_more_[a * resources + r];
      for (std::size_t b = a + 1; b < n; ++b) {
        const double gain = pool_gain_[a] + pool_gain_[b];
        if (!(gain > most) || pool_[b].job == pool_[a].job) continue;
        const double* const more = pool_more_.data() + b * resources;
        bool fits = true;
        for (std::size_t r = 0; r < resources; ++r) fits &= more[r] <= trial_[r];
        if (!fits) continue;
        most = gain;
        first = a;
        second = b;
      }
    }
    if (first == n) return false;
    move(d, pool_[first].job, pool_[first].point);
    move(d, pool_[second].job, pool_[second].point);
    return true;
  }

  std::vector<double> reduced_, used_, trial_, gain_, more_, over_, pool_gain_, pool_more_;
  std::vector<std::uint32_t> now_;
  std::vector<char> touched_;
  std::vector<candidate> candidates_, pool_;
};

}  // namespace heddle::choice::detail
