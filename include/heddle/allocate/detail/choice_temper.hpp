// Walks through choices that need not fit, at several strengths of the capacities at once.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/allocate/detail/choice_data.hpp>
#include <heddle/core/random.hpp>

namespace heddle::allocate::detail {

/// Replica exchange (parallel tempering) over moves of one job.
///
/// At prices π a choice loses Σρ + π·(left over) against the bound, ρ being the reduced costs of its points.
/// All replicas walk at one temperature for ρ. They differ in what it costs to miss the capacities: what is
/// left over costs its price and what is used beyond costs about as much, both divided by a temperature of
/// the replica's own. The coldest stays close to choices that use up every capacity; in the hottest capacities
/// hardly count, so that it forgets where it was; neighbours swap their choices by the rule of Metropolis.
/// Temperatures are such that a choice loses about as much as the best one known: each resource loses its
/// temperature, and a job about a third of its own, as most points are far too costly. They go up and down a
/// little from epoch to epoch, and fall with the gap.
///
/// A step is O(resources) on few bytes, in single precision; what is found is added up afresh in double.
/// Draws are a function of the epochs since `start` alone. Allocation-free once warm. Derived; the exchange
/// of replicas is that of Geyer (1991).
class choice_temper {
 public:
  /// All replicas at `best`, which must have been found. False if there is nothing to walk over.
  bool start(const choice_data& d, const std::vector<double>& price, const choice_found& best) {
    if (!best.found || d.jobs() < 2 || !prepare(d, price)) return false;
    for (replica& at : replicas_) {
      at.here.resize(d.jobs());
      at.over.resize(width_);
      for (std::size_t i = 0; i < d.jobs(); ++i)
        for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
          if (d.origin[k] == best.point[d.job[i]]) at.here[i] = k;
    }
    epoch_ = 0;
    return true;
  }

  /// Goes on for about `steps` steps and offers what it finds. `bound` is that of the prices at the start.
  /// `go_on()` is asked every millisecond or so.
  template <class GoOn>
  void run(const choice_data& d, choice_found& best, double bound, double steps, GoOn go_on) {
    const auto epochs = static_cast<std::size_t>(steps / (levels * block * turns)) + 1;
    for (std::size_t done = 0; done < epochs && go_on(); ++done, ++epoch_) {
      stream draw(epoch_, d.jobs(), "temper");
      state_ = draw() | 1;
      const double wave = std::exp2(-static_cast<double>(draw() >> 11) * 0x1p-53);
      const double shares = static_cast<double>(d.resources()) + static_cast<double>(d.jobs()) / 3;
      if (!(bound > best.value)) return;
      heat(d, amplitude * wave * (bound - best.value) / shares);
      for (replica& at : replicas_) add_up(d, at);  // roundings add up
      for (std::size_t turn = 0; turn < turns; ++turn) {
        for (std::size_t level = 0; level < levels; ++level) walk_on(d, level, best);
        for (std::size_t level = turn % 2; level + 1 < levels; level += 2) {
          replica &cold = replicas_[level], &hot = replicas_[level + 1];
          const float gain = miss(level, cold) + miss(level + 1, hot) - miss(level, hot) -
                             miss(level + 1, cold);
          if (gain >= chance_[next() >> 52]) std::swap(cold, hot);
        }
      }
    }
  }

 private:
  static constexpr std::size_t levels = 5;
  static constexpr std::size_t block = 256;  // steps of a replica between exchanges
  static constexpr std::size_t turns = 32;   // exchanges an epoch
  // Temperatures of capacities in parts of that of reduced costs.
  static constexpr double coldest = 1.5, hottest = 9, amplitude = 0.8;

  struct replica {
    std::vector<std::uint32_t> here;
    std::vector<float> over;  // use less capacity
  };

  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

  bool prepare(const choice_data& d, const std::vector<double>& price) {
    width_ = (d.resources() + 3) / 4 * 4;
    use_.assign(d.points() * width_, 0);
    score_.resize(d.points());
    for (std::size_t k = 0; k < d.points(); ++k) {
      double score = d.value[k];
      for (std::size_t r = 0; r < d.resources(); ++r) {
        score -= price[r] * d.row(k)[r];
        use_[k * width_ + r] = static_cast<float>(d.row(k)[r]);
      }
      score_[k] = static_cast<float>(score);
    }
    price_ = price;
    mean_ = 0;
    for (double v : price) mean_ += v / static_cast<double>(d.resources());
    for (std::size_t level = 0; level < levels; ++level) {
      above_[level].assign(width_, 0);
      below_[level].assign(width_, 0);
    }
    spare_.resize(width_);
    // The logarithm of a uniform draw, by its first bits.
    if (chance_.empty())
      for (std::size_t b = 0; b < 4096; ++b)
        chance_.push_back(static_cast<float>(std::log((static_cast<double>(b) + 0.5) / 4096)));
    return mean_ > 0;
  }

