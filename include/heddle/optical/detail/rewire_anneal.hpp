// Moves circuits between optical circuit switches by chance, fewer and fewer uphill: simulated
// annealing over wirings in which some wanted circuits have no switch yet.
//
// An unplaced circuit is drawn and put at a switch; up to two circuits that are in the way leave
// theirs and wait in turn. The switch is drawn from the Boltzmann distribution over all of them and
// over staying unplaced (a heat bath). The energy is not the number of moved circuits itself but
// their reduced costs at the prices of the bound (detail/rewire_bound.hpp): for complete wirings
// the two differ by a constant, while on the way prices tell which kept circuits had better give
// way. Derived.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/random.hpp>
#include <heddle/optical/detail/rewire_board.hpp>
#include <heddle/optical/detail/rewire_bound.hpp>

namespace heddle::optical::detail {

/// Linear ramps over a number of steps. `heat` is the temperature times the logarithm of the number
/// of switches, since with more switches there are more ways uphill; `reluctance` is what a circuit
/// costs while it waits, beyond its price.
struct rewire_schedule {
  std::size_t steps = 0;
  double heat_first = 0, heat_last = 0;
  double reluctance_first = 0, reluctance_last = 0;
};

class rewire_anneal {
 public:
  rewire_anneal() {
    stream chance{0, 0, "rewire noise"};
    noise_.resize(noise_size + block);
    for (float& g : noise_)
      g = static_cast<float>(
          -std::log(-std::log((static_cast<double>(chance() >> 11) + 0.5) * 0x1p-53)));
  }

  /// Takes the prices for the runs that follow.
  void start(rewire_board& board, const rewire_bound& prices, std::uint64_t seed) {
    board_ = &board;
    chance_ = stream{seed, 0, "rewire"};
    const auto copy = [](const std::vector<double>& from, std::vector<float>& to) {
      to.resize(from.size());
      std::transform(from.begin(), from.end(), to.begin(), [](double x) {
        return std::clamp(static_cast<float>(x), -price_limit, price_limit);
      });
    };
    copy(prices.leaf_prices(), leaf_price_);
    copy(prices.spine_prices(), spine_price_);
    copy(prices.pair_prices(), pair_price_);
    leaf_fee_.resize(leaf_price_.size());
    spine_fee_.resize(spine_price_.size());
  }

  /// Goes on until no circuit is unplaced or the steps are over. \returns the steps taken
  std::size_t operator()(const rewire_schedule& plan) {
    const std::size_t every = std::max<std::size_t>(plan.steps / 16 + 1, 2000);
    std::size_t step = 0;
    for (; step < plan.steps && !board_->unplaced().empty(); ++step) {
      if (step % every == 0) {
        const std::size_t middle = std::min(step + every / 2, (step + plan.steps) / 2);
        set(plan, static_cast<double>(middle) / static_cast<double>(plan.steps));
      }
      heat_bath();
    }
    return step;
  }

  /// Takes `count` circuits that are not kept, drawn by chance, from their switches.
  void disturb(std::size_t count) {
    movable_.clear();
    const auto at = board_->switch_of();
    for (std::uint32_t e = 0; e < at.size(); ++e)
      if (at[e] != rewire_board::none && !board_->is_kept(e)) movable_.push_back(e);
    for (; count > 0 && !movable_.empty(); --count) {
      const std::size_t i = static_cast<std::size_t>(((chance_() >> 32) * movable_.size()) >> 32);
      board_->take(movable_[i]);
      movable_[i] = movable_.back();
      movable_.pop_back();
    }
  }

 private:
  static constexpr std::size_t noise_size = 4096, block = 64;
  static constexpr float steps_of_key = 4096;
  static constexpr float never = 1e3f, price_limit = 1e2f;  // of energies, far from overflow

  void set(const rewire_schedule& plan, double t) {
    const double heat = plan.heat_first + (plan.heat_last - plan.heat_first) * t;
    const auto switches = static_cast<double>(std::max<std::size_t>(board_->switches(), 4));
    temperature_ = static_cast<float>(heat / std::log(switches));
    reluctance_ = static_cast<float>(plan.reluctance_first +
                                     (plan.reluctance_last - plan.reluctance_first) * t);
    for (std::size_t l = 0, p = 0; p < leaf_fee_.size(); ++l)
      for (std::size_t k = 0; k < board_->switches(); ++k, ++p)
        leaf_fee_[p] = fee(board_->in_the_way_of_leaf(l, k), leaf_price_[p]);
    for (std::size_t s = 0, p = 0; p < spine_fee_.size(); ++s)
      for (std::size_t k = 0; k < board_->switches(); ++k, ++p)
        spine_fee_[p] = fee(board_->in_the_way_of_spine(s, k), spine_price_[p]);
  }

