#!/usr/bin/python3
"""How good are the pairs? Traces are drawn, played through `stint match replay` and held against what somebody who knows
the future could do at best.

    bench/matching/quality.py [--seed N] [--seeds K] [--scenario NAME,...] [--policy P] [--horizon S] [--stint PROGRAM] [--json FILE] [--glance]

Without --seed new seeds are drawn, and printed. Exits 1 when a target is missed; with --glance (a run too short to judge shares, distances and waits)
only when a pair is at fault. How to read it: bench/README.md
"""
import argparse
import json
import math
import os
import random
import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "bench/waits"))
import cases    # noqa: E402
import judge    # noqa: E402
import traces   # noqa: E402

SEED_STEP = 1000003
SHARE_MUST = {"male70": .945, "male90": .93}
SHARE_ELSE, SHARE_MORE = .895, .001
KM_MUST, KM_MORE, P90_MUST = .80, .72, 1.05
P90_LAST_S = 1200.0


# -- the best there is -------------------------------------------------------------------------------------------------


def meetings(header, people):
    """Who could be paired at some instant: fits, and both are there. {id: [ids]}"""
    near = {i: [] for i in people}
    here = []
    for p in sorted(people.values(), key=lambda p: (p.t, p.id)):
        here = [w for w in here if (header["horizon_ms"] if w.leave is None else w.leave) >= p.t]
        for w in here:
            if judge.fit(p, w):
                near[p.id].append(w.id)
                near[w.id].append(p.id)
        here.append(p)
    return near


class Blossoms:
    """Maximum matching in a general graph (J. Edmonds 1965), one root after the other: who is matched stays matched, and
    what a search that failed has seen is never looked at again. So the roots that come first are matched as many as can be."""

    def __init__(self, near):
        self.near, self.mate, self.dead = near, {}, set()

    def base_of(self, v):
        root = v
        while self.base.get(root, root) != root:
            root = self.base[root]
        while self.base.get(v, v) != root:
            self.base[v], v = root, self.base.get(v, v)
        return root

    def meet(self, a, b):
        """Nearest common base on the alternating ways from a and b to the root."""
        passed = set()
        while True:
            a = self.base_of(a)
            passed.add(a)
            if a == self.root:
                break
            a = self.parent[self.mate[a]]
        while True:
            b = self.base_of(b)
            if b in passed:
                return b
            b = self.parent[self.mate[b]]

    def make_even(self, v):
        if v not in self.even:
            self.even.add(v)
            self.queue.append(v)

    def shrink(self, v, base, child):
        while self.base_of(v) != base:
            mate = self.mate[v]
            self.parent[v], child = child, mate
            self.base[self.base_of(v)] = base
            self.base[self.base_of(mate)] = base
            self.make_even(mate)
            v = self.parent[mate]

    def grow(self, v):
        """A free end of an augmenting path by way of v, or None."""
        for w in self.near[v]:
            if w in self.dead or self.mate.get(v) == w or self.base_of(v) == self.base_of(w):
                continue
            if w in self.even:
                base = self.meet(v, w)
                self.shrink(v, base, w)
                self.shrink(w, base, v)
            elif w not in self.parent:
                self.parent[w] = v
                if w not in self.mate:
                    return w
                self.make_even(self.mate[w])
        return None

    def augment(self, root):
        self.root, self.base, self.parent, self.even, self.queue = root, {}, {}, set(), deque()
        self.make_even(root)
        while self.queue:
            w = self.grow(self.queue.popleft())
            while w is not None:
                v = self.parent[w]
                after = self.mate.get(v)
                self.mate[v], self.mate[w] = w, v
                if after is None:
                    return
                w = after
        self.dead |= self.even | set(self.parent)

    def of(self, order):
        for v in order:
            if v not in self.mate:
                self.augment(v)
        return self.mate


def two_sides(near):
    """A set of people such that all who could be paired are one within and one without; None when there is none."""
    side = {}
    for first in near:
        if first in side:
            continue
        side[first], stack = 0, [first]
        while stack:
            v = stack.pop()
            for w in near[v]:
                if w not in side:
                    side[w] = 1 - side[v]
                    stack.append(w)
                elif side[w] == side[v]:
                    return None
    return {v for v, s in side.items() if s == 0}


