#include "simulate/page.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/shape.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/route/path.hpp>
#include <heddle/version.hpp>

#include "common/fabric_picture.hpp"
#include "common/html.hpp"
#include "common/mesh_picture.hpp"
#include "common/table.hpp"

namespace heddle::examples {

void history::operator()(const sim::moment& m) {
  const sim::energy_parts& now = m.spent;
  const double dt = begun_ ? m.now_s - at_s_ : 0;
  parts_.until(m.now_s,
               {used_gpus_ * dt, running_ * dt, waiting_ * dt,
                now.gpus_running_j - spent_.gpus_running_j, now.gpus_idle_j - spent_.gpus_idle_j,
                now.servers_on_j + now.servers_off_j + now.wake_j -
                    (spent_.servers_on_j + spent_.servers_off_j + spent_.wake_j),
                now.switches_j + now.ocs_j - (spent_.switches_j + spent_.ocs_j)});
  begun_ = true;
  at_s_ = m.now_s;
  used_gpus_ = m.used_gpus;
  running_ = static_cast<double>(m.state.running.size());
  waiting_ = static_cast<double>(m.state.waiting.size());
  spent_ = now;

  std::pair<std::size_t, int> held{0, m.used_gpus};
  for (const auto& [job, where] : m.gpus.placements())
    held.first += where.links.size() + where.circuits.size() + where.core_links.size();
  if (held <= most_) return;
  most_ = held;
  busiest_.emplace(busy_moment{m.now_s, m.gpus});
}

namespace {

using html::paragraph;
using sim::job_record;

constexpr double hour = 3600, day = 86400, kwh = 3.6e6;
constexpr std::size_t listed = 10;  // jobs of a list

/// The unit that the times of a page are told in: one for all, so that they can be compared.
struct time_unit {
  std::string name;
  double s;
  int digits;

