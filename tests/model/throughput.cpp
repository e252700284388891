#include <heddle/model/throughput.hpp>

#include <cmath>
#include <vector>

#include <boost/random/uniform_real_distribution.hpp>
#include <doctest/doctest.h>

#include <heddle/core/random.hpp>
#include <heddle/model/amdahl.hpp>
#include <heddle/model/archetypes.hpp>
#include <heddle/model/batch_profile.hpp>
#include <heddle/model/conformance.hpp>
#include <heddle/model/fabric_sync.hpp>
#include <heddle/model/job_model.hpp>
#include <heddle/model/pollux.hpp>
#include <heddle/model/roofline.hpp>
#include <heddle/model/table.hpp>

using namespace heddle;
using namespace heddle::model;

namespace {

const grid usual{
    .gpus = {1, 2, 3, 4, 8, 16, 64}, .clocks_ghz = {0.5, 0.8, 1.0, 1.2, 1.4}, .global_batch = 512};

double draw(stream& s, double low, double high) {
  return boost::random::uniform_real_distribution<double>(low, high)(s);
}

powerflow_throughput drawn_model(std::uint64_t entity) {
  stream s(11, entity, "model");
  return {.a0_s = draw(s, 0, 0.1),
          .a1_s_ghz = draw(s, 0, 0.1),
          .b0_s = draw(s, 0, 0.01),
          .b1_s_ghz = draw(s, 1e-6, 0.01),
          .alpha_r_s = draw(s, 0, 0.1),
          .beta_r_s = draw(s, 0, 0.01),
          .alpha_n_s = draw(s, 0, 0.5),
          .beta_n_s = draw(s, 0, 0.01),
          .gamma = draw(s, 1, 10),
          .zeta_n_s = draw(s, 0, 0.1),
          .knee_ghz = draw(s, 0, 1.5),
          .knee_slope = draw(s, 0, 2)};
}

}  // namespace

TEST_CASE("the powerflow form keeps all promises of a throughput model for any parameters") {
  for (std::uint64_t k = 0; k < 300; ++k) {
    CAPTURE(k);
    const auto broken = broken_promises(drawn_model(k), usual);
    CHECK_MESSAGE(broken.empty(), (broken.empty() ? "" : broken.front()));
  }
}

TEST_CASE("throughput never falls with the batch at a fixed number of GPUs") {
  for (std::uint64_t k = 0; k < 200; ++k) {
    const powerflow_throughput m = drawn_model(k);
    for (int n : {1, 4, 32}) {
      double before = 0;
      for (double b = 1; b < 2000; b *= 1.7) {
        const double now = throughput(m, {n, (n + 7) / 8, b, 1.1});
        CHECK(now >= before * (1 - 1e-12));
        before = now;
      }
    }
  }
}

TEST_CASE("an overlap of 1 adds the parts, a large one leaves the longer") {
  CHECK(overlapped(3, 4, 1) == 7);
  CHECK(overlapped(3, 4, 2) == doctest::Approx(5));
  CHECK(overlapped(3, 4, 200) == doctest::Approx(4).epsilon(1e-9));
  CHECK(overlapped(0, 4, 3) == 4);
  CHECK(overlapped(1e-300, 1e-200, 10) == doctest::Approx(1e-200));
  CHECK(std::isfinite(overlapped(1e300, 1e300, 10)));
}

TEST_CASE("a job whose core-bound share is 4 % shows the motivating example of PowerFlow") {
  // Published (arXiv 2304.06381): one iteration of the same training takes 0.112 s and 39 J on two
  // GPUs, 0.114 s and 27 J on one. Two GPUs halve the gradient time and spend the rest waiting for
  // each other, at 0.3 of full load.
  constexpr double top = 1.38, core_share = 0.04, batch = 64, published_digits = 0.01;
  const powerflow_throughput time{.b0_s = 0.114 / batch * (1 - core_share),
                                  .b1_s_ghz = 0.114 / batch * core_share * top,
                                  .alpha_r_s = 0.055};
  // 27 J/0.114 s = 237 W busy, 39 J/0.112 s/2 = 174 W at utilization 0.656: 54 W are static.
  const ridge_power power{.static_w = 54, .dynamic_w_per_ghz = 182.8 / top, .ridge_ghz = top};
  const job_model job{time, power};
  const auto joules = [&](const configuration& c) { return job(c).power_w * time(c).total_s; };

  const configuration one{1, 1, batch, top}, two{2, 1, batch / 2, top};
  CHECK(time(one).total_s == doctest::Approx(0.114).epsilon(published_digits));
  CHECK(time(two).total_s == doctest::Approx(0.112).epsilon(published_digits));
  CHECK(joules(one) == doctest::Approx(27).epsilon(published_digits));
  CHECK(joules(two) == doctest::Approx(39).epsilon(published_digits));
  CHECK(1 - joules(one) / joules(two) == doctest::Approx(0.31).epsilon(0.03));  // −31 % energy
  CHECK(time(one).total_s / time(two).total_s - 1 == doctest::Approx(0.02).epsilon(0.15));

  // Nor does the clock matter: three quarters of it take 1.3 % longer and less power.
  const configuration slow{1, 1, batch, 0.75 * top};
  CHECK(time(slow).total_s / time(one).total_s == doctest::Approx(1 + core_share / 3));
  CHECK(joules(slow) < 0.85 * joules(one));
}

