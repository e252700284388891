// heddle-rewire: the wiring of optical circuit switches with the wanted circuits and the fewest set
// up.
//
//   heddle-rewire --in demand.json --out wiring.json
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/core/error.hpp>
#include <heddle/optical/rewire.hpp>

#include "common/json_file.hpp"
#include "common/program.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using nlohmann::json;

constexpr int any = std::numeric_limits<int>::max();
constexpr int most_cells = 1 << 26;  // leafs × spines, and ends × OCS: what fits in memory

// The triples of an array, with their upper limits.
std::vector<std::vector<int>> triples(const json_file& file, const char* key, const char* expected,
                                      const std::vector<int>& below) {
  const json* all = file.find({key});
  if (!all->is_array()) file.fail({key}, std::string(key) + ", an array");
  std::vector<std::vector<int>> out;
  for (std::size_t i = 0; i < all->size(); ++i) {
    const json& one = (*all)[i];
    if (!one.is_array() || one.size() != 3) file.fail({key, i}, expected);
    std::vector<int> numbers;
    for (std::size_t j = 0; j < 3; ++j) {
      const json& n = one[j];
      if (!n.is_number_integer() ||
          (n.is_number_unsigned() ? n.get<std::uint64_t>() > static_cast<std::uint64_t>(any)
                                  : n.get<std::int64_t>() < 0))
        file.fail({key, i, j}, expected);
      const int value = n.get<int>();
      if (value >= below[j])
        file.fail({key, i, j}, std::string(expected) + ", here below " + std::to_string(below[j]));
      numbers.push_back(value);
    }
    out.push_back(std::move(numbers));
  }
  return out;
}

std::vector<optical::cross_connect> circuits(const json_file& file, const char* key,
                                             const optical::rewire_problem& p) {
  std::vector<optical::cross_connect> out;
  if (!file.find({key})) return out;
  for (const std::vector<int>& c :
       triples(file, key, "a circuit [ocs, leaf, spine] of integers of at least 0",
               {p.switches, p.leafs, p.spines}))
    out.push_back({ocs_id{c[0]}, leaf_id{c[1]}, spine_id{c[2]}});
  return out;
}

optical::rewire_problem read(const json_file& file) {
  optical::rewire_problem p;
  if (!file.value().is_object())
    file.fail({}, "an object with ocs, leafs, spines, current and want");
  const auto size = [&](const char* key) {
    return file.integer({key}, std::string(key) + ", an integer of at least 0", 0, most_cells);
  };
  const auto fibres = [&](const char* key, int otherwise) {
    if (!file.find({key})) return otherwise;
    return file.integer({key}, std::string(key) + ", an integer from 1 to 255", 1, 255);
  };
  p.switches = size("ocs");
  p.leafs = size("leafs");
  p.spines = size("spines");
  p.leaf_fibres = fibres("leaf_fibres", 1);
  p.spine_fibres = fibres("spine_fibres", 2);
  const auto limit = [&](const char* key, double cells) {
    if (cells > most_cells)
      file.fail({key}, "a fabric of at most " + std::to_string(most_cells) + " pairs or ports");
  };
  limit("spines", static_cast<double>(p.leafs) * p.spines);
  limit("ocs", static_cast<double>(p.leafs) * p.switches * p.leaf_fibres);
  limit("ocs", static_cast<double>(p.spines) * p.switches * p.spine_fibres);
  p.want.assign(static_cast<std::size_t>(p.leafs) * static_cast<std::size_t>(p.spines), 0);
  if (!file.find({"want"})) file.fail({"want"}, "want, an array", "nothing");
  std::set<std::pair<int, int>> seen;
  const auto wanted = triples(file, "want", "[leaf, spine, count], integers of at least 0",
                              {p.leafs, p.spines, any});
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!seen.emplace(wanted[i][0], wanted[i][1]).second)
      file.fail({"want", i}, "a leaf and spine once", (*file.find({"want", i})).dump() + " again");
    p.wanted(leaf_id{wanted[i][0]}, spine_id{wanted[i][1]}) = wanted[i][2];
  }
  p.current = circuits(file, "current", p);
  p.frozen = circuits(file, "frozen", p);
  try {
    optical::check(p);
  } catch (const input_error& e) {  // rewire.current[3]: say the line
    const std::string& at = e.where();
    const std::size_t dot = at.find('.'), bracket = at.find('[');
    json_path path{at.substr(dot + 1, bracket - dot - 1)};
    if (bracket != std::string::npos)
      path.emplace_back(static_cast<std::size_t>(std::stoul(at.substr(bracket + 1))));
    file.fail(path, e.expected(), e.got());
  }
  return p;
}

json witness_of(const optical::rewire_result& r) {
  if (!r.witness)
    return {{"kind", "search_limit"},
            {"proved", false},
            {"message", "no wiring beside the frozen circuits was found"}};
  static const char* const kinds[] = {"leaf", "spine", "frozen", "pair", "search"};
  const optical::rewire_witness& w = *r.witness;
  json out{{"kind", kinds[static_cast<int>(w.what)]}, {"proved", true}, {"message", w.message()}};
  if (w.leaf.valid()) out["leaf"] = w.leaf.value;
  if (w.spine.valid()) out["spine"] = w.spine.value;
  if (w.leaf.valid() || w.spine.valid()) {
    out["wanted"] = w.wanted;
    out["possible"] = w.possible;
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  std::string in_path = "-", out_path = "-";
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
      },
      [&] {
        const json_file file{in_path};
        const optical::rewire_problem problem = read(file);
        const auto start = std::chrono::steady_clock::now();
        const optical::rewire_result r = optical::rewire(problem, options);
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;

        json out;
        out["status"] = r ? "ok" : "unrealizable";
        if (!r) out["witness"] = witness_of(r);
        json all = json::array();
        for (const optical::cross_connect& c : r.circuits)
          all.push_back({c.ocs.value, c.leaf.value, c.spine.value});
        out["circuits"] = std::move(all);
        out["kept"] = r.kept;
        out["set_up"] = r.set_up;
        out["torn_down"] = r.torn_down;
        out["lower_bound"] = r.lower_bound;
        out["solve_us"] = took.count();
        whole_files files;
        files.add(out_path, out.dump() + "\n");
        files.commit();
        return r ? done : not_met;
      });
}
