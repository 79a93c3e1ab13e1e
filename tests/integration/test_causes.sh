#!/bin/bash
# Why: every cause a job can die of is made to happen, in a worker or in a parser's cell of a whole stack, and the dead letter must
# say what happened with its evidence. Then: a job that kills its worker stops after two crashes whatever its attempts, a lane
# saves what only lacked memory, and a deploy costs no job anything.
# Refuses to: write an error record itself; believe a cause without its evidence.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
if grep -q STINT_SANITIZED "$STINT_BUILD/build.ninja" 2>/dev/null; then
  echo "skip - test_causes: a sanitizer has its own ends for a process"
  exit 77
fi
# A copy of the programs: one of them is to be broken.
mkdir "$STACK_DIR/bin" && cp "$STINT_BUILD"/bin/stint* "$STACK_DIR/bin/" || exit 1
STINT="$STACK_DIR/bin/stint"
chmod -R a+rX "$STACK_DIR/bin"
export STINT_POOL_PROBE_KINDS=probe STINT_POOL_PROBE_WORKERS=2 STINT_POOL_PROBE_MEMORY=400M
export STINT_POOL_LARGE_KINDS=probe STINT_POOL_LARGE_WORKERS=1 STINT_POOL_LARGE_LANE=large STINT_POOL_LARGE_MEMORY=900M
export STINT_POOL_PDF_KINDS=pdf-parse STINT_POOL_PDF_WORKERS=1
export STINT_KIND_PROBE_CPU=1s STINT_KIND_PROBE_BACKOFF=10ms
# The soft timeout is the kind's: of a job's own, the hard one is a tenth behind it, too near on a busy host. What hangs ends at its SIGTERM with a
# backtrace, however long that takes: no SIGKILL may come first.
export STINT_KIND_PROBE_SOFT_TIMEOUT=1s STINT_SUPERVISOR_KILL_GRACE=60s
export STINT_KIND_PDF_PARSE_ATTEMPTS=1 STINT_KIND_PDF_PARSE_ON_BOOT_FAILURE=quarantine STINT_PDF_TIMEOUT=8s STINT_PDF_CPU=1s
QUEUES="probe pdf"

job() { redis FCALL stint_job 1 "stint:{$1}" "$2"; }
is_state() { [ "$(job "$1" "$2" | jq -r .state)" = "$3" ]; }
enqueue() { redis FCALL stint_enqueue 1 "stint:{$1}" "{\"id\":\"$2\",$3}" "$4" >/dev/null; }
probe() { enqueue probe "$1" "\"kind\":\"probe\"${3:-}" "{\"v\":1,$2}"; }
document() { enqueue pdf "$1" '"kind":"pdf-parse"' "{\"v\":1,\"source\":{\"path\":\"$(salted 1 "$2")\"}}"; }
# whole WHAT RECORD FILTER: the evidence every record has, and what this one must have besides
whole() {
  local missing
  missing=$(jq -r '[(["code","class","cause","message","attempt","epoch","at_ms","host","instance","build","wall_ms","cpu_ms","rss_bytes"][]
    as $k | select(.[$k] == null) | $k)] | join(" ")' <<<"$2")
  if [ -n "$missing" ]; then
    not_ok "$1: its evidence lacks $missing: $(cut -c1-400 <<<"$2")"
  elif ! jq -e "$3" >/dev/null 2>&1 <<<"$2"; then
    not_ok "$1: $3 does not hold of $(cut -c1-700 <<<"$2")"
  else
    ok "$1: $(jq -r '"\(.cause), \(.signal // .exit // "" | tostring), \(.wall_ms) ms, cpu \(.cpu_ms) ms: \(.message)"' <<<"$2" | cut -c1-170)"
  fi
}
# dead QUEUE ID CAUSE FILTER [FIELDS]: it becomes a dead letter of that cause; its last record is whole; of the job itself FIELDS hold
dead() {
  if ! until_true 60 is_state "$1" "$2" dead; then
    not_ok "$2: is no dead letter of $3: $(job "$1" "$2" | cut -c1-500)"
    return
  fi
  local j
  j=$(job "$1" "$2")
  same "$2: the dead letter's cause" "$(jq -r .cause <<<"$j")" "$3"
  whole "$2" "$(jq -c '.errors[-1]' <<<"$j")" "$4"
  if [ -n "${5:-}" ]; then
    jq -e "$5" >/dev/null <<<"$j" && ok "$2: $5" || not_ok "$2: $5 does not hold: $(jq -c '{attempts,crashes,band,errors_total}' <<<"$j")"
  fi
}
has_backtrace() { job "$1" "$2" | jq -e "[.errors[].backtrace // [] | .[]] | any(test(\"$3\"))" >/dev/null; }
backtrace() {
  if until_true 60 has_backtrace "$1" "$2" "$3"; then
    ok "$2: its backtrace names $3: $(job "$1" "$2" | jq -r '[.errors[].backtrace // [] | .[]] | map(select(test("'"$3"'"))) | .[0]')"
  else
    not_ok "$2: no backtrace names $3: $(job "$1" "$2" | jq -c '[.errors[].backtrace]' | cut -c1-300)"
  fi
}

