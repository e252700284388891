// The same schedulers, budgets and accounts of energy on tori and cubes, with no word of them in the library.
#include <heddle/sim/run.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
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
