#!/bin/bash
# Why: PostgreSQL away, full, slow or strange must cost nothing but time: each fault is held while jobs run, and the books, the effects
# in PostgreSQL and every job's attempts are compared afterwards.
# Refuses to: touch a PostgreSQL it did not start; count a job as unharmed that paid an attempt for the store.
set -u
# shellcheck source=tests/support/faults.sh
. "$(dirname "$0")/../support/faults.sh"
began=$SECONDS
PG_BIN=$(pg_config --bindir 2>/dev/null)
[ -x "${PG_BIN:-}/postgres" ] || PG_BIN=/usr/lib/postgresql/15/bin
PG_DIR="$STACK_DIR/pg"
export STINT_POSTGRES_URL="postgresql://stint:right@/stint?host=$PG_DIR" STINT_POSTGRES_STATEMENT_TIMEOUT=1s
export STINT_POSTGRES_CONNECT_TIMEOUT=1s STINT_SUPERVISOR_HEARTBEAT=1s
mkdir "$PG_DIR"

# --- a server of our own: data and WAL apart, so that either can be full ---

AS=()
if [ "$(id -u)" = 0 ]; then
  chown nobody "$PG_DIR"
  AS=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups)
  for disk in data wal; do
    mkdir "$PG_DIR/$disk"
    mount -t tmpfs -o size=90m,mode=0700,uid="$(id -u nobody)" tmpfs "$PG_DIR/$disk" 2>/dev/null && SMALL_DISKS=yes
  done
fi
as_postgres() { "${AS[@]}" "$@"; }
sql() { psql -X -q -t -A -h "$PG_DIR" -U boss "${2:-stint}" -c "$1" 2>&1; }
pg_answers() { [ "$(sql 'SELECT 1' postgres)" = 1 ]; }
pg_start() {
  "${AS[@]}" "$PG_BIN/postgres" -D "$PG_DIR/data/d" >>"$PG_DIR/server.log" 2>&1 &
  PG_PID=$!
  until_true 60 pg_answers
}
pg_stop() { kill "-$1" "$PG_PID"; wait "$PG_PID" 2>/dev/null; true; } # INT: fast, QUIT: immediate
pg_pids() { echo "$PG_PID"; cat "/proc/$PG_PID/task/$PG_PID/children"; }
pg_freeze() { kill -STOP "$PG_PID"; for p in $(pg_pids); do kill -STOP "$p"; done; }
pg_thaw() { for p in $(pg_pids) "$PG_PID"; do kill -CONT "$p"; done; }
pg_end() { # after the stack
  local code=$?
  trap - EXIT
  pg_thaw 2>/dev/null
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  [ -n "${HOLDERS:-}" ] && for p in $HOLDERS; do kill "$p" 2>/dev/null; done
  pg_stop QUIT 2>/dev/null
  [ "$failures" -gt 0 ] && { echo "# --- the end of the server's log"; tail -n 15 "$PG_DIR/server.log" | cut -c1-200 | sed 's/^/# /'; }
  umount "$PG_DIR/data" "$PG_DIR/wal" 2>/dev/null
  (exit $code)
  stack_end
}
trap pg_end EXIT

