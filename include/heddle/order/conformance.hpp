// Checks that an order of one's own keeps the promises that schedulers rely on.
//
//   check(order)             over random queues
//   check(order, options)    over more of them, or others
//
// Returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(order::check(my_order{}).empty())`.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/order/order.hpp>

namespace heddle::order {

/// Over which queues an order is checked.
struct check_options {
  std::uint64_t seed = 1;
  int queues = 20;
  int jobs = 16;  ///< of a queue; all triples of them are looked at
};

namespace detail {

/// Jobs of few different values, so that many are alike in what an order looks at.
class random_queue {
 public:
  random_queue(const check_options& o, int number)
      : draw_(o.seed, static_cast<std::uint64_t>(number), "order::check") {
    jobs_.resize(static_cast<std::size_t>(o.jobs));
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      job& j = jobs_[i];
      j.id = job_id{i};
      j.submit_s = 60 * below(4);
      j.gpus = 1 << below(4);
      j.duration_s = 600 * (1 + below(4));
      j.priority = below(2);
      j.weight = 1 + below(3);
      if (below(2)) j.deadline_s = j.submit_s + 900 * (1 + below(3));
      if (below(3)) j.max_gpus = j.gpus << below(2);
      j.vc = std::string(1, static_cast<char>('a' + below(2)));
      entries.push_back({.spec = &j,
                         .remaining_s = j.duration_s / (1 + below(3)),
                         .attained_gpu_s = 2000.0 * below(12),
                         .overdue = below(4) == 0});
    }
  }
  random_queue(const random_queue&) = delete;  // entries point to its jobs
  random_queue& operator=(const random_queue&) = delete;

  std::vector<entry> entries;

 private:
  int below(int n) { return boost::random::uniform_int_distribution<int>(0, n - 1)(draw_); }

  stream draw_;
  std::vector<job> jobs_;
};

}  // namespace detail

/// The promises of an OrderPolicy: it is a strict weak order, and stays what it is.
/// 1. no entry goes before itself, and of two at most one before the other;
/// 2. who goes before one that goes before a third goes before the third;
/// 3. so do those alike: if neither of a, b and neither of b, c goes first, neither of a, c does;
/// 4. asked again about the same entries it answers the same;
/// 5. an AgeingOrder's claim stays as it is for as long as it says, which is a while.
/// O(queues · jobs³).
template <OrderPolicy Order>
[[nodiscard]] std::vector<std::string> check(Order order, const check_options& o = {}) {
  std::vector<std::string> broken, known;
  for (int number = 0; number < o.queues; ++number) {
    const detail::random_queue queue(o, number);
    const std::vector<entry>& all = queue.entries;
    const std::size_t n = all.size();
    const auto require = [&](bool kept, const char* promise, auto... jobs) {
      if (kept || std::find(known.begin(), known.end(), promise) != known.end()) return;
      known.emplace_back(promise);
      std::string seen = std::string(promise) + ": queue " + std::to_string(number) + ", jobs";
      ((seen += ' ' + std::to_string(jobs)), ...);
      broken.push_back(seen);
    };
    std::vector<char> first(n * n);
    for (std::size_t a = 0; a < n; ++a)
      for (std::size_t b = 0; b < n; ++b) first[a * n + b] = order(all[a], all[b]) ? 1 : 0;
    const auto before = [&](std::size_t a, std::size_t b) { return first[a * n + b] != 0; };
    const auto alike = [&](std::size_t a, std::size_t b) { return !before(a, b) && !before(b, a); };
    for (std::size_t a = 0; a < n; ++a) {
      require(!before(a, a), "no entry goes before itself", a);
      for (std::size_t b = 0; b < n; ++b) {
        if (a != b) require(!before(a, b) || !before(b, a), "of two at most one goes first", a, b);
        require(before(a, b) == static_cast<bool>(order(all[a], all[b])),
                "asked again it answers the same", a, b);
        for (std::size_t c = 0; c < n; ++c) {
          require(!before(a, b) || !before(b, c) || before(a, c),
                  "who goes before one that goes before a third goes before the third", a, b, c);
          require(!alike(a, b) || !alike(b, c) || alike(a, c),
                  "who is like one that is like a third is like the third", a, b, c);
        }
      }
      if constexpr (AgeingOrder<Order>) {
        constexpr double forever_s = 1e9;
        const int gpus = all[a].spec->gpus;
        const double steady_s = order.steady_for_s(all[a], gpus);
        require(steady_s > 0, "a claim stays for a while", a);
        entry later = all[a];
        later.attained_gpu_s += 0.99 * std::min(steady_s, forever_s) * gpus;
        for (std::size_t b = 0; b < n; ++b)
          require(static_cast<bool>(order(later, all[b])) == before(a, b) &&
                      static_cast<bool>(order(all[b], later)) == before(b, a),
                  "a claim stays for as long as it is said to", a, b);
      }
    }
  }
  return broken;
}

}  // namespace heddle::order
