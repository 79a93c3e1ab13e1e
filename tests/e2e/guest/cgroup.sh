#!/bin/bash
# Runs in the virtual machine of test_systemd_cgroup.sh, as root, once, at boot. Its lines on the console are the verdicts.
set -u
# shellcheck source=tests/e2e/guest/lib.sh
. /e2e/lib.sh
GROUP=/sys/fs/cgroup/stint.slice/$UNIT
LIMIT=100663296

workers() { stint worker list --json; }
status() { stint status --json | jq -r "$1"; }
job() { stint job show "$1" --json; }
state_is() { [ "$(job "$1" | jq -r .state)" = "$2" ]; }
enqueue() { stint enqueue probe --id "$1" --payload "$2" >/dev/null; }
ready_is() { [ "$(status '[.supervisor.workers[] | select(.state == "ready")] | length')" = "$1" ]; }
leaves() { find "$GROUP" -maxdepth 1 -name 'worker-*' | wc -l; }
leaves_are() { [ "$(leaves)" = "$1" ]; }
runs() { workers | jq -s -e --arg job "$1" 'any(.job == $job and .phase == "run")'; }

# --- as a package does ---
echo # the console's own control sequences end here
systemd-sysusers && systemd-tmpfiles --create >/dev/null 2>&1
redis-cli config set appendonly yes >/dev/null
until_true 60 runuser -u postgres -- psql -c 'SELECT 1' || { not_ok "PostgreSQL answers"; finish journal; }
runuser -u postgres -- createuser stint
runuser -u postgres -- createdb -O stint stint
runuser -u stint -- stint migrate >/dev/null || not_ok "stint migrate as the service's user"
systemctl daemon-reload
systemctl start "$UNIT"
same "the unit starts, as its own user, with preflight before it" "$(prop ActiveState) $(prop User)" "active stint"
[ "$(prop ActiveState)" = active ] || { systemctl status "$UNIT" --no-pager | tail -n 15 | sed 's/^/# /'; finish journal; }
until_true 90 ready_is 3 || { not_ok "three workers become ready"; finish journal; }
main_pid=$(prop MainPID)

# --- the unit and the tree ---
same "systemd delegates the group" "$(prop Delegate)" yes
same "one worker over its memory does not stop the unit" "$(prop OOMPolicy)" continue
same "only what a drain left is killed" "$(prop KillMode)" mixed
same "the watchdog is on" "$(prop WatchdogUSec)" 30s
same "status says that groups hold" "$(status .supervisor.limits.why)" "cgroup v2, delegated: a group per worker (memory, pids, cpu)"
holds "people read it too" grep -q 'limits: cgroup v2, delegated' <(stint status)
same "the supervisor lives in its own leaf" "$(cut -d: -f3 "/proc/$main_pid/cgroup")" "/stint.slice/$UNIT/supervisor"
same "one leaf for each worker" "$(leaves)" 3
for pid in $(workers | jq -r .pid); do
  leaf=/sys/fs/cgroup$(cut -d: -f3 "/proc/$pid/cgroup")
  same "worker $(basename "$leaf"): its limits are the kernel's" \
    "$(cat "$leaf/memory.max" "$leaf/memory.oom.group" "$leaf/pids.max" "$leaf/cpu.max" | tr '\n' ' ')" "$LIMIT 1 40 150000 100000 "
done

# --- a job past its worker's memory, beside two that sleep ---
enqueue sibling-1 '{"v":1,"do":"sleep","ms":25000}'
enqueue sibling-2 '{"v":1,"do":"sleep","ms":25000}'
holds "the siblings run" until_true 60 eval 'runs sibling-1 && runs sibling-2'
enqueue hog '{"v":1,"do":"alloc","mib":500}'
holds "the job that passes its worker's memory ends in the dead letters" until_true 120 state_is hog dead
hog=$(job hog)
last=$(jq -c '.errors[-1]' <<<"$hog")
same "its cause is the kernel's OOM kill" "$(jq -r '.cause + " " + .code + " " + .signal' <<<"$last")" "oom_kill MEM_LIMIT SIGKILL"
same "evidence: OOM kills counted, the limit" "$(jq -r '"\(.detail.cgroup.oom_kills >= 1) \(.detail.cgroup.memory_max_bytes)"' <<<"$last")" "true $LIMIT"
same "evidence: the peak reached the limit" \
  "$(jq -r --argjson max $LIMIT '.detail.cgroup.memory_peak_bytes > $max * 0.95 and .detail.cgroup.memory_peak_bytes <= $max * 1.02' <<<"$last")" true
