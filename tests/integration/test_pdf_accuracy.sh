#!/usr/bin/env bash
# A few documents of each producer that is installed, every field of every event compared (bench/pdf-accuracy runs more of them). STINT_SEED draws
# the portal's own anew; a list so full that two venues look like one broken text can then be read wrongly (docs/pdf.md, known limits).
set -u
if grep -q '^STINT_SANITIZE:[A-Z]*=.' "${STINT_BUILD:?}/CMakeCache.txt"; then
  echo "skip - a cell refuses the memory and the system calls a sanitizer needs"
  exit 0
fi
python=/usr/bin/python3
"$python" -c 'import socket; socket.send_fds' 2>/dev/null || { echo "skip - no python3 of 3.9 or later"; exit 0; }
export PYTHONDONTWRITEBYTECODE=1
accuracy="${STINT_SOURCE:?}/tests/support/pdf/accuracy.py" failed=0
"$python" "$accuracy" "$STINT_BUILD" --documents 1 --seed 40 || failed=1
"$python" "$accuracy" "$STINT_BUILD" --documents 10 --producer portal --seed "${STINT_SEED:-548800}" || failed=1
exit "$failed"
