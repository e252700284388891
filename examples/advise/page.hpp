// The advice as tables, sentences, JSON and a page.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/version.hpp>

#include "advise/advice.hpp"
#include "common/html.hpp"
#include "common/svg_plot.hpp"
#include "common/table.hpp"

namespace heddle::advise {

namespace html = examples::html;
namespace svg = examples::svg;
using examples::fixed;
using examples::grouped;
using examples::signed_percent;

/// A column of the tables: a number of a run, and how its change is shown.
struct measure {
  std::string key;
  std::string title;
  std::function<double(const numbers&)> of;
};

[[nodiscard]] inline std::vector<measure> measures(const advice& a, const prices& p) {
  std::vector<measure> m{{"mean_jct", "Mean JCT", [](const numbers& n) { return n.mean_jct_s; }},
                         {"p99_jct", "P99 JCT", [](const numbers& n) { return n.p99_jct_s; }},
                         {"mean_jwt", "Mean wait", [](const numbers& n) { return n.mean_jwt_s; }}};
  if (a.urgent > 0)
    m.push_back(
        {"urgent_jwt", "Wait of high priority", [](const numbers& n) { return n.urgent_jwt_s; }});
  m.push_back({"energy", "Energy", [](const numbers& n) { return n.energy_kwh; }});
  m.push_back({"busy_gpu_h", "GPU hours", [](const numbers& n) { return n.busy_gpu_h; }});
  for (std::size_t t = 0; t < a.gpu_types.size(); ++t)
    if (!a.gpu_types[t].empty())
      m.push_back({"busy_gpu_h_" + a.gpu_types[t], "GPU hours, " + a.gpu_types[t],
                   [t](const numbers& n) { return n.busy_h_of_type[t]; }});
  if (p.any()) m.push_back({"cost", "Cost", [p](const numbers& n) { return p.of(n); }});
  return m;
}

/// `−12.3 %`, and whether that is more than chance.
[[nodiscard]] inline std::string change(const difference& d) {
  if (d.exact) return "none";
  if (d.relative == 0) return "from 0";
  const std::string text = signed_percent(d.relative);
  return d.known && !d.beyond_noise ? text + " (noise)" : text;
}

[[nodiscard]] inline double mean_of(const variant& v, const measure& m) {
  running_statistics s;
  for (const numbers& n : v.runs) s.add(m.of(n));
  return s.mean();
}

/// The rows of today and of each step.
[[nodiscard]] inline examples::table step_table(const advice& a, const std::vector<variant>& rows,
                                                const prices& p, std::string caption) {
  const auto all = measures(a, p);
  examples::table t{std::move(caption), {{"Step", "", true}}, {}};
  for (const measure& m : all) t.columns.push_back({m.title, "change"});
  t.columns.push_back({"Energy saved", "kWh"});
  if (p.carbon_g_per_kwh > 0) t.columns.push_back({"Carbon saved", "kg"});
  if (p.any()) t.columns.push_back({"Saved", "money"});
  t.begin_group();
  for (const variant& v : rows) {
    std::vector<std::string> cells{v.name};
    const bool runs = v.stuck() == 0;
    for (const measure& m : all)
      cells.push_back(runs ? change(compare(a.base, v, m.of)) : "\u2013");
    const auto saved = [&](auto&& of) {
      const difference d = compare(a.base, v, of);
      cells.push_back(!runs                                    ? "\u2013"
                      : d.known && !d.beyond_noise && !d.exact ? "noise"
                                                               : fixed(-d.mean, 0));
    };
    saved([](const numbers& n) { return n.energy_kwh; });
    if (p.carbon_g_per_kwh > 0)
      saved([&](const numbers& n) { return n.energy_kwh * p.carbon_g_per_kwh / 1000; });
    if (p.any()) saved([&](const numbers& n) { return p.of(n); });
    if (!runs) cells[0] += " (" + std::to_string(v.stuck()) + " jobs never start)";
    t.add(std::move(cells));
  }
  return t;
}

/// What today costs, in plain numbers.
[[nodiscard]] inline std::string today_text(const advice& a, const prices& p) {
  double days = 0;
  for (double s : a.period_s) days += s / 86400 / static_cast<double>(a.period_s.size());
  const auto m = measures(a, p);
  std::string out = "Today, in " + fixed(days, 1) + " days with " + grouped(a.jobs) +
                    " jobs: mean JCT " + fixed(mean_of(a.base, m[0]) / 3600, 2) +
                    " h, of which waiting " + fixed(mean_of(a.base, m[2]) / 3600, 2) +
                    " h; 1 in 100 jobs takes longer than " +
                    fixed(mean_of(a.base, m[1]) / 3600, 1) + " h; ";
  for (const measure& one : m) {
    if (one.key == std::string_view("energy")) out += fixed(mean_of(a.base, one), 0) + " kWh; ";
    if (one.key == std::string_view("busy_gpu_h"))
      out += grouped(static_cast<std::size_t>(mean_of(a.base, one))) + " GPU hours";
    if (one.key == std::string_view("cost")) out += "; a cost of " + fixed(mean_of(a.base, one), 0);
  }
  return out + ".";
}

/// What the whole buys, what to do first, and what to leave.
[[nodiscard]] inline std::vector<std::string> findings(const advice& a, const prices& p) {
  std::vector<std::string> out;
  const auto of_jct = [](const numbers& n) { return n.mean_jct_s; };
  const auto of_energy = [](const numbers& n) { return n.energy_kwh; };
  // Beyond noise, and large enough to be seen.
  const auto counts = [](const difference& d) {
    return !d.exact && (!d.known || d.beyond_noise) &&
           (d.relative == 0 || std::abs(d.relative) >= 0.0005);
  };
  const auto is_gain = [&](const difference& d) { return d.mean < 0 && counts(d); };
  const auto is_loss = [&](const difference& d) { return d.mean > 0 && counts(d); };
  const auto text = [](const difference& d) {
    return d.exact ? std::string("unchanged") : change(d);
  };

  const variant& software = a.together[last_step - 1];
  if (software.stuck() == 0)
    out.push_back(
        "All steps in software together: mean JCT " + text(compare(a.base, software, of_jct)) +
        ", energy " + text(compare(a.base, software, of_energy)) +
        (p.any() ? ", cost " +
                       text(compare(a.base, software, [&](const numbers& n) { return p.of(n); }))
                 : "") +
        ".");
  const variant* before = &a.base;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const variant& v = a.together[i];
    if (v.stuck() > 0) {
      out.push_back(std::string("Step \u201c") + std::string(steps[i].name) +
                    "\u201d cannot run these jobs: " + std::to_string(v.stuck()) +
                    " have a size that it has no place for.");
      continue;  // the next is compared with the last that ran
    }
    const difference jct = compare(*before, v, of_jct), energy = compare(*before, v, of_energy);
    const difference cost = compare(*before, v, [&](const numbers& n) { return p.of(n); });
    const std::string what = std::string("\u201c") + std::string(steps[i].name) +
                             "\u201d on top of those before it: mean JCT " + text(jct) +
                             ", energy " + text(energy) + (p.any() ? ", cost " + text(cost) : "");
    const bool gain = is_gain(jct) || is_gain(energy) || is_gain(cost);
    const bool loss = is_loss(jct) || is_loss(energy) || is_loss(cost);
    out.push_back(what +
                  (gain && loss ? ". A trade: decide which counts."
                   : gain       ? ". A gain."
                   : loss       ? ". It costs more than it brings here."
                                : ". No difference that counts.") +
                  (loss ? " " + std::string(steps[i].costs) : ""));
    before = &v;
  }
  if (a.urgent == 0) {
    out.push_back("The jobs have one priority: nothing can be said of high-priority jobs.");
  } else {
    std::string grown;
    for (const auto* list : {&a.alone, &a.together})
      for (const variant& v : *list)
        if (v.stuck() == 0 &&
            is_loss(compare(a.base, v, [](const numbers& n) { return n.urgent_jwt_s; })))
          grown += (grown.empty() ? "" : ", ") + v.name;
    if (grown.empty())
      out.push_back("No step makes high-priority jobs wait longer.");
    else  // what must not be comes first
      out.insert(out.begin(), "High-priority jobs wait longer under: " + grown +
                                  ". Do not adopt these as they are.");
  }
  if (p.ocs > 0) {
    const auto days = payback_days(a, p);
    out.push_back(
        !p.any()
            ? std::string(
                  "The payback of the optical switches needs a price of energy or of a GPU hour.")
        : days ? "The optical switches pay for themselves in " + fixed(*days, 0) + " days (" +
                     fixed(*days / 365, 1) + " years)."
               : std::string(
                     "The optical switches do not pay for themselves here: what they save on the "
                     "steps before cannot be told from noise, or is nothing."));
  }
  return out;
}

