#include <heddle/allocate/requested.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "support/allocation_guard.hpp"
#include "support/dice.hpp"
#include "support/workloads.hpp"

using namespace heddle;
using namespace heddle::allocate;
using test::point;

namespace {

const model::curve two_clocks{{point(1, 10, 200, 1), point(1, 15, 400, 1.4), point(2, 18, 400, 1),
                               point(2, 28, 800, 1.4), point(4, 50, 1600, 1.4)}};

candidate asks(int gpus, double work = 1000) {
  candidate c;
  c.curve = &two_clocks;
  c.requested_gpus = gpus;
  c.work = work;
  return c;
}

}  // namespace

TEST_CASE("every job gets the fastest point at the GPUs it asked for") {
  const std::vector jobs{asks(1), asks(2), asks(4)};
  allocation out;
  requested{}(jobs, {.gpus = 7}, out);
  REQUIRE(out.size() == 3);
  CHECK(out[0] == two_clocks.fastest(1));
  CHECK(out[1] == two_clocks.fastest(2));
  CHECK(out[2] == two_clocks.fastest(4));
}

TEST_CASE("a job that does not fit is passed over and those behind it are looked at") {
  const std::vector jobs{asks(2), asks(4), asks(1), asks(3)};
  allocation out;
  requested{}(jobs, {.gpus = 5}, out);
  CHECK(out[0] != nullptr);
  CHECK(out[1] == nullptr);
  CHECK(out[2] != nullptr);
  CHECK(out[3] == nullptr);  // no point at three GPUs
}

TEST_CASE("power counts beyond idle GPUs and energy by the work left") {
  const std::vector jobs{asks(1), asks(1)};
  allocation out;
  requested{}(jobs, {.gpus = 8, .gpu_idle_w = 100, .power_w = 599}, out);
  CHECK(out[0] != nullptr);
  CHECK(out[1] == nullptr);
  requested{}(jobs, {.gpus = 8, .gpu_idle_w = 100, .power_w = 600}, out);
  CHECK(out[1] != nullptr);
  const double energy = 1000 * 400.0 / 15;
  requested{}(jobs, {.gpus = 8, .energy_j = 1.99 * energy}, out);
  CHECK(out[0] != nullptr);
  CHECK(out[1] == nullptr);
  requested{}(jobs, {.gpus = 8, .energy_j = 2 * energy}, out);
  CHECK(out[1] != nullptr);
}

TEST_CASE("requested never gives more than there is and takes nobody's claim for a later one's") {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    std::vector<candidate> jobs;
    for (int i = d.between(0, 20); i > 0; --i)
      jobs.push_back(asks(1 << d.between(0, 2), 1000 * d.real()));
    limits l{.gpus = d.between(0, 30), .gpu_idle_w = 50};
    if (d.chance(.5)) l.power_w = 5000 * d.real();
    if (d.chance(.5)) l.energy_j = 2e5 * d.real();
    allocation out{two_clocks.fastest(1)};  // overwritten
    requested{}(jobs, l, out);
    REQUIRE(out.size() == jobs.size());
    // A job has its point exactly if that fits into what its predecessors leave.
    limits left = l;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      const auto* wanted = two_clocks.fastest(jobs[i].requested_gpus);
      const double energy = jobs[i].work * wanted->energy_per_sample_j();
      const bool fits = wanted->config.gpus <= left.gpus &&
                        extra_power_w(*wanted, l) <= left.power_w && energy <= left.energy_j;
      REQUIRE(out[i] == (fits ? wanted : nullptr));
      if (!fits) continue;
      left.gpus -= wanted->config.gpus;
      left.power_w -= extra_power_w(*wanted, l);
      left.energy_j -= energy;
    }
  }
}

TEST_CASE("requested allocates nothing once its answer has room") {
  const std::vector<candidate> jobs(100, asks(2));
  allocation out;
  requested{}(jobs, {.gpus = 150}, out);
  const test::allocation_guard guard;
  requested{}(jobs, {.gpus = 151}, out);
  CHECK(guard.count() == 0);
}
