// heddle-fit: measured iterations of training jobs → models of their time and power.
//
//   heddle-fit --samples s.csv --report m.json
//   heddle-fit --samples s.csv --predict more.csv
//   heddle-fit --contention c.csv
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>
#include <heddle/model/fit_contention.hpp>
#include <heddle/model/fit_power.hpp>
#include <heddle/model/fit_time.hpp>
#include <heddle/trace/csv.hpp>
#include <heddle/version.hpp>

#include "common/names.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"
#include "fit/groups.hpp"
#include "fit/samples.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples::fit;
using json = nlohmann::ordered_json;

constexpr examples::named<model::power_form> power_forms[] = {
    {"ridge", "a floor and a rise from the ridge clock on", model::power_form::ridge},
    {"cubic", "a floor and the cube of the clock", model::power_form::cubic},
};

struct options {
  std::string samples = "-", predict, predict_out = "-", report, others, suggest;
  std::string form = "ridge";
  int gpus_per_server = 8;
  bool leave_one_out = false;
  bool plain = false;
  std::string contention;
};

/// Errors of predicting each sample from all others.
[[nodiscard]] json leave_one_out(const group& g, const fitting& how) {
  model::fit_error_sum time, power;
  double seen = 0, covered = 0;
  for (std::size_t i = 0; i < g.samples.size(); ++i) {
    table rest;
    for (std::size_t k = 0; k < g.samples.size(); ++k)
      if (k != i) rest.rows.push_back({g.key, g.samples[k], g.where, {}, 1});
    std::vector<group> others;
    try {
      others = fit_groups(rest, how);
    } catch (const examples::unmet_request&) {
      continue;  // without this sample nothing can be told
    }
    if (others.empty()) continue;
    const prediction p = predict(others[0], g.samples[i]);
    time.add(p.time.iteration_s, g.samples[i].iteration_s);
    const double measured = g.samples[i].iteration_s;
    ++seen, covered += p.time.low_s <= measured && measured <= p.time.high_s;
    if (p.power_w && g.samples[i].power_w) power.add(*p.power_w, *g.samples[i].power_w);
  }
  json out{{"time_mape", time.result().mape}};
  if (seen > 0) out["covered_95"] = covered / seen;
  if (power.result().samples) out["power_mape"] = power.result().mape;
  return out;
}

[[nodiscard]] json described(const std::vector<model::parameter_estimate>& parameters,
                             const model::batch_profile& profile, const model::fit_error& error,
                             const char* unit, double noise) {
  json out;
  out["parameters"] = json::array();
  out["pinned"] = json::array();
  for (const model::parameter_estimate& e : parameters) {
    out["parameters"].push_back({{"name", e.name},
                                 {"value", e.value},
                                 {"standard_error", e.standard_error},
                                 {"low_95", e.low},
                                 {"high_95", e.high},
                                 {"state", name(e.state)}});
    if (e.state != model::parameter_state::free)
      out["pinned"].push_back({{"parameter", e.name}, {"why", e.why}});
  }
  if (!profile.knots().empty()) {
    out["batch_profile"] = json::array();
    for (const auto& k : profile.knots()) out["batch_profile"].push_back({k.local_batch, k.factor});
  }
  out["noise"] = noise;
  out[std::string("rmse_") + unit] = error.rmse;
  out["mape"] = error.mape;
  out["worst"] = error.worst;
  return out;
}

/// What is known of a type against the one that its fit was carried from.
[[nodiscard]] json described(const model::type_ratio& ratio) {
  const auto part = [](const model::belief& b) {
    return json{{"ratio", b.usual},
                {"low_95", b.usual * std::exp(-model::normal_95 * b.spread)},
                {"high_95", b.usual * std::exp(model::normal_95 * b.spread)}};
  };
  return {{"compute", part(ratio.compute)},
          {"sync_in_server", part(ratio.within)},
          {"sync_across", part(ratio.across)},
          {"scatter", ratio.scatter}};
}

