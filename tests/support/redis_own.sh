# A Redis of a script's own, for what must be done to a server: on a Unix socket, with an append-only file, and one connection kept open
# for the operator, who must get in also when nobody else does. Sourced after stack.sh or faults.sh; sets STINT_REDIS_URL.
# shellcheck shell=bash disable=SC2034
REDIS_DIR="$STACK_DIR/redis"
REDIS_SOCK="$REDIS_DIR/redis.sock"
REDIS_AUTH=()
REDIS_OPTIONS=()
mkdir "$REDIS_DIR"
chmod 755 "$REDIS_DIR"
export STINT_REDIS_URL="unix://$REDIS_SOCK"

redis() { redis-cli --raw -s "$REDIS_SOCK" "${REDIS_AUTH[@]}" "$@" 2>/dev/null; }
redis_answers() { [ "$(redis PING)" = PONG ]; }

redis_launch() { # [OPTIONS…]: does not wait
  redis-server --port 0 --unixsocket "$REDIS_SOCK" --unixsocketperm 777 --dir "$REDIS_DIR" --logfile "$STACK_DIR/redis.log" \
    --appendonly yes --appendfsync everysec --save '' --enable-debug-command yes --enable-protected-configs yes \
    "${REDIS_OPTIONS[@]}" "$@" &
  REDIS_PID=$!
}
redis_start() { redis_launch "$@" && until_true 60 redis_answers && redis_operator; }
redis_kill() { kill -9 "$REDIS_PID"; wait "$REDIS_PID" 2>/dev/null; [ ! -e "/proc/$REDIS_PID" ]; }

# The operator's connection, kept open: redis_do COMMAND… answers its first line.
redis_operator() {
  [ -z "${REDIS_OPERATOR_PID:-}" ] || { kill "$REDIS_OPERATOR_PID"; wait "$REDIS_OPERATOR_PID"; } 2>/dev/null
  coproc REDIS_OPERATOR { exec stdbuf -oL redis-cli --raw -s "$REDIS_SOCK" "${REDIS_AUTH[@]}" 2>&1; }
  [ "$(redis_do PING)" = PONG ]
}
redis_do() {
  local answer
  printf '%s\n' "$*" >&"${REDIS_OPERATOR[1]}"
  read -r -t 10 answer <&"${REDIS_OPERATOR[0]}"
  echo "$answer"
}
redis_ok() { [ "$(redis_do "$@")" = OK ]; }

redis_end() { # after the stack, which says good-bye to it
  local code=$?
  kill -CONT "$REDIS_PID" 2>/dev/null
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  [ -z "${REDIS_OPERATOR_PID:-}" ] || kill "$REDIS_OPERATOR_PID" 2>/dev/null
  redis_kill 2>/dev/null
  type redis_mess >/dev/null 2>&1 && redis_mess # what the script made beside it
  (exit $code)
  stack_end
}
trap redis_end EXIT
