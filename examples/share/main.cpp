// heddle-share: fractions of time on GPU types, by a fair-share policy.
//
//   heddle-share --policy max_min_lexicographic --in jobs.json --out shares.json
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/share/share.hpp>

#include "common/json_file.hpp"
#include "common/names.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using nlohmann::json;
namespace share = heddle::share;

/// A policy: what its jobs need to say, and whether it answers with levels.
struct policy_row {
  std::string_view name;
  std::string_view what;
  void (*solve)(const share::problem&, share::workspace&, share::answer&);
  bool wants_steps = false;
  bool wants_own = false;
  bool has_levels = false;
};

template <class Policy>
void solve(const share::problem& p, share::workspace& space, share::answer& out) {
  Policy{}(p, space, out);
}

constexpr policy_row policies[] = {
    {"finish_time_fairness", "the worst delay against an own share least",
     solve<share::finish_time_fairness>, true, true},
    {"fifo", "whole jobs in their order", solve<share::fifo>},
    {"isolated", "one part in N of each type for each of N jobs", solve<share::isolated>},
    {"makespan", "the last job done soonest", solve<share::makespan>, true},
    {"max_min", "the lowest normalised level highest", solve<share::max_min>},
    {"max_min_hierarchical", "level by level, by entities with weights",
     solve<share::max_min_hierarchical>, false, false, true},
    {"max_min_lexicographic", "the lowest level highest, then the next lowest",
     solve<share::max_min_lexicographic>, false, false, true},
    {"max_normalized_throughput", "most samples, each job's in parts of its best",
     solve<share::max_normalized_throughput>},
    {"max_throughput", "most samples in all", solve<share::max_throughput>},
    {"proportional", "of each type by weight", solve<share::proportional>},
};

struct input {
  share::problem problem;
  std::vector<json> ids;
};

double number(const json_file& file, const json& value, const json_path& path, const char* expected,
              bool zero_too) {
  const double x = value.is_number() ? value.get<double>() : -1;
  const bool good = (zero_too ? x >= 0 : x > 0) && x < std::numeric_limits<double>::infinity();
  if (!good) file.fail(path, expected);
  return x;
}

// The optional field of every job; jobs without one get `otherwise`, NaN: the field is required.
void read_field(const json_file& file, const json& job, std::size_t i, const char* key,
                double otherwise, bool zero_too, std::vector<double>& out) {
  const auto at = job.find(key);
  const std::string expected =
      std::string(key) + (zero_too ? ", a number of at least 0" : ", a positive number");
  if (at != job.end())
    out.push_back(number(file, *at, {"jobs", i, key}, expected.c_str(), zero_too));
  else if (std::isnan(otherwise))
    file.fail({"jobs", i}, expected, "none");
  else
    out.push_back(otherwise);
}

