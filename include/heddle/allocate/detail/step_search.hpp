// All jobs' steps in one order, and how far along it GPUs and budgets reach.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/step_chain.hpp>
#include <heddle/allocate/detail/step_need.hpp>

namespace heddle::allocate::detail {

/// Where every job stands on its chain. `Source` tells of a row the `base` of its chain (point and
/// level), the `step` that follows where it stands (asked once at each step), the `level` of a point, its
/// `work` and its `id`.
class step_ladder {
 public:
  std::vector<double> next_key,
      last_key;  ///< of the step ahead, 0 if none; of the last one made, ∞ if none
  step_levels now, next;
  std::vector<std::uint32_t> taken, point, next_point;

  template <class F>
  void each(F f) {
    f(next_key), f(last_key), f(taken), f(point), f(next_point);
    now.each(f);
    next.each(f);
  }

  template <class Source>
  void reset(Source& s, std::uint32_t row) {
    taken[row] = 0;
    last_key[row] = std::numeric_limits<double>::infinity();
    step_level at;
    s.base(row, point[row], at);
    now.set(row, at);
    look_ahead(s, row);
  }
  template <class Source>
  void advance(Source& s, std::uint32_t row) {
    ++taken[row];
    last_key[row] = next_key[row];
    point[row] = next_point[row];
    now.set(row, next[row]);
    look_ahead(s, row);
  }
  template <class Source>
  void retreat(Source& s, std::uint32_t row) {
    const std::uint32_t to = taken[row] - 1;
    for (reset(s, row); taken[row] < to;) advance(s, row);
  }

  template <class Source>
  [[nodiscard]] ranked_step ahead(const Source& s, std::uint32_t row) const {
    return {next_key[row], taken[row], s.id(row), row};
  }
  template <class Source>
  [[nodiscard]] ranked_step behind(const Source& s, std::uint32_t row) const {
    return {last_key[row], taken[row] - 1, s.id(row), row};
  }

 private:
  template <class Source>
  void look_ahead(Source& s, std::uint32_t row) {
    const chain_store::step ahead = s.step(row, last_key[row], point[row]);
    next_key[row] = ahead.key;
    next_point[row] = ahead.point;
    step_level l = now[row];
    if (ahead.key > 0) {
      const step_level to = s.level(row, ahead.point);
      l = {to.gpus, std::max(l.watts, to.watts), std::max(l.sample_j, to.sample_j)};
    }
    next.set(row, l);
  }
};

/// Finds the longest beginning of the order that GPUs and budgets allow. It is one point in the order,
/// and the search starts from that of the last time: a few passes over few numbers, and a heap of the
/// steps near it. Where nothing is known, a sample of the jobs gives the point to start from.
class step_search {
 public:
  /// Makes room for a search over so many rows.
  void reserve(std::size_t rows) {
    if (heap_.capacity() >= rows) return;
    heap_.reserve(2 * rows);
    sample_.reserve(sampled);
  }

  /// Brings the jobs `rows` to that point. `used` becomes what they take; at their base they take no more
  /// than `limit`.
  template <class Source>
  void run(step_ladder& ladder, Source& s, const step_rows& rows, const step_meter& m,
           const step_need& limit, step_need& used) {
    reserve(rows.count);
    if (!known_ && rows.count > 2 * sampled) {
      sample_.clear();
      for (std::size_t k = 0; k < sampled; ++k) {
        const std::size_t at = k * rows.count / sampled;
        sample_.push_back(rows.some ? rows.some[at] : static_cast<std::uint32_t>(at));
      }
      const double part = static_cast<double>(sampled) / static_cast<double>(rows.count);
      const step_need some{limit.gpus * part, limit.watts * part, limit.joules * part};
      edge_ = {};
      reach(ladder, s, {sampled, sample_.data()}, m, some, used, 1);
    }
    known_ = true;
    reach(ladder, s, rows, m, limit, used, 0.01);
  }

