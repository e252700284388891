// Reading what Slurm's commands print: pure functions from text to reports.
//
//   command                    with the JSON plugin      without
//   squeue                     read_jobs_json            read_jobs_text (job_fields)
//   sinfo                      read_nodes_json           read_nodes_text (node_fields)
//   scontrol show topology     fabric::read_topology_conf
//
// JSON of Slurm 22.05 to 24.11 is read. Without JSON the numbers of a job's GPUs are not told.
#pragma once

#include "slurm_pilot/read_jobs.hpp"
#include "slurm_pilot/read_nodes.hpp"
