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
#include <heddle/place/combinators.hpp>
#include <heddle/place/guarantee.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "common/parallel.hpp"
#include "isolation.hpp"
#include "plan.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

struct composition {
  std::string name;
  any_place place;
  std::string route = "source";
  extras more = {};
};

/// `last` behind one server and one leaf, on fixed links.
template <class Last>
extras waiting_for(Last last) {
  return {.waits_for = examples::place_function<fabric::leaf_spine>{
              place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)}}};
}

std::vector<composition> compositions() {
  using place::isolated_for;
  using place::rewiring;
  const place::vclos declared{.guarantee = isolated_for::declared};
  const auto circuits = [](rewiring may_move, isolated_for guarantee) {
    return chain(place::ocs_vclos{.may_move = may_move, .guarantee = guarantee});
  };
  return {
      {"ideal network", place::packed{}, "ideal"},
      {"packed, ECMP", place::packed{}, "ecmp"},
      {"packed, source routing", place::packed{}},
      {"packed, Crux-like paths", place::packed{}, "crux", {.crux = true}},
      {"vclos, even leafs and a remainder", chain(place::vclos{.unequal = false})},
      {"vclos", chain(place::vclos{})},
      {"vclos, declared", chain(declared)},
      {"relaxed, declared", chain(place::relaxed{.isolated = declared})},
      {"pays, any", chain(place::relaxed{}), "source", waiting_for(place::vclos{})},
      {"pays, declared", chain(place::relaxed{.isolated = declared}), "source",
       waiting_for(declared)},
      {"ocs_vclos, no circuit moves", circuits(rewiring::never, isolated_for::any)},
      {"ocs_vclos, all may move", circuits(rewiring::free, isolated_for::any)},
      {"ocs_vclos, declared, no circuit moves", circuits(rewiring::never, isolated_for::declared)},
      {"ocs_vclos, declared, all may move", circuits(rewiring::free, isolated_for::declared)}};
}

struct digest {
  double jct_s = 0, fragmentation = 0;
};

}  // namespace

void evaluate_waiting(const isolation_options& o, const progress& told) {
  const two_networks on{fabric::leaf_spine{{.leafs = 16, .spines = 32}},
                        fabric::leaf_spine_ocs{{.leafs = 16, .spines = 8, .switches = 32}}};
  const std::vector<composition> all = compositions();
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
        log_ratio.add(std::log(run[c].jct_s / run[0].jct_s));
        fragmentation.add(run[c].fragmentation);
      }
      const double mean = std::exp(log_ratio.mean());
      row.push_back(examples::fixed(100 * (mean - 1), 1) + " ± " +
                    examples::fixed(100 * mean * half_width(log_ratio), 1));
      row.push_back(examples::fixed(100 * fragmentation.mean(), 1));
    }
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
