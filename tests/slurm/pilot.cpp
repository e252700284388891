#include "slurm_pilot/pilot.hpp"

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/allocate/requested.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/schedule/scheduler.hpp>

#include "slurm/check_book.hpp"
#include "slurm/fake_slurm.hpp"
#include "slurm/samples.hpp"

namespace {

using namespace heddle;
using namespace heddle::pilot;

static_assert(SlurmControl<test::fake_slurm>);
static_assert(SlurmControl<slurm_commands>);
static_assert(Drivers<test::fake_drivers>);
static_assert(Drivers<recording_driver>);
static_assert(Store<test::fake_store>);
static_assert(Store<file_store>);

using vclos_chain = place::first_of<place::one_server, place::one_leaf, place::vclos>;

auto make_plan() {
  return schedule::scheduler{order::fifo{}, allocate::requested{}, even_servers<vclos_chain>{},
                             route::source{}};
}
using plan_type = decltype(make_plan());
using test_pilot = control_loop<test::fake_slurm, test::fake_drivers, test::fake_store, plan_type,
                                fabric::leaf_spine>;

using test::check_isolated;

struct world {
  test::fake_slurm slurm;
  test::fake_drivers drivers;
  test::fake_store store;
  plan_type plan = make_plan();
  std::optional<test_pilot> one;
  double now_s = 1000;
  int deaths = 0;
  pilot_options o;

  explicit world(std::uint32_t seed) : slurm(seed) {
    for (int i = 0; i < 16; ++i) slurm.add_node(std::string("n") + std::to_string(i));
    drivers.fate = store.fate = &slurm;
  }
  void look() {
    test::look_once(one, store, now_s, deaths, [this] {
      one.emplace(slurm, drivers, store, plan,
                  make_machine(test::topology_shown, slurm.look().nodes), o);
    });
  }
};

}  // namespace

TEST_CASE(
    "the pilot brings random jobs through failures of nodes and of itself once each and isolated") {
  int deaths = 0, requeued = 0, crossing = 0;
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice{seed};
    world w{seed};
    w.slurm.death_rate = seed % 4 == 0 ? 0 : 0.01 * (seed % 4);
    w.slurm.refusal_rate = seed % 5 == 0 ? 0.05 : 0;
    const int sizes[]{1, 2, 4, 8, 8, 16, 24, 32, 48, 64, 12, 20};
    std::uint32_t next = 1;
    std::map<std::uint32_t, std::vector<std::string>> last_hosts;
    for (int t = 0; t < 400 && !(t > 100 && w.slurm.all_ended()); ++t) {
      if (t < 100 && dice() % 2)
        w.slurm.submit(next++, sizes[dice() % 12], 1 + static_cast<int>(dice() % 8));
      const std::string node = std::string("n") + std::to_string(dice() % 16);
      if (t < 150 && dice() % 25 == 0) w.slurm.fail(node);
      if (dice() % 5 == 0 || t > 150) w.slurm.repair(node);
      if (t < 150 && dice() % 40 == 0) w.slurm.drain(node, true);
      if (dice() % 8 == 0 || t > 150) w.slurm.drain(node, false);
      w.look();
      if (w.one) {
        check_isolated(w.one->jobs(), w.one->cluster());
        for (const auto& [id, j] : w.one->jobs().jobs) {
          crossing += !j.where.links.empty();
          // What runs here runs where the ranks were sent.
          const auto hosts = pilot::detail::hosts_of(w.one->cluster(), j.where);
          const auto& runs = w.slurm.jobs().at(id).runs;
          if (j.at == stage::running)
            CHECK(std::set(runs.back().nodes.begin(), runs.back().nodes.end()) == hosts);
          if (j.at != stage::placed) CHECK(w.drivers.hosts.contains(id));
        }
      }
      w.slurm.tick();
    }
    CHECK(w.slurm.all_ended());
    for (const auto& [id, j] : w.slurm.jobs()) {
      CAPTURE(id);
      int completed = 0;
      for (const auto& r : j.runs) completed += r.completed;
      CHECK(completed == 1);
      CHECK(static_cast<int>(j.runs.size()) == j.report.restarts + 1);
      requeued += j.report.restarts;
    }
    w.slurm.death_rate = 0;
    w.look();
    w.look();
    CHECK(w.one->jobs().jobs.empty());
    CHECK(w.drivers.hosts.empty());
    deaths += w.deaths;
  }
  CHECK(deaths > 100);
  CHECK(requeued > 50);
  CHECK(crossing > 1000);
}

