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
    luck_.resize(noise_.size());
    for (float& g : noise_)
      g = static_cast<float>(
          -std::log(-std::log((static_cast<double>(chance() >> 11) + 0.5) * 0x1p-53)));
  }

  /// Takes the prices for the runs that follow.
  void start(rewire_board& board, const rewire_bound& prices, std::uint64_t seed) {
    board_ = &board;
    chance_ = stream{seed, 0, "rewire"};
    take_prices(board.core(), prices);
    stride_ = (board.switches() + lanes - 1) / lanes * lanes;
    leaf_fee_.resize(board.core().leafs * stride_);
    spine_fee_.assign(board.core().spines * stride_, key(most_fee));
    for (std::size_t i = 0; i < leaf_fee_.size(); ++i)
      leaf_fee_[i] =
          static_cast<std::int16_t>(key(most_fee) + static_cast<int>(i % stride_ % block));
  }

  /// Goes on until no circuit is unplaced or the steps are over. \returns the steps taken
  std::size_t operator()(const rewire_schedule& plan) {
    const std::size_t every = std::max<std::size_t>(plan.steps / 16 + 1, 2000);
    std::size_t step = 0;
    while (step < plan.steps && !board_->unplaced().empty()) {
      const std::size_t middle = std::min(step + every / 2, (step + plan.steps) / 2);
      set(plan, static_cast<double>(middle) / static_cast<double>(plan.steps));
      const std::size_t until = std::min(step + every, plan.steps);
      for (; step < until && !board_->unplaced().empty(); ++step) heat_bath();
    }
    return step;
  }

  /// Takes `count` circuits that are not kept, drawn by chance, from their switches.
  void disturb(std::size_t count) {
    movable_.clear();
    for (std::uint32_t e = 0; e < board_->circuits(); ++e)
      if (board_->switch_of(e) != rewire_board::none && !board_->is_kept(e)) movable_.push_back(e);
    for (; count > 0 && !movable_.empty(); --count) {
      const std::size_t i = static_cast<std::size_t>(((chance_() >> 32) * movable_.size()) >> 32);
      board_->take(movable_[i]);
      movable_[i] = movable_.back();
      movable_.pop_back();
    }
  }

 private:
  // Energies are integers, `unit` a circuit. The six lowest bits of a key tell the switch within
  // its block of 64, so that the least key tells the best switch; the rest are an energy, and the
  // limits on its parts keep the key within 16 bits.
  static constexpr std::size_t noise_size = 4096, block = 64, lanes = 8;
  static constexpr int unit = 32;
  static constexpr int least_fee = -160, most_fee = 218, least_luck = -64, most_luck = 186;
  static constexpr double price_limit = 100;
  static_assert((2 * most_fee - least_luck + 1) * int{block} <= 32768 &&
                (2 * least_fee - most_luck) * int{block} >= -32768);

  static constexpr std::int16_t key(int energy) {
    return static_cast<std::int16_t>(energy * int{block});
  }

  /// Prices matter by their sum over leaf, spine and pair: what all ends of a leaf, of a spine or
  /// of a switch have in common goes over to the pairs or the other side, so that each is small.
  void take_prices(const rewire_core& core, const rewire_bound& prices) {
    std::vector<double> leaf = prices.leaf_prices(), spine = prices.spine_prices();
    std::vector<double> pair = prices.pair_prices();
    const std::size_t n = core.switches;
    const auto mean = [](const std::vector<double>& price, const std::vector<std::uint8_t>& open,
                         std::size_t first, std::size_t step, std::size_t count) {
      double sum = 0, ends = 0;
      for (std::size_t i = 0, p = first; i < count; ++i, p += step)
        if (open[p] > 0) {
          sum += price[p];
          ++ends;
        }
      return ends > 0 ? sum / ends : 0;
    };
    const auto centre = [&](std::vector<double>& price, const std::vector<std::uint8_t>& open,
                            const std::vector<std::uint32_t>& end_of_pair) {
      std::vector<double> common(price.size() / std::max<std::size_t>(n, 1));
      for (std::size_t v = 0; v < common.size(); ++v) common[v] = mean(price, open, v * n, 1, n);
      for (std::size_t p = 0; p < price.size(); ++p) price[p] -= common[p / n];
      for (std::size_t q = 0; q < pair.size(); ++q) pair[q] += common[end_of_pair[q]];
    };
    centre(leaf, core.leaf_open, core.pair_leaf);
    centre(spine, core.spine_open, core.pair_spine);
    for (std::size_t k = 0; k < n; ++k) {
      const double shift = (mean(leaf, core.leaf_open, k, n, core.leafs) -
                            mean(spine, core.spine_open, k, n, core.spines)) /
                           2;
      for (std::size_t p = k; p < leaf.size(); p += n) leaf[p] -= shift;
      for (std::size_t p = k; p < spine.size(); p += n) spine[p] += shift;
    }
    const auto round = [](const std::vector<double>& from, std::vector<std::int16_t>& to) {
      to.resize(from.size());
      std::transform(from.begin(), from.end(), to.begin(), [](double x) {
        return static_cast<std::int16_t>(
            std::lround(std::clamp(x, -price_limit, price_limit) * unit));
      });
    };
    round(leaf, leaf_price_);
    round(spine, spine_price_);
    round(pair, pair_price_);
  }

  void set(const rewire_schedule& plan, double t) {
    const double heat = plan.heat_first + (plan.heat_last - plan.heat_first) * t;
    const auto switches = static_cast<double>(std::max<std::size_t>(board_->switches(), 4));
    const auto temperature = static_cast<float>(unit * heat / std::log(switches));
    reluctance_ = static_cast<int>(
        unit * (plan.reluctance_first + (plan.reluctance_last - plan.reluctance_first) * t));
    for (std::size_t i = 0; i < noise_.size(); ++i)
      luck_[i] = key(std::clamp(static_cast<int>(temperature * noise_[i]), least_luck, most_luck));
    for (std::size_t l = 0; l < board_->core().leafs; ++l)
      for (std::size_t k = 0; k < board_->switches(); ++k)
        set_leaf_fee(l, k, board_->in_the_way_of_leaf(l, k));
    for (std::size_t s = 0; s < board_->core().spines; ++s)
      for (std::size_t k = 0; k < board_->switches(); ++k)
        set_spine_fee(s, k, board_->in_the_way_of_spine(s, k));
  }

  /// What an end of a switch costs a newcomer: its price, and what making the circuit there wait
  /// costs more than its being there, less the price that the newcomer pays instead.
  void set_leaf_fee(std::size_t l, std::size_t k, std::int32_t in_the_way) {
    const std::size_t n = board_->switches();
    int fee = most_fee;
    if (in_the_way == rewire_board::none) {
      fee = -leaf_price_[l * n + k];
    } else if (in_the_way >= 0) {
      const auto e = static_cast<std::uint32_t>(in_the_way);
      fee = to_leave(e) + spine_price_[board_->spine(e) * n + k];
    }
    leaf_fee_[l * stride_ + k] = static_cast<std::int16_t>(
        key(std::clamp(fee, least_fee, most_fee)) + static_cast<int>(k % block));
  }
  void set_spine_fee(std::size_t s, std::size_t k, std::int32_t in_the_way) {
    const std::size_t n = board_->switches();
    int fee = most_fee;
    if (in_the_way == rewire_board::none) {
      fee = -spine_price_[s * n + k];
    } else if (in_the_way >= 0) {
      const auto e = static_cast<std::uint32_t>(in_the_way);
      fee = to_leave(e) + leaf_price_[board_->leaf(e) * n + k];
    }
    spine_fee_[s * stride_ + k] = key(std::clamp(fee, least_fee, most_fee));
  }
  [[nodiscard]] int to_leave(std::uint32_t e) const {
    return reluctance_ - (board_->is_kept(e) ? 0 : unit) + pair_price_[board_->pair(e)];
  }

  void heat_bath() {
    const std::size_t n = board_->switches();
    const std::uint64_t draw = chance_();
    const auto waiting = board_->unplaced();
    const std::uint32_t e = waiting[((draw >> 32) * waiting.size()) >> 32];
    const std::int16_t* at_leaf = &leaf_fee_[board_->leaf(e) * stride_];
    const std::int16_t* at_spine = &spine_fee_[board_->spine(e) * stride_];
    const word* home = board_->home(e);
    // The least of energy - temperature · g over all choices, g from Gumbel's distribution, is a
    // draw from Boltzmann's. A table of temperature · g, entered anywhere, will do.
    std::size_t from = draw % noise_size;
    std::int32_t least = (reluctance_ + pair_price_[board_->pair(e)] - unit) * int{block} -
                         luck_[from ^ (noise_size / 2)];
    std::size_t to = n;  // stay
    for (std::size_t first = 0; first < n; first += block) {
      const std::int32_t low =
          least_of_block(at_leaf + first, at_spine + first, &luck_[from],
                         std::min(block, stride_ - first), home[first / block]);
      if (low < least) to = first + static_cast<std::size_t>(low & (std::int32_t{block} - 1));
      least = std::min(least, low);
      from = (from + block) % noise_size;
    }
    if (to < n) move_to(e, to, draw >> 16);
  }

  /// Compilers make vectors of this: eight switches in one instruction, and no branch.
  template <std::size_t Count>
  [[nodiscard]] static std::int16_t
  least_of(const std::int16_t* at_leaf, const std::int16_t* at_spine, const std::int16_t* luck) {
    std::int16_t least = std::numeric_limits<std::int16_t>::max();
    for (std::size_t k = 0; k < Count; ++k)
      least = std::min(least, static_cast<std::int16_t>(at_leaf[k] + at_spine[k] - luck[k]));
    return least;
  }
  [[nodiscard]] static std::int32_t least_of_block(const std::int16_t* at_leaf,
                                                   const std::int16_t* at_spine,
                                                   const std::int16_t* luck, std::size_t count,
                                                   word home) {
    std::int32_t least = std::numeric_limits<std::int32_t>::max();
    if (count == block)
      least = least_of<block>(at_leaf, at_spine, luck);
    else
      for (std::size_t k = 0; k < count; k += lanes)
        least = std::min<std::int32_t>(least, least_of<lanes>(at_leaf + k, at_spine + k, luck + k));
    for (; home; home &= home - 1) {  // one less where it would be kept
      const int k = std::countr_zero(home);
      least = std::min(least, at_leaf[k] + at_spine[k] - luck[k] - unit * int{block});
    }
    return least;
  }

  void move_to(std::uint32_t e, std::size_t k, std::size_t turn) {
    const std::size_t l = board_->leaf(e), s = board_->spine(e);
    const std::int32_t a = board_->in_the_way_of_leaf(l, k, turn);
    const std::int32_t b = board_->in_the_way_of_spine(s, k, turn / 256);
    for (const std::int32_t other : {a, b})  // closed, or its own copy: nothing would change
      if (other < rewire_board::none ||
          (other != rewire_board::none &&
           board_->pair(static_cast<std::uint32_t>(other)) == board_->pair(e)))
        return;
    if (a != rewire_board::none) {
      const auto f = static_cast<std::uint32_t>(a);
      board_->take(f);
      set_spine_fee(board_->spine(f), k, rewire_board::none);
    }
    if (b != rewire_board::none) {
      const auto f = static_cast<std::uint32_t>(b);
      board_->take(f);
      set_leaf_fee(board_->leaf(f), k, rewire_board::none);
    }
    board_->put(e, k);
    set_leaf_fee(l, k, board_->in_the_way_of_leaf(l, k));
    set_spine_fee(s, k, board_->in_the_way_of_spine(s, k));
  }

  rewire_board* board_ = nullptr;
  stream chance_{0, 0, "rewire"};
  int reluctance_ = 0;
  std::size_t stride_ = 0;          // switches, rounded up to whole vectors
  std::vector<float> noise_;        // of Gumbel's distribution
  std::vector<std::int16_t> luck_;  // the same times the temperature, as keys
  std::vector<std::int16_t> leaf_price_, spine_price_, pair_price_;
  std::vector<std::int16_t> leaf_fee_, spine_fee_;  // keys, ends × stride
  std::vector<std::uint32_t> movable_;
};

}  // namespace heddle::optical::detail
