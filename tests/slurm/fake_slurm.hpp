// A Slurm in memory: jobs that are held, released, started on the nodes that they require, ended,
// and started again after a node failed, as slurmctld does it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "slurm_pilot/slurm_control.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::test {

/// Thrown in the middle of an order, before or after it took effect: the pilot is gone.
struct pilot_died {};

class fake_slurm {
 public:
  struct run {
    std::vector<std::string> nodes;
    bool completed = false;
  };
  struct node {
    int gpus = 8;
    bool up = true, drained = false;
    std::vector<bool> busy = {};
  };
  struct job {
    pilot::job_report report;
    int run_for = 3;  ///< ticks
    int left = 0;
    int gpus_per_node = 0;   ///< of set_nodes
    bool requeues = false;   ///< completing, and then pending again
    bool then_held = false;  ///< or held
    std::vector<std::string> signals = {};
    std::vector<run> runs = {};
  };

  explicit fake_slurm(std::uint32_t seed) : dice_(seed) {}

  void add_node(const std::string& name, int gpus = 8) {
    nodes_[name] = {.gpus = gpus, .busy = std::vector<bool>(static_cast<std::size_t>(gpus), false)};
  }
  void submit(std::uint32_t id, int gpus, int run_for) {
    job j;
    j.report = {.id = id,
                .phase = pilot::job_phase::held,
                .reason = "JobHeldUser",
                .gpus = gpus,
                .submit_s = static_cast<double>(id),
                .partition = "main"};
    j.run_for = run_for;
    jobs_[id] = std::move(j);
  }
  /// A job that somebody else starts, on nodes of Slurm's choice.
  void start_foreign(std::uint32_t id, int nodes, int gpus_per_node, int run_for) {
    submit(id, nodes * gpus_per_node, run_for);
    job& j = jobs_[id];
    j.gpus_per_node = gpus_per_node;
    for (auto& [name, n] : nodes_)
      if (static_cast<int>(j.report.required.size()) < nodes && fits(n, gpus_per_node))
        j.report.required.push_back(name);
    j.report.phase = pilot::job_phase::pending;
    if (static_cast<int>(j.report.required.size()) < nodes) jobs_.erase(id);
  }
  void cancel(std::uint32_t id) {
    job& j = jobs_.at(id);
    if (!j.report.nodes.empty()) free_gpus(j);
    j.report.phase = pilot::job_phase::ended;
    j.report.nodes.clear();
  }
  void fail(const std::string& name) {
    nodes_.at(name).up = false;
    for (auto& [id, j] : jobs_)
      if (j.report.phase == pilot::job_phase::running &&
          std::find(j.report.nodes.begin(), j.report.nodes.end(), name) != j.report.nodes.end()) {
        j.report.phase = pilot::job_phase::completing;
        j.requeues = true;
        j.left = 1;
        std::erase(j.report.nodes, name);
        j.report.gpu_numbers.clear();
      }
  }
  void drain(const std::string& name, bool drained) { nodes_.at(name).drained = drained; }
  void repair(const std::string& name) { nodes_.at(name).up = true; }

  /// Time goes on by one: jobs end, and those that may start do.
  void tick() {
    for (auto& [id, j] : jobs_) {
      if (j.report.phase == pilot::job_phase::completing && --j.left <= 0) {
        free_gpus(j);
        j.report.nodes.clear();
        j.report.gpu_numbers.clear();
        j.report.phase = j.then_held  ? pilot::job_phase::held
                         : j.requeues ? pilot::job_phase::pending
                                      : pilot::job_phase::ended;
        j.report.restarts += j.requeues;
        j.report.reason = j.then_held ? "job requeued in held state" : "BeginTime";
        not_before_[id] = j.requeues ? 1'000'000 : 0;
        j.requeues = j.then_held = false;
      } else if (j.report.phase == pilot::job_phase::running && --j.left <= 0) {
        j.runs.back().completed = true;
        j.report.phase = pilot::job_phase::completing;
        j.left = static_cast<int>(dice_() % 3);
      }
    }
    for (auto& [id, j] : jobs_)
      if (j.report.phase == pilot::job_phase::pending && not_before_[id] == 0) try_to_start(j);
  }

