// The formats of published traces, as tables of their columns.
#pragma once

#include <string_view>

#include <heddle/trace/csv.hpp>

namespace heddle::trace {

/// The columns of a published format. Empty: the format has no such column; several names, apart by
/// a blank: the first that the file has.
struct trace_format {
  std::string_view id, submit, gpus;      ///< required
  std::string_view start, end, duration;  ///< start and end, or the duration in s
  std::string_view elapsed;  ///< the duration like 1-02:03:04, where `duration` is not told
  std::string_view state, vc, model;
  std::string_view deadline;   ///< on the clock of `submit`
  std::string_view share;      ///< part of each GPU, in thousandths
  std::string_view instances;  ///< times so many GPUs
  double gpus_unit = 1;        ///< of `gpus`: 100 for per cent
  bool duration_first = true;  ///< over end − start where a row has both
  bool tres = false;           ///< `gpus` is a list like cpu=8,gres/gpu=4
  std::string_view asked;      ///< such a list too, of jobs whose `gpus` is empty
  std::string_view gres,
      gres_by_node;  ///< lists like gpu:a100:4, where `gpus` has none; times `nodes`
  std::string_view nodes;
  bool steps = false;  ///< ids with a dot are of steps
  bool gangs = false;  ///< ids like 100+0, 100+1 are of parts of a job that start together
  bool parts = false;  ///< a job has several rows: GPUs add up, from first `start` to last `end`
  csv_dialect dialect = {};
};

/// Reference: github.com/S-Lab-System-Group/HeliosData.
inline constexpr trace_format helios{.id = "job_id",
                                     .submit = "submit_time",
                                     .gpus = "gpu_num",
                                     .start = "start_time",
                                     .end = "end_time",
                                     .duration = "duration",
                                     .state = "state",
                                     .vc = "vc"};

/// The duration of Kalos' jobs includes their time in the queue in the examples of its description,
/// against its text; so end − start goes first. Reference: github.com/InternLM/AcmeTrace.
inline constexpr trace_format acme{.id = "job_id",
                                   .submit = "submit_time",
                                   .gpus = "gpu_num",
                                   .start = "start_time",
                                   .end = "end_time",
                                   .duration = "duration",
                                   .state = "state",
                                   .duration_first = false};

/// Reference: github.com/microsoft/elasticflow-traces.
inline constexpr trace_format itp{.id = "job_id",
                                  .submit = "submission_time",
                                  .gpus = "num_gpu",
                                  .duration = "duration",
                                  .model = "model_name",
                                  .deadline = "deadline"};

/// Reference: github.com/alibaba/clusterdata, cluster-trace-gpu-v2023.
inline constexpr trace_format alibaba_2023{.id = "name",
                                           .submit = "creation_time",
                                           .gpus = "num_gpu",
                                           .start = "scheduled_time",
                                           .end = "deletion_time",
                                           .state = "pod_phase",
                                           .share = "gpu_milli"};

/// The table of tasks; its submissions are those of the first task (see `read_alibaba_2020`).
/// Reference: github.com/alibaba/clusterdata, cluster-trace-gpu-v2020.
inline constexpr trace_format alibaba_2020{
    .id = "job_name",
    .submit = "start_time",
    .gpus = "plan_gpu",
    .start = "start_time",
    .end = "end_time",
    .state = "status",
    .instances = "inst_num",
    .gpus_unit = 100,
    .parts = true,
    .dialect = {.columns =
                    "job_name,task_name,inst_num,status,start_time,end_time,plan_cpu,plan_mem,"
                    "plan_gpu,gpu_type"}};

/// Slurm's accounting, for instance of
///
///     sacct -a -X -P -S 2024-01-01 -o JobID,Submit,Start,End,ElapsedRaw,AllocTRES,State,Account
///
/// Columns in any order, apart by any of `|;,` and tabs, with or without one at the end of a line, or of
/// fixed widths. Components of a heterogeneous job (100+0, 100+1) are one job, since they start as one.
/// Reference: slurm.schedmd.com/sacct.html, slurm.schedmd.com/heterogeneous_jobs.html.
inline constexpr trace_format sacct{
    .id = "JobID JobIDRaw",
    .submit = "Submit Eligible Start",
    .gpus = "AllocTRES ReqTRES AllocGRES ReqGRES",
    .start = "Start",
    .end = "End",
    .duration = "ElapsedRaw",
    .elapsed = "Elapsed",
    .state = "State",
    .vc = "Account Partition",
    .tres = true,
    .asked = "ReqTRES",
    .gres = "AllocGRES",
    .gres_by_node = "ReqGRES",
    .nodes = "AllocNodes NNodes ReqNodes",
    .steps = true,
    .gangs = true,
    .dialect = {.separator = '|',
                .quotes = false,
                .separators = "|;\t,^~#@",
                .any_case = true,
                .lists = true,
                .free_text = "JobName Comment AdminComment SystemComment SubmitLine WorkDir"}};

}  // namespace heddle::trace
