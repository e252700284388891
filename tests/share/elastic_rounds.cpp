// Rounds of jobs with several numbers of GPUs: promises, the choice against brute force, and all types taken for one.
#include <heddle/share/elastic_round.hpp>
#include <heddle/share/relative_goodput.hpp>
#include <heddle/share/type_blind.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>

using namespace heddle;
using doctest::Approx;

static_assert(share::ElasticRoundPolicy<share::relative_goodput>);
static_assert(share::ElasticRoundPolicy<share::type_blind<share::relative_goodput>>);
static_assert(!share::RoundPolicy<share::relative_goodput>);

namespace {

// A round of jobs that ask for one GPU.
struct elastic_round {
  share::problem jobs;
  std::vector<double> counts, rate;
  std::vector<std::uint32_t> id, before, starts;
  std::vector<share::grant> had;
  std::vector<double> held_s, type_held_s;
  double switch_s = 0;

  elastic_round(std::vector<double> capacity, std::vector<double> numbers,
                std::vector<double> rates)
      : counts(std::move(numbers)), rate(std::move(rates)) {
    jobs.capacity = std::move(capacity);
    const std::size_t width = jobs.types() * counts.size(), n = rate.size() / width;
    for (std::size_t k = 0; k < n * jobs.types(); ++k)
      jobs.throughput.push_back(rate[k * counts.size()]);
    id.resize(n);
    std::iota(id.begin(), id.end(), 0U);
    before.assign(n, share::no_type);
    starts.assign(n, 0);
    had.assign(n, {});
    held_s.assign(n, 0);
    type_held_s.assign(jobs.types(), 0);
    jobs.gpus.assign(n, counts.empty() ? 1 : counts[0]);
    jobs.weight.assign(n, 1);
    jobs.steps.assign(n, 1e6);
    jobs.elapsed_s.assign(n, 0);
  }

  template <class Use>
  auto with_view(Use use) const {
    const share::round_view view{jobs, id, before, held_s, type_held_s, 0, 60, switch_s, true};
    return use(share::elastic_view{view, counts, rate, had, starts});
  }
  template <class Policy>
  std::vector<share::grant> decide(Policy& policy) const {
    return with_view([&](const share::elastic_view& view) {
      std::vector<share::grant> given;
      policy(view, given);
      CHECK(share::broken_promise(view, given) == "");
      return given;
    });
  }
  std::string broken(const std::vector<share::grant>& given) const {
    return with_view([&](const auto& view) { return share::broken_promise(view, given); });
  }
};

const share::grant waits{};

}  // namespace

TEST_CASE("a broken promise of an elastic round is said in a sentence") {
  const elastic_round r({2, 4}, {1, 2}, {1, 2, 3, 0, 1, 2, 3, 4});
  CHECK(r.broken({{0, 2}, {1, 2}}).empty());
  CHECK(r.broken({waits, waits}).empty());
  CHECK(r.broken({waits}) == "1 grants for 2 jobs");
  CHECK(r.broken({{2, 1}, waits}) == "job 0 on a type that there is not");
  CHECK(r.broken({{0, 3}, waits}) == "job 0 with 3.000000 GPUs, which is none of the numbers");
  CHECK(r.broken({{1, 2}, waits}) == "job 0 with GPUs on which it does not run");
  CHECK(r.broken({{0, 1}, {0, 2}}) == "3.000000 GPUs of type 0 of 2.000000");
}

TEST_CASE("each job has the type on which it gains more than the other") {
  // Both are faster on type 0; job 1 is four times as fast there, job 0 hardly.
  const elastic_round r({2, 2}, {1, 2}, {1.2, 2.2, 1, 2, 4, 8, 1, 2});
  share::relative_goodput policy;
  CHECK(r.decide(policy) == std::vector<share::grant>{{1, 2}, {0, 2}});
  CHECK(policy.worst_gap() <= 1e-5);
}

TEST_CASE("what waiting costs decides whether a job that gains nothing waits for one that does") {
  // One type of four GPUs; job 0 scales perfectly, job 1 not at all.
  const elastic_round r({4}, {1, 2, 4}, {1, 2, 4, 1, 1, 1});
  share::relative_goodput as_sia, patient{{.waiting = 2}};
  CHECK((r.decide(as_sia) == std::vector<share::grant>{{0, 4}, waits}));
  // GPUs that make a job no faster are not given.
  CHECK((r.decide(patient) == std::vector<share::grant>{{0, 2}, {0, 1}}));
}

