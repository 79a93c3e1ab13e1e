"""Calendars checked by programs that had no part in writing them.

Zones: every name of the zone database, its changes against Python's zoneinfo. Calendars: random terms, holidays, weeks and times in many zones,
written by ics_writer; python-icalendar reads them, dateutil expands them with the VTIMEZONE that stands beside them, and the instants are compared with
a walk over every date of the term with zoneinfo. Argument: the ics_writer. STINT_SEED and STINT_CASES choose another run.
"""
import datetime
import io
import json
import os
import random
import re
import subprocess
import sys
import zoneinfo

import dateutil.rrule
import dateutil.tz
import icalendar

WRITER = sys.argv[1]
SEED = int(os.environ.get("STINT_SEED") or random.SystemRandom().randrange(1 << 32))
CASES = int(os.environ.get("STINT_CASES") or 300)
UTC = datetime.timezone.utc
STAMP = 1767225600
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
ZONES = ["Africa/Johannesburg", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Europe/Dublin", "Africa/Casablanca",
         "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu", "Pacific/Chatham", "America/St_Johns", "Asia/Tehran", "Africa/Cairo",
         "America/Nuuk", "Asia/Gaza", "UTC", "Etc/GMT+12", "Pacific/Kiritimati", "Europe/London", "Antarctica/Troll"]


def offset_of(zone, second):
    """Offset in seconds, summer time or not, and name, as zoneinfo tells them."""
    at = datetime.datetime.fromtimestamp(second, UTC).astimezone(zone)
    return int(at.utcoffset().total_seconds()), at.tzname()


def check_zone(name):
    """Every hour near a change and every week between is compared. Returns how many instants were."""
    start, end = -1262304000, 5364662400  # 1930 to 2140
    out = subprocess.run([WRITER, "--zone", name, str(start), str(end)], text=True, capture_output=True, check=True).stdout
    changes = [(int(at), int(offset), word) for at, offset, _, word in (line.split() for line in out.splitlines())]
    zone, looked = zoneinfo.ZoneInfo(name), 0
    for i, (at, offset, word) in enumerate(changes):
        begin = max(at, start)
        until = changes[i + 1][0] if i + 1 < len(changes) else end
        probes = [begin, begin + 1, begin + 3600, until - 3600, until - 1] + list(range(begin, until, 5 * 86400 * 7))
        for second in probes:
            if begin <= second < until:
                looked += 1
                if offset_of(zone, second) != (offset, word):
                    sys.exit(f"not ok - {name} at {second}: {offset} {word}, zoneinfo says {offset_of(zone, second)}")
    return looked


