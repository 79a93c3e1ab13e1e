# Redis with a password that root alone can read: the service has it as a credential, an operator's command beside the configuration.
# shellcheck shell=bash
export PASSWORD=correct-horse-7
cp /etc/stint/stint.conf /e2e/open.conf
doc "LoadCredential=redis-url"
until_true 60 ready 5 || not_ok "the service reaches Redis with the credential"
same "the file is root's alone" "$(stat -c '%U:%G %a' /etc/stint/redis-url)" "root:root 600"
same "Redis wants it" "$(redis-cli ping 2>&1 | cut -d' ' -f1)" NOAUTH
holds "a job of a command that root types" stint enqueue probe --id secret --payload '{"v":1,"do":"ok"}' --wait
same "nobody is shown it" "$(stint config print | grep -c "$PASSWORD"; stint status | grep -c "$PASSWORD"; journalctl -b --no-pager | grep -c "$PASSWORD")" $'0\n0\n0'
holds "somebody who may not read it is told the file" eval 'runuser -u stint -- stint status 2>&1 | grep -q "url_file .*redis-url: "'
holds "a reload reads it too" systemctl reload "$UNIT"

REDISCLI_AUTH=$PASSWORD redis-cli config set requirepass "" >/dev/null
cp /e2e/open.conf /etc/stint/stint.conf
rm -r "/etc/systemd/system/$UNIT.d" /etc/systemd/system/stint@.service.d /etc/stint/redis-url
systemctl daemon-reload && systemctl restart "$UNIT"
until_true 60 ready 5 || not_ok "five workers again"
