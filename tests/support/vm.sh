# What the scripts of the e2e ring share: a virtual machine with Debian's kernel, real systemd as PID 1 and cgroup v2. Sourced, not run. Needs STINT_BUILD and STINT_SOURCE, root, and the packages of
# PACKAGES_E2E. The tree of the system is made once by debootstrap and kept in $VM_CACHE; each run gets an image of its own.
# shellcheck shell=bash
VM_CACHE=${STINT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/stint}
VM_MIRROR=${STINT_DEBIAN_MIRROR:-http://deb.debian.org/debian}
VM_SUITE=bookworm
VM_ACCEL=${STINT_VM_ACCEL:-tcg} # an emulated processor runs everywhere; kvm where it works
VM_BOOT_S=900                   # longest a machine may take, from power on to power off
VM_BASE="systemd systemd-sysv dbus udev linux-image-cloud-amd64"
VM_PACKAGES="redis-server postgresql jq libuv1 libhiredis0.14 libpq5 libjansson4 libinih1 libmicrohttpd12 libseccomp2
  libcurl4 libpoppler126 libglib2.0-0 libdw1 libfontconfig1 libstdc++6 zlib1g adduser poppler-data tzdata ca-certificates"
VM_DIR=$(mktemp -d "${TMPDIR:-/tmp}/stint-vm-XXXXXX")
VM_PID=""

vm_end() {
  local code=$?
  trap - EXIT
  [ -n "$VM_PID" ] && kill "$VM_PID" 2>/dev/null && wait "$VM_PID" 2>/dev/null
  rm -rf "$VM_DIR"
  exit "$code"
}
trap vm_end EXIT
trap 'exit 130' INT TERM

# vm_skip WHY: nothing was tested, and everybody shall see it.
vm_skip() { echo "skip - $VM_NAME: $*"; exit 77; }

vm_require() {
  local tool
  [ "$(uname -m)" = x86_64 ] || vm_skip "the machine is emulated for x86_64 only; this host is $(uname -m)"
  [ "$(id -u)" = 0 ] || vm_skip "making the system's tree needs root"
  for tool in qemu-system-x86_64:qemu-system-x86 debootstrap:debootstrap mke2fs:e2fsprogs; do
    command -v "${tool%%:*}" >/dev/null || vm_skip "${tool%%:*} is missing: apt-get install ${tool#*:}"
  done
}

# The system's tree, made when its list of packages is new. Sets VM_TREE.
vm_tree() {
  local name log new
  name=$(echo "$VM_SUITE $VM_BASE $VM_PACKAGES" | cksum | cut -d' ' -f1)
  VM_TREE="$VM_CACHE/vm-$VM_SUITE-$name" log="$VM_CACHE/vm-$VM_SUITE-$name.log"
  mkdir -p "$VM_CACHE" || vm_skip "no folder for the tree: $VM_CACHE"
  exec 8>"$VM_CACHE/lock"
  flock 8
  if [ ! -d "$VM_TREE" ]; then
    new="$VM_TREE.new"
    rm -rf --one-file-system "$new" # a broken one may still have /proc mounted
    echo "# making the system's tree in $VM_CACHE, once (about 750 MB)"
    # shellcheck disable=SC2086
    debootstrap --variant=minbase --include="$(echo $VM_BASE | tr ' ' ',')" "$VM_SUITE" "$new" "$VM_MIRROR" >"$log" 2>&1 8>&- ||
      vm_skip "debootstrap failed: $(tail -n 1 "$log") (all of it: $log)"
    printf '#!/bin/sh\nexit 101\n' >"$new/usr/sbin/policy-rc.d" # nothing is started in the tree
    chmod 755 "$new/usr/sbin/policy-rc.d"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$new" apt-get -qq install -y --no-install-recommends $VM_PACKAGES >>"$log" 2>&1 8>&- ||
      vm_skip "apt-get failed in the tree: $(tail -n 1 "$log") (all of it: $log)"
    chroot "$new" apt-get clean
    rm -f "$new/usr/sbin/policy-rc.d"
    mv "$new" "$VM_TREE"
  fi
  flock -u 8
}

# vm_image GUEST_SCRIPT FILE…: an image of the tree, the script run at boot, and the files (or folders) beside it in /e2e. The tree's files are linked, not
# copied: only new files may be put beside them.
vm_image() {
  local root="$VM_DIR/root" script=$1 unit
  shift
  cp -al "$VM_TREE" "$root" 2>/dev/null || { rm -rf "$root"; cp -a "$VM_TREE" "$root"; } || return 1
  mkdir -p "$root/e2e"
  cp "$script" "$root/e2e/guest.sh" && cp "${script%/*}/lib.sh" "$root/e2e/" && cp -r "$@" "$root/e2e/" || return 1
  cat >"$root/etc/systemd/system/stint-e2e.service" <<'UNIT'
[Unit]
After=redis-server.service postgresql.service
[Service]
Type=oneshot
ExecStart=/bin/bash /e2e/guest.sh
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
TimeoutStartSec=14min
ExecStopPost=/usr/bin/systemctl poweroff --force --no-block
[Install]
WantedBy=multi-user.target
UNIT
  ln -s ../stint-e2e.service "$root/etc/systemd/system/multi-user.target.wants/stint-e2e.service"
  for unit in serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer; do
    ln -sf /dev/null "$root/etc/systemd/system/$unit"
  done
  mke2fs -q -t ext4 -d "$root" "$VM_DIR/disk" 2000M >"$VM_DIR/mke2fs.log" 2>&1 || { tail -n 5 "$VM_DIR/mke2fs.log"; return 1; }
  rm -rf "$root"
}

# Boots the image and waits until it has powered off. What it wrote to its console is in $VM_DIR/console. False past VM_BOOT_S.
vm_run() {
  local kernel deadline
  kernel=$(cd "$VM_TREE/boot" && ls vmlinuz-* | sort -V | tail -n 1)
  qemu-system-x86_64 -accel "$VM_ACCEL" -cpu max -m 1024 -smp 2 -nographic -no-reboot -net none \
    -kernel "$VM_TREE/boot/$kernel" -initrd "$VM_TREE/boot/initrd.img-${kernel#vmlinuz-}" \
    -append "root=/dev/vda rw console=ttyS0 quiet panic=-1 systemd.show_status=no" \
    -drive "file=$VM_DIR/disk,if=virtio,format=raw,cache=unsafe" </dev/null >"$VM_DIR/console" 2>"$VM_DIR/qemu.log" &
  VM_PID=$!
  deadline=$((SECONDS + VM_BOOT_S))
  while kill -0 "$VM_PID" 2>/dev/null; do
    [ $SECONDS -lt $deadline ] || return 1
    read -r -t 0.5 _ <> <(:) || true
  done
  wait "$VM_PID"
  VM_PID=""
}

# Prints the guest's verdicts as our own; false when one failed, or when the guest did not come to its end.
vm_verdict() {
  local verdicts
  verdicts=$(tr -d '\r' <"$VM_DIR/console" | grep -aE '^(ok|not ok|skip) - |^# ')
  echo "$verdicts"
  if ! tr -d '\r' <"$VM_DIR/console" | grep -aqx '# the guest is done'; then
    echo "not ok - $VM_NAME: the machine did not come to the end of its script; its console:"
    tail -n 40 "$VM_DIR/console" | tr -cd '[:print:]\n' | cut -c1-200 | sed 's/^/# /'
    head -n 5 "$VM_DIR/qemu.log" | sed 's/^/# qemu: /'
    return 1
  fi
  echo "$verdicts" | grep -q '^ok - ' && ! echo "$verdicts" | grep -q '^not ok - '
}
