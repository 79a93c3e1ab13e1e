#!/usr/bin/env bash
# `stint match replay`: what it prints and writes, and every way to ask it wrongly. No server runs.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
TRACE=$STINT_SOURCE/tests/support/traces/mixed.jsonl

run 0 match replay "$TRACE"; says "policy greedy"; says "female"; says "estimates"
run 0 match replay "$TRACE" --policy fcfs --refresh 0s --outcomes "$CTL_DIR/outcomes"; says "86"; says_not "estimates"
checks=$((checks + 1))
cmp "$CTL_DIR/outcomes" "$STINT_SOURCE/tests/support/traces/mixed.fcfs.jsonl" || failures=$((failures + 1))

# the same seed, the same words; another seed samples otherwise but says the same of the outcomes
run 0 match replay "$TRACE" --outcomes "$CTL_DIR/a" --predictions "$CTL_DIR/told-a" --also reason,would,again --json
says '"recommendedPerS"'; says '"policy":"greedy"'
run 0 match replay "$TRACE" --outcomes "$CTL_DIR/b" --predictions "$CTL_DIR/told-b" --also reason,would,again --quiet
checks=$((checks + 3))
cmp "$CTL_DIR/a" "$CTL_DIR/b" || failures=$((failures + 1))
cmp "$CTL_DIR/told-a" "$CTL_DIR/told-b" || failures=$((failures + 1))
[ "$(grep -c '"reason": .*"would": {"distance"' "$CTL_DIR/told-a")" -eq "$(wc -l <"$CTL_DIR/told-a")" ] || failures=$((failures + 1))
run 0 match replay "$TRACE" --predictions "$CTL_DIR/plain"
checks=$((checks + 1))
! grep -q 'reason\|would\|again' "$CTL_DIR/plain" || { echo "not ok - members nobody asked for"; failures=$((failures + 1)); }

# from standard input, which is not empty when a trace comes
checks=$((checks + 1))
"$STINT" match replay - --refresh 0s <"$TRACE" | grep -q 'people in' || { echo "not ok - a trace on standard input"; failures=$((failures + 1)); }
run 2 match replay -; says "is empty: a trace begins with its header"

# wrong words
run 2 match replay; says "is missing"
run 3 match replay "$CTL_DIR/none"; says "there is no file"
run 2 match replay "$TRACE" --policy best; says "greedy|fcfs|max"
run 2 match replay "$TRACE" --also everything; says "reason|would|again"
run 2 match replay "$TRACE" --refresh 2h; says "--refresh"
run 2 match replay "$TRACE" --seed -1; says "--seed"
run 2 match replay "$TRACE" --refresh 0s --predictions "$CTL_DIR/p"; says "--predictions needs the model"
run 2 match replay "$TRACE" --outcomes "$TRACE"; says "is the trace itself"
run 2 match replay "$TRACE" --outcomes -; says "needs a file's name"
: >"$CTL_DIR/one"
run 2 match replay "$TRACE" --outcomes "$CTL_DIR/one" --predictions "$CTL_DIR/one"; says "name the same file"
run 1 match replay "$TRACE" --outcomes "$CTL_DIR/no/such/folder"; says "cannot be written"
[ ! -e /dev/full ] || { run 1 match replay "$TRACE" --outcomes /dev/full; says "cannot be written"; }
checks=$((checks + 1))
[ "$(wc -l <"$TRACE")" -eq 221 ] || { echo "not ok - the trace was written over"; failures=$((failures + 1)); }

# wrong lines: the line is named
printf '{"ev":"join","t":1,"id":1}\n' >"$CTL_DIR/bad"
run 2 match replay "$CTL_DIR/bad"; says "line 1: the first line must be the header"
head -3 "$TRACE" >"$CTL_DIR/bad"
sed -n 2p "$TRACE" >>"$CTL_DIR/bad"
run 2 match replay "$CTL_DIR/bad"; says "line 4: "
{ sed -n 1p "$TRACE"; sed -n 20p "$TRACE"; sed -n 2p "$TRACE"; } >"$CTL_DIR/bad"
run 2 match replay "$CTL_DIR/bad"; says "line 3: \"t\" goes back"
{ sed -n 1p "$TRACE"; sed -n 2p "$TRACE" | sed 's/"age":[0-9]*/"age":17/'; } >"$CTL_DIR/bad"
run 2 match replay "$CTL_DIR/bad"; says "line 2: \"age\" is not right; needed: a whole number from 18 to 120"
ctl_finish
