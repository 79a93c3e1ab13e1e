#!/bin/bash
# `stint match simulate` on a stack of its own: made-up people live through a pool, accelerated, and nothing may be lost; also not
# when a worker is killed in the middle, nor when the run is interrupted or killed.
# Refuses to judge accuracy, and any figure that depends on how busy the machine is.
set -u
. "${STINT_SOURCE:?}/tests/support/stack.sh"
export STINT_MATCH_PENDING_RELEASE=10s # pairs of a killed run are not waited for a minute
OUT="$STACK_DIR/out"

# simulate EXIT OPTIONS…: its exit code must be EXIT; the report is in $OUT, remarks in $OUT.err
simulate() {
  local want=$1 code
  shift
  timeout 300 "$STINT" match simulate --dir "$STACK_DIR" "$@" >"$OUT" 2>"$OUT.err" </dev/null
  code=$?
  if [ "$code" = "$want" ]; then ok "simulate $* exits with $want"; else
    not_ok "simulate $*: exit code $code, expected $want"
    tail -n 30 "$OUT" "$OUT.err" | sed 's/^/# /'
  fi
}
refuses() { # refuses EXIT TEXT OPTIONS…
  local want=$1 text=$2
  shift 2
  simulate "$want" "$@"
  if grep -qF -- "$text" "$OUT.err"; then ok "and says $text"; else not_ok "$*: does not say \"$text\": $(cat "$OUT.err")"; fi
}
report() { jq -r "$1" "$OUT"; }
is() { same "$1: $2" "$(report "$2")" "$3"; } # is WHAT JQ WANTED
left_in() { sql "SELECT count(*) FROM stint.match_ticket WHERE pool = '$1' AND state <> 'gone'"; }
joined_in() { [ "$(sql "SELECT count(*) FROM stint.match_ticket WHERE pool = '$1'")" -ge "$2" ]; }
empty() { [ "$(left_in "$1")" = 0 ]; }

stack_up >"$STACK_DIR/up.log" || { cat "$STACK_DIR/up.log"; not_ok "the stack starts"; exit 1; }

refuses 2 "say who comes"
refuses 2 "and not both" --scenario balanced --trace t
refuses 2 "balanced|male70" --scenario nobody
refuses 2 "more than 0 a second" --scenario balanced --rate 0
refuses 2 "lower the rate" --scenario balanced --rate 90000 --horizon 7d
refuses 2 "is of a scenario" --trace /dev/null --rate 2
refuses 2 "allowed: 0.1 to 1000" --scenario balanced --speed 0
refuses 2 "allowed: A-Z a-z 0-9" --scenario balanced --pool a/b
refuses 2 "--horizon" --scenario balanced --horizon soon
refuses 2 "--seed" --scenario balanced --seed x
refuses 2 "--presence" --scenario balanced --presence 1s
refuses 2 "--yes-share" --scenario balanced --yes-share 2
refuses 2 "--silent" --scenario balanced --silent=-1
refuses 2 "--notify" --scenario balanced --notify many
refuses 2 "--vote-time" --scenario balanced --vote-time long
refuses 3 "/no/such/trace" --trace /no/such/trace
refuses 3 "no queue" --scenario balanced --queue nowhere
refuses 1 "--out" --scenario balanced --out /no/such/folder/below

# A pool that people use is left alone.
"$STINT" match submit --dir "$STACK_DIR" --pool real --id ann --gender F --seeking M --age 30 --quiet >/dev/null
"$STINT" match submit --dir "$STACK_DIR" --pool real --id bob --gender M --seeking F --age 30 --quiet >/dev/null
known() { [ "$(redis EXISTS 'stint:{match}:match:real')" = 1 ]; }
until_true 60 known || not_ok "the pool's first event"
refuses 5 "is in use" --scenario balanced --pool real

# The same traffic with votes, returns and people who close the app; a worker dies in the middle.
kill_one() {
  until_true 60 joined_in sim-killed 200 || return
  kill -9 "$(worker_pids | head -n 1)"
}
kill_one &
killer=$!
simulate 0 --json --scenario mixed --rate 6 --horizon 200s --speed 10 --yes-share 0.7 --silent 0.2 --presence 5s --notify 1 \
  --pool sim-killed --seed 7 --out "$STACK_DIR/run"
wait "$killer" || not_ok "no worker was killed"
is killed .faults.total 0
is killed '.faults.evidence | length' 0
is killed '.people.joined == (.people | .matched + .left + .expired + .offline + .waiting + .refused)' true
is killed '.people.matched > 0 and .traffic.confirms > 0 and .traffic.releases > 0 and .traffic.touches > 0' true
is killed '.people.gender | keys | join(" ")' "female male nonbinary"
is killed '.latencyMs.joinToAnswer.n == .people.joined' true
is killed '.traffic.events > 0 and .traffic.strangers == 0' true
same "the pool is empty" "$(left_in sim-killed)" 0
same "its stream is gone" "$(redis EXISTS 'stint:{match}:match:sim-killed')" 0

# What it wrote can be played again, and judged, by the tools for traces.
"$STINT" match replay "$STACK_DIR/run/trace.jsonl" --refresh 0s --json >"$STACK_DIR/replayed" 2>&1 || not_ok "replay: $(cat "$STACK_DIR/replayed")"
same "everybody who joined is in the trace" "$(jq .all.joined "$STACK_DIR/replayed")" "$(report .people.joined)"
same "everybody has an outcome" "$(wc -l <"$STACK_DIR/run/outcomes.jsonl")" "$(report .people.joined)"
same "the report is the one that was printed" "$(jq -c .people "$STACK_DIR/run/report.json")" "$(jq -c .people "$OUT")"

# From a trace, for people.
simulate 0 --trace "$STACK_DIR/run/trace.jsonl" --speed 4 --pool sim-again
if grep -q "^nothing lost" "$OUT"; then ok "the report says that nothing was lost"; else not_ok "the report: $(cat "$OUT")"; fi

# Interrupted: everybody leaves, the report is partial.
timeout --foreground 300 "$STINT" match simulate --dir "$STACK_DIR" --scenario balanced --rate 20 --horizon 20m --pool sim-cut --json \
  >"$OUT" 2>"$OUT.err" </dev/null &
run=$!
until_true 60 joined_in sim-cut 40 || not_ok "nobody joined"
kill -INT "$run"
wait "$run"
same "an interrupted run exits with 1" $? 1
is interrupted '.interrupted and .faults.total == 0' true
same "nobody is left" "$(left_in sim-cut)" 0

# Killed: silence ends what is left.
"$STINT" match simulate --dir "$STACK_DIR" --scenario male90 --rate 20 --horizon 20m --presence 3s --pool sim-dead \
  >/dev/null 2>&1 </dev/null &
run=$!
until_true 60 joined_in sim-dead 40 || not_ok "nobody joined"
kill -9 "$run"
wait "$run" 2>/dev/null
if until_true 120 empty sim-dead; then ok "a killed run's people expire"; else not_ok "$(left_in sim-dead) tickets of a killed run are left"; fi

stack_verdict
