// heddle-rounds: jobs over several types of GPU, scheduled by rounds.
//
//   heddle-rounds --gpus v100:8,p100:16,k80:24 --jobs jobs.csv --throughputs table.csv --policy max_min
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/text.hpp>
#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>
#include <heddle/sim/rounds.hpp>
#include <heddle/trace/typed_jobs.hpp>

#include "common/names.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
namespace share = heddle::share;

struct settings {
  share::by_share_options shares;
  share::rate_by_time_left_options rate;
  std::uint64_t seed = 1;
};

struct result {
  sim::round_report report;
  double worst_gap =
      std::numeric_limits<double>::quiet_NaN();  // NaN: the policy chooses by no bound
};

using runner = result (*)(const sim::typed_jobs&, const sim::round_options&, settings);

struct policy_row {
  std::string_view name;
  std::string_view what;
  runner run;
};

template <class Shares>
result by_share(const sim::typed_jobs& jobs, const sim::round_options& rules, settings s) {
  if constexpr (std::is_same_v<Shares, share::first_come> || std::is_same_v<Shares, share::fifo>)
    s.shares.only_shared = true;
  Shares shares;
  if constexpr (std::is_same_v<Shares, share::first_come>) shares = share::first_come{s.seed};
  share::by_share<Shares> policy{shares, s.shares};
  return {.report = sim::run_rounds(jobs, policy, rules)};
}

result rate_by_time_left(const sim::typed_jobs& jobs, const sim::round_options& rules, settings s) {
  share::rate_by_time_left policy{s.rate};
  result out{.report = sim::run_rounds(jobs, policy, rules)};
  out.worst_gap = policy.worst_gap();
  return out;
}

constexpr policy_row policies[] = {
    {"fifo", "whole jobs in their order, each on its fastest type that is free",
     by_share<share::fifo>},
    {"finish_time_fairness", "the worst delay against an own share least",
     by_share<share::finish_time_fairness_so_far>},
    {"first_come", "whole jobs in their order, each on a free type at random",
     by_share<share::first_come>},
    {"makespan", "the last job done soonest", by_share<share::makespan>},
    {"max_min", "the lowest normalised level highest", by_share<share::max_min>},
    {"max_min_lexicographic", "the lowest level highest, then the next lowest",
     by_share<share::max_min_lexicographic>},
    {"max_normalized_throughput", "most samples, each job's in parts of its best",
     by_share<share::max_normalized_throughput>},
    {"max_throughput", "most samples in all", by_share<share::max_throughput>},
    {"rate_by_time_left", "jobs that end soon, on types that suit them", rate_by_time_left},
};

// "v100:8,p100:16" as types.
std::vector<trace::typed_gpus> types_in(const std::string& text) {
  std::vector<trace::typed_gpus> out;
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string_view one = trimmed(rest.substr(0, comma));
    rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    const auto colon = one.find(':');
    const auto gpus =
        colon == std::string_view::npos ? std::nullopt : number_in<int>(one.substr(colon + 1));
    if (colon == 0 || !gpus || *gpus < 1)
      throw input_error("--gpus", "types and their GPUs as v100:8,k80:24", shown(one));
    out.push_back({std::string(one.substr(0, colon)), *gpus});
  }
  if (out.empty()) throw input_error("--gpus", "types and their GPUs as v100:8,k80:24", "none");
  return out;
}

