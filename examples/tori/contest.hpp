// One placement policy of meshes after another under the same jobs, each mesh checked.
#pragma once

#include <ctime>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/verify_mesh.hpp>

#include "common/any_fabric.hpp"
#include "common/named_places.hpp"
#include "common/named_policies.hpp"
#include "common/names.hpp"
#include "common/program.hpp"
#include "common/run_simulation.hpp"

namespace heddle::examples::tori {

/// The policies that place meshes; on `dc` if it is not null.
[[nodiscard]] inline std::vector<named_place> mesh_places(const any_fabric* on = nullptr) {
  std::vector<named_place> out;
  for (const named_place& row : all_places())
    if (row.of_meshes() && (!on || on->on_any([&]<class Fabric>(const Fabric&) {
          return row.maker<Fabric>() != nullptr;
        })))
      out.push_back(row);
  return out;
}

/// Asks, and keeps how long that took in CPU time, in µs.
struct stopwatch {
  std::vector<double>* us;

  template <class Ask>
  place::answer operator()(const Ask& ask) const {
    const auto now = [] {
      std::timespec t{};
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
      return 1e6 * static_cast<double>(t.tv_sec) + 1e-3 * static_cast<double>(t.tv_nsec);
    };
    const double begin = now();
    place::answer a = ask();
    us->push_back(now() - begin);
    return a;
  }
};

/// Books what is started in a ledger of its own, and checks each mesh there.
template <class Fabric>
struct checker {
  fabric::ledger<Fabric> book;
  bool closed, twisted;
  std::size_t checked = 0;

  void start(job_id id, const fabric::placement& p) {
    if (book.reserve(id, p) != fabric::reserve_status::reserved)
      throw unmet_request("job " + std::to_string(id.value) + " has what is not free");
    bool twists = false;
    if constexpr (std::is_same_v<Fabric, fabric::cubes>)
      twists = twisted && book.fabric().twist_of(p.shape) > 0;
    if (const auto fault = place::mesh_fault(book, id, {p.shape, closed, twists}))
      throw unmet_request("job " + std::to_string(id.value) + ": " + *fault);
    ++checked;
  }
};

/// One speed for all: a job takes the time that the trace gives it.
[[nodiscard]] inline model::workload with_one_point(std::vector<job> jobs) {
  model::workload w;
  std::set<int> counts;
  for (const job& j : jobs) counts.insert(j.gpus);
  std::vector<model::operating_point> points;
  for (int n : counts)
    points.push_back(
        {.config = {.gpus = n, .servers = (n + 3) / 4, .local_batch = 1, .clock_ghz = 1},
         .throughput = 1.0 * n,
         .power_w = 200.0 * n,
         .waiting_power_w = 100.0 * n});
  w.curves.push_back(model::curve{points});
  w.curve_of.assign(jobs.size(), 0);
  w.jobs = std::move(jobs);
  return w;
}

/// How a run went.
struct result {
  sim::report report;
  std::size_t asked = 0;    ///< jobs that were submitted
  std::size_t checked = 0;  ///< meshes that were looked at
  std::vector<double> us;   ///< that each question took
};

struct rules {
  bool closed = false;   ///< rows longer than 2 are rings
  bool twisted = false;  ///< meshes in cubes that can be are twisted tori
  bool easy = false;     ///< EASY backfill; else in order
  bool drop = false;     ///< jobs that cannot be placed on the empty cluster are left out
};

/// Runs jobs in order of their coming under one policy. \throws unmet_request  for a mesh that is none
[[nodiscard]] inline result run_one(const any_fabric& on, const model::workload& all,
                                    const named_place& policy, const rules& r) {
  return on.on_any([&]<class Fabric>(const Fabric& dc) -> result {
    if constexpr (route::LeafSpineFabric<Fabric>) {
      return {};
    } else {
      result out;
      out.asked = all.size();
      const place_options options{
          .seed = 0, .quotas = {}, .closed = r.closed, .twisted = r.twisted};
      model::workload possible;
      if (r.drop) {
        const fabric::ledger<Fabric> empty{dc};
        const place_function<Fabric> ask = policy.make<Fabric>(options);
        std::map<std::pair<box_shape, int>, bool> can;
        std::vector<job> jobs;
        for (const job& j : all.jobs) {
          const auto [at, is_new] = can.try_emplace({j.shape, j.gpus}, true);
          if (is_new) at->second = static_cast<bool>(ask(empty, {j.id, j.gpus, j.vc, j.shape}));
          if (at->second) jobs.push_back(j);
        }
        possible = with_one_point(std::move(jobs));
      }
      checker<Fabric> check{fabric::ledger<Fabric>{dc}, r.closed,
                            r.twisted && std::is_same_v<Fabric, fabric::cubes>};
      schedule::any_scheduler<Fabric> plan =
          assemble<Fabric>({.order = {order::fifo{}},
                            .allocate = any_allocation::of(allocate::requested{}),
                            .place = policy.make<Fabric>(options).within(stopwatch{&out.us}),
                            .route = {route::source{}},
                            .admission = admission_named(r.easy ? "easy" : "none",
                                                         std::numeric_limits<std::size_t>::max())},
                           {});
      const watcher watch{
          .after_each_start = [&](const sim::started& e) { check.start(e.what.job, e.what.where); },
          .after_each_finish = [&](const sim::finished& e) { check.book.release(e.record.id); }};
      out.report = run_simulation(dc, r.drop ? possible : all, plan, {}, watch);
      out.checked = check.checked;
      return out;
    }
  });
}

}  // namespace heddle::examples::tori
