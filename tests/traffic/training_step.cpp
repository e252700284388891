#include <heddle/traffic/training_step.hpp>

#include <heddle/traffic/conformance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/fabric/leaf_spine.hpp>

#include "support/dice.hpp"

using namespace heddle;
using traffic::flow;
using traffic::parallelism;
using traffic::step_traffic;
using traffic::training_step;

namespace {

constexpr double relative_tolerance = 1e-12;

const fabric::leaf_spine dc{{.leafs = 8, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};

traffic::group first(int n) {
  std::vector<gpu_id> gpus;
  for (int i = 0; i < n; ++i) gpus.push_back(gpu_id{i});
  return traffic::make_group(dc, gpus);
}

// Bytes from rank to rank in the whole step.
std::map<std::pair<std::uint32_t, std::uint32_t>, double> totals(const training_step& step) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> out;
  std::vector<flow> flows;
  for (std::size_t k = 0; k < step.size(); ++k) {
    const auto p = step.write(k, flows);
    for (const flow f : flows) out[{f.source, f.target}] += p.bytes * p.repeat;
  }
  return out;
}

}  // namespace

TEST_CASE("every kind of parallel ranks talks within its sub-groups and in nobody else's") {
  const auto g = first(32);
  const parallelism how{.tensor = 4, .data = 4, .pipeline = 2, .expert = 2};
  const auto same = [](std::uint32_t a, std::uint32_t b, int kind) {
    const std::uint32_t ta = a % 4, tb = b % 4, da = a / 4 % 4, db = b / 4 % 4, pa = a / 16,
                        pb = b / 16;
    switch (kind) {
    case 0:
      return da == db && pa == pb;
    case 1:
      return ta == tb && da / 2 == db / 2 && pa == pb;
    case 2:
      return ta == tb && da == db && pa != pb;
    default:
      return ta == tb && pa == pb;
    }
  };
  const step_traffic only[] = {
      {.tensor_bytes = 8}, {.expert_bytes = 8}, {.pipeline_bytes = 8}, {.data_bytes = 8}};
  for (int kind = 0; kind < 4; ++kind) {
    const auto sent = totals(training_step{g, how, only[kind]});
    CHECK(!sent.empty());
    for (const auto& [pair, bytes] : sent) CHECK(same(pair.first, pair.second, kind));
    std::set<std::uint32_t> heard;
    for (const auto& [pair, bytes] : sent) heard.insert(pair.second);
    CHECK(heard.size() == 32);
  }
}

TEST_CASE("the bytes of a step are those of its collectives times their number") {
  const auto g = first(64);
  const parallelism how{.tensor = 4, .data = 8, .pipeline = 2, .expert = 4};
  const step_traffic what{.micro_batches = 6,
                          .tensor_bytes = 1e6,
                          .tensor_times = 3,
                          .expert_bytes = 2e3,
                          .expert_times = 2,
                          .pipeline_bytes = 5e4,
                          .data_bytes = 7e7};
  std::vector<double> sent(64, 0), received(64, 0);
  for (const auto& [pair, bytes] : totals(training_step{g, how, what})) {
    sent[pair.first] += bytes;
    received[pair.second] += bytes;
  }
  for (std::uint32_t r = 0; r < 64; ++r) {
    // One boundary between two stages: everybody sends over it one way.
    const double expected = 6 * 3 * 2 * 1e6 * 3 / 4 + 6 * 2 * 3 * 2e3 + 6 * 5e4 + 2 * 7e7 * 7 / 8;
    CHECK(sent[r] == doctest::Approx(expected).epsilon(relative_tolerance));
    CHECK(received[r] == doctest::Approx(expected).epsilon(relative_tolerance));
  }
}

TEST_CASE("a training step keeps the promises of a source, whatever it is made of") {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    const int tensor = 1 << d.between(0, 2), data = d.between(1, 6), pipeline = d.between(1, 3);
    std::vector<gpu_id> gpus;
    for (gpu_id x : dc.all_gpus()) gpus.push_back(x);
    if (d.chance(.5)) d.shuffle(gpus);
    const int n = tensor * data * pipeline;
    if (n > 64) continue;
    gpus.resize(static_cast<std::size_t>(n));
    const auto g = traffic::make_group(dc, gpus);
    const parallelism how{tensor, data, pipeline, d.chance(.5) ? data : 1};
    const step_traffic what{.tensor_bytes = 1,
                            .expert_bytes = 1,
                            .pipeline_bytes = 1,
                            .data_bytes = 1,
                            .data_pattern =
                                d.chance(.5) ? collective::ring : collective::halving_doubling};
    for (const auto& broken : traffic::broken_promises(training_step{g, how, what}, g.size()))
      FAIL_CHECK(broken);
  }
}

TEST_CASE("sub-groups whose phases differ take turns and lose no bytes") {
  // Two stages of eight data ranks: the first fills two servers, the second lies on three unevenly.
  std::vector<gpu_id> gpus;
  for (int i : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17, 18, 20}) gpus.push_back(gpu_id{i});
  const auto g = traffic::make_group(dc, gpus);
  const training_step step{g, {.data = 8, .pipeline = 2}, {.data_bytes = 80}};
  CHECK(step.size() == 4);  // hierarchical: three phases, flat: one
  std::vector<double> sent(16, 0);
  for (const auto& [pair, bytes] : totals(step)) sent[pair.first] += bytes;
  for (double x : sent) CHECK(x == doctest::Approx(2 * 80 * 7.0 / 8).epsilon(relative_tolerance));
}

TEST_CASE("a step of one rank, or without bytes, is silent") {
  CHECK(training_step{first(1), {}, {.tensor_bytes = 1, .data_bytes = 1}}.size() == 0);
  CHECK(training_step{first(8), {.data = 8}, {}}.size() == 0);
  CHECK(training_step{first(8), {.data = 8}, {.tensor_bytes = 4}}.size() == 0);
}

TEST_CASE("a step that does not fit its ranks is refused with what was expected") {
  CHECK_THROWS_WITH_AS((training_step{first(8), {.data = 4}, {}}), doctest::Contains("= 8 ranks"),
                       input_error);
  CHECK_THROWS_WITH_AS((training_step{first(8), {.data = 8, .expert = 3}, {}}),
                       doctest::Contains("a divisor of data"), input_error);
  CHECK_THROWS_AS((training_step{first(8), {.tensor = 0, .data = 8}, {}}), input_error);
  CHECK_THROWS_AS((training_step{first(8), {.data = 8}, {.data_bytes = -1}}), input_error);
}
