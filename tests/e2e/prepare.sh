#!/bin/bash
# Why: the tree of the virtual machine's system takes minutes to make, most of them a mirror's. test.sh lets it be made while other rings run.
# Refuses to: decide anything; the test that finds no tree makes it itself, or says why it cannot.
set -u
# shellcheck disable=SC2034
VM_NAME="systemd with cgroup v2"
# shellcheck source=tests/support/vm.sh
. "$STINT_SOURCE/tests/support/vm.sh"
vm_require
vm_tree
