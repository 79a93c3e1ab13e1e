#!/bin/bash
# Why: what the kernel does to a worker past its cgroup's memory, and what systemd does to its unit then, shows on a real kernel under
# a real systemd only. The Debian package is installed in a virtual machine with cgroup v2, in the words of docs/operations/install.md; a job
# passes its worker's memory there.
# Refuses to: touch this host's cgroups; call it passed when the machine could not be made.
set -u
VM_NAME="systemd with cgroup v2"
# shellcheck source=tests/support/vm.sh
. "$STINT_SOURCE/tests/support/vm.sh"
# shellcheck source=tests/support/package.sh
. "$STINT_SOURCE/tests/support/package.sh"

package_require
vm_require
package_make "$VM_DIR/made"
vm_tree
began=$SECONDS
package_page "$VM_DIR" package vm
if ! vm_image "$STINT_SOURCE/tests/e2e/guest/cgroup.sh" "$STINT_SOURCE/tests/e2e/guest/cgroup.conf" "$VM_DIR/doc" "$VM_DIR"/made/stint_*.deb; then
  echo "not ok - $VM_NAME: no image could be made"
  exit 1
fi
vm_run || echo "not ok - $VM_NAME: still running after $VM_BOOT_S s"
vm_verdict
rc=$?
echo "# $((SECONDS - began)) s with the tree at hand"
exit $rc