nlohmann::json number_or_null(double v) {
  return std::isfinite(v) ? nlohmann::json(v) : nlohmann::json(nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  std::string gpus, jobs_path, table_path, policy = "max_min", placement = "consolidated";
  std::string report_path = "-", per_job_path;
  sim::round_options rules;
  settings s;
  double keep = 0;
  bool at_events = false;
  return run_program(
      "heddle-rounds", "Schedules jobs over several types of GPU by rounds.", argc, argv,
      [&](CLI::App& app) {
        app.add_option("--gpus", gpus,
                       "GPUs of each type, as v100:8,p100:16; earlier types are given out first")
            ->required();
        app.add_option("--jobs", jobs_path, "CSV: submit_s, gpus, model, batch_size, total_steps")
            ->required();
        app.add_option("--throughputs", table_path,
                       "CSV: model, gpu_type, gpus, batch_size, steps_per_s")
            ->required();
        app.add_option("--placement", placement, "rows of the table with this placement")
            ->capture_default_str();
        const std::vector<name_kind> kinds{
            {"--policy", "what decides the rounds", lines_of(policies)}};
        app.add_option("--policy", policy, "what decides the rounds: " + either(kinds, "--policy"))
            ->capture_default_str();
        app.add_option("--round-s", rules.round_s, "length of a round")->capture_default_str();
        app.add_flag("--at-events", at_events,
                     "decide where a job comes or ends, in the place of rounds");
        app.add_option("--switch-s", rules.switch_s, "what a job that starts on a type loses")
            ->capture_default_str();
        app.add_option("--least-between-s", s.shares.least_between_s,
                       "shares are found anew this often at most")
            ->capture_default_str();
        app.add_option("--exponent", s.rate.exponent, "rate_by_time_left: of the time left")
            ->capture_default_str();
        app.add_option("--keep", keep,
                       "what the type that a job has just held is worth more, as a part")
            ->capture_default_str();
        app.add_option("--seed", s.seed, "of first_come")->capture_default_str();
        app.add_option("--report", report_path, "the report as JSON; - is standard output")
            ->capture_default_str();
        app.add_option("--per-job", per_job_path, "CSV of the jobs");
        add_names(app, kinds);
      },
      [&] {
        s.shares.keep = s.rate.keep = keep;
        const policy_row& chosen = find_named(policies, "--policy", policy);
        const std::vector<trace::typed_gpus> cluster = types_in(gpus);
        std::vector<std::string> types;
        for (const trace::typed_gpus& t : cluster) types.push_back(t.name);
        if (!(keep >= 0 && std::isfinite(keep)))
          throw input_error("--keep", "a number of at least 0", std::to_string(keep));
        open_text table_file{table_path};
        const auto table =
            trace::read_throughputs(table_file.stream(), table_file.name(), types, placement);
        open_text jobs_file{jobs_path};
        const auto jobs =
            trace::read_typed_jobs(jobs_file.stream(), jobs_file.name(), table, cluster);
        if (at_events) {
          if (chosen.run != rate_by_time_left)
            throw input_error("--at-events", "a policy that is none of shares: rate_by_time_left",
                              policy);
          rules.round_s = std::numeric_limits<double>::infinity();
        }
        const result done_by = chosen.run(jobs, rules, s);
        const sim::round_report& r = done_by.report;
        nlohmann::json out{{"jobs", r.jobs.size()},
                           {"mean_jct_s", r.mean_jct_s},
                           {"makespan_s", r.makespan_s},
                           {"least_makespan_s", sim::least_makespan_s(jobs)},
                           {"rounds", r.rounds},
                           {"switches", r.switches},
                           {"worst_gap", number_or_null(done_by.worst_gap)}};
        for (std::size_t j = 0; j < types.size(); ++j) out["busy"][types[j]] = r.busy[j];
        whole_files files;
        files.add(report_path, out.dump(1) + "\n");
        if (!per_job_path.empty()) {
          std::string csv = "job,submit_s,start_s,finish_s,switches\n";
          for (std::size_t i = 0; i < r.jobs.size(); ++i)
            csv += std::to_string(i) + ',' + nlohmann::json(jobs.submit_s[i]).dump() + ',' +
                   nlohmann::json(r.jobs[i].start_s).dump() + ',' +
                   nlohmann::json(r.jobs[i].finish_s).dump() + ',' +
                   std::to_string(r.jobs[i].switches) + '\n';
          files.add(per_job_path, csv);
        }
        files.commit();
        return done;
      });
}
