// The runs of a sweep.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <heddle/core/random.hpp>

#include "common/cluster_file.hpp"
#include "common/json_file.hpp"
#include "common/simulation.hpp"

namespace heddle::examples::sweep {

/// A grid of simulations. Every key but `clusters` and `jobs` may be left out; lists are crossed, the
/// last of the list below varying fastest:
///
///     {"clusters": ["c.json"], "jobs": ["j.csv"], "workloads": ["vclos"], "orders": ["fifo"],
///      "allocations": ["requested"], "placements": ["packed", "vclos"], "routes": ["ecmp"],
///      "backfills": ["none"], "loads": [0.6, 0.9], "seeds": [0, 1, 2],
///      "limit": 1000, "power_budget_w": 100000, "jobs_from": "sacct"}
///
/// Files are looked for beside the grid. A load of 0 leaves the times of submission as they are.
/// `jobs_from` says who wrote the lists of jobs, where their content leaves that open.
class grid {
 public:
  /// \param strict  what would be passed over in reading jobs is an error
  /// \throws input_error  `file:line: expected …, got …`
  grid(const json_file& f, const model::catalogue& known, bool strict = false) {
    if (!f.value().is_object()) f.fail({}, "an object");
    f.only({}, {"clusters", "jobs", "workloads", "orders", "allocations", "placements", "routes",
                "backfills", "loads", "seeds", "limit", "power_budget_w", "jobs_from"});
    const std::filesystem::path beside = std::filesystem::path(f.name()).parent_path();
    for (const std::string& path : texts(f, "clusters", {}))
      clusters_.push_back(read_cluster(network_source{.path = (beside / path).string()}, known));
    cluster_names_ = texts(f, "clusters", {});
    jobs_ = texts(f, "jobs", {});
    const auto workloads = texts(f, "workloads", {""}), orders = texts(f, "orders", {"fifo"}),
               allocations = texts(f, "allocations", {"requested"}),
               placements = texts(f, "placements", {"packed"}),
               routes = texts(f, "routes", {"ecmp"}), backfills = texts(f, "backfills", {"none"});
    const auto loads = numbers(f, "loads", 0, 1e6), seeds = numbers(f, "seeds", 0, 9e15);
    simulation_spec one;
    one.read = {.from = f.find({"jobs_from"}) ? f.text({"jobs_from"}, "a text as jobs_from") : "",
                .flag = "jobs_from in " + f.name(),
                .strict = strict};
    if (f.find({"limit"}))
      one.limit = static_cast<std::size_t>(f.integer({"limit"}, "limit of at least 1", 1));
    if (f.find({"power_budget_w"}))
      one.options.power_budget_w =
          f.number({"power_budget_w"}, "power_budget_w as a positive number", 1e-9, 1e15);
    for (std::size_t c = 0; c < clusters_.size(); ++c)
      for (const std::string& jobs : jobs_)
        for (const std::string& workload : workloads)
          for (const std::string& order : orders)
            for (const std::string& allocate : allocations)
              for (const std::string& place : placements)
                for (const std::string& route : routes)
                  for (const std::string& backfill : backfills)
                    for (const double load : loads)
                      for (const double seed : seeds) {
                        one.jobs = (beside / jobs).string();
                        one.workload = workload;
                        one.names = {order, allocate, place, route};
                        one.names.backfill = backfill;
                        one.load = load;
                        one.seed = static_cast<std::uint64_t>(seed);
                        check_names(one);
                        (void)network_for(clusters_[c], place);
                        runs_.push_back({c, jobs, one});
                      }
    fingerprint_ = mix(runs_.size());
    for (const char byte : f.value().dump())
      fingerprint_ = mix(fingerprint_ + static_cast<unsigned char>(byte));
    if (strict) fingerprint_ = mix(fingerprint_ + 1);
  }

  [[nodiscard]] std::size_t size() const { return runs_.size(); }
  /// Of the grid's text, so that a journal is not gone on with under another grid.
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }

  [[nodiscard]] static std::string header() {
    std::string out = "cluster,jobs_file,workload,order,allocate,place,route,backfill,load,status";
    const nlohmann::ordered_json keys = report_of({}, 0);
    for (const auto& [key, value] : keys.items()) out += ',' + std::string(key);
    return out;
  }

  /// Simulates run `i` and returns its row: the same whoever runs it, so times of decisions are left
  /// out. A run that cannot be has its status and no numbers.
  [[nodiscard]] std::string run(std::size_t i, const model::catalogue& known) const {
    const one_run& r = runs_[i];
    cluster c = clusters_[r.cluster];
    c.fabric = network_for(c, r.what.names.place);
    scheduler_names names = r.what.names;
    if (!c.links_told) names.route = "ideal";  // nothing is simulated over links nobody knows
    const model::workload w = read_workload(r.what, c, known);
    const sim::report report = run_simulation(c.fabric, w, names, r.what.options, r.what.seed,
                                              {.power = c.power, .keep_records = false});
    const scheduler_names& n = names;
    std::string row;
    for (const std::string& s :
         {quoted(cluster_names_[r.cluster]), quoted(r.jobs), r.what.workload, n.order, n.allocate,
          n.place, n.route, n.backfill, nlohmann::json(r.what.load).dump()})
      row += s + ',';
    row += sim::name(report.status);
    const nlohmann::ordered_json numbers = report_of(report, r.what.seed);
    for (const auto& [key, value] : numbers.items()) {
      row += ',';
      row += value.is_string() ? value.template get<std::string>() : value.dump();
    }
    return row;
  }

 private:
  struct one_run {
    std::size_t cluster;
    std::string jobs;
    simulation_spec what;
  };

  static nlohmann::ordered_json report_of(const sim::report& r, std::uint64_t seed) {
    nlohmann::ordered_json out = to_json(r, seed);
    for (const char* key : {"energy_parts_j", "decide_us_p50", "decide_us_p99"}) out.erase(key);
    return out;
  }
  static std::string quoted(const std::string& s) {
    if (s.find_first_of(",\"\n") == std::string::npos) return s;
    std::string out = "\"";
    for (const char c : s) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
  }

  /// A list of texts, `otherwise` if there is none.
  static std::vector<std::string> texts(const json_file& f, const char* key,
                                        std::vector<std::string> otherwise) {
    const std::size_t n = length(f, key);
    if (n == 0 && otherwise.empty()) f.fail({key}, std::string("a list of files as ") + key);
    if (n == 0) return otherwise;
    std::vector<std::string> out;
    for (std::size_t i = 0; i < n; ++i)
      out.push_back(f.text({key, i}, std::string("a text in ") + key));
    return out;
  }
  static std::vector<double> numbers(const json_file& f, const char* key, double least,
                                     double most) {
    const std::size_t n = length(f, key);
    if (n == 0) return {0};
    std::vector<double> out;
    for (std::size_t i = 0; i < n; ++i)
      out.push_back(
          f.number({key, i}, std::string("a number of at least 0 in ") + key, least, most));
    return out;
  }
  static std::size_t length(const json_file& f, const char* key) {
    const auto* list = f.find({key});
    if (!list) return 0;
    if (!list->is_array() || list->empty()) f.fail({key}, std::string("a list as ") + key);
    return list->size();
  }

  std::vector<cluster> clusters_;
  std::vector<std::string> cluster_names_, jobs_;
  std::vector<one_run> runs_;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace heddle::examples::sweep
