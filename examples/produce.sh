#!/bin/sh
# Two jobs with redis-cli alone: one by a plain XADD, one by the Function, which answers and knows options.
# usage: STINT_REDIS_URL=unix:///path/redis.sock ./produce.sh     (default redis://127.0.0.1:6379)
set -eu
url=${STINT_REDIS_URL:-redis://127.0.0.1:6379}
queue='stint:{match}'
redis() {
    case $url in
    unix://*) redis-cli --raw -s "${url#unix://}" "$@" ;;
    *) redis-cli --raw -u "$url" "$@" ;;
    esac
}
payload() {
    printf '{"v":1,"op":"submit","pool":"examples","id":"%s","gender":"%s","seeking":["%s"],"age":30}' "$1" "$2" "$3"
}

# An entry without an id of its own has the id <band>-<entry>.
entry=$(redis XADD "$queue:s:normal" '*' kind match payload "$(payload sh-1 male female)")
plain="normal-$entry"

answer=$(redis FCALL stint_enqueue 1 "$queue" '{"kind":"match","band":"high"}' "$(payload sh-2 female male)")
called=$(printf '%s' "$answer" | sed 's/.*"id":"\([^"]*\)".*/\1/')

for id in "$plain" "$called"; do
    until redis FCALL stint_job 1 "$queue" "$id" | grep -Eq '"state":"(done|dead|cancelled|expired)"'; do sleep 0.1; done
    redis FCALL stint_job 1 "$queue" "$id"
done
