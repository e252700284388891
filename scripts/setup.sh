#!/usr/bin/env bash
# Installs the Debian packages that heddle needs, where they are missing.
#
#   scripts/setup.sh [demo|test|bench|peers|compilers|browser|fuzz|slurm|fabric|docs]...   several may be given; test by default
#
#   demo       compiler, CMake, the library's own needs, what the example programs use
#   test       demo, doctest, and OpenMPI for sweeps on many machines
#   bench      demo and Google Benchmark
#   peers      solvers that tests and benchmarks compare with where they are present
#   compilers  Clang, whose results must equal GCC's byte for byte, its library and clang-format
#   browser    Chromium, with which the tests look at the web pages
#   fuzz       Clang and libFuzzer, for the fuzzers of the readers
#   slurm      Slurm, of which the tests start one of their own
#   fabric     OpenSM, ibsim and the tools of InfiniBand, of which the tests start their own
#   docs       Doxygen, for the target heddle-docs
set -euo pipefail

fail() {
  echo "setup: $*" >&2
  exit 1
}

base=(g++ make cmake libeigen3-dev libboost-dev libcli11-dev nlohmann-json3-dev libboost-iostreams-dev)
wanted=()
for set in "${@:-test}"; do
  case $set in
    demo) wanted+=("${base[@]}") ;;
    test) wanted+=("${base[@]}" doctest-dev libopenmpi-dev openmpi-bin) ;;
    bench) wanted+=("${base[@]}" libbenchmark-dev) ;;
    peers) wanted+=(libglpk-dev coinor-libcbc-dev coinor-libclp-dev liblemon-dev libsimgrid-dev) ;;
    compilers) wanted+=(clang-19 libc++-19-dev libc++abi-19-dev clang-format-14) ;;
    browser) wanted+=(chromium) ;;
    fuzz) wanted+=(clang-19 libclang-rt-19-dev) ;;
    slurm) wanted+=(slurmctld slurmd slurm-client) ;;
    fabric) wanted+=(opensm ibsim-utils infiniband-diags) ;;
    docs) wanted+=(doxygen) ;;
    *) fail "no set '$set': use demo, test, bench, peers, compilers, browser, fuzz, slurm, fabric or docs" ;;
  esac
done

# Elsewhere than on Debian the names differ: CMake says what it misses.
command -v dpkg-query > /dev/null || {
  echo "setup: no Debian packages here; heddle needs what these hold: ${wanted[*]}"
  exit 0
}

missing=()
for package in "${wanted[@]}"; do
  state=$(dpkg-query -W -f '${Status}' "$package" 2> /dev/null || true)
  [[ $state == *" installed" || " ${missing[*]-} " == *" $package "* ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "setup: missing, to be installed with apt-get: ${missing[*]}"
as_root=()
if [[ $(id -u) -ne 0 ]]; then
  command -v sudo > /dev/null || fail "needs root to install them; as root: apt-get install ${missing[*]}"
  as_root=(sudo)
  [[ -t 0 ]] || as_root+=(-n)  # without a terminal nobody can type a password
fi
# A package may bring a service, as opensm does, and must not leave one running that was not: dpkg asks
# this before it starts any.
policy=/usr/sbin/policy-rc.d
keep_services_still() {
  [[ -e $policy ]] && return
  printf '#!/bin/sh\nexit 101\n' | ${as_root[@]+"${as_root[@]}"} tee "$policy" > /dev/null
  ${as_root[@]+"${as_root[@]}"} chmod +x "$policy"
  trap '${as_root[@]+"${as_root[@]}"} rm -f "$policy"' EXIT
}
install() {
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get "$@"
}
[[ " ${missing[*]} " == *" opensm "* ]] && keep_services_still
# A fresh machine has no package lists, and old lists name files that are gone.
install install -y -q --no-install-recommends "${missing[@]}" > /dev/null 2>&1 ||
  { install update -q && install install -y -q --no-install-recommends "${missing[@]}"; } ||
  fail "could not install ${missing[*]}"
# Nor one that starts with the machine.
if [[ " ${missing[*]} " == *" opensm "* ]] && command -v systemctl > /dev/null; then
  ${as_root[@]+"${as_root[@]}"} systemctl disable opensm > /dev/null 2>&1 || true
fi
echo "setup: done"
