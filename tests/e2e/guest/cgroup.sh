#!/bin/bash
# Runs in the virtual machine of test_systemd_cgroup.sh, as root, once, at boot. Its lines on the console are the verdicts.
set -u
# shellcheck source=tests/e2e/guest/lib.sh
. /e2e/lib.sh
GROUP=/sys/fs/cgroup/stint.slice/$UNIT
LIMIT=100663296

workers() { stint worker list --json; }
status() { stint status --json | jq -r "$1"; }
leaves() { find "$GROUP" -maxdepth 1 -name 'worker-*' | wc -l; }
leaves_are() { [ "$(leaves)" = "$1" ]; }
at_most() { awk -v line="$1" -v most="$2" 'BEGIN { n = split(line, word, " "); for (i = 1; i < n; i++) if (word[i] ~ /^[0-9.]+$/) exit !(word[i] <= most); exit 1 }'; }

# --- as the page says, with pools of our own ---
echo # the console's own control sequences end here
services_ready || finish journal
page_home
doc "apt-get install ./stint_*.deb" || finish journal
doc "createuser stint"
cat /e2e/cgroup.conf >/etc/stint/stint.conf
doc "systemctl start stint-supervisor"
same "the unit starts, as its own user, with preflight before it" "$(prop ActiveState) $(prop User)" "active stint"
[ "$(prop ActiveState)" = active ] || { systemctl status "$UNIT" --no-pager | tail -n 15 | sed 's/^/# /'; finish journal; }
until_true 90 ready 3 || { not_ok "three workers become ready"; finish journal; }
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
echo "# $(systemd-analyze security --no-pager "$UNIT" | tail -n 1)"
holds "its exposure is at most 2.0" at_most "$(systemd-analyze security --no-pager "$UNIT" | tail -n 1)" 2.0
for pid in $(workers | jq -r .pid); do
  leaf=/sys/fs/cgroup$(cut -d: -f3 "/proc/$pid/cgroup")
  same "worker $(basename "$leaf"): its limits are the kernel's" \
    "$(cat "$leaf/memory.max" "$leaf/memory.high" "$leaf/memory.oom.group" "$leaf/pids.max" "$leaf/cpu.max" | tr '\n' ' ')" "$LIMIT max 1 40 150000 100000 "
done

# --- a job past its worker's memory, beside two that sleep ---
enqueue sibling-1 '{"v":1,"do":"sleep","ms":25000}'
enqueue sibling-2 '{"v":1,"do":"sleep","ms":25000}'
holds "the siblings run" until_true 60 eval 'runs sibling-1 && runs sibling-2'
enqueue hog '{"v":1,"do":"alloc","mib":500}'
holds "the job that passes its worker's memory ends in the dead letters" until_true 120 state_is hog dead
hog=$(job hog .)
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
  same "$id never noticed: one run, nothing paid" "$(job "$id" '"\(.epoch) \(.crashes) \(.attempts) \(.handbacks)"')" "1 0 0 0"
done
same "what a job used is kept, of its cgroup: time, processor time, memory" \
  "$(job sibling-1 '.usage | "\(.of) \(.wall_ms >= 25000) \(.cpu_ms >= 0) \(.memory_peak_bytes > 1000000)"')" "cgroup true true true"
echo "# $(stint job show sibling-1 | grep 'used ')"
same "the unit runs on: same process, no restart" "$(prop ActiveState) $(prop MainPID) $(prop NRestarts)" "active $main_pid 0"

# --- told apart from another's kill -9 ---
enqueue victim '{"v":1,"do":"sleep","ms":60000}'
until_true 60 runs victim
pid=$(workers | jq -r 'select(.job == "victim") | .pid')
[ -n "$pid" ] && kill -9 "$pid"
holds "a worker killed by somebody: its job starts again" until_true 60 eval '[ "$(job victim .crashes)" = 1 ]'
same "that SIGKILL is no OOM kill" "$(job victim '.errors[-1].cause')" "signal:SIGKILL"
until_true 60 runs victim
stint job cancel victim >/dev/null
until_true 60 state_is victim cancelled

# --- the failure lab, where groups hold ---
until_true 90 ready 3
stint drill run fork-bomb memory --yes --json >/tmp/drills
same "drill fork-bomb: refused by pids.max, and the worker lives" "$(jq -r 'select(.drill == "fork-bomb").verdict' /tmp/drills)" ok
same "drill memory: the group's limit comes first" \
  "$(jq -r 'select(.drill == "memory") | .verdict + " " + (.happened | split(" ")[2])' /tmp/drills)" "ok oom_kill"
sed 's/^/# /' /tmp/drills

# --- the journal: lines of one job by its id, with their fields ---
export ID=hog
doc 'STINT_JOB="$ID"'
line=$(journalctl -u "$UNIT" STINT_JOB=hog -o json --no-pager 2>/dev/null | jq -sc '[.[] | select(.STINT_CAUSE == "oom_kill")][0]')
same "the journal finds a job's lines by its id, with the cause as a field" \
  "$(jq -r '"\(.SYSLOG_IDENTIFIER) \(.STINT_CAUSE)"' <<<"$line")" "stint-supervisor oom_kill"
holds "and holds only entries with a level" eval '[ -n "$(journalctl -u "$UNIT" -p info STINT_JOB=hog -o cat)" ]'