same "evidence: CPU time" "$(jq -r '.cpu_ms > 0' <<<"$last")" true
echo "# last error: $(cut -c1-600 <<<"$last")"
same "it stopped after two crashes, every one told as an OOM kill" \
  "$(jq -r '"\(.crashes) \([.errors[].cause] | unique | join(","))"' <<<"$hog")" "2 oom_kill"
holds "the siblings end well" until_true 90 eval 'state_is sibling-1 done && state_is sibling-2 done'
for id in sibling-1 sibling-2; do
  same "$id never noticed: one run, nothing paid" "$(job "$id" | jq -r '"\(.epoch) \(.crashes) \(.attempts) \(.handbacks)"')" "1 0 0 0"
done
same "the unit runs on: same process, no restart" "$(prop ActiveState) $(prop MainPID) $(prop NRestarts)" "active $main_pid 0"

# --- told apart from another's kill -9 ---
enqueue victim '{"v":1,"do":"sleep","ms":60000}'
until_true 60 runs victim
pid=$(workers | jq -r 'select(.job == "victim") | .pid')
[ -n "$pid" ] && kill -9 "$pid"
holds "a worker killed by somebody: its job starts again" until_true 60 eval '[ "$(job victim | jq -r .crashes)" = 1 ]'
same "that SIGKILL is no OOM kill" "$(job victim | jq -r '.errors[-1].cause')" "signal:SIGKILL"
until_true 60 runs victim
stint job cancel victim >/dev/null
until_true 60 state_is victim cancelled

# --- the failure lab, where groups hold ---
until_true 90 ready_is 3
stint drill run fork-bomb memory --yes --json >/tmp/drills
same "drill fork-bomb: refused by pids.max, and the worker lives" "$(jq -r 'select(.drill == "fork-bomb").verdict' /tmp/drills)" ok
same "drill memory: the group's limit comes first" \
  "$(jq -r 'select(.drill == "memory") | .verdict + " " + (.happened | split(" ")[2])' /tmp/drills)" "ok oom_kill"
sed 's/^/# /' /tmp/drills

# --- the journal: lines of one job by its id, with their fields ---
line=$(journalctl -u "$UNIT" STINT_JOB=hog -o json --no-pager 2>/dev/null | jq -sc '[.[] | select(.STINT_CAUSE == "oom_kill")][0]')
same "the journal finds a job's lines by its id, with the cause as a field" \
  "$(jq -r '"\(.SYSLOG_IDENTIFIER) \(.STINT_CAUSE)"' <<<"$line")" "stint-supervisor oom_kill"
holds "and holds only entries with a level" eval '[ -n "$(journalctl -u "$UNIT" -p info STINT_JOB=hog -o cat)" ]'

# --- afterwards ---
until_true 90 ready_is 3
holds "no leaf of a dead worker is left" until_true 60 leaves_are 3
systemctl reload "$UNIT"
same "a reload keeps the unit" "$(prop ActiveState) $(prop MainPID)" "active $main_pid"
same "the ledger has no drift" "$(stint queue stats probe --json | jq -r .drift)" 0
systemctl restart "$UNIT"
same "a restart finds its groups free" "$(prop ActiveState) $(prop Result)" "active success"
until_true 90 ready_is 3
enqueue after '{"v":1,"do":"ok"}'
holds "and works" until_true 60 state_is after "done"

# --- a supervisor that hangs: the watchdog ends it, systemd starts another ---
main_pid=$(prop MainPID)
enqueue waits '{"v":1,"do":"sleep","ms":600000,"times":1}'
until_true 60 runs waits
kill -STOP "$main_pid"
restarted() { [ "$(prop ActiveState)" = active ] && [ "$(prop MainPID)" != "$main_pid" ]; }
holds "a supervisor that hangs is ended by the watchdog and started again" until_true 240 restarted
until_true 90 ready_is 3
same "with a group for each worker, and none of its predecessor" "$(leaves)" 3
holds "and the job it held is done" until_true 90 state_is waits "done"
same "the ledger has no drift after that" "$(stint queue stats probe --json | jq -r .drift)" 0
systemctl stop "$UNIT"
same "a stop drains" "$(prop ActiveState) $(prop Result)" "inactive success"
holds "and leaves no group behind" test ! -d "$GROUP"
same "the ledger has no drift at the end" "$(stint queue stats probe --json | jq -r .drift)" 0
finish
