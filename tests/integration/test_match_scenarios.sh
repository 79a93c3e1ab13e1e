#!/bin/bash
# Why: pools as people meet them, through the command line, Redis, a worker and PostgreSQL: lopsided, single-sided, blocked,
# leaving, restarted. Every scenario ends with the same question: is anybody in two pairs, or in half of one?
# Refuses to: wait by the clock; a step ends when every job of its queue has ended.
set -u
stint=$STINT_BUILD/bin/stint
dir=$(mktemp -d "${TMPDIR:-/tmp}/stint-scenarios-XXXXXX")
unset STINT_REDIS_URL STINT_POSTGRES_URL STINT_CONFIG STINT_DIR
export STINT_METRICS_PORT=0
failures=0 checks=0

finish() {
    "$stint" down --dir "$dir" --now >/dev/null 2>&1
    rm -rf "$dir"
}
trap finish EXIT

fail() {
    echo "not ok - $*"
    failures=$((failures + 1))
}

sql() {
    psql -X -q -t -A -h "$dir/run" -p 5432 -U stint stint -c "$1"
}

redis() {
    redis-cli -s "$dir/run/redis.sock" "$@"
}

up() {
    "$stint" up --dir "$dir" --detach >"$dir.up" 2>&1 || { cat "$dir.up"; rm -f "$dir.up"; echo "the stack did not start"; exit 1; }
    rm -f "$dir.up"
}

# people PREFIX FROM COUNT GENDER SEEKING [MORE]: tickets, a line each
people() {
    local i
    for ((i = $2; i < $2 + $3; i++)); do
        printf '{"id":"%s%d","gender":"%s","seeking":["%s"],"age":25,"presence_ms":600000%s}\n' "$1" "$i" "$4" "$5" "${6:-}"
    done
}

men() { people m "$1" "$2" male female "${3:-}"; }
women() { people f "$1" "$2" female male "${3:-}"; }

# ended: every job so far is over (cycles the pools ask for themselves are delayed, and not waited for)
ended() {
    local deadline=$((SECONDS + 60)) band left
    while :; do
        left=0
        for band in express high normal low; do
            left=$((left + $(redis xlen "stint:{match}:s:$band")))
        done
        [ "$left" -eq 0 ] && return 0
        [ $SECONDS -lt $deadline ] || { fail "jobs did not end"; return 1; }
        read -r -t 0.02 _ < <(:) || true
    done
}

# enter POOL: the tickets on standard input
enter() {
    "$stint" match submit --dir "$dir" --pool "$1" --bulk - --no-wait --quiet >/dev/null || fail "$1: submit"
    ended
}

# leave POOL IDS…
leave() {
    local pool=$1 id
    shift
    for id in "$@"; do
        printf '{"kind":"match","payload":{"v":1,"op":"leave","pool":"%s","id":"%s"}}\n' "$pool" "$id"
    done | "$stint" enqueue --dir "$dir" --bulk - --quiet >/dev/null || fail "$pool: leave"
    ended
}

# expect POOL PAIRS WAITING: and nobody in two pairs, nobody in half of one, nobody buried
expect() {
    local got
    checks=$((checks + 1))
    got=$(sql "SELECT (SELECT count(*) FROM stint.match_pair WHERE pool = '$1' AND state = 'pending') || ' ' ||
        count(*) FILTER (WHERE state = 'waiting') FROM stint.match_ticket WHERE pool = '$1'")
    [ "$got" = "$2 $3" ] || fail "$1: pairs and waiting are $got, not $2 $3"
    got=$(sql "SELECT count(*) FROM (SELECT unnest(ARRAY[live_a, live_b]) AS x FROM stint.match_pair WHERE pool = '$1'
        AND state = 'pending') s FULL JOIN (SELECT id FROM stint.match_ticket WHERE pool = '$1' AND state = 'matched') t
        ON t.id = s.x WHERE t.id IS NULL OR s.x IS NULL")
    [ "$got" = 0 ] || fail "$1: $got half pairs"
    got=$(sql "SELECT count(*) FROM (SELECT x FROM (SELECT unnest(ARRAY[live_a, live_b]) AS x FROM stint.match_pair
        WHERE pool = '$1' AND state = 'pending') s GROUP BY x HAVING count(*) > 1) d")
    [ "$got" = 0 ] || fail "$1: $got people in two pairs"
}

# is TEXT SQL: the query says TEXT
is() {
    local got
    checks=$((checks + 1))
    got=$(sql "$2")
    [ "$got" = "$1" ] || fail "$2: $got, not $1"
}

up
counts() { # counts POOL MEN WOMEN PAIRS WAITING
    { men 0 "$2"; women 0 "$3"; } | enter "$1"
    expect "$1" "$4" "$5"
}
counts a200-50 200 50 50 150
women 50 50 | enter a200-50 # fifty more women find fifty who waited
expect a200-50 100 100
counts a50-200 50 200 50 150
counts a100-0 100 0 0 100
counts a250-250 250 250 250 0
counts a250-249 250 249 249 1
counts a253-250 253 250 250 3
counts a201-50 201 50 50 151
counts a1-0 1 0 0 1
counts a14-6 14 6 6 8

counts again 10 10 10 0
leave again $(seq -f 'm%g' 0 9) $(seq -f 'f%g' 0 9)
expect again 0 0
{ men 100 5; women 100 15; } | enter again
expect again 5 10

