"""judge - how true were the waits that people were told?

Judged is who had to wait and joined between the header's score_from_ms and score_to_ms. Waits beyond WAIT_MAX_S count as
that ("more than 20 minutes"). Who leaves hides how long the wait would have been; that is met in two ways:

    virtual  the replay knows when somebody would have taken the one who left (vwait): nothing is hidden
    ipcw     inverse probability of censoring weights: whoever was matched counts for those of the same gender who had
             left by then, up to where 15 % of them are left; what a live pool without virtual waits can reckon

The pinball loss of a quantile q at level p and a wait v is p (v - q) when v >= q, else (1 - p)(q - v): the smaller the
better, and smallest in the mean when q is the true quantile (Koenker and Bassett 1978).
"""
import bisect
import json
import math
from collections import defaultdict, deque

WITHIN_S = (30, 60, 120, 300)
WAIT_MAX_S = 1200.0
LN2, LN10 = math.log(2), math.log(10)
IPCW_LEFT = .15


class Person:
    __slots__ = ("id", "t", "g", "seek", "age", "amin", "amax", "x", "y", "maxd", "hist", "leave")

    def __init__(self, join):
        for name in self.__slots__[:-2]:
            setattr(self, name, join[name])
        self.hist, self.leave = frozenset(join.get("hist", ())), None


def fit(a, b):
    """May these two be paired?"""
    if not (a.seek >> b.g & 1 and b.seek >> a.g & 1 and a.amin <= b.age <= a.amax and b.amin <= a.age <= b.amax):
        return False
    far2 = (a.x - b.x) ** 2 + (a.y - b.y) ** 2
    return far2 <= a.maxd ** 2 and far2 <= b.maxd ** 2 and b.id not in a.hist and a.id not in b.hist


def read_trace(path):
    with open(path) as lines:
        return hold_trace(json.loads(line) for line in lines)


def hold_trace(events):
    """Header and people by id."""
    header, people = None, {}
    for e in events:
        if e["ev"] == "header":
            header = e
        elif e["ev"] == "join":
            people[e["id"]] = Person(e)
        else:
            people[e["id"]].leave = e["t"]
    return header, people


def read_by_id(path):
    with open(path) as lines:
        return {e["id"]: e for e in map(json.loads, lines)}


def faults(people, outcomes):
    """What is impossible about the outcomes, as (id, what)."""
    found = [(i, "has no outcome") for i in people if i not in outcomes]
    for i, o in outcomes.items():
        if o["event"] != "match":
            continue
        me, other = people[i], outcomes.get(o["partner"])
        if other is None or other["partner"] != i:
            found.append((i, "is matched with somebody who is not matched with it"))
            continue
        partner, at = people[o["partner"]], me.t + o["wait"]
        if at != partner.t + other["wait"]:
            found.append((i, "is matched at another time than its partner"))
        if at < max(me.t, partner.t) or any(p.leave is not None and at > p.leave for p in (me, partner)):
            found.append((i, "is matched with somebody who is not there"))
        if not fit(me, partner):
            found.append((i, "does not fit its partner"))
    return found


# -- baselines: what could be said without a model ---------------------------------------------------------------------


def quantile(values, p):
    """By linear interpolation between order statistics."""
    values = sorted(values)
    at = (len(values) - 1) * p
    low = int(at)
    return values[low] if low + 1 >= len(values) else values[low] + (values[low + 1] - values[low]) * (at - low)


def exponential(mean, pmatch):
    mean = max(mean, 1e-3)
    return dict(p50=mean * LN2, p90=mean * LN10, mean=mean, pT={t: 1 - math.exp(-t / mean) for t in WITHIN_S}, pmatch=pmatch)


def empirical(waits, pmatch):
    n = len(waits)
    return dict(p50=quantile(waits, .5), p90=quantile(waits, .9), mean=sum(waits) / n,
                pT={t: (sum(w <= t for w in waits) + .5) / (n + 1) for t in WITHIN_S}, pmatch=pmatch)


def last_wait(wait, pmatch):
    return dict(p50=wait, p90=wait * LN10 / LN2, mean=wait, pT={t: 1 - .5 ** (t / max(wait, 1e-3)) for t in WITHIN_S},
                pmatch=pmatch)


