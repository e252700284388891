// Carries out the moves of elastic jobs, a step at each look (moves.hpp says which).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "slurm_pilot/book.hpp"
#include "slurm_pilot/hints.hpp"
#include "slurm_pilot/pilot_options.hpp"
#include "slurm_pilot/reports.hpp"
#include "slurm_pilot/slurm_control.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// An elastic job as it is now.
struct elastic_job {
  elastic_range range{};  ///< its user's number of GPUs is in it
  notice told_by{};
  double samples = 0;  ///< all that it has to do; 0: not told
  job_progress progress{};
};

/// Something that happened to an elastic job: for the log, and for its user if `words` are not empty.
struct move_note {
  std::uint32_t job = 0;
  nlohmann::ordered_json line{};
  std::string words{};
};

/// Moves elastic jobs: a job is told to save a checkpoint; once its report says that there is one, Slurm requeues and
/// holds it, and it waits for its new place like any job. One that says nothing within its notice stays where it
/// is, for good: nothing is taken from a job that may not be able to go on.
///
/// What is under way stands in the book. A pilot may end between any two steps: the next one goes on.
template <SlurmControl Slurm>
class mover {
 public:
  mover(Slurm& slurm, book& b, const pilot_options& o) : slurm_(slurm), book_(b), o_(o) {}

  /// Reads the jobs' reports, and goes on with the moves under way.
  [[nodiscard]] std::vector<move_note> look(const cluster_report& seen, double now_s) {
    std::vector<move_note> out;
    jobs_.clear();
    if (!o_.elastic) return out;
    for (const job_report& r : seen.jobs) {
      if (r.phase == job_phase::ended || !r.whole) continue;
      const job_hints h = read_hints(r.hints);
      if (!h.odd.empty() && r.phase != job_phase::completing)
        out.push_back({r.id, {{"event", "odd"}, {"why", h.odd}}, {}});
      if (!h.elastic || r.exclusive || r.gpus_each > 0 || r.gpus <= 0) continue;
      elastic_record& record = book_.moves.jobs[r.id];
      if (record.asked == 0) record.asked = r.gpus;
      elastic_job& j = jobs_[r.id];
      j.range = {std::min(h.elastic->least, record.asked), std::max(h.elastic->most, record.asked)};
      j.told_by = h.told_by.value_or(o_.told_by);
      j.samples = h.samples;
      if (!o_.reports.empty()) j.progress = read_report(o_.reports, r.id, r.user, now_s);
      if (!j.progress.odd.empty())
        out.push_back({r.id,
                       {{"event", "odd_report"}, {"why", j.progress.odd}},
                       "heddle: its report is not believed, " + j.progress.odd});
      go_on(r, record, j, now_s, out);
    }
    std::erase_if(book_.moves.jobs, [&](const auto& one) { return !jobs_.contains(one.first); });
    return out;
  }

  [[nodiscard]] const elastic_job* find(std::uint32_t id) const {
    const auto at = jobs_.find(id);
    return at == jobs_.end() ? nullptr : &at->second;
  }
  [[nodiscard]] const elastic_record& record(std::uint32_t id) const {
    return book_.moves.jobs.at(id);
  }
  /// Whether a job that runs may be told to move: it reports, it has listened so far, and has been where it is
  /// for a while.
  [[nodiscard]] bool may_move(std::uint32_t id, double now_s) const {
    const elastic_job* const j = find(id);
    const auto at = book_.jobs.find(id);
    if (!j || at == book_.jobs.end() || at->second.at != stage::running || o_.dry_run) return false;
    const elastic_record& r = record(id);
    const report_line* const last = j->progress.last();
    return !r.moving() && !r.deaf && last && last->time_s >= now_s - o_.stale_s &&
           last->time_s >= at->second.since_s - o_.stale_s &&
           now_s - at->second.since_s >= o_.settle_s;
  }

  /// A job is to have `gpus`, 0: none. It is told once that is in the book. Precondition: it may move.
  void begin(std::uint32_t id, int gpus, double now_s) {
    elastic_record& r = book_.moves.jobs.at(id);
    r.stay();
    r.to = gpus;
    r.told_s = now_s;
    const report_line* const safe = jobs_.at(id).progress.last_safe();
    r.before_s = safe ? safe->time_s : 0;
  }
  /// Tells those that were not told yet. \returns  what happened
  [[nodiscard]] std::vector<move_note> tell_all() {
    std::vector<move_note> out;
    for (auto& [id, r] : book_.moves.jobs) {
      if (!r.moving() || r.told) continue;
      const auto at = book_.jobs.find(id);
      const elastic_job* const j = find(id);
      if (!j || at == book_.jobs.end() || at->second.at != stage::running) continue;
      const std::string error = slurm_.signal(id, j->told_by.signal);
      nlohmann::ordered_json line{{"event", "told"}, {"to", r.to}, {"signal", j->told_by.signal}};
      if (error.empty())
        r.told = true;
      else
        r.stay(), line["error"] = error;
      out.push_back({id, std::move(line), {}});
    }
    return out;
  }
  /// A job was released on its nodes.
  void sent(std::uint32_t id, double now_s) {
    if (const auto at = book_.moves.jobs.find(id);
        at != book_.moves.jobs.end() && at->second.held_s > 0)
      at->second.sent_s = now_s;
  }

 private:
  void go_on(const job_report& r, elastic_record& record, const elastic_job& j, double now_s,
             std::vector<move_note>& out) {
    if (!record.moving()) return;
    const auto at = book_.jobs.find(r.id);
    const bool booked = at != book_.jobs.end();
    const bool runs = booked && at->second.at == stage::running && r.phase == job_phase::running;
    if (record.sent_s > 0) {
      if (!booked) record.sent_s = 0;  // it was taken back, and waits again
      if (const report_line* const first = runs ? j.progress.first_from(record.sent_s) : nullptr) {
        const double pause_s =
            record.held_s - record.safe_s + std::min(first->time_s, now_s) - record.sent_s;
        book_.moves.learn(pause_s);
        ++record.moves;
        record.stay();
        out.push_back({r.id,
                       {{"event", "moved"},
                        {"gpus", at->second.where.gpus.size()},
                        {"pause_s", pause_s},
                        {"price_s", book_.moves.pause_s}},
                       {}});
      }
      return;
    }
    if (!booked) {
      if (r.phase != job_phase::held) return;
      if (!record.requeued)
        record.stay();  // by somebody else, or a node failed
      else if (record.held_s == 0)
        record.held_s = now_s;
      return;
    }
    if (!runs || !record.told || record.requeued) return;
    const report_line* const safe = j.progress.last_safe();
    if (safe && safe->time_s > record.before_s) {
      if (const std::string error = slurm_.requeue_held(r.id); error.empty()) {
        record.requeued = true;
        // The job says when; more than it was told and less than now it cannot be.
        record.safe_s = std::clamp(safe->time_s, record.told_s, now_s);
        out.push_back({r.id, {{"event", "saved"}, {"samples", safe->samples}}, {}});
        return;
      } else {
        out.push_back({r.id, {{"event", "refused"}, {"error", error}}, {}});
      }
    }
    if (now_s > record.told_s + j.told_by.seconds + o_.grace_s) {
      record.stay();
      record.deaf = true;
      out.push_back(
          {r.id,
           {{"event", "deaf"}},
           "heddle: it saved no checkpoint within its notice, and is not moved any more"});
    }
  }

  Slurm& slurm_;
  book& book_;
  const pilot_options& o_;
  std::map<std::uint32_t, elastic_job> jobs_;  // of this look
};

}  // namespace heddle::pilot