  [[nodiscard]] std::string operator()(double t) const { return fixed(t / s, digits); }
  [[nodiscard]] std::string with_unit(double t) const { return (*this)(t) + " " + name; }
};
time_unit unit_for(double typical_s) {
  if (typical_s < 600) return {"s", 1, 1};
  if (typical_s < 10 * hour) return {"min", 60, 1};
  return {"h", hour, 2};
}

std::string energy_text(double j) {
  return j >= 1e4 * kwh ? fixed(j / (1e3 * kwh), 1) + " MWh" : fixed(j / kwh, 1) + " kWh";
}

/// Numbers of all jobs, sorted.
template <class Number>
std::vector<double> sorted(const sim::report& r, Number&& number) {
  std::vector<double> out;
  out.reserve(r.records.size());
  for (const job_record& j : r.records) out.push_back(number(j));
  std::sort(out.begin(), out.end());
  return out;
}

bool waited(const job_record& j) { return j.jwt_s() > 10; }
bool slowed(const job_record& j) { return j.slowdown > 1 + 1e-9; }

std::string reason_text(place::wait_reason why) {
  switch (why) {
  case place::wait_reason::none:
    break;
  case place::wait_reason::queue:
    return "behind another job";
  case place::wait_reason::budget:
    return "power or energy budget";
  case place::wait_reason::gpus:
    return "too few free GPUs";
  case place::wait_reason::gpu_fragmentation:
    return "GPUs scattered";
  case place::wait_reason::network_fragmentation:
    return "no links of its own";
  case place::wait_reason::search_limit:
    return "search gave up";
  case place::wait_reason::unsupported:
    return "wiring not known to the policy";
  case place::wait_reason::tapered:
    return "network too narrow above";
  }
  return "servers to wake";
}

// ---- What was run -------------------------------------------------------------------------------

std::string network_text(const any_fabric& dc) {
  const double gbps = dc.link_gbps();
  const std::string chips = count_of(static_cast<std::size_t>(dc.gpus()), "GPU") +
                            " in servers of " + std::to_string(dc.gpus_per_server());
  if (const auto* torus = dc.torus())
    return chips + ": a torus " + text_of(torus->sides()) + " of links of " + fixed(gbps, 0) +
           " Gb/s";
  if (const auto* cubes = dc.cubes())
    return chips + ": " + count_of(cubes->all_cubes().size(), "cube") + " of " +
           std::to_string(cubes->side()) + "\u00b3 GPUs, links of " + fixed(gbps, 0) +
           " Gb/s, joined by " + std::to_string(cubes->circuit_switches()) + " optical switches";
  std::string out = count_of(static_cast<std::size_t>(dc.gpus()), "GPU") + ": " +
                    std::to_string(dc.leafs()) + " leafs of " + std::to_string(dc.gpus_per_leaf()) +
                    " GPUs in servers of " + std::to_string(dc.gpus_per_server()) + ", " +
                    std::to_string(dc.uplinks()) + " uplinks of " + fixed(gbps, 0) +
                    " Gb/s each to " + std::to_string(dc.spines()) + " spines";
  if (const auto* optical = dc.circuits()) {
    const int switches = optical->optical().switches;
    out += ", over " + count_of(static_cast<std::size_t>(switches), "optical switch") +
           (switches == 1 ? "" : "es");
  }
  return out;
}

std::string jobs_text(const one_run& r) {
  double gpu_s = 0;
  int most = 0;
  for (const job& j : r.jobs.jobs) {
    gpu_s += j.gpus * j.duration_s;
    most = std::max(most, j.gpus);
  }
  const auto& jobs = r.jobs.jobs;
  const double span = jobs.empty() ? 0 : jobs.back().submit_s - jobs.front().submit_s;
  return r.what.jobs + ": " + count_of(jobs.size(), "job") + " of at most " +
         count_of(static_cast<std::size_t>(most), "GPU") + ", submitted in " +
         fixed(span / day, 2) + " days; together they ask for " + fixed(gpu_s / hour, 0) +
         " GPU hours";
}

std::string setting(const one_run& r) {
  const schedule::scheduler_options& o = r.what.options;
  const fabric::base_power& p = r.on.power;
  constexpr double none = std::numeric_limits<double>::infinity();
  std::vector<std::pair<std::string, std::string>> all{
      {"Cluster", r.cluster_file + ": " + network_text(r.on.fabric) + "; GPU type " + r.on.gpu},
      {"Power of what is idle or shared",
       fixed(p.gpu_idle_w, 0) + " W an idle GPU, " + fixed(p.server_w, 0) + " W a server (" +
           fixed(p.server_off_w, 0) + " W switched off), " + fixed(p.switch_w, 0) +
           " W a leaf or spine" +
           (r.on.fabric.circuits() || r.on.fabric.cubes()
                ? ", " + fixed(p.ocs_w, 0) + " W an optical switch"
                : "")},
      {"Jobs", jobs_text(r)},
      {"Communication",
       r.what.workload.empty()
           ? std::string("as in the file; a job without a collective uses no network")
           : "where the file has none, drawn by seed as in the workload " + r.what.workload},
      {"Order of the queue", r.what.names.order},
      {"Allocation of GPUs and clocks", r.what.names.allocate},
      {"Placement", r.what.names.place},
      {"Routing", r.what.names.route + ", for jobs without links of their own"},
      {"Backfill", r.what.names.backfill},
      {"Model of contention", r.what.contention}};
  const auto add = [&](bool given, const char* what, const std::string& text) {
    if (given) all.emplace_back(what, text);
  };
  add(r.what.names.preempt, "Preemption", "jobs may stop running ones that come after them");
  add(r.what.names.joint, "Joint choice", "another number of GPUs where that is done sooner");
  add(o.patience_s < none, "Patience", fixed(o.patience_s, 0) + " s, then a job goes first");
  add(r.what.names.move_gpus > 0, "Migration",
      "at most " + std::to_string(r.what.names.move_gpus) + " GPUs of running jobs, to make room");
  add(o.power_budget_w < none, "Power budget", fixed(o.power_budget_w / 1e3, 1) + " kW");
  add(o.energy.limited(), "Energy budget",
      energy_text(o.energy.energy_j) +
          (o.energy.horizon_s < none ? " in each " + fixed(o.energy.horizon_s / hour, 2) + " h"
                                     : std::string(" in all")) +
          (o.energy.hard ? "; running jobs stop when it is used up" : ""));
  add(o.off_after_s < none, "Idle servers", "switched off after " + fixed(o.off_after_s, 0) + " s");
  add(!r.failures_file.empty(), "Failures",
      r.failures_file + ", a checkpoint every " + fixed(r.options.checkpoint_s, 0) +
          " s of run time");
  add(true, "Seed", std::to_string(r.what.seed));
  return html::definitions(all);
}

std::string made_by(const one_run& r) {
  html::markup m;
  m.open("p").text("Made by heddle " HEDDLE_VERSION_STRING ", again with ");
  m.raw(html::code(r.command))
      .text(". The same command gives the same page: how long decisions took, "
            "which differs each time, is in the report alone.");
  return m.close().newline().str();
}

// ---- Summary ------------------------------------------------------------------------------------

std::string lead_text(const one_run& r, const time_unit& u) {
  const sim::report& s = r.report;
  return grouped(s.jobs) + " jobs on " + grouped(static_cast<std::size_t>(r.on.fabric.gpus())) +
         " GPUs under " + r.what.names.order + ", " + r.what.names.allocate + ", " +
         r.what.names.place + ", " + r.what.names.route + ": done in " +
         fixed(s.makespan_s / day, 2) + " days. A job takes " + u.with_unit(s.mean_jct_s) +
         " on average, of which it waits " + u.with_unit(s.mean_jwt_s) + ". GPUs are held " +
         percent(s.gpu_utilization) + " of the time, and the cluster uses " +
         energy_text(s.energy_j) + ".";
}

/// What held jobs up most, in words.
std::vector<std::string> findings(const one_run& r, const time_unit& u) {
  std::vector<std::string> out;
  const auto& all = r.report.records;
  const auto n = static_cast<double>(all.size());
  double wait_s = 0, lost_s = 0, run_s = 0;
  std::size_t slow = 0;
  const job_record* worst = nullptr;
  for (const job_record& j : all) {
    wait_s += j.jwt_s();
    run_s += j.run_s;
    lost_s += j.run_s * (1 - 1 / j.slowdown);
    slow += slowed(j);
    if (slowed(j) && (!worst || j.slowdown > worst->slowdown)) worst = &j;
  }
  if (!worst) {
    out.push_back("No job was slowed down by another's traffic.");
  } else {
    out.push_back(count_of(slow, "job") + " (" + percent(static_cast<double>(slow) / n) +
                  ") were slowed down by others' traffic: " + percent(lost_s / run_s) +
                  " of all run time is lost to it, and a job takes up to " +
                  fixed(worst->slowdown, 2) + " times as long (job " +
                  std::to_string(worst->id.value) + ").");
  }
  if (r.report.share_waiting == 0) {
    out.push_back("No job waited longer than 10 s.");
  } else {
    out.push_back(percent(r.report.share_waiting) +
                  " of jobs waited longer than 10 s; of the time from submission "
                  "to finish, waiting is " +
                  percent(wait_s / (wait_s + run_s)) + ". Those that waited did so for " +
                  u.with_unit(wait_s / (r.report.share_waiting * n)) + " on average.");
  }
  return out;
}

table summary(const one_run& r, const time_unit& u) {
  const sim::report& s = r.report;
  table t{"Means are over finished jobs. JCT = JWT + JRT.",
          {{"Quantity", "", true}, {"Value"}, {"Meaning", "", true}},
          {}};
  t.begin_group();
  const auto time = [&](const char* what, double v, const char* meaning) {
    t.add({what, u.with_unit(v), meaning});
  };
  const auto count = [&](const char* what, std::size_t n, const char* unit, const char* meaning) {
    t.add({what, *unit ? grouped(n) + " " + unit : grouped(n), meaning});
  };
  count("Jobs finished", s.finished, "jobs", "all that were submitted");
  t.add({"Makespan", fixed(s.makespan_s / hour, 2) + " h",
         "from the first submission to the last finish"});
  time("Mean JCT", s.mean_jct_s, "job completion time: from submission to finish");
  time("Median JCT", s.p50_jct_s, "half of the jobs take longer");
  time("P90 JCT", s.p90_jct_s, "1 job in 10 takes longer");
  time("P99 JCT", s.p99_jct_s, "1 job in 100 takes longer");
  time("Mean JWT", s.mean_jwt_s, "job waiting time: from submission to first start");
  time("P99 JWT", s.p99_jwt_s, "1 job in 100 waits longer");
  time("Mean JRT", s.mean_jrt_s, "job run time: from first start to finish, pauses included");
  t.add({"Mean JRT / duration", fixed(s.mean_slowdown, 3),
         "run time over that of the trace, which is alone at the GPUs asked for and full clock"});
  t.add({"Mean FTF \u03c1", fixed(s.mean_ftf, 3),
         "JCT over that with an equal share of the cluster; above 1 the job got less than its "
         "share"});
  if (s.deadlines > 0)
    t.add({"Deadlines met", grouped(s.deadlines_met) + " of " + grouped(s.deadlines) + " jobs",
           "of the jobs that have one"});
  t.begin_group();
  t.add({"GPUs held", fixed(100 * s.gpu_utilization, 1) + " %",
         "GPU time held by jobs over all GPU time"});
  t.add({"Network fragmentation", fixed(100 * s.network_fragmentation, 1) + " %",
         "of the GPU time that the head of the queue could have used by number, the part that it "
         "could not get for "
         "its place or its links; while jobs wait"});
  t.add({"GPU fragmentation", fixed(100 * s.gpu_fragmentation, 1) + " %",
         "of free GPU time, the part in servers that are partly used"});
  t.begin_group();
  t.add({"Energy", fixed(s.energy_j / kwh, 1) + " kWh", "of the whole cluster over the makespan"});
  t.add({"Mean power", fixed(s.mean_power_w / 1e3, 2) + " kW", "energy over makespan"});
  t.add({"Peak power", fixed(s.peak_power_w / 1e3, 2) + " kW", "the highest at any moment"});
  t.add({"Energy \u00d7 mean JCT", fixed(s.energy_delay_js / kwh / hour, 1) + " kWh\u00b7h",
         "lower is better in both"});
  if (r.carbon) t.add({"Carbon", fixed(s.carbon_g / 1e3, 1) + " kg", "by the series given"});
  if (r.cost)
    t.add({"Cost of energy", fixed(s.cost, 2), "by the price series given, in its money"});
  t.begin_group();
  count("Decisions", s.decisions, "", "of the scheduler");
  count("Resizes and stops", s.rescales, "", "of running jobs, by the scheduler");
  count("Migrations", s.migrations, "", "of running jobs to as many other GPUs");
  if (r.on.fabric.circuits())
    count("Circuits moved", s.circuits_moved, "", "of running jobs, for others");
  if (s.wake_ups > 0) count("Servers woken", s.wake_ups, "times", "that had been switched off");
  if (s.failures > 0) {
    count("Failures", s.failures, "", "of servers");
    count("Restarts", s.restarts, "", "of jobs that these hit");
    t.add({"Work lost", fixed(s.lost_gpu_s / hour, 2) + " GPU h", "since the last checkpoints"});
  }
  return t;
}

// ---- Jobs ---------------------------------------------------------------------------------------

svg::plot times_plot(const sim::report& r) {
  const auto jct = sorted(r, [](const job_record& j) { return j.jct_s(); });
  const auto jrt = sorted(r, [](const job_record& j) { return j.run_s; });
  const auto jwt = sorted(r, [](const job_record& j) { return j.jwt_s(); });
  svg::plot p{
      .id = "times",
      .title = "How long jobs take",
      .description =
          "Cumulated share of jobs over completion, run and waiting time on a logarithmic axis. "
          "Means and percentiles stand in the table of the summary.",
      .x = svg::duration_axis("time (log scale)", std::max(1.0, jrt.front() / 2), jct.back()),
      .y = svg::share_axis("share of jobs with at most this time", 0)};
  p.lines.push_back({.label = "JCT, all",
                     .look = 4,
                     .points = svg::cumulated(jct, p.x),
                     .steps = true,
                     .thick = true});
  p.lines.push_back(
      {.label = "JRT, running", .look = 3, .points = svg::cumulated(jrt, p.x), .steps = true});
  p.lines.push_back(
      {.label = "JWT, waiting", .look = 0, .points = svg::cumulated(jwt, p.x), .steps = true});
  return p;
}

svg::plot slowdown_plot(const sim::report& r) {
  const auto all = sorted(r, [](const job_record& j) { return j.slowdown; });
  const auto n = static_cast<double>(all.size());
  const double alone =
      static_cast<double>(std::upper_bound(all.begin(), all.end(), 1 + 1e-9) - all.begin()) / n;
  const double high = all[static_cast<std::size_t>(0.995 * (n - 1))];
  svg::plot p{
      .id = "slowdown",
      .title = "How much jobs are slowed down",
      .description =
          "Cumulated share of jobs over slow-down by others' traffic; the share axis does not "
          "begin "
          "at zero, and the largest slow-downs stand in the table of jobs slowed down most.",
      .x = svg::linear_axis("slow-down, run time over that without others' traffic", 1,
                            std::max(high, 1.05), 6),
      .y = svg::share_axis("share of jobs slowed by at most as much", alone)};
  p.lines.push_back({.label = "jobs",
                     .look = 4,
                     .points = svg::cumulated(all, p.x),
                     .steps = true,
                     .thick = true});
  return p;
}

/// Sizes as one bucket each power of two.
table by_size(const sim::report& r, const time_unit& u) {
  struct bucket {
    std::size_t jobs = 0;
    double jct = 0, jwt = 0, slow = 0, gpu_s = 0;
  };
  std::array<bucket, 32> all;
  double gpu_s = 0;
  for (const job_record& j : r.records) {
    std::size_t k = 0;
    while ((1 << k) < j.gpus) ++k;
    bucket& b = all[k];
    ++b.jobs;
    b.jct += j.jct_s();
    b.jwt += j.jwt_s();
    b.slow += j.slowdown;
    b.gpu_s += j.gpus * j.run_s;
    gpu_s += j.gpus * j.run_s;
  }
  table t{"Jobs by the GPUs that they held last. GPU time: GPUs held last, times JRT.",
          {{"GPUs", "", true},
           {"Jobs"},
           {"GPU time", "share"},
           {"Mean JCT", u.name},
           {"Mean JWT", u.name},
           {"Slow-down", "mean"}},
          {}};
  for (std::size_t k = 0; k < all.size(); ++k) {
    const bucket& b = all[k];
    if (b.jobs == 0) continue;
    const auto n = static_cast<double>(b.jobs);
    const int low = k == 0 ? 1 : (1 << (k - 1)) + 1, high = 1 << k;
    t.add(
        {low == high ? std::to_string(low) : std::to_string(low) + "\u2013" + std::to_string(high),
         grouped(b.jobs), percent(b.gpu_s / gpu_s), u(b.jct / n), u(b.jwt / n),
         fixed(b.slow / n, 3)});
  }
  return t;
}

table by_reason(const sim::report& r, const time_unit& u) {
  struct bucket {
    std::size_t jobs = 0;
    double sum = 0, most = 0;
  };
  std::array<bucket, 7> all;
  for (const job_record& j : r.records) {
    if (!waited(j)) continue;
    bucket& b = all[static_cast<std::size_t>(j.why_waited)];
    ++b.jobs;
    b.sum += j.jwt_s();
    b.most = std::max(b.most, j.jwt_s());
  }
  table t{"Jobs that waited longer than 10 s, by the last reason that the scheduler gave.",
          {{"Reason", "", true}, {"Jobs"}, {"Mean JWT", u.name}, {"Longest", u.name}},
          {}};
  for (std::size_t k = 0; k < all.size(); ++k)
    if (const bucket& b = all[k]; b.jobs > 0)
      t.add({reason_text(static_cast<place::wait_reason>(k)), grouped(b.jobs),
             u(b.sum / static_cast<double>(b.jobs)), u(b.most)});
  return t;
}

/// The first jobs in an order; equals by id.
template <class Number, class Among>
table jobs_table(const sim::report& r, const time_unit& u, std::string caption, Number&& number,
                 Among&& among) {
  std::vector<const job_record*> first;
  for (const job_record& j : r.records)
    if (among(j)) first.push_back(&j);
  const auto n = static_cast<std::ptrdiff_t>(std::min(listed, first.size()));
  std::partial_sort(first.begin(), first.begin() + n, first.end(),
                    [&](const job_record* a, const job_record* b) {
                      const double x = number(*a), y = number(*b);
                      return x != y ? x > y : a->id < b->id;
                    });
  first.resize(static_cast<std::size_t>(n));
  const double begin = r.records.front().submit_s;
  table t{std::move(caption),
          {{"Job", "", true},
           {"Submitted", "h"},
           {"GPUs"},
           {"Servers"},
           {"Leafs"},
           {"JWT", u.name},
           {"JRT", u.name},
           {"JCT", u.name},
           {"Slow-down"},
           {"Energy", "kWh"},
           {"Waited for", "", true}},
          {}};
  for (const job_record* j : first)
    t.add({std::to_string(j->id.value), fixed((j->submit_s - begin) / hour, 2),
           std::to_string(j->gpus), std::to_string(j->servers), std::to_string(j->leafs),
           u(j->jwt_s()), u(j->run_s), u(j->jct_s()), fixed(j->slowdown, 3),
           fixed(j->energy_j / kwh, 2), waited(*j) ? reason_text(j->why_waited) : "\u2013"});
  return t;
}

std::string folded(const std::string& summary, const std::string& made, bool open) {
  html::markup m;
  if (open)
    m.open("details", {{"open", "open"}});
  else
    m.open("details");
  m.leaf("summary", summary).raw(made).close().newline();
  return m.str();
}

std::string jobs_section(const one_run& r, const time_unit& u) {
  const sim::report& s = r.report;
  std::vector<std::string> figures{
      html::figure(svg::render(times_plot(s)),
                   "Further left is better. A line that begins high: so many jobs did not wait.")};
  const bool any_slow = std::any_of(s.records.begin(), s.records.end(), slowed);
  const bool any_wait = s.share_waiting > 0;
  if (any_slow)
    figures.push_back(html::figure(svg::render(slowdown_plot(s)),
                                   "Higher is better. The axis of shares does not begin at 0."));
  std::string out = html::side_by_side(figures) + html::to_html(by_size(s, u), "sizes-table");
  if (any_wait) out += html::to_html(by_reason(s, u), "reasons-table");
  const std::string of =
      s.records.size() > listed ? "The " + std::to_string(listed) + " jobs " : "The jobs ";
  const auto list = [&](const char* id, const std::string& words, auto&& number, auto&& among) {
    out += folded(
        of + words,
        html::to_html(jobs_table(s, u, of + words + ", the first first.", number, among), id),
        out.find("<details") == std::string::npos);  // the first stands open
  };
  const auto all = [](const job_record&) { return true; };
  if (any_wait)
    list(
        "waiting-table", "that waited longest", [](const job_record& j) { return j.jwt_s(); },
        waited);
  if (any_slow)
    list(
        "slowed-table", "slowed down most", [](const job_record& j) { return j.slowdown; }, slowed);
  list(
      "longest-table", "that took longest", [](const job_record& j) { return j.jct_s(); }, all);
  return out;
}

/// Columns of prose take what the screen has.
constexpr std::string_view narrow_style = R"(
#summary td.text,#power td.text{white-space:normal;min-width:15rem}
@media screen and (max-width:40rem){
#summary th,#summary td{padding:.3rem .35rem}
#summary tbody th{white-space:normal}
#summary td.text{min-width:7rem;font-size:.92em}
}
)";

// ---- Over time and energy -----------------------------------------------------------------------

/// Axis and lines over the whole run.
class over_time {
 public:
  explicit over_time(const one_run& r)
      : parts_(r.use.over_time()), unit_(parts_.length_s() < 3 * hour  ? 60
                                         : parts_.length_s() < 4 * day ? hour
                                                                       : day) {}

