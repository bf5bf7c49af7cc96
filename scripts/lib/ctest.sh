# shellcheck shell=bash
# Runs of CTest and their sum. Needs common.sh.

passed_tests=0
failed_tests=0
skipped_tests=0
failed_presets=()
failed_reports=()
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
  if ((status != 0)); then
    failed_presets+=("$preset: $failures of $total tests failed")
    failed_reports+=("$report")
  fi
}

# print_failures REPORT: names the tests that failed by a JUnit report of CTest's; of the first five also the end of
# what they printed.
print_failures() {
  awk '
    function flush_output(first) {
      if (++shown > 5) return
      first = count > 40 ? count - 40 : 0
      while (first < count) print "    " lines[first++]
    }
    /<testcase / {
      is_failed = /status="fail"/
      if (is_failed) { name = $0; sub(/.* name="/, "", name); sub(/".*/, "", name); print "failed: " name }
      next
    }
    !is_failed { next }
    sub(/^.*<system-out>/, "") { in_output = 1; count = 0 }
    in_output && sub(/<\/system-out>.*/, "") { lines[count++] = $0; in_output = 0; flush_output() }
    in_output { lines[count++] = $0 }
  ' "$1" | sed 's/&lt;/</g; s/&gt;/>/g; s/&quot;/"/g; s/&amp;/\&/g'
}

# add_results NAME PASSED FAILED: adds what was not run by CTest to the sum.
add_results() {
  ((passed_tests += $2, failed_tests += $3)) || true
  (($3 == 0)) || failed_presets+=("$1: $3 of $(($2 + $3)) failed")
}

# Prints the number that the attribute $2 has in the XML element $1.
attribute() { sed -E "s/.* $2=\"([0-9]+)\".*/\1/" <<<"$1"; }

# To be trapped on EXIT: prints failures, stages, reasons and the sum; the script fails if anything did.
print_summary() {
  local status=$?
  trap - EXIT
  say ""
  local report
  for report in ${failed_reports[@]+"${failed_reports[@]}"}; do print_failures "$report"; done
  ((${#stages[@]} == 0)) || printf '%s\n' "${stages[@]}"
  printf '%5d s  in all\n' "$SECONDS"
  ((${#failed_presets[@]} == 0)) || printf 'failed: %s\n' "${failed_presets[@]}"
  ((status == 0)) || say "failed: stopped by the error above"
  ((skipped_tests == 0)) || say "$skipped_tests skipped"
  say "$passed_tests passed, $failed_tests failed"
  ((status == 0 && ${#failed_presets[@]} == 0)) || exit 1
}
