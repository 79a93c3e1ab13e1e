#!/bin/bash
# Why: a line that is cut tells nobody. Connections that look whole lead nowhere, and what was sent may arrive long after its sender
# gave it up: no job may be lost in between, or stay with a worker that does not know of it.
# Refuses to: touch an interface or a namespace it did not make; guess without them (they need root).
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
# shellcheck source=tests/support/redis_own.sh
. "$(dirname "$0")/../support/redis_own.sh"
began=$SECONDS
NS="stint-faults-$$"
HERE="sfh$(($$ % 100000))" THERE="sft$(($$ % 100000))" NET="10.231.$(($$ % 250))"
redis_mess() { ip link del "$HERE" 2>/dev/null; ip netns del "$NS" 2>/dev/null; }

network() {
  ip netns add "$NS" && ip link add "$HERE" type veth peer name "$THERE" netns "$NS" && ip addr add "$NET.1/30" dev "$HERE" &&
    ip link set "$HERE" up && ip -n "$NS" addr add "$NET.2/30" dev "$THERE" && ip -n "$NS" link set "$THERE" up &&
    calls_arrive && answers_arrive
}
# Frames to an address nobody has are lost without a word, each way for itself; every kernel can do that.
mac_of() { sed -n 's/.*link\/ether \([0-9a-f:]*\).*/\1/p' | head -n 1; }
NOBODY=02:00:00:00:00:01
calls_arrive() { ip neigh replace "$NET.2" lladdr "$(ip -n "$NS" link show "$THERE" | mac_of)" dev "$HERE" nud permanent; }
calls_lost() { ip neigh replace "$NET.2" lladdr $NOBODY dev "$HERE" nud permanent; }
answers_arrive() { ip -n "$NS" neigh replace "$NET.1" lladdr "$(ip link show "$HERE" | mac_of)" dev "$THERE" nud permanent; }
answers_lost() { ip -n "$NS" neigh replace "$NET.1" lladdr $NOBODY dev "$THERE" nud permanent; }
if ! network 2>"$STACK_DIR/network.err"; then
  echo "skip - a cut network: no namespace can be made here: $(head -n 1 "$STACK_DIR/network.err")"
  trap - EXIT
  redis_mess
  rm -rf "$STACK_DIR"
  exit 77
fi
slow_network() { # netem words, both ways; not every kernel has it
  tc qdisc replace dev "$HERE" root netem "$@" && ip netns exec "$NS" tc qdisc replace dev "$THERE" root netem "$@"
}
plain_network() { tc qdisc del dev "$HERE" root && ip netns exec "$NS" tc qdisc del dev "$THERE" root; }

# The same Redis, in the namespace, and stint its own user with no more rights than docs/operations/faults.md names.
redis_launch() {
  ip netns exec "$NS" redis-server --bind "$NET.2" --port 6399 --protected-mode no --unixsocket "$REDIS_SOCK" --unixsocketperm 777 --dir "$REDIS_DIR" \
    --logfile "$STACK_DIR/redis.log" --appendonly yes --save '' \
    --user default on nopass allcommands allkeys allchannels \
    --user stint on '>s3cret' '~stint:*' '&stint:*' +@all -@admin -@dangerous +info '+client|unblock' &
  REDIS_PID=$!
}
export STINT_REDIS_URL="redis://stint:s3cret@$NET.2:6399" STINT_SUPERVISOR_LEASE=1500ms

documents 3 8 || { not_ok "documents cannot be made"; exit 1; }
redis_start || { not_ok "Redis does not start"; exit 1; }
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
fault_watch_effects >/dev/null
until_true 60 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

line_cut() { calls_lost && answers_lost; }
line_whole() { calls_arrive && answers_arrive; }
FAULT_READYZ=redis_away FAULT_SAYS="the network" FAULT_ENQUEUE="the network" FAULT_HOLD_MS=4000
fault "cut off (packets lost)" line_cut line_whole

cut_and_restart() { line_cut && redis_kill && redis_start; }
FAULT_READYZ=redis_away FAULT_SAYS="the network" FAULT_HOLD_MS=2500
fault "cut off, restarted meanwhile" cut_and_restart line_whole

FAULT_READYZ=redis_away FAULT_SAYS="the network" FAULT_HOLD_MS=2500
fault "answers lost, calls arrive" answers_lost line_whole

if ip netns exec "$NS" tc qdisc add dev lo root netem delay 1ms 2>/dev/null; then # tried where nothing else depends on it
  far() { slow_network delay 60ms 20ms; }
  FAULT_READYZ=ok FAULT_STATUS=0
  fault "far away (120 ms)" far plain_network
  lossy() { slow_network loss 15% delay 2ms; }
  FAULT_READYZ="" FAULT_STATUS="" FAULT_HOLD_MS=2500
  fault "every seventh packet lost" lossy plain_network
else
  echo "skip - a slow and a lossy network: this kernel has no netem"
fi

wrong_password() { redis ACL SETUSER stint resetpass '>other' >/dev/null && redis CLIENT KILL USER stint >/dev/null; }
right_password() { redis ACL SETUSER stint resetpass '>s3cret' >/dev/null; }
FAULT_READYZ=redis_away FAULT_SAYS="correct the password in redis.url" FAULT_ENQUEUE="correct the password"
fault "WRONGPASS (it was changed)" wrong_password right_password

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
