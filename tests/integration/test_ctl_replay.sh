#!/usr/bin/env bash
# `stint dlq replay` as a run, `stint dlq edit` and `stint audit` against a real Redis: thousands of dead letters, and the tool killed at
# every named point of it. Workers are played by raw Functions.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
ctl_start_redis

# wait_for COMMAND…: it succeeds within a minute
wait_for() {
  local deadline=$((SECONDS + 60))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then echo "not ok - waited in vain for: $*"; failures=$((failures + 1)); return 1; fi
    read -r -t 0.05 <> <(:)
  done
}
ready_is() { [ "$(redis FCALL stint_stats 1 'stint:{probe}' | jq .bands.normal.ready)" = "$1" ]; }

# letters PREFIX N FINGERPRINT: that many jobs die
letters() {
  local i
  for i in $(seq "$2"); do echo "{\"kind\":\"probe\",\"id\":\"$1$i\",\"payload\":{\"v\":1,\"n\":$i}}"; done >"$CTL_DIR/letters"
  "$STINT" enqueue --bulk "$CTL_DIR/letters" --quiet >/dev/null
  end_all dead "$3"
}

# end_all OP FINGERPRINT [ONLY]: claims all ready jobs and ends each with OP; ONLY: at most so many. Prints their ids.
end_all() {
  local error='{"code":"TIMEOUT","class":"resource","cause":"hard_timeout","message":"too slow"}' left=${3:-1000000}
  redis FCALL stint_beat 1 'stint:{probe}' test 6000000 '{}' >/dev/null
  while [ "$left" -gt 0 ]; do
    redis FCALL stint_fetch 1 'stint:{probe}' test test:0:1 0 $((left < 500 ? left : 500)) >"$CTL_DIR/fetched"
    [ "$(head -1 "$CTL_DIR/fetched")" = ok ] || break
    awk 'NR > 1 && (NR - 2) % 15 == 2' "$CTL_DIR/fetched" | grep -v '^$' | tee "$CTL_DIR/ids" >>"$CTL_DIR/ended"
    left=$((left - $(wc -l <"$CTL_DIR/ids")))
    awk -v op="$1" -v a="$([ "$1" = dead ] && echo "$error" || echo '{}')" -v b="$([ "$1" = dead ] && echo "$2" || echo 600000)" '
      NR > 1 && (NR - 2) % 15 < 3 { field[(NR - 2) % 15] = $0 }
      NR > 1 && (NR - 2) % 15 == 2 && field[1] ~ /-/ {
        printf "FCALL stint_finish 1 stint:{probe} test test:0:1 1 0 1 %s %s %s %s \047%s\047 %s\n", op, field[0], field[1], field[2], a, b }' \
      "$CTL_DIR/fetched" | redis >/dev/null
  done
}
ended_ids() { sort "$CTL_DIR/ended" 2>/dev/null; }

stat_is() { # stat_is JQ WANTED
  checks=$((checks + 1))
  local got
  got=$(redis FCALL stint_stats 1 'stint:{probe}' | jq -r "$1")
  [ "$got" = "$2" ] && return
  failures=$((failures + 1))
  echo "not ok - $RAN: $1 is $got, expected $2"
}
equal() { # equal WHAT SEEN WANTED
  checks=$((checks + 1))
  [ "$2" = "$3" ] && return
  failures=$((failures + 1))
  echo "not ok - $1: $2, expected $3"
}
last_run() { "$STINT" dlq replay list --json --limit 1 | jq -r .run; }
# killed POINT WORDS…: stint dies there of SIGKILL
killed() {
  local point=$1
  shift
  STINT_KILL_POINT=$point "$STINT" "$@" >/dev/null 2>&1 &
  { wait $!; } 2>/dev/null
  equal "stint $1 $2 died at $point" $? 137
}
run_stat() { "$STINT" dlq replay status "$1" --json | jq -r "$2"; }

