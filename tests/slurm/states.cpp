#include "slurm_pilot/read_states.hpp"

#include <initializer_list>

#include <doctest/doctest.h>

namespace {
using namespace heddle::pilot;
}  // namespace

TEST_CASE("a node's state says whether it takes jobs, is woken for one, is full or lost") {
  const auto all = [](std::initializer_list<const char*> states, bool usable, bool full) {
    for (const char* state : states) {
      CAPTURE(state);
      CHECK(read_node_state(state).usable == usable);
      CHECK(read_node_state(state).full == full);
    }
  };
  all({"idle",
       "mixed",
       "MIX",
       "completing",
       "planned",
       "IDLE+PLANNED",
       "mixed-",
       "idle~",
       "IDLE+CLOUD+POWERED_DOWN",
       "idle#",
       "idle+dynamic_norm",
       "idle+cloud+power",
       "MIXED+CLOUD+NOT_RESPONDING+POWERING_UP",
       "idle+dynamic_future",
       "POWERED_DOWN",
       "powering_up",
       "IDLE+POWER_UP",
       "mixed+completing",
       "IDLE+RESUME",
       "IDLE+REBOOT_CANCELED"},
      true, false);
  all({"allocated", "alloc", "allocated+", "ALLOCATED+COMPLETING", "allocated#"}, true, true);
  all({"down",
       "down*",
       "DOWN+NOT_RESPONDING",
       "idle+drain",
       "drained",
       "draining",
       "drng",
       "drained~",
       "MIXED+DRAIN",
       "fail",
       "failing",
       "IDLE+FAIL",
       "idle%",
       "idle!",
       "IDLE+CLOUD+POWERING_DOWN",
       "IDLE+POWER_DOWN",
       "MIXED+POWER_DRAIN",
       "idle*",
       "mixed*",
       "IDLE+NOT_RESPONDING",
       "maint",
       "idle$",
       "IDLE+MAINTENANCE",
       "reserved",
       "IDLE+RESERVED",
       "idle@",
       "mixed^",
       "reboot_issued",
       "IDLE+REBOOT_REQUESTED",
       "DOWN+REBOOT_ISSUED",
       "unknown",
       "future",
       "FUTURE",
       "inval",
       "IDLE+INVALID_REG",
       "blocked",
       "IDLE+BLOCKED",
       "perfctrs",
       "npc",
       "error",
       "DOWN+POWERED_DOWN",
       "down~",
       "IDLE+EXTERNAL",
       "?",
       "",
       "+",
       "cloud",
       "IDLE+SOMETHING_NEW",
       "idle&"},
      false, false);
}

TEST_CASE("a job's state says whether it holds nodes, in one word or several") {
  const auto all = [](std::initializer_list<const char*> states, bool has_nodes, job_phase phase) {
    for (const char* state : states) {
      CAPTURE(state);
      CHECK(phase_of(state, true, has_nodes) == phase);
    }
  };
  all({"RUNNING", "CONFIGURING", "RUNNING+CONFIGURING", "SUSPENDED", "STOPPED",
       "RUNNING+POWER_UP_NODE", "RUNNING+SIGNALING", "RESIZING", "COMPLETED+STAGE_OUT",
       "RUNNING+REQUEUED", "SOMETHING_NEW"},
      true, job_phase::running);
  all({"COMPLETING", "COMPLETED+COMPLETING", "CANCELLED+COMPLETING", "PREEMPTED+COMPLETING",
       "PENDING+COMPLETING"},
      true, job_phase::completing);
  all({"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "PENDING+REQUEUE_FED",
       "RESV_DEL_HOLD"},
      false, job_phase::held);
  all({"COMPLETED", "PREEMPTED", "CANCELLED", "NODE_FAIL", "OUT_OF_MEMORY", "REVOKED", "TIMEOUT",
       "COMPLETED+LAUNCH_FAILED"},
      true, job_phase::ended);
  CHECK(phase_of("SOMETHING_NEW", true, false) == job_phase::ended);
  CHECK(phase_of("PENDING", false) == job_phase::pending);
}
