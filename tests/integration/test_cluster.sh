#!/bin/bash
# Why: on a Redis Cluster each shard of a queue is where its slot is. One host serves all of them through one seed; a slot that is moved and a
# failover in order lose no job and do none twice; while a slot is on its way no Function runs anywhere; a master that is killed is replaced and
# everything goes on by itself; operators' verbs work on the whole, and what does not work on a cluster says so.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
# shellcheck source=tests/support/own_supervisor.sh
. "$STINT_SOURCE/tests/support/own_supervisor.sh"
# shellcheck source=tests/support/redis_cluster.sh
. "$STINT_SOURCE/tests/support/redis_cluster.sh"
end() {
  stop_supervisor KILL
  cluster_end
  ctl_end
}
trap end EXIT
trap 'exit 130' INT TERM
export STINT_METRICS_INTERVAL=200ms STINT_SUPERVISOR_LEASE=30s
PARTS="probe probe.0 probe.1 probe.2 probe.3 probe.4 probe.5"
whole() { "$STINT" queue stats probe --json 2>/dev/null | jq -r "$1"; }
done_is() { [ "$(whole .ledger.done)" = "$1" ]; }
served() { [ "$(whole .instances)" = 1 ] && [ "$(whole .shards)" = 6 ]; }
state_is() { [ "$("$STINT" job show "$1" --queue "${3:-probe}" --json 2>/dev/null | jq -r .state)" = "$2" ]; }
bulk() { # N NAME: N jobs with ids, put by stint
  seq "$1" | sed "s/.*/{\"kind\":\"probe\",\"id\":\"$2-&\",\"payload\":{\"v\":1,\"do\":\"ok\"}}/" >"$CTL_DIR/bulk"
  "$STINT" enqueue --bulk "$CTL_DIR/bulk" 2>&1
}
code() { "$STINT" "$@" >"$CTL_DIR/out" 2>&1; echo $?; }

cluster_start 3 || { not_ok "a cluster of three masters and three replicas"; exit 1; }
printf '[kind.probe]\nenabled = yes\nbackoff = 1ms\n[queue.probe]\nshards = 6\n[pool.probe]\nkinds = probe\nworkers = 2\n' >"$STINT_CONFIG"
start_supervisor
until_true served && ok "one host serves a queue of six shards on three masters"
where=""
for part in $PARTS; do where+="$(holder "$(slot_of "$part")")"$'\n'; done
is "its parts are on all of them" "$(sort -u <<<"$where" | grep -c .)" 3

# Plain XADDs go through any cluster client; those of stint know the way.
for part in $PARTS; do
  at=$(holder "$(slot_of "$part")")
  for i in 1 2 3; do node "$at" XADD "stint:{$part}:s:normal" '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null; done
done
until_true done_is 21 && ok "plain XADDs into every part are done by two workers"
grep -q '600 ready' <<<"$(bulk 600 first)" && ok "600 jobs are spread over the shards"
until_true done_is 621 && ok "... and done"

