#!/usr/bin/env bash
# `stint dlq …` against a real Redis: looking, replaying, editing, exporting and removing dead letters.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
ctl_start_redis

die() { # die ID CODE MESSAGE FINGERPRINT [PAYLOAD]
  run 0 enqueue probe --id "$1" --payload "${5:-{\"v\":1\}}"
  kill_job probe "$2" "$3" "$4"
}
die d1 NOT_PDF "no header in a.pdf" fp1
die d2 NOT_PDF "no header in b.pdf" fp1
die d3 BAD_PAYLOAD "source is missing" fp2 '{"v":1,"expect":"exam","password":"geheim","keep":{"a":1}}'

run 0 dlq list; says d1; says d2; says d3; says NOT_PDF
run 0 dlq list --code BAD_PAYLOAD; says d3; says_not d1
run 0 dlq list --match B.PDF; says d2; says_not d1
run 0 dlq list --fingerprint fp1 --limit 1; says_not d3
run 0 dlq list --since 1h; says d1
run 0 dlq list --until 1h; says "no dead letters match"
run 0 dlq list --kind match; says "no dead letters match"
run 0 dlq list --json --cause handler_error; says '"fingerprint":"fp1"'
run 2 dlq list --code NOSUCH; says "no error code"
run 2 dlq list --since soon; says "how long ago"
run 0 dlq triage; says "2 problems, 3 dead letters"; says "2 × NOT_PDF"; says "next step"
run 0 dlq show d3; says "BAD_PAYLOAD"; says "next step"; says_not geheim
run 3 dlq show nobody

# Replay: never all by accident, shown first, edited, guarded.
run 2 dlq replay; says "--all"
run 0 dlq replay --fingerprint fp1 --dry-run; says "2 would be replayed"
run 0 dlq list; says d1
run 0 dlq replay --fingerprint fp1 --max 1; says "1 replayed"
run 0 job show d1; says "state        ready"
run 5 dlq replay --all --edit '{"a":1}'; says "--yes"
run 2 dlq replay --all --payload '{"a":1}'; says "one dead letter"
run 2 dlq replay d3 --edit '{"a":' ; says "not JSON"
run 0 dlq replay d3 --edit '{"expect":null,"keep":{"b":2}}' --band high; says "1 replayed"
run 0 job show d3 --json; says '"keep":{"a":1,"b":2}'; says '"band":"high"'
says '"payload":{"v":1,"password":"(hidden)","keep"'
run 3 dlq replay d1; says "is no dead letter"
kill_job probe NOT_PDF "again" fp3
run 0 dlq replay d3 --guard 9
kill_job probe NOT_PDF "again" fp3
run 5 dlq replay d3 --guard 1; says "loop guard"
no_drift probe

# Purge asks; drain writes before it removes and never overwrites.
run 5 dlq purge --all; says "--yes"
run 0 dlq list; says d2
run 2 dlq drain; says "--all"
run 2 dlq drain --all --out -; says "name a file"
touch "$CTL_DIR/there"
run 5 dlq drain --all --out "$CTL_DIR/there"; says "never overwritten"
run 1 dlq drain --all --out /none/x; says "no dead letter was removed"
run 0 dlq list; says d2; says d3
run 0 dlq drain d3 --out "$CTL_DIR/one.ndjson"; says "1 written to"
OUT=$(cat "$CTL_DIR/one.ndjson") ERR="" RAN="the exported letter"
says '"id":"d3"'; says '"err:1"'; says '"payload"'
run 3 job show d3
run 4 dlq purge --all --yes; says "--no-archive"
run 0 dlq list; says d2
run 5 dlq purge --all --no-archive; says "needs --yes"
run 0 dlq purge --all --no-archive --yes --reason "a test"; says "1 removed"
run 0 dlq list; says "no dead letters"
run 0 audit; says "a test"; says "drained to"; says "replay"
no_drift probe

# Many letters: more than a page, more than a batch.
for i in $(seq 230); do echo "{\"kind\":\"probe\",\"id\":\"m$i\",\"payload\":{\"v\":1}}"; done >"$CTL_DIR/many"
run 0 enqueue --bulk "$CTL_DIR/many"
error='{"code":"TIMEOUT","cause":"hard_timeout","message":"too slow"}'
redis FCALL stint_fetch 1 'stint:{probe}' test test:0:1 0 500 |
  awk -v error="$error" 'NR > 1 && (NR - 2) % 15 < 3 { field[(NR - 2) % 15] = $0 }
    NR > 1 && (NR - 2) % 15 == 2 && field[1] ~ /-/ {
      printf "FCALL stint_finish 1 stint:{probe} test test:0:1 1 0 1 dead %s %s %s \047%s\047 fp9\n", field[0], field[1], field[2], error }' |
  redis >/dev/null
run 0 dlq triage --fingerprint fp9; says "× TIMEOUT"
run 0 dlq replay --fingerprint fp9 --max 205; says "205 replayed"
run 0 dlq purge --fingerprint fp9 --no-archive --yes
no_drift probe

ctl_finish
