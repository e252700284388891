// Jobs that compute and communicate by turns on one network, flow by flow.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/transfers.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::route {

/// A job as the network sees it: it computes, sends meanwhile what is hidden, then the rest of what it has to,
/// and starts again.
struct flow_job {
  job_id id;
  fabric::placement where;
  traffic::any_source source;  ///< of the group of `where.gpus`: what is sent in an iteration
  double compute_s = 0;        ///< of an iteration, ≥ 0
  double hidden = 0;   ///< part of each flow's bytes that is sent while it computes, in [0, 1]
  double start_s = 0;  ///< of the first iteration, ≥ 0
};

struct flow_simulation_options {
  int iterations = 4;                   ///< that each job is measured over at least, ≥ 1
  int warm_up = 1;                      ///< iterations of each job before these, ≥ 0
  std::size_t most_flows = 20'000'000;  ///< that are started at most; then the run ends as it is
};

/// What the phases of a job took, as means over the iterations measured.
struct flow_phase_report {
  double undisturbed_s = 0;
  double time_s = 0;  ///< of one of its `repeat` runs
  int repeat = 1;
};

struct flow_job_report {
  job_id id;
  int iterations = 0;      ///< measured
  double iteration_s = 0;  ///< mean
  double compute_s = 0;
  double undisturbed_s = 0;    ///< communication of an iteration without contention
  double communication_s = 0;  ///< of an iteration, mean
  double alone_s = 0;          ///< an iteration without contention
  std::vector<flow_phase_report> phases;

  /// Of the job: iteration over iteration without contention.
  [[nodiscard]] double slowdown() const { return alone_s > 0 ? iteration_s / alone_s : 1; }
  /// Of its communication.
  [[nodiscard]] double communication_slowdown() const {
    return undisturbed_s > 0 ? communication_s / undisturbed_s : 1;
  }
};

/// Replays iterations of all `jobs` side by side. A phase starts when all flows of the one before have
/// ended; every flow gets its max-min fair rate at any time. Flows share links in each
/// direction and the network cards of their ends; inside a server they share what each GPU sends and
/// receives there. Jobs with links of their own are routed over these, all others by `shared`, whose
/// `load` is the number of flows now on a link. Exact within the flow model: no packets, no latency,
/// no queues. Jobs run on until the last one is measured. Deterministic.
///
/// A job's slow-down may depend on how its iterations fall on those of others, as in a machine room;
/// `start_s` shifts them. Cost: `flow_network` for each phase start and each end of flows.
template <class Shared>
class flow_simulation {
  static_assert(
      RoutingPolicy<Shared>,
      "the shared routing gives a flow, or all flows of a phase, a path whatever the type "
      "of the loads that it may look at: see route/routing.hpp");

 public:
  template <LeafSpineFabric Fabric>
  flow_simulation(const Fabric& dc, Shared shared, flow_simulation_options options = {})
      : fabric_(fixed_part(dc)), links_(dc), shared_(std::move(shared)), options_(options) {}
  /// The same of the fixed part of a network, whose links are numbered by `links`.
  flow_simulation(const fabric::leaf_spine& fixed, const link_numbers& links, Shared shared,
                  flow_simulation_options options)
      : fabric_(fixed), links_(links), shared_(std::move(shared)), options_(options) {}

  /// The jobs, in their order. \param jobs  with distinct GPUs
  [[nodiscard]] std::vector<flow_job_report> operator()(std::span<const flow_job> jobs) {
    start(jobs);
    while (!is_over()) {
      const double flow_end = transfers_->next_end();
      const double wake = wakes_.empty() ? never : wakes_.front().first;
      const double t = std::min(flow_end, wake);
      if (t == never) break;  // what is left runs over dead links
      for (std::uint32_t f : transfers_->advance(t)) {
        active& a = active_[owner_[f]];
        if (--a.flows_left == 0) ready_.push_back({owner_[f], false});
      }
      while (!wakes_.empty() && wakes_.front().first <= t) {
        std::pop_heap(wakes_.begin(), wakes_.end(), std::greater<>{});
        ready_.push_back({wakes_.back().second, true});
        wakes_.pop_back();
      }
      std::sort(ready_.begin(), ready_.end());
      for (const auto& [j, woke] : ready_) go_on(j, woke);
      ready_.clear();
    }
    return reports();
  }

