#!/bin/bash
# Why: between any two steps anything may die, not only who takes them. At every named point of the worker and the supervisor each of worker,
# cell, zygote, fetcher, supervisor, Redis and PostgreSQL is killed, by the process that passes the point, which then goes on with its next step. After
# each case every job is accounted for, nothing was applied twice, the ledger has no drift.
# Refuses to: count a case in which nobody died; leave a cell of the table empty without a reason.
#
# STINT_MATRIX=full runs every cell (about ten minutes); the default runs every point with its own death and a third of the others, always the same
# one: STINT_MATRIX=2 and 3 run the other thirds. Redis runs with appendfsync always, so that a lost second hides nothing; the everysec case comes last.
set -u
# shellcheck source=tests/support/site.sh
. "$(dirname "$0")/../support/site.sh"
KILL_FILE="$STACK_DIR/killpoint"
export STINT_KILL_POINT="@$KILL_FILE" STINT_KIND_PDF_PARSE_BACKOFF=200ms STINT_KIND_PROBE_BACKOFF=200ms STINT_KIND_MATCH_BACKOFF=200ms
export STINT_SUPERVISOR_LEASE=1500ms STINT_SUPERVISOR_HEARTBEAT=300ms
# Killed for other reasons than their own, again and again: no job is to be taken for a bad one here.
export STINT_KIND_PROBE_CRASHES=100 STINT_KIND_PDF_PARSE_CRASHES=100 STINT_KIND_MATCH_CRASHES=100
MATRIX=${STINT_MATRIX:-1}
case "$MATRIX" in full|1|2|3) ;; *) echo "not ok - STINT_MATRIX=$MATRIX: allowed: full 1 2 3"; exit 2 ;; esac
VICTIMS="self worker cell zygote fetcher supervisor redis postgres"
began=$SECONDS

# point, what makes somebody pass it, whose it is
POINTS="before_run:probe:w after_run:probe:w after_fetch:probe:w before_finish:probe:w after_finish:probe:w after_commit:pdf:w
match.played:match:w match.written:match:w match.committed:match:w match.told:match:w
pdf_turn:pdf:w pdf_parsing:pdf:w pdf_parsed:pdf:w pdf_before_store:pdf:w pdf_events_written:pdf:w pdf_before_commit:pdf:w pdf_committed:pdf:w
pdf_before_note:misfit:w pdf_noted:misfit:w
pdf_fetching:url:w pdf_fetched:url:w
supervisor_beat:probe:s supervisor_promote:later:s supervisor_crash:crash:s supervisor_crash_told:crash:s supervisor_reaped:crash:s
supervisor_gone:restart:s supervisor_spawned:crash:s supervisor_sweep:lose:s supervisor_bye:leave:s"

# Those of a hand-over are integration/test_handover's: here whoever starts supervisors starts one at a time.
points_in_sources() {
  grep -rhoE 'KILL_POINT\("[^"]+"\)' "$STINT_SOURCE/worker" "$STINT_SOURCE/pdf" "$STINT_SOURCE/supervisor" | sed 's/.*"\(.*\)".*/\1/' |
    grep -v '^handover_' | sort -u
}

# cannot POINT OWNER VICTIM: why it cannot happen, or nothing
cannot() {
  case "$2:$3" in
    w:worker) echo "is self" ;;
    s:supervisor) echo "is self" ;;
    s:cell) echo "no step of a supervisor is a cell's" ;;
    w:cell) [ "$1" = pdf_parsing ] || echo "no cell lives at that step" ;;
    s:fetcher) echo "no step of a supervisor is a fetcher's" ;;
    w:fetcher) case "$1" in pdf_fetch*) ;; *) echo "that step has no fetcher" ;; esac ;;
    w:zygote) case "$1" in pdf_*) ;; *) echo "that step has no parser" ;; esac ;;
  esac
  case "$1:$3" in
    supervisor_bye:worker|supervisor_bye:zygote) echo "its workers have ended" ;;
    supervisor_spawned:zygote|supervisor_reaped:zygote) ;;
  esac
}

