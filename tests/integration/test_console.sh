#!/usr/bin/env bash
# Why: what an operator orders on a page must happen, be audited under his name, and be refused to who may not. A real stint-console against a real Redis; the
# archive's PostgreSQL is away, which is one of the things that are tried. The walk itself: tests/support/console/walk.py
set -u
command -v python3 >/dev/null || { echo "skip - test_console: no python3"; exit 77; }
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
CONSOLE_PID=
trap '[ -n "$CONSOLE_PID" ] && kill "$CONSOLE_PID" 2>/dev/null && wait "$CONSOLE_PID"; ctl_end' EXIT

start_console() { # start_console: returns when its port is told
  rm -f "$CTL_DIR/console.port"
  "$STINT_BUILD/bin/stint-console" --config "$STINT_CONFIG" 2>>"$CTL_DIR/console.log" &
  CONSOLE_PID=$!
  local deadline=$((SECONDS + 60))
  while [ $SECONDS -lt $deadline ] && kill -0 "$CONSOLE_PID" 2>/dev/null; do
    [ -s "$CTL_DIR/console.port" ] && return 0
    read -r -t 0.05 <> <(:)
  done
  echo "not ok - the console did not start"; cat "$CTL_DIR/console.log"; exit 1
}

ctl_start_redis
printf '[kind.probe]\nenabled = yes\n[metrics]\nenabled = no\n[console]\nport = 0\n[pool.a]\nqueue = probe\nkinds = probe\n[pool.b]\nqueue = other\nkinds = probe\n' >"$STINT_CONFIG"

# tokens on the command line
run 2 console token add
run 2 console token add 'a b'
run 2 console token add ann --role king
run 0 console token add ann --role viewer; VIEWER=$OUT
run 5 console token add ann --role admin
run 0 console token add olaf --role operator; OPERATOR=$OUT
run 0 console token add root --role admin; ADMIN=$OUT
run 0 console token list
says ann; says operator
says_not "$VIEWER"
run 3 console token revoke nobody
run 0 audit --action console
says console.token-add

# an address that others reach, and no token: refused
mv "$CTL_DIR/console.tokens" "$CTL_DIR/kept"
STINT_CONSOLE_LISTEN=0.0.0.0 "$STINT_BUILD/bin/stint-console" --config "$STINT_CONFIG" 2>"$CTL_DIR/err"
equal_code=$?
checks=$((checks + 2))
[ "$equal_code" -eq 1 ] || { failures=$((failures + 1)); echo "not ok - an open address without a token: exit code $equal_code, wanted 1"; }
grep -q 'stint console token add' "$CTL_DIR/err" || { failures=$((failures + 1)); echo "not ok - it does not say what to do: $(cat "$CTL_DIR/err")"; }
mv "$CTL_DIR/kept" "$CTL_DIR/console.tokens"

# jobs: 130 wait, one is active, three are dead of two problems, two are scheduled
for queue in probe other; do run 0 enqueue probe --queue $queue --id "$queue-dead-1" --payload '{"v":1,"password":"hush","name":"<script>alert(1)</script>"}'; done
run 0 enqueue probe --queue probe --id probe-dead-2 --payload '{"v":1}'
kill_job probe NOT_PDF '<img src=x onerror=alert(1)> no pdf' aa11aa11aa11aa11
kill_job probe BAD_PAYLOAD 'no such page' bb22bb22bb22bb22
kill_job other NOT_PDF 'not a pdf' aa11aa11aa11aa11
run 0 enqueue probe --queue probe --id busy --payload '{"v":1}'
claim probe
for n in 1 2; do run 0 enqueue probe --queue probe --id "later-$n" --delay "${n}h" --payload '{"v":1}'; done
seq 1 130 | sed 's/.*/{"kind":"probe","queue":"probe","id":"wait-&","payload":{"v":1}}/' >"$CTL_DIR/bulk.ndjson"
run 0 enqueue --bulk "$CTL_DIR/bulk.ndjson"

start_console
PORT=$(cat "$CTL_DIR/console.port")
python3 "$STINT_SOURCE/tests/support/console/walk.py" "$PORT" "$VIEWER" "$OPERATOR" "$ADMIN" "$CTL_DIR/redis.sock" >"$CTL_DIR/walk"
walked=$?
cat "$CTL_DIR/walk"
counted=$(sed -n 's/^walked \([0-9]*\)$/\1/p' "$CTL_DIR/walk")
checks=$((checks + ${counted:-0}))
[ "$walked" -eq 0 ] && [ "${counted:-0}" -gt 60 ] || { failures=$((failures + 1)); echo "not ok - the walk: exit code $walked, ${counted:-0} checks"; }

# what the log says, and what it must not
OUT=$(cat "$CTL_DIR/console.log") ERR="" RAN="the console's log"
says '"who":"olaf"'
for token in "$VIEWER" "$OPERATOR" "$ADMIN"; do says_not "${token#stint_}"; done
no_drift probe
no_drift other
kill -TERM "$CONSOLE_PID"
wait "$CONSOLE_PID"
code=$?
CONSOLE_PID=
checks=$((checks + 1))
[ "$code" -eq 0 ] || { failures=$((failures + 1)); echo "not ok - TERM: exit code $code"; tail -5 "$CTL_DIR/console.log"; }
ctl_finish
