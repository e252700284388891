// Waiting for links of a job's own only where that is worth it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>
#include <utility>

#include <heddle/core/collective.hpp>
#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/place/patched.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/schedule/admission.hpp>
#include <heddle/schedule/forecast.hpp>

namespace heddle::admit {

namespace detail {
/// By how much the communication of a job is stretched where it shares no link with others. Keeps the last
/// answer: who waits is asked about at each decision, often with the same links.
class alone_on_links {
 public:
  template <class Fabric>
  double operator()(const Fabric& dc, const job& spec, const fabric::placement& where) {
    if (spec.id != of_ || spec.pattern != sends_ || where != where_) {
      route::steady alone{dc, route::source{}};
      alone.add(spec.id, where, spec.pattern, 1);
      slowdown_ = alone.slowdown(spec.id);
      of_ = spec.id;
      sends_ = spec.pattern;
      where_ = where;
    }
    return slowdown_;
  }

 private:
  job_id of_;
  collective sends_ = collective::none;
  fabric::placement where_;
  double slowdown_ = 1;
};
}  // namespace detail

/// The job at the head starts at once where its placement isolates it. Where placement would have it on
/// fewer links than that (`place::relaxed`), or links are fixed and some of its own can be patched together
/// (`place::patched`), it does what ends sooner:
///
///     start now    duration · (1 + r · (S − 1))    r its exposed share of communication, S how much longer
///                                                  that takes on these links: `route::steady` (and what is
///                                                  hidden behind computing as long as it stays so)
///     wait         W + duration                    W until `isolated` could place it, if those running keep
///                                                  their pace: `schedule::forecast`
///
/// and so does every job behind it as it comes to the head. While it waits for links, the GPUs that it cannot use
/// are lent: to those behind it, in their order, that can start (isolated, on fewer links or on a patch) and end before W
/// is over, so that they do not delay it. Of fewer links and a patch it takes what slows it down less, and it takes
/// a patch up to `patch_up_to` times as slow in place of links that it would own beyond its GPUs
/// (`place::owns_spare_links`), which would leave those who come to the same leafs with fewer than theirs. What it
/// minimises is the end of the job that is asked. Those behind gain by both: it leaves the queue, and no
/// GPUs idle meanwhile. (Counting them in was tried, and was no better: docs/place/relaxed.md.)
///
/// It harms nobody: a placement that shares links with others is not taken, so who is isolated stays so.
/// Trusts the run times of the trace. Derived; the question is that of contention-aware admission in the
/// published simulators of Han et al., which have a fixed threshold.
///
/// One writer. A decision: a placement for each start; for the job that is blocked one more for each
/// running job, its flows once for each patch and each set of links on which that is not plain from the bound, and one
/// placement for each job behind it that is short enough.
/// \tparam Isolated  a placement policy, all of whose placements are isolated
template <class Isolated>
struct paying {
  Isolated isolated;  ///< what is waited for, like `place::vclos`
  double patch_up_to =
      1.1;  ///< times the time on links beyond its GPUs; ≥ 1 (docs/place/pays.md has others)
  heddle::detail::scratch<schedule::forecast> ahead = {};
  heddle::detail::scratch<detail::alone_on_links> alone = {}, alone_patched = {};
  place::patched patches = {};

  static constexpr bool makes_no_room = true;

  template <class Desk>
  void operator()(Desk& d) {
    for (std::size_t i = 0; i < d.queued(); ++i)
      if (const std::optional<double> until_s = admit(d, d.waiting(i))) {
        while (++i < d.queued() && d.left.gpus > 0 && *until_s > d.now_s())
          lend(d, d.waiting(i), *until_s);
        return;
      }
  }

  friend bool operator==(const paying&, const paying&) = default;

 private:
  using wait_reason = place::wait_reason;

  using until = std::optional<double>;

