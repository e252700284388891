// Where the energy of a cluster goes, part by part.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/power.hpp>

namespace heddle::sim {

/// Energy by component, in J.
struct energy_parts {
  double gpus_running_j = 0;  ///< GPUs of running jobs, at their clock and under their contention
  double gpus_idle_j = 0;     ///< GPUs of servers that are on without a running job
  double servers_on_j = 0;    ///< the base of servers that are on
  double servers_off_j = 0;   ///< servers that are off or out of order
  double wake_j = 0;          ///< servers on the way from off to on
  double switches_j = 0;      ///< leafs and spines
  double ocs_j = 0;           ///< optical circuit switches

  [[nodiscard]] double total_j() const {
    return gpus_running_j + gpus_idle_j + servers_on_j + servers_off_j + wake_j + switches_j +
           ocs_j;
  }
  friend bool operator==(const energy_parts&, const energy_parts&) = default;
};

/// Integrates the power of a cluster whose jobs and servers come and go.
///
/// A running job has the power of its GPUs and its part of the base of its servers, in proportion to
/// the GPUs held; all else is overhead. A waking server draws `wake_j / wake_s` and nothing besides,
/// one out of order what one that is off draws. Power of jobs is summed up in whole nanowatts, so
/// that what comes and goes leaves nothing behind. All calls O(1). One writer.
class energy_account {
 public:
  energy_account(const fabric::leaf_spine& dc, const fabric::base_power& w)
      : fabric_(dc), base_(w), modes_(static_cast<std::size_t>(dc.servers()), mode::on),
        on_(dc.servers()), gpus_on_(dc.gpus()), fixed_w_(dc.switches() * w.switch_w),
        ocs_w_(dc.optical().switches * w.ocs_w) {}

  /// What a running job draws.
  struct draw {
    std::int64_t gpus_nw = 0;  ///< its GPUs
    std::int64_t base_nw = 0;  ///< its part of its servers
    int gpus = 0;

    friend bool operator==(const draw&, const draw&) = default;
  };
  [[nodiscard]] static draw draw_of(double gpus_w, double base_w, int gpus) {
    return {std::llround(gpus_w * 1e9), std::llround(base_w * 1e9), gpus};
  }
  void change(const draw& before, const draw& after) {
    jobs_.gpus_nw += after.gpus_nw - before.gpus_nw;
    jobs_.base_nw += after.base_nw - before.base_nw;
    jobs_.gpus += after.gpus - before.gpus;
  }

  /// From whatever it was, waking included.
  void switched_off(server_id s) { move(s, mode::off); }
  void began_to_wake(server_id s) {
    move(s, mode::waking);
    ++wake_ups_;
    if (base_.wake_s <= 0) {
      parts_.wake_j += base_.wake_j;
      overhead_j_ += base_.wake_j;
    }
  }
  /// It works from now on, after waking or a repair.
  void switched_on(server_id s) { move(s, mode::on); }

  /// What no running job draws, in W.
  [[nodiscard]] double overhead_w() const {
    return idle_w() + (on_ * base_.server_w - watts(jobs_.base_nw)) + off_ * base_.server_off_w +
           waking_w() + fixed_w_ + ocs_w_;
  }
  [[nodiscard]] double power_w() const {
    return overhead_w() + watts(jobs_.gpus_nw) + watts(jobs_.base_nw);
  }

  /// Lets `dt` s pass.
  void advance(double dt) {
    parts_.gpus_running_j += watts(jobs_.gpus_nw) * dt;
    parts_.gpus_idle_j += idle_w() * dt;
    parts_.servers_on_j += on_ * base_.server_w * dt;
    parts_.servers_off_j += off_ * base_.server_off_w * dt;
    parts_.wake_j += waking_w() * dt;
    parts_.switches_j += fixed_w_ * dt;
    parts_.ocs_j += ocs_w_ * dt;
    overhead_j_ += overhead_w() * dt;
  }

  [[nodiscard]] const energy_parts& parts() const { return parts_; }
  [[nodiscard]] double overhead_j() const { return overhead_j_; }
  [[nodiscard]] std::int64_t wake_ups() const { return wake_ups_; }

 private:
  static double watts(std::int64_t nw) { return static_cast<double>(nw) * 1e-9; }
  [[nodiscard]] double idle_w() const { return (gpus_on_ - jobs_.gpus) * base_.gpu_idle_w; }
  [[nodiscard]] double waking_w() const {
    return base_.wake_s > 0 ? waking_ * base_.wake_j / base_.wake_s : 0;
  }
  enum class mode : unsigned char { on, off, waking };
  void move(server_id s, mode to) {
    count(s, -1);
    modes_[s.index()] = to;
    count(s, +1);
  }
  void count(server_id s, int n) {
    const mode m = modes_[s.index()];
    (m == mode::on ? on_ : m == mode::off ? off_ : waking_) += n;
    if (m == mode::on) gpus_on_ += n * static_cast<int>(fabric_.gpus_of(s).size());
  }

  fabric::leaf_spine fabric_;
  fabric::base_power base_;
  std::vector<mode> modes_;        // by server
  int on_, off_ = 0, waking_ = 0;  // servers
  int gpus_on_;                    // of servers that are on
  double fixed_w_, ocs_w_;
  draw jobs_ = {};
  energy_parts parts_ = {};
  double overhead_j_ = 0;
  std::int64_t wake_ups_ = 0;
};

}  // namespace heddle::sim
