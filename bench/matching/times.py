#!/usr/bin/python3
"""Prints the lines of stint-bench-match as a table beside the targets. Exits 1 when one is missed."""
import json
import sys

P99_US = {10000: 100, 100000: 250, 1000000: 1000}


def main():
    with open(sys.argv[1]) as lines:
        rows = [json.loads(line) for line in lines]
    missed = False
    print("processor time of one call, us (wall in brackets)")
    print("%-7s %9s %-10s %-7s %-7s %18s %20s %20s %8s %7s" % (
        "", "people", "who", "tastes", "places", "p50", "p99", "p99.9", "build, s", "B each"))
    for r in rows:
        most = P99_US.get(r["people"]) if r["what"] == "times" and r["mix"] in ("balanced", "lopsided") else None
        says = "" if most is None else "MISSED" if r["cpu_p99"] > most else "stretch" if r["cpu_p99"] <= most / 2 else "ok"
        missed = missed or says == "MISSED"
        figures = tuple("%.1f (%.1f)" % (r["cpu_" + p], r["wall_" + p]) for p in ("p50", "p99", "p999"))
        print("%-7s %9d %-10s %-7s %-7s %18s %20s %20s %8.2f %7.0f  %s" % (
            (r["what"], r["people"], r["mix"], r["tastes"], r["places"]) + figures + (r["build_s"], r["person_bytes"], says)))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
