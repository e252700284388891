// heddle-fit: measured iterations of training jobs → models of their time and power.
//
//   heddle-fit --samples s.csv --report m.json
//   heddle-fit --samples s.csv --predict more.csv
//   heddle-fit --contention c.csv
#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iostream>
#include <optional>
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

namespace {

using namespace heddle;
using json = nlohmann::ordered_json;

constexpr examples::named<model::power_form> power_forms[] = {
    {"ridge", "a floor and a rise from the ridge clock on", model::power_form::ridge},
    {"cubic", "a floor and the cube of the clock", model::power_form::cubic},
};

struct options {
  std::string samples = "-", predict, predict_out = "-", report;
  std::string form = "ridge";
  int gpus_per_server = 8;
  bool leave_one_out = false;
  bool plain = false;
  std::string contention;
};

/// Which model was measured on which GPUs; empty where the file has no such column.
using group_key = std::array<std::string, 2>;

[[nodiscard]] std::string in_words(const group_key& key) {
  std::string out;
  for (const std::string& part : key)
    if (!part.empty()) out += (out.empty() ? "" : " on ") + part;
  return out.empty() ? "the samples" : out;
}

/// A row of a file of samples or configurations.
struct row {
  group_key key;
  model::sample sample;
  std::string where;
  std::vector<std::string> fields;  ///< of the configuration columns, as they stood in the file
};

struct table {
  std::vector<std::string> columns;  ///< configuration columns that the file has, in its order
  std::vector<row> rows;

  [[nodiscard]] bool has(std::string_view column) const {
    return std::find(columns.begin(), columns.end(), column) != columns.end();
  }
};

[[nodiscard]] table read_table(const std::string& path, bool measured, int gpus_per_server) {
  examples::open_text text(path);
  trace::csv_reader file(text.stream(), text.name());
  if (measured) file.require({"iteration_s"});
  table out;
  static constexpr std::array<std::string_view, 7> known{
      "model", "gpu_type", "gpus", "servers", "local_batch", "clock_ghz", "power_limit_w"};
  std::vector<trace::csv_column> copied;
  for (const std::string& column : file.columns())
    if (std::find(known.begin(), known.end(), column) != known.end()) {
      out.columns.push_back(column);
      copied.push_back(file.required(column));
    }
  const auto model = file.column("model"), gpu_type = file.column("gpu_type");
  const auto gpus = file.column("gpus"), servers = file.column("servers");
  const auto batch = file.column("local_batch"), clock = file.column("clock_ghz");
  const auto limit = file.column("power_limit_w");
  std::optional<trace::csv_column> time, power;
  if (measured) time = file.required("iteration_s"), power = file.column("power_w");

  const auto positive = [&](const trace::csv_column& c, std::string_view expected) {
    const double x = file.number(c, expected);
    if (!(x > 0)) file.fail(c, expected);
    return x;
  };
  while (file.next()) {
    row r;
    r.where = file.where();
    for (const trace::csv_column& c : copied) r.fields.push_back(file.text(c));
    if (model) r.key[0] = file.text(*model);
    if (gpu_type) r.key[1] = file.text(*gpu_type);
    model::configuration& c = r.sample.config;
    if (gpus) c.gpus = file.integer(*gpus, 1, "a positive whole number of GPUs");
    c.servers = (c.gpus + gpus_per_server - 1) / gpus_per_server;
    if (servers) {
      c.servers = file.integer(*servers, 1, "a positive whole number of servers");
      if (c.servers > c.gpus) file.fail(*servers, "at most as many servers as GPUs");
    }
    if (batch) c.local_batch = file.number(*batch, 0, "a batch size of at least 0");
    if (clock) c.clock_ghz = positive(*clock, "a clock > 0 GHz");
    if (limit) r.sample.power_limit_w = positive(*limit, "a power limit > 0 W");
    if (time) r.sample.iteration_s = positive(*time, "an iteration time > 0 s");
    if (power && !file.empty(*power)) r.sample.power_w = positive(*power, "a power > 0 W");
    out.rows.push_back(std::move(r));
  }
  if (out.rows.empty()) throw input_error(file.where(), "at least one row", "none");
  return out;
}

struct group {
  group_key key;
  std::string where;  ///< of its first row
  std::vector<model::sample> samples;
  model::time_fit time;
  std::optional<model::power_fit> power;
};

/// Groups in the order of their first rows, fitted.
[[nodiscard]] std::vector<group> fit_groups(const table& samples, const options& o) {
  const model::power_form form = examples::find_named(power_forms, "--model", o.form).value;
  std::vector<group> groups;
  for (const row& r : samples.rows) {
    auto at = std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.key == r.key; });
    if (at == groups.end())
      at = groups.insert(
          groups.end(),
          group{.key = r.key, .where = r.where, .samples = {}, .time = {}, .power = {}});
    at->samples.push_back(r.sample);
  }
  for (group& g : groups) {
    try {
      g.time = model::fit_time(g.samples,
                               {.batch_profile = !o.plain, .knee = !o.plain, .ring = !o.plain});
    } catch (const input_error& e) {
      throw examples::unmet_request(g.where + ": expected " + e.expected() + " of " +
                                    in_words(g.key) + ", got " + e.got());
    }
    if (std::any_of(g.samples.begin(), g.samples.end(),
                    [](const model::sample& s) { return s.power_w.has_value(); }))
      g.power = model::fit_power(g.samples, g.time, {.form = form, .batch_profile = !o.plain});
  }
  return groups;
}

