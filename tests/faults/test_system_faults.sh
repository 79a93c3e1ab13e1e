#!/bin/bash
# Why: clocks that jump, disks that fill, descriptors that run out, processes that freeze and files that vanish must cost nothing but
# time. Also what no store can know by itself: a Redis restored from an older copy while PostgreSQL has gone on.
# Refuses to: change this host's clock, or fill a disk it did not mount.
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
began=$SECONDS
export STINT_SUPERVISOR_INSTANCE=twin # one name for both supervisors of this host
export STINT_SUPERVISOR_HEARTBEAT=500ms STINT_SUPERVISOR_LEASE=2s STINT_POOL_MATCH_WORKERS=1 STINT_POOL_PDF_WORKERS=1
export STINT_KIND_PROBE_RETAIN=30d STINT_KIND_MATCH_RETAIN=30d STINT_KIND_PDF_PARSE_RETAIN=30d # a kept status ends by Redis' clock
CLOCK_LIB="$STINT_BUILD/tests/stint-test-clock.so"
[ -z "$(nm -D "$STINT_BUILD/bin/stint-worker" 2>/dev/null | grep -E "__(a|t)san_")" ] || CLOCK_LIB="" # a sanitizer wants to be first
CLOCK_DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-clock-XXXXXX") && chmod 755 "$CLOCK_DIR"
CLOCK="$CLOCK_DIR/clock"
echo "+0" >"$CLOCK" && chmod 644 "$CLOCK"

mounted=""
if [ "$(id -u)" = 0 ] && mkdir -p "$STACK_DIR/log" && mount -t tmpfs -o size=512k,mode=0777 tmpfs "$STACK_DIR/log" 2>/dev/null; then
  mounted="$STACK_DIR/log"
fi
system_end() {
  local code=$? m
  trap - EXIT
  for p in $(supervisor_pid) $(worker_pids); do kill -CONT "$p" 2>/dev/null; done
  second_down 2>/dev/null
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  rm -rf "$CLOCK_DIR"
  for m in $mounted; do umount "$m" 2>/dev/null; done
  (exit $code)
  stack_end
}
trap system_end EXIT
ONLY=${FAULT_ONLY:-.}
row() { [[ "$1" =~ $ONLY ]] && fault "$@"; unset FAULT_READYZ FAULT_SAYS FAULT_STATUS FAULT_HOLD_MS FAULT_HTTP_S FAULT_SEEN; }

# --- clocks: everything but the kernel's monotonic clock is faked, for Redis, PostgreSQL, supervisor and workers alike ---
clock_to() { echo "$1" >"$CLOCK.new" && chmod 644 "$CLOCK.new" && mv "$CLOCK.new" "$CLOCK"; }
forward() { clock_to "+7200"; }
backward() { clock_to "-7200"; }
true_time() { clock_to "+0"; }

# Programs of our own, so that one can be replaced while it runs.
PROGRAMS="$CLOCK_DIR/bin"
if mkdir "$PROGRAMS" && cp "$STINT_BUILD"/bin/stint "$STINT_BUILD"/bin/stint-* "$PROGRAMS/"; then STINT="$PROGRAMS/stint"; else PROGRAMS=""; fi

if [ -n "$CLOCK_LIB" ]; then
  STINT_TEST_CLOCK="$CLOCK" LD_PRELOAD="$CLOCK_LIB" "$STINT" up --dir "$STACK_DIR" --detach >"$STACK_DIR/up.out" 2>&1
else
  echo "skip - clocks: a sanitizer must be preloaded alone"
  stack_up >"$STACK_DIR/up.out"
fi || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
documents 3 8 || { not_ok "documents cannot be made"; exit 1; }
fault_watch_effects >/dev/null
until_true 60 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

