#!/usr/bin/env bash
# `stint dlq archive|drain|import|purge` and --archived against a real Redis and PostgreSQL: byte for byte there and back, searched by the same
# filters in both, wrong input named, and many letters (STINT_VOLUME=all: a hundred thousand).
set -u
# shellcheck source=tests/support/stack.sh
. "${STINT_SOURCE:?}/tests/support/stack.sh"
export STINT_RELAY_ENABLED=no LC_ALL=C.UTF-8

# run CODE WORDS…: stint ends with the code; what it said is in OUT
run() {
  local want=$1 code
  shift
  RAN="stint $*"
  (cd "$STACK_DIR" && "$STINT" "$@" --dir "$STACK_DIR" >"$STACK_DIR/said" 2>&1 </dev/null)
  code=$?
  OUT=$(cat "$STACK_DIR/said")
  checks=$((checks + 1))
  [ "$code" = "$want" ] || { failures=$((failures + 1)); printf 'not ok - %s: exit code %s, wanted %s\n' "$RAN" "$code" "$want"; sed 's/^/# /' "$STACK_DIR/said" | head -n 8; }
}
says() { case "$OUT" in *"$1"*) checks=$((checks + 1)) ;; *) not_ok "$RAN: does not say \"$1\": $(head -n 3 "$STACK_DIR/said")" ;; esac; }
says_not() { case "$OUT" in *"$1"*) not_ok "$RAN: says \"$1\"" ;; *) checks=$((checks + 1)) ;; esac; }
dead() { stat_of probe .dead; }
no_drift() { same "$1: no drift" "$(stat_of probe .drift)" 0; }
letter() { book_probe "$1" HANDLER_REFUSED "\"do\":\"fail-permanent\"${2:-}"; }
dead_are() { [ "$(dead)" = "$1" ]; }

