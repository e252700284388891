// What a workload will spend at some prices of energy, by simulating it.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <utility>

#include <heddle/allocate/energy_plan.hpp>
#include <heddle/schedule/options.hpp>
#include <heddle/sim/observer.hpp>

namespace heddle::sim {

namespace detail {

/// Writes a course down, and what was spent by the end of each horizon.
class energy_meter {
 public:
  energy_meter(double price, double every_s) : course(price), every_s_(every_s) {}

  void operator()(const moment& m) {
    if (start_s_ < 0) start_s_ = m.state.start_s;
    course.mark(m.now_s - start_s_, m.state.energy_j, every_s_);
  }

  allocate::energy_plan::course course;

 private:
  double every_s_, start_s_ = -1;
};

}  // namespace detail

/// Simulates the same work at several prices, so that a budget over horizons can be told what it is for
/// (`schedule::energy_budget::plan`). The prices surround the least that keeps to the budgets of all horizons: a ladder
/// of three a decade is searched by halves, then three prices between its two steps, and its four steps next to them.
/// Some fifteen runs; one where the budget does not bind.
///
/// \param until_s  from the first submission, of the horizons that count: to the last submission, say
/// \param run      called as `run(price, observer)`: a simulation with that price of energy and no budget of energy
template <class Run>
[[nodiscard]] std::shared_ptr<const allocate::energy_plan>
rehearse(const schedule::energy_budget& budget, double until_s, Run&& run) {
  constexpr int steps = 31;       // of the ladder
  constexpr double marks = 2048;  // in a horizon
  const double horizons = std::max(1., std::ceil(until_s / budget.horizon_s * (1 - 1e-9)));
  const auto price_of = [](double step) { return 1e-8 * std::pow(10., step / 3); };
  std::map<double, allocate::energy_plan::course> known;
  // What a price spends of what has come in, at that horizon's end at which it is most.
  const auto spends = [&](double price) {
    auto at = known.find(price);
    if (at == known.end()) {
      detail::energy_meter meter{price, budget.horizon_s / marks};
      run(price, meter);
      at = known.emplace(price, std::move(meter.course)).first;
    }
    double most = 0;
    for (double k = 1; k <= horizons; ++k)
      most = std::max(most, at->second.energy_j(k * budget.horizon_s) / (k * budget.energy_j));
    return most;
  };
  if (spends(0) > 1) {
    int low = -1, high = steps;  // too cheap, dear enough; neither end need be either
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (spends(price_of(middle)) > 1 ? low : high) = middle;
    }
    for (int k = low - 2; k <= high + 2; ++k)
      if (k >= 0 && k < steps) (void)spends(price_of(k));
    double cheap = low, dear = high;
    for (int i = 0; i < 3 && low >= 0 && high < steps; ++i) {
      const double middle = (cheap + dear) / 2;
      (spends(price_of(middle)) > 1 ? cheap : dear) = middle;
    }
  }
  auto plan = std::make_shared<allocate::energy_plan>();
  for (auto& [price, course] : known) plan->add(std::move(course));
  return plan;
}

}  // namespace heddle::sim
