"""A calendar imported twice, and again changed, into khal's store: as many events as before, and the changed one changed.

Arguments: the ics_writer, a folder to work in.
"""
import json
import os
import subprocess
import sys

WRITER, HOME = sys.argv[1:3]
DAYS = ["Monday", "Tuesday", "Friday"]


def calendar(campus, sequence):
    events = [{"uid": f"u{i}", "kind": "lecture", "recurring": True, "semester": "S1", "day": day, "start": "08:30", "end": "09:20",
               "summary": f"COS 21{i}", "campus": campus if i == 1 else "HATFIELD"} for i, day in enumerate(DAYS)]
    line = {"payload": {"v": 1, "source": {"path": "x"}, "timezone": "Africa/Johannesburg",
                        "terms": {"S1": {"start": "2026-03-02", "end": "2026-03-29"}}},
            "events": events, "stamp": 1767225600, "revisions": {"u1": [sequence, 1767225600 + sequence]}}
    out = subprocess.run([WRITER], input=json.dumps(line) + "\n", text=True, capture_output=True, check=True).stdout
    return json.loads(out)["ics"]


def khal(*arguments):
    done = subprocess.run(["khal", "-c", f"{HOME}/conf", *arguments], text=True, capture_output=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "HOME": HOME})
    if done.returncode != 0:
        sys.exit(f"not ok - khal {arguments}: {done.stderr[-1500:]}")
    return done.stdout


def take(text):
    with open(f"{HOME}/in.ics", "w", newline="") as file:
        file.write(text)
    khal("import", "--batch", "-a", "c", f"{HOME}/in.ics")
    shown = khal("list", "-a", "c", "2026-03-01", "2026-04-30", "--format", "{start} {title} in {location}", "--day-format", "")
    return len(os.listdir(f"{HOME}/calendar")), sorted(line for line in shown.splitlines() if " in " in line)


os.makedirs(f"{HOME}/calendar")
with open(f"{HOME}/conf", "w") as file:
    file.write(f"""[calendars]
[[c]]
path = {HOME}/calendar
type = calendar
[locale]
local_timezone = Africa/Johannesburg
default_timezone = Africa/Johannesburg
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
[sqlite]
path = {HOME}/khal.db
""")
first, again = take(calendar("HATFIELD", 0)), take(calendar("HATFIELD", 0))
if first[0] != 3 or len(first[1]) != 12 or again != first:
    sys.exit(f"not ok - imported twice: {first} and then {again}")
print("ok - imported twice, 3 events with 12 occurrences are there once")
changed = take(calendar("GROENKLOOF", 1))
moved = [line for line in changed[1] if line.endswith("COS 211 in GROENKLOOF")]
if changed[0] != 3 or len(changed[1]) != 12 or len(moved) != 4:
    sys.exit(f"not ok - after the change: {changed}")
print("ok - a changed event is changed, not doubled")
