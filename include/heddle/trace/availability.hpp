// When servers come and go: from a file, or by chance.
//
//   source               what
//   read_availability    spot instances as they joined and left (the traces of Bamboo)
//   failure_process      every node fails and is repaired after exponential times
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <boost/random/exponential_distribution.hpp>

#include <heddle/core/error.hpp>
#include <heddle/core/node_event.hpp>
#include <heddle/core/random.hpp>
#include <heddle/trace/csv.hpp>

namespace heddle::trace {

/// Nodes that come and go.
struct availability {
  std::vector<node_event> events;  ///< by time
  std::uint32_t nodes = 0;         ///< their number
  bool up_at_start = false;        ///< before their first event all are there, or all away

  /// The same as a cluster of `n` servers sees it: a node that joins takes the lowest free index,
  /// or waits, in the order of joining, until one is left. So at each time min(n, nodes there)
  /// servers are up, and the many short-lived instances of a spot market become the servers of a
  /// cluster. Precondition: n ≥ 1. O(events · log nodes).
  [[nodiscard]] availability on(std::uint32_t n) const {
    availability out{.nodes = n};
    std::vector<std::uint32_t> index(nodes, n);  // of a node; n: none
    std::vector<std::size_t> ticket(nodes, 0);   // of a node that waits
    std::set<std::pair<std::size_t, std::uint32_t>> waiting;
    std::set<std::uint32_t> free;
    for (std::uint32_t i = 0; i < n; ++i) free.insert(i);
    std::size_t tickets = 0;
    const auto join = [&](double time_s, std::uint32_t node) {
      if (free.empty()) {
        waiting.emplace(ticket[node] = ++tickets, node);
        return;
      }
      index[node] = *free.begin();
      free.erase(free.begin());
      out.events.push_back({time_s, index[node], true});
    };
    if (up_at_start)
      for (std::uint32_t i = 0; i < nodes; ++i) join(0, i);
    for (const node_event& e : events) {
      if (e.up) {
        join(e.time_s, e.node);
      } else if (index[e.node] == n) {
        waiting.erase({ticket[e.node], e.node});
      } else {
        out.events.push_back({e.time_s, index[e.node], false});
        free.insert(std::exchange(index[e.node], n));
        if (waiting.empty()) continue;
        const std::uint32_t next = waiting.begin()->second;
        waiting.erase(waiting.begin());
        join(e.time_s, next);
      }
    }
    return out;
  }
};

/// Reads `t_ms,event,node`: at time t (ms) node `node` has the event `add` or `remove`. All are
/// away at the start. Rows may stand in any order, those of one time in theirs. Nodes are numbered
/// from 0 in the order of the file's numbers, gaps left out. \throws input_error  `name:line:
/// expected …, got …`; also for a node that joins while it is there
///                      or leaves while it is not
/// Reference of the form: github.com/uclasystem/bamboo, traces of spot instances.
[[nodiscard]] inline availability read_availability(std::istream& in, const std::string& name) {
  csv_reader rows{in, name};
  rows.require({"t_ms", "event", "node"});
  const auto time = rows.required("t_ms"), event = rows.required("event"),
             node = rows.required("node");
  struct row {
    node_event event;
    std::size_t order;
    std::string where;
  };
  std::vector<row> read;
  while (rows.next()) {
    node_event e;
    e.time_s = rows.number(time, 0, "a time of at least 0 ms") / 1000;
    e.node = rows.integer<std::uint32_t>(node, 0, "a whole number from 0");
    const auto word = rows.bare(event);
    if (word != "add" && word != "remove") rows.fail(event, "add or remove");
    e.up = word == "add";
    read.push_back({e, read.size(), rows.where()});
  }
  // At one time in the file's order: a node may leave and come back at once.
  std::sort(read.begin(), read.end(), [](const row& a, const row& b) {
    return std::tie(a.event.time_s, a.order) < std::tie(b.event.time_s, b.order);
  });
  std::vector<std::uint32_t> numbers;
  for (const row& r : read) numbers.push_back(r.event.node);
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());

  availability out{.nodes = static_cast<std::uint32_t>(numbers.size())};
  std::vector<bool> here(numbers.size());
  for (const row& r : read) {
    const auto at = static_cast<std::size_t>(
        std::lower_bound(numbers.begin(), numbers.end(), r.event.node) - numbers.begin());
    if (here[at] == r.event.up)
      throw input_error(
          r.where, r.event.up ? "a node that was away to join" : "a node that is there to leave",
          "node " + std::to_string(r.event.node));
    here[at] = r.event.up;
    out.events.push_back({r.event.time_s, static_cast<std::uint32_t>(at), r.event.up});
  }
  return out;
}

/// Nodes that fail and are repaired, each by itself: the times between a repair and the next
/// failure and those until it is repaired are exponential. All are up at the start. A node's events
/// are the same however many nodes there are.
struct failure_process {
  std::uint32_t nodes = 64;
  double mtbf_s = 30 * 86400.0;      ///< mean time between a repair and the next failure, > 0
  double mttr_s = 4 * 3600.0;        ///< mean time until repair, > 0
  double horizon_s = 365 * 86400.0;  ///< events before this time only
  std::uint64_t seed = 0;

  /// \throws input_error  for a mean time that is not above 0 and finite, and an infinite horizon
  /// Complexity: O(events log events).
  [[nodiscard]] availability operator()() const {
    for (double mean_s : {mtbf_s, mttr_s})
      if (!(mean_s > 0) || !std::isfinite(mean_s))
        throw input_error("failure_process", "mean times above 0 s", std::to_string(mean_s));
    if (!std::isfinite(horizon_s))
      throw input_error("failure_process", "a finite horizon", std::to_string(horizon_s));
    boost::random::exponential_distribution<double> lasts(1 / mtbf_s), repair(1 / mttr_s);
    availability out{.nodes = nodes, .up_at_start = true};
    for (std::uint32_t i = 0; i < nodes; ++i) {
      stream s{seed, i, "failures"};
      bool up = true;
      for (double now_s = lasts(s); now_s < horizon_s;) {
        up = !up;
        out.events.push_back({now_s, i, up});
        const double next_s = now_s + (up ? lasts(s) : repair(s));
        now_s = std::max(next_s, std::nextafter(now_s, horizon_s));  // never two at one time
      }
    }
    std::sort(out.events.begin(), out.events.end(), [](const node_event& a, const node_event& b) {
      return std::tie(a.time_s, a.node) < std::tie(b.time_s, b.node);
    });
    return out;
  }
};

}  // namespace heddle::trace