if [ -n "$CLOCK_LIB" ]; then
  redis_hours() { local t; t=$(redis TIME | head -n 1); echo $(((t - $(date +%s) + 1800) / 3600)); }
  jumped() { [ "$(redis_hours)" = 2 ]; }
  clock_to "+7200"
  if until_true 60 jumped; then ok "the clocks of the stack jump ($(redis_hours) h)"; else not_ok "the clocks do not jump"; fi
  preloaded() { grep -q stint-test-clock "/proc/$1/maps"; }
  for p in $(supervisor_pid) $(worker_pids); do preloaded "$p" || not_ok "process $p ($(name_of "$p")) has the true clock"; done
  true_time
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=800
  row "wall clocks two hours forward" forward true_time
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=800
  row "wall clocks two hours back" backward true_time
fi

# --- the host's resources ---
relay_pids() { children_of "$(supervisor_pid)" stint-relay; }
everyone() { supervisor_pid; worker_pids; relay_pids; }
fill_logs() { dd if=/dev/zero of="$STACK_DIR/log/filler" bs=4k 2>/dev/null; dd if=/dev/zero of="$STACK_DIR/log/filler2" bs=1 count=8192 2>/dev/null; true; }
empty_logs() { rm -f "$STACK_DIR/log/filler" "$STACK_DIR/log/filler2"; }
# Only the soft limit is lowered: to raise it up to the hard one again needs no right.
as_owner() { # PID COMMAND…: as the user of that process, who may change its limits without any right
  local uid
  uid=$(stat -c %u "/proc/$1") || return 1
  shift
  if [ "$uid" = "$(id -u)" ]; then "$@"; else setpriv --reuid="$uid" --clear-groups "--regid=$(id -g "$(id -nu "$uid")")" "$@"; fi
}
soft_limit() { # RESOURCE PID N; "hard": as before
  local hard
  hard=$(as_owner "$2" prlimit --pid "$2" "--$1" --output HARD --noheadings --raw) || return 1
  as_owner "$2" prlimit --pid "$2" "--$1=${3/hard/$hard}:$hard"
}
no_descriptors() { # and documents that come while it lasts: only then, so that each meets a worker that can open nothing
  local p i
  LIMITED=$(everyone); for p in $LIMITED; do soft_limit nofile "$p" 3 || return 1; done
  for i in 1 2 3; do book_pdf "f$FAULT_N-short-$i" "$i" "$((650 + i))"; done
  flush
}
descriptors() { local p; for p in $LIMITED; do ! lives "$p" || soft_limit nofile "$p" hard || return 1; done; }
freeze_supervisor() { FROZEN=$(supervisor_pid); kill -STOP "$FROZEN"; }
freeze_workers() { FROZEN=$(worker_pids); for p in $FROZEN; do kill -STOP "$p"; done; }
freeze_all() { FROZEN="$(supervisor_pid) $(worker_pids)"; for p in $FROZEN; do kill -STOP "$p"; done; }
thaw() { local p; for p in $FROZEN; do kill -CONT "$p"; done; }

if [ -n "$mounted" ]; then
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=800
  row "disk of the logs full" fill_logs empty_logs
else
  echo "skip - disk of the logs full: needs root and mount(2)"
fi
log_says() { grep -qF -- "$1" <<<"$(fault_log_since)"; }
both_said() { log_says "raise [pool.NAME] files" && log_says "raise LimitNOFILE"; }
said() { if fault_log_since | grep -qF -- "$2"; then ok "$1: the log names the remedy"; else not_ok "$1: the log does not say '$2'"; fi; }
FAULT_STATUS="" FAULT_HOLD_MS=1500 FAULT_HTTP_S=1 FAULT_SEEN=both_said
row "no descriptors left" no_descriptors descriptors
if [[ "no descriptors left" =~ $ONLY ]]; then
  said "no descriptors left: worker" "raise [pool.NAME] files"
  said "no descriptors left: supervisor" "raise LimitNOFILE"
