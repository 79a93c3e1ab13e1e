#!/usr/bin/python3
"""traces - who joins a pool and who leaves it: eight scenarios of a dating site, drawn from a seed.

    bench/waits/traces.py SCENARIO SEED OUT [--rate R] [--horizon S]        --list names the scenarios

The same scenario, seed, rate and horizon give the same bytes on every machine. replay/trace.h has the format. Genders
here are 0 men, 1 women, 2 non-binary people; a set of sought genders is a mask, 1 << gender.
"""
import argparse
import json
import math
import random

MEN, WOMEN, NONBINARY = 0, 1, 2
HOUR_S = 3600.0
TOWNS = (  # centre in hectometres, share of the people, spread in hectometres
    ((0, 0), .40, 90), ((3000, 500), .25, 70), ((-2500, 1800), .15, 60), ((800, -2600), .12, 60), ((-1500, -3000), .08, 50))
REACHES_HM = ((100, .15), (250, .40), (500, .35), (5000, .10))
STRAIGHT = {MEN: ((2, 1.0),), WOMEN: ((1, 1.0),), NONBINARY: ((7, 1.0),)}
EVERYBODY = {MEN: ((2, .84), (1, .06), (3, .05), (7, .05)),
             WOMEN: ((1, .80), (2, .07), (3, .07), (7, .06)),
             NONBINARY: ((7, .45), (2, .15), (1, .15), (6, .15), (4, .10))}
AGE_MEAN = (32, 30, 29)
YOUNGER_MEAN, OLDER_MEAN = (7, 4, 7), (4, 8, 7)  # how far below and above one's own age one looks
PATIENCE_MEDIAN_S = (200, 150, 180)
RECENT = 400   # how many of the last people one may have met before


class Scenario:
    """Relative arrival rates by time, and what the arriving people seek."""

    def __init__(self, rates, seeking=STRAIGHT, rate=None, shares=None):
        self.rates, self.seeking = rates, seeking
        self.rate = rate or (lambda t: sum(rates(t)))
        self.shares = shares or self._shares

    def _shares(self, t):
        men, women = self.rates(t)[:2]
        return men / (men + women), women / (men + women), 0


def steady(men, women, nonbinary=0, seeking=STRAIGHT, rate=1.0):
    return Scenario(None, seeking, lambda t: rate, lambda t: (men, women, nonbinary))


def scenarios(horizon_s):
    def bell(t, centre):
        return math.exp(-((t - centre * horizon_s) / (.14 * horizon_s)) ** 2)

    def during(t, start, length_s):
        return start * horizon_s <= t < start * horizon_s + length_s

    def evening(t):     # men come first, women a little later
        return .50 + 1.6 * bell(t, .45), .40 + 1.3 * bell(t, .53)

    def pushes(t):      # five times as many men for four minutes, later women
        return .55 * (5 if during(t, .30, 240) else 1), .45 * (5 if during(t, .60, 240) else 1)

    def absence(t):     # most of the women stay away for a third of the time
        return .52, .48 * (.3 if .45 * horizon_s <= t < .75 * horizon_s else 1)

    return {
        "balanced": steady(.5, .5),
        "male70": steady(.7, .3),
        "male90": steady(.9, .1),
        "mixed": steady(.52, .38, .10, EVERYBODY),
        "peak": Scenario(evening, rate=lambda t: sum(evening(t)) / 1.6),
        "burst": Scenario(pushes),
        "drop": Scenario(absence),
        "thin": steady(.55, .38, .07, EVERYBODY, .2),
    }


NAMES = tuple(scenarios(HOUR_S))


def choose(draw, table):
    at, below = draw.random(), 0
    for value, share in table:
        below += share
        if at < below:
            return value
    return table[-1][0]


def patience_s(draw, gender):
    """One in eight looks in and goes; the others' patience is log-normal."""
    if draw.random() < .12:
        return 2 + draw.expovariate(1 / 18)
    return max(3.0, min(3000.0, draw.lognormvariate(math.log(PATIENCE_MEDIAN_S[gender]), .7)))


