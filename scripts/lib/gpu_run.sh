#!/usr/bin/env bash
# Tests Chimera on this machine's GPU, then measures it, within ten minutes. Part of a bundle that scripts/gpu-bundle
# made; needs a driver and cuBLAS of CUDA 13, and no network.
#
#   ./run [RESULTS]     writes small files into the folder RESULTS, $OUT or ./results
#
# CHIMERA_RUN_SECONDS is the time for all of it, 570 by default: of it, each test program gets a quarter at most, and all
# of them half. Exit codes: 0 all passed and was measured, 1 something failed or was cut off, 2 there is no GPU, so that
# nothing was tested.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
results=${1:-${OUT:-$here/results}}
seconds=${CHIMERA_RUN_SECONDS:-570}
mkdir -p "$results" || exit 1
: >"$results/summary.txt"
: >"$results/tests.txt"

tests=() bench=() needs_cublas=()
# shellcheck source=/dev/null
. "$here/contents.sh"
passed=0 skipped=0 failed=0

say() { printf '%s\n' "$*" | tee -a "$results/summary.txt"; }

# Prints every folder in which cuBLAS may be.
cublas_folders() {
  local root
  tr ':' '\n' <<<"${LD_LIBRARY_PATH:-}"
  for root in "${CUDAToolkit_ROOT:-}" "${CUDA_HOME:-}" "${CUDA_PATH:-}" /usr/local/cuda* /opt/cuda; do
    printf '%s\n' "$root/lib64" "$root/lib" "$root/targets/x86_64-linux/lib"
  done
  ldconfig -p 2>/dev/null | sed -n 's|.*libcublasLt\.so\.13 .*=> \(.*\)/libcublasLt.*|\1|p'
  printf '%s\n' /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/local/nvidia/lib64
  # Of Python's packages.
  {
    python3 -c 'import sys; print("\n".join(path for path in sys.path if path))' 2>/dev/null
    printf '%s\n' /usr/local/lib/python3*/*-packages /opt/*/lib/python3*/site-packages /opt/*/.venv/lib/python3*/site-packages
  } | while read -r root; do printf '%s\n' "$root"/nvidia/*/lib; done
}

find_cublas() {
  local folder
  while read -r folder; do
    if [[ $folder == /* && -e $folder/libcublasLt.so.13 ]]; then
      printf '%s\n' "$folder"
      return
    fi
  done < <(cublas_folders)
}

contains() {
  local wanted=$1 item
  shift
  for item; do if [[ $item == "$wanted" ]]; then return 0; fi; done
  return 1
}

# run_for SECONDS PROGRAM [ARGUMENT...]: its status, 124 if it was cut off.
run_for() {
  local limit=$1 program=$2
  shift 2
  LD_LIBRARY_PATH=$here/lib${cublas:+:$cublas}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} \
    timeout --kill-after=5 "$limit" "$here/bin/$program" "$@"
}

# left SECONDS [MOST]: how much of the first so many seconds is left, at most MOST.
left() {
  local rest=$(($1 - SECONDS))
  echo $((rest < ${2:-rest} ? rest : ${2:-rest}))
}

describe_machine() {
  date -u '+%Y-%m-%d %H:%M UTC'
  uname -a
  ldd --version 2>&1 | head -n 1
  echo "$(nproc) processors"
  echo "cuBLAS: ${cublas:-not found}"
  head -n 1 "$here/contents.sh"
  timeout 20 nvidia-smi 2>&1 || echo "nvidia-smi: status $?"
}

# Whether the log $1 speaks of a device that computes right, but not as it should.
is_slow() { grep -q 'launches are not captured' "$1"; }

# run_test PROGRAM SECONDS: runs one test program and says what came of it.
run_test() {
  local program=$1 limit=$2 start=$SECONDS status=0 log skipped_cases reason
  if contains "$program" "${needs_cublas[@]}" && [[ -z $cublas ]]; then
    say "skipped    $program: no libcublasLt.so.13"
    ((++skipped))
    return
  fi
  if ((limit < 5)); then
    say "NOT RUN    $program: no time is left"
    ((++failed))
    return
  fi
  log=$results/test.log
  run_for "$limit" "$program" >"$log" 2>&1 || status=$?
  { echo "== $program: status $status"; cat "$log"; } >>"$results/tests.txt"
  skipped_cases=$(grep -c ': Skipped$' "$log")
  reason=$(grep -m 1 -A 1 ': Skipped$' "$log" | tail -n 1)
  if ((status == 124)); then
    say "CUT OFF    $program after $limit s"
    ((++failed))
  elif ((status)); then
    say "FAILED     $program with status $status:" "$(grep -E '^\[  FAILED  \]|rror' "$log" | tail -n 3 | tr '\n' ' ')"
    ((++failed))
  elif is_slow "$log"; then
    say "FAILED     $program: launches of a step are not captured as a graph, see tests.txt"
    ((++failed))
  elif ((skipped_cases)) && ! grep -q '^\[  PASSED  \] [1-9]' "$log"; then
    say "skipped    $program: $reason"
    ((++skipped))
  else
    say "passed     $program, $((SECONDS - start)) s$( ((skipped_cases)) && echo "; cases skipped: $skipped_cases, the first: $reason")"
    ((++passed))
  fi
  rm -f "$log"
}

# run_bench SECONDS
run_bench() {
  local status=0
  if contains "${bench[0]}" "${needs_cublas[@]}" && [[ -z $cublas ]]; then
    say "NOT RUN    ${bench[0]}: no libcublasLt.so.13"
    ((++failed))
    return
  fi
  run_for "$1" "${bench[@]}" --json="$results/bench.json" >"$results/bench.txt" 2>"$results/bench_log.txt" || status=$?
  if ((status == 124)); then
    say "CUT OFF    ${bench[0]} after $1 s; bench.json has what was measured before"
  elif ((status)); then
    say "FAILED     ${bench[0]}: $(tail -n 1 "$results/bench_log.txt")"
  elif is_slow "$results/bench_log.txt"; then
    say "FAILED     ${bench[0]}: measured without graphs of launches, see bench_log.txt"
  else
    say "measured   ${bench[0]}: bench.txt, bench.json"
    return
  fi
  ((++failed))
}

cublas=$(find_cublas)
describe_machine >"$results/machine.txt"
[[ -n $cublas || ${#needs_cublas[@]} == 0 ]] ||
  say "libcublasLt.so.13 is in none of the usual places: ${needs_cublas[*]} need it. LD_LIBRARY_PATH can name its folder."
for program in "${tests[@]}"; do run_test "$program" "$(left $((seconds / 2)) $((seconds / 4)))"; done
say "$passed test programs passed, $failed failed, $skipped skipped, after $SECONDS s"
if ((passed == 0 && failed == 0)); then
  say "Nothing was tested: $(grep -m 1 -h -o 'needs a GPU: .*' "$results/tests.txt" || echo "see tests.txt")"
  exit 2
fi
run_bench "$(left $((seconds - 5)))"
say "$SECONDS s in all; results are in $results"
((failed == 0))
