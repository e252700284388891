// What steps take, in whole units of the budgets, and the rows of jobs that they are looked up in.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>

namespace heddle::allocate::detail {

/// What jobs take. Watts and joules are in whole units that are a 2⁻⁵⁰th of their budget or a little
/// less, so that sums do not depend on their order: an answer found by mending the last one is the one
/// found from nothing. A need of far more than the budget is rounded, but stays too large.
struct step_need {
  double gpus = 0, watts = 0, joules = 0;

  [[nodiscard]] bool within(const step_need& limit) const {
    return gpus <= limit.gpus && watts <= limit.watts && joules <= limit.joules;
  }
  friend step_need operator+(const step_need& a, const step_need& b) {
    return {a.gpus + b.gpus, a.watts + b.watts, a.joules + b.joules};
  }
  friend step_need operator-(const step_need& a, const step_need& b) {
    return {a.gpus - b.gpus, a.watts - b.watts, a.joules - b.joules};
  }
};

/// GPUs, power beyond idle and energy of one sample; of the latter two the most along the way, so that
/// what a step gives back is not handed out twice.
struct step_level {
  int gpus = 0;
  double watts = 0, sample_j = 0;
};

/// Turns levels and limits into whole units.
class step_meter {
 public:
  /// \param owed_j  energy that is spent whatever the limit; units are no finer than suits it
  step_meter(const limits& l, std::size_t jobs, double owed_j) {
    limit_.gpus = l.gpus;
    limit_.watts = unit(l.power_w, 0, jobs, per_watt_);
    limit_.joules = unit(l.energy_j, owed_j, jobs, per_joule_);
  }
  [[nodiscard]] const step_need& limit() const { return limit_; }
  [[nodiscard]] bool limits_power() const { return per_watt_ != 0; }
  [[nodiscard]] bool limits_energy() const { return per_joule_ != 0; }

  [[nodiscard]] double watts(double w) const { return whole(w * per_watt_); }
  /// How much that is for so many units; ∞ where power is not limited.
  [[nodiscard]] double watts_of(double units) const {
    return limits_power() ? units / per_watt_ : std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] double joules(double sample_j, double work) const {
    return limits_energy() ? whole(sample_j * work * per_joule_) : 0;
  }
  [[nodiscard]] step_need of(const step_level& at, double work) const {
    return {static_cast<double>(at.gpus), watts(at.watts), joules(at.sample_j, work)};
  }

 private:
  // To the nearest, without a call.
  static double whole(double x) {
    constexpr double shift = 0x1.8p52;
    return (x + shift) - shift;
  }
  // Roundings of `jobs` needs are granted on top: a budget that is the sum of needs is met.
  static double unit(double limit, double owed, std::size_t jobs, double& per_one) {
    if (limit == std::numeric_limits<double>::infinity()) {
      per_one = 0;
      return limit;
    }
    // A debt beyond all measure must not make the units so coarse that others seem to cost nothing.
    const double most = limit > 0 ? std::min(1024 * limit, 1e300) : 1e12;
    const double scale = std::min(std::max(limit > 0 ? limit : 0, owed), most);
    per_one = scale > 0 ? std::ldexp(1.0, 50 - std::ilogb(std::max(scale, 1e-200))) : 0x1p50;
    if (!(limit > 0)) return std::isnan(limit) ? -1e300 : std::max(limit, -1e200) * per_one;
    return std::floor(limit * per_one) + static_cast<double>(jobs);
  }

  step_need limit_;
  double per_watt_ = 0, per_joule_ = 0;
};

/// Some of the rows, or the first `count` of them.
struct step_rows {
  std::size_t count = 0;
  const std::uint32_t* some = nullptr;

