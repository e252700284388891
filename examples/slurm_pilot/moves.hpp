// Elastic jobs that change their size: what is under way, and what it has cost.
//
//   told       the signal was sent, a checkpoint is awaited        it holds what it held
//   requeued   the checkpoint is there, Slurm was told to          the same, until Slurm holds it
//   held       it waits like any other, for its new size           nothing
//   sent       released on its new nodes                           what it was given
//   (over)     its report goes on                                  the pause is the price of the next move
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

namespace heddle::pilot {

/// An elastic job, as far as it is more than a rigid one.
struct elastic_record {
  int asked = 0;          ///< GPUs that its user asked for; Slurm knows the last size alone
  int to = -1;            ///< that it moves to, 0: off its GPUs; −1: it does not move
  bool told = false;      ///< the signal was sent
  bool requeued = false;  ///< its checkpoint was there, and Slurm was told to requeue it
  bool deaf = false;      ///< it let its notice pass: it stays as it is
  double told_s = 0;      ///< when it was to move
  double before_s = 0;    ///< its last checkpoint then
  double safe_s = 0;      ///< the checkpoint that it goes on from
  double held_s = 0, sent_s = 0;
  int moves = 0;

  [[nodiscard]] bool moving() const { return to >= 0; }
  /// It moves no more.
  void stay() {
    to = -1;
    told = requeued = false;
    told_s = before_s = safe_s = held_s = sent_s = 0;
  }
};

/// All elastic jobs by Slurm's id, and what moves have cost so far.
struct move_ledger {
  std::map<std::uint32_t, elastic_record> jobs{};
  int measured = 0;  ///< moves
  double pause_s =
      29;  ///< mean over the last of them; before the first what ElasticFlow measured (move_price.hpp)

  /// A move took so long, from its checkpoint to its first report, but for the time in the queue.
  void learn(double seconds) {
    constexpr int memory = 8;
    constexpr double most_s = 3600;  // jobs say when they go on: one alone does not make moves dear
    if (!(seconds >= 0)) return;
    seconds = std::min(seconds, most_s);
    ++measured;
    pause_s += (seconds - pause_s) / std::min(measured, memory);
  }
};

[[nodiscard]] inline nlohmann::ordered_json to_json(const move_ledger& l) {
  nlohmann::ordered_json jobs = nlohmann::json::array();
  for (const auto& [id, r] : l.jobs)
    jobs.push_back({{"id", id},
                    {"asked", r.asked},
                    {"to", r.to},
                    {"told", r.told},
                    {"requeued", r.requeued},
                    {"deaf", r.deaf},
                    {"told_s", r.told_s},
                    {"before_s", r.before_s},
                    {"safe_s", r.safe_s},
                    {"held_s", r.held_s},
                    {"sent_s", r.sent_s},
                    {"moves", r.moves}});
  return {{"measured", l.measured}, {"pause_s", l.pause_s}, {"jobs", jobs}};
}

/// What `to_json` wrote. \throws nlohmann::json::exception  for other values
[[nodiscard]] inline move_ledger moves_in(const nlohmann::json& doc) {
  move_ledger l;
  l.measured = std::max(0, doc.at("measured").get<int>());
  l.pause_s = std::clamp(doc.at("pause_s").get<double>(), 0.0, 1e6);
  for (const nlohmann::json& one : doc.at("jobs")) {
    elastic_record r;
    one.at("asked").get_to(r.asked);
    one.at("to").get_to(r.to);
    one.at("told").get_to(r.told);
    one.at("requeued").get_to(r.requeued);
    one.at("deaf").get_to(r.deaf);
    one.at("told_s").get_to(r.told_s);
    one.at("before_s").get_to(r.before_s);
    one.at("safe_s").get_to(r.safe_s);
    one.at("held_s").get_to(r.held_s);
    one.at("sent_s").get_to(r.sent_s);
    one.at("moves").get_to(r.moves);
    l.jobs.emplace(one.at("id").get<std::uint32_t>(), r);
  }
  return l;
}

}  // namespace heddle::pilot