  /// Makes the steps ahead that take at least so many GPUs while they fit, in their order; a job whose step
  /// does not fit is left where it is.
  template <class Source>
  void fill(step_ladder& ladder, Source& s, const step_rows& rows, const step_meter& m,
            const step_need& limit, step_need& used, int least_gpus) {
    const auto fits = [&](std::uint32_t r) {
      const int gpus = ladder.next.gpus[r] - ladder.now.gpus[r];
      return ladder.next_key[r] > 0 && gpus >= least_gpus &&
             after(ladder, s, r, m, used).within(limit);
    };
    // There is less and less left. While a step leaves room for few others, passes that look for the first
    // step that fits are faster than a heap of all that do.
    for (std::size_t turn = 0; turn < 6 && !rows.some; ++turn) {
      const double room_w = m.watts_of(limit.watts - used.watts + 4);
      const double top = highest(ladder, rows, room_w, limit.gpus - used.gpus, least_gpus);
      if (!(top > 0)) return;
      ranked_step first{.key = 0};
      const double* const keys = ladder.next_key.data();
      rows.each_maybe([=](std::size_t r) { return keys[r] == top; },
                      [&](std::uint32_t r) {
                        if (fits(r) && (first.key == 0 || ladder.ahead(s, r).before(first)))
                          first = ladder.ahead(s, r);
                      });
      if (first.key == 0) break;  // it does not fit by a rounding, or for its energy
      const step_need then = after(ladder, s, first.row, m, used);
      const bool small = 8 * (then.watts - used.watts) < limit.watts - used.watts &&
                         8 * (then.gpus - used.gpus) < limit.gpus - used.gpus;
      used = then;
      ladder.advance(s, first.row);
      if (small) break;
    }
    heap_.clear();
    const double* const keys = ladder.next_key.data();
    const double *const now_w = ladder.now.watts.data(), *const next_w = ladder.next.watts.data();
    const double room_w = m.watts_of(limit.watts - used.watts + 4);
    rows.each_maybe([=](std::size_t r) { return (keys[r] > 0) & !(next_w[r] - now_w[r] > room_w); },
                    [&](std::uint32_t r) {
                      if (fits(r)) heap_.push_back(ladder.ahead(s, r));
                    });
    std::make_heap(heap_.begin(), heap_.end(), later);
    while (!heap_.empty()) {
      const std::uint32_t r = pop(later).row;
      if (!fits(r)) continue;
      used = after(ladder, s, r, m, used);
      ladder.advance(s, r);
      if (fits(r)) push(ladder.ahead(s, r), later);
    }
  }

 private:
  static constexpr std::size_t sampled = 512;
  static bool later(const ranked_step& a, const ranked_step& b) { return b.before(a); }
  static bool sooner(const ranked_step& a, const ranked_step& b) { return a.before(b); }
  template <class Order>
  ranked_step pop(Order order) {
    std::pop_heap(heap_.begin(), heap_.end(), order);
    const ranked_step top = heap_.back();
    heap_.pop_back();
    return top;
  }
  template <class Order>
  void push(const ranked_step& s, Order order) {
    heap_.push_back(s);
    std::push_heap(heap_.begin(), heap_.end(), order);
  }

  // The highest key of the steps ahead that take less power and no more GPUs than there is room for.
  static double highest(const step_ladder& ladder, const step_rows& rows, double room_w,
                        double room_gpus, int least_gpus) {
    const double *const keys = ladder.next_key.data(), *const now_w = ladder.now.watts.data(),
                        *const next_w = ladder.next.watts.data();
    double top = 0;
    const auto higher = [&top, keys, now_w, next_w, room_w](std::size_t r) {
      return (keys[r] > top) & (next_w[r] - now_w[r] < room_w);
    };
    const auto take = [&](std::uint32_t r) { top = keys[r]; };
    if (least_gpus > 0) {
      const int* const now_gpus = ladder.now.gpus.data();
      const int* const next_gpus = ladder.next.gpus.data();
      const int most_gpus = static_cast<int>(room_gpus);
      const auto fits = [=](std::size_t r) {
        const int gpus = next_gpus[r] - now_gpus[r];
        return higher(r) & (gpus >= least_gpus) & (gpus <= most_gpus);
      };
      rows.each_maybe(fits, take);
      return top;
    }
    // Clocks have many more turns. Two rows at once: compilers leave a maximum of doubles scalar.
    using two [[gnu::vector_size(16)]] = double;
    const auto load = [](const double* p) {
      two both;
      std::memcpy(&both, p, sizeof both);
      return both;
    };
    const two none{};
    two best[2] = {none, none};
    std::size_t k = 0;
    for (; k + 4 <= rows.count; k += 4)
      for (std::size_t j = 0; j < 2; ++j) {
        const std::size_t r = k + 2 * j;
        const two key = load(next_w + r) - load(now_w + r) < room_w ? load(keys + r) : none;
        best[j] = best[j] > key ? best[j] : key;
      }
    top = std::max({best[0][0], best[0][1], best[1][0], best[1][1]});
    for (; k < rows.count; ++k)
      if (higher(k)) take(static_cast<std::uint32_t>(k));
    return top;
  }

