#include "isolation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <iostream>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/ocs_vclos.hpp>
#include <heddle/place/relaxed.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/sim/engine.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "common/named_policies.hpp"
#include "common/parallel.hpp"
#include "runs.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::shortest;
using examples::signed_percent;
using examples::table;

/// A cluster with fixed links, the same with OCS in between, and how jobs come.
struct setting {
  std::string fabric;
  fabric::leaf_spine fixed;
  fabric::leaf_spine optical;
  std::span<const trace::size_class> sizes;
  double gap_s = 0;
  bool heavy = true;

  [[nodiscard]] trace::vclos_workload workload(std::size_t jobs, std::uint64_t seed) const {
    return {.sizes = sizes, .jobs = jobs, .cluster_gpus = fixed.gpus(), .mean_gap_s = gap_s,
            .heavy = heavy, .seed = seed};
  }
  [[nodiscard]] double load() const {
    return workload(1, 0).mean_gpu_s() / (fixed.gpus() * gap_s);
  }
};

struct scheme {
  std::string name;
  examples::any_place place;
  std::string route;
  bool optical = false;
};

template <class Last>
examples::any_place chain(Last last) {
  return place::first_of{place::one_server{}, place::one_leaf{}, std::move(last)};
}

enum scheme_index : std::size_t { ecmp = 0, ideal = 9 };

std::vector<scheme> schemes() {
  return {{"packed, ECMP", place::packed{}, "ecmp"},
          {"packed, balanced ECMP", place::packed{}, "balanced"},
          {"packed, source routing", place::packed{}, "source"},
          {"relaxed", chain(place::relaxed{}), "source"},
          {"vclos, m·n only", chain(place::vclos{.any_size = false}), "source"},
          {"vclos", chain(place::vclos{}), "source"},
          {"ocs_vclos, never", chain(place::ocs_vclos{}), "source", true},
          {"ocs_vclos, bounded",
           chain(place::ocs_vclos{.may_move = place::rewiring::bounded}), "source", true},
          {"ocs_vclos, free", chain(place::ocs_vclos{.may_move = place::rewiring::free}), "source", true},
          {"ideal network", place::packed{}, "ideal"}};
}

/// One run, without its jobs.
struct digest {
  double jct_s = 0, jrt_s = 0, jwt_s = 0, p99_jct_s = 0, fragmentation = 0, utilization = 0;
  double waiting = 0;      ///< share of jobs that waited more than 10 s
  double slowed = 0;       ///< share of the jobs across leafs that others or they themselves slowed down
  double worst_loss = 0;   ///< of throughput: 1 − 1 / slow-down of the worst job
  bool run_as_ideal = false;
};

/// All schemes on one setting, order and seed.
struct outcome {
  std::vector<digest> of;                      // by scheme
  std::vector<std::vector<double>> quantiles;  // of JCT, per cent by per cent
};

digest summed_up(const sim::report& r) {
  digest d{.jct_s = r.mean_jct_s, .jrt_s = r.mean_jrt_s, .jwt_s = r.mean_jwt_s,
           .p99_jct_s = r.p99_jct_s, .fragmentation = r.network_fragmentation,
           .utilization = r.gpu_utilization, .waiting = r.share_waiting};
  std::size_t wide = 0, slowed = 0;
  double worst = 1;
  for (const sim::job_record& j : r.records) {
    wide += j.leafs > 1;
    slowed += j.leafs > 1 && j.slowdown > 1.001;
    worst = std::max(worst, j.slowdown);
  }
  d.slowed = wide ? static_cast<double>(slowed) / static_cast<double>(wide) : 0;
  d.worst_loss = 1 - 1 / worst;
  return d;
}

outcome run_all(const setting& where, const examples::any_order& order, std::size_t jobs,
                std::uint64_t seed, bool with_quantiles) {
  const model::catalogue known;
  const model::workload load = trace::with_curves(
      where.workload(jobs, seed)(), known,
      {.gpus_per_server = where.fixed.gpus_per_server(), .max_gpus = where.fixed.gpus()});
  outcome out;
  std::vector<std::vector<double>> run_s;
  for (const scheme& s : schemes()) {
    schedule::scheduler plan{examples::order_of{order}, allocate::requested{}, s.place,
                             examples::route_named(s.route, seed)};
    const sim::report r = sim::run(s.optical ? where.optical : where.fixed, load, plan);
    out.of.push_back(summed_up(r));
    std::vector<double> all;
    for (const sim::job_record& j : r.records) all.push_back(j.run_s);
    run_s.push_back(std::move(all));
    if (!with_quantiles) continue;
    std::vector<double> jct;
    for (const sim::job_record& j : r.records) jct.push_back(j.jct_s());
    std::vector<double>& q = out.quantiles.emplace_back();
    for (int k = 0; k <= 100; ++k) q.push_back(quantile(jct, k / 100.0));
  }
  for (std::size_t i = 0; i < out.of.size(); ++i)
    out.of[i].run_as_ideal = run_s[i] == run_s[ideal];
  return out;
}

std::vector<setting> settings(bool quick) {
  const fabric::leaf_spine small{{.leafs = 16, .spines = 32}};
  const fabric::leaf_spine_ocs small_ocs{{.leafs = 16, .spines = 8, .switches = 32}};
  const fabric::leaf_spine large{
      {.leafs = 128, .spines = 64, .servers_per_leaf = 16, .gpus_per_server = 4}};
  const fabric::leaf_spine_ocs large_ocs{
      {.leafs = 128, .spines = 64, .switches = 64, .servers_per_leaf = 16, .gpus_per_server = 4}};
  std::vector<setting> all;
  for (bool heavy : {true, false}) {
    const setting s{"512 GPUs", small, small_ocs, trace::vclos_small_sizes, 150, heavy};
    all.push_back(s);
    for (double load : {.6, .75, .9, .94}) {
      all.push_back(s);
      all.back().gap_s = s.workload(1, 0).mean_gpu_s() / (small.gpus() * load);
      if (quick) break;
    }
    for (double gap_s : {241., 285., 360., 375., 390., 421., 555.}) {
      all.push_back({"8192 GPUs", large, large_ocs, trace::vclos_sizes, gap_s, heavy});
      if (quick) break;
    }
  }
  return all;
}

