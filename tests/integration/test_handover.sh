#!/bin/bash
# Why: an upgrade of a running host must cost nothing: no job fails, nobody is charged, nobody finds a socket closed, and whatever is wrong with the new
# version leaves the old one at work.
# Refuses to: end a process that is none of its supervisors', by their own files; judge how fast it is (it prints that).
set -u
# shellcheck source=tests/support/stack.sh
. "$STINT_SOURCE/tests/support/stack.sh"
# shellcheck source=tests/support/redis_own.sh
. "$STINT_SOURCE/tests/support/redis_own.sh"
# The lease is patient: nothing here may be saved, or spoiled, by its end.
export STINT_SUPERVISOR_LEASE=60s STINT_SUPERVISOR_HEARTBEAT=1s STINT_RELAY_ENABLED=no
BIN="$STACK_DIR/bin" RUN="$STACK_DIR/run" CONF="$STACK_DIR/stint.conf" LOG="$STACK_DIR/log/supervisor.log"
mkdir -p "$BIN" "$RUN" "$STACK_DIR/log" "$STACK_DIR/state"
MARK=stint-handover-conf

programs() { # the installed programs: copies that this test may replace
  local program
  for program in stint-supervisor stint-worker stint-parser stint-fetch stint-backtrace stint-relay; do
    [ -f "$STINT_BUILD/bin/$program" ] && cp "$STINT_BUILD/bin/$program" "$BIN/$program.new" && mv "$BIN/$program.new" "$BIN/$program"
  done
}
# instead PROGRAM: standard input is installed in its place
instead() { cat >"$BIN/$1.new" && chmod 755 "$BIN/$1.new" && mv "$BIN/$1.new" "$BIN/$1"; }
configure() {
  printf '# %s\n[supervisor]\nrun_dir = %s\nstate_dir = %s/state\nlog_file = %s\nboot_timeout = %s\n[pool.probe]\nkinds = probe\nworkers = 2\n%s\n' \
    "$MARK" "$RUN" "$STACK_DIR" "$LOG" "${2:-60s}" "${1:-}" >"$CONF.new" && mv "$CONF.new" "$CONF"
}