  [[nodiscard]] const std::map<std::uint32_t, job>& jobs() const { return jobs_; }
  [[nodiscard]] job& at(std::uint32_t id) { return jobs_.at(id); }
  [[nodiscard]] bool all_ended() const {
    return std::all_of(jobs_.begin(), jobs_.end(), [](const auto& j) {
      return j.second.report.phase == pilot::job_phase::ended;
    });
  }

  // --- what the pilot sees and says --------------------------------------------------------------

  double death_rate = 0;    ///< of an order: the pilot dies before it or after it
  double refusal_rate = 0;  ///< of set_nodes

  pilot::cluster_report look() {
    pilot::cluster_report r;
    for (const auto& [name, n] : nodes_) r.nodes.push_back({name, n.gpus, n.up && !n.drained});
    for (const auto& [id, j] : jobs_) r.jobs.push_back(j.report);
    return r;
  }
  std::string set_nodes(std::uint32_t id, const pilot::node_order& o) {
    may_die();
    job& j = jobs_.at(id);
    if (chance(refusal_rate)) return "Invalid generic resource (gres) specification";
    if (static_cast<int>(o.hosts.size()) * o.gpus_per_node != (o.gpus > 0 ? o.gpus : j.report.gpus))
      return "wrong number of GPUs";
    if (o.gpus > 0) j.report.gpus = o.gpus;
    j.report.required = o.hosts;
    j.gpus_per_node = o.gpus_per_node;
    if (o.at_once) not_before_[id] = 0;
    may_die();
    return {};
  }
  /// Its program hears it at the next tick.
  std::string signal(std::uint32_t id, const std::string& name) {
    may_die();
    job& j = jobs_.at(id);
    if (j.report.phase != pilot::job_phase::running) return "Invalid job id specified";
    j.signals.push_back(name);
    may_die();
    return {};
  }
  std::string requeue_held(std::uint32_t id) {
    may_die();
    job& j = jobs_.at(id);
    if (j.report.phase != pilot::job_phase::running) return "Job is not running";
    j.report.phase = pilot::job_phase::completing;
    j.requeues = j.then_held = true;
    j.left = 1 + static_cast<int>(dice_() % 3);
    may_die();
    return {};
  }
  std::string release(std::uint32_t id) {
    may_die();
    job& j = jobs_.at(id);
    if (j.report.phase == pilot::job_phase::held) j.report.phase = pilot::job_phase::pending;
    may_die();
    return {};
  }
  std::string hold(std::uint32_t id) {
    may_die();
    job& j = jobs_.at(id);
    if (j.report.phase == pilot::job_phase::pending)
      j.report.phase = pilot::job_phase::held;
    else if (j.report.phase != pilot::job_phase::held)
      return "Job is no longer pending execution";
    may_die();
    return {};
  }
  std::string explain(std::uint32_t id, const std::string& text) {
    may_die();
    jobs_.at(id).report.explanation = text;
    return {};
  }
  void may_die() {
    if (steps_ == 0) {
      steps_ = -1;
      event_();
    }
    if (steps_ > 0) --steps_;
    if (chance(death_rate)) throw pilot_died{};
  }
  /// Something that happens after so many steps of the pilot: it may throw `pilot_died`.
  void at_step(int steps, std::function<void()> event) {
    steps_ = steps;
    event_ = std::move(event);
  }

 private:
  bool chance(double p) { return static_cast<double>(dice_() % 100000) < p * 100000; }

