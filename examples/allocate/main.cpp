// heddle-allocate: one operating point for each job under shared limits, with a proved bound.
//
//   heddle-allocate --policy optimal --in jobs.json --out allocation.json
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/powerflow.hpp>
#include <heddle/choice/choice.hpp>
#include <heddle/choice/greedy.hpp>

#include "common/json_file.hpp"
#include "common/names.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using nlohmann::json;
namespace choice = heddle::choice;

constexpr double infinite = std::numeric_limits<double>::infinity();

enum class objective { jct, rate, energy };
constexpr named<objective> objectives[] = {
    {"jct", "weighted completion time", objective::jct},
    {"rate", "parts of all work done in a second", objective::rate},
    {"energy", "energy of all work, with a point for each job", objective::energy},
};

enum class method { optimal, greedy, powerflow };
constexpr named<method> methods[] = {
    {"optimal", "a search, to a proved gap", method::optimal},
    {"greedy", "steps by what they gain", method::greedy},
    {"powerflow", "the scheduler's steps, by what they gain in parts", method::powerflow},
};

// A problem in both forms: that of the solver, and the operating points it was made of if there are any.
struct input {
  choice::problem problem;
  std::vector<json> ids;
  std::vector<model::operating_point> points;  // as problem.value; empty for the generic form
  std::vector<double> work;
  allocate::limits limits;
};

double number(const json_file& file, const json& value, const json_path& path, const char* expected,
              double least, bool above = false) {
  const double x = value.is_number() ? value.get<double>() : std::nan("");
  if (!(above ? x > least : x >= least) || !(x < infinite)) file.fail(path, expected);
  return x;
}

const json& member(const json_file& file, const json& object, const json_path& path,
                   const char* key, const std::string& expected) {
  const auto at = object.find(key);
  if (at == object.end()) file.fail(path, expected, "none");
  return *at;
}

void read_job(const json_file& file, const json& job, std::size_t i, std::set<json>& seen,
              input& in) {
  if (!job.is_object()) file.fail({"jobs", i}, "a job, an object");
  const json& id = member(file, job, {"jobs", i}, "id", "a job with an id");
  if (!id.is_number_unsigned()) file.fail({"jobs", i, "id"}, "an id, an integer of at least 0");
  if (!seen.insert(id).second)
    file.fail({"jobs", i, "id"}, "an id of its own", id.dump() + " again");
  in.ids.push_back(id);
  const auto weight = job.find("weight");
  in.problem.weight.push_back(weight == job.end() ? 1
                                                  : number(file, *weight, {"jobs", i, "weight"},
                                                           "a weight of at least 0", 0));
  const json& points = member(file, job, {"jobs", i}, "points", "points, an array");
  if (!points.is_array()) file.fail({"jobs", i, "points"}, "points, an array");
}

// {"use": [..], "value": v} under capacities without names.
void read_generic(const json_file& file, const json& jobs, input& in) {
  choice::problem& p = in.problem;
  const json& capacity = file.value()["capacity"];
  if (capacity.empty()) file.fail({"capacity"}, "at least one capacity");
  for (std::size_t r = 0; r < capacity.size(); ++r)
    p.capacity.push_back(number(file, capacity[r], {"capacity", r}, "a capacity of at least 0", 0));
  if (const json* names = file.find({"resources"}))
    if (!names->is_array() || names->size() != p.resources())
      file.fail({"resources"}, "resources, an array as long as capacity");
  std::set<json> seen;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    file.only({"jobs", i}, {"id", "weight", "points"});
    read_job(file, jobs[i], i, seen, in);
    const json& points = jobs[i]["points"];
    for (std::size_t k = 0; k < points.size(); ++k) {
      const json_path here{"jobs", i, "points", k};
      if (!points[k].is_object()) file.fail(here, "a point, an object");
      file.only(here, {"use", "value"});
      const json& value = member(file, points[k], here, "value", "a point with a value");
      p.value.push_back(number(file, value, {"jobs", i, "points", k, "value"}, "a finite value",
                               -std::numeric_limits<double>::max()));
      const json& use = member(file, points[k], here, "use", "a point with a use");
      if (!use.is_array() || use.size() != p.resources())
        file.fail({"jobs", i, "points", k, "use"},
                  "use, an array of " + std::to_string(p.resources()) + " numbers");
      for (std::size_t r = 0; r < use.size(); ++r)
        p.use.push_back(
            number(file, use[r], {"jobs", i, "points", k, "use", r}, "a use of at least 0", 0));
    }
    p.begin.push_back(static_cast<std::uint32_t>(p.value.size()));
  }
}

