# An upgrade under load: no job fails, nothing is lost.
# shellcheck shell=bash
pids() { stint worker list --json | jq -r .pid | sort | tr '\n' ' '; }
main_pid=$(prop MainPID) before=$(pids)
for n in $(seq 200); do echo "{\"kind\":\"probe\",\"id\":\"u$n\",\"payload\":{\"v\":1,\"do\":\"sleep\",\"ms\":20}}"; done >/e2e/load.ndjson
stint enqueue --bulk /e2e/load.ndjson --quiet >/dev/null
dpkg --force-confold -i /e2e/stint-next.deb >/e2e/upgrade.log 2>&1 </dev/null || not_ok "the upgrade: $(tail -n 3 /e2e/upgrade.log | tr '\n' ' ')"
same "the later version is installed" "$(dpkg-query -W -f '${Version}' stint | grep -c '\.1$')" 1
same "the edited configuration is kept" "$(grep -c 'kind.probe' /etc/stint/stint.conf)" 1
same "the supervisor runs on" "$(prop ActiveState) $(prop MainPID)" "active $main_pid"
all_new() { local pid; for pid in $(pids); do case " $before" in *" $pid "*) return 1 ;; esac; done; ready 5; }
holds "every worker was replaced" until_true 90 all_new
all_done() { [ "$(stint queue stats probe --json | jq '.bands | map(.ready + .inflight?) | add // 0')" = 0 ] && state_is u200 "done"; }
holds "every job ended" until_true 90 all_done
same "none failed, none was lost, the ledger has no drift" \
  "$(for n in $(seq 200); do job "u$n" '"\(.state) \(.attempts)"'; done | sort | uniq -c | tr -s ' ') $(stint queue stats probe --json | jq -r .drift)" " 200 done 0 0"
