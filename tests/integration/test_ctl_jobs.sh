#!/usr/bin/env bash
# `stint enqueue`, `job`, `queue` and `audit` against a real Redis: what they do, what they say, and their exit codes.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"

# No service yet: every verb that needs one says so with code 4.
run 4 queue list; says "Redis"
run 4 worker list; says "stint up"
run 4 status; says "redis       DOWN"; says "postgres    DOWN"

ctl_start_redis

# One job: shown, finished, waited for.
run 0 enqueue pdf-parse --id one --payload '{"v":1,"password":"geheim","n":1}'; says "one ready in queue pdf"
run 0 enqueue pdf-parse --id one; says "there already"
run 0 job show one; says "(hidden)"; says_not "geheim"; says "state        ready"
run 0 --json job show one; says_not "geheim"; says '"state":"ready"'
run 1 job wait one --timeout 50ms; says "still ready"
claim pdf
run 0 job show one; says "state        active"
finish pdf done '{"pages":3}' 60000
run 0 job wait one; says '"pages": 3'
run 0 enqueue probe --id two --delay 1h; says "two scheduled in queue probe"
run 0 job cancel two --reason "not needed"; says "two cancelled"
run 5 job cancel one; says "done already"
no_drift pdf
no_drift probe

# Options reach the Function.
run 0 enqueue match --id opts --band high --attempts 7 --timeout 9s --unique 'k:5m' --expires 1m --tenant t1 --actor me
run 0 --json job show opts
says '"band":"high"'; says '"attempts":7'; says '"timeout_ms":9000'; says '"tenant":"t1"'; says '"actor":"me"'
run 0 enqueue match --id other --unique k; says "there already"
run 0 enqueue match --id at --at 2099-01-01T00:00:00Z; says "scheduled"

# A bad word is named, with what is allowed; nothing is sent.
run 2 enqueue; says "KIND is missing"
run 2 enqueue pdf-parse --band urgent; says 'allowed: express|high|normal|low'
run 2 enqueue pdf-parse --delay 5parsecs; says "5parsecs"
run 2 enqueue pdf-parse --attempts 0; says "allowed: 1 to 1000"
run 2 enqueue pdf-parse --payload '{"v":'; says "not JSON"
run 3 enqueue pdf-parse --payload @/none/there; says "/none/there"
run 2 enqueue pdf-parse --at yesterday; says "2026-11-22T08:00:00Z"
run 2 enqueue pdf-parse --at 2099-01-01T00:00:00Z --delay 1s; says "exclude each other"
run 2 enqueue nosuch; says "known kinds: match, pdf-parse, probe"
run 2 enqueue pdf-parse --pyload x; says "did you mean --payload"
run 2 enqueue pdf-parse --id; says "--id needs a value"
run 2 enqeue pdf-parse; says 'did you mean "enqueue"'
run 2 queue; says "queue pause"
run 2 queue paws pdf; says "is no verb"
run 2 job show; says "ID is missing"
run 2 job show a b; says "one argument too many"
run 5 enqueue pdf-parse --id 'no good'; says "id must be"
run 3 job show nobody; says "nobody"
run 3 job cancel nobody
no_drift pdf

# Nothing is sent when a text is not UTF-8: left out silently, an id or a unique key would make another job.
run 2 enqueue pdf-parse --id $'\xff'; says "--id: the text is not UTF-8"
run 2 enqueue pdf-parse --unique $'k\xff'; says "not UTF-8"
run 2 job show $'\xff'; says "not UTF-8"
run 2 enqueue pdf-parse --payload @; says "the file's name is missing"
run 2 enqueue pdf-parse --traceparent 00; says "exactly 55"
run 2 enqueue pdf-parse --expires 0; says "1 ms to 365 d"
run 2 dlq lst; says 'did you mean "dlq list"'
run 0 -h; says "usage: stint"
run 0 -V; says "stint "
run 3 queue list --config /none.conf; says "--config: /none.conf"
no_drift pdf

# Many at once: refused lines are named, the rest goes in, and a file can be gone on with.
{
  for i in $(seq 250); do echo "{\"kind\":\"probe\",\"id\":\"b$i\",\"payload\":{\"v\":1,\"do\":\"ok\"}}"; done
  echo '{"kind":"probe","payload":{},"id":"b1"}'
  echo 'nonsense'
  echo '{"payload":{}}'
  echo '{"kind":"probe","payload":{},"attempts":"many"}'
  echo '{"kind":"match","payload":{"v":1},"delay_ms":60000}'
} >"$CTL_DIR/bulk.ndjson"
run 1 enqueue --bulk "$CTL_DIR/bulk.ndjson"
says "250 ready, 1 scheduled, 1 duplicate, 3 refused"; says "line 252 refused"; says "line 253 refused"; says "attempts"
run 0 enqueue --bulk "$CTL_DIR/bulk.ndjson" --from-line 255; says "0 ready, 1 scheduled"
run 2 enqueue probe --bulk "$CTL_DIR/bulk.ndjson"; says "names its kind"
run 3 enqueue --bulk /none/there
no_drift probe