// {"gpus", "clock_ghz", "local_batch", "throughput", "power_w"} under named capacities.
void read_named(const json_file& file, const json& jobs, objective worth, double horizon_s,
                input& in) {
  choice::problem& p = in.problem;
  const json& capacity = file.value()["capacity"];
  file.only({"capacity"}, {"gpus", "power_w", "energy_j"});
  const auto limit = [&](const char* name) {
    if (!capacity.contains(name)) return infinite;
    return number(file, capacity[name], {"capacity", name}, "a capacity of at least 0", 0);
  };
  const double gpus = limit("gpus"), power_w = limit("power_w"), energy_j = limit("energy_j");
  if (gpus == infinite) file.fail({"capacity"}, "a capacity of gpus", "none");
  if (gpus > 1e9) file.fail({"capacity", "gpus"}, "at most 1e9 GPUs");
  p.capacity = {gpus};
  if (power_w < infinite) p.capacity.push_back(power_w);
  if (energy_j < infinite) p.capacity.push_back(energy_j);
  in.limits = {.gpus = static_cast<int>(gpus), .power_w = power_w, .energy_j = energy_j};
  if (worth == objective::energy) p.require_one = true;

  std::set<json> seen;
  double longest_s = 0;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    file.only({"jobs", i}, {"id", "weight", "work", "points"});
    read_job(file, jobs[i], i, seen, in);
    const json& work = member(file, jobs[i], {"jobs", i}, "work", "a job with work");
    in.work.push_back(number(file, work, {"jobs", i, "work"}, "work, a positive number", 0, true));
    const json& points = jobs[i]["points"];
    double best_s = infinite;
    for (std::size_t k = 0; k < points.size(); ++k) {
      const json_path here{"jobs", i, "points", k};
      if (!points[k].is_object()) file.fail(here, "a point, an object");
      file.only(here, {"gpus", "clock_ghz", "local_batch", "throughput", "power_w"});
      model::operating_point point;
      const auto field = [&](const char* key, const char* expected) {
        return number(file, member(file, points[k], here, key, std::string("a point with ") + key),
                      {"jobs", i, "points", k, key}, expected, 0, true);
      };
      const double count = field("gpus", "a positive number of GPUs");
      if (count != std::floor(count) || count > 1e9)
        file.fail({"jobs", i, "points", k, "gpus"}, "a whole number of GPUs");
      point.config.gpus = static_cast<int>(count);
      if (points[k].contains("clock_ghz"))
        point.config.clock_ghz = field("clock_ghz", "a positive clock");
      if (points[k].contains("local_batch"))
        point.config.local_batch = field("local_batch", "a positive batch");
      point.throughput = field("throughput", "a positive throughput");
      point.power_w = field("power_w", "a positive power");
      best_s = std::min(best_s, in.work[i] / point.throughput);
      in.points.push_back(point);
    }
    if (!points.empty()) longest_s = std::max(longest_s, best_s);
    p.begin.push_back(static_cast<std::uint32_t>(in.points.size()));
  }
  if (horizon_s <= 0) horizon_s = 2 * longest_s;
  for (std::size_t i = 0; i < p.jobs(); ++i)
    for (std::size_t k = p.begin[i]; k < p.begin[i + 1]; ++k) {
      const model::operating_point& point = in.points[k];
      const double energy = in.work[i] * point.energy_per_sample_j();
      p.value.push_back(worth == objective::jct    ? horizon_s - in.work[i] / point.throughput
                        : worth == objective::rate ? point.throughput / in.work[i]
                                                   : -energy);
      p.use.push_back(point.config.gpus);
      if (power_w < infinite) p.use.push_back(point.power_w);
      if (energy_j < infinite) p.use.push_back(energy);
    }
}

input read(const json_file& file, objective worth, double horizon_s) {
  input in;
  in.problem.begin = {0};
  if (!file.value().is_object()) file.fail({}, "an object with capacity and jobs");
  const json* capacity = file.find({"capacity"});
  if (capacity && capacity->is_object())
    file.only({}, {"capacity", "require_one", "jobs"});
  else
    file.only({}, {"capacity", "resources", "require_one", "jobs"});
  const json* jobs = file.find({"jobs"});
  if (!jobs || !jobs->is_array()) file.fail({"jobs"}, "jobs, an array");
  if (const json* one = file.find({"require_one"})) {
    if (!one->is_boolean()) file.fail({"require_one"}, "true or false");
    in.problem.require_one = one->get<bool>();
  }
  if (capacity && capacity->is_array())
    read_generic(file, *jobs, in);
  else if (capacity && capacity->is_object())
    read_named(file, *jobs, worth, horizon_s, in);
  else
    file.fail({"capacity"}, "capacity, an array of numbers or an object with gpus");
  return in;
}

