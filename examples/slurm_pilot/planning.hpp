// What the scheduler is shown of the cluster and its jobs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/move_price.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/trace/jobs.hpp>

#include "slurm_pilot/book.hpp"
#include "slurm_pilot/drivers.hpp"
#include "slurm_pilot/hints.hpp"
#include "slurm_pilot/job_needs.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/mover.hpp"
#include "slurm_pilot/pilot_options.hpp"
#include "slurm_pilot/reconcile.hpp"

namespace heddle::pilot {

/// A curve with the clocks that the plan may choose from, on each type of GPU.
[[nodiscard]] inline model::curve at_clocks(const model::curve& c, clock_choice choice) {
  if (choice == clock_choice::any) return c;
  std::vector<model::curve> each;
  for (int t = 0; t < most_gpu_types; ++t)
    if (const model::curve* const on = c.on(t)) {
      std::vector<model::operating_point> points;
      for (std::size_t i = 0; i < on->points().size();) {
        const int gpus = on->points()[i].config.gpus;
        points.push_back(choice == clock_choice::fastest ? *on->fastest(gpus)
                                                         : *on->most_efficient(gpus));
        i += on->at(gpus).size();
      }
      each.push_back(model::curve{std::move(points)});
    }
  return model::on_types(std::move(each), c.type());
}

/// Makes the state that a decision is taken on, anew at each look: nothing can drift.
/// \tparam Mover  mover<Slurm>
template <class Plan, class Fabric, class Mover>
class planner {
 public:
  planner(Plan& plan, const machine<Fabric>& m, const pilot_options& o, const Mover& moves)
      : plan_(plan), m_(m), o_(o), moves_(moves) {}

  /// \param skip  jobs that are not to be tried now: bool(id)
  template <class Skip>
  schedule::state<Fabric> state_of(const book& b, const cluster_report& seen, const findings& f,
                                   double now_s, const lost_links& lost, Skip&& skip) {
    std::vector<job> specs;
    for (const auto& [id, j] : b.jobs)
      if (j.at != stage::foreign)
        specs.push_back(
            spec_of(id, seen.find(id), static_cast<int>(j.where.gpus.size()), now_s, &j.where));
    const std::size_t running = specs.size();
    for (std::uint32_t id : f.waiting) {
      const job_report& r = *seen.find(id);
      if (skip(id) || never_fits(r) != place::wait_reason::none) continue;
      specs.push_back(spec_of(id, &r, gpus_to_give(r, m_), now_s));
    }
    // Of a long queue those that came first.
    std::sort(specs.begin() + static_cast<std::ptrdiff_t>(running), specs.end(),
              [](const job& x, const job& y) {
                return std::pair{x.submit_s, x.id} < std::pair{y.submit_s, y.id};
              });
    specs.resize(std::min(specs.size(), running + o_.depth));

    const trace::curve_options how = curves(most_of(specs));
    work_ = trace::with_curves(std::move(specs), known_, how);
    // What the plan asks for is the fastest of a count anyway, unless it chooses among clocks.
    if (o_.elastic || o_.clocks == clock_choice::efficient)
      for (model::curve& c : work_.curves) c = at_clocks(c, o_.clocks);
    const double pause_s = b.moves.pause_s;
    const move_price price{.pause_s = pause_s, .large_pause_s = pause_s};
    schedule::state<Fabric> s{m_.dc, {}, {.rescale = price, .migration = price}};
    for (std::size_t i = 0; i < work_.size(); ++i) {
      const model::curve& c = work_.curve_of_job(i);
      const std::uint32_t slot = s.submit(work_.jobs[i], c);
      schedule::active_job& j = s.jobs[slot];
      set_progress(j, now_s);
      if (i >= running) continue;
      const booked_job& at = b.jobs.at(j.spec->id.value);
      s.resume(slot, point_of(j, at));
      if (j.since_s == 0) j.since_s = at.since_s;
      j.rate = o_.elastic ? j.point()->throughput / j.reference->throughput : 1;
      s.waiting.pop_back();
    }
    s.ledger = ledger_of(b, m_, f.unusable);
    for (gpu_id g : f.blocked) (void)s.ledger.fail(g);
    if constexpr (!has_circuits<Fabric>) {
      for (const fabric::link& k : lost.up) (void)s.ledger.fail(k);
      for (const fabric::core_link& k : lost.to_cores) (void)s.ledger.fail(k);
    }
    return s;
  }

