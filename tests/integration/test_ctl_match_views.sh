#!/usr/bin/env bash
# What people see of a living pool: every view of `stint match` against a stack of its own, on terminals of several sizes, and each command of
# docs/estimates-for-people.md as it is written there. The crowd is one: 70 men and 30 women, 30 pairs and 40 men who wait.
# Refuses to: judge estimates (bench/waits does), or wait by the clock: it waits for what it wants to see.
set -u
stint=$STINT_BUILD/bin/stint
dir=$(mktemp -d "${TMPDIR:-/tmp}/stint-views-XXXXXX")
unset STINT_REDIS_URL STINT_POSTGRES_URL STINT_CONFIG STINT_DIR
export STINT_METRICS_PORT=0 STINT_MATCH_PENDING_RELEASE=30m STINT_DIR=$dir NO_COLOR=1 TERM=xterm LC_ALL=C.UTF-8
failures=0 checks=0 OUT='' RAN=''

finish() {
  "$stint" down --dir "$dir" --now >/dev/null 2>&1
  rm -rf "$dir"
}
trap finish EXIT

not_ok() { failures=$((failures + 1)); printf 'not ok - %s\n' "$*"; sed 's/^/# /' <<<"$OUT"; }
run() { # EXIT WORDS…
  local want=$1 code
  shift
  OUT=$("$@" 2>&1 </dev/null); code=$? RAN=$*
  checks=$((checks + 1))
  [ $code -eq "$want" ] || not_ok "$RAN: exit code $code, wanted $want"
}
says() { checks=$((checks + 1)); grep -qF -- "$1" <<<"$OUT" || not_ok "$RAN: does not say \"$1\""; }
says_not() { checks=$((checks + 1)); ! grep -qF -- "$1" <<<"$OUT" || not_ok "$RAN: says \"$1\""; }
names_not() { checks=$((checks + 1)); ! grep -qwF -- "$1" <<<"$OUT" || not_ok "$RAN: names \"$1\""; } # a word: instances are named in hexadecimal
until_says() { # TEXT WORDS…: within a minute
  local text=$1 deadline=$((SECONDS + 60))
  shift
  checks=$((checks + 1)) RAN=$*
  until OUT=$("$@" 2>&1 </dev/null); grep -qF -- "$text" <<<"$OUT"; do
    [ $SECONDS -lt $deadline ] || { not_ok "$RAN: does not say \"$text\" within a minute"; return 1; }
    read -r -t 0.1 _ <> <(:) || true
  done
}
terminal() { # COLUMNS ROWS WORDS…: steps on standard input
  checks=$((checks + 1)) RAN="$*"
  OUT=$(python3 "$STINT_SOURCE/tests/support/pty_screen.py" "$@" 2>&1) || not_ok "$RAN"
}
people() { # PREFIX COUNT GENDER SEEKING
  local i
  for ((i = 0; i < $2; i++)); do
    printf '{"id":"%s%d","gender":"%s","seeking":["%s"],"age":27,"age_min":20,"age_max":40,"presence_ms":3600000,"consent":{"relax":true}}\n' "$1" "$i" "$3" "$4"
  done
}

"$stint" up --dir "$dir" --detach >"$dir/up.txt" 2>&1 || { cat "$dir/up.txt"; echo "the stack did not start"; exit 1; }

# Nobody has come yet: said so, by each view.
until_says "nobody has joined a pool of it yet" "$stint" match stats
for verb in wait balance top; do run 3 "$stint" match $verb za; says "nobody has joined"; done
run 3 "$stint" match why za ann; says "never submitted"
run 3 "$stint" match wait za --gender F --seeking M; says "nobody has been heard of"

