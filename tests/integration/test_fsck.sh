#!/usr/bin/env bash
# Why: a proof that cannot fail proves nothing. Each invariant of docs/operations/fsck.md is broken by hand, one by one and then in
# random mixtures; `stint fsck` must name the fault and the job, mend it, and lose nobody. STINT_SEED=n draws other mixtures.
set -u
. "${STINT_SOURCE:?}/tests/support/ctl.sh"
export STINT_SUPERVISOR_LEASE=1s STINT_SUPERVISOR_HEARTBEAT=100ms
ctl_start_redis
K='stint:{probe}'
BIG=$(head -c 5000 /dev/zero | tr '\0' x)
MIXTURES=${STINT_MIXTURES:-8}
SEED=${STINT_SEED:-1}
echo "# STINT_SEED=$SEED"

beat() { redis FCALL stint_beat 1 "$K" host-1 600000 '{}' >/dev/null; }
add() { run 0 enqueue probe --queue probe --id "$1" --payload "{\"v\":1,\"x\":\"${3:-}\"}" ${2:-}; } # add ID [OPTIONS [TEXT]]
take_one() { # take_one [CONSUMER]: the next ready job is active; sets BAND ENTRY ID
  local reply
  beat
  reply=$(redis FCALL stint_fetch 1 "$K" host-1 "${1:-host-1:0:1}" 0 1)
  BAND=$(sed -n 2p <<<"$reply") ENTRY=$(sed -n 3p <<<"$reply") ID=$(sed -n 4p <<<"$reply")
}
make_dead() { add "$1" "--band express"; take_one; redis FCALL stint_finish 1 "$K" host-1 host-1:0:1 1 0 1 dead "$BAND" "$ENTRY" "$ID" \
  '{"code":"BAD_PAYLOAD","class":"permanent","cause":"handler_error","message":"no"}' "feed${2:-}" >/dev/null; }
make_done() { add "$1" "--band express"; take_one; redis FCALL stint_finish 1 "$K" host-1 host-1:0:1 1 0 1 "done" "$BAND" "$ENTRY" "$ID" '{}' 60000 >/dev/null; }
make_later() { add "$1" "--delay 1h"; }
make_parked() { add "$1" "--band express"; redis FCALL stint_pause 1 "$K" probe me test >/dev/null; take_one; }
entry_of() { redis HGET "$K:j:$1" x; }

