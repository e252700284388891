// What a whole run costs in energy, carbon and money.
#pragma once

#include <algorithm>

#include <heddle/fabric/power.hpp>
#include <heddle/sim/energy_account.hpp>
#include <heddle/sim/options.hpp>
#include <heddle/sim/report.hpp>

namespace heddle::sim::detail {

class meter {
 public:
  /// \param o  must outlive this
  template <class Fabric>
  meter(const Fabric& dc, const options& o) : account(dc, o.power), told_(o) {}

  energy_account account;

  /// Lets time pass. \returns  the energy of the whole cluster, in J
  double advance(double from_s, double to_s) {
    const double w = account.power_w(), dt = to_s - from_s;
    if (!told_.carbon_g_per_kwh.empty())
      carbon_ += w * told_.carbon_g_per_kwh.integral(from_s, to_s);
    if (!told_.price_per_kwh.empty()) cost_ += w * told_.price_per_kwh.integral(from_s, to_s);
    account.advance(dt);
    return w * dt;
  }
  /// The power from now on, which is noted.
  double look() {
    const double w = account.power_w();
    peak_w_ = std::max(peak_w_, w);
    return w;
  }

  /// \param jobs_j  energy that belongs to jobs
  /// \param span_s  of the whole run
  void write(report& r, double jobs_j, double span_s) const {
    r.wake_ups = static_cast<std::size_t>(account.wake_ups());
    r.overhead_energy_j = account.overhead_j();
    r.energy_j = jobs_j + account.overhead_j();
    r.parts = account.parts();
    r.energy_delay_js = r.energy_j * r.mean_jct_s;
    r.mean_power_w = span_s > 0 ? r.energy_j / span_s : 0;
    r.peak_power_w = peak_w_;
    r.carbon_g = carbon_ / joules_per_kwh;
    r.cost = cost_ / joules_per_kwh;
  }

 private:
  static constexpr double joules_per_kwh = 3.6e6;

  const options& told_;
  double peak_w_ = 0, carbon_ = 0, cost_ = 0;
};

}  // namespace heddle::sim::detail
