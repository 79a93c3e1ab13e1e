"""cases - what is played and what is measured: each function plays one trace through `stint match replay` and returns
plain numbers, so that it can run in a process of its own."""
import json
import math
import os
import random
import shutil
import subprocess
import tempfile

import judge
import traces

AGAIN_S = 60
WISHES = ("distance", "age", "genders")
SAVING_MIN_S = 15.0


class ReplayFailed(Exception):
    pass


class Played:
    """A trace, what became of everybody, what they were told, and the replay's own summary."""

    def __init__(self, header, people, outcomes, told, summary):
        self.header, self.people, self.outcomes, self.told, self.summary = header, people, outcomes, told, summary


def play(stint, drawn, policy, options=(), told=True):
    """Writes the trace into a folder of its own, replays it, reads what came of it."""
    folder = tempfile.mkdtemp(prefix="bench-waits-")
    try:
        trace, outcomes, said = (os.path.join(folder, name) for name in ("trace", "outcomes", "told"))
        traces.write(trace, *drawn)
        command = [stint, "match", "replay", trace, "--policy", policy, "--outcomes", outcomes, "--json", "--quiet", *options]
        if told:
            command += ["--predictions", said]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise ReplayFailed("%s: exit %d: %s" % (" ".join(command), done.returncode, done.stderr.strip()))
        header, people = judge.read_trace(trace)
        return Played(header, people, judge.read_by_id(outcomes), judge.read_by_id(said) if told else {},
                      json.loads(done.stdout))
    finally:
        shutil.rmtree(folder)


# -- what is asked of one played trace ---------------------------------------------------------------------------------


def remaining(p):
    """Who still waits after a minute is told the rest: (waits, coverage of p50, of p90)."""
    rows = [(judge.virtual_wait(p.outcomes[i]) - AGAIN_S, p.told[i]["again"])
            for i in judge.judged(p.header, p.people, p.outcomes) if "again" in p.told.get(i, ())]
    most = judge.WAIT_MAX_S - AGAIN_S
    if not rows:
        return dict(n=0, cov50=float("nan"), cov90=float("nan"))
    return dict(n=len(rows), cov50=sum(v <= s["p50"] for v, s in rows) / len(rows),
                cov90=sum(v <= min(most, s["p90"]) for v, s in rows) / len(rows))


def reasons(p):
    """Of the tickets that were told what would help: how often was that the wish that would have saved most?"""
    named = best = half = 0
    for i in judge.judged(p.header, p.people, p.outcomes):
        said = p.told.get(i)
        if said is None or said["reason"] not in WISHES:
            continue
        wait = judge.virtual_wait(p.outcomes[i])
        saved = {w: wait - min(judge.WAIT_MAX_S, math.inf if ms is None else ms / 1000) for w, ms in said["would"].items()}
        most = max(saved.values())
        if most <= SAVING_MIN_S:    # nothing would have helped: no wish is the best
            continue
        named += 1
        best += saved[said["reason"]] >= most - 1e-9
        half += saved[said["reason"]] >= most / 2
    return dict(n=named, best=best, half=half)


def by_gender(p, told):
    return {g: judge.score(p.header, p.people, p.outcomes, told, lambda person, g=g: person.g == g)
            for g in sorted({person.g for person in p.people.values()})}


