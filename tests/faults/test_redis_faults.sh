#!/bin/bash
# Why: Redis away, full, slow, reborn or strange must cost nothing but time: each fault is held while jobs run, and the books are
# compared afterwards.
# Refuses to: touch a Redis it did not start.
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
# shellcheck source=tests/support/redis_own.sh
. "$(dirname "$0")/../support/redis_own.sh"
began=$SECONDS
# Most of these last longer than the lease: what workers hold must still be theirs afterwards, or be run again elsewhere.
export STINT_SUPERVISOR_LEASE=1500ms
export STINT_REDIS_COMMAND_TIMEOUT=3s # "stopped for less" has to be less on a busy host too

# A disk of its own that can be filled: only root can mount one.
DISK=no
if mount -t tmpfs -o size=48m,mode=755 stint-faults "$REDIS_DIR" 2>/dev/null; then DISK=yes; fi
redis_mess() { [ "$DISK" = no ] || umount -l "$REDIS_DIR"; }

documents 3 8 || { not_ok "documents cannot be made"; exit 1; }
redis_start || { not_ok "Redis does not start"; exit 1; }
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
fault_watch_effects >/dev/null
until_true 60 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

# --- away ---

FAULT_READYZ=redis_away FAULT_SAYS="is Redis running" FAULT_ENQUEUE="is Redis running"
fault "down, back with its AOF" redis_kill redis_start

without_functions() { redis_kill && redis_start && redis FUNCTION FLUSH SYNC; }
FAULT_READYZ="" FAULT_STATUS=0 FAULT_HOLD_MS=1000
fault "restarted without its Functions" without_functions true

kill_garbage() { kill "$GARBAGE_PID"; wait "$GARBAGE_PID" 2>/dev/null; redis_start; }
garbage() {
  redis_kill && rm -f "$REDIS_SOCK"
  python3 -c '
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen(64)
while True:
    c, _ = s.accept()
    try: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    except OSError: pass
    c.close()' "$REDIS_SOCK" &
  GARBAGE_PID=$!
  until_true 60 test -S "$REDIS_SOCK"
}
FAULT_READYZ=redis_away FAULT_SAYS="does redis.url name another service's port" FAULT_ENQUEUE="does redis.url name another"
fault "garbage from its port" garbage kill_garbage

# --- there, and of no use ---

loading() { # a few thousand keys, each read slowly
  redis_kill && redis_launch --key-load-delay 1500 --loading-process-events-interval-bytes 1024
}
loading_ends() { until_true 60 redis_answers && redis_operator; }
redis EVAL 'for i = 1, 2500 do redis.call("SET", "ballast:" .. i, string.rep("x", 200)) end return "OK"' 0 >/dev/null
redis BGREWRITEAOF >/dev/null
rewritten() { redis INFO persistence | grep -q '^aof_rewrite_in_progress:0' && redis INFO persistence | grep -q '^aof_rewrite_scheduled:0'; }
until_true 60 rewritten
FAULT_READYZ=redis_away FAULT_SAYS="it reads its data after a start: wait" FAULT_ENQUEUE="it reads its data" FAULT_HOLD_MS=1200
fault "LOADING" loading loading_ends

readonly_on() { redis_ok REPLICAOF 127.0.0.1 1; }
readonly_off() { redis_ok REPLICAOF NO ONE; }
FAULT_READYZ=redis_away FAULT_SAYS="redis.url must name the primary" FAULT_ENQUEUE="redis.url must name the primary"
fault "READONLY (became a replica)" readonly_on readonly_off

stale_on() { redis_ok CONFIG SET replica-serve-stale-data no && redis_ok REPLICAOF 127.0.0.1 1; }
stale_off() { redis_ok REPLICAOF NO ONE && redis_ok CONFIG SET replica-serve-stale-data yes; }
FAULT_READYZ=redis_away FAULT_SAYS="redis.url must name the primary" FAULT_HOLD_MS=1200
fault "MASTERDOWN" stale_on stale_off

