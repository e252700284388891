// The best choice of some jobs' points while all others stay, found from two halves of the jobs.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// Meets in the middle.
///
/// At prices π a choice loses Σρ + π·(left over) against the bound, ρ being the reduced costs of its points,
/// and a better choice than the best one known loses less than the room between bound and best. So for each
/// half of the free jobs choices of small Σρ are listed. Of two from either half the uses must fit together in
/// every resource and leave almost nothing of those that are priced: both lists become k-d trees over uses times
/// prices and values, walked in pairs of boxes. A pair is passed over if its least uses do not fit, if its
/// largest leave too much, or if its best values do not add up to a better one. Where both lists hold all
/// choices that lose less than the room, nothing better exists.
///
/// Where not all can be listed, those are kept for which the other half most likely has a complement. At the
/// temperature 1/β at which a choice loses the room on average, the other half's choices number about
/// exp(−β·Σρ) for what is left to lose, and their uses spread around their mean as a normal distribution.
///
/// Lists of N stand for N² choices; listing and sorting take O(N log N), pairs of boxes about N^1.3 with ten
/// resources. Boxes are compared in single precision with room for its rounding, what is found is added up in
/// double. No draws: the answer depends on the arguments alone. Allocation-free once warm. The halves are those
/// of Horowitz and Sahni (1974); the rest is derived.
class halves_search {
 public:
  struct result {
    double work = 0;  ///< pairs of boxes, choices listed, and ten for each point: some 30 ns each
    bool complete = false;  ///< no better choice of the free jobs exists
  };

