// What GPUs are worth to the jobs that end later: exact, and on hulls.
//
//   path_knapsack  F(g) for every g in a table               O(GPUs) for each job and count
//   path_hull      the cheapest steps first, in a calendar   O(1) a step, fractions of a step allowed
//
// Both take jobs one after the other, the one that ends last first, and can go back to a number of jobs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/allocate/detail/price_queue.hpp>

namespace heddle::allocate::detail {

/// What a job gains with one of its counts: V·speed − λ·watts at the best clock.
struct path_gain {
  double size = 0;          ///< of the resource: GPUs, or a mix of GPUs and watts
  double value = 0;         ///< in weight: seconds of weighted time saved in a second
  std::uint32_t point = 0;  ///< of `path_tables`
};

/// F_A(g), the most that jobs A gain together with g GPUs, each with one of its counts or with none.
class path_knapsack {
 public:
  void start(double gpus) {
    gpus_ = static_cast<std::size_t>(gpus);
    row_ = gpus_ + 1;
    f_.assign(row_, 0);
  }
  /// Goes back to the first `jobs` that were inserted.
  void restore(std::size_t jobs) { f_.resize((jobs + 1) * row_); }
  [[nodiscard]] std::size_t jobs() const { return f_.size() / row_ - 1; }

  void begin_query() { last_ = f_.data() + f_.size() - row_; }
  /// F(G) − F(G − size). Precondition: size is whole and at most G.
  [[nodiscard]] double displaced(double size) {
    return last_[gpus_] - last_[gpus_ - static_cast<std::size_t>(size)];
  }
  void insert(std::span<const path_gain> gains) {
    const std::size_t from = f_.size() - row_;
    f_.resize(f_.size() + row_);
    const double* const old = f_.data() + from;
    double* const now = f_.data() + from + row_;
    std::copy(old, old + row_, now);
    double best = 0;
    for (const path_gain& g : gains) {
      if (!(g.value > best)) continue;  // fewer GPUs gain as much
      best = g.value;
      const auto k = static_cast<std::size_t>(g.size);
      const double value = g.value;
      for (std::size_t i = k; i < row_; ++i) now[i] = std::max(now[i], old[i - k] + value);
    }
  }
  /// F after the first `jobs`.
  [[nodiscard]] const double* after(std::size_t jobs) const { return f_.data() + jobs * row_; }
  /// What one GPU less would cost.
  [[nodiscard]] double price() const {
    const double* f = f_.data() + f_.size() - row_;
    return gpus_ > 0 ? f[gpus_] - f[gpus_ - 1] : 0;
  }

 private:
  std::size_t gpus_ = 0, row_ = 1;
  std::vector<double> f_;
  const double* last_ = nullptr;
};

/// The same where the gains of a job are replaced by their concave hull, of which fractions may be taken: then F
/// is made of the steps of highest price, gain for size. A step that others have driven out never comes
/// back, as F's slope at G only rises with every job.
class path_hull {
 public:
  static constexpr std::uint32_t never = ~std::uint32_t{0};

  /// A step of a job from one vertex of its hull to the next.
  struct step {
    double price, size;
    std::uint32_t gain;     ///< index of the gain that it leads to
    std::uint32_t dropped;  ///< number of jobs at which it was driven out, or `never`
  };