struct prediction {
  double iteration_s = 0;
  std::optional<double> power_w;
};

[[nodiscard]] prediction predict(const model::time_fit& time,
                                 const std::optional<model::power_fit>& power,
                                 const model::sample& s) {
  const double limit = s.power_limit_w.value_or(0);
  const model::step_time t = time(s.config, limit);
  prediction p{t.total_s, std::nullopt};
  if (power) p.power_w = (*power)(s.config, t, time.clock(s.config.clock_ghz, limit), limit);
  return p;
}

/// Errors of predicting each sample from all others.
[[nodiscard]] json leave_one_out(const group& g, const options& o) {
  model::fit_error_sum time, power;
  for (std::size_t i = 0; i < g.samples.size(); ++i) {
    table rest;
    for (std::size_t k = 0; k < g.samples.size(); ++k)
      if (k != i) rest.rows.push_back({g.key, g.samples[k], g.where, {}});
    std::vector<group> others;
    try {
      others = fit_groups(rest, o);
    } catch (const examples::unmet_request&) {
      continue;  // without this sample nothing can be told
    }
    if (others.empty()) continue;
    const prediction p = predict(others[0].time, others[0].power, g.samples[i]);
    time.add(p.iteration_s, g.samples[i].iteration_s);
    if (p.power_w && g.samples[i].power_w) power.add(*p.power_w, *g.samples[i].power_w);
  }
  json out{{"time_mape", time.result().mape}};
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

[[nodiscard]] std::string report(const std::vector<group>& groups, const options& o) {
  json out;
  out["version"] = HEDDLE_VERSION_STRING;
  out["groups"] = json::array();
  for (const group& g : groups) {
    json entry;
    if (!g.key[0].empty()) entry["model"] = g.key[0];
    if (!g.key[1].empty()) entry["gpu_type"] = g.key[1];
    entry["samples"] = g.samples.size();
    entry["time"] = described(g.time.parameters, g.time.profile, g.time.error, "s", g.time.noise);
    entry["time"]["clock"] = g.time.by_limit      ? "share of the top clock, from the power limit"
                             : g.time.clock_known ? "as measured"
                                                  : "unknown";
    if (g.power) {
      entry["power"] =
          described(g.power->parameters, g.power->profile, g.power->error, "w", g.power->noise);
      entry["power"]["form"] = g.power->by_limit ? "limits" : o.form;
      entry["power"]["samples"] = g.power->error.samples;
    }
    if (o.leave_one_out) entry["leave_one_out"] = leave_one_out(g, o);
    out["groups"].push_back(std::move(entry));
  }
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

[[nodiscard]] std::string predictions(const std::vector<group>& groups, const options& o) {
  const table wanted = read_table(o.predict, false, o.gpus_per_server);
  std::string out;
  for (const std::string& column : wanted.columns) out += column + ",";
  out += "iteration_s,power_w\n";
  for (const row& r : wanted.rows) {
    const auto at =
        std::find_if(groups.begin(), groups.end(), [&](auto& g) { return g.key == r.key; });
    if (at == groups.end())
      throw examples::unmet_request(
          r.where + ": expected a model and GPU type that was fitted, got " + in_words(r.key));
    if (at->time.clock_known && !wanted.has("clock_ghz"))
      throw input_error(o.predict + ":1", "a column \"clock_ghz\" as in the samples", "none");
    if (at->time.by_limit && !wanted.has("power_limit_w"))
      throw input_error(o.predict + ":1", "a column \"power_limit_w\" as in the samples", "none");
    const prediction p = predict(at->time, at->power, r.sample);
    for (const std::string& text : r.fields) out += field(text) + ",";
    out += number(p.iteration_s) + "," + (p.power_w ? number(*p.power_w) : "") + "\n";
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
  const std::vector<group> groups = fit_groups(samples, o);
  // Everything is computed before anything is written.
  examples::whole_files out;
  if (!o.report.empty() || o.predict.empty())
    out.add(o.report.empty() ? "-" : o.report, report(groups, o));
  if (!o.predict.empty()) out.add(o.predict_out, predictions(groups, o));
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
      "power (mape, worst and noise are shares, not per cent).\n\n"
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