  [[nodiscard]] svg::plot plot(std::string id, std::string title, std::string description,
                               svg::axis y) const {
    svg::plot p{.id = std::move(id),
                .title = std::move(title),
                .description = std::move(description),
                .x = {},
                .y = std::move(y)};
    const char* name = unit_ == 60 ? "minutes" : unit_ == hour ? "hours" : "days";
    p.x = svg::axis{std::string(name) + " since the first submission", 0,
                    std::max(parts_.length_s() / unit_, 1e-9)};
    p.x.ticks = svg::linear_ticks(0, p.x.high, 7);
    return p;
  }
  /// \param scale  what numbers are divided by
  [[nodiscard]] std::vector<svg::point> mean(std::initializer_list<history::amount> sum,
                                             double scale = 1) const {
    return parts_.means(unit_, [&](const auto& part) {
      double x = 0;
      for (history::amount a : sum) x += part[a];
      return x / scale;
    });
  }
  [[nodiscard]] double end() const { return parts_.length_s() / unit_; }
  [[nodiscard]] std::string grain() const {
    return "Means over parts of " +
           (parts_.width_s() < 60     ? shortest(parts_.width_s()) + " s"
            : parts_.width_s() < hour ? fixed(parts_.width_s() / 60, 1) + " min"
                                      : fixed(parts_.width_s() / hour, 1) + " h") +
           ".";
  }

