#include "fabrics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/uniform_01.hpp>

#include <heddle/allocate/requested.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/presets.hpp>
#include <heddle/fabric/read_hosts_csv.hpp>
#include <heddle/place/guarantee.hpp>
#include <heddle/place/segments.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/lingjun.hpp>

#include "common/named_policies.hpp"
#include "common/run_simulation.hpp"
#include "common/table.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::signed_percent;
using examples::table;

std::ifstream opened(const std::filesystem::path& file, const char* option) {
  std::ifstream in(file);
  if (!in) throw input_error(option, "a readable file", "\"" + file.string() + "\"");
  return in;
}

constexpr int gpus_of_host = 8, spines_of_leaf = 64;

fabric::leaf_spine lingjun(const std::filesystem::path& file) {
  std::ifstream in = opened(file, "--network");
  return fabric::leaf_spine{
      fabric::read_hosts_csv(in, file.string(), gpus_of_host, {.spines_per_leaf = spines_of_leaf})};
}

/// Logarithms of the ratios of mean JCTs, seed by seed.
running_statistics log_ratios(const reports& runs, const reports& base) {
  running_statistics s;
  for (std::size_t i = 0; i < runs.size(); ++i)
    s.add(std::log(runs[i].mean_jct_s / base[i].mean_jct_s));
  return s;
}

/// The mean number of GPUs in use until a time.
class use_until_last {
 public:
  explicit use_until_last(double end_s) : end_s_(end_s) {}

  void operator()(const sim::moment& m) {
    const double now_s = std::min(m.now_s, end_s_);
    used_s_ += used_ * (now_s - last_s_);
    last_s_ = now_s;
    used_ = m.used_gpus;
  }
  [[nodiscard]] double mean() const { return used_s_ / end_s_; }

 private:
  double end_s_, last_s_ = 0, used_ = 0, used_s_ = 0;
};

// --- racks --------------------------------------------------------------------------------------

constexpr int racks = 278, trays = 18, promised = 16, gpus_of_tray = 4, most_trays = 512;

/// Jobs of as many trays as a TPU v4 slice has hosts, and as long as jobs of Philly; all are there at once.
std::vector<job> queue_of(const fabrics_options& asked, std::uint64_t seed) {
  std::vector<std::pair<int, double>> sizes;
  double weights = 0;
  {
    std::ifstream in = opened(asked.sizes, "--sizes");
    trace::csv_reader rows{in, asked.sizes.string()};
    const auto chips = rows.required("chips"), share = rows.required("share_pct");
    while (rows.next()) {
      const double n = std::ceil(rows.number(chips, "chips as a number") / gpus_of_tray);
      sizes.emplace_back(std::min(most_trays, static_cast<int>(n)),
                         rows.number(share, "share_pct as a number"));
      weights += sizes.back().second;
    }
  }
  std::vector<double> run_times;
  {
    std::ifstream in = opened(asked.run_times, "--run-times");
    for (const job& j : trace::read_jobs(in, asked.run_times.string()))
      if (j.duration_s > 0) run_times.push_back(j.duration_s);
  }
  if (sizes.empty() || run_times.empty()) throw input_error("racks", "sizes and run times", "none");
  boost::random::uniform_01<double> uniform;
  std::vector<job> out(asked.jobs);
  for (std::size_t i = 0; i < out.size(); ++i) {
    stream size{seed, i, "size"}, length{seed, i, "duration"};
    double at = uniform(size) * weights;
    auto c = sizes.begin();
    while (c + 1 != sizes.end() && at >= c->second) at -= (c++)->second;
    out[i].id = job_id{i};
    out[i].gpus = gpus_of_tray * c->first;
    out[i].duration_s = run_times[static_cast<std::size_t>(uniform(length) *
                                                           static_cast<double>(run_times.size()))];
  }
  return out;
}

