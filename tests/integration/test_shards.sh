#!/bin/bash
# Why: a queue with shards is n + 1 queues to Redis and one to everybody else. Producers who know nothing, who name a shard and who use `stint` all
# have their jobs done, by fewer workers than there are parts; a death, a dead letter, a pause and a cancel find the right part; jobs of a larger
# number of shards before are done after there are fewer; the ledgers of all parts add up.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
# shellcheck source=tests/support/own_supervisor.sh
. "$STINT_SOURCE/tests/support/own_supervisor.sh"
shards_end() {
  stop_supervisor KILL
  ctl_end
}
trap shards_end EXIT
export STINT_METRICS_INTERVAL=200ms
configure() { # configure SHARDS WORKERS
  printf '[kind.probe]\nenabled = yes\nbackoff = 1ms\n[queue.probe]\nshards = %s\n[pool.probe]\nkinds = probe\nworkers = %s\n' "$1" "$2" >"$STINT_CONFIG"
}
of() { redis FCALL_RO stint_stats 1 "stint:{$1}" | jq -r "$2"; }
whole() { "$STINT" queue stats probe --json | jq -r "$1"; }
served() { local part; for part in "$@"; do [ "$(of "$part" .instances)" = 1 ] || return 1; done; }
done_is() { [ "$(whole .ledger.done)" = "$1" ]; }
state_is() { [ "$("$STINT" job show "$1" --json | jq -r .state)" = "$2" ]; }
crc32() { printf %s "$1" | gzip -c | tail -c 8 | od -An -N4 -tu4 --endian=little | tr -d ' '; }
cfg() { redis HGET 'stint:{probe}:cfg' "$1"; }
told() { [ "$(cfg "$1")" = "$2" ]; }
PARTS="probe probe.0 probe.1 probe.2"

configure 3 1
ctl_start_redis
start_supervisor
# shellcheck disable=SC2086 # a list is meant
until_true served $PARTS && ok "one host serves the plain queue and three shards"
until_true told shards 3 && ok "any client reads how many there are"

for part in $PARTS; do
  for i in $(seq 1 5); do redis XADD "stint:{$part}:s:normal" '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null; done
done
until_true done_is 20 && ok "plain XADDs into every part are done by one worker"
for part in $PARTS; do is "its share of $part" "$(of "$part" .ledger.done)" 5; done

right=0
for id in a bb ccc order:7 order:8 order:9; do
  part=$("$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --id "$id" --json | jq -r .queue)
  [ "$part" = "probe.$(($(crc32 "$id") % 3))" ] && right=$((right + 1))
done
is "an id is put where crc32(id) % 3 says" $right 6
run 0 enqueue probe --payload '{"v":1,"do":"ok"}' --id a
says "is there already"
first=$("$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --unique k1 --json | jq -r .id)
is "a unique key meets itself" "$("$STINT" enqueue probe --payload '{"v":1,"do":"ok"}' --unique k1 --json | jq -r .id)" "$first"
for i in $(seq 1 300); do echo '{"kind":"probe","payload":{"v":1,"do":"ok"}}'; done >"$CTL_DIR/bulk"
for i in $(seq 1 30); do echo "{\"kind\":\"probe\",\"id\":\"bulk-$i\",\"payload\":{\"v\":1,\"do\":\"ok\"}}"; done >>"$CTL_DIR/bulk"
run 0 enqueue --bulk "$CTL_DIR/bulk"
says "330 ready"
run 0 enqueue --bulk "$CTL_DIR/bulk"
says "300 ready, 0 scheduled, 30 duplicate"
until_true done_is 657 && ok "a file is spread and done"
is "nothing of it went to the plain queue" "$(of probe .ledger.done)" 5
for part in probe.0 probe.1 probe.2; do [ "$(of "$part" .ledger.done)" -gt 150 ] && ok "$part had its share" || not_ok "$part had $(of "$part" .ledger.done)"; done

# A job that kills its worker, in one shard; its siblings hear of the death too.
redis FCALL stint_enqueue 1 'stint:{probe.1}' '{"kind":"probe","id":"killer"}' '{"v":1,"do":"crash"}' >/dev/null
until_true state_is killer dead && ok "a killer is a dead letter"
is "the death was charged where it ran" "$("$STINT" job show killer --json | jq -r '[.queue, .crashes, .errors[0].cause] | join(" ")')" "probe.1 2 signal:SIGSEGV"
run 0 dlq list
says killer
run 0 dlq show killer
says probe.1
is "siblings have no dead letters" "$(of probe.0 .dead)$(of probe.2 .dead)" 00
names_gone() { local part; for part in $PARTS; do redis XINFO CONSUMERS "stint:{$part}:s:normal" workers | grep -qE ':0:[12]$' && return 1; done; true; }
until_true names_gone && ok "no part keeps a dead worker's name"
run 0 dlq purge killer --no-archive --yes --reason tried
is "purged" "$(whole .dead)" 0

# One that runs in a shard is cancelled; and one that runs there is no business of the same entry in another.
redis FCALL stint_enqueue 1 'stint:{probe.2}' '{"kind":"probe","id":"long"}' '{"v":1,"do":"sleep","ms":600000}' >/dev/null
until_true state_is long active
run 0 job cancel long --reason tried
until_true state_is long cancelled && ok "a running job of a shard is cancelled"

run 0 queue pause probe --reason tried
paused=$(for part in $PARTS; do of "$part" .paused; done | sort -u)
is "a pause holds in every part" "$paused" true
redis XADD 'stint:{probe.0}:s:normal' '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null
run 0 queue resume probe --reason tried
until_true done_is 658 && ok "resumed, a job that came meanwhile is done"
run 0 queue config probe max_wait:low 60000
is "a setting is every part's" "$(for part in $PARTS; do redis HGET "stint:{$part}:cfg" max_wait:low; done | sort -u)" 60000
run 0 fsck
is "status shows one queue" "$("$STINT" status --json | jq -r '[.queues[].queue] | join(" ")')" probe
port=$(cat "$CTL_DIR/metrics.port")
metric_whole() { curl -s "http://127.0.0.1:$port/metrics" | grep -q '^stint_queue_moves_total{queue="probe",move="done"} 658'; }
until_true metric_whole && ok "metrics know one queue, with everything in it"
curl -s "http://127.0.0.1:$port/metrics" | grep -q 'probe\.0' && not_ok "a shard is a label" || ok "and no shard is a label"

# Fewer shards than before: what is left in the others is done.
stop_supervisor
redis FCALL stint_enqueue 1 'stint:{probe.2}' '{"kind":"probe","id":"left"}' '{"v":1,"do":"ok"}' >/dev/null
configure 2 2
start_supervisor
until_true told shards 2 && ok "the new number is told"
is "the old one is remembered" "$(cfg shards_drain)" 3
until_true state_is left done && ok "a job of a shard that is configured no more is done"
is "the queue's numbers still have it" "$(whole '[.shards, .shards_served, .ledger.done] | join(" ")')" "2 3 659"
# And more again, while it runs.
configure 4 2
run 0 reload
until_true served probe.3 && ok "a reload adds a shard"
redis FCALL stint_enqueue 1 'stint:{probe.3}' '{"kind":"probe","id":"new"}' '{"v":1,"do":"ok"}' >/dev/null
until_true state_is new done && ok "its jobs are done"
is "all ledgers add up" "$(whole .drift)" 0
stop_supervisor
is "no part knows the host any more" "$(for part in $PARTS probe.3; do redis ZCARD "stint:{$part}:i"; done | sort -u)" 0
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
