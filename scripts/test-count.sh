# Runs a ring of tests through ctest and counts cases: cmocka's own lines, and the `ok - …`, `not ok - …`, `skip - …` lines of
# scripts. A program that died without a verdict counts as one failure. Sourced by test.sh.

PASSED=0 FAILED=0 SKIPPED=0

# run_ring PRESET RING
run_ring() {
  local preset=$1 ring=$2 log="build/$1-$2.log" ok bad skip jobs=2
  [ "$ring" = crash ] && jobs=1
  echo "== $ring ($preset)"
  ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0:handle_abort=1}" \
    ctest --test-dir "build/$preset" -L "^$ring\$" -V -j "$jobs" --no-tests=error >"$log" 2>&1
  local rc=$?
  ok=$(grep -cE '^[0-9]+: (\[       OK \]|ok - )' "$log")
  # cmocka names a failed case twice: when it fails and in its summary.
  bad=$(( $(grep -E '^[0-9]+: (\[  FAILED  \] [^0-9]|not ok - )' "$log" | sort -u | wc -l) ))
  skip=$(( $(grep -E '^[0-9]+: (\[  SKIPPED \] [^0-9]|skip - )' "$log" | sort -u | wc -l) ))
  if [ $rc -ne 0 ] && [ "$bad" -eq 0 ]; then
    bad=$(grep -cE '^ *[0-9]+ - .*\((Failed|Timeout|SEGFAULT|Subprocess|Child|Not Run)' "$log")
    [ "$bad" -eq 0 ] && bad=1
  fi
  grep -E '^[0-9]+: skip - |^[0-9]+: \[  SKIPPED \] [^0-9]' "$log" | sort -u | sed 's/^[0-9]*: /   /'
  if [ $rc -ne 0 ]; then
    sed -n '/tests failed out of/,$p' "$log" | sed 's/^/   /'
    echo "   --- the failing programs' output (all of it: $log)"
    grep -nE '^[0-9]+: (\[  FAILED|\[  ERROR|not ok - |.*Sanitizer|.*error: )' "$log" | head -60 | sed 's/^/   /'
    [ -n "${CI:-}" ] && tail -300 "$log"
  fi
  echo "   $ok passed, $bad failed, $skip skipped"
  PASSED=$((PASSED + ok)) FAILED=$((FAILED + bad)) SKIPPED=$((SKIPPED + skip))
}

# Prints the last line and returns 1 when anything failed or nothing ran.
print_counts() {
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}
