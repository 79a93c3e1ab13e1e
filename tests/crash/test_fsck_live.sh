#!/bin/bash
# Why: a proof that cries wolf on a queue at work is worth nothing, and one that nobody runs must be seen in /metrics. fsck runs again and again
# while jobs of every sort run: nothing may be found. Then the ledger is broken by hand and stint_ledger_drift must say so until it is repaired;
# and what Redis and PostgreSQL must agree on is broken. Refuses to: count a look at an idle queue.
set -u
# shellcheck source=tests/support/site.sh
. "$(dirname "$0")/../support/site.sh"
export STINT_METRICS_INTERVAL=500ms
documents 2 40 || { not_ok "documents cannot be made"; exit 1; }
site_start 2 || { not_ok "the site does not come up"; exit 1; }
CONF="$STACK_DIR/h1/stint.conf"
fsck() { "$STINT" fsck --config "$CONF" "$@" >"$STACK_DIR/fsck.out" 2>"$STACK_DIR/fsck.err"; }

mix() {
  trap 'exit 0' TERM
  local i=0
  while [ ! -e "$STACK_DIR/mix.stop" ]; do
    i=$((i + 1))
    for n in 1 2 3 4 5 6; do
      book_probe "ok-$i-$n" "done" '"do":"ok"'
      book_probe "nap-$i-$n" "done" '"do":"sleep","ms":30' ',"band":"low"'
      book_probe "later-$i-$n" "done" '"do":"ok"' ',"delay_ms":400,"unique":"u'"$i-$n"'"'
    done
    book_probe "once-$i" "done" '"do":"fail","times":1'
    book_probe "never-$i" HANDLER_REFUSED '"do":"fail-permanent"'
    book_pdf "pdf-$i" $((1 + i % 2)) "$i"
    book_person "person-$i" "$i"
    flush || exit 1
  done
}
mix & MIX_PID=$! SITE_JOBS=$!
busy=0 found=0
looks=0
while [ $looks -lt 15 ] || { [ $busy -lt 5 ] && [ $looks -lt 200 ]; }; do # a slow host gets more looks at its work
  looks=$((looks + 1))
  before=$(stat_of probe '.ledger.done // 0')
  fsck --postgres --json || { found=$((found + 1)); head -n 4 "$STACK_DIR/fsck.out" "$STACK_DIR/fsck.err" | cut -c1-400 | sed 's/^/# /'; }
  [ "$(stat_of probe '.ledger.done // 0')" -gt "$before" ] && busy=$((busy + 1))
  pause 0.3
done
touch "$STACK_DIR/mix.stop"
wait $MIX_PID
same "fsck of a busy healthy queue finds nothing, $looks times" "$found" 0
if [ $busy -ge 5 ]; then ok "jobs ended during $busy of the looks"; else not_ok "jobs ended during $busy looks only: nothing was proved"; fi
until_true 60 is_quiet || not_ok "not quiet"

drift_told() { # NUMBER: what /metrics says
  local port
  port=$(cat "$STACK_DIR/h1/run/metrics.port") && curl -s -m 5 "http://127.0.0.1:$port/metrics" |
    grep -E "^stint_ledger_drift\{queue=\"probe\"\} $1(\.0)?\$"
}
if until_true 60 drift_told 0; then ok "stint_ledger_drift is 0"; else not_ok "stint_ledger_drift is not 0 in /metrics"; fi
redis HINCRBY 'stint:{probe}:ledger' "done" -5 >/dev/null
if until_true 60 drift_told 5; then ok "stint_ledger_drift says 5 when five ends are taken from the ledger"; else not_ok "stint_ledger_drift does not change"; fi
fsck; same "fsck says so" "$? $(grep -c ledger_drift "$STACK_DIR/fsck.out")" "1 1"
fsck --repair --yes; same "and repairs it" $? 0
if until_true 60 drift_told 0; then ok "stint_ledger_drift is 0 again"; else not_ok "stint_ledger_drift is not 0 after the repair"; fi

# Redis and PostgreSQL: an outcome that is gone, a claim that nobody has.
fsck --postgres; same "the two stores agree" $? 0
sql "DELETE FROM stint.job_outcome WHERE queue = 'pdf' AND job_id = 'pdf-1'"
sql "INSERT INTO stint.job_outcome(queue, job_id, epoch, state, kind, claimed_at) VALUES('pdf', 'nobody', 2, 'claimed', 'pdf-parse', now() - interval '2 hours')"
fsck --postgres --json
same "a done job without its outcome is found and named" "$(jq -r 'select(.fault == "outcome_missing") | .id' "$STACK_DIR/fsck.out")" pdf-1
same "an old claim without a job is found and named" "$(jq -r 'select(.fault == "outcome_orphan") | .id' "$STACK_DIR/fsck.out")" nobody
fsck --postgres --repair --yes
same "what only people can judge is left and said" "$? $(grep -o '^left .*outcome_missing pdf-1' "$STACK_DIR/fsck.out" | sort -u | wc -l)" "1 1"
same "the claim is gone" "$(sql "SELECT count(*) FROM stint.job_outcome WHERE job_id = 'nobody'")" 0
stack_verdict