  /// Starts the job at the head, or says until when what it waits for may be lent.
  template <class Desk>
  until admit(Desk& d, typename Desk::slot x) {
    const auto* p = d.wish(x);
    const auto& wanted = p ? *p : *d.asked(x);
    if (wanted.config.gpus > d.left.gpus_of(wanted.config.type))
      return blocked(d, x, {wait_reason::gpus});
    if (!p || !d.affords(x, *p)) return blocked(d, x, {wait_reason::budget});
    place::answer a = d.ask(x, *p);
    const bool is_patch = take_patch(d, x, *p, a);
    if (!a) return blocked(d, x, {a.why, a.proved}, isolated_at_s(d, x, *p));
    if (!harms_nobody(d, *a.where))
      return blocked(d, x, {wait_reason::network_fragmentation, false});
    if (a.predicted_slowdown > 1) {
      const double then_s = isolated_at_s(d, x, *p);
      if (!ends_sooner(d, x, *p, a, is_patch, then_s))
        return blocked(d, x, {wait_reason::network_fragmentation, false}, then_s);
    }
    d.start(x, p, std::move(a));
    return {};
  }
  template <class Desk>
  static until blocked(Desk& d, typename Desk::slot x, const schedule::outcome& why,
                       double until_s = never) {
    d.wait(x, why);
    return until_s == never ? d.now_s() : until_s;
  }
  /// Starts a job behind the head if it is done until then.
  template <class Desk>
  void lend(Desk& d, typename Desk::slot x, double until_s) {
    const auto* p = d.wish(x);
    if (!p || !d.affords(x, *p)) return;
    const double left_s = until_s - d.now_s();
    if (d.job(x).run_time_s(*p, d.now_s()) > left_s) return;
    place::answer a = d.ask(x, *p);
    const bool is_patch = take_patch(d, x, *p, a);
    if (!a || !harms_nobody(d, *a.where)) return;
    if (a.predicted_slowdown > 1 &&
        d.job(x).run_time_s(*p, d.now_s()) *
                d.job(x).spec->communication().stretch(slowdown(d, x, a, is_patch)) >
            left_s)
      return;
    d.start(x, p, std::move(a));
  }

  /// Puts a patch in the place of what placement says where that is better.
  template <class Desk>
  bool take_patch(Desk& d, typename Desk::slot x, const model::operating_point& p,
                  place::answer& a) {
    if constexpr (place::PlacementPolicy<place::patched, typename Desk::ledger>) {
      if (a && !a.where->owns_network()) return false;
      const auto& free = d.state().ledger;
      const bool spare = a && place::owns_spare_links(free.fabric(), *a.where);
      if (a && a.predicted_slowdown == 1 && !spare) return false;
      const job& spec = *d.job(x).spec;
      place::answer patch = patches.patch(free, d.request_of(x, p));
      if (!patch) return false;
      patch.predicted_slowdown = (*alone_patched)(free.fabric(), spec, *patch.where);
      if (a) {
        const double before = (*alone)(free.fabric(), spec, *a.where);
        if (spare ? patch.predicted_slowdown > before * patch_up_to
                  : patch.predicted_slowdown >= before)
          return false;
      }
      a = std::move(patch);
      return true;
    } else {
      return false;
    }
  }

  /// Whether nobody else sends over the links that a job so placed uses.
  template <class Desk>
  [[nodiscard]] static bool harms_nobody(const Desk& d, const fabric::placement& where) {
    const fabric::hosts& dc = d.state().ledger.hosts();
    return where.owns_network() || std::all_of(where.gpus.begin(), where.gpus.end(), [&](gpu_id g) {
             return dc.unit_of(g) == dc.unit_of(where.gpus.front());
           });
  }

  /// When the job could have what isolates it.
  template <class Desk>
  [[nodiscard]] double isolated_at_s(Desk& d, typename Desk::slot x,
                                     const model::operating_point& p) {
    return (*ahead)(d.state(), d.request_of(x, p), d.now_s(), isolated, d.left.power_w,
                    d.extra_power_w(p), [&](const auto& r) { return d.extra_power_w(*r.point()); })
        .at_s;
  }
  /// Whether a job ends sooner on these links from now on than isolated from then on.
  template <class Desk>
  [[nodiscard]] bool ends_sooner(Desk& d, typename Desk::slot x, const model::operating_point& p,
                                 const place::answer& a, bool is_patch, double then_s) {
    if (then_s == never) return true;
    const auto& j = d.job(x);
    const auto so = [&](double slowdown) {
      const double longer = j.spec->communication().stretch(slowdown) - 1;
      return j.run_time_s(p, d.now_s()) * longer < then_s - d.now_s();
    };
    // What was predicted is a bound; of a patch, what it takes.
    return so(a.predicted_slowdown) || (!is_patch && so(slowdown(d, x, a, is_patch)));
  }
  /// By how much its own flows stretch a job's communication where an answer has it: of a patch that was asked before.
  template <class Desk>
  [[nodiscard]] double slowdown(Desk& d, typename Desk::slot x, const place::answer& a,
                                bool is_patch) {
    return is_patch ? a.predicted_slowdown
                    : (*alone)(d.state().ledger.fabric(), *d.job(x).spec, *a.where);
  }

  static constexpr double never = std::numeric_limits<double>::infinity();
};
template <class Isolated>
paying(Isolated) -> paying<Isolated>;

}  // namespace heddle::admit
