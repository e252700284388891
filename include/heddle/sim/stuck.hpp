// Why jobs wait for ever.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/watts.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/budget.hpp>
#include <heddle/schedule/options.hpp>

namespace heddle::sim {

/// What the first job of a queue lacks when nobody runs and nobody is to come: numbers of that moment.
struct stuck_reason {
  job_id job;
  place::wait_reason why =
      place::wait_reason::none;  ///< why it did not start when it was last looked at
  int wants_gpus = 0;            ///< that it asks for
  int up_gpus = 0;               ///< in order, all of them free
  int cluster_gpus = 0;          ///< with those that are away
  int servers_away = 0;          ///< and do not come back
  int largest_island = 0;        ///< GPUs in order that the network joins
  bool has_tenant = false;       ///< it is a virtual cluster's
  double idle_w = 0;             ///< what the idle cluster draws
  double least_w = 0;    ///< beyond that, of the job at its most frugal with the GPUs it asks for
  double fastest_w = 0;  ///< the same at its fastest
  double budget_w = std::numeric_limits<double>::infinity();
  double energy_left_j = std::numeric_limits<double>::infinity();
};

/// Looks at a state in which nobody runs. Precondition: somebody waits, in the order of the queue.
template <class State>
[[nodiscard]] stuck_reason why_stuck(const State& s, const schedule::scheduler_options& o,
                                     place::wait_reason why) {
  const auto& j = s.jobs[s.waiting.front()];
  const auto& hosts = s.ledger.hosts();
  stuck_reason r{.job = j.spec->id,
                 .why = why,
                 .wants_gpus = j.spec->gpus,
                 .up_gpus = s.ledger.free_gpus(),
                 .cluster_gpus = hosts.gpus(),
                 .largest_island = s.ledger.free_gpus(),
                 .has_tenant = !j.spec->vc.empty(),
                 .idle_w = s.idle_power_w()};
  for (server_id x : hosts.all_servers()) r.servers_away += s.ledger.is_failed(x);
  if constexpr (requires { s.ledger.islands().units(std::size_t{}); })
    if (!s.ledger.islands().all_joined()) {
      r.largest_island = 0;
      for (std::size_t k = 0; k < s.ledger.islands().size(); ++k) {
        int gpus = 0;
        for (unit_id x : s.ledger.islands().units(k)) gpus += s.ledger.free_gpus(x);
        r.largest_island = std::max(r.largest_island, gpus);
      }
    }
  r.fastest_w = fabric::extra_power_w(*j.reference, s.power.idle_w(j.reference->config.type));
  r.least_w = r.fastest_w;
  for (const auto& p : j.curve->at(j.spec->gpus))
    r.least_w = std::min(r.least_w, fabric::extra_power_w(p, s.power.idle_w(p.config.type)));
  const schedule::budget_now b = schedule::budget_at(o, s);
  r.budget_w = b.power_w;
  r.energy_left_j = o.energy.by_work() ? schedule::credit_at(o, s).left_j : b.energy_j;
  return r;
}

namespace detail {
/// `x` to ten digits.
inline std::string number_text(double x) {
  char buffer[32];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, x, std::chars_format::general, 10);
  return {buffer, end};
}
}  // namespace detail

/// In a sentence without its subject: the word of the reason, and the number that is short.
[[nodiscard]] inline std::string text_of(const stuck_reason& r) {
  using detail::number_text;
  using place::wait_reason;
  const std::string wants = std::to_string(r.wants_gpus) + " GPUs";
  const std::string up =
      std::to_string(r.up_gpus) + " of " + std::to_string(r.cluster_gpus) + " are up" +
      (r.servers_away == 0 ? ""
       : r.servers_away == 1
           ? ", 1 server is away for good"
           : ", " + std::to_string(r.servers_away) + " servers are away for good");
  std::string out = std::string(place::name(r.why)) + ": ";
  if (r.why == wait_reason::budget) {
    if (r.energy_left_j <= 0) return out + "the energy budget is used up";
    if (r.energy_left_j < std::numeric_limits<double>::infinity())
      return out + "the " + number_text(r.energy_left_j) +
             " J left of the energy budget are less than its work takes";
    if (r.budget_w < r.idle_w)
      return out + "the power budget of " + number_text(r.budget_w) +
             " W is below what the idle cluster draws, " + number_text(r.idle_w) + " W";
    const bool frugal = r.idle_w + r.least_w > r.budget_w;
    return out + "the power budget of " + number_text(r.budget_w) + " W is less than the " +
           number_text(r.idle_w) + " W of the idle cluster and the " +
           number_text(frugal ? r.least_w : r.fastest_w) + " W more that it takes on " + wants +
           (frugal ? " at the least" : " at its fastest");
  }
  if (r.up_gpus < r.wants_gpus) return out + "it wants " + wants + ", " + up;
  if (r.largest_island < r.wants_gpus)
    return out + "it wants " + wants + ", the largest part that the network joins has " +
           std::to_string(r.largest_island);
  if (r.why == wait_reason::gpus)
    return out + "it wants " + wants + ", and " + up +
           (r.has_tenant ? ", but its virtual cluster has a quota that is less"
                         : ", but a quota is less");
  if (r.why == wait_reason::network_fragmentation)
    return out + "it wants " + wants + " with links of their own; " + up + " and idle";
  if (r.why == wait_reason::tapered)
    return out + "it wants " + wants +
           " with links of their own, and the network has too few even where nobody else is";
  return out + "it wants " + wants + "; " + up + " and idle, but not where they are wanted";
}

}  // namespace heddle::sim