 private:
  const svg::time_parts<history::amounts>& parts_;
  double unit_;
};

double highest(const std::vector<svg::point>& line) {
  double most = 0;
  for (const svg::point& p : line) most = std::max(most, p.y);
  return most;
}

std::string use_section(const one_run& r) {
  const over_time t(r);
  svg::axis gpus{"GPUs held by jobs", 0, static_cast<double>(r.on.fabric.gpus())};
  for (int quarter = 0; quarter <= 4; ++quarter)
    gpus.ticks.push_back({gpus.high * quarter / 4, fixed(gpus.high * quarter / 4, 0)});
  svg::plot used =
      t.plot("use", "GPUs at work",
             "GPUs held by jobs over time; the top of the axis is all GPUs of the cluster.", gpus);
  used.lines.push_back({.label = "GPUs held", .look = 4, .points = t.mean({history::used_gpu_s})});

  const auto waiting = t.mean({history::waiting_s}), running = t.mean({history::running_s});
  svg::plot queue = t.plot(
      "queue", "Jobs running and waiting", "Numbers of running and of waiting jobs over time.",
      svg::linear_axis("jobs", 0, std::max({1.0, highest(waiting), highest(running)}), 5));
  queue.lines.push_back({.label = "running", .look = 3, .points = running});
  queue.lines.push_back({.label = "waiting", .look = 0, .points = waiting});
  return html::side_by_side(
      {html::figure(svg::render(used), t.grain()), html::figure(svg::render(queue), t.grain())});
}

svg::plot power_plot(const one_run& r, const over_time& t) {
  using h = history;
  const auto all = t.mean({h::gpus_j, h::idle_j, h::servers_j, h::network_j}, 1e3);
  const double budget_kw = r.what.options.power_budget_w / 1e3;
  const bool limited = std::isfinite(budget_kw);
  svg::plot p = t.plot(
      "power", "Power of the cluster",
      "Power over time, of the whole cluster and of its parts. Their energies stand in the table.",
      svg::linear_axis("kW", 0, std::max(highest(all), limited ? budget_kw : 0), 5));
  p.lines.push_back({.label = "whole cluster", .look = 4, .points = all, .thick = true});
  p.lines.push_back(
      {.label = "GPUs of running jobs", .look = 3, .points = t.mean({h::gpus_j}, 1e3)});
  p.lines.push_back({.label = "servers", .look = 6, .points = t.mean({h::servers_j}, 1e3)});
  p.lines.push_back({.label = "idle GPUs", .look = 0, .points = t.mean({h::idle_j}, 1e3)});
  p.lines.push_back({.label = "network", .look = 2, .points = t.mean({h::network_j}, 1e3)});
  if (limited)
    p.lines.push_back(
        {.label = "budget", .look = 1, .points = {{0, budget_kw}, {t.end(), budget_kw}}});
  return p;
}

struct component {
  const char *name, *meaning;
  double j;
};
std::vector<component> components(const sim::energy_parts& e) {
  std::vector<component> all{
      {"GPUs of running jobs", "at their clock, and less while they wait for the network",
       e.gpus_running_j},
      {"Idle GPUs", "of servers that are on, held by no running job", e.gpus_idle_j},
      {"Servers", "their base, while on", e.servers_on_j},
      {"Servers off", "switched off or out of order", e.servers_off_j},
      {"Waking servers", "on the way from off to on", e.wake_j},
      {"Leafs and spines", "always on", e.switches_j},
      {"Optical switches", "always on", e.ocs_j}};
  std::erase_if(all, [](const component& c) { return c.j <= 0; });
  return all;
}

std::string energy_bars(const std::vector<component>& all, double total_j) {
  constexpr double left = 165, width = 480, row = 30, top = 34;
  const double height = top + row * static_cast<double>(all.size()) + 6;
  double most = 1e-9;
  for (const component& c : all) most = std::max(most, c.j / total_j);
  svg::drawing d(
      "energy", width, height, "Energy by component",
      "A bar for each component with its share of the energy; the numbers stand in the table.");
  d.label(8, 20, "Where the energy goes", "start", "ink heading").newline();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double y = top + row * static_cast<double>(i), share = all[i].j / total_j;
    const double length = share / most * (width - left - 70);
    d.label(left - 8, y + 17, all[i].name, "end").newline();
    d.rect(left, y + 3, std::max(length, 1.0), 20, "f4");
    d.label(left + length + 6, y + 18, percent(share), "start", "ink small").newline();
  }
  return d.line(left, top - 2, left, height - 4, "axis").finish();
}

