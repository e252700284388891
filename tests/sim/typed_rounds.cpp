// Policies that decide rounds, under a scheduler on real servers beside their own simulation.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/by_rounds.hpp>
#include <heddle/fabric/clos_shape.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/share.hpp>
#include <heddle/sim/rounds.hpp>
#include <heddle/trace/typed_jobs.hpp>

#include "support/shared_data.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using doctest::Approx;

namespace {

const std::vector<trace::typed_gpus> cluster{{"v100", 8}, {"p100", 16}, {"k80", 24}};

// The same jobs as a workload: a step is a sample.
model::workload as_workload(const sim::typed_jobs& all) {
  model::workload w;
  const share::problem& p = all.jobs;
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    const int gpus = static_cast<int>(p.gpus_of(i));
    std::vector<model::curve> each;
    int home = -1;
    for (std::size_t t = 0; t < p.types(); ++t) {
      if (!(p.row(i)[t] > 0)) continue;
      if (home < 0) home = static_cast<int>(t);
      model::operating_point at = test::point(gpus, p.row(i)[t], 200.0 * gpus);
      at.config.type = static_cast<std::uint16_t>(t);
      each.push_back(model::curve{{at}});
    }
    w.curves.push_back(model::on_types(std::move(each), home));
    w.curve_of.push_back(static_cast<std::uint32_t>(i));
    w.jobs.push_back(test::make_job(static_cast<std::uint32_t>(i), all.submit_s[i], gpus,
                                    p.steps[i] / p.row(i)[static_cast<std::size_t>(home)]));
  }
  return w;
}

}  // namespace

TEST_CASE("policies by rounds under a scheduler do as well on servers as where GPUs are counted") {
  const auto rates_file = test::shared_file("data/throughput/gavel_physical.csv"),
             jobs_file = test::shared_file("data/jobs/gavel_continuous.csv");
  if (!rates_file || !jobs_file) return;
  std::ifstream rates(*rates_file), jobs(*jobs_file);
  const auto table =
      trace::read_throughputs(rates, "rates", {"v100", "p100", "k80"}, "consolidated");
  const sim::typed_jobs all = trace::read_typed_jobs(jobs, "jobs", table, cluster);
  const model::workload w = as_workload(all);
  std::vector<std::uint16_t> types;
  for (std::uint16_t t = 0; t < 3; ++t)
    types.insert(types.end(), static_cast<std::size_t>(cluster[t].gpus / 4), t);
  const fabric::leaf_spine dc{fabric::parts_of({.units = 3,
                                                .servers_per_unit = 4,
                                                .gpus_per_server = 4,
                                                .spines = 16,
                                                .type_of_server = types})};
  const auto both = [&](auto policy) {
    auto counted = policy;
    const sim::round_report alone = sim::run_rounds(all, counted, {.whole_steps = false});
    schedule::scheduler plan{order::fifo{}, allocate::by_rounds{std::move(policy)}, place::packed{},
                             route::ideal{}};
    const sim::report r = sim::run(dc, w, plan);
    REQUIRE(r.status == sim::run_status::finished);
    return std::pair{r.mean_jct_s / alone.mean_jct_s, r.makespan_s / alone.makespan_s};
  };
  const auto fair = both(share::by_share{share::max_min_lexicographic{}});
  const auto soon = both(share::rate_by_time_left{});
  CHECK(fair.first == Approx(1).epsilon(.01));
  CHECK(soon.first == Approx(1).epsilon(.01));
  CHECK(fair.second == Approx(1).epsilon(.01));
  CHECK(soon.second == Approx(1).epsilon(.01));
}