def hopcroft_karp(near, left):
    """Size of a maximum matching of a bipartite graph (Hopcroft, Karp 1973): the other algorithm, to check the first."""
    mate, found = {}, True
    while found:
        level, queue, found = {v: 0 for v in left if v not in mate}, deque(v for v in left if v not in mate), False
        while queue:
            v = queue.popleft()
            for w in near[v]:
                after = mate.get(w)
                if after is None:
                    found = True
                elif after not in level:
                    level[after] = level[v] + 1
                    queue.append(after)
        todo = {v: iter(near[v]) for v in level}
        for root in [v for v in level if level[v] == 0]:
            path = [(root, None)]
            while path:
                v = path[-1][0]
                w = next(todo[v], None)
                if w is None:
                    path.pop()
                    continue
                after = mate.get(w)
                if after is None:
                    path[-1] = (v, w)
                    for a, b in path:
                        mate[a], mate[b] = b, a
                    break
                if level.get(after) == level[v] + 1:
                    path[-1] = (v, w)
                    path.append((after, None))
    return len(mate) // 2


def best_share(header, people, judged):
    """Share of the judged who could be matched at most, by whoever knows the future; and whether it was cross-checked."""
    near = meetings(header, people)
    order = sorted(judged, key=lambda i: (people[i].leave or header["horizon_ms"], i))
    mate = Blossoms(near).of(order + [i for i in people if i not in set(judged)])
    for a, b in mate.items():
        assert mate[b] == a and b in near[a]
    left = two_sides(near)
    if left is not None:
        assert hopcroft_karp(near, left) == len(mate) // 2, "two algorithms find two optima"
    return sum(i in mate for i in judged) / len(judged), left is not None


# -- a trace -----------------------------------------------------------------------------------------------------------


def p90_s(people, outcomes, ids):
    """90th percentile of the wait, those who left being censored (Kaplan-Meier); at most 20 minutes."""
    ends = sorted((outcomes[i]["wait"] / 1000, outcomes[i]["event"] != "match") for i in ids)
    left, at_risk = 1.0, len(ends)
    for wait, censored in ends:
        if not censored:
            left *= 1 - 1 / at_risk
        if left <= .1 + 1e-12:
            return min(wait, P90_LAST_S)
        at_risk -= 1
    return P90_LAST_S


def measured(p, judged):
    pairs = [i for i in judged if p.outcomes[i]["event"] == "match"]
    km = [math.hypot(p.people[i].x - p.people[o].x, p.people[i].y - p.people[o].y) / 10
          for i in pairs for o in (p.outcomes[i]["partner"],)]
    genders = [[i for i in judged if p.people[i].g == g] for g in range(3)]
    majority = max(genders, key=len)
    partners = [p.outcomes[i]["partner"] for i in p.outcomes if p.outcomes[i]["event"] == "match"]
    return dict(share=len(pairs) / len(judged), km=sum(km) / max(1, len(km)), p90=p90_s(p.people, p.outcomes, majority),
                faults=len(judge.faults(p.people, p.outcomes)) + len(partners) - len(set(partners)))


def one(stint, scenario, seed, policy, horizon_s):
    drawn = traces.draw_trace(scenario, seed, horizon_s=horizon_s)
    plays = {name: cases.play(stint, drawn, name, ("--refresh", "0s", "--no-virtual"), told=False) for name in (policy, "fcfs")}
    header, people = plays[policy].header, plays[policy].people
    judged = [i for i in people if header["score_from_ms"] <= people[i].t < header["score_to_ms"]]
    best, checked = best_share(header, people, judged)
    ours, fcfs = measured(plays[policy], judged), measured(plays["fcfs"], judged)
    return dict(scenario=scenario, seed=seed, people=len(people), best=best, checked=checked, ours=ours, fcfs=fcfs,
                of_best=ours["share"] / best, km=ours["km"] / fcfs["km"], p90=ours["p90"] / fcfs["p90"])


# -- the table ---------------------------------------------------------------------------------------------------------


def verdict(met, more, glance):
    return "-" if glance else "MISSED" if not met else "stretch" if more else "ok"


