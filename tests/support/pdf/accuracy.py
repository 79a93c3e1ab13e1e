"""Draws timetables through several producers, has stint-parser read them, and prints precision and recall beside what was drawn.

Usage: accuracy.py BUILD [--documents N] [--seed S] [--producer NAME] [--kind KIND] [--keep DIR] [--json FILE]. Exits 1 when anything is
read wrongly, 2 when nothing could be drawn."""
import argparse
import json
import os
import sys
import tempfile
import time

from parser_client import Parser
from producers import all_producers
from score import Score

KINDS = ("lecture", "test", "exam")


def keep(folder, name, data, wanted, reply):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name.replace(" ", "_"))
    with open(path + ".pdf", "wb") as f:
        f.write(data)
    with open(path + ".json", "w") as f:
        json.dump({"wanted": wanted, "reply": reply}, f, indent=1)


def run(args, parser):
    """{(producer, kind): Score}, {field: Score of everything by how it is drawn}, what was skipped."""
    scores, drawn, skipped = {}, {}, []
    with tempfile.TemporaryDirectory() as folder:
        for name, (missing, make) in all_producers(args.build).items():
            if args.producer and args.producer not in name:
                continue
            if missing:
                skipped.append((name, missing))
                continue
            for kind in KINDS:
                if args.kind and kind != args.kind:
                    continue
                score = scores[name, kind] = Score()
                seeds = range(args.seed, args.seed + args.documents)
                for seed, (style, ruled, wanted, rows, data) in zip(seeds, make(kind, seeds, folder)):
                    code, reply, _ = parser.parse(data)
                    one = Score()
                    wrong = one.add(code, reply, wanted, rows)
                    score.merge(one)
                    drawn.setdefault(ruled, Score()).merge(one)
                    if wrong and args.keep:
                        keep(args.keep, "%s %s %d" % (name, kind, seed), data, wanted, reply)
                    if wrong:
                        print("not ok - %s %s seed %d (%s): %d differences: %s" % (name, kind, seed, style, len(wrong), "; ".join(wrong[:3])), file=sys.stderr)
    return scores, drawn, skipped


def percent(value):
    return "100" if value == 100 else "%.2f" % value


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(v) for v in row) + " |")
    print()


def worst(score):
    """The fields that are not perfect."""
    bad = [(min(score.precision(f), score.recall(f)), f) for f in score.wanted if f != "event" and (score.precision(f) < 100 or score.recall(f) < 100)]
    return ", ".join("%s %s/%s" % (f, percent(score.precision(f)), percent(score.recall(f))) for _, f in sorted(bad)[:4]) or "-"


def report(scores, drawn):
    table(["producer", "mode", "documents", "all right", "rows seen", "events", "precision", "recall", "fields below 100 (precision/recall)"],
          [[name, kind, s.documents, s.perfect, "%d of %d" % (s.rows_seen, s.rows), s.wanted["event"], percent(s.precision("event")), percent(s.recall("event")), worst(s)]
           for (name, kind), s in scores.items()])
    everything = Score()
    for score in scores.values():
        everything.merge(score)
    fields = sorted(everything.wanted, key=lambda f: (f != "event", f))
    table(["field", "values"] + ["%s: precision / recall" % ruled for ruled in sorted(drawn)],
          [[f, everything.wanted[f]] + ["%s / %s" % (percent(s.precision(f)), percent(s.recall(f))) for _, s in sorted(drawn.items())] for f in fields])
    return everything


def main():
    args = argparse.ArgumentParser()
    args.add_argument("build")
    args.add_argument("--documents", type=int, default=6)
    args.add_argument("--seed", type=int, default=1)
    for name in ("--producer", "--kind", "--keep", "--json"):
        args.add_argument(name)
    args = args.parse_args()
    began = time.monotonic()
    parser = Parser(os.path.join(args.build, "bin", "stint-parser"))
    scores, drawn, skipped = run(args, parser)
    parser.close()
    for name, missing in skipped:
        print("skip - %s: needs %s" % (name, missing))
    if not scores:
        sys.exit(2)
    everything = report(scores, drawn)
    print("%d documents, %d read wrongly; %d events, %d rows; seed %d; %.0f s" % (
        everything.documents, everything.documents - everything.perfect, everything.wanted["event"], everything.rows, args.seed, time.monotonic() - began))
    sys.exit(everything.perfect != everything.documents)


if __name__ == "__main__":
    main()