replicas_on() { redis_ok CONFIG SET min-replicas-to-write 1; }
replicas_off() { redis_ok CONFIG SET min-replicas-to-write 0; }
FAULT_READYZ=redis_away FAULT_SAYS="min-replicas-to-write" FAULT_ENQUEUE="min-replicas-to-write" FAULT_HOLD_MS=1200
fault "NOREPLICAS" replicas_on replicas_off

busy_on() {
  redis_ok CONFIG SET busy-reply-threshold 50 || return 1
  redis EVAL 'while true do end' 0 >/dev/null &
  BUSY_PID=$!
  until_true 60 redis_is_busy
}
redis_is_busy() { redis PING | grep -q BUSY; }
busy_off() { redis_ok SCRIPT KILL; wait "$BUSY_PID" 2>/dev/null; redis_ok CONFIG SET busy-reply-threshold 5000; }
FAULT_READYZ=redis_away FAULT_SAYS="SCRIPT KILL" FAULT_ENQUEUE="SCRIPT KILL"
fault "BUSY script" busy_on busy_off

password_on() { redis_ok CONFIG SET requirepass hush && redis_do CLIENT KILL TYPE normal SKIPME yes >/dev/null; }
password_off() { redis_ok CONFIG SET requirepass '""'; }
FAULT_READYZ=redis_away FAULT_SAYS="put the password into redis.url" FAULT_ENQUEUE="put the password into redis.url"
fault "NOAUTH (a password was set)" password_on password_off

acl_on() { redis_ok ACL SETUSER default -fcall; }
acl_off() { redis_ok ACL SETUSER default +fcall; }
FAULT_READYZ=redis_away FAULT_SAYS="ACL LOG shows what it lacked" FAULT_ENQUEUE="ACL LOG shows"
fault "NOPERM (an ACL changed)" acl_on acl_off

keys_on() { redis_ok ACL SETUSER default resetkeys '~other:*'; }
keys_off() { redis_ok ACL SETUSER default allkeys; }
FAULT_READYZ=redis_away FAULT_SAYS="ACL LOG shows what it lacked" FAULT_ENQUEUE="ACL LOG shows"
fault "NOPERM (of its keys)" keys_on keys_off

clients_on() { redis_ok CONFIG SET maxclients 1 && redis_do CLIENT KILL TYPE normal SKIPME yes >/dev/null; }
clients_off() { redis_ok CONFIG SET maxclients 10000; }
FAULT_READYZ=redis_away FAULT_SAYS="raise maxclients" FAULT_ENQUEUE="raise maxclients"
fault "maxclients reached" clients_on clients_off

# --- full ---

oom_on() { redis_ok CONFIG SET maxmemory 1; }
oom_off() { redis_ok CONFIG SET maxmemory 0; }
FAULT_READYZ=redis_full FAULT_SAYS="raise maxmemory" FAULT_ENQUEUE="raise maxmemory"
fault "at maxmemory, noeviction" oom_on oom_off

evict_on() { redis_ok CONFIG SET maxmemory-policy allkeys-lru; }
evict_off() { redis_ok CONFIG SET maxmemory-policy noeviction; }
FAULT_READYZ=redis_evicts FAULT_SAYS="set maxmemory-policy noeviction" FAULT_HOLD_MS=1200
fault "eviction policy set at run time" evict_on evict_off

if [ $DISK = yes ]; then
  disk_on() { dd if=/dev/zero of="$REDIS_DIR/full" bs=64k status=none 2>/dev/null; redis SET ballast:more "$(head -c 60000 /dev/zero | tr '\0' x)" >/dev/null; true; }
  disk_off() { rm -f "$REDIS_DIR/full"; }
  FAULT_READYZ="redis_away|redis_not_saving" FAULT_SAYS="free space" FAULT_ENQUEUE="free space"
  fault "MISCONF (disk full, AOF)" disk_on disk_off

  snapshot_failed() { redis INFO persistence | grep -q '^rdb_last_bgsave_status:err'; }
  snapshot_works() { redis INFO persistence | grep -q '^rdb_last_bgsave_status:ok'; }
  bgsave_on() {
    redis_ok CONFIG SET save '"3600 1"' && mkdir "$REDIS_DIR/away" && redis_ok CONFIG SET dir "$REDIS_DIR/away" && rmdir "$REDIS_DIR/away" &&
      redis_do BGSAVE >/dev/null && until_true 60 snapshot_failed
  }
  bgsave_off() {
    redis_ok CONFIG SET dir "$REDIS_DIR" && redis_do BGSAVE >/dev/null && until_true 60 snapshot_works && redis_ok CONFIG SET save '""'
  }
  FAULT_READYZ=redis_away FAULT_SAYS="run BGSAVE if snapshots failed" FAULT_HOLD_MS=1200
  fault "MISCONF (snapshots fail)" bgsave_on bgsave_off
