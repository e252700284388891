// Jobs over several types of GPU: the readers, and Gavel's two workloads against what its own simulator gives.
#include <heddle/trace/typed_jobs.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <heddle/share/by_share.hpp>
#include <heddle/share/rate_by_time_left.hpp>
#include <heddle/share/remembered.hpp>
#include <heddle/share/share.hpp>
#include <heddle/sim/rounds.hpp>

#include "central_shares.hpp"
#include "support/shared_data.hpp"

using namespace heddle;
using doctest::Approx;

namespace {

const std::vector<trace::typed_gpus> gavels_cluster{{"v100", 8}, {"p100", 16}, {"k80", 24}};

sim::typed_jobs gavels_jobs(const std::filesystem::path& jobs, const std::filesystem::path& table) {
  std::ifstream table_file{table}, jobs_file{jobs};
  const auto rates =
      trace::read_throughputs(table_file, table.string(), {"v100", "p100", "k80"}, "consolidated");
  return trace::read_typed_jobs(jobs_file, jobs.string(), rates, gavels_cluster);
}

trace::throughput_table table_of(const std::string& rows) {
  std::istringstream in{"model,gpu_type,gpus,placement,batch_size,steps_per_s\n" + rows};
  return trace::read_throughputs(in, "t.csv", {"fast", "slow"}, "near");
}

// Hours.
struct outcome {
  double mean_jct_h, makespan_h;
};
template <class Policy>
outcome run(const sim::typed_jobs& all, Policy policy, const sim::round_options& rules = {}) {
  const auto report = sim::run_rounds(all, policy, rules);
  return {report.mean_jct_s / 3600, report.makespan_s / 3600};
}

constexpr double peer_tolerance = 0.03;
constexpr double printed = 0.005;  // the peer's figures have two decimals

// Gavel's FIFO as published gives a job the fastest type with room even if it cannot run there: it then holds GPUs
// and does nothing.
struct gavels_fifo {
  void operator()(const share::problem& p, share::workspace&, share::answer& out) const {
    out.x.assign(p.jobs() * p.types(), 0);
    std::vector<double> free = p.capacity;
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      std::size_t at = p.types();
      for (std::size_t j = 0; j < p.types(); ++j)
        if (free[j] >= p.gpus_of(i) && (at == p.types() || p.row(i)[j] > p.row(i)[at])) at = j;
      if (at == p.types()) return;
      free[at] -= p.gpus_of(i);
      out.x[i * p.types() + at] = 1;
    }
  }
};

void near(outcome got, double jct_h, double makespan_h) {
  CHECK(got.mean_jct_h == Approx(jct_h).epsilon(peer_tolerance));
  CHECK(got.makespan_h == Approx(makespan_h).epsilon(peer_tolerance));
}

}  // namespace

TEST_CASE("typed jobs find their throughputs in the table and 0 where it has none") {
  const auto table = table_of("a,fast,1,near,,10\na,slow,1,near,,4\na,fast,1,far,,9\nb,fast,2,near,"
                              "16,7\nb,other,2,near,16,1\n");
  std::istringstream in{
      "job_id,submit_s,gpus,model,batch_size,total_steps\n0,0,1,a,,100\n1,5,2,b,16,50\n"};
  const auto jobs = trace::read_typed_jobs(in, "j.csv", table, {{"fast", 3}, {"slow", 2}});
  CHECK(jobs.jobs.capacity == std::vector<double>{3, 2});
  CHECK(jobs.jobs.throughput == std::vector<double>{10, 4, 7, 0});
  CHECK(jobs.jobs.gpus == std::vector<double>{1, 2});
  CHECK(jobs.jobs.steps == std::vector<double>{100, 50});
  CHECK(jobs.jobs.weight == std::vector<double>{1, 1});
  CHECK(jobs.submit_s == std::vector<double>{0, 5});
}

TEST_CASE("bad rows of typed jobs are refused with their line") {
  CHECK_THROWS_WITH_AS(
      (void)table_of("a,fast,1,near,,10\na,fast,1,near,,10\n"),
      "t.csv:3: expected each model, batch, GPUs and type once as gpu_type, got \"fast\"",
      input_error);
  const auto table = table_of("a,fast,1,near,,10\n");
  const auto refused = [&](const std::string& rows, const std::string& what) {
    std::istringstream in{"submit_s,gpus,model,batch_size,total_steps\n" + rows};
    CHECK_THROWS_WITH_AS(
        (void)trace::read_typed_jobs(in, "j.csv", table, {{"fast", 1}, {"slow", 1}}), what.c_str(),
        input_error);
  };
  refused("0,2,a,,10\n", "j.csv:2: expected a model whose throughput with these GPUs and batch is "
                         "known as model, got \"a\"");
  refused("5,1,a,,10\n4,1,a,,10\n",
          "j.csv:3: expected a time no earlier than above as submit_s, got \"4\"");
  refused("5,1,a,,0\n", "j.csv:2: expected a positive number of steps as total_steps, got \"0\"");
}

