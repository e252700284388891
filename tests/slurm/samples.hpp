// What Slurm 22.05 printed, cut down to the keys that are read and a few others.
#pragma once

namespace heddle::test {

inline constexpr const char* topology_shown = R"(SwitchName=leaf0 Level=0 LinkSpeed=1 Nodes=n[0-3]
SwitchName=leaf1 Level=0 LinkSpeed=1 Nodes=n[4-7]
SwitchName=leaf2 Level=0 LinkSpeed=1 Nodes=n[8-11]
SwitchName=leaf3 Level=0 LinkSpeed=1 Nodes=n[12-15]
SwitchName=top Level=1 LinkSpeed=1 Nodes=n[0-15] Switches=leaf[0-3]
)";

// Of one moment, as the two ways to ask print it.
inline constexpr const char* squeue_json = R"json({"meta": {}, "errors": [], "jobs": [
{"job_id": 1, "job_state": "RUNNING", "state_reason": "None", "priority": 4294901759, "array_job_id": 0,
 "het_job_id": 0, "dependency": "", "comment": "collective=ring x | JobState=PENDING", "admin_comment": "heddle: y",
 "gres_detail": ["gpu:8(IDX:0-7)", "gpu:8(IDX:0-7)"], "node_count": 2, "tasks": 2, "nodes": "n[3,10]",
 "required_nodes": "n3,n10", "restart_cnt": 0, "submit_time": 1795380536, "time_limit": 525600,
 "tres_per_job": "gres:gpu:16", "tres_per_node": "gres:gpu:8", "tres_per_task": "", "partition": "main"},
{"job_id": 3, "job_state": "PENDING", "state_reason": "JobHeldUser", "priority": 0, "array_job_id": 0,
 "het_job_id": 0, "dependency": "", "comment": "", "admin_comment": "", "gres_detail": [], "node_count": 1,
 "tasks": 16, "nodes": "", "required_nodes": "", "restart_cnt": 0, "submit_time": 1795380540, "time_limit": null,
 "tres_per_job": "", "tres_per_node": "", "tres_per_task": "gres:gpu:1", "partition": "main"},
{"job_id": 2, "job_state": "PENDING", "state_reason": "BeginTime", "priority": 4294901758, "array_job_id": 0,
 "het_job_id": 0, "dependency": "", "comment": "", "admin_comment": "", "gres_detail": [], "node_count": 2,
 "tasks": 2, "nodes": "", "required_nodes": "n6,n7", "restart_cnt": 1, "submit_time": 1795380757, "time_limit": 5,
 "tres_per_job": "", "tres_per_node": "gres:gpu:4", "tres_per_task": "", "partition": "main"},
{"job_id": 4, "job_state": "PENDING", "state_reason": "JobHeldUser", "priority": 0, "array_job_id": 4,
 "het_job_id": 0, "dependency": "", "comment": "", "admin_comment": "", "gres_detail": [], "node_count": 1,
 "tasks": 1, "nodes": "", "required_nodes": "", "restart_cnt": 0, "submit_time": 1795380541, "time_limit": null,
 "tres_per_job": "gres:gpu:2", "tres_per_node": "", "tres_per_task": "", "partition": "main"},
{"job_id": 5, "job_state": "COMPLETING", "state_reason": "None", "priority": 4294901754, "array_job_id": 0,
 "het_job_id": 0, "dependency": "afterany:4_*(unfulfilled)", "comment": "", "admin_comment": "",
 "gres_detail": [""], "node_count": 1, "tasks": 2, "nodes": "n6", "required_nodes": "n6,n7", "restart_cnt": 0,
 "submit_time": 1795380620, "time_limit": 93, "tres_per_job": "gres:gpu:16", "tres_per_node": "gres:gpu:8",
 "tres_per_task": "", "partition": "main"},
{"job_id": 6, "job_state": "CANCELLED", "state_reason": "None", "priority": 0, "array_job_id": 0,
 "het_job_id": 0, "dependency": "", "comment": "", "admin_comment": "", "gres_detail": [], "node_count": 1,
 "tasks": 1, "nodes": "", "required_nodes": "", "restart_cnt": 0, "submit_time": 1795380620, "time_limit": null,
 "tres_per_job": "", "tres_per_node": "", "tres_per_task": "", "partition": "main"}]})json";