/// The types of a cluster's GPUs, by name.
[[nodiscard]] inline std::string gpus_of(const cluster& c) {
  std::string out;
  for (const std::string& name : c.gpu_types)
    if (!name.empty()) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? c.gpu : out;
}
/// What an hour of a GPU is worth, by type where there are several.
[[nodiscard]] inline std::string hours_of(const cluster& c, const prices& p) {
  std::string out;
  for (std::size_t t = 0; t < c.gpu_types.size(); ++t)
    if (!c.gpu_types[t].empty())
      out += (out.empty() ? "" : ", ") + examples::shortest(p.hour_of(t)) + " (" + c.gpu_types[t] +
             ")";
  return out.empty() ? examples::shortest(p.gpu_hour) : out;
}

[[nodiscard]] inline std::vector<std::string>
assumptions(const advice& a, const cluster& c, const simulation_spec& s, const prices& p) {
  const cluster o = with_circuits(c);
  std::vector<std::string> out{
      "Simulated, not measured: contention by a steady-state model of first order, run times of "
      "the trace "
      "taken as those without contention.",
      "Communication of jobs " +
          (s.workload.empty()
               ? std::string("as the trace has it; jobs without a collective use no network, "
                             "and nothing that concerns the network changes them")
               : "drawn as in the workload \u201c" + s.workload +
                     "\u201d where the trace has none") +
          ".",
      "Speed and power of jobs over GPUs and clock from the catalogue (" + gpus_of(c) +
          "); a job that names no model is taken for resnet50. Clocks and elasticity are worth "
          "what these curves say.",
      "Elastic jobs keep their global batch, save their work when they are stopped, and pay the "
      "time to start again. " +
          grouped(a.can_grow) + " of " + grouped(a.jobs) +
          " jobs have a use for more GPUs than they ask for" +
          (a.can_grow == 0 ? ": elasticity can only make them smaller." : "."),
      "Energy is that of the whole cluster over one period, the longest of the runs of a seed: who "
      "is done sooner rests.",
      "Idle servers: " + fixed(c.power.server_w, 0) + " W and " + fixed(c.power.gpu_idle_w, 0) +
          " W a GPU; off " + fixed(c.power.server_off_w, 0) + " W, waking takes " +
          fixed(c.power.wake_s, 0) + " s and " + fixed(c.power.wake_j / 3.6e6, 3) +
          " kWh; off after " +
          fixed(schedule::break_even_s(c.power, c.fabric.gpus_per_server()), 0) + " s.",
      "Optical fabric: " + std::to_string(o.fabric.circuits()->optical().switches) + " switches, " +
          std::to_string(o.fabric.circuits()->optical().leaf_fibres) +
          " fibre from each leaf and " +
          std::to_string(o.fabric.circuits()->optical().spine_fibres) +
          " from each spine to each, " + fixed(o.fabric.circuits()->optical().switching_ms, 0) +
          " ms to switch, " + fixed(o.power.ocs_w, 0) + " W each" +
          (c.fabric.circuits() ? "." : "; derived from the fixed network, with its ports."),
      "Differences are paired over " + std::to_string(a.period_s.size()) +
          (a.period_s.size() == 1
               ? " run: nothing says how much of them is chance."
               : " seeds; \u201cnoise\u201d: within the 95 % interval of Student's t."),
      "The trace is one sample of the future; load and mix will differ."};
  if (std::isfinite(s.options.power_budget_w))
    out.push_back("The whole cluster draws at most " + fixed(s.options.power_budget_w / 1e3, 1) +
                  " kW, today and under each step.");
  if (p.any())
    out.push_back("Money: " + examples::shortest(p.per_kwh) + " a kWh, " + hours_of(c, p) +
                  " a GPU hour that a job holds. Cooling, licences and people are left out.");
  return out;
}

