// Fair shares by water filling: lexicographic max-min, flat and with entities.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

#include <heddle/share/level.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

namespace detail {

/// L_i(s) = min(rate_i·s, cap_i) until a job is held at what it has.
struct filling_path {
  const std::vector<double>& rate;
  const std::vector<double>& cap;
  const std::vector<double>& held;  // ≥ 0: the throughput at which it is held
  [[nodiscard]] double top() const {
    double most = 0;
    for (std::size_t i = 0; i < rate.size(); ++i)
      if (held[i] < 0) most = std::max(most, cap[i] / rate[i]);
    return most;
  }
  void at(double s, double* level, double* slope) const {
    for (std::size_t i = 0; i < rate.size(); ++i) {
      const double free = rate[i] * s;
      const bool rises = held[i] < 0 && free < cap[i];
      level[i] = held[i] >= 0 ? held[i] : std::min(free, cap[i]);
      slope[i] = rises ? rate[i] : 0;
    }
  }
};

/// The levels when entity e has risen to Σ_i g_i·level_i = W_e·s.
///
/// All jobs of an entity that still rise have g_i·level_i = w_i·h_e with one height h_e, since their
/// shares are in proportion to w_i from the beginning; what a saturated job does not take raises the
/// others. So h_e(s) is the inverse of Σ_i min(w_i·h, cap) + what the held ones have: piecewise linear,
/// its kinks sorted once a round.
class entity_path {
 public:
  entity_path(const problem& p, workspace& w) : p_(p), w_(w) {
    const std::size_t n = w.classes.size();
    entities_ = std::max<std::size_t>(p.entity_weight.size(), 1);
    if (p.entity_weight.empty())
      for (std::uint32_t e : p.entity) entities_ = std::max<std::size_t>(entities_, e + 1u);
    w.begin.assign(entities_ + 1, 0);
    for (std::size_t k = 0; k < n; ++k) ++w.begin[entity(k) + 1];
    for (std::size_t e = 0; e < entities_; ++e) w.begin[e + 1] += w.begin[e];
    w.order.resize(n);
    std::iota(w.order.begin(), w.order.end(), std::uint32_t{0});
    // Rate is throughput per unit of height, so cap / rate is the height at which a class saturates.
    std::sort(w.order.begin(), w.order.end(), [&](std::uint32_t a, std::uint32_t b) {
      if (entity(a) != entity(b)) return entity(a) < entity(b);
      const double ha = kink(a), hb = kink(b);
      return ha != hb ? ha < hb : a < b;
    });
    reset();
  }

  /// Reads again who is held.
  void reset() {
    w_.pieces.assign(w_.order.size(), {});
    w_.entities.assign(entities_, {});
    for (std::size_t e = 0; e < entities_; ++e) {
      workspace::entity_pieces& sum = w_.entities[e];
      sum.begin = sum.end = w_.begin[e];
      double rising = 0;
      for (std::size_t at = w_.begin[e]; at < w_.begin[e + 1]; ++at) {
        const std::size_t k = w_.order[at];
        if (w_.rate[k] == 0) continue;
        if (w_.held[k] >= 0)
          sum.held += share_of(k) * (w_.held[k] / w_.rate[k]);
        else
          rising += share_of(k);
      }
      double full = sum.held;
      for (std::size_t at = w_.begin[e]; at < w_.begin[e + 1]; ++at) {
        const std::size_t k = w_.order[at];
        if (w_.rate[k] == 0 || w_.held[k] >= 0) continue;
        // Below this kink: total = full + rising·h.
        w_.pieces[sum.end++] = {full + rising * kink(k), full, rising};
        full += share_of(k) * kink(k);
        rising -= share_of(k);
      }
    }
  }

  [[nodiscard]] double top() const {
    double most = 0;
    for (std::size_t e = 0; e < entities_; ++e)
      if (w_.entities[e].end > w_.entities[e].begin)
        most = std::max(most, w_.pieces[w_.entities[e].end - 1].total / weight(e));
    return most;
  }

