#!/bin/bash
# Why: Redis away, full, slow, reborn or strange must cost nothing but time: each fault is held while jobs run, and the books are
# compared afterwards.
# Refuses to: touch a Redis it did not start.
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
began=$SECONDS
REDIS_DIR="$STACK_DIR/redis"
REDIS_SOCK="$REDIS_DIR/redis.sock"
mkdir "$REDIS_DIR"
export STINT_REDIS_URL="unix://$REDIS_SOCK"

redis() { redis-cli --raw -s "$REDIS_SOCK" "$@" 2>/dev/null; }

redis_answers() { [ "$(redis PING)" = PONG ]; }
redis_start() { # [OPTIONS…]: returns when it answers
  redis-server --port 0 --unixsocket "$REDIS_SOCK" --unixsocketperm 777 --dir "$REDIS_DIR" --logfile "$REDIS_DIR/redis.log" --appendonly yes \
    --save '' --enable-debug-command yes --enable-protected-configs yes "$@" &
  REDIS_PID=$!
  until_true 20 redis_answers
}
redis_kill() { kill -9 "$REDIS_PID"; wait "$REDIS_PID" 2>/dev/null; [ ! -e "/proc/$REDIS_PID" ]; }
redis_end() { # after the stack, which says good-bye to it
  local code=$?
  kill -CONT "$REDIS_PID" 2>/dev/null
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  redis_kill 2>/dev/null
  (exit $code)
  stack_end
}
trap redis_end EXIT

documents 3 8 || { not_ok "documents cannot be made"; exit 1; }
redis_start || { not_ok "Redis does not start"; exit 1; }
chmod 755 "$REDIS_DIR"
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
fault_watch_effects >/dev/null
until_true 20 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

FAULT_READYZ=redis_away FAULT_ENQUEUE="is Redis running"
fault "down, started again with its AOF" redis_kill redis_start

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
