# An upgrade under load: the supervisor hands over, no job fails, the unit is active all the time, and systemd knows its new main process for its own.
# shellcheck shell=bash
main_pid=$(prop MainPID)
main_is_new() { [ "$(prop MainPID)" != "$1" ] && [ "$(prop MainPID)" != 0 ] && ready 5; }
alone() { stint status --json | jq -e '.supervisor.handover.state == "none"'; }
JOBS=1500
for n in $(seq $JOBS); do echo "{\"kind\":\"probe\",\"id\":\"u$n\",\"payload\":{\"v\":1,\"do\":\"sleep\",\"ms\":20}}"; done >/e2e/load.ndjson
stint enqueue --bulk /e2e/load.ndjson --quiet >/dev/null
while [ ! -e /e2e/upgraded ]; do prop ActiveState; done >/e2e/states &
states_pid=$!
dpkg --force-confold -i /e2e/stint-next.deb >/e2e/upgrade.log 2>&1 </dev/null || not_ok "the upgrade: $(tail -n 3 /e2e/upgrade.log | tr '\n' ' ')"
same "the later version is installed" "$(dpkg-query -W -f '${Version}' stint | grep -c '\.1$')" 1
same "the edited configuration is kept" "$(grep -c 'kind.probe' /etc/stint/stint.conf)" 1
grep 'handed over' /e2e/upgrade.log | sed 's/^/# /'
holds "the package's upgrade hands over" grep -q 'handed over after' /e2e/upgrade.log
holds "systemd has a new main process" until_true 60 main_is_new "$main_pid"
all_done() { state_is "u$JOBS" "done" && [ "$(stint queue stats probe --json | jq '[.bands[] | .ready + .active] | add')" = 0 ]; }
holds "every job ended" until_true 120 all_done
holds "the old one has left" until_true 60 alone
touch /e2e/upgraded
wait "$states_pid"
same "the unit was active all the time ($(grep -c . /e2e/states) looks)" "$(sort -u /e2e/states) $(prop NRestarts)" "active 0"
# What a worker that leaves had claimed and not begun is handed back, free: its epoch is one more for that alone.
same "none failed, none was lost, none was run twice, the ledger has no drift" \
  "$(for n in $(seq $JOBS); do echo "FCALL stint_job 1 stint:{probe} u$n"; done | redis-cli | jq -c '[.state, .attempts, .crashes, .epoch - .handbacks]' | sort | uniq -c | tr -s ' ') $(stint queue stats probe --json | jq -r .drift)" \
  " $JOBS [\"done\",0,0,1] 0"
journalctl -u "$UNIT" -o json --no-pager | jq -r 'select(.MESSAGE == "job done" or (.MESSAGE | tostring | startswith("job done"))) | ((.__REALTIME_TIMESTAMP | tonumber) / 1000 | floor) - (.STINT_WALL_MS | tonumber)' 2>/dev/null |
  sort -n | tail -n $JOBS | awk 'NR > 1 && $1 - last > most { most = $1 - last } { last = $1 } END { print "# longest time between two starts of jobs during the upgrade: " most + 0 " ms" }'

# The end of a main process that systemd did not start is noticed at once, also while the one before it drains.
successor=$(prop MainPID)
kill -KILL "$successor"
holds "a successor that dies is started again" until_true 120 main_is_new "$successor"
enqueue in-hand '{"v":1,"do":"sleep","ms":20000}'
until_true 120 runs in-hand
before=$(prop MainPID)
stint upgrade >/e2e/upgrade.log 2>&1
holds "handed over while a job runs" until_true 60 main_is_new "$before"
successor=$(prop MainPID)
kill -KILL "$successor"
holds "killed while its predecessor drains: a third life" until_true 120 main_is_new "$successor"
holds "and the job in the old one's hand ends well" until_true 120 state_is in-hand "done"
enqueue at-stop '{"v":1,"do":"sleep","ms":4000}'
until_true 120 runs at-stop
stint upgrade >/e2e/upgrade.log 2>&1 || not_ok "no hand-over: $(tail -n 2 /e2e/upgrade.log | tr '\n' ' ')"
systemctl stop "$UNIT"
same "a stop while the old one drains lets its job end" "$(job at-stop '"\(.state) \(.epoch)"') $(prop Result)" "done 1 success"
systemctl start "$UNIT"
until_true 60 ready 5 || not_ok "five workers after the start"
