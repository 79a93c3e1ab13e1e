# A reload keeps the job in hand; a mistake changes nothing and is told.
# shellcheck shell=bash
enqueue long '{"v":1,"do":"sleep","ms":3000}'
until_true 120 runs long
printf '[supervisor]\nkill_grace = 3s\n' >>/etc/stint/stint.conf
doc "systemctl reload stint-supervisor"
holds "the job in hand ends well" until_true 60 state_is long "done"
same "in its first run" "$(job long .epoch)" 1

cp /etc/stint/stint.conf /e2e/good.conf
echo 'nonsense = 1' >>/etc/stint/stint.conf
holds "a reload of a configuration with a mistake is refused aloud" eval '! systemctl reload "$UNIT"'
holds "with the line" eval 'journalctl -u "$UNIT" -o cat --no-pager -n 20 | grep -q "stint.conf:[0-9]*: .*nonsense"'
cp /e2e/good.conf /etc/stint/stint.conf
same "and changes nothing" "$(prop ActiveState)" active
