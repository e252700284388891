// heddle-rewire: the wiring of optical circuit switches with the wanted circuits and the fewest set
// up, and the way there in steps. Or, between pods, which spine carries which circuit.
//
//   heddle-rewire --in demand.json --out wiring.json
//   heddle-rewire --design pods --in pairs.json --out circuits.json
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/optical/plan.hpp>
#include <heddle/optical/rewire.hpp>

#include "common/json_file.hpp"
#include "common/program.hpp"
#include "rewire/design_pods.hpp"
#include "rewire/read_problem.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

json witness_of(const optical::rewire_result& r) {
  if (!r.witness)
    return {{"kind", "search_limit"},
            {"proved", false},
            {"message", "no wiring beside the frozen circuits was found"}};
  static const char* const kinds[] = {"leaf", "spine", "frozen", "pair", "ends", "search"};
  const optical::rewire_witness& w = *r.witness;
  json out{{"kind", kinds[static_cast<int>(w.what)]}, {"proved", true}, {"message", w.message()}};
  if (w.leaf.valid()) out["leaf"] = w.leaf.value;
  if (w.spine.valid()) out["spine"] = w.spine.value;
  if (w.leaf.valid() || w.spine.valid()) {
    out["wanted"] = w.wanted;
    out["possible"] = w.possible;
  }
  if (!w.others.empty()) out[w.leaf.valid() ? "spines" : "leafs"] = w.others;
  return out;
}

// Sorted by OCS, leaf, spine.
json triples_of(const optical::wiring& w, const std::vector<optical::circuit>& circuits) {
  std::vector<circuit_line> lines;
  for (const optical::circuit& k : circuits)
    lines.push_back({w.ends().ocs_of_uplink(k.uplink), k.leaf, k.spine});
  std::sort(lines.begin(), lines.end());
  json out = json::array();
  for (const auto& [ocs, leaf, spine] : lines) out.push_back({ocs.value, leaf.value, spine.value});
  return out;
}

json plan_of(const optical::wiring& from, const optical::wiring& to, double switching_ms) {
  const optical::plan way = optical::make_plan(from, to, switching_ms);
  json steps = json::array();
  for (const optical::plan_step& s : way.steps) {
    json paused = json::array();
    for (const optical::pair_links& p : s.paused)
      paused.push_back({p.leaf.value, p.spine.value, p.links});
    steps.push_back({{"down", triples_of(from, s.down)},
                     {"up", triples_of(from, s.up)},
                     {"paused", std::move(paused)}});
  }
  return {{"steps", std::move(steps)}, {"detours", way.detours}, {"time_ms", way.time_ms}};
}

json rewired(const json_file& file, const optical::rewire_options& options, double switching_ms) {
  const optical::rewire_problem problem = read_problem(file);
  const auto start = std::chrono::steady_clock::now();
  const optical::rewire_result r = optical::rewire(problem, options);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;

  json out;
  out["status"] = r ? "ok" : "unrealizable";
  if (!r) out["witness"] = witness_of(r);
  std::vector<optical::circuit> all;
  r.target.list(all);
  out["circuits"] = triples_of(problem.current, all);
  out["kept"] = r.kept;
  out["set_up"] = r.set_up;
  out["torn_down"] = r.torn_down;
  out["lower_bound"] = r.lower_bound;
  out["solve_us"] = took.count();
  if (r) out["plan"] = plan_of(problem.current, r.target, switching_ms);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string in_path = "-", out_path = "-";
  std::string design;
  double switching_ms = 50;
  optical::rewire_options options;
  return run_program(
      "heddle-rewire", "Wires the wanted circuits and sets up the fewest.", argc, argv,
      [&](CLI::App& app) {
        app.add_option("--in,in", in_path,
                       "fibres, current and wanted circuits as JSON; - is standard input")
            ->capture_default_str();
        app.add_option("--out", out_path, "the wiring as JSON; - is standard output")
            ->capture_default_str();
        app.add_option("--seed", options.seed, "of the annealing")->capture_default_str();
        app.add_option("--effort", options.effort, "times the steps taken by default")
            ->check(CLI::Range(0.0, 1e6))
            ->capture_default_str();
        app.add_option("--switching-ms", switching_ms, "of a step of the plan")
            ->check(CLI::Range(0.0, 1e9))
            ->capture_default_str();
        app.add_option("--design", design,
                       "pods: wanted are circuits between leafs of different pods, and each gets a "
                       "spine, so that no leaf's traffic crowds on one")
            ->check(CLI::IsMember({"pods"}));
      },
      [&] {
        const json_file file{in_path};
        const json out = design.empty() ? rewired(file, options, switching_ms) : designed(file);
        whole_files files;
        files.add(out_path, out.dump() + "\n");
        files.commit();
        return out["status"] == "ok" ? done : not_met;
      });
}