# --- afterwards ---
until_true 90 ready 3
holds "no leaf of a dead worker is left" until_true 60 leaves_are 3
enqueue kept '{"v":1,"do":"sleep","ms":3000}'
until_true 60 runs kept
doc "systemctl reload stint-supervisor"
same "a reload keeps the unit" "$(prop ActiveState) $(prop MainPID)" "active $main_pid"
holds "and the job in hand" until_true 90 state_is kept "done"
same "in its first run" "$(job kept '"\(.epoch) \(.handbacks)"')" "1 0"
same "the ledger has no drift" "$(stint queue stats probe --json | jq -r .drift)" 0

# --- limits of all together, and of the network ---
doc "systemctl set-property stint.slice"
same "the kernel has the slice's limit" "$(cat /sys/fs/cgroup/stint.slice/memory.max /sys/fs/cgroup/stint.slice/pids.max | tr '\n' ' ')" "629145600 400 "
holds "status tells the limit above the workers" grep -q '600 MiB' /e2e/doc.log
doc "IPAddressDeny=any IPAddressAllow=localhost"
same "a restart finds its groups free" "$(prop ActiveState) $(prop Result)" "active success"
until_true 90 ready 3
enqueue after '{"v":1,"do":"ok"}'
holds "and works, within addresses that are allowed" until_true 60 state_is after "done"
mkdir -p "/run/systemd/system/$UNIT.d" && printf '[Service]\nIPAddressAllow=\nIPAddressAllow=192.0.2.1\n' >"/run/systemd/system/$UNIT.d/elsewhere.conf"
rm -r "/etc/systemd/system.control/$UNIT.d" && printf '[Service]\nIPAddressDeny=any\n' >"/run/systemd/system/$UNIT.d/deny.conf"
systemctl daemon-reload
holds "Redis that is not among them is out of reach: preflight stops the start" eval '! timeout 60 systemctl restart "$UNIT"'
rm -r "/run/systemd/system/$UNIT.d"
systemctl revert stint.slice "$UNIT"
systemctl daemon-reload && systemctl restart "$UNIT"
same "reverted, the slice has no limit" "$(cat /sys/fs/cgroup/stint.slice/memory.max)" max
until_true 90 ready 3 || not_ok "three workers again"

# --- hand-over: two lives in one delegated group, none takes the other's leaves ---
main_pid=$(prop MainPID)
enqueue spans '{"v":1,"do":"sleep","ms":8000}'
until_true 60 runs spans
holds "a supervisor hands over to the installed one" stint upgrade
same "which is the unit's main process now" "$(prop ActiveState) $([ "$(prop MainPID)" != "$main_pid" ] && echo another)" "active another"
holds "the job in hand ends well" until_true 120 state_is spans "done"
same "in its first run" "$(job spans '"\(.epoch) \(.handbacks)"')" "1 0"
holds "the old one leaves" until_true 120 eval '! kill -0 "$main_pid"'
until_true 90 ready 3 || not_ok "three workers of the successor"
same "with groups of its own" "$(status .supervisor.limits.cgroup)" true
holds "and no leaf more" until_true 60 leaves_are 3

# --- a supervisor that hangs: the watchdog ends it, systemd starts another ---
main_pid=$(prop MainPID)
enqueue waits '{"v":1,"do":"sleep","ms":600000,"times":1}'
until_true 60 runs waits
kill -STOP "$main_pid"
restarted() { [ "$(prop ActiveState)" = active ] && [ "$(prop MainPID)" != "$main_pid" ]; }
holds "a supervisor that hangs is ended by the watchdog and started again" until_true 240 restarted
until_true 90 ready 3
same "with a group for each worker, and none of its predecessor" "$(leaves)" 3
holds "and the job it held is done" until_true 90 state_is waits "done"
same "the ledger has no drift after that" "$(stint queue stats probe --json | jq -r .drift)" 0
systemctl stop "$UNIT"
same "a stop drains" "$(prop ActiveState) $(prop Result)" "inactive success"
holds "and leaves no group behind" test ! -d "$GROUP"

# --- a unit for one pool: a group of its own, limits of its own ---
printf 'STINT_METRICS_PORT=9471\nSTINT_POOL_PROBE_CGROUP_MEMORY_HIGH=90M\nSTINT_POOL_PROBE_WORKERS=2\n' >/etc/stint/probe.env
systemctl start stint@probe.service
until_true 90 ready 2 || not_ok "two workers of stint@probe"
same "it has groups too, in the slice" "$(status '.supervisor.limits | "\(.cgroup) \(.path)"')" "true /stint.slice/stint@probe.service"
leaf=/sys/fs/cgroup$(cut -d: -f3 "/proc/$(workers | jq -r .pid | head -n 1)/cgroup")
same "with the settings of its own file" "$(cat "$leaf/memory.high" "$leaf/memory.max" | tr '\n' ' ')$(status .supervisor.metrics.port)" "94371840 $LIMIT 9471"
stint enqueue probe --id of-pool --attempts 1 --payload '{"v":1,"do":"sleep","ms":500}' --wait >/dev/null 2>&1
same "it works" "$(job of-pool .state)" "done"
systemctl stop stint@probe.service
holds "and leaves nothing behind" test ! -d /sys/fs/cgroup/stint.slice/stint@probe.service
same "no limit's command of the page was left out" "$(grep -l set-property /e2e/doc/*.sh 2>/dev/null)" ""
same "the ledger has no drift at the end" "$(stint queue stats probe --json | jq -r .drift)" 0
finish
