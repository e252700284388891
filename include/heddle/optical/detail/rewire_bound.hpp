// A lower bound on the circuits to set up, from the dual of the linear relaxation.
//
// Let x(k, q) be the circuits of pair q = (leaf, spine) at switch k, of cost 0 where the current
// wiring has one and 1 elsewhere. Prices u(k, leaf), p(k, spine) of fibres and v(q) of wanted
// circuits bound the cost from below by Σ open·u + Σ open·p + Σ want·v whenever u + p + v ≤ cost
// for every (k, q), and u, p ≤ 0 at ends which need not be full. Near-optimal prices are the
// logarithms of the factors that scale exp(-cost / ε) to the wanted margins, the three in turn
// (iterative proportional fitting; Sinkhorn has two): as ε falls the scaled table tends to a
// solution of the relaxation. A sweep is three passes of one multiplication an entry. p and v are
// then rounded to integers, u is computed from them and v once more from both, so that the bound holds
// exactly, however far the scaling got. Derived.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/optical/detail/rewire_board.hpp>

namespace heddle::optical::detail {

class rewire_bound {
 public:
  /// \returns  a number of circuits at least that many of which any wiring must set up
  std::size_t operator()(const rewire_core& core, std::size_t sweeps) {
    prepare(core);
    std::int64_t best = trivial(core);
    const auto epsilons = sweeps < many_sweeps ? std::span<const double>(few_stages)
                                               : std::span<const double>(many_stages);
    for (std::size_t stage = 0; stage < epsilons.size() && sweeps > 0; ++stage) {
      const std::size_t first = sweeps * stage / epsilons.size();
      const std::size_t last = sweeps * (stage + 1) / epsilons.size();
      if (first == last) continue;
      heat(epsilons[stage]);
      for (std::size_t i = first; i < last; ++i) sweep(core, epsilons[stage]);
      if (!cool(epsilons[stage])) break;
    }
    if (sweeps > 0) best = std::max(best, value(core));
    return static_cast<std::size_t>(best);
  }

  /// Near-optimal prices, in circuits, after a call: ends × switches, and pairs.
  [[nodiscard]] const std::vector<double>& leaf_prices() const { return leaf_price_; }
  [[nodiscard]] const std::vector<double>& spine_prices() const { return spine_price_; }
  [[nodiscard]] const std::vector<double>& pair_prices() const { return pair_price_; }

 private:
  // The smaller ε is at the end, the nearer prices are to the relaxation's, given the sweeps to get there.
  static constexpr std::array<double, 4> few_stages{0.12, 0.08, 0.055, 0.04};
  static constexpr std::array<double, 5> many_stages{0.1, 0.06, 0.04, 0.027, 0.018};
  static constexpr std::size_t many_sweeps = 40;
  static constexpr double unit = 1 << 20;     // of rounded prices
  static constexpr double price_limit = 1e3;  // in circuits

