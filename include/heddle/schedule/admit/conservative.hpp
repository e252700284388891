// Jobs pass others that they do not delay, none of them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/moment.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/detail/identity.hpp>
#include <heddle/schedule/forecast.hpp>
#include <heddle/schedule/gpu_profile.hpp>
#include <heddle/schedule/outcome.hpp>
#include <heddle/schedule/queue.hpp>
#include <heddle/schedule/reservation.hpp>

namespace heddle::admit {

/// Gives each job in turn the earliest time at which its GPUs are free by number, and starts those whose
/// time is now and with which the first that is blocked can still be *placed* at its time, as `easy` does.
/// For the others behind it GPUs are counted, which is as good as placing where any GPUs will do. Trusts
/// the run times of the trace. Nobody makes room: the times of all would have to be found anew.
///
/// As long as jobs end when they were expected to and newcomers stand last, times stay what they are and are
/// kept: a decision is O(running + newcomers · steps). Else they are found anew, as far down the queue as
/// there is somebody whose GPUs are free now: O(jobs · steps).
/// Reference: Mu'alem and Feitelson, IEEE TPDS 12(6), 2001.
struct conservative {
  static constexpr bool makes_no_room = true;

  std::size_t depth = schedule::whole_queue;  ///< jobs looked at behind the first

  /// What holds until something happens that was not expected.
  struct memory {
    schedule::gpu_profile profile;
    std::vector<double> at_s;  // of the first of the queue, in its order
    std::vector<schedule::expected_finish> ends, ends_now;
    struct hint {
      int gpus = 0;
      double run_s = 0, since_s = 0;  // nobody who runs as long fits earlier
    };
    std::vector<hint> hints;  // by GPUs
    schedule::detail::identity::tag of;
    std::size_t changes = 0;

    // Of one decision.
    std::vector<std::size_t> begun;  // places in the queue, rising
    schedule::outcome first;         // why the first of the queue does not start
    bool by_number = true;           // whoever had the number of GPUs had a place too

    void forget() {
      at_s.clear();
      hints.clear();
    }
    void drop_begun() {
      if (begun.empty() || at_s.empty()) return;
      std::sort(begun.begin(), begun.end());
      auto gone = begun.begin();
      std::size_t left = *gone;
      for (std::size_t i = left; i < at_s.size(); ++i)
        if (gone != begun.end() && *gone == i)
          ++gone;
        else
          at_s[left++] = at_s[i];
      at_s.resize(left);
    }
    /// When a job's GPUs are free at the earliest. What is free only becomes less, so that nobody who
    /// wants as many for as long can be earlier than one before him.
    double earliest(const schedule::queued_ask& a, double now_s) {
      auto it = std::lower_bound(hints.begin(), hints.end(), a.gpus,
                                 [](const hint& h, int gpus) { return h.gpus < gpus; });
      if (it == hints.end() || it->gpus != a.gpus) it = hints.insert(it, {a.gpus, a.run_s, now_s});
      const bool helps = it->run_s <= a.run_s;
      const double at =
          profile.earliest(a.gpus, a.run_s, helps ? std::max(now_s, it->since_s) : now_s);
      if (a.run_s <= it->run_s) *it = {a.gpus, a.run_s, at};
      return at;
    }
  };
  heddle::detail::scratch<memory> kept = {};

  template <class Desk>
  void operator()(Desk& d) {
    memory& m = *kept;
    if (d.queued() == 0) return m.forget();
    m.begun.clear();
    m.first = {};
    m.by_number = true;
    schedule::finishes_of(d.state(), d.now_s(), m.ends_now);
    if (goes_as_expected(d, m)) {
      m.profile.advance(d.now_s());
      if (!go_through(d, m)) begin_anew(d, m);
    } else {
      begin_anew(d, m);
    }
    if (!m.first) d.wait(d.waiting(0), m.first);
    if (!m.by_number) m.forget();
    m.drop_begun();
    if (m.at_s.empty()) return;
    schedule::finishes_of(d.state(), d.now_s(), m.ends);
    m.of = d.state().identity().known_by();
    m.changes = d.queue_changes();
  }

  friend bool operator==(const conservative&, const conservative&) = default;

 private:
  template <class Desk>
  void begin_anew(Desk& d, memory& m) const {
    m.forget();
    m.by_number = true;
    m.profile.start(d.state(), d.now_s());
    (void)go_through(d, m);
  }

  /// Whether the times that are kept are those that would be found now.
  template <class Desk>
  [[nodiscard]] static bool goes_as_expected(const Desk& d, const memory& m) {
    if (m.at_s.empty() || !d.state().identity().is(m.of) || d.queue_changes() != m.changes)
      return false;
    auto was = m.ends.begin();
    while (was != m.ends.end() && no_later(was->at_s, d.now_s())) ++was;  // they have ended
    if (m.ends.end() - was != static_cast<std::ptrdiff_t>(m.ends_now.size())) return false;
    for (const schedule::expected_finish& f : m.ends_now) {
      if (f.slot != was->slot || !no_later(f.at_s, was->at_s) || !no_later(was->at_s, f.at_s))
        return false;
      ++was;
    }
    return m.profile.free_at(d.now_s()) == d.state().ledger.free_gpus();
  }

  /// Starts those whose time has come; finds the times of those that have none yet, if somebody can start
  /// among them. \returns  false if one whose time was kept cannot start
  template <class Desk>
  bool go_through(Desk& d, memory& m) const {
    const double now_s = d.now_s();
    std::optional<typename Desk::slot> blocked;
    std::optional<schedule::reservation<Desk>> promised;  // to the first that is blocked
    const std::size_t end = d.queued() == 0 ? 0 : 1 + std::min(depth, d.queued() - 1);
    for (std::size_t i = 0, last = end; i < end; ++i) {
      const bool is_kept = i < m.at_s.size();
      if (is_kept && !no_later(m.at_s[i], now_s) && blocked) continue;
      if (d.has_begun(i)) {  // before times were found anew
        if (!is_kept) m.at_s.push_back(now_s);
        continue;
      }
      if (!is_kept) {
        // Nobody is to start any more whose GPUs are not there now, so their times need not be known.
        while (i < last && d.asks(last - 1).gpus > m.profile.free_now()) --last;
        if (i > 0 && i >= last) return true;
      }
      const schedule::queued_ask a = d.asks(i);
      const auto x = d.waiting(i);
      double at_s = is_kept ? m.at_s[i] : m.earliest(a, now_s);
      schedule::outcome no{place::wait_reason::gpus};
      if (no_later(at_s, now_s)) {
        if (blocked && !promised) promised.emplace(d, *blocked);
        no = promised ? promised->try_start(x, d.wish(x)) : d.try_start(x);
        if (no) m.begun.push_back(i);
        m.by_number = m.by_number && no;
        if (!no && is_kept) return false;
        // The number would do and the place does not: the next change is looked at.
        if (!no) at_s = m.profile.earliest(a.gpus, a.run_s, m.profile.next_step(now_s));
      }
      if (i == 0) m.first = no;
      if (!no && !blocked) blocked = x;
      if (is_kept) continue;
      m.profile.take(a.gpus, at_s, a.run_s);
      m.at_s.push_back(at_s);
    }
    return true;
  }
};

}  // namespace heddle::admit
