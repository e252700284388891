// The pilot: looks at Slurm, asks the scheduler, tells Slurm.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/model/catalogue.hpp>
#include <heddle/route/path.hpp>
#include <heddle/schedule/decision.hpp>
#include <heddle/schedule/state.hpp>
#include <heddle/trace/jobs.hpp>

#include "slurm_pilot/book.hpp"
#include "slurm_pilot/drivers.hpp"
#include "slurm_pilot/even_servers.hpp"
#include "slurm_pilot/job_needs.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/reconcile.hpp"
#include "slurm_pilot/slurm_control.hpp"
#include "slurm_pilot/store.hpp"
#include "slurm_pilot/words.hpp"

namespace heddle::pilot {

struct pilot_options {
  double start_timeout_s = 120;   ///< as in reconcile_options
  std::string partition = {};     ///< as in reconcile_options
  bool dry_run = false;           ///< decide, and tell nobody but the notes
  double retry_s = 60;            ///< before a job that Slurm or a driver refused is tried again
  std::string gpu = "a100";       ///< of the catalogue: whose clocks and curves
  bool efficient_clocks = false;  ///< clock of least energy a sample instead of the fastest
  std::size_t depth = 1000;       ///< jobs of the queue looked at
  job_needs* needs = nullptr;  ///< that the plan's placement reads (even_servers); filled in here
};

/// One cluster under one scheduler. Every `look` is a whole round: read Slurm, bring the book into
/// line, decide, write the book, tell drivers and Slurm. It can be stopped between any two steps:
/// the next pilot finds what was not said and says it.
///
/// \tparam Plan  a schedule::scheduler with a placement that Slurm can be told (even_servers) and an
///               allocation that leaves running jobs alone
template <SlurmControl Slurm, Drivers D, Store S, class Plan, class Fabric>
class control_loop {
 public:
  control_loop(Slurm& slurm, D& drivers, S& store, Plan& plan, machine<Fabric> m,
               pilot_options o = {})
      : slurm_(slurm), drivers_(drivers), store_(store), plan_(plan), m_(std::move(m)),
        o_(std::move(o)) {}

  [[nodiscard]] const book& jobs() const { return book_; }
  [[nodiscard]] const machine<Fabric>& cluster() const { return m_; }

  /// Takes over from an earlier pilot. \throws input_error  if `text` is no book
  void open(const std::optional<std::string>& text, const std::string& file, double now_s) {
    std::vector<std::uint32_t> lost;
    if (text) book_ = read_book(*text, file, m_, lost);
    nlohmann::ordered_json links = nlohmann::json::array();
    const fabric::leaf_spine& dc = route::fixed_part(m_.dc);  // of an optical fabric a copy
    for (leaf_id l : dc.all_leafs()) {
      auto& row = links.emplace_back(nlohmann::json::array());
      for (spine_id s : dc.all_spines()) row.push_back(dc.links(l, s));
    }
    nlohmann::ordered_json jobs = nlohmann::json::array();
    for (const auto& [id, j] : book_.jobs) jobs.push_back(with_id(id, j));
    note(now_s, {{"event", "opened"}, {"links", links}, {"jobs", jobs}});
    for (std::uint32_t id : lost) note(now_s, {{"event", "lost"}, {"job", id}});
    if constexpr (NetworkDriver<D>)
      if (!o_.dry_run) guard_network(now_s, [&] { drivers_.take_over(book_); });
  }

