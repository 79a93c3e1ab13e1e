#!/usr/bin/env python3
"""Are the cases of monitoring/stint.rules.test.yml worth anything? All alerts are spoilt, once so that none ever fires and once so that each also
fires for nobody's trouble; promtool must then find fault with every one of them by name. Prints a line for each that no case noticed, and last
"alerts N".

Usage: alert_mutants.py RULES TESTS
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SPOILS = {"it never fires": "vector(1) == 0", "it fires for nothing": "({}) or vector(1)"}
ALERT = re.compile(r"^( *)- alert: (\w+)\n(\1  expr: )(.*\n(?:\1    .*\n)*)", re.M)


def expression(text):
    """The expression of an `expr:`, on one line or folded (`>-`)."""
    lines = text.splitlines()
    return " ".join(line.strip() for line in (lines[1:] if lines[0].strip() == ">-" else lines))


def spoilt(rules, spoil):
    return ALERT.sub(lambda m: f"{m[1]}- alert: {m[2]}\n{m[3]}>-\n{m[1]}    {spoil.replace('{}', expression(m[4]))}\n", rules)


def faults(rules, tests):
    """What promtool says of these rules."""
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "stint.rules.yml").write_text(rules, encoding="utf-8")
        shutil.copy(tests, pathlib.Path(folder, "tests.yml"))
        run = subprocess.run(["promtool", "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, check=False)
        said = run.stdout + run.stderr
        if "parse error" in said or "unmarshal" in said:
            sys.exit(f"a spoilt rule is none: {said}")
        return said


def main(rules_path, tests):
    rules = pathlib.Path(rules_path).read_text(encoding="utf-8")
    alerts = [found[2] for found in ALERT.finditer(rules)]
    for what, spoil in SPOILS.items():
        said = faults(spoilt(rules, spoil), tests)
        for alert in alerts:
            if not re.search(rf"\b{alert}\b", said):
                print(f"{alert}: no case notices it when {what}")
    print(f"alerts {len(alerts)}")


main(*sys.argv[1:3])
