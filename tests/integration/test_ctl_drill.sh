#!/bin/bash
# Why: operators will believe what `stint drill` says: every drill is run against a real stack, must hold there, and must leave nothing.
# Refuses to: take a skipped drill for a passed one, but where this host cannot hold it.
set -u
# shellcheck source=tests/support/stack.sh
. "$STINT_SOURCE/tests/support/stack.sh"
export STINT_POOL_PROBE_KINDS=probe STINT_POOL_PROBE_WORKERS=2 STINT_POOL_PROBE_MEMORY=400M STINT_POOL_PDF_KINDS=pdf-parse
export STINT_POOL_MATCH_KINDS=match

drill() { "$STINT" drill "$@" --dir "$STACK_DIR" 2>"$STACK_DIR/err"; }
dead() { "$STINT" dlq list --dir "$STACK_DIR" --queue probe --json | grep -c .; }

if grep -q '^STINT_SANITIZE:[A-Z]*=.' "$STINT_BUILD/CMakeCache.txt"; then
  echo "skip - drill: a sanitizer allows no limit of memory and reports the crashes made on purpose"
  exit 77
fi

same "list names every drill" "$("$STINT" drill list --json | jq -r .drill | sort -u | wc -l)" "$(grep -cE '^    X\("' "$STINT_SOURCE/ctl/drill_table.h")"
stack_up >"$STACK_DIR/up.log" || { cat "$STACK_DIR/up.log"; not_ok "the stack comes up"; stack_verdict; exit 1; }

# --- refused by its guards ---
(unset STINT_POOL_PROBE_KINDS STINT_POOL_PROBE_WORKERS STINT_POOL_PROBE_MEMORY; STINT_KIND_PROBE_ENABLED=no drill run all >/dev/null)
same "refused while the kind probe is off" $? 5
grep -q 'enabled = yes' "$STACK_DIR/err" && ok "and says how to allow it" || not_ok "does not say how to allow it: $(cat "$STACK_DIR/err")"
redis FCALL stint_enqueue 1 'stint:{pdf}' '{"id":"real-work","kind":"pdf-parse","delay_ms":3600000}' '{"v":1}' >/dev/null
drill run fail-once >/dev/null
same "refused where other jobs wait" $? 5
grep -q 'queue pdf holds 1 job' "$STACK_DIR/err" && ok "and says which" || not_ok "does not say which: $(cat "$STACK_DIR/err")"
drill run no-such-drill --yes >/dev/null
same "an unknown drill is a slip of the keyboard" $? 2

# --- the whole menu ---
drill run all --yes --json >"$STACK_DIR/drills"
same "all drills hold" $? 0
while read -r name verdict why; do
  case "$verdict:$name" in
    ok:*) ok "drill $name" ;;
    skipped:fork-bomb | skipped:memory) echo "skip - drill $name: $why" ;;
    *) not_ok "drill $name is $verdict: $why; $(jq -r --arg n "$name" 'select(.drill == $n).happened' "$STACK_DIR/drills")" ;;
  esac
done < <(jq -r 'select(.drill) | "\(.drill) \(.verdict) \(.why)"' "$STACK_DIR/drills")
same "the ledger has no drift" "$(jq -r 'select(.queue).drift' "$STACK_DIR/drills")" 0
same "no dead letter is left" "$(dead)" 0
same "their removal is in the audit log" \
  "$("$STINT" audit --dir "$STACK_DIR" --queue probe --json | jq -r 'select(.action == "purge").reason' | sort -u)" "dead letters of stint drill"
same "the kind is not paused" "$(stat_of probe '.paused_kinds // [] | length')" 0
same "real work was not touched" "$(redis FCALL stint_job 1 'stint:{pdf}' real-work | jq -r .state)" scheduled

# --- kept on request; for people ---
drill run fail-for-good --yes --keep >"$STACK_DIR/people"
same "one drill, kept" $? 0
same "its dead letter is there" "$(dead)" 1
grep -q 'expected  dead, cause handler_error HANDLER_REFUSED' "$STACK_DIR/people" && grep -q 'drift 0' "$STACK_DIR/people" &&
  ok "people read what was expected and that the books are right" || not_ok "people read: $(cat "$STACK_DIR/people")"

# --- a drill that does not hold says so: the job's worker is not replaced while its pool wants none ---
"$STINT" worker scale probe 0 --dir "$STACK_DIR" >/dev/null
no_workers() { [ -z "$("$STINT" worker list --pool probe --dir "$STACK_DIR" --json)" ]; }
until_true 60 no_workers || not_ok "the pool wants no worker and has some"
drill run pause --yes --json >"$STACK_DIR/failed"
same "a drill that does not hold is exit code 1" $? 1
same "and its verdict" "$(jq -r 'select(.drill).verdict' "$STACK_DIR/failed")" failed
stack_verdict