const std::vector<std::pair<std::string, examples::any_order>>& orders() {
  static const std::vector<std::pair<std::string, examples::any_order>> all{
      {"fifo", order::fifo{}}, {"fewest_gpus", order::fewest_gpus{}}, {"shortest", order::shortest{}}};
  return all;
}

running_statistics over(const std::vector<outcome>& seeds, std::size_t scheme, double digest::*number) {
  running_statistics s;
  for (const outcome& o : seeds) s.add(o.of[scheme].*number);
  return s;
}

void print_setting(const setting& s, const std::string& order, const std::vector<outcome>& seeds) {
  table t{.caption = "**" + s.fabric + ", one job every " + fixed(s.gap_s, 0) + " s (load " +
                     fixed(s.load(), 2) + "), " + (s.heavy ? "heavy" : "mixed") + ", " + order + "**",
          .columns = {{"scheduler", "", true}, {"JCT", "s"}, {"against ECMP"}, {"JRT", "s"}, {"JWT", "s"},
                      {"network fragmentation"}, {"JRT = ideal's, job by job"}, {"slowed jobs"},
                      {"worst loss"}}};
  const auto all = schemes();
  for (std::size_t i = 0; i < all.size(); ++i) {
    running_statistics gain;
    bool same = true;
    for (const outcome& o : seeds) {
      gain.add(o.of[i].jct_s / o.of[ecmp].jct_s - 1);
      same &= o.of[i].run_as_ideal;
    }
    t.add({all[i].name, mean_and_interval(over(seeds, i, &digest::jct_s)),
           i == ecmp ? "" : signed_percent(gain.mean()) + " ± " + fixed(100 * half_width(gain), 1),
           mean_and_interval(over(seeds, i, &digest::jrt_s)),
           mean_and_interval(over(seeds, i, &digest::jwt_s)),
           percent(over(seeds, i, &digest::fragmentation).mean()), same ? "yes" : "no",
           percent(over(seeds, i, &digest::slowed).mean()),
           percent(over(seeds, i, &digest::worst_loss).max())});
  }
  print_markdown(std::cout, t);
}

}  // namespace

void evaluate_isolation(const isolation_options& asked, const progress& told) {
  const std::vector<setting> all = settings(asked.quick);
  const std::size_t orders_used = asked.quick ? 1 : orders().size();
  const auto seeds = static_cast<std::size_t>(asked.seeds);
  const std::size_t n = all.size() * orders_used * seeds;
  std::vector<outcome> outcomes(n);
  std::mutex guard;
  std::size_t done = 0;
  examples::in_parallel(n, [&](std::size_t i) {
    const std::size_t seed = i % seeds, order = i / seeds % orders_used;
    const setting& s = all[i / seeds / orders_used];
    outcomes[i] = run_all(s, orders()[order].second, asked.jobs, seed + 1, seed == 0);
    const std::lock_guard lock(guard);
    told(++done, n);
  });

  std::ofstream csv(asked.out / "isolation.csv");
  csv << "fabric,gap_s,load,mix,order,scheduler,seeds,jct_s,jct_ci,jrt_s,jrt_ci,jwt_s,jwt_ci,"
         "p99_jct_s,network_fragmentation,gpu_utilization,share_waiting,slowed,worst_loss,runs_as_ideal\n";
  std::ofstream cdf(asked.out / "isolation_cdf.csv");
  cdf << "fabric,gap_s,mix,order,scheduler,percent,jct_s\n";
  const auto names = schemes();
  for (std::size_t k = 0; k < all.size() * orders_used; ++k) {
    const setting& s = all[k / orders_used];
    const std::string& order = orders()[k % orders_used].first;
    const std::vector<outcome> runs(outcomes.begin() + static_cast<std::ptrdiff_t>(k * seeds),
                                    outcomes.begin() + static_cast<std::ptrdiff_t>((k + 1) * seeds));
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string mix = s.heavy ? "heavy" : "mixed";
      csv << s.fabric << ',' << shortest(s.gap_s) << ',' << shortest(s.load()) << ',' << mix << ',' << order
          << ",\"" << names[i].name << "\"," << seeds;
      for (double digest::*m : {&digest::jct_s, &digest::jrt_s, &digest::jwt_s}) {
        const running_statistics v = over(runs, i, m);
        csv << ',' << shortest(v.mean()) << ',' << shortest(half_width(v));
      }
      for (double digest::*m : {&digest::p99_jct_s, &digest::fragmentation, &digest::utilization,
                                &digest::waiting, &digest::slowed})
        csv << ',' << shortest(over(runs, i, m).mean());
      const bool same = std::all_of(runs.begin(), runs.end(),
                                    [&](const outcome& o) { return o.of[i].run_as_ideal; });
      csv << ',' << shortest(over(runs, i, &digest::worst_loss).max()) << ',' << same << '\n';
      for (std::size_t q = 0; q < runs[0].quantiles[i].size(); ++q)
        cdf << s.fabric << ',' << shortest(s.gap_s) << ',' << mix << ',' << order << ",\"" << names[i].name
            << "\"," << q << ',' << shortest(runs[0].quantiles[i][q]) << '\n';
    }
    print_setting(s, order, runs);
  }
}

}  // namespace heddle::evaluate