# running_slot ID: sets slot to the worker that runs it
running_slot() {
  slot=$("$STINT" worker list --dir "$STACK_DIR" --json 2>/dev/null | jq -r "select(.job == \"$1\" and .phase == \"run\") | .slot" | head -n 1)
  [ -n "$slot" ]
}
another_supervisor() { local pid; pid=$(supervisor_pid); [ -n "$pid" ] && [ "$pid" != "$1" ]; }
pool_ready() { "$STINT" worker list --dir "$STACK_DIR" --json 2>/dev/null | jq -s -e "any(.[]; .pool == \"$1\" and .state == \"ready\")" >/dev/null; }

documents 1 10 || exit 1
stack_up >/dev/null || { not_ok "the stack comes up"; stack_verdict; exit 1; }

# --- in a worker. attempts is 100: only the crash limit can stop them ---
MANY=',"attempts":100'
TWICE='.crashes == 2 and .attempts == 0 and .errors_total == 2'
probe w-handler '"do":"fail-permanent"'
probe w-soft '"do":"sleep","ms":600000' ',"attempts":1,"timeout_ms":120000'
probe w-hard '"do":"hang"' "$MANY,\"timeout_ms\":700"
probe w-cpu '"do":"spin"' "$MANY"
probe w-mem '"do":"alloc"' "$MANY"
probe w-lane '"do":"alloc","mib":500' "$MANY"
for fault in crash abort bus ill fpe overflow jump syscall exit; do probe "w-$fault" "\"do\":\"$fault\"" "$MANY"; done
dead probe w-handler handler_error '.class == "permanent"'
dead probe w-soft soft_timeout '.code == "TIMEOUT" and .wall_ms >= 800' '.attempts == 1 and .crashes == 0'
dead probe w-hard hard_timeout '.signal == "SIGTERM" and .wall_ms >= 600' "$TWICE"
backtrace probe w-hard probe_hang
dead probe w-cpu cpu_limit '.signal == "SIGXCPU" and .cpu_ms >= 700 and .cpu_ms <= 4000' "$TWICE"
backtrace probe w-cpu probe_spin
dead probe w-mem mem_limit '.exit == 71' "$TWICE and .band == \"large\""
for pair in crash:SIGSEGV abort:SIGABRT bus:SIGBUS ill:SIGILL fpe:SIGFPE overflow:SIGSEGV jump:SIGSEGV; do
  dead probe "w-${pair%:*}" "signal:${pair#*:}" ".signal == \"${pair#*:}\" and .detail.last_words != null" "$TWICE"
  case ${pair%:*} in overflow) frame=deeper ;; abort) frame=probe_abort ;; *) frame=probe_fault_${pair%:*} ;; esac
  backtrace probe "w-${pair%:*}" "$frame"
done
dead probe w-syscall sandbox_violation '.message | test("ptrace")' "$TWICE"
backtrace probe w-syscall probe_fault_syscall
dead probe w-exit handler_error '.exit == 3' "$TWICE"
until_true 60 is_state probe w-lane "done" && ok "w-lane: what lacked memory is done by a worker of the lane" ||
  not_ok "w-lane: $(job probe w-lane | cut -c1-300)"
"$STINT" job show w-crash --dir "$STACK_DIR" 2>&1 | grep -q 'backtrace *0 .*probe_fault_crash' &&
  ok "stint job show prints the backtrace" || not_ok "stint job show prints no backtrace: $("$STINT" job show w-crash --dir "$STACK_DIR" 2>&1 | tail -n 5)"
"$STINT" dlq show w-crash --dir "$STACK_DIR" 2>&1 | grep -q 'probe_fault_crash' &&
  ok "stint dlq show prints the backtrace" || not_ok "stint dlq show prints no backtrace"

# --- an operator's kill ---
probe w-operator '"do":"hang"' "$MANY"
for kill in 1 2; do
  slot=""
  until_true 60 running_slot w-operator || not_ok "w-operator does not run"
  "$STINT" worker kill "$slot" --dir "$STACK_DIR" >/dev/null 2>&1 || not_ok "worker kill $slot"
done
dead probe w-operator operator_kill '.signal == "SIGKILL"' "$TWICE"

