#!/usr/bin/env bash
# bench/waits and the replay against an independent generator, simulator and scorer, where they are: byte for byte, and to 1e-9.
set -u
theirs=${STINT_WAITS_REFERENCE:-${STINT_SOURCE:?}/../shared/waits}
python=/usr/bin/python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || { echo "skip - no python3 of 3.9 or later"; exit 77; }
[ -f "$theirs/simlib.py" ] || { echo "skip - there is no reference in $theirs; STINT_WAITS_REFERENCE names its folder"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export STINT_CONFIG=
PYTHONDONTWRITEBYTECODE=1 "$python" "$STINT_SOURCE/tests/support/waits_reference.py" "${STINT_BUILD:?}/bin/stint" "$STINT_SOURCE/bench/waits" \
  "$theirs" "$folder"
