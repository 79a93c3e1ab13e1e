# What the scripts of the faults ring share: a stack in full work, a fault held for a while, and what it cost: jobs lost, jobs applied
# twice, processor time and log lines while nothing could be done, processes that died, what /readyz said, and how long until all
# was well again. Sourced, not run; stands on stack.sh. Ends only processes that descend from its own stack.
#
#   fault NAME INJECT HEAL        one row of the table; knobs, each for the next fault only:
#     FAULT_READYZ=CODE[|CODE…]     a reason /readyz must give while it lasts; "ok": it must stay well; "": not looked at
#     FAULT_SAYS=TEXT               what the reasons, `stint status` or the log must say (the remedy)
#     FAULT_STATUS=CODE             exit code of `stint status` while it lasts (default 4; "" : not looked at)
#     FAULT_HOLD_MS=N               how long it lasts (default 2000)
#     FAULT_LOSES=yes               the fault takes the data away: jobs of before may be gone, only drift and doubles are looked at
#     FAULT_HTTP_S=N                how long /readyz is waited for (default 5)
#     FAULT_SEEN=COMMAND            it lasts until this succeeds, too
#     FAULT_FEED=COMMAND            run every second of that longer wait: work that meets the fault, should all of it have been done before
#     FAULT_ENQUEUE=TEXT            `stint enqueue` must be refused meanwhile with code 4 and say this
#   fault_table                   prints the table
# shellcheck shell=bash disable=SC2034
# shellcheck source=tests/support/stack.sh
. "$(dirname "${BASH_SOURCE[0]}")/stack.sh"

# Allowed in one outage of FAULT_HOLD_MS, all processes of stint together: 200 ms and a tenth of one processor; 60 log lines (the work
# around it is told too) and 20 a second.
FAULT_CPU_SHARE=10 FAULT_LINES_PER_S=20
FAULT_RECOVERY_S=60
FAULT_TABLE="" FAULT_N=0
export STINT_REDIS_COMMAND_TIMEOUT=1s STINT_REDIS_CONNECT_TIMEOUT=1s STINT_METRICS_INTERVAL=500ms
export STINT_SUPERVISOR_LEASE=6s STINT_POOL_PROBE_WORKERS=2 STINT_POOL_PDF_WORKERS=1 STINT_POOL_MATCH_WORKERS=1
export STINT_POOL_PROBE_KINDS=probe STINT_POOL_PDF_KINDS=pdf-parse STINT_POOL_MATCH_KINDS=match
export STINT_KIND_PROBE_BACKOFF=200ms STINT_KIND_PDF_PARSE_BACKOFF=200ms STINT_KIND_MATCH_BACKOFF=200ms

# --- looking ---