  /// One round. \throws unmet_request, input_error  if Slurm cannot be read; nothing was done then
  void look(double now_s) {
    const cluster_report seen = slurm_.look();
    const book before = book_;
    findings f = reconcile(book_, seen, m_, now_s, {o_.start_timeout_s, o_.partition});
    for (const happening& h : f.happened) {
      const auto at = book_.jobs.find(h.job);
      nlohmann::ordered_json line{{"event", h.what}, {"job", h.job}};
      if (at != book_.jobs.end()) line.update(detail::to_json(m_, at->second.where));
      if (h.what == "gpus_unknown")
        line["why"] =
            "nothing tells how many GPUs it holds, all that are free on its nodes are kept";
      note(now_s, std::move(line));
    }
    for (std::uint32_t id : f.renumbered) note(now_s, with_id(id, book_.jobs.at(id), "renumbered"));
    note_nodes(f, now_s);
    if (o_.needs) set_needs(seen, f);

    schedule::state<Fabric> s = state_of(seen, f, now_s);
    const schedule::decision d = plan_.decide(s, now_s);
    if (o_.dry_run) {
      for (const schedule::start& one : d.starts) {
        const booked_job j{.where = one.where};
        note(now_s, with_id(one.job.value, j, "would_place"));
      }
      explain(seen, f, d, now_s);
      book_ = before;
      return;
    }

    // Held before the book forgets them: who comes next must not find them free to start.
    for (std::uint32_t id : f.hold)
      if (const std::string error = slurm_.hold(id); error.empty())
        note(now_s, {{"event", "hold"}, {"job", id}});
    for (std::uint32_t id : f.gone)
      if (!book_.jobs.contains(id)) guarded(id, now_s, [&] { clear_all(drivers_, id); });
    for (const schedule::start& one : d.starts) enter(one, s, now_s);
    store_.save(write_book(book_, m_));
    for (const schedule::start& one : d.starts)
      note(now_s, with_id(one.job.value, book_.jobs.at(one.job.value), "placed"));
    look_after_network(now_s);
    for (std::uint32_t id : f.renumbered)
      guarded(id, now_s, [&] { set_all(drivers_, m_, id, book_.jobs.at(id)); });
    std::vector<std::uint32_t> to_send = f.unsent;
    for (const schedule::start& one : d.starts) to_send.push_back(one.job.value);
    for (std::uint32_t id : to_send) send(id, seen, now_s);
    if (!to_send.empty()) store_.save(write_book(book_, m_));
    explain(seen, f, d, now_s);
  }