def table(results, glance):
    """Prints it; True when no target is missed; at a glance, when no pair is at fault."""
    print("%-9s %8s %8s %8s %8s %8s %8s %9s %7s" % ("", "matched", "optimum", "of it", "target", "km/FCFS", "p90/FCFS", "FCFS of it", "faults"))
    good = True
    sums = {"km": [], "p90": []}
    for s in dict.fromkeys(r["scenario"] for r in results):
        rows = [r for r in results if r["scenario"] == s]

        def mean(number):
            return sum(number(r) for r in rows) / len(rows)
        of_best, km, p90 = mean(lambda r: r["of_best"]), mean(lambda r: r["km"]), mean(lambda r: r["p90"])
        must, faults = SHARE_MUST.get(s, SHARE_ELSE), sum(r["ours"]["faults"] for r in rows)
        met = of_best >= must and p90 <= P90_MUST and faults == 0
        good = good and (faults == 0 if glance else met)
        sums["km"].append(km)
        sums["p90"].append(p90)
        print("%-9s %8.4f %8.4f %8.4f %8.3f %8.3f %8.3f %9.4f %7d  %s%s" % (
            s, mean(lambda r: r["ours"]["share"]), mean(lambda r: r["best"]), of_best, must, km, p90,
            mean(lambda r: r["fcfs"]["share"] / r["best"]), faults, verdict(met, of_best >= must + SHARE_MORE, glance and faults == 0),
            "" if all(r["checked"] for r in rows) else " (general graph)"))
    km = sum(sums["km"]) / len(sums["km"])
    print("mean distance / FCFS %.3f (at most %.2f, stretch %.2f): %s" % (km, KM_MUST, KM_MORE, verdict(km <= KM_MUST, km <= KM_MORE, glance)))
    print("longest of the sides that wait most, p90 / FCFS %.3f (at most %.2f)" % (max(sums["p90"]), P90_MUST))
    return good and (glance or km <= KM_MUST)


def arguments():
    a = argparse.ArgumentParser(description=__doc__.split("\n")[0], usage=__doc__.split("\n\n")[1].strip())
    a.add_argument("--seed", type=int)
    a.add_argument("--seeds", type=int, default=3)
    a.add_argument("--scenario", default=",".join(traces.NAMES))
    a.add_argument("--policy", default="greedy", choices=("greedy", "fcfs", "max"))
    a.add_argument("--horizon", type=float, default=7200.0)
    a.add_argument("--stint", default=os.path.join(ROOT, "build/release/bin/stint"))
    a.add_argument("--json")
    a.add_argument("--glance", action="store_true")
    a.add_argument("--jobs", type=int, default=max(1, min(2, os.cpu_count() or 1)))
    ret = a.parse_args()
    unknown = [s for s in ret.scenario.split(",") if s not in traces.NAMES]
    if unknown:
        a.error("--scenario: there is no %s; there are %s" % (unknown[0], ", ".join(traces.NAMES)))
    if ret.seeds < 1 or ret.jobs < 1 or ret.horizon < 600:
        a.error("--seeds and --jobs: at least 1; --horizon: at least 600 s")
    if not os.access(ret.stint, os.X_OK):
        a.error("--stint: there is no program %s; build it: cmake --build build/release --target stint" % ret.stint)
    return ret


def main():
    a = arguments()
    first = a.seed if a.seed is not None else random.SystemRandom().randrange(1, 10 ** 9)
    seeds = [first + SEED_STEP * k for k in range(a.seeds)]
    print("policy %s, seed %d (and steps of %d), %d seeds a scenario" % (a.policy, first, SEED_STEP, a.seeds))
    plays = [(s, seed) for s in a.scenario.split(",") for seed in seeds]
    with ProcessPoolExecutor(a.jobs) as pool:
        results = [f.result() for f in [pool.submit(one, a.stint, s, seed, a.policy, a.horizon) for s, seed in plays]]
    if a.json:
        with open(a.json, "w") as out:
            json.dump(results, out, indent=1)
    sys.exit(0 if table(results, a.glance) else 1)


if __name__ == "__main__":
    main()
