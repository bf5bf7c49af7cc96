# shellcheck shell=bash
# Runs of the fuzzers of tests/fuzz. Needs common.sh and build.sh.

FUZZ_CORPUS_DIR=$ROOT_DIR/tests/fuzz/corpus
FUZZ_RUN_DIR=$ROOT_DIR/build/fuzz/runs  # per fuzzer: inputs found in this and earlier runs, log, crashes

fuzz_passed=0
fuzz_failed=0

# Prints the names of all fuzzers.
fuzzer_names() { (cd "$FUZZ_CORPUS_DIR" && printf '%s\n' *); }

# fuzz_one SECONDS NAME: one fuzzer, from its corpus and what it found before. An input that takes 10 s or leaks memory
# is a failure like a crash. AddressSanitizer keeps less freed memory than by default, so that hours fit into 2 GiB.
fuzz_one() {
  local seconds=$1 name=$2 directory=$FUZZ_RUN_DIR/$2 status=0
  mkdir -p "$directory/found"
  ASAN_OPTIONS=quarantine_size_mb=64 \
    "$ROOT_DIR/build/fuzz/bin/${name}_fuzzer" -max_total_time="$seconds" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
    -print_final_stats=1 -dict="$ROOT_DIR/tests/fuzz/$name.dict" -artifact_prefix="$directory/" \
    "$directory/found" "$FUZZ_CORPUS_DIR/$name" >"$directory/log" 2>&1 || status=$?
  printf '%s\n' "$status" >"$directory/status"
  say "$name ended with status $status"
}

# fuzz_all SECONDS NAME...: as many at a time as there are processors.
fuzz_all() {
  local seconds=$1 name
  shift
  for name; do
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || true; done
    fuzz_one "$seconds" "$name" &
  done
  wait
}

# Says what the run of fuzzer $1 did, and counts it.
report_fuzzer() {
  local name=$1 directory=$FUZZ_RUN_DIR/$1 executions edges seconds input
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$directory/log")
  edges=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$directory/log" | tail -n 1)
  if [[ $(<"$directory/status") == 0 && -n $executions ]]; then
    seconds=$(sed -nE 's/^Done [0-9]+ runs in ([0-9]+) second.*/\1/p' "$directory/log")
    say "$name: $executions executions in $seconds s, ${edges:-0} edges, no failure"
    ((++fuzz_passed))
    return
  fi
  ((++fuzz_failed))
  grep -a -m 1 -A 12 -E '^==[0-9]+==|check failed|an allocation of|runtime error' "$directory/log" >&2 ||
    tail -n 20 "$directory/log" >&2
  input=$(sed -n 's/.*Test unit written to //p' "$directory/log" | tail -n 1)
  say "$name: FAILED; its output is in $directory/log"
  [[ -z $input ]] || say "  the input: $input" "  once more: build/fuzz/bin/${name}_fuzzer $input"
}

# run_fuzzers SECONDS NAME...: builds the fuzzers, runs each for so long and reports. Sets fuzz_passed and fuzz_failed.
run_fuzzers() {
  local seconds=$1 name
  shift
  build fuzz fuzzers
  for name; do mkdir -p "$FUZZ_RUN_DIR/$name" && rm -f "$FUZZ_RUN_DIR/$name/status"; done
  with_progress "Fuzzing $* for $seconds s each" fuzz_all "$seconds" "$@"
  for name; do report_fuzzer "$name"; done
}
