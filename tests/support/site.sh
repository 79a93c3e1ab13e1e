# What the scripts share that kill everything: Redis, PostgreSQL and one or two hosts' supervisors, each started again at once by a
# keeper when it dies, all in one private folder. Sourced, not run; stands on stack.sh. Ends only what it started.
#
#   site_start [HOSTS] [FSYNC]   everything up and ready; FSYNC: appendfsync of Redis, default everysec
#                                SITE_EXTRA: a file with more configuration for every host
#   site_pid NAME                pid of redis, postgres, host1, host2; its file is $SITE_RUN/NAME.pid
#   site_stop                    in order; also at exit
# shellcheck shell=bash disable=SC2034
# shellcheck source=tests/support/stack.sh
. "$(dirname "${BASH_SOURCE[0]}")/stack.sh"
SITE_RUN="$STACK_DIR/run" SITE_KEEPERS="" SITE_HOSTS=1
PG_BIN=/usr/lib/postgresql/15/bin
[ -x "$PG_BIN/postgres" ] || PG_BIN=$(dirname "$(command -v postgres || echo /usr/bin/postgres)")
mkdir -p "$SITE_RUN" "$STACK_DIR/log"

site_pid() { cat "$SITE_RUN/$1.pid" 2>/dev/null; }
stack_pid() { echo $$; }
redis_pid() { site_pid redis; }
postgres_pid() { site_pid postgres; }
supervisor_pid() { for _h in $(seq $SITE_HOSTS); do site_pid "host$_h"; done; }
worker_pids() { local s; for s in $(supervisor_pid); do children_of "$s" stint-worker; done; }

# keep NAME COMMAND…: runs it, and again as soon as it ended, until site_stop.
keep() {
  local name=$1
  shift
  (
    trap - EXIT INT
    trap 'exit 0' TERM
    while [ ! -e "$SITE_RUN/stop" ]; do
      "$@" >>"$STACK_DIR/log/$name.log" 2>&1 &
      echo $! >"$SITE_RUN/$name.pid"
      wait $! 2>/dev/null
      pause 0.05
    done
  ) 2>/dev/null &
  SITE_KEEPERS+=" $!"
}

site_user() { # root's PostgreSQL is nobody's
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi
}

site_postgres() {
  mkdir -p "$STACK_DIR/pg"
  [ "$(id -u)" = 0 ] && chown -R nobody:nogroup "$STACK_DIR/pg" "$SITE_RUN" && chmod 1777 "$SITE_RUN"
  site_user "$PG_BIN/initdb" -D "$STACK_DIR/pg" --username=stint --auth-local=trust --auth-host=reject --encoding=UTF8 --locale=C \
    >"$STACK_DIR/log/initdb.log" 2>&1 || return 1
  # A lost second of the whole machine is not what is tried here: a killed PostgreSQL keeps what it committed without fsync too.
  if [ "$(id -u)" = 0 ]; then
    keep postgres setpriv --reuid=nobody --regid=nogroup --clear-groups "$PG_BIN/postgres" -D "$STACK_DIR/pg" -c listen_addresses= \
      -c "unix_socket_directories=$SITE_RUN" -c port=5432 -c max_connections=200 -c fsync=off
  else
    keep postgres "$PG_BIN/postgres" -D "$STACK_DIR/pg" -c listen_addresses= -c "unix_socket_directories=$SITE_RUN" -c port=5432 \
      -c max_connections=200 -c fsync=off
  fi
  until_true 60 psql -X -q -h "$SITE_RUN" -p 5432 -U stint postgres -c 'SELECT 1' || return 1
  psql -X -q -h "$SITE_RUN" -p 5432 -U stint postgres -c 'CREATE DATABASE stint' >/dev/null
}

site_host() { # N: a host of its own, with its own run folder
  local dir="$STACK_DIR/h$1"
  mkdir -p "$dir/run"
  printf '[redis]\nurl = unix://%s/redis.sock\n[postgres]\nurl = postgresql:///stint?host=%s&port=5432&user=stint\n[supervisor]\nrun_dir = %s/run\nstate_dir = %s\n[metrics]\nport = 0\n' \
    "$SITE_RUN" "$SITE_RUN" "$dir" "$dir" >"$dir/stint.conf"
  [ -z "${SITE_EXTRA:-}" ] || cat "$SITE_EXTRA" >>"$dir/stint.conf"
}

site_ready() { # every host has a worker of each pool that is ready
  local h
  for h in $(seq $SITE_HOSTS); do
    "$STINT" status --config "$STACK_DIR/h$h/stint.conf" >/dev/null 2>&1 || return 1
  done
}

site_start() {
  local h
  SITE_HOSTS=${1:-1}
  keep redis redis-server --port 0 --unixsocket "$SITE_RUN/redis.sock" --unixsocketperm 777 --save '' --appendonly yes \
    --appendfsync "${2:-everysec}" --dir "$STACK_DIR" --maxmemory-policy noeviction --stream-node-max-entries 16 \
    --stream-node-max-bytes 512
  site_postgres || return 1
  until_true 60 site_redis_answers || return 1
  for h in $(seq "$SITE_HOSTS"); do site_host "$h"; done
  STINT_CONFIG="$STACK_DIR/h1/stint.conf" "$STINT" migrate >"$STACK_DIR/log/migrate.log" 2>&1 || return 1
  for h in $(seq "$SITE_HOSTS"); do keep "host$h" "$STINT_BUILD/bin/stint-supervisor" --config "$STACK_DIR/h$h/stint.conf"; done
  until_true 60 site_ready
}
site_redis_answers() { [ "$(redis PING)" = PONG ]; }

site_stop() {
  local pid name
  touch "$SITE_RUN/stop"
  for name in host1 host2 redis postgres; do
    pid=$(site_pid "$name")
    [ -n "$pid" ] && lives "$pid" && kill -CONT "$pid" 2>/dev/null
    case "$name" in postgres) kill -INT "$pid" 2>/dev/null ;; *) [ -n "$pid" ] && kill -KILL "$pid" 2>/dev/null ;; esac
  done
  for pid in $SITE_KEEPERS; do wait "$pid" 2>/dev/null; done
  SITE_KEEPERS=""
}
site_end() {
  local code=$?
  trap - EXIT
  site_stop
  [ -n "${SITE_JOBS:-}" ] && kill $SITE_JOBS 2>/dev/null
  if [ "$failures" -gt 0 ] || [ "$checks" -eq 0 ]; then
    for log in host1 host2 redis postgres; do
      [ -s "$STACK_DIR/log/$log.log" ] || continue
      echo "# --- the end of $log.log"
      tail -n 8 "$STACK_DIR/log/$log.log" | cut -c1-300 | sed 's/^/# /'
    done
  fi
  if [ -n "${STACK_KEEP:-}" ]; then echo "# kept: $STACK_DIR"; else rm -rf "$STACK_DIR"; fi
  exit "$code"
}
trap site_end EXIT