[[nodiscard]] std::string report(const std::vector<group>& groups, const options& o,
                                 const fitting& how, const json& next) {
  json out;
  out["version"] = HEDDLE_VERSION_STRING;
  out["groups"] = json::array();
  for (const group& g : groups) {
    json entry;
    if (!g.key[0].empty()) entry["model"] = g.key[0];
    if (!g.key[1].empty()) entry["gpu_type"] = g.key[1];
    entry["samples"] = g.samples.size();
    if (g.carried) {
      entry["carried_from"] = g.from;
      entry["against_it"] = described(g.carried->ratio(g.key[1]));
      out["groups"].push_back(std::move(entry));
      continue;
    }
    entry["time"] = described(g.time.parameters, g.time.profile, g.time.error, "s", g.time.noise);
    entry["time"]["clock"] = g.time.by_limit      ? "share of the top clock, from the power limit"
                             : g.time.clock_known ? "as measured"
                                                  : "unknown";
    entry["time"]["scatter"] = g.time.stretch * g.time.scatter;
    if (g.power) {
      entry["power"] =
          described(g.power->parameters, g.power->profile, g.power->error, "w", g.power->noise);
      entry["power"]["form"] = g.power->by_limit ? "limits" : o.form;
      entry["power"]["samples"] = g.power->error.samples;
    }
    if (o.leave_one_out) entry["leave_one_out"] = leave_one_out(g, how);
    out["groups"].push_back(std::move(entry));
  }
  if (!next.empty()) out["next"] = next;
  return out.dump(2) + "\n";
}

[[nodiscard]] std::string number(double x) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), x).ptr;
  return {text.data(), end};
}

/// A field as CSV wants it.
[[nodiscard]] std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

[[nodiscard]] std::string predictions(std::vector<group> groups, const options& o,
                                      const fitting& how) {
  const table wanted = read_table(o.predict, false, o.gpus_per_server);
  std::string out;
  for (const std::string& column : wanted.columns) out += column + ",";
  out += "iteration_s,power_w,low_s,high_s,carried_from\n";
  for (const row& r : wanted.rows) {
    auto at = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.key == r.key; });
    if (at == groups.end())
      if (std::optional<group> carried = unmeasured(groups, how, r.key))
        groups.push_back(std::move(*carried)), at = std::prev(groups.end());
    if (at == groups.end())
      throw examples::unmet_request(
          r.where + ": expected a model and GPU type that was fitted, got " + in_words(r.key));
    const model::time_fit& time = at->carried ? at->carried->fit() : at->time;
    if (time.clock_known && !wanted.has("clock_ghz"))
      throw input_error(o.predict + ":1", "a column \"clock_ghz\" as in the samples", "none");
    if (time.by_limit && !wanted.has("power_limit_w"))
      throw input_error(o.predict + ":1", "a column \"power_limit_w\" as in the samples", "none");
    const prediction p = predict(*at, r.sample);
    for (const std::string& text : r.fields) out += field(text) + ",";
    out += number(p.time.iteration_s) + "," + (p.power_w ? number(*p.power_w) : "") + "," +
           number(p.time.low_s) + "," + number(p.time.high_s) + "," + field(at->from) + "\n";
  }
  return out;
}

