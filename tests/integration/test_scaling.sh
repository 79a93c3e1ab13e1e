#!/bin/bash
# Why: a pool with a target_wait grows when jobs wait, says why, shrinks one by one when they do not, and loses, kills or repeats nothing
# while it does; two hosts share a queue's demand; an operator's number holds until he gives it back.
# Refuses to: touch any supervisor but its own. Jobs sleep for ten minutes and are cancelled, so that no state passes before it is seen;
# and they are there before a supervisor is, which then sees no arrivals: how fast they come would be this machine's speed.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
declare -A PIDS=()
scale_end() {
  local pid
  for pid in "${PIDS[@]}"; do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  ctl_end
}
trap scale_end EXIT
export STINT_METRICS_PORT=0 STINT_RELAY_ENABLED=no

# drain_timeout is short on purpose: whoever is chosen to go may not be killed for it.
conf() {
  printf '[supervisor]\ndrain_timeout = 300ms\n[metrics]\ninterval = 200ms\n[kind.probe]\nenabled = yes\ntimeout = 1h\n[pool.probe]\n' >"$STINT_CONFIG"
  printf 'kinds = probe\nbatch_max = 1\n%s\n' "$1" >>"$STINT_CONFIG"
}
SCALED=$'target_wait = 1s\nworkers_min = 1\nworkers_max = 4\nscale_down_after = 500ms'

pause() { read -r -t 0.1 _ <> <(:) || true; }
until_true() { # COMMAND…: within a minute
  local deadline=$((SECONDS + 60))
  checks=$((checks + 1))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { failures=$((failures + 1)); echo "not ok - in a minute not: $*"; "$STINT" status | sed 's/^/# /'; tail -n 5 "$CTL_DIR"/log-* | cut -c1-300 | sed 's/^/# /'; return 1; }
    pause
  done
}
is() { # WHAT SEEN WANTED
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return 0
  failures=$((failures + 1))
  echo "not ok - $1: \"$2\", expected \"$3\""
}
start() { # NAME: a host of its own
  env STINT_SUPERVISOR_RUN_DIR="$CTL_DIR/$1" STINT_SUPERVISOR_STATE_DIR="$CTL_DIR/state-$1" \
    "$STINT_BUILD/bin/stint-supervisor" >"$CTL_DIR/log-$1" 2>&1 &
  PIDS[$1]=$!
}
pool() { STINT_SUPERVISOR_RUN_DIR="$CTL_DIR/$1" "$STINT" status --json 2>/dev/null | jq -r ".supervisor.pools[0]$2"; }
pool_is() { [ "$(pool "$1" "$2")" = "$3" ]; }
at_least() { [ "$(pool "$1" "$2")" -ge "$3" ]; }
on() { local host=$1; shift; STINT_SUPERVISOR_RUN_DIR="$CTL_DIR/$host" "$STINT" "$@"; }
stats() { redis FCALL stint_stats 1 'stint:{probe}' | jq -r "$1"; }
active_are() { [ "$(stats .bands.normal.active)" = "$1" ]; }
job() { redis FCALL stint_job 1 'stint:{probe}' "$1" | jq -r "$2"; }
job_is() { [ "$(job "$1" "$2")" = "$3" ]; }
sleepers() { # PREFIX N MS
  local i
  for ((i = 1; i <= $2; i++)); do
    redis FCALL stint_enqueue 1 'stint:{probe}' "{\"kind\":\"probe\",\"id\":\"$1$i\",\"timeout_ms\":3600000}" "{\"v\":1,\"do\":\"sleep\",\"ms\":$3}" >/dev/null
  done
}
cancel() { redis FCALL stint_cancel 1 'stint:{probe}' "$1" enough test >/dev/null; }
# steps NAME: "from>to" of every scaling in the log
steps() { jq -rR 'fromjson? | select(.msg == "pool scaled") | "\(.from)>\(.to)"' "$CTL_DIR/log-$1" | tr '\n' ' '; }
metric() { curl -s "localhost:$(cat "$CTL_DIR/$1/metrics.port")/metrics" | sed -n "s/^$2{pool=\"probe\"} //p"; }

ctl_start_redis