arm() { echo "$1 $2 $3" >"$KILL_FILE"; }
deaths_left() { cut -d' ' -f2 "$KILL_FILE"; }
somebody_died() { [ "$(deaths_left)" = 0 ]; }
victim_of() { case "$1" in redis|postgres) echo "$SITE_RUN/$1.pid" ;; supervisor) echo "$SITE_RUN/host1.pid" ;; *) echo "$1" ;; esac; }

# The documents once more, by URL: a web server of this test's own, on the loopback.
python3 -u - "$STACK_DIR/inbox" >"$STACK_DIR/port" 2>"$STACK_DIR/log/web.log" <<'PY' &
import functools, http.server, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
print(server.server_port)
server.serve_forever()
PY
SITE_JOBS="${SITE_JOBS:-} $!"
until_true 60 test -s "$STACK_DIR/port" || { not_ok "no server for documents elsewhere"; exit 1; }
WEB_PORT=$(cat "$STACK_DIR/port")
export STINT_PDF_URL=list STINT_PDF_URL_ALLOW="127.0.0.1:$WEB_PORT" STINT_PDF_URL_HTTP=yes STINT_PDF_URL_PRIVATE_RANGES="127.0.0.1:$WEB_PORT"
book_url() { # ID DOCUMENT SALT
  local file
  file=$(salted "$2" "$3")
  book pdf "$1" "done" '"kind":"pdf-parse"' "{\"v\":1,\"source\":{\"url\":\"http://127.0.0.1:$WEB_PORT/${file##*/}\"}}"
  echo "$1 ${EVENTS[$2]}" >>"$STACK_DIR/events"
}

SALT=0
# Jobs that make somebody pass the point, and a few of the other kinds beside them.
jobs_for() { # NAME TRIGGER
  SALT=$((SALT + 2))
  book_probe "$1-ok" "done" '"do":"ok"'
  book_probe "$1-once" "done" '"do":"fail","times":1'
  case "$2" in
    pdf) book_pdf "$1-pdf1" 1 "$SALT"; book_pdf "$1-pdf2" 2 "$((SALT + 1))" ;;
    misfit) book pdf "$1-misfit" TYPE_MISMATCH '"kind":"pdf-parse"' "{\"v\":1,\"expect\":\"exam\",\"source\":{\"path\":\"$(salted 1 "$SALT")\"}}" ;;
    url) book_url "$1-url1" 1 "$SALT"; book_url "$1-url2" 2 "$((SALT + 1))" ;;
    match) book_person "$1-p1" "$SALT"; book_person "$1-p2" "$((SALT + 1))" ;;
    later) book_probe "$1-later" "done" '"do":"ok"' ',"delay_ms":300' ;;
    crash) book_probe "$1-crash" "done" '"do":"crash","times":1' ;;
    *) book_probe "$1-high" "done" '"do":"ok"' ',"band":"high"' ;;
  esac
}

declare -A CELL
cases=0 slowest=0 REASONS=""
one_case() { # POINT TRIGGER VICTIM
  local point=$1 trigger=$2 victim=$3 name="$1.$3" from=$failures took q
  : >"$STACK_DIR/books"
  jobs_for "$name" "$trigger"
  took=$(now_ms)
  case "$trigger" in
    lose) rm -f "$STACK_DIR"/h1/instances/*; kill -9 "$(site_pid host1)" ;; # no proof of its death: the lease has to end
    restart) kill -9 "$(site_pid host1)" ;;
  esac
  arm "$point" 1 "$(victim_of "$victim")"
  [ "$trigger" = leave ] && kill -TERM "$(site_pid host1)"
  flush || not_ok "$name: jobs are not accepted"
  until_true 60 somebody_died || not_ok "$name: nobody died there"
  arm none 0 self
  until_true 60 is_quiet || not_ok "$name: not quiet: $(for q in $QUEUES; do echo "$q $(stat_of "$q" "$LEFT")"; done | tr '\n' ' ')"
  took=$(($(now_ms) - took))
  check_jobs >"$STACK_DIR/case.out"
  [ "$failures" -gt "$from" ] && cat "$STACK_DIR/case.out"
  for q in $QUEUES; do [ "$(stat_of "$q" .drift)" = 0 ] || not_ok "$name: $q has drift"; done
  cat "$STACK_DIR/books" >>"$STACK_DIR/all.books"
  cases=$((cases + 1))
  [ "$took" -gt "$slowest" ] && slowest=$took
  if [ "$failures" = "$from" ]; then CELL[$point,$victim]="${took}ms"; ok "$point × $victim: killed there, every job accounted for"
  else CELL[$point,$victim]=WRONG; fi
}

documents 2 60 || { not_ok "documents cannot be made"; exit 1; }
arm none 0 self
chmod 666 "$KILL_FILE"
if [ "$(tr ' ' '\n' <<<"$POINTS" | sed 's/:.*//' | sort)" = "$(points_in_sources)" ]; then
  ok "every point of the sources is in the table ($(points_in_sources | wc -l))"