# 70 men, 30 women; ann seeks whom nobody is, so she waits whatever the others do. Another pool to go to.
{
  people m 70 male female
  people f 30 female male
} | "$stint" match submit --pool za --bulk - --quiet --no-wait >/dev/null || { echo "the crowd was not let in"; exit 1; }
run 0 "$stint" match submit --pool za --id ann --gender F --seeking nonbinary --age 27 --presence 1h
people u 3 male female | "$stint" match submit --pool uk --bulk - --quiet --no-wait >/dev/null
until_says "female seeking male" "$stint" match wait za
until_says "41 waiting" "$stint" match wait za
says "male seeking female"; says "20+"; says "<20"; says_not " 40 "; says "EVER"
until_says '"event":"matched"' "$stint" match top za --json

# Groups.
run 0 "$stint" match wait za --json
checks=$((checks + 1)); tail -1 <<<"$OUT" | jq -e '(.estimates | length) >= 4 and all(.estimates[]; .waiting == null) and .genderDistribution.female == null and .queue.total == 41' >/dev/null ||
  not_ok "the published record, with small groups hidden"
run 0 "$stint" match stats za; says "pool za"; says "THE ESTIMATE"; says "published"; says "41"
run 0 "$stint" match balance za; says "women"; says "For half of the men"
run 0 "$stint" match balance za --target 5m; says "within 5 min"
run 0 "$stint" match balance za --target 90s --json
checks=$((checks + 1)); jq -e '.balance.targetWaitSeconds == 90 and (.sentences.target | length) > 0' <<<"$OUT" >/dev/null || not_ok "a balance as JSON"
run 0 "$stint" match status za; says "20+"; says_not "female"
until_says "fewer than 20 people of any gender have come" "$stint" match wait uk
run 0 "$stint" match balance uk; says "no balance to tell"

# One person.
until_says "Position" "$stint" match wait za --ticket ann
says "would help"; says "how sure"
run 0 "$stint" match wait za --ticket ann --json
checks=$((checks + 1)); jq -e '.estimate.p50_s <= .estimate.p90_s and .position >= 1' <<<"$OUT" >/dev/null || not_ok "a person's wait as JSON"
run 0 "$stint" match wait za --gender F --seeking M --age 27 --age-min 20 --age-max 40 --lat -26.2 --lon 28 --max-km 30 --regions "Kaap Stad,Wes"; says "The wait:"
run 3 "$stint" match wait za --ticket nobody; says "stint match why za nobody"
run 0 "$stint" match why za ann; says "It waits"; says "did not consent"; says "The wait:"; says "gone when silent for 1 h"
matched=$("$stint" match top za --json --events | jq -r '[.events[] | select(.event == "matched")][0].whose' | cut -d' ' -f1)
run 0 "$stint" match why za "$matched"; says "it was matched"; says "(pending)"
waiting=$(psql -X -q -t -A -h "$dir/run" -p 5432 -U stint stint -c "SELECT id FROM stint.match_ticket WHERE pool = 'za' AND state = 'waiting' AND id <> 'ann' ORDER BY id LIMIT 1")
run 0 "$stint" match why za "$waiting"; says "consented to wider"; says "men come for each woman"
run 0 "$stint" match leave "$waiting" --pool za
run 0 "$stint" match why za "$waiting"; says "it was taken out (left)"
run 0 "$stint" match why za "$waiting" --json
checks=$((checks + 1)); jq -e '.record.state == "gone" and .record.reason == "left" and (has("wait") | not)' <<<"$OUT" >/dev/null || not_ok "who has left, as JSON"
run 3 "$stint" match why za nobody; says "never submitted"

# Once, where there is no terminal: no escape sequences, no ids unless they are asked for.
run 0 "$stint" match top za; says "newest events"; says "waited"; names_not "$matched"; says_not $'\033'
run 0 "$stint" match top za --events; says " with "