# The operator's own copy of the configuration is right, whatever the supervisor is to read.
ctl() { "$STINT" "$@" --config "$CONF.ctl" 2>&1; }
json() { "$STINT" "$@" --config "$CONF.ctl" --json 2>/dev/null; }
status() { json status | jq -r ".supervisor | $1"; }
life_pids() { jq -r .pid "$STACK_DIR"/state/instances/* 2>/dev/null; }
main_pid() { status .pid; }
ours() { [ -r "/proc/$1/cmdline" ] && tr "\0" " " 2>/dev/null <"/proc/$1/cmdline" | grep -qF "$CONF"; }
all_gone() { local pid; for pid in "$@"; do lives "$pid" && return 1; done; true; }

start() { # a supervisor, whose parent is nobody's: it hands over as often as it is asked
  "$BIN/stint-supervisor" --config "$CONF" >>"$STACK_DIR/log/start.log" 2>&1 &
  STARTED=$!
  until_true 60 works "$STARTED"
}
works() { [ "$(status '.pid, .state, (.pools[0] | .ready == .desired)' | xargs)" = "$1 running true" ]; }
working() { [ "$(status '(.pools[0] | .ready == .desired), .handover.state' | xargs)" = "true none" ]; }
stop() { # whoever works
  local pid
  pid=$(main_pid)
  [ -n "$pid" ] && ours "$pid" && kill -TERM "$pid" && until_true 90 all_gone "$pid"
}
handover_mess() { # what is left of a test that failed
  local pid
  for pid in ${SCRAPE_PIDS:-}; do kill "$pid" 2>/dev/null; done
  for pid in $(life_pids) ${STARTED:-} ${HELD_PID:-}; do ours "$pid" && kill -KILL "$pid" 2>/dev/null; done
  true
}
redis_mess() { handover_mess; }

job() { redis FCALL stint_enqueue 1 'stint:{probe}' "{\"id\":\"$1\",\"kind\":\"probe\"}" "{\"v\":1,\"do\":\"$2\",\"ms\":$3}" >/dev/null; }
job_of() { redis FCALL stint_job 1 'stint:{probe}' "$1" | jq -r "$2"; }
job_is() { [ "$(job_of "$1" .state)" = "$2" ]; }
is_running() { json worker list | jq -s -e --arg job "$1" 'any(.job == $job)' >/dev/null; }
QUEUES=probe
ledger() { stat_of probe "[.enqueued, .ledger.done // 0, .dead, .drift] | join(\" \")"; }

programs && configure && cp "$CONF" "$CONF.ctl"
redis_start && start || { not_ok "a supervisor does not start"; tail -n 5 "$STACK_DIR/log/start.log"; stack_verdict; exit 1; }

# --- under load: every job done once, nobody charged, no socket that refuses ---
first=$(main_pid)
[ "$(ctl worker scale probe 4 | grep -c '4 workers wanted')" = 1 ] && ok "scaled to 4 at run time" || not_ok "not scaled"
until_true 60 works "$first"
JOBS=6000
for i in $(seq $JOBS); do
  echo "FCALL stint_enqueue 1 stint:{probe} '{\"id\":\"load-$i\",\"kind\":\"probe\"}' '{\"v\":1,\"do\":\"sleep\",\"ms\":5}'"
done | redis | grep -c ready >"$STACK_DIR/sent"
same "the queue is full" "$(cat "$STACK_DIR/sent")" "$JOBS"
port=$(cat "$RUN/metrics.port")
scrape() { # until told to stop: everybody who asks is answered
  while [ ! -e "$STACK_DIR/scraped" ]; do
    curl -sf --max-time 60 -o /dev/null "http://127.0.0.1:$port/healthz" && echo met || echo refused
    "$STINT" worker list --config "$CONF.ctl" >/dev/null 2>"$STACK_DIR/ask.err" && echo asked || { echo deaf; cat "$STACK_DIR/ask.err" >&2; }
  done >"$STACK_DIR/scrapes"
}
scrape &
SCRAPE_PIDS=$!
until_true 60 grep -q asked "$STACK_DIR/scrapes"
took=()
for round in 1 2 3; do
  before=$(main_pid)
  out=$(ctl upgrade --wait)
  code=$?
  [ $code = 0 ] && ok "hand-over $round under load" || { not_ok "hand-over $round ended with $code: $out"; break; }
  took+=("$(sed -n 's/.*handed over after \([0-9]* ms\).*/\1/p' <<<"$out")")
  [ "$(main_pid)" != "$before" ] && all_gone "$before" && ok "…to another process, and the old one has left" || not_ok "pid $before works or lives still"
done
same "the count of workers is carried over" "$(status '.pools[0].desired')" 4
same "the metrics' port is the same" "$(cat "$RUN/metrics.port")" "$port"
until_true 120 job_is "load-$JOBS" done
until_true 120 is_quiet
touch "$STACK_DIR/scraped"
wait "$SCRAPE_PIDS"
SCRAPE_PIDS=""
same "nobody who asked for metrics, or over the control socket, was refused ($(grep -c . "$STACK_DIR/scrapes") times)" \
  "$(grep -c 'refused\|deaf' "$STACK_DIR/scrapes")" 0
same "every job is done, none is dead, no drift" "$(ledger)" "$JOBS $JOBS 0 0"
same "none was run twice, failed or charged" "$(grep -c '"msg":"job done".*"outcome":"done"' "$LOG") $(grep '"msg":"job done"' "$LOG" | grep -vc '"attempts":0')" "$JOBS 0"
same "no death was told" "$(grep -c 'job of a dead worker\|gone, and its workers' "$LOG")" 0
# At every moment somebody fetches: the successor's first worker is ready before its predecessor drains.
jq -R -r 'fromjson? | select(.program == "supervisor") | [.pid, .msg, (.ts | sub("\\.[0-9]*Z$"; "Z") | fromdate) * 1000 + (.ts | capture("\\.(?<ms>[0-9]{3})").ms | tonumber)] | @tsv' "$LOG" >"$STACK_DIR/told"
early=$(awk -F'\t' '$2 == "worker ready" && !($1 in ready) { ready[$1] = $3; order[++n] = $1 }
  $2 ~ /^draining/ { drains[$1] = $3 }
  END { for (i = 1; i < n; i++) print (ready[order[i + 1]] <= drains[order[i]] ? "before" : "after") }' "$STACK_DIR/told" | sort | uniq -c | xargs)
same "each successor's first worker was ready before its predecessor drained" "$early" "3 before"
gap=$(jq -R -r 'fromjson? | select(.msg == "job done") | ((.ts | sub("\\.[0-9]*Z$"; "Z") | fromdate) * 1000 + (.ts | capture("\\.(?<ms>[0-9]{3})").ms | tonumber)) - .wall_ms' "$LOG" |
  sort -n | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print most + 0 }')
echo "# handed over after ${took[*]:-?}; longest time between two starts of jobs in 3 hand-overs: $gap ms"

# --- what an operator set is carried over: quiet ---
kill -TSTP "$(main_pid)"
until_true 60 [ -e "$RUN/control.sock" ]
is_state() { [ "$(status .state)" = "$1" ]; }
until_true 60 is_state quiet
ctl upgrade --wait >/dev/null
same "a quiet supervisor's successor is quiet" "$(status .state)" quiet
job quiet-1 ok 0
kill -CONT "$(main_pid)"
until_true 60 job_is quiet-1 done && ok "…and resumes" || not_ok "it does not resume"

# --- versions are told ---
sed 's/0\.1\.0/0.1.9/g' "$STINT_BUILD/bin/stint-supervisor" | instead stint-supervisor
out=$(ctl upgrade --wait)
grep -q 'version 0.1.0 -> 0.1.9' <<<"$out" && ok "the old version and the new are told" || not_ok "the versions are not told: $out"
same "the new version works" "$(status .version)" 0.1.9
programs
out=$(ctl upgrade --wait)
grep -q 'version 0.1.9 -> 0.1.0' <<<"$out" && ok "back to the older one is the same step" || not_ok "no way back: $out"
out=$(ctl upgrade --wait)
grep -q 'nothing newer is installed' <<<"$out" && ok "nothing newer: it says so, and does it" || not_ok "not told that nothing is newer: $out"

# --- wrong input ---
out=$(ctl upgrade --timeout soon)
same "a time that is none is a usage error" "$?" 2
"$BIN/stint-supervisor" --config "$CONF" --successor-of 3 >"$STACK_DIR/refused" 2>&1 3</dev/null
same "a supervisor is nobody's successor by hand" "$? $(grep -c 'stint upgrade' "$STACK_DIR/refused")" "2 1"

# --- a successor that cannot work: the old one goes on, and says why ---
fails() { # WHAT SAYS [OPTIONS…]
  local what=$1 says=$2 pid out code
  shift 2
  pid=$(main_pid)
  out=$(ctl upgrade "$@")
  code=$?
  [ $code = 1 ] && grep -qF "$says" <<<"$out" && ok "$what: exit 1, with the reason" || not_ok "$what: exit $code, expected 1 and \"$says\": $out"
  until_true 60 working
  same "…and the old one works on" "$(main_pid)" "$pid"
  status .handover.error | grep -qF "$says" && ok "…and its status remembers" || not_ok "its status says: $(status .handover.error)"
}
configure $'[supervisor]\nno_such_key = 1'
fails "a wrong configuration" no_such_key
configure
printf '#!/bin/sh\necho no such option >&2\nexit 2\n' | instead stint-supervisor
fails "a program that knows no hand-over" "before it said anything"
programs
printf '#!/usr/bin/env python3\nimport json, os, socket, time\nif os.fork(): os._exit(0)\ns = socket.socket(fileno=3)\ns.send(json.dumps({"say": "forked", "pid": os.getpid()}).encode())\ntime.sleep(3600)\n' |
  instead stint-supervisor
fails "one that hangs before it says who it is is killed" "not ready within" --timeout 1s
programs
mkdir "$RUN/control.new"
fails "a socket that cannot be made" "$RUN/control.new"
rmdir "$RUN/control.new"
same "…and the successor ended as it should" "$(grep -c '"msg":"cannot start".*control.new' "$LOG")" 1
printf '#!/bin/sh\nexit 70\n' | instead stint-worker
fails "workers that do not start" "pool probe" --timeout 3s
configure '' 1s # every start fails at once: the pool is given up long before its time is over
fails "a pool that is given up" "stopped after" --timeout 10m
configure
programs
job after-failures ok 0
until_true 60 job_is after-failures done && ok "jobs are done after all this" || not_ok "the old one does not work"
same "no worker was charged" "$(ledger | cut -d' ' -f3)" 0

# --- two at a time; told to stop in the middle ---
configure '' 20s # a worker that never starts is not waited for longer
printf '#!/bin/sh\nexec sleep 3600\n' | instead stint-worker
starting() { [ "$(status .handover.state)" = starting ] && [ "$(status .handover.successor.pid)" -gt 1 ]; }
ctl upgrade --timeout 10m >"$STACK_DIR/upgrade.out" &
UPGRADE=$!
until_true 60 starting && ok "a successor starts its workers" || not_ok "no successor starts"
out=$(ctl upgrade)
same "a second one is refused while it is under way" "$?" 5
grep -q 'under way' <<<"$out" && ok "…with the reason" || not_ok "it says: $out"
kill -USR2 "$(main_pid)"
same "…and by signal" "$(until_true 60 grep -q '"msg":"not handed over","error":"not handed over: a hand-over is under way' "$LOG" && echo yes)" yes
HELD_PID=$(status .handover.successor.pid) pid=$(main_pid)
kill -KILL "$HELD_PID"
wait $UPGRADE
same "a successor that is killed before it is ready: exit 1" "$?" 1
until_true 60 working
same "…the old one works on" "$(main_pid)" "$pid"
ctl upgrade --timeout 10m >"$STACK_DIR/upgrade.out" &
UPGRADE=$!
until_true 60 starting
HELD_PID=$(status .handover.successor.pid)
kill -TERM "$pid"
wait $UPGRADE
until_true 90 all_gone "$pid" "$HELD_PID" && ok "TERM in the middle ends both" || not_ok "somebody is left"
programs
configure

# --- deaths while the old one drains ---
start || not_ok "no supervisor starts"
handed() { # JOB: handed over while the old one has JOB in hand
  job "$1" sleep "$2"
  until_true 60 is_running "$1"
  OLD=$(main_pid)
  ctl upgrade >/dev/null
  NEW=$(main_pid)
  HELD_PID="$OLD $NEW"
}
handed drained 3000
[ "$(status .handover.predecessor.pid)" = "$OLD" ] && ok "status shows the predecessor that drains" || not_ok "no predecessor in the status"
same "a third one has to wait for it" "$(ctl upgrade >/dev/null; echo $?)" 5
kill -TERM "$NEW"
until_true 90 all_gone "$NEW"
all_gone "$OLD" && ok "a successor told to stop waits for the one that drains" || not_ok "it has left the old one alone"
same "…and its job is done, the first time" "$(job_of drained '[.state, .epoch] | join(" ")')" "done 1"

configure $'[supervisor]\ndrain_timeout = 10m'
start
configure $'[supervisor]\ndrain_timeout = 1s'
handed hurried 3600000
kill -TERM "$NEW"
until_true 90 all_gone "$NEW" "$OLD" && ok "a successor whose patience ends has the old one make an end" || not_ok "the old one drains on alone"
same "…its job was handed back, free" "$(job_of hurried '[.state, .crashes] | join(" ")')" "ready 0"
configure

start
until_true 60 is_running hurried
ctl job cancel hurried >/dev/null
until_true 60 job_is hurried cancelled || not_ok "the job that was handed back cannot be cancelled"
handed killed-old 3600000
kill -KILL "$OLD"
retaken() { [ "$(job_of killed-old .epoch)" = 2 ]; }
until_true 60 retaken && ok "the old one is killed: its job runs at the successor at once, long before the lease ends" || not_ok "the job is not taken up again"
lives "$NEW" && ok "…which lives on" || not_ok "the successor is gone too"
ctl job cancel killed-old >/dev/null
until_true 60 job_is killed-old cancelled || not_ok "the job that was taken up again cannot be cancelled"
stop || not_ok "the successor does not end"

start
handed killed-new 5000
kill -KILL "$NEW"
until_true 60 all_gone "$NEW" # until then its socket answers
start || not_ok "no third life starts beside the one that drains"
until_true 90 all_gone "$OLD"
same "the successor is killed: the old one finishes its job" "$(job_of killed-new '[.state, .epoch] | join(" ")')" "done 1"
job third ok 0
until_true 60 job_is third done && ok "…and whoever is started works" || not_ok "the third life does not work"

# --- a death at every step: somebody works on, or whoever is started does; no job is lost, none is charged ---
KILL_FILE="$STACK_DIR/killpoint"
arm() { echo "$1 $2 self" >"$KILL_FILE"; }
somebody_died() { [ "$(cut -d' ' -f2 "$KILL_FILE")" = 0 ]; }
alone() { working && [ "$(life_pids | wc -l)" = 1 ]; } # lives of this folder: those that died are forgotten by who works
deaf() { ! ctl worker list >/dev/null; }
# point, who dies there, who works then: the old one, the new one, or another that has to be started
POINTS="handover_started:old:new handover_giving:old:new handover_given:old:new
handover_ready:new:old handover_take:new:old handover_taken:new:another"
same "every step of a hand-over has a case" "$(tr ' ' '\n' <<<"$POINTS" | sed 's/:.*//' | sort | xargs)" \
  "$(grep -rhoE 'KILL_POINT\("handover_[^"]+"\)' "$STINT_SOURCE/supervisor" | sed 's/.*"\(.*\)".*/\1/' | sort -u | xargs)"
stop || until_true 90 all_gone "$(main_pid)"
arm none 0
export STINT_KILL_POINT="@$KILL_FILE"
start || not_ok "no supervisor starts"
for entry in $POINTS; do
  IFS=: read -r point who then <<<"$entry"
  OLD=$(main_pid)
  job "$point-held" sleep 300
  arm "$point" 1
  ctl upgrade >/dev/null
  until_true 60 somebody_died || not_ok "$point: nobody died there"
  arm none 0
  case "$then" in
    another) until_true 60 deaf && until_true 90 all_gone "$OLD" || not_ok "$point: the old one does not leave"; start || not_ok "$point: no other one starts" ;;
    new) until_true 60 all_gone "$OLD" || not_ok "$point: the old one lives" ;;
  esac
  HELD_PID=$(life_pids | xargs)
  until_true 60 alone || not_ok "$point: not one alone works: $(life_pids | xargs), $(status .handover | jq -c .)"
  job "$point-next" ok 0
  if until_true 60 job_is "$point-next" done && until_true 60 job_is "$point-held" done; then
    same "$point: the $who one dies there; its jobs and others are done" "$([ "$(main_pid)" = "$OLD" ] && echo old || echo "$then")" "$then"
  else
    not_ok "$point: jobs are not done: $(job_of "$point-next" .state) $(job_of "$point-held" .state)"
  fi
