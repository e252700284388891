#include <cstddef>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include <heddle/allocate/optimal.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "energy.hpp"
#include "plan.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::grouped;
using examples::table;

struct kind {
  std::string name;
  any_allocation allocate;
  any_place place;
  std::size_t most_gpus = 1 << 30;
};

std::vector<kind> kinds() {
  const any_allocation as_asked = any_allocation::of(allocate::requested{});
  return {
      {"packed", as_asked, place::packed{}},
      {"vclos", as_asked, chain(place::vclos{})},
      {"ocs_vclos, free", as_asked, chain(place::ocs_vclos{.may_move = place::rewiring::free})},
      {"powerflow + vclos", any_allocation::of(allocate::powerflow{}), chain(place::vclos{})},
      {"optimal + vclos", any_allocation::of(allocate::optimal<>{}), chain(place::vclos{}), 8192}};
}

}  // namespace

void evaluate_decisions(const energy_options& asked) {
  table t{
      .caption =
          "**Time of one decision in µs, median and 99th percentile, over the size of the cluster: "
          "job sizes of the 512-GPU mix, load .9, FIFO**",
      .columns = {{"scheduler", "", true}}};
  std::ofstream csv(asked.out / "decisions.csv");
  csv << "scheduler,gpus,p50_us,p99_us\n";
  std::vector<std::vector<std::string>> rows;
  for (const kind& k : kinds()) rows.push_back({k.name});
  for (int leafs : {16, 64, 256, 1024, 4096}) {
    const int spines = 32;
    const two_networks on{
        fabric::leaf_spine{{.leafs = leafs, .spines = spines}},
        fabric::leaf_spine_ocs{
            {.leafs = leafs, .spines = leafs / 2, .switches = 32, .spine_fibres = 2}}};
    const int gpus = on.fixed.gpus();
    t.columns.push_back({grouped(static_cast<std::size_t>(gpus)) + " GPUs"});
    const trace::vclos_workload load{.jobs = asked.jobs * static_cast<std::size_t>(leafs) / 16,
                                     .cluster_gpus = gpus,
                                     .load = .9,
                                     .seed = 1};
    const model::workload jobs = trace::with_curves(load(), model::catalogue{}, {.max_gpus = 256});
    const std::vector<kind> all = kinds();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (gpus > static_cast<int>(all[i].most_gpus)) {
        rows[i].push_back("–");
        continue;
      }
      const sim::report r = plan(order::fifo{}, all[i].allocate, all[i].place, {route::ideal{}})
                                .run(on, jobs, {.keep_records = false});
      rows[i].push_back(fixed(r.decide_us_p50, 1) + " · " + fixed(r.decide_us_p99, 0));
      csv << '"' << all[i].name << "\"," << gpus << ',' << r.decide_us_p50 << ',' << r.decide_us_p99
          << '\n';
    }
  }
  for (auto& row : rows) t.add(std::move(row));
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
