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
#include "slurm_pilot/mover.hpp"
#include "slurm_pilot/pilot_options.hpp"
#include "slurm_pilot/planning.hpp"
#include "slurm_pilot/reconcile.hpp"
#include "slurm_pilot/slurm_control.hpp"
#include "slurm_pilot/store.hpp"
#include "slurm_pilot/words.hpp"

namespace heddle::pilot {

/// One cluster under one scheduler. Every `look` is a whole round: read Slurm, bring the book into
/// line, decide, write the book, tell drivers and Slurm. It can be stopped between any two steps:
/// the next pilot finds what was not said and says it.
///
/// \tparam Plan  a schedule::scheduler with a placement that Slurm can be told (even_servers) and an
///               allocation that leaves running jobs alone, or is elastic (pilot_options::elastic)
template <SlurmControl Slurm, Drivers D, Store S, class Plan, class Fabric>
class control_loop {
 public:
  control_loop(Slurm& slurm, D& drivers, S& store, Plan& plan, machine<Fabric> m,
               pilot_options o = {})
      : slurm_(slurm), drivers_(drivers), store_(store), plan_(plan), m_(std::move(m)),
        o_(std::move(o)) {}
  control_loop(const control_loop&) = delete;
  control_loop& operator=(const control_loop&) = delete;

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
    // What it did is saved with the rest: a step that was done and is not in the book does no harm.
    if (!o_.dry_run) say(moves_.look(seen, now_s), now_s);

    lost_links lost;
    if constexpr (NetworkDriver<D>) lost = drivers_.lost();
    schedule::state<Fabric> s =
        planner_.state_of(book_, seen, f, now_s, lost, [&](std::uint32_t id) {
          const auto refused = retry_at_.find(id);
          return refused != retry_at_.end() && now_s < refused->second;
        });
    const fabric::ledger<Fabric> before_it = s.ledger;
    schedule::decision d = plan_.decide(s, now_s);
    if (o_.elastic) change_running(before_it, d, now_s);
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
    say(moves_.tell_all(), now_s);
    for (const schedule::start& one : d.starts)
      note(now_s, with_id(one.job.value, book_.jobs.at(one.job.value), "placed"));
    look_after_network(now_s);
    for (std::uint32_t id : f.renumbered)
      guarded(id, now_s, [&] { set_all(drivers_, m_, id, book_.jobs.at(id)); });
    std::vector<std::uint32_t> to_send = f.unsent;
    for (const schedule::start& one : d.starts) to_send.push_back(one.job.value);
    for (std::uint32_t id : to_send) send(id, seen, now_s);
    if (!to_send.empty() || o_.elastic) store_.save(write_book(book_, m_));
    explain(seen, f, d, now_s);
  }

 private:
  /// What an elastic allocation wants of running jobs: moves are begun, clocks set at once. What cannot be
  /// had before they have given something back does not start yet.
  void change_running(fabric::ledger<Fabric> free, schedule::decision& d, double now_s) {
    bool waits = false;
    const auto begin = [&](job_id id, int gpus) {
      waits = true;
      if (!moves_.may_move(id.value, now_s)) return;
      moves_.begin(id.value, gpus, now_s);
      note(now_s, {{"event", "moves"}, {"job", id.value}, {"to", gpus}});
    };
    for (const job_id id : d.stops) begin(id, 0);
    for (const schedule::resize& one : d.resizes) {
      booked_job& j = book_.jobs.at(one.job.value);
      if (one.moved) {
        begin(one.job, one.point.config.gpus);
      } else if (j.at == stage::running && !o_.dry_run) {
        j.clock_ghz = one.point.config.clock_ghz;
        note(now_s, {{"event", "clock"}, {"job", one.job.value}, {"clock_ghz", j.clock_ghz}});
        guarded(one.job.value, now_s, [&] { set_all(drivers_, m_, one.job.value, j); });
      }
    }
    if (!waits) return;
    std::erase_if(d.starts, [&](const schedule::start& one) {
      if (one.rewired.empty() &&
          free.reserve(one.job, one.where) == fabric::reserve_status::reserved)
        return false;
      d.waiting.push_back({one.job, place::wait_reason::gpus, false});
      return true;
    });
  }

  void set_needs(const cluster_report& seen, const findings& f) {
    o_.needs->clear();
    for (std::uint32_t id : f.waiting)
      if (job_need need = need_of(*seen.find(id), seen.nodes, m_); need != job_need{})
        o_.needs->emplace(id, std::move(need));
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
  void say(const std::vector<move_note>& notes, double now_s) {
    for (const move_note& n : notes) {
      if (n.line.at("event").get<std::string>().starts_with("odd")) {  // at each look, said once
        std::string& last = odd_[n.job];
        if (last == n.line.at("why")) continue;
        last = n.line.at("why");
      }
      nlohmann::ordered_json line = n.line;
      line["job"] = n.job;
      note(now_s, std::move(line));
      if (!n.words.empty()) tell(n.job, n.words);
    }
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
    if (error.empty()) {
      node_order order{.hosts = hosts, .gpus_per_node = each};
      if (r) {
        order.gpus_per_node = gpus_to_tell(*r, hosts.size(), each);
        order.type = r->gpu_type;
        order.at_once = r->restarts > 0;
        const auto gpus = static_cast<int>(j.where.gpus.size());
        if (moves_.find(id) && gpus != r->gpus) order.gpus = gpus;
      }
      error = slurm_.set_nodes(id, order);
    }
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
      moves_.sent(id, now_s);
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
      if (const auto why = planner_.never_fits(r); why != place::wait_reason::none)
        text[id] = why_never(m_, gpus_to_give(r, m_), planner_.need_of_job(id), why);
      const auto refused = retry_at_.find(id);
      if (refused != retry_at_.end() && now_s < refused->second) continue;
      text.try_emplace(id, behind);
    }
    for (const left_job& j : f.left) text[j.job] = "heddle: " + j.why;
    for (auto* all : {&told_, &odd_})
      std::erase_if(*all, [&](const auto& t) { return !seen.find(t.first); });
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
    // What users say may be no UTF-8.
    store_.note(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }

  Slurm& slurm_;
  D& drivers_;
  S& store_;
  Plan& plan_;
  machine<Fabric> m_;
  pilot_options o_;
  book book_;
  mover<Slurm> moves_{slurm_, book_, o_};
  planner<Plan, Fabric, mover<Slurm>> planner_{plan_, m_, o_, moves_};
  std::map<std::uint32_t, double> retry_at_;   // refused jobs
  std::map<std::uint32_t, std::string> told_;  // what each job was last told
  std::map<std::uint32_t, std::string> odd_;   // what was last found odd of it
  std::vector<server_id> bad_;
  std::string network_error_;  // what was said of it last
};

}  // namespace heddle::pilot
