// Policies that take all types of GPU for one.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include <heddle/share/elastic_round.hpp>

namespace heddle::share {

/// Asks `Policy` about jobs that are equally fast on all types: with c GPUs a job's rate is the mean over the types on
/// which it runs with c GPUs, weighted by the types' GPUs. What does not run (memory) stays known. What a scheduler
/// does that was made for one type: with `relative_goodput`, as Pollux (Qiao et al., OSDI 2021) does on a mixed
/// cluster, each job placed within one type.
///
/// O(jobs · types · counts) beside the policy. One user at a time.
template <ElasticRoundPolicy Policy>
class type_blind {
 public:
  type_blind() = default;
  explicit type_blind(Policy policy) : policy_(std::move(policy)) {}

  void operator()(const elastic_view& now, std::vector<grant>& given) {
    const problem& p = now.round.jobs;
    jobs_ = p;
    rate_ = now.rate;
    for (std::size_t i = 0; i < now.jobs(); ++i) {
      level(p.capacity, jobs_.throughput.data() + i * now.types(), 1);
      for (std::size_t c = 0; c < now.counts.size(); ++c)
        level(p.capacity, rate_.data() + i * now.types() * now.counts.size() + c,
              now.counts.size());
    }
    const round_view& r = now.round;
    const round_view blind{jobs_,   r.id,      r.before,   r.held_s, r.type_held_s,
                           r.now_s, r.round_s, r.switch_s, r.changed};
    policy_(elastic_view{blind, now.counts, rate_, now.before, now.starts}, given);
  }

  [[nodiscard]] const Policy& policy() const { return policy_; }

 private:
  // Gives all rates above 0 among `rate[j·stride]` their mean.
  static void level(const std::vector<double>& capacity, double* rate, std::size_t stride) {
    double sum = 0, gpus = 0;
    for (std::size_t j = 0; j < capacity.size(); ++j)
      if (rate[j * stride] > 0) {
        sum += capacity[j] * rate[j * stride];
        gpus += capacity[j];
      }
    for (std::size_t j = 0; j < capacity.size(); ++j)
      if (rate[j * stride] > 0 && gpus > 0) rate[j * stride] = sum / gpus;
  }

  Policy policy_;
  problem jobs_;
  std::vector<double> rate_;
};

}  // namespace heddle::share
