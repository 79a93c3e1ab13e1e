#!/bin/bash
# Why: an operator who requires cgroups must not get a supervisor without them, and one who has none must be told why.
# Refuses to: change this host's cgroups; where a group is delegated to the test itself, it skips.
set -u
DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-cgroup-XXXXXX")
PID="" failures=0 checks=0
export STINT_CONFIG="$DIR/stint.conf" STINT_SUPERVISOR_RUN_DIR="$DIR" STINT_SUPERVISOR_STATE_DIR="$DIR" STINT_METRICS_PORT=0 NO_COLOR=1
export STINT_REDIS_URL="unix://$DIR/none.sock" STINT_POSTGRES_URL="postgresql:///none?host=$DIR" STINT_RELAY_ENABLED=no
printf '[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 0\n' >"$STINT_CONFIG"

end() {
  [ -n "$PID" ] && kill -9 "$PID" 2>/dev/null && wait "$PID" 2>/dev/null
  rm -rf "$DIR"
}
trap end EXIT
check() { checks=$((checks + 1)); if "${@:2}"; then echo "ok - $1"; else failures=$((failures + 1)); echo "not ok - $1"; sed 's/^/# /' "$DIR/log" | tail -n 5; fi; }

why() { "$STINT_BUILD/bin/stint" status --json 2>/dev/null | jq -r '.supervisor.limits.why // empty'; }
start() { # MODE: returns when the supervisor answers or is gone
  STINT_SUPERVISOR_CGROUP=$1 "$STINT_BUILD/bin/stint-supervisor" >"$DIR/log" 2>&1 &
  PID=$!
  local deadline=$((SECONDS + 60))
  while [ $SECONDS -lt $deadline ]; do
    { [ -n "$(why)" ] || ! kill -0 "$PID" 2>/dev/null; } && return
    read -r -t 0.05 _ <> <(:) || true
  done
}
stop() { kill -9 "$PID" 2>/dev/null; wait "$PID" 2>/dev/null; PID=""; }

start off
check "off: status says so" test "$(why)" = "cgroups are off ([supervisor] cgroup = off): rlimits only"
stop
start auto
WHY=$(why)
if [ "$("$STINT_BUILD/bin/stint" status --json 2>/dev/null | jq -r .supervisor.limits.cgroup)" = true ]; then
  echo "skip - cgroup modes: a cgroup v2 group is delegated to this test itself"
  exit 77
fi
check "auto: a supervisor without a delegated group runs" kill -0 "$PID"
check "auto: and says why, and that rlimits hold ($WHY)" grep -q 'rlimits only' <<<"$WHY"
check "auto: people read the same" grep -qF "limits: $WHY" <("$STINT_BUILD/bin/stint" status 2>/dev/null)
stop
start required
check "required: it does not start" eval '! kill -0 "$PID" 2>/dev/null'
check "required: and says what is missing" grep -q 'cgroup = required, but ' "$DIR/log"
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