def kaplan_meier(seen, pmatch):
    """seen: (wait, matched). Beyond the last match: exponential at the mean hazard."""
    seen = sorted(seen)
    stays, steps, n = 1.0, [], len(seen)
    for i, (wait, matched) in enumerate(seen):
        if matched:
            stays *= 1 - 1.0 / (n - i)
            steps.append((wait, stays))
    hazard = (len(steps) + .5) / (sum(wait for wait, _ in seen) + 30.0)
    last, left = steps[-1] if steps else (0.0, 1.0)

    def at(p):
        for wait, s in steps:
            if s <= 1 - p:
                return wait
        return last + math.log(max(left, 1e-9) / (1 - p)) / hazard

    def within(t):
        if t > last:
            return 1 - left * math.exp(-(t - last) * hazard)
        s = 1.0
        for wait, after in steps:
            if wait > t:
                break
            s = after
        return 1 - s

    mean, before, s = 0.0, 0.0, 1.0
    for wait, after in steps:
        mean += s * (wait - before)
        before, s = wait, after
    return dict(p50=at(.5), p90=at(.9), mean=mean + s / hazard, pT={t: within(t) for t in WITHIN_S}, pmatch=pmatch)


BASELINES = ("naive", "LES", "rollavg", "rollq", "rollKM")


class Past:
    """What a pool without a model remembers, by (gender, sought) and by gender alone."""

    def __init__(self):
        self.waiting, self.matched_at, self.matched = defaultdict(int), defaultdict(deque), defaultdict(int)
        self.last = {}
        self.waits = {50: defaultdict(lambda: deque(maxlen=50)), 100: defaultdict(lambda: deque(maxlen=100))}
        self.ends = defaultdict(lambda: deque(maxlen=200))
        self.began_s = None

    def ended(self, person, outcome, now_s):
        kind, gender, matched = (person.g, person.seek), person.g, outcome["event"] == "match"
        if matched:
            self.matched_at[gender].append(now_s)
            self.matched[gender] += 1
        if not outcome["queued"]:
            return
        wait = outcome["wait"] / 1000
        self.waiting[gender] -= 1
        for key in (kind, gender):
            if matched:
                self.last[key] = wait
                self.waits[50][key].append(wait)
                self.waits[100][key].append(wait)
            if outcome["event"] != "end":
                self.ends[key].append((wait, matched))

    def of(self, rings, kind, least):
        """The ring of the kind when it holds enough, else its gender's."""
        return rings[kind] if len(rings[kind]) >= least else rings[kind[0]]

    def throughput(self, gender, now_s):
        recent = self.matched_at[gender]
        while recent and recent[0] < now_s - 300:
            recent.popleft()
        since = now_s - self.began_s
        return len(recent) / min(300.0, since) if recent else max(self.matched[gender], .5) / since

    def say(self, person, now_s):
        kind, gender = (person.g, person.seek), person.g
        ends = self.ends[gender]
        pmatch = (sum(matched for _, matched in ends) + 1) / (len(ends) + 2)
        few, many = self.of(self.waits[50], kind, 5), self.of(self.waits[100], kind, 10)
        seen = self.of(self.ends, kind, 20)
        return {
            "naive": exponential((self.waiting[gender] + 1) / self.throughput(gender, now_s), pmatch),
            "LES": last_wait(self.last.get(kind, self.last.get(gender, 60.0)), pmatch),
            "rollavg": exponential(sum(few) / len(few) if few else 60.0, pmatch),
            "rollq": empirical(many, pmatch) if many else exponential(60.0, pmatch),
            "rollKM": kaplan_meier(seen, pmatch) if seen else exponential(60.0, pmatch),
        }


def baselines(people, outcomes):
    """By name: queue length over throughput, last wait, rolling mean, rolling quantiles, rolling Kaplan-Meier; told to
    everybody on joining from what was known then."""
    JOIN, END_QUEUED, END_AT_ONCE = 1, 0, 2
    events = []
    for i, o in outcomes.items():
        events.append((people[i].t, JOIN, i))
        events.append((people[i].t + o["wait"], END_QUEUED if o["queued"] else END_AT_ONCE, i))
    past, told = Past(), {name: {} for name in BASELINES}
    for at_ms, kind, i in sorted(events):
        now_s, person = at_ms / 1000, people[i]
        if past.began_s is None:
            past.began_s = now_s - 1
        if kind != JOIN:
            past.ended(person, outcomes[i], now_s)
        elif outcomes[i]["queued"]:
            for name, said in past.say(person, now_s).items():
                told[name][i] = said
            past.waiting[person.g] += 1
    return told


# -- scores ------------------------------------------------------------------------------------------------------------


def pinball(p, q, v):
    return p * (v - q) if v >= q else (1 - p) * (q - v)


def virtual_wait(outcome):
    return WAIT_MAX_S if outcome["vwait"] is None else min(WAIT_MAX_S, outcome["vwait"] / 1000)


def within(said, t):
    return said["pT"][t] if t in said["pT"] else said["pT"][str(t)]


def judged(header, people, outcomes):
    return [i for i, o in outcomes.items() if o["queued"] and header["score_from_ms"] <= people[i].t < header["score_to_ms"]]


def clipped(said):
    return dict(said, **{name: min(said[name], WAIT_MAX_S) for name in ("p50", "p90", "mean")})


