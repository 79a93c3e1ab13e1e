#!/bin/bash
# Why: a page that says "type this" is wrong the day it cannot be typed. Every `$ ` line of docs/protocol.md is run on a private
# Redis; none may answer an error, and the first line shown below it must be what came, ids and times apart.
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/stint-protocol-XXXXXX") || exit 1
setpriv --pdeathsig KILL redis-server --port 0 --unixsocket "$dir/s" --dir "$dir" --save '' >"$dir/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$dir"' EXIT
until [ $SECONDS -ge 60 ]; do
    [ "$(command redis-cli -s "$dir/s" PING 2>/dev/null)" = PONG ] && break
    read -r -t 0.005 <> <(:) || true
done
redis-cli() { command redis-cli -s "$dir/s" "$@"; }
cat "$STINT_SOURCE"/common/functions/*.lua | redis-cli -x FUNCTION LOAD REPLACE >/dev/null || exit 1

# Digits, and what the page leaves out, are not compared; nor is the decoration that redis-cli adds on a terminal.
plain() { sed -E 's/^([0-9]+\) *)+//; s/^\(integer\) //; s/^"(.*)"$/\1/; s/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}/N/g; s/[0-9]+/N/g'; }
commands=0 failures=0
check() { # command, its first shown line
    local got first want
    got=$(eval "$1" 2>&1 3>&-) || { echo "# failed: $1: $got"; failures=$((failures + 1)); return; }
    case $got in ERR* | STINT_* | WRONG* | OOM* | NOGROUP*) echo "# error: $1: $got"; failures=$((failures + 1)); return ;; esac
    case $1 in [A-Z]*=*) eval "$1"; return ;; esac
    [[ $2 == *…* ]] && return
    first=$(head -1 <<<"$got" | plain) want=$(plain <<<"$2")
    [ "$first" = "$want" ] || { echo "# $1"; echo "#   shown: $want"; echo "#   came:  $first"; failures=$((failures + 1)); }
}
command='' wanted=''
while IFS= read -r line <&3; do
    case $line in
    '$ '*)
        [ -n "$command" ] && check "$command" "$wanted"
        command=${line#\$ } wanted='' commands=$((commands + 1))
        ;;
    '```'*) [ -n "$command" ] && check "$command" "$wanted"; command='' ;;
    *) [ -n "$command" ] && [ -z "$wanted" ] && wanted=$line ;;
    esac
done 3<"$STINT_SOURCE/docs/protocol.md"
[ "$(redis-cli FCALL stint_stats 1 'stint:{demo}' | grep -o '"drift":[0-9-]*')" = '"drift":0' ] || failures=$((failures + 1))
echo "typed $commands commands, $failures failed"
[ "$commands" -gt 15 ] && [ "$failures" -eq 0 ]
