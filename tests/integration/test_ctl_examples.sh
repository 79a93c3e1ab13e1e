#!/usr/bin/env bash
# The producers of examples/ against a real Redis, the worker played by raw Functions: each adds two jobs and sees both end. A
# language that is not installed here is left out, and said so.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
ctl_start_redis
run 0 queue stats match # the Functions are there from now on

produces() { # produces COMMAND…: its two jobs are claimed and finished
  local id
  "$@" >"$CTL_DIR/bg" 2>&1 </dev/null & local pid=$!
  RAN="$*"
  for id in one two; do
    ENTRY=""
    while [ -z "$ENTRY" ] && kill -0 "$pid" 2>/dev/null; do claim match; done
    finish match done '{"pairs":[]}' 60000
  done
  wait "$pid"; local code=$?
  checks=$((checks + 1))
  [ "$code" -eq 0 ] && [ "$(grep -c '"state": *"done"' "$CTL_DIR/bg")" -eq 2 ] ||
    { failures=$((failures + 1)); echo "not ok - $RAN"; cat "$CTL_DIR/bg"; }
  no_drift match
}

produces "$STINT_SOURCE/examples/produce.sh"
if /usr/bin/python3 -c 'import redis' 2>/dev/null; then produces "$STINT_SOURCE/examples/produce.py"; else echo "# no python3-redis"; fi
if ruby -e 'require "redis"' 2>/dev/null; then produces "$STINT_SOURCE/examples/produce.rb"; else echo "# no ruby-redis"; fi

# What the consumers print of a stream in which an event is repeated, as after a worker's death.
event() { redis XADD 'stint:{match}:match:hall' '*' seq "$1" data "$2" >/dev/null; }
event 1 '{"t":"matched","pair":"x","a":"ann","b":"bob","km":1.5,"stage":0,"wait_a_ms":1,"wait_b_ms":2,"confirm_by_ms":77}'
event 2 '{"t":"released","pair":"x","a":"ann","b":"bob","why":"left","a_waits":true,"b_waits":false}'
event 1 '{"b": "bob", "a": "ann", "t": "matched", "km": 1.5, "pair": "x", "stage": 0, "wait_a_ms": 1, "wait_b_ms": 2, "confirm_by_ms": 77}'
event 3 '{"t":"expired","id":"ann","reason":"offline"}'
hears() { # hears COMMAND…
  checks=$((checks + 1))
  [ "$(timeout 60 "$@" hall 3 2>&1)" = "ann and bob meet until 77: pair x
pair x ended (left); waiting again: ann
ann is gone (offline)" ] || { failures=$((failures + 1)); echo "not ok - $*"; timeout 5 "$@" hall 3; }
}
hears "$STINT_SOURCE/examples/matched.sh"
if /usr/bin/python3 -c 'import redis' 2>/dev/null; then hears "$STINT_SOURCE/examples/matched.py"; fi
if ruby -e 'require "redis"' 2>/dev/null; then hears "$STINT_SOURCE/examples/matched.rb"; fi

ctl_finish