std::string energy_section(const one_run& r) {
  const over_time t(r);
  const std::vector<component> all = components(r.report.parts);
  table parts{"The same energy by component, over the makespan.",
              {{"Component", "", true},
               {"Energy", "kWh"},
               {"Share"},
               {"Mean power", "kW"},
               {"Meaning", "", true}},
              {}};
  const double total = r.report.parts.total_j(), span = std::max(r.report.makespan_s, 1e-9);
  for (const component& c : all)
    parts.add(
        {c.name, fixed(c.j / kwh, 1), percent(c.j / total), fixed(c.j / span / 1e3, 2), c.meaning});
  std::vector<std::string> figures{html::figure(
      svg::render(power_plot(r, t)),
      t.grain() + " Its highest moment: " + fixed(r.report.peak_power_w / 1e3, 2) + " kW.")};
  if (total > 0) figures.push_back(html::figure(energy_bars(all, total), "Over the makespan."));
  return html::side_by_side(figures) + html::to_html(parts, "energy-table");
}

/// The network at its busiest, or nothing where it is too large to be seen.
std::string network_picture(const one_run& r) {
  constexpr int most_gpus = 10'000;
  const auto& busy = r.use.busiest();
  if (!busy || r.on.fabric.gpus() > most_gpus) return {};
  const auto number = [](job_id id) { return " (job " + std::to_string(id.value) + ")"; };
  const std::string when = fixed((busy->at_s - r.report.records.front().submit_s) / hour, 2) +
                           " h after the first submission";
  const auto figure = [&](const auto& drawn) {
    return html::figure(drawn.draw("The network when most of it was held"),
                        drawn.describe() + " That was " + when + ".");
  };
  return r.on.fabric.on_any([&]<class Fabric>(const Fabric& dc) {
    if constexpr (route::LeafSpineFabric<Fabric>)
      return figure(svg::fabric_picture(dc, busy->gpus, {.colour_all = true, .note = number}));
    else
      return figure(svg::mesh_picture(dc, busy->gpus, number));
  });
}

}  // namespace