/// GPU time in use over that of `gpus`, while between a tenth and nine tenths of the jobs had started: jobs
/// wait all the time.
class use_while_queued {
 public:
  use_while_queued(std::size_t jobs, int gpus) : jobs_(jobs), gpus_(gpus) {}

  void operator()(const sim::moment& m) {
    const std::size_t started = m.state.jobs.size() - m.state.waiting.size();
    if (is_open_) {
      used_s_ += used_ * (m.now_s - last_s_);
      all_s_ += m.now_s - last_s_;
    }
    is_open_ = 10 * started >= jobs_ && 10 * started < 9 * jobs_;
    used_ = m.used_gpus;
    last_s_ = m.now_s;
  }
  [[nodiscard]] double share() const { return used_s_ / (all_s_ * gpus_); }

 private:
  std::size_t jobs_;
  int gpus_;
  bool is_open_ = false;
  double used_ = 0, last_s_ = 0, used_s_ = 0, all_s_ = 0;
};

template <class Policy>
double use_of(const fabric::leaf_spine& dc, Policy policy, const std::vector<job>& jobs,
              const std::string& backfill) {
  using examples::assemble;
  auto plan =
      assemble<fabric::leaf_spine>({.order = {order::fifo{}},
                                    .allocate = examples::any_allocation::of(allocate::requested{}),
                                    .place = std::move(policy),
                                    .route = {route::ideal{}},
                                    .admission = examples::admission_named(backfill, 200)},
                                   {});
  use_while_queued use{jobs.size(), racks * promised * gpus_of_tray};
  const model::workload w =
      trace::with_curves(jobs, model::catalogue{},
                         {.gpus_per_server = gpus_of_tray, .max_gpus = gpus_of_tray * most_trays});
  (void)examples::run_simulation(dc, w, plan, {.keep_records = false},
                                 {.after_each_time = [&](const sim::moment& m) { use(m); }});
  return use.share();
}

}  // namespace

void evaluate_lingjun(const fabrics_options& asked, const progress& told) {
  struct scheme {
    std::string name;
    examples::scheduler_names parts;
  };
  constexpr std::size_t shared = 4;  // the first ones own no links
  const examples::place_options declared{.guarantee = place::isolated_for::declared};
  const std::array<scheme, 8> schemes{
      {{"packed, ECMP", {.place = "packed", .route = "ecmp"}},
       {"packed, balanced ECMP", {.place = "packed", .route = "balanced"}},
       {"packed, source routing", {.place = "packed", .route = "source"}},
       {"packed, Crux-like paths", {.place = "packed", .route = "crux"}},
       {"vclos", {.place = "vclos", .route = "source"}},
       {"vclos, declared", {.place = "vclos", .route = "source", .placing = declared}},
       {"pays, declared",
        {.place = "vclos", .route = "source", .isolation = "pays", .placing = declared}},
       {"ideal network", {.place = "packed", .route = "ideal"}}}};
  const fabric::leaf_spine dc = lingjun(asked.network);
  constexpr std::array loads{.7, 2.8};
  const std::size_t all = 2 * loads.size() * schemes.size() * static_cast<std::size_t>(asked.seeds);
  std::size_t done = 0;
  for (const double load : loads)
    for (const bool heavy : {true, false}) {
      std::array<reports, schemes.size()> runs;
      std::array<running_statistics, schemes.size()> use;
      for (int seed = 1; seed <= asked.seeds; ++seed) {
        const trace::lingjun_workload drawn{.jobs = asked.jobs,
                                            .cluster_gpus = dc.gpus(),
                                            .load = load,
                                            .heavy = heavy,
                                            .seed = static_cast<std::uint64_t>(seed)};
        const model::workload w = trace::with_curves(
            drawn(), model::catalogue{}, {.gpus_per_server = gpus_of_host, .max_gpus = dc.gpus()});
        for (std::size_t k = 0; k < schemes.size(); ++k) {
          use_until_last watch{w.jobs.back().submit_s};
          runs[k].push_back(examples::run_simulation(
              dc, w, schemes[k].parts, {}, static_cast<std::uint64_t>(seed),
              {.keep_records = false}, {.after_each_time = std::ref(watch)}));
          use[k].add(watch.mean() / dc.gpus());
          told(++done, all);
        }
      }
      table t{.caption = "**" + std::to_string(asked.jobs) + " jobs in Lingjun's manner, load " +
                         fixed(load, 1) + ", " + (heavy ? "heavy" : "mixed") + ", FIFO; " +
                         std::to_string(asked.seeds) + " seeds**",
              .columns = {{"scheduler", "", true},
                          {"mean JCT", "s"},
                          {"JCT against ECMP"},
                          {"above the ideal network", "%"},
                          {"above the best shared network", "%"},
                          {"mean JWT", "s"},
                          {"mean JRT", "s"},
                          {"network fragmentation"},
                          {"GPUs in use until the last submission"}}};
      std::size_t best = 0;
      for (std::size_t k = 1; k < shared; ++k)
        if (log_ratios(runs[k], runs[best]).mean() < 0) best = k;
      for (std::size_t k = 0; k < schemes.size(); ++k) {
        const auto mean = [&](double sim::report::*what) {
          return over(runs[k], [&](const sim::report& r) { return r.*what; });
        };
        const running_statistics gain =
            change(runs[k], runs[0], [](const sim::report& r) { return r.mean_jct_s; });
        t.add({schemes[k].name, mean_and_interval(mean(&sim::report::mean_jct_s)),
               k == 0 ? "" : signed_percent(gain.mean()) + " ± " + fixed(100 * half_width(gain), 1),
               above(log_ratios(runs[k], runs.back())),
               k < shared ? "" : above(log_ratios(runs[k], runs[best])),
               mean_and_interval(mean(&sim::report::mean_jwt_s)),
               mean_and_interval(mean(&sim::report::mean_jrt_s)),
               percent(mean(&sim::report::network_fragmentation).mean(), 2),
               percent(use[k].mean())});
      }
      print_markdown(std::cout, t);
    }
}

