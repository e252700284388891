// Elastic jobs under the pilot, on a Slurm in memory: moved by checkpoint and restart.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/admit/elastic.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "slurm/check_book.hpp"
#include "slurm/fake_slurm.hpp"
#include "slurm/samples.hpp"
#include "slurm_pilot/pilot.hpp"
#include "support/run.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;

using vclos_chain = place::first_of<place::one_server, place::one_leaf, place::vclos>;

auto make_elastic_plan() {
  return schedule::scheduler{order::fifo{}, allocate::powerflow{}, even_servers<vclos_chain>{},
                             route::source{}, admit::elastic{.least_gain_s = 1, .ask_place = true}};
}
using plan_type = decltype(make_elastic_plan());
using test_pilot = control_loop<test::fake_slurm, test::fake_drivers, test::fake_store, plan_type,
                                fabric::leaf_spine>;

/// The program of a job: works, reports, saves, goes on from what it saved.
struct program {
  double total = 0, done = 0, safe = 0;
  bool deaf = false, runs = false, over = false;
  std::size_t heard = 0;
  int ticks = 0, starts = 0;
  double most_lost = 0;                                ///< of one start
  std::vector<std::pair<double, double>> ledger = {};  ///< what each checkpoint has added
  std::vector<int> sizes = {};                         ///< of each start

  [[nodiscard]] bool did_all_once() const {
    double at = 0;
    for (const auto& [from, to] : ledger) {
      if (from != at || to < from) return false;
      at = to;
    }
    return at == total;
  }
};

struct elastic_world {
  test::scratch_dir reports;
  test::fake_slurm slurm;
  test::fake_drivers drivers;
  test::fake_store store;
  plan_type plan = make_elastic_plan();
  std::optional<test_pilot> one;
  double now_s = 1000;
  int deaths = 0;
  pilot_options o;
  std::map<std::uint32_t, program> programs;
  std::map<std::uint32_t, std::pair<int, int>> range;

  explicit elastic_world(std::uint32_t seed) : slurm(seed) {
    for (int i = 0; i < 16; ++i) slurm.add_node(std::string("n") + std::to_string(i));
    drivers.fate = store.fate = &slurm;
    o.elastic = true;
    o.reports = reports.path().string();
    o.settle_s = 10;
    o.told_by.seconds = 15;
  }
  void submit(std::uint32_t id, int gpus, double total, const std::string& comment = "") {
    slurm.submit(id, gpus, 1'000'000);
    slurm.at(id).report.hints = comment;
    slurm.at(id).report.user = static_cast<long>(::geteuid());
    programs[id].total = total;
    const auto r = read_hints(comment).elastic;
    range[id] =
        r ? std::pair{std::min(gpus, r->least), std::max(gpus, r->most)} : std::pair{gpus, gpus};
  }
  void look() {
    test::look_once(one, store, now_s, deaths, [this] {
      one.emplace(slurm, drivers, store, plan,
                  make_machine(test::topology_shown, slurm.look().nodes), o);
    });
  }
  /// Five seconds of all programs.
  void work() {
    for (auto& [id, p] : programs) {
      test::fake_slurm::job& j = slurm.at(id);
      const bool runs = j.report.phase == job_phase::running && !p.over;
      if (runs && !p.runs) {
        ++p.starts;
        p.most_lost = std::max(p.most_lost, p.done - p.safe);
        p.done = p.safe;
        p.sizes.push_back(static_cast<int>(j.report.nodes.size()) * j.gpus_per_node);
        p.ticks = 0;
      }
      p.runs = runs;
      if (!runs) {
        p.heard = j.signals.size();
        continue;
      }
      p.done = std::min(p.total, p.done + 5 * std::sqrt(p.sizes.back()));
      const bool told = j.signals.size() > p.heard && !p.deaf;
      p.heard = j.signals.size();
      const bool saves = told || p.done >= p.total || ++p.ticks % 12 == 0;
      if (saves) {
        p.ledger.emplace_back(p.safe, p.done);
        p.safe = p.done;
      }
      report(id, saves);
      if (p.done >= p.total) {
        p.over = true;
        j.left = 1;
      }
    }
  }
  void report(std::uint32_t id, bool saved) const {
    std::filesystem::create_directories(reports / std::to_string(id));
    std::ofstream out(reports / (std::to_string(id) + "/report"), std::ios::app);
    char line[80];
    std::snprintf(line, sizeof line, "%.3f %.3f%s\n", now_s, programs.at(id).done,
                  saved ? " checkpoint" : "");
    out << line;
  }
  void step() {
    look();
    work();
    slurm.tick();
  }
  [[nodiscard]] int size_of(std::uint32_t id) const {
    const auto& j = slurm.jobs().at(id);
    return j.report.phase == job_phase::running
               ? static_cast<int>(j.report.nodes.size()) * j.gpus_per_node
               : 0;
  }
  [[nodiscard]] int events(const std::string& name) const {
    return static_cast<int>(
        std::count_if(store.notes.begin(), store.notes.end(),
                      [&](const auto& n) { return nlohmann::json::parse(n)["event"] == name; }));
  }
};

}  // namespace