# --- wrong input, flag by flag ---
letters w 3 fpw
run 2 dlq replay; says "--all"
run 2 dlq replay --all --canary 0; says "--canary"; says "1 to 100000"
run 2 dlq replay --all --canary many; says "--canary"
run 2 dlq replay --all --canary-failures 1; says "goes with --canary"
run 2 dlq replay --all --canary 2 --canary-failures 2; says "could never stop"
run 2 dlq replay --all --rate fast; says "50/s"
run 2 dlq replay --all --rate -5/s; says "not allowed"
run 2 dlq replay --all --rate 0/s; says "0.001/s"
run 2 dlq replay --all --rate 5/day; says "not allowed"
run 2 dlq replay --all --stop-at 101; says "0 to 100"
run 2 dlq replay --all --max 0; says "--max"
run 2 dlq replay --all --band urgent; says "express|high|normal|low"
run 2 dlq replay --all --edit '{"a":'; says "not JSON"
run 3 dlq replay --all --edit @/none/patch; says "/none/patch"
run 2 dlq replay w1 --edit '{}' --payload '{}'; says "exclude each other"
run 2 dlq replay --all --reason ""; says "--reason"
run 2 dlq replay --undo r-1 w1; says "takes no IDs"
run 3 dlq replay --undo r-none; says "no replay run"
run 3 dlq replay nobody; says "nobody"
run 3 dlq replay status r-none; says "replay list"
run 3 dlq replay resume r-none; says "no replay run"
run 2 dlq replay rate r-none; says "is missing"
run 2 dlq replay rate r-none slow; says "jobs per time"
run 2 dlq replay pause; says "RUN"
run 0 dlq replay list; says "no replay runs"
stat_is .dead 3

# --- dry run: by fingerprint, with counts, an example, guard hits; nothing is written ---
letters x 5 fpx
keys=$(redis DBSIZE)
run 0 dlq replay --all --dry-run; says "8 would be replayed; nothing was changed"; says fpw; says fpx; says x5
run 0 dlq replay --fingerprint fpx --dry-run --edit '{"n":null,"password":"geheim"}'; says "- /n 5"; says_not geheim; says "(hidden)"
run 0 dlq replay --all --dry-run --json; says '"event":"plan"'; says '"would_replay":8'
equal "a dry run writes no key" "$(redis DBSIZE)" "$keys"

# --- one letter, its guard, its outcome ---
run 0 dlq replay w1 --reason "looked at"; says "1 replayed"
R=$(last_run)
end_all done x
equal "the run knows that it succeeded" "$(run_stat "$R" .succeeded)" 1
run 0 dlq replay w2
end_all dead fpw
equal "the run knows that it died again" "$(run_stat "$(last_run)" .failed)" 1
run 5 dlq replay --fingerprint fpw --guard 1; says "1 replayed"; says "loop guard"; says "guard w2"
end_all done x
run 0 dlq replay w2 --guard 9; end_all done x

# --- edits: original kept, not JSON refused, compared where it is written ---
run 0 dlq edit x1 --patch '{"n":0.1,"s":"t"}' --reason typo; says "- /n 1"; says "+ /n 0.1"; says "edited"
run 0 dlq show x1 --json; says '"payload":{"v":1,"n":0.1'; says '"payload_before":{"v":1,"n":1}'
equal "numbers stay as short as they were" "$(redis HGET 'stint:{probe}:j:x1' payload)" '{"v":1,"n":0.1,"s":"t"}'
run 0 dlq edit x1 --patch '{"s":"t"}'; says unchanged
run 0 dlq edit x1 --patch '{"s":"u"}' --dry-run; says "nothing was changed"
run 2 dlq edit x1 --payload '{"n":'; says "not JSON"
run 2 dlq edit x1; says "no terminal"
run 2 dlq edit x1 --patch '{}' --payload '{}'; says "exclude each other"
run 3 dlq edit nobody --patch '{}'
EDITOR="sed -i s/0.1/0.2/" run 0 dlq edit x1; says "+ /n 0.2"
EDITOR=false run 5 dlq edit x1; says "the editor"; says "nothing was changed"
cat >"$CTL_DIR/slow-editor" <<EOF
#!/bin/sh
redis-cli -s $CTL_DIR/redis.sock FCALL stint_edit 1 'stint:{probe}' x1 "\$(redis-cli --raw -s $CTL_DIR/redis.sock HGET 'stint:{probe}:j:x1' died):2" '{"v":9}' rival '' >/dev/null
sed -i s/0.2/0.3/ "\$1"
EOF
chmod +x "$CTL_DIR/slow-editor"
EDITOR="$CTL_DIR/slow-editor" run 5 dlq edit x1; says "changed by somebody else"
equal "the rival's edit stands" "$(redis HGET 'stint:{probe}:j:x1' payload)" '{"v":9}'
redis HSET 'stint:{probe}:j:x2' payload 'not json' >/dev/null
run 2 dlq replay x2 --edit '{"n":1}'; says "not JSON"; says "dlq edit x2"
run 5 dlq replay --fingerprint fpx --edit '{"n":7}'; says "--yes"; says "+ /n 7"
run 5 dlq replay --fingerprint fpx --edit '{"n":7}' --yes; says "4 replayed"; says "not JSON"; says "x2"
equal "each letter was edited" "$(redis HGET 'stint:{probe}:j:x4' payload)" '{"v":1,"n":7}'
R=$(last_run)
run 0 dlq replay --undo "$R" --reason oops; says "4 put back"
equal "an undone edit is undone" "$(redis HGET 'stint:{probe}:j:x4' payload)" '{"v":1,"n":4}'
run 5 dlq replay resume "$R"; says "undone"
stat_is .dead 5
no_drift probe

