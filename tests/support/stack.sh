# What the scripts of the crash ring share: a stack of their own with a mix of jobs, the pids of its parts, and the books at the end.
# Sourced, not run. Needs STINT_BUILD. Ends only processes that descend from the stack it started.
# shellcheck shell=bash
STINT="$STINT_BUILD/bin/stint"
STACK_DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-crash-XXXXXX")
QUEUES="probe match pdf"
failures=0 checks=0
unset STINT_REDIS_URL STINT_POSTGRES_URL STINT_CONFIG STINT_DIR
export NO_COLOR=1 STINT_METRICS_PORT=0 STINT_KIND_PROBE_ENABLED=yes STINT_PDF_ROOTS="$STACK_DIR/inbox"
export STINT_SUPERVISOR_LEASE=2s STINT_SUPERVISOR_HEARTBEAT=400ms STINT_SUPERVISOR_RESTART_MAX=1000
mkdir "$STACK_DIR/inbox"
chmod 755 "$STACK_DIR" "$STACK_DIR/inbox"

ok() { checks=$((checks + 1)); echo "ok - $*"; }
not_ok() { checks=$((checks + 1)) failures=$((failures + 1)); echo "not ok - $*"; }

# same WHAT SEEN WANTED
same() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1: $2, expected $3"; fi; }

stack_end() {
  local code=$?
  trap - EXIT
  [ -n "${MIX_PID:-}" ] && kill "$MIX_PID" 2>/dev/null && wait "$MIX_PID" 2>/dev/null
  "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
  if [ "$failures" -gt 0 ] || [ "$checks" -eq 0 ]; then
    for log in stack supervisor redis postgres; do
      [ -f "$STACK_DIR/log/$log.log" ] || continue
      echo "# --- the end of $log.log"
      tail -n 12 "$STACK_DIR/log/$log.log" | cut -c1-300 | sed 's/^/# /'
    done
  fi
  if [ -n "${STACK_KEEP:-}" ]; then echo "# kept: $STACK_DIR"; else rm -rf "$STACK_DIR"; fi
  exit "$code"
}
trap stack_end EXIT
trap 'exit 130' INT TERM

stack_verdict() {
  echo "$checks checks, $failures failed"
  [ "$failures" -eq 0 ] && [ "$checks" -gt 0 ]
}

pause() { read -r -t "$1" _ <> <(:) || true; } # between two looks
now_ms() { local t=${EPOCHREALTIME/./}; echo "${t%???}"; }

# until_true SECONDS COMMAND…: it succeeds before the deadline
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    pause 0.05
  done
}

redis() { redis-cli --raw -s "$STACK_DIR/run/redis.sock" "$@" 2>/dev/null; }
sql() { psql -X -q -t -A -h "$STACK_DIR/run" -p 5432 -U stint stint -c "$1" 2>&1; }
stack_up() { "$STINT" up --dir "$STACK_DIR" --detach 2>&1; }

# --- processes: only descendants of the stack's own ---

stack_pid() { cut -d' ' -f1 "$STACK_DIR/stack.pid" 2>/dev/null; }
name_of() { cat "/proc/$1/comm" 2>/dev/null; }
lives() { [ -e "/proc/$1" ] && ! grep -q '^State:.*[ZX]' "/proc/$1/status" 2>/dev/null; }

# children_of PID NAME: its living children of that name
children_of() {
  local pid
  [ -n "$1" ] || return 0
  # shellcheck disable=SC2013 # words are meant
  for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
    [ "$(name_of "$pid")" = "$2" ] && lives "$pid" && echo "$pid"
  done
}

supervisor_pid() { children_of "$(stack_pid)" stint-superviso; }
# Redis with appendfsync everysec writes before it answers, but for a disk so slow that the last second's fsync still runs: then it holds back up to two
# seconds, and a kill -9 takes them. Who kills it to see that nothing is lost waits for this first.
aof_written() { [ "$(redis INFO persistence | tr -d '\r' | sed -n 's/^aof_buffer_length://p')" = 0 ]; }
redis_pid() { children_of "$(stack_pid)" redis-server; }
postgres_pid() { children_of "$(stack_pid)" postgres; }
worker_pids() { children_of "$(supervisor_pid)" stint-worker; }
zygote_pids() { for p in $(worker_pids); do children_of "$p" stint-parser; done; }
cell_pids() { for p in $(zygote_pids); do children_of "$p" stint-parser; done; }

# --- jobs ---