TEST_CASE("an elastic job gives way to others and grows again and loses no work") {
  elastic_world w{1};
  w.submit(1, 32, 20'000, "model=resnet50 elastic=8-32 samples=2e8");
  for (int i = 0; i < 6; ++i) w.step();
  CHECK(w.size_of(1) == 32);  // nobody else wants any
  w.submit(2, 112, 3000);
  for (int i = 0; i < 20; ++i) w.step();
  CHECK(w.size_of(1) == 16);
  CHECK(w.size_of(2) == 112);
  for (int i = 0; i < 800 && !w.slurm.all_ended(); ++i) w.step();
  CHECK(w.slurm.all_ended());
  const program& p = w.programs.at(1);
  CHECK(p.did_all_once());
  CHECK(w.programs.at(2).starts == 1);
  CHECK(p.sizes.size() >= 3);
  CHECK(p.sizes.back() == 32);
  CHECK(p.starts == static_cast<int>(p.sizes.size()));
  // Two ticks at most between a checkpoint and its end.
  CHECK(p.most_lost <= 2 * 5 * 6);
  // What moves cost was measured: a tick to end, one to start, one to report.
  w.slurm.death_rate = 0;
  CHECK(w.events("moved") == p.starts - 1);
  const move_ledger& cost = w.one->jobs().moves;
  CHECK(cost.measured == p.starts - 1);
  CHECK(cost.pause_s >= 5);
  CHECK(cost.pause_s <= 40);
}

TEST_CASE("a job that does not save within its notice stays where it is and is told so") {
  elastic_world w{2};
  w.submit(1, 32, 5000, "elastic=8-32");
  w.programs.at(1).deaf = true;
  for (int i = 0; i < 6; ++i) w.step();
  const int size = w.size_of(1);
  CHECK(size == 32);
  w.submit(2, 112, 500);
  bool told = false;
  for (int i = 0; i < 9; ++i) {  // before it saves by itself
    w.step();
    told |= w.slurm.jobs().at(1).report.explanation ==
            "heddle: it saved no checkpoint within its notice, and is not moved any more";
  }
  CHECK(told);
  CHECK(w.events("deaf") == 1);
  CHECK(w.events("told") == 1);
  for (int i = 0; i < 400 && !w.slurm.all_ended(); ++i) w.step();
  CHECK(w.slurm.all_ended());
  CHECK(w.programs.at(1).starts == 1);
  CHECK(w.programs.at(1).did_all_once());
}

TEST_CASE("jobs that do not report or report nonsense are not moved and change no other job") {
  const char* reports[]{"", "x\n", "1 2 3\n", "1e300 0\n", "9 nan\n", "\xff\xfe\n"};
  for (const char* text : reports) {
    CAPTURE(text);
    elastic_world w{3};
    w.submit(1, 32, 1e9, "elastic=8-32");
    w.submit(2, 8, 1e9, "elastic=8-8");
    for (int i = 0; i < 3; ++i) {
      w.look();
      w.slurm.tick();
    }
    std::filesystem::create_directories(w.reports / "1");
    w.reports.write("1/report", text);
    w.submit(3, 112, 1e9);
    for (int i = 0; i < 20; ++i) {
      w.look();
      w.slurm.tick();
      w.reports.write("1/report", text);
    }
    CHECK(w.slurm.jobs().at(1).runs.size() == 1);
    CHECK(w.slurm.jobs().at(2).runs.size() == 1);
    CHECK(w.slurm.jobs().at(1).signals.empty());
    CHECK(w.events("odd_report") == (*text ? 1 : 0));
  }
}

TEST_CASE("a job that is not believed or not understood is taken for a rigid one") {
  elastic_world w{4};
  w.submit(1, 16, 300, "elastic=64-8");
  w.submit(2, 16, 300, "elastic=8-64");
  w.slurm.at(2).report.exclusive = true;
  w.slurm.at(2).report.nodes_asked = 2;
  w.submit(3, 16, 300, "elastic=1-1048576");
  for (int i = 0; i < 300 && !w.slurm.all_ended(); ++i) w.step();
  CHECK(w.slurm.all_ended());
  CHECK(w.programs.at(1).sizes == std::vector<int>{16});
  CHECK(w.programs.at(2).sizes == std::vector<int>{16});
  CHECK(w.programs.at(3).did_all_once());
  CHECK(w.events("odd") == 1);
}

TEST_CASE(
    "random elastic and rigid jobs do all their work once through deaths and failures of nodes") {
  int deaths = 0, moves = 0, restarts = 0, crossing = 0;
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice{seed};
    elastic_world w{seed};
    w.slurm.death_rate = 0.005 * (seed % 4);
    w.slurm.refusal_rate = seed % 5 == 0 ? 0.05 : 0;
    const int sizes[]{4, 4, 8, 8, 16, 32, 64, 24};
    std::uint32_t next = 1;
    for (int t = 0; t < 700 && !(t > 100 && w.slurm.all_ended()); ++t) {
      if (t < 100 && dice() % 6 == 0) {
        const int n = sizes[dice() % 8];
        std::string comment;
        if (dice() % 2)
          comment = "elastic=" + std::to_string(1 + (n - 1) / 4) + "-" + std::to_string(4 * n) +
                    (dice() % 2 ? " samples=" : " x=") + "2000";
        w.submit(next, n, 400.0 + static_cast<int>(dice() % 2500), comment);
        w.programs.at(next++).deaf = dice() % 12 == 0;
      }
      const std::string node = std::string("n") + std::to_string(dice() % 16);
      if (t < 150 && dice() % 40 == 0) w.slurm.fail(node);
      if (dice() % 5 == 0 || t > 150) w.slurm.repair(node);
      w.look();
      if (w.one) {
        test::check_isolated(w.one->jobs(), w.one->cluster());
        for (const auto& [id, j] : w.one->jobs().jobs) {
          if (j.at == stage::foreign) continue;
          crossing += !j.where.links.empty();
          const auto n = static_cast<int>(j.where.gpus.size());
          CHECK(n >= w.range.at(id).first);
          CHECK(n <= w.range.at(id).second);
        }
      }
      w.work();
      w.slurm.tick();
    }
    CHECK(w.slurm.all_ended());
    for (const auto& [id, p] : w.programs) {
      CAPTURE(id);
      CHECK(p.did_all_once());
      CHECK(p.starts <= w.slurm.jobs().at(id).report.restarts + 1);
      restarts += p.starts - 1;
    }
    w.slurm.death_rate = 0;
    w.look();
    w.look();
    CHECK(w.one->jobs().jobs.empty());
    CHECK(w.one->jobs().moves.jobs.empty());
    CHECK(w.drivers.hosts.empty());
    moves += w.events("moved");
    deaths += w.deaths;
  }
  CHECK(deaths > 50);
  CHECK(moves > 50);
  CHECK(restarts > moves);
  CHECK(crossing > 500);
}
