#include "isolation.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <mutex>
#include <span>
#include <utility>

#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/jobs.hpp>
#include <heddle/trace/synthetic.hpp>

#include "census.hpp"
#include "common/parallel.hpp"
#include "common/run_simulation.hpp"
#include "compositions.hpp"
#include "plan.hpp"
#include "runs.hpp"
#include "workloads.hpp"

namespace heddle::evaluate {

namespace {

using examples::any_order;
using examples::fixed;
using examples::percent;
using examples::shortest;
using examples::signed_percent;
using examples::table;

/// A cluster with fixed links, the same with OCS in between, and how jobs come.
struct setting {
  std::string fabric;
  two_networks on;
  std::span<const trace::size_class> sizes;
  double gap_s = 0;
  bool heavy = true;
  std::string trace = {};  ///< an arena of `workloads.hpp` in place of drawn jobs
  std::filesystem::path traces = {};
  double load_of_trace = 0;

  [[nodiscard]] trace::vclos_workload workload(std::size_t jobs, std::uint64_t seed) const {
    return {.sizes = sizes,
            .jobs = jobs,
            .cluster_gpus = on.fixed.gpus(),
            .mean_gap_s = gap_s,
            .heavy = heavy,
            .seed = seed};
  }
  [[nodiscard]] arena recorded(std::size_t jobs, std::uint64_t seed) const {
    for (arena& a : arenas({.jobs = jobs, .traces = traces}, model::catalogue{}, seed))
      if (a.name == trace) return std::move(a);
    throw input_error(trace, "a trace of the energy experiments", "none");
  }
  [[nodiscard]] std::vector<job> jobs(std::size_t count, std::uint64_t seed) const {
    return trace.empty() ? workload(count, seed)() : recorded(count, seed).jobs;
  }
  [[nodiscard]] double load() const {
    return trace.empty() ? workload(1, 0).mean_gpu_s() / (on.fixed.gpus() * gap_s) : load_of_trace;
  }
  [[nodiscard]] setting at_gap(double s) const {
    setting x = *this;
    x.gap_s = s;
    return x;
  }
  [[nodiscard]] setting at_load(double l) const {
    return at_gap(workload(1, 0).mean_gpu_s() / (on.fixed.gpus() * l));
  }
};

setting small_cluster(bool heavy) {
  return {"512 GPUs",
          {fabric::leaf_spine{{.leafs = 16, .spines = 32}},
           fabric::leaf_spine_ocs{{.leafs = 16, .spines = 8, .switches = 32}}},
          trace::vclos_small_sizes,
          150,
          heavy};
}
setting large_cluster(bool heavy) {
  return {"8192 GPUs",
          {fabric::leaf_spine{
               {.leafs = 128, .spines = 64, .servers_per_leaf = 16, .gpus_per_server = 4}},
           fabric::leaf_spine_ocs{{.leafs = 128,
                                   .spines = 64,
                                   .switches = 64,
                                   .servers_per_leaf = 16,
                                   .gpus_per_server = 4}}},
          trace::vclos_sizes,
          241,
          heavy};
}

namespace at = composition_index;

/// One run, without its jobs.
struct digest {
  double jct_s = 0, jrt_s = 0, jwt_s = 0, p99_jct_s = 0, fragmentation = 0, utilization = 0;
  double waiting = 0;  ///< share of jobs that waited more than 10 s
  double slowed = 0;  ///< share of the jobs across leafs that others or they themselves slowed down
  double contended = 0;    ///< share of the phases across leafs, see phase_census
  double by_itself = 0;    ///< those that the job's own flows contend for
  double worst_loss = 0;   ///< of throughput: 1 − 1 / slow-down of the worst job
  double off_ideal_s = 0;  ///< the largest difference of a job's JRT from that on the ideal network
};

struct one_run {
  digest sums;
  std::vector<double> run_s, jct_s;  // by job
};

one_run run(const setting& where, const composition& s, const any_order& order,
            const model::workload& load, std::uint64_t seed) {
  const examples::route_of route = examples::route_named(s.route, seed);
  any_plan p = plan(order, any_allocation::of(allocate::requested{}), s.place, route, s.more);
  phase_census census{where.on.fixed, route, seed};
  examples::watcher watch;
  if (s.route != "ideal" && !s.more.crux && !s.place.optical())
    watch.after_each_decision = [&](const sim::decision_made& e) { census.look(e.at); };
  const sim::report r = p.run(where.on, load, {}, watch);
  one_run out{{.jct_s = r.mean_jct_s,
               .jrt_s = r.mean_jrt_s,
               .jwt_s = r.mean_jwt_s,
               .p99_jct_s = r.p99_jct_s,
               .fragmentation = r.network_fragmentation,
               .utilization = r.gpu_utilization,
               .waiting = r.share_waiting,
               .contended = census.contended(),
               .by_itself = census.by_itself()},
              {},
              {}};
  std::size_t wide = 0, slowed = 0;
  double worst = 1;
  for (const sim::job_record& j : r.records) {
    wide += j.leafs > 1;
    slowed += j.leafs > 1 && j.slowdown > 1.001;
    worst = std::max(worst, j.slowdown);
    out.run_s.push_back(j.run_s);
    out.jct_s.push_back(j.jct_s());
  }
  out.sums.slowed = wide ? static_cast<double>(slowed) / static_cast<double>(wide) : 0;
  out.sums.worst_loss = 1 - 1 / worst;
  return out;
}

model::workload with_curves(const setting& where, std::vector<job> jobs) {
  return trace::with_curves(
      std::move(jobs), model::catalogue{},
      {.gpus_per_server = where.on.fixed.gpus_per_server(), .max_gpus = where.on.fixed.gpus()});
}

/// All compositions on one setting, order and seed.
struct outcome {
  std::vector<digest> of;                      // by composition
  std::vector<std::vector<double>> quantiles;  // of JCT, per cent by per cent
};

outcome run_all(const setting& where, const any_order& order, std::size_t jobs, std::uint64_t seed,
                bool with_quantiles) {
  const model::workload load = with_curves(where, where.jobs(jobs, seed));
  outcome out;
  std::vector<std::vector<double>> run_s;
  for (const composition& s : compositions()) {
    one_run r = run(where, s, order, load, seed);
    out.of.push_back(r.sums);
    run_s.push_back(std::move(r.run_s));
    if (!with_quantiles) continue;
    std::vector<double>& q = out.quantiles.emplace_back();
    for (int k = 0; k <= 100; ++k) q.push_back(quantile(r.jct_s, k / 100.0));
  }
  for (std::size_t i = 0; i < out.of.size(); ++i)
    for (std::size_t k = 0; k < run_s[i].size(); ++k)
      out.of[i].off_ideal_s =
          std::max(out.of[i].off_ideal_s, std::abs(run_s[i][k] - run_s[at::ideal][k]));
  return out;
}

/// Settings that differ in their load alone: one table each.
struct family {
  std::string name;
  std::vector<setting> at;
};

std::vector<family> families(const isolation_options& asked) {
  const bool quick = asked.quick;
  std::vector<family> all;
  for (bool heavy : {true, false}) {
    const std::string mix = heavy ? ", heavy" : ", mixed";
    const setting few = small_cluster(heavy), many = large_cluster(heavy);
    family f{few.fabric + mix, {few}}, g{many.fabric + mix, {}};
    for (double load : {.6, .75, .9, .94}) f.at.push_back(few.at_load(load));
    for (double gap_s : {555., 421., 390., 375., 360., 285., 241.})
      g.at.push_back(many.at_gap(gap_s));
    if (quick) {
      f.at.erase(f.at.begin() + 2, f.at.end());
      g.at.erase(g.at.begin(), g.at.end() - 1);
    }
    if (asked.gpus != 8192) all.push_back(std::move(f));
    if (asked.gpus != 512) all.push_back(std::move(g));
  }
  if (asked.traces.empty()) return all;
  all.clear();
  for (arena& a : arenas({.jobs = asked.jobs, .traces = asked.traces}, model::catalogue{}, 1)) {
    if (a.name == "bursty") continue;
    const std::string title = a.name + ", " + std::to_string(a.on.fixed.gpus()) + " GPUs";
    all.push_back({title + ", models drawn",
                   {{.fabric = title,
                     .on = a.on,
                     .heavy = false,
                     .trace = a.name,
                     .traces = asked.traces,
                     .load_of_trace = a.load()}}});
  }
  return all;
}

const std::vector<std::pair<std::string, any_order>>& orders() {
  static const std::vector<std::pair<std::string, any_order>> all{
      {"fifo", order::fifo{}},
      {"fewest_gpus", order::fewest_gpus{}},
      {"shortest", order::shortest{}}};
  return all;
}

/// The seeds of one setting and order.
using seeds_of = std::span<const outcome>;

running_statistics over(seeds_of seeds, std::size_t scheme, double digest::*number) {
  running_statistics s;
  for (const outcome& o : seeds) s.add(o.of[scheme].*number);
  return s;
}
running_statistics against(seeds_of seeds, std::size_t scheme, std::size_t base,
                           double digest::*number) {
  running_statistics s;
  for (const outcome& o : seeds) s.add(o.of[scheme].*number / o.of[base].*number - 1);
  return s;
}
/// Logarithms of the ratios of mean JCTs, seed by seed.
running_statistics log_ratios(seeds_of seeds, std::size_t scheme, std::size_t base) {
  running_statistics s;
  for (const outcome& o : seeds) s.add(std::log(o.of[scheme].jct_s / o.of[base].jct_s));
  return s;
}
std::vector<examples::column> load_columns(const family& f) {
  std::vector<examples::column> all{{"scheduler", "", true}};
  for (const setting& s : f.at)
    all.push_back({fixed(s.load(), 2) + (s.gap_s > 0 ? " (" + fixed(s.gap_s, 0) + " s)" : "")});
  return all;
}

/// A table over compositions and loads. \param cell  callable: (seeds, composition) → text
template <class Cell>
void print_over_loads(const family& f, const std::string& caption,
                      const std::vector<seeds_of>& runs, Cell&& cell) {
  table t{.caption = "**" + f.name + caption + "**", .columns = load_columns(f)};
  const auto& all = compositions();
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<std::string> row{all[i].name};
    for (seeds_of s : runs) row.push_back(cell(s, i));
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
}

void print_family(const family& f, const std::string& order, const std::vector<seeds_of>& runs) {
  const std::string by = ", " + order + ", by load (mean gap between jobs): ";
  print_over_loads(
      f,
      by + "mean JCT in s, and by how many per cent it is above the ideal network's (geometric "
           "mean of the seeds)",
      runs, [](seeds_of s, std::size_t i) {
        return fixed(over(s, i, &digest::jct_s).mean(), 0) +
               (i == at::ideal ? "" : " (" + above(log_ratios(s, i, at::ideal)) + ")");
      });
  print_over_loads(f, by + "mean JWT in s · network fragmentation", runs,
                   [](seeds_of s, std::size_t i) {
                     return mean_and_interval(over(s, i, &digest::jwt_s)) + " · " +
                            percent(over(s, i, &digest::fragmentation).mean());
                   });
  if (order != "fifo") return;
  print_over_loads(
      f, by + "mean JRT against the ideal's · share of slowed jobs across leafs · worst loss", runs,
      [](seeds_of s, std::size_t i) {
        const double off_s = over(s, i, &digest::off_ideal_s).max();
        if (off_s == 0) return std::string("equal, job by job");
        if (off_s < 10) return "equal but for " + fixed(off_s, 2) + " s of a job";
        return signed_percent(against(s, i, at::ideal, &digest::jrt_s).mean()) + " · " +
               percent(over(s, i, &digest::slowed).mean(), 0) + " · " +
               percent(over(s, i, &digest::worst_loss).max(), 0);
      });
  table t{.caption = "**" + f.name + by +
                     "contended phases, of those across leafs (by the job's own flows)**",
          .columns = load_columns(f)};
  for (const std::size_t i : {at::ecmp, at::balanced, at::source}) {
    std::vector<std::string> row{compositions()[i].name};
    for (seeds_of s : runs)
      row.push_back(percent(over(s, i, &digest::contended).mean()) + " (" +
                    percent(over(s, i, &digest::by_itself).mean()) + ")");
    t.add(std::move(row));
  }
  print_markdown(std::cout, t);
}

/// The shape that the theory and the paper expect, and where a mean does not have it.
void print_exceptions(const std::vector<family>& all, std::span<const outcome> outcomes,
                      std::size_t seeds, std::size_t orders_used) {
  struct claim {
    std::string text;
    double digest::*number;
    std::size_t small, large;  // compositions
  };
  const std::vector<claim> claims{
      {"JRT: source routing ≤ balanced ECMP", &digest::jrt_s, at::source, at::balanced},
      {"JRT: balanced ECMP ≤ ECMP", &digest::jrt_s, at::balanced, at::ecmp},
      {"JWT: vclos ≤ with even leafs and a remainder", &digest::jwt_s, at::any, at::even},
      {"JWT: even leafs and a remainder ≤ m·n only", &digest::jwt_s, at::even, at::original},
      {"JWT: vclos, declared ≤ vclos", &digest::jwt_s, at::declared, at::any},
      {"JWT: ocs_vclos, all may move ≤ vclos", &digest::jwt_s, at::circuits_any_free, at::any},
      {"JWT: the same, declared", &digest::jwt_s, at::circuits_free, at::declared},
      {"fragmentation: ocs_vclos, all may move ≤ vclos", &digest::fragmentation,
       at::circuits_any_free, at::any},
      {"JCT: vclos ≤ packed, ECMP", &digest::jct_s, at::any, at::ecmp},
      {"JCT: vclos, declared ≤ packed, ECMP", &digest::jct_s, at::declared, at::ecmp},
      {"JCT: pays, declared ≤ packed, ECMP", &digest::jct_s, at::pays, at::ecmp},
      {"JCT: pays, declared ≤ vclos, declared", &digest::jct_s, at::pays, at::declared}};
  table t{.caption =
              "**Expected order of two means: in how many settings it holds, and in how many the "
              "opposite is beyond the 95 % interval of the paired differences**",
          .columns = {{"claim", "", true}, {"settings"}, {"holds"}, {"refuted"}}};
  for (const claim& c : claims) {
    std::size_t n = 0, holds = 0, refuted = 0, at = 0;
    for (const family& f : all)
      for (std::size_t k = 0; k < f.at.size() * orders_used; ++k, at += seeds) {
        running_statistics difference;
        for (const outcome& o : outcomes.subspan(at, seeds))
          difference.add(o.of[c.small].*c.number - o.of[c.large].*c.number);
        ++n;
        holds += difference.mean() <= 0;
        refuted += difference.mean() > half_width(difference) && difference.mean() > 0 && seeds > 1;
      }
    t.add({c.text, std::to_string(n), std::to_string(holds), std::to_string(refuted)});
  }
  print_markdown(std::cout, t);
}

/// Isolation beside whichever shared network is best in a setting.
void print_beside_shared(const std::vector<family>& all, std::span<const outcome> outcomes,
                         std::size_t seeds, std::size_t orders_used) {
  table t{.caption = "**Mean JCT against the best of the four shared networks in each setting, "
                     "paired by seed: in how many settings it is below, in how many it is above "
                     "beyond the 95 % interval, and the setting where it does worst**",
          .columns = {{"composition", "", true},
                      {"settings"},
                      {"below"},
                      {"above, beyond the interval"},
                      {"worst (%)"},
                      {"of", "", true}}};
  for (const std::size_t c :
       {at::any, at::declared, at::pays_any, at::pays, at::circuits_any_free, at::circuits_never,
        at::circuits_free, at::circuits_pay_never, at::circuits_pay_free}) {
    std::size_t n = 0, below = 0, beyond = 0, from = 0;
    double worst = -1;
    std::string of, how;
    for (const family& f : all)
      for (std::size_t k = 0; k < f.at.size() * orders_used; ++k, from += seeds) {
        const seeds_of runs = outcomes.subspan(from, seeds);
        std::size_t best = at::ecmp;
        for (std::size_t rival = best; rival < at::first_isolated; ++rival)
          if (log_ratios(runs, rival, best).mean() < 0) best = rival;
        const running_statistics ratio = log_ratios(runs, c, best);
        ++n;
        below += ratio.mean() <= 0;
        beyond += ratio.mean() > half_width(ratio) && seeds > 1;
        if (ratio.mean() <= worst) continue;
        worst = ratio.mean();
        how = above(ratio);
        of = f.name + ", " + orders()[k / f.at.size()].first + ", load " +
             fixed(f.at[k % f.at.size()].load(), 2) + "; " + compositions()[best].name;
      }
    t.add({compositions()[c].name, std::to_string(n), std::to_string(below), std::to_string(beyond),
           how, of});
  }
  print_markdown(std::cout, t);
}

void write_csv(std::ostream& csv, std::ostream& cdf, const setting& s, const std::string& order,
               seeds_of runs) {
  const auto& names = compositions();
  const std::string mix = s.heavy ? "heavy" : "mixed";
  for (std::size_t i = 0; i < names.size(); ++i) {
    csv << s.fabric << ',' << shortest(s.gap_s) << ',' << shortest(s.load()) << ',' << mix << ','
        << order << ",\"" << names[i].name << "\"," << runs.size();
    for (double digest::*m : {&digest::jct_s, &digest::jrt_s, &digest::jwt_s}) {
      const running_statistics v = over(runs, i, m);
      csv << ',' << shortest(v.mean()) << ',' << shortest(half_width(v));
    }
    for (double digest::*m :
         {&digest::p99_jct_s, &digest::fragmentation, &digest::utilization, &digest::waiting,
          &digest::slowed, &digest::contended, &digest::by_itself})
      csv << ',' << shortest(over(runs, i, m).mean());
    csv << ',' << shortest(over(runs, i, &digest::worst_loss).max()) << ','
        << shortest(over(runs, i, &digest::off_ideal_s).max()) << '\n';
    if (runs[0].quantiles.empty()) continue;
    for (std::size_t q = 0; q < runs[0].quantiles[i].size(); ++q)
      cdf << s.fabric << ',' << shortest(s.gap_s) << ',' << mix << ',' << order << ",\""
          << names[i].name << "\"," << q << ',' << shortest(runs[0].quantiles[i][q]) << '\n';
  }
}

}  // namespace

void evaluate_isolation(const isolation_options& asked, const progress& told) {
  const std::vector<family> all = families(asked);
  const std::size_t orders_used = asked.quick ? 2 : orders().size();
  const auto seeds = static_cast<std::size_t>(asked.seeds);
  std::vector<std::pair<const setting*, std::size_t>> lots;  // with an order
  for (const family& f : all)
    for (std::size_t o = 0; o < orders_used; ++o)
      for (const setting& s : f.at) lots.emplace_back(&s, o);
  std::vector<outcome> outcomes(lots.size() * seeds);
  std::mutex guard;
  std::size_t done = 0;
  examples::in_parallel(outcomes.size(), [&](std::size_t i) {
    const auto& [where, order] = lots[i / seeds];
    const bool with_quantiles = i % seeds == 0 && order == 0;
    outcomes[i] =
        run_all(*where, orders()[order].second, asked.jobs, i % seeds + 1, with_quantiles);
    const std::lock_guard lock(guard);
    told(++done, outcomes.size());
  });

  std::ofstream csv(asked.out / "isolation.csv");
  csv << "fabric,gap_s,load,mix,order,scheduler,seeds,jct_s,jct_ci,jrt_s,jrt_ci,jwt_s,jwt_ci,p99_"
         "jct_s,"
         "network_fragmentation,gpu_utilization,share_waiting,slowed,contended,contended_by_itself,"
         "worst_loss,most_off_ideal_s\n";
  std::ofstream cdf(asked.out / "isolation_cdf.csv");
  cdf << "fabric,gap_s,mix,order,scheduler,percent,jct_s\n";
  print_beside_shared(all, outcomes, seeds, orders_used);
  print_exceptions(all, outcomes, seeds, orders_used);
  std::size_t lot = 0;
  for (const family& f : all)
    for (std::size_t o = 0; o < orders_used; ++o) {
      std::vector<seeds_of> runs;
      for (const setting& s : f.at) {
        runs.push_back(std::span(outcomes).subspan(seeds * lot++, seeds));
        write_csv(csv, cdf, s, orders()[o].first, runs.back());
      }
      print_family(f, orders()[o].first, runs);
    }
}

namespace {

/// One assumption changed.
struct variation {
  std::string name;
  setting where;
  std::function<void(job&)> change = [](job&) {};
  any_place usual = place::packed{};  ///< of the shared network
  bool easy = false;
};

std::vector<variation> variations() {
  const setting base = large_cluster(true).at_gap(285);
  std::vector<variation> all{{"as above: 8192 GPUs, heavy, gap 285 s", base}};
  const auto share = [&](double r) {
    return variation{"communication share " + percent(r, 0), base,
                     [r](job& j) { j.comm_share = r; }};
  };
  all.push_back(share(.05));
  all.push_back(share(.15));
  all.push_back(share(.5));
  all.push_back({"shares by model (mixed)", large_cluster(false).at_gap(285)});
  for (const auto& [name, pattern] : {std::pair{"ring", collective::ring},
                                      std::pair{"halving-doubling", collective::halving_doubling},
                                      std::pair{"all-to-all", collective::all_to_all}})
    all.push_back({std::string("all jobs ") + name, base,
                   [pattern = pattern](job& j) { j.pattern = pattern; }});
  all.push_back({"gap 360 s", base.at_gap(360)});
  all.push_back({"gap 555 s", base.at_gap(555)});
  all.push_back({"job sizes of the 512-GPU mix, load .79", [&] {
                   setting s = base;
                   s.sizes = trace::vclos_small_sizes;
                   return s.at_load(base.load());
                 }()});
  all.push_back({"shared jobs spread instead of packed", base, [](job&) {}, place::spread{}});
  all.push_back({"shared jobs by locality", base, [](job&) {}, place::locality{}});
  all.push_back({"EASY backfill", base, [](job&) {}, place::packed{}, true});
  all.push_back({"512 GPUs, load .75", small_cluster(true).at_load(.75)});
  return all;
}

}  // namespace

void evaluate_sensitivity(const isolation_options& asked, const progress& told) {
  const std::vector<variation> all = variations();
  const auto seeds = static_cast<std::size_t>(asked.seeds);
  enum { shared, isolated, free_of_it, kinds };
  std::vector<std::array<digest, kinds>> runs(all.size() * seeds);
  std::mutex guard;
  std::size_t done = 0;
  examples::in_parallel(runs.size(), [&](std::size_t i) {
    const variation& v = all[i / seeds];
    const std::uint64_t seed = i % seeds + 1;
    std::vector<job> jobs = v.where.workload(asked.jobs, seed)();
    for (job& j : jobs) v.change(j);
    const model::workload load = with_curves(v.where, std::move(jobs));
    const extras more{.easy = v.easy};
    const composition kind[kinds] = {{"", v.usual, "ecmp", more},
                                     {"", chain(place::vclos{}), "source", more},
                                     {"", v.usual, "ideal", more}};
    for (std::size_t k = 0; k < kinds; ++k)
      runs[i][k] = run(v.where, kind[k], order::fifo{}, load, seed).sums;
    const std::lock_guard lock(guard);
    told(++done, runs.size());
  });
  table t{.caption = "**What moves the gain: one assumption changed at a time, FIFO; mean JCT of "
                     "vclos against the shared network under ECMP**",
          .columns = {{"assumption", "", true},
                      {"ECMP: JCT", "s"},
                      {"JRT against ideal"},
                      {"contended phases"},
                      {"vclos: JCT", "s"},
                      {"against ECMP"},
                      {"against the ideal"}}};
  for (std::size_t v = 0; v < all.size(); ++v) {
    running_statistics jct, jrt, contended, own, gain, distance;
    for (std::size_t i = v * seeds; i < (v + 1) * seeds; ++i) {
      const auto& r = runs[i];
      jct.add(r[shared].jct_s);
      jrt.add(r[shared].jrt_s / r[free_of_it].jrt_s - 1);
      contended.add(r[shared].contended);
      own.add(r[isolated].jct_s);
      gain.add(r[isolated].jct_s / r[shared].jct_s - 1);
      distance.add(r[isolated].jct_s / r[free_of_it].jct_s - 1);
    }
    t.add({all[v].name, fixed(jct.mean(), 0), signed_percent(jrt.mean()), percent(contended.mean()),
           fixed(own.mean(), 0),
           signed_percent(gain.mean()) + " ± " + fixed(100 * half_width(gain), 1),
           signed_percent(distance.mean()) + " ± " + fixed(100 * half_width(distance), 1)});
  }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