# --- in a parser's cell (what a document would do that had taken it over) ---
cell() { # N CAUSE FILTER [FRAME]
  document "cellprobe.$1" "$((100 + $1))"
  dead pdf "cellprobe.$1" "$2" "$3" '.crashes == 0 and .attempts == 1'
  [ -z "${4:-}" ] || backtrace pdf "cellprobe.$1" "$4"
}
cell 1 sandbox_violation '.signal == "SIGSYS" and (.message | test("openat"))' cell_probe
cell 4 cpu_limit '.signal == "SIGXCPU" and .cpu_ms >= 700' cell_probe
cell 5 mem_limit '.exit == 71'
cell 6 signal:SIGSEGV '.signal == "SIGSEGV" and .detail.process == "parser cell"' cell_probe_crash
cell 7 hard_timeout '.wall_ms >= 7900'
cell 9 signal:SIGABRT '.signal == "SIGABRT"' cell_probe
cell 10 signal:SIGSEGV '.signal == "SIGSEGV"' cell_probe_deeper
document good 99
until_true 60 is_state pdf good "done" && ok "the same worker parses the next document" || not_ok "good: $(job pdf good | cut -c1-300)"

# --- a deploy burns nothing ---
for i in $(seq 24); do probe "deploy-$i" '"do":"sleep","ms":250'; done
"$STINT" worker restart --dir "$STACK_DIR" >/dev/null 2>&1 || not_ok "worker restart"
pause 0.4
"$STINT" reload --dir "$STACK_DIR" >/dev/null 2>&1 || not_ok "reload"
kill -TERM "$(supervisor_pid)" # drains, ends, and is started again by the stack
burnt=0
for i in $(seq 24); do
  until_true 60 is_state probe "deploy-$i" "done" || not_ok "deploy-$i: $(job probe "deploy-$i" | cut -c1-300)"
  job probe "deploy-$i" | jq -e '.attempts == 0 and .crashes == 0 and .errors_total == 0' >/dev/null || burnt=$((burnt + 1))
done
same "jobs charged for a rolling restart, a reload and a drain (24 jobs)" "$burnt" 0

# --- a host that is gone: supervisor and workers at once ---
probe w-lost '"do":"hang"' "$MANY"
for loss in 1 2; do
  until_true 60 running_slot w-lost || not_ok "w-lost does not run"
  pids="$(supervisor_pid) $(worker_pids)"
  # shellcheck disable=SC2086 # a list is meant
  kill -KILL $pids
  until_true 60 another_supervisor "${pids%% *}" || not_ok "no new supervisor"
done
until_true 60 is_state probe w-lost dead
j=$(job probe w-lost) # nobody was there to see it: when, where and which process is all that can be known
jq -e '.cause == "worker_lost" and .crashes == 2 and (.errors[-1] | .code == "WORKER_LOST" and .instance != null and .consumer != null and
  .at_ms != null and .attempt != null and .epoch == 2 and .build != null)' <<<"$j" >/dev/null &&
  ok "w-lost: worker_lost, of $(jq -r '.errors[-1].consumer' <<<"$j")" || not_ok "w-lost: $(cut -c1-700 <<<"$j")"

# --- what does not boot ---
until_true 60 pool_ready pdf || not_ok "pool pdf is not ready"
mv "$STACK_DIR/bin/stint-parser" "$STACK_DIR/bin/kept"
printf '#!/bin/sh\nexit 7\n' >"$STACK_DIR/bin/stint-parser"
chmod 755 "$STACK_DIR/bin/stint-parser"
# shellcheck disable=SC2046
kill -KILL $(zygote_pids)
document unbooted 98
dead pdf unbooted boot_failure '.exit == 7 or .message != ""'
pool_says() { "$STINT" status --dir "$STACK_DIR" --json 2>/dev/null | grep -q "$1"; }
until_true 60 pool_says 'stopped after' && ok "a worker that cannot boot: its pool stops and says why" ||
  not_ok "the pool does not say that it stopped: $("$STINT" status --dir "$STACK_DIR" --json 2>/dev/null | cut -c1-600)"
grep -q '"cause":"boot_failure"' "$STACK_DIR/log/supervisor.log" && ok "the log has the cause boot_failure" || not_ok "no boot_failure in the log"
rm "$STACK_DIR/bin/stint-parser" && mv "$STACK_DIR/bin/kept" "$STACK_DIR/bin/stint-parser"

for q in $QUEUES; do same "$q: the ledger has no drift" "$(stat_of "$q" .drift)" 0; done
echo "# oom_kill is made where a cgroup can be: tests/e2e (guest/cgroup.sh)"
stack_verdict
