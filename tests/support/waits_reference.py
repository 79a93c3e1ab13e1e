"""waits_reference.py STINT OURS THEIRS FOLDER: the generator, the scorer and the product's first-come-first-served outcomes
against an independent generator, scorer and simulator in the folder THEIRS. Says what differed; exits 1 when something did."""
import json
import math
import os
import subprocess
import sys

stint, ours, theirs, folder = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, ours)
sys.path.insert(1, theirs)
import gen_trace    # noqa: E402
import judge        # noqa: E402
import score_estimates  # noqa: E402
import simlib       # noqa: E402
import traces       # noqa: E402

HORIZON_S, SEED = 1500, 91
differed = compared = 0


def check(what, same):
    global differed, compared
    compared += 1
    if not same:
        differed += 1
        print("not ok - " + what)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def same_scores(name, mine, other):
    check("%s: the metrics have the same names" % name, set(other) <= set(mine))
    for metric, value in other.items():
        got = mine.get(metric, math.inf)
        check("%s: %s is %r, wanted %r" % (name, metric, got, value),
              abs(got - value) <= 1e-9 or math.isnan(got) and math.isnan(value))


check("the scenarios have the same names", tuple(gen_trace.NAMES) == traces.NAMES)
for scenario in traces.NAMES:
    path, again = (os.path.join(folder, scenario + end) for end in (".ours", ".theirs"))
    subprocess.run([sys.executable, os.path.join(ours, "traces.py"), scenario, str(SEED), path, "--horizon", str(HORIZON_S)], check=True)
    subprocess.run([sys.executable, os.path.join(theirs, "gen_trace.py"), scenario, str(SEED), again, "--horizon", str(HORIZON_S)],
                   check=True)
    check("%s: the generators write the same bytes" % scenario, read(path) == read(again))
    outcomes, told = path + ".outcomes", path + ".told"
    subprocess.run([stint, "match", "replay", path, "--policy", "fcfs", "--outcomes", outcomes, "--predictions", told, "--refresh", "20s",
                    "--quiet"], check=True, stdout=subprocess.DEVNULL)
    header, users, events = simlib.load_trace(path)
    simulated = simlib.simulate(header, users, events)
    expected = "".join(json.dumps(dict(id=i, **simulated[i])) + "\n" for i in sorted(simulated))
    check("%s: the product and the simulator agree on every outcome" % scenario, read(outcomes).decode() == expected)
    check("%s: people were matched" % scenario, sum(o["event"] == "match" for o in simulated.values()) > 20)
    header, people = judge.read_trace(path)
    ends, said = judge.read_by_id(outcomes), judge.read_by_id(told)
    check("%s: the outcomes are possible" % scenario, not judge.faults(people, ends))
    mine, other = judge.baselines(people, ends), score_estimates.baselines(header, users, ends)
    for name, predictions in list(other.items()) + [("told", said)]:
        same_scores("%s, %s" % (scenario, name), judge.score(header, people, ends, mine.get(name, said)),
                    score_estimates.score(header, users, ends, predictions))
print("%d comparisons, %d differed" % (compared, differed))
sys.exit(1 if differed or compared < 100 else 0)
