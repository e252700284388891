// Parts of schedulers that are chosen at run time.
#pragma once

#include <variant>

#include <heddle/schedule/admit/conservative.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/admit/in_order.hpp>
#include <heddle/schedule/means.hpp>
#include <heddle/schedule/means/migrate.hpp>
#include <heddle/schedule/means/other_count.hpp>
#include <heddle/schedule/means/preempt.hpp>
#include <heddle/schedule/scheduler.hpp>

namespace heddle::test {

/// An admission of one job at a time.
struct any_admission {
  std::variant<admit::in_order, admit::greedy, admit::easy, admit::conservative> which;

  template <class Policy>
  any_admission(Policy p) : which(std::move(p)) {}
  any_admission() = default;

  template <class Desk>
  void operator()(Desk& d) {
    std::visit([&](auto& a) { a(d); }, which);
  }
};

/// A means that takes part or not.
template <class Means>
struct only_if {
  bool asked = false;
  Means means = {};

  [[nodiscard]] bool takes_part() const { return asked; }
  [[nodiscard]] bool may_stop() const { return asked && schedule::StoppingMeans<Means>; }
  template <class Desk>
  bool operator()(Desk& d, const schedule::hindered& job) {
    return asked && means(d, job);
  }
};

}  // namespace heddle::test
