// Checks that a round policy of one's own keeps the promises that `sim::run_rounds` relies on.
//
//   check(policy)             over random histories of rounds
//   check(policy, options)    over more of them, or others
//
// Returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(share::check(my_policy{}).empty())`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/random.hpp>
#include <heddle/share/elastic_round.hpp>
#include <heddle/share/round.hpp>

namespace heddle::share {

/// Over which histories a policy is checked.
struct check_options {
  std::uint64_t seed = 1;
  int histories = 20;
  int rounds = 30;    ///< of a history
  int most_jobs = 8;  ///< that are there at once
};

namespace detail {

/// Jobs that come, run as they are told and end, on a small cluster.
class random_history {
 public:
  random_history(const check_options& o, int number)
      : most_jobs_(static_cast<std::size_t>(o.most_jobs)),
        draw_(o.seed, static_cast<std::uint64_t>(number), "share::check") {
    const std::size_t types = 1 + below(3);
    for (std::size_t j = 0; j < types; ++j)
      jobs.capacity.push_back(static_cast<double>(1 + below(8)));
    type_held_s.assign(types, 0);
    switch_s = below(2) ? 0 : 30;
  }

  /// Lets in who comes in this round.
  void admit() {
    const std::size_t types = jobs.types();
    while (id.size() < most_jobs_ && (id.empty() || below(2))) {
      id.push_back(next_++);
      starts.push_back(0);
      before.push_back(no_type);
      had.push_back({});
      held_s.push_back(0);
      // Some type has room for it with the number that it asks for.
      const std::size_t sure = below(types);
      double asked = counts[below(counts.size())];
      while (asked > jobs.capacity[sure]) asked /= 2;
      jobs.gpus.push_back(asked);
      jobs.weight.push_back(static_cast<double>(1 + below(2)));
      jobs.steps.push_back(static_cast<double>(100 * (1 + below(60))));
      jobs.elapsed_s.push_back(0);
      for (std::size_t j = 0; j < types; ++j) {
        const double speed = j == sure || below(4) ? static_cast<double>(1 + below(9)) : 0;
        for (const double c : counts) {
          rate.push_back(c == asked || below(5) ? speed * (1 + 0.7 * (c - 1)) : 0);
          if (c == asked) jobs.throughput.push_back(rate.back());
        }
      }
      changed = true;
    }
  }

  [[nodiscard]] round_view view() const {
    return {jobs, id, before, held_s, type_held_s, now_s, round_s, switch_s, changed};
  }
  [[nodiscard]] elastic_view elastic(const round_view& v) const {
    return {v, counts, rate, had, starts};
  }

  void pass(const std::vector<grant>& given, const std::vector<double>& speed) {
    changed = false;
    std::fill(type_held_s.begin(), type_held_s.end(), 0.0);
    const std::size_t width = jobs.types() * counts.size(), types = jobs.types();
    std::size_t kept = 0;
    for (std::size_t i = 0; i < id.size(); ++i) {
      const grant& g = given[i];
      if (!g.waits()) {
        starts[i] += g != had[i];
        type_held_s[g.type] += round_s;
        jobs.steps[i] -= speed[i] * round_s;
      }
      held_s[i] = g.waits() ? 0 : round_s;
      before[i] = g.type;
      had[i] = g;
      jobs.elapsed_s[i] += round_s;
      if (!(jobs.steps[i] > 0)) {
        changed = true;
        continue;
      }
      for (auto* column : {&held_s, &jobs.gpus, &jobs.weight, &jobs.steps, &jobs.elapsed_s})
        (*column)[kept] = (*column)[i];
      id[kept] = id[i], starts[kept] = starts[i], before[kept] = before[i], had[kept] = had[i];
      std::copy_n(rate.data() + i * width, width, rate.data() + kept * width);
      std::copy_n(jobs.row(i), types, jobs.throughput.data() + kept * types);
      ++kept;
    }
    for (auto* column : {&held_s, &jobs.gpus, &jobs.weight, &jobs.steps, &jobs.elapsed_s})
      column->resize(kept);
    id.resize(kept), starts.resize(kept), before.resize(kept), had.resize(kept);
    rate.resize(kept * width);
    jobs.throughput.resize(kept * types);
    now_s += round_s;
  }

  const std::vector<double> counts{1, 2, 4};
  static constexpr double round_s = 360;
  problem jobs;
  std::vector<std::uint32_t> id, before, starts;
  std::vector<grant> had;
  std::vector<double> held_s, type_held_s, rate;
  double now_s = 0, switch_s = 0;
  bool changed = false;

 private:
  std::size_t below(std::size_t n) {
    return boost::random::uniform_int_distribution<std::size_t>(0, n - 1)(draw_);
  }

  std::size_t most_jobs_;
  std::uint32_t next_ = 0;
  stream draw_;
};

}  // namespace detail

/// The promises of a RoundPolicy, or an ElasticRoundPolicy:
/// 1. an answer is one that `broken_promise` finds nothing in;
/// 2. a copy that is asked about the same rounds answers the same;
/// 3. what stood in the answer before does not matter.
/// O(histories · rounds) calls.
template <class Policy>
  requires RoundPolicy<Policy> || ElasticRoundPolicy<Policy>
[[nodiscard]] std::vector<std::string> check(const Policy& policy, const check_options& o = {}) {
  std::vector<std::string> broken;
  const auto require = [&](bool kept, int history, int round, const std::string& what) {
    if (kept) return true;
    const std::string seen =
        what + ": history " + std::to_string(history) + ", round " + std::to_string(round);
    if (broken.empty() || broken.back() != seen) broken.push_back(seen);
    return false;
  };
  for (int number = 0; number < o.histories; ++number) {
    detail::random_history all(o, number);
    Policy mine = policy;
    for (int round = 0; round < o.rounds; ++round) {
      all.admit();
      const round_view view = all.view();
      const std::size_t jobs = all.id.size();
      Policy copy = mine;
      std::vector<grant> given(jobs);
      std::vector<double> speed(jobs, 0);
      // Asks both, and stops this history where an answer cannot be carried out.
      const auto ask = [&](const auto& of, auto one, auto other) {
        mine(of, one);
        copy(of, other);
        const std::string what = broken_promise(of, one);
        require(one == other, number, round,
                "a copy answers the same, whatever stood in the answer before");
        return std::pair{require(what.empty(), number, round, what), one};
      };
      if constexpr (ElasticRoundPolicy<Policy>) {
        const elastic_view of = all.elastic(view);
        auto [kept, one] = ask(of, std::vector<grant>{}, std::vector<grant>(jobs + 3, {0, 1}));
        if (!kept) break;
        given = one;
        for (std::size_t i = 0; i < jobs; ++i)
          if (!given[i].waits()) speed[i] = of.rate_of(i, given[i]);
      } else {
        auto [kept, one] =
            ask(view, std::vector<std::uint32_t>{}, std::vector<std::uint32_t>(jobs + 3, 0));
        if (!kept) break;
        for (std::size_t i = 0; i < jobs; ++i) {
          if (one[i] == no_type) continue;
          given[i] = {one[i], all.jobs.gpus_of(i)};
          speed[i] = all.jobs.row(i)[one[i]];
        }
      }
      all.pass(given, speed);
    }
  }
  return broken;
}

}  // namespace heddle::share
