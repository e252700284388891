#include "support/run.hpp"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "advise/advice.hpp"
#include "advise/page.hpp"
#include "support/shared_data.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;

const std::string cluster =
    R"({"fabric": "leaf_spine", "leafs": 8, "spines": 16, "servers_per_leaf": 2, "gpus_per_server": 8})";

/// A trace with sizes of all kinds and two priorities.
std::string trace_of(int jobs) {
  std::string out = "job_id,submit_s,gpus,duration_s,priority,comm_share,collective\n";
  const int sizes[]{1, 8, 24, 4, 40, 16, 13, 2, 64, 32};
  for (int i = 0; i < jobs; ++i)
    out += std::to_string(i) + ',' + std::to_string(i * 240) + ',' + std::to_string(sizes[i % 10]) +
           ',' + std::to_string(600 + 97 * (i % 23)) + ',' + (i % 5 == 0 ? "1" : "0") +
           ",0.3,ring\n";
  return out;
}

/// A variant with one number in each run.
advise::variant with(const std::vector<double>& kwh) {
  advise::variant v;
  for (double x : kwh) v.runs.push_back({.mean_jct_s = x, .energy_kwh = x});
  return v;
}
const auto of_energy = [](const advise::numbers& n) { return n.energy_kwh; };

}  // namespace

TEST_CASE("a difference is beyond noise where Student's interval of the paired differences leaves "
          "out 0") {
  const auto base = with({100, 200, 300, 400});
  // Differences 1, 2, 3, 4: mean 2.5, standard error 0.6455, t(3, 0.975) = 3.1824: 2.054 < 2.5.
  const auto d = advise::compare(base, with({101, 202, 303, 404}), of_energy);
  CHECK(d.mean == doctest::Approx(2.5));
  CHECK(d.relative == doctest::Approx(0.01));
  CHECK(d.beyond_noise);
  // Differences −1, 2, 3, 4: mean 2, standard error 1.0801: 3.437 > 2.
  CHECK(!advise::compare(base, with({99, 202, 303, 404}), of_energy).beyond_noise);
  CHECK(advise::compare(base, base, of_energy).exact);
  CHECK(!advise::compare(base, base, of_energy).beyond_noise);
  const auto one = advise::compare(with({100}), with({90}), of_energy);
  CHECK(!one.known);
  CHECK(!one.beyond_noise);
}

TEST_CASE("optical switches pay back from what they save on the steps before them alone") {
  advise::advice a;
  a.period_s = {86400.0 * 10, 86400.0 * 10};
  a.base = with({1000, 1000});
  a.together.assign(advise::steps.size(), with({500, 510}));
  a.together.back() = with({400, 409});  // 100 and 101 kWh in 10 days
  const advise::prices p{.per_kwh = 0.2, .ocs = 201};
  REQUIRE(advise::payback_days(a, p));
  CHECK(*advise::payback_days(a, p) == doctest::Approx(201 / (100.5 * 0.2 / 10)));
  a.together.back() = with({400, 510});
  CHECK(!advise::payback_days(a, p));  // noise
  a.together.back() = with({600, 611});
  CHECK(!advise::payback_days(a, p));  // costs more
}

TEST_CASE("advice says first what makes high-priority jobs wait and why a step is worse") {
  advise::advice a;
  a.jobs = 2;
  a.urgent = 1;
  a.period_s.assign(3, 86400.0);
  a.base = with({100, 200, 300});
  a.alone.assign(advise::steps.size(), a.base);
  a.together = a.alone;
  const auto found = [&] { return advise::findings(a, {}); };
  const auto of_step = [&](std::string_view step) {
    for (const std::string& f : found())
      if (f.starts_with("\u201c" + std::string(step) + "\u201d")) return f;
    return std::string();
  };
  CHECK(found().back() == "No step makes high-priority jobs wait longer.");
  CHECK(of_step("source routing").ends_with("No difference that counts."));

  a.together[0] = with({99.99, 199.9899, 299.9898});  // beyond noise, and nothing anybody would see
  CHECK(of_step("source routing").ends_with("No difference that counts."));
  a.together[3] = with({120, 221, 319});
  a.together[3].name = "+ clocks";
  for (auto& n : a.together[3].runs) n.urgent_jwt_s = 5;
  CHECK(found().front() ==
        "High-priority jobs wait longer under: + clocks. Do not adopt these as they are.");
  CHECK(of_step("clocks").find("It costs more than it brings here. At a lower clock") !=
        std::string::npos);
  CHECK(of_step("elasticity").ends_with("A gain."));  // against the step before it
}