fi
lose_files() { rm -f "$STACK_DIR/run/control.sock" "$STACK_DIR/run/metrics.port"; }
files_again() { until_true 60 [ -S "$STACK_DIR/run/control.sock" ] && until_true 60 "$STINT" status --dir "$STACK_DIR" && until_true 60 fault_ready; }
FAULT_STATUS="" FAULT_HOLD_MS=300
row "control socket and port file deleted" lose_files files_again
FAULT_STATUS="" FAULT_HOLD_MS=2600
row "supervisor frozen beyond its lease" freeze_supervisor thaw
FAULT_STATUS="" FAULT_HOLD_MS=1000
row "workers frozen" freeze_workers thaw
FAULT_STATUS="" FAULT_HOLD_MS=2600
row "host suspended beyond its lease" freeze_all thaw

# --- what costs a process or a whole host, told by the books rather than by a table ---

wanted_row() { [[ "$1" =~ $ONLY ]]; }
job_of() { redis FCALL stint_job 1 "stint:{$1}" "$2"; }
job_is() { [ "$(job_of "$1" "$2" | jq -r .state)" = "$3" ]; }
active_in() { stat_of "$1" '[.bands[].active] | add'; }
in_hand() { [ "$(active_in "$1")" -gt 0 ]; }
quiet_soon() { until_true 60 is_quiet || not_ok "$1: jobs are left over: $(for q in $QUEUES; do echo "$q $(stat_of "$q" "$LEFT")"; done | tr '\n' ' ')"; }
nothing_twice() { same "$1: none applied twice, no drift" "$(fault_doubles)" 0; }
holder_of() { # JOB: the worker that has it in hand
  "$STINT" worker list --dir "$STACK_DIR" --json 2>/dev/null | jq -r --arg id "$1" '.. | objects | select(.job? == $id or .job_id? == $id) | .pid' | head -n 1
}
held() { HOLDER=$(holder_of "$1"); [ -n "$HOLDER" ]; }

# A worker that stands still with a job in hand is killed at the job's time limit; the job is told why, and goes on elsewhere.
frozen_with_a_job() {
  local name="worker frozen with a job in hand"
  FAULT_LINE=$(fault_log_lines)
  book_probe frozen-1 "done" '"do":"sleep","ms":2500' ',"timeout_ms":5000'
  flush
  until_true 60 held frozen-1 || { not_ok "$name: nobody holds it"; return; }
  kill -STOP "$HOLDER"
  if until_true 60 job_is probe frozen-1 "done"; then ok "$name: its job is done by another"; else not_ok "$name: $(job_of probe frozen-1)"; fi
  same "$name: the worker is gone" "$(lives "$HOLDER" && echo lives)" ""
  same "$name: the cause is hard_timeout" "$(job_of probe frozen-1 | jq -r '.errors[0].cause')" hard_timeout
}
wanted_row "worker frozen with a job" && frozen_with_a_job

# No process can be made: workers that must be replaced wait, their pool is not given up, and the remedy is said.
no_processes() {
  local name="no processes left" sup victim before
  sup=$(supervisor_pid)
  FAULT_LINE=$(fault_log_lines)
  [ "$(stat -c %u "/proc/$sup")" != 0 ] || { echo "skip - $name: the limit does not hold for root"; return; }
  soft_limit nproc "$sup" 1
  before=$(worker_pids)
  for victim in $(children_of "$sup" stint-worker); do kill -9 "$victim"; done
  if until_true 60 told_processes; then ok "$name: the log names the remedy"; else not_ok "$name: the log does not say 'raise LimitNPROC'"; fi
  for i in 1 2 3 4; do book_probe "nproc-$i" "done" '"do":"ok"'; done
  flush
  pause 1.5
  same "$name: no worker lives meanwhile" "$(worker_pids | wc -l)" 0
  if [ "$(fault_log_since | wc -l)" -lt 120 ]; then ok "$name: nobody spins"; else not_ok "$name: $(fault_log_since | wc -l) log lines"; fi
  soft_limit nproc "$sup" hard
  if until_true 60 fault_ready; then ok "$name: recovers by itself"; else not_ok "$name: no recovery: $HTTP_BODY"; fi
  quiet_soon "$name"
  nothing_twice "$name"
}
told_processes() { fault_log_since | grep -q 'raise LimitNPROC'; }
wanted_row "no processes left" && no_processes