input read(const json_file& file, const policy_row& policy) {
  input in;
  share::problem& p = in.problem;
  const json& all = file.value();
  if (!all.is_object()) file.fail({}, "an object with capacity and jobs");
  file.only({}, {"types", "capacity", "jobs", "entity_weights"});
  const json* capacity = file.find({"capacity"});
  if (!capacity || !capacity->is_array() || capacity->empty())
    file.fail({"capacity"}, "capacity, an array with the GPUs of each type");
  for (std::size_t j = 0; j < capacity->size(); ++j)
    p.capacity.push_back(
        number(file, (*capacity)[j], {"capacity", j}, "a capacity of at least 0 GPUs", true));
  if (const json* types = file.find({"types"})) {
    if (!types->is_array() || types->size() != p.types())
      file.fail({"types"}, "types, an array as long as capacity");
  }
  if (const json* weights = file.find({"entity_weights"})) {
    if (!weights->is_array()) file.fail({"entity_weights"}, "entity_weights, an array");
    for (std::size_t e = 0; e < weights->size(); ++e)
      p.entity_weight.push_back(number(file, (*weights)[e], {"entity_weights", e},
                                       "an entity's weight, a positive number", false));
  }
  const json* jobs = file.find({"jobs"});
  if (!jobs || !jobs->is_array()) file.fail({"jobs"}, "jobs, an array");

  const double required = std::numeric_limits<double>::quiet_NaN();
  std::set<json> seen;
  for (std::size_t i = 0; i < jobs->size(); ++i) {
    const json& job = (*jobs)[i];
    if (!job.is_object()) file.fail({"jobs", i}, "a job, an object");
    file.only({"jobs", i},
              {"id", "throughput", "gpus", "weight", "steps", "elapsed_s", "isolated_s", "entity"});
    const auto id = job.find("id");
    if (id == job.end()) file.fail({"jobs", i}, "a job with an id", "none");
    if (!id->is_number_unsigned()) file.fail({"jobs", i, "id"}, "an id, an integer of at least 0");
    if (!seen.insert(*id).second)
      file.fail({"jobs", i, "id"}, "an id of its own", id->dump() + " again");
    in.ids.push_back(*id);
    const auto row = job.find("throughput");
    if (row == job.end() || !row->is_array() || row->size() != p.types())
      file.fail({"jobs", i, "throughput"},
                "throughput, an array of " + std::to_string(p.types()) + " numbers");
    for (std::size_t j = 0; j < p.types(); ++j)
      p.throughput.push_back(number(file, (*row)[j], {"jobs", i, "throughput", j},
                                    "a throughput of at least 0", true));
    read_field(file, job, i, "gpus", 1, false, p.gpus);
    read_field(file, job, i, "weight", 1, false, p.weight);
    read_field(file, job, i, "steps", policy.wants_steps ? required : 0, true, p.steps);
    read_field(file, job, i, "elapsed_s", 0, true, p.elapsed_s);
    read_field(file, job, i, "isolated_s", policy.wants_own ? required : 1, false, p.isolated_s);
    std::uint32_t entity = 0;
    if (const auto e = job.find("entity"); e != job.end()) {
      const std::size_t count = p.entity_weight.empty() ? jobs->size() : p.entity_weight.size();
      if (!e->is_number_unsigned() || e->get<std::uint64_t>() >= count)
        file.fail({"jobs", i, "entity"}, "an entity, an integer below " + std::to_string(count));
      entity = e->get<std::uint32_t>();
    }
    p.entity.push_back(entity);
  }
  return in;
}

}  // namespace

int main(int argc, char** argv) {
  std::string in_path = "-", out_path = "-", policy = "max_min_lexicographic";
  return run_program(
      "heddle-share", "Fractions of time on GPU types, by a fair-share policy.", argc, argv,
      [&](CLI::App& app) {
        app.add_option("--in,in", in_path, "jobs and types as JSON; - is standard input")
            ->capture_default_str();
        app.add_option("--out", out_path, "the answer as JSON; - is standard output")
            ->capture_default_str();
        const std::vector<name_kind> kinds{
            {"--policy", "what is wanted of the shares", lines_of(policies)}};
        app.add_option("--policy", policy,
                       "what is wanted of the shares: " + either(kinds, "--policy"))
            ->capture_default_str();
        add_names(app, kinds);
      },
      [&] {
        const policy_row& chosen = find_named(policies, "--policy", policy);
        const json_file file{in_path};
        const input in = read(file, chosen);
        share::workspace space;
        share::answer answer;
        const auto start = std::chrono::steady_clock::now();
        chosen.solve(in.problem, space, answer);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;

        json out;
        static const char* const names[] = {"optimal", "feasible", "infeasible"};
        out["status"] = names[static_cast<int>(answer.status)];
        out["objective"] = number_or_null(answer.objective);
        out["bound"] = number_or_null(answer.bound);
        json rows = json::array();
        const std::size_t types = in.problem.types();
        for (std::size_t i = 0; i < in.problem.jobs(); ++i)
          rows.push_back(
              std::vector<double>(answer.x.begin() + static_cast<std::ptrdiff_t>(i * types),
                                  answer.x.begin() + static_cast<std::ptrdiff_t>((i + 1) * types)));
        out["x"] = std::move(rows);
        if (!answer.level.empty() || chosen.has_levels) out["levels"] = answer.level;
        out["solve_us"] = took.count();
        whole_files files;
        files.add(out_path, out.dump() + "\n");
        files.commit();
        return answer.status == share::status::infeasible ? not_met : done;
      });
}
