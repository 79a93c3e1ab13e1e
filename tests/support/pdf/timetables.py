"""Invented timetables with what a reader must find in them; written from the description of the real ones, not from any program's output.

A sheet: {"kind", "title", "size", "header_size", "columns": [(left, [header lines])], "rows": [row]}; a row: {"cells": [[line or None]],
"hidden": letter, "events": [dict]}. Lines with the same index stand on one baseline."""
import random

WIDTHS = [278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278] + [556] * 10 + [
    278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,
    611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833,
    556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584]
RIGHT = 801
PORTAL = {
    "lecture": [(41, ["Module"]), (98, ["Offered"]), (141, ["Group"]), (183, ["Lang"]), (219, ["Activity"]), (268, ["Day"]), (332, ["Time"]),
                (403, ["Venue"]), (559, ["Campus"]), (644, ["Study Prog"])],
    "test": [(41, ["Module"]), (98, ["Test"]), (141, ["Day"]), (219, ["Date"]), (297, ["Time"]), (375, ["Campus"]), (467, ["Venue"])],
    "exam": [(41, ["Status"]), (91, ["Module"]), (149, ["Paper"]), (190, ["Activity"]), (244, ["Date"]), (320, ["Start", "Time"]),
             (367, ["Module", "Campus"]), (460, ["Exam", "Campus"]), (552, ["Venue"]), (679, ["Exam", "Comments"])],
}
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
SUBJECTS = ["COS 214", "WTW 114", "EBN111", "PHY 131", "STK 110", "BER-210", "INF 1123", "ZBT 320", "AIM 101", "LLB 4", "Fil 155", "MLB 111"]
GROUPS = ["G01", "G02", "G1", "01", "A", "G10", "D2"]
VENUES = ["Centenary 6", "Thuto 1-1", "IT 4-4", "EMB 4-150", "Eng III-6", "Te Water Hall", "Chancellor's Hall", "Theology 1-22", "HSB 4-8",
          "AE Annex 10 (West)", "Thuto 3-2", "Roos Hall", "Musaion", "Sports Centre Hall A", "Lier Theatre"]
LONG_VENUES = ["Engineering Building 3 Computer Laboratory 4-12", "Natural Sciences Building 1 Lecture Hall 1-23",
               "South Campus Informatorium Laboratory Green"]
CAMPUSES = ["HATFIELD", "GROENKLOOF", "MAMELODI", "ONDERSTEPOORT", "PRINSHOF SOUTH"]
PROGRAMMES = ["BSc (CS)", "BIT", "BEng (Computer)/BEng (Electrical)", "BSc/BCom/BIS", "BCom (Accounting Sciences)", "12130002 / 12130003"]
COMMENTS = ["", "Closed book", "Open book, bring a calculator without memory and your student card", "Seating lists at the door: arrive 30 minutes early",
            "Rows A - M"]
TITLES = {"lecture": ["Lectures", "Lectures 2026", "My Lectures"], "test": ["Semester Tests", "Semester Tests: 2025 semester 2"],
          "exam": ["Exams", "My Exams", "Exams: Lectures of 2025"]}


def width(text, size):
    return sum(WIDTHS[ord(c) - 32] if 32 <= ord(c) < 127 else 556 for c in text) * size / 1000


def wrap(text, room, size, measure=width):
    """Breaks at spaces where a line would leave its room."""
    lines = []
    for word in text.split():
        if lines and measure(lines[-1] + " " + word, size) <= room:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines


