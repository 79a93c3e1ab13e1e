"""Precision and recall of what a parser found against what a document holds, per event and per field."""
from collections import Counter

IGNORED = {"src", "recurring", "kind", "uid", "summary", "end_estimated"}


def fields(event):
    """What is compared. An event that is not unfinalised need not say so; no field is blank."""
    out = {name: value for name, value in event.items() if name not in IGNORED and value not in ("", [], None)}
    if not out.get("unfinalised"):
        out.pop("unfinalised", None)
    return out


def key(event):
    return repr(sorted(event.items(), key=lambda item: item[0]))


def alike(a, b):
    return sum(1 for name in a if a[name] == b.get(name))


def pairs(found, wanted):
    """[(found or None, wanted or None)]: equal ones first, then those that agree in most fields."""
    left, out = Counter(key(e) for e in wanted), []
    rest, by_key = [], {key(e): e for e in wanted}
    for event in found:
        name = key(event)
        if left[name] > 0:
            left[name] -= 1
            out.append((event, event))
        else:
            rest.append(event)
    missing = [by_key[name] for name, n in left.items() for _ in range(n)]
    scored = sorted(((alike(a, b), i, k) for i, a in enumerate(rest) for k, b in enumerate(missing)), key=lambda s: (-s[0], abs(s[1] - s[2])))
    used_a, used_b = set(), set()
    for points, i, k in scored:
        if points >= 2 and i not in used_a and k not in used_b:
            used_a.add(i)
            used_b.add(k)
            out.append((rest[i], missing[k]))
    out += [(e, None) for i, e in enumerate(rest) if i not in used_a]
    return out + [(None, e) for k, e in enumerate(missing) if k not in used_b]


class Score:
    """Sums over documents: right, found and wanted of each field, "event" being all fields together."""

    def __init__(self):
        self.right, self.found, self.wanted = Counter(), Counter(), Counter()
        self.documents = self.perfect = self.rows_seen = self.rows_parsed = self.rows = 0

    def add(self, code, reply, wanted, rows):
        """One document; returns what is wrong with it, as sentences."""
        wrong = []
        events = [fields(e) for e in reply["events"]] if code == "OK" else []
        wanted = [fields(e) for e in wanted]
        if code != "OK":
            wrong.append("%s %s" % (code, reply))
        for a, b in pairs(events, wanted):
            self.count(a, b, wrong)
        seen, parsed = (reply["rows_seen"], reply["rows_parsed"]) if code == "OK" else (0, 0)
        self.rows += rows
        self.rows_seen += seen
        self.rows_parsed += parsed
        if (seen, parsed) != (rows, rows):
            wrong.append("rows seen %d, parsed %d, not %d" % (seen, parsed, rows))
        self.documents += 1
        self.perfect += not wrong
        return wrong

    def count(self, found, wanted, wrong):
        self.right["event"] += found == wanted
        self.found["event"] += found is not None
        self.wanted["event"] += wanted is not None
        for name in set(found or {}) | set(wanted or {}):
            have, want = name in (found or {}), name in (wanted or {})
            right = have and want and found[name] == wanted[name]
            self.right[name] += right
            self.found[name] += have
            self.wanted[name] += want
            if not right and found and wanted:
                wrong.append("%s %s: %r, not %r" % (wanted.get("module"), name, found.get(name), wanted.get(name)))
        if found is None or wanted is None:
            wrong.append("%s %s" % ("too much:" if wanted is None else "missing:", found or wanted))

    def merge(self, other):
        for name in ("right", "found", "wanted"):
            getattr(self, name).update(getattr(other, name))
        for name in ("documents", "perfect", "rows_seen", "rows_parsed", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def precision(self, name):
        return 100.0 * self.right[name] / self.found[name] if self.found[name] else 100.0

    def recall(self, name):
        return 100.0 * self.right[name] / self.wanted[name] if self.wanted[name] else 100.0
