#include "support/run.hpp"

#include <cmath>
#include <cstddef>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "common/plot_data.hpp"
#include "common/table.hpp"
#include "support/xml_check.hpp"

namespace {

using namespace heddle;
using namespace heddle::test;
using examples::fixed;

const std::string cluster =
    R"({"fabric": "leaf_spine", "leafs": 4, "spines": 8, "servers_per_leaf": 2, "gpus_per_server": 4})";

/// Jobs that wait, cross leafs and slow one another down.
std::string trace_of(int jobs) {
  std::string out = "job_id,submit_s,gpus,duration_s,collective,comm_share\n";
  const int sizes[]{1, 4, 12, 2, 20, 8, 3, 32};
  for (int i = 0; i < jobs; ++i)
    out += std::to_string(i) + ',' + std::to_string(i * 150) + ',' + std::to_string(sizes[i % 8]) +
           ',' + std::to_string(300 + 91 * (i % 13)) + ",all_to_all,0.3\n";
  return out;
}

/// heddle-simulate with a page, and its report.
struct made {
  outcome how;
  std::string page;
  nlohmann::json report;
};
made page_with(const scratch_dir& dir, const std::string& options) {
  made m;
  m.how = run("heddle-simulate",
              options + " --html " + dir / "page.html" + " --report " + dir / "report.json");
  REQUIRE_MESSAGE(m.how.status == 0, m.how.err);
  m.page = content_of(dir / "page.html");
  m.report = nlohmann::json::parse(content_of(dir / "report.json"));
  return m;
}
std::string inputs(const scratch_dir& dir, int jobs) {
  return "--cluster " + dir.write("c.json", cluster) + " --jobs " +
         dir.write("j.csv", trace_of(jobs));
}
bool has(const std::string& page, const std::string& words) {
  return page.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE(
    "heddle-simulate's page has every section, needs nothing from outside and is well formed") {
  const scratch_dir dir;
  const made m = page_with(dir, inputs(dir, 60));
  CHECK(m.how.out == "");
  CHECK(m.page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"));
  xml_check checked(m.page);
  CHECK(checked.fault == "");
  for (const char* id : {"summary", "jobs", "use", "power", "network", "setting"}) {
    INFO(id);
    CHECK(checked.ids.contains(id));
    CHECK(checked.referred.contains(id));
  }
  CHECK(checked.count["h1"] == 1);
  CHECK(checked.count["h2"] == 6);
  CHECK(checked.count["svg"] == 7);  // times, slow-down, GPUs, queue, power, energy, network
  CHECK(checked.count["desc"] == 7);
  CHECK(checked.count["table"] == 7);  // summary, sizes, reasons, three lists of jobs, energy
  CHECK(checked.count["caption"] == 7);
  for (const char* none : {"script", "link", "img", "iframe"}) CHECK(checked.count[none] == 0);
  for (std::size_t at = 0; (at = m.page.find("http", at)) != std::string::npos; ++at)
    CHECK(m.page.compare(at, 26, "http://www.w3.org/2000/svg") == 0);
}

TEST_CASE("heddle-simulate's page shows the numbers of the report") {
  const scratch_dir dir;
  const made m = page_with(dir, inputs(dir, 60) + " --power-budget-w 25000 --seed 3");
  const auto row = [](const std::string& quantity, const std::string& value) {
    return "<th scope=\"row\">" + quantity + "</th><td class=\"number\">" + value + "</td>";
  };
  const auto number = [&](const char* key) { return m.report[key].get<double>(); };
  const bool seconds = number("p50_jct_s") < 600;
  const auto time = [&](const char* key) {
    return seconds ? fixed(number(key), 1) + " s" : fixed(number(key) / 60, 1) + " min";
  };
  CHECK(has(m.page, row("Jobs finished", "60 jobs")));
  CHECK(has(m.page, row("Mean JCT", time("mean_jct_s"))));
  CHECK(has(m.page, row("P99 JWT", time("p99_jwt_s"))));
  CHECK(has(m.page, row("GPUs held", fixed(100 * number("gpu_utilization"), 1) + " %")));
  CHECK(has(m.page, row("Energy", fixed(number("energy_j") / 3.6e6, 1) + " kWh")));
  CHECK(has(m.page, row("Peak power", fixed(number("peak_power_w") / 1e3, 2) + " kW")));
  CHECK(
      has(m.page, row("GPUs of running jobs",
                      fixed(m.report["energy_parts_j"]["gpus_running"].get<double>() / 3.6e6, 1))));
  CHECK(has(m.page, "<dt>Power budget</dt><dd>25.0\u00a0kW</dd>"));
  CHECK(has(m.page, "<span>--power-budget-w 25000</span> <span>--seed 3</span>"));
}

TEST_CASE(
    "heddle-simulate's page is the same for the same command, and does not change the report") {
  const scratch_dir dir;
  const std::string options = inputs(dir, 40) + " --workload vclos --place vclos --backfill";
  const made first = page_with(dir, options), again = page_with(dir, options);
  CHECK(first.page == again.page);
  CHECK(page_with(dir, options + " --seed 7").page != first.page);
  const outcome plain = run("heddle-simulate", options);
  auto a = nlohmann::json::parse(plain.out), b = first.report;
  for (auto* j : {&a, &b})
    for (const char* measured : {"decide_us_p50", "decide_us_p99"}) j->erase(measured);
  CHECK(a == b);
}

TEST_CASE("heddle-simulate's page does not grow with the trace") {
  const scratch_dir dir;
  const std::size_t small = page_with(dir, inputs(dir, 300)).page.size();
  const std::size_t large = page_with(dir, inputs(dir, 6000)).page.size();
  CHECK(large < 2 * small);
  CHECK(large < 150'000);
}

TEST_CASE("heddle-simulate's page makes do with one job, with none, and with words that mean "
          "something to HTML") {
  const scratch_dir dir;
  const std::string files = "--cluster " + dir.write("c.json", cluster) + " --jobs ";
  const std::string one =
      dir.write("<one> & 'more'.csv", "job_id,submit_s,gpus,duration_s\n0,5,1,0.001\n");
  for (const std::string& jobs :
       {"\"" + one + "\"", dir.write("none.csv", "job_id,submit_s,gpus,duration_s\n")}) {
    CAPTURE(jobs);
    const made m = page_with(dir, files + jobs);
    CHECK(xml_check(m.page).fault == "");
    CHECK(!has(m.page, "nan"));
    CHECK(!has(m.page, "<one>"));
  }
}

TEST_CASE("parts of a time hold what was added to them, however often they were joined") {
  using parts = examples::svg::time_parts<2>;
  parts p;
  // 1 a second for 1000 s, then 3 a second for 1000 s, in uneven pieces; and lumps.
  double at = 100;
  p.until(at, {0, 0});
  int k = 0;
  while (at < 2100) {
    double dt = 0.25 + k++ % 7;
    if (at < 1100 && at + dt > 1100) dt = 1100 - at;
    if (at + dt > 2100) dt = 2100 - at;
    const double rate = at < 1100 ? 1 : 3;
    at += dt;
    p.until(at, {rate * dt, 0});
    p.until(at, {0, 1});
  }
  CHECK(p.from_s() == 100);
  CHECK(p.length_s() == 2000);
  CHECK(p.parts().size() <= parts::most);
  CHECK(p.parts().size() > parts::most / 2);
  double sum = 0, lumps = 0;
  for (const auto& part : p.parts()) {
    sum += part[0];
    lumps += part[1];
  }
  CHECK(sum == doctest::Approx(4000));
  CHECK(lumps == k);
  for (const auto& q : p.means(1, [](const auto& part) { return part[0]; })) {
    if (std::abs(q.x - 1000) < p.width_s()) continue;  // the part in which the rate changes
    CHECK(q.y == doctest::Approx(q.x < 1000 ? 1 : 3));
  }
}
