"""stint beside the ceiling and its peers, in one run; exits 1 when a figure could not be taken. bench/run starts this; how to read it: bench/README.md"""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import machine
import measures
import picture
import summary
from children import Children, Failed
from servers import Beanstalkd, Redis
from stint_system import Stint, StintPlain, StintUntracked
from systems import Beanstalk, BullMQ, Celery, Ceiling, RqFork, RqSimple, Sidekiq

SYSTEMS = [Stint, StintPlain, StintUntracked, Ceiling, Beanstalk, BullMQ, Sidekiq, Celery, RqSimple, RqFork]
MEASURES = {**measures.EVERY_ROUND, **measures.ONCE}


class Bed:
    """The servers, and the processes of the system that is visited."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.servers, self.children = Children(folder), Children(folder)
        self.beanstalkd_servers = Children(folder)
        self.redis = self.beanstalkd = None

    def start(self):
        self.redis = Redis(self.folder, self.servers)

    @staticmethod
    def uses_redis(system):
        return system.family != "beanstalkd"

    def fresh_beanstalkd(self):
        """Started anew with an empty binlog: it has no command that empties it."""
        self.end_beanstalkd()
        self.beanstalkd = Beanstalkd(self.folder, self.beanstalkd_servers)

    def end_beanstalkd(self):
        if self.beanstalkd:
            self.beanstalkd.close()
        self.beanstalkd_servers.end()
        if self.beanstalkd:
            shutil.rmtree(self.beanstalkd.logs, ignore_errors=True)
            self.beanstalkd = None

    def end_children(self):
        self.children.end()

    def end(self):
        self.end_children()
        self.end_beanstalkd()
        if self.redis:
            self.redis.close()
        self.servers.end()


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def options():
    known = sorted({system.name for system in SYSTEMS} | {system.family for system in SYSTEMS})
    parser = argparse.ArgumentParser(prog="bench/run",
                                     description="Measures stint beside Redis itself and its peers; one table, one picture. See bench/README.md.",
                                     epilog="systems: " + " ".join(known) + "; measures: " + " ".join(MEASURES))
    parser.add_argument("size", nargs="?", choices=["quick", "full"], default="full", help="quick: 3 rounds of 20,000 jobs; full: 5 of 100,000")
    parser.add_argument("--only", type=names, default=[], metavar="A,B", help="these systems alone")
    parser.add_argument("--measures", type=names, default=[], metavar="A,B", help="these measures alone")
    parser.add_argument("--rounds", type=int, help="rounds, 1 to 99")
    parser.add_argument("--jobs", type=int, help="jobs of the fastest systems, 100 to 10,000,000; slow ones get a share")
    parser.add_argument("--out", metavar="DIR", help="where lines, table and picture are kept (build/bench)")
    given = parser.parse_args()
    wrong = [name for name in given.only if name not in known]
    if wrong:
        parser.error(f"--only: {', '.join(wrong)} is no system; they are {', '.join(known)}")
    wrong = [name for name in given.measures if name not in MEASURES]
    if wrong:
        parser.error(f"--measures: {', '.join(wrong)} is no measure; they are {', '.join(MEASURES)}")
    quick = given.size == "quick"
    given.rounds = (3 if quick else 5) if given.rounds is None else given.rounds
    given.jobs = (20000 if quick else 100000) if given.jobs is None else given.jobs
    if not 1 <= given.rounds <= 99:
        parser.error(f"--rounds {given.rounds}: a number from 1 to 99")
    if not 100 <= given.jobs <= 10000000:
        parser.error(f"--jobs {given.jobs}: a number from 100 to 10000000")
    given.seconds = 0.5 if given.jobs < 1000 else 3 if given.jobs < 50000 else 10  # of an open loop
    given.idle_seconds = 1 if given.jobs < 1000 else 10
    if not given.measures:
        given.measures = [name for name in MEASURES if not (quick and name == "crash")]
    return given


class Record:
    """The lines of a run, kept as they come."""

    def __init__(self, path):
        self.path, self.lines = path, []

    def add(self, **line):
        self.lines.append(line)
        with open(self.path, "a", encoding="utf8") as out:
            out.write(json.dumps(line) + "\n")


def measure(system_class, name, bed, plan, record, round_number):
    """One measure of one system; what fails is told and kept, and the run goes on."""
    system = system_class(bed)
    try:
        for label, value, unit, *jobs in MEASURES[name](system, plan):
            record.add(system=system.name, measure=label, value=value, unit=unit, jobs=jobs[0] if jobs else 0, round=round_number)
    except (Failed, OSError, ValueError, KeyError) as wrong:
        told = str(wrong) if isinstance(wrong, Failed) else f"{type(wrong).__name__}: {wrong} ({traceback.extract_tb(wrong.__traceback__)[-1].lineno})"
        print(f"bench/run: {system.title}, {name}: {told}", file=sys.stderr)
        record.add(system=system.name, measure=name, failed=told, round=round_number)
    finally:
        bed.end_children()


def play(systems, bed, plan, record):
    """Rounds: every system once in each, the order moved on by one each time. What does not depend on the machine's mood is measured once."""
    for number in range(1, plan.rounds + 1):
        first = (number - 1) % len(systems)
        for system in systems[first:] + systems[:first]:
            began = time.monotonic()
            for name in plan.measures:
                told_by_it = not system.only or name in system.only
                if told_by_it and (name in measures.EVERY_ROUND or number == 1):
                    measure(system, name, bed, plan, record, number)
            print(f"round {number} of {plan.rounds}: {system.title}, {time.monotonic() - began:.0f} s", file=sys.stderr)


