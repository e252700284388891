// Which servers are on, off, or on the way from off to on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/fabric/power.hpp>
#include <heddle/fabric/watts.hpp>

namespace heddle::schedule {

/// How long an idle server of `gpus` GPUs must stay idle for switching it off to save energy, in s:
///
///     t* = E_wake / (P_idle − P_off)
///
/// Who switches off after t* of idleness spends at most twice what he would who knew how long the
/// server stays idle (the ski-rental bound). Infinite if being off saves nothing.
[[nodiscard]] inline double break_even_s(const fabric::base_power& w, int gpus) {
  const double saved_w = fabric::watts_of({.idle_gpus = gpus, .servers_on = 1}, w).total() -
                         fabric::watts_of({.servers_off = 1}, w).total();
  return saved_w > 0 ? w.wake_j / saved_w : std::numeric_limits<double>::infinity();
}

/// The state of every server as two times: from when on it can work, and since when it is idle. All
/// start on, idle since `now_s`. Queries are O(1). One writer.
class server_power {
 public:
  explicit server_power(const fabric::hosts& dc, double now_s = 0)
      : ready_s_(static_cast<std::size_t>(dc.servers()), always),
        idle_since_s_(static_cast<std::size_t>(dc.servers()), now_s) {}

  /// From when on a server can work: in the past if it is on, never if it is off.
  [[nodiscard]] double ready_s(server_id s) const { return ready_s_[s.index()]; }
  [[nodiscard]] bool is_off(server_id s) const { return ready_s(s) == never; }
  [[nodiscard]] bool is_waking(server_id s, double now_s) const {
    return ready_s(s) > now_s && !is_off(s);
  }
  [[nodiscard]] int off() const { return off_; }
  /// Whether any server ever was; if not, all are on.
  [[nodiscard]] bool any_was_off() const { return any_was_off_; }
  /// Since when nobody holds a GPU of a server; infinite if somebody does.
  [[nodiscard]] double idle_since_s(server_id s) const { return idle_since_s_[s.index()]; }

  /// Books that a job holds the GPUs of `p`. Servers that are off wake, and are added to `woken`.
  void taken(const fabric::hosts& dc, const fabric::placement& p, double now_s, double wake_s,
             std::vector<server_id>& woken) {
    for_each_server(dc, p, [&](server_id s) {
      idle_since_s_[s.index()] = never;
      if (!is_off(s)) return;
      ready_s_[s.index()] = now_s + wake_s;
      --off_;
      woken.push_back(s);
    });
  }
  /// Books that the GPUs of `p` were given back to `l`.
  void given_back(const fabric::gpu_book& l, const fabric::placement& p, double now_s) {
    const fabric::hosts& dc = l.hosts();
    for_each_server(dc, p, [&](server_id s) {
      if (l.free_gpus(s) == static_cast<int>(dc.gpus_of(s).size()))
        idle_since_s_[s.index()] = now_s;
    });
  }
  /// Switches an idle server off.
  void switch_off(server_id s) {
    any_was_off_ = true;
    if (!is_off(s)) ++off_;
    ready_s_[s.index()] = never;
    idle_since_s_[s.index()] = never;
  }
  /// A server that was repaired is on and idle.
  void repaired(server_id s, double now_s) {
    if (is_off(s)) --off_;
    ready_s_[s.index()] = always;
    idle_since_s_[s.index()] = now_s;
  }

  friend bool operator==(const server_power&, const server_power&) = default;

 private:
  static constexpr double never = std::numeric_limits<double>::infinity();
  static constexpr double always = -never;

  template <class F>
  static void for_each_server(const fabric::hosts& dc, const fabric::placement& p, F&& f) {
    for (std::size_t i = 0; i < p.gpus.size();) {
      const server_id s = dc.server_of(p.gpus[i]);
      const auto here = dc.gpus_of(s);
      f(s);
      while (i < p.gpus.size() && p.gpus[i].value - here.front().value < here.size()) ++i;
    }
  }

  std::vector<double> ready_s_;
  std::vector<double> idle_since_s_;
  int off_ = 0;
  bool any_was_off_ = false;
};

}  // namespace heddle::schedule
