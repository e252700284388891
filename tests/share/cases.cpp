// Fair shares on the reference instances: exact optima found with another solver.
#include <heddle/share/share.hpp>

#include <doctest/doctest.h>

#if __has_include(<nlohmann/json.hpp>)

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/shared_data.hpp"

using namespace heddle;
using nlohmann::json;

namespace {

constexpr double objective_tolerance = 1e-8;  // the references' bisection stops at 6e-9
constexpr double level_tolerance = 2e-8;      // the references are printed with nine decimals

share::problem read_case(const std::filesystem::path& path) {
  std::ifstream file{path};
  const json in = json::parse(file);
  share::problem p;
  p.capacity = in.at("capacity").get<std::vector<double>>();
  p.entity_weight = in.at("entity_weights").get<std::vector<double>>();
  for (const json& j : in.at("jobs")) {
    for (const json& t : j.at("throughput")) p.throughput.push_back(t.get<double>());
    p.gpus.push_back(j.at("gpus").get<double>());
    p.weight.push_back(j.at("weight").get<double>());
    p.steps.push_back(j.at("steps").get<double>());
    p.elapsed_s.push_back(j.at("elapsed_s").get<double>());
    p.isolated_s.push_back(j.at("isolated_s").get<double>());
    p.entity.push_back(j.at("entity").get<std::uint32_t>());
  }
  return p;
}

double relative(double got, double want) { return std::abs(got - want) / std::max(want, 1e-3); }

}  // namespace

TEST_CASE("objectives and levels of every reference instance are those of the references") {
  HEDDLE_SHARED_FILE(references, "cases/share/reference.json");
  std::ifstream file{references};
  const json all = json::parse(file);
  REQUIRE(!all.empty());
  share::workspace w;
  share::answer a;
  for (const auto& [name, want] : all.items()) {
    CAPTURE(name);
    const share::problem p = read_case(references.parent_path() / (name + ".json"));
    const auto solve = [&](const auto& policy, const char* key) {
      CAPTURE(key);
      policy(p, w, a);
      CHECK(a.status == share::status::optimal);
      if (want.contains(key) && want.at(key).is_number())
        CHECK(relative(a.objective, want.at(key).get<double>()) <= objective_tolerance);
      for (std::size_t j = 0; j < p.types(); ++j) {
        double used = 0;
        for (std::size_t i = 0; i < p.jobs(); ++i) used += p.gpus[i] * a.x[i * p.types() + j];
        CHECK(used <= p.capacity[j] + 1e-9);
      }
      for (std::size_t i = 0; i < p.jobs(); ++i) {
        double time = 0;
        for (std::size_t j = 0; j < p.types(); ++j) {
          time += a.x[i * p.types() + j];
          if (a.x[i * p.types() + j] < 0) FAIL("a negative fraction");
        }
        if (time > 1 + 1e-9) FAIL("more than its whole time");
      }
    };
    const auto levels = [&](const auto& policy, const char* key) {
      solve(policy, key);
      const auto reference = want.at(key).get<std::vector<double>>();
      double worst = 0;
      for (std::size_t i = 0; i < p.jobs(); ++i)
        worst = std::max(worst, relative(a.level[i], reference[i]));
      CHECK(worst <= level_tolerance);
    };
    solve(share::max_min{}, "max_min");
    solve(share::makespan{}, "makespan_s");
    solve(share::finish_time_fairness{}, "finish_time_fairness");
    solve(share::max_throughput{}, "max_throughput");
    solve(share::max_normalized_throughput{}, "max_normalized_throughput");
    levels(share::max_min_lexicographic{}, "lexicographic_levels");
    levels(share::max_min_hierarchical{}, "hierarchical_levels");
  }
}

#endif
