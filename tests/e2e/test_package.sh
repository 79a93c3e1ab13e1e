#!/bin/bash
# Why: a package is judged by what it does to a system: its scripts run as root, its units under a real systemd, its files beside those of others. It is built
# here, looked at by lintian, and installed, upgraded under load, run as units of single pools, removed and purged in a clean Debian tree, in the words of
# docs/operations/install.md.
# Refuses to: install anything on this host; call it passed when the container could not be made.
set -u
VM_NAME="the Debian package"
# shellcheck source=tests/support/vm.sh
. "$STINT_SOURCE/tests/support/vm.sh"
# shellcheck source=tests/support/nspawn.sh
. "$STINT_SOURCE/tests/support/nspawn.sh"
# shellcheck source=tests/support/package.sh
. "$STINT_SOURCE/tests/support/package.sh"

package_require
nspawn_require
command -v lintian >/dev/null || vm_skip "lintian is missing: apt-get install lintian"
began=$SECONDS

# --- the package, and a later version of it ---
package_make "$VM_DIR/made"
complaints=$(lintian --no-tag-display-limit --fail-on error --allow-root "$VM_DIR"/made/stint_*.deb 2>&1)
if [ $? -eq 0 ]; then echo "ok - lintian has no error"; else echo "not ok - lintian has errors"; fi
[ -z "$complaints" ] || sed 's/^/# lintian: /' <<<"$complaints"
dpkg-deb -R "$VM_DIR"/made/stint_*.deb "$VM_DIR/next" && sed -i 's/^Version: .*/&.1/' "$VM_DIR/next/DEBIAN/control" &&
  echo "# of the later version" >>"$VM_DIR/next/etc/stint/stint.conf" && dpkg-deb --root-owner-group -b "$VM_DIR/next" "$VM_DIR/stint-next.deb" >/dev/null ||
  { echo "not ok - no later version could be made"; exit 1; }
package_source "$VM_DIR/source"

# --- in a clean system ---
vm_tree
nspawn_probe
if ! nspawn_root "$STINT_SOURCE/tests/e2e/guest/package.sh"; then
  echo "not ok - $VM_NAME: no root folder could be made"
  exit 1
fi
cp "$VM_DIR"/made/stint_*.deb "$VM_DIR/stint-next.deb" "$NSPAWN_ROOT/e2e/"
cp -r "$STINT_SOURCE/tests/e2e/guest/package" "$VM_DIR/source" "$NSPAWN_ROOT/e2e/"
cp "$STINT_BUILD_PACKAGE/install_manifest.txt" "$NSPAWN_ROOT/e2e/"
package_page "$NSPAWN_ROOT/e2e" package
"$STINT_BUILD/bin/stint-pdfgen" --kind lecture --rows 12 --out "$NSPAWN_ROOT/e2e/lectures.pdf"
nspawn_run || echo "not ok - $VM_NAME: still running after $NSPAWN_BOOT_S s, or ended badly"
vm_verdict
rc=$?
[ -z "$complaints" ] || ! grep -q '^E:' <<<"$complaints" || rc=1
echo "# $((SECONDS - began)) s with the tree at hand"
exit $rc