/// Mean JCT and energy of each cumulated step as bars, today being 100 %.
[[nodiscard]] inline std::string bars(const advice& a) {
  constexpr double left = 150, width = 480, row = 46, top = 34;
  double most = 1;
  std::vector<std::pair<double, double>> shares{{1, 1}};
  for (const variant& v : a.together) {
    const auto share = [&](auto&& of) { return 1 + compare(a.base, v, of).relative; };
    shares.emplace_back(share([](const numbers& n) { return n.mean_jct_s; }),
                        share([](const numbers& n) { return n.energy_kwh; }));
    if (v.stuck() == 0) most = std::max({most, shares.back().first, shares.back().second});
  }
  const double height = top + row * static_cast<double>(shares.size()) + 8;
  const double scale = (width - left - 50) / most;
  svg::drawing d(
      "bars", width, height, "Mean JCT and energy with each further step",
      "Bars for each step, today being 100 %; the numbers stand in the table of steps together.");
  d.rect(left, 8, 14, 12, "f4").label(left + 20, 19, "mean JCT").newline();
  d.rect(left + 110, 8, 14, 12, "f3").label(left + 130, 19, "energy").newline();
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const double y = top + row * static_cast<double>(i);
    const std::string name = i == 0 ? "today" : a.together[i - 1].name;
    d.label(left - 10, y + 22, name, "end").newline();
    if (i > 0 && a.together[i - 1].stuck() > 0) {
      d.label(left + 6, y + 22, "cannot run all jobs", "start", "soft").newline();
      continue;
    }
    const auto bar = [&](double share, double dy, const char* colour) {
      d.rect(left, y + dy, share * scale, 16, colour);
      d.label(left + share * scale + 6, y + dy + 13, examples::percent(share, 0), "start",
              "ink small")
          .newline();
    };
    bar(shares[i].first, 2, "f4");
    bar(shares[i].second, 21, "f3");
  }
  d.line(left, top - 4, left, height - 4, "axis");
  return d.finish();
}