# --- canary: stops by itself, goes on when told, passes ---
letters c 40 fpc
run 0 enqueue probe --id blocker --payload '{"v":1}'; end_all done x
"$STINT" dlq replay --fingerprint fpc --canary 3 --json >"$CTL_DIR/canary" 2>&1 &
TOOL=$!
wait_for ready_is 3
end_all dead fpc
wait "$TOOL"; equal "a failed canary is exit 1" $? 1
OUT=$(cat "$CTL_DIR/canary") ERR="" RAN="a canary that died"
says '"state":"stopped"'; says "canary: "; says "died again, allowed 0"
stat_is .dead 45
run 0 dlq replay resume "$(last_run)"; says "40 replayed"
end_all done x
"$STINT" dlq replay --fingerprint fpc --canary 2 --wait >"$CTL_DIR/canary" 2>&1 &
TOOL=$!
wait_for ready_is 2
end_all done x 2 # those two alone: the one that follows them is for the next line
wait_for ready_is 1
end_all done x
wait "$TOOL"; equal "a canary that passed is exit 0" $? 0
OUT=$(cat "$CTL_DIR/canary") ERR="" RAN="a canary that passed"
says "canary passed"; says "3 succeeded"

# --- rate from another terminal, pause, resume, cancel; an interrupt pauses ---
letters p 300 fpp
"$STINT" dlq replay --fingerprint fpp --rate 1/m >"$CTL_DIR/rated" 2>&1 &
TOOL=$!
one_moved() { [ "$("$STINT" dlq replay list --json | jq -r 'select(.state == "running") | .replayed')" = 1 ]; }
wait_for one_moved
R=$(last_run)
run 0 dlq replay status "$R"; says "running"; says "driven by"; says "300 selected, 299 left"
run 0 dlq replay pause "$R" --reason lunch; says "paused"
wait "$TOOL"; equal "a run paused from elsewhere ends the tool with 1" $? 1
run 5 dlq replay pause "$R"; says "is paused"
"$STINT" dlq replay resume "$R" >"$CTL_DIR/rated" 2>&1 &
TOOL=$!
is_running() { [ "$(run_stat "$R" .state)" = running ]; }
wait_for is_running
kill -INT "$TOOL"; wait "$TOOL"
OUT=$(cat "$CTL_DIR/rated") ERR="" RAN="an interrupted replay"
says "pausing run $R"; says "dlq replay resume $R"
equal "an interrupt pauses the run" "$(run_stat "$R" .state)" paused
run 0 dlq replay rate "$R" none
run 0 dlq replay resume "$R"; says "300 replayed"
run 5 dlq replay cancel "$R"; says "is done"
run 0 dlq replay --undo "$R"; says "300 put back"
stat_is .dead 305
no_drift probe