def exists(local, zone):
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def make_case(rng):
    """A payload, its events, and for each event the local times it takes place at; None: it cannot be in a calendar."""
    zone_name = rng.choice(ZONES)
    zone = zoneinfo.ZoneInfo(zone_name)
    year = rng.choice([1999, 2011, 2024, 2026, 2027, 2037, 2038, 2090])
    s1 = datetime.date(year, 1, 1) + datetime.timedelta(days=rng.randrange(365))
    e1 = s1 + datetime.timedelta(days=rng.randrange(0, 200))
    s2 = e1 + datetime.timedelta(days=rng.randrange(1, 60))
    e2 = s2 + datetime.timedelta(days=rng.randrange(0, 200))
    terms = {"S1": (s1, e1), "S2": (s2, e2)}
    if rng.random() < 0.2:
        terms = {"S2": (s1, e1), "S1": (s2, e2)}
    week1 = s1 + datetime.timedelta(days=rng.randrange(-20, 20)) if rng.random() < 0.3 else None
    holidays = {s1 + datetime.timedelta(days=rng.randrange(0, 400)) for _ in range(rng.randrange(0, 40))}
    payload = {"v": 1, "source": {"path": "x"}, "timezone": zone_name, "holidays": sorted(day.isoformat() for day in holidays),
               "terms": {n: {"start": a.isoformat(), "end": b.isoformat()} for n, (a, b) in terms.items()}}
    if week1:
        for term in payload["terms"].values():
            term["week1"] = week1.isoformat()
    events, expected = [], []
    for i in range(rng.randrange(1, 6)):
        hour, minute = rng.choice([(8, 30), (0, 0), (2, 30), (23, 30), (1, 59), (rng.randrange(24), rng.randrange(60))])
        length = rng.choice([50, 110, 180, 600])
        semester, day = rng.choice(["S1", "S2", "Y"]), rng.randrange(7)
        end = datetime.datetime(2000, 1, 1, hour, minute) + datetime.timedelta(minutes=length)
        event = {"uid": f"u{i}", "kind": "lecture", "recurring": True, "semester": semester, "day": DAYS[day], "start": f"{hour:02}:{minute:02}",
                 "end": end.strftime("%H:%M"), "summary": f"event {i}", "src": {"page": 1, "row": i}}
        if rng.random() < 0.3:
            event["weeks"] = sorted(rng.sample(range(1, 40), rng.randrange(1, 20)))
        first, last = terms[semester] if semester != "Y" else (s1, e2)
        origin = week1 or first
        origin -= datetime.timedelta(days=origin.weekday())
        times, at = [], first
        while at <= last:
            local = datetime.datetime.combine(at, datetime.time(hour, minute))
            week = (at - origin).days // 7 + 1
            if (at.weekday() == day and at not in holidays and ("weeks" not in event or week in event["weeks"])
                    and not (semester == "Y" and e1 < at < s2) and exists(local, zone)):
                times.append(local)
            at += datetime.timedelta(days=1)
        events.append(event)
        expected.append((times, zone, length))
    return {"payload": payload, "events": events, "stamp": STAMP}, expected


def expand(text, component):
    """The instants of a VEVENT, by dateutil, with the calendar's own VTIMEZONE."""
    name = component["DTSTART"].params["TZID"]
    tz = dateutil.tz.tzical(io.StringIO(text)).get(name)
    try:
        component["DTSTART"].dt.replace(tzinfo=tz).timetuple()
    except ValueError:  # dateutil takes the day that Apia left out for a daylight saving of 24 hours, which it cannot hold
        tz = zoneinfo.ZoneInfo(name)
    local = lambda value: value.replace(tzinfo=tz)
    start = local(component["DTSTART"].dt)
    rules = dateutil.rrule.rruleset()
    if "RRULE" in component:
        rules.rrule(dateutil.rrule.rrulestr(component["RRULE"].to_ical().decode(), dtstart=start))
    else:
        rules.rdate(start)
    exdates = component.get("EXDATE", [])
    for exdate in exdates if isinstance(exdates, list) else [exdates]:
        assert exdate.params["TZID"] == component["DTSTART"].params["TZID"]
        for value in exdate.dts:
            rules.exdate(local(value.dt))
    # rrule compares wall clocks of one zone; the set is read before anything is converted
    return [at.astimezone(UTC) for at in rules], local(component["DTEND"].dt).astimezone(UTC) - start.astimezone(UTC)


def check_form(text):
    for line in text.split("\r\n"):
        assert len(line.encode()) <= 75, line
        assert "\n" not in line and "\r" not in line, line
    assert text.endswith("END:VCALENDAR\r\n")


def check_case(case, expected, answer):
    text = answer["ics"]
    check_form(text)
    calendar = icalendar.Calendar.from_ical(text)
    found = {str(c["UID"]): c for c in calendar.walk("VEVENT")}
    looked = 0
    for event, (times, zone, length) in zip(case["events"], expected):
        component = found.pop(event["uid"] + "@stint", None)
        assert (component is None) == (not times), (event, times)
        if component is None:
            continue
        instants, duration = expand(text, component)
        wanted = [t.replace(tzinfo=zone).astimezone(UTC) for t in times]
        assert instants == wanted, (event, case["payload"], instants, wanted)
        assert abs(duration.total_seconds() - 60 * length) <= 2 * 3600, (event, duration)
        looked += len(wanted)
    assert not found
    assert len(answer["warnings"]) == sum(not times for times, _, _ in expected)
    return looked


