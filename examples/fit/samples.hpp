// Files of samples and configurations as heddle-fit reads them.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/model/sample.hpp>
#include <heddle/trace/csv.hpp>

#include "common/open_text.hpp"

namespace heddle::examples::fit {

/// Which model was measured on which GPUs; empty where the file has no such column.
using group_key = std::array<std::string, 2>;

[[nodiscard]] inline std::string in_words(const group_key& key) {
  std::string out;
  for (const std::string& part : key)
    if (!part.empty()) out += (out.empty() ? "" : " on ") + part;
  return out.empty() ? "the samples" : out;
}

/// A row of a file of samples or configurations.
struct row {
  group_key key;
  heddle::model::sample sample;
  std::string where;
  std::vector<std::string> fields;  ///< of the configuration columns, as they stood in the file
  double cost = 1;                  ///< of measuring it: the column cost, else its GPUs
};

struct table {
  std::vector<std::string> columns;  ///< configuration columns that the file has, in its order
  std::vector<row> rows;

  [[nodiscard]] bool has(std::string_view column) const {
    return std::find(columns.begin(), columns.end(), column) != columns.end();
  }
};

[[nodiscard]] inline table read_table(const std::string& path, bool measured, int gpus_per_server) {
  open_text text(path);
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
  const auto limit = file.column("power_limit_w"), cost = file.column("cost");
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
    heddle::model::configuration& c = r.sample.config;
    if (gpus) c.gpus = file.integer(*gpus, 1, "a positive whole number of GPUs");
    c.servers = (c.gpus + gpus_per_server - 1) / gpus_per_server;
    if (servers) {
      c.servers = file.integer(*servers, 1, "a positive whole number of servers");
      if (c.servers > c.gpus) file.fail(*servers, "at most as many servers as GPUs");
    }
    if (batch) c.local_batch = file.number(*batch, 0, "a batch size of at least 0");
    if (clock) c.clock_ghz = positive(*clock, "a clock > 0 GHz");
    if (limit) r.sample.power_limit_w = positive(*limit, "a power limit > 0 W");
    r.cost = cost ? positive(*cost, "a cost > 0") : c.gpus;
    if (time) r.sample.iteration_s = positive(*time, "an iteration time > 0 s");
    if (power && !file.empty(*power)) r.sample.power_w = positive(*power, "a power > 0 W");
    out.rows.push_back(std::move(r));
  }
  if (out.rows.empty()) throw input_error(file.where(), "at least one row", "none");
  return out;
}

}  // namespace heddle::examples::fit
