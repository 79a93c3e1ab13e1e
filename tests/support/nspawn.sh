# What scripts share that need a real systemd as PID 1 but no kernel of its own: a container made by systemd-nspawn of the tree of vm.sh (sourced
# before). It has its own network (a loopback alone), so that servers in it meet none of this host's.
# shellcheck shell=bash
NSPAWN_BOOT_S=900 # longest a container may take

nspawn_require() {
  [ "$(id -u)" = 0 ] || vm_skip "making the system's tree needs root"
  local tool
  for tool in systemd-nspawn:systemd-container debootstrap:debootstrap; do
    command -v "${tool%%:*}" >/dev/null || vm_skip "${tool%%:*} is missing: apt-get install ${tool#*:}"
  done
}

# Skips where this host lets nobody make a container: looked at with one that does nothing.
nspawn_probe() {
  systemd-nspawn -q -D "$VM_TREE" --read-only --register=no --keep-unit --private-network --machine="stint-probe-$$" /bin/true \
    </dev/null >"$VM_DIR/probe.log" 2>&1 || vm_skip "no container can be made here: $(tail -n 1 "$VM_DIR/probe.log")"
}

# nspawn_root GUEST_SCRIPT: a root folder of the tree's own files (copied: packages are installed into it), the script run at boot. Sets NSPAWN_ROOT.
nspawn_root() {
  local unit
  NSPAWN_ROOT="$VM_DIR/root"
  cp -a "$VM_TREE" "$NSPAWN_ROOT" || return 1
  mkdir -p "$NSPAWN_ROOT/e2e"
  cp "$1" "$NSPAWN_ROOT/e2e/guest.sh" && cp "${1%/*}/lib.sh" "$NSPAWN_ROOT/e2e/" || return 1
  cat >"$NSPAWN_ROOT/etc/systemd/system/stint-e2e.service" <<'UNIT'
[Unit]
After=redis-server.service postgresql.service
[Service]
Type=oneshot
ExecStart=/bin/bash /e2e/guest.sh
StandardOutput=file:/e2e/console
StandardError=inherit
TimeoutStartSec=14min
ExecStopPost=/usr/bin/systemctl poweroff --force --no-block
[Install]
WantedBy=multi-user.target
UNIT
  ln -s ../stint-e2e.service "$NSPAWN_ROOT/etc/systemd/system/multi-user.target.wants/stint-e2e.service"
  for unit in console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
    ln -sf /dev/null "$NSPAWN_ROOT/etc/systemd/system/$unit"
  done
}

# Boots the root and waits until it has powered off. What the script wrote is in $VM_DIR/console. False past NSPAWN_BOOT_S, or where no container starts.
nspawn_run() {
  local deadline
  systemd-nspawn -q -D "$NSPAWN_ROOT" --boot --register=no --keep-unit --private-network --machine="stint-e2e-$$" \
    </dev/null >"$VM_DIR/qemu.log" 2>&1 &
  VM_PID=$!
  deadline=$((SECONDS + NSPAWN_BOOT_S))
  while kill -0 "$VM_PID" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || break
    read -r -t 0.5 _ <> <(:) || true
  done
  cp "$NSPAWN_ROOT/e2e/console" "$VM_DIR/console" 2>/dev/null || : >"$VM_DIR/console"
  [ $SECONDS -lt $deadline ] || return 1
  wait "$VM_PID"
  VM_PID=""
}
