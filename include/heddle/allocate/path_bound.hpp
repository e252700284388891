// How little any schedule of given jobs can cost, arrivals known: a clairvoyant lower bound.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/detail/path_tables.hpp>
#include <heddle/core/error.hpp>

namespace heddle::allocate {

/// A job of which everything is known beforehand. The curve outlives the call.
struct known_job {
  double arrival_s = 0;
  double work = 0;  ///< samples, > 0
  double weight = 1;
  const model::curve* curve = nullptr;
  int min_gpus = 1;
  int max_gpus = std::numeric_limits<int>::max();
};

/// A stretch of time and what a GPU costs in it, in weighted job-seconds a second.
struct price_slot {
  double from_s = 0, to_s = 0;
  double gpu_price = 0;
};

struct path_bound_options {
  int gpus = 1;
  double gpu_idle_w = 0;    ///< watts count beyond it
  double energy_price = 0;  ///< weighted job-seconds a joule
  double known_cost = 0;    ///< of a schedule that can be had: how far prices may still be wrong
  int steps = 300;          ///< in which prices are improved
  int worths = 40;          ///< values of V that are tried for each job
  int parts = 3;            ///< into which each slot is cut first: within one a price cannot fall
};

struct path_bound_answer {
  double cost = 0;  ///< Σ weight · (end − arrival) + price · energy is never less
  std::vector<price_slot> prices;  ///< that prove it
};

/// The Lagrangian dual of the GPUs: at any prices of GPUs over time, every job alone makes the best of its time, and
/// what that costs less what the GPUs are worth bounds any schedule from below,
///
///     Σ_i min over ends C of max over V of [ w·(C − arrival) + V·work − ∫ max(0, max_x V·s − λ·P − μ·k) ] − G·∫ μ.
///
/// Any V bounds the inner maximum from below, and a linear piece takes its least at a border of a slot: so the
/// number holds whatever prices, slots and values of V are. Beyond the last slot GPUs cost nothing. Prices are
/// improved by subgradient steps; the closer those given are to right ones (those of a run of `price_path`), the
/// nearer is the bound.
///
/// O(steps · jobs · worths · slots · parts · counts). Derived. \throws input_error  for slots that are not in a row
class path_bound {
 public:
  [[nodiscard]] path_bound_answer operator()(std::span<const known_job> jobs,
                                             std::vector<price_slot> prices,
                                             const path_bound_options& o) {
    for (std::size_t t = 0; t < prices.size(); ++t)
      if (!(prices[t].to_s > prices[t].from_s) ||
          (t > 0 && prices[t].from_s != prices[t - 1].to_s) || !(prices[t].gpu_price >= 0))
        throw input_error("path_bound.prices", "slots in a row with prices of at least 0",
                          "slot " + std::to_string(t));
    prices = cut(prices, o.parts);
    o_ = o;
    tables_.prepare(o.gpu_idle_w, true, jobs.size());
    table_of_.clear();
    for (const known_job& j : jobs)
      table_of_.push_back(tables_.of(*j.curve, j.min_gpus, std::min(j.max_gpus, o.gpus)));
    last_worth_.assign(jobs.size(), 0);
    path_bound_answer best{-std::numeric_limits<double>::infinity(), prices};
    double reach = 1;
    int stale = 0;
    for (int step = 0; step <= o.steps; ++step) {
      const double cost = value(jobs, prices);
      if (cost > best.cost) {
        stale = cost > best.cost + 1e-5 * std::abs(best.cost) ? 0 : stale + 1;
        best = {cost, prices};
      } else {
        ++stale;
      }
      if (stale > 12) {
        stale = 0;
        reach /= 2;
        prices = best.prices;
        (void)value(jobs, prices);
      }
      double norm = 0;
      for (std::size_t t = 0; t < prices.size(); ++t) {
        const double dt = prices[t].to_s - prices[t].from_s;
        norm += used_[t] * used_[t] / dt;
      }
      if (!(norm > 0) || reach < 1e-3) break;
      const double gap = std::max(o.known_cost - cost, 1e-4 * std::abs(cost));
      for (std::size_t t = 0; t < prices.size(); ++t) {
        const double dt = prices[t].to_s - prices[t].from_s;
        prices[t].gpu_price =
            std::max(0.0, prices[t].gpu_price + reach * gap / norm * used_[t] / dt);
      }
    }
    return best;
  }

 private:
  static std::vector<price_slot> cut(std::span<const price_slot> prices, int parts) {
    std::vector<price_slot> fine;
    for (const price_slot& s : prices)
      for (int k = 1; k <= parts; ++k) {
        const double from_s = k == 1 ? s.from_s : fine.back().to_s;
        const double to_s = k == parts ? s.to_s : s.from_s + (s.to_s - s.from_s) * k / parts;
        if (to_s > from_s) fine.push_back({from_s, to_s, s.gpu_price});
      }
    return fine;
  }

