// A first schedule: jobs of the vClos mix on 512 GPUs, on a network that all share and on one where
// each job owns its links.
#include <iostream>

#include <heddle/heddle.hpp>

using namespace heddle;

int main() {
  const fabric::leaf_spine dc{
      {.leafs = 16, .spines = 32, .servers_per_leaf = 4, .gpus_per_server = 8}};
  const auto jobs =
      trace::with_curves(trace::vclos_workload{.jobs = 1000, .load = 0.6}(), model::catalogue());

  schedule::scheduler shared{order::fifo{}, allocate::requested{}, place::packed{}, route::ecmp{}};
  schedule::scheduler isolated{
      order::fifo{}, allocate::requested{},
      place::first_of{place::one_server{}, place::one_leaf{}, place::vclos{}}, route::source{}};

  const auto show = [](const char* name, const sim::report& r) {
    std::cout << name << ": JCT " << r.mean_jct_s << " s, of which waiting " << r.mean_jwt_s
              << " s; run times stretched " << r.mean_slowdown << " times; " << r.energy_j / 3.6e6
              << " kWh\n";
  };
  show("shared network, ECMP", sim::run(dc, jobs, shared));
  show("links of their own  ", sim::run(dc, jobs, isolated));
}