# --wait tells the end, and its code.
"$STINT" enqueue pdf-parse --id w1 --wait >"$CTL_DIR/wait" 2>&1 & waiter=$!
while claim pdf; [ "$ID" != w1 ]; do :; done
finish pdf dead '{"code":"NOT_PDF","class":"permanent","cause":"handler_error","message":"the input is not a PDF"}' f1
wait "$waiter"; code=$?
checks=$((checks + 1))
[ "$code" -eq 1 ] && grep -q NOT_PDF "$CTL_DIR/wait" && grep -q "stint dlq replay" "$CTL_DIR/wait" ||
  { failures=$((failures + 1)); echo "not ok - enqueue --wait: code $code"; cat "$CTL_DIR/wait"; }

# A file waited for: all its jobs, one round trip for many; the code is 1 when one of them died.
for i in 1 2 3; do echo "{\"kind\":\"match\",\"id\":\"w$i\",\"payload\":{\"v\":1}}"; done >"$CTL_DIR/wait3"
"$STINT" enqueue --bulk "$CTL_DIR/wait3" --wait >"$CTL_DIR/wait" 2>&1 & waiter=$!
for want in w1 w2 w3; do
  while claim match; [ "$ID" != "$want" ]; do :; done
  if [ "$want" = w2 ]; then finish match dead '{"code":"NOT_PDF","cause":"handler_error","message":"no"}' f2; else finish match done '{}' 60000; fi
done
wait "$waiter"; code=$?
OUT=$(cat "$CTL_DIR/wait") ERR="" RAN="enqueue --bulk --wait"
checks=$((checks + 1))
[ "$code" -eq 1 ] || { failures=$((failures + 1)); echo "not ok - $RAN: code $code"; }
says "2 done, 1 dead"; says "stint dlq triage"

# A job that cannot start says why.
run 0 queue pause match
run 1 enqueue match --wait --timeout-wait 2500ms; says "queue match is paused"
run 0 queue resume match

# A reader that has enough ends nothing with a complaint; a full disk does.
"$STINT" help 2>"$CTL_DIR/err" | head -n 1 >/dev/null
checks=$((checks + 1))
[ "${PIPESTATUS[0]}" -eq 0 ] && [ ! -s "$CTL_DIR/err" ] || { failures=$((failures + 1)); echo "not ok - stint help | head"; }
"$STINT" help >/dev/full 2>"$CTL_DIR/err"
[ $? -eq 1 ] && grep -q "No space" "$CTL_DIR/err" || { failures=$((failures + 1)); echo "not ok - stint help >/dev/full"; }

# Pausing, and resuming until the last parked job is back.
run 0 queue pause probe --reason "a look"; says "queue probe paused"
run 0 queue pause probe; says "was already paused"
run 0 queue list; says "paused"
run 0 queue resume probe; says "resumed"
run 0 queue pause --kind probe; says "queue probe, kind probe paused"
claim probe; claim probe; claim probe
run 0 --json queue stats probe; says '"paused_kinds":["probe"]'; says_not '"parked":0'
run 0 queue resume probe --kind probe
run 0 --json queue stats probe; says '"parked":0'
run 2 queue pause; says "name a QUEUE"
run 0 queue config probe rate 10
run 0 queue config probe; says "rate = 10"
run 0 queue config probe rate ''
run 3 queue config probe rate
run 3 queue pause prbe; says 'no queue "prbe"'; says "probe"
run 3 queue stats prbe
run 3 queue config prbe
run 2 queue config probe colour blue; says "weights"
run 0 audit --queue probe; says "a look"; says "pause"; says "resume"
no_drift probe

# Output for programs is one JSON object a line; help is everywhere; the configuration is checked.
run 0 queue list --json; says '{"queue":"match"'
run 0 help enqueue; says "--payload"; says "example"
run 0 enqueue --help; says "usage: stint enqueue"
run 0 queue --help; says "queue resume"
# Completion is made from the verbs: words, options and the values of an option.
run 2 completion fish; says "allowed: bash"
run 0 completion bash
completes() { # completes WANTED WORDS…
  local want=$1
  shift
  checks=$((checks + 1))
  bash -c 'eval "$("$1" completion bash)"; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _stint; echo " ${COMPREPLY[*]} "' - "$STINT" "$@" |
    grep -q -- " $want " || { failures=$((failures + 1)); echo "not ok - completion of $*: no $want"; }
}
completes enqueue stint en
completes triage stint dlq tr
completes --payload stint enqueue pdf-parse --p
completes express stint enqueue pdf-parse --band ex
completes --json stint queue list --js
run 0 --version; says "stint "
run 2
run 0 config check; says "valid"
run 0 config print; says "[redis]"
run 0 config reference; says "heartbeat"
printf '[redis]\nurll = x\n' >"$CTL_DIR/bad.conf"
run 1 config check --config "$CTL_DIR/bad.conf"; says "urll"; says "bad.conf"
run 3 queue list --dir /none; says "stint up"
printf '[redis]\nconnect_timeout = 1s\n[metrics]\nport = 0\n[redis]\nconnect_timeout = 2s\n' >"$CTL_DIR/twice.conf"
run 1 config check --config "$CTL_DIR/twice.conf"
says "twice.conf:6: connect_timeout of [redis] is set a second time, first in line 2"

ctl_finish
