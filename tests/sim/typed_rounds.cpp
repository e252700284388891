// Policies that decide rounds, under a scheduler on real servers beside their own simulation.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/by_rounds.hpp>
#include <heddle/fabric/clos_shape.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/share.hpp>
#include <heddle/sim/rounds.hpp>
#include <heddle/trace/elastic_jobs.hpp>
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

// Jobs that may have any number of GPUs on which they were measured.
model::workload as_workload(const sim::elastic_jobs& all) {
  model::workload w;
  const share::problem& p = all.asked.jobs;
  const std::size_t types = p.types(), counts = all.counts.size();
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    std::vector<model::curve> each;
    int home = -1;
    for (std::size_t t = 0; t < types; ++t) {
      std::vector<model::operating_point> points;
      for (std::size_t c = 0; c < counts; ++c) {
        const double rate = all.rate[(i * types + t) * counts + c];
        if (!(rate > 0)) continue;
        const int gpus = static_cast<int>(all.counts[c]);
        points.push_back(test::point(gpus, rate, 200.0 * gpus));
        points.back().config.type = static_cast<std::uint16_t>(t);
      }
      if (home < 0 && p.row(i)[t] > 0) home = static_cast<int>(t);
      if (!points.empty()) each.emplace_back(std::move(points));
    }
    w.curves.push_back(model::on_types(std::move(each), home));
    w.curve_of.push_back(static_cast<std::uint32_t>(i));
    w.jobs.push_back(test::make_job(static_cast<std::uint32_t>(i), all.asked.submit_s[i],
                                    static_cast<int>(p.gpus_of(i)),
                                    p.steps[i] / p.row(i)[static_cast<std::size_t>(home)]));
  }
  return w;
}

}  // namespace

TEST_CASE("policies by rounds under a scheduler do as well on servers as where GPUs are counted") {
  HEDDLE_SHARED_FILE(rates_file, "data/throughput/gavel_physical.csv");
  HEDDLE_SHARED_FILE(jobs_file, "data/jobs/gavel_continuous.csv");
  std::ifstream rates(rates_file), jobs(jobs_file);
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

TEST_CASE("numbers of GPUs chosen by rounds under a scheduler do as well on servers") {
  HEDDLE_SHARED_FILE(path, "data/throughput/gavel.csv");
  std::ifstream in(path);
  const auto table =
      trace::read_throughputs(in, "gavel.csv", {"v100", "p100", "k80"}, "consolidated");
  const sim::elastic_jobs all = trace::synthetic_elastic_jobs(
      table, {{"v100", 16}, {"p100", 24}, {"k80", 24}}, {.jobs = 100, .per_hour = 20, .seed = 101});
  std::vector<std::uint16_t> types(16, 2);
  std::fill(types.begin(), types.begin() + 10, std::uint16_t{1});
  std::fill(types.begin(), types.begin() + 4, std::uint16_t{0});
  const fabric::leaf_spine dc{fabric::parts_of({.units = 4,
                                                .servers_per_unit = 4,
                                                .gpus_per_server = 4,
                                                .spines = 16,
                                                .type_of_server = types})};
  share::relative_goodput counted;
  const double alone =
      sim::run_rounds(all, counted, {.round_s = 60, .switch_s = 30, .whole_steps = false})
          .mean_jct_s;
  schedule::scheduler plan{order::fifo{}, allocate::by_rounds{share::relative_goodput{}, 60},
                           place::packed{}, route::ideal{}, admit::elastic{.least_gain_s = 0}};
  const sim::report r =
      sim::run(dc, as_workload(all), plan,
               {.moves = {.rescale = {.pause_s = 30}, .migration = {.pause_s = 30}}});
  REQUIRE(r.status == sim::run_status::finished);
  CHECK(r.mean_jct_s == Approx(alone).epsilon(.02));
}
