# Configured and started as the page says.
# shellcheck shell=bash
services_ready || finish
doc "createuser stint"
printf '\n[kind.probe]\nenabled = yes\n[pool.probe]\nkinds = probe\nworkers = 2\n[pdf]\nroots = /srv/inbox\n' >>/etc/stint/stint.conf
install -d -m 755 /srv/inbox && install -m 644 /e2e/lectures.pdf /srv/inbox/
doc "systemctl start stint-supervisor"
same "the service runs, as its own user" "$(prop ActiveState) $(prop User)" "active stint"
[ "$(prop ActiveState)" = active ] || finish journal
until_true 60 ready 5 || { not_ok "five workers become ready"; finish journal; }
stint status >/e2e/status
holds "status says which limits hold: here rlimits only, and why" grep -q 'limits: .*rlimits only' /e2e/status
holds "and where the metrics are" grep -q 'metrics: http://127.0.0.1:9464/metrics' /e2e/status
holds "and what memory the machine has" grep -qE "below the machine's [1-9][0-9]* MiB" /e2e/status

exposure() { systemd-analyze security --no-pager "$1" | tail -n 1; }
at_most() { awk -v line="$1" -v most="$2" 'BEGIN { n = split(line, word, " "); for (i = 1; i < n; i++) if (word[i] ~ /^[0-9.]+$/) exit !(word[i] <= most); exit 1 }'; }
for unit in "$UNIT" stint@pdf.service; do
  echo "# $unit: $(exposure "$unit")"
  holds "the exposure of $unit is at most 2.0" at_most "$(exposure "$unit")" 2.0
done
