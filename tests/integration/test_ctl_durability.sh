#!/bin/bash
# Why: "safe" is a promise: it is confirmed by the server's own word, or refused before anything is sent.
# Refuses to: guess for servers it cannot run: what WAITAOF does is tested where REDIS_SERVER (or the installed one) is 7.2.
set -u
# shellcheck source=tests/support/ctl.sh
. "$(dirname "$0")/../support/ctl.sh"
SERVER=${REDIS_SERVER:-redis-server}
REPLICA_PID=""

until_true() { # COMMAND…: it succeeds within a minute
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    read -r -t 0.05 <> <(:) || true
  done
}
redis_answers() { [ "$(redis PING)" = PONG ]; }

start() { # OPTIONS…: the server under test
  # shellcheck disable=SC2086 # a wrapper's words are meant
  $SERVER --port 0 --unixsocket "$CTL_DIR/redis.sock" --unixsocketperm 777 --save '' --dir "$CTL_DIR" --logfile "$CTL_DIR/redis.log" "$@" &
  REDIS_PID=$!
  until_true redis_answers || { echo "not ok - redis does not start"; exit 1; }
}
stop() { kill "$REDIS_PID"; wait "$REDIS_PID" 2>/dev/null; }
jobs_in() { redis XLEN "stint:{probe}:s:normal"; }
expect() { checks=$((checks + 1)); [ "$2" = "$3" ] && { echo "ok - $1"; return; }; failures=$((failures + 1)); echo "not ok - $1: $2, expected $3"; }

start --appendonly no
VERSION=$(redis INFO server | sed -n 's/^redis_version:\([0-9.]*\).*/\1/p')
run 0 enqueue probe --queue probe --durability fast --json
says '"durability":"memory"'
run 5 enqueue probe --queue probe --durability safe
says "nothing was enqueued"
says "$VERSION, without append-only file"
expect "a safe job that cannot be confirmed is not enqueued" "$(jobs_in)" 1
stop

start --appendonly yes
case "$VERSION" in
  7.0.*)
    run 5 enqueue probe --queue probe --durability safe
    says "with an append-only file, no replica"
    expect "not even with an append-only file" "$(jobs_in)" 0
    echo "skip - WAITAOF: this Redis is $VERSION; name a newer one with REDIS_SERVER" ;;
  *)
    run 0 enqueue probe --queue probe --durability safe --json
    says '"durability":"fsync"'
    expect "on disk and in the queue" "$(jobs_in)" 1
    redis CONFIG SET appendfsync no >/dev/null ;;
esac
stop

start --appendonly no --port 0 --repl-diskless-sync-delay 0
$SERVER --port 0 --unixsocket "$CTL_DIR/replica.sock" --save '' --dir "$CTL_DIR" --logfile "$CTL_DIR/replica.log" &
REPLICA_PID=$!
# A replica finds its primary over TCP only: ports below those that the kernel gives away are asked for until one is free.
port=$((20000 + $$ % 10000))
takes_port() { port=$((20000 + (port + 7) % 10000)); [ "$(redis CONFIG SET port "$port")" = OK ]; }
until_true takes_port || { echo "not ok - no port is free"; exit 1; }
replica() { redis-cli --raw -s "$CTL_DIR/replica.sock" "$@" 2>/dev/null; }
replica_answers() { [ "$(replica PING)" = PONG ]; }
until_true replica_answers || { echo "not ok - the replica does not start"; exit 1; }
replica REPLICAOF 127.0.0.1 "$port" >/dev/null
# The primary counts it a while after the replica calls its line up.
replicates() { grep -q '^master_link_status:up' <<<"$(replica INFO replication)" && grep -q ',state=online,' <<<"$(redis INFO replication)"; }
until_true replicates || { echo "not ok - the replica does not follow"; exit 1; }
run 0 enqueue probe --queue probe --durability safe --json --id safe-1
says '"durability":"replica"'
expect "the replica has it" "$(replica XLEN 'stint:{probe}:s:normal')" 1
run 0 enqueue probe --queue probe --durability safe --json --id safe-1
says_not '"durability":'
kill -STOP "$REPLICA_PID"
STINT_REDIS_COMMAND_TIMEOUT=4s run 4 enqueue probe --queue probe --durability safe
says "no replica had it"
kill -KILL "$REPLICA_PID"
wait "$REPLICA_PID" 2>/dev/null
ctl_finish