  void prepare(const rewire_core& core) {
    const std::size_t k = core.switches;
    homes_.clear();
    home_begin_.assign(1, 0);
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      for (std::size_t i = 0; i < k; ++i)
        if (core.home[q * k + i] > 0) homes_.push_back(static_cast<std::uint32_t>(i));
      home_begin_.push_back(static_cast<std::uint32_t>(homes_.size()));
    }
    leaf_price_.assign(core.leafs * k, 0);
    spine_price_.assign(core.spines * k, 0);
    pair_price_.assign(core.pairs(), 0);
    std::vector<std::size_t> leaf_wanted(core.leafs, 0), spine_wanted(core.spines, 0);
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      const std::size_t n = want(core, q);
      leaf_wanted[core.pair_leaf[q]] += n;
      spine_wanted[core.pair_spine[q]] += n;
      std::size_t homes = 0;
      for (std::size_t i = 0; i < k; ++i) homes += core.home[q * k + i];
      if (homes < n) pair_price_[q] = 1;
    }
    const auto full = [k](const std::vector<std::uint8_t>& open,
                          const std::vector<std::size_t>& wanted, std::vector<std::uint8_t>& out) {
      out.resize(wanted.size());
      for (std::size_t v = 0; v < wanted.size(); ++v) {
        std::size_t all = 0;
        for (std::size_t i = 0; i < k; ++i) all += open[v * k + i];
        out[v] = all == wanted[v];
      }
    };
    full(core.leaf_open, leaf_wanted, leaf_full_);
    full(core.spine_open, spine_wanted, spine_full_);
  }

  static std::size_t want(const rewire_core& core, std::size_t q) {
    return core.pair_begin[q + 1] - core.pair_begin[q];
  }

  /// Wanted beyond what the current wiring has.
  static std::int64_t trivial(const rewire_core& core) {
    std::int64_t sum = 0;
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      std::size_t homes = 0;
      for (std::size_t i = 0; i < core.switches; ++i) homes += core.home[q * core.switches + i];
      sum += static_cast<std::int64_t>(want(core, q) - std::min(want(core, q), homes));
    }
    return sum;
  }

  void heat(double epsilon) {
    const auto factors = [epsilon](const std::vector<double>& prices, std::vector<float>& out) {
      out.resize(prices.size());
      for (std::size_t i = 0; i < prices.size(); ++i)
        out[i] = static_cast<float>(std::exp(prices[i] / epsilon));
    };
    factors(leaf_price_, leaf_factor_);
    factors(spine_price_, spine_factor_);
    factors(pair_price_, pair_factor_);
  }
  /// \returns whether all prices are usable; the last good ones stay if not
  bool cool(double epsilon) {
    const auto good = [](const std::vector<float>& factors) {
      return std::all_of(factors.begin(), factors.end(),
                         [](float f) { return f > 0 && f < std::numeric_limits<float>::max(); });
    };
    if (!good(spine_factor_) || !good(pair_factor_) || !good(leaf_factor_)) return false;
    const auto prices = [epsilon](const std::vector<float>& factors, std::vector<double>& out) {
      for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = std::clamp(epsilon * std::log(static_cast<double>(factors[i])), -price_limit,
                            price_limit);
    };
    prices(leaf_factor_, leaf_price_);
    prices(spine_factor_, spine_price_);
    prices(pair_factor_, pair_price_);
    return true;
  }

  void sweep(const rewire_core& core, double epsilon) {
    const auto away = static_cast<float>(std::exp(-1 / epsilon));
    scale_ends(core, away, core.pair_leaf, core.pair_spine, core.leaf_open, leaf_full_,
               spine_factor_, leaf_factor_);
    scale_ends(core, away, core.pair_spine, core.pair_leaf, core.spine_open, spine_full_,
               leaf_factor_, spine_factor_);
    const std::size_t k = core.switches;
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      const float* a = &leaf_factor_[core.pair_leaf[q] * k];
      const float* b = &spine_factor_[core.pair_spine[q] * k];
      std::array<float, 8> part{};  // in this order on every machine
      std::size_t i = 0;
      for (; i + 8 <= k; i += 8)
        for (std::size_t j = 0; j < 8; ++j) part[j] += a[i + j] * b[i + j];
      for (; i < k; ++i) part[i % 8] += a[i] * b[i];
      const float all =
          ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
      float at_home = 0;
      for (std::uint32_t h = home_begin_[q]; h < home_begin_[q + 1]; ++h)
        at_home += a[homes_[h]] * b[homes_[h]];
      pair_factor_[q] = static_cast<float>(want(core, q)) / (away * all + (1 - away) * at_home);
    }
  }

  void scale_ends(const rewire_core& core, float away, const std::vector<std::uint32_t>& end_of,
                  const std::vector<std::uint32_t>& other_of, const std::vector<std::uint8_t>& open,
                  const std::vector<std::uint8_t>& is_full, const std::vector<float>& other,
                  std::vector<float>& out) {
    const std::size_t k = core.switches;
    sum_.assign(out.size(), 0);
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      float* to = &sum_[end_of[q] * k];
      const float* from = &other[other_of[q] * k];
      const float far = away * pair_factor_[q], near = pair_factor_[q] - far;
      for (std::size_t i = 0; i < k; ++i) to[i] += far * from[i];
      for (std::uint32_t h = home_begin_[q]; h < home_begin_[q + 1]; ++h)
        to[homes_[h]] += near * from[homes_[h]];
    }
    for (std::size_t p = 0; p < out.size(); ++p) {
      if (open[p] == 0) {
        out[p] = closed_factor;
        continue;
      }
      const float factor = static_cast<float>(open[p]) / sum_[p];
      out[p] = is_full[p / k] ? factor : std::min(factor, 1.0f);
    }
  }

  /// The dual's value at the rounded prices of spines and pairs, rounded up.
  std::int64_t value(const rewire_core& core) {
    const std::size_t k = core.switches;
    const auto whole = [](double price) {
      return static_cast<std::int64_t>(std::floor(price * unit));
    };
    spine_whole_.resize(spine_price_.size());
    std::int64_t sum = 0;
    for (std::size_t p = 0; p < spine_price_.size(); ++p) {
      std::int64_t price = whole(spine_price_[p]);
      if (!spine_full_[p / k]) price = std::min<std::int64_t>(price, 0);
      spine_whole_[p] = price;
      sum += price * core.spine_open[p];
    }
    leaf_whole_.assign(leaf_price_.size(), 0);
    for (std::size_t p = 0; p < leaf_whole_.size(); ++p)
      if (leaf_full_[p / k]) leaf_whole_[p] = std::numeric_limits<std::int64_t>::max();
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      const std::int64_t v = whole(pair_price_[q]);
      std::int64_t* u = &leaf_whole_[core.pair_leaf[q] * k];
      each_room(core, q,
                [&](std::size_t i, std::int64_t room) { u[i] = std::min(u[i], room - v); });
    }
    for (std::size_t p = 0; p < leaf_whole_.size(); ++p)
      if (core.leaf_open[p] > 0) {
        if (leaf_whole_[p] == std::numeric_limits<std::int64_t>::max()) return 0;
        sum += leaf_whole_[p] * core.leaf_open[p];
      }
    // The most that these leave for a pair, which is v or more. A closed leaf holds nothing.
    for (std::size_t q = 0; q < core.pairs(); ++q) {
      const std::size_t l = core.pair_leaf[q] * k;
      std::int64_t v = std::numeric_limits<std::int64_t>::max();
      each_room(core, q, [&](std::size_t i, std::int64_t room) {
        if (core.leaf_open[l + i] > 0) v = std::min(v, room - leaf_whole_[l + i]);
      });
      if (v == std::numeric_limits<std::int64_t>::max()) v = whole(pair_price_[q]);
      sum += v * static_cast<std::int64_t>(want(core, q));
    }
    return sum <= 0 ? 0
                    : (sum + static_cast<std::int64_t>(unit) - 1) / static_cast<std::int64_t>(unit);
  }

  // Calls f(switch, cost − p) for the switches at which pair q's spine is open.
  template <class F>
  void each_room(const rewire_core& core, std::size_t q, F f) const {
    const std::size_t k = core.switches, s = core.pair_spine[q] * k;
    for (std::size_t i = 0; i < k; ++i) {
      if (core.spine_open[s + i] == 0) continue;  // nothing can be there
      const std::int64_t cost = core.home[q * k + i] > 0 ? 0 : static_cast<std::int64_t>(unit);
      f(i, cost - spine_whole_[s + i]);
    }
  }

  static constexpr float closed_factor = 1e-30f;

  std::vector<std::uint32_t> homes_, home_begin_;
  std::vector<double> leaf_price_, spine_price_, pair_price_;
  std::vector<float> leaf_factor_, spine_factor_, pair_factor_, sum_;
  std::vector<std::uint8_t> leaf_full_, spine_full_;
  std::vector<std::int64_t> leaf_whole_, spine_whole_;
};

}  // namespace heddle::optical::detail