stack_up >"$STACK_DIR/up.out" || { not_ok "up: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
same "the relay is off when it is not enabled" "$("$STINT" status --dir "$STACK_DIR" --json | jq -r .supervisor.relay.state)" off
for i in 1 2 3 4 5 6; do letter "a$i" ",\"note\":\"n$i\""; done
flush || not_ok "jobs are not accepted"
# A payload that is no text at all, with zero bytes, and options.
head -c 3000 /dev/urandom >"$STACK_DIR/bytes"
printf '\0\377\n\0' >>"$STACK_DIR/bytes"
redis -x FCALL stint_enqueue 1 'stint:{probe}' '{"kind":"probe","id":"bin","tenant":"t1"}' <"$STACK_DIR/bytes" >/dev/null
until_true 60 dead_are 7 || not_ok "letters: $(dead) of 7"

# -- the same filters, in Redis and in the archive
host=$("$STINT" dlq list --dir "$STACK_DIR" --json --id a1 | jq -r .last_error.instance)
build=$("$STINT" dlq list --dir "$STACK_DIR" --json --id a1 | jq -r .last_error.build)
fp=$("$STINT" dlq list --dir "$STACK_DIR" --json --id a1 | jq -r .fingerprint)
filters() { # filters WHERE…: what each filter finds
  local f
  while read -r f; do
    # shellcheck disable=SC2086 # words are meant
    echo "$f: $("$STINT" dlq list --dir "$STACK_DIR" --json $f "$@" 2>/dev/null | jq -r .id | tr '\n' ' ')"
  done <<EOF
--kind probe
--kind match
--code HANDLER_REFUSED
--code BAD_PAYLOAD
--cause handler_error
--fingerprint $fp
--fingerprint 00000000
--match A3
--id a1,a5,nobody
--build $build
--build other
--host ${host%-*}
--host $host
--host nowhere
--since 1h
--until 1h
--since 2020-01-01T00:00:00Z --until 2021-01-01T00:00:00Z
--queue probe
--queue pdf
--limit 2
EOF
}
filters >"$STACK_DIR/in_redis"
run 0 dlq list; says_not "more in the archive"
run 0 dlq drain --all --keep --out "$STACK_DIR/before.ndjson"; says "7 written to"; says "nothing was removed"
run 0 dlq archive --all --reason "a try"; says "7 archived"
same "nothing is left in Redis" "$(dead)" 0
filters --archived >"$STACK_DIR/in_archive"
if diff "$STACK_DIR/in_redis" "$STACK_DIR/in_archive" >"$STACK_DIR/diff"; then
  ok "every filter finds the same in the archive ($(wc -l <"$STACK_DIR/in_redis") filters)"
else
  not_ok "filters differ: $(head -n 6 "$STACK_DIR/diff")"
fi
same "the filters find something" "$(grep -c ': .*a1' "$STACK_DIR/in_redis")" 9
run 0 dlq list; says "7 more in the archive"
run 0 dlq list --archived --match asked; says "a1"
run 0 dlq triage --archived; says "in the archive"; says "next step"
run 0 dlq show a2 --archived; says "archived"; says "fail-permanent"
run 3 dlq show a2; says "in the archive"
run 3 dlq show nobody --archived
no_drift "archived"

# -- there and back
run 0 dlq drain --archived --all --keep --out "$STACK_DIR/archived.ndjson"
same "the archive's lines are those of Redis" "$(sort "$STACK_DIR/archived.ndjson" | sha256sum)" "$(sort "$STACK_DIR/before.ndjson" | sha256sum)"
run 0 dlq import archived.ndjson; says "7 imported, 0 replaced, 0 there already"
run 0 dlq import archived.ndjson; says "0 imported, 0 replaced, 7 there already"
no_drift "imported"
same "the payload is the same to the last byte" "$(redis HGET 'stint:{probe}:j:bin' payload | head -c 3004 | sha256sum)" "$(sha256sum <"$STACK_DIR/bytes")"
run 0 dlq drain --all --out "$STACK_DIR/one.ndjson"; says "7 written to"; says "then removed"
no_drift "drained"
redis FLUSHALL >/dev/null
"$STINT" down --dir "$STACK_DIR" >/dev/null 2>&1
stack_up >"$STACK_DIR/up.out" || { not_ok "up again: $(tail -n 2 "$STACK_DIR/up.out")"; exit 1; }
run 0 dlq import "$STACK_DIR/one.ndjson"; says "7 imported"
same "imports count as enqueued" "$(stat_of probe .enqueued)" 7
no_drift "imported into an empty Redis"
run 0 dlq drain --all --out "$STACK_DIR/two.ndjson"
if cmp -s "$STACK_DIR/one.ndjson" "$STACK_DIR/two.ndjson"; then
  ok "drain, FLUSHALL, import, drain: the identical file ($(wc -c <"$STACK_DIR/two.ndjson") bytes)"
else
  not_ok "drain, FLUSHALL, import, drain: the files differ"
fi
"$STINT" dlq import - --dir "$STACK_DIR" <"$STACK_DIR/two.ndjson" >"$STACK_DIR/said" 2>&1
OUT=$(cat "$STACK_DIR/said") RAN="import -"; says "7 imported"

# -- conflicts, torn files, wrong lines
book_probe a1 done '"do":"ok"'
run 0 dlq replay a3 a4
replayed() { [ "$(redis FCALL stint_job 1 'stint:{probe}' a4 | jq -r '"\(.state) \(.replays)"')" = "dead 1" ]; }
until_true 60 replayed || not_ok "a4 did not die again"
run 5 dlq import "$STACK_DIR/two.ndjson"; says "2 left out"; says "a3"
run 0 dlq import "$STACK_DIR/two.ndjson" --replace; says "2 replaced"
no_drift "replaced"
head -c -20 "$STACK_DIR/two.ndjson" >"$STACK_DIR/torn.ndjson"
run 0 dlq import "$STACK_DIR/torn.ndjson"; says "torn"; says "6 there already"
run 0 dlq drain --id a1,a2 --out "$STACK_DIR/torn.ndjson" --resume; says "2 written"
same "a resumed drain cuts the torn line and adds its own" "$(wc -l <"$STACK_DIR/torn.ndjson")" 8
run 0 dlq import "$STACK_DIR/torn.ndjson"; says "2 imported"
run 5 dlq drain --all --out "$STACK_DIR/torn.ndjson"; says "--resume"
echo 'hello' >"$STACK_DIR/text"
run 5 dlq drain --all --out "$STACK_DIR/text" --resume; says "no file of dead letters"
same "a file that is not ours is left alone" "$(cat "$STACK_DIR/text")" hello
run 1 dlq import "$STACK_DIR/text"; says "line 1"; says "nothing was imported"
{ cat "$STACK_DIR/one.ndjson"; echo '{"format":"stint-dead-letter","v":2}'; } >"$STACK_DIR/v2"
run 1 dlq import "$STACK_DIR/v2"; says "line 8"; says '"v" is not 1'
jq -c '.queue = "elsewhere"' "$STACK_DIR/one.ndjson" >"$STACK_DIR/elsewhere"
run 3 dlq import "$STACK_DIR/elsewhere"; says "--queue"
head -n 1 "$STACK_DIR/one.ndjson" | jq -c '.id = "ghost" | .fields.band = "urgent"' >"$STACK_DIR/band"
run 2 dlq import "$STACK_DIR/band"; says "field band"
head -n 1 "$STACK_DIR/one.ndjson" | jq -c '.id = "ghost" | .fields.errs = "many"' >"$STACK_DIR/errs"
run 2 dlq import "$STACK_DIR/errs"; says "field errs"
run 3 dlq import "$STACK_DIR/nothing-there"
no_drift "wrong lines"

# -- wrong input at each flag
for flag in kind cause code fingerprint since until match id build host queue limit; do run 2 dlq purge "--$flag"; says "--$flag"; done
run 2 dlq list --code NOSUCH; says "no error code"
run 2 dlq list --since soon; says "how long ago"
run 2 dlq list --until soon; says "how long ago"
run 2 dlq list --since 1h --until 2h; says "before --since"
run 2 dlq list --limit 0; says "--limit"
run 2 dlq list --limit many; says "--limit"
run 2 dlq list --queue 'a b'; says "queue"
run 2 dlq list --id ,; says "--id"
run 2 dlq list --before yesterday; says "--before"
run 2 dlq purge; says "--all"
run 2 dlq archive; says "--all"
run 2 dlq drain; says "--all"
run 2 dlq purge --all --archived --no-archive --yes; says "say which"
run 5 dlq purge --all --no-archive; says "--yes"
run 5 dlq purge --all; says "left alone"
run 3 dlq archive nobody
run 2 dlq drain --all --out -; says "name a file"
run 1 dlq drain --all --out /none/x
same "wrong input changed nothing" "$(dead)" 7

# -- pages
run 0 dlq list --limit 3; says "--before"
cursor=$(grep -o -- '--before [0-9.]*' "$STACK_DIR/said")
# shellcheck disable=SC2086
{ "$STINT" dlq list --limit 3 --json --dir "$STACK_DIR"; "$STINT" dlq list --limit 9 $cursor --json --dir "$STACK_DIR"; } 2>/dev/null | jq -r .id >"$STACK_DIR/pages"
same "two pages are the whole" "$(cat "$STACK_DIR/pages")" "$("$STINT" dlq list --json --dir "$STACK_DIR" 2>/dev/null | jq -r .id)"

# -- purge archives first; the archive's own letters go for good
run 0 dlq purge a1 --yes --reason "not ours"; says "1 removed"
same "what is purged is in the archive" "$(sql "SELECT reason, actor <> '' FROM stint.dead_letter WHERE job_id = 'a1'" | tail -n 1 | cut -d'|' -f2)" t
run 0 dlq purge a2 --no-archive --yes; says "removed for good"
run 0 dlq drain --archived --id a6 --out "$STACK_DIR/a6.ndjson"; says "1 written"
same "a letter drained from the archive is gone from there" "$(sql "SELECT count(*) FROM stint.dead_letter WHERE job_id = 'a6'")" 0
run 0 dlq purge --archived --all --yes; says "removed for good"
same "the archive is empty" "$(sql "SELECT count(*) FROM stint.dead_letter")" 0
run 0 dlq import "$STACK_DIR/a6.ndjson"
no_drift "purged"
run 0 audit --limit 100
for action in drain import purge purge-archived drain-archived; do says " $action "; done
says "not ours"

# -- PostgreSQL away: nothing leaves
before=$(dead)
STINT_POSTGRES_URL="postgresql:///none?host=$STACK_DIR/none" run 4 dlq archive --all
STINT_POSTGRES_URL="postgresql:///none?host=$STACK_DIR/none" run 4 dlq purge --all --yes
says "--no-archive"
same "without PostgreSQL nothing leaves Redis" "$(dead)" "$before"

# -- many: pages, batches and problems enough of them; a hundred thousand when volume is asked for
MANY=20000
[ "${STINT_VOLUME:-}" != all ] || MANY=100000
run 0 dlq purge --all --no-archive --yes
jq -c -S 'select(.id == "a1") | .id = "@I@" | .died_ms = 4711 | .fields.died = "@D@" | .fields.fp = "@F@"' "$STACK_DIR/one.ndjson" | sed 's/:4711/:@D@/' |
  awk -F@ -v n=$MANY '{ for (i = 1; i <= n; i++) { line = $1
    for (f = 2; f <= NF; f += 2) line = line ($f == "I" ? "m" i : $f == "D" ? sprintf("%.0f", 1700000000000 + int(i / 3)) : i % 5 ? "f" i % 50 : "rare" i % 10000) $(f + 1)
    print line } }' >"$STACK_DIR/many"
