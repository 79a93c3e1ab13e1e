# Without the package: the installed files of a build, then the page.
# shellcheck shell=bash
cp -a /e2e/source/. /
mkdir -p /e2e/home/build/package && cp /e2e/install_manifest.txt /e2e/home/build/package/
runuser -u postgres -- dropdb stint && runuser -u postgres -- dropuser stint
doc "systemd-sysusers"
runuser -u postgres -- createuser stint && runuser -u postgres -- createdb -O stint stint
holds "the tables" runuser -u stint -- stint migrate
holds "enabled and started" systemctl enable --now "$UNIT"
until_true 60 ready 3 || not_ok "three workers become ready"
doc "install_manifest.txt"
same "nothing of it is left" "$(systemctl is-active "$UNIT") $(find /usr/bin /usr/lib/systemd /usr/lib/sysusers.d /usr/libexec /usr/share/man /etc/systemd/system -name '*stint*' ! -name 'stint-e2e*' 2>/dev/null)" "inactive "