# --- the ways to break it: break_<fault> ID makes the fault about a job of that id ---
break_key_type() { make_later "$1"; redis DEL "$K:j:$1" >/dev/null; redis SET "$K:j:$1" x >/dev/null; }
break_group_missing() { add "$1" "--band express"; take_one; redis FCALL stint_handback 1 "$K" host-1:0:1 test 0 "$BAND" "$ENTRY" >/dev/null; redis XGROUP DESTROY "$K:s:express" workers >/dev/null; }
break_hash_malformed() { make_later "$1"; redis HDEL "$K:j:$1" state band >/dev/null; }
break_hash_expiring() { make_later "$1"; redis EXPIRE "$K:j:$1" 5000 >/dev/null; }
break_final_kept() { make_done "$1"; redis PERSIST "$K:j:$1" >/dev/null; }
break_two_places() { add "$1"; redis ZADD "$K:d" 9000000000000 "$1" >/dev/null; }
break_scheduled_wrong_state() { make_later "$1"; redis HSET "$K:j:$1" state "done" >/dev/null; }
break_dead_wrong_state() { make_dead "$1"; redis HSET "$K:j:$1" state scheduled >/dev/null; }
break_scheduled_unlisted() { make_later "$1"; redis ZREM "$K:d" "$1" >/dev/null; }
break_dead_unlisted() { make_dead "$1"; redis ZREM "$K:dead" "$1" >/dev/null; }
break_scheduled_no_hash() { make_later "$1"; redis DEL "$K:j:$1" >/dev/null; }
break_scheduled_no_payload() { make_later "$1"; redis HDEL "$K:j:$1" payload >/dev/null; }
break_dead_no_hash() { make_dead "$1"; redis DEL "$K:j:$1" >/dev/null; }
break_dead_no_payload() { make_dead "$1"; redis HDEL "$K:j:$1" payload >/dev/null; }
break_entry_malformed() { redis XADD "$K:s:high" '*' kind probe id "$1" payload x o 'no JSON' >/dev/null; }
break_payload_missing() { add "$1" "" "$BIG"; redis HDEL "$K:j:$1" payload >/dev/null; }
break_hash_missing() { add "$1"; redis DEL "$K:j:$1" >/dev/null; }
break_hash_astray() { add "$1"; redis HSET "$K:j:$1" x 1-1 >/dev/null; }
break_pending_deleted() { add "$1" "--band express"; take_one; redis XDEL "$K:s:$BAND" "$ENTRY" >/dev/null; }
break_pending_stranger() { add "$1" "--band express"; redis XREADGROUP GROUP workers bob COUNT 1 STREAMS "$K:s:express" ">" >/dev/null; }
break_pending_orphan() { add "$1" "--band express"; take_one; redis XCLAIM "$K:s:$BAND" workers gone-9:0:1 0 "$ENTRY" >/dev/null; }
break_pending_superseded() { add "$1" "--band express"; take_one host-1:5:1; redis XGROUP CREATECONSUMER "$K:s:express" workers host-1:5:2 >/dev/null; }
break_queued_lost() { add "$1"; redis XDEL "$K:s:normal" "$(entry_of "$1")" >/dev/null; }
break_fp_missing() { make_dead "$1"; redis ZREM "$K:fp" "feed:$1" >/dev/null; }
break_fp_stray() { redis ZADD "$K:fp" 0 "beef:$1" >/dev/null; }
break_parked_unlisted() { make_parked "$1"; redis SREM "$K:p:probe" "$1" >/dev/null; }
break_parked_stray() { redis SADD "$K:p:probe" "$1" >/dev/null; }
break_parked_forgotten() { make_parked "$1"; redis HDEL "$K:cfg" paused:probe paused_kinds >/dev/null; }
break_unique_malformed() { redis SET "$K:u:$1" 'no id!' EX 999 >/dev/null; }
break_unique_forever() { redis SET "$K:u:$1" "$1" >/dev/null; }
break_unique_dangling() { add "$1"; redis FCALL stint_cancel 1 "$K" "$1" why me >/dev/null; redis SET "$K:u:$1" "$1" EX 999 >/dev/null; }
break_lease_without_info() { redis ZADD "$K:i" 9000000000000 "$1" >/dev/null; }
break_info_without_lease() { redis HSET "$K:ii" "$1" '{}' >/dev/null; }
break_paused_kinds() { redis HSET "$K:cfg" paused_kinds 7 >/dev/null; }
break_ledger_malformed() { redis HSET "$K:ledger" expired many >/dev/null; }
break_dead_counter() { make_dead "$1"; redis HINCRBY "$K:ledger" dead:handler_error 3 >/dev/null; }
break_ledger_drift() { redis HINCRBY "$K:ledger" "done" -3 >/dev/null; }

# Those about PostgreSQL are in the crash ring, where one runs.
ELSEWHERE="outcome_missing outcome_orphan"
FAULTS=$(sed -n 's/^ *X(\([a-z_]*\), [01],.*/\1/p' "$STINT_SOURCE/ctl/fsck_fault_table.h" | grep -vxE "${ELSEWHERE// /|}")
for fault in $FAULTS; do
  declare -F "break_$fault" >/dev/null || { echo "not ok - $fault: no test breaks it"; failures=$((failures + 1)); }
done
for fault in $FAULTS $ELSEWHERE; do
  checks=$((checks + 1))
  grep -q "\`$fault\`" "$STINT_SOURCE/docs/operations/fsck.md" || { echo "not ok - $fault is not in docs/operations/fsck.md"; failures=$((failures + 1)); }
done

fresh() { # an empty queue with a few healthy jobs of every state
  redis FLUSHALL >/dev/null
  beat
  make_dead h-dead; make_done h-done; make_later h-later; add h-active; take_one; add h-ready; add h-big "" "$BIG"
  redis XADD "$K:s:low" '*' kind probe payload '{"v":1}' >/dev/null
}

# Where the jobs are by now: nobody may vanish. counted ID: a place, or nothing
where_is() { redis FCALL stint_job 1 "$K" "$1" 2>/dev/null | jq -r '.state // "nowhere"' 2>/dev/null || echo nowhere; }

fresh
run 0 fsck; says "0 faults"

