// The promises that `allocate::check` looks for: kept by all policies of the room, and seen where broken.
#include <heddle/allocate/conformance.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <heddle/allocate/allocate.hpp>

using namespace heddle;
using namespace heddle::allocate;

namespace {

// A policy of one's own with the public helper: a job may have at most half of the GPUs, and of its
// counts the largest that fits.
struct halves_at_most {
  static constexpr bool elastic = true;

  void operator()(std::span<const candidate> jobs, const limits& l, allocation& out) const {
    out.assign(jobs.size(), nullptr);
    remaining left{l};
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (!can_run(jobs[i])) continue;
      for (int n = count_from(jobs[i], 1); n > 0 && n <= (l.gpus + 1) / 2;
           n = count_from(jobs[i], n + 1))
        if (const auto* p = left.fastest(jobs[i], out[i], n); p && left.move(jobs[i], out[i], p))
          out[i] = p;
    }
  }
};

template <class Policy>
std::string broken(const Policy& policy) {
  std::string all;
  for (const std::string& s : check(policy)) all += s + '\n';
  return all;
}

}  // namespace

TEST_CASE("a policy of one's own in twenty lines keeps what schedulers rely on") {
  CHECK(broken(halves_at_most{}) == "");
}

TEST_CASE("every policy of the room keeps what schedulers rely on") {
  CHECK(broken(requested{}) == "");
  CHECK(broken(zeus{}) == "");
  CHECK(broken(static_clock<requested>{.most_ghz = 1.1}) == "");
  CHECK(broken(static_clock<powerflow>{}) == "");
  CHECK(broken(powerflow{}) == "");
  CHECK(broken(powerflow{.full = when_full::stop, .hard_energy = true}) == "");
  CHECK(broken(powerflow{.classes = false, .rescale = {.interval_s = 100}}) == "");
  CHECK(broken(optimal<>{}) == "");
  CHECK(broken(optimal<objective::energy>{.rescale = {.interval_s = 50}}) == "");
  CHECK(broken(throughput_marginal{}) == "");
  CHECK(broken(optimus{}) == "");
  CHECK(broken(pollux<>{.efficiency = {.noise_samples = 5}}) == "");
  CHECK(broken(max_min{}) == "");
}

TEST_CASE("a policy that breaks a promise is told which") {
  // Runs a shipped policy and then spoils its answer.
  const auto spoilt = [](auto spoil) {
    return broken(
        [spoil](std::span<const candidate> jobs, const limits& l, allocation& out) mutable {
          requested{}(jobs, l, out);
          spoil(jobs, l, out);
        });
  };
  using span = std::span<const candidate>;
  const auto has = [](const std::string& all, const char* promise) {
    return all.find(promise) != std::string::npos;
  };
  CHECK(has(spoilt([](span, const limits&, allocation& out) { out.push_back(nullptr); }),
            "there is one answer a candidate"));
  CHECK(has(spoilt([](span jobs, const limits&, allocation& out) {
              for (std::size_t i = 0; i < jobs.size(); ++i) out[i] = jobs[i].curve->fastest(2);
            }),
            "GPUs are within their limit"));
  CHECK(has(spoilt([](span jobs, const limits& l, allocation& out) {
              limits more = l;
              more.power_w = more.energy_j = 1e300;
              requested{}(jobs, more, out);
            }),
            "power is within its limit"));
  CHECK(has(spoilt([](span jobs, const limits& l, allocation& out) {
              limits more = l;
              more.energy_j = 1e300;
              requested{}(jobs, more, out);
            }),
            "energy of the jobs that are started is within its limit"));
  CHECK(has(spoilt([](span jobs, const limits&, allocation& out) {
              for (std::size_t i = 0; i < jobs.size(); ++i)
                if (out[i]) out[i] = jobs[i].curve->fastest(1);
            }),
            "counts are within the job's range"));
  CHECK(has(spoilt([](span jobs, const limits&, allocation& out) {
              for (std::size_t i = 1; i < jobs.size(); ++i)
                if (out[i] && out[i - 1]) out[i] = out[i - 1];
            }),
            "a point is one of the job's own curve"));
  CHECK(has(spoilt([](span jobs, const limits&, allocation& out) {
              for (std::size_t i = 0; i < jobs.size(); ++i)
                if (!(jobs[i].work > 0)) out[i] = jobs[i].curve->fastest(2);
            }),
            "jobs without work get nothing"));
  CHECK(has(spoilt([turn = 0](span, const limits&, allocation& out) mutable {
              if (++turn % 2) std::fill(out.begin(), out.end(), nullptr);
            }),
            "asked again it answers the same"));
  // One that adds to what is in `out`.
  CHECK(has(broken([](span jobs, const limits& l, allocation& out) {
              out.resize(jobs.size());
              allocation fresh;
              requested{}(jobs, l, fresh);
              for (std::size_t i = 0; i < jobs.size(); ++i)
                if (!out[i]) out[i] = fresh[i];
            }),
            "a copy that is asked the same answers the same"));
}

TEST_CASE("the same check finds the same") {
  const auto greedy = [](std::span<const candidate> jobs, const limits&, allocation& out) {
    out.clear();
    for (const candidate& j : jobs) out.push_back(j.curve->fastest(j.requested_gpus));
  };
  CHECK(check(greedy) == check(greedy));
  CHECK(check(greedy, {.seed = 2}) != check(greedy));
}