fault_http() { # PATH: the answer's body; HTTP_CODE: its status
  local port answer
  port=$(cat "$STACK_DIR/run/metrics.port" 2>/dev/null)
  answer=$(curl -s -m "${FAULT_HTTP_S:-5}" -w '\n%{http_code}' "http://127.0.0.1:${port:-1}$1" 2>/dev/null)
  HTTP_CODE=${answer##*$'\n'}
  HTTP_BODY=${answer%$'\n'*}
}
fault_ready() { fault_http /readyz; [ "$HTTP_CODE" = 200 ]; }
fault_processes() { { supervisor_pid; worker_pids; zygote_pids; } | sort; }

# Processor time of the supervisor, the workers and the zygotes, ms.
fault_cpu_ms() {
  local pid sum=0 stat
  for pid in $(fault_processes); do
    stat=$(cat "/proc/$pid/stat" 2>/dev/null) || continue
    # shellcheck disable=SC2086 # words are meant
    set -- ${stat##*) }
    sum=$((sum + ${12} + ${13}))
  done
  echo $((sum * 10))
}
fault_log_lines() { wc -l <"$STACK_DIR/log/supervisor.log"; }
# What the log said since the fault's beginning.
fault_log_since() { tail -n "+$((FAULT_LINE + 1))" "$STACK_DIR/log/supervisor.log"; }

# --- what was applied: every commit of a kind that stores leaves a line ---

fault_watch_effects() {
  sql "CREATE TABLE public.applied(queue text, job_id text);
       CREATE FUNCTION public.applied() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS \$\$
         BEGIN INSERT INTO public.applied VALUES(NEW.queue, NEW.job_id); RETURN NEW; END \$\$;
       CREATE TRIGGER applied AFTER INSERT OR UPDATE ON stint.job_outcome FOR EACH ROW WHEN (NEW.state = 'done')
         EXECUTE FUNCTION public.applied();
       CREATE TRIGGER applied AFTER INSERT OR UPDATE ON stint.pdf_result FOR EACH ROW
         EXECUTE FUNCTION public.applied();"
}

# Jobs applied more than once: a committed effect too many, or an end too many in the ledger.
fault_doubles() {
  local q stats n extra=0
  for q in $QUEUES; do
    stats=$(queue_stats "$q")
    n=$(jq -r '.drift // 1' <<<"$stats")
    [ "$n" = 0 ] || { echo "drift:$q:$n"; return; }
  done
  n=$(sql "SELECT count(*) FROM (SELECT a.queue, a.job_id FROM public.applied a GROUP BY a.queue, a.job_id
    HAVING count(*) > 1 + (SELECT count(*) FROM stint.pdf_result r WHERE r.queue = a.queue AND r.job_id = a.job_id)) twice")
  echo "$((n + extra))"
}

# --- work ---

# A mix on its way: quick, slow, retried, scheduled, large jobs; documents; people.
fault_work() {
  local i tag="f$FAULT_N"
  for i in $(seq 1 10); do
    book_probe "$tag-ok-$i" "done" '"do":"ok"'
    book_probe "$tag-low-$i" "done" '"do":"ok"' ',"band":"low"'
    book_probe "$tag-nap-$i" "done" '"do":"sleep","ms":80'
    book_probe "$tag-later-$i" "done" '"do":"ok"' ",\"delay_ms\":$((i * 80))"
  done
  for i in 1 2 3; do
    book_probe "$tag-once-$i" "done" '"do":"fail","times":1'
    book_probe "$tag-never-$i" HANDLER_REFUSED '"do":"fail-permanent"'
    book_pdf "$tag-pdf-$i" $((1 + i % 3)) "$((FAULT_N * 3 + i))"
    book_person "$tag-person-$i" "$((FAULT_N * 3 + i))"
  done
  flush
}

# One document more.
fault_document() {
  book_pdf "f$FAULT_N-more-$FAULT_LOOKS" 1 "$((9000 + FAULT_N * 500 + FAULT_LOOKS))"
  flush
}

FAULT_CANARIES=0
fault_canary() {
  FAULT_CANARIES=$((FAULT_CANARIES + 1))
  redis FCALL stint_enqueue 1 "stint:{probe}" "{\"kind\":\"probe\",\"band\":\"express\",\"id\":\"canary-$FAULT_CANARIES\"}" '{"v":1,"do":"ok"}' |
    grep -q '"state":"ready"'
}
fault_canary_done() { redis FCALL stint_job 1 "stint:{probe}" "canary-$FAULT_CANARIES" | grep -q '"state":"done"'; }

# A dead letter that left a full Redis is in the archive, which is no loss.
archived_as() { [ "$(sql "SELECT code FROM stint.dead_letter WHERE queue = '$1' AND job_id = '$2'" 2>/dev/null | head -n 1)" = "$3" ]; }

# Booked jobs of this fault that did not end as they should. An error reply is followed by an empty line.
fault_lost() {
  grep -E " f$FAULT_N-" "$STACK_DIR/books" >"$STACK_DIR/case"
  awk '{ printf "FCALL stint_job 1 stint:{%s} %s\n", $1, $2 }' "$STACK_DIR/case" | redis | grep -v '^$' |
    jq -R -r '(fromjson? // {state: "unknown"}) | if .state == "dead" then .errors[-1].code else .state end' |
    paste -d' ' "$STACK_DIR/case" - | awk '$3 != $4' | while read -r q id want got; do
      [ "$got" = unknown ] && archived_as "$q" "$id" "$want" || echo "$q $id $want $got"
    done >"$STACK_DIR/case.wrong"
  [ -s "$STACK_DIR/case" ] || echo "nothing-booked"
  wc -l <"$STACK_DIR/case.wrong"
}

# --- one fault ---

# Looks at /readyz as long as the fault lasts; keeps the last reasons that were not well. Holds it longer, up to 30 s, for a host so
# busy that what must be said is not said yet.
fault_hold() {
  local began_ms until_ms
  began_ms=$(now_ms)
  until_ms=$((began_ms + $1))
  FAULT_REASONS="" FAULT_WELL=0 FAULT_LOOKS=0
  while [ "$(now_ms)" -lt "$until_ms" ] || { [ "$(now_ms)" -lt "$((until_ms + 30000))" ] && ! fault_told; }; do
    fault_http /readyz
    FAULT_LOOKS=$((FAULT_LOOKS + 1))
    if [ "$HTTP_CODE" = 503 ]; then FAULT_REASONS="$HTTP_BODY"; else FAULT_WELL=$((FAULT_WELL + 1)); fi
    if [ "$(now_ms)" -gt "$until_ms" ] && [ -n "${FAULT_FEED-}" ] && [ $((FAULT_LOOKS % 10)) = 0 ]; then "$FAULT_FEED"; fi
    pause 0.1
  done
  FAULT_HELD_MS=$(($(now_ms) - began_ms))
}
fault_told() { # what this row wants to hear was heard
  case "${FAULT_READYZ-}" in
    ""|ok) ;;
    *) grep -qE "\"code\": ?\"($FAULT_READYZ)\"" <<<"$FAULT_REASONS" || return 1 ;;
  esac
  grep -qF -- "${FAULT_SAYS-}" <<<"$FAULT_REASONS" && ${FAULT_SEEN:-true}
}

