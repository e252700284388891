#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

nlohmann::json answer(const std::string& json, const std::string& options, int status = 0) {
  const scratch_dir dir;
  const outcome o = run("heddle-allocate", options + " --in " + dir.write("in.json", json));
  CHECK(o.status == status);
  return nlohmann::json::parse(o.out);
}

const std::string generic = R"({"capacity": [2, 300], "resources": ["gpus", "power_w"], "jobs": [
  {"id": 1, "points": [{"use": [1, 210], "value": 0.7}, {"use": [2, 250], "value": 1.4}]},
  {"id": 5, "weight": 2, "points": [{"use": [1, 80], "value": 0.4}]}]})";

const std::string named = R"({"capacity": {"gpus": 3, "power_w": 1000}, "jobs": [
  {"id": 1, "work": 1000, "points": [
    {"gpus": 1, "clock_ghz": 1, "local_batch": 32, "throughput": 10, "power_w": 200},
    {"gpus": 2, "clock_ghz": 1, "local_batch": 16, "throughput": 20, "power_w": 380}]},
  {"id": 2, "work": 500, "points": [
    {"gpus": 1, "clock_ghz": 1, "local_batch": 32, "throughput": 10, "power_w": 200},
    {"gpus": 2, "clock_ghz": 1, "local_batch": 16, "throughput": 20, "power_w": 380}]}]})";

}  // namespace

TEST_CASE("heddle-allocate finds the best points, as worked out by hand") {
  const nlohmann::json r = answer(generic, "--policy optimal");
  CHECK(r["status"] == "optimal");
  CHECK(r["objective"].get<double>() == doctest::Approx(1.5));  // 0.7 + 2 · 0.4, above 1.4
  CHECK(r["choice"][0] == nlohmann::json{{"id", 1}, {"point", 0}});
  CHECK(r["choice"][1] == nlohmann::json{{"id", 5}, {"point", 0}});
  CHECK(r["use"] == nlohmann::json{2.0, 290.0});
  CHECK(r["gap"].get<double>() <= 1e-12);
}

TEST_CASE("heddle-allocate derives values and uses from operating points") {
  // The horizon is twice the longest best run time, 2 · 50 s: waiting is worth 0, job 1 on two GPUs
  // 50, job 2 on one 50.
  const nlohmann::json jct = answer(named, "--objective jct");
  CHECK(jct["objective"].get<double>() == doctest::Approx(100));
  CHECK(jct["choice"][0]["point"] == 1);
  CHECK(jct["choice"][1]["point"] == 0);
  const nlohmann::json energy = answer(named, "--objective energy");
  CHECK(energy["objective"].get<double>() == doctest::Approx(-(1000 * 19 + 500 * 20)));
}

TEST_CASE("heddle-allocate answers infeasible with status 1") {
  const std::string impossible = R"({"capacity": [1], "resources": ["gpus"], "require_one": true,
    "jobs": [{"id": 1, "points": [{"use": [2], "value": 1}]}]})";
  CHECK(answer(impossible, "", 1)["status"] == "infeasible");
}

TEST_CASE("heddle-allocate says in one line what is wrong and where") {
  const scratch_dir dir;
  const auto fails = [&](const std::string& json, const std::string& message) {
    const outcome o =
        run("heddle-allocate", "--in " + dir.write("in.json", json) + " --out " + dir / "out.json");
    CHECK(o.status == 2);
    CHECK_MESSAGE(o.err.find(message) != std::string::npos, o.err);
    CHECK(dir.entries() == 1);
  };
  fails("{\"capacity\": [1],\n\"resources\": [\"gpus\"],\n\"jobs\": [{\"id\": 1,\n\"points\": "
        "[{\"use\": [-2], \"value\": 1}]}]}",
        "in.json:4: expected a use of at least 0, got -2");
  fails("[]", "in.json:1: expected ");
  fails("{\"capacity\": [1], \"resources\": [\"gpus\"], \"jobs\": [{\"id\": 1}]}", "expected ");
}
