#!/bin/bash
# Why: `stint job repro` promises the same sandbox and limits, and no trace. On a real stack jobs of two kinds are run again: each ends as
# it did, or better where its cause is gone, and neither Redis nor PostgreSQL holds anything more than before.
# Refuses to: call a run traceless without having seen that the same job, run for real, does leave its effect.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
if grep -q STINT_SANITIZED "$STINT_BUILD/build.ninja" 2>/dev/null; then
  echo "skip - test_ctl_repro: a sanitizer allows no limit of memory, and the parser's cell does not run under it"
  exit 77
fi

stint() { "$STINT" "$@" --dir "$STACK_DIR"; }
# repro EXIT TEXT ID [OPTIONS]: its code and something it says
repro() {
  local want=$1 text=$2 code out
  shift 2
  out=$(stint job repro "$@" 2>&1 </dev/null)
  code=$?
  same "repro $*: exit code" "$code" "$want"
  case "$out" in *"$text"*) ok "repro $* says: $text" ;; *) not_ok "repro $* does not say \"$text\": $out" ;; esac
}
# What a run could leave behind: keys of other queues, the job's own hash, rows.
traces() {
  redis KEYS 'stint:{repro*'
  redis HGETALL "stint:{probe}:j:crash"
  redis HGETALL "stint:{pdf}:j:doc"
  redis ZRANGE 'stint:{pdf}:dead' 0 -1 WITHSCORES
  sql "SELECT 'result', count(*) FROM stint.pdf_result UNION ALL SELECT 'outcome', count(*) FROM stint.job_outcome WHERE kind <> 'match'"
}

documents 1 6 || { not_ok "a document cannot be made"; exit 1; }
mv "$STACK_DIR/inbox/d1.pdf" "$STACK_DIR/d1.pdf"
stack_up >/dev/null || { not_ok "the stack does not start"; exit 1; }
stint enqueue probe --id crash --payload '{"v":1,"do":"crash"}' --wait >/dev/null 2>&1
stint enqueue probe --id mem --payload '{"v":1,"do":"alloc","mib":4000}' --wait >/dev/null 2>&1
stint enqueue probe --id fine --payload '{"v":1,"do":"ok"}' --wait >/dev/null 2>&1
stint enqueue pdf-parse --id doc --payload "{\"v\":1,\"source\":{\"path\":\"$STACK_DIR/inbox/d1.pdf\"}}" --wait >/dev/null 2>&1

before=$(traces)
repro 1 "reproduced: it fails as it did" crash
repro 1 "signal:SIGSEGV" crash --json
repro 1 "mem_limit" mem
repro 1 "SOURCE_MISSING" doc
mv "$STACK_DIR/d1.pdf" "$STACK_DIR/inbox/d1.pdf"
repro 0 "it succeeds now" doc
same "nothing is left of five runs" "$(traces)" "$before"
same "the cause in JSON" "$(stint job repro crash --json 2>/dev/null | jq -r '.reproduced, .after.state')" "true
dead"
stint dlq replay doc >/dev/null 2>&1
stored() { [ "$(sql 'SELECT count(*) FROM stint.pdf_result')" = 1 ]; }
until_true 60 stored
same "the same job, run for real, leaves its result" "$(stint job wait doc --timeout 60s >/dev/null 2>&1; sql 'SELECT count(*) FROM stint.pdf_result')" 1

repro 5 "its payload is not kept" fine
repro 3 "nosuch" nosuch
repro 2 "cannot be used together" crash --gdb --valgrind
if [ -x /usr/bin/gdb ]; then
  out=$(printf 'bt 4\ncontinue\n' | stint job repro crash --gdb 2>&1)
  case "$out" in *SIGSEGV*) ok "gdb sees the worker die of SIGSEGV" ;; *) not_ok "gdb: $out" ;; esac
else
  echo "skip - gdb: it is not installed"
fi
same "and nothing is left" "$(redis KEYS 'stint:{repro*')" ""
for q in $QUEUES; do same "$q: no drift" "$(stat_of "$q" .drift)" 0; done
stack_verdict