else
  echo "skip - MISCONF: only root can mount the small disk it needs"
fi

# --- slow ---

stop_shortly() { kill -STOP "$REDIS_PID"; }
go_on() { kill -CONT "$REDIS_PID"; }
stopped_a_moment() { kill -STOP "$REDIS_PID"; pause 0.5; kill -CONT "$REDIS_PID"; }
FAULT_READYZ=ok FAULT_STATUS=0 FAULT_HOLD_MS=1000
fault "stopped for less than a timeout" stopped_a_moment true
FAULT_READYZ=redis_away FAULT_SAYS="no answer in time" FAULT_ENQUEUE="no answer in time"
fault "stopped for longer" stop_shortly go_on

# --- alive and not fetching ---

match_worker() { "$STINT" worker list --dir "$STACK_DIR" --json 2>/dev/null | jq -r 'select(.pool == "match") | .pid' | head -n 1; }
live_says() { fault_http /healthz; [ "$HTTP_CODE" = "$1" ] && [ "$(jq -r '[.reasons[]?.pool] | join(",")' <<<"$HTTP_BODY")" = "$2" ]; }
VICTIM=$(match_worker)
kill -STOP "$VICTIM"
if until_true 60 live_says 503 match; then ok "/healthz turns bad when workers live and do not fetch; idle pools stay well"
else not_ok "/healthz does not see a stopped worker: $HTTP_CODE $HTTP_BODY"; fi
kill -CONT "$VICTIM"
if until_true 60 live_says 200 ""; then ok "/healthz is well again when they fetch"; else not_ok "/healthz stays bad: $HTTP_BODY"; fi
same "and nobody was ended for it" "$(match_worker)" "$VICTIM"

# --- reborn, strange ---

groups_gone() { local q b; for q in $QUEUES; do for b in express high normal low; do redis XGROUP DESTROY "stint:{$q}:s:$b" workers >/dev/null; done; done; }
FAULT_READYZ=ok FAULT_STATUS=0 FAULT_HOLD_MS=1000
fault "NOGROUP (groups removed)" groups_gone true

newer() { # another host's newer build loaded its library
  sed 's/^local VERSION = .*/local VERSION = 99/' "$STINT_SOURCE"/common/functions/*.lua | redis -x FUNCTION LOAD REPLACE | grep -q stint &&
    redis_do CLIENT KILL TYPE normal SKIPME yes >/dev/null
}
newer_gone() { redis FUNCTION DELETE stint | grep -q OK; }
FAULT_READYZ="" FAULT_STATUS=0 FAULT_HOLD_MS=1200
fault "a newer library" newer newer_gone

foreign() { # a stranger's library holds our Functions' names; in one step, or whoever misses ours loads them in between
  printf '%s\n' MULTI "FUNCTION FLUSH SYNC" \
    "FUNCTION LOAD \"#!lua name=other\nredis.register_function('stint_fetch', function() return 1 end)\n\"" EXEC | redis | grep -qx other
}
foreign_gone() { redis FUNCTION DELETE other | grep -q OK; }
FAULT_READYZ=redis_away FAULT_SAYS="another library has Functions of stint's names" FAULT_ENQUEUE="another library has Functions"
fault "a stranger's Functions" foreign foreign_gone

reborn() { redis FLUSHALL SYNC >/dev/null; : >"$STACK_DIR/books"; : >"$STACK_DIR/events"; sql "TRUNCATE stint.match_ticket CASCADE" >/dev/null; }
FAULT_READYZ="" FAULT_STATUS=0 FAULT_HOLD_MS=1000 FAULT_LOSES=yes
fault "FLUSHALL under work" reborn true

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