def random_text(rng):
    letters = "abc ,;:\\\"'\n\t\r\x01\x1b\x7f\u0085\u2028éßÆ中文字עברית🎓\ufeff\u202e"
    return "".join(rng.choice(letters) for _ in range(rng.randrange(0, 300)))


def shown(text, one_line):
    """What a text is to read as: no control characters, ends of lines as one."""
    text = text.replace("\r\n", "\n")
    for end in "\r\u0085\u2028\u2029":
        text = text.replace(end, "\n")
    text = text.replace("\t", " ")
    text = "".join(c for c in text if c == "\n" or not (ord(c) < 32 or 0x7f <= ord(c) <= 0x9f))
    return text.replace("\n", " ") if one_line else text


def unescaped(value):
    """By the grammar of RFC 5545 §3.3.11: the library at hand takes an escaped backslash before a semicolon for one escape."""
    assert re.fullmatch(r"(?:[^\\;,\x00-\x1f\x7f]|\\[\\;,nN])*", value), value
    return re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)


def check_texts(rng, cases):
    lines, wanted = [], []
    for _ in range(cases):
        summary, comments, venues = random_text(rng), random_text(rng), [random_text(rng) or "x" for _ in range(rng.randrange(1, 5))]
        lines.append({"payload": {"v": 1, "source": {"path": "x"}, "timezone": "UTC"}, "stamp": STAMP,
                      "events": [{"uid": "t", "kind": "exam", "date": "2026-11-12", "start": "08:00", "end": "09:00", "summary": summary,
                                  "comments": comments, "venues": venues}]})
        wanted.append((shown(summary, True), shown(", ".join(venues), True), shown("Comments: " + comments, False) if comments else None))
    for answer, (summary, place, description) in zip(write(lines), wanted):
        check_form(answer["ics"])
        assert len(icalendar.Calendar.from_ical(answer["ics"]).walk("VEVENT")) == 1
        read = dict(line.split(":", 1) for line in answer["ics"].replace("\r\n ", "").split("\r\n") if line)
        for name, text in ("SUMMARY", summary), ("LOCATION", place), ("DESCRIPTION", description):
            assert text is None or unescaped(read[name]) == text, (name, read[name], text)


def write(lines):
    out = subprocess.run([WRITER], input="".join(json.dumps(line) + "\n" for line in lines), text=True, capture_output=True, check=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    assert len(answers) == len(lines), "the writer answered another number of lines"
    return answers


def main():
    rng = random.Random(SEED)
    names = sorted(n for n in zoneinfo.available_timezones() if not n.startswith(("posix/", "right/")) and n not in ("localtime", "Factory"))
    every = 1 if os.environ.get("STINT_ALL_ZONES") else 6
    names = sorted(set(ZONES) | set(names[SEED % every::every]))
    looked = sum(check_zone(name) for name in names)
    assert looked > 10000
    print(f"ok - {len(names)} zones as zoneinfo has them at {looked} instants")
    cases = [make_case(rng) for _ in range(CASES)]
    instants = sum(check_case(case, expected, answer) for (case, expected), answer in zip(cases, write([case for case, _ in cases])))
    assert instants > CASES
    print(f"ok - {len(cases)} random calendars expand to the {instants} instants that a walk over every date finds (seed {SEED})")
    check_texts(rng, CASES)
    print(f"ok - {CASES} hostile texts are read back as they were (seed {SEED})")


try:
    main()
except AssertionError as why:
    sys.exit(f"not ok - seed {SEED}: {str(why)[:3000]}")
