// The steps that lead a job up its curve, and in which order: the same for all jobs of one curve.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::allocate::detail {

/// How steps are ranked, and which there are.
struct step_rule {
  bool weigh_energy = true;
  bool relative = true;
  bool doubling = true;

  friend bool operator==(const step_rule&, const step_rule&) = default;

  /// What the step is worth, ≥ 0; a job's weight comes on top, and its work where `by_work()`.
  [[nodiscard]] double rank(const model::operating_point& from,
                            const model::operating_point& to) const {
    const double slower = from.throughput / to.throughput;
    const double saved = 1 - slower;
    if (!(saved > 0)) return 0;
    if (!weigh_energy) return relative ? saved : saved / from.throughput;
    const double spent = slower * to.power_w / from.power_w - 1;
    if (spent <= 1e-12) return std::numeric_limits<double>::infinity();
    return relative ? saved / spent : saved / (spent * from.power_w);
  }
  /// Seconds saved depend on the work left; all other ranks are quotients in which it cancels.
  [[nodiscard]] bool by_work() const { return !weigh_energy && !relative; }
};

/// Chains of steps by curve and range of GPUs. A chain starts at the most efficient point of the
/// smallest count. Of the two steps that lead on, to the next faster point of the count and to the best
/// one of the next larger count, it takes the one of higher rank. A step's key is the least rank up to
/// it: keys never rise along a chain, so that to sort all jobs' steps by key is to make them in an order
/// that every job can follow.
///
/// Steps are worked out when first asked for. Nothing is allocated for a curve that was seen before.
class chain_store {
 public:
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  struct step {
    double key = 0;  ///< 0: there is none
    std::uint32_t point = 0;
  };

  void clear() {
    chains_.clear();
    steps_.clear();
    most_steps_ = 0;
    table_.assign(table_.size(), none);
  }
  [[nodiscard]] std::size_t size() const { return chains_.size(); }

  /// The chain of a curve from `low` to `high` GPUs.
  std::uint32_t find(const model::curve& c, int low, int high) {
    if ((chains_.size() + 1) * 2 > table_.size()) grow();
    std::size_t slot = slot_of(c.fingerprint(), low, high);
    for (; table_[slot] != none; slot = (slot + 1) & (table_.size() - 1)) {
      const chain& known = chains_[table_[slot]];
      if (known.print == c.fingerprint() && known.low == low && known.high == high)
        return table_[slot];
    }
    chain made{.print = c.fingerprint(), .low = low, .high = high};
    const auto points = c.points();
    std::size_t first = 0;
    while (first < points.size() && points[first].config.gpus < low) ++first;
    if (first < points.size() && points[first].config.gpus <= high)
      made.start = static_cast<std::uint32_t>(best_of_start(points, first));
    // Room for all its steps, of which most are never asked for.
    most_steps_ += points.size();
    if (steps_.capacity() < most_steps_) steps_.reserve(2 * most_steps_);
    table_[slot] = static_cast<std::uint32_t>(chains_.size());
    chains_.push_back(made);
    return table_[slot];
  }

  /// The point at which a chain starts, or `none`.
  [[nodiscard]] std::uint32_t start(std::uint32_t id) const { return chains_[id].start; }

  /// The step after the one at `at`, which becomes that step's index; `none` is before the first.
  /// `points` are those of the chain's curve.
  step next(std::uint32_t id, std::uint32_t& at, const step_rule& rule,
            std::span<const model::operating_point> points) {
    const chain& c = chains_[id];
    std::uint32_t follows = at == none ? c.first : steps_[at].next;
    if (follows == none) {
      const std::uint32_t here = at == none ? c.start : steps_[at].point;
      const step s = find_step(here, c.high, rule, points);
      follows = static_cast<std::uint32_t>(steps_.size());
      steps_.push_back({at == none ? s.key : std::min(s.key, steps_[at].key), s.point, none});
      (at == none ? chains_[id].first : steps_[at].next) = follows;
    }
    at = follows;
    return {steps_[at].key, steps_[at].point};
  }

 private:
  struct chain {
    std::uint64_t print = 0;
    int low = 0, high = 0;
    std::uint32_t start = none;  // its first point
    std::uint32_t first = none;  // its first step
  };
  struct link {
    double key;
    std::uint32_t point, next;
  };

  static std::size_t best_of_start(std::span<const model::operating_point> points,
                                   std::size_t first) {
    std::size_t best = first;
    for (std::size_t k = first + 1;
         k < points.size() && points[k].config.gpus == points[first].config.gpus; ++k)
      if (points[k].energy_per_sample_j() <= points[best].energy_per_sample_j()) best = k;
    return best;
  }

  // {0, the point itself} where a chain ends.
  static step find_step(std::uint32_t here, int high, const step_rule& rule,
                        std::span<const model::operating_point> points) {
    const model::operating_point& from = points[here];
    step best{0, here};
    std::size_t k = here + std::size_t{1};
    if (k < points.size() && points[k].config.gpus == from.config.gpus)
      best = {rule.rank(from, points[k]), static_cast<std::uint32_t>(k)};
    const std::int64_t held = from.config.gpus;
    const std::int64_t least = rule.doubling ? 2 * held : held + 1;
    while (k < points.size() && points[k].config.gpus < least) ++k;
    if (k == points.size() || points[k].config.gpus > high) return best;
    step larger{0, 0};
    for (const int count = points[k].config.gpus;
         k < points.size() && points[k].config.gpus == count; ++k) {
      const double rank = rule.rank(from, points[k]);
      if (rank >= larger.key) larger = {rank, static_cast<std::uint32_t>(k)};
    }
    return larger.key > best.key ? larger : best;
  }

  [[nodiscard]] std::size_t slot_of(std::uint64_t print, int low, int high) const {
    const auto range = (static_cast<std::uint64_t>(static_cast<std::uint32_t>(low)) << 32) ^
                       static_cast<std::uint32_t>(high);
    return static_cast<std::size_t>(mix(print ^ mix(range))) & (table_.size() - 1);
  }

  void grow() {
    table_.assign(std::max<std::size_t>(64, 2 * std::bit_ceil((chains_.size() + 1) * 2)), none);
    for (std::uint32_t id = 0; id < chains_.size(); ++id) {
      std::size_t slot = slot_of(chains_[id].print, chains_[id].low, chains_[id].high);
      while (table_[slot] != none) slot = (slot + 1) & (table_.size() - 1);
      table_[slot] = id;
    }
  }

  std::vector<chain> chains_;
  std::vector<link> steps_;
  std::size_t most_steps_ = 0;        // of all chains
  std::vector<std::uint32_t> table_;  // open addressing, a power of two
};

}  // namespace heddle::allocate::detail