def clock(minutes):
    return "%02d:%02d" % (minutes // 60, minutes % 60)


class Maker:
    def __init__(self, kind, seed, **options):
        self.random = random.Random("%s %s" % (kind, seed))
        self.kind, self.options = kind, options
        scale = options.get("scale", 1)
        self.columns = [(left * scale, lines) for left, lines in PORTAL[kind]]
        self.right = RIGHT * scale
        self.size = options.get("size") or (11 if kind == "test" else 10) * scale

    def room(self, column):
        right = self.columns[column + 1][0] if column + 1 < len(self.columns) else self.right
        return right - self.columns[column][0] - 5

    def wrap(self, column, text):
        return wrap(text, self.room(column), self.size, self.options.get("measure", width))

    def sheet(self, n):
        rows = [getattr(self, self.kind)(i) for i in range(n)]
        title = self.options.get("title") or self.random.choice(TITLES[self.kind])
        return {"kind": self.kind, "title": title, "size": self.size, "header_size": (8 if self.kind == "exam" else 10) * self.options.get("scale", 1),
                "columns": self.columns, "right": self.right, "rows": rows}

    def lecture(self, index):
        pick = self.random.choice
        head = [pick(SUBJECTS), pick(["S1", "S2", "Y"]), pick(GROUPS), pick(["E", "A", "B"])]
        campus, programme = pick(CAMPUSES), pick(PROGRAMMES)
        cells = [[] for _ in range(10)]
        events = []
        kind = pick("LPT")
        for i in range(pick([1, 1, 2, 3, 4, 6])):
            start = 450 + 60 * self.random.randrange(9)
            activity, day = kind + str(i + 1), pick(DAYS)
            for _ in range(pick([1, 1, 3]) if kind == "P" else 1):
                venue = pick(LONG_VENUES if self.random.random() < 0.2 else VENUES)
                lines = self.wrap(7, venue)
                for k, line in enumerate(lines):
                    first = not cells[0]
                    values = (head if first else [None] * 4) + ([activity, day, clock(start) + " - " + clock(start + 50)] if k == 0 else [None] * 3)
                    for c, value in enumerate(values + [line]):
                        cells[c].append(value)
                events.append({"kind": "lecture", "module": head[0], "semester": head[1], "group": head[2], "lang": head[3], "activity": activity,
                               "day": day, "start": clock(start), "end": clock(start + 50), "venues": [venue], "campus": campus,
                               "study_prog": programme})
        return self.finish(cells, {8: campus, 9: programme}, events, kind)

    def finish(self, cells, wrapped, events, hidden=None):
        """Cells that hold for the row are wrapped from its first line on; all get one length."""
        for c, text in wrapped.items():
            cells[c] = self.wrap(c, text)
        n = max(len(cell) for cell in cells)
        return {"cells": [cell + [None] * (n - len(cell)) for cell in cells], "events": events, "hidden": hidden}

    def test(self, index):
        pick = self.random.choice
        day, date = self.date()
        start = 60 * self.random.randrange(8, 18)
        name = pick(["Test1", "Test2", "PTest 1", "PTest 2", "Sick Test"])
        venues = self.random.sample(VENUES, pick([1, 1, 2, 5, 13]))
        event = {"kind": "test", "module": pick(SUBJECTS), "test": name, "day": day, "date": date[0], "start": clock(start),
                 "end": clock(start + 90), "campus": pick(CAMPUSES), "venues": venues}
        cells = [[] for _ in range(7)]
        cells[6] = list(venues)
        return self.finish(cells, {0: event["module"], 1: name, 2: day, 3: date[1], 4: clock(start) + " - " + clock(start + 90),
                                   5: event["campus"]}, [event])

    def date(self):
        year, month, day = 2025, self.random.randrange(1, 13), self.random.randrange(1, 29)
        name = MONTHS[month - 1]
        return self.random.choice(DAYS), ("%d-%02d-%02d" % (year, month, day), "%02d %s %d" % (day, name.upper() if self.kind == "exam" else name, year))

    def exam(self, index):
        pick = self.random.choice
        start, date = pick([450, 480, 750, 1050]), self.date()[1]
        venue = pick(VENUES + LONG_VENUES + ["TBA", "Unfinalised", "Consult Department"])
        status = pick(["Final", "Final", "Unfinalised"]) if self.options.get("unfinalised", True) else "Final"
        event = {"kind": "exam", "status": status, "module": pick(SUBJECTS), "paper": pick(["1", "2", "P1"]),
                 "activity": pick(["Exam Written", "Exam", "Exam Oral", "Exam Practical"]), "date": date[0], "start": clock(start),
                 "module_campus": pick(CAMPUSES + [""]), "campus": pick(CAMPUSES + [""]), "venues": [venue], "comments": pick(COMMENTS),
                 "unfinalised": status == "Unfinalised" or venue in ("TBA", "Unfinalised", "Consult Department")}
        texts = [event["status"], event["module"], event["paper"], event["activity"], date[1], clock(start), event["module_campus"],
                 event["campus"], venue, event["comments"]]
        event = {k: v for k, v in event.items() if v != ""}
        return self.finish([[] for _ in range(10)], dict(enumerate(texts)), [event])


def listed(kind, column):
    """True where each line of a cell is a text of its own: a producer that wraps must keep them."""
    return (kind == "lecture" and 4 <= column <= 7) or (kind == "test" and column == 6)


def flow(sheet, row, column):
    """A cell for producers that wrap by themselves: its lines where they are texts of their own (None: blank), else one text."""
    lines = row["cells"][column]
    if not listed(sheet["kind"], column):
        return " ".join(line for line in lines if line is not None)
    last = max((i for i, line in enumerate(lines) if line is not None), default=-1)
    return list(lines[:last + 1])


def headers(sheet):
    return [" ".join(lines) for _, lines in sheet["columns"]]


def column_widths(sheet, room, size, header_size=None, pad=6, wider=1.12):
    """(size, widths) of columns that fill room and break no word, at the largest size up to the wanted one."""
    while True:
        least, wanted = [], []
        for c, header in enumerate(headers(sheet)):
            head = max(width(word, (header_size or size) * 1.08) for word in header.split())
            short, full = head, head
            for row in sheet["rows"]:
                cell = flow(sheet, row, c)
                lines = cell if isinstance(cell, list) else [cell]
                hidden = "  W" if row["hidden"] and c == 3 else ""
                full = max([full] + [width((line or "") + hidden, size) for line in lines])
                words = [line or "" for line in lines] if isinstance(cell, list) else cell.split() or [""]
                short = max([short] + [width(word + hidden, size) for word in words])
            least.append(short * wider + pad)
            wanted.append(min(full, 3 * short) * wider + pad)
        spare = room - sum(least)
        if spare >= 0 or size <= 4:
            extra = sum(w - l for w, l in zip(wanted, least)) or 1
            return size, [l + max(spare, 0) * (w - l + 1) / (extra + len(least)) for w, l in zip(wanted, least)]
        size -= 0.5
        header_size = min(header_size, size) if header_size else None


def differences(reply, sheet):
    """What the parser's reply has wrong, as sentences; empty when every field of every event is right."""
    wanted = [e for row in sheet["rows"] for e in row["events"]]
    found, out = reply["events"], []
    if len(found) != len(wanted):
        out.append("%d events, not %d" % (len(found), len(wanted)))
    for i, (a, b) in enumerate(zip(found, wanted)):
        for name in sorted(set(a) | set(b)):
            if name in ("src", "recurring") or (name == "unfinalised" and name not in b and not a[name]):
                continue
            if a.get(name) != b.get(name):
                out.append("event %d %s: %r, not %r" % (i, name, a.get(name), b.get(name)))
    if reply["rows_seen"] != len(sheet["rows"]) or reply["rows_parsed"] != len(sheet["rows"]):
        out.append("rows seen %d, parsed %d, not %d" % (reply["rows_seen"], reply["rows_parsed"], len(sheet["rows"])))
    outside = [w["text"] for w in reply["warnings"] if w["code"] == "text_outside_table"]
    if sorted(" ".join(outside).split()) != sorted(" ".join(sheet.get("outside", [])).split()):
        out.append("text outside the table: %r, not %r" % (outside, sheet.get("outside", [])))
    out += ["warning: %r" % w for w in reply["warnings"] if w["code"] != "text_outside_table"]
    return out
