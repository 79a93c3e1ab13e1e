#!/bin/bash
# Runs in the container of test_package.sh, as root, once, at boot. Its lines are the verdicts.
set -u
# shellcheck source=tests/e2e/guest/lib.sh
. /e2e/lib.sh

ready() { [ "$(stint status --json | jq '[.supervisor.workers[] | select(.state == "ready")] | length')" = "$1" ]; }
job() { stint job show "$1" --json | jq -r "$2"; }
state_is() { [ "$(job "$1" .state)" = "$2" ]; }
pids() { stint worker list --json | jq -r .pid | sort | tr '\n' ' '; }

# --- installed: there, enabled, not started before it is configured ---
dpkg -i /e2e/stint.deb >/e2e/dpkg.log 2>&1 || { not_ok "dpkg -i: $(tail -n 3 /e2e/dpkg.log | tr '\n' ' ')"; finish; }
ok "the package installs"
holds "it says what to do next" grep -q "stint migrate && systemctl start" /e2e/dpkg.log
same "the unit is enabled and waits to be configured" "$(systemctl is-enabled "$UNIT") $(prop ActiveState)" "enabled inactive"
same "the configuration may hold passwords: root writes, the service reads" "$(stat -c '%U:%G %a' /etc/stint/stint.conf)" "root:stint 640"
same "the service has a user without a shell" "$(getent passwd stint | cut -d: -f6,7)" "/var/lib/stint:/usr/sbin/nologin"
for page in man1/stint.1.gz man5/stint.conf.5.gz man8/stint-supervisor.8.gz; do
  holds "manual page $page" gzip -t "/usr/share/man/$page"
done
holds "completion" bash -c '. /usr/share/bash-completion/completions/stint && complete -p stint'
holds "the configuration as shipped is valid" stint config check

# --- configured and started as its message said ---
until_true 60 runuser -u postgres -- psql -c 'SELECT 1' || { not_ok "PostgreSQL answers"; finish; }
until_true 60 redis-cli ping || { not_ok "Redis answers"; finish; }
redis-cli config set appendonly yes >/dev/null
runuser -u postgres -- createuser stint && runuser -u postgres -- createdb -O stint stint
holds "stint migrate, as the service's user" runuser -u stint -- stint migrate
printf '\n[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 2\n[pdf]\nroots = /srv/inbox\n' >>/etc/stint/stint.conf
install -d -m 755 /srv/inbox && install -m 644 /e2e/lectures.pdf /srv/inbox/
systemctl start "$UNIT"
same "the service starts, as its own user, with preflight before it" "$(prop ActiveState) $(prop User)" "active stint"
[ "$(prop ActiveState)" = active ] || finish journal
until_true 60 ready 5 || { not_ok "five workers become ready"; finish journal; }
exposure=$(systemd-analyze security --no-pager "$UNIT" | tail -n 1)
echo "# $exposure"
holds "its exposure is at most 2.0" awk -v line="$exposure" 'BEGIN { n = split(line, word, " "); for (i = 1; i < n; i++) if (word[i] ~ /^[0-9.]+$/) exit !(word[i] <= 2.0); exit 1 }'

# --- it works inside its walls ---
holds "a job" stint enqueue probe --id first --payload '{"v":1,"do":"ok"}' --wait
stint enqueue pdf-parse --id pdf --payload '{"v":1,"source":{"path":"lectures.pdf"},"expect":"lecture"}' --wait >/e2e/pdf.log 2>&1
[ "$(job pdf .state)" = done ] || job pdf '.errors[-1]' | tr -d '\n' | sed 's/^/# /'
same "a document, in its cell" "$(job pdf '"\(.state) \(.result.bytes > 1000)"')" "done true"
holds "a pair" bash -c 'stint match submit --pool a --id ann --gender F --seeking M --age 25 && stint match submit --pool a --id bob --gender M --seeking F --age 25 | grep -q matched'
holds "the journal finds a job's lines by its id" eval 'stint enqueue probe --id dies --attempts 1 --payload "{\"v\":1,\"do\":\"crash\"}" --wait; [ -n "$(journalctl -u "$UNIT" STINT_JOB=dies -o cat --no-pager)" ]'

# --- reload keeps the job in hand ---
stint enqueue probe --id long --payload '{"v":1,"do":"sleep","ms":3000}' >/dev/null
until_true 120 eval '[ "$(stint worker list --json | jq -r "select(.job == \"long\") | .phase")" = run ]'
printf '[supervisor]\nkill_grace = 3s\n' >>/etc/stint/stint.conf
holds "reload" systemctl reload "$UNIT"
holds "the job in hand ends well" until_true 60 state_is long "done"
same "in its first run" "$(job long .epoch)" 1

cp /etc/stint/stint.conf /e2e/good.conf
echo 'nonsense = 1' >>/etc/stint/stint.conf
holds "a reload of a configuration with a mistake is refused aloud" eval '! systemctl reload "$UNIT"'
cp /e2e/good.conf /etc/stint/stint.conf
same "and changes nothing" "$(prop ActiveState)" active

# --- an upgrade under load ---
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

# --- a supervisor that hangs: systemd's watchdog ends it and starts another ---
mkdir -p "/run/systemd/system/$UNIT.d" && printf '[Service]\nWatchdogSec=10s\n' >"/run/systemd/system/$UNIT.d/fast.conf"
systemctl daemon-reload && systemctl restart "$UNIT"
until_true 60 ready 5
main_pid=$(prop MainPID)
kill -STOP "$main_pid"
restarted() { [ "$(prop ActiveState)" = active ] && [ "$(prop MainPID)" != "$main_pid" ] && ready 5; }
holds "a supervisor that hangs is ended by the watchdog and started again" until_true 120 restarted

# --- stop drains ---
stint enqueue probe --id last --payload '{"v":1,"do":"sleep","ms":2000}' >/dev/null
until_true 120 eval '[ "$(stint worker list --json | jq -r "select(.job == \"last\") | .phase")" = run ]'
systemctl stop "$UNIT"
same "a stop lets the job in hand end" "$(job last '"\(.state) \(.epoch)"') $(prop Result)" "done 1 success"

# --- removed, then purged ---
systemctl start "$UNIT"
dpkg -r stint >/e2e/remove.log 2>&1 || not_ok "removal: $(tail -n 3 /e2e/remove.log | tr '\n' ' ')"
same "removal stops the service" "$(systemctl is-active "$UNIT") $(grep -lx stint-superviso /proc/[0-9]*/comm 2>/dev/null)" "inactive "
same "and keeps the configuration and the state" "$(test -f /etc/stint/stint.conf && test -d /var/lib/stint && echo kept)" kept
dpkg -P stint >/e2e/purge.log 2>&1 || not_ok "purge: $(tail -n 3 /e2e/purge.log | tr '\n' ' ')"
same "a purge leaves nothing" "$(find /etc/stint /var/lib/stint /run/stint /usr/share/doc/stint /usr/libexec/stint /etc/systemd/system -name '*stint*' ! -name 'stint-e2e*' 2>/dev/null)" ""
finish
