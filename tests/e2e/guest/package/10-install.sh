# Installed: there, enabled, not started before it is configured.
# shellcheck shell=bash
doc "apt-get install ./stint_*.deb" || finish
cp /e2e/doc.log /e2e/install.log
holds "it says what to do next" grep -q "stint migrate && systemctl start" /e2e/install.log
same "the unit is enabled and waits to be configured" "$(systemctl is-enabled "$UNIT") $(prop ActiveState)" "enabled inactive"
same "the template is there, and nothing of it is enabled" "$(systemctl is-enabled stint@pdf.service 2>&1) $(find /etc/systemd/system -name 'stint@*')" "disabled "
same "the configuration may hold passwords: root writes, the service reads" "$(stat -c '%U:%G %a' /etc/stint/stint.conf)" "root:stint 640"
same "the service has a user without a shell" "$(getent passwd stint | cut -d: -f6,7)" "/var/lib/stint:/usr/sbin/nologin"
for page in man1/stint.1.gz man5/stint.conf.5.gz man8/stint-supervisor.8.gz man8/stint-console.8.gz; do
  holds "manual page $page" gzip -t "/usr/share/man/$page"
done
holds "completion" bash -c '. /usr/share/bash-completion/completions/stint && complete -p stint'
holds "the configuration as shipped is valid" stint config check
for unit in /usr/lib/systemd/system/stint*; do
  same "systemd has no complaint about ${unit##*/}" "$(systemd-analyze verify --man=no "${unit/@./@pdf.}" 2>&1)" ""
done