// The peer's figures were run with the rates of its simulator's own table, gavel.csv: only with them its FIFO comes
// out to the last decimal.
TEST_CASE("Gavel's policies by rounds give what its simulator gives on the continuous workload") {
  HEDDLE_SHARED_FILE(jobs, "data/jobs/gavel_continuous.csv");
  HEDDLE_SHARED_FILE(table, "data/throughput/gavel.csv");
  const sim::typed_jobs all = gavels_jobs(jobs, table);
  near(run(all, share::by_share<share::max_min>()), 4.06, 17.76);
  near(run(all, share::by_share<share::max_min_lexicographic>()), 3.99, 17.94);
  near(run(all, share::by_share<share::finish_time_fairness_so_far>()), 4.17, 18.05);
  near(run(all, share::by_share<share::fifo>({}, {.only_shared = true})), 5.42, 20.09);
  const outcome exact = run(all, share::by_share<gavels_fifo>({}, {.only_shared = true}));
  CHECK(std::abs(exact.mean_jct_h - 5.42) <= printed);
  CHECK(std::abs(exact.makespan_h - 20.09) <= printed);
  // No more is said of the mean: any shares that end everybody in time are optimal. Those from the middle of all that
  // fit are nearer to the peer's.
  CHECK(run(all, share::by_share<share::makespan>()).makespan_h ==
        Approx(17.09).epsilon(peer_tolerance));
  const outcome central = run(all, share::by_share<test::central_makespan>());
  CHECK(central.makespan_h == Approx(17.09).epsilon(peer_tolerance));
  CHECK(central.mean_jct_h == Approx(6.38).epsilon(peer_tolerance));
}

TEST_CASE("Gavel's policies by rounds give what its simulator gives on the static workload") {
  HEDDLE_SHARED_FILE(jobs, "data/jobs/gavel_static.csv");
  HEDDLE_SHARED_FILE(table, "data/throughput/gavel.csv");
  const sim::typed_jobs all = gavels_jobs(jobs, table);
  near(run(all, share::by_share<share::max_min>()), 9.91, 19.03);
  near(run(all, share::by_share<share::makespan>()), 17.72, 17.98);
  near(run(all, share::by_share<test::central_makespan>()), 17.72, 17.98);
  const outcome exact = run(all, share::by_share<share::fifo>({}, {.only_shared = true}));
  CHECK(std::abs(exact.mean_jct_h - 11.18) <= printed);
  CHECK(std::abs(exact.makespan_h - 25.19) <= 2 * printed);
}

TEST_CASE("on the measured rates jobs end sooner than under any of Gavel's policies and within 1 % "
          "of the last end's bound") {
  HEDDLE_SHARED_FILE(continuous, "data/jobs/gavel_continuous.csv");
  HEDDLE_SHARED_FILE(all_at_once, "data/jobs/gavel_static.csv");
  HEDDLE_SHARED_FILE(table, "data/throughput/gavel_physical.csv");
  const sim::typed_jobs come = gavels_jobs(continuous, table),
                        wait = gavels_jobs(all_at_once, table);
  CHECK(sim::least_makespan_s(come) / 3600 == Approx(16.20).epsilon(0.001));
  CHECK(sim::least_makespan_s(wait) / 3600 == Approx(17.09).epsilon(0.001));
  CHECK(run(come, share::by_share<share::makespan>()).makespan_h <= 16.20 * 1.01);
  CHECK(run(wait, share::by_share<share::makespan>()).makespan_h <= 17.09 * 1.01);
  // Where a switch costs 30 s, jobs that keep their type lose less than 3 %.
  const share::by_share_options calm{.keep = 4};
  CHECK(run(come, share::by_share<share::makespan>({}, calm), {.switch_s = 30}).makespan_h <= 16.6);
  CHECK(run(wait, share::by_share<share::makespan>({}, calm), {.switch_s = 30}).makespan_h <= 17.7);
  share::rate_by_time_left policy;
  const auto report = sim::run_rounds(come, policy);
  CHECK(report.mean_jct_s / 3600 <= 3.27);
  CHECK(policy.worst_gap() <= 0.001);
  CHECK(run(come, share::rate_by_time_left(), {.switch_s = 30}).mean_jct_h <= 3.27);
  CHECK(run(come, share::rate_by_time_left(), {.round_s = std::numeric_limits<double>::infinity()})
            .mean_jct_h <= 3.15);
}
