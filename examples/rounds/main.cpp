// heddle-rounds: jobs over several types of GPU, scheduled by rounds.
//
//   heddle-rounds --gpus v100:8,p100:16,k80:24 --jobs jobs.csv --throughputs table.csv --policy max_min
//   heddle-rounds --gpus v100:16,p100:24,k80:24 --synthetic 160 --throughputs table.csv --policy relative_goodput
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
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>
#include <heddle/share/type_blind.hpp>
#include <heddle/sim/rounds.hpp>
#include <heddle/trace/elastic_jobs.hpp>
#include <heddle/trace/typed_jobs.hpp>

#include "common/json_file.hpp"
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
  share::relative_goodput_options goodput;
  std::uint64_t seed = 1;
};

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

struct result {
  sim::round_report report;
  double worst_gap = unknown;  // NaN: the policy chooses by no bound
};

// Policies without a choice of numbers take `asked` alone.
using runner = result (*)(const sim::elastic_jobs&, const sim::round_options&, settings);

struct policy_row {
  std::string_view name;
  std::string_view what;
  runner run;
};

template <class Shares>
result by_share(const sim::elastic_jobs& jobs, const sim::round_options& rules, settings s) {
  if constexpr (std::is_same_v<Shares, share::first_come> || std::is_same_v<Shares, share::fifo>)
    s.shares.only_shared = true;
  Shares shares;
  if constexpr (std::is_same_v<Shares, share::first_come>) shares = share::first_come{s.seed};
  share::by_share<Shares> policy{shares, s.shares};
  return {.report = sim::run_rounds(jobs.asked, policy, rules)};
}

result rate_by_time_left(const sim::elastic_jobs& jobs, const sim::round_options& rules,
                         settings s) {
  share::rate_by_time_left policy{s.rate};
  result out{.report = sim::run_rounds(jobs.asked, policy, rules)};
  out.worst_gap = policy.worst_gap();
  return out;
}

result relative_goodput(const sim::elastic_jobs& jobs, const sim::round_options& rules,
                        settings s) {
  share::relative_goodput policy{s.goodput};
  result out{.report = sim::run_rounds(jobs, policy, rules)};
  out.worst_gap = policy.worst_gap();
  return out;
}

result type_blind(const sim::elastic_jobs& jobs, const sim::round_options& rules, settings s) {
  share::type_blind policy{share::relative_goodput{s.goodput}};
  result out{.report = sim::run_rounds(jobs, policy, rules)};
  out.worst_gap = policy.policy().worst_gap();
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
    {"relative_goodput", "elastic: types and numbers of GPUs by relative goodput, as Sia",
     relative_goodput},
    {"type_blind", "elastic: the same, all types taken for one, as Pollux", type_blind},
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

}  // namespace

