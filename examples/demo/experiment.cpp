#include "experiment.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include <heddle/model/catalogue.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "common/any_fabric.hpp"
#include "common/named_policies.hpp"
#include "common/parallel.hpp"
#include "common/run_simulation.hpp"

namespace heddle::demo {

namespace {

/// Notes use over time, and keeps the moment with most owned links.
class watcher {
 public:
  explicit watcher(tried& into) : into_(&into) {}

  void operator()(const sim::moment& m) {
    into_->use.push_back({m.now_s, m.used_gpus, m.state.waiting.size()});
    std::size_t owned = 0;
    for (const auto& [id, where] : m.gpus.placements())
      owned += where.links.size() + where.faces.size();
    if (owned <= most_) return;
    most_ = owned;
    into_->busiest.emplace(busy_moment{m.now_s, m.gpus, {}});
    for (const auto& [id, where] : m.gpus.placements())
      into_->busiest->jobs.emplace(id, *m.state.jobs[m.state.slot_of(id)].spec);
  }

 private:
  tried* into_;
  std::size_t most_ = 0;
};

sim::report replay(const examples::any_fabric& dc, const model::workload& jobs, const scheme& s,
                   std::uint64_t seed, const examples::watcher& observer = {}) {
  return examples::run_simulation(dc, jobs,
                                  {.allocate = s.allocate, .place = s.place, .route = s.route},
                                  {.power_budget_w = s.power_budget_w}, seed, {}, observer);
}

/// Runs schemes on every workload and counts what is done.
class bench {
 public:
  bench(const settings& asked, const fabric::leaf_spine& dc, const progress& told)
      : asked_(asked), fabric_(dc), told_(told), workloads_(static_cast<std::size_t>(asked.runs)) {
    const model::catalogue known;
    for (std::size_t i = 0; i < workloads_.size(); ++i) {
      const trace::vclos_workload drawn{.jobs = asked.jobs,
                                        .cluster_gpus = dc.gpus(),
                                        .load = asked.load,
                                        .seed = asked.seed + i};
      workloads_[i] = trace::with_curves(
          drawn(), known, {.gpus_per_server = dc.gpus_per_server(), .max_gpus = dc.gpus()});
    }
  }

  /// \param in_all  simulations that the program will have run when it is done
  void run(const std::vector<tried*>& schemes, std::size_t in_all) {
    const std::size_t runs = workloads_.size();
    for (tried* t : schemes) t->runs.resize(runs);
    examples::in_parallel(schemes.size() * runs, [&](std::size_t i) {
      tried& t = *schemes[i / runs];
      const std::size_t k = i % runs;
      const std::uint64_t seed = asked_.seed + k;
      t.runs[k] =
          k == 0 ? replay(fabric_, workloads_[k], t.what, seed, {.after_each_time = watcher{t}})
                 : replay(fabric_, workloads_[k], t.what, seed);
      const std::lock_guard lock(guard_);
      if (told_) told_(++done_, in_all);
    });
  }

  /// The first workload on another network.
  void run_on(const examples::any_fabric& dc, tried& t, std::size_t in_all) {
    t.runs = {replay(dc, workloads_.front(), t.what, asked_.seed, {.after_each_time = watcher{t}})};
    if (told_) told_(++done_, in_all);
  }

 private:
  const settings& asked_;
  const fabric::leaf_spine& fabric_;
  const progress& told_;
  std::vector<model::workload> workloads_;
  std::mutex guard_;
  std::size_t done_ = 0;
};

std::vector<tried> network_schemes() {
  return {{{"spread + ECMP", "spread", "ecmp"}},
          {{"packed + ECMP", "packed", "ecmp"}},
          {{"packed + balanced ECMP", "packed", "balanced"}},
          {{"packed + source routing", "packed", "source"}},
          {{"vclos (isolated)", "vclos", "source"}},
          {{"ideal network", "packed", "ideal"}}};
}

bool same_run_times(const tried& a, const tried& b) {
  for (std::size_t k = 0; k < a.runs.size(); ++k) {
    const auto& x = a.runs[k].records;
    const auto& y = b.runs[k].records;
    if (!std::equal(x.begin(), x.end(), y.begin(), y.end(),
                    [](const sim::job_record& p, const sim::job_record& q) {
                      return p.id == q.id && p.run_s == q.run_s;
                    }))
      return false;
  }
  return a.finished() && b.finished();
}

std::vector<budget_pair> budget_schemes(double peak_w) {
  std::vector<budget_pair> out;
  for (double share : {1.0, 0.85, 0.7})
    for (const auto& [label, place, route] :
         {std::tuple{"packed + ECMP", "packed", "ecmp"}, std::tuple{"vclos", "vclos", "source"}}) {
      const double w = share * peak_w;
      const std::string network = label;
      out.push_back({{share, w},
                     {{"requested, " + network, place, route, "requested", w}},
                     {{"powerflow, " + network, place, route, "powerflow", w}}});
    }
  return out;
}

}  // namespace

int tried::finished_runs() const {
  return static_cast<int>(std::count_if(runs.begin(), runs.end(), [](const sim::report& r) {
    return r.status == sim::run_status::finished;
  }));
}

results run_all(const settings& asked, const progress& told) {
  results r{asked,
            fabric::leaf_spine{{.leafs = 16, .spines = 32}},
            fabric::cubes{{.cubes = 8}},
            network_schemes(),
            {{"cubes", "folded_reconfigured", "source"}},
            {}};
  const std::size_t budget_schemes_count = 12;
  const std::size_t in_all =
      (r.networks.size() + budget_schemes_count) * static_cast<std::size_t>(asked.runs) + 1;
  bench all(asked, r.cluster, told);

  std::vector<tried*> todo;
  for (tried& t : r.networks) todo.push_back(&t);
  all.run(todo, in_all);
  all.run_on(r.pod, r.meshes, in_all);
  r.isolated_is_ideal = same_run_times(r.networks[vclos], r.networks[ideal]);

  // One budget for all runs, as a site has one: no run on either network ever drew more than 100 %.
  for (std::size_t i : {packed_ecmp, vclos})
    for (const sim::report& one : r.networks[i].runs)
      r.peak_power_w = std::max(r.peak_power_w, one.peak_power_w);
  r.budgets = budget_schemes(r.peak_power_w);
  todo.clear();
  for (budget_pair& b : r.budgets) {
    todo.push_back(&b.powerflow);
    todo.push_back(&b.requested);
  }
  all.run(todo, in_all);
  return r;
}

}  // namespace heddle::demo
