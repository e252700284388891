// The pilot at work, under one scheduler or another.
#pragma once

#include <time.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <optional>
#include <string>

#include "slurm_pilot/command.hpp"
#include "slurm_pilot/job_needs.hpp"
#include "slurm_pilot/named_parts.hpp"
#include "slurm_pilot/pilot.hpp"
#include "slurm_pilot/pilot_options.hpp"
#include "slurm_pilot/slurm_control.hpp"

namespace heddle::pilot {

[[nodiscard]] inline double wall_clock_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// All that a flight needs but the cluster.
struct flight {
  const arguments& a;
  const named_place& place;
  pilot_options options;
  slurm_commands& slurm;
  notebook& book;
  const std::optional<fabric::ib_network>& net;
  bool (*ended)();  ///< whether somebody has asked to stop
};

/// Looks at Slurm until it is stopped. \param needs  that the plan's placement reads
template <class Fabric, class Plan>
void fly(const flight& w, const machine<Fabric>& cluster, Plan& plan, job_needs& needs) {
  for (const std::string& n : cluster.notes) std::cerr << "heddle-slurm-pilot: " << n << std::endl;
  hooks to_network{w.a, w.net};
  pilot_options options = w.options;
  options.needs = &needs;
  control_loop one{w.slurm, to_network, w.book, plan, cluster, options};
  one.open(text_of(w.a.state), w.a.state, wall_clock_s());
  while (!w.ended()) {
    try {
      one.look(wall_clock_s());
    } catch (const std::exception& e) {
      // A controller that is restarted does not answer for a while. The book waits for it.
      if (w.a.once) throw;
      std::cerr << "heddle-slurm-pilot: " << e.what() << std::endl;
    }
    if (w.a.once || w.ended()) break;
    const auto whole = static_cast<time_t>(w.a.interval_s);
    const timespec pause{whole,
                         static_cast<long>((w.a.interval_s - static_cast<double>(whole)) * 1e9)};
    ::nanosleep(&pause, nullptr);
  }
}

/// Every job gets what it asks for.
void fly_rigid(const flight& w, const machine<fabric::leaf_spine>& cluster);
void fly_rigid(const flight& w, const machine<fabric::leaf_spine_ocs>& cluster);
/// Elastic jobs get what is best for all, and move.
void fly_elastic(const flight& w, const machine<fabric::leaf_spine>& cluster);
void fly_elastic(const flight& w, const machine<fabric::leaf_spine_ocs>& cluster);

}  // namespace heddle::pilot
