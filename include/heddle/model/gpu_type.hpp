// One type of GPU as a scheduler sees it.
#pragma once

#include <string>
#include <vector>

#include <heddle/model/power.hpp>

namespace heddle::model {

/// Facts of one type of GPU. Plain data.
struct gpu_type {
  std::string name;                  ///< lower case
  std::vector<std::string> aliases;  ///< other names it goes by
  double idle_w = 0;                 ///< drawn without a job
  std::vector<double> clocks_ghz;    ///< core clocks worth choosing from, ascending
  ridge_power power;                 ///< of one GPU under a job of intensity 1
  double memory_gbs = 1;             ///< memory bandwidth, GB/s
  double server_link_gbs = 1;        ///< between GPUs of one server, GB/s, both directions
  double network_gbps = 1;           ///< of a usual server with these GPUs, Gb/s
  std::string source;                ///< where the numbers are from

  [[nodiscard]] double top_clock_ghz() const { return clocks_ghz.back(); }
};

/// The ridge of a GPU that nobody measured: V100's shape on another scale, derived. At the top
/// clock under full load it draws `limit_w`, without load `idle_w`; the voltage rises from 75 % of
/// the top clock on and is 22 % up at the top, as in the V100 rows of the catalogue.
[[nodiscard]] inline ridge_power scaled_ridge(double idle_w, double limit_w, double top_clock_ghz) {
  constexpr double ridge_share = 0.75, slope_share = 0.876;
  const double top_voltage = 1 + slope_share * (1 - ridge_share);
  return {.static_w = idle_w,
          .dynamic_w_per_ghz = (limit_w - idle_w) / (top_clock_ghz * top_voltage * top_voltage),
          .ridge_ghz = ridge_share * top_clock_ghz,
          .slope_per_ghz = slope_share / top_clock_ghz};
}

}  // namespace heddle::model