  /// The least s at which all that an entity has are at their caps; 0 if nobody rises.
  [[nodiscard]] double first_full() const {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t e = 0; e < entities_; ++e)
      if (w_.entities[e].end > w_.entities[e].begin)
        least = std::min(least, w_.pieces[w_.entities[e].end - 1].total / weight(e));
    return least < std::numeric_limits<double>::infinity() ? least : 0;
  }

  void at(double s, double* level, double* slope) const {
    for (std::size_t e = 0; e < entities_; ++e) {
      const double total = weight(e) * s;
      const auto first = w_.pieces.begin() + static_cast<std::ptrdiff_t>(w_.entities[e].begin);
      const auto last = w_.pieces.begin() + static_cast<std::ptrdiff_t>(w_.entities[e].end);
      const auto here = std::upper_bound(
          first, last, total, [](double v, const workspace::piece& q) { return v < q.total; });
      double height = std::numeric_limits<double>::infinity(), rise = 0;
      if (here != last) {
        height = std::max(0.0, (total - here->full) / here->rising);
        rise = weight(e) / here->rising;
      }
      for (std::size_t j = w_.begin[e]; j < w_.begin[e + 1]; ++j) {
        const std::size_t k = w_.order[j];
        slope[k] = 0;
        if (w_.held[k] >= 0) {
          level[k] = w_.held[k];
        } else if (w_.rate[k] > 0 && height < kink(k)) {
          level[k] = std::min(w_.rate[k] * height, w_.cap[k]);
          slope[k] = w_.rate[k] * rise;
        } else {
          level[k] = w_.rate[k] > 0 ? w_.cap[k] : 0;
        }
      }
    }
  }

 private:
  [[nodiscard]] std::uint32_t entity(std::size_t k) const {
    return p_.entity_of(w_.classes.first(k));
  }
  [[nodiscard]] double weight(std::size_t e) const {
    return p_.entity_weight.empty() ? 1 : p_.entity_weight[e];
  }
  [[nodiscard]] double kink(std::size_t k) const {
    return w_.rate[k] > 0 ? w_.cap[k] / w_.rate[k] : 0;
  }
  // How much Σ g·level grows with the height because of class k.
  [[nodiscard]] double share_of(std::size_t k) const {
    return p_.weight_of(w_.classes.first(k)) * w_.classes.count(k);
  }

  const problem& p_;
  workspace& w_;
  std::size_t entities_ = 1;
};

/// Raises the level, holds whom it cannot raise further, and goes on with the others.
///
/// Prices prove who is held: whoever would have to pay for more can get it only from others at or below
/// the level. The others use free types alone, one type fewer each round, so there are at most as many
/// rounds as types however many levels the jobs' own caps give. Returns the first level (and bound).
template <class Path, class Again>
double fill(workspace& w, Path& path, std::vector<double>& x, Again again) {
  const std::size_t n = w.rate.size();
  double first = -1, known = 0;
  std::vector<double>& now = w.sum;
  now.resize(2 * n);
  for (std::size_t round = 0; round <= n; ++round) {
    const auto found = w.levels.maximise(path, known);
    if (first < 0) first = found.level;
    w.levels.recover(path, x);  // while the levels are still those that were mixed
    // A hair less than they have, so that rounding never makes the held ones unaffordable.
    const double shrink = (1 - 2e-12) / std::max(1.0, found.excess);
    known = found.level * (1 - 1e-9);
    path.at(found.level, now.data(), now.data() + n);
    w.levels.price_marginals();
    std::size_t rising = 0, caught = 0;
    for (int strict = 1; strict >= 0; --strict) {
      for (std::size_t k = 0; k < n; ++k) {
        if (w.held[k] >= 0) continue;
        const bool full = now[k] >= w.cap[k] * (1 - 1e-9);
        if (full || !strict || w.levels.pays(k, now[k])) {
          w.held[k] = now[k] * shrink;
          ++caught;
        } else {
          ++rising;
        }
      }
      if (caught || !rising) break;
      rising = 0;  // prices below what counts: all that is left is held
    }
    if (!rising) break;
    again();
  }
  return first;
}

