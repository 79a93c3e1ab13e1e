#!/bin/bash
# Why: a queue a customer, 1,000 of them, is one pool with a few workers. Jobs of any of them are done soon, a full one keeps nobody from the others, a
# death and a cancel find the right queue, a reload adds some, an idle host leaves Redis alone, and every number is in /metrics.
set -u
# shellcheck source=tests/support/ctl.sh
. "$STINT_SOURCE/tests/support/ctl.sh"
# shellcheck source=tests/support/own_supervisor.sh
. "$STINT_SOURCE/tests/support/own_supervisor.sh"
many_end() {
  stop_supervisor KILL
  ctl_end
}
trap many_end EXIT
list() { seq -f 'customer-%.0f' "$@"; }
configure() { # configure [LINE…] of the pool
  printf '[kind.probe]\nenabled = yes\nbackoff = 1ms\n[pool.customers]\nkinds = probe\nworkers = 2\n' >"$STINT_CONFIG"
  printf '%s\n' "$@" >>"$STINT_CONFIG"
}
of() { redis FCALL_RO stint_stats 1 "stint:{$1}" | jq -r "$2"; }
state_is() { [ "$("$STINT" job show "$2" --queue "$1" --json | jq -r .state)" = "$3" ]; }
served() { [ "$(redis ZCARD "stint:{$1}:i")" = 1 ]; }
refused() { # refused TEXT: the configuration is, and says so
  local said
  said=$("$STINT" config check 2>&1) && { not_ok "accepted, although: $1"; return; }
  case $said in *"$1"*) ok "refused: $1" ;; *) not_ok "\"$1\" is not said: $said" ;; esac
}

# What a configuration may not say.
configure 'queues_file = customers'
{ echo '# customers'; list 1 1000; } >"$CTL_DIR/customers"
run 0 config check
echo customer-1001 >>"$CTL_DIR/customers"
refused "more than 1000 queues together"
list 1 3 >"$CTL_DIR/customers"; echo 'customer-2 # again' >>"$CTL_DIR/customers"
refused 'customers:4: [pool.customers] queues: "customer-2" is listed twice'
echo 'no queue' >"$CTL_DIR/customers"
refused 'customers:1: [pool.customers] queues: "no queue" is no queue name'
echo '# none' >"$CTL_DIR/customers"
refused "names no queue"
configure 'queues_file = missing'
refused "missing: No such file"
configure 'queues = a, b' 'queue = c'
refused "has queue and queues"
configure 'queues = a, b' '[pool.other]' 'kinds = probe' 'queue = b'
refused "is among the queues of pool customers"
configure 'queues = a, b' '[pool.other]' 'kinds = probe' 'queues = c, b'
refused "also by pool customers"
configure 'queues = a, b' 'lane = large'
refused "lane: a pool that serves several queues"
configure 'queues = a, b' 'target_wait = 1s'
refused "target_wait: waiting is not measured"
configure 'queues = a, b' '[queue.b]' 'shards = 2'
refused "[queue.b] shards"

# 1,000 queues, two of them after a reload, and two workers. What was there before the host, plain XADDs and jobs by a Function, in 10 of them.
list 1 998 >"$CTL_DIR/customers"
configure 'queues_file = customers'
ctl_start_redis
some=$(seq 7 100 998)
for i in $some; do redis XADD "stint:{customer-$i}:s:normal" '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null; done
start_supervisor
all_done() { local i; for i in $some; do [ "$(of "customer-$i" .ledger.done)" = "$1" ] || return 1; done; }
until_true all_done 1 && ok "jobs from before are done, in 10 queues of 1,000"
for i in $some; do
  redis XADD "stint:{customer-$i}:s:normal" '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null
  redis FCALL stint_enqueue 1 "stint:{customer-$i}" '{"kind":"probe"}' '{"v":1,"do":"ok"}' >/dev/null
done
until_true all_done 3 && ok "jobs of any queue are heard and done"
until_true served customer-998 && ok "every queue has the host"

