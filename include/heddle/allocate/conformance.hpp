// Checks that an allocation policy of one's own keeps the promises that schedulers rely on.
//
//   check(policy)             over random states
//   check(policy, options)    over more of them, or others
//
// Returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(allocate::check(my_policy{}).empty())`.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>
#include <boost/random/uniform_real_distribution.hpp>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/random.hpp>
#include <heddle/model/curve.hpp>

namespace heddle::allocate {

/// Over which states a policy is checked.
struct check_options {
  std::uint64_t seed = 1;
  int states = 500;
  int most_jobs = 12;      ///< of a state
  double rounding = 1e-9;  ///< of power and energy, in parts of their limit
};

namespace detail {

/// A random state that a scheduler could be in: running jobs within the limits on GPUs, then the queue.
class random_state {
 public:
  random_state(const check_options& o, int number)
      : draw_(o.seed, static_cast<std::uint64_t>(number), "allocate::check") {
    for (int i = 0; i < 3; ++i) curves_.push_back(some_curve());
    room.gpus = between(0, 40);
    if (chance(0.5)) room.gpu_idle_w = 50;
    if (chance(0.5)) room.power_w = real(0, 6000);
    if (chance(0.5)) room.energy_j = chance(0.2) ? 0 : real(0, 4e6);
    if (chance(0.5)) room.now_s = real(0, 1e5);
    int free = room.gpus;
    bool running = true;
    for (int i = between(0, o.most_jobs); i > 0; --i) jobs.push_back(some_job(free, running));
  }

  std::vector<candidate> jobs;
  limits room;

 private:
  int between(int low, int high) {
    return boost::random::uniform_int_distribution<int>(low, high)(draw_);
  }
  double real(double low, double high) {
    return boost::random::uniform_real_distribution<double>(low, high)(draw_);
  }
  bool chance(double p) { return real(0, 1) < p; }

  // Counts double; throughput rises with count and clock, less and less.
  model::curve some_curve() {
    std::vector<model::operating_point> points;
    const double scaling = real(0.3, 1);
    for (int n = 1; n <= 16; n *= 2)
      for (double f : {0.7, 1.0, 1.3})
        points.push_back({.config = {.gpus = n, .servers = (n + 7) / 8, .clock_ghz = f},
                          .throughput = std::pow(n, scaling) * f,
                          .power_w = n * (60 + 120 * f * f * f),
                          .waiting_power_w = n * 60.0});
    return model::curve{std::move(points)};
  }

  candidate some_job(int& free, bool& running) {
    candidate j;
    j.id = job_id{jobs.size()};
    j.curve = &curves_[static_cast<std::size_t>(between(0, 2))];
    j.work = chance(0.05) ? 0 : real(1, 1e4);
    j.min_gpus = chance(0.2) ? 2 : 1;
    if (chance(0.2)) j.max_gpus = 8;
    j.requested_gpus = 1 << between(1, 3);
    if (chance(0.5)) j.weight = real(0.1, 3);
    if (chance(0.2)) j.priority = between(0, 2);
    if (chance(0.3)) j.time_left_s = real(-100, 1e4);
    const auto held = j.curve->at(j.requested_gpus);
    running = running && j.work > 0 && j.requested_gpus <= free && chance(0.7);
    if (running) {
      j.current = &held[static_cast<std::size_t>(between(0, static_cast<int>(held.size()) - 1))];
      free -= j.requested_gpus;
    }
    return j;
  }

  stream draw_;
  std::vector<model::curve> curves_;
};

}  // namespace detail

/// The promises of an AllocationPolicy:
/// 1. there is one answer a candidate: nothing, or a point of its own curve;
/// 2. jobs without work get nothing, others a count within their elastic range;
/// 3. GPUs in all are at most those there are, extra power at most its limit;
/// 4. energy of the jobs that it starts is at most its limit (running ones may go on beyond it);
/// 5. two copies that are asked the same answer the same, whatever was in `out`;
/// 6. asked again in the same state it answers the same, unless it shares time in rounds.
/// O(states · a decision).
template <AllocationPolicy P>
  requires std::copy_constructible<P>
[[nodiscard]] std::vector<std::string> check(const P& policy, const check_options& o = {}) {
  std::vector<std::string> broken, known;
  P asked = policy, twin = policy;  // with what they remember of other states
  allocation out, again;
  for (int number = 0; number < o.states; ++number) {
    const detail::random_state s(o, number);
    const auto require = [&](bool kept, const char* promise, const std::string& seen) {
      if (kept) return;
      for (const std::string& k : known)
        if (k == promise) return;
      known.emplace_back(promise);
      broken.push_back(std::string(promise) + ": state " + std::to_string(number) + ", " + seen);
    };
    asked(s.jobs, s.room, out);
    again.assign(s.jobs.size() + 3, nullptr);  // as it may be left by another call
    twin(s.jobs, s.room, again);
    require(again == out, "a copy that is asked the same answers the same", "it does not");
    if constexpr (!TimeSharing<P>) {
      twin(s.jobs, s.room, again);
      require(again == out, "asked again it answers the same", "it does not");
      asked(s.jobs, s.room, again);
    }
    require(out.size() == s.jobs.size(), "there is one answer a candidate",
            std::to_string(out.size()) + " for " + std::to_string(s.jobs.size()));
    if (out.size() != s.jobs.size()) continue;

    double gpus = 0, power_w = 0, energy_j = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (!out[i]) continue;
      const candidate& j = s.jobs[i];
      const std::string job = "job " + std::to_string(i);
      bool own = false;
      for (const model::operating_point& p : j.curve->points()) own = own || &p == out[i];
      require(own, "a point is one of the job's own curve", job);
      if (!own) continue;
      require(work_left(j) > 0, "jobs without work get nothing", job);
      require(out[i]->config.gpus >= j.min_gpus && out[i]->config.gpus <= j.max_gpus,
              "counts are within the job's range",
              job + " has " + std::to_string(out[i]->config.gpus));
      gpus += out[i]->config.gpus;
      power_w += extra_power_w(*out[i], s.room);
      if (!j.current) energy_j += work_left(j) * out[i]->energy_per_sample_j();
    }
    const auto of = [](double given, double limit) {
      return std::to_string(given) + " of " + std::to_string(limit);
    };
    const double slack = 1 + o.rounding;
    require(gpus <= s.room.gpus, "GPUs are within their limit", of(gpus, s.room.gpus));
    require(power_w <= s.room.power_w * slack, "power is within its limit",
            of(power_w, s.room.power_w));
    require(energy_j <= s.room.energy_j * slack,
            "energy of the jobs that are started is within its limit",
            of(energy_j, s.room.energy_j));
  }
  return broken;
}

}  // namespace heddle::allocate
