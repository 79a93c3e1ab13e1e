"""From a run's lines to its table: medians of the rounds with lowest and highest, the aims with what was reached. `python3 summary.py
RUN.ndjson` prints the Markdown of a kept run."""
import json
import statistics
import sys

import machine as machine_text

TRACKED, PLAIN, UNTRACKED = "stint", "stint-plain", "stint-untracked"


class Run:
    """The lines of a run, by system and measure."""

    def __init__(self, lines):
        self.head = next(line for line in lines if "machine" in line)
        self.machine, self.rounds, self.jobs = self.head["machine"], self.head["rounds"], self.head["jobs"]
        self.systems = [system["name"] for system in self.head["systems"]]
        self.titles = {system["name"]: system["title"] for system in self.head["systems"]}
        self.settings = {system["name"]: system["setting"] for system in self.head["systems"]}
        self.values, self.units, self.measures, self.never = {}, {}, [], {}
        self.failed = [line for line in lines if "failed" in line]
        place = 0
        for line in lines:
            if "value" not in line:
                continue
            if line["measure"] not in self.measures:  # behind the one that its system told before
                self.measures.insert(place, line["measure"])
            place = self.measures.index(line["measure"]) + 1
            if line["value"] is None:
                self.never[line["system"], line["measure"]] = line["unit"]
                continue
            self.units[line["measure"]] = line["unit"]
            self.values.setdefault((line["system"], line["measure"]), {})[line["round"]] = line["value"]

    def median(self, system, measure):
        found = self.values.get((system, measure))
        return statistics.median(found.values()) if found else None

    def spread(self, system, measure):
        found = self.values.get((system, measure))
        return (min(found.values()), max(found.values())) if found else None

    def best(self, system, measures):
        """By round, the better of several measures: what a system can do at most."""
        rounds = {}
        for measure in measures:
            for number, value in self.values.get((system, measure), {}).items():
                rounds[number] = max(value, rounds.get(number, value))
        return rounds

    def ratios(self, above, below):
        """Ratios of two {round: value}, each within its own round."""
        return [above[number] / below[number] for number in above if below.get(number)]


def number(value):
    if value >= 1e6:
        return f"{value / 1e6:.2f}M"
    if value >= 1e4:
        return f"{value / 1e3:.1f}k"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(run, system, measure):
    if (system, measure) in run.never:
        return run.never[system, measure]
    median = run.median(system, measure)
    if median is None:
        return ""
    low, high = run.spread(system, measure)
    return number(median) if low == high or median == 0 else f"{number(median)} ±{(high - low) / 2 / median * 100:.0f}%"


def table(run):
    rows = [["measure", *(run.titles[system] for system in run.systems)]]
    for measure in run.measures:
        unit = run.units.get(measure, "")
        rows.append([f"{measure}{', ' if unit and not unit.startswith('/') else ''}{' ' if unit.startswith('/') else ''}{unit}",
                     *(cell(run, system, measure) for system in run.systems)])
    return rows