# One by one, four at a time: each waits for what could settle by itself.
PARTS=4
one_by_one() { # PART
  local n=0 fault
  for fault in $FAULTS; do
    n=$((n + 1))
    [ $((n % PARTS)) -ne "$1" ] || broken_and_mended "$fault"
  done
}
broken_and_mended() {
  local fault=$1 state
  fresh
  "break_$fault" j1
  run 1 fsck --json
  says "\"fault\":\"$fault\""
  case "$fault" in
    fp_stray|parked_*|unique_*|lease_*|info_*|paused_kinds|ledger_*|dead_counter|group_missing) ;;
    key_type) says '"id":"j1"' ;;
    *) says "\"id\":\"j1\"" ;;
  esac
  run 5 fsck --repair; says "Plan for queue"; says "--yes"
  run 1 fsck --json; says "\"fault\":\"$fault\""
  run 0 fsck --repair --yes; says "mended"
  run 0 fsck
  no_drift probe
  case "$fault" in # nobody is dropped
    fp_stray|parked_stray|unique_malformed|unique_forever|lease_*|info_*|paused_kinds|ledger_*) ;;
    key_type) [ "$(where_is h-later)" = scheduled ] || { echo "not ok - $fault: another job was touched"; failures=$((failures + 1)); } ;;
    *) checks=$((checks + 1)); state=$(where_is j1)
       case "$state" in ready|active|scheduled|dead|"done"|cancelled) ;; *) echo "not ok - $fault: the job is $state after the repair"; failures=$((failures + 1)) ;; esac ;;
  esac
  run 0 audit --queue probe; says "repair"; says "$fault"
}
side_by_side $PARTS one_by_one

# What cannot be made runnable is a dead letter that says so; what can is ready again.
fresh; break_queued_lost j1; run 0 fsck --repair --yes; run 0 dlq show j1; says LEDGER_REPAIR
fresh; add j1 "" "$BIG"; redis XDEL "$K:s:normal" "$(entry_of j1)" >/dev/null; run 0 fsck --repair --yes; run 0 job show j1; says "ready"
fresh; break_scheduled_unlisted j1; run 0 fsck --repair --yes; run 0 job show j1; says "scheduled"
fresh; break_pending_orphan j1; run 0 fsck --repair --yes; run 0 job show j1; says "ready"
fresh; redis DEL "$K:d" >/dev/null; run 0 fsck --repair --yes; run 0 job show h-later; says "scheduled"
fresh; redis DEL "$K:dead" "$K:fp" >/dev/null; run 0 fsck --repair --yes; run 0 dlq show h-dead
fresh; redis DEL "$K:ledger" >/dev/null; run 1 fsck; run 0 fsck --repair --yes; no_drift probe
fresh; redis DEL "$K:d" >/dev/null; redis SET "$K:d" x >/dev/null; run 1 fsck; says "key_type"; run 0 fsck --repair --yes; run 0 job show h-later; says "scheduled"
fresh; redis SET "$K:replays" x >/dev/null; redis SET "$K:outbox" x >/dev/null; redis SET "$K:replay:r1:left" x >/dev/null
run 1 fsck; for key in replays outbox replay:r1:left; do says "K:$key is a string"; done; run 0 fsck --repair --yes; run 0 fsck

# Mixtures.
# shellcheck disable=SC2206 # words
all=($FAULTS)
mixtures() { # PART
  local i mix=""
  RANDOM=$((SEED + $1))
  for i in $(seq "$MIXTURES"); do
    [ $((i % PARTS)) -ne "$1" ] || mixture
    [ "$failures" -gt 5 ] && { echo "# mixture:$mix"; break; }
  done
}
mixture() {
  local n fault
  fresh
  mix=""
  for n in 1 2 3 4 5; do
    fault=${all[RANDOM % ${#all[@]}]}
    case " $mix " in *" $fault "*) continue ;; esac
    redis HEXISTS "$K:cfg" paused:probe | grep -q 1 && redis FCALL stint_resume 1 "$K" probe me test >/dev/null
    mix+=" $fault"
    "break_$fault" "m$n" >/dev/null
  done
  run 1 fsck --json; RAN="fsck of$mix"
  run 0 fsck --repair --yes; [ "$checks" -gt 0 ]; RAN="repair of$mix"
  run 0 fsck; no_drift probe
}
side_by_side $PARTS mixtures

# Guards and usage.
run 2 fsck --queue probe --all; says "exclude one another"
run 3 fsck --queue prob
run 0 fsck --all; says "0 faults"
ctl_finish
