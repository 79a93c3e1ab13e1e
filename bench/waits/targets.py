"""targets - what is aimed at, and whether it was reached."""
import math

SCENARIO_RATIO = {"balanced": .78, "mixed": .78, "drop": .78, "thin": .78, "male70": .84, "peak": .84, "male90": .84,
                  "burst": .62}
SCENARIO_STRETCH = {"balanced": .68, "mixed": .68, "drop": .68, "thin": .68, "male70": .76, "peak": .76, "male90": .76,
                    "burst": .52}
FIVEFOLD_RATIO = {"balanced": .75, "mixed": .82, "male70": 1.00, "burst": .40}
RUN_RATIO_MAX = .90
BALANCE_TARGETS_S = (60, 90, 120, 180)


class Row:
    """A figure beside its target: low to high must be, low to high would be fine (stretch)."""

    def __init__(self, name, value, must, stretch=None, form="%.3f", among=""):
        self.name, self.value, self.must, self.stretch, self.form, self.among = name, value, must, stretch, form, among

    @staticmethod
    def inside(value, bounds):
        return bounds is not None and not math.isnan(value) and bounds[0] - 1e-12 <= value <= bounds[1] + 1e-12

    @property
    def verdict(self):
        if not self.inside(self.value, self.must):
            return "MISSED"
        return "stretch" if self.inside(self.value, self.stretch) else "ok"

    def bounds_text(self, bounds):
        if bounds is None:
            return ""
        low, high = bounds
        if low == -math.inf:
            return "<= " + self.form % high
        if high == math.inf:
            return ">= " + self.form % low
        return (self.form + " to " + self.form) % (low, high)

    def cells(self):
        return (self.name, self.form % self.value, self.bounds_text(self.must), self.bounds_text(self.stretch), self.verdict,
                self.among)


def most(bound):
    return -math.inf, bound


def least(bound):
    return bound, math.inf


def mean(values):
    values = list(values)
    return sum(values) / len(values) if values else math.nan


def geometric(values):
    return math.exp(mean(map(math.log, values)))


def worst(values, bounds):
    """The value farthest out of (or nearest to) the bounds, and whose it is: {name: value}."""
    def beyond(v):
        return max(bounds[0] - v, v - bounds[1])
    name = max(values, key=lambda k: beyond(values[k]))
    return values[name], name


def of_scenarios(runs, number):
    """{scenario: mean over its seeds}."""
    return {s: mean(number(r) for r in runs if r["scenario"] == s) for s in dict.fromkeys(r["scenario"] for r in runs)}


def each(rows, name, values, must, stretch=None):
    value, whose = worst(values, must)
    rows.append(Row(name, value, must, stretch, among="worst: " + whose))


def rows_of_estimates(runs):
    def stint(metric):
        return of_scenarios(runs, lambda r: r["scores"]["stint"][metric])

    rows = []
    ratios = {s: geometric(r["ratio"] for r in runs if r["scenario"] == s) for s in dict.fromkeys(r["scenario"] for r in runs)}
    rows.append(Row("pinball / best baseline, geometric mean", geometric(ratios.values()), most(.75), most(.66),
                    among="%d scenarios" % len(ratios)))
    for s, ratio in ratios.items():
        rows.append(Row("  " + s, ratio, most(SCENARIO_RATIO[s]), most(SCENARIO_STRETCH[s])))
    run = max(runs, key=lambda r: r["ratio"])
    rows.append(Row("  worst single run", run["ratio"], most(RUN_RATIO_MAX), among="%s, seed %d" % (run["scenario"], run["seed"])))
    each(rows, "coverage of p90, each scenario", stint("cov90"), (.865, .945), (.88, .92))
    rows.append(Row("coverage of p90, mean", mean(stint("cov90").values()), (.88, .92)))
    each(rows, "coverage of p50, each scenario", stint("cov50"), (.43, .56), (.47, .53))
    each(rows, "calibration error, each scenario", stint("eceT"), most(.03), most(.02))
    each(rows, "bias of the mean, each scenario", stint("bias"), (-.10, .10), (-.05, .05))
    each(rows, "remaining wait at 60 s, coverage of p90", of_scenarios(runs, lambda r: r["remaining"]["cov90"]), (.85, .94))
    named = sum(r["reasons"]["n"] for r in runs)
    rows.append(Row("named reason is the best", sum(r["reasons"]["best"] for r in runs) / max(1, named), least(.80), least(.90),
                    among="%d tickets" % named))
    return rows


def rows_of_fivefold(runs):
    return [Row("5 x traffic, " + s, geometric(r["ratio"] for r in runs if r["scenario"] == s), most(FIVEFOLD_RATIO[s]))
            for s in dict.fromkeys(r["scenario"] for r in runs)]


def rows_of_balance(results):
    rows = []
    for target in sorted({r["target"] for r in results}):
        waits = [r["wait"] for r in results if r["target"] == target]
        rows.append(Row("balance: median wait for %d s asked" % target, mean(waits) / target - 1, (-.15, .15), form="%+.3f",
                        among="seeds: " + ", ".join("%.0f s" % w for w in waits)))
    return rows


def median_cost(runs, what):
    """Of the scenario where it is dearest."""
    run = max(runs, key=lambda r: r["costs"][what]["p50Us"])
    return run["costs"][what]["p50Us"], run["scenario"]


def rows_of_costs(runs, busy):
    """busy: runs in which as many wait as the field looks at, where there are any."""
    rows = []
    for what, name in (("fields", "a refresh of the field, ms (median)"), ("refreshes", "a whole refresh, ms (median)")):
        us, whose = median_cost(busy or runs, what)
        rows.append(Row(name, us / 1000, most(10), most(4), among="%s%s" % ("5 x " if busy else "", whose)))
    us, whose = median_cost(runs or busy, "estimates")
    rows.append(Row("an estimate with its reason, us (median)", us, most(50), most(10), form="%.1f", among=whose))
    return rows