PROCESS = ("process, 1 worker", "process, 2 workers")
# what, wanted: at least ('>=') or at most ('<='), the measure or the measures of stint, and what it is divided by: (system, measures)
AIMS = (
    ("process, full guarantees, over BullMQ's best", ">=", 10, TRACKED, PROCESS, ("bullmq", PROCESS)),
    ("process, full guarantees, over the ceiling's best", ">=", 0.6, TRACKED, PROCESS, ("ceiling", PROCESS)),
    ("process, full guarantees, plain XADD, over the ceiling's best", ">=", 0.6, PLAIN, PROCESS, ("ceiling", PROCESS)),
    ("process, untracked, over the ceiling's best", ">=", 0.8, UNTRACKED, PROCESS, ("ceiling", PROCESS)),
    ("enqueue bulk, over pipelined XADD", ">=", 0.7, TRACKED, ("enqueue bulk",), ("ceiling", ("enqueue bulk",))),
    ("enqueue one a call, pipelined, over pipelined XADD", ">=", 0.7, TRACKED, ("enqueue one a call, pipelined",), ("ceiling", ("enqueue bulk",))),
    ("enqueue one by one, over XADD one by one", ">=", 0.7, TRACKED, ("enqueue one by one",), ("ceiling", ("enqueue one by one",))),
    ("plain XADD, pipelined, over pipelined XADD", ">=", 0.7, PLAIN, ("enqueue bulk",), ("ceiling", ("enqueue bulk",))),
    ("plain XADD, one by one, over XADD one by one", ">=", 0.7, PLAIN, ("enqueue one by one",), ("ceiling", ("enqueue one by one",))),
    ("enqueue one by one, over BullMQ's add", ">=", 3, TRACKED, ("enqueue one by one",), ("bullmq", ("enqueue one by one",))),
    ("plain XADD one by one, over BullMQ's add", ">=", 3, PLAIN, ("enqueue one by one",), ("bullmq", ("enqueue one by one",))),
    ("start latency, idle, p50, ms", "<=", 0.3, TRACKED, ("start latency, idle: p50",), None),
    ("start latency, idle, p99, ms", "<=", 2, TRACKED, ("start latency, idle: p99",), None),
    ("start latency, half load, p99, ms", "<=", 10, TRACKED, ("start latency, half load: p99",), None),
    ("idle worker, private MiB", "<=", 3, TRACKED, ("idle worker, private",), None),
    ("idle supervisor, private MiB", "<=", 8, TRACKED, ("idle supervisor, private",), None),
    ("Redis bytes of a waiting job of 128 B", "<=", 1.3 * 128 + 200, TRACKED, ("Redis bytes of a waiting job, payload 128 B",), None),
    ("Redis bytes of a waiting job of 1 KiB", "<=", 1.3 * 1024 + 200, TRACKED, ("Redis bytes of a waiting job, payload 1024 B",), None),
    ("Redis bytes of a waiting job of 128 B, untracked", "<=", 1.3 * 128 + 200, UNTRACKED, ("Redis bytes of a waiting job, payload 128 B",), None),
    ("Redis bytes of a waiting job of 1 KiB, untracked", "<=", 1.3 * 1024 + 200, UNTRACKED, ("Redis bytes of a waiting job, payload 1024 B",), None),
    ("Redis commands/s of an idle host", "<=", 2, TRACKED, ("idle host of 2 workers: commands",), None),
)
# Beside the ratios of wall time: the same by processor time of Redis' one thread, which a busy machine hardly changes.
CPU_OF = {"process": "process: server CPU", "enqueue bulk": "enqueue bulk: server CPU",
          "enqueue one by one": "enqueue one by one: server CPU", "enqueue one a call, pipelined": "enqueue one a call, pipelined: server CPU"}


def cpu_ratio(run, system, measures, over):
    """What the server spends a job for the other system over what it spends for this one; None where it was not measured."""
    mine = CPU_OF.get(measures[0] if measures is not PROCESS else "process")
    theirs = CPU_OF.get(over[1][0] if over[1] is not PROCESS else "process")
    above, below = run.median(over[0], theirs), run.median(system, mine)
    return above / below if above and below else None


def aims(run):
    """Rows: what, wanted, median (lowest to highest), by CPU, reached or missed."""
    rows = []
    for what, sign, wanted, system, measured, over in AIMS:
        values = run.best(system, measured)
        found = run.ratios(values, run.best(*over)) if over else list(values.values())
        if not found:
            continue
        median = statistics.median(found)
        reached = median >= wanted if sign == ">=" else median <= wanted
        by_cpu = cpu_ratio(run, system, measured, over) if over else None
        spread = "" if min(found) == max(found) else f" ({number(min(found))} to {number(max(found))})"
        rows.append([what, f"{'≥' if sign == '>=' else '≤'} {wanted:g}{' ×' if over else ''}", f"{number(median)}{spread}",
                     number(by_cpu) if by_cpu else "", "reached" if reached else "**missed**"])
    return rows


AIMS_HEAD = ["aim", "wanted", "measured", "by Redis' CPU", ""]


def aligned(rows):
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]


def marked(rows):
    return ["| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]]]


def failures(run):
    return [f"failed: {run.titles[line['system']]}, {line['measure']} (round {line['round']}): {line['failed']}" for line in run.failed]


def notes(run):
    return [f"{run.rounds} rounds, {run.jobs:,} jobs of 128 bytes for the fastest systems, a share for the slow; "
            "medians ± half the range between the lowest and the highest round"]


def as_text(run):
    lines = ["", *machine_text.as_text(run.machine), *notes(run), "", *aligned(table(run))]
    if aims(run):
        lines += ["", *aligned([AIMS_HEAD, *aims(run)])]
    return [line.replace("**", "") for line in lines] + failures(run)


def as_markdown(run):
    lines = [*machine_text.as_text(run.machine), *notes(run), "", *marked(table(run))]
    if aims(run):
        lines += ["", *marked([AIMS_HEAD, *aims(run)])]
    return lines + ["", *(f"- {run.titles[system]}: {run.settings[system]}" for system in run.systems), *(f"- {line}" for line in failures(run))]


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf8") as kept:
        print("\n".join(as_markdown(Run([json.loads(text) for text in kept]))))