TEST_CASE("jobs that somebody else starts are booked as they are and their links given to nobody") {
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 dice{seed};
    world w{seed};
    std::uint32_t next = 1;
    for (int t = 0; t < 120; ++t) {
      if (t < 60 && dice() % 2)
        w.slurm.submit(next++, 1 << (dice() % 7), 1 + static_cast<int>(dice() % 8));
      if (t < 60 && dice() % 6 == 0)
        w.slurm.start_foreign(next++, 1 + static_cast<int>(dice() % 6), 1 << (dice() % 4), 5);
      if (dice() % 10 == 0)
        if (const auto id = static_cast<std::uint32_t>(1 + dice() % next);
            w.slurm.jobs().contains(id))
          w.slurm.cancel(id);
      w.look();
      check_isolated(w.one->jobs(), w.one->cluster());
      for (const auto& [id, j] :
           w.one->jobs().jobs) {  // what Slurm has given away is what is booked
        const auto& r = w.slurm.jobs().at(id).report;
        if (r.gpu_numbers.empty()) continue;
        std::map<std::string, std::vector<int>> mine;
        for (gpu_id g : j.where.gpus)
          mine[w.one->cluster().host_of(g)].push_back(w.one->cluster().number_of(g));
        for (std::size_t i = 0; i < r.nodes.size(); ++i)
          CHECK(mine[r.nodes[i]] == r.gpu_numbers[i]);
      }
      w.slurm.tick();
    }
    for (int t = 0; t < 60; ++t) {
      w.look();
      w.slurm.tick();
    }
    CHECK(w.slurm.all_ended());
  }
}

TEST_CASE("a pilot without its state file takes what runs for foreign and goes on") {
  world w{3};
  w.slurm.submit(1, 64, 100);
  w.look();
  w.slurm.tick();
  w.look();
  REQUIRE(w.one->jobs().jobs.at(1).at == stage::running);
  w.one.reset();
  w.store.saved.clear();
  w.slurm.submit(2, 40, 3);
  w.look();
  const auto& jobs = w.one->jobs().jobs;
  CHECK(jobs.at(1).at == stage::foreign);
  CHECK(jobs.at(1).where.gpus.size() == 64);
  CHECK(jobs.at(1).where.links.size() == 64);  // two leafs, all that they have
  CHECK(jobs.at(2).at == stage::released);     // on the two other leafs
  check_isolated(w.one->jobs(), w.one->cluster());
  // One that was released and has not started is taken back instead.
  w.one.reset();
  w.store.saved.clear();
  w.look();
  CHECK(w.slurm.jobs().at(2).report.phase == job_phase::held);
}

TEST_CASE("the pilot tells each waiting job why it waits and says so once") {
  world w{1};
  w.slurm.submit(1, 96, 5);
  w.slurm.submit(2, 100, 5);  // 4 leafs of 25: no servers of the same number
  w.slurm.submit(3, 1000, 5);
  w.slurm.submit(4, 64, 5);
  w.slurm.submit(5, 1, 5);
  w.look();
  const auto said = [&](std::uint32_t id) { return w.slurm.jobs().at(id).report.explanation; };
  const char* never =
      "heddle: waits for ever, not even the empty cluster has a place for so many GPUs";
  CHECK(said(1) == "heddle: placed on 12 nodes, 96 links of its own");
  CHECK(said(2) == never);
  CHECK(said(3) == "heddle: waits for ever, it asks for 1000 GPUs and the cluster has 128");
  CHECK(said(4) == "heddle: waits, fewer GPUs are free than it asks for");
  CHECK(said(5) == "heddle: waits behind job 4");
  w.slurm.death_rate = 1;  // whoever says anything now dies
  w.drivers.fate = w.store.fate = nullptr;
  w.slurm.tick();
  w.look();
  CHECK(w.deaths == 0);
}

TEST_CASE("a job whose nodes Slurm refuses waits a while and is tried again") {
  world w{1};
  w.slurm.submit(1, 8, 5);
  w.slurm.refusal_rate = 1;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::held);
  CHECK(w.slurm.jobs().at(1).report.explanation ==
        "heddle: waits, refused: Invalid generic resource (gres) specification");
  CHECK(w.one->jobs().jobs.empty());
  CHECK(w.drivers.hosts.empty());
  w.slurm.refusal_rate = 0;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::held);
  w.now_s += 60;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::pending);
}

TEST_CASE("a dry run changes nothing and says what it would do") {
  world w{1};
  w.slurm.submit(1, 64, 5);
  w.slurm.submit(2, 96, 5);
  w.o.dry_run = true;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::held);
  CHECK(w.slurm.jobs().at(1).report.required.empty());
  CHECK(w.drivers.hosts.empty());
  CHECK(w.store.saved.empty());
  CHECK(w.one->jobs().jobs.empty());
  const auto line = [&](std::size_t i) { return nlohmann::json::parse(w.store.notes.at(i)); };
  CHECK(line(1)["event"] == "would_place");
  CHECK(line(1)["ranks"].size() == 64);
  CHECK(line(2)["event"] == "would_wait");
  CHECK(line(2)["job"] == 2);
}

TEST_CASE("a job that Slurm does not start in time is taken back") {
  world w{1};
  w.slurm.submit(1, 8, 5);
  w.o.start_timeout_s = 12;
  w.look();
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::pending);
  for (int i = 0; i < 3; ++i) w.look();  // no tick: Slurm does nothing
  CHECK(w.slurm.jobs().at(1).report.phase == job_phase::held);
  bool told = false;
  w.look();
  for (const std::string& n : w.store.notes) told |= n.find("taken_back") != n.npos;
  CHECK(told);
}
