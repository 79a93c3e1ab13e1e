#!/bin/bash
# Why: a worker can be killed with a fetch on its way, which Redis reads after it was told of the death. What such a fetch claims belongs to a name
# that nobody asks for again while the host lives: the supervisor looks once more, with a later heartbeat, and hands it back, free.
# Refuses to: judge a try in which a heartbeat came between the death and the late fetch: the second look was over then.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
SUPERVISOR=""
late_end() {
  [ -n "$SUPERVISOR" ] && kill -KILL "$SUPERVISOR" 2>/dev/null && wait "$SUPERVISOR" 2>/dev/null
  ctl_end
}
trap late_end EXIT
export STINT_METRICS_PORT=0 STINT_RELAY_ENABLED=no STINT_SUPERVISOR_LEASE=30s STINT_SUPERVISOR_HEARTBEAT=5s STINT_SUPERVISOR_RESTART_MAX=1000
printf '[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 1\n' >"$STINT_CONFIG"
ok() { checks=$((checks + 1)); echo "ok - $1"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $1"; }
until_true() {
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { not_ok "in a minute not: $*"; sed 's/^/# /' "$CTL_DIR/log" | tail -n 12; return 1; }
    read -r -t 0.05 _ <> <(:) || true
  done
}
worker() { "$STINT" worker list --json 2>/dev/null | jq -r "select(.state == \"ready\") | $1" | head -c 200; }
ready_as() { [ "$(worker .generation)" = "$1" ]; }
job() { redis FCALL_RO stint_job 1 'stint:{probe}' "$1" | jq -r "$2"; }
job_is_done() { [ "$(job "$1" .state)" = "done" ]; }
death_told() { [ "$(redis XINFO CONSUMERS 'stint:{probe}:s:normal' workers | grep -c "^$1\$")" = 0 ]; }

ctl_start_redis
"$STINT_BUILD/bin/stint-supervisor" >"$CTL_DIR/log" 2>&1 &
SUPERVISOR=$!
until_true ready_as 1
instance=$("$STINT" status --json | jq -r '.supervisor.instance')
seen=no
for try in 1 2 3 4 5 6; do
  "$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --id "before-$try" >/dev/null
  until_true job_is_done "before-$try"
  lease=$(redis ZSCORE 'stint:{probe}:i' "$instance")
  kill -KILL "$(worker .pid)"
  until_true ready_as $((try + 1))
  until_true death_told "$instance:0:$try"
  "$STINT" worker quiet >/dev/null # or the living worker would have it first
  "$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --id "late-$try" >/dev/null
  redis FCALL stint_fetch 1 'stint:{probe}' "$instance" "$instance:0:$try" 0 1 >/dev/null
  claimed=$(redis XPENDING 'stint:{probe}:s:normal' workers | head -n 1)
  unbeaten=$(redis ZSCORE 'stint:{probe}:i' "$instance")
  "$STINT" worker resume >/dev/null
  [ "$claimed" = 1 ] && [ "$lease" = "$unbeaten" ] || continue
  seen=yes
  until_true job_is_done "late-$try" && ok "what a dead worker's fetch claimed is done by a living one"
  charged=$(job "late-$try" '[.attempts, .crashes, .handbacks] | join(" ")')
  [ "$charged" = "0 0 1" ] && ok "and was charged nothing" || not_ok "attempts, crashes, handbacks: $charged"
  grep -q 'claimed for a worker after its death' "$CTL_DIR/log" && ok "the log says so" || not_ok "the log is silent"
  break
done
[ $seen = yes ] || not_ok "a heartbeat came between in every try"
[ "$("$STINT" queue stats probe --json | jq .drift)" = 0 ] && ok "the ledger holds" || not_ok "drift"
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
