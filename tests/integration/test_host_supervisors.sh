#!/bin/bash
# Why: a host may run a supervisor for all pools and one for each of some pools; an operator's command must reach all of them, or the one that is meant.
# Refuses to: touch any supervisor but its own.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
declare -A PIDS=()
places_end() {
  local pid
  for pid in "${PIDS[@]}"; do kill -KILL "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; done
  ctl_end
}
trap places_end EXIT
export STINT_METRICS_PORT=0 STINT_RELAY_ENABLED=no
POOLS=$'[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 1\n[pool.spare]\nkinds = probe\nworkers = 1\n'
printf '%s' "$POOLS" >"$STINT_CONFIG"

pause() { read -r -t 0.1 _ <> <(:) || true; }
# until_true COMMAND…: within a minute
until_true() {
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - in a minute not: $*"; "$STINT" status | sed 's/^/# /'; return 1; }
    pause
  done
}
# start NAME OPTIONS…: a supervisor with the run folder NAME below the common one; "" is that itself
start() {
  local name=$1
  shift
  env STINT_SUPERVISOR_RUN_DIR="$CTL_DIR${name:+/$name}" STINT_SUPERVISOR_STATE_DIR="$CTL_DIR/state${name:+-$name}" \
    "$STINT_BUILD/bin/stint-supervisor" "$@" >"$CTL_DIR/log-$name" 2>&1 &
  PIDS[x$name]=$!
}
seen() { "$STINT" status --json 2>/dev/null | jq -r "$1"; }
ready_are() { [ "$(seen '[.supervisors[].workers[]? | select(.state == "ready")] | length')" = "$1" ]; }
is() { # is WHAT SEEN WANTED
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return 0
  failures=$((failures + 1))
  echo "not ok - $1: \"$2\", expected \"$3\""
}
gone() { ! kill -0 "${PIDS[x$1]}" 2>/dev/null; }
ctl_start_redis

# --- a pool that is not there ---
"$STINT_BUILD/bin/stint-supervisor" --pool nope >"$CTL_DIR/out" 2>&1
is "an unknown pool is a mistake in usage" "$? $(cat "$CTL_DIR/out")" \
  "2 stint-supervisor: there is no pool \"nope\" in $STINT_CONFIG; its pools: probe, spare"
is "a check looks at it too" "$("$STINT_BUILD/bin/stint-supervisor" --check --pool nope 2>&1 | grep -c 'no pool')" 1
is "no name for it" "$("$STINT_BUILD/bin/stint-supervisor" --pool 2>&1 | cut -d: -f2)" " --pool needs the name of a pool"

# --- one of a pool alone: found below the run folder ---
run 4 status
says "$CTL_DIR/control.sock cannot be reached"
start spare --pool spare
until_true ready_are 1
run 0 worker list
says "spare"
says_not "probe"
is "status tells where its metrics are" "$(seen '.supervisor.metrics | .listen + " " + (.port == 0 | tostring)')" "127.0.0.1 false"
is "they answer there" "$(curl -fsS "http://127.0.0.1:$(seen .supervisor.metrics.port)/metrics" | grep -c '^stint_workers{pool="spare"')" \
  "$(curl -fsS "http://127.0.0.1:$(cat "$CTL_DIR/spare/metrics.port")/metrics" | grep -c '^stint_workers{')"
run 0 worker scale spare 2
until_true ready_are 2

# --- beside one for all pools ---
start ""
until_true ready_are 4
run 4 status # there is no PostgreSQL
says "run folder: $CTL_DIR/spare"
says "SUPERVISOR"
is "both are told, the one of all pools first" "$(seen '([.supervisors[] | .name] | join(",")) + " " + .supervisor.run_dir')" ",spare $CTL_DIR"
is "workers are listed with their supervisor" "$("$STINT" worker list --json | jq -r '.supervisor + ":" + .pool' | sort -u | tr '\n' ' ')" ":probe :spare spare:spare "
run 0 --run-dir spare worker list
says_not "probe"
run 0 --run-dir "$CTL_DIR" worker list
says "probe"

# --- the one that is meant ---
run 2 worker scale spare 1
says "several supervisors of this host could be meant; name one with --run-dir: $CTL_DIR, $CTL_DIR/spare"
run 0 --run-dir spare worker scale spare 1
run 0 worker scale probe 2
run 3 worker scale nope 1
says 'no supervisor of this host runs a pool "nope"; pools: probe, spare, spare'
run 2 worker kill 0
says "name one with --run-dir"
run 2 worker restart --slot 0
run 3 --run-dir nowhere status
says "--run-dir: $CTL_DIR/nowhere: No such file"
until_true ready_are 4

# --- all of them ---
run 0 worker restart --pool spare
says "2 workers being replaced"
run 3 worker restart --pool nope
run 0 worker quiet
says "4 workers will finish"
run 0 worker resume
until_true ready_are 4
printf '%s[supervisor]\nkill_grace = 3s\n' "$POOLS" >"$STINT_CONFIG"
run 0 reload
is "each took the change over" "$(grep -c 'changed *supervisor.kill_grace' <<<"$OUT")" 2
says "$CTL_DIR/spare"
printf '[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 1\n' >"$STINT_CONFIG"
run 2 reload
says 'there is no pool "spare"'
is "the supervisor of that pool keeps what it has" "$(seen '.supervisors[] | select(.name == "spare") | .pools[0] | "\(.name) \(.desired)"')" "spare 1"
printf '%s' "$POOLS" >"$STINT_CONFIG"

# --- one that was killed is shown, not forgotten ---
kill -KILL "${PIDS[xspare]}"
wait "${PIDS[xspare]}" 2>/dev/null
run 4 status
says "supervisor  DOWN: the supervisor's control socket $CTL_DIR/spare/control.sock"
says "supervisor  running"
start spare --pool spare
until_true eval '[ "$(seen "[.supervisors[] | select(.ok)] | length")" = 2 ]'
run 0 drain
until_true gone ""
until_true gone spare
is "both ended well" "$(wait "${PIDS[x]}"; echo $?) $(wait "${PIDS[xspare]}"; echo $?)" "0 0"
ctl_finish
