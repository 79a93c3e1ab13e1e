#!/usr/bin/env bash
# A host with nothing to do leaves Redis alone, however many workers it has: commands are counted, those inside Functions too, against
# how often the slowest of clocks allows them. All its periods are a tenth of the default ones here; so 2 a second by default are 20.
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
# shellcheck source=tests/support/redis_own.sh
. "$(dirname "$0")/../support/redis_own.sh"
WORKERS=8
K='stint:{idle}'

cat >"$STACK_DIR/stint.conf" <<CONF
[supervisor]
run_dir = $STACK_DIR/run
state_dir = $STACK_DIR/state
cgroup = off
lease = 1s
heartbeat = 300ms
[relay]
enabled = no
[metrics]
port = 0
interval = 200ms
[pool.idle]
queue = idle
kinds = probe
workers = $WORKERS
memory = 0
CONF
unset STINT_SUPERVISOR_LEASE STINT_SUPERVISOR_HEARTBEAT
mkdir -p "$STACK_DIR/run" "$STACK_DIR/state"

host_start() {
  "$STINT_BUILD/bin/stint-supervisor" --config "$STACK_DIR/stint.conf" >"$STACK_DIR/supervisor.log" 2>&1 &
  HOST_PID=$!
}
redis_mess() { kill "$HOST_PID" 2>/dev/null && wait "$HOST_PID" 2>/dev/null; }

calls() { redis INFO stats | tr -d '\r' | sed -n 's/^total_commands_processed://p'; }
lease_left_ms() { redis EVAL "local t = redis.call('TIME'); local s = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.floor((s[2] or 0) - t[1] * 1000 - t[2] / 1000)" 1 "$K:i"; }
# The lease is longer than the configured one: the host rests.
rests() { [ "$(lease_left_ms)" -gt 1000 ]; }
all_ready() { [ "$(grep -c '"worker ready"' "$STACK_DIR/supervisor.log")" -ge $WORKERS ]; }
done_is() { [ "$(redis HGET "$K:ledger" done)" = "$1" ]; }

redis_start && ok "a Redis of its own"
host_start
until_true 60 all_ready && ok "$WORKERS workers are ready"
until_true 60 rests && ok "with nothing to do the host rests: its lease is longer than it has to be"

before=$(calls) began=$(now_ms)
pause 6
counted=$(($(calls) - before)) took=$(($(now_ms) - began))
if [ $((counted * 1000)) -le $((20 * took)) ]; then
  ok "$counted commands in $took ms, those inside Functions and two of ours counted: no more than 20 a second"
else
  not_ok "$counted commands in $took ms, where 20 a second are allowed: $(redis INFO commandstats | cut -d, -f1 | sort -t= -k3 -rn | head -8 | tr -d '\r' | tr '\n' ' ')"
fi

# Work ends the rest at once: the lease is cut to the configured one while the job runs. The job lasts until it was seen.
redis FCALL stint_enqueue 1 "$K" '{"kind":"probe","id":"long"}' '{"v":1,"do":"sleep","ms":600000}' >/dev/null
is_short() { [ "$(redis FCALL stint_job 1 "$K" long | grep -c '"state":"active"')" = 1 ] && [ "$(lease_left_ms)" -le 1000 ]; }
until_true 60 is_short && ok "a host that runs a job has the lease that is configured, no longer"
redis FCALL stint_cancel 1 "$K" long 'seen' test >/dev/null
gone() { [ "$(redis XLEN "$K:s:normal")" = 0 ]; }
until_true 60 gone && ok "the job was cancelled"
redis FCALL stint_enqueue 1 "$K" '{"kind":"probe"}' '{"v":1,"do":"ok"}' >/dev/null
until_true 60 done_is 1 && ok "it works on"
until_true 60 rests && ok "and rests again"
[ "$(redis FCALL stint_stats 1 "$K" | jq -r .drift)" = 0 ] && ok "the ledger is right"
stack_verdict
