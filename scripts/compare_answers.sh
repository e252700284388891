#!/usr/bin/env bash
# Runs the programs of two builds on the same inputs and says which answers differ.
#
#   scripts/compare_answers.sh OLD_BIN NEW_BIN [DATA]   DATA: the public data sets, ../shared/data by default
#
# Times of decisions are left out. Exit status 1 if an answer differs.
set -euo pipefail

old=$(realpath "$1") new=$(realpath "$2")
data=$(realpath "${3:-$(dirname "${BASH_SOURCE[0]}")/../../shared/data}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > clos.json <<'JSON'
{"fabric": "leaf_spine", "leafs": 16, "spines": 8, "servers_per_leaf": 4, "gpus_per_server": 8, "links_per_pair": 4}
JSON
cat > ocs.json <<'JSON'
{"fabric": "leaf_spine_ocs", "leafs": 16, "spines": 8, "servers_per_leaf": 4, "gpus_per_server": 8, "ocs": {"switches": 32}}
JSON

total=0 different=0
# What is compared of a run: all it prints and writes, without the time that decisions took.
answer() {
  local bin=$1; shift
  rm -rf out && mkdir out
  (cd out && "$bin/$1" "${@:2}" > printed 2>&1; echo "status $?" >> printed)
  (cd out && find . -type f -print0 | sort -z | xargs -0 sed -E \
    -e 's/"(solve_)?us": ?[0-9.e+-]+/"us": _/; s/"decide_us_p(50|99)": [0-9.e+-]+/"decide_us_p\1": _/' \
    -e 's/[0-9.]+ (µs|us) a decision/_ a decision/') | sha256sum
}
same() {
  local a b
  a=$(answer "$old" "$@") b=$(answer "$new" "$@")
  total=$((total + 1))
  [[ $a == "$b" ]] && return
  different=$((different + 1))
  echo "differs: $*"
}
section() {
  [[ -z ${name-} ]] || printf '%-64s %3d runs, %d differ\n' "$name" $((total - from)) $((different - was))
  name=${1-} from=$total was=$different
}

section "the six examples"
for x in "$old"/0?_*; do same "$(basename "$x")"; done
section "heddle-demo: page, figures, table"
same heddle-demo --runs 2 --jobs 400
section "heddle-simulate: three traces under schedulers, reports and jobs"
for trace in msr_itp_c02 msr_itp_c04 philly_all; do
  run() {
    same heddle-simulate --cluster "$work/$1.json" --jobs "$data/jobs/$trace.csv" --limit 1500 --seed 3 \
      --per-job jobs.csv --timeline timeline.csv --decisions decisions.log "${@:2}"
  }
  run clos --workload vclos --place packed --route ecmp
  run clos --workload vclos --place vclos --route source
  run clos --workload vclos --place spread --route balanced --order shortest --backfill greedy
  run clos --workload vclos --place relaxed --backfill easy --preempt
  run clos --workload vclos --place buddy --route coloured --backfill conservative
  run clos --workload powerflow --place vclos --allocate powerflow --power-budget-w 150000 --off-after-s 400
  run clos --workload powerflow --place packed --allocate max_min --joint
  run clos --workload powerflow --place jigsaw --allocate zeus --patience-s 40000 --backfill easy --move-gpus 32
  run ocs --workload vclos --place ocs_vclos --route source --backfill easy
  run ocs --workload vclos --place laas
done
section "heddle-place: streams of requests, releases and failures"
python3 - <<'PY'
import random
for n, hit in enumerate([[], ["gpu", "server", "leaf", "spine", "link"]]):
    random.seed(n)
    held, lines, last = [], [], 0
    for i in range(600):
        if hit and i % 40 == 39:
            part = random.choice(hit)
            at = {"gpu": random.randrange(512), "server": random.randrange(64), "leaf": random.randrange(16),
                  "spine": random.randrange(8), "link": [random.randrange(16), random.randrange(8)]}[part]
            lines.append('{"op": "%s", "%s": %s}' % (random.choice(["fail", "repair"]), part, at))
        elif held and random.random() < .45:
            lines.append('{"op": "release", "job": %d}' % held.pop(random.randrange(len(held))))
        else:
            gpus = random.choice([1, 2, 3, 4, 8, 8, 13, 16, 32, 40, 64])
            lines.append('{"op": "place", "job": %d, "gpus": %d, "vc": "%s"}' % (last, gpus, random.choice("ab")))
            held.append(last)
            last += 1
    open("ops%d.jsonl" % n, "w").write("\n".join(lines) + "\n")
PY
for policy in packed spread random locality one_server one_leaf buddy vclos vclos_even relaxed jigsaw laas topology_aware; do
  same heddle-place --cluster "$work/clos.json" --ops "$work/ops1.jsonl" --policy $policy
done
same heddle-place --cluster "$work/clos.json" --ops "$work/ops0.jsonl" --policy hived --quota a:16:8 --quota b:16:4
same heddle-place --cluster "$work/ocs.json" --ops "$work/ops0.jsonl" --policy ocs_vclos
same heddle-place --cluster "$work/ocs.json" --ops "$work/ops0.jsonl" --policy vclos --svg picture.svg
section "heddle-share, -allocate, -route, -advise, -sweep, -evaluate"
shares=$data/../cases/share
for policy in fifo isolated makespan max_min max_min_lexicographic max_throughput proportional finish_time_fairness; do
  for n in 32 128; do same heddle-share --in "$shares/multi_$n.json" --policy $policy; done
done
python3 - <<'PY'
import json, random
random.seed(4)
jobs = []
for i in range(200):
    rate, watts = random.uniform(10, 100), random.uniform(150, 400)
    points = [{"gpus": g, "clock_ghz": c, "local_batch": 32, "throughput": rate * g ** random.uniform(.6, 1) * c, "power_w": watts * g * c ** 2}
              for g in (1, 2, 4, 8) for c in (.6, .8, 1)]
    jobs.append({"id": i, "work": random.uniform(1e3, 1e6), "points": points})
json.dump({"capacity": {"gpus": 256, "power_w": 60000}, "jobs": jobs}, open("allocate.json", "w"))
lines = [{"job": j, "gpus": [j * 4 + k + 32 * i for i in range(4) for k in range(4)], "collective": c, "bytes": 1e8}
         for j, c in enumerate(["ring", "halving_doubling", "all_to_all", "tree", "pipeline", "broadcast"])]
open("placed.jsonl", "w").write("".join(json.dumps(x) + "\n" for x in lines))
json.dump({"clusters": ["clos.json"], "jobs": ["%s/jobs/msr_itp_c02.csv"], "limit": 200, "order": ["fifo"]},
          open("grid.json", "w"))
PY
for policy in optimal greedy powerflow; do same heddle-allocate --in "$work/allocate.json" --policy $policy; done
for route in ecmp balanced source coloured ideal; do
  same heddle-route --cluster "$work/clos.json" --jobs "$work/placed.jsonl" --route $route --table table.csv
done
same heddle-advise --cluster "$work/clos.json" --jobs "$data/jobs/msr_itp_c02.csv" --limit 300 --runs 2 --workload powerflow --report report.json
same heddle-evaluate iterations
same heddle-evaluate isolation --gpus 512 --quick --jobs 60 --seeds 1
section
echo "$total runs, $different differ"
[[ $different == 0 ]]
