#!/bin/bash
# Why: a row written to stint_outbox in the caller's transaction is a job exactly when that transaction committed, and once, though the
# relay dies at every step between the two stores and Redis loses its last second. The kind is untracked: nothing but the relay's own
# bookkeeping could recognise a second sending.
# Refuses to: call a step safe at which nobody died.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
KILL_FILE="$STACK_DIR/killpoint"
export STINT_KILL_POINT="@$KILL_FILE" STINT_KIND_PROBE_TRACK=no STINT_RELAY_INTERVAL=200ms
echo "none 0" >"$KILL_FILE"
chmod 666 "$KILL_FILE"

rows() { sql "SELECT count(*) FROM stint.stint_outbox WHERE $1"; }
all_relayed() { [ "$(rows 'relayed_at IS NULL')" = 0 ]; }
done_jobs() { stat_of probe .ledger.done; }
enqueued() { stat_of probe .enqueued; }
settled() { all_relayed && [ "$(stat_of probe "$LEFT")" = 0 ]; }

stack_up >/dev/null || { not_ok "the stack does not start"; exit 1; }
wanted=0

sql "BEGIN; SELECT stint.enqueue('probe', 'probe', '{\"v\":1,\"do\":\"ok\"}'); ROLLBACK" >/dev/null
id=$(sql "BEGIN; SELECT stint.enqueue('probe', 'probe', '{\"v\":1,\"do\":\"ok\"}', '{\"band\":\"high\"}', 'order:1'); COMMIT")
wanted=$((wanted + 1))
same "enqueue() answers the id" "$id" order:1
sql "SELECT stint.enqueue('probe', 'probe', '{\"v\":1,\"do\":\"ok\"}', '{}', 'order:1')" >/dev/null
until_true 60 settled || not_ok "the committed row is not relayed"
same "a row that committed is a job, one that did not is none, and an id twice is one" "$(enqueued) $(done_jobs)" "$wanted $wanted"
same "the row tells what became of it" "$(sql "SELECT state FROM stint.stint_outbox WHERE id = 'order:1'")" ready

sql "INSERT INTO stint.stint_outbox (queue, kind, payload, options) VALUES ('probe', 'probe', '{}', '{\"nosuch\":1}')" >/dev/null
until_true 60 settled || not_ok "the wrong row is not answered"
case "$(sql "SELECT state || ': ' || why FROM stint.stint_outbox WHERE state = 'refused'")" in
  "refused: option nosuch is unknown"*) ok "a row with a wrong option says so" ;;
  *) not_ok "a row with a wrong option: $(sql "SELECT state, why FROM stint.stint_outbox")" ;;
esac
case "$(sql "INSERT INTO stint.stint_outbox (queue, kind, payload) VALUES ('probe', 'No Kind', '{}')")" in
  *"violates check constraint"*) ok "an impossible row fails in its own transaction" ;;
  *) not_ok "an impossible row was taken" ;;
esac

# dies POINT: the relay dies there with 30 rows on their way
dies() {
  echo "$1 1" >"$KILL_FILE"
  sql "INSERT INTO stint.stint_outbox (queue, kind, payload) SELECT 'probe', 'probe', '{\"v\":1,\"do\":\"ok\"}' FROM generate_series(1, 30)" >/dev/null
  wanted=$((wanted + 30))
  until_true 60 grep -qE '^[^ ]+ 0( |$)' "$KILL_FILE" || not_ok "$1: nobody died there"
  until_true 60 settled || not_ok "$1: not settled: $(rows 'relayed_at IS NULL') rows left"
  same "relay killed at $1: each of 30 rows is one job" "$(enqueued) $(done_jobs)" "$wanted $wanted"
}
for point in outbox_read outbox_sent outbox_noted outbox_settled; do dies "$point"; done
points=$(grep -rhoE 'KILL_POINT\("outbox_[^"]+"\)' "$STINT_SOURCE/relay" | sort -u | wc -l)
same "every point of the relay's outbox was tried" "$points" 4

# Redis is killed right after rows were sent; with everysec it may have lost them, and then the memory of them too.
redis_pid >"$STACK_DIR/redis.pid"
chmod 644 "$STACK_DIR/redis.pid"
echo "outbox_noted 1 $STACK_DIR/redis.pid" >"$KILL_FILE"
sql "INSERT INTO stint.stint_outbox (queue, kind, payload) SELECT 'probe', 'probe', '{\"v\":1,\"do\":\"sleep\",\"ms\":1}' FROM generate_series(1, 200)" >/dev/null
wanted=$((wanted + 200))
until_true 60 grep -qE '^[^ ]+ 0( |$)' "$KILL_FILE" || not_ok "Redis was not killed with rows on their way"
echo "none 0" >"$KILL_FILE"
until_true 60 settled || not_ok "after Redis' death: $(rows 'relayed_at IS NULL') rows left"
same "Redis killed with rows just sent: each is one job in the ledger" "$(enqueued) $(done_jobs) $(stat_of probe .drift)" "$wanted $wanted 0"

case "$("$STINT" outbox --dir "$STACK_DIR")" in
  *QUEUE*WAITING*REFUSED*probe*) ok "stint outbox shows the queue" ;;
  *) not_ok "stint outbox: $("$STINT" outbox --dir "$STACK_DIR" 2>&1)" ;;
esac
same "and counts the refused row" "$("$STINT" outbox --dir "$STACK_DIR" --json | jq -c '[.queue, .waiting, .refused]')" '["probe",0,1]'

case "$("$STINT" enqueue probe --id tx-1 --band high --durability tx --dir "$STACK_DIR" --json 2>&1)" in
  *'"id":"tx-1","state":"committed","durability":"postgres"'*) ok "stint enqueue --durability tx answers with what holds the job" ;;
  *) not_ok "stint enqueue --durability tx: $("$STINT" enqueue probe --id tx-2 --durability tx --dir "$STACK_DIR" 2>&1)" ;;
esac
until_true 60 settled || not_ok "the row of --durability tx is not relayed"
same "and it becomes a job" "$(enqueued) $(done_jobs)" "$((wanted + 1)) $((wanted + 1))"

# A relay that was thought dead wakes up.
case "$(redis FCALL stint_outbox 1 'stint:{probe}' 00000000000000000000000000000000 0 '{"kind":"probe","id":"zombie"}' '{}' 2>&1; redis HGET 'stint:{probe}:outbox' token >/dev/null)" in
  *"another relay"*) ok "an old token is refused" ;;
  *) not_ok "an old token was taken" ;;
esac
forgotten() { [ "$(redis HLEN 'stint:{probe}:outbox')" -le 1 ]; }
until_true 60 forgotten || true
same "Redis remembers nothing that PostgreSQL has marked" "$(redis HLEN 'stint:{probe}:outbox')" 1
stack_verdict