fault_check_readyz() {
  local want=${FAULT_READYZ-} codes
  codes=$(jq -r '[.reasons[].code] | unique | join(",")' <<<"${FAULT_REASONS:-{\}}" 2>/dev/null)
  FAULT_CODES=${codes:-ok}
  case "$want" in
    "") ;;
    ok) same "$1: /readyz stays well" "$FAULT_CODES" ok ;;
    *) if grep -qE "(^|,)($want)(,|\$)" <<<"$FAULT_CODES"; then ok "$1: /readyz says $FAULT_CODES"
       else not_ok "$1: /readyz says $FAULT_CODES, expected $want"; fi ;;
  esac
}

fault_check_says() {
  [ -n "${FAULT_SAYS-}" ] || return 0
  if grep -qF -- "$FAULT_SAYS" <<<"$FAULT_REASONS"; then ok "$1: /readyz names the remedy"
  else not_ok "$1: /readyz does not say '$FAULT_SAYS': $(jq -c '[.reasons[].detail]' <<<"${FAULT_REASONS:-{\}}" 2>/dev/null)"; fi
  if until_true 60 fault_said_elsewhere; then
    ok "$1: the log or stint status names the remedy"
  else not_ok "$1: neither the log nor stint status says '$FAULT_SAYS'"; fi
}

fault_said_elsewhere() {
  grep -qF -- "$FAULT_SAYS" <<<"$(fault_log_since)" && return
  "$STINT" status --dir "$STACK_DIR" >"$STACK_DIR/status.out" 2>&1
  grep -qF -- "$FAULT_SAYS" "$STACK_DIR/status.out"
}

