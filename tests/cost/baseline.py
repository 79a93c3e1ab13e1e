"""The kept figures: how they are read, written and compared.

One line a figure, tab-separated: case, figure, what it was, tolerance in percent, why it has that tolerance. The first lines say on what it was
counted. A tolerance edited by hand stays when the figures are accepted anew.
"""
import os
import platform
import re
import subprocess

import cases

HEAD = """# What a job costs, counted by tests/cost/run; see tests/README.md. Renew: tests/cost/run --accept
# case\tfigure\tper job\ttolerance %\twhy
"""
# figure (its end): (tolerance in percent, least difference that counts, why). The first that fits.
RULES = [
    ("redis instructions", 10, 2000, "Lua's collector runs where it runs: one change elsewhere moves it"),
    ("instructions", 5, 200, "the compiler's choices around a change; growth of less is noise to a reader"),
    ("allocations", 2, 0.3, "a few batches share some"),
    ("redis system calls", 40, 0.25, "what comes at once is one epoll_wait, what comes one after the other two"),
    ("system calls", 2, 0.1, "a batch shares some"),
    ("redis commands", 0.5, 0.02, "exact but for rounding"),
    ("redis calls", 0.5, 0.02, "exact but for rounding"),
    ("bytes", 1, 1, "ids and times of another length"),
]
IDLE_SECOND = (40, "beats every 24 s, fetches every 61, expiries every 96 fall into the 240 s once more or less each")
CHEAPER = 10  # percent: the baseline is out of date
# An update of compiler, libc, valgrind or Redis (the same but for the last numbers of its version) may cost or save so much more without a change of ours.
PATCHED = 10  # percent


def rule(figure):
    return next(r for r in RULES if figure.endswith(r[0]) or r[0] in figure)


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n", 1)[0].strip()


def counted_on(build):
    """What instructions depend on: compiler and its flags, libc; and Redis' version, for what it counts itself."""
    with open(os.path.join(build, "CMakeCache.txt"), encoding="utf-8") as file:
        cache = dict(re.findall(r"^(CMAKE_C_COMPILER|CMAKE_C_FLAGS|CMAKE_BUILD_TYPE):\w+=(.*)$", file.read(), re.M))
    compiler = first_line(cache["CMAKE_C_COMPILER"], "--version")
    return {
        "built": f"{compiler}, {cache['CMAKE_BUILD_TYPE']} {cache['CMAKE_C_FLAGS']}".strip(),
        "machine": f"{platform.machine()}, {' '.join(platform.libc_ver())}, {first_line('valgrind', '--version')}",
        "redis": first_line("redis-server", "--version").split(" sha=")[0],
    }


def read(path):
    """({"built": …}, {(case, figure): (value, tolerance, why)})"""
    on, figures = {}, {}
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.startswith("#"):
                told = re.match(r"# (built|machine|redis): (.*)", line)
                if told:
                    on[told[1]] = told[2].strip()
                continue
            words = line.rstrip("\n").split("\t")
            if len(words) != 5:
                raise ValueError(f"{path}:{number}: five columns are expected, there are {len(words)}")
            figures[(words[0], words[1])] = (float(words[2]), float(words[3]), words[4])
    return on, figures


def kept_or_given(case, figure, kept):
    """(tolerance, why): a line that is there keeps its own."""
    if (case, figure) in kept:
        return kept[case, figure][1:]
    return IDLE_SECOND if case == cases.WHOLE else (rule(figure)[1], rule(figure)[3])


def write(path, on, now, kept):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        for name, text in on.items():
            file.write(f"# {name}: {text}\n")
        for (case, figure), value in now.items():
            tolerance, why = kept_or_given(case, figure, kept)
            file.write(f"{case}\t{figure}\t{value:.2f}\t{tolerance:g}\t{why}\n")


def without_patch(text):
    """What was counted on, without the last numbers of the versions in it: 12.2.0-14+deb12u1 is 12.2, 7.0.15 is 7.0."""
    return re.sub(r"\b(\d+\.\d+)[\w.+~-]*", r"\1", re.sub(r"\(.*?\)", "", text or ""))


def ground(figure, on, here):
    """Whether the figure may be compared with one counted there: "same"; "patched": but for patches of what is below us; "other": no."""
    if "instructions" in figure or "allocations" in figure or "system calls" in figure:
        names = ("built", "machine", "redis") if figure.startswith("redis") else ("built", "machine")
    else:
        names = ("redis",)
    if all(on.get(name) == here.get(name) for name in names):
        return "same"
    return "patched" if all(without_patch(on.get(name)) == without_patch(here.get(name)) for name in names) else "other"


def judge(on, figures, here, now):
    """Yields (verdict, case, figure, before, now, tolerance): ok, dearer, cheaper, new, gone, elsewhere."""
    for key, value in now.items():
        if key not in figures:
            yield "new", *key, None, value, None
            continue
        before, tolerance, _ = figures[key]
        where = ground(key[1], on, here)
        if where == "other":
            yield "elsewhere", *key, before, value, tolerance
            continue
        tolerance += PATCHED if where == "patched" else 0
        slack = max(abs(before) * tolerance / 100, rule(key[1])[2])
        least = max(abs(before) * max(tolerance, CHEAPER) / 100, rule(key[1])[2])
        verdict = "dearer" if value > before + slack else "cheaper" if value < before - least else "ok"
        yield verdict, *key, before, value, tolerance
    for key, (before, tolerance, _) in figures.items():
        if key not in now:
            yield "gone", *key, before, None, tolerance


def changes(figures, now):
    """The figures that moved by more than a reader would call noise, for whoever accepts them: (case, figure, before, now)."""
    for key, value in now.items():
        before = figures[key][0] if key in figures else None
        if before is None or abs(value - before) > max(abs(before) * min(rule(key[1])[1], 2) / 100, rule(key[1])[2]):
            yield *key, before, value
    for key, (before, _, _) in figures.items():
        if key not in now:
            yield *key, before, None
