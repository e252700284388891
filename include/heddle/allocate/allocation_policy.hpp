// What an allocation policy is asked and answers.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/move_price.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/curve.hpp>
#include <heddle/model/operating_point.hpp>

namespace heddle::allocate {

/// One job as an allocation policy sees it. The pointers are to things that outlive the call.
struct candidate {
  job_id id;
  const model::curve* curve = nullptr;
  double work = 0;         ///< samples left, > 0; see `work_left`
  int requested_gpus = 1;  ///< what its user asked for
  int min_gpus = 1;        ///< elastic range
  int max_gpus = std::numeric_limits<int>::max();
  double weight = 1;
  int priority = 0;
  const model::operating_point* current = nullptr;  ///< a point of `curve`; null while it waits
  double time_left_s = std::numeric_limits<double>::infinity();  ///< until its deadline
  double work_spread =
      0;  ///< of the logarithm of what is left, of which `work` is the mean; 0: it is known
  gpu_type_set types = all_gpu_types;  ///< that it may have, of those that `curve` is on
};

/// What there is to give of each type of GPU, on a cluster of several.
struct type_limits {
  int types = 0;                              ///< numbered from 0; 0: all GPUs are alike
  std::array<int, most_gpu_types> gpus = {};  ///< of each type
  std::array<double, most_gpu_types> idle_w = {};

  [[nodiscard]] bool alike() const { return types == 0; }
  friend bool operator==(const type_limits&, const type_limits&) = default;
};

/// What there is to give.
struct limits {
  int gpus = 0;           ///< of all candidates together, running ones included
  double gpu_idle_w = 0;  ///< what a GPU draws that no job holds
  /// Power of the jobs' GPUs beyond what these would draw idle, in W.
  double power_w = std::numeric_limits<double>::infinity();
  /// Energy of the work left, of the jobs' GPUs alone, in J.
  double energy_j = std::numeric_limits<double>::infinity();
  /// What a joule costs, in weighted job-seconds. Schedulers see to it for policies that do not read it
  /// (priced_clock.hpp).
  double energy_price = 0;
  double gpu_base_w =
      0;  ///< what a GPU that is held costs beside its own watts: its server's share
  /// When it is given, for policies that share time; NaN: unknown, and each call is a round.
  double now_s = std::numeric_limits<double>::quiet_NaN();
  move_price rescale = {};  ///< what a running job pays that changes its GPUs
  /// Of `gpus`, by type. Policies that know one type are asked for each by itself (over_types.hpp).
  type_limits by_type = {};

  [[nodiscard]] double idle_w_of(int type) const {
    return by_type.alike() ? gpu_idle_w : by_type.idle_w[static_cast<std::size_t>(type)];
  }
  [[nodiscard]] int gpus_of(int type) const {
    return by_type.alike() ? gpus : by_type.gpus[static_cast<std::size_t>(type)];
  }
  /// What there is of one type, for who knows no others.
  [[nodiscard]] limits of_type(int type) const {
    limits own = *this;
    own.gpus = gpus_of(type);
    own.gpu_idle_w = idle_w_of(type);
    own.by_type = {};
    return own;
  }
};

/// One operating point for each candidate, in their order; null: it gets nothing now.
using allocation = std::vector<const model::operating_point*>;

/// T gives each candidate a point of its curve, or none, within the limits. Candidates come in the
/// order of their claim: running jobs as they started, then the queue. `out` is overwritten; it is
/// handed in so that a policy need not allocate.
template <class T>
concept AllocationPolicy = requires(T& policy, std::span<const candidate> jobs, const limits& l,
                                    allocation& out) {
  policy(jobs, l, out);
};

/// T wants to change running jobs, and is asked for all jobs together: it says
/// `static constexpr bool elastic = true`. A policy that wraps another says what that says:
/// `elastic = ElasticPolicy<Inner>`.
template <class T>
concept ElasticPolicy = AllocationPolicy<T> && requires {
  requires static_cast<bool>(T::elastic);
};

/// T shares time in rounds: it wants to be asked again after `round_length_s()` while jobs wait, though
/// nobody has come or gone. A wrapper forwards it where its inner policy has it.
template <class T>
concept TimeSharing = AllocationPolicy<T> && requires(const T& policy) {
  { policy.round_length_s() } -> std::convertible_to<double>;
};

/// T chooses clocks by `limits::energy_price` itself: it says `static constexpr bool prices_energy = true`.
template <class T>
concept EnergyPricingPolicy = AllocationPolicy<T> && requires {
  requires static_cast<bool>(T::prices_energy);
};

/// The curve of a job on a type that it may have, or null; its own where all GPUs are alike.
[[nodiscard]] inline const model::curve* curve_on(const candidate& j, const limits& l, int type) {
  if (l.by_type.alike()) return j.curve;
  return has_type(j.types, type) ? j.curve->on(type) : nullptr;
}

/// T reads `limits::by_type` and gives points of whichever curve of a job (`model::curve::on`): it says
/// `static constexpr bool knows_types = true`.
template <class T>
concept TypedPolicy = AllocationPolicy<T> && requires {
  requires static_cast<bool>(T::knows_types);
};

/// The work that policies count with: 0, for which nothing is given, where `work` is not a positive finite
/// number. Only a running job that is said to have none or less left, by rounding at its very end, counts
/// as having a billionth of a sample, so that it is not stopped.
[[nodiscard]] inline double work_left(const candidate& j) {
  if (j.work > 0) return j.work < std::numeric_limits<double>::infinity() ? j.work : 0;
  return j.work <= 0 && j.current ? 1e-9 : 0;
}

/// What `p` draws beyond its GPUs' idle power, in W.
[[nodiscard]] inline double extra_power_w(const model::operating_point& p, const limits& l) {
  return fabric::extra_power_w(p, l.idle_w_of(p.config.type));
}

}  // namespace heddle::allocate
