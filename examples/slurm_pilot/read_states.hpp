// The words with which Slurm says in what state a job or a node is.
//
//   what is written                                    where
//   RUNNING                                            squeue -O State; JSON of 22.05 and 23.02
//   ["RUNNING", "CONFIGURING"]                         JSON from 23.11 on; joined by + here
//   idle, and flags ["DRAIN", "CLOUD"]                 JSON of nodes in 22.05
//   ["IDLE", "DRAIN"], idle+cloud+powered_down         JSON from 23.02 on; sinfo -O StateComplete
//   idle~, mixed-, down*                               sinfo -o %T
#pragma once

#include <array>
#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include "slurm_pilot/read_fields.hpp"
#include "slurm_pilot/slurm_report.hpp"

namespace heddle::pilot {

/// The phase of a job.
/// \param held       whether it would wait for somebody who releases it, were it pending
/// \param has_nodes  a job that has some, in a state that is not known here, is one that runs:
///                   what it holds is not given to another
[[nodiscard]] inline job_phase phase_of(std::string_view states, bool held,
                                        bool has_nodes = false) {
  static const std::set<std::string_view> active{"RUNNING",  "CONFIGURING", "SUSPENDED",
                                                 "STOPPED",  "SIGNALING",   "STAGE_OUT",
                                                 "RESIZING", "EXPEDITING",  "POWER_UP_NODE"};
  static const std::set<std::string_view> waits{"PENDING",      "REQUEUED",     "REQUEUE_FED",
                                                "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"};
  static const std::set<std::string_view> over{
      "COMPLETED", "CANCELLED",     "FAILED",  "TIMEOUT",       "NODE_FAIL",     "PREEMPTED",
      "BOOT_FAIL", "OUT_OF_MEMORY", "REVOKED", "LAUNCH_FAILED", "RECONFIG_FAIL", "DEADLINE"};
  bool is_active = false, is_waiting = false, is_over = false;
  for (std::string_view word : detail::split(states, '+')) {
    if (word == "COMPLETING") return job_phase::completing;
    is_active |= active.contains(word);
    is_waiting |= waits.contains(word);
    is_over |= over.contains(word);
  }
  // A flag may stand beside the state: RUNNING and REQUEUED, COMPLETED and STAGE_OUT.
  if (is_active && !(is_waiting && !has_nodes)) return job_phase::running;
  if (is_waiting) return held ? job_phase::held : job_phase::pending;
  if (is_over || !has_nodes) return job_phase::ended;
  return job_phase::running;
}

/// A job that Slurm holds after many restarts, or for a fault, stays held.
[[nodiscard]] inline bool is_plain_hold(std::string_view reason) {
  return reason == "JobHeldUser" || reason == "JobHeldAdmin" ||
         reason == "job requeued in held state" || reason == "None" || reason.empty();
}

/// What a node's state means for a new job.
struct node_state {
  bool usable = false;  ///< it is up, or Slurm would start it for a job
  bool full = false;    ///< all its processors are taken
};

namespace detail {

enum class node_word : unsigned char {
  lost,    ///< no new job: down, drained, failing, reserved, leaving, booting, unknown, future …
  open,    ///< takes jobs
  full,    ///< takes none at the moment
  mark,    ///< says something that does not matter here
  waking,  ///< is switched off or being started: Slurm waits for it, and silence is natural
  silent,  ///< does not respond
};

inline node_word meaning_of(std::string_view word) {
  struct row {
    std::string_view word;
    node_word is;
  };
  using enum node_word;
  // clang-format off
  static constexpr std::array rows{
      row{"idle", open}, row{"mixed", open}, row{"mix", open}, row{"completing", open},
      row{"comp", open}, row{"planned", open}, row{"plnd", open},
      row{"allocated", full}, row{"alloc", full},
      row{"powered_down", waking}, row{"powered_dn", waking}, row{"power", waking},
      row{"powering_up", waking}, row{"power_up", waking}, row{"pow_up", waking},
      row{"cloud", mark}, row{"dynamic_norm", mark}, row{"dynamic_future", mark},
      row{"dynamic", mark}, row{"resume", mark}, row{"resm", mark}, row{"undrain", mark},
      row{"reboot_canceled", mark}, row{"reboot_cancel", mark}, row{"cancel_reboot", mark},
      row{"canc_r", mark}, row{"not_responding", silent}, row{"no_respond", silent}};
  // clang-format on
  for (const row& r : rows)
    if (r.word == word) return r.is;
  return lost;
}

/// What a sign behind a state says (sinfo(1), NODE STATE CODES).
inline node_word meaning_of(char sign) {
  switch (sign) {
  case '~':  // switched off to save power
  case '#':  // being started or configured
    return node_word::waking;
  case '-':  // planned by the backfill scheduler for a job
  case '+':  // some of its jobs are completing
    return node_word::mark;
  case '*':
    return node_word::silent;
  default:  // ! % leaving, $ maintenance, @ ^ reboot
    return node_word::lost;
  }
}

}  // namespace detail

/// Reads the words of a node's state, in capitals or not, joined by `+`, each with signs behind it or
/// not. Words that are not known are taken for a loss: their nodes get nothing new.
[[nodiscard]] inline node_state read_node_state(std::string_view words) {
  bool lost = false, silent = false, waking = false, open = false, full = false;
  const auto hear = [&](detail::node_word w) {
    lost |= w == detail::node_word::lost;
    silent |= w == detail::node_word::silent;
    waking |= w == detail::node_word::waking;
    open |= w == detail::node_word::open;
    full |= w == detail::node_word::full;
  };
  const std::string all = detail::lower(words);
  for (std::string_view word : detail::split(all, '+')) {
    while (!word.empty() && !std::isalnum(static_cast<unsigned char>(word.back()))) {
      hear(detail::meaning_of(word.back()));
      word.remove_suffix(1);
    }
    if (!word.empty()) hear(detail::meaning_of(word));
  }
  return {!lost && (!silent || waking) && (open || full || waking), full};
}

}  // namespace heddle::pilot