int main(int argc, char** argv) {
  std::string gpus, jobs_path, table_path, policy = "max_min", placement = "consolidated";
  std::string report_path = "-", per_job_path;
  sim::round_options rules;
  settings s;
  double keep = 0;
  bool at_events = false, elastic = false, newcomers_run = false, parts_of_steps = false;
  std::size_t synthetic = 0;
  trace::elastic_mix mix;
  return run_program(
      "heddle-rounds", "Schedules jobs over several types of GPU by rounds.", argc, argv,
      [&](CLI::App& app) {
        app.add_option("--gpus", gpus,
                       "GPUs of each type, as v100:8,p100:16; earlier types are given out first")
            ->required();
        app.add_option("--jobs", jobs_path, "CSV: submit_s, gpus, model, batch_size, total_steps");
        app.add_flag("--elastic", elastic,
                     "jobs of several numbers of GPUs: CSV with samples in the place of "
                     "total_steps, batch_size of all GPUs together, and noise_scale");
        app.add_option("--synthetic", synthetic,
                       "draw so many jobs of several numbers of GPUs in the place of --jobs");
        app.add_option("--per-hour", mix.per_hour, "--synthetic: how many come in an hour")
            ->capture_default_str();
        app.add_option("--noise-scale", mix.noise_scale,
                       "--synthetic: of the gradient, in batches; 0: batches stay as they are")
            ->capture_default_str();
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
        app.add_option("--power", s.goodput.power,
                       "relative_goodput and type_blind: of the relative goodput")
            ->capture_default_str();
        app.add_option("--waiting", s.goodput.waiting,
                       "relative_goodput and type_blind: what a job that waits costs")
            ->capture_default_str();
        app.add_flag(
            "--newcomers-run", newcomers_run,
            "policies of shares: jobs that came since the last shares run on GPUs left over");
        app.add_flag("--parts-of-steps", parts_of_steps,
                     "jobs do parts of steps in a round too, in the place of whole ones");
        app.add_option("--seed", s.seed, "of first_come and --synthetic")->capture_default_str();
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
        s.shares.newcomers_hold = !newcomers_run;
        rules.whole_steps = !parts_of_steps;
        mix.jobs = synthetic;
        mix.seed = s.seed;
        if (jobs_path.empty() == (synthetic == 0))
          throw input_error("--jobs", "a file, or --synthetic, and not both",
                            synthetic == 0 ? "neither" : "both");
        if (!(mix.per_hour > 0 && std::isfinite(mix.per_hour)))
          throw input_error("--per-hour", "a number above 0", std::to_string(mix.per_hour));
        if (!(mix.noise_scale >= 0 && std::isfinite(mix.noise_scale)))
          throw input_error("--noise-scale", "a number of at least 0",
                            std::to_string(mix.noise_scale));
        open_text table_file{table_path};
        const auto table =
            trace::read_throughputs(table_file.stream(), table_file.name(), types, placement);
        sim::elastic_jobs jobs;
        if (synthetic > 0) {
          jobs = trace::synthetic_elastic_jobs(table, cluster, mix);
        } else {
          open_text jobs_file{jobs_path};
          if (elastic)
            jobs = trace::read_elastic_jobs(jobs_file.stream(), jobs_file.name(), table, cluster);
          else
            jobs.asked =
                trace::read_typed_jobs(jobs_file.stream(), jobs_file.name(), table, cluster);
        }
        const bool chooses = chosen.run == relative_goodput || chosen.run == type_blind;
        if (chooses && jobs.counts.empty())
          throw input_error("--policy", "one that takes numbers of GPUs as they are, or --elastic",
                            policy);
        if (at_events) {
          if (chosen.run != rate_by_time_left && !chooses)
            throw input_error("--at-events",
                              "a policy that is none of shares: rate_by_time_left, "
                              "relative_goodput, type_blind",
                              policy);
          rules.round_s = std::numeric_limits<double>::infinity();
        }
        const result done_by = chosen.run(jobs, rules, s);
        const sim::round_report& r = done_by.report;
        nlohmann::json out{{"jobs", r.jobs.size()},
                           {"mean_jct_s", r.mean_jct_s},
                           {"makespan_s", r.makespan_s},
                           {"least_makespan_s",
                            number_or_null(chooses ? unknown : sim::least_makespan_s(jobs.asked))},
                           {"rounds", r.rounds},
                           {"switches", r.switches},
                           {"worst_gap", number_or_null(done_by.worst_gap)}};
        for (std::size_t j = 0; j < types.size(); ++j) out["busy"][types[j]] = r.busy[j];
        whole_files files;
        files.add(report_path, out.dump(1) + "\n");
        if (!per_job_path.empty()) {
          std::string csv = "job,submit_s,start_s,finish_s,switches\n";
          for (std::size_t i = 0; i < r.jobs.size(); ++i)
            csv += std::to_string(i) + ',' + nlohmann::json(jobs.asked.submit_s[i]).dump() + ',' +
                   nlohmann::json(r.jobs[i].start_s).dump() + ',' +
                   nlohmann::json(r.jobs[i].finish_s).dump() + ',' +
                   std::to_string(r.jobs[i].switches) + '\n';
          files.add(per_job_path, csv);
        }
        files.commit();
        return done;
      });
}