# What an operator sees while it lasts.
fault_ask() {
  local code
  "$STINT" status --dir "$STACK_DIR" >"$STACK_DIR/status.out" 2>&1
  code=$?
  [ -z "${FAULT_STATUS-4}" ] || same "$1: stint status exits ${FAULT_STATUS-4}" $code "${FAULT_STATUS-4}"
  if [ -n "${FAULT_ENQUEUE-}" ]; then
    "$STINT" enqueue probe --dir "$STACK_DIR" >"$STACK_DIR/enqueue.out" 2>&1
    same "$1: stint enqueue exits 4" $? 4
    if grep -qF -- "$FAULT_ENQUEUE" "$STACK_DIR/enqueue.out"; then ok "$1: stint enqueue names the remedy"
    else not_ok "$1: stint enqueue does not say '$FAULT_ENQUEUE': $(head -c 400 "$STACK_DIR/enqueue.out")"; fi
  fi
}

fault_died() { comm -23 <(echo "$1") <(fault_processes) | grep -c . ; }

fault() { # NAME INJECT HEAL
  local name=$1 inject=$2 heal=$3 before cpu lines hold=${FAULT_HOLD_MS:-2000} healed recovered lost twice died spun
  FAULT_N=$((FAULT_N + 1))
  fault_work || { not_ok "$name: its jobs cannot be enqueued"; return 1; }
  before=$(fault_processes)
  cpu=$(fault_cpu_ms) FAULT_LINE=$(fault_log_lines)
  $inject || { not_ok "$name: the fault cannot be made"; $heal; return 1; }
  fault_hold "$hold"
  hold=$FAULT_HELD_MS
  cpu=$(($(fault_cpu_ms) - cpu)) lines=$(($(fault_log_lines) - FAULT_LINE))
  fault_check_readyz "$name"
  fault_ask "$name"
  fault_check_says "$name"
  died=$(fault_died "$before")
  $heal || { not_ok "$name: the fault cannot be mended"; return 1; }
  healed=$(now_ms) recovered="never"
  if until_true $FAULT_RECOVERY_S fault_canary && until_true $FAULT_RECOVERY_S fault_canary_done &&
    until_true $FAULT_RECOVERY_S fault_ready; then
    recovered=$(($(now_ms) - healed))
    ok "$name: recovers by itself"
  else
    not_ok "$name: no recovery within $FAULT_RECOVERY_S s: $HTTP_BODY"
  fi
  until_true $FAULT_RECOVERY_S is_quiet || not_ok "$name: jobs are left over: $(for q in $QUEUES; do echo "$q $(stat_of "$q" "$LEFT")"; done | tr '\n' ' ')"
  lost=$(fault_lost) twice=$(fault_doubles)
  [ "${FAULT_LOSES-}" = yes ] && lost="-"
  spun="no"
  [ "$cpu" -le $((hold / FAULT_CPU_SHARE + 200)) ] || spun="$cpu ms"
  [ "$lines" -le $((60 + hold * FAULT_LINES_PER_S / 1000)) ] || spun="$lines lines"
  case "$lost" in 0|-) ok "$name: no job lost" ;; *) not_ok "$name: $lost jobs lost"; sed 's/^/#   /' "$STACK_DIR/case.wrong" ;; esac
  same "$name: none applied twice, no drift" "$twice" 0
  same "$name: nobody spins" "$spun" no
  same "$name: nobody dies" "$died" 0
  FAULT_TABLE+=$(printf '# %-34s %4s %5s %4s %4s  %5d ms %4d lines  %8s ms  %s' "$name" "$lost" "$twice" "$spun" "$died" \
    "$cpu" "$lines" "$recovered" "$FAULT_CODES")$'\n'
  unset FAULT_READYZ FAULT_SAYS FAULT_STATUS FAULT_HOLD_MS FAULT_LOSES FAULT_ENQUEUE FAULT_HTTP_S FAULT_SEEN FAULT_FEED
}

fault_table() {
  printf '# %-34s %4s %5s %4s %4s  %8s %10s  %11s  %s\n' fault lost twice spun died cpu log recovery "/readyz said"
  printf '%s' "$FAULT_TABLE"
}
