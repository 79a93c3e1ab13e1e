#!/bin/bash
# Why: kill -9 of anything in the middle of the work must end with every job accounted for: done, or dead of what it deserved.
# Refuses to: end a process that does not descend from its own stack; be satisfied with a stack that only looks well.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
# Killed again and again, a job must not be taken for a bad one here; test_kill_points holds the counters to account.
export STINT_KIND_PROBE_CRASHES=100 STINT_KIND_PDF_PARSE_CRASHES=100 STINT_KIND_MATCH_CRASHES=100
export STINT_KIND_PDF_PARSE_BACKOFF=500ms STINT_POOL_PROBE_WORKERS=2 STINT_POOL_PDF_WORKERS=2 STINT_POOL_MATCH_WORKERS=2
export STINT_POOL_PROBE_KINDS=probe STINT_POOL_PDF_KINDS=pdf-parse STINT_POOL_MATCH_KINDS=match
DOCUMENTS=12
began=$SECONDS

# A steady mix, until it is told to stop: about 30 jobs a second.
mix() {
  trap 'exit 0' TERM
  local i=0
  while [ ! -e "$STACK_DIR/mix.stop" ]; do
    i=$((i + 1))
    book_probe "ok-$i" "done" '"do":"ok"'
    book_probe "low-$i" "done" '"do":"ok"' ',"band":"low"'
    book_probe "sleep-$i" "done" '"do":"sleep","ms":60'
    book_probe "once-$i" "done" '"do":"fail","times":1'
    book_probe "later-$i" "done" '"do":"ok"' ',"delay_ms":700'
    [ $((i % 10)) = 0 ] && book_probe "never-$i" HANDLER_REFUSED '"do":"fail-permanent"'
    [ $((i % 4)) = 0 ] && [ ! -e "$STACK_DIR/pdf.pause" ] && book_pdf "pdf-$i" $((1 + i % DOCUMENTS)) "$i"
    [ $((i % 40)) = 0 ] && book pdf "bad-$i" NOT_PDF '"kind":"pdf-parse"' "{\"v\":1,\"source\":{\"path\":\"$STACK_DIR/inbox/bad.pdf\"}}"
    book_person "person-$i" "$i"
    flush || exit 1
    pause 0.15
  done
}

# Fresh jobs of each kind, asked for right after a kill: how long until all have ended?
canary=0
canaries() {
  canary=$((canary + 1))
  CANARIES="probe:canary-probe-$canary pdf:canary-pdf-$canary match:canary-match-$canary"
  book_probe "canary-probe-$canary" "done" '"do":"ok"' ',"band":"express"'
  book_pdf "canary-pdf-$canary" 1 "$canary" ',"band":"express"'
  book_person "canary-match-$canary" "$canary" ',"band":"express"'
  flush
}
canaries_done() {
  local c
  for c in $CANARIES; do
    redis FCALL stint_job 1 "stint:{${c%%:*}}" "${c#*:}" | grep -q '"state":"done"' || return 1
  done
}

crashed() { local q n=0; for q in $QUEUES; do n=$((n + $(stat_of "$q" '.ledger.crashed // 0'))); done; echo "$n"; }

# --- the victims: each prints the pids to kill ---

victim_worker() { # one that runs something, if any does
  local pid=""
  pid=$("$STINT" worker list --dir "$STACK_DIR" --json 2>/dev/null | jq -r 'select(.phase == "run") | .pid' | head -n 1)
  [ -n "$pid" ] || pid=$(worker_pids | tail -n 1)
  echo "$pid"
}
victim_cell() { cell_pids | head -n 1; } # it lives for a moment only
victim_zygote() { # of a cell at work
  local cell
  cell=$(victim_cell)
  [ -n "$cell" ] && sed -n 's/^PPid:[[:space:]]*//p' "/proc/$cell/status" 2>/dev/null
}
victim_supervisor() { supervisor_pid; }
victim_redis() { until_true 60 aof_written; redis_pid; }
victim_postgres() { postgres_pid; }
victim_workers() { worker_pids; }
victim_stack() { until_true 60 aof_written; stack_pid; }

