// The same schedulers, budgets and accounts of energy on tori and cubes, with no word of them in the library.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <heddle/allocate/powerflow.hpp>
#include <heddle/allocate/requested.hpp>
#include <heddle/fabric/cubes.hpp>
#include <heddle/fabric/torus.hpp>
#include <heddle/place/reconfigured.hpp>
#include <heddle/place/torus_boxes.hpp>
#include <heddle/place/verify_mesh.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/decision_log.hpp>
#include <heddle/schedule/scheduler.hpp>
#include <heddle/trace/availability.hpp>
#include <heddle/trace/csv.hpp>

#include "support/dice.hpp"
#include "support/schedulers.hpp"
#include "support/shared_data.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using schedule::scheduler;

namespace {

// Books what is started in a ledger of its own, and checks that it is the mesh that was asked for.
template <class Fabric>
struct checker {
  fabric::ledger<Fabric> book;
  std::size_t started = 0;
  double energy_j = 0, last_s = 0, last_w = 0;

  void operator()(const sim::started& e) { take(e.what.job, e.what.where); }
  void operator()(const sim::resized& e) {
    book.release(e.what.job);
    take(e.what.job, e.what.where);
  }
  void operator()(const sim::stopped& e) { book.release(e.job); }
  void operator()(const sim::hit& e) { book.release(e.job); }
  void operator()(const sim::finished& e) { book.release(e.record.id); }
  void operator()(const sim::moment& m) {
    energy_j += last_w * (m.now_s - last_s);
    last_s = m.now_s;
    last_w = m.power_w;
  }
  void take(job_id id, const fabric::placement& p) {
    ++started;
    REQUIRE(book.reserve(id, p) == fabric::reserve_status::reserved);
    REQUIRE(place::mesh_fault(book, id, {p.shape}).value_or("") == "");
  }
};

std::vector<job> rfold_jobs(const std::string& path) {
  std::ifstream in(path);
  trace::csv_reader rows{in, path};
  const auto id = rows.required("job_id"), submit = rows.required("submit_s"),
             x = rows.required("x"), y = rows.required("y"), z = rows.required("z"),
             duration = rows.required("duration_s");
  std::vector<job> jobs;
  while (rows.next()) {
    const auto whole = [&](const trace::csv_column& c) {
      return rows.integer<int>(c, 0, "a number");
    };
    job j = test::make_job(static_cast<std::uint32_t>(whole(id)), rows.number(submit, 0, "a time"),
                           whole(x) * whole(y) * whole(z), rows.number(duration, 0, "a time"));
    j.shape = {whole(x), whole(y), whole(z)};
    jobs.push_back(j);
  }
  return jobs;
}

}  // namespace

TEST_CASE("RFold's 300 jobs all run as open meshes, sooner than under its own rules") {
  HEDDLE_SHARED_FILE(path, "data/jobs/rfold_300.csv");
  const model::workload w = test::linear_workload(rfold_jobs(path));
  const fabric::cubes pod{{}};
  const double rfold_s = 693'924, rfold_used = .320, bound_s = 297'445, most_used = .4145;
  for (const bool easy : {false, true}) {
    checker<fabric::cubes> check{fabric::ledger{pod}};
    std::ostringstream text;
    schedule::decision_log log{text};
    scheduler plan{order::fifo{}, allocate::requested{}, place::folded_reconfigured{},
                   route::source{},
                   test::any_admission{easy ? test::any_admission{admit::easy{}}
                                            : test::any_admission{admit::in_order{}}}};
    const sim::report r = sim::run(pod, w, plan, {}, check, log);
    CAPTURE(easy);
    CHECK(r.finished == 300);
    CHECK(check.started == 300);
    CHECK(r.mean_jct_s < rfold_s);
    CHECK(r.gpu_utilization > rfold_used);
    CHECK(r.gpu_utilization < most_used);
    if (!easy) CHECK(r.mean_jct_s > bound_s);
    CHECK(r.energy_j == doctest::Approx(check.energy_j).epsilon(1e-9));
    // What was decided reads back as it was, shapes and circuits too.
    std::istringstream in(text.str());
    std::size_t starts = 0;
    for (const schedule::logged& l : schedule::read_log(in, "log")) {
      starts += l.decided.starts.size();
      for (const schedule::start& s : l.decided.starts)
        REQUIRE(static_cast<std::size_t>(s.where.shape.volume()) == s.where.gpus.size());
    }
    CHECK(starts == 300);
  }
}

