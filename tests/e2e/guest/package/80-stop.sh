# The unit of all pools, with two of a pool of its own left running beside it: watchdog and drain.
# shellcheck shell=bash
mkdir -p "/run/systemd/system/$UNIT.d" && printf '[Service]\nWatchdogSec=10s\n' >"/run/systemd/system/$UNIT.d/fast.conf"
systemctl daemon-reload && systemctl start "$UNIT"
until_true 60 ready 8
main_pid=$(prop MainPID)
kill -STOP "$main_pid"
restarted() { [ "$(prop ActiveState)" = active ] && [ "$(prop MainPID)" != "$main_pid" ] && ready 8; }
holds "a supervisor that hangs is ended by the watchdog and started again" until_true 120 restarted
enqueue last '{"v":1,"do":"sleep","ms":2000}'
until_true 120 runs last
systemctl stop "$UNIT"
same "a stop lets the job in hand end" "$(job last '"\(.state) \(.epoch)"') $(prop Result)" "done 1 success"
rm -r "/run/systemd/system/$UNIT.d" && systemctl daemon-reload