# The program is replaced on disk while jobs run: a package manager's rename, then a rolling restart.
replaced_program() {
  local name="worker's program replaced under load" before
  before=$(worker_pids | sort)
  for i in $(seq 60); do book_probe "swap-$i" "done" '"do":"sleep","ms":20'; done
  for i in 1 2 3; do book_pdf "swap-pdf-$i" "$i" "$((700 + i))"; done
  flush
  cp "$PROGRAMS/stint-worker" "$PROGRAMS/stint-worker.new" && mv -f "$PROGRAMS/stint-worker.new" "$PROGRAMS/stint-worker"
  "$STINT" worker restart --dir "$STACK_DIR" >"$STACK_DIR/restart.out" 2>&1 || not_ok "$name: $(head -c 300 "$STACK_DIR/restart.out")"
  if until_true 60 all_new "$before"; then ok "$name: every worker runs the new one"; else not_ok "$name: old workers are left: $(worker_pids | tr '\n' ' ')"; fi
  quiet_soon "$name"
  same "$name: no job failed" "$(jobs_that_paid swap-)" 0
  nothing_twice "$name"
}
all_new() { # every worker is another process, and none runs a file that is deleted
  local p
  [ -n "$(worker_pids)" ] && [ -z "$(comm -12 <(echo "$1") <(worker_pids | sort))" ] || return 1
  for p in $(worker_pids); do case "$(readlink "/proc/$p/exe")" in *deleted*) return 1 ;; esac; done
  fault_ready
}
jobs_that_paid() { # PREFIX
  grep -E " $1" "$STACK_DIR/books" | awk '{ printf "FCALL stint_job 1 stint:{%s} %s\n", $1, $2 }' | redis |
    jq -R -r '(fromjson? // {}) | select((.attempts // 0) > 0 or (.crashes // 0) > 0) | .id' | wc -l
}
if [ -n "$PROGRAMS" ]; then
  wanted_row "worker's program replaced" && replaced_program
fi

# --- a second supervisor: the same host, the same name, another run_dir ---

SECOND="" SECOND_DIR="$STACK_DIR/second"
second_up() {
  mkdir -p "$SECOND_DIR" && chown --reference="$STACK_DIR/stint.conf" "$SECOND_DIR"
  sed -e "s|^run_dir = .*|run_dir = $SECOND_DIR/run|" -e "s|^port = .*|port = 0|" "$STACK_DIR/stint.conf" >"$SECOND_DIR/stint.conf"
  chown --reference="$STACK_DIR/stint.conf" "$SECOND_DIR/stint.conf"
  "${AS_STACK[@]}" "$STINT_BUILD/bin/stint-supervisor" --config "$SECOND_DIR/stint.conf" >>"$SECOND_DIR/log" 2>&1 &
  SECOND=$!
  until_true 60 second_ready
}
second_ready() { curl -sf -m 2 "http://127.0.0.1:$(cat "$SECOND_DIR/run/metrics.port")/readyz"; }
second_down() { [ -z "$SECOND" ] || { kill "$SECOND"; wait "$SECOND"; SECOND=""; }; }
hosts_of() { stat_of "$1" '.instances // .hosts | if type == "array" then length else . end'; }