def reliability(pairs, bins=10):
    """(foretold, came true) by tenths: number, mean foretold, share that came true."""
    sums = defaultdict(lambda: [0, 0.0, 0.0])
    for p, y in pairs:
        z = sums[min(bins - 1, int(p * bins))]
        z[0] += 1
        z[1] += p
        z[2] += y
    return [(n, p / n, y / n) for n, p, y in (sums[k] for k in sorted(sums))]


def score_virtual(ids, outcomes, told):
    n = len(ids)
    rows = [(clipped(told[i]), virtual_wait(outcomes[i])) for i in ids]
    ret = {"v_n": n,
           "pin50": sum(pinball(.5, s["p50"], v) for s, v in rows) / n,
           "pin90": sum(pinball(.9, s["p90"], v) for s, v in rows) / n,
           "cov50": sum(v <= s["p50"] for s, v in rows) / n,
           "cov90": sum(v <= s["p90"] for s, v in rows) / n}
    mean = sum(v for _, v in rows) / n
    promises = [(within(s, t), v <= t) for s, v in rows for t in WITHIN_S]
    ret.update(pin=ret["pin50"] + ret["pin90"], mae50=2 * ret["pin50"], wape50=2 * ret["pin50"] / mean,
               mape50=sum(abs(v - s["p50"]) / max(v, 15.0) for s, v in rows) / n,
               maemean=sum(abs(v - s["mean"]) for s, v in rows) / n,
               bias=(sum(s["mean"] for s, _ in rows) / n - mean) / mean,
               brierT=sum((p - y) ** 2 for p, y in promises) / len(promises),
               eceT=sum(abs(p - y) * k for k, p, y in reliability(promises)) / len(promises))
    return ret


class Leaving:
    """The share of a gender not yet gone by leaving, by wait (Kaplan-Meier of the leaves)."""

    def __init__(self, waits):
        waits = sorted(waits)
        self.steps, stays, n = [], 1.0, len(waits)
        for k, (wait, left) in enumerate(waits):
            if left:
                stays *= 1 - 1.0 / (n - k)
                self.steps.append((wait, stays))
        self.limit = next((wait for wait, s in self.steps if s <= IPCW_LEFT), 1e9)

    def before(self, wait):
        k = bisect.bisect_left(self.steps, (wait, -1.0)) - 1
        return self.steps[k][1] if k >= 0 else 1.0


def score_ipcw(ids, people, outcomes, told):
    leaving = {g: Leaving([(o["wait"] / 1000, o["event"] == "leave") for i, o in outcomes.items()
                           if people[i].g == g and o["queued"]]) for g in {p.g for p in people.values()}}
    loss, weights = {"p50": 0.0, "p90": 0.0}, 0.0
    covered, answered = {"p50": 0.0, "p90": 0.0}, {"p50": 0.0, "p90": 0.0}
    for i in ids:
        o, gone = outcomes[i], leaving[people[i].g]
        wait, matched = o["wait"] / 1000, o["event"] == "match"
        v = min(wait, gone.limit)
        if matched or wait >= gone.limit:
            weight = 1 / gone.before(v)
            weights += weight
            for name, p in (("p50", .5), ("p90", .9)):
                loss[name] += weight * pinball(p, min(clipped(told[i])[name], gone.limit), v)
        for name in covered:
            q = min(told[i][name], WAIT_MAX_S)
            if q <= gone.limit and ((matched and wait <= q) or wait >= q):
                weight = 1 / gone.before(min(wait, q))
                answered[name] += weight
                covered[name] += weight * (matched and wait <= q)
    ret = {}
    if weights:
        ret = {"i_pin50": loss["p50"] / weights, "i_pin90": loss["p90"] / weights}
        ret["i_pin"] = ret["i_pin50"] + ret["i_pin90"]
    for name, key in (("p50", "i_cov50"), ("p90", "i_cov90")):
        known = sum(min(told[i][name], WAIT_MAX_S) <= leaving[people[i].g].limit for i in ids) >= .8 * len(ids)
        ret[key] = covered[name] / answered[name] if answered[name] and known else float("nan")
    return ret


def score(header, people, outcomes, told, among=None):
    """All metrics of what was told. among(person): judge these alone."""
    ids = [i for i in judged(header, people, outcomes) if among is None or among(people[i])]
    known = [i for i in ids if i in told]
    ret = {"n": len(known), "missing": len(ids) - len(known)}
    if not known:
        return ret
    if any(outcomes[i]["vwait"] is not None and outcomes[i]["event"] != "match" for i in known):
        ret.update(score_virtual(known, outcomes, told))
    ended = [(told[i]["pmatch"], outcomes[i]["event"] == "match") for i in known if outcomes[i]["event"] != "end"]
    ret["brierM"] = sum((p - y) ** 2 for p, y in ended) / max(1, len(ended))
    ret.update(score_ipcw(known, people, outcomes, told))
    return ret
