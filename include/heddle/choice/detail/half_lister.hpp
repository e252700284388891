// Lists the likely choices of either half of some jobs, for a search that meets in the middle.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include <heddle/choice/detail/half.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// Choices of a half are listed by the sum of their points' reduced costs, which is what they lose against
/// the bound. Where not all can be listed, those are kept for which the other half most likely has a
/// complement. At the temperature 1/β at which a choice loses the room on average, the other half's choices
/// number about exp(−β·Σρ) for what is left to lose, and their uses spread around their mean as a normal
/// distribution. Listing N choices takes O(N).
class half_lister {
 public:
  /// Reads `d` at `price`. False if no resource has a price. O(points · resources).
  bool start(const scaled_problem& d, const std::vector<double>& price) {
    const std::size_t resources = d.resources();
    width_ = (resources + 1 + 3) / 4 * 4;
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

  /// For the lists that follow: the problem that was read, what the free jobs may use and what all others are worth, to which `prepare`
  /// adds the least that the free use and the most that they are worth, and what a choice may lose. Finds
  /// the temperature.
  void begin(const scaled_problem& d, const std::vector<double>& left, double value, double room,
             const std::vector<std::uint32_t>& free) {
    d_ = &d;
    left_ = left;
    most_value_ = value;
    room_ = room;
    find_temperature(free);
  }

  /// Finds the points of the half's jobs that count, and their coordinates. False if some that could be in a
  /// better choice had to be left out.
  bool prepare(half& s) {
    const bool all = shorten(s);
    expect(s);
    return all;
  }

  /// Lists choices of small reduced costs and keeps at most `most`; true if those are all below the room.
  /// Both halves must have been prepared.
  bool list(half& s, const half& other, std::size_t most) {
    // Sums of reduced costs are counted in bins, rounded down, so that no more are listed than wanted.
    const double wanted = static_cast<double>(listed_for_one) * static_cast<double>(most);
    count_.assign(bins, 0);
    count_[0] = 1;
    for (std::size_t j = 0; j < s.jobs.size(); ++j) {
      next_count_.assign(bins, 0);
      for (std::size_t q = s.first[j]; q < s.first[j + 1]; ++q) {
        const auto shift =
            static_cast<std::size_t>(cost_[s.item[q]] / room_ * static_cast<double>(bins));
        for (std::size_t b = shift; b < bins; ++b) next_count_[b] += count_[b - shift];
      }
      count_.swap(next_count_);
    }
    std::size_t kept = 0;
    double below = 0;
    for (; kept < bins && below + count_[kept] <= wanted; ++kept) below += count_[kept];
    const double limit = room_ * static_cast<double>(kept) / static_cast<double>(bins);

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

  [[nodiscard]] std::size_t width() const { return width_; }
  [[nodiscard]] double cost(std::size_t k) const { return cost_[k]; }
  [[nodiscard]] bool is_priced(std::size_t r) const { return priced_[r] != 0; }
  /// What is left of a resource beyond the least uses of the jobs prepared, times its price.
  [[nodiscard]] float left(std::size_t r) const { return static_cast<float>(left_[r] * scale_[r]); }
  /// What all jobs are worth at most, those prepared at their best points.
  [[nodiscard]] double most_value() const { return most_value_; }
  /// Choices looked at for the last list.
  [[nodiscard]] std::size_t listed() const { return listed_; }

 private:
  static constexpr std::size_t bins = 512;           // of reduced costs
  static constexpr std::size_t listed_for_one = 32;  // choices of which one is kept

  struct extension {
    std::uint32_t stem, rank;
    float loss;
  };

  // β at which the choices' mean loss is the room: each resource with a price loses 1/β.
  void find_temperature(const std::vector<std::uint32_t>& free) {
    double low = 0, high = 1e3 * static_cast<double>(free.size() + d_->resources()) / room_;
    const auto priced = static_cast<double>(std::count(priced_.begin(), priced_.end(), 1));
    for (int turn = 0; turn < 30; ++turn) {
      beta_ = (low + high) / 2;
      double loss = priced / beta_;
      for (std::uint32_t i : free) loss += weigh(i, [](std::uint32_t, double) {});
      (loss > room_ ? low : high) = beta_;
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
  bool shorten(half& s) {
    const scaled_problem& d = *d_;
    bool all = true;
    s.item.clear();
    s.first.assign(1, 0);
    double codes = 1;
    for (std::uint32_t i : s.jobs) {
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (cost_[k] < room_) s.item.push_back(k);
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
  void expect(half& s) {
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
      most_value_ += top;
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

  // Leaves in found_ the `most` choices for which the other half most likely has a complement.
  void keep_likely(const half& s, const half& other, std::uint32_t first, std::size_t most) {
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

  const scaled_problem* d_ = nullptr;
  std::size_t width_ = 0, listed_ = 0;
  double room_ = 0, most_value_ = 0, beta_ = 0;
  std::vector<double> cost_, scale_, left_, least_, sum_, count_, next_count_;
  std::vector<float> target_, weight_, score_, grown_at_, grown_loss_;
  std::vector<extension> found_;
  std::vector<std::uint64_t> grown_code_;
  std::vector<std::uint32_t> order_;
  std::vector<char> priced_;
};

}  // namespace heddle::choice::detail
