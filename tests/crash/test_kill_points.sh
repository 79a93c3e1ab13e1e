#!/bin/bash
# Why: between any two steps of a job a process may die. At every named point of worker and supervisor one does, and up to two in a row; each
# job is accounted for and each effect was applied once. At the end a job that kills whoever runs it must die itself.
# Refuses to: count a point at which nobody died; pass with a point in the sources that is not in its table.
set -u
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
KILL_FILE="$STACK_DIR/killpoint"
export STINT_KILL_POINT="@$KILL_FILE" STINT_KIND_PDF_PARSE_BACKOFF=200ms STINT_KIND_PROBE_BACKOFF=200ms
export STINT_KIND_MATCH_BACKOFF=200ms STINT_SUPERVISOR_LEASE=1s STINT_SUPERVISOR_HEARTBEAT=300ms
began=$SECONDS

# point and what makes somebody pass it beside the usual jobs
POINTS="before_run:- after_run:- after_fetch:- before_finish:- after_finish:- after_commit:-
match.played:- match.written:- match.committed:- match.told:-
pdf_turn:- pdf_parsing:- pdf_parsed:- pdf_before_store:- pdf_events_written:- pdf_before_commit:- pdf_committed:-
pdf_before_note:misfit pdf_noted:misfit pdf_fetching:fetch pdf_fetched:fetch
supervisor_beat:- supervisor_promote:- supervisor_crash:crash supervisor_crash_told:crash supervisor_reaped:crash
supervisor_spawned:crash supervisor_sweep:lose supervisor_gone:restart supervisor_bye:leave"

# KILL_POINTS='match\.' : only points that match; the table is still compared whole.
chosen_points() { tr ' ' '\n' <<<"$POINTS" | grep -E "^(${KILL_POINTS:-.*})"; }

# Those of a hand-over are integration/test_handover's: here whoever starts supervisors starts one at a time.
points_in_sources() {
  grep -rhoE 'KILL_POINT\("[^"]+"\)' "$STINT_SOURCE/worker" "$STINT_SOURCE/pdf" "$STINT_SOURCE/supervisor" | sed 's/.*"\(.*\)".*/\1/' |
    grep -v '^handover_' | sort -u
}

# A handful of every kind: done at once, after a while, after a failure, later; documents; people.
handful() {
  local n=$1
  book_probe "$n-ok" "done" '"do":"ok"'
  book_probe "$n-high" "done" '"do":"ok"' ',"band":"high"'
  book_probe "$n-sleep" "done" '"do":"sleep","ms":50'
  book_probe "$n-once" "done" '"do":"fail","times":1'
  book_probe "$n-later" "done" '"do":"ok"' ',"delay_ms":300'
  book_probe "$n-never" HANDLER_REFUSED '"do":"fail-permanent"'
  book_pdf "$n-pdf1" 1 "$SALT"
  book_pdf "$n-pdf2" 2 "$SALT" ',"delay_ms":200'
  book_person "$n-p1" "$SALT"
  book_person "$n-p2" $((SALT + 1))
  SALT=$((SALT + 1))
}
SALT=0

# Documents that cannot be parsed, which the cache learns.
documents_that_fail() {
  local i
  for i in 1 2 3; do
    book pdf "$1-misfit$i" TYPE_MISMATCH '"kind":"pdf-parse"' "{\"v\":1,\"expect\":\"exam\",\"source\":{\"path\":\"$(salted 1 "$SALT")\"}}"
  done
}

# Documents that are fetched from a server beside the stack.
serve_inbox() {
  python3 -u - "$STACK_DIR/inbox" >"$STACK_DIR/port" 2>/dev/null <<'PY' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port)
server.serve_forever()
PY
  MIX_PID=$! # ended with the stack
  until_true 60 test -s "$STACK_DIR/port" || { not_ok "no server for documents elsewhere"; exit 1; }
  HTTP_AT="127.0.0.1:$(cat "$STACK_DIR/port")"
  export STINT_PDF_URL=list STINT_PDF_URL_HTTP=yes STINT_PDF_URL_ALLOW="$HTTP_AT" STINT_PDF_URL_PRIVATE_RANGES="$HTTP_AT"
}
documents_elsewhere() {
  local i
  for i in 1 2 3; do
    book pdf "$1-fetch$i" "done" '"kind":"pdf-parse"' "{\"v\":1,\"source\":{\"url\":\"http://$HTTP_AT/$(basename "$(salted 1 "$SALT")")\"}}"
    echo "$1-fetch$i ${EVENTS[1]}" >>"$STACK_DIR/events"
  done
}