def by_time(p, steps=40):
    """Median virtual wait of who began to wait in each stretch of the trace, by gender; and what they were told. Not of
    the last ones: nobody knows yet how long they would have waited."""
    cells = {}
    for i, said in p.told.items():
        person = p.people[i]
        if person.t >= p.header["score_to_ms"]:
            continue
        cells.setdefault((person.g, person.t * steps // p.header["horizon_ms"]), []).append(
            (judge.virtual_wait(p.outcomes[i]), said["p50"], said["p90"]))
    return [(g, (k + .5) / steps * p.header["horizon_ms"] / 60000, len(rows)) +
            tuple(judge.quantile([r[c] for r in rows], .5) for c in range(3)) for (g, k), rows in sorted(cells.items())]


def promises(p):
    """(P foretold, came true) of every horizon, by tenths."""
    return judge.reliability([(judge.within(p.told[i], t), judge.virtual_wait(p.outcomes[i]) <= t)
                              for i in judge.judged(p.header, p.people, p.outcomes) if i in p.told for t in judge.WITHIN_S])


def sample(p, seed, most=400):
    """Told and actual waits of some, for the picture."""
    ids = [i for i in judge.judged(p.header, p.people, p.outcomes) if i in p.told]
    return [(p.people[i].g, p.told[i]["p50"], p.told[i]["p90"], judge.virtual_wait(p.outcomes[i]))
            for i in random.Random(seed).sample(ids, min(most, len(ids)))]


# -- cases -------------------------------------------------------------------------------------------------------------


def followed(drawn):
    """The trace with nobody judged whose longest wait (WAIT_MAX_S) does not fit into it."""
    header, events = drawn
    last_ms = header["horizon_ms"] - int(judge.WAIT_MAX_S * 1000)
    return dict(header, score_to_ms=max(header["score_from_ms"], min(header["score_to_ms"], last_ms))), events


def estimates(stint, scenario, seed, policy, rate, horizon_s, pictures=False):
    """One scenario, one seed: how true were the estimates, against the best baseline of the same outcomes?"""
    more = ["--also", "again"] if rate > 1 else ["--also", "reason,would,again"]
    p = play(stint, followed(traces.draw_trace(scenario, seed, rate, horizon_s)), policy, more)
    wrong = judge.faults(p.people, p.outcomes)
    if wrong:
        raise ReplayFailed("%s, seed %d, %s: impossible outcomes: %s" % (scenario, seed, policy, wrong[:3]))
    told = dict(judge.baselines(p.people, p.outcomes), stint=p.told)
    scores = {name: judge.score(p.header, p.people, p.outcomes, said) for name, said in told.items()}
    best = min(judge.BASELINES, key=lambda name: scores[name]["pin"])
    best_ipcw = min(judge.BASELINES, key=lambda name: scores[name].get("i_pin", math.inf))
    ret = dict(scenario=scenario, seed=seed, policy=policy, rate=rate, scores=scores, best=best,
               ratio=scores["stint"]["pin"] / scores[best]["pin"],
               ratio_ipcw=scores["stint"].get("i_pin", math.nan) / scores[best_ipcw].get("i_pin", math.nan),
               remaining=remaining(p), costs={k: p.summary[k] for k in ("rounds", "fields", "refreshes", "estimates")},
               share=p.summary["all"]["matched"] / max(1, p.summary["all"]["joined"]), seconds=p.summary["seconds"],
               genders=by_gender(p, p.told))
    if rate <= 1:
        ret["reasons"] = reasons(p)
    if pictures:
        ret["pictures"] = dict(time=by_time(p), promises=promises(p), sample=sample(p, seed))
    return ret


def median_wait_s(p, gender):
    """Kaplan-Meier of everybody of a gender who is judged, who was paired at once with them."""
    seen = sorted((p.outcomes[i]["wait"] / 1000, p.outcomes[i]["event"] == "match") for i, person in p.people.items()
                  if person.g == gender and p.header["score_from_ms"] <= person.t < p.header["score_to_ms"])
    stays, n, k = 1.0, len(seen), 0
    while k < n:
        wait, same, matched = seen[k][0], k, 0
        while same < n and seen[same][0] == wait:
            matched += seen[same][1]
            same += 1
        stays *= 1 - matched / (n - k)
        if stays <= .5:
            return wait
        k = same
    return math.inf


MEN_PER_S, WOMEN_PER_S = .7, .3


def advice(stint, seed, policy, horizon_s):
    """What the model of a lopsided pool would have of the scarce side, for each median wait."""
    p = play(stint, traces.draw_trace("male70", seed, 1.0, horizon_s), policy, ("--no-virtual",))
    return p.summary["balance"]["recommendedPerS"]


def advised(stint, seed, policy, horizon_s, target_s, women_per_s):
    """The pool with as many women as were advised: does the men's median wait come out as promised?"""
    rate = MEN_PER_S + women_per_s
    mix = traces.steady(MEN_PER_S / rate, women_per_s / rate)
    p = play(stint, traces.draw_trace("balance%d" % target_s, seed, rate, horizon_s, mix), policy,
             ("--refresh", "0s", "--no-virtual"), told=False)
    wait = median_wait_s(p, traces.MEN)
    return dict(seed=seed, target=target_s, women_per_s=women_per_s, wait=wait, off=wait / target_s - 1)