  /// What an end of a switch costs a newcomer: its price, and what making the circuit there wait
  /// costs more than its being there.
  [[nodiscard]] float fee(std::int32_t in_the_way, float price) const {
    if (in_the_way == rewire_board::none) return -price;
    if (in_the_way < 0) return never;
    return reluctance_ - reduced_cost(static_cast<std::uint32_t>(in_the_way)) - price;
  }
  [[nodiscard]] float reduced_cost(std::uint32_t e) const {
    const std::size_t k = static_cast<std::size_t>(board_->switch_of()[e]), n = board_->switches();
    return (board_->is_kept(e) ? 0.0f : 1.0f) - leaf_price_[board_->leaf(e) * n + k] -
           spine_price_[board_->spine(e) * n + k] - pair_price_[board_->pair(e)];
  }

  void heat_bath() {
    const std::size_t n = board_->switches();
    const std::uint64_t draw = chance_();
    const auto waiting = board_->unplaced();
    const std::uint32_t e = waiting[((draw >> 32) * waiting.size()) >> 32];
    const float* at_leaf = &leaf_fee_[board_->leaf(e) * n];
    const float* at_spine = &spine_fee_[board_->spine(e) * n];
    const word* home = board_->home(e);
    // The least of energy - temperature · g over all choices, g from Gumbel's distribution, is a
    // draw from Boltzmann's. A table of g, entered anywhere, will do. Energies become integers
    // whose lowest bits tell the switch: compilers make vectors of the search for the least of
    // them, and no branch depends on it.
    std::size_t from = draw % noise_size;
    std::int32_t least = key(reluctance_ + pair_price_[board_->pair(e)] - 1 -
                             temperature_ * noise_[from ^ (noise_size / 2)]);
    std::size_t to = n;  // stay
    for (std::size_t first = 0; first < n; first += block) {
      const std::int32_t low = least_of_block(at_leaf + first, at_spine + first, &noise_[from],
                                              std::min(block, n - first), home[first / block]);
      if (low < least) to = first + static_cast<std::size_t>(low & (std::int32_t{block} - 1));
      least = std::min(least, low);
      from = (from + block) % noise_size;
    }
    if (to < n) move_to(e, to, draw >> 16);
  }

  static constexpr std::int32_t key(float energy) {
    return static_cast<std::int32_t>(energy * steps_of_key) * std::int32_t{block};
  }
  [[nodiscard]] std::int32_t least_of_block(const float* at_leaf, const float* at_spine,
                                            const float* noise, std::size_t count,
                                            word home) const {
    const float t = temperature_;
    std::int32_t least = std::numeric_limits<std::int32_t>::max();
    const auto n = static_cast<std::int32_t>(count);
    for (std::int32_t k = 0; k < n; ++k)
      least = std::min(least, key(at_leaf[k] + at_spine[k] - t * noise[k]) + k);
    for (; home; home &= home - 1) {  // one less where it would be kept
      const int k = std::countr_zero(home);
      least = std::min(least, key(at_leaf[k] + at_spine[k] - t * noise[k] - 1) + k);
    }
    return least;
  }

  void move_to(std::uint32_t e, std::size_t k, std::size_t turn) {
    const std::int32_t a = board_->in_the_way_of_leaf(board_->leaf(e), k, turn);
    const std::int32_t b = board_->in_the_way_of_spine(board_->spine(e), k, turn / 256);
    for (const std::int32_t other : {a, b})  // its own copy: nothing would change
      if (other != rewire_board::none &&
          board_->pair(static_cast<std::uint32_t>(other)) == board_->pair(e))
        return;
    const std::size_t n = board_->switches();
    if (a != rewire_board::none) {
      const auto f = static_cast<std::uint32_t>(a);
      const std::size_t p = board_->spine(f) * n + k;
      board_->take(f);
      spine_fee_[p] = -spine_price_[p];
    }
    if (b != rewire_board::none) {
      const auto f = static_cast<std::uint32_t>(b);
      const std::size_t p = board_->leaf(f) * n + k;
      board_->take(f);
      leaf_fee_[p] = -leaf_price_[p];
    }
    board_->put(e, k);
    const std::size_t l = board_->leaf(e), s = board_->spine(e);
    leaf_fee_[l * n + k] = fee(board_->in_the_way_of_leaf(l, k), leaf_price_[l * n + k]);
    spine_fee_[s * n + k] = fee(board_->in_the_way_of_spine(s, k), spine_price_[s * n + k]);
  }

  rewire_board* board_ = nullptr;
  stream chance_{0, 0, "rewire"};
  float temperature_ = 0, reluctance_ = 0;
  std::vector<float> noise_;
  std::vector<float> leaf_price_, spine_price_, pair_price_;
  std::vector<float> leaf_fee_, spine_fee_;  // ends × switches
  std::vector<std::uint32_t> movable_;
};

}  // namespace heddle::optical::detail
