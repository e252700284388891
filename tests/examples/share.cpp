#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"
#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

/// Two jobs on two types; job 0 is four times as fast on "b", job 1 is as fast on both.
const std::string two_jobs = R"({"types": ["a", "b"], "capacity": [1, 1], "jobs": [
  {"id": 0, "throughput": [1, 4]},
  {"id": 1, "throughput": [2, 2]}]})";

}  // namespace

TEST_CASE("heddle-share gives each of two jobs the type that suits it") {
  const scratch_dir dir;
  const outcome o =
      run("heddle-share", "--policy max_throughput " + dir.write("in.json", two_jobs));
  REQUIRE(o.status == 0);
  const nlohmann::json r = nlohmann::json::parse(o.out);
  CHECK(r["status"] == "optimal");
  CHECK(r["objective"].get<double>() == doctest::Approx(6));
  CHECK(r["x"][0][1].get<double>() == doctest::Approx(1));
  CHECK(r["x"][1][0].get<double>() == doctest::Approx(1));
}

TEST_CASE("heddle-share reaches the published optima of the shared cases through its files") {
  HEDDLE_SHARED_FILE(reference, "cases/share/reference.json");
  const nlohmann::json known = nlohmann::json::parse(content_of(reference.string()));
  const scratch_dir dir;
  for (const auto& [name, optima] : known.items())
    for (const auto& [policy, key] : {std::pair{"max_min", "max_min"},
                                      {"makespan", "makespan_s"},
                                      {"max_throughput", "max_throughput"},
                                      {"finish_time_fairness", "finish_time_fairness"}}) {
      CAPTURE(name);
      CAPTURE(policy);
      HEDDLE_SHARED_FILE(instance, "cases/share/" + name + ".json");
      REQUIRE(run("heddle-share", std::string("--policy ") + policy + " --in " + instance.string() +
                                      " --out " + dir / "out.json")
                  .status == 0);
      const nlohmann::json r = nlohmann::json::parse(content_of(dir / "out.json"));
      constexpr double relative = 1e-7;  // the references' own accuracy
      CHECK(r["objective"].get<double>() ==
            doctest::Approx(optima[key].get<double>()).epsilon(relative));
    }
}

TEST_CASE("heddle-share says in one line what is wrong and writes nothing") {
  const scratch_dir dir;
  const auto fails = [&](const std::string& json, const std::string& message) {
    const outcome o = run("heddle-share", "--in " + dir.write("in.json", json) + " --out " +
                                              dir / "out.json --policy max_min");
    CHECK(o.status == 2);
    CHECK_MESSAGE(o.err.find(message) != std::string::npos, o.err);
    CHECK(o.err.find('\n') == o.err.size() - 1);
    CHECK(dir.entries() == 1);
  };
  fails("{\"types\": [\"a\"],\n\"capacity\": [1e999], \"jobs\": []}", "expected numbers that fit");
  fails("{\"types\": [\"a\"],\n\"capacity\": [-1], \"jobs\": []}", "in.json:2: expected ");
  fails(
      "{\"types\": [\"a\"], \"capacity\": [1],\n \"jobs\": [{\"id\": 0, \"throughput\": [1, 2]}]}",
      "in.json:2: expected ");
  fails("{\"types\": ", "in.json:1: expected JSON, got the end of the file");
  CHECK(run("heddle-share", "--policy nothing " + dir / "in.json").status == 2);
  CHECK(run("heddle-share", dir / "missing.json").status == 2);
}