inline constexpr const char* squeue_text =
    "6|CANCELLED|0|1|1|N/A|N/A|N/A|UNLIMITED|1795380620|0|6|N/A|(null)|None|||main|(null)      \n"
    "5|COMPLETING|4294901754|1|2|gres:gpu:16|gres:gpu:8|N/A|1:33:00|1795380620|0|5|N/"
    "A|afterany:4_*(unfulfilled)|None|n[6-7]|n6|main|(null)\n"
    "4|PENDING|0|1|1|gres:gpu:2|N/A|N/A|UNLIMITED|1795380541|0|4_[1-3]|N/"
    "A|(null)|JobHeldUser|||main|(null)\n"
    "3|PENDING|0|1|16|N/A|N/A|gres:gpu:1|UNLIMITED|1795380540|0|3|N/"
    "A|(null)|JobHeldUser|||main|(null)    \n"
    "2|PENDING|4294901758|2|2|N/A|gres:gpu:4|N/A|5:00|1795380757|1|2|N/"
    "A|(null)|BeginTime|n[6-7]||main|(null)\n"
    "1|RUNNING|4294901759|2|2|gres:gpu:16|gres:gpu:8|N/A|365-00:00:00|1795380536|0|1|N/"
    "A|(null)|None|n[3,10]|n[3,10]|main|collective=ring x | JobState=PENDING   \n";

inline constexpr const char* sinfo_json = R"json({"meta": {}, "errors": [], "nodes": [
{"name": "n0", "gres": "gpu:8", "state": "idle", "state_flags": []},
{"name": "n1", "gres": "gpu:a100:8(S:0-1)", "state": "allocated", "state_flags": ["COMPLETING"]},
{"name": "n2", "gres": "gpu:8", "state": "idle", "state_flags": ["DRAIN"]},
{"name": "n3", "gres": "gpu:8", "state": "mixed", "state_flags": ["NOT_RESPONDING"]},
{"name": "n4", "gres": "gpu:8", "state": "down", "state_flags": ["NOT_RESPONDING"]},
{"name": "n5", "gres": "", "state": "mixed", "state_flags": []}]})json";

inline constexpr const char* sinfo_text = "n0|idle|gpu:8\nn0|idle|gpu:8\nn1|allocated+|gpu:a100:8("
                                          "S:0-1)\nn2|drained|gpu:8\nn3|mixed*|gpu:8\n"
                                          "n4|down*|gpu:8\nn5|mixed|(null)\n";

// The same notions in the form of later versions.
inline constexpr const char* squeue_json_later = R"json({"jobs": [
{"job_id": 1, "job_state": ["RUNNING"], "state_reason": "None",
 "priority": {"set": true, "infinite": false, "number": 4294901759},
 "array_job_id": {"set": true, "infinite": false, "number": 0},
 "het_job_id": {"set": true, "infinite": false, "number": 0}, "dependency": "", "comment": "", "admin_comment": "",
 "gres_detail": ["gpu:2(IDX:1,3)"], "node_count": {"set": true, "infinite": false, "number": 1},
 "tasks": {"set": true, "infinite": false, "number": 1}, "nodes": "n3", "required_nodes": "n3", "restart_cnt": 0,
 "submit_time": {"set": true, "infinite": false, "number": 1795380536},
 "time_limit": {"set": false, "infinite": true, "number": 0}, "tres_per_job": "gres/gpu:2",
 "tres_per_node": "gres/gpu:2", "tres_per_task": "", "partition": "main"}]})json";
inline constexpr const char* sinfo_json_later =
    R"json({"nodes": [{"name": "n0", "gres": "gpu:8", "state": ["IDLE"]}, {"name": "n1", "gres": "gpu:8", "state": ["IDLE", "DRAIN"]}]})json";

}  // namespace heddle::test
