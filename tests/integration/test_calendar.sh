#!/usr/bin/env bash
# Calendars, checked by programs that had no part in writing them: zones by zoneinfo, recurrences by dateutil, imports by khal.
set -u
python=
for candidate in /usr/bin/python3 python3; do
  "$candidate" -c 'import icalendar, dateutil, zoneinfo; zoneinfo.ZoneInfo("Africa/Johannesburg")' 2>/dev/null && { python=$candidate; break; }
done
[ -n "$python" ] || { echo "skip - no python3 of 3.9 or later with icalendar and dateutil (Debian: python3-icalendar, python3-dateutil)"; exit 77; }
export PYTHONDONTWRITEBYTECODE=1
"$python" "${STINT_SOURCE:?}/tests/support/calendar/check_calendar.py" "${STINT_BUILD:?}/tests/ics_writer" || exit 1
command -v khal >/dev/null || { echo "skip - imported twice: no khal (Debian: khal)"; exit 0; }
home=$(mktemp -d /tmp/stint-calendar-XXXXXX)
trap 'rm -rf "$home"' EXIT
"$python" "$STINT_SOURCE/tests/support/calendar/check_import.py" "$STINT_BUILD/tests/ics_writer" "$home"
