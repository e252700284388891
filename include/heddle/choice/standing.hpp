// A choice that is kept near to optimal, with its proof, while jobs come and go.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/choice/detail/dual.hpp>
#include <heddle/choice/detail/key_places.hpp>
#include <heddle/choice/detail/near.hpp>
#include <heddle/choice/detail/repair.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>
#include <heddle/choice/problem.hpp>
#include <heddle/core/error.hpp>

namespace heddle::choice {

/// At most one point a job under capacities that stay, for jobs that come and go one by one.
///
/// While the gap is small the prices stay: the bound changes by what the job's best point is worth at these prices,
/// and the choice by a point of the job and one of another that makes room for it, or by who takes the room that is
/// left. Where the gap passes `gap`, prices and choice are found anew from the points alone that count near the
/// prices; where the prices leave the box in which these are known (`detail::near_search`), from all points.
///
///     add, remove     O(points of the job + points near the prices · resources)
///     prices anew     some passes over the points near the prices, and repair
///     points anew     a pass over all points and these: rare
///
/// Derived. What is promised is the proof, not a small gap: `gap()` stays above what is asked for where jobs are few
/// and leave room that no point fits; `solver` searches further. Deterministic. One user at a time.
class standing {
 public:
  using key = std::uint32_t;  ///< of a job: at first the least number that no job has

  /// \param capacity  one a resource, as `problem::capacity`
  /// \param gap       relative gap above which prices are found anew, > 0
  /// \throws input_error  for capacities that `check` refuses, or a gap that is not above 0
  explicit standing(std::vector<double> capacity, double gap = 5e-4) : gap_(gap) {
    if (!(gap > 0)) throw input_error("choice.gap", "above 0", std::to_string(gap));
    all_.capacity = std::move(capacity);
    all_.begin = {0};
    detail::check_shape(all_);
    anew();
  }

  /// A job with its points: `value` one a point, `use` points × resources, row by row.
  /// \throws input_error  as `check`; then nothing has changed
  key add(std::span<const double> value, std::span<const double> use, double weight = 1) {
    append(value, use, weight);
    const std::size_t i = gone_.size() - 1;
    (void)near_.add(all_, i, root_);
    now_.push_back(root_.begin[i]);
    net_ += best_score(i);
    make_room(i);
    settle();
    return key_of_[i];
  }

  /// All jobs of `p`, whose capacities are not looked at, in its order.
  /// \throws input_error  as `check`, or if `p` asks for exactly one point a job or has another number of resources;
  ///                      then nothing has changed
  void add_all(const problem& p) {
    check(p);
    if (p.require_one || p.resources() != resources())
      throw input_error("choice.problem", "at most one point a job, the resources of the choice",
                        "another");
    const auto before = static_cast<std::uint32_t>(all_.value.size());
    all_.value.insert(all_.value.end(), p.value.begin(), p.value.end());
    all_.use.insert(all_.use.end(), p.use.begin(), p.use.end());
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      all_.weight.push_back(p.weight_of(i));
      all_.begin.push_back(before + p.begin[i + 1]);
      name_next();
    }
    anew();
  }

  /// \pre the job is there
  void remove(key k) {
    const std::size_t i = keys_[k];
    take(i, root_.begin[i]);
    net_ -= best_score(i);
    gone_[i] = 1;
    ++dead_;
    keys_.give_back(k);
    if (2 * dead_ > gone_.size() + few) {
      anew();
    } else {
      use_what_is_left();
      settle();
    }
  }

  [[nodiscard]] std::size_t jobs() const { return gone_.size() - dead_; }
  /// The index among the job's own points, −1 for none. \pre the job is there
  [[nodiscard]] std::int64_t point(key k) const { return root_.source(now_[keys_[k]]); }
  [[nodiscard]] double objective() const { return worth_; }  ///< Σ weight·value
  /// No choice of these jobs' points is worth more.
  [[nodiscard]] double bound() const {
    double sum = net_;
    for (double p : price_) sum += p;
    return std::max(sum, worth_);
  }
  /// (bound − objective) / max(bound, 1e-12)
  [[nodiscard]] double gap() const { return (bound() - worth_) / std::max(bound(), 1e-12); }
  /// What is used of resource r. \pre r < resources
  [[nodiscard]] double use(std::size_t r) const { return used_[r] * all_.capacity[r]; }
  /// Dual value of one unit of resource r. \pre r < resources
  [[nodiscard]] double price(std::size_t r) const {
    return all_.capacity[r] > 0 ? price_[r] / all_.capacity[r] : 0;
  }
  /// How often prices, and points, were found anew.
  [[nodiscard]] std::size_t prices_anew() const { return prices_anew_; }
  [[nodiscard]] std::size_t points_anew() const { return points_anew_; }

