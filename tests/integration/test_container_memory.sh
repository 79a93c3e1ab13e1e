#!/bin/bash
# Why: in a container with a memory limit, workers that may each take more than there is would have the kernel end one of them, or the
# supervisor, for another's job. In a real memory group (cgroup v1, below the test's own): the workers' memory is divided, told, divided
# anew on reload, and refused where it cannot be enough.
# Refuses to: touch any group but the one it makes below its own and removes again; where it may not make one, it skips.
set -u
DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-memory-XXXXXX")
PID="" GROUP="" failures=0 checks=0 LIMIT_MIB=1088
STINT="$STINT_BUILD/bin/stint"
export STINT_CONFIG="$DIR/stint.conf" STINT_SUPERVISOR_RUN_DIR="$DIR" STINT_SUPERVISOR_STATE_DIR="$DIR" STINT_METRICS_PORT=0 NO_COLOR=1
export STINT_REDIS_URL="unix://$DIR/none.sock" STINT_POSTGRES_URL="postgresql:///none?host=$DIR" STINT_RELAY_ENABLED=no

pause() { read -r -t 0.05 _ <> <(:) || true; }
stop() {
  [ -n "$PID" ] && kill -9 "$PID" 2>/dev/null
  [ -n "$PID" ] && wait "$PID" 2>/dev/null
  PID=""
}
end() {
  stop
  local deadline=$((SECONDS + 60))
  while [ -n "$GROUP" ] && [ -d "$GROUP" ] && ! rmdir "$GROUP" 2>/dev/null && [ $SECONDS -lt $deadline ]; do pause; done
  rm -rf "$DIR"
}
trap end EXIT
check() { checks=$((checks + 1)); if "${@:2}"; then echo "ok - $1"; else failures=$((failures + 1)); echo "not ok - $1"; sed 's/^/# /' "$DIR/log" | tail -n 5; fi; }
skip() { echo "skip - container memory: $1"; exit 77; }

own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
mount=$(awk '$0 ~ / - cgroup / && $NF ~ /(^|,)memory(,|$)/ { print $5; exit }' /proc/self/mountinfo)
[ -n "$own" ] && [ -n "$mount" ] || skip "there is no cgroup v1 hierarchy of memory here"
[ -d "$mount$own" ] || own=""
GROUP="$mount$own/stint-test-$$"
mkdir "$GROUP" 2>/dev/null || { GROUP=""; skip "no group can be made below this test's own"; }
echo $((LIMIT_MIB << 20)) 2>/dev/null >"$GROUP/memory.limit_in_bytes" || skip "the group's limit cannot be set"

conf() { printf '[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nmemory = 2G\nworkers = %s\nworkers_max = 32\n' "$1" >"$STINT_CONFIG"; }
ask() { "$STINT" status --json 2>/dev/null | jq -r "$1" 2>/dev/null; }
start() { # returns when the supervisor answers or is gone
  bash -c 'echo $$ >"$1/cgroup.procs" && exec "$2"' start "$GROUP" "$STINT_BUILD/bin/stint-supervisor" >"$DIR/log" 2>&1 &
  PID=$!
  local deadline=$((SECONDS + 60))
  while [ $SECONDS -lt $deadline ]; do
    [ -n "$(ask '.supervisor.instance // empty')" ] && return
    kill -0 "$PID" 2>/dev/null || return
    pause
  done
}
# The kernel's word on the address space of the pool's newest worker, in MiB; a worker that is not there yet says nothing.
space() {
  local pid
  pid=$(ask '[.supervisor.workers[] | select(.pid > 0)] | max_by(.pid) | .pid')
  awk '/^Max address space/ { print $4 == "unlimited" ? $4 : $4 / 1048576 }' "/proc/$pid/limits" 2>/dev/null
}
space_is() {
  local deadline=$((SECONDS + 60))
  while [ "$(space)" != "$1" ] && [ $SECONDS -lt $deadline ]; do pause; done
  [ "$(space)" = "$1" ]
}

conf 2
start
check "with a group of $LIMIT_MIB MiB it runs" kill -0 "$PID"
check "it says where the limit is from" test "$(ask .supervisor.container.memory_from)" = "$GROUP/memory.limit_in_bytes"
check "and how much it is" test "$(ask .supervisor.container.memory_bytes)" = $((LIMIT_MIB << 20))
check "people read the same" grep -q "here: memory $LIMIT_MIB MiB" <("$STINT" status 2>/dev/null)
check "and what each worker gets" grep -q "memory of workers: 2, which ask for 4096 MiB where 1024 are left to them" <("$STINT" status 2>/dev/null)
check "the log says so too" grep -q 'memory is divided among workers' "$DIR/log"
if nm -D "$STINT_BUILD/bin/stint-worker" 2>/dev/null | grep -w __asan_init >/dev/null; then
  echo "# a sanitizer's programs have no limit of addresses: not looked at"
else
  check "the kernel holds each worker to its half" space_is 512
  conf 4
  "$STINT" reload >/dev/null
  check "a reload divides anew among more workers" space_is 256
fi
conf 20
"$STINT" reload >"$DIR/reload" 2>&1
check "a reload to more workers than can be is refused" grep -q "too little for 20 workers, which need 1280 MiB" "$DIR/reload"
check "and changes nothing" test "$(ask '.supervisor.pools[0].desired')" != 20
stop
start
check "nor does such a supervisor start" eval '! kill -0 "$PID" 2>/dev/null'
check "and it says what to do" grep -q 'raise the limit (docker run --memory, mem_limit, MemoryMax=), or lower workers' "$DIR/log"
echo "$checks checks, $failures failed"
[ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