two_of_one_name() {
  local name="two supervisors of one name at once"
  second_up || { not_ok "$name: the second does not come up: $(tail -n 2 "$SECOND_DIR/log")"; return; }
  for i in $(seq 80); do book_probe "twin-$i" "done" '"do":"sleep","ms":15'; done
  for i in 1 2 3 4; do book_pdf "twin-pdf-$i" $((1 + i % 3)) "$((740 + i))"; book_person "twin-person-$i" "$((740 + i))"; done
  flush
  quiet_soon "$name"
  same "$name: their own names differ" "$(redis ZRANGE 'stint:{probe}:i' 0 -1 | grep -c '^twin-')" 2
  same "$name: no job failed" "$(jobs_that_paid twin-)" 0
  nothing_twice "$name"
  rm -rf "$SECOND_DIR/run"
  if until_true 60 second_ready; then ok "run_dir deleted: it is made again"; else not_ok "run_dir deleted: $(tail -n 2 "$SECOND_DIR/log")"; fi
  if grep -q 'it is made again' "$SECOND_DIR/log"; then ok "run_dir deleted: the log says so"; else not_ok "run_dir deleted: the log says nothing"; fi
}

# One id on three queues at once is three jobs.
one_id() {
  local name="one id in flight on three queues"
  book_probe same-id "done" '"do":"sleep","ms":200'
  book_pdf same-id 1 770
  book_person same-id 770
  flush
  quiet_soon "$name"
  same "$name: each is done" "$(for q in $QUEUES; do job_of "$q" same-id | jq -r .state; done | tr '\n' ' ')" "done done done "
  nothing_twice "$name"
}

# A worker frozen inside a transaction holds its locks until PostgreSQL ends the session, after a minute
# (idle_in_transaction_session_timeout); that minute is cut short here.
quiet_without_the_frozen() {
  sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE state LIKE 'idle in transaction%' AND state_change < now() - interval '4 s'"
  is_quiet
}

# A host stands still for longer than its lease with work in hand: the other takes it over, and what wakes up is fenced.
suspended_host() {
  local name="one of two hosts suspended beyond its lease" p frozen
  FAULT_LINE=$(fault_log_lines)
  kill -STOP "$SECOND"
  for p in $(children_of "$SECOND" stint-worker); do kill -STOP "$p"; done
  for i in 1 2; do book_probe "zombie-$i" "done" '"do":"sleep","ms":2500'; done
  for i in $(seq 30); do book_pdf "zombie-pdf-$i" $((1 + i % 3)) "$((780 + i))"; book_person "zombie-person-$i" "$((780 + i))"; done
  flush
  until_true 60 in_hand probe
  frozen="$(supervisor_pid) $(worker_pids) $(zygote_pids) $(cell_pids)"
  for p in $frozen; do kill -STOP "$p" 2>/dev/null; done
  local held=$(($(active_in pdf) + $(active_in match) + $(active_in probe)))
  if [ "$held" -gt 0 ]; then ok "$name: it held $held jobs"; else not_ok "$name: it held nothing"; fi
  for p in $(children_of "$SECOND" stint-worker) $SECOND; do kill -CONT "$p"; done
  if until_true 60 quiet_without_the_frozen; then ok "$name: the other host ends every job"; else not_ok "$name: jobs are left over"; fi
  for p in $frozen; do kill -CONT "$p" 2>/dev/null; done
  if until_true 60 fault_ready; then ok "$name: it comes back by itself"; else not_ok "$name: not ready: $HTTP_BODY"; fi
  quiet_soon "$name"
  nothing_twice "$name"
}

# Folders on a disk without room: who runs works on, who starts says what is wrong.
full_folders() {
  local name="run_dir and state_dir on a full disk" i
  [ -n "$mounted" ] || { echo "skip - $name: needs root and mount(2)"; return; }
  mkdir -p "$STACK_DIR/small" && mount -t tmpfs -o size=64k,nr_inodes=16,mode=0777 tmpfs "$STACK_DIR/small" || { not_ok "$name: no mount"; return; }
  mounted="$STACK_DIR/small $mounted"
  second_down
  mkdir "$STACK_DIR/small/state" && chown --reference="$STACK_DIR/stint.conf" "$STACK_DIR/small/state"
  SECOND_DIR="$STACK_DIR/small"
  for i in $(seq 20); do touch "$STACK_DIR/small/filler$i" 2>/dev/null; done
  sed -e "s|^run_dir = .*|run_dir = $SECOND_DIR/run|" -e "s|^state_dir = .*|state_dir = $SECOND_DIR/state|" -e "s|^port = .*|port = 0|" "$STACK_DIR/stint.conf" >"$STACK_DIR/small.conf"
  chown --reference="$STACK_DIR/stint.conf" "$STACK_DIR/small.conf"
  "${AS_STACK[@]}" timeout 20 "$STINT_BUILD/bin/stint-supervisor" --config "$STACK_DIR/small.conf" >"$STACK_DIR/small.log" 2>&1
  same "$name: who starts ends with code 1" $? 1
  if grep -q "cannot make the folder $SECOND_DIR/run.*set \[supervisor\] run_dir" "$STACK_DIR/small.log"; then ok "$name: and says what to do"; else not_ok "$name: $(tail -n 3 "$STACK_DIR/small.log")"; fi
}