TEST_CASE("a knee with no core-bound part is a roofline in frequency") {
  const powerflow_throughput knee{.b0_s = 0.002, .knee_ghz = 0.9, .knee_slope = 1};
  const roofline_throughput roof{.memory_s = 0.002, .core_s_ghz = 0.0018};
  CHECK(roof.ridge_ghz() == doctest::Approx(0.9));
  for (double f : {0.3, 0.6, 0.89, 0.9, 1.0, 1.5}) {
    const configuration c{.gpus = 1, .servers = 1, .local_batch = 32, .clock_ghz = f};
    CHECK(knee(c).total_s == doctest::Approx(roof(c).total_s).epsilon(1e-12));
  }
}

TEST_CASE("every throughput model of the room keeps its promises") {
  CHECK(broken_promises(roofline_throughput{0.001, 0.002, 0.003}, usual).empty());
  CHECK(broken_promises(amdahl_throughput{.sample_s = 0.01, .serial_share = 0.05}, usual).empty());
  CHECK(
      broken_promises(pollux_throughput{0.02, 0.001, 0.01, 0.001, 0.1, 0.002, 2.5}, usual).empty());
  CHECK(broken_promises(archetype::throughput_model(0.5), usual).empty());
  const table_throughput table{{{1, monotone_table{{{8, 0.1}, {64, 0.5}, {512, 4}}, true}},
                                {4, monotone_table{{{8, 0.2}, {64, 0.7}, {512, 4.4}}, true}},
                                {16, monotone_table{{{8, 0.3}, {64, 0.8}, {512, 4.5}}, true}}},
                               1.4,
                               0.5};
  CHECK(broken_promises(table, usual).empty());
  const fabric_synchronised over_fabric{
      roofline_throughput{0.001, 0.002, 0.003},
      [](int gpus, int servers) { return servers > 1 ? 0.01 * gpus : 0.001 * gpus; }, 2.0};
  CHECK(broken_promises(over_fabric, usual).empty());
}

TEST_CASE("the suite finds a model that breaks a promise and says which") {
  const auto backwards = [](const configuration& c) {
    const double t = c.clock_ghz;
    return step_time{.compute_s = t, .sync_s = 0, .total_s = t};
  };
  const auto broken = broken_promises(backwards, usual);
  REQUIRE(!broken.empty());
  CHECK(broken.front().find("a higher clock never takes longer") == 0);
}

TEST_CASE("the form of Pollux is the powerflow form at one clock") {
  const pollux_throughput pollux{0.02, 0.001, 0.01, 0.001, 0.1, 0.002, 2.5};
  for (int n : {1, 2, 8, 32})
    for (double share : {0.0, 0.4, 1.0}) {
      const configuration c{n, (n + 3) / 4, 48, 1.3};
      CHECK(pollux.powerflow(share, 1.3)(c).total_s == doctest::Approx(pollux(c).total_s));
    }
}

TEST_CASE("Amdahl's speed-up tends to one over the serial share") {
  const amdahl_throughput m{.sample_s = 0.01, .serial_share = 0.1};
  const double one = throughput(m, {1, 1, 8, 1}), many = throughput(m, {100000, 1, 8, 1});
  CHECK(one == doctest::Approx(100));
  CHECK(many / one == doctest::Approx(10).epsilon(1e-3));
}

TEST_CASE("a batch profile goes through its knots, is straight between them and flat beyond") {
  const batch_profile p{{{8, 1.0}, {32, 4.0}}};
  CHECK(p.factor(1) == 1);
  CHECK(p.factor(8) == 1);
  CHECK(p.factor(16) == doctest::Approx(2));
  CHECK(p.factor(32) == 4);
  CHECK(p.factor(1000) == 4);
  CHECK(batch_profile{}.factor(5) == 1);
  CHECK_THROWS_AS(batch_profile({{8, 1}, {8, 2}}), input_error);
}

TEST_CASE("a table goes through its points and never overshoots between them") {
  const monotone_table t{{{0, 0}, {1, 0.1}, {2, 5}, {3, 5.1}, {10, 6}}, true};
  for (const auto& p : t.points()) CHECK(t(p.x) == doctest::Approx(p.y));
  double before = -1;
  for (double x = -1; x < 12; x += 0.01) {
    CHECK(t(x) >= before - 1e-12);
    before = t(x);
  }
  CHECK(t(-1) == 0);
  CHECK(t(11) == 6);
  SUBCASE("measurements against the trend are pooled") {
    const monotone_table noisy{{{1, 10}, {2, 8}, {3, 12}}, true};
    CHECK(noisy(1) == doctest::Approx(9));
    CHECK(noisy(2) == doctest::Approx(9));
    CHECK(noisy(3) == doctest::Approx(12));
  }
  SUBCASE("bad tables are refused") {
    CHECK_THROWS_AS(monotone_table({}, true), input_error);
    CHECK_THROWS_AS(monotone_table({{1, 1}, {1, 2}}, true), input_error);
    CHECK_THROWS_AS(monotone_table({{1, NAN}}, true), input_error);
  }
}