# One line of a mix: tells Redis and the books. book QUEUE ID WANTED OPTIONS PAYLOAD; WANTED: done, or the code it must die with.
# Lines are sent by flush, again and again until each is acknowledged: its id makes a second one a duplicate.
BATCH="" BATCH_N=0 BATCH_BOOK=""
book() {
  BATCH+="FCALL stint_enqueue 1 stint:{$1} '{\"id\":\"$2\",$4}' '$5'"$'\n'
  BATCH_N=$((BATCH_N + 1))
  BATCH_BOOK+="$1 $2 $3"$'\n'
}

flush() {
  local deadline=$((SECONDS + 60)) told
  while :; do
    told=$(printf '%s' "$BATCH" | redis | grep -cE '"state":"(ready|scheduled|duplicate)"')
    [ "$told" = "$BATCH_N" ] && break
    [ $SECONDS -lt $deadline ] || return 1
    pause 0.1
  done
  printf '%s' "$BATCH_BOOK" >>"$STACK_DIR/books"
  BATCH="" BATCH_N=0 BATCH_BOOK=""
}

# documents N ROWS: N PDFs d1.pdf … and how many events each holds
documents() {
  local i
  for i in $(seq "$1"); do
    "$STINT_BUILD/bin/stint-pdfgen" --kind lecture --rows "$2" --seed "$i" --out "$STACK_DIR/inbox/d$i.pdf" \
      --truth "$STACK_DIR/truth" || return 1
    EVENTS[i]=$(grep -o '"module"' "$STACK_DIR/truth" | wc -l)
  done
  "$STINT_BUILD/bin/stint-pdfgen" --kind exam --rows 5 --seed 1 --damage notpdf --out "$STACK_DIR/inbox/bad.pdf"
  chmod 644 "$STACK_DIR"/inbox/*
}
declare -a EVENTS

book_probe() { book probe "$1" "$2" "\"kind\":\"probe\"${4:-}" "{\"v\":1,$3}"; }
# salted DOCUMENT SALT: a copy of it with bytes of its own, so that no answer comes from the cache of parsed documents
salted() {
  local copy="$STACK_DIR/inbox/d$1.$2.pdf"
  [ -f "$copy" ] || { cat "$STACK_DIR/inbox/d$1.pdf"; echo "% $2"; } >"$copy"
  chmod 644 "$copy"
  echo "$copy"
}
book_pdf() { # ID DOCUMENT SALT [OPTIONS]
  book pdf "$1" "done" "\"kind\":\"pdf-parse\"${4:-}" "{\"v\":1,\"source\":{\"path\":\"$(salted "$2" "$3")\"}}"
  echo "$1 ${EVENTS[$2]}" >>"$STACK_DIR/events"
}
book_person() { # ID SALT [OPTIONS]
  local g=male s=female
  [ $(($2 % 2)) = 0 ] && g=female s=male
  book match "$1" "done" "\"kind\":\"match\"${3:-}" "{\"v\":1,\"op\":\"submit\",\"pool\":\"crash\",\"id\":\"$1\",\"gender\":\"$g\",\"seeking\":[\"$s\"],\"age\":$((20 + $2 % 20)),\"presence_ms\":3600000}"
}

# --- the books at the end ---

queue_stats() { redis FCALL stint_stats 1 "stint:{$1}"; }
stat_of() { queue_stats "$1" | jq -r "$2"; }
# What is not yet at its end. A pool in which somebody waits always has its next round scheduled: that one is not counted.
LEFT='([.scheduled - (if .queue == "match" then 1 else 0 end), 0] | max) + .parked + ([.bands[] | .ready + .active] | add)'

is_quiet() {
  local q
  for q in $QUEUES; do [ "$(stat_of "$q" "$LEFT")" = 0 ] || return 1; done
}

# Every queue's ledger, every booked job's end, the effects in PostgreSQL.
check_books() {
  local q
  for q in $QUEUES; do
    same "$q: the ledger has no drift" "$(stat_of "$q" .drift)" 0
    until_true 60 adds_up "$q" # the next round may be running just now
    same "$q: enqueued = done + dead + cancelled + expired$([ "$q" = match ] && echo ' + the next round')" "$ENQUEUED" "$ENDED"
  done
  check_jobs
  check_documents
  check_matches
}

adds_up() { # QUEUE, of one look at it
  local stats
  stats=$(queue_stats "$1")
  ENQUEUED=$(jq -r .enqueued <<<"$stats")
  ENDED=$(jq -r '[.ledger.done, .dead, .ledger.cancelled, .ledger.expired, .scheduled] | map(. // 0) | add' <<<"$stats")
  [ -n "$ENQUEUED" ] && [ "$ENQUEUED" = "$ENDED" ]
}

check_jobs() { # each booked job is done, or dead of what it deserved
  local wrong total
  total=$(wc -l <"$STACK_DIR/books")
  awk '{ printf "FCALL stint_job 1 stint:{%s} %s\n", $1, $2 }' "$STACK_DIR/books" | redis | grep -v '^$' |
    jq -R -r '(fromjson? // {state: "unknown"}) | if .state == "dead" then .errors[-1].code else .state end' |
    paste -d' ' "$STACK_DIR/books" - | awk '$3 != $4' >"$STACK_DIR/wrong"
  wrong=$(wc -l <"$STACK_DIR/wrong")
  same "every acknowledged job ended as it should ($total jobs)" "$wrong wrong" "0 wrong"
  head -n 5 "$STACK_DIR/wrong" | while read -r q id want got; do
    echo "# $id: wanted $want, is $got"
    redis FCALL stint_job 1 "stint:{$q}" "$id" | cut -c1-1200 | sed 's/^/#   /'
  done
}

check_documents() { # each document's result and events are stored once, and all of them
  [ -s "$STACK_DIR/events" ] || return 0
  sort "$STACK_DIR/events" >"$STACK_DIR/wanted"
  sql "SELECT r.job_id, count(e.uid), r.events FROM stint.pdf_result r LEFT JOIN stint.pdf_event e USING (queue, job_id) GROUP BY r.queue, r.job_id" |
    tr '|' ' ' | awk '{ print $1, $2 == $3 ? $2 : $2 "/" $3 }' | sort >"$STACK_DIR/seen"
  same "every document's events are in PostgreSQL exactly once ($(wc -l <"$STACK_DIR/wanted") documents)" \
    "$(comm -3 "$STACK_DIR/wanted" "$STACK_DIR/seen" | wc -l) differ" "0 differ"
  same "each effect has its outcome row" \
    "$(sql "SELECT count(*) FROM stint.pdf_result r LEFT JOIN stint.job_outcome o USING (queue, job_id) WHERE o.state IS DISTINCT FROM 'done'")" 0
}

# Every pair is in the pool's stream for the application: events of a killed worker, or of a Redis that died, are told again.
# An event told again has come through jsonb, which puts spaces between names and values.
all_told() {
  redis XRANGE 'stint:{match}:match:crash' - + | jq -R -r 'fromjson? | objects | select(.t == "matched") | .pair' >"$STACK_DIR/told"
  [ -s "$STACK_DIR/told" ] && [ "$(sql "SELECT id FROM stint.match_pair" | grep -cvxFf "$STACK_DIR/told")" = 0 ]
}
# No event is nobody's: its own worker has 3 s, any other takes it over within one more (docs/matching.md §5).
none_overdue() { [ "$(sql "SELECT count(*) FROM stint.match_event WHERE tell_ms < stint.now_ms() - 2000")" = 0 ]; }

check_matches() { # no half pairs, nobody twice, nobody lost
  local booked
  booked=$(grep -c '^match ' "$STACK_DIR/books")
  [ "$booked" -gt 0 ] || return 0
  same "nobody is in two living pairs" "$(sql "SELECT count(*) FROM (SELECT id FROM (SELECT pool, live_a AS id FROM stint.match_pair UNION ALL SELECT pool, live_b FROM stint.match_pair) l WHERE id IS NOT NULL GROUP BY pool, id HAVING count(*) > 1) twice")" 0
  same "no half pairs" "$(sql "SELECT count(*) FROM stint.match_pair p WHERE p.state = 'pending' AND (SELECT count(*) FROM stint.match_ticket t WHERE t.pair_id = p.id AND t.state = 'matched') <> 2")" 0
  # The bound is 4 s; a loaded machine is given more.
  if until_true "${TOLD_WAIT_S:-60}" all_told; then ok "the application was told of every pair ($(sql "SELECT count(*) FROM stint.match_pair"))"
  elif [ -n "${TOLD_WAIT_S:-}" ]; then echo "# a Redis that was set back has lost what it was told" # the caller knows it
  else not_ok "the application was not told of every pair: $(sql "SELECT id FROM stint.match_pair" | grep -cvxFf "$STACK_DIR/told") are missing, $(sql "SELECT count(*) FROM stint.match_event") events are left in PostgreSQL"; fi
  if until_true 60 none_overdue; then ok "no event waits for somebody to tell it"; else not_ok "events are overdue: $(sql "SELECT count(*) FROM stint.match_event WHERE tell_ms < stint.now_ms() - 2000")"; fi
  same "every person submitted is in the pool ($booked people)" "$(sql "SELECT count(*) FROM stint.match_ticket")" "$booked"
}
