#!/usr/bin/env bash
# Documents that are special in one way each: every lock, turn and crop, fonts without names, odd spaces, other scripts, layers, forms, updates; and
# those that must be refused by name.
set -u
if grep -q '^STINT_SANITIZE:[A-Z]*=.' "${STINT_BUILD:?}/CMakeCache.txt"; then
  echo "skip - a cell refuses the memory and the system calls a sanitizer needs"
  exit 0
fi
python=/usr/bin/python3
"$python" -c 'import reportlab, socket; socket.send_fds' 2>/dev/null || { echo "skip - no python3 of 3.9 or later with reportlab (Debian: python3-reportlab)"; exit 0; }
command -v qpdf >/dev/null || { echo "skip - no qpdf"; exit 0; }
PYTHONDONTWRITEBYTECODE=1 exec "$python" "${STINT_SOURCE:?}/tests/support/pdf/check_special.py" "${STINT_BUILD:?}/bin/stint-parser"