  // The dual at these prices; `used_` becomes GPU seconds beyond what there are, by slot.
  double value(std::span<const known_job> jobs, const std::vector<price_slot>& prices) {
    used_.assign(prices.size(), 0);
    double sum = 0;
    for (std::size_t t = 0; t < prices.size(); ++t) {
      const double dt = prices[t].to_s - prices[t].from_s;
      sum -= o_.gpus * prices[t].gpu_price * dt;
      used_[t] -= o_.gpus * dt;
    }
    for (std::size_t i = 0; i < jobs.size(); ++i) sum += least(jobs[i], i, prices);
    return sum;
  }

  double least(const known_job& j, std::size_t i, const std::vector<price_slot>& prices) {
    const detail::path_table& t = tables_[table_of_[i]];
    if (t.groups == 0 || !(j.work > 0)) return 0;
    double top = 0;
    for (const price_slot& s : prices) top = std::max(top, s.gpu_price);
    const double low = cost(j, t, 0), high = std::max(1.0001 * low, 1.5 * cost(j, t, top));
    worths_.clear();
    for (int k = 0; k < o_.worths; ++k)
      worths_.push_back(low * std::pow(high / low, k / (o_.worths - 1.0)));
    if (last_worth_[i] > 0)
      for (int k = -4; k <= 4; ++k) worths_.push_back(last_worth_[i] * (1 + .008 * k));
    std::size_t first = 0;
    while (first < prices.size() && prices[first].to_s <= j.arrival_s) ++first;
    const std::size_t slots = prices.size() - first;
    best_.assign(slots + 1, -std::numeric_limits<double>::infinity());
    best_worth_.assign(slots + 1, low);
    for (double v : worths_) {
      gains(t, v);
      double before = v * j.work;  // ends at once
      double end = std::max(j.arrival_s, slots > 0 ? prices[first].from_s : j.arrival_s);
      before += j.weight * (end - j.arrival_s);
      for (std::size_t k = 0; k < slots; ++k) {
        const price_slot& s = prices[first + k];
        const double dt = s.to_s - std::max(s.from_s, j.arrival_s);
        const double after = before + (j.weight - gain(s.gpu_price)) * dt;
        const double here = std::min(before, after);
        if (here > best_[k]) best_[k] = here, best_worth_[k] = v;
        before = after;
      }
      if (v <= low * (1 + 1e-12) && before > best_[slots])
        best_[slots] = before, best_worth_[slots] = v;
    }
    const auto at =
        static_cast<std::size_t>(std::min_element(best_.begin(), best_.end()) - best_.begin());
    const double v = last_worth_[i] = best_worth_[at];
    gains(t, v);
    // What it takes up to there; the slot of the end by halves, as nobody knows where in it.
    for (std::size_t k = 0; k < std::min(at + 1, slots); ++k) {
      const price_slot& s = prices[first + k];
      const double dt = s.to_s - std::max(s.from_s, j.arrival_s);
      used_[first + k] += taken(s.gpu_price) * dt * (k == at ? .5 : 1);
    }
    return best_[at];
  }

  [[nodiscard]] double cost(const known_job& j, const detail::path_table& t, double price) const {
    double best = std::numeric_limits<double>::infinity();
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g)
      for (std::uint32_t x = tables_.begin[g]; x < tables_.begin[g + 1]; ++x)
        best = std::min(
            best, tables_.points[x].cost(j.weight + price * tables_.count[g], o_.energy_price));
    return best;
  }
  // Most of V·s − λ·P at each count.
  void gains(const detail::path_table& t, double v) {
    counts_.clear();
    gains_.clear();
    double most = 0;
    for (std::uint32_t g = t.first; g < t.first + t.groups; ++g) {
      double b = 0;
      for (std::uint32_t x = tables_.begin[g]; x < tables_.begin[g + 1]; ++x)
        b = std::max(b, tables_.points[x].gain(v, o_.energy_price));
      if (b <= most) continue;
      most = b;
      counts_.push_back(tables_.count[g]);
      gains_.push_back(b);
    }
  }
  [[nodiscard]] double gain(double price) const {
    double most = 0;
    for (std::size_t g = 0; g < gains_.size(); ++g)
      most = std::max(most, gains_[g] - price * counts_[g]);
    return most;
  }
  [[nodiscard]] double taken(double price) const {
    double most = 0, k = 0;
    for (std::size_t g = 0; g < gains_.size(); ++g)
      if (gains_[g] - price * counts_[g] > most)
        most = gains_[g] - price * counts_[g], k = counts_[g];
    return k;
  }

  path_bound_options o_;
  detail::path_tables tables_;
  std::vector<std::uint32_t> table_of_;
  std::vector<double> used_, worths_, best_, best_worth_, last_worth_, counts_, gains_;
};

}  // namespace heddle::allocate
