#!/bin/sh
# Listens to what changes for people who wait and asked to be told (a ticket's "consent":{"notify":true}): one line of JSON a
# change. For one ticket the channel is enough (SUBSCRIBE 'stint:{match}:wait:<pool>:<ticket>'); a service that must not
# miss anything over its own restarts reads the pool's stream, as this does, and keeps the last entry's id.
# usage: STINT_REDIS_URL=unix:///path/redis.sock ./waits.sh POOL [LAST_ID]     (default redis://127.0.0.1:6379, from now on)
set -eu
url=${STINT_REDIS_URL:-redis://127.0.0.1:6379}
stream="stint:{match}:waits:${1:?usage: waits.sh POOL [LAST_ID]}"
last=${2:-$}
redis() {
    case $url in
    unix://*) redis-cli --raw -s "${url#unix://}" "$@" ;;
    *) redis-cli --raw -u "$url" "$@" ;;
    esac
}
while :; do
    # An answer is the stream's name, then per entry: its id, "id", the ticket, "data", the JSON. Nothing for 5 s: an empty line.
    answer=$(redis XREAD COUNT 100 BLOCK 5000 STREAMS "$stream" "$last")
    [ -n "$answer" ] || continue
    printf '%s\n' "$answer" | sed -n 's/^\({"v":.*\)/\1/p'
    last=$(printf '%s\n' "$answer" | grep -E '^[0-9]+-[0-9]+$' | tail -n 1)
done
