// heddle-place-tables: placement policies under load. Prints the tables of docs/place/comparison.md.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <boost/math/distributions/students_t.hpp>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/model/workload.hpp>
#include <heddle/order/order.hpp>
#include <heddle/place/buddy.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/jigsaw.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/topology_aware.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/run.hpp>
#include <heddle/trace/fill.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "common/parallel.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using examples::in_parallel;

using any_place =
    std::function<place::answer(const fabric::ledger<fabric::leaf_spine>&, const place::request&)>;

struct contender {
  const char* name;
  any_place (*make)();
};

template <class... Policies>
any_place after_one_leaf(Policies... policies) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(policies)...};
}

/// vclos of any size stands first: the others are compared with it.
const std::vector<contender> all_contenders{
    {"vclos", [] { return after_one_leaf(place::vclos{}); }},
    {"vclos, pairs best fit",
     [] { return after_one_leaf(place::vclos{.saves = place::vclos_saves::gpus}); }},
    {"vclos, m·n only", [] { return after_one_leaf(place::vclos{.any_size = false}); }},
    {"jigsaw", [] { return after_one_leaf(place::jigsaw{}); }},
    {"laas", [] { return after_one_leaf(place::laas{}); }},
    {"laas, whole leafs", []() -> any_place { return place::laas{.whole_leafs = true}; }},
    {"topology_aware",
     []() -> any_place {
       return place::first_of{place::one_server{}, place::topology_aware{}};
     }},
    {"relaxed, 1×", [] { return after_one_leaf(place::relaxed{.most_slowdown = 1}); }},
    {"relaxed, 2×", [] { return after_one_leaf(place::relaxed{.most_slowdown = 2}); }},
    {"buddy", []() -> any_place { return place::buddy{}; }},
    {"packed", []() -> any_place { return place::packed{}; }},
};

/// What is run, for a load and a seed or a window of a trace.
struct workload_kind {
  std::string name;
  std::size_t runs;
  fabric::leaf_spine dc;
  std::function<std::vector<job>(double load, std::uint64_t seed)> jobs;
};

/// One point a count: a job runs on the GPUs that it asks for.
model::workload with_own_curves(std::vector<job> jobs) {
  model::workload w;
  std::map<int, std::uint32_t> made;
  for (const job& j : jobs) {
    const auto [at, is_new] = made.try_emplace(j.gpus, static_cast<std::uint32_t>(w.curves.size()));
    if (is_new)
      w.curves.push_back(model::curve{{model::operating_point{
          .config = {.gpus = j.gpus, .servers = 1, .local_batch = 1, .clock_ghz = 1},
          .throughput = static_cast<double>(j.gpus),
          .power_w = 300.0 * j.gpus,
          .waiting_power_w = 100.0 * j.gpus}}});
    w.curve_of.push_back(at->second);
  }
  w.jobs = std::move(jobs);
  return w;
}

/// One of `parts` consecutive windows of a trace, its submissions brought nearer to one another or
/// further apart so that they offer `load`.
std::vector<job> window(const std::vector<job>& all, std::size_t part, std::size_t parts,
                        double load, int gpus) {
  const std::size_t first = all.size() * part / parts, last = all.size() * (part + 1) / parts;
  std::vector<job> jobs(all.begin() + static_cast<std::ptrdiff_t>(first),
                        all.begin() + static_cast<std::ptrdiff_t>(last));
  double work = 0;
  for (const job& j : jobs) work += j.gpus * j.duration_s;
  const double start = jobs.front().submit_s, span = jobs.back().submit_s - start;
  for (job& j : jobs) j.submit_s = (j.submit_s - start) * work / (gpus * load) / span;
  return jobs;
}

workload_kind trace_kind(const std::string& name, const std::filesystem::path& file,
                         const fabric::leaf_spine& dc, std::size_t windows) {
  std::ifstream in(file);
  if (!in) throw input_error(file.string(), "a readable file", "none");
  std::vector<job> all =
      trace::read_jobs(in, file.string(), {.max_gpus = dc.gpus()}, trace::vclos_mix{0, true});
  return {name, windows, dc,
          [all = std::move(all), gpus = dc.gpus(), windows](double load, std::uint64_t part) {
            return window(all, part, windows, load, gpus);
          }};
}

struct outcome {
  double wait_s = 0, jct_s = 0, use = 0, fragmentation = 0;
};

outcome run_one(const workload_kind& kind, const contender& c, double load, std::uint64_t seed) {
  const model::workload w = with_own_curves(kind.jobs(load, seed));
  schedule::scheduler plan{order::fifo{}, allocate::requested{}, c.make(),
                           route::ecmp{.seed = seed}};
  const sim::report r = sim::run(kind.dc, w, plan);
  return {r.mean_jwt_s, r.mean_jct_s, r.gpu_utilization, r.network_fragmentation};
}

