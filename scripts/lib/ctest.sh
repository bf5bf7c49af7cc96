# shellcheck shell=bash
# Runs of CTest and their sum. Needs common.sh.

passed_tests=0
failed_tests=0
skipped_tests=0
failed_presets=()
failed_outputs=()
stages=()
stage_start=0

# stage_done NAME: ends a stage, for the table of times.
stage_done() {
  stages+=("$(printf '%5d s  %s' $((SECONDS - stage_start)) "$1")")
  stage_start=$SECONDS
}

# run_ctest PRESET ARGUMENT...: runs tests of a preset and adds them to the sum. Failures do not end the script, so that
# one run shows them all; print_summary makes it fail.
run_ctest() {
  local preset=$1 report status=0 counts
  shift
  report=$LOG_DIR/ctest-$preset.xml
  rm -f "$report"
  say "Testing $preset ..."
  cd "$ROOT_DIR" || return
  ctest --preset "$preset" --no-tests=error --parallel "$(nproc)" --output-junit "$report" "$@" || status=$?
  if [[ ! -f $report ]]; then
    failed_presets+=("$preset: CTest did not run")
    return
  fi
  counts=$(sed -n '/<testsuite /,/>/p' "$report" | tr '\n\t' '  ')
  local total failures disabled skipped
  total=$(attribute "$counts" tests)
  failures=$(attribute "$counts" failures)
  disabled=$(attribute "$counts" disabled)
  skipped=$(attribute "$counts" skipped)
  ((failed_tests += failures, skipped_tests += skipped + disabled)) || true
  ((passed_tests += total - failures - skipped - disabled)) || true
  ((total > 0)) || failed_presets+=("$preset: no test ran")
  ((status == 0)) || add_failures "$preset: $failures of $total tests failed" "$report"
}

# add_failures REASON REPORT: keeps, for print_summary, why a run failed, and what its failed tests printed.
add_failures() {
  local reason=$1 report=$2 names
  names=$(python3 "$ROOT_DIR/scripts/lib/failed_tests.py" names "$report" | sed 's/^/        /') || true
  failed_presets+=("$reason${names:+$'\n'$names}")
  failed_outputs+=("$(python3 "$ROOT_DIR/scripts/lib/failed_tests.py" outputs "$report")") || true
}

# add_results NAME PASSED FAILED: adds what was not run by CTest to the sum.
add_results() {
  ((passed_tests += $2, failed_tests += $3)) || true
  (($3 == 0)) || failed_presets+=("$1: $3 of $(($2 + $3)) failed")
}

# Prints the number that the attribute $2 has in the XML element $1.
attribute() { sed -E "s/.* $2=\"([0-9]+)\".*/\1/" <<<"$1"; }

# To be trapped on EXIT: prints what failed tests printed, stages, reasons and the sum; the script fails if anything did.
print_summary() {
  local status=$?
  trap - EXIT
  say ""
  ((${#failed_outputs[@]} == 0)) || printf '%s\n\n' "${failed_outputs[@]}"
  ((${#stages[@]} == 0)) || printf '%s\n' "${stages[@]}"
  printf '%5d s  in all\n' "$SECONDS"
  ((${#failed_presets[@]} == 0)) || printf 'failed: %s\n' "${failed_presets[@]}"
  ((status == 0)) || say "failed: stopped by the error above"
  ((skipped_tests == 0)) || say "$skipped_tests skipped"
  say "$passed_tests passed, $failed_tests failed"
  ((status == 0 && ${#failed_presets[@]} == 0)) || exit 1
}