  void start(double capacity) {
    capacity_ = capacity;
    steps_.clear();
    begin_.assign(1, 0);
    others_.clear();
    margin_.clear();
    head_ = 0;
    total_ = 0;
  }
  [[nodiscard]] std::size_t jobs() const { return begin_.size() - 1; }
  /// So many steps at most will there be; no room is asked for then.
  void expect(std::size_t steps) {
    steps_.reserve(steps);
    margin_.reserve(2 * steps);
    others_.reserve(steps);
  }
  void restore(std::size_t jobs) {
    if (jobs == this->jobs()) return;
    begin_.resize(jobs + 1);
    steps_.resize(begin_.back());
    others_.clear();
    margin_.clear();
    head_ = 0;
    total_ = 0;
    for (std::uint32_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].dropped <= jobs) continue;
      steps_[i].dropped = never;
      total_ += steps_[i].size;
      others_.push({steps_[i].price, i});
    }
  }

  void begin_query() {
    at_ = head_;
    used_ = std::max(0.0, total_ - capacity_);
    covered_ = std::max(0.0, capacity_ - total_);
    cost_ = 0;
  }
  /// What the others lose by the cheapest steps of this size. Preconditions: rising from call to call, at
  /// most the capacity.
  [[nodiscard]] double displaced(double size) {
    while (covered_ < size) {
      if (at_ == margin_.size() && !fetch()) break;
      const step& s = steps_[margin_[at_].step];
      const double inside = s.size - used_, take = std::min(size - covered_, inside);
      cost_ += take * s.price;
      covered_ += take;
      used_ += take;
      if (take < inside) break;
      ++at_;
      used_ = 0;
    }
    return cost_;
  }
  /// \param gains  by rising size  \param first  index of the first of them
  void insert(std::span<const path_gain> gains, std::uint32_t first) {
    const std::size_t from = steps_.size();
    for (std::uint32_t i = 0; i < gains.size(); ++i) {
      const path_gain& g = gains[i];
      for (;;) {
        const bool empty = steps_.size() == from;
        const double size = empty ? 0 : gains[steps_.back().gain - first].size;
        const double value = empty ? 0 : gains[steps_.back().gain - first].value;
        const double price = g.size > size ? (g.value - value) / (g.size - size) : never_cheaper;
        if (!(g.value > value)) break;
        if (!empty && price >= steps_.back().price) {
          steps_.pop_back();
          continue;
        }
        steps_.push_back({price, g.size - size, first + i, never});
        break;
      }
    }
    const auto now = static_cast<std::uint32_t>(begin_.size());
    begin_.push_back(static_cast<std::uint32_t>(steps_.size()));
    for (auto i = static_cast<std::uint32_t>(from); i < steps_.size(); ++i) {
      if (total_ >= capacity_ && any() && priced_step{steps_[i].price, i} < margin_[head_]) {
        for (; i < steps_.size(); ++i) steps_[i].dropped = now;  // their prices fall
        return;
      }
      put({steps_[i].price, i});
      total_ += steps_[i].size;
      while (any() && total_ - steps_[margin_[head_].step].size >= capacity_) {
        total_ -= steps_[margin_[head_].step].size;
        steps_[margin_[head_++].step].dropped = now;
      }
    }
  }

  [[nodiscard]] std::span<const step> steps_of(std::size_t job) const {
    return std::span{steps_}.subspan(begin_[job], begin_[job + 1] - begin_[job]);
  }
  [[nodiscard]] std::span<const step> steps() const { return steps_; }
  /// The step of which only a part fits, or null.
  [[nodiscard]] const step* split() {
    return total_ > capacity_ && any() ? &steps_[margin_[head_].step] : nullptr;
  }
  /// The part of it that fits.
  [[nodiscard]] double split_share() {
    const step* s = split();
    return s ? 1 - (total_ - capacity_) / s->size : 1;
  }
  [[nodiscard]] double price() { return total_ >= capacity_ && any() ? margin_[head_].price : 0; }

 private:
  static constexpr double never_cheaper = 1e300;  // of what takes nothing

  // The margin holds the cheapest steps in order.
  bool fetch() { return others_.take_day(margin_); }
  bool any() {
    if (head_ < margin_.size()) return true;
    margin_.clear();
    head_ = 0;
    return fetch();
  }
  void put(const priced_step& p) {
    if (!others_.taken(p.price)) return others_.push(p);
    if (head_ > 64 && 2 * head_ > margin_.size()) {
      margin_.erase(margin_.begin(), margin_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    const auto from = margin_.begin() + static_cast<std::ptrdiff_t>(head_);
    margin_.insert(std::upper_bound(from, margin_.end(), p), p);
  }

  double capacity_ = 0, total_ = 0;
  std::vector<step> steps_;
  std::vector<std::uint32_t> begin_{0};
  price_queue others_;
  std::vector<priced_step> margin_;
  std::size_t head_ = 0;
  std::size_t at_ = 0;  // of a query
  double used_ = 0, covered_ = 0, cost_ = 0;
};

}  // namespace heddle::allocate::detail
