#!/bin/bash
# Why: four workers of two hosts play one pool while people come, leave, touch, confirm and release, and everything is killed in
# between: workers every wave, a host's supervisor, PostgreSQL. Nobody may be in two pairs at any time, in half of one, or lost.
# Refuses to: judge by the clock; it looks when every job has ended.
set -u
# shellcheck source=tests/support/site.sh
. "$STINT_SOURCE/tests/support/site.sh"
trap site_end EXIT
WAVES=${STINT_WAVES:-8} PEOPLE=${STINT_PEOPLE:-160}
QUEUES=match
SITE_EXTRA="$STACK_DIR/extra.conf"
cat >"$SITE_EXTRA" <<'CONF'
[match]
pending_release = 10s
[kind.match]
attempts = 1000
backoff = 20ms
backoff_max = 200ms
[pool.match]
kinds = match
queue = match
workers = 2
CONF
site_start 2 || { not_ok "the site did not start"; stack_verdict; exit 1; }

op() { # ID OPERATION BODY: a job that must be done
  book match "$1" "done" '"kind":"match"' "{\"v\":1,\"op\":\"$2\",\"pool\":\"crash\",$3}"
}
enter() { # WAVE NUMBER
  local g=male s=female id="p$1-$2"
  [ $(($2 % 2)) = 0 ] && g=female s=male
  op "s-$id" submit "\"id\":\"$id\",\"gender\":\"$g\",\"seeking\":[\"$s\"],\"age\":$((20 + $2 % 20)),\"presence_ms\":3600000"
  echo "$id" >>"$STACK_DIR/people"
}
votes() { # WAVE: pairs that are pending now are confirmed, or released with all that can be voted
  local n=0 pair a b vote
  while IFS='|' read -r pair a b; do
    n=$((n + 1))
    case $((n % 4)) in
    0) op "v$1-$n" confirm "\"pair\":\"$pair\",\"votes\":{\"$a\":\"yes\",\"$b\":\"yes\"}" ;;
    1) op "v$1-$n" confirm "\"pair\":\"$pair\",\"votes\":{\"$a\":\"yes\",\"$b\":\"no\"}" ;;
    2) op "v$1-$n" release "\"pair\":\"$pair\",\"votes\":{\"$a\":\"yes\",\"$b\":\"no\"}" ;;
    3) op "v$1-$n" release "\"pair\":\"$pair\",\"votes\":{\"$a\":\"absent\",\"$b\":\"yes\"}" ;;
    esac
  done < <(sql "SELECT id, a, b FROM stint.match_pair WHERE state = 'pending' ORDER BY id LIMIT 40" | grep '|')
}
wave() {
  local i
  for ((i = 0; i < PEOPLE; i++)); do enter "$1" "$i"; done
  if [ "$1" -gt 1 ]; then
    for ((i = 0; i < PEOPLE; i += 10)); do op "l$1-$i" leave "\"id\":\"p$(($1 - 1))-$i\""; done
    for ((i = 5; i < PEOPLE; i += 10)); do op "t$1-$i" touch "\"id\":\"p$(($1 - 1))-$i\""; done
    for ((i = 3; i < PEOPLE; i += 20)); do op "d$1-$i" leave "\"id\":\"p$(($1 - 1))-$i\",\"disconnected\":true"; done
    votes "$1"
  fi
  flush || not_ok "wave $1 was not accepted"
}
kill_some() {
  local victims
  victims=$(worker_pids | awk 'NR % 2 == '"$1"' % 2')
  # shellcheck disable=SC2086 # pids are words
  [ -n "$victims" ] && kill -KILL $victims 2>/dev/null
  case $1 in
  3) kill -KILL "$(site_pid postgres)" ;;
  5) kill -KILL "$(site_pid host1)" ;;
  7) kill -KILL "$(site_pid postgres)" "$(site_pid host2)" ;;
  esac
}
answers() { [ "$(sql 'SELECT 1')" = 1 ]; }
for ((w = 1; w <= WAVES; w++)); do
  wave $w
  kill_some $w
  until_true 60 answers || not_ok "PostgreSQL did not come back"
done
[ "$(worker_pids | wc -l)" -gt 0 ] || until_true 60 site_ready
if until_true 180 is_quiet; then ok "every job has ended"; else not_ok "jobs did not end: $(queue_stats match | cut -c1-600)"; fi

check_jobs
same "nobody was in two pairs at any time" "$(sql "
  WITH lives AS (SELECT a AS id, matched_ms, coalesce(ended_ms, 9e15::bigint) AS ended FROM stint.match_pair
    UNION ALL SELECT b, matched_ms, coalesce(ended_ms, 9e15::bigint) FROM stint.match_pair)
  SELECT count(*) FROM (SELECT matched_ms, lag(ended) OVER (PARTITION BY id ORDER BY matched_ms, ended) AS before FROM lives) l
  WHERE before > matched_ms")" 0
same "no two met twice" "$(sql "SELECT count(*) FROM (SELECT 1 FROM stint.match_pair GROUP BY a, b HAVING count(*) > 1) d")" 0
same "no half pairs" "$(sql "SELECT count(*) FROM (SELECT unnest(ARRAY[live_a, live_b]) AS x FROM stint.match_pair WHERE state = 'pending') s
  FULL JOIN (SELECT id FROM stint.match_ticket WHERE state = 'matched') t ON t.id = s.x WHERE t.id IS NULL OR s.x IS NULL")" 0
same "every pair is of a man and a woman" "$(sql "SELECT count(*) FROM stint.match_pair
  WHERE right(a, 1)::int % 2 = right(b, 1)::int % 2")" 0
sort -u "$STACK_DIR/people" >"$STACK_DIR/entered"
sql "SELECT id FROM stint.match_ticket WHERE state IN ('waiting', 'matched') OR (state = 'gone' AND reason IS NOT NULL)" | sort >"$STACK_DIR/kept"
same "everybody who entered waits, is matched, or is gone for a reason ($(wc -l <"$STACK_DIR/entered") people)" \
  "$(comm -3 "$STACK_DIR/entered" "$STACK_DIR/kept" | wc -l)" 0
same "nobody is gone for a reason nobody gave" "$(sql "SELECT string_agg(DISTINCT reason, ' ' ORDER BY reason) FROM stint.match_ticket
  WHERE state = 'gone' AND reason NOT IN ('left', 'confirmed', 'no_show', 'offline', 'expired')")" ""
for what in "confirmed" "released"; do
  [ "$(sql "SELECT count(*) FROM stint.match_pair WHERE state = '$what'")" -gt 0 ] && ok "pairs were $what" || not_ok "no pair was $what"
done
same "a pair's end says why" "$(sql "SELECT count(*) FROM stint.match_pair WHERE state = 'released' AND why NOT IN ('left', 'released', 'timeout')")" 0
if until_true 60 all_told; then ok "the application was told of every pair"; else not_ok "pairs were not told"; fi
stack_verdict
