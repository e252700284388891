// heddle-advise: what each step of adoption would buy a cluster, from its own history.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <string>

#include "advise/advice.hpp"
#include "advise/page.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

struct arguments {
  network_source cluster;
  std::string html, report;
  simulation_spec what;
  advise::prices prices;
  int runs = 5;
  bool progress = false;
};

void add_options(CLI::App& app, arguments& a) {
  simulation_spec& w = a.what;
  const std::vector<name_kind> kinds = simulation_kinds();
  app.add_option(
         "--cluster", a.cluster.path,
         "the cluster, leaf_spine or leaf_spine_ocs, as JSON or as Slurm's or ibnetdiscover's text")
      ->required();
  add_network_options(app, a.cluster);
  add_jobs_options(app, w);
  app.add_option("--workload", w.workload,
                 "draw what the trace leaves open by seed: " + either(kinds, "--workload") +
                     " (else: no communication)");
  app.add_option("--order", w.names.order,
                 "of the queue, today and later: " + either(kinds, "--order"))
      ->capture_default_str();
  app.add_option("--power-budget-w", w.options.power_budget_w,
                 "of the whole cluster, today and later, in W")
      ->check(CLI::PositiveNumber);
  app.add_option("--price-per-kwh", a.prices.per_kwh, "of energy")->check(CLI::NonNegativeNumber);
  app.add_option("--gpu-hour-cost", a.prices.gpu_hour, "what an hour of a GPU is worth")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--carbon-g-per-kwh", a.prices.carbon_g_per_kwh, "of the electricity")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--ocs-cost", a.prices.ocs, "of all optical switches, for their payback")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--html", a.html, "the page");
  app.add_option("--report", a.report, "JSON, - for standard output in place of the tables");
  app.add_option("--runs", a.runs, "seeds, which tell differences from noise")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--seed", w.seed, "the first one")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--limit", w.limit, "jobs read at most")->check(CLI::NonNegativeNumber);
  app.add_option("--from", w.from_s, "pass over jobs submitted earlier, in s");
  app.add_flag("--progress", a.progress, "a progress line on standard error");
}

/// The command that makes the page again.
std::string command(const arguments& a) {
  std::string out = "heddle-advise --cluster " + a.cluster.path + " --jobs " + a.what.jobs;
  const auto option = [&](const char* name, const std::string& value, bool given) {
    if (given) out += std::string(" ") + name + " " + value;
  };
  option("--jobs-from", a.what.read.from, !a.what.read.from.empty());
  option("--workload", a.what.workload, !a.what.workload.empty());
  option("--order", a.what.names.order, a.what.names.order != "fifo");
  option("--power-budget-w", shortest(a.what.options.power_budget_w),
         std::isfinite(a.what.options.power_budget_w));
  option("--price-per-kwh", shortest(a.prices.per_kwh), a.prices.per_kwh > 0);
  option("--gpu-hour-cost", shortest(a.prices.gpu_hour), a.prices.gpu_hour > 0);
  option("--carbon-g-per-kwh", shortest(a.prices.carbon_g_per_kwh), a.prices.carbon_g_per_kwh > 0);
  option("--ocs-cost", shortest(a.prices.ocs), a.prices.ocs > 0);
  option("--limit", std::to_string(a.what.limit), a.what.limit != simulation_spec{}.limit);
  option("--from", shortest(a.what.from_s), a.what.from_s > 0);
  return out + " --runs " + std::to_string(a.runs) + " --seed " + std::to_string(a.what.seed);
}

int give_advice(arguments& a) {
  check_names(a.what);
  if (!(a.what.from_s >= 0))
    throw input_error("--from", "a time of at least 0 s", shortest(a.what.from_s));
  keep_standard_input(a.what);
  const model::catalogue known;
  const cluster c = read_cluster(a.cluster, known);
  if (c.kind == "pods")
    throw input_error(c.where, "\"leaf_spine\" or \"leaf_spine_ocs\" as fabric", "\"pods\"");
  if (!c.links_told)
    throw input_error(c.where, "a network whose links are known (--spines says how many)",
                      "the names of its switches");
  if (c.fabric.fixed() && !is_even(*c.fabric.fixed()))
    throw input_error(
        c.where,
        "two tiers with the same servers and links at every leaf, for what it would be "
        "with optical switches",
        "a network of another shape");
  a.prices.hour_of_type = c.hour_cost;
  const auto told = [&](std::size_t n, std::size_t all) {
    if (a.progress)
      std::cerr << "\rheddle-advise: " << n << " of " << all << " simulations"
                << (n == all ? "\n" : "") << std::flush;
  };
  const advise::advice found = advise::advise(c, a.what, a.runs, told);
  if (const std::size_t n = found.base.stuck(); n > 0)
    throw unmet_request(std::to_string(n) + " jobs cannot run on this cluster even today");

  whole_files out;
  if (!a.html.empty()) out.add(a.html, advise::page_of(found, c, a.what, a.prices, command(a)));
  if (!a.report.empty())
    out.add(a.report, advise::to_json(found, c, a.what, a.prices).dump(2) + '\n');
  if (a.report != "-" && a.html != "-") {
    std::cout << wrapped(advise::today_text(found, a.prices)) << '\n';
    print(std::cout,
          advise::step_table(found, found.together, a.prices,
                             "Each step together with all steps before it, against today."));
    std::cout << '\n';
    print(std::cout,
          advise::step_table(found, found.alone, a.prices, "Each step by itself, against today."));
    std::cout << '\n';
    for (const std::string& f : advise::findings(found, a.prices)) std::cout << wrapped(f);
  }
  out.commit();
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-advise", "Says what each step of adopting heddle would buy a cluster.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return give_advice(a); });
}
