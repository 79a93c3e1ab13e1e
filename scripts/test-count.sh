# Runs rings of tests through ctest and counts cases: cmocka's own lines, and the `ok - …`, `not ok - …`, `skip - …` lines of
# scripts. A program that died without a verdict counts as one failure. Sourced by test.sh.

PASSED=0 FAILED=0 SKIPPED=0 FLAKY=0

FAILED_CASE='^[0-9]+: (\[  FAILED  \] [^0-9]|not ok - )'
SKIPPED_CASE='^[0-9]+: (\[  SKIPPED \] [^0-9]|skip - )'

# cases LOG PATTERN: how many different cases match (cmocka names a failed case twice).
cases() { grep -E "$2" "$1" | sort -u | wc -l; }

# failures LOG: failed cases, or failed programs when they died without naming one.
failures() {
  local n
  n=$(cases "$1" "$FAILED_CASE")
  [ "$n" -gt 0 ] || n=$(grep -cE '^[[:space:]]+[0-9]+ - .* \(' "$1")
  echo $((n > 0 ? n : 1))
}

# ring_jobs "RING…" PROCESSORS: how many of their programs run side by side. Those that start servers wait most of their time. What fills the
# processors itself (hostile) runs alone. Where programs of one ring may not meet, their RESOURCE_LOCK says so (tests/CMakeLists.txt).
ring_jobs() {
  local jobs=$2
  case " $1 " in
    *" integration "*|*" crash "*) jobs=$((3 * $2)) ;;
    *" e2e "*) jobs=3 ;;
    *" hostile "*|*" faults "*) jobs=1 ;;
  esac
  echo $((jobs < 8 ? jobs : 8))
}

# run_rings PRESET "RING…": rings whose programs run side by side. What starts servers shares two cores with whatever else runs: what failed is run
# once more, alone; if it passes then, it is reported as flaky and counts as failed all the same: a test that fails now and then hides what it
# should show.
run_rings() {
  rings_start "$1" "$2"
  rings_count "$1" "$2"
}

# rings_start PRESET "RING…": runs them; its output and its exit code in build/. rings_count PRESET "RING…": says what came of it.
rings_log() { echo "build/$1-${2// /-}.log"; }
rings_start() {
  local log
  log=$(rings_log "$1" "$2")
  echo "== $2 ($1)"
  ctest --test-dir "build/$1" -L "^(${2// /|})\$" -V -j "$(ring_jobs "$2" "$(nproc)")" --no-tests=error >"$log" 2>&1
  echo $? >"$log.rc"
}
rings_count() {
  local preset=$1 rings=$2 log ok bad=0 skip
  log=$(rings_log "$preset" "$rings")
  ok=$(grep -cE '^[0-9]+: (\[       OK \]|ok - )' "$log")
  skip=$(cases "$log" "$SKIPPED_CASE")
  if [ "$(cat "$log.rc")" != 0 ]; then
    bad=$(failures "$log")
    report_failures "$log"
    case " $rings " in *" integration "*|*" crash "*|*" faults "*|*" e2e "*)
      echo "   --- once more, alone"
      if ctest --test-dir "build/$preset" --rerun-failed -V >"$log.again" 2>&1; then
        echo "   FLAKY: the programs above passed when run alone (counted as failed: mend them)"
        FLAKY=$((FLAKY + bad))
      else
        bad=$(failures "$log.again")
        report_failures "$log.again"
      fi ;;
    esac
  fi
  [ "$rings" != hostile ] || grep -hoE '(ok - [0-9]+ (documents|bombs|mutations): .*|# [0-9]+ crashes at .*)' "$log" | sed 's/^/   /'
  grep -E "$SKIPPED_CASE" "$log" | sort -u | sed 's/^[0-9]*: /   /'
  echo "   $rings ($preset): $ok passed, $bad failed, $skip skipped"
  PASSED=$((PASSED + ok)) FAILED=$((FAILED + bad)) SKIPPED=$((SKIPPED + skip))
}

report_failures() {
  sed -n '/The following tests FAILED/,/^Errors while/p' "$1" | sed 's/^/   /'
  echo "   --- from their output (all of it: $1)"
  grep -nE "$FAILED_CASE|^[0-9]+: (\[  ERROR|.*Sanitizer|.*: error: |# )" "$1" | head -60 | cut -c1-400 | sed 's/^/   /'
}

# Prints the last line and returns 1 when anything failed or nothing ran.
print_counts() {
  [ "$FLAKY" -eq 0 ] || echo "== $FLAKY FLAKY, see above"
  echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
  [ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
}
