// An energy budget for a day: what is saved in the quiet hours lets the busy ones run faster.
//
// Twelve quiet hours with 3 jobs, then twelve busy ones with 90, on 128 GPUs. Each hour the budget says
// how much power may be drawn, and powerflow hands out GPUs and clocks within it.
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <string>
#include <vector>

#include <heddle/allocate/energy_allowance.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/model/catalogue.hpp>

using namespace heddle;

int main() {
  const model::catalogue known;
  const model::gpu_type* gpu = known.find_gpu("a100");
  std::vector<model::curve> curves;
  for (const char* name : {"resnet50", "bert", "vgg16"}) {
    const double batch = 8 * known.find_job(name)->default_local_batch;
    curves.push_back(model::make_curve(
        known.model(name, "a100"),
        {.gpus = {1, 2, 4, 8}, .clocks_ghz = gpu->clocks_ghz, .global_batch = batch}));
  }
  const auto queue = [&](std::size_t jobs) {
    std::vector<allocate::candidate> all;
    for (std::size_t i = 0; i < jobs; ++i) {
      allocate::candidate j;
      j.id = job_id{i};
      j.curve = &curves[i % curves.size()];
      j.work = 1e9;  // more than a day
      all.push_back(j);
    }
    return all;
  };

  constexpr double hour_s = 3600;
  constexpr fabric::base_power power;
  constexpr double idle_w = power.gpu_idle_w;
  constexpr double base_w = fabric::watts_of({.idle_gpus = 128, .servers_on = 16}, power).total();
  allocate::powerflow policy;
  allocate::allocation given;
  std::cout << "budget of a day   hour  may draw  draws, kW  GPUs  mean clock, GHz  speed, %\n";
  for (const double mwh : {0.7, 0.9, 2.0}) {
    allocate::energy_allowance budget{mwh * 3.6e9, 24 * hour_s};
    double spent_j = 0;
    for (int hour = 0; hour < 24; ++hour) {
      const auto jobs = queue(hour < 12 ? 3 : 90);
      const double may_w = budget.power_w();
      // The budget is the whole cluster's; jobs get what is beyond its idle power.
      policy(jobs, {.gpus = 128, .gpu_idle_w = idle_w, .power_w = may_w - base_w}, given);
      double draws_w = base_w, clock = 0, speed = 0;
      int gpus = 0;
      for (std::size_t i = 0; i < given.size(); ++i) {
        if (!given[i]) continue;
        const auto& p = *given[i];
        draws_w += fabric::extra_power_w(p, idle_w);
        gpus += p.config.gpus;
        clock += p.config.gpus * p.config.clock_ghz;
        speed += p.throughput / jobs[i].curve->fastest(8)->throughput /
                 static_cast<double>(given.size());
      }
      if (hour % 4 == 3)
        std::cout << std::fixed << std::setprecision(1) << std::setw(12) << mwh << " MWh"
                  << std::setw(7) << hour << std::setw(10) << may_w / 1e3 << std::setw(11)
                  << draws_w / 1e3 << std::setw(6) << gpus << std::setw(17) << std::setprecision(2)
                  << (gpus ? clock / gpus : 0) << std::setw(10) << std::setprecision(0)
                  << 100 * speed << '\n';
      spent_j += draws_w * hour_s;
      budget.spend((hour + 1) * hour_s, draws_w * hour_s);
    }
    std::cout << std::setprecision(2) << "                  spent " << spent_j / 3.6e9 << " MWh\n";
  }
}
