# Removed and purged while units of it run.
# shellcheck shell=bash
systemctl start "$UNIT"
until_true 60 ready 8
left() { grep -lx 'stint-superviso\|stint-worker' /proc/[0-9]*/comm 2>/dev/null; }
running=$(systemctl is-active "$UNIT" stint@match stint@pdf | grep -c '^active$')
journalctl --sync
mark=$(journalctl -n 1 --show-cursor --no-pager | sed -n 's/^-- cursor: //p')
said() { journalctl --after-cursor "$mark" -o cat --no-pager SYSLOG_IDENTIFIER=stint-supervisor | grep -c "$1"; }
each_drained() { journalctl --sync; [ "$(said '^draining: ') $(said '^stopped$')" = "$running $running" ]; }
apt-get remove stint >/e2e/remove.log 2>&1 || not_ok "removal: $(tail -n 3 /e2e/remove.log | tr '\n' ' ')"
same "removal stops every supervisor" "$(systemctl is-active "$UNIT" stint@match stint@pdf | tr '\n' ' ')$(left)" "inactive inactive inactive "
[ "$running" -gt 0 ] || not_ok "nothing ran"
holds "each of $running after a drain" until_true 60 each_drained
same "and keeps the configuration and the state" "$(test -f /etc/stint/stint.conf && test -d /var/lib/stint && echo kept)" kept
dpkg -i /e2e/stint-next.deb >/e2e/again.log 2>&1 </dev/null || not_ok "a second installation: $(tail -n 3 /e2e/again.log | tr '\n' ' ')"
holds "installed again over what was kept, it starts" systemctl start "$UNIT" stint@pdf
doc "apt-get purge stint"
same "a purge leaves nothing" "$(find /etc/stint /var/lib/stint /run/stint /usr/share/doc/stint /usr/libexec/stint /etc/systemd/system /run/systemd -name '*stint*' ! -name 'stint-e2e*' ! -path '*/units/*' 2>/dev/null)$(left)" ""
