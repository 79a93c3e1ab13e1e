#!/usr/bin/env bash
# Timetables drawn by ReportLab and, where it is installed, printed by a browser: not by this project's generator, so that parser and
# generator cannot share a mistake. Every field of every event is compared; damaged files must end in a named failure.
set -u
if grep -q '^STINT_SANITIZE:[A-Z]*=.' "${STINT_BUILD:?}/CMakeCache.txt"; then
  echo "skip - a cell refuses the memory and the system calls a sanitizer needs"
  exit 0
fi
python=
for candidate in /usr/bin/python3 python3; do
  "$candidate" -c 'import reportlab, socket; socket.send_fds' 2>/dev/null && { python=$candidate; break; }
done
[ -n "$python" ] || { echo "skip - no python3 of 3.9 or later with reportlab (Debian: python3-reportlab)"; exit 0; }
command -v qpdf >/dev/null || { echo "skip - no qpdf"; exit 0; }
PYTHONDONTWRITEBYTECODE=1 exec "$python" "${STINT_SOURCE:?}/tests/support/pdf/check_producers.py" "${STINT_BUILD:?}/bin/stint-parser"
