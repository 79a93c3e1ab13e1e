#!/usr/bin/env bash
# Hears what happens in a pool with redis-cli and jq alone: who was matched, whose pair was released, who is gone.
#
# usage: STINT_REDIS_URL=unix:///path/redis.sock ./matched.sh POOL [EVENTS [FROM]]     ends after EVENTS events; 0, the default: never
#
# Each event comes at least once; its seq tells a repetition. An application keeps the id of the last entry it has dealt with, and
# begins there (FROM) when it starts again; the stream holds the last 10,000.
set -eu
url=${STINT_REDIS_URL:-redis://127.0.0.1:6379} pool=$1 left=${2:-0} at=${3:-0}
case "$url" in unix://*) cli=(redis-cli --raw -s "${url#unix://}") ;; *) cli=(redis-cli --raw -u "$url") ;; esac
declare -A seen

heard='if .t == "matched" then "\(.a) and \(.b) meet until \(.confirm_by_ms): pair \(.pair)"
  elif .t == "expired" then "\(.id) is gone (\(.reason))"
  else [if .a_waits then .a else empty end, if .b_waits then .b else empty end] as $back
    | "pair \(.pair) ended (\(.why)); waiting again: \(if $back == [] then "nobody" else $back | join(" ") end)" end'

while :; do
  # an entry is five lines: id, "seq", its number, "data", the event
  while read -r id && read -r _ && read -r seq && read -r _ && read -r data; do
    at=$id
    [ -z "${seen[$seq]:-}" ] || continue
    seen[$seq]=1
    jq -r "$heard" <<<"$data"
    left=$((left - 1))
    [ "$left" -ne 0 ] || exit 0
  done < <("${cli[@]}" XREAD COUNT 100 BLOCK 5000 STREAMS "stint:{match}:match:$pool" "$at" | tail -n +2)
done
