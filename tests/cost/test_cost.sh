#!/bin/bash
# What a job costs, counted and compared with baseline.tsv: instructions, allocations, system calls, Redis' commands and bytes. Nothing here is timed.
# Then whether the guard guards: what was counted is held against baselines of which one line is wrong.
set -u
for tool in valgrind strace redis-server python3; do
  command -v "$tool" >/dev/null || { echo "skip - a job's cost: $tool is not installed"; exit 77; }
done
[ -e "$STINT_BUILD/tests/stint-test-still.so" ] || { echo "skip - a job's cost: this build found no valgrind/callgrind.h (install valgrind, configure anew)"; exit 77; }
run="$STINT_SOURCE/tests/cost/run"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$run" --build "$STINT_BUILD" --print >"$dir/counted" || { cat "$dir/counted"; exit 1; }
compare() { "$run" --build "$STINT_BUILD" --counted "$dir/counted" "$@"; }
failed=0
compare || failed=1

verdict() { # WHAT EXPECTED-EXIT WORDS: of the last comparison
  if [ "$rc" = "$2" ] && grep -qE -- "$3" "$dir/said"; then echo "ok - $1"; else echo "not ok - $1 (exit $rc)"; sed 's/^/# /' "$dir/said" | head -20; failed=1; fi
}
doctored() { # AWK: the baseline that these very counts would be, changed
  cp "$STINT_SOURCE/tests/cost/baseline.tsv" "$dir/mine.tsv"
  compare --baseline "$dir/mine.tsv" --accept >/dev/null
  awk -F'\t' -v OFS='\t' "$1" "$dir/mine.tsv" >"$dir/doctored.tsv"
  compare --baseline "$dir/doctored.tsv" >"$dir/said" 2>&1
  rc=$?
}
doctored '{ print }'
verdict "the guard passes what is as it was" 0 '^ok - a job'"'"'s cost: retry$'
for figure in "redis commands" "redis calls" "redis aof bytes" "redis bytes out" "redis instructions" "worker instructions" "worker allocations" "worker system calls"; do
  doctored '$1 == "one by one to done" && $2 == "'"$figure"'" { $3 = $3 * 0.8 - 1 } { print }'
  verdict "the guard fails when $figure grew by a quarter and one, and names it" 1 "one by one to done: $figure: .* before, .* now"
done
doctored '$1 != "retry" || $2 != "redis calls" { print }'
verdict "the guard fails on a figure nobody kept" 1 'retry: redis calls: is not in the baseline'
doctored '{ print } END { print "fork", "redis calls", "1.00", "1", "made up" }'
verdict "the guard fails on a figure that is counted no more" 1 'fork: redis calls: is in the baseline \(1.00\) and was not counted'
doctored '$1 == "one by one to done" && $2 == "worker instructions" { $3 *= 2 } { print }'
verdict "the guard passes what became much cheaper, and says so" 0 'MUCH CHEAPER.*worker instructions'
doctored '/^# built: / { $0 = "# built: tcc 0.9, Debug" } $2 == "worker instructions" { $3 /= 2 } { print }'
verdict "the guard skips instructions kept for another compiler, aloud" 0 'skip - .* counted elsewhere'
doctored '/^# redis: / { $0 = $0 ".99" } $1 == "dead letter" && $2 == "redis commands" { $3 *= 0.95 } { print }'
verdict "the guard allows a patched Redis some percent" 0 '^ok - a job'"'"'s cost: dead letter$'
doctored '/^# redis: / { $0 = $0 ".99" } $1 == "dead letter" && $2 == "redis commands" { $3 = $3 * 0.8 - 1 } { print }'
verdict "the guard fails beyond them" 1 'dead letter: redis commands'
exit $failed