  /// Whether the last run measured all iterations that were asked for.
  [[nodiscard]] bool complete() const { return to_measure_ == 0; }
  /// Flows that the last run started.
  [[nodiscard]] std::size_t flows_started() const { return started_; }

 private:
  static constexpr double never = std::numeric_limits<double>::infinity();

  struct active {
    const flow_job* job = nullptr;
    traffic::group ranks;
    std::size_t phases = 0;  // none: it does not communicate
    std::optional<owned> own;

    bool starts = true;      // its first iteration is to come
    bool computes = false;   // now
    bool is_behind = false;  // what it sends now is hidden
    double part = 1;         // of the bytes, that it sends now

    std::size_t phase = 0;
    int runs_left = 0;  // of the phase, the one under way not counted
    std::size_t flows_left = 0;
    double phase_start = 0, iteration_start = 0;
    int iterations = 0;
    double measured_s = 0;
    std::vector<double> taken_s;             // by each phase of this iteration
    std::vector<flow_phase_report> reports;  // time_s: sum over runs measured
  };

  void start(std::span<const flow_job> jobs) {
    const auto gpus = static_cast<std::size_t>(fabric_.gpus());
    const auto planes = static_cast<std::size_t>(fabric_.planes());
    std::vector<double> capacity(links_.size() + (2 * planes + 2) * gpus,
                                 fabric_.link_gbps() * 1e9 / 8);
    std::fill(capacity.end() - static_cast<std::ptrdiff_t>(2 * gpus), capacity.end(),
              fabric_.server_gbps() * 1e9 / 8);
    transfers_.emplace(capacity, fabric_.cores() > 0 ? 8 : fabric_.rails() > 1 ? 6 : 4);
    owner_.clear();
    ready_.clear();
    wakes_.clear();
    started_ = 0;
    active_.clear();
    active_.resize(jobs.size());
    to_measure_ = 0;
    for (std::size_t j = 0; j < jobs.size(); ++j) {
      active& a = active_[j];
      a.job = &jobs[j];
      a.ranks = traffic::make_group(fabric_, a.job->where.gpus);
      a.phases = a.job->source.size();
      if (a.job->where.owns_network()) a.own.emplace(fabric_, a.job->where);
      if (a.phases == 0) continue;
      a.reports.resize(a.phases);
      a.taken_s.assign(a.phases, 0);
      for (std::size_t k = 0; k < a.phases; ++k) {
        const traffic::phase p = a.job->source.write(k, flows_);
        a.reports[k] = {.undisturbed_s = undisturbed_s(fabric_, p, cards_(a.ranks, flows_)),
                        .repeat = p.repeat};
      }
      ++to_measure_;
      wake(j, a.job->start_s);
    }
  }

  [[nodiscard]] bool is_over() const { return to_measure_ == 0 || started_ >= options_.most_flows; }

  void wake(std::size_t j, double when) {
    wakes_.emplace_back(when, j);
    std::push_heap(wakes_.begin(), wakes_.end(), std::greater<>{});
  }

  /// The job has computed (or is to start), or all flows of its phase have ended.
  void go_on(std::size_t j, bool woke) {
    active& a = active_[j];
    const double now = transfers_->now();
    if (std::exchange(a.starts, false)) return begin_iteration(j);
    if (woke) {
      a.computes = false;
      if (!a.is_behind) send_rest(j);
      return;
    }
    a.taken_s[a.phase] += now - a.phase_start;
    if (a.runs_left > 0) {
      --a.runs_left;
      begin_run(j);
    } else if (++a.phase < a.phases) {
      begin_phase(j);
    } else if (std::exchange(a.is_behind, false)) {
      if (!a.computes) send_rest(j);
    } else {
      end_iteration(j);
    }
  }