now=$(date +%s%3N)
men 100 50 ",\"created_ms\":$now" | enter old # entered first, but the others came before them
men 0 50 ",\"created_ms\":$((now - 30000))" | enter old
women 0 50 | enter old
expect old 50 50
is 0 "SELECT count(*) FROM stint.match_ticket WHERE pool = 'old' AND state = 'matched' AND id ~ '^m1[0-9][0-9]'"

{ men 0 1 ',"blocked":["f0"]'; women 0 1; men 1 1; women 1 1 ',"blocked":["m0","m1"]'; } | enter blocked
expect blocked 1 2
is "f0 m1" "SELECT a || ' ' || b FROM stint.match_pair WHERE pool = 'blocked'"

# Former pairs: who released one another do not meet again, whichever of the two comes back first.
{ men 0 1; women 0 1; } | enter former
pair=$(sql "SELECT id FROM stint.match_pair WHERE pool = 'former'")
born=$(sql "SELECT created_ms FROM stint.match_ticket WHERE pool = 'former' AND id = 'm0'")
"$stint" enqueue match --dir "$dir" --quiet --wait --payload "{\"v\":1,\"op\":\"release\",\"pool\":\"former\",\"pair\":\"$pair\",\"votes\":{\"m0\":\"yes\",\"f0\":\"no\"}}" >/dev/null || fail "release"
expect former 0 2
is "$born 10" "SELECT created_ms || ' ' || fairness FROM stint.match_ticket WHERE pool = 'former' AND id = 'm0'"
leave former f0
women 0 1 | enter former
expect former 0 2
leave former m0
men 0 1 | enter former
expect former 0 2

# Leaving in mid-match: the other is back with its seniority.
{ men 0 1; women 0 1; } | enter mid
born=$(sql "SELECT created_ms FROM stint.match_ticket WHERE pool = 'mid' AND id = 'f0'")
leave mid m0
expect mid 0 1
is "$born" "SELECT created_ms FROM stint.match_ticket WHERE pool = 'mid' AND id = 'f0'"
men 1 1 | enter mid
expect mid 1 0

region() { # region ID GENDER SEEKING AGE LOW HIGH REGIONS
    printf '{"id":"%s","gender":"%s","seeking":["%s"],"age":%s,"age_min":%s,"age_max":%s,"regions":[%s],"presence_ms":600000}\n' "$@"
}
{
    region f28 female male 28 18 60 '"North"'
    region f35 female male 35 18 60 ''
    region m25 male female 25 20 30 '"London","South"'
} | enter regions
expect regions 0 3
region f22 female male 22 20 30 '"London","Midlands"' | enter regions
region m25b male female 25 20 30 '"London","South"' | enter regions
region f24 female male 24 20 30 '' | enter regions
expect regions 2 2
is "f22 m25,f24 m25b" "SELECT string_agg(a || ' ' || b, ',' ORDER BY a) FROM stint.match_pair WHERE pool = 'regions'"

people g 0 101 male male | enter same
expect same 50 1
{ people n 0 20 nonbinary any; people m 0 10 male female; people w 0 10 female nonbinary; people x 0 5 male any; } | enter mixed
expect mixed 12 21 # nonbinary people find one another; two pairs among the five men; nobody else fits

# Two hundred wait while the stack is down. Then two try each other at once, twenty times over, with two workers on the pool.
men 0 200 | enter restart
printf '\n[pool.match]\nkinds = match\nqueue = match\nworkers = 2\n' >>"$dir/stint.conf"
"$stint" down --dir "$dir" >/dev/null 2>&1 || fail "down"
up
expect restart 0 200
women 0 200 | enter restart
expect restart 200 0
for i in {1..20}; do
    men "$i" 1 | "$stint" match submit --dir "$dir" --pool both --bulk - --no-wait --quiet >/dev/null &
    women "$i" 1 | "$stint" match submit --dir "$dir" --pool both --bulk - --no-wait --quiet >/dev/null &
done
wait
ended
expect both 20 0

# Rules change under the feet of running workers, which stay: these two are a year too far apart until the first stage comes at once.
workers() { "$stint" worker list --dir "$dir" --json | grep -o '"pid":[0-9]*' | sort; }
{ men 0 1 ',"age_min":26,"consent":{"relax":true}'; women 0 1 ',"consent":{"relax":true}'; } | enter rules
expect rules 0 2
before=$(workers)
printf '\n[match]\nrelax_after = 0\n' >>"$dir/stint.conf"
"$stint" reload --dir "$dir" >/dev/null || fail "reload"
women 1 1 ',"consent":{"relax":true}' | enter rules
deadline=$((SECONDS + 60))
until [ "$(sql "SELECT count(*) FROM stint.match_pair WHERE pool = 'rules'")" = 1 ]; do
    [ $SECONDS -lt $deadline ] || break
    "$stint" enqueue match --dir "$dir" --quiet --wait --payload '{"v":1,"op":"cycle","pool":"rules"}' >/dev/null || fail "cycle"
done
expect rules 1 1
checks=$((checks + 1))
[ -n "$before" ] && [ "$(workers)" = "$before" ] || fail "workers were replaced: $before, now $(workers)"

checks=$((checks + 1))
"$stint" dlq list --dir "$dir" | grep -q "no dead letters" || fail "jobs died"
echo "$checks checks, $failures failed, $SECONDS s"
[ "$failures" -eq 0 ]