gone() { ! lives "$1"; }
# A document whose cell died twice is dead by rule: a cell is only killed when none waits for its second run.
pdf_calm() { [ "$(stat_of pdf "$LEFT")" = 0 ]; }
no_second_runs() {
  touch "$STACK_DIR/pdf.pause"
  until_true 120 pdf_calm || not_ok "documents do not come to their end: $(stat_of pdf "$LEFT") are left"
  rm "$STACK_DIR/pdf.pause"
}

# hit NAME: one is there and is killed; whoever ends by itself between the look and the blow does not count
hit() {
  HIT=$("victim_$1")
  # shellcheck disable=SC2086
  [ -n "$HIT" ] && kill -9 $HIT 2>/dev/null
}

REPORT=""
# strike NAME TIMES CRASHES: kills it TIMES times; at most CRASHES jobs may be blamed for each
strike() {
  local name=$1 times=$2 most=$3 i pids began_ms took slowest=0 before blamed hits=0
  before=$(crashed)
  for i in $(seq "$times"); do
    case "$name" in cell|zygote) no_second_runs ;; esac
    until_true 60 hit "$name" && hits=$((hits + 1))
    pids=$HIT began_ms=$(now_ms)
    if [ "$name" = stack ]; then
      until_true 60 gone "$pids"
      stack_up >"$STACK_DIR/up.out" || { not_ok "up after the stack was killed: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
    fi
    canaries || { not_ok "$name: no job can be enqueued a minute after kill $i"; exit 1; }
    until_true 60 canaries_done || { not_ok "$name: jobs enqueued after kill $i have not ended after 60 s"; exit 1; }
    took=$(($(now_ms) - began_ms))
    [ "$took" -gt "$slowest" ] && slowest=$took
  done
  same "$name: killed in the middle of work, works again" "$hits times" "$times times"
  blamed=$(($(crashed) - before))
  if [ "$blamed" -le $((most * times)) ]; then ok "$name: $blamed jobs blamed for $times kills, $((most * times)) allowed"
  else not_ok "$name: $blamed jobs blamed for $times kills, $((most * times)) allowed"; fi
  REPORT+=$(printf '# %-12s %5d ms  (%d kills, %d jobs blamed)' "$name" "$slowest" "$hits" "$blamed")$'\n'
}

documents $DOCUMENTS 360 || { not_ok "documents cannot be made"; exit 1; }
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
mix &
MIX_PID=$!

strike worker 5 1
strike cell 4 0
strike zygote 3 0
strike redis 4 0
strike postgres 4 0
strike supervisor 4 6
strike workers 3 6
strike stack 3 6

book match lonely "done" '"kind":"match"' '{"v":1,"op":"submit","pool":"crash","id":"lonely","gender":"female","seeking":["male"],"age":20,"age_min":90,"age_max":99,"presence_ms":3600000}'
flush
touch "$STACK_DIR/mix.stop"
wait "$MIX_PID"
same "every job of the mix was accepted in the end" $? 0
MIX_PID=""
quiet_from=$(now_ms)
if until_true 60 is_quiet; then ok "quiet after $(($(now_ms) - quiet_from)) ms: nothing is ready, active or scheduled"
else not_ok "not quiet after a minute: $(for q in $QUEUES; do echo "$q $(stat_of "$q" "$LEFT")"; done | tr '\n' ' ')"; fi
check_books

# A pool lives by a word from round to round; when the word is lost, PostgreSQL still knows that somebody waits.
next_round() { redis ZRANGE 'stint:{match}:d' 0 0 | grep .; }
if until_true 60 next_round && lost=$(next_round); then
  redis FCALL stint_cancel 1 'stint:{match}' "$lost" "lost on purpose" test >/dev/null
  until_true 60 next_round && ok "a pool whose next round was lost is found again" || not_ok "a pool whose next round was lost is forgotten"
fi

pids="$(supervisor_pid) $(redis_pid) $(postgres_pid) $(worker_pids) $(zygote_pids) $(stack_pid)"
"$STINT" down --dir "$STACK_DIR" >/dev/null 2>&1
all_gone() { left=""; for pid in $pids; do lives "$pid" && left+=" $pid"; done; [ -z "$left" ]; }
until_true 60 all_gone # what a parent's death ends is gone a moment after it
same "down leaves no process behind" "${left:-none}" none

echo "# slowest recovery: fresh jobs of every kind, from the kill to the end of the last"
printf '%s' "$REPORT"
echo "# $(wc -l <"$STACK_DIR/books") jobs, $((SECONDS - began)) s"
stack_verdict