  void begin_iteration(std::size_t j) {
    active& a = active_[j];
    a.iteration_start = transfers_->now();
    a.computes = a.job->compute_s > 0;
    if (a.computes) wake(j, a.iteration_start + a.job->compute_s);
    a.is_behind = a.job->hidden > 0;
    if (a.is_behind)
      send_all(j, a.job->hidden);
    else if (!a.computes)
      send_rest(j);
  }
  void send_rest(std::size_t j) {
    if (active_[j].job->hidden < 1)
      send_all(j, 1 - active_[j].job->hidden);
    else
      end_iteration(j);
  }
  /// All phases, with such a part of their bytes.
  void send_all(std::size_t j, double part) {
    active_[j].part = part;
    active_[j].phase = 0;
    begin_phase(j);
  }
  void end_iteration(std::size_t j) {
    active& a = active_[j];
    if (a.iterations >= options_.warm_up) {
      a.measured_s += transfers_->now() - a.iteration_start;
      for (std::size_t k = 0; k < a.taken_s.size(); ++k) a.reports[k].time_s += a.taken_s[k];
    }
    std::fill(a.taken_s.begin(), a.taken_s.end(), 0.0);
    if (++a.iterations == options_.warm_up + options_.iterations) --to_measure_;
    begin_iteration(j);
  }

  void begin_phase(std::size_t j) {
    active_[j].runs_left = active_[j].reports[active_[j].phase].repeat - 1;
    begin_run(j);
  }
  void begin_run(std::size_t j) {
    active& a = active_[j];
    a.phase_start = transfers_->now();
    const traffic::phase p = a.job->source.write(a.phase, flows_);
    a.flows_left = 0;
    const auto on = [this](std::uint32_t l) {
      return static_cast<double>(transfers_->network().flows_on(l));
    };
    const view<decltype(on)> v{fabric_, links_, a.ranks, on};
    if (a.own)
      send(j, *a.own, v, p.bytes * a.part);
    else
      send(j, shared_, v, p.bytes * a.part);
  }