  static bool fits(const node& n, int gpus) {
    return n.up && !n.drained && std::count(n.busy.begin(), n.busy.end(), false) >= gpus;
  }
  void try_to_start(job& j) {
    if (j.report.required.empty() || j.gpus_per_node == 0) return;
    for (const std::string& name : j.report.required)
      if (!fits(nodes_.at(name), j.gpus_per_node)) return;
    // Slurm takes the GPUs of a node as it likes.
    for (const std::string& name : j.report.required) {
      auto& busy = nodes_.at(name).busy;
      std::vector<int> free, mine;
      for (std::size_t g = 0; g < busy.size(); ++g)
        if (!busy[g]) free.push_back(static_cast<int>(g));
      std::shuffle(free.begin(), free.end(), dice_);
      for (int k = 0; k < j.gpus_per_node; ++k) mine.push_back(free[static_cast<std::size_t>(k)]);
      std::sort(mine.begin(), mine.end());
      for (int g : mine) busy[static_cast<std::size_t>(g)] = true;
      j.report.gpu_numbers.push_back(mine);
      held_gpus_[j.report.id].emplace_back(name, mine);
    }
    j.report.nodes = j.report.required;
    j.report.phase = pilot::job_phase::running;
    j.left = j.run_for;
    j.runs.push_back({j.report.nodes});
  }
  void free_gpus(job& j) {
    for (const auto& [name, mine] : held_gpus_[j.report.id])
      for (int g : mine) nodes_.at(name).busy[static_cast<std::size_t>(g)] = false;
    held_gpus_.erase(j.report.id);
  }

  std::mt19937 dice_;
  int steps_ = -1;
  std::function<void()> event_;
  std::map<std::string, node> nodes_;
  std::map<std::uint32_t, job> jobs_;
  std::map<std::uint32_t, int> not_before_;
  std::map<std::uint32_t, std::vector<std::pair<std::string, std::vector<int>>>> held_gpus_;
};

/// Drivers that remember what is set, and die like everything else.
struct fake_drivers {
  std::map<std::uint32_t, std::vector<std::string>> hosts = {};
  std::set<std::uint32_t> routed = {}, clocked = {}, joined = {};
  fake_slurm* fate = nullptr;

  void set_ranks(std::uint32_t job, auto ranks) {
    if (fate) fate->may_die();
    hosts[job].clear();
    for (const auto& r : ranks) hosts[job].push_back(r.host);
  }
  void clear_ranks(std::uint32_t job) { hosts.erase(job); }
  void set_routes(std::uint32_t job, auto table) {
    if (!table.empty()) routed.insert(job);
  }
  void clear_routes(std::uint32_t job) { routed.erase(job); }
  void set_clocks(std::uint32_t job, auto clocks) {
    if (!clocks.empty()) clocked.insert(job);
  }
  void clear_clocks(std::uint32_t job) { clocked.erase(job); }
  void set_circuits(std::uint32_t job, auto circuits) {
    if (!circuits.empty()) joined.insert(job);
  }
  void clear_circuits(std::uint32_t job) { joined.erase(job); }
};

/// A store in memory that outlives pilots.
struct fake_store {
  std::string saved = {};
  std::vector<std::string> notes = {};
  fake_slurm* fate = nullptr;

  void save(const std::string& text) {
    if (fate) fate->may_die();
    saved = text;
    if (fate) fate->may_die();
  }
  void note(const std::string& line) { notes.push_back(line); }
};

/// One look of the pilot in `one`, which `start` puts there if there is none. One that dies is gone, and its
/// successor has the next look, with the book that was saved.
template <class Pilot, class Start>
void look_once(std::optional<Pilot>& one, const fake_store& store, double& now_s, int& deaths,
               Start&& start) {
  try {
    if (!one) {
      start();
      one->open(store.saved.empty() ? std::nullopt : std::optional(store.saved), "book", now_s);
    }
    one->look(now_s);
  } catch (const pilot_died&) {
    ++deaths;
    one.reset();
  }
  now_s += 5;
}

}  // namespace heddle::test