# --- one host: up to its maximum, with reasons ---
conf "$SCALED"
run 0 queue stats probe # loads the Functions
sleepers long 12 600000
start a
until_true pool_is a .scaling.reason at_max
until_true active_are 4
is "it stops at workers_max" "$(pool a .desired)" 4
is "more are needed than it may have" "$(($(pool a .scaling.demand) > 4))" 1
people_read() { on a status 2>/dev/null | grep -q 'probe: 4 of 1 to 4 workers: more are needed than workers_max allows (8 ready, '; }
until_true people_read
up=$(steps a)
checks=$((checks + 1))
case "$up" in
  "1>2 2>3 3>4 "|"1>2 2>4 ") ;;
  *) failures=$((failures + 1)); echo "not ok - at most doubled at each step: $up" ;;
esac
is "a step is logged with its reason" "$(grep -c '"from":1,"to":2,"reason":"up","why":"more are needed to keep the wait below the target (' "$CTL_DIR/log-a")" 1
is "that it may not grow is a warning" "$(grep -m1 -c '"level":"warn".*a pool has fewer workers than its target_wait needs' "$CTL_DIR/log-a")" 1
more_demanded() { [ "$(metric a stint_workers_desired)" -gt 4 ]; }
until_true more_demanded
is "what this host wants is another number" "$(metric a stint_pool_workers_wanted) $(metric a stint_pool_workers_min) $(metric a stint_pool_workers_max)" "4 1 4"
is "the target is told" "$(metric a stint_pool_target_wait_seconds)" 1
predicted() { awk -v s="$(metric a stint_pool_predicted_wait_seconds)" 'BEGIN { exit !(s > 1) }'; }
until_true predicted

# --- idle: one by one, never the one that works ---
kept=$(redis XRANGE 'stint:{probe}:s:normal' - + | grep -o 'long[0-9]*' | head -1)
for i in $(seq 12); do [ "long$i" = "$kept" ] || cancel "long$i"; done
until_true pool_is a .desired 1
until_true active_are 1
is "one at a time" "$(steps a | sed "s/^$up//")" "4>3 3>2 2>1 "
until_true pool_is a .ready 1
is "the job in hand was left alone" "$(job "$kept" .state) $(job "$kept" .epoch) $(job "$kept" .handbacks)" "active 1 0"
is "the others are cancelled, none is lost" "$(stats '"\(.ledger.cancelled) \(.drift) \(.dead)"')" "11 0 0"

# --- an operator's number ---
run_a() { on a "$@" >"$CTL_DIR/said" 2>&1; }
run_a worker scale probe 3
is "stint says how long that holds" "$(sed -n 2p "$CTL_DIR/said")" 'its target_wait rests until "stint worker scale probe auto" or a reload'
until_true pool_is a .scaling.reason manual
until_true pool_is a .ready 3
is "and it holds" "$(pool a .desired) $(pool a .scaling.manual)" "3 true"
run_a worker scale probe auto
is "until it is given back" "$(sed -n 2p "$CTL_DIR/said")" "from here on its target_wait decides"
until_true pool_is a .desired 1
run_a worker scale probe 2
until_true pool_is a .scaling.reason manual
run_a reload
until_true pool_is a .desired 1
is "a reload gives it back too" "$(pool a .scaling.manual)" false
run_a worker scale probe many
is "another word is refused" "$(grep -c 'allowed: a whole number from 0 to 256, or auto' "$CTL_DIR/said")" 1

# --- by reload: off, and on again ---
conf "workers = 2"
run_a reload
until_true pool_is a .ready 2
is "without a target nothing is scaled" "$(pool a .scaling)" null
conf $'target_wait = 1s\nworkers_min = 5\nworkers_max = 4'
run_a reload
is "bounds that contradict are refused" "$(grep -c 'workers_min (5) is above workers_max (4)' "$CTL_DIR/said")" 1
conf "$SCALED"
run_a reload
until_true pool_is a .desired 1

# --- whoever is chosen to go finishes what it runs ---
cancel "$kept"
until_true active_are 0
sleepers brief 1 2000
until_true active_are 1
run_a worker scale probe 0
until_true job_is brief1 .state done
is "once, to its end" "$(job brief1 .epoch) $(job brief1 .handbacks)" "1 0"

# --- two hosts, one queue ---
kill -TERM "${PIDS[a]}"
wait "${PIDS[a]}"
is "it leaves in order" "$?" 0
unset "PIDS[a]"
sleepers shared 5 600000
start b
start c
until_true at_least b .desired 2
until_true at_least c .desired 2
until_true active_are 5
for i in 1 2 3 4 5; do cancel "shared$i"; done
until_true pool_is b .desired 1
until_true pool_is c .desired 1
is "and the ledger holds" "$(stats '"\(.drift) \(.dead)"')" "0 0"
ctl_finish