  void heat(const choice_data& d, double temperature) {
    cold_ = static_cast<float>(1 / temperature);
    for (std::size_t level = 0; level < levels; ++level) {
      const double part = static_cast<double>(level) / static_cast<double>(levels - 1);
      const double here = temperature * coldest * std::pow(hottest / coldest, part);
      for (std::size_t r = 0; r < d.resources(); ++r) {
        above_[level][r] = static_cast<float>(mean_ / here);
        below_[level][r] = static_cast<float>(-(price_[r] + 0.3 * mean_) / here);
      }
    }
  }

  void add_up(const choice_data& d, replica& at) {
    for (std::size_t r = 0; r < width_; ++r) {
      double sum = r < d.resources() ? -d.left[r] : -1;
      for (std::uint32_t k : at.here) sum += static_cast<double>(use_[k * width_ + r]);
      at.over[r] = static_cast<float>(sum);
    }
  }

  // What it costs at a level that a replica misses the capacities.
  [[nodiscard]] float miss(std::size_t level, const replica& at) const {
    float sum = 0;
    for (std::size_t r = 0; r < width_; ++r)
      sum += std::max(above_[level][r] * at.over[r], below_[level][r] * at.over[r]);
    return sum;
  }

  void walk_on(const choice_data& d, std::size_t level, choice_found& best) {
    switch (width_) {
      case 4: return walk<4>(d, level, best);
      case 8: return walk<8>(d, level, best);
      case 12: return walk<12>(d, level, best);
      default: return walk<0>(d, level, best);
    }
  }

  template <std::size_t Width>
  void walk(const choice_data& d, std::size_t level, choice_found& best) {
    const std::size_t width = Width ? Width : width_;
    replica& at = replicas_[level];
    std::array<float, Width ? Width : 1> few_over, few_then, few_above, few_below;
    float* const over = Width ? few_over.data() : at.over.data();
    float* const then = Width ? few_then.data() : spare_.data();
    const float *above = above_[level].data(), *below = below_[level].data();
    if constexpr (Width != 0) {
      std::copy_n(at.over.data(), width, few_over.data());
      std::copy_n(above, width, few_above.data());
      std::copy_n(below, width, few_below.data());
      above = few_above.data();
      below = few_below.data();
    }
    std::uint32_t* const here = at.here.data();
    const float cold = cold_;
    float miss_now = miss(level, at);
    const auto jobs = static_cast<std::uint64_t>(d.jobs());
    for (std::size_t step = 0; step < block; ++step) {
      const std::uint64_t bits = next();
      const auto i = static_cast<std::size_t>(((bits & 0xffffff) * jobs) >> 24);
      const std::uint64_t points = d.begin[i + 1] - d.begin[i];
      const auto k = static_cast<std::uint32_t>(d.begin[i] + ((((bits >> 24) & 0xffffff) * points) >> 24));
      const std::uint32_t old = here[i];
      if (k == old) continue;
      const float* in = use_.data() + k * width;
      const float* out = use_.data() + old * width;
      float part[4] = {};
      for (std::size_t r = 0; r < width; r += 4)
        for (std::size_t j = 0; j < 4; ++j) {
          const float sum = over[r + j] + in[r + j] - out[r + j];
          then[r + j] = sum;
          const float high = above[r + j] * sum, low = below[r + j] * sum;
          part[j] += high > low ? high : low;
        }
      const float miss_then = (part[0] + part[1]) + (part[2] + part[3]);
      if (cold * (score_[k] - score_[old]) - (miss_then - miss_now) < chance_[bits >> 52]) continue;
      here[i] = k;
      miss_now = miss_then;
      float most = -1;
      for (std::size_t r = 0; r < width; ++r) {
        over[r] = then[r];
        most = most > over[r] ? most : over[r];
      }
      // Rounding may say of a capacity used up that it is passed by a little.
      if (most <= rounding) offer(d, at.here, best);
    }
    if constexpr (Width != 0) std::copy_n(over, width, at.over.data());
  }

  void offer(const choice_data& d, const std::vector<std::uint32_t>& pick, choice_found& best) {
    double sum = 0;
    for (std::uint32_t k : pick) sum += d.value[k];
    if (!(d.base + sum > best.value)) return;
    used_.assign(d.resources(), 0);
    for (std::uint32_t k : pick)
      for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r];
    if (d.fits(used_.data())) best.offer(d, pick, d.base + sum);
  }

  static constexpr float rounding = 1e-5F;
  std::size_t width_ = 0, epoch_ = 0;
  std::uint64_t state_ = 1;
  double mean_ = 0;
  float cold_ = 0;  // 1 / temperature
  std::vector<double> price_;
  std::vector<float> use_, score_, spare_, chance_;
  std::array<std::vector<float>, levels> above_, below_;
  std::array<replica, levels> replicas_;
  std::vector<double> used_;
};

}  // namespace heddle::allocate::detail
