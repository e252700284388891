// The parts of the pilot's schedulers, by their names on the command line.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <variant>

#include <heddle/order/order.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/admit/easy.hpp>
#include <heddle/schedule/admit/greedy.hpp>
#include <heddle/schedule/admit/in_order.hpp>

#include "slurm_pilot/machine.hpp"

namespace heddle::pilot {

using any_order = std::variant<order::fifo, order::fewest_gpus, order::shortest>;
struct order_of {
  any_order order;
  bool operator()(const order::entry& a, const order::entry& b) const {
    return std::visit([&](const auto& o) -> bool { return o(a, b); }, order);
  }
};
template <class Fabric>
using place_function =
    std::function<place::answer(const fabric::ledger<Fabric>&, const place::request&)>;
/// A policy for fixed links, and for circuits; null where it is not for them. Those whose placements
/// are isolated; `packed` is for comparison.
struct named_place {
  place_function<fabric::leaf_spine> for_links;
  place_function<fabric::leaf_spine_ocs> for_circuits;

  template <class Fabric>
  [[nodiscard]] const place_function<Fabric>& on() const {
    if constexpr (has_circuits<Fabric>)
      return for_circuits;
    else
      return for_links;
  }
};
[[nodiscard]] const std::map<std::string, named_place>& places();

inline const std::map<std::string, any_order> orders{{"fifo", order::fifo{}},
                                                     {"fewest_gpus", order::fewest_gpus{}},
                                                     {"shortest", order::shortest{}}};
/// Whom a job that cannot start lets pass, chosen at run time.
struct admission_of {
  std::variant<admit::in_order, admit::greedy, admit::easy> which;
  template <class Desk>
  void operator()(Desk& d) {
    std::visit([&](auto& a) { a(d); }, which);
  }
};
inline const std::map<std::string, admission_of> backfills{
    {"none", {admit::in_order{}}}, {"greedy", {admit::greedy{}}}, {"easy", {admit::easy{}}}};

}  // namespace heddle::pilot