  /// Reads `d` at `price`, at which no choice is worth more than `bound`. False if no resource has a price.
  bool start(const scaled_problem& d, const std::vector<double>& price, double bound) {
    const std::size_t resources = d.resources();
    width_ = (resources + 1 + 3) / 4 * 4;
    bound_ = bound;
    double mean = 0;
    for (double v : price) mean += v / static_cast<double>(resources);
    scale_.resize(resources);
    priced_.resize(resources);
    for (std::size_t r = 0; r < resources; ++r) {
      priced_[r] = price[r] > 1e-6 * mean;
      scale_[r] = priced_[r] ? price[r] : mean;
    }
    cost_.resize(d.points());
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      double top = -std::numeric_limits<double>::infinity();
      for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
        cost_[k] = d.value[k];
        for (std::size_t r = 0; r < resources; ++r) cost_[k] -= price[r] * d.row(k)[r];
        top = std::max(top, cost_[k]);
      }
      for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) cost_[k] = top - cost_[k];
    }
    return mean > 0;
  }

  /// Looks for a better choice than `best` among those in which only the jobs of `free` change: at most `most`
  /// choices of the first half of `free` with at most as many of the second. If none is known yet all jobs must
  /// be free, and it looks for one that loses at most `loss`. `go_on()` is asked every millisecond or so.
  template <class GoOn>
  result run(const scaled_problem& d, const std::vector<std::uint32_t>& free, best_choice& best,
             std::size_t most, double loss, GoOn go_on) {
    result out{.work = 10.0 * static_cast<double>(d.points())};  // for what comes before the lists
    d_ = &d;
    best_ = &best;
    loss_ = loss;
    prepare(free);
    if (!(room() > 0)) return {.work = out.work, .complete = true};
    const auto middle = free.begin() + static_cast<std::ptrdiff_t>(free.size() / 2);
    sides_[0].jobs.assign(free.begin(), middle);
    sides_[1].jobs.assign(middle, free.end());
    find_temperature(free);
    bool all = true;
    for (side& s : sides_) {
      if (!shorten(s)) all = false;
      expect(s);
    }
    for (std::size_t h = 0; h < 2; ++h) {
      all = list(sides_[h], sides_[1 - h], most) && all;
      out.work += static_cast<double>(listed_);
      if (!go_on()) return out;
    }
    for (side& s : sides_) sort(s);
    set_limits();
    pairs_ = 0;
    stop_ = false;
    if (sides_[0].size() > 0 && sides_[1].size() > 0) {
      switch (width_) {
      case 4:
        join<4>(0, 0, go_on);
        break;
      case 8:
        join<8>(0, 0, go_on);
        break;
      case 12:
        join<12>(0, 0, go_on);
        break;
      default:
        join<Eigen::Dynamic>(0, 0, go_on);
      }
    }
    out.work += static_cast<double>(pairs_);
    out.complete = all && !stop_;
    return out;
  }

 private:
  static constexpr std::size_t leaf = 4;             // choices
  static constexpr std::size_t bins = 512;           // of reduced costs
  static constexpr std::size_t listed_for_one = 32;  // choices of which one is kept

  struct node {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t child = 0;  // the first of two; 0: a leaf
    float loss = 0;           // the least of its choices
  };
  // A list of choices of half the jobs. Coordinates are uses times prices, then the value's negative, both
  // less what the jobs use at least and are worth at most.
  struct side {
    std::vector<std::uint32_t> jobs;
    std::vector<std::uint32_t> first, item;  // each job's points by reduced cost
    std::vector<float> step;                 // the points' coordinates
    std::vector<float> at, loss;
    std::vector<std::uint64_t> code;  // the points' ranks among their job's, in mixed radix
    std::vector<float> mean, spread;  // and variance of the coordinates at the temperature
    std::vector<node> nodes;
    std::vector<float> box;  // of each node: least, then largest coordinates
    [[nodiscard]] std::size_t size() const { return loss.size(); }
  };

  struct extension {
    std::uint32_t stem, rank;
    float loss;
  };

  // What a choice must be worth more than, as far as numbers that are whole can tell.
  [[nodiscard]] double known() const {
    if (!best_->found) return bound_ - loss_;
    return best_->value + (d_->whole ? 1 - 1e-6 : 0);
  }
  // What the free jobs may lose; a little more, as losses are added up in single precision.
  [[nodiscard]] double room() const { return (bound_ - known() - fixed_loss_) * (1 + 1e-5); }

  // What the jobs that are not free leave and lose.
  void prepare(const std::vector<std::uint32_t>& free) {
    const scaled_problem& d = *d_;
    picked_.resize(d.jobs());
    for (std::size_t i = 0; i < d.jobs(); ++i)
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (!best_->found || d.origin[k] == best_->point[d.job[i]]) picked_[i] = k;
    is_free_.assign(d.jobs(), 0);
    for (std::uint32_t i : free) is_free_[i] = 1;
    left_ = d.left;
    fixed_loss_ = 0;
    fixed_value_ = d.base;
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      if (is_free_[i] != 0) continue;
      fixed_loss_ += cost_[picked_[i]];
      fixed_value_ += d.value[picked_[i]];
      for (std::size_t r = 0; r < d.resources(); ++r) left_[r] -= d.row(picked_[i])[r];
    }
  }

  // β at which the choices' mean loss is the room: each resource with a price loses 1/β.
  void find_temperature(const std::vector<std::uint32_t>& free) {
    double low = 0, high = 1e3 * static_cast<double>(free.size() + d_->resources()) / room();
    const auto priced = static_cast<double>(std::count(priced_.begin(), priced_.end(), 1));
    for (int turn = 0; turn < 30; ++turn) {
      beta_ = (low + high) / 2;
      double loss = priced / beta_;
      for (std::uint32_t i : free) loss += weigh(i, [](std::uint32_t, double) {});
      (loss > room() ? low : high) = beta_;
    }
  }

  // Calls `each(point, probability)` for the points of a job at the temperature; returns the mean of their
  // reduced costs.
  template <class Each>
  double weigh(std::uint32_t i, Each each) const {
    double sum = 0, loss = 0;
    for (std::uint32_t k = d_->begin[i]; k < d_->begin[i + 1]; ++k)
      sum += std::exp(-beta_ * cost_[k]);
    for (std::uint32_t k = d_->begin[i]; k < d_->begin[i + 1]; ++k) {
      const double part = std::exp(-beta_ * cost_[k]) / sum;
      loss += part * cost_[k];
      each(k, part);
    }
    return loss;
  }

  // Each job's points that could be in a better choice, by reduced cost. A choice's code has 64 bits: false if
  // points had to be left out for that.
  bool shorten(side& s) {
    const scaled_problem& d = *d_;
    bool all = true;
    s.item.clear();
    s.first.assign(1, 0);
    double codes = 1;
    for (std::uint32_t i : s.jobs) {
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (cost_[k] < room()) s.item.push_back(k);
      std::sort(s.item.begin() + s.first.back(), s.item.end(),
                [&](std::uint32_t a, std::uint32_t b) {
                  return cost_[a] != cost_[b] ? cost_[a] < cost_[b] : a < b;
                });
      const auto count = [&] { return static_cast<double>(s.item.size() - s.first.back()); };
      for (; codes * count() > 0x1p63; all = false) s.item.pop_back();
      codes *= count();
      s.first.push_back(static_cast<std::uint32_t>(s.item.size()));
    }
    return all;
  }

  // Coordinates of each job's points, and how those of the half's choices spread at the temperature.
  void expect(side& s) {
    const scaled_problem& d = *d_;
    const std::size_t resources = d.resources();
    s.step.assign(s.item.size() * width_, 0);
    s.mean.assign(width_, 0);
    s.spread.assign(width_, 0);
    for (std::size_t j = 0; j < s.jobs.size(); ++j) {
      least_.assign(resources, std::numeric_limits<double>::infinity());
      double top = -std::numeric_limits<double>::infinity();
      for (std::size_t q = s.first[j]; q < s.first[j + 1]; ++q) {
        top = std::max(top, d.value[s.item[q]]);
        for (std::size_t r = 0; r < resources; ++r)
          least_[r] = std::min(least_[r], d.row(s.item[q])[r]);
      }
      for (std::size_t q = s.first[j]; q < s.first[j + 1]; ++q) {
        for (std::size_t r = 0; r < resources; ++r)
          s.step[q * width_ + r] =
              static_cast<float>((d.row(s.item[q])[r] - least_[r]) * scale_[r]);
        s.step[q * width_ + resources] = static_cast<float>(top - d.value[s.item[q]]);
      }
      for (std::size_t r = 0; r < resources; ++r) left_[r] -= least_[r];
      fixed_value_ += top;
      sum_.assign(2 * resources, 0);
      weigh(s.jobs[j], [&](std::uint32_t k, double part) {
        for (std::size_t r = 0; r < resources; ++r) {
          const double x = (d.row(k)[r] - least_[r]) * scale_[r];
          sum_[2 * r] += part * x;
          sum_[2 * r + 1] += part * x * x;
        }
      });
      for (std::size_t r = 0; r < resources; ++r) {
        s.mean[r] += static_cast<float>(sum_[2 * r]);
        s.spread[r] += static_cast<float>(sum_[2 * r + 1] - sum_[2 * r] * sum_[2 * r]);
      }
    }
  }

  // Lists choices of small reduced costs and keeps at most `most`; true if those are all below the room.
  bool list(side& s, const side& other, std::size_t most) {
    // Sums of reduced costs are counted in bins, rounded down, so that no more are listed than wanted.
    const double room = this->room(),
                 wanted = static_cast<double>(listed_for_one) * static_cast<double>(most);
    count_.assign(bins, 0);
    count_[0] = 1;
    for (std::size_t j = 0; j < s.jobs.size(); ++j) {
      next_count_.assign(bins, 0);
      for (std::size_t q = s.first[j]; q < s.first[j + 1]; ++q) {
        const auto shift =
            static_cast<std::size_t>(cost_[s.item[q]] / room * static_cast<double>(bins));
        for (std::size_t b = shift; b < bins; ++b) next_count_[b] += count_[b - shift];
      }
      count_.swap(next_count_);
    }
    std::size_t kept = 0;
    double below = 0;
    for (; kept < bins && below + count_[kept] <= wanted; ++kept) below += count_[kept];
    const double limit = room * static_cast<double>(kept) / static_cast<double>(bins);

    s.at.assign(width_, 0);
    s.loss.assign(1, 0);
    s.code.assign(1, 0);
    listed_ = 1;
    std::uint64_t radix = 1;
    for (std::size_t j = 0; j < s.jobs.size(); ++j) {
      found_.clear();
      const bool last = j + 1 == s.jobs.size();
      const std::uint32_t first = s.first[j], count = s.first[j + 1] - first;
      for (std::uint32_t e = 0; e < s.size(); ++e)
        for (std::uint32_t q = 0; q < count; ++q) {
          const double loss = static_cast<double>(s.loss[e]) + cost_[s.item[first + q]];
          if (!(loss < limit)) break;
          found_.push_back({e, q, static_cast<float>(loss)});
        }
      listed_ = found_.size();
      if (last && found_.size() > most) keep_likely(s, other, first, most);
      grown_at_.resize(found_.size() * width_);
      grown_loss_.resize(found_.size());
      grown_code_.resize(found_.size());
      for (std::size_t n = 0; n < found_.size(); ++n) {
        const extension x = found_[n];
        grown_loss_[n] = x.loss;
        grown_code_[n] = s.code[x.stem] + radix * x.rank;
        const float *stem = s.at.data() + x.stem * width_,
                    *step = s.step.data() + (first + x.rank) * width_;
        for (std::size_t r = 0; r < width_; ++r) grown_at_[n * width_ + r] = stem[r] + step[r];
      }
      radix *= count;
      s.at.swap(grown_at_);
      s.loss.swap(grown_loss_);
      s.code.swap(grown_code_);
    }
    return kept == bins && listed_ <= most;
  }

  // Leaves in found_ the `most` choices for which the other half most likely has a complement.
  void keep_likely(const side& s, const side& other, std::uint32_t first, std::size_t most) {
    const std::size_t resources = d_->resources();
    target_.assign(width_, 0);
    weight_.assign(width_, 0);
    for (std::size_t r = 0; r < resources; ++r) {
      target_[r] = static_cast<float>(left_[r] * scale_[r]) - other.mean[r];
      if (priced_[r] && other.spread[r] > 0) weight_[r] = 0.5F / other.spread[r];
    }
    score_.resize(found_.size());
    for (std::size_t n = 0; n < found_.size(); ++n) {
      const extension x = found_[n];
      const float *stem = s.at.data() + x.stem * width_,
                  *step = s.step.data() + (first + x.rank) * width_;
      std::array<float, 4> sum = {};
      for (std::size_t r = 0; r < width_; r += 4)
        for (std::size_t l = 0; l < 4; ++l) {
          const float off = stem[r + l] + step[r + l] - target_[r + l];
          sum[l] += off * off * weight_[r + l];
        }
      score_[n] = static_cast<float>(beta_) * x.loss + ((sum[0] + sum[1]) + (sum[2] + sum[3]));
    }
    order_.resize(found_.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::nth_element(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(most),
                     order_.end(), [&](std::uint32_t a, std::uint32_t b) {
                       return score_[a] != score_[b] ? score_[a] < score_[b] : a < b;
                     });
    order_.resize(most);
    std::sort(order_.begin(), order_.end());
    for (std::size_t n = 0; n < most; ++n) found_[n] = found_[order_[n]];
    found_.resize(most);
  }

  // The list as a tree whose boxes are halved across their longest side.
  void sort(side& s) {
    const std::size_t size = s.size();
    order_.resize(size);
    std::iota(order_.begin(), order_.end(), 0U);
    s.nodes.clear();
    s.box.clear();
    if (size == 0) return;
    s.nodes.push_back({.begin = 0, .end = static_cast<std::uint32_t>(size)});
    for (std::size_t n = 0; n < s.nodes.size(); ++n) {
      node here = s.nodes[n];
      s.box.resize((n + 1) * 2 * width_);
      float *low = s.box.data() + n * 2 * width_, *high = low + width_;
      std::fill_n(low, width_, std::numeric_limits<float>::infinity());
      std::fill_n(high, width_, -std::numeric_limits<float>::infinity());
      here.loss = std::numeric_limits<float>::infinity();
      for (std::uint32_t q = here.begin; q < here.end; ++q) {
        const float* at = s.at.data() + order_[q] * width_;
        for (std::size_t r = 0; r < width_; ++r) {
          low[r] = std::min(low[r], at[r]);
          high[r] = std::max(high[r], at[r]);
        }
        here.loss = std::min(here.loss, s.loss[order_[q]]);
      }
      std::size_t longest = 0;
      for (std::size_t r = 1; r < width_; ++r)
        if (high[r] - low[r] > high[longest] - low[longest]) longest = r;
      if (here.end - here.begin > leaf && high[longest] > low[longest]) {
        const std::uint32_t middle = here.begin + (here.end - here.begin) / 2;
        const auto from = order_.begin();
        std::nth_element(from + here.begin, from + middle, from + here.end,
                         [&](std::uint32_t a, std::uint32_t b) {
                           const float x = s.at[a * width_ + longest],
                                       y = s.at[b * width_ + longest];
                           return x != y ? x < y : a < b;
                         });
        here.child = static_cast<std::uint32_t>(s.nodes.size());
        s.nodes.push_back({.begin = here.begin, .end = middle});
        s.nodes.push_back({.begin = middle, .end = here.end});
      }
      s.nodes[n] = here;
    }
    grown_at_.resize(s.at.size());
    grown_loss_.resize(size);
    grown_code_.resize(size);
    for (std::size_t q = 0; q < size; ++q) {
      std::copy_n(s.at.data() + order_[q] * width_, width_, grown_at_.data() + q * width_);
      grown_loss_[q] = s.loss[order_[q]];
      grown_code_[q] = s.code[order_[q]];
    }
    s.at.swap(grown_at_);
    s.loss.swap(grown_loss_);
    s.code.swap(grown_code_);
  }

  // What two choices may use together, what they must, and how much they may lose.
  void set_limits() {
    const std::size_t resources = d_->resources();
    may_.assign(width_, std::numeric_limits<float>::infinity());
    must_.assign(width_, -std::numeric_limits<float>::infinity());
    double largest = 0;
    for (const side& s : sides_)
      if (!s.nodes.empty())
        for (std::size_t r = 0; r < width_; ++r)
          largest = std::max(largest, static_cast<double>(s.box[width_ + r]));
    rounding_ = static_cast<float>(1e-5 * largest);
    for (std::size_t r = 0; r < resources; ++r) {
      may_[r] = static_cast<float>(left_[r] * scale_[r]) + rounding_;
      if (priced_[r]) must_[r] = static_cast<float>(left_[r] * scale_[r]) - rounding_;
    }
    limit_losses();
  }
  void limit_losses() {
    room_ = static_cast<float>(room()) + rounding_;
    may_[d_->resources()] = static_cast<float>(fixed_value_ - known()) + rounding_;
  }

  template <int Width>
  using row = Eigen::Map<const Eigen::Array<float, Width, 1>>;
  template <int Width>
  [[nodiscard]] row<Width> at(const std::vector<float>& rows, std::size_t n) const {
    return row<Width>(rows.data() + n * width_, static_cast<Eigen::Index>(width_));
  }

  template <int Width, class GoOn>
  void join(std::uint32_t a, std::uint32_t b, GoOn& go_on) {
    if (++pairs_ % 16384 == 0) stop_ = stop_ || !go_on();
    if (stop_) return;
    const side &one = sides_[0], &two = sides_[1];
    const auto may = at<Width>(may_, 0), must = at<Width>(must_, 0);
    const auto least = at<Width>(one.box, 2 * a) + at<Width>(two.box, 2 * b);
    if ((least - may).maxCoeff() > 0) return;
    const auto most = at<Width>(one.box, 2 * a + 1) + at<Width>(two.box, 2 * b + 1);
    const node &x = one.nodes[a], &y = two.nodes[b];
    if ((must - most).max(0.0F).sum() + (x.loss + y.loss) > room_) return;
    if (x.child == 0 && y.child == 0) return meet<Width>(x, y);
    if (y.child == 0 || (x.child != 0 && x.end - x.begin >= y.end - y.begin)) {
      join<Width>(x.child, b, go_on);
      join<Width>(x.child + 1, b, go_on);
    } else {
      join<Width>(a, y.child, go_on);
      join<Width>(a, y.child + 1, go_on);
    }
  }

  template <int Width>
  void meet(const node& x, const node& y) {
    const side &one = sides_[0], &two = sides_[1];
    for (std::uint32_t i = x.begin; i < x.end; ++i)
      for (std::uint32_t j = y.begin; j < y.end; ++j)
        if ((at<Width>(one.at, i) + at<Width>(two.at, j) - at<Width>(may_, 0)).maxCoeff() <= 0)
          offer({i, j});
  }

  void offer(const std::array<std::uint32_t, 2>& pair) {
    const scaled_problem& d = *d_;
    for (std::size_t h = 0; h < 2; ++h) {
      const side& s = sides_[h];
      std::uint64_t code = s.code[pair[h]];
      for (std::size_t j = 0; j < s.jobs.size(); ++j) {
        const std::uint64_t count = s.first[j + 1] - s.first[j];
        picked_[s.jobs[j]] = s.item[s.first[j] + code % count];
        code /= count;
      }
    }
    double sum = 0;
    used_.assign(d.resources(), 0);
    for (std::uint32_t k : picked_) {
      sum += d.value[k];
      for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r];
    }
    if ((best_->found && !(d.base + sum > best_->value)) || !d.fits(used_.data())) return;
    best_->offer(d, picked_, d.base + sum);
    limit_losses();
  }

  const scaled_problem* d_ = nullptr;
  best_choice* best_ = nullptr;
  std::size_t width_ = 0, pairs_ = 0, listed_ = 0;
  bool stop_ = false;
  double bound_ = 0, fixed_loss_ = 0, fixed_value_ = 0, loss_ = 0, beta_ = 0;
  float room_ = 0, rounding_ = 0;
  std::array<side, 2> sides_;
  std::vector<double> cost_, scale_, left_, least_, sum_, used_, count_, next_count_;
  std::vector<float> may_, must_, target_, weight_, score_, grown_at_, grown_loss_;
  std::vector<extension> found_;
  std::vector<std::uint64_t> grown_code_;
  std::vector<std::uint32_t> picked_, order_;
  std::vector<char> is_free_, priced_;
};

}  // namespace heddle::choice::detail