  /// Why the scheduler would not start a job like this one on the empty cluster, where all nodes work;
  /// `none` if it would. One that it would not must not stand before all others for ever.
  place::wait_reason never_fits(const job_report& r) {
    const elastic_job* const e = moves_.find(r.id);
    const int gpus = e ? e->range.least : gpus_to_give(r, m_);
    if (gpus > m_.servers.gpus()) return place::wait_reason::gpus;
    const auto [at, is_new] =
        never_.try_emplace(std::pair{gpus, need_of_job(r.id)}, place::wait_reason::none);
    if (is_new) {
      const model::workload w = trace::with_curves({{.id = job_id{r.id},
                                                     .gpus = gpus,
                                                     .duration_s = 1,
                                                     .gpu_type = m_.type_named(r.gpu_type),
                                                     .min_gpus = gpus,
                                                     .max_gpus = gpus}},
                                                   known_, curves(0));
      schedule::state<Fabric> empty{m_.dc};
      empty.submit(w.jobs[0], w.curves[0]);
      const schedule::decision d = plan_.decide(empty, 0);
      if (d.starts.empty())
        at->second = d.waiting.empty() ? place::wait_reason::gpus : d.waiting.front().why;
    }
    return at->second;
  }
  [[nodiscard]] job_need need_of_job(std::uint32_t id) const {
    if (!o_.needs) return {};
    const auto at = o_.needs->find(id);
    return at == o_.needs->end() ? job_need{} : at->second;
  }

 private:
  /// \param held  what it has; null for one that waits
  job spec_of(std::uint32_t id, const job_report* r, int gpus, double now_s,
              const fabric::placement* held = nullptr) const {
    constexpr double unlimited_s = 365 * 86400.0;
    job j{.id = job_id{id}, .submit_s = r ? r->submit_s : now_s, .gpus = gpus};
    j.duration_s = r && r->limit_s > 0 ? r->limit_s : unlimited_s;
    const job_hints h = read_hints(r ? r->hints : "");
    j.pattern = h.pattern.value_or(collective::ring);
    j.sends = h.sends;
    if (known_.find_job(h.model)) j.model = h.model;
    if (held)
      j.gpu_type = place::gpu_type_of(m_.servers, *held);
    else if (r)
      j.gpu_type = m_.type_named(r->gpu_type);
    // One that may have other servers is refused for itself.
    if (o_.needs && o_.needs->contains(id)) j.vc = kind_of(*r);
    if (o_.elastic) j.min_gpus = j.max_gpus = gpus;
    if (const elastic_job* const e = moves_.find(id)) {
      const int all = m_.servers.gpus();
      j.gpus = std::min(moves_.record(id).asked, all);
      if (!held || moves_.may_move(id, now_s)) {
        j.min_gpus = std::min(e->range.least, all);
        j.max_gpus = std::min(e->range.most, all);
      }
    }
    return j;
  }
  [[nodiscard]] static int most_of(const std::vector<job>& specs) {
    int most = 0;
    for (const job& j : specs)
      if (j.max_gpus > j.min_gpus && j.max_gpus < most_elastic_gpus)
        most = std::max(most, j.max_gpus);
    return most;
  }
  [[nodiscard]] trace::curve_options curves(int most) const {
    return {.gpu = o_.gpu,
            .gpus_per_server = m_.servers.gpus_per_server(),
            .max_gpus = most,
            .gpu_types = curves_of_types()};
  }
  /// Whose curves jobs follow on each type of GPU: its own where the catalogue has it.
  [[nodiscard]] std::vector<std::string> curves_of_types() const {
    std::vector<std::string> of = m_.gpu_types;
    for (std::size_t t = 0; t < of.size(); ++t)
      if (m_.servers.gpus_of_type(static_cast<int>(t)) == 0)
        of[t].clear();
      else if (!known_.find_gpu(of[t]))
        of[t] = o_.gpu;
    return of;
  }
  /// How far a job has come that says how much it has to do.
  void set_progress(schedule::active_job& j, double now_s) const {
    const elastic_job* const e = moves_.find(j.spec->id.value);
    if (!e || e->samples <= 0) return;
    const report_line* const last = e->progress.last();
    const double left = std::max(1.0, e->samples - (last ? last->samples : 0));
    j.remaining_s = left / j.reference->throughput;
    j.since_s = now_s;
  }
  /// The point at which a job runs: of its GPUs the one whose clock is the nearest to its own.
  [[nodiscard]] const model::operating_point* point_of(const schedule::active_job& j,
                                                       const booked_job& at) const {
    const int type = j.spec->gpu_type == any_gpu_type ? j.curve->type() : j.spec->gpu_type;
    const model::curve* const on = j.curve->on(type) ? j.curve->on(type) : j.curve;
    const model::operating_point* best = on->fastest(static_cast<int>(at.where.gpus.size()));
    if (!best) return j.reference;
    if (at.clock_ghz > 0)
      for (const model::operating_point& p : on->at(best->config.gpus))
        if (std::abs(p.config.clock_ghz - at.clock_ghz) <
            std::abs(best->config.clock_ghz - at.clock_ghz))
          best = &p;
    return best;
  }

  Plan& plan_;
  const machine<Fabric>& m_;
  const pilot_options& o_;
  const Mover& moves_;
  model::catalogue known_;
  model::workload work_;  // of the present look
  std::map<std::pair<int, job_need>, place::wait_reason> never_;
};

}  // namespace heddle::pilot