 private:
  /// The jobs as the scheduler sees them, made anew at each look: nothing can drift.
  schedule::state<Fabric> state_of(const cluster_report& seen, const findings& f, double now_s) {
    const auto spec_of = [&](std::uint32_t id, const job_report* r, int gpus,
                             const fabric::placement* held = nullptr) {
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
      return j;
    };
    std::vector<job> specs;
    for (const auto& [id, j] : book_.jobs)
      if (j.at != stage::foreign)
        specs.push_back(
            spec_of(id, seen.find(id), static_cast<int>(j.where.gpus.size()), &j.where));
    const std::size_t running = specs.size();
    for (std::uint32_t id : f.waiting) {
      const job_report& r = *seen.find(id);
      const auto refused = retry_at_.find(id);
      if (never_fits(r) != place::wait_reason::none ||
          (refused != retry_at_.end() && now_s < refused->second))
        continue;
      specs.push_back(spec_of(id, &r, gpus_to_give(r, m_)));
    }
    // Of a long queue those that came first.
    std::sort(specs.begin() + static_cast<std::ptrdiff_t>(running), specs.end(),
              [](const job& a, const job& b) {
                return std::pair{a.submit_s, a.id} < std::pair{b.submit_s, b.id};
              });
    specs.resize(std::min(specs.size(), running + o_.depth));

    work_ = trace::with_curves(std::move(specs), known_,
                               {.gpu = o_.gpu,
                                .gpus_per_server = m_.servers.gpus_per_server(),
                                .max_gpus = 0,
                                .gpu_types = curves_of_types()});
    if (o_.efficient_clocks)
      for (model::curve& c : work_.curves) c = at_efficient_clock(c);
    schedule::state<Fabric> s{m_.dc};
    for (std::size_t i = 0; i < work_.size(); ++i) {
      const std::uint32_t slot = s.submit(work_.jobs[i], work_.curve_of_job(i));
      if (i >= running) continue;
      schedule::active_job& j = s.jobs[slot];
      s.resume(slot, j.reference);
      j.since_s = book_.jobs.at(j.spec->id.value).since_s;
      j.rate = 1;
      s.waiting.pop_back();
    }
    s.ledger = ledger_of(book_, m_, f.unusable);
    for (gpu_id g : f.blocked) (void)s.ledger.fail(g);
    if constexpr (NetworkDriver<D> && std::same_as<Fabric, fabric::leaf_spine>) {
      const lost_links lost = drivers_.lost();
      for (const fabric::link& k : lost.up) (void)s.ledger.fail(k);
      for (const fabric::core_link& k : lost.to_cores) (void)s.ledger.fail(k);
    }
    return s;
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
  static model::curve at_efficient_clock(const model::curve& c) {
    std::vector<model::curve> each;
    for (int t = 0; t < most_gpu_types; ++t)
      if (const model::curve* const on = c.on(t))
        each.push_back(model::curve{{*on->most_efficient(on->points()[0].config.gpus)}});
    return model::on_types(std::move(each), c.type());
  }

  [[nodiscard]] job_need need_of_job(std::uint32_t id) const {
    if (!o_.needs) return {};
    const auto at = o_.needs->find(id);
    return at == o_.needs->end() ? job_need{} : at->second;
  }
  void set_needs(const cluster_report& seen, const findings& f) {
    o_.needs->clear();
    for (std::uint32_t id : f.waiting)
      if (job_need need = need_of(*seen.find(id), seen.nodes, m_); need != job_need{})
        o_.needs->emplace(id, std::move(need));
  }

  /// Why the scheduler would not start a job like this one on the empty cluster, where all nodes work;
  /// `none` if it would. One that it would not must not stand before all others for ever.
  place::wait_reason never_fits(const job_report& r) {
    const int gpus = gpus_to_give(r, m_);
    if (gpus > m_.servers.gpus()) return place::wait_reason::gpus;
    const auto [at, is_new] =
        never_.try_emplace(std::pair{gpus, need_of_job(r.id)}, place::wait_reason::none);
    if (is_new) {
      const model::workload w = trace::with_curves(
          {{.id = job_id{r.id},
            .gpus = gpus,
            .duration_s = 1,
            .gpu_type = m_.type_named(r.gpu_type)}},
          known_, {.gpu = o_.gpu, .max_gpus = 0, .gpu_types = curves_of_types()});
      schedule::state<Fabric> empty{m_.dc};
      empty.submit(w.jobs[0], w.curves[0]);
      const schedule::decision d = plan_.decide(empty, 0);
      if (d.starts.empty())
        at->second = d.waiting.empty() ? place::wait_reason::gpus : d.waiting.front().why;
    }
    return at->second;
  }

  void enter(const schedule::start& one, const schedule::state<Fabric>& s, double now_s) {
    for (const fabric::circuit_move& move : one.rewired)
      if (const auto at = book_.jobs.find(move.job.value); at != book_.jobs.end()) {
        at->second.where = *s.ledger.find(move.job);
        guarded(move.job.value, now_s, [&] { set_all(drivers_, m_, at->first, at->second); });
      }
    const schedule::active_job& j = s.jobs[s.slot_of(one.job)];
    book_.jobs[one.job.value] = {.where = one.where,
                                 .at = stage::placed,
                                 .since_s = now_s,
                                 .clock_ghz = one.point.config.clock_ghz,
                                 .pattern = j.spec->pattern};
  }

  /// Tells drivers, then Slurm, of a job that is placed. If one of them refuses, the job leaves the
  /// book: it is still held.
  void send(std::uint32_t id, const cluster_report& seen, double now_s) {
    booked_job& j = book_.jobs.at(id);
    std::string error;
    try {
      set_all(drivers_, m_, id, j);
    } catch (const std::exception& e) {
      error = e.what();
    }
    std::vector<std::string> hosts;  // in the order of ranks
    for (gpu_id g : j.where.gpus)
      if (std::find(hosts.begin(), hosts.end(), m_.host_of(g)) == hosts.end())
        hosts.push_back(m_.host_of(g));
    const job_report* r = seen.find(id);
    const int each = gpus_of_each_server(m_.servers, j.where);
    if (error.empty())
      error = slurm_.set_nodes(id, hosts, r ? gpus_to_tell(*r, hosts.size(), each) : each,
                               r ? r->gpu_type : std::string{}, r && r->restarts > 0);
    if (error.empty())
      tell(id, std::string("heddle: placed on ") + std::to_string(hosts.size()) + " nodes, " +
                   (j.where.owns_network()
                        ? std::to_string(j.where.links.size() + j.where.circuits.size()) +
                              " links of its own"
                        : "under one leaf"));
    if (error.empty()) error = slurm_.release(id);
    if (error.empty()) {
      j.at = stage::released;
      j.since_s = now_s;
      retry_at_.erase(id);
      return;
    }
    note(now_s, {{"event", "refused"}, {"job", id}, {"error", error}});
    retry_at_[id] = now_s + o_.retry_s;
    tell(id, "heddle: waits, refused: " + error);
    book_.jobs.erase(id);
    guarded(id, now_s, [&] { clear_all(drivers_, id); });
  }

  void explain(const cluster_report& seen, const findings& f, const schedule::decision& d,
               double now_s) {
    std::map<std::uint32_t, std::string> text;
    for (const schedule::blocked& b : d.waiting) text[b.job.value] = why_waiting(b);
    std::set<std::uint32_t> started;
    for (const schedule::start& one : d.starts) started.insert(one.job.value);
    const std::string behind = d.waiting.empty() ? std::string("heddle: waits for its turn")
                                                 : "heddle: waits behind job " +
                                                       std::to_string(d.waiting.front().job.value);
    for (std::uint32_t id : f.waiting) {
      if (started.contains(id)) continue;
      const job_report& r = *seen.find(id);
      if (const auto why = never_fits(r); why != place::wait_reason::none)
        text[id] = why_never(m_, gpus_to_give(r, m_), need_of_job(id), why);
      const auto refused = retry_at_.find(id);
      if (refused != retry_at_.end() && now_s < refused->second) continue;
      text.try_emplace(id, behind);
    }
    for (const left_job& j : f.left) text[j.job] = "heddle: " + j.why;
    std::erase_if(told_, [&](const auto& t) { return !seen.find(t.first); });
    for (const auto& [id, words] : text) {
      if (o_.dry_run)
        note(now_s, {{"event", "would_wait"}, {"job", id}, {"why", words}});
      else if (const job_report* r = seen.find(id);
               r->explanation != words && tell(id, words) && words != behind)
        note(now_s, {{"event", "waits"}, {"job", id}, {"why", words}});
    }
  }
  /// True if that is news.
  bool tell(std::uint32_t id, const std::string& words) {
    std::string& last = told_[id];
    const bool is_news = last != words && slurm_.explain(id, words).empty();
    if (is_news) last = words;
    return is_news;
  }

  template <class F>
  void guarded(std::uint32_t id, double now_s, F&& f) {
    try {
      f();
    } catch (const std::exception& e) {
      note(now_s, {{"event", "driver"}, {"job", id}, {"error", e.what()}});
    }
  }

  template <class F>
  void guard_network(double now_s, F&& f) {
    try {
      f();
      network_error_.clear();
    } catch (const std::exception& e) {
      if (network_error_ != e.what())
        note(now_s, {{"event", "network"}, {"error", network_error_ = e.what()}});
    }
  }
  /// What the network has lost, or somebody has changed, since the last look.
  void look_after_network(double now_s) {
    if constexpr (NetworkDriver<D>)
      guard_network(now_s, [&] {
        for (const auto& [id, why] : drivers_.look_after()) {
          note(now_s, {{"event", "not_isolated"}, {"job", id}, {"why", why}});
          tell(id, "heddle: no longer isolated, " + why);
        }
      });
  }

  void note_nodes(const findings& f, double now_s) {
    for (const lost_node& n : f.lost)
      if (!std::binary_search(bad_.begin(), bad_.end(), n.server))
        note(now_s, {{"event", "node_lost"}, {"node", m_.hosts[n.server.index()]}, {"why", n.why}});
    for (server_id s : bad_)
      if (!std::binary_search(f.unusable.begin(), f.unusable.end(), s))
        note(now_s, {{"event", "node_back"}, {"node", m_.hosts[s.index()]}});
    bad_ = f.unusable;
  }

  nlohmann::ordered_json with_id(std::uint32_t id, const booked_job& j,
                                 const char* event = nullptr) const {
    nlohmann::ordered_json line;
    if (event) line["event"] = event;
    line["job"] = id;
    line.update(detail::to_json(m_, j.where));
    if (!event) line["stage"] = name(j.at);
    return line;
  }
  void note(double now_s, nlohmann::ordered_json line) {
    line["time_s"] = now_s;
    store_.note(line.dump());
  }

  Slurm& slurm_;
  D& drivers_;
  S& store_;
  Plan& plan_;
  machine<Fabric> m_;
  pilot_options o_;
  model::catalogue known_;
  book book_;
  model::workload work_;  // of the present look
  std::map<std::pair<int, job_need>, place::wait_reason> never_;
  std::map<std::uint32_t, double> retry_at_;   // refused jobs
  std::map<std::uint32_t, std::string> told_;  // what each job was last told
  std::vector<server_id> bad_;
  std::string network_error_;  // what was said of it last
};

}  // namespace heddle::pilot