 private:
  static constexpr std::size_t few = 64, candidates = 600, moves_to_fill = 8, seldom = 8;
  static constexpr double finer = 0.2;   // than the gap: to what prices are found
  static constexpr double worse = 1.25;  // than was reached: from when on it is tried anew

  [[nodiscard]] std::size_t resources() const { return all_.resources(); }

  void append(std::span<const double> value, std::span<const double> use, double weight) {
    one_.capacity = all_.capacity;
    one_.begin = {0, static_cast<std::uint32_t>(value.size())};
    one_.value.assign(value.begin(), value.end());
    one_.use.assign(use.begin(), use.end());
    one_.weight = {weight};
    check(one_);
    all_.value.insert(all_.value.end(), value.begin(), value.end());
    all_.use.insert(all_.use.end(), use.begin(), use.end());
    all_.weight.push_back(weight);
    all_.begin.push_back(static_cast<std::uint32_t>(all_.value.size()));
    name_next();
  }

  void name_next() {
    key_of_.push_back(keys_.take(gone_.size()));
    gone_.push_back(0);
  }

  [[nodiscard]] double best_score(std::size_t i) const {
    double best = 0;
    for (std::size_t k = root_.begin[i]; k < root_.begin[i + 1]; ++k) {
      double score = root_.value[k];
      for (std::size_t r = 0; r < price_.size(); ++r) score -= price_[r] * root_.row(k)[r];
      best = std::max(best, score);
    }
    return best;
  }

  void take(std::size_t i, std::size_t k) {
    const double* const from = root_.row(now_[i]);
    const double* const to = root_.row(k);
    for (std::size_t r = 0; r < used_.size(); ++r) used_[r] += to[r] - from[r];
    worth_ += root_.value[k] - root_.value[now_[i]];
    now_[i] = static_cast<std::uint32_t>(k);
  }

  // What is free if `i` gives up its point, into `room_`.
  void room_without(std::size_t i) {
    room_.resize(used_.size());
    for (std::size_t r = 0; r < used_.size(); ++r)
      room_[r] = 1 + detail::scaled_problem::slack - used_[r] + root_.row(now_[i])[r];
  }
  [[nodiscard]] bool fits(std::size_t k, const std::vector<double>& room) const {
    const double* const row = root_.row(k);
    for (std::size_t r = 0; r < room.size(); ++r)
      if (row[r] > room[r]) return false;
    return true;
  }

  // The best point of job i that fits, alone or with another job on a point that leaves room.
  void make_room(std::size_t i) {
    room_without(i);
    rest_.resize(room_.size());
    double most = 0;
    std::size_t mine = now_[i], other = i, theirs = 0;
    for (std::size_t k = root_.begin[i]; k < root_.begin[i + 1]; ++k) {
      if (root_.value[k] > most && fits(k, room_)) {
        most = root_.value[k];
        mine = k;
      }
    }
    for (std::size_t k = root_.begin[i]; k < root_.begin[i + 1]; ++k) {
      if (!(root_.value[k] > most)) continue;
      for (std::size_t r = 0; r < room_.size(); ++r) rest_[r] = room_[r] - root_.row(k)[r];
      for (std::size_t j = 0; j < i; ++j) {
        const std::uint32_t from = now_[j];
        const double must = most - root_.value[k] + root_.value[from];
        for (std::size_t q = root_.begin[j]; q < root_.begin[j + 1]; ++q) {
          if (!(root_.value[q] > must) || gone_[j]) continue;
          const double *in = root_.row(q), *out = root_.row(from);
          bool room = true;
          for (std::size_t r = 0; r < rest_.size() && room; ++r) room = in[r] - out[r] <= rest_[r];
          if (!room) continue;
          most = root_.value[k] + root_.value[q] - root_.value[from];
          mine = k, other = j, theirs = q;
          break;
        }
      }
    }
    if (other != i) take(other, theirs);
    take(i, mine);
  }

  // The moves of one job that gain most, while one fits.
  void use_what_is_left() {
    for (std::size_t step = 0; step < moves_to_fill; ++step) {
      double most = 1e-12 * worth_;
      std::size_t job = 0, point = root_.points();
      for (std::size_t j = 0; j < gone_.size(); ++j) {
        if (gone_[j]) continue;
        const double must = most + root_.value[now_[j]];
        bool asked = false;
        for (std::size_t q = root_.begin[j]; q < root_.begin[j + 1]; ++q) {
          if (!(root_.value[q] > must) || root_.value[q] - root_.value[now_[j]] <= most) continue;
          if (!asked) room_without(j);
          asked = true;
          if (!fits(q, room_)) continue;
          most = root_.value[q] - root_.value[now_[j]];
          job = j, point = q;
        }
      }
      if (point == root_.points()) return;
      take(job, point);
    }
  }

