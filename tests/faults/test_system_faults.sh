#!/bin/bash
# Why: clocks that jump, disks that fill, descriptors that run out, processes that freeze and files that vanish must cost nothing but
# time. Also what no store can know by itself: a Redis restored from an older copy while PostgreSQL has gone on.
# Refuses to: change this host's clock, or fill a disk it did not mount.
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
began=$SECONDS
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
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  rm -rf "$CLOCK_DIR"
  for m in $mounted; do umount "$m" 2>/dev/null; done
  (exit $code)
  stack_end
}
trap system_end EXIT
ONLY=${FAULT_ONLY:-.}
row() { [[ "$1" =~ $ONLY ]] && fault "$@"; unset FAULT_READYZ FAULT_SAYS FAULT_STATUS FAULT_HOLD_MS; }

# --- clocks: everything but the kernel's monotonic clock is faked, for Redis, PostgreSQL, supervisor and workers alike ---
clock_to() { echo "$1" >"$CLOCK.new" && chmod 644 "$CLOCK.new" && mv "$CLOCK.new" "$CLOCK"; }
forward() { clock_to "+7200"; }
backward() { clock_to "-7200"; }
true_time() { clock_to "+0"; }

if [ -n "$CLOCK_LIB" ]; then
  STINT_TEST_CLOCK="$CLOCK" LD_PRELOAD="$CLOCK_LIB" "$STINT" up --dir "$STACK_DIR" --detach >"$STACK_DIR/up.out" 2>&1
else
  echo "skip - clocks: a sanitizer must be preloaded alone"
  stack_up >"$STACK_DIR/up.out"
fi || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
documents 3 8 || { not_ok "documents cannot be made"; exit 1; }
fault_watch_effects >/dev/null
until_true 20 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

if [ -n "$CLOCK_LIB" ]; then
  redis_hours() { local t; t=$(redis TIME | head -n 1); echo $(((t - $(date +%s) + 1800) / 3600)); }
  jumped() { [ "$(redis_hours)" = 2 ]; }
  clock_to "+7200"
  if until_true 5 jumped; then ok "the clocks of the stack jump ($(redis_hours) h)"; else not_ok "the clocks do not jump"; fi
  true_time
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=1500
  row "wall clocks two hours forward" forward true_time
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=1500
  row "wall clocks two hours back" backward true_time
fi

# --- the host's resources ---
everyone() { supervisor_pid; worker_pids; }
fill_logs() { dd if=/dev/zero of="$STACK_DIR/log/filler" bs=4k 2>/dev/null; dd if=/dev/zero of="$STACK_DIR/log/filler2" bs=1 count=8192 2>/dev/null; true; }
empty_logs() { rm -f "$STACK_DIR/log/filler" "$STACK_DIR/log/filler2"; }
limit_files() { local p; for p in $(everyone); do prlimit --pid "$p" "--nofile=$1:" 2>/dev/null || return 1; done; }
no_descriptors() { limit_files 3; }
descriptors() { limit_files 256; }
freeze_supervisor() { FROZEN=$(supervisor_pid); kill -STOP "$FROZEN"; }
freeze_workers() { FROZEN=$(worker_pids); for p in $FROZEN; do kill -STOP "$p"; done; }
freeze_all() { FROZEN="$(supervisor_pid) $(worker_pids)"; for p in $FROZEN; do kill -STOP "$p"; done; }
thaw() { local p; for p in $FROZEN; do kill -CONT "$p"; done; }

if [ -n "$mounted" ]; then
  FAULT_READYZ=ok FAULT_STATUS="" FAULT_HOLD_MS=1500
  row "disk of the logs full" fill_logs empty_logs
else
  echo "skip - disk of the logs full: needs root and mount(2)"
fi
if limit_files 256; then
  FAULT_STATUS="" FAULT_HOLD_MS=1500
  row "no descriptors left" no_descriptors descriptors
else
  echo "skip - no descriptors left: needs CAP_SYS_RESOURCE to change the limits of others"
fi
FAULT_STATUS="" FAULT_HOLD_MS=3500
row "supervisor frozen beyond its lease" freeze_supervisor thaw
FAULT_STATUS="" FAULT_HOLD_MS=2500
row "workers frozen" freeze_workers thaw
FAULT_STATUS="" FAULT_HOLD_MS=3500
row "host suspended beyond its lease" freeze_all thaw

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
  until_true 10 rewritten
  redis CONFIG SET appendfsync always >/dev/null
  rm -rf "$STACK_DIR/older" && cp -a "$STACK_DIR/redis" "$STACK_DIR/older"
  until_true 30 is_quiet || { not_ok "older Redis: not quiet before"; return; }
  applied_before=$(sql "SELECT count(*) FROM public.applied WHERE job_id LIKE 'f99-%'")
  BEFORE=$(grep -ac 'effect was applied by an earlier delivery' "$STACK_DIR/log/supervisor.log")
  kill -STOP "$(stack_pid)"
  i=$(redis_pid)
  kill -9 "$i"
  until_true 10 [ ! -s "/proc/$i/maps" ]
  rm -rf "$STACK_DIR/redis" && cp -a "$STACK_DIR/older" "$STACK_DIR/redis"
  kill -CONT "$(stack_pid)"
  until_true 20 came_back || not_ok "older Redis: the jobs are not there again"
  until_true 40 is_quiet || not_ok "older Redis: not quiet after"
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
[[ "older" =~ $ONLY ]] && restore_older

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
