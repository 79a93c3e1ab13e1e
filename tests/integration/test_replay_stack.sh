#!/usr/bin/env bash
# Why: a replay run must hold with real workers ending its jobs while it goes. Two thousand jobs die in a real stack, are mended by a merge
# patch, and come back through a canary, at a rate, with the tool killed again and again; each is done once, and the books add up.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
export STINT_DIR="$STACK_DIR"
JOBS=2000

stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; stack_verdict; exit 1; }
for i in $(seq $JOBS); do echo "{\"kind\":\"probe\",\"id\":\"r$i\",\"payload\":{\"v\":1,\"do\":\"fail-permanent\"}}"; done >"$STACK_DIR/jobs"
"$STINT" enqueue --bulk "$STACK_DIR/jobs" --quiet >/dev/null
dead_is() { [ "$(stat_of probe .dead)" = "$1" ]; }
done_is() { [ "$(stat_of probe '.ledger.done // 0')" = "$1" ]; }
until_true 120 dead_is $JOBS || not_ok "only $(stat_of probe .dead) of $JOBS are dead"

# Not mended: the canary dies and nothing else moves.
"$STINT" dlq replay --kind probe --canary 3 --reason "too early" >"$STACK_DIR/early" 2>&1
same "a canary that dies again stops the run" "$? $(grep -c 'died again, allowed 0' "$STACK_DIR/early")" "1 1"
same "the rest was not touched" "$(stat_of probe .dead)" $JOBS
"$STINT" dlq replay cancel "$("$STINT" dlq replay list --json --queue probe --limit 1 | jq -r .run)" >/dev/null

# Mended, and the tool killed every few steps.
: >"$STACK_DIR/tool"
STINT_KILL_POINT=replay_stepped:9 "$STINT" dlq replay --kind probe --edit '{"do":"ok"}' --yes --canary 5 --rate 2000/s --quiet >>"$STACK_DIR/tool" 2>&1 &
{ wait $!; } 2>/dev/null
RUN=$("$STINT" dlq replay list --json --queue probe --limit 1 | jq -r .run)
deaths=1
while [ "$deaths" -lt 12 ]; do
  STINT_KILL_POINT=replay_stepped:9 "$STINT" dlq replay resume "$RUN" --quiet >>"$STACK_DIR/tool" 2>&1 &
  { wait $!; code=$?; } 2>/dev/null
  [ "$code" -eq 137 ] || break
  deaths=$((deaths + 1))
done
"$STINT" dlq replay resume "$RUN" --wait --quiet >>"$STACK_DIR/tool" 2>&1
until_true 120 done_is $JOBS || not_ok "only $(stat_of probe .ledger.done) of $JOBS are done; $(tail -n 3 "$STACK_DIR/tool")"
status=$("$STINT" dlq replay status "$RUN" --json)
same "each letter was replayed once by the run, through $deaths deaths of the tool" "$(jq -r '"\(.state) \(.replayed) \(.left)"' <<<"$status")" "done $JOBS 0"
same "the run knows their ends" "$(jq -r '"\(.succeeded) \(.failed) \(.dropped)"' <<<"$status")" "$JOBS 0 0"
same "the ledger: done once each, none dead" "$(queue_stats probe | jq -r '"\(.ledger.done) \(.dead) \(.drift)"')" "$JOBS 0 0"
"$STINT" fsck --queue probe >"$STACK_DIR/fsck" 2>&1
same "fsck finds nothing wrong" $? 0

# What operators did is on record, that of the host too.
"$STINT" worker quiet --reason "a look" >/dev/null && "$STINT" worker resume >/dev/null && "$STINT" reload --reason "new limits" >/dev/null
"$STINT" worker restart --pool probe >/dev/null
same "the audit log knows the host's actions" "$("$STINT" audit --queue _host --json | jq -r .action | sort | tr '\n' ' ')" \
  "reload worker.quiet worker.restart worker.resume "
same "and their reasons" "$("$STINT" audit --match "a look" --json | jq -r '"\(.action) \(.queue)"')" "worker.quiet _host"
same "and the replay's" "$("$STINT" audit --action replay-stopped --json | jq -r .reason | grep -c 'canary: ')" 1
stack_verdict