TEST_CASE("heddle-advise gives each step the numbers that heddle-simulate has for it") {
  const scratch_dir dir;
  const std::string files =
      "--cluster " + dir.write("c.json", cluster) + " --jobs " + dir.write("j.csv", trace_of(80));
  const outcome o = run("heddle-advise", files + " --runs 1 --seed 4 --report " + dir / "a.json");
  REQUIRE_MESSAGE(o.status == 0, o.err);
  const auto a = nlohmann::json::parse(content_of(dir / "a.json"));
  CHECK(a["jobs"] == 80);
  CHECK(a["high_priority_jobs"] == 16);
  const auto same = [&](const nlohmann::json& row) {
    CAPTURE(row["name"]);
    std::string options = " --seed 4 --place " + row["place"].get<std::string>() + " --route " +
                          row["route"].get<std::string>() + " --allocate " +
                          row["allocate"].get<std::string>();
    if (row.contains("off_after_s"))
      options += " --off-after-s " + std::to_string(row["off_after_s"].get<double>());
    const outcome s = run("heddle-simulate", files + options);
    if (row["never_start"] > 0) {
      CHECK(s.status == 1);
      return;
    }
    REQUIRE(s.status == 0);
    const auto r = nlohmann::json::parse(s.out);
    CHECK(row["mean_jct"]["mean"].get<double>() ==
          doctest::Approx(r["mean_jct_s"].get<double>()).epsilon(1e-9));
    CHECK(row["mean_jwt"]["mean"].get<double>() ==
          doctest::Approx(r["mean_jwt_s"].get<double>()).epsilon(1e-9));
    // Over the common period the energy is that of the run and of the rest after it.
    CHECK(row["energy"]["mean"].get<double>() >= r["energy_j"].get<double>() / 3.6e6 * (1 - 1e-9));
    if (r["makespan_s"] == a["period_s"][0])
      CHECK(row["energy"]["mean"].get<double>() ==
            doctest::Approx(r["energy_j"].get<double>() / 3.6e6).epsilon(1e-9));
  };
  same(a["today"]);
  for (const char* list : {"alone", "together"})
    for (const auto& row : a[list])
      if (row["place"] != "ocs_vclos") same(row);
  CHECK(a["together"].size() == 7);
}

TEST_CASE("heddle-advise finds nothing in the network where no job leaves its leaf") {
  const scratch_dir dir;
  const outcome o = run(
      "heddle-advise",
      "--cluster " + dir.write("c.json", cluster) + " --jobs " +
          dir.write("j.csv",
                    "job_id,submit_s,gpus,duration_s,comm_share,collective\n0,0,8,500,0.5,ring\n"
                    "1,9,16,400,0.5,ring\n2,20,1,300,0.5,ring\n") +
          " --runs 3 --report -");
  REQUIRE_MESSAGE(o.status == 0, o.err);
  const auto a = nlohmann::json::parse(o.out);
  for (int i = 0; i < 3; ++i) {
    CHECK(a["alone"][i]["mean_jct"]["change"] == 0);
    CHECK(a["alone"][i]["energy"]["beyond_noise"] == false);
  }
  CHECK(a["findings"].dump().find("nothing can be said of high-priority jobs") !=
        std::string::npos);
}