void evaluate_racks(const fabrics_options& asked, const progress& told) {
  const fabric::leaf_spine dc{fabric::parts_of(fabric::preset_shape("nvl72", racks))};
  const fabric::leaf_spine flat{{.leafs = 1,
                                 .spines = 1,
                                 .servers_per_leaf = racks * promised,
                                 .gpus_per_server = gpus_of_tray}};
  const place::segments pieces{.promised = promised, .pieces = {{1, 1}, {8, 4}, {32, 16}}};
  table t{.caption = "**278 racks of 18 trays, 16 promised, " + std::to_string(asked.jobs) +
                     " jobs in the queue: GPU time in use, of the promised trays; " +
                     std::to_string(asked.seeds) + " seeds**",
          .columns = {{"admission", "", true},
                      {"packing that knows no racks"},
                      {"pieces inside racks"},
                      {"points lost"},
                      {"most of a seed"}}};
  std::size_t done = 0;
  const auto all = static_cast<std::size_t>(4 * asked.seeds);
  for (const auto& [name, backfill] : {std::pair{"FIFO", "none"}, {"EASY", "easy"}}) {
    running_statistics free, racked, lost;
    double most = 0;
    for (int seed = 1; seed <= asked.seeds; ++seed) {
      const std::vector<job> jobs = queue_of(asked, static_cast<std::uint64_t>(seed));
      const double a = use_of(flat, place::packed{}, jobs, backfill);
      told(++done, all);
      const double b = use_of(dc, pieces, jobs, backfill);
      told(++done, all);
      free.add(a);
      racked.add(b);
      lost.add(a - b);
      most = std::max(most, a - b);
    }
    t.add({name, percent(free.mean(), 2), percent(racked.mean(), 2),
           fixed(100 * lost.mean(), 2) + " ± " + fixed(100 * half_width(lost), 2),
           fixed(100 * most, 2)});
  }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