else
  not_ok "the table of points and the sources differ: $(diff <(tr ' ' '\n' <<<"$POINTS" | sed 's/:.*//' | sort) <(points_in_sources) | tr '\n' ' ')"
fi

site_start 1 always || { not_ok "the site does not come up"; exit 1; }
n=${MATRIX/full/1} skipped=0
for entry in $POINTS; do
  IFS=: read -r point trigger owner <<<"$entry"
  for victim in $VICTIMS; do
    why=$(cannot "$point" "$owner" "$victim")
    if [ -n "$why" ]; then CELL[$point,$victim]="-"; REASONS+="$why"$'\n'; continue; fi
    n=$((n + 1))
    if [ "$victim" != self ] && [ "$MATRIX" != full ] && [ $((n % 3)) != 0 ]; then
      CELL[$point,$victim]="later"; skipped=$((skipped + 1)); continue
    fi
    [ -n "${STINT_POINT:-}" ] && [ "$STINT_POINT" != "$point" ] && continue
    one_case "$point" "$trigger" "$victim"
    [ $failures -gt 15 ] && break 2
  done
done

mv "$STACK_DIR/all.books" "$STACK_DIR/books"
check_documents
check_matches
"$STINT" fsck --postgres --config "$STACK_DIR/h1/stint.conf" >"$STACK_DIR/fsck.out" 2>&1
same "stint fsck finds nothing wrong after all of them" "$(tail -n 1 "$STACK_DIR/fsck.out" | cut -d' ' -f1,2)" "0 faults;"
[ "$(tail -n 1 "$STACK_DIR/fsck.out" | cut -d' ' -f1)" = 0 ] || head -n 20 "$STACK_DIR/fsck.out" | sed 's/^/# /'

# With everysec a killed Redis keeps all it wrote; only a machine that loses power loses the second. What it gave out comes back once.
redis CONFIG SET appendfsync everysec >/dev/null
: >"$STACK_DIR/books"
for i in 1 2 3; do
  jobs_for "second-$i" pdf; jobs_for "second-m$i" match; flush
  until_true 60 aof_written || not_ok "everysec: Redis did not write for a minute"
  kill -9 "$(site_pid redis)"
done
until_true 60 is_quiet || not_ok "everysec: not quiet"
check_jobs

printf '# %-22s' "point \\ victim"; for victim in $VICTIMS; do printf ' %10s' "$victim"; done; echo
for entry in $POINTS; do
  point=${entry%%:*}
  printf '# %-22s' "$point"
  for victim in $VICTIMS; do printf ' %10s' "${CELL[$point,$victim]:-?}"; done
  echo
done
echo "# -: cannot happen: $(sort -u <<<"$REASONS" | grep . | paste -sd';' | sed 's/;/; /g'); later: run by STINT_MATRIX=full ($skipped)"
echo "# $cases cases at $(points_in_sources | wc -l) points, slowest $slowest ms, $((SECONDS - began)) s"
stack_verdict