TEST_CASE("heddle-advise writes the same page twice and one that is whole") {
  const scratch_dir dir;
  const std::string options =
      "--cluster " + dir.write("c.json", cluster) + " --jobs " + dir.write("j.csv", trace_of(60)) +
      " --runs 3 --price-per-kwh 0.3 --gpu-hour-cost 2 --carbon-g-per-kwh 400 --ocs-cost 1000";
  const outcome a =
      run("heddle-advise", options + " --html " + dir / "a.html" + " --report " + dir / "a.json");
  const outcome b =
      run("heddle-advise", options + " --html " + dir / "b.html" + " --report " + dir / "b.json");
  REQUIRE_MESSAGE(a.status == 0, a.err);
  CHECK(a.out == b.out);
  CHECK(content_of(dir / "a.json") == content_of(dir / "b.json"));
  const std::string page = content_of(dir / "a.html");
  CHECK(page == content_of(dir / "b.html"));
  CHECK(page.ends_with("</html>\n"));
  for (const char* word : {"id=\"together-table-caption\"", "id=\"alone-table-caption\"",
                           "What was assumed", "--runs 3", "high-priority", "optical switches"})
    CHECK(page.find(word) != std::string::npos);
  CHECK(page.find("nan") == std::string::npos);
  CHECK(page.find("inf") == page.find("inform"));
  CHECK(nlohmann::json::parse(content_of(dir / "a.json"))["alone"][5].contains("carbon_saved_kg"));
}

TEST_CASE("heddle-advise says in one line what is wrong with its input and writes nothing") {
  const scratch_dir dir;
  const std::string c = dir.write("c.json", cluster), j = dir.write("j.csv", trace_of(5));
  const auto fails = [&](const std::string& options, const std::string& message, int status = 2) {
    CAPTURE(options);
    const outcome o = run("heddle-advise", options + " --html " + dir / "out.html");
    CHECK(o.status == status);
    CHECK_MESSAGE(o.err.find(message) != std::string::npos, o.err);
    CHECK(o.err.find('\n') == o.err.size() - 1);
    CHECK(dir.entries() == 4);
  };
  const std::string empty = dir.write("e.csv", "job_id,submit_s,gpus,duration_s\n");
  const std::string pods = dir.write(
      "p.json",
      R"({"fabric": "pods", "leafs": 2, "spines": 2, "servers_per_leaf": 2, "gpus_per_server": 2, "ocs": {"switches": 4}})");
  fails("--cluster " + c + " --jobs " + empty, "e.csv: expected at least one job, got none");
  fails("--cluster " + c + " --jobs " + j + " --workload x", "--workload: expected one of vclos");
  fails("--cluster " + c + " --jobs " + j + " --runs 0", "--runs");
  fails("--cluster " + c + " --jobs " + j + " --power-budget-w 1000",
        "the power budget is below what the idle cluster draws", 1);
  fails("--cluster " + pods + " --jobs " + j, "\"leaf_spine\" or \"leaf_spine_ocs\"");
  fails("--cluster " + c, "--jobs is required");
}

TEST_CASE("heddle-advise reads the history of real clusters") {
  for (const char* name : {"data/jobs/msr_itp_c01.csv", "data/jobs/philly_all.csv"}) {
    HEDDLE_SHARED_FILE(trace, name);
    const scratch_dir dir;
    const std::string big =
        R"({"fabric": "leaf_spine", "leafs": 80, "spines": 32, "servers_per_leaf": 4, "gpus_per_server": 8})";
    const outcome o =
        run("heddle-advise", "--cluster " + dir.write("c.json", big) + " --jobs " + trace.string() +
                                 " --workload vclos --limit 1000 --runs 2 --report -");
    REQUIRE_MESSAGE(o.status == 0, o.err);
    const auto a = nlohmann::json::parse(o.out);
    CHECK(a["jobs"] == 1000);
    // Under virtual Clos networks of any size no job is slowed down by another.
    CHECK(a["together"][2]["never_start"] == 0);
  }
}