# One customer has much, another, who comes later, little: no worker stays. Both are there at once; what was done first is in the log.
small=$(redis EVAL "for i = 1, 200 do redis.call('XADD', KEYS[1], '*', 'kind', 'probe', 'payload', ARGV[1]) end
  return redis.call('XADD', KEYS[2], '*', 'kind', 'probe', 'payload', ARGV[2])" 2 'stint:{customer-3}:s:normal' 'stint:{customer-900}:s:normal' \
  '{"v":1,"do":"sleep","ms":20}' '{"v":1,"do":"ok"}')
done_is() { [ "$(of "$1" .ledger.done)" = "$2" ]; }
until_true done_is customer-3 200 && ok "a large customer is served to the end"
until_true done_is customer-900 1
after=$(sed -n "/normal-$small\"/,\$p" "$CTL_DIR/log" | grep -c 'job done')
[ "$after" -gt 100 ] && ok "a small one does not wait for it" || not_ok "after the small one's only $after of 200 were done"

# A job that kills its worker; one that is cancelled while it runs; a pause.
redis FCALL stint_enqueue 1 'stint:{customer-500}' '{"kind":"probe","id":"killer"}' '{"v":1,"do":"crash"}' >/dev/null
until_true state_is customer-500 killer dead && ok "a killer is a dead letter of its own queue"
redis FCALL stint_enqueue 1 'stint:{customer-600}' '{"kind":"probe","id":"long"}' '{"v":1,"do":"sleep","ms":600000}' >/dev/null
until_true state_is customer-600 long active
run 0 job cancel long --queue customer-600 --reason tried
until_true state_is customer-600 long cancelled && ok "a running job is cancelled"
run 0 queue pause customer-700 --reason tried
redis FCALL stint_enqueue 1 'stint:{customer-700}' '{"kind":"probe","id":"later"}' '{"v":1,"do":"ok"}' >/dev/null
redis FCALL stint_enqueue 1 'stint:{customer-701}' '{"kind":"probe","id":"now"}' '{"v":1,"do":"ok"}' >/dev/null
until_true state_is customer-701 now done && ok "a paused queue holds up no other"
is "and nothing of it is run" "$("$STINT" job show later --queue customer-700 --json | jq -r .state)" ready
run 0 queue resume customer-700 --reason tried
until_true state_is customer-700 later done && ok "resumed, it is"
redis FCALL stint_enqueue 1 'stint:{customer-800}' '{"kind":"probe","id":"due","delay_ms":300}' '{"v":1,"do":"ok"}' >/dev/null
until_true state_is customer-800 due done && ok "a job is due in a queue where nothing else happens"

# A reload adds queues; what it takes away stays until a restart.
list 2 998 >"$CTL_DIR/customers"
printf 'new-1\nnew-2\n' >>"$CTL_DIR/customers"
redis XADD 'stint:{new-2}:s:normal' '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null
kill -HUP "$SUPERVISOR"
until_true done_is new-2 1 && ok "a queue that a reload added is served"
grep -q 'pool.customers.queues(removed)' "$CTL_DIR/log" && ok "what needs a restart is said" || not_ok "what needs a restart is not said"
redis XADD 'stint:{customer-1}:s:normal' '*' kind probe payload '{"v":1,"do":"ok"}' >/dev/null
until_true done_is customer-1 1 && ok "a queue that it took away is served until a restart"

# Every queue is in /metrics, once, in a body that is a body.
port=$(cat "$CTL_DIR/metrics.port")
body() { curl -s -H 'Accept: application/openmetrics-text; version=1.0.0' "http://127.0.0.1:$port/metrics" >"$CTL_DIR/body"; }
whole_body() { body && [ "$(grep -c '^stint_queue_paused{' "$CTL_DIR/body")" = 1000 ] && grep -q '^stint_queue_moves_total{queue="customer-3",move="done"} 200$' "$CTL_DIR/body"; }
until_true whole_body && ok "/metrics knows each queue"
is "and ends as it should" "$(tail -n 1 "$CTL_DIR/body")" '# EOF'
is "no series is told twice" "$(grep -v '^#' "$CTL_DIR/body" | sed 's/ [^ ]*$//' | sort | uniq -d | wc -l)" 0
is "every line is a sample" "$(grep -v '^#' "$CTL_DIR/body" | grep -vcE '^[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eINfna]+$')" 0
is "what workers count is told of the pool's queues together" "$(grep -c '^stint_jobs_finished_total{queue="customers/\*",kind="probe",outcome="done"} [1-9]' "$CTL_DIR/body")" 1
is "as many queues by JSON" "$(curl -s "http://127.0.0.1:$port/v1/queues" | jq '.queues | length')" 1000
is "stint status knows those of the file" "$("$STINT" status --json | jq '.queues | length')" 999

run 4 status # there is no PostgreSQL
says "more queues with nothing in them"
says customer-500
says_not "customer-17 "
run 2 enqueue probe --payload '{"v":1,"do":"ok"}'
says "name one with --queue"

# Nothing is lost, and the end is clean: the drain leaves no queue's registry with this host in it.
drift=$(for i in $some 3 500 600 700 701 800 900; do of "customer-$i" .drift; done | sort -u)
is "the ledgers add up" "$drift" 0
stop_supervisor
left=$(for i in $(seq 1 998); do echo "ZCARD stint:{customer-$i}:i"; done | redis | sort -u)
is "a drained host has left every queue" "$left" 0
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