  template <class F>
  void each(F f) const {
    if (some)
      for (std::size_t k = 0; k < count; ++k) f(some[k]);
    else
      for (std::size_t k = 0; k < count; ++k) f(static_cast<std::uint32_t>(k));
  }
  /// f(row) for those of which `maybe(row)` holds. It is asked without a branch for sixteen rows at once:
  /// where few rows count, a pass costs little more than reading what it looks at.
  template <class Maybe, class F>
  void each_maybe(Maybe maybe, F f) const {
    std::size_t k = 0;
    if (!some)
      for (; k + 16 <= count; k += 16) {
        unsigned any = 0;
        for (std::size_t j = 0; j < 16; ++j) any |= static_cast<unsigned>(maybe(k + j));
        if (any == 0) continue;
        for (std::size_t j = 0; j < 16; ++j)
          if (maybe(k + j)) f(static_cast<std::uint32_t>(k + j));
      }
    for (; k < count; ++k) {
      const std::uint32_t r = some ? some[k] : static_cast<std::uint32_t>(k);
      if (maybe(r)) f(r);
    }
  }
  /// Σ f(row) of whole numbers, four sums side by side.
  template <class F>
  [[nodiscard]] double sum(F f) const {
    double part[4] = {};
    std::size_t k = 0;
    if (some)
      for (; k + 4 <= count; k += 4)
        for (std::size_t j = 0; j < 4; ++j) part[j] += f(some[k + j]);
    else
      for (; k + 4 <= count; k += 4)
        for (std::size_t j = 0; j < 4; ++j) part[j] += f(k + j);
    for (; k < count; ++k) part[0] += f(some ? some[k] : k);
    return (part[0] + part[1]) + (part[2] + part[3]);
  }
  /// The largest f(row), or `least`.
  template <class F>
  [[nodiscard]] double most(double least, F f) const {
    double part[4] = {least, least, least, least};
    std::size_t k = 0;
    if (!some)
      for (; k + 4 <= count; k += 4)
        for (std::size_t j = 0; j < 4; ++j) {
          const double here = f(k + j);
          part[j] = part[j] > here ? part[j] : here;
        }
    for (; k < count; ++k) part[0] = std::max(part[0], f(some ? some[k] : k));
    return std::max(std::max(part[0], part[1]), std::max(part[2], part[3]));
  }
};

/// A step of a job in the order of all: by key falling, then by its index on the job's chain, then by the
/// job's id. So of jobs alike none is more than one step ahead.
struct ranked_step {
  double key = std::numeric_limits<double>::infinity();
  std::uint32_t index = 0;
  job_id id{0};
  std::uint32_t row = 0;

  [[nodiscard]] bool before(const ranked_step& b) const {
    if (key != b.key) return key > b.key;
    if (index != b.index) return index < b.index;
    return id != b.id ? id < b.id : row < b.row;
  }
};

/// Levels of all rows.
struct step_levels {
  std::vector<int> gpus;
  std::vector<double> watts, sample_j;

  [[nodiscard]] step_level operator[](std::size_t r) const {
    return {gpus[r], watts[r], sample_j[r]};
  }
  void set(std::size_t r, const step_level& l) {
    gpus[r] = l.gpus;
    watts[r] = l.watts;
    sample_j[r] = l.sample_j;
  }
  template <class F>
  void each(F f) {
    f(gpus), f(watts), f(sample_j);
  }
  /// What the rows take together.
  [[nodiscard]] step_need sum(const step_rows& rows, const step_meter& m,
                              const std::vector<double>& work) const {
    step_need s;
    const int* const g = gpus.data();
    const double *const w = watts.data(), *const j = sample_j.data(), *const k = work.data();
    s.gpus = rows.sum([g](std::size_t r) { return static_cast<double>(g[r]); });
    if (m.limits_power()) s.watts = rows.sum([w, m](std::size_t r) { return m.watts(w[r]); });
    if (m.limits_energy())
      s.joules = rows.sum([j, k, m](std::size_t r) { return m.joules(j[r], k[r]); });
    return s;
  }
};

}  // namespace heddle::allocate::detail