# --- kill -9 of the tool at every named point: resumed, each letter is replayed exactly once ---
POINTS="replay_opened replay_selected replay_selected:2 replay_begun replay_step replay_step:5 replay_stepped replay_stepped:7 replay_controlled"
SEEN=$(grep -rhoE 'KILL_POINT\("(replay|edit)[^"]+"\)' "$STINT_SOURCE/operate" "$STINT_SOURCE/ctl" | sed 's/.*"\(.*\)".*/\1/' | sort -u | tr '\n' ' ')
equal "every point of the sources is tried" "$(tr ' ' '\n' <<<"$POINTS replay_undone edit_before edit_after" | sed 's/:.*//' | sort -u | tr '\n' ' ')" "$SEEN"
cases=0
# shellcheck disable=SC2089,SC2090 # the quotes of JSON are meant as they stand
for point in $POINTS; do
  for edit in "" '{"edited":true}'; do
    before=$(redis FCALL stint_stats 1 'stint:{probe}' | jq .ledger.replayed)
    : >"$CTL_DIR/ended"
    if [ "$point" = replay_controlled ]; then # dies just after it took a paused run over
      killed replay_stepped:2 dlq replay --fingerprint fpp ${edit:+--edit "$edit" --yes} --quiet
      R=$(last_run)
      killed "$point" dlq replay resume "$R"
    else
      killed "$point" dlq replay --fingerprint fpp ${edit:+--edit "$edit" --yes} --quiet
    fi
    R=$(last_run)
    RAN="resume after $point"
    run 0 dlq replay resume "$R"; says "300 replayed"
    equal "$point: replayed exactly once each" "$(($(redis FCALL stint_stats 1 'stint:{probe}' | jq .ledger.replayed) - before))" 300
    end_all dead fpp # they die again; the guard would stop the next round
    equal "$point: every letter came back once" "$(ended_ids | uniq -d | wc -l) twice of $(ended_ids | uniq | wc -l)" "0 twice of 300"
    equal "$point: the run knows their ends" "$(run_stat "$R" .failed)" 300
    stat_is .drift 0
    redis EVAL "for i = 1, 300 do local k = 'stint:{probe}:j:p' .. i; local n = redis.call('HGET', k, 'n')
      redis.call('HSET', k, 'n', (string.gsub(n, '^(%d+,%d+,%d+,%d+),%d+', '%1,0'))) end" 0 >/dev/null
    cases=$((cases + 1))
  done
done
echo "# $cases deaths of the tool, each resumed"

# An undo that dies goes on when it is said again.
run 0 dlq replay --fingerprint fpp
R=$(last_run)
end_all done x 20
killed replay_undone:3 dlq replay --undo "$R"
run 0 dlq replay --undo "$R"; says "280 put back"; says "20 had started"
stat_is .dead 285
no_drift probe
for point in edit_before edit_after; do
  killed "$point" dlq edit x3 --patch "{\"at\":\"$point\"}"
done
equal "an edit is whole or not at all" "$(redis HGET 'stint:{probe}:j:x3' payload)" '{"v":1,"n":3,"at":"edit_after"}'

# --- thousands ---
letters k 5000 fpk
run 0 dlq replay --fingerprint fpk --quiet; says "5000 replayed"
R=$(last_run)
end_all done x 2500
run 0 dlq replay --undo "$R" --json; says '"undone":2500'
run 0 dlq replay --fingerprint fpk --rate 20000/s --json; says '"event":"end"'; says '"replayed":2500'
end_all done x
stat_is '.dead' 285
no_drift probe

# --- the audit log ---
run 0 audit --action replay --limit 1000; says "replay-undone"; says_not typo
run 0 audit --action edit; says typo
run 0 audit --match lunch; says replay-pause
run 0 audit --actor nobody; says "no operator action is on record that matches"
run 0 audit --actor "$(id -un)" --limit 1
run 0 audit --since 1h --json --limit 3; says '"action"'
run 0 audit --until 1h; says "no operator action"
run 2 audit --since soon; says "how long ago"
run 2 audit --queue probe --all; says "exclude each other"
run 0 dlq replay x3 --actor "ops bot" --reason "by the bot"
run 0 audit --actor "ops bot"; says "by the bot"
run 0 audit --all; says probe
"$STINT" audit --follow --json >"$CTL_DIR/follow" 2>&1 &
TOOL=$!
wait_for grep -q '"ops bot"' "$CTL_DIR/follow"
run 0 queue pause probe --reason "to be followed"
wait_for grep -q "to be followed" "$CTL_DIR/follow"
kill "$TOOL"; wait "$TOOL" 2>/dev/null
OUT=$(cat "$CTL_DIR/follow") ERR="" RAN="audit --follow"; says "to be followed"
run 0 queue resume probe
no_drift probe

ctl_finish
