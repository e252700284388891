#include <heddle/model/power.hpp>

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/model/archetypes.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/model/conformance.hpp>
#include <heddle/model/efficient_clock.hpp>
#include <heddle/model/power_cap.hpp>
#include <heddle/model/table.hpp>

using namespace heddle;
using namespace heddle::model;

TEST_CASE("every power model of the room keeps its promises") {
  const std::vector<double> clocks{0.3, 0.6, 0.9, 1.2, 1.5, 1.8};
  CHECK(broken_promises(ridge_power{20, 80, 1.0, 0.6}, clocks).empty());
  CHECK(broken_promises(cubic_power{20, 10, 30}, clocks).empty());
  CHECK(broken_promises(archetype::power_model(100), clocks).empty());
  CHECK(broken_promises(table_power{{{{0.5, 60}, {1.0, 100}, {1.5, 200}}, true}, 25}, clocks)
            .empty());
  CHECK(!broken_promises([](double f, double) { return 100 - f; }, clocks).empty());
}

TEST_CASE("a ridge is straight below its ridge clock and convex above") {
  const ridge_power p{20, 80, 1.0, 0.6};
  CHECK(p(0.5, 1) == doctest::Approx(60));
  CHECK(p(1.0, 1) == doctest::Approx(100));
  CHECK(p(1.5, 1) == doctest::Approx(20 + 80 * 1.5 * 1.3 * 1.3));
  CHECK(p(1.5, 0) == 20);
}

TEST_CASE("a power cap is the highest clock that keeps it") {
  const ridge_power p{20, 80, 1.0, 0.6};
  const std::vector<double> ladder{0.5, 0.8, 1.0, 1.2, 1.5};
  for (double cap : {50.0, 60.0, 99.9, 100.0, 150.0, 1000.0}) {
    const auto f = clock_at_cap(p, ladder, cap);
    if (!f) {
      CHECK(p(ladder.front(), 1) > cap);
      continue;
    }
    CHECK(p(*f, 1) <= cap);
    for (double g : ladder)
      if (g > *f) CHECK(p(g, 1) > cap);
  }
}

TEST_CASE("the continuous clock at a cap draws exactly the cap") {
  for (double ridge : {0.3, 0.8, 1.4})
    for (double slope : {0.0, 0.5, 5.0})
      for (double utilization : {0.4, 1.0}) {
        const ridge_power p{20, 80, ridge, slope};
        const double top = 1.5;
        for (double cap = 25; cap < 300; cap += 5) {
          const double f = continuous_clock_at(p, cap, top, utilization);
          if (f < top)
            CHECK(p(f, utilization) == doctest::Approx(cap).epsilon(1e-12));
          else
            CHECK(p(top, utilization) <= cap * (1 + 1e-12));
        }
        CHECK(continuous_clock_at(p, 10, top, utilization) == 0);
      }
}

TEST_CASE("the energy-optimal clock solves its equation and no other clock costs less") {
  for (double t0 : {0.0, 0.001, 0.1, 2.0})
    for (double c : {5.0, 40.0, 300.0}) {
      const double d = 0.5, p0 = 60;
      const double f = energy_optimal_clock(t0, d, p0, c);
      CHECK(3 * c * t0 * std::pow(f, 4) + 2 * c * d * std::pow(f, 3) ==
            doctest::Approx(p0 * d).epsilon(1e-12));
      const auto energy = [&](double at) { return (t0 + d / at) * (p0 + c * at * at * at); };
      for (double at = 0.05; at < 4; at += 0.01) CHECK(energy(f) <= energy(at) * (1 + 1e-12));
      if (t0 == 0)
        CHECK(f == doctest::Approx(std::cbrt(p0 / (2 * c))));
      else
        CHECK(f < std::cbrt(p0 / (2 * c)));
    }
  CHECK_THROWS_AS((void)energy_optimal_clock(0, 0, 1, 1), input_error);
  CHECK_THROWS_AS((void)energy_optimal_clock(0, 1, NAN, 1), input_error);
}

TEST_CASE("the catalogue's GPUs draw their idle power at least and rise over the ladder") {
  const catalogue known;
  for (const gpu_type& g : known.gpus()) {
    CAPTURE(g.name);
    CHECK(broken_promises(g.power, g.clocks_ghz).empty());
    CHECK(g.power(g.clocks_ghz.front(), 0) >= g.idle_w);
    CHECK(g.clocks_ghz.size() >= 6);
    CHECK(g.clocks_ghz.size() <= 10);
    CHECK(!g.source.empty());
  }
}

TEST_CASE("every job of the catalogue runs on every GPU and keeps its promises") {
  const catalogue known;
  for (const training_job& j : known.jobs())
    for (const gpu_type& g : known.gpus()) {
      CAPTURE(j.name);
      CAPTURE(g.name);
      const auto m = known.model(j.name, g.name);
      const grid over{.gpus = {1, 2, 8, 64},
                      .clocks_ghz = g.clocks_ghz,
                      .global_batch = 8 * j.default_local_batch};
      CHECK(broken_promises(m.time, over).empty());
      CHECK(broken_promises_of_job(m, over).empty());
    }
}

TEST_CASE("names of the catalogue are found as traces and papers write them") {
  const catalogue known;
  for (const char* name :
       {"ResNet50", "resnet-50", "imagenet", "VGG16", "ResNet101", "BERT", "Pangu",
        "bert_base_uncased/squad", "DeepSpeech2", "llama-7b", "cifar10", "ncf"}) {
    CAPTURE(name);
    CHECK(known.find_job(name) != nullptr);
  }
  for (const char* name : {"a100", "V100", "A40", "T4", "RTX6000", "H100"}) {
    CAPTURE(name);
    CHECK(known.find_gpu(name) != nullptr);
  }
  CHECK(known.find_job("nothing") == nullptr);
  CHECK_THROWS_WITH_AS((void)known.model("nothing", "a100"),
                       doctest::Contains("resnet50, resnet18"), input_error);
  CHECK_THROWS_WITH_AS((void)known.model("bert", "abacus"), doctest::Contains("v100"), input_error);
}

TEST_CASE("a catalogue of one's own is checked at the door") {
  gpu_type gpu{.name = "mine", .clocks_ghz = {1, 2}, .power = {10, 50, 1, 0.5}};
  training_job job{.name = "job", .profiles = {{"mine", {.b0_s = 0.1}, true, "measured"}}};
  CHECK(catalogue({gpu}, {job}).model("job", "mine")({1, 1, 10, 2}).throughput ==
        doctest::Approx(10));
  job.profiles[0].gpu = "other";
  CHECK_THROWS_AS(catalogue({gpu}, {job}), input_error);
  gpu.clocks_ghz = {2, 1};
  CHECK_THROWS_AS(catalogue({gpu}, {}), input_error);
}
