// Short hand-written inputs of every reader, for its tests and as the seeds of its fuzzer.
#pragma once

#include <string_view>

namespace heddle::test {

inline constexpr std::string_view jobs_csv_sample =
    "job_id,submit_s,gpus,duration_s,model,local_batch,collective,comm_share,priority,weight,"
    "deadline_s,min_gpus,max_gpus,status,vc\n"
    "7,1.5,4,100,bert,32,ring,0.25,-3,2.5,5000,2,16,1,\"team, a\"\n"
    "3,0,8,1e3,,,none,0,0,1,,1,,-1,\n";

inline constexpr std::string_view helios_sample =
    "job_id,user,vc,gpu_num,cpu_num,node_num,state,submit_time,start_time,end_time,duration,queue\n"
    "101,u1,vcA,8,48,1,COMPLETED,2020-04-02 10:00:30,2020-04-02 10:01:00,2020-04-02 "
    "11:01:00,3600,30\n"
    "102,u2,vcB,1,6,1,CANCELLED,2020-04-02 10:00:00,2020-04-02 10:00:00,2020-04-02 10:00:45,45,0\n"
    "103,u1,vcA,0,4,1,COMPLETED,2020-04-02 10:05:00,2020-04-02 10:05:01,2020-04-02 10:06:01,60,1\n"
    "104,u3,vcA,16,96,2,FAILED,2020-04-02 10:06:00,2020-04-02 10:07:00,2020-04-02 10:07:00,0,60\n"
    "105,u3,vcC,4,24,1,NODE_FAIL,2020-04-02 23:59:59,2020-04-03 00:00:01,2020-04-03 00:00:11,10,2\n"
    "106,u3,vcC,4,24,1,CANCELLED,2020-04-03 01:00:00,,2020-04-03 01:02:00,,120\n"
    "107,u4,vcC,2,12,1,RUNNING,2020-04-03 02:00:00,2020-04-03 02:00:10,2020-04-03 "
    "03:00:10,3600,10\n";

inline constexpr std::string_view acme_sample =
    "job_id,user,node_num,gpu_num,cpu_num,mem_per_pod_GB,shared_mem_per_pod,type,state,submit_time,"
    "start_time,end_time,fail_time,stop_time,duration,queue,gpu_time\n"
    "dlc0a,u1,8,64,960,1000,100.0,Other,FAILED,2023-05-17 11:00:58+00:00,2023-05-17 11:01:08+00:00,"
    "2023-05-17 11:01:16+00:00,2023-05-17 11:01:16+00:00,,18,10.0,1152.0\n"
    "dlc0b,u1,1,8,96,500,50.0,Evaluation,COMPLETED,2023-05-17 19:00:28+08:00,2023-05-17 "
    "19:00:30+08:00,"
    "2023-05-17 19:10:30+08:00,,,602,2.0,4816.0\n";

inline constexpr std::string_view itp_sample =
    "job_id,submission_time,num_iteration,model_name,deadline,batch_size,num_gpu,duration\n"
    "0c1f-a,16566,40285,bert,21347,64,4,3890\n"
    "0c1f-b,16000,100,resnet50,16100.5,128,1,12.5\n";

inline constexpr std::string_view alibaba_2023_sample =
    "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_"
    "time,"
    "scheduled_time\n"
    "pod-1,88000,327680,8,1000,,Burstable,Succeeded,9437497,10769854,9437497.0\n"
    "pod-2,4000,15258,1,220,,BE,Running,9437500,9973826,9437600.0\n"
    "pod-3,16000,32768,1,1000,V100M16|V100M32,LS,Failed,9437400,9968575,9437500.0\n"
    "pod-4,16000,32768,0,0,,LS,Succeeded,9437400,9968575,9437500.0\n"
    "pod-5,16000,32768,1,500,,LS,Pending,9437400,9968575,\n";

inline constexpr std::string_view alibaba_2020_tasks_sample =
    "j1,ps,1.0,Terminated,1000.0,1600.0,600.0,29.3,,\n"
    "j1,worker,3.0,Terminated,1010.0,1500.0,600.0,29.3,50.0,MISC\n"
    "j2,tensorflow,2.0,Failed,1200.0,1300.0,600.0,29.3,100.0,V100\n"
    "j2,evaluator,1.0,Terminated,1250.0,1450.0,600.0,29.3,25.0,T4\n"
    "j3,worker,1.0,Waiting,,,600.0,29.3,100.0,T4\n"
    "j4,worker,1.0,Terminated,10.0,20.0,600.0,29.3,0.0,CPU\n"
    "j5,worker,1.0,Running,1400.0,,600.0,29.3,100.0,P100\n";
inline constexpr std::string_view alibaba_2020_jobs_sample = "j1,i1,u1,Terminated,900.0,1600.0\n"
                                                             "j2,i2,u1,Failed,1150.0,1450.0\n"
                                                             "j9,i9,u1,Failed,,\n";

inline constexpr std::string_view sacct_sample =
    "JobID|JobName|Submit|Start|End|ElapsedRaw|AllocTRES|State|Account|Partition\n"
    "1041|train \"x\"|2024-01-15T10:00:00|2024-01-15T10:00:30|2024-01-15T10:05:30|300|"
    "billing=64,cpu=64,gres/gpu:a100=8,gres/gpu=8,mem=500G,node=1|COMPLETED|nlp|gpu\n"
    "1041.batch|batch||2024-01-15T10:00:30|2024-01-15T10:05:30|300|cpu=64,gres/"
    "gpu=8,node=1|COMPLETED|nlp|\n"
    "1041.0|python||2024-01-15T10:00:30|2024-01-15T10:05:30|300|cpu=64,gres/"
    "gpu=8,node=1|COMPLETED|nlp|\n"
    "1042_3|eval|2024-01-15T09:59:00|2024-01-15T10:02:00|2024-01-15T10:12:00|600|"
    "cpu=8,gres/gpu:a100=1,gres/gpu:h100=2,node=1|CANCELLED by 1001|vision|gpu\n"
    "1043|prep|2024-01-15T10:01:00|2024-01-15T10:02:00|2024-01-15T10:03:00|60|cpu=8,node=1|"
    "COMPLETED|nlp|cpu\n"
    "1044|late|2024-01-15T10:02:00|Unknown|Unknown|0||PENDING|nlp|gpu\n"
    "1045|long|2024-01-15T10:03:00|2024-01-15T10:04:00|Unknown|86400|gres/"
    "gpu=4,node=1|RUNNING|nlp|gpu\n"
    "1046|gone|2024-01-15T10:03:00|2024-01-15T10:04:00|2024-01-15T10:04:00|0|gres/"
    "gpu=4,node=1|FAILED|nlp|gpu\n";

inline constexpr std::string_view swf_sample =
    "; Version: 2.2\n"
    "; UnixStartTime: 1704067200\n"
    "; MaxProcs: 32\n"
    "\n"
    "   1     0    10    100    4    -1    -1    4    3600    -1   1   1   1   -1    1   -1   -1   "
    "-1\n"
    "   2    50    20    200    8   1.5    -1    8    7200    -1   0   2   1   -1    1   -1   -1   "
    "-1\n"
    "   3   100    -1     -1   -1    -1    -1   16    3600    -1   5   1   1   -1    1   -1   -1   "
    "-1\n"
    "   4   120     0     30   -1    -1    -1    2     600    -1   1   3  -1   -1    1   -1    2   "
    "10\n"
    "   5   130     5      0    1    -1    -1    1     600    -1   5   3   1   -1    1   -1   -1   "
    "-1\n"
    "\t6\t140 5 10 1 -1 -1 1 600 -1 5 3 2 -1 1 -1 -1 -1 ; ran for a while\r\n"
    "   6   140     5      4    1    -1    -1    1     600    -1   2   3   2   -1    1   -1   -1   "
    "-1\n"
    "   6   150     5      6    1    -1    -1    1     600    -1   4   3   2   -1    1   -1   -1   "
    "-1\n"
    "   7   160     5      6    0    -1    -1   -1     600    -1   1   3   2   -1    1   -1   -1   "
    "-1\n";

inline constexpr std::string_view philly_sample =
    "[\n"
    "  {\"status\": \"Pass\", \"vc\": \"ee9e8c\", \"jobid\": \"application_1\", \"user\": "
    "\"ce2f4c\",\n"
    "   \"attempts\": [\n"
    "     {\"start_time\": \"2017-10-07 01:12:09\", \"end_time\": \"2017-10-07 01:13:23\",\n"
    "      \"detail\": [{\"ip\": \"m47\", \"gpus\": [\"gpu0\", \"gpu1\"]}]},\n"
    "     {\"start_time\": null, \"end_time\": \"2017-10-07 01:13:25\", \"detail\": []},\n"
    "     {\"start_time\": \"2017-10-07 01:13:30\", \"end_time\": \"2017-10-07 01:14:30\",\n"
    "      \"detail\": [{\"ip\": \"m41\", \"gpus\": [\"gpu0\", \"gpu1\"]}, {\"ip\": \"m42\", "
    "\"gpus\": [\"gpu7\"]}]}],\n"
    "   \"submitted_time\": \"2017-10-07 01:11:39\"},\n"
    "  {\"status\": \"Killed\", \"vc\": null, \"jobid\": \"application_2\", \"attempts\": [],\n"
    "   \"submitted_time\": \"2017-10-07 01:00:00\", \"user\": \"\\u00e9\\ud83d\\ude00\"},\n"
    "  {\"status\": \"Failed\", \"vc\": \"v\", \"jobid\": \"application_3\", \"more\": [1, -2.5e3, "
    "true, {\"a\": {}}],\n"
    "   \"attempts\": [{\"start_time\": \"2017-10-07 01:00:00\", \"end_time\": \"2017-10-07 "
    "01:00:40\",\n"
    "                 \"detail\": [{\"ip\": \"m1\", \"gpus\": [\"gpu0\"]}]}],\n"
    "   \"submitted_time\": \"2017-10-07 00:59:59\"},\n"
    "  {\"status\": \"Killed\", \"vc\": \"v\", \"jobid\": \"application_4\",\n"
    "   \"attempts\": [{\"start_time\": \"2017-10-07 01:00:00\", \"end_time\": \"None\",\n"
    "                 \"detail\": [{\"ip\": \"m1\", \"gpus\": [\"gpu0\"]}]}],\n"
    "   \"submitted_time\": \"2017-10-07 00:59:50\"}\n"
    "]\n";

inline constexpr std::string_view availability_sample =
    "t_ms,event,node\n"
    "0,add,4\n0,add,7\n500,add,9\n60000,remove,7\n60000,add,12\n90000,remove,4\n120000,add,7\n";

inline constexpr std::string_view topology_conf_sample =
    "# the network of a small cluster\n"
    "SwitchName=leaf1 Nodes=gpu[01-03]  LinkSpeed=900\n"
    "switchname=leaf2 \\\n"
    "    NODES=\"gpu[08-10],login\"  # two racks\n"
    "\n"
    "SwitchName=spine1 Switches=leaf[1-2]\n"
    "SwitchName = spine2 Switches = leaf1,leaf2\n";

inline constexpr std::string_view topology_yaml_sample =
    "---\n# two topologies\n- topology: blocks\n  cluster_default: false\n  block:\n"
    "    block_sizes: [2, 4]\n    blocks:\n      - block: b1\n        nodes: n[01-03]\n"
    "      - {block: b2, nodes: \"n04,n05\"}\n- topology: tree\n  cluster_default: true\n  tree:\n"
    "    switches:\n    - switch: core\n      children: s[1-2]\n    - switch: s1\n"
    "      children: a,b\n    - switch: s2\n      children: c\n      nodes: n9\n"
    "    - switch: a\n      nodes: n[01-02]\n    - switch: b\n      nodes:\n      - n03\n      - "
    "n04\n"
    "    - switch: c\n      nodes: 'n05'\n";

inline constexpr std::string_view topograph_sample =
    "switches:\n- name: core\n  metadata:\n    region: here\n  switches: [s1,s2]\n- name: s1\n"
    "  capacity_blocks: [c1,c2]\n- name: s2\n  nodes: [x1, \"x[2-3]\"]\ncapacity_blocks:\n"
    "- name: c1\n  type: GB200\n  nvlink: v1\n  nodes: [n1,n2]\n- name: c2\n  nodes: [n3]\n"
    "blocks:\n- switch: s3\n  nodes:\n  - n[4-5]\n  labels:\n    accelerator/level-0: v2\n"
    "nodes:\n  n3:\n    attributes:\n      nvlink: v3\n  n9: {type: H100}\n";

inline constexpr std::string_view hosts_csv_sample =
    "host,dsw,psw,asw\nn0,G6,P10,S1\nn1,G6,P10,S2\nn2,G6,P12,S1\nn3,G6,P12,S1\n";

inline constexpr std::string_view lft_sample =
    "Unicast lids [0-3] of switch Lid 2 guid 0x0000000000200000 ('leaf'):\n"
    "0x0001 001 # Channel Adapter portguid 0x0000000000100001: 'n0 mlx5_0'\n"
    "0x0002 000 # Switch portguid 0x0000000000200000: 'leaf'\n"
    "3 lids dumped\n"
    "Unicast lids [0x0-0x3] of switch DR path slid 0; dlid 0; 0,1 guid 0x0000000000200001 "
    "(spine):\n"
    "  Lid  Out   Destination\n       Port     Info \n"
    "0x0001 012 : (Channel Adapter portguid 0x0000000000100001: 'n0 mlx5_0')\n"
    "0x0003 000 : (Switch portguid 0x0000000000200001: 'spine')\n"
    "2 valid lids dumped \n";

inline constexpr std::string_view ibnetdiscover_sample =
    "#\n# Topology file: generated on Mon Jan  1 00:00:00 2024\n#\n"
    "# Initiated from node 0000000000000a01 port 0000000000000a01\n\n"
    "vendid=0x2c9\ndevid=0xd2f0\nsysimgguid=0x1\nswitchguid=0x1(1)\n"
    "Switch\t8 \"S-0000000000000001\"\t\t# \"leaf-1\" enhanced port 0 lid 1 lmc 0\n"
    "[1]\t\"H-0000000000000a01\"[1](a01) \t\t# \"gpu01 HCA-1\" lid 11 4xHDR\n"
    "[2]\t\"H-0000000000000a02\"[1](a02) \t\t# \"gpu01 HCA-2\" lid 12 4xHDR\n"
    "[3]\t\"H-0000000000000a03\"[1](a03) \t\t# \"gpu02 mlx5_0\" lid 13 4xHDR\n"
    "[4]\t\"S-0000000000000003\"[1]\t\t# \"spine-1\" lid 3 4xHDR\n"
    "[5][ext 5]\t\"S-0000000000000003\"[2][ext 2]\t\t# \"spine-1\" lid 3 4xHDR\n"
    "[8]\t\"H-0000000000000f01\"[1](f01) \t\t# \"Mellanox Technologies Aggregation Node\" lid 91 "
    "4xHDR\n"
    "\n"
    "vendid=0x2c9\nswitchguid=0x2(2)\n"
    "Switch\t8 \"S-0000000000000002\"\t\t# \"leaf-2\" enhanced port 0 lid 2 lmc 0\n"
    "[1]\t\"H-0000000000000b01\"[1](b01) \t\t# \"gpu03 HCA-1\" lid 14 4xHDR\n"
    "[7]\t\"S-0000000000000003\"[3]\t\t# \"spine-1\" lid 3 4xHDR\n"
    "\n"
    "switchguid=0x3(3)\n"
    "Switch\t8 \"S-0000000000000003\"\t\t# \"spine-1\" enhanced port 0 lid 3 lmc 0\n"
    "[1]\t\"S-0000000000000001\"[4]\t\t# \"leaf-1\" lid 1 4xHDR\n"
    "[2]\t\"S-0000000000000001\"[5]\t\t# \"leaf-1\" lid 1 4xHDR\n"
    "[3]\t\"S-0000000000000002\"[7]\t\t# \"leaf-2\" lid 2 4xHDR\n"
    "[6]\t\"H-0000000000000f02\"[1](f02) \t\t# \"Mellanox Technologies Aggregation Node\" lid 92 "
    "4xHDR\n"
    "\n"
    "caguid=0xa01\nCa\t1 \"H-0000000000000a01\"\t\t# \"gpu01 HCA-1\"\n"
    "[1](a01) \t\"S-0000000000000001\"[1]\t\t# lid 11 lmc 0 \"leaf-1\" lid 1 4xHDR\n"
    "caguid=0xa02\nCa\t1 \"H-0000000000000a02\"\t\t# \"gpu01 HCA-2\"\n"
    "[1](a02) \t\"S-0000000000000001\"[2]\t\t# lid 12 lmc 0 \"leaf-1\" lid 1 4xHDR\n"
    "caguid=0xa03\nCa\t2 \"H-0000000000000a03\"\t\t# \"gpu02 mlx5_0\"\n"
    "[1](a03) \t\"S-0000000000000001\"[3]\t\t# lid 13 lmc 0 \"leaf-1\" lid 1 4xHDR\n"
    "caguid=0xb01\nCa\t1 \"H-0000000000000b01\"\t\t# \"gpu03 HCA-1\"\n"
    "[1](b01) \t\"S-0000000000000002\"[1]\t\t# lid 14 lmc 0 \"leaf-2\" lid 2 4xHDR\n"
    "caguid=0xf01\nCa\t1 \"H-0000000000000f01\"\t\t# \"Mellanox Technologies Aggregation Node\"\n"
    "[1](f01) \t\"S-0000000000000001\"[8]\t\t# lid 91 lmc 0 \"leaf-1\" lid 1 4xHDR\n"
    "caguid=0xf02\nCa\t1 \"H-0000000000000f02\"\t\t# \"Mellanox Technologies Aggregation Node\"\n"
    "[1](f02) \t\"S-0000000000000003\"[6]\t\t# lid 92 lmc 0 \"spine-1\" lid 3 4xHDR\n";

}  // namespace heddle::test