[[nodiscard]] inline std::string page_of(const advice& a, const cluster& c,
                                         const simulation_spec& s, const prices& p,
                                         const std::string& command) {
  using html::paragraph;
  html::page page("heddle: what each step of adoption buys",
                  svg::style() + "figure{max-width:40rem}\nth,td{padding:.32rem .5rem}\n");
  page.lead(paragraph(today_text(a, p)));
  const auto found = findings(a, p);
  std::string told;
  for (const std::string& f : found) told += paragraph(f, &f == &found.front() ? "found" : "");
  page.section(
      "findings", "In short",
      told + html::figure(bars(a),
                          "Each step with all before it, today being 100 %. Shorter is better."));
  page.section(
      "together", "Step by step",
      html::to_html(step_table(a, a.together, p,
                               "Each step together with all steps before it, against today."),
                    "together-table"));
  page.section("alone", "Each step alone",
               html::to_html(step_table(a, a.alone, p, "Each step by itself, against today."),
                             "alone-table"));
  std::vector<std::pair<std::string, std::string>> steps_list;
  for (const step& one : steps)
    steps_list.emplace_back(one.name, std::string(one.what) + ". Needs " + std::string(one.needs) +
                                          ". " + std::string(one.costs));
  page.section("steps", "The steps", html::definitions(steps_list));
  html::markup how;
  how.open("p")
      .text("Made by heddle ")
      .text(HEDDLE_VERSION_STRING)
      .text(", again with ")
      .leaf("code", command)
      .text(".")
      .close()
      .newline();
  page.section("assumptions", "What was assumed", html::items(assumptions(a, c, s, p)) + how.str());
  page.footer(paragraph("heddle " HEDDLE_VERSION_STRING));
  return page.str();
}

[[nodiscard]] inline nlohmann::ordered_json to_json(const advice& a, const cluster& c,
                                                    const simulation_spec& s, const prices& p) {
  const auto all = measures(a, p);
  const auto row = [&](const variant& v) {
    nlohmann::ordered_json j{{"name", v.name},
                             {"order", v.spec.names.order},
                             {"allocate", v.spec.names.allocate},
                             {"place", v.spec.names.place},
                             {"route", v.spec.names.route}};
    if (v.spec.options.off_after_s < std::numeric_limits<double>::infinity())
      j["off_after_s"] = v.spec.options.off_after_s;
    j["never_start"] = v.stuck();
    for (const measure& m : all) {
      const difference d = compare(a.base, v, m.of);
      j[m.key] = {{"mean", mean_of(v, m)},
                  {"change", d.mean},
                  {"relative", d.relative},
                  {"beyond_noise", d.beyond_noise}};
    }
    if (p.carbon_g_per_kwh > 0)
      j["carbon_saved_kg"] = -j["energy"]["change"].get<double>() * p.carbon_g_per_kwh / 1000;
    return j;
  };
  nlohmann::ordered_json out{
      {"jobs", a.jobs}, {"high_priority_jobs", a.urgent}, {"seeds", a.period_s.size()},
      {"seed", s.seed}, {"period_s", a.period_s},         {"today", row(a.base)}};
  out["alone"] = out["together"] = nlohmann::json::array();
  for (const variant& v : a.alone) out["alone"].push_back(row(v));
  for (const variant& v : a.together) out["together"].push_back(row(v));
  out["findings"] = findings(a, p);
  out["assumptions"] = assumptions(a, c, s, p);
  if (p.ocs > 0) {
    const auto days = payback_days(a, p);
    out["ocs_payback_days"] =
        days ? nlohmann::ordered_json(*days) : nlohmann::ordered_json(nullptr);
  }
  out["version"] = HEDDLE_VERSION_STRING;
  return out;
}

}  // namespace heddle::advise
