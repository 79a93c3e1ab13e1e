#!/bin/sh
# The Debian packages whose libraries the installed programs load: needed-packages.sh FOLDER. An image installs these and no list of its own
# that could be forgotten. Refuses to leave out a library no package owns.
set -eu
find "$1" -type f -perm /111 -exec ldd {} + 2>/dev/null | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | sort -u | while read -r library; do
  real=$(realpath "$library")
  dpkg-query -S "$real" 2>/dev/null || dpkg-query -S "${real#/usr}" 2>/dev/null || dpkg-query -S "$library" 2>/dev/null ||
    { echo "needed-packages.sh: no package owns $library" >&2; echo "lost: $library"; }
done | sed 's/:.*//' | sort -u >"$1/needed-packages"
! grep -qx lost "$1/needed-packages"
[ -s "$1/needed-packages" ]