TEST_CASE("a job that has just restarted is left in peace and an old one is not") {
  elastic_round r({4}, {1, 4}, {1, 1.2});
  r.switch_s = 30;
  r.had = {{0, 1}};
  r.before = {0};
  r.starts = {1};
  r.jobs.elapsed_s = {60};  // factor (60 − 30) / 90: a fifth more is not worth it
  share::relative_goodput policy;
  CHECK(r.decide(policy) == std::vector<share::grant>{{0, 1}});
  r.jobs.elapsed_s = {3'600};  // (3 600 − 30) / 3 630
  CHECK(r.decide(policy) == std::vector<share::grant>{{0, 4}});
  r.starts = {40};  // (3 600 − 1 200) / 3 630
  CHECK(r.decide(policy) == std::vector<share::grant>{{0, 1}});
}

TEST_CASE("the elastic choice of a round is the best of all choices on 300 small cases") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 0, "elastic choice");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    const std::size_t n = 1 + static_cast<std::size_t>(4 * unit());
    const std::vector<double> counts{1, 2, 4};
    std::vector<double> rates;
    for (std::size_t k = 0; k < n * 2 * 3; ++k)
      rates.push_back(unit() < 0.2 ? 0 : 0.2 + 9 * unit());
    elastic_round r({std::floor(1 + 5 * unit()), std::floor(1 + 5 * unit())}, counts, rates);
    r.switch_s = unit() < 0.5 ? 0 : 30;
    for (std::size_t i = 0; i < n; ++i) {
      r.jobs.weight[i] = 1 + std::floor(2 * unit());
      r.jobs.elapsed_s[i] = std::floor(600 * unit());
      r.starts[i] = static_cast<std::uint32_t>(6 * unit());
      const auto j = static_cast<std::uint32_t>(2 * unit());
      const auto c = static_cast<std::size_t>(3 * unit());
      if (unit() < 0.5 && rates[i * 6 + j * 3 + c] > 0) r.had[i] = {j, counts[c]}, r.before[i] = j;
    }
    const double powers[] = {-1, -0.5, 0.5, 1};
    const share::relative_goodput_options o{
        .power = powers[seed % 4], .waiting = 0.8 + unit(), .gap = 0};
    const auto value = [&](std::size_t i, const share::grant& g) {
      if (g.waits()) return 0.0;
      double least = 1e9, fewest = 1e9, mine = 0;
      for (std::size_t j = 0; j < 2; ++j)
        for (std::size_t c = 0; c < 3; ++c) {
          const double rate = rates[i * 6 + j * 3 + c];
          if (!(rate > 0) || counts[c] > r.jobs.capacity[j]) continue;
          least = std::min(least, rate);
          fewest = std::min(fewest, counts[c]);
          if (g == share::grant{static_cast<std::uint32_t>(j), counts[c]}) mine = rate;
        }
      double x = fewest * mine / least;
      if (!r.had[i].waits() && g != r.had[i] && r.switch_s > 0)
        x *= std::max(r.jobs.elapsed_s[i] - 30.0 * r.starts[i], 0.0) / (r.jobs.elapsed_s[i] + 30);
      const double sign = o.power > 0 ? 1 : -1;
      if (x == 0) return o.power > 0 ? r.jobs.weight[i] * o.waiting : -1e9;
      return r.jobs.weight[i] * (o.waiting + sign * std::pow(x, o.power));
    };
    std::vector<share::grant> given(n);
    double best = 0;
    const std::function<void(std::size_t)> all = [&](std::size_t i) {
      if (i == n) {
        if (!r.broken(given).empty()) return;
        double sum = 0;
        for (std::size_t k = 0; k < n; ++k) sum += value(k, given[k]);
        best = std::max(best, sum);
        return;
      }
      given[i] = waits;
      all(i + 1);
      for (std::uint32_t j = 0; j < 2; ++j)
        for (std::size_t c = 0; c < 3; ++c)
          if (rates[i * 6 + j * 3 + c] > 0 && counts[c] <= r.jobs.capacity[j]) {
            given[i] = {j, counts[c]};
            all(i + 1);
          }
    };
    all(0);
    share::relative_goodput policy(o);
    const auto chosen = r.decide(policy);
    double got = 0;
    for (std::size_t i = 0; i < n; ++i) got += value(i, chosen[i]);
    CHECK(got == Approx(best).epsilon(1e-9));
    CHECK(policy.worst_gap() <= 1e-8);
  }
}

TEST_CASE("a relative goodput to no power is refused and so is a wait that costs nothing") {
  using options = share::relative_goodput_options;
  CHECK_THROWS_AS(share::relative_goodput{options{.power = 0}}, input_error);
  CHECK_THROWS_AS(share::relative_goodput{options{.power = std::nan("")}}, input_error);
  CHECK_THROWS_AS(share::relative_goodput{options{.waiting = 0}}, input_error);
}

TEST_CASE("a policy that is blind to types sees means over the types on which a job runs") {
  struct watcher {
    std::vector<double> rate, asked;
    void operator()(const share::elastic_view& view, std::vector<share::grant>& given) {
      rate = view.rate;
      asked = view.round.jobs.throughput;
      given.assign(view.jobs(), {});
    }
  };
  const elastic_round r({1, 3}, {1, 2}, {4, 8, 8, 0, 5, 0, 0, 6});
  share::type_blind<watcher> policy;
  (void)r.decide(policy);
  // With one GPU (4·1 + 8·3) / 4 = 7 on both; with two, and job 1, one type alone.
  CHECK(policy.policy().rate == std::vector<double>{7, 8, 7, 0, 5, 0, 0, 6});
  CHECK(policy.policy().asked == std::vector<double>{7, 7, 5, 0});
}

TEST_CASE("one that is blind to types chooses as one that is not where types are equal") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    stream bits(seed, 1, "elastic choice");
    const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
    std::vector<double> rates;
    for (int i = 0; i < 6; ++i) {
      const double one = 1 + unit(), two = one * (1 + unit());
      rates.insert(rates.end(), {one, two, one, two});
    }
    const elastic_round r({4, 4}, {1, 2}, rates);
    share::relative_goodput seeing;
    share::type_blind<share::relative_goodput> blind;
    CHECK(r.decide(seeing) == r.decide(blind));
  }
}