  // What is used once row r has made its step.
  template <class Source>
  static step_need after(const step_ladder& ladder, const Source& s, std::uint32_t r,
                         const step_meter& m, const step_need& used) {
    return used - m.of(ladder.now[r], s.work(r)) + m.of(ladder.next[r], s.work(r));
  }

  template <class Source>
  void reach(step_ladder& ladder, Source& s, const step_rows& rows, const step_meter& m,
             const step_need& limit, step_need& used, double band) {
    const double *const next_key = ladder.next_key.data(), *const last_key = ladder.last_key.data();
    const double edge = edge_.key;
    const auto near = [=](std::size_t r) { return !((next_key[r] < edge) & (last_key[r] > edge)); };
    rows.each_maybe(near, [&](std::uint32_t r) {
      while (ladder.next_key[r] > 0 && ladder.ahead(s, r).before(edge_)) ladder.advance(s, r);
      while (ladder.taken[r] > 0 && !ladder.behind(s, r).before(edge_)) ladder.retreat(s, r);
    });
    used = ladder.now.sum(rows, m, s.all_work());
    if (used.within(limit)) return forth(ladder, s, rows, m, limit, used, band);
    if (std::max(used.watts, used.joules) < 0x1p53)
      return back(ladder, s, rows, m, limit, used, band);
    // Too large a sum to be exact: a budget has been cut to a fraction. From the start, then.
    rows.each([&](std::uint32_t r) {
      if (ladder.taken[r] > 0) ladder.reset(s, r);
    });
    used = ladder.now.sum(rows, m, s.all_work());
    forth(ladder, s, rows, m, limit, used, 1);
  }

  // Makes steps until one does not fit. The heap holds those of a band of keys below the highest.
  template <class Source>
  void forth(step_ladder& ladder, Source& s, const step_rows& rows, const step_meter& m,
             const step_need& limit, step_need& used, double band) {
    for (;; band = std::min(1.0, 4 * band)) {
      const double* const keys = ladder.next_key.data();
      const double top = rows.most(0, [keys](std::size_t r) { return keys[r]; });
      edge_ = {0, std::numeric_limits<std::uint32_t>::max(), {}, {}};
      if (!(top > 0)) return;
      const double low = band < 1 ? std::min(top * (1 - band), std::numeric_limits<double>::max())
                                  : std::numeric_limits<double>::denorm_min();
      heap_.clear();
      rows.each_maybe([=](std::size_t r) { return keys[r] >= low; },
                      [&](std::uint32_t r) { heap_.push_back(ladder.ahead(s, r)); });
      std::make_heap(heap_.begin(), heap_.end(), later);
      while (!heap_.empty()) {
        const std::uint32_t r = heap_.front().row;
        const step_need then = after(ladder, s, r, m, used);
        if (!then.within(limit)) {
          edge_ = heap_.front();
          return;
        }
        pop(later);
        used = then;
        ladder.advance(s, r);
        if (ladder.next_key[r] >= low) push(ladder.ahead(s, r), later);
      }
    }
  }

  // Takes steps back, the last of the order first, until what is left fits.
  template <class Source>
  void back(step_ladder& ladder, Source& s, const step_rows& rows, const step_meter& m,
            const step_need& limit, step_need& used, double band) {
    for (;; band *= 4) {
      const double* const keys = ladder.last_key.data();
      const double bottom = -rows.most(-std::numeric_limits<double>::infinity(),
                                       [keys](std::size_t r) { return -keys[r]; });
      const double high = bottom * (1 + band);
      heap_.clear();
      rows.each_maybe([=](std::size_t r) { return keys[r] <= high; },
                      [&](std::uint32_t r) {
                        if (ladder.taken[r] > 0) heap_.push_back(ladder.behind(s, r));
                      });
      if (heap_.empty()) return;
      std::make_heap(heap_.begin(), heap_.end(), sooner);
      while (!heap_.empty()) {
        edge_ = pop(sooner);
        const std::uint32_t r = edge_.row;
        used = used - m.of(ladder.now[r], s.work(r));
        ladder.retreat(s, r);
        used = used + m.of(ladder.now[r], s.work(r));
        if (used.within(limit)) return;
        if (ladder.taken[r] > 0 && ladder.last_key[r] <= high) push(ladder.behind(s, r), sooner);
      }
    }
  }

  bool known_ = false;
  ranked_step edge_;  // the first step that was not made
  std::vector<std::uint32_t> sample_;
  std::vector<ranked_step> heap_;
};

}  // namespace heddle::allocate::detail