  // Anew where the gap is too wide: at once where it grew, else as often as that costs little for each job.
  void settle() {
    ++since_prices_, ++since_points_;
    if (gap() <= gap_ || (gap() <= worse * reached_ && since_prices_ * seldom < jobs())) return;
    since_prices_ = 0;
    prices_of_near();
    if (gap() > gap_ && since_points_ * seldom >= jobs()) anew();
    reached_ = gap();
  }

  // Prices and choice from the points near the prices; from all points where that does not do.
  void prices_of_near() {
    ++prices_anew_;
    living_.start(all_.capacity, false);
    for (std::size_t j = 0; j < gone_.size(); ++j)
      if (!gone_[j]) living_.adopt(root_, j, static_cast<std::uint32_t>(j));
    const auto found = dual_.solve(living_, price_, {.gap = finer * gap_, .pass_limit = 60});
    if (!near_.within(dual_.best_price())) return anew();
    price_ = dual_.best_price();
    choose(living_, found.bound);
  }

  // The choice at the prices, if it is better than the one that there is.
  void choose(const detail::scaled_problem& from, double bound) {
    net_ = bound;
    for (double p : price_) net_ -= p;
    best_.reset(gone_.size());
    repair_.run(from, price_, dual_, best_, {.candidates = candidates});
    if (!best_.found || !(best_.value > worth_)) return;
    for (std::size_t j = 0; j < from.jobs(); ++j) {
      const std::size_t i = from.job[j];
      now_[i] = root_.begin[i] + best_.point[i] - from.begin[j];
    }
    std::fill(used_.begin(), used_.end(), 0.0);
    worth_ = 0;
    for (std::size_t i = 0; i < gone_.size(); ++i) {
      if (gone_[i]) continue;
      for (std::size_t r = 0; r < used_.size(); ++r) used_[r] += root_.row(now_[i])[r];
      worth_ += root_.value[now_[i]];
    }
  }

  // Forgets who is gone, and finds box, points, prices and choice from all points.
  void anew() {
    ++points_anew_;
    since_points_ = 0;
    forget_the_gone();
    const bool warm = price_.size() == resources();
    price_.resize(resources(), 0);
    const auto found = near_.run(all_, warm, finer * gap_, dual_, price_, root_);
    now_.assign(root_.begin.begin(), root_.begin.end() - 1);
    used_.assign(resources(), 0);
    worth_ = 0;
    choose(root_, found.bound);
    reached_ = gap();
  }

  // In place: the jobs that are left move down.
  void forget_the_gone() {
    std::size_t jobs = 0, points = 0;
    for (std::size_t i = 0; i < gone_.size(); ++i) {
      if (gone_[i]) continue;
      const std::size_t first = all_.begin[i], count = all_.begin[i + 1] - first;
      if (points != first) {
        std::copy_n(all_.value.data() + first, count, all_.value.data() + points);
        std::copy_n(all_.use.data() + first * resources(), count * resources(),
                    all_.use.data() + points * resources());
      }
      all_.weight[jobs] = all_.weight[i];
      key_of_[jobs] = key_of_[i];
      keys_.move(key_of_[i], jobs);
      points += count;
      all_.begin[++jobs] = static_cast<std::uint32_t>(points);
    }
    all_.value.resize(points);
    all_.use.resize(points * resources());
    all_.begin.resize(jobs + 1);
    all_.weight.resize(jobs);
    // Room for as many as may be gone before the next time, so that it is not made when one job comes.
    if (all_.value.capacity() < points + points / 4) {
      all_.value.reserve(2 * points);
      all_.use.reserve(2 * points * resources());
    }
    key_of_.resize(jobs);
    gone_.assign(jobs, 0);
    dead_ = 0;
  }

  double gap_;
  problem all_;  // of all jobs, those too that are gone, until the points are found anew
  std::vector<char> gone_;
  detail::key_places keys_;
  std::vector<key> key_of_;  // of each job
  std::size_t dead_ = 0;
  detail::near_search near_;
  detail::scaled_problem root_, living_;  // the points near the prices; without those gone
  detail::dual_search dual_;
  detail::repair_search repair_;
  detail::best_choice best_;
  std::vector<double> price_;       // of all of a resource
  std::vector<std::uint32_t> now_;  // of each job, a point of root_
  std::vector<double> used_, room_, rest_;
  double net_ = 0, worth_ = 0, reached_ = 0;
  problem one_;
  std::size_t since_prices_ = 0, since_points_ = 0, prices_anew_ = 0, points_anew_ = 0;
};

}  // namespace heddle::choice
