#!/usr/bin/env bash
# Builds heddle-demo in build/demo and runs it: prints the comparison of the schedulers and writes
# report.html.
#
#   scripts/demo.sh [directory for the report, here by default] [options of heddle-demo]
#
# HEDDLE_JOBS sets the number of parallel jobs, the number of processors by default.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/demo

out=.
if [[ $# -gt 0 && $1 != -* ]]; then
  out=$1
  shift
  mkdir -p "$out"
fi

"$root/scripts/setup.sh" demo

mkdir -p "$build/tmp"
export TMPDIR=$build/tmp  # the compiler writes here, wherever the machine's /tmp is
cmake -S "$root" -B "$build" -D CMAKE_BUILD_TYPE=Release \
  -D HEDDLE_BUILD_TESTS=OFF -D HEDDLE_BUILD_BENCH=OFF -D HEDDLE_BUILD_DOCS=OFF
cmake --build "$build" --parallel "${HEDDLE_JOBS:-$(nproc)}" --target heddle-demo
exec "$build/bin/heddle-demo" --out "$out" "$@"
