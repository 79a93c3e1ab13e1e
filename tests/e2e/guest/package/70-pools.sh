# A unit for each pool: instead of the unit of all pools, then beside it; each alone in what it does.
# shellcheck shell=bash
show() { systemctl show "stint@$1.service" -P "$2"; }
doc "systemctl enable --now stint@match stint@pdf"
same "two supervisors in the place of one" "$(prop ActiveState) $(show match ActiveState) $(show pdf ActiveState)" "inactive active active"
until_true 60 ready 3 || { not_ok "three workers of two pools become ready"; finish journal; }
same "each runs its own pool" "$(stint worker list --json | jq -r '.supervisor + ":" + .pool' | sort -u | tr '\n' ' ')" "match:match pdf:pdf "
same "in the slice of all" "$(show pdf Slice)" stint.slice
doc "stint --run-dir pdf worker list"
same "one is asked alone" "$(stint --run-dir pdf worker list --json | jq -r .pool | sort -u)" pdf
doc "STINT_METRICS_PORT=9472"
until_true 60 ready 3
same "its metrics are on the port of its own file" "$(metric_of 9472 'stint_workers{' | grep -o 'pool="[a-z]*"' | sort -u)" 'pool="pdf"'

holds "a pool that is not there: the start fails" eval '! systemctl start stint@nope'
holds "and the journal lists those there are" \
  eval 'journalctl -u stint@nope -o cat --no-pager | grep -q "there is no pool \"nope\" in /etc/stint/stint.conf; its pools: match, pdf, probe"'
same "it is not tried again for ever" "$(show nope ActiveState) $(show nope NRestarts)" "failed 0"
systemctl reset-failed stint@nope

# All three units at once
systemctl start stint@probe "$UNIT"
same "beside the unit of all pools" "$(prop ActiveState) $(show match ActiveState) $(show pdf ActiveState) $(show probe ActiveState)" "active active active active"
until_true 90 ready 10 || not_ok "ten workers of four supervisors"
same "the host's supervisors" "$(stint status --json | jq -r '[.supervisors[].name] | join(",")')" ",match,pdf,probe"
holds "a job, whoever takes it" stint enqueue probe --id shared --payload '{"v":1,"do":"ok"}' --wait

# Hand-over of each: the later version is installed over them
old_pids=" $(prop MainPID) $(show match MainPID) $(show pdf MainPID) $(show probe MainPID) "
dpkg --force-confold -i /e2e/stint-next.deb >/e2e/pools.log 2>&1 </dev/null || not_ok "an installation over units of pools: $(tail -n 3 /e2e/pools.log | tr '\n' ' ')"
handed_over() {
  local pid
  for pid in $(prop MainPID) $(show match MainPID) $(show pdf MainPID) $(show probe MainPID); do case "$old_pids" in *" $pid "*) return 1 ;; esac; done
}
holds "an installation hands each supervisor over" until_true 90 handed_over
same "no unit noticed" "$(for unit in "$UNIT" stint@match stint@pdf stint@probe; do echo "$(systemctl show "$unit" -P ActiveState) $(systemctl show "$unit" -P NRestarts)"; done | sort | uniq -c | tr -s ' ')" \
  " 4 active 0"
same "each with its own pools" "$(stint status --json | jq -c '[.supervisors[] | [.name, (.pools | length)]]')" '[["",3],["match",1],["pdf",1],["probe",1]]'
until_true 90 ready 10 || not_ok "ten workers of the successors"
systemctl stop "$UNIT"
same "a stop of one leaves the others their folders and workers" "$(stint status --json | jq -r '[.supervisors[] | .name + (.ok | tostring)] | join(",")')" "matchtrue,pdftrue,probetrue"

# One instance: reload, drain, watchdog

enqueue kept '{"v":1,"do":"sleep","ms":4000}'
until_true 120 runs kept
sed -i 's/^kill_grace = 3s/kill_grace = 4s/' /etc/stint/stint.conf
holds "a reload of one" systemctl reload stint@probe
holds "its job ends well" until_true 60 state_is kept "done"
same "in its first run" "$(job kept .epoch)" 1
same "the others were not asked" \
  "$(for pool in match pdf probe; do journalctl -u "stint@$pool" --since "-1min" -o cat --no-pager | grep -c 'configuration changed'; done | tr '\n' ' ')" "0 0 1 "
enqueue last-of-pool '{"v":1,"do":"sleep","ms":2000}'
until_true 120 runs last-of-pool
systemctl stop stint@probe
same "a stop of one lets its job end" "$(job last-of-pool '"\(.state) \(.epoch)"') $(show probe Result)" "done 1 success"
same "and removes its folder alone" "$(ls -d /run/stint/*/ | tr '\n' ' ')" "/run/stint/match/ /run/stint/pdf/ "

mkdir -p /run/systemd/system/stint@pdf.service.d && printf '[Service]\nWatchdogSec=10s\n' >/run/systemd/system/stint@pdf.service.d/fast.conf
systemctl daemon-reload && systemctl restart stint@pdf
until_true 60 ready 3
pdf_pid=$(show pdf MainPID)
kill -STOP "$pdf_pid"
pdf_restarted() { [ "$(show pdf ActiveState)" = active ] && [ "$(show pdf MainPID)" != "$pdf_pid" ] && ready 3; }
holds "one that hangs is ended by the watchdog and started again" until_true 120 pdf_restarted
rm -r /run/systemd/system/stint@pdf.service.d && systemctl daemon-reload