/// For each model of a file of candidates, the one to measure next.
[[nodiscard]] json suggestions(const std::vector<group>& groups, const options& o,
                               const fitting& how) {
  const table wanted = read_table(o.suggest, false, o.gpus_per_server);
  json out = json::array();
  std::vector<std::string> models;
  for (const row& r : wanted.rows)
    if (std::find(models.begin(), models.end(), r.key[0]) == models.end())
      models.push_back(r.key[0]);
  for (const std::string& name : models) {
    std::vector<model::typed_candidate> candidates;
    std::vector<const row*> rows;
    std::set<std::string> types;
    for (const row& r : wanted.rows)
      if (r.key[0] == name) {
        const auto measured = [&](const group& g) {
          return g.key == r.key && std::any_of(g.samples.begin(), g.samples.end(), [&](auto& s) {
                   return s.config == r.sample.config;
                 });
        };
        if (std::any_of(groups.begin(), groups.end(), measured)) continue;
        candidates.push_back({r.key[1], r.sample.config, r.cost});
        rows.push_back(&r);
        types.insert(r.key[1]);
      }
    if (candidates.empty()) continue;  // all were measured
    const model::typed_fit job = over_types(groups, how, name, types);
    if (job.fit().by_limit || (job.fit().clock_known && !wanted.has("clock_ghz")))
      throw input_error(o.suggest + ":1", "candidates with clocks as in the samples", "none");
    const model::typed_suggestion best = job.suggest(candidates);
    const row& r = *rows[best.candidate];
    json entry;
    for (std::size_t i = 0; i < wanted.columns.size(); ++i) entry[wanted.columns[i]] = r.fields[i];
    entry["cost"] = r.cost;
    entry["deviation"] = best.deviation;
    entry["gain"] = best.gain;
    out.push_back(std::move(entry));
  }
  return out;
}

/// What is exposed and what hidden of the communication of each model, GPU type and number of GPUs.
[[nodiscard]] std::string report_contention(const std::string& path) {
  examples::open_text text(path);
  trace::csv_reader file(text.stream(), text.name());
  file.require({"iteration_s", "stretch"});
  const auto time = file.required("iteration_s"), stretch = file.required("stretch");
  const auto share = file.column("network_share");
  static constexpr std::array<const char*, 3> names{"model", "gpu_type", "gpus"};
  std::array<std::optional<trace::csv_column>, 3> columns;
  for (std::size_t i = 0; i < names.size(); ++i) columns[i] = file.column(names[i]);
  struct kind {
    std::array<std::string, 3> key;
    std::string where;
    std::optional<double> network_share;
    std::vector<model::contended_sample> samples;
  };
  std::vector<kind> kinds;
  while (file.next()) {
    std::array<std::string, 3> key;
    for (std::size_t i = 0; i < key.size(); ++i)
      if (columns[i]) key[i] = file.text(*columns[i]);
    auto at = std::find_if(kinds.begin(), kinds.end(), [&](auto& k) { return k.key == key; });
    if (at == kinds.end()) at = kinds.insert(kinds.end(), {key, file.where(), {}, {}});
    model::contended_sample s;
    s.iteration_s = file.number(time, 0, "an iteration time > 0 s");
    if (!(s.iteration_s > 0)) file.fail(time, "an iteration time > 0 s");
    s.stretch = file.number(stretch, 1, "a stretch of communication of at least 1");
    if (share && !file.empty(*share)) {
      const double x = file.number(*share, 0, "a share from 0 to below 1");
      if (x >= 1) file.fail(*share, "a share from 0 to below 1");
      if (at->network_share && *at->network_share != x)
        file.fail(*share, "one share for all samples of a job");
      at->network_share = x;
    }
    at->samples.push_back(s);
  }
  if (kinds.empty()) throw input_error(file.where(), "at least one row", "none");
  json out{{"version", HEDDLE_VERSION_STRING}, {"groups", json::array()}};
  for (const kind& k : kinds) {
    model::contention_fit fit;
    try {
      fit = model::fit_contention(k.samples, k.network_share);
    } catch (const input_error& e) {
      throw examples::unmet_request(k.where + ": expected " + e.expected() + ", got " + e.got());
    }
    json entry;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!k.key[i].empty()) entry[names[i]] = k.key[i];
    entry["samples"] = k.samples.size();
    entry["iteration_s"] = fit.alone_s;
    entry["comm_share"] = fit.shares.exposed;
    if (fit.hidden_known)
      entry["overlap"] = fit.shares.hidden;
    else
      entry["overlap"] = nullptr;
    entry["overlap_at_most"] = fit.hidden_at_most;
    entry["rmse_s"] = fit.error.rmse;
    entry["mape"] = fit.error.mape;
    out["groups"].push_back(std::move(entry));
  }
  return out.dump(2) + "\n";
}

