#!/usr/bin/env bash
# Runs every experiment of docs/evaluation.md and writes its tables and figures anew.
#
#   scripts/evaluate.sh TRACES
#
# TRACES is a directory with msr_itp_c02.csv, msr_itp_c04.csv, msr_itp_c07.csv and philly_all.csv (see
# docs/traces.md). Takes about three hours on two cores. Results go to build/evaluate/results, pages to docs/evaluation, figures to
# docs/figures. Set HEDDLE_EVALUATE to a program that is built already.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
traces=${1:?"the directory of the traces is missing: scripts/evaluate.sh TRACES"}
build=$root/build/evaluate
results=$build/results
mkdir -p "$results" "$root/docs/evaluation"

program=${HEDDLE_EVALUATE:-}
if [[ -z $program ]]; then
  "$root/scripts/setup.sh" demo
  cmake -S "$root" -B "$build" -D CMAKE_BUILD_TYPE=Release -D HEDDLE_BUILD_TESTS=OFF -D HEDDLE_BUILD_BENCH=OFF
  cmake --build "$build" --parallel --target heddle-evaluate
  program=$build/bin/heddle-evaluate
fi

# page <name> <title> <arguments as shown> -- <arguments>
page() {
  local name=$1 title=$2 shown=$3
  shift 4
  echo "evaluate: $name" >&2
  "$program" "$@" >"$results/$name.md"
  {
    echo "# $title"
    echo
    echo "What \`heddle-evaluate $shown\` prints. What it means: [evaluation](../evaluation.md)."
    cat "$results/$name.md"
  } >"$root/docs/evaluation/$name.md"
}

page isolation_8192 "Isolation on 8 192 GPUs: all settings" "isolation --gpus 8192 --out results" -- \
  isolation --gpus 8192 --out "$results"
page isolation_traces "Isolation on two traces" "isolation --traces DIR --jobs 2000 --out results" -- \
  isolation --traces "$traces" --jobs 2000 --out "$results"
page isolation_512 "Isolation on 512 GPUs: all settings" "isolation --gpus 512 --seeds 24 --out results" -- \
  isolation --gpus 512 --seeds 24 --out "$results"  # last: its CSV files are the figures'
page sensitivity "Isolation: what moves the gain" "sensitivity" -- sensitivity
page iterations "Iteration times under contention" "iterations" -- iterations
page energy "Energy: all schedulers" "energy --traces DIR --out results" -- \
  energy --traces "$traces" --out "$results"
page price_path "Price path beside its rivals" "price_path --traces DIR --jobs 1000 --seeds 5" -- \
  price_path --traces "$traces" --jobs 1000 --seeds 5 --out "$results"
page budget "Budgets of energy" "budget --traces DIR --seeds 5" -- budget --traces "$traces" --seeds 5
page forecast "Work that is forecast" "forecast --traces DIR --jobs 1000 --seeds 5" -- \
  forecast --traces "$traces" --jobs 1000 --seeds 5
page joint "Both at once: all steps" "joint --traces DIR --jobs 2000 --out results" -- \
  joint --traces "$traces" --jobs 2000 --out "$results"
page rivals "Beside published numbers" "rivals" -- rivals
page decisions "Time of a decision" "decisions --jobs 300 --out results" -- \
  decisions --jobs 300 --out "$results"

for figure in isolation energy waterfall decisions; do
  gnuplot -e "results='$results'; out='$root/docs/figures'" "$root/docs/figures/evaluation_$figure.gp"
done
