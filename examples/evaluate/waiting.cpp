#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "common/parallel.hpp"
#include "compositions.hpp"
#include "isolation.hpp"
#include "plan.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

struct digest {
  double jct_s = 0, fragmentation = 0;
};

}  // namespace

void evaluate_waiting(const isolation_options& o, const progress& told) {
  const two_networks on{fabric::leaf_spine{{.leafs = 16, .spines = 32}},
                        fabric::leaf_spine_ocs{{.leafs = 16, .spines = 8, .switches = 32}}};
  const std::vector<composition>& all = compositions();
  const std::vector<double> loads{.6, .75, .9};
  const auto seeds = static_cast<std::size_t>(o.seeds);
  std::vector<std::vector<digest>> runs(loads.size() * seeds, std::vector<digest>(all.size()));
  std::mutex one;
  std::size_t finished = 0;
  examples::in_parallel(runs.size(), [&](std::size_t k) {
    const trace::vclos_workload mix{.jobs = o.jobs,
                                    .load = loads[k / seeds],
                                    .heavy = true,
                                    .seed = static_cast<std::uint64_t>(k % seeds + 1)};
    const model::workload jobs = trace::with_curves(mix(), model::catalogue());
    for (std::size_t c = 0; c < all.size(); ++c) {
      any_plan p = plan({order::fifo{}}, any_allocation::of(allocate::requested{}), all[c].place,
                        examples::route_named(all[c].route, mix.seed), all[c].more);
      const sim::report r = p.run(on, jobs);
      runs[k][c] = {r.mean_jct_s, r.network_fragmentation};
    }
    const std::lock_guard lock{one};
    told(++finished, runs.size());
  });

  examples::table t;
  t.caption = "Mean JCT above the ideal network's, geometric mean of " + std::to_string(seeds) +
              " seeds with its 95 % interval, and network fragmentation; 512 GPUs, heavy, FIFO, " +
              std::to_string(o.jobs) + " jobs";
  t.columns = {{.title = "composition", .is_text = true}};
  for (double l : loads)
    t.columns.insert(t.columns.end(),
                     {{.title = "load " + examples::fixed(l, 2) + ": JCT", .unit = "%"},
                      {.title = "fragmentation", .unit = "%"}});
  for (std::size_t c = 0; c < all.size(); ++c) {
    std::vector<std::string> row{all[c].name};
    for (std::size_t l = 0; l < loads.size(); ++l) {
      running_statistics log_ratio, fragmentation;
      for (std::size_t s = 0; s < seeds; ++s) {
        const auto& run = runs[l * seeds + s];
        log_ratio.add(std::log(run[c].jct_s / run[composition_index::ideal].jct_s));
        fragmentation.add(run[c].fragmentation);
      }
      row.push_back(above(log_ratio));
      row.push_back(examples::fixed(100 * fragmentation.mean(), 1));
    }
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
