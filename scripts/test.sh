#!/usr/bin/env bash
# Builds heddle with its examples and tests in build/test and runs all tests.
#
#   scripts/test.sh [options of the CMake configure step, such as -DHEDDLE_BUILD_BENCH=ON]
#
# HEDDLE_JOBS sets the number of parallel jobs, the number of processors by default.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$root/build/test
jobs=${HEDDLE_JOBS:-$(nproc)}

"$root/scripts/setup.sh" test
"$root/scripts/setup.sh" slurm || echo "test: without Slurm; the test of heddle-slurm-pilot on one is skipped"
"$root/scripts/setup.sh" fabric || echo "test: without OpenSM and ibsim; the tests of forwarding tables on them are skipped"

mkdir -p "$build/tmp"
export TMPDIR=$build/tmp  # compilers and tests write here, wherever the machine's /tmp is
cmake -S "$root" -B "$build" -D CMAKE_BUILD_TYPE=Release -D HEDDLE_BUILD_BENCH=OFF -D HEDDLE_BATCH=12 "$@"
cmake --build "$build" --parallel "$jobs"
ctest --test-dir "$build" --output-on-failure --parallel "$jobs"