# Live: other sizes, another pool and back, a pause, resized meanwhile; the terminal is given back by a key, by Ctrl-C and by a stop.
terminal 80 24 "$stint" match top uk <<'STEPS'
see pool uk (1 of 2)
see fewer than 20 people
type \x20
see pool za (2 of 2)
see THE WAIT
see matches/min
type p
see paused, p goes on
size 40 20
see male
type p
gone paused
type \x1b[D
see pool uk
type n
see pool za
size 200 50
see male > female
see newest events
type q
end 0
STEPS
terminal 40 12 "$stint" match top za --interval 200ms --events <<<$'see female\nsee q quits\ntype \\x03\nend 0'
terminal 60 10 "$stint" top --interval 200ms <<'STEPS'
see Redis and PostgreSQL reachable
see q quits
type s
see by time
type p
see paused, p goes on
size 100 30
see IN/S
see workers here have a job
type p
gone paused
type q
end 0
STEPS
terminal 60 10 "$stint" top --sort amount <<<$'see by amount\ntype \\x03\nend 0'
run 0 "$stint" top; says "reachable"; says "DONE/S"; says "match"; says_not $'\033'
run 0 "$stint" top --json --interval 100ms
checks=$((checks + 1)); jq -e '[.queues[] | .rates.over_ms >= 100 and .rates.done >= 0] | length > 0 and all' <<<"$OUT" >/dev/null || not_ok "rates as JSON"

# The page for product teams: every command can be typed.
port=$(cat "$dir/run/metrics.port")
export WAITS_URL=http://127.0.0.1:$port PATH=$STINT_BUILD/bin:$PATH
redis-cli() { command redis-cli -s "$dir/run/redis.sock" "$@"; }
typed=0
cd "$STINT_SOURCE" || exit 1
while IFS= read -r line <&3; do
  line=${line#\$ } line=${line%%#*}
  case $line in node\ *) command -v node >/dev/null || { echo "# no node: $line"; continue; } ;; esac
  OUT=$(eval "$line" 2>&1 </dev/null) && [ -n "$OUT" ] || not_ok "docs/estimates-for-people.md: $line"
  typed=$((typed + 1)) checks=$((checks + 1))
done 3< <(grep '^\$ ' docs/estimates-for-people.md)
[ "$typed" -ge 8 ] || not_ok "only $typed commands were typed"

# What the examples say is what the page promises.
if command -v node >/dev/null; then
  run 0 node --input-type=module -e '
    import assert from "node:assert";
    import { advice, sentence, update } from "'"$STINT_SOURCE"'/examples/wait.mjs";
    const told = (p50_s, p90_s, confidence = "ok", reason = { name: "none" }) => ({ estimate: { p50_s, p90_s }, confidence, reason });
    assert.equal(sentence(told(150, 470)), "About 2½ minutes, most likely under 8 minutes.");
    assert.equal(sentence(told(28, 55)), "About 30 seconds, most likely under a minute.");
    assert.equal(sentence(told(400, 1200)), "About 7 minutes, perhaps more than 20 minutes.");
    assert.equal(sentence(told(1200, 1200)), "It may well take more than 20 minutes just now.");
    assert.equal(sentence(told(2, 9, "low")), "We cannot say yet how long it will take.");
    assert.equal(update(told(100, 300), told(80, 290)), null);
    assert.match(update(told(100, 300), told(200, 500)), /^It is taking longer/);
    assert.equal(update(told(200, 500), told(100, 300)), "About 2 minutes, most likely under 5 minutes.");
    assert.equal(advice(told(100, 300, "ok", { name: "distance", saves_s: 59 })), "Looking twice as far could save about 50 seconds.");
    assert.equal(advice(told(100, 300, "low", { name: "distance", saves_s: 59 })), "");
  '
fi
run 0 python3 -c '
import sys; sys.path.insert(0, "examples"); sys.dont_write_bytecode = True
import wait
told = lambda half, most, sure="ok": wait.sentence({"p50_s": half, "p90_s": most, "confidence": sure})
assert told(150, 470) == "About 2½ minutes, most likely under 8 minutes.", told(150, 470)
assert told(1, 4) == "Most likely under 10 seconds.", told(1, 4)
assert told(1200, 1200) == "It may well take more than 20 minutes just now."
assert told(2, 9, "low") == "We cannot say yet how long it will take."
'
echo "$checks checks, $failures failed, $SECONDS s"
[ "$failures" -eq 0 ]