deaths_left() { cut -d' ' -f2 "$KILL_FILE"; }
arm() { echo "$1 $2" >"$KILL_FILE"; }
somebody_died() { [ "$(deaths_left)" -lt "$1" ]; }
crashed() { local q n=0; for q in $QUEUES; do n=$((n + $(stat_of "$q" '.ledger.crashed // 0'))); done; echo "$n"; }

TABLE="" cases=0
# one_case POINT TRIGGER DEATHS
one_case() {
  local point=$1 trigger=$2 deaths=$3 name="$1.$3" before wrong_before blamed took q from=$failures
  before=$(crashed)
  : >"$STACK_DIR/books"
  handful "$name"
  took=$(now_ms)
  case "$trigger" in
    misfit) documents_that_fail "$name" ;;
    fetch) documents_elsewhere "$name" ;;
    crash) book_probe "$name-crash" "done" "\"do\":\"crash\",\"times\":$deaths" ;;
    restart) arm none 0; kill -9 "$(supervisor_pid)" ;;
    lose) arm none 0; rm -f "$STACK_DIR"/instances/*; kill -9 "$(supervisor_pid)" ;; # no proof: the lease has to end
  esac
  arm "$point" "$deaths"
  [ "$trigger" = leave ] && kill -TERM "$(supervisor_pid)"
  flush || not_ok "$name: jobs are not accepted"
  until_true 60 somebody_died "$deaths" || not_ok "$point: nobody died there"
  until_true 60 is_quiet || not_ok "$point: not quiet"
  deaths=$((deaths - $(deaths_left)))
  arm none 0
  took=$(($(now_ms) - took))
  blamed=$(($(crashed) - before))
  wrong_before=$failures
  check_jobs >"$STACK_DIR/case.out"
  [ "$failures" -gt "$wrong_before" ] && cat "$STACK_DIR/case.out"
  for q in $QUEUES; do [ "$(stat_of "$q" .drift)" = 0 ] || not_ok "$point: $q has drift"; done
  cat "$STACK_DIR/books" >>"$STACK_DIR/all.books"
  cases=$((cases + 1))
  TABLE+=$(printf '# %-22s %d died, %2d jobs, %d blamed, %5d ms  %s' "$point" "$deaths" "$(wc -l <"$STACK_DIR/books")" "$blamed" "$took" \
    "$([ "$failures" = "$from" ] && echo accounted for || echo WRONG)")$'\n'
  [ "$failures" = "$from" ] && ok "$point: $deaths died there, every job accounted for"
}

serve_inbox
documents 2 60 || { not_ok "documents cannot be made"; exit 1; }
arm none 0
chmod 666 "$KILL_FILE"
if [ "$(tr ' ' '\n' <<<"$POINTS" | sed 's/:.*//' | sort)" = "$(points_in_sources)" ]; then
  ok "every point of the sources is in the table ($(points_in_sources | wc -l))"
else
  not_ok "the table of points and the sources differ: $(diff <(tr ' ' '\n' <<<"$POINTS" | sed 's/:.*//' | sort) <(points_in_sources) | tr '\n' ' ')"
fi

# all_points DEATHS: a case a point. The stack is started anew now and then: it gives up a part that dies ten times in a row.
all_points() {
  local entry deaths supervisor_deaths=9
  for entry in $(chosen_points); do
    deaths=$1
    case "$entry" in supervisor*) supervisor_deaths=$((supervisor_deaths + deaths + 1)) ;; esac
    if [ $supervisor_deaths -ge 9 ]; then
      supervisor_deaths=$((deaths + 1))
      arm none 0
      "$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
      stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
    fi
    one_case "${entry%%:*}" "${entry#*:}" "$deaths"
  done
}

STINT_KIND_PROBE_CRASHES=10 STINT_KIND_MATCH_CRASHES=10 STINT_KIND_PDF_PARSE_CRASHES=10 all_points 2
arm none 0
"$STINT" down --dir "$STACK_DIR" --now >/dev/null 2>&1
all_points 1

# A job that kills whoever runs it: two crashes, then dead with the cause; its neighbours are done.
: >"$STACK_DIR/books"
book_probe bad-one CRASH '"do":"crash"'
handful neighbours
flush
until_true 60 is_quiet || not_ok "a job that crashes its worker: not quiet"
check_jobs
same "a job that crashes its worker is dead after 2 crashes, with the cause" \
  "$(redis FCALL stint_job 1 'stint:{probe}' bad-one | jq -r '"\(.state) \(.crashes) \(.cause)"')" "dead 2 signal:SIGSEGV"
cat "$STACK_DIR/books" >>"$STACK_DIR/all.books"
mv "$STACK_DIR/all.books" "$STACK_DIR/books"
check_books

printf '%s' "$TABLE"
echo "# $cases cases at $(points_in_sources | wc -l) points, $(wc -l <"$STACK_DIR/books") jobs, $((SECONDS - began)) s"
stack_verdict