# --- a slot is moved while its jobs wait and others flow ---
slot=$(slot_of probe.2) from=$(holder "$slot")
to=$(((from + 1) % 3))
"$STINT" queue pause probe.2 --reason moving >/dev/null
bulk 300 second >/dev/null
waiting=$(node "$from" XLEN 'stint:{probe.2}:s:normal')
[ "$waiting" -gt 10 ] && ok "$waiting jobs wait in the shard that moves" || not_ok "only $waiting jobs wait in probe.2"
node "$to" CLUSTER SETSLOT "$slot" IMPORTING "${CLUSTER_IDS[$from]}" >/dev/null
node "$from" CLUSTER SETSLOT "$slot" MIGRATING "${CLUSTER_IDS[$to]}" >/dev/null
mapfile -t keys < <(node "$from" CLUSTER GETKEYSINSLOT "$slot" 10000)
half=$((${#keys[@]} / 2))
node "$from" MIGRATE 127.0.0.1 "${CLUSTER_PORTS[$to]}" '' 0 60000 KEYS "${keys[@]:0:$half}" >/dev/null
is "half of its keys are there already" "$(node "$to" CLUSTER COUNTKEYSINSLOT "$slot")" "$half"
node "$from" FCALL stint_stats 1 'stint:{probe.2}' | grep -q '^ASK' && ok "the old node sends Functions away" || not_ok "the old node runs Functions on half a queue"
printf '%s\n' ASKING 'FCALL stint_enqueue 1 stint:{probe.2} "{\"kind\":\"probe\"}" "{}"' | redis-cli -h 127.0.0.1 -p "${CLUSTER_PORTS[$to]}" >"$CTL_DIR/out" 2>&1
grep -q TRYAGAIN "$CTL_DIR/out" && ok "the new node runs none either, even when ASKed" || not_ok "the new node answered $(cat "$CTL_DIR/out")"
STINT_REDIS_COMMAND_TIMEOUT=300ms "$STINT" queue stats probe.2 >"$CTL_DIR/out" 2>&1 && not_ok "stint reads a queue that is on its way"
grep -q 'being moved' "$CTL_DIR/out" && ok "stint says that the slot is being moved" || not_ok "stint said $(head -n 3 "$CTL_DIR/out")"
for i in 1 2 3 4 5 6; do "$STINT" enqueue probe --queue probe.4 --payload '{"v":1,"do":"ok"}' --id "meanwhile-$i" >/dev/null; done
until_true state_is meanwhile-6 done probe.4 && ok "other shards go on meanwhile"
while :; do
  mapfile -t keys < <(node "$from" CLUSTER GETKEYSINSLOT "$slot" 100)
  [ "${#keys[@]}" -gt 0 ] && [ -n "${keys[0]}" ] || break
  node "$from" MIGRATE 127.0.0.1 "${CLUSTER_PORTS[$to]}" '' 0 60000 KEYS "${keys[@]}" >/dev/null
done
for n in "$to" "$from" $(((to + 1) % 3)); do node "$n" CLUSTER SETSLOT "$slot" NODE "${CLUSTER_IDS[$to]}" >/dev/null; done
"$STINT" queue resume probe.2 --reason moved >/dev/null
until_true done_is 927 && ok "after the move all of its jobs are done, each once"

# --- a failover in order, while jobs flow ---
master=$(holder "$(slot_of probe.0)")
bulk 1200 third >/dev/null &
producer=$!
took_over() { node "$1" ROLE | head -n 1 | grep -qx master || { node "$1" CLUSTER FAILOVER; false; }; }
until_true took_over $((master + 3)) && ok "a replica took over in order"
wait "$producer" || bulk 1200 third >/dev/null # what was put is known by its id
until_true done_is 2127 && ok "1,200 jobs of meanwhile are done, each once"
is "the ledgers of all parts add up" "$(whole .drift)" 0
is "status shows one queue" "$("$STINT" status --json 2>/dev/null | jq -r '[.queues[].queue] | join(" ")')" probe
"$STINT" enqueue probe --payload '{"v":1,"do":"fail"}' --id fails --attempts 1 >/dev/null
until_true state_is fails dead && ok "a dead letter is found in its shard"
"$STINT" dlq list --queue probe >"$CTL_DIR/out" 2>&1
grep -q fails "$CTL_DIR/out" && ok "dlq list shows it" || not_ok "dlq list: $(cat "$CTL_DIR/out")"
is "dlq purge" "$(code dlq purge fails --queue probe --no-archive --yes --reason tried)" 0
is "fsck" "$(code fsck --queue probe)" 0
is "audit" "$("$STINT" audit --all --json 2>/dev/null | grep -c '"pause"')" 1
is "backup says no" "$(code backup --out "$CTL_DIR/copy")" 5
grep -qi cluster "$CTL_DIR/out" && ok "... and why" || not_ok "backup said $(head -n 3 "$CTL_DIR/out")"

# --- a master is killed ---
for n in 0 1 2 3 4 5; do node "$n" CONFIG SET cluster-node-timeout 1000 >/dev/null; done
victim=$(holder "$(slot_of probe.1)")
other=$(((victim + 1) % 3))
before=$SUPERVISOR
node_kill "$victim"
replaced() { local now; now=$(holder "$(slot_of probe.1)" "$other") && [ "$now" != "$victim" ]; }
until_true replaced && ok "its replica took over"
put_and_done() { state_is "$1" done || { "$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --id "$1"; false; }; } # what was not copied yet is lost
all=yes
for i in $(seq 1 20); do until_true put_and_done "after-$i" || { all=no; break; }; done
is "jobs of all shards go on being done" $all yes
kill -0 "$before" 2>/dev/null && ok "by the same supervisor" || not_ok "the supervisor died"
stop_supervisor TERM
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ]