def built(root):
    """The folder of a release build with what is measured, made when need be; or the one that STINT_BENCH_BUILD names."""
    given = os.environ.get("STINT_BENCH_BUILD")
    if given:
        return os.path.abspath(given)
    build = os.path.join(root, "build", "release")
    for command in (["cmake", "-S", root, "--preset", "release"],
                    ["cmake", "--build", build, "--target", "stint-bench-peer", "stint-supervisor", "stint-worker", "stint-parser"]):
        done = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{done.stdout[-2000:]}\nbench/run: the build failed")
    return build


def present(plan):
    """The systems that can be measured here; what is missing is said loudly."""
    wanted = [system for system in SYSTEMS if not plan.only or system.name in plan.only or system.family in plan.only]
    found = []
    for system in wanted:
        missing = system.missing()
        if missing:
            print(f"bench/run: SKIPPED {system.title}: it is not installed ({missing})", file=sys.stderr)
        else:
            found.append(system)
    return found


def main():
    plan = options()
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    out = os.path.abspath(plan.out or os.path.join(root, "build", "bench"))
    os.makedirs(out, exist_ok=True)
    systems = present(plan)
    if not systems:
        sys.exit("bench/run: nothing to measure")
    build = built(root)
    stem = os.path.join(out, "run-" + time.strftime("%Y%m%d-%H%M%S"))
    record = Record(stem + ".ndjson")
    record.add(machine=machine.describe(systems, root), rounds=plan.rounds, jobs=plan.jobs,
               systems=[{"name": system.name, "title": system.title, "setting": system.setting} for system in systems])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = tempfile.mkdtemp(prefix="stint-bench-")
    bed = Bed(folder, build)
    try:
        bed.start()
        play(systems, bed, plan, record)
    finally:
        bed.end()
        shutil.rmtree(folder, ignore_errors=True)
    run = summary.Run(record.lines)
    print("\n".join(summary.as_text(run)))
    with open(stem + ".md", "w", encoding="utf8") as table:
        table.write("\n".join(summary.as_markdown(run)) + "\n")
    with open(stem + ".svg", "w", encoding="utf8") as drawing:
        drawing.write(picture.draw(run))
    print(f"\nlines: {stem}.ndjson\ntable: {stem}.md\npicture: {stem}.svg")
    return 1 if run.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except Failed as failure:
        sys.exit(f"bench/run: {failure}")