AS_STACK=()
[ "$(id -u)" = 0 ] && AS_STACK=(setpriv "--reuid=$(stat -c %u "$STACK_DIR/stint.conf")" "--regid=$(stat -c %g "$STACK_DIR/stint.conf")" --clear-groups)
if wanted_row "two supervisors"; then
  two_of_one_name
  one_id
  suspended_host
  full_folders
  second_down
fi

# --- Redis restored from an older copy: finished jobs are there again, and their effects are not applied again ---
restore_older() {
  local n=0 done_before applied_before i
  FAULT_N=99
  for i in 1 2 3 4; do
    book_pdf "f99-pdf-$i" $((1 + i % 3)) "$((900 + i))" ',"delay_ms":4000'
    book_person "f99-person-$i" "$((900 + i))" ',"delay_ms":4000'
  done
  flush
  redis BGREWRITEAOF >/dev/null
  until_true 60 rewritten
  redis CONFIG SET appendfsync always >/dev/null
  rm -rf "$STACK_DIR/older" && cp -a "$STACK_DIR/redis" "$STACK_DIR/older"
  until_true 60 is_quiet || { not_ok "older Redis: not quiet before"; return; }
  applied_before=$(sql "SELECT count(*) FROM public.applied WHERE job_id LIKE 'f99-%'")
  BEFORE=$(grep -ac 'effect was applied by an earlier delivery' "$STACK_DIR/log/supervisor.log")
  kill -STOP "$(stack_pid)"
  i=$(redis_pid)
  kill -9 "$i"
  until_true 60 [ ! -s "/proc/$i/maps" ]
  rm -rf "$STACK_DIR/redis" && cp -a "$STACK_DIR/older" "$STACK_DIR/redis"
  kill -CONT "$(stack_pid)"
  until_true 60 came_back || not_ok "older Redis: the jobs are not there again"
  until_true 60 is_quiet || not_ok "older Redis: not quiet after"
  same "Redis restored from an older copy: 8 jobs are done again" "$(redis_done)" 8
  same "Redis restored from an older copy: no effect is applied again" \
    "$(sql "SELECT count(*) FROM public.applied WHERE job_id LIKE 'f99-%'")" "$applied_before"
  same "Redis restored from an older copy: no drift" "$(for n in $QUEUES; do stat_of "$n" .drift; done | tr '\n' ' ')" "0 0 0 "
}
rewritten() { redis INFO persistence | grep -q 'aof_rewrite_in_progress:0' && redis INFO persistence | grep -q 'aof_last_bgrewrite_status:ok'; }
came_back() { [ "$(grep -ac 'effect was applied by an earlier delivery' "$STACK_DIR/log/supervisor.log")" -ge "$((BEFORE + 8))" ]; }
redis_done() {
  for i in 1 2 3 4; do echo "FCALL stint_job 1 stint:{pdf} f99-pdf-$i"; echo "FCALL stint_job 1 stint:{match} f99-person-$i"; done |
    redis | grep -c '"state":"done"'
}
if [[ "older" =~ $ONLY ]]; then
  restore_older
  TOLD_WAIT_S=3 # what was told after the copy was made is gone from its stream for good
fi

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