// The scheduler's policy on the operating points.
choice::answer by_powerflow(const input& in) {
  const choice::problem& p = in.problem;
  std::vector<model::curve> curves;
  curves.reserve(p.jobs());
  std::vector<allocate::candidate> jobs(p.jobs());
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    curves.emplace_back(std::vector<model::operating_point>(in.points.begin() + p.begin[i],
                                                            in.points.begin() + p.begin[i + 1]));
    jobs[i].id = job_id{i};
    jobs[i].curve = &curves[i];
    jobs[i].work = in.work[i];
    jobs[i].weight = p.weight_of(i);
  }
  allocate::allocation given;
  allocate::powerflow policy;
  policy(jobs, in.limits, given);
  choice::answer out;
  out.status = choice::status::feasible;
  out.point.assign(p.jobs(), -1);
  out.use.assign(p.resources(), 0);
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    if (!given[i]) {
      if (p.require_one) out.status = choice::status::unknown;
      continue;
    }
    std::size_t k = p.begin[i];
    while (!(in.points[k] == *given[i])) ++k;
    out.point[i] = static_cast<std::int64_t>(k - p.begin[i]);
    out.objective += p.weight_of(i) * p.value[k];
    for (std::size_t r = 0; r < p.resources(); ++r) out.use[r] += p.use[k * p.resources() + r];
  }
  return out;
}

choice::answer solve(const input& in, method how, double time_limit_s) {
  choice::solver solver;
  choice::options options;
  options.node_limit = 1'000'000'000;
  options.time_limit_s = time_limit_s;
  if (how == method::optimal) return solver(in.problem, options);
  choice::answer out = how == method::powerflow && !in.points.empty()
                           ? by_powerflow(in)
                           : choice::greedy{.relative = how == method::powerflow}(in.problem);
  // Steps have no bound of their own, and may find no room where exactly one point a job is asked for.
  options.node_limit = out.status == choice::status::unknown ? options.node_limit : 0;
  options.table_limit = 0;
  const choice::answer proof = solver(in.problem, options);
  if (out.status == choice::status::unknown) return proof;
  out.bound = std::max(proof.bound, out.objective);
  out.gap = (out.bound - out.objective) / std::max(std::abs(out.bound), 1e-12);
  out.status = out.gap <= 1e-9 ? choice::status::optimal : choice::status::feasible;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string in_path = "-", out_path = "-", policy = "optimal", worth = "jct";
  double time_limit_ms = 1000, horizon_s = 0;
  return run_program(
      "heddle-allocate", "One operating point for each job under shared limits, with a bound.",
      argc, argv,
      [&](CLI::App& app) {
        app.add_option("--in,in", in_path, "jobs and capacities as JSON; - is standard input")
            ->capture_default_str();
        app.add_option("--out", out_path, "the answer as JSON; - is standard output")
            ->capture_default_str();
        const std::vector<name_kind> kinds{
            {"--policy", "how points are chosen", lines_of(methods)},
            {"--objective", "what operating points are worth", lines_of(objectives)}};
        app.add_option("--policy", policy, "how points are chosen: " + either(kinds, "--policy"))
            ->capture_default_str();
        app.add_option("--objective", worth,
                       "what operating points are worth: " + either(kinds, "--objective"))
            ->capture_default_str();
        add_names(app, kinds);
        app.add_option("--horizon-s", horizon_s,
                       "jct: a running job is worth the horizon less its time "
                       "(default: twice the longest best time)")
            ->check(CLI::PositiveNumber);
        app.add_option("--time-limit-ms", time_limit_ms, "for the search of policy optimal")
            ->check(CLI::Range(0.0, 1e9))
            ->capture_default_str();
      },
      [&] {
        const method how = find_named(methods, "--policy", policy).value;
        const objective wanted = find_named(objectives, "--objective", worth).value;
        const json_file file{in_path};
        const input in = read(file, wanted, horizon_s);
        const auto start = std::chrono::steady_clock::now();
        const choice::answer answer = solve(in, how, time_limit_ms / 1000);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;

        static const char* const names[] = {"optimal", "feasible", "infeasible", "unknown"};
        const bool met =
            answer.status == choice::status::optimal || answer.status == choice::status::feasible;
        json out;
        out["status"] = names[static_cast<int>(answer.status)];
        out["objective"] = number_or_null(met ? answer.objective : -infinite);
        out["bound"] = number_or_null(answer.bound);
        out["gap"] = number_or_null(met ? answer.gap : infinite);
        json chosen = json::array();
        for (std::size_t i = 0; i < in.problem.jobs(); ++i)
          chosen.push_back(
              {{"id", in.ids[i]},
               {"point", met && answer.point[i] >= 0 ? json(answer.point[i]) : json(nullptr)}});
        out["choice"] = std::move(chosen);
        out["use"] = answer.use;
        out["solve_us"] = took.count();
        whole_files files;
        files.add(out_path, out.dump() + "\n");
        files.commit();
        return met ? done : not_met;
      });
}