began=$(now_ms)
run 0 dlq import "$STACK_DIR/many"; says "$MANY imported"
echo "# import of $MANY letters: $(($(now_ms) - began)) ms"
began=$(now_ms)
run 0 dlq triage; says "$MANY dead letters"
echo "# triage of $MANY letters: $(($(now_ms) - began)) ms"
began=$(now_ms)
run 0 dlq list --fingerprint rare5; says "m5"
run 0 dlq list --limit 3; says "m$MANY"
echo "# two lists among $MANY letters: $(($(now_ms) - began)) ms"
began=$(now_ms)
run 0 dlq drain --all --out "$STACK_DIR/many.out"; says "$MANY written"
echo "# drain of $MANY letters: $(($(now_ms) - began)) ms"
same "every letter is drained once" "$(sort "$STACK_DIR/many.out" | sha256sum)" "$(jq -c -S . "$STACK_DIR/many" | sort | sha256sum)"
run 0 dlq import "$STACK_DIR/many.out"; says "$MANY imported"
began=$(now_ms)
run 0 dlq archive --all; says "$MANY archived"
echo "# archive of $MANY letters: $(($(now_ms) - began)) ms"
same "every letter is archived" "$(sql "SELECT count(*) FROM stint.dead_letter")" $MANY
same "Redis is empty of them" "$(dead) $(stat_of probe '.ledger.dead_bytes')" "0 0"
began=$(now_ms)
run 0 dlq triage --archived; says "$MANY dead letters in the archive"
echo "# triage of $MANY archived letters: $(($(now_ms) - began)) ms"
no_drift "many"

stack_verdict