def met_before(draw, recent, town, seeking):
    met = []
    if draw.random() < .3 and recent:
        for _ in range(draw.randint(1, 6)):
            other, other_town, other_gender = recent[draw.randrange(len(recent))]
            if other_town == town and seeking >> other_gender & 1 and other not in met:
                met.append(other)
    return sorted(met)


def person(draw, scenario, at_s, number, recent):
    at, (men, women, _) = draw.random(), scenario.shares(at_s)
    gender = MEN if at < men else WOMEN if at < men + women else NONBINARY
    seeking = choose(draw, scenario.seeking[gender])
    age = int(max(18, min(75, draw.gauss(AGE_MEAN[gender], 8))))
    younger = abs(draw.gauss(YOUNGER_MEAN[gender], 3)) + 1
    older = abs(draw.gauss(OLDER_MEAN[gender], 3)) + 1
    town = choose(draw, [(k, share) for k, (_, share, _) in enumerate(TOWNS)])
    (east, north), _, spread = TOWNS[town]
    x, y = int(draw.gauss(east, spread)), int(draw.gauss(north, spread))
    reach = choose(draw, REACHES_HM)
    met = met_before(draw, recent, town, seeking)
    recent.append((number, town, gender))
    del recent[:-RECENT]
    return dict(ev="join", t=int(at_s * 1000), id=number, g=gender, seek=seeking, age=age, amin=max(18, int(age - younger)),
                amax=int(age + older), x=x, y=y, maxd=reach, hist=met)


def draw_trace(name, seed, rate=1.0, horizon_s=7200.0, scenario=None):
    """The header and the events of a trace. scenario: one of one's own instead of the named one."""
    scenario = scenario or scenarios(horizon_s)[name]
    draw = random.Random("%s/%d" % (name, seed))
    highest = max(scenario.rate(horizon_s * k / 2000) for k in range(2001)) * rate * 1.02
    at_s, number, events, recent = 0.0, 0, [], []
    while True:     # thinning: candidates at the highest rate, each kept with the share the present rate has of it
        at_s += draw.expovariate(highest)
        if at_s >= horizon_s:
            break
        if draw.random() * highest > scenario.rate(at_s) * rate:
            continue
        join = person(draw, scenario, at_s, number, recent)
        leave_ms = join["t"] + int(patience_s(draw, join["g"]) * 1000)
        events.append((join["t"], 1, number, join))
        if leave_ms < horizon_s * 1000:
            events.append((leave_ms, 0, number, dict(ev="leave", t=leave_ms, id=number)))
        number += 1
    events.sort(key=lambda e: e[:3])
    header = dict(ev="header", scenario=name, seed=seed, rate=rate, users=number, horizon_ms=int(horizon_s * 1000),
                  score_from_ms=int(horizon_s * 150), score_to_ms=int(horizon_s * 820))
    return header, [e[3] for e in events]


def write(path, header, events):
    with open(path, "w") as out:
        for line in [header] + events:
            out.write(json.dumps(line, separators=(",", ":")) + "\n")


def main():
    args = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    args.add_argument("scenario", nargs="?", choices=NAMES)
    args.add_argument("seed", nargs="?", type=int)
    args.add_argument("out", nargs="?")
    args.add_argument("--rate", type=float, default=1.0, help="arrivals a second at relative rate 1")
    args.add_argument("--horizon", type=float, default=7200.0, help="seconds")
    args.add_argument("--list", action="store_true")
    a = args.parse_args()
    if a.list:
        print("\n".join(NAMES))
    elif a.out is None:
        args.error("needed: SCENARIO SEED OUT")
    elif not 0 < a.rate <= 1000 or not 1 <= a.horizon <= 7 * 86400:
        args.error("--rate: above 0, at most 1000; --horizon: 1 to 604800")
    else:
        write(a.out, *draw_trace(a.scenario, a.seed, a.rate, a.horizon))


if __name__ == "__main__":
    main()