  /// A flow is one transfer, or one in every plane that has a way, with its part of the bytes.
  template <class Policy, class View>
  void send(std::size_t j, Policy& policy, const View& v, double bytes) {
    const std::span<const traffic::flow> all = entering_(v.ranks, flows_);
    const std::size_t planes = static_cast<std::size_t>(fabric_.planes());
    if (planes == 1) {
      std::span<const path> paths;
      if constexpr (PhaseRouting<Policy>) paths = policy(v, all);
      for (std::size_t i = 0; i < all.size(); ++i) {
        path p;
        if (v.from(all[i]) != v.to(all[i])) {
          if constexpr (PhaseRouting<Policy>)
            p = paths[i];
          else
            p = policy(v, all[i]);
        }
        start_transfer(j, v, i, all[i], p, bytes);
      }
      return;
    }
    // Flows that no plane has a way for are those of an ideal network.
    paths_.assign(planes * all.size(), path{});
    ways_.assign(all.size(), 0);
    detail::for_each_path(policy, v, flows_, all,
                          [&](int plane, std::size_t i, const path& p, leaf_id, leaf_id) {
                            paths_[static_cast<std::size_t>(plane) * all.size() + i] = p;
                            ways_[i] += p.spine.valid();
                          });
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (v.ranks.share_domain(flows_[i].source, flows_[i].target)) {
        start_transfer(j, v, i, all[i], {}, bytes);
        continue;
      }
      const std::size_t carriers = ways_[i] == 0 ? planes : ways_[i];
      for (std::size_t plane = 0; plane < planes; ++plane) {
        const path& p = paths_[plane * all.size() + i];
        if (ways_[i] > 0 && !p.spine.valid()) continue;
        View at = v_in(v, static_cast<int>(plane));
        start_transfer(j, at, i, all[i], p, bytes / static_cast<double>(carriers));
      }
    }
  }
  template <class View>
  static View v_in(const View& v, int plane) {
    return {v.fabric, v.links, v.ranks, v.load, plane, v.asked};
  }

  /// Of flow `i` of the phase, which enters the network as `f`.
  template <class View>
  void start_transfer(std::size_t j, const View& v, std::size_t i, traffic::flow f, const path& p,
                      double bytes) {
    const traffic::group& ranks = v.ranks;
    const auto first = static_cast<std::uint32_t>(links_.size());
    const auto gpus = static_cast<std::uint32_t>(fabric_.gpus());
    const auto plane = static_cast<std::uint32_t>(v.plane);
    const std::uint32_t inside = first + 2 * static_cast<std::uint32_t>(fabric_.planes()) * gpus;
    const auto gpu = [&](std::uint32_t rank) { return ranks.gpus[rank].value; };
    const auto card = [&](std::uint32_t rank) {
      return gpu(ranks.cards.empty() ? rank : ranks.cards[rank]);
    };
    const traffic::flow asked = flows_[i];
    std::uint32_t over[8];
    std::size_t count = 0;
    if (ranks.share_domain(asked.source, asked.target)) {
      over[count++] = inside + gpu(asked.source);
      over[count++] = inside + gpus + gpu(asked.target);
    } else {
      over[count++] = first + 2 * plane * gpus + card(f.source);
      over[count++] = first + (2 * plane + 1) * gpus + card(f.target);
      if (f.source != asked.source) {  // over NVLink to the card on the target's rail
        over[count++] = inside + gpu(asked.source);
        over[count++] = inside + gpus + gpu(f.source);
      }
      detail::follow(links_, p, v.from(f), v.to(f), [&](std::uint32_t l) { over[count++] = l; });
    }
    const std::uint32_t n = transfers_->start({over, count}, bytes);
    if (n >= owner_.size()) owner_.resize(n + 1);
    owner_[n] = j;
    ++active_[j].flows_left;
    ++started_;
  }

  [[nodiscard]] std::vector<flow_job_report> reports() const {
    std::vector<flow_job_report> out;
    for (const active& a : active_) {
      flow_job_report r{.id = a.job->id, .compute_s = a.job->compute_s, .phases = a.reports};
      r.iterations = std::max(0, a.iterations - options_.warm_up);
      double sent_s = 0;
      for (flow_phase_report& p : r.phases) {
        r.undisturbed_s += p.repeat * p.undisturbed_s;
        p.time_s = r.iterations > 0 ? p.time_s / (static_cast<double>(r.iterations) * p.repeat) : 0;
        sent_s += p.repeat * p.time_s;
      }
      const double behind_s = a.job->hidden * r.undisturbed_s;
      r.alone_s = behind_s > 0 ? std::max(r.compute_s, behind_s) + r.undisturbed_s - behind_s
                               : r.compute_s + r.undisturbed_s;
      const bool is_measured = a.phases > 0 && r.iterations > 0;
      r.iteration_s = is_measured ? a.measured_s / r.iterations : r.alone_s;
      r.communication_s = !is_measured   ? r.undisturbed_s
                          : behind_s > 0 ? sent_s
                                         : r.iteration_s - r.compute_s;
      out.push_back(std::move(r));
    }
    return out;
  }

  fabric::leaf_spine fabric_;
  link_numbers links_;
  Shared shared_;
  flow_simulation_options options_;

  // Then a card's way out and in for each GPU, then the same inside its server.
  std::optional<transfers> transfers_;
  std::vector<std::size_t> owner_;  // of each flow
  std::vector<active> active_;
  std::vector<std::pair<double, std::size_t>> wakes_;  // heap
  std::vector<std::pair<std::size_t, bool>> ready_;    // whose flows have ended, or that woke
  std::size_t to_measure_ = 0, started_ = 0;
  std::vector<traffic::flow> flows_;
  card_counter cards_;
  network_flows entering_;
  std::vector<path> paths_;  // of each plane in turn
  std::vector<std::size_t> ways_;
};

}  // namespace heddle::route