TEST_CASE("elastic jobs with a power budget and failures of hosts run on a torus and on cubes") {
  const auto run_on = [](const auto& dc, auto policy, std::uint64_t seed) {
    using Fabric = std::remove_cvref_t<decltype(dc)>;
    test::dice d{seed};
    std::vector<model::operating_point> points;
    for (int n : {1, 2, 4, 8, 16, 32})
      for (double f : {1.0, 1.4})
        points.push_back(test::point(n, n * f, n * (100 + 150 * f * f * f), f));
    model::workload w;
    w.curves.push_back(model::curve{points});
    double now = 0;
    for (std::uint32_t i = 0; i < 40; ++i)
      w.jobs.push_back(
          test::make_job(i, now += d.between(0, 40), 1 << d.between(0, 5), d.between(1, 300)));
    w.curve_of.assign(w.jobs.size(), 0);
    sim::options o{.checkpoint_s = 50};
    o.failures = trace::failure_process{.nodes = static_cast<std::uint32_t>(dc.hosts().servers()),
                                        .mtbf_s = 8000,
                                        .mttr_s = 200,
                                        .horizon_s = 3000,
                                        .seed = seed}()
                     .events;
    using any_place =
        std::function<place::answer(const fabric::ledger<Fabric>&, const place::request&)>;
    const double budget_w = 40'000;
    scheduler plan{order::fifo{}, allocate::powerflow{}, any_place{std::move(policy)},
                   route::source{}, schedule::scheduler_options{.power_budget_w = budget_w}};
    checker<Fabric> check{fabric::ledger{dc}};
    const sim::report r = sim::run(dc, w, plan, o, check);
    CHECK(r.finished == 40);
    CHECK(r.peak_power_w <= budget_w * (1 + 1e-9));
    CHECK(r.energy_j == doctest::Approx(check.energy_j).epsilon(1e-9));
    CHECK(r.failures > 0);
  };
  run_on(fabric::torus{{.sides = {4, 4, 4}}}, place::folded{}, 1);
  run_on(fabric::cubes{{.cubes = 8, .side = 2}}, place::folded_reconfigured{}, 2);
}

TEST_CASE("a slice that loses a host goes on in a spare cube, and of the others nothing moves") {
  struct starts {
    std::vector<schedule::start> all;
    void operator()(const sim::started& e) { all.push_back(e.what); }
  };
  const auto run = [](auto policy, double switching_ms, std::vector<job> jobs, starts& seen) {
    const fabric::cubes dc{{.cubes = 8, .side = 4, .switching_ms = switching_ms}};
    sim::options o{.checkpoint_s = 100};
    o.moves.recovery = {.pause_s = 5, .large_pause_s = 5};
    for (double at :
         {500.0, 650.0})  // a host of cube 2, then one of the cube that stands in for it
      o.failures.push_back({at, at < 600 ? 2u * 16 + 3 : 5u * 16 + 9, false});
    scheduler plan{order::fifo{}, allocate::requested{}, std::move(policy), route::source{},
                   test::any_admission{admit::in_order{}}};
    return sim::run(dc, test::linear_workload(std::move(jobs)), plan, o, seen);
  };
  std::vector<job> jobs{test::make_job(0, 0, 256, 1000), test::make_job(1, 0, 64, 2000)};
  jobs[0].shape = {8, 8, 4};
  jobs[1].shape = {4, 4, 4};
  const auto check = [&](auto policy) {
    starts seen;
    const sim::report r = run(policy, 50, jobs, seen);
    CHECK(r.finished == 2);
    CHECK(r.restarts == 2);
    REQUIRE(seen.all.size() == 4);
    const auto cube_of = [](gpu_id g) { return g.value / 64; };
    for (std::size_t i : {2u, 3u}) {
      const fabric::placement &before = seen.all[i == 2 ? 0 : 2].where, &after = seen.all[i].where;
      const std::uint32_t lost = i == 2 ? 2 : 5, spare = i == 2 ? 5 : 6;
      CHECK(seen.all[i].job == job_id{0});
      for (std::size_t rank = 0; rank < before.gpus.size(); ++rank) {
        const gpu_id was = before.gpus[rank], is = after.gpus[rank];
        CHECK(cube_of(is) == (cube_of(was) == lost ? spare : cube_of(was)));
        CHECK(is.value % 64 == was.value % 64);
      }
      for (const fabric::face_circuit& k : before.faces)
        if (k.from.value != lost && k.to.value != lost)
          CHECK(std::find(after.faces.begin(), after.faces.end(), k) != after.faces.end());
      CHECK(after.faces.size() == before.faces.size());
    }
    // At 500 s it has done 500 s less one switching time, of which 400 s are saved; at 650 s 100 s more.
    const double finish_s = 650 + .050 + 5 + (1000 - 400 - 100);
    CHECK(r.records.front().id == job_id{0});
    CHECK(r.records.front().finish_s == doctest::Approx(finish_s).epsilon(1e-12));
    // All that circuits cost is time to switch them: at each start.
    starts again;
    const sim::report slow = run(policy, 20'000, jobs, again);
    CHECK(slow.records.front().finish_s == doctest::Approx(finish_s + 19.95).epsilon(1e-12));
    for (std::size_t i = 0; i < 4; ++i) CHECK(again.all[i].where == seen.all[i].where);
  };
  check(place::reconfigured{.closed = true});
  check(place::folded_reconfigured{});
}