std::vector<std::string> words_of(const std::string& program, int argc, char** argv) {
  std::vector<std::string> out{program};
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    constexpr std::string_view plain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,:=+@%";
    std::string quoted;
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
      quoted = word;
    } else {
      quoted = "'";
      for (char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
      quoted += "'";
    }
    // A value stands with its option.
    if (i > 1 && !word.starts_with('-') && out.back().starts_with('-'))
      out.back() += " " + quoted;
    else
      out.push_back(quoted);
  }
  return out;
}

std::string page_of(const one_run& r) {
  const time_unit u = unit_for(r.report.p50_jct_s);
  html::page page("heddle: one simulated run", svg::style() + std::string(narrow_style));
  page.lead(paragraph(lead_text(r, u)));
  std::string told;
  if (!r.report.records.empty())
    for (const std::string& f : findings(r, u)) told += paragraph(f, "found");
  page.section("summary", "In short", told + html::to_html(summary(r, u), "summary-table"));
  if (!r.report.records.empty()) page.section("jobs", "Job by job", jobs_section(r, u));
  if (r.use.over_time().length_s() > 0) {
    page.section("use", "The cluster over time", use_section(r));
    page.section("power", "Power and energy", energy_section(r));
  }
  if (!r.report.records.empty())
    if (const std::string drawn = network_picture(r); !drawn.empty())
      page.section("network", "The network", drawn);
  page.section("setting", "What was run", setting(r) + made_by(r));
  page.footer(paragraph("Simulated by heddle " HEDDLE_VERSION_STRING "."));
  return page.str();
}

}  // namespace heddle::examples