done
unset STINT_KILL_POINT

# --- versions beside one another ---
newer_library() { sed "s/^local VERSION = .*/local VERSION = 99/; s/^local PROTOCOL = .*/local PROTOCOL = $1/" "$STINT_SOURCE"/common/functions/*.lua | redis -x FUNCTION LOAD REPLACE >/dev/null; }
newer_library 1
ctl upgrade --wait >/dev/null
job newer ok 0
until_true 60 job_is newer done && ok "an older program works with a newer library of its protocol" || not_ok "no job is done with a newer library"
same "…and does not take it back" "$(redis FCALL stint_version 0)" 99
newer_library 2
grep -qF 'install the newer version here' <<<"$(ctl queue list)" && ok "of another protocol it is refused by name" || not_ok "it says: $(ctl queue list)"
redis FUNCTION DELETE stint >/dev/null
until_true 60 job_is newer done && ok "…and loaded anew where there is none" || not_ok "no library"
same "the registry tells version and protocol" "$(redis HVALS 'stint:{probe}:ii' | jq -s -c 'map([.version, .protocol]) | unique')" '[["0.1.0",1]]'
printf '#!/bin/sh\nSTINT_IPC=99 exec %s "$@"\n' "$STINT_BUILD/bin/stint-worker" | instead stint-worker
fails "workers that do not understand the supervisor" 'run `stint upgrade`' --timeout 5s
programs

# --- Redis away meanwhile ---
redis_kill
is_away() { [ "$(status .redis.ready)" = false ]; }
until_true 60 is_away
out=$(ctl upgrade)
same "handed over while Redis is away" "$?" 0
redis_start
job late ok 0
until_true 60 job_is late done && ok "…and jobs are done when it is back" || not_ok "no job is done after Redis came back"

# --- the first process of a container ---
stop
if unshare --user --map-root-user --pid --fork true 2>/dev/null; then
  unshare --user --map-root-user --pid --fork --kill-child=KILL "$BIN/stint-supervisor" --config "$CONF" >>"$STACK_DIR/log/start.log" 2>&1 &
  inside=$!
  up() { [ "$(status .state)" = running ]; }
  until_true 60 up
  out=$(ctl upgrade)
  same "as the first process of a container it is refused" "$?" 5
  grep -q 'replace the container' <<<"$out" && ok "…with what to do" || not_ok "it says: $out"
  kill -KILL "$inside"
  wait "$inside" 2>/dev/null
else
  echo "# skip - as PID 1: no namespace of processes can be made here"
fi
same "the books balance" "$(ledger | cut -d' ' -f4)" 0
stack_verdict
