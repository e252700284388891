// Where the energy of a cluster goes, part by part.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/sim/server_mode.hpp>

namespace heddle::sim {

/// Energy by component, in J.
struct energy_parts {
  double gpus_running_j = 0;  ///< GPUs of running jobs, at their clock and under their contention
  double gpus_idle_j = 0;     ///< GPUs of servers that are on without a running job
  double servers_on_j = 0;    ///< the base of servers that are on
  double servers_off_j = 0;   ///< servers that are off or out of order
  double wake_j = 0;          ///< servers on the way from off to on
  double switches_j = 0;      ///< leafs, spines, cores
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
  /// All servers are on, and no job runs.
  template <class Fabric>
  energy_account(const Fabric& dc, const fabric::base_power& w)
      : base_(w), parts_now_(fabric::parts_when_idle(dc, w)) {
    const fabric::hosts& hosts = dc.hosts();
    for (server_id s : hosts.all_servers())
      servers_.push_back({.gpus = static_cast<int>(hosts.gpus_of(s).size()),
                          .beyond_w = fabric::idle_beyond_w(w, hosts.type_of(s))});
  }

  /// What a running job draws.
  struct draw {
    std::int64_t gpus_nw = 0;  ///< its GPUs
    std::int64_t base_nw = 0;  ///< its part of its servers
    int gpus = 0;
    std::int64_t idle_beyond_nw = 0;  ///< of its GPUs, if they were idle, beyond `gpu_idle_w` each

    friend bool operator==(const draw&, const draw&) = default;
  };
  /// \param idle_beyond_w  of each of its GPUs (fabric/watts.hpp)
  [[nodiscard]] static draw draw_of(double gpus_w, double base_w, int gpus,
                                    double idle_beyond_w = 0) {
    return {nw(gpus_w), nw(base_w), gpus, gpus * nw(idle_beyond_w)};
  }
  void change(const draw& before, const draw& after) {
    jobs_.gpus_nw += after.gpus_nw - before.gpus_nw;
    jobs_.base_nw += after.base_nw - before.base_nw;
    jobs_.gpus += after.gpus - before.gpus;
    parts_now_.idle_gpus -= after.gpus - before.gpus;
    idle_beyond_nw_ -= after.idle_beyond_nw - before.idle_beyond_nw;
    parts_now_.idle_beyond_w = in_w(idle_beyond_nw_);
  }

  /// From whatever it was.
  void set(server_id s, server_mode to) {
    one_server& x = servers_[s.index()];
    count(x, -1);
    x.mode = to;
    count(x, +1);
    if (to != server_mode::waking) return;
    ++wake_ups_;
    if (base_.wake_s <= 0) {
      parts_.wake_j += base_.wake_j;
      overhead_j_ += base_.wake_j;
    }
  }

  /// What no running job draws, in W.
  [[nodiscard]] double overhead_w() const { return overhead_of(watts()); }
  [[nodiscard]] double power_w() const {
    return overhead_w() + in_w(jobs_.gpus_nw) + in_w(jobs_.base_nw);
  }

  /// Lets `dt` s pass.
  void advance(double dt) {
    const fabric::parts_watts w = watts();
    parts_.gpus_running_j += in_w(jobs_.gpus_nw) * dt;
    parts_.gpus_idle_j += w.idle_gpus * dt;
    parts_.servers_on_j += w.servers_on * dt;
    parts_.servers_off_j += w.servers_off * dt;
    parts_.wake_j += w.servers_waking * dt;
    parts_.switches_j += w.switches * dt;
    parts_.ocs_j += w.ocs * dt;
    overhead_j_ += overhead_of(w) * dt;
  }

  [[nodiscard]] const energy_parts& parts() const { return parts_; }
  [[nodiscard]] double overhead_j() const { return overhead_j_; }
  [[nodiscard]] std::int64_t wake_ups() const { return wake_ups_; }

 private:
  struct one_server {
    int gpus = 0;
    double beyond_w = 0;  // of each when idle
    server_mode mode = server_mode::on;
  };

  static std::int64_t nw(double w) { return std::llround(w * 1e9); }
  static double in_w(std::int64_t nw) { return static_cast<double>(nw) * 1e-9; }
  [[nodiscard]] fabric::parts_watts watts() const { return fabric::watts_of(parts_now_, base_); }
  /// Apart from the jobs' part of the servers that are on.
  [[nodiscard]] double overhead_of(fabric::parts_watts w) const {
    w.servers_on -= in_w(jobs_.base_nw);
    return w.total();
  }
  void count(const one_server& x, int n) {
    switch (x.mode) {
    case server_mode::on:
      parts_now_.servers_on += n;
      parts_now_.idle_gpus += n * x.gpus;
      idle_beyond_nw_ += n * x.gpus * nw(x.beyond_w);
      parts_now_.idle_beyond_w = in_w(idle_beyond_nw_);
      break;
    case server_mode::waking:
      parts_now_.servers_waking += n;
      break;
    case server_mode::off:
    case server_mode::failed:
      parts_now_.servers_off += n;
    }
  }

  fabric::base_power base_;
  std::vector<one_server> servers_;
  fabric::powered_parts parts_now_;  // GPUs of running jobs apart
  std::int64_t idle_beyond_nw_ = nw(parts_now_.idle_beyond_w);
  draw jobs_ = {};
  energy_parts parts_ = {};
  double overhead_j_ = 0;
  std::int64_t wake_ups_ = 0;
};

}  // namespace heddle::sim