int run(const options& o) {
  if (!o.contention.empty()) {
    examples::whole_files out;
    out.add(o.report.empty() ? "-" : o.report, report_contention(o.contention));
    out.commit();
    return examples::done;
  }
  const table samples = read_table(o.samples, true, o.gpus_per_server);
  fitting how{.form = examples::find_named(power_forms, "--model", o.form).value,
              .plain = o.plain,
              .others = {}};
  if (!o.others.empty())
    how.others = tables_of(grouped(read_table(o.others, true, o.gpus_per_server)));
  const std::vector<group> groups = fit_groups(samples, how);
  const json next = o.suggest.empty() ? json{} : suggestions(groups, o, how);
  // Everything is computed before anything is written.
  examples::whole_files out;
  if (!o.report.empty() || o.predict.empty())
    out.add(o.report.empty() ? "-" : o.report, report(groups, o, how, next));
  if (!o.predict.empty()) out.add(o.predict_out, predictions(groups, o, how));
  out.commit();
  return examples::done;
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  return examples::run_program(
      "heddle-fit",
      "Fits models of time and power to measured iterations of training jobs.\n\n"
      "Samples are CSV with the column iteration_s, if known power_w (of all GPUs of the job), and "
      "any of gpus, servers, local_batch, clock_ghz, power_limit_w; rows are grouped by the "
      "columns "
      "model and gpu_type where present. The report says for each group the parameters with their "
      "standard errors and 95 % intervals, what was pinned and why, and the errors of time and "
      "power (mape, worst and noise are shares, not per cent). Predictions have a 95 % interval, "
      "low_s to high_s.\n\n"
      "A model that was measured on one type of GPU is predicted on others too, and a group of "
      "fewer than four samples is taken with what is known from a better measured type: by other "
      "models on both types, else by datasheets (carried_from).\n\n"
      "With --contention, which part of an iteration alone is communication that nothing hides "
      "(comm_share) and which is hidden behind computing (overlap), as jobs.csv has them: null "
      "where no sample tells.",
      argc, argv,
      [&](CLI::App& app) {
        auto* samples = app.add_option("--samples,samples", o.samples,
                                       "measurements, CSV (- is standard input)")
                            ->capture_default_str();
        app.add_option("--model", o.form,
                       "power over the clock: " + examples::either(examples::lines_of(power_forms)))
            ->capture_default_str();
        auto* predict = app.add_option("--predict", o.predict,
                                       "configurations to predict, CSV of the same columns");
        app.add_option("--contention", o.contention,
                       "iterations measured alone and beside others, CSV: iteration_s, stretch (of "
                       "communication, 1 alone) and, if known, model, gpu_type, gpus, "
                       "network_share (of the time, exposed and hidden)")
            ->excludes(samples, predict);
        app.add_option("--others", o.others,
                       "whole tables of other models, CSV of the same columns: what is usual, and "
                       "how sure, is learnt from them; rows of the model at hand are left out")
            ->excludes("--contention");
        app.add_option(
               "--suggest", o.suggest,
               "candidates, CSV of the same columns and, if known, cost (else the GPUs): the "
               "report says which one to measure next of each model, on any type")
            ->excludes("--contention");
        app.add_option("--predict-out", o.predict_out, "where predictions go, CSV")
            ->capture_default_str();
        app.add_option("--report", o.report,
                       "where the report goes, JSON (standard output unless --predict is given)");
        app.add_option("--gpus-per-server", o.gpus_per_server,
                       "where there is no column servers: GPUs fill servers of this size")
            ->check(CLI::PositiveNumber)
            ->capture_default_str();
        app.add_flag("--leave-one-out", o.leave_one_out,
                     "report the errors of predicting each sample from all others too");
        app.add_flag("--plain", o.plain,
                     "the plain form only: no factors for batch sizes, no knee, no ring term");
      },
      [&] { return run(o); });
}
