#!/bin/bash
# Why: the embedded stack is what most people meet first: it must come up from nothing, survive the death of its parts, stop in
# order, and find everything again.
# Refuses to: touch a process it did not start; every pid comes from the stack's own folder.
set -u
stint=$STINT_BUILD/bin/stint
dir=$(mktemp -d "${TMPDIR:-/tmp}/stint-stack-XXXXXX")
unset STINT_REDIS_URL STINT_POSTGRES_URL STINT_CONFIG STINT_DIR
export STINT_METRICS_PORT=0

finish() {
    "$stint" down --dir "$dir" --now >/dev/null 2>&1
    rm -rf "$dir"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    for log in stack supervisor redis postgres; do
        echo "--- $log.log" >&2
        tail -n 8 "$dir/log/$log.log" >&2
    done
    exit 1
}

step() {
    echo "ok: $*"
}

# until SECONDS COMMAND...: the command succeeds before the deadline
until_true() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $deadline ] || return 1
        read -r -t 0.1 _ < <(:) || true
    done
}

redis() {
    redis-cli -s "$dir/run/redis.sock" "$@"
}

sql() {
    psql -X -q -t -A -h "$dir/run" -p 5432 -U stint stint -c "$1"
}

# the pid of the part as the stack's log last told it
part_pid() {
    sed -n "s/.*\"$1 started, pid \([0-9]*\)\".*/\1/p" "$dir/log/stack.log" | tail -n 1
}

"$stint" up --dir "$dir" --detach || fail "the first up"
step "up from an empty folder"

out=$("$stint" up --dir "$dir" --detach) || fail "the second up"
case $out in *"running already"*) step "a second up says it is running already" ;; *) fail "the second up said: $out" ;; esac

[ "$(redis config get maxmemory-policy | tail -n 1)" = noeviction ] || fail "Redis may evict"
[ "$(redis config get appendonly | tail -n 1)" = yes ] || fail "Redis has no append-only file"
[ "$(redis set kept yes)" = OK ] || fail "cannot write to Redis"
sql "CREATE TABLE kept(v text); INSERT INTO kept VALUES('yes')" || fail "cannot write to PostgreSQL"

for part in Redis PostgreSQL supervisor; do
    pid=$(part_pid $part)
    user=$(stat -c %U "/proc/$pid") || fail "$part has no process"
    [ "$(id -u)" != 0 ] || [ "$user" != root ] || fail "$part runs as root"
done
step "no part runs as root"

until_true 60 "$stint" health --dir "$dir" || fail "stint health"
until_true 60 "$stint" health --ready --dir "$dir" || fail "stint health --ready"
health_is_ok() { [ "$("$stint" health --dir "$dir" --json | jq -r .status)" = ok ]; }
until_true 60 health_is_ok || fail "stint health --json"
supervisor=$(part_pid supervisor)
kill -STOP "$supervisor"
"$stint" health --timeout 300ms --dir "$dir" 2>/dev/null && fail "a stopped supervisor is called healthy"
kill -CONT "$supervisor"
until_true 60 "$stint" health --dir "$dir" || fail "it goes on and is not healthy"
step "stint health tells a frozen supervisor from a healthy one"

for part in Redis PostgreSQL supervisor; do
    old=$(part_pid $part)
    kill -9 "$old"
    changed() { [ "$(part_pid $part)" != "$old" ]; }
    until_true 60 changed || fail "$part was not started again"
    step "$part was killed and is back"
done
until_true 60 redis ping || fail "Redis does not answer"
until_true 60 sql "SELECT 1" || fail "PostgreSQL does not answer"
until_true 60 "$stint" worker list --dir "$dir" || fail "the supervisor does not answer"
[ "$(redis get kept)" = yes ] || fail "Redis lost a key when it was killed"
[ "$(sql 'SELECT v FROM kept')" = yes ] || fail "PostgreSQL lost a row when it was killed"
step "nothing was lost by the kills"

pids="$(part_pid Redis) $(part_pid PostgreSQL) $(part_pid supervisor)"
"$stint" down --dir "$dir" || fail "down"
for pid in $pids; do
    ! kill -0 "$pid" 2>/dev/null || fail "process $pid is left after down"
done
order=$(cut -d' ' -f1 "$dir/run/stack.end" | tr '\n' ' ')
[ "$order" = "supervisor Redis PostgreSQL " ] || fail "stopped in the order $order"
step "down stops the supervisor, then Redis, then PostgreSQL"

"$stint" down --dir "$dir" | grep -q "no stack is running" || fail "down of a stopped stack"
"$stint" up --dir "$dir" --detach >/dev/null || fail "up after down"
[ "$(redis get kept)" = yes ] || fail "Redis lost a key"
[ "$(sql 'SELECT v FROM kept')" = yes ] || fail "PostgreSQL lost a row"
step "up again continues"

stack_pid=$(cut -d' ' -f1 "$dir/stack.pid")
gone() { [ ! -e "/proc/$stack_pid" ] || grep -q "^State:.*Z" "/proc/$stack_pid/status"; }
kill -9 "$stack_pid"
until_true 60 gone || fail "the stack process outlives kill -9"
"$stint" up --dir "$dir" --detach >/dev/null || fail "up after the stack process was killed"
[ "$(redis get kept)" = yes ] || fail "Redis lost a key"
step "a killed stack leaves nothing behind and starts again"
"$stint" down --dir "$dir" || fail "the last down"
echo "passed"