pg_init() {
  as_postgres "$PG_BIN/initdb" -D "$PG_DIR/data/d" -X "$PG_DIR/wal/w" -U boss -A trust -N --wal-segsize=1 >"$PG_DIR/init.log" 2>&1 || return 1
  as_postgres tee -a "$PG_DIR/data/d/postgresql.conf" >/dev/null <<CONF
unix_socket_directories = '$PG_DIR'
listen_addresses = ''
max_connections = 16
shared_buffers = 8MB
min_wal_size = 2MB
max_wal_size = 8MB
autovacuum = off
log_min_messages = fatal
CONF
  printf 'local all boss trust\nlocal all filler trust\nlocal all stint scram-sha-256\n' | as_postgres tee "$PG_DIR/data/d/pg_hba.conf" >/dev/null
  pg_start || return 1
  sql "CREATE ROLE stint LOGIN PASSWORD 'right'" postgres
  sql "CREATE ROLE filler LOGIN" postgres
  sql "CREATE DATABASE stint OWNER stint" postgres
}
end_sessions() { sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'stint'" postgres >/dev/null; }

# --- what happens to the workers' sessions during a fault, in the background ---

HOLDERS=""
hold() { "$@" >/dev/null 2>&1 & HOLDERS="$HOLDERS $!"; }
let_go() { local p; for p in $HOLDERS; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; HOLDERS=""; }
again_and_again() { while pause 0.15; do "$@"; done; }
tell() { [ -z "$(sql "$1" "${2:-stint}")" ]; } # a statement without rows

down_now() { pg_stop QUIT; }
down_fast() { pg_stop INT; }
terminate() { hold again_and_again end_sessions; }
lock_outcome() {
  hold psql -X -q -h "$PG_DIR" -U boss stint -c "BEGIN; LOCK TABLE stint.job_outcome; SELECT pg_sleep(60)"
  until_true 60 lock_held
}
lock_held() { [ "$(sql "SELECT count(*) FROM pg_locks WHERE relation = 'stint.job_outcome'::regclass AND mode = 'AccessExclusiveLock' AND granted")" = 1 ]; }
unlock() { sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'" postgres >/dev/null; let_go; }
sleeper() { while :; do psql -X -q -h "$PG_DIR" -U filler postgres -c "SELECT pg_sleep(60)"; pause 0.1; done; }
fill_connections() { # the superuser's reserved ones stay; stint's user is locked out until all others are taken
  local i
  tell "ALTER ROLE stint NOLOGIN" postgres
  for i in $(seq 14); do hold sleeper; done
  until_true 60 all_taken && tell "ALTER ROLE stint LOGIN" postgres
}
all_taken() { end_sessions; [ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'filler'" postgres)" = 13 ]; }
empty_connections() { let_go; until_true 60 end_sleepers; }
end_sleepers() { [ "$(sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'filler'" postgres)" = 0 ]; }
read_only() { tell "ALTER DATABASE stint SET default_transaction_read_only = on" postgres && end_sessions; }
writable() { tell "ALTER DATABASE stint RESET default_transaction_read_only" postgres && end_sessions; }
wrong_password() { tell "ALTER ROLE stint PASSWORD 'other'" postgres && end_sessions; }
right_password() { tell "ALTER ROLE stint PASSWORD 'right'" postgres; }
no_database() {
  tell "ALTER ROLE stint NOLOGIN" postgres && end_sessions
  until_true 60 tell "ALTER DATABASE stint RENAME TO hidden" postgres && tell "ALTER ROLE stint LOGIN" postgres
}
the_database() { until_true 60 tell "ALTER DATABASE hidden RENAME TO stint" postgres; }
no_schema() { tell "ALTER SCHEMA stint RENAME TO hidden"; }
the_schema() { tell "ALTER SCHEMA hidden RENAME TO stint"; }
newer_schema() { tell "ALTER TABLE stint.pdf_result RENAME COLUMN pages TO sheets"; }
same_schema() { tell "ALTER TABLE stint.pdf_result RENAME COLUMN sheets TO pages"; }
no_right() { tell "REVOKE INSERT ON stint.job_outcome FROM stint"; }
the_right() { tell "GRANT INSERT ON stint.job_outcome TO stint"; }
# Every effect fails with this SQLSTATE, at its statement or at its COMMIT.
raise_always() {
  tell "CREATE FUNCTION public.raise_it() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
      IF NEW.queue <> '' AND random() < $2 THEN RAISE EXCEPTION 'as asked' USING ERRCODE = '$1'; END IF; RETURN NEW; END \$\$;
    CREATE CONSTRAINT TRIGGER raise_it AFTER INSERT OR UPDATE ON stint.job_outcome DEFERRABLE INITIALLY $3
      FOR EACH ROW EXECUTE FUNCTION public.raise_it()"
}
deadlocks() { raise_always 40P01 0.8 IMMEDIATE; }
serialization() { raise_always 40001 0.8 DEFERRED; }
raise_no_more() { tell "DROP FUNCTION public.raise_it() CASCADE" || sql "DROP FUNCTION IF EXISTS public.raise_it() CASCADE" >/dev/null; }
# A commit that is durable but never answered, and then the session is ended: nobody can know but by looking.
no_answer() {
  tell "ALTER SYSTEM SET synchronous_standby_names = 'nobody'" postgres && sql "SELECT pg_reload_conf()" postgres >/dev/null
  terminate
}
answers_again() {
  tell "ALTER SYSTEM RESET synchronous_standby_names" postgres
  sql "SELECT pg_reload_conf()" postgres >/dev/null
  let_go
  end_sessions
}
fill() { as_postgres dd if=/dev/zero of="$PG_DIR/$1/filler" bs=64k 2>/dev/null; as_postgres dd if=/dev/zero bs=1k of="$PG_DIR/$1/filler2" 2>/dev/null; true; }
full_data() { sql "CHECKPOINT" postgres; fill data; }
room_data() { rm -f "$PG_DIR/data/filler" "$PG_DIR/data/filler2"; }
full_wal() { fill wal; hold psql -X -q -h "$PG_DIR" -U boss postgres -c "CREATE TABLE big AS SELECT repeat('x', 800) FROM generate_series(1, 40000)"; }
room_wal() {
  rm -f "$PG_DIR/wal/filler" "$PG_DIR/wal/filler2"
  let_go
  kill -QUIT "$PG_PID" 2>/dev/null
  wait "$PG_PID" 2>/dev/null
  pg_start
}

# --- work that stores, arriving all the while ---

fault_work() {
  local i tag="f$FAULT_N" later=${FAULT_LATER_MS:-250}
  for i in $(seq 1 6); do
    book_probe "$tag-ok-$i" "done" '"do":"ok"'
    book_pdf "$tag-pdf-$i" $((1 + i % 3)) "$((FAULT_N * 6 + i))" ",\"delay_ms\":$((later + i * 90))"
    book_person "$tag-person-$i" "$((FAULT_N * 6 + i))" ",\"delay_ms\":$((later + i * 100))"
  done
  flush
}
# pg_fault NAME INJECT HEAL [paid]: a fault, after which no job has paid an attempt
pg_fault() {
  local paid
  fault "$1" "$2" "$3"
  paid=$(grep -E " f$FAULT_N-" "$STACK_DIR/books" | awk '{ printf "FCALL stint_job 1 stint:{%s} %s\n", $1, $2 }' | redis |
    jq -R -r '(fromjson? // {}) | select((.attempts // 0) > 0 or (.crashes // 0) > 0) | .id' | wc -l)
  same "$1: no job paid for it" "$paid" 0
}

pg_init || { not_ok "PostgreSQL does not start: $(tail -n 3 "$PG_DIR/init.log" "$PG_DIR/server.log" 2>/dev/null)"; exit 1; }
documents 3 40 || { not_ok "documents cannot be made"; exit 1; }
stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
fault_watch_effects >/dev/null
sql "GRANT ALL ON ALL TABLES IN SCHEMA public TO stint" >/dev/null
until_true 60 fault_ready || { not_ok "not ready at the start: $HTTP_BODY"; exit 1; }

ONLY=${FAULT_ONLY:-.}
row() { [[ "$1" =~ $ONLY ]] && pg_fault "$@"; unset FAULT_READYZ FAULT_SAYS FAULT_STATUS FAULT_HOLD_MS FAULT_LATER_MS; }

FAULT_READYZ=storage_away FAULT_SAYS="cannot be reached" FAULT_HOLD_MS=1400
row "down (immediate), started again" down_now pg_start
FAULT_READYZ=storage_away FAULT_SAYS="start it, or correct host and port" FAULT_HOLD_MS=1000
row "down (fast), started again" down_fast pg_start
FAULT_READYZ=storage_away FAULT_HOLD_MS=3500 FAULT_SAYS="is it stopped or overloaded, or is a lock held"
row "stopped (SIGSTOP)" pg_freeze pg_thaw
FAULT_READYZ=storage_away FAULT_STATUS="" FAULT_HOLD_MS=3000 FAULT_SAYS="is it stopped or overloaded, or is a lock held"
row "a lock held on job_outcome" lock_outcome unlock
FAULT_STATUS="" FAULT_HOLD_MS=1300
row "sessions ended again and again" terminate let_go
FAULT_READYZ=storage_away FAULT_HOLD_MS=1400 FAULT_SAYS="raise max_connections"
row "out of connections" fill_connections empty_connections
FAULT_READYZ=storage_away FAULT_STATUS="" FAULT_HOLD_MS=1300 FAULT_SAYS="postgres.url must name the primary"
row "read-only" read_only writable
FAULT_READYZ=storage_away FAULT_HOLD_MS=1300 FAULT_SAYS="correct user or password"
row "wrong password" wrong_password right_password
FAULT_READYZ=storage_away FAULT_HOLD_MS=1300 FAULT_SAYS="create the database"
row "no such database" no_database the_database
FAULT_READYZ=storage_away FAULT_STATUS="" FAULT_HOLD_MS=1400 FAULT_SAYS="stint migrate" FAULT_FEED=fault_document
row "schema missing" no_schema the_schema
FAULT_STATUS="" FAULT_HOLD_MS=1400 FAULT_SAYS="upgrade this host" FAULT_FEED=fault_document
row "schema of a newer build" newer_schema same_schema
FAULT_READYZ=storage_away FAULT_STATUS="" FAULT_HOLD_MS=1300 FAULT_SAYS="grant the user" FAULT_FEED=fault_document
row "a right revoked" no_right the_right
FAULT_STATUS="" FAULT_HOLD_MS=1000 FAULT_READYZ=ok
row "deadlocks" deadlocks raise_no_more
FAULT_STATUS="" FAULT_HOLD_MS=1000 FAULT_READYZ=ok
row "serialization failures at COMMIT" serialization raise_no_more
FAULT_STATUS="" FAULT_HOLD_MS=1400
row "commits that are never answered" no_answer answers_again
if [ -n "${SMALL_DISKS:-}" ]; then
  FAULT_LATER_MS=900 FAULT_STATUS="" FAULT_HOLD_MS=2000 FAULT_SAYS="free space on the database's disk"
  row "disk full" full_data room_data
  FAULT_LATER_MS=900 FAULT_STATUS="" FAULT_HOLD_MS=2000
  row "disk of the WAL full" full_wal room_wal
else
  echo "skip - disk full: small disks need root and mount(2)"
fi

fault_table
check_books
echo "# $((SECONDS - began)) s"
stack_verdict
