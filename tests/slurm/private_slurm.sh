#!/usr/bin/env bash
# A Slurm of one's own on this machine, to try things on: one controller and several nodes with GPUs
# that are only names. It listens on loopback alone and touches nothing outside its directory.
#
#   private_slurm.sh start DIR [--leafs 4] [--nodes-per-leaf 4] [--gpus 8] [--types a100,v100] [--watch PID]
#   private_slurm.sh node DIR NAME     starts one node again
#   private_slurm.sh kill DIR NAME     ends a node as a power cut would: its daemon and its jobs
#   private_slurm.sh stop DIR
#
# With --watch, everything is stopped once that process is gone. After `start`, commands find this
# Slurm by SLURM_CONF=DIR/slurm.conf. Nodes are called n0, n1 ..., leaf switches leaf0, leaf1 ...
# Status 3: Slurm is missing or does not start here; one line says why.
set -euo pipefail

say() { echo "private_slurm: $*" >&2; }
cannot() { say "$*"; exit 3; }

[[ $# -ge 2 ]] || { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
action=$1
dir=$2
shift 2
export PATH=$PATH:/usr/sbin:/sbin

# The processes of this Slurm, or of one node: daemons and the keepers of jobs have their log open;
# jobs inherit the name of the configuration.
pids() {
  local found
  {
    find /proc/[0-9]*/fd -lname "$dir/log/${1-*}.log" 2> /dev/null || true
    found=$(grep -slzxF "SLURM_CONF=$dir/slurm.conf" /proc/[0-9]*/environ) || true
    [[ -z $found || -z ${1-} ]] || found=$(grep -slzxF "SLURMD_NODENAME=$1" $found) || true
    [[ -z $found ]] || echo "$found"
  } | sed -nE 's#^/proc/([0-9]+)/.*#\1#p' | sort -un | { grep -vx -e $$ -e "$BASHPID" || true; }
}

# A port that nobody listens on, at or above $1.
free_port() {
  local port=$1
  while (exec 3<> "/dev/tcp/127.0.0.1/$port") 2> /dev/null; do port=$((port + 1)); done
  echo "$port"
}

start_node() {
  mkdir -p "$dir/spool/$1"
  (export SLURM_CONF=$dir/slurm.conf; exec slurmd -N "$1" < /dev/null > /dev/null 2>&1)
}

# The daemons first: they would report that a job was killed, which a node without power cannot.
kill_node() {
  local pid all name
  all=$(pids "$1")
  for name in slurmd slurmstepd; do
    for pid in $all; do
      [[ $(cat "/proc/$pid/comm" 2> /dev/null) != "$name" ]] || kill -KILL "$pid" 2> /dev/null || true
    done
  done
  kill -KILL $all 2> /dev/null || true
}

start() {
  local leafs=4 per_leaf=4 gpus=8 watch= types=()
  while [[ $# -gt 0 ]]; do
    case $1 in
      --leafs) leafs=$2 ;;
      --nodes-per-leaf) per_leaf=$2 ;;
      --gpus) gpus=$2 ;;
      --types) IFS=, read -ra types <<< "$2" ;;  # of the nodes in turn
      --watch) watch=$2 ;;
      *) say "no option $1"; exit 2 ;;
    esac
    shift 2
  done
  local program
  for program in slurmctld slurmd scontrol squeue; do
    command -v $program > /dev/null || cannot "$program is not installed (Debian: slurmctld slurmd slurm-client)"
  done
  [[ $(id -u) -eq 0 ]] || cannot "slurmd that runs jobs needs root"

  type_of() { [[ ${#types[@]} -eq 0 ]] || echo "${types[$(($1 % ${#types[@]}))]}:"; }
  mkdir -p "$dir"/{state,spool,log,dev}
  local g l n nodes=$((leafs * per_leaf)) base
  for ((g = 0; g < gpus; g++)); do mknod "$dir/dev/gpu$g" c 1 3 2> /dev/null || true; done
  base=$((20000 + RANDOM % 10000))
  base=$(free_port $base)
  {
    cat << CONF
ClusterName=private
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$base
CommunicationParameters=NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
TopologyPlugin=topology/tree
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/completed.log
GresTypes=gpu
ReturnToService=2
JobRequeue=1
KillWait=2
SlurmdTimeout=5
BatchStartTimeout=60
MessageTimeout=5
SlurmdParameters=config_overrides
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/spool/%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/%n.log
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2
CONF
    for ((n = 0; n < nodes; n++)); do
      echo "NodeName=n$n NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((base + 1 + n)) CPUs=$((2 * gpus)) RealMemory=1000 Gres=gpu:$(type_of "$n")$gpus"
    done
    echo "PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP"
  } > "$dir/slurm.conf"
  if [[ ${#types[@]} -eq 0 ]]; then
    echo "Name=gpu File=$dir/dev/gpu[0-$((gpus - 1))]" > "$dir/gres.conf"
  else
    for ((n = 0; n < nodes; n++)); do
      echo "NodeName=n$n Name=gpu Type=${types[$((n % ${#types[@]}))]} File=$dir/dev/gpu[0-$((gpus - 1))]"
    done > "$dir/gres.conf"
  fi
  {
    for ((l = 0; l < leafs; l++)); do
      echo "SwitchName=leaf$l Nodes=n[$((l * per_leaf))-$((l * per_leaf + per_leaf - 1))]"
    done
    echo "SwitchName=top Switches=leaf[0-$((leafs - 1))]"
  } > "$dir/topology.conf"

  export SLURM_CONF=$dir/slurm.conf
  (exec slurmctld -i < /dev/null > "$dir/log/start.log" 2>&1) || cannot "slurmctld does not start: $(tail -n 1 "$dir/log/start.log")"
  for ((n = 0; n < nodes; n++)); do start_node "n$n" || cannot "slurmd n$n does not start"; done
  if [[ -n $watch ]]; then
    (
      exec < /dev/null > /dev/null 2>&1
      unset SLURM_CONF
      while kill -0 "$watch" && [[ -e $dir/slurm.conf ]]; do sleep 1; done
      exec "$0" stop "$dir"
    ) &
  fi
  local waited
  for ((waited = 0; waited < 60; waited++)); do
    [[ $(sinfo -h -N -t idle -o %N 2> /dev/null | sort -u | wc -l) -eq $nodes ]] && return 0
    sleep 0.5
  done
  say "$(sinfo -h -o '%t %D' 2>&1 | tr '\n' ' ')"
  stop
  cannot "the nodes do not come up within 30 s"
}

stop() {
  local all
  all=$(pids)
  [[ -n $all ]] || return 0
  kill -TERM $all 2> /dev/null || true
  for _ in {1..20}; do
    sleep 0.2
    all=$(pids)
    [[ -n $all ]] || return 0
  done
  kill -KILL $all 2> /dev/null || true
}

case $action in
  start) start "$@" ;;
  node) start_node "$1" ;;
  kill) kill_node "$1" ;;
  stop) stop ;;
  *) say "no action $action"; exit 2 ;;
esac