inline void ready_to_fill(const problem& p, workspace& w) {
  const std::size_t n = w.classes.size();
  w.levels.prepare(p, w.classes);
  w.rate.resize(n);
  w.cap.resize(n);
  w.held.assign(n, -1);
  for (std::size_t k = 0; k < n; ++k) {
    const std::size_t i = w.classes.first(k);
    w.rate[k] = p.weight_of(i) * p.fair_throughput(i) / p.gpus_of(i);
    w.cap[k] = w.levels.cap(k);
    if (w.rate[k] == 0) w.held[k] = 0;
  }
}

inline void write_levels(const problem& p, answer& out) {
  out.level.resize(p.jobs());
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    const double fair = p.fair_throughput(i);
    out.level[i] = fair > 0 ? out.throughput(p, i) / fair : 0;
  }
}

}  // namespace detail

/// The lexicographic maximum of g_i·level_i / w_i, level_i = Σ_j T_ij·x_ij / n_i: the lowest as high as
/// can be, then the next lowest, and so on (Gavel's water filling, flat). Levels are unique.
///
/// Objective and bound are those of `max_min`. At most `types` price searches.
/// \throws input_error  from `check`
struct max_min_lexicographic {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::nothing(p, out);
    detail::group_jobs(p, w.classes, 1,
                       [&](std::size_t i, double* rest) { *rest = p.weight_of(i); });
    detail::ready_to_fill(p, w);
    detail::filling_path path{w.rate, w.cap, w.held};
    double cap = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < w.rate.size(); ++k)
      if (w.rate[k] > 0) cap = std::min(cap, w.cap[k] / w.rate[k]);
    out.bound = std::min(cap, detail::fill(w, path, out.x, [] {}));
    out.objective = detail::lowest_level(p, out);
    detail::write_levels(p, out);
    detail::seal(out, w.levels);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

/// Water filling with entities (Gavel's hierarchical policy): entity e rises by its weight W_e, shared
/// among its jobs that still rise in proportion to w_i; what a saturated job would have had goes to the
/// entity's others, and when all of them are saturated to the other entities. Levels are unique.
///
/// Objective: min over entities of Σ_i g_i·level_i / W_e, of those with a job that can run. At most
/// `types` price searches, each O(jobs log jobs) more than the flat one. \throws input_error  from `check`
struct max_min_hierarchical {
  void operator()(const problem& p, workspace& w, answer& out) const {
    check(p);
    detail::nothing(p, out);
    detail::group_jobs(p, w.classes, 2, [&](std::size_t i, double* rest) {
      rest[0] = p.weight_of(i);
      rest[1] = p.entity_of(i);
    });
    detail::ready_to_fill(p, w);
    detail::entity_path path{p, w};
    const double cap = path.first_full();
    const double first = detail::fill(w, path, out.x, [&] { path.reset(); });
    detail::write_levels(p, out);
    std::vector<double>& sum = w.sum;
    const std::size_t entities = w.begin.size() - 1;
    sum.assign(2 * entities, 0);
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      sum[p.entity_of(i)] += p.gpus_of(i) * out.level[i];
      if (p.fair_throughput(i) > 0) sum[entities + p.entity_of(i)] = 1;
    }
    out.objective = std::numeric_limits<double>::infinity();
    for (std::size_t e = 0; e < entities; ++e)
      if (sum[entities + e] > 0)
        out.objective =
            std::min(out.objective, sum[e] / (p.entity_weight.empty() ? 1 : p.entity_weight[e]));
    if (out.objective == std::numeric_limits<double>::infinity()) out.objective = 0;
    out.bound = std::min(cap, std::max(first, 0.0));
    detail::seal(out, w.levels);
  }

  [[nodiscard]] answer operator()(const problem& p) const { return detail::solved(*this, p); }
};

}  // namespace heddle::share