/// Mean, and half the width of the 95 % interval for the mean (Student's t).
struct interval {
  double mean = 0, half = 0;
};
interval of(const std::vector<double>& xs) {
  running_statistics s;
  for (double x : xs) s.add(x);
  const auto n = static_cast<double>(xs.size());
  const boost::math::students_t t(n - 1);
  return {s.mean(), boost::math::quantile(t, .975) * s.stddev() / std::sqrt(n)};
}

void print_table(const workload_kind& kind, double load, const std::vector<contender>& contenders) {
  const std::size_t seeds = kind.runs;
  std::vector<std::vector<outcome>> all(contenders.size(), std::vector<outcome>(seeds));
  in_parallel(contenders.size() * seeds, [&](std::size_t i) {
    all[i / seeds][i % seeds] = run_one(kind, contenders[i / seeds], load, i % seeds);
  });
  std::printf("\n### %s, offered load %.2f\n\n", kind.name.c_str(), load);
  std::printf("| policy | wait (s) | wait − vclos (s) | JCT (s) | GPUs used | fragmentation |\n"
              "|---|---|---|---|---|---|\n");
  for (std::size_t c = 0; c < contenders.size(); ++c) {
    const auto column = [&](auto&& value) {
      std::vector<double> xs;
      for (std::size_t s = 0; s < seeds; ++s) xs.push_back(value(s));
      return of(xs);
    };
    const interval wait = column([&](std::size_t s) { return all[c][s].wait_s; });
    const interval more =
        column([&](std::size_t s) { return all[c][s].wait_s - all[0][s].wait_s; });
    const interval jct = column([&](std::size_t s) { return all[c][s].jct_s; });
    const interval use = column([&](std::size_t s) { return 100 * all[c][s].use; });
    const interval gap = column([&](std::size_t s) { return 100 * all[c][s].fragmentation; });
    std::printf("| %s | %.0f ± %.0f | ", contenders[c].name, wait.mean, wait.half);
    if (c == 0)
      std::printf("– | ");
    else
      std::printf("%+.0f ± %.0f | ", more.mean, more.half);
    std::printf("%.0f ± %.0f | %.1f ± %.1f %% | %.1f ± %.1f %% |\n", jct.mean, jct.half, use.mean,
                use.half, gap.mean, gap.half);
  }
  std::fflush(stdout);
}

struct arguments {
  std::string data = "../shared/data";
  std::size_t seeds = 20, windows = 10, jobs = 5000;
  std::vector<double> loads{.6, .75, .9};
  std::vector<std::string> only;
  bool traces = true;
};

int run(const arguments& a) {
  const auto leafs_of = [](int leafs, int width) {
    return fabric::leaf_spine{
        {.leafs = leafs, .spines = width, .servers_per_leaf = width / 8, .gpus_per_server = 8}};
  };
  const fabric::leaf_spine large = leafs_of(16, 32), small = leafs_of(16, 16);
  std::vector<workload_kind> kinds{
      {"vClos workload, 512 GPUs", a.seeds, large, [&](double load, std::uint64_t seed) {
         return trace::vclos_workload{
             .jobs = a.jobs, .cluster_gpus = 512, .load = load, .seed = seed}();
       }}};
  if (a.traces)
    for (const char* name : {"msr_itp_c02", "msr_itp_c04"})
      kinds.push_back(trace_kind(
          std::string(name) + ", 256 GPUs",
          std::filesystem::path(a.data) / "jobs" / (std::string(name) + ".csv"), small, a.windows));
  std::vector<contender> contenders{all_contenders.front()};
  for (const contender& c : all_contenders)
    if (c.name != std::string(contenders.front().name) &&
        (a.only.empty() || std::find(a.only.begin(), a.only.end(), c.name) != a.only.end()))
      contenders.push_back(c);
  std::printf(
      "%zu jobs and %zu seeds of the vClos workload, %zu windows of each trace; mean ± 95 %% "
      "interval\n",
      a.jobs, a.seeds, a.windows);
  for (const workload_kind& kind : kinds)
    for (double load : a.loads) print_table(kind, load, contenders);
  return examples::done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return examples::run_program(
      "heddle-place-tables",
      "Replays workloads under placement policies and prints how long jobs wait.", argc, argv,
      [&](CLI::App& app) {
        app.add_option("--data", a.data,
                       "directory with jobs/msr_itp_c02.csv and jobs/msr_itp_c04.csv")
            ->capture_default_str();
        app.add_option("--seeds", a.seeds, "of the synthetic workload, at least 2")
            ->check(CLI::Range(2, 1000))
            ->capture_default_str();
        app.add_option("--windows", a.windows, "of a trace, one after the other, at least 2")
            ->check(CLI::Range(2, 100))
            ->capture_default_str();
        app.add_option("--jobs", a.jobs, "jobs of a synthetic workload")
            ->check(CLI::Range(2, 1'000'000))
            ->capture_default_str();
        app.add_option("--load", a.loads, "offered loads");
        app.add_option("--only", a.only, "names of policies, besides vclos");
        app.add_flag("!--no-traces", a.traces, "the synthetic workload alone");
      },
      [&] { return run(a); });
}
