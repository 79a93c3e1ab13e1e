#!/usr/bin/env bash
# Why: what a page removes must be in PostgreSQL first, as many as were counted and no more. A stint-console beside a whole live stack; as a program, for who may and
# who may not.
set -u
# shellcheck source=tests/support/stack.sh
. "${STINT_SOURCE:?}/tests/support/stack.sh"
export STINT_CONSOLE_PORT=0 STINT_CONSOLE_TOKENS_FILE="$STACK_DIR/console.tokens"
CONSOLE_PID=
console_end() { # leaves the script's own ending as it was
  local code=$?
  [ -z "$CONSOLE_PID" ] || { kill "$CONSOLE_PID" 2>/dev/null; wait "$CONSOLE_PID" 2>/dev/null; }
  return "$code"
}
trap 'console_end; stack_end' EXIT

# api STATUS TOKEN METHOD PATH [BODY]: asks the console; what it answered is in OUT
api() {
  local status
  status=$(curl -s -m 60 -o "$STACK_DIR/said" -w '%{http_code}' -X "$3" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' ${5:+-d "$5"} \
    "http://127.0.0.1:$PORT/api/v1/$4")
  OUT=$(cat "$STACK_DIR/said")
  same "$3 $4${5:+ $5}" "$status" "$1"
}
tells() { same "  $1" "$(jq -r "$1" <<<"$OUT")" "$2"; }
console_told() { [ -s "$STACK_DIR/run/console.port" ]; }
dead_are() { [ "$(stat_of probe .dead)" = "$1" ]; }

stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
for i in 1 2 3 4 5 6; do book_probe "c$i" HANDLER_REFUSED '"do":"fail-permanent"'; done
flush || not_ok "jobs are not accepted"
until_true 60 dead_are 6 || not_ok "letters: $(stat_of probe .dead) of 6"
OPERATOR=$("$STINT" console token add olaf --role operator --dir "$STACK_DIR" 2>/dev/null)
ADMIN=$("$STINT" console token add root --role admin --dir "$STACK_DIR" 2>/dev/null)
"$STINT_BUILD/bin/stint-console" --config "$STACK_DIR/stint.conf" 2>"$STACK_DIR/console.log" &
CONSOLE_PID=$!
until_true 60 console_told || { not_ok "the console did not start: $(cat "$STACK_DIR/console.log")"; exit 1; }
PORT=$(cat "$STACK_DIR/run/console.port")

# -- archived: those that were named, then as many as were counted
api 200 "$OPERATOR" POST dead/archive '{"ids":["c1","c2"],"expect":2,"confirm":"archive 2","reason":"kept for audit"}'
tells .removed 2
api 200 "$OPERATOR" GET 'dead?archived=yes'
tells '[.letters[].id] | sort | join(" ")' "c1 c2"
same "with who and why" "$(sql "SELECT DISTINCT actor || ', ' || reason FROM stint.dead_letter")" "olaf@console, kept for audit"
api 200 "$OPERATOR" POST dead/archive '{"filter":{"code":"HANDLER_REFUSED"},"expect":1,"confirm":"archive 1"}'
tells .removed 1
api 200 "$OPERATOR" GET dead
tells '.letters | length' 3
api 200 "$OPERATOR" POST dead/archive '{"filter":{"code":"BAD_PAYLOAD"},"expect":5,"confirm":"archive 5"}'
tells .removed 0

# -- what was not meant is not done
api 400 "$OPERATOR" POST dead/archive '{"filter":{},"expect":3,"confirm":"archive 2"}'
api 403 "$OPERATOR" POST dead/purge '{"filter":{},"expect":3,"confirm":"purge 3"}'
api 400 "$ADMIN" POST dead/purge '{"filter":{"archived":"yes"},"expect":3,"confirm":"purge 3"}'
api 400 "$ADMIN" POST dead/purge '{"filter":{},"expect":0,"confirm":"purge 0"}'
same "nothing was removed" "$(stat_of probe .dead) $(sql "SELECT count(*) FROM stint.dead_letter")" "3 3"

# -- purged: out of Redis, noted in the archive
api 200 "$ADMIN" POST dead/purge '{"filter":{},"expect":2,"confirm":"purge 2","reason":"not ours"}'
tells .removed 2
same "noted before it went" "$(stat_of probe .dead) $(sql "SELECT count(*) FROM stint.dead_letter WHERE actor = 'root@console' AND reason = 'not ours'")" "1 2"
same "the command line sees the same archive" "$("$STINT" dlq list --archived --json --dir "$STACK_DIR" | wc -l)" 5
api 200 "$OPERATOR" GET 'audit?queue=probe'
tells '[.entries[] | select(.actor == "olaf@console") | .action] | unique | join(" ")' archive
tells '[.entries[] | select(.actor == "root@console") | .action] | unique | join(" ")' purge
same "no drift" "$(stat_of probe .drift)" 0

# -- the fleet as a page shows it; a lease of two seconds may be late on a busy machine
host_lives() {
  curl -s -m 60 -H "Authorization: Bearer $OPERATOR" "http://127.0.0.1:$PORT/api/v1/hosts" | jq -e '[.hosts[] | .queues[] | select(.queue == "probe" and .alive)] | length > 0'
}
until_true 60 host_lives && ok "the host is shown alive" || not_ok "no live host is shown"
stack_verdict
