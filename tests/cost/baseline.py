"""The kept figures: how they are read, written and compared.

One line a figure, tab-separated: case, figure, what it was, tolerance in percent, why it has that tolerance. The first lines say on what it was
counted. A tolerance edited by hand stays when the figures are accepted anew.
"""
import os
import platform
import re
import subprocess

HEAD = """# What a job costs, counted by tests/cost/run; see tests/README.md. Renew: tests/cost/run --accept
# case\tfigure\tper job\ttolerance %\twhy
"""
# figure (its end): (tolerance in percent, least difference that counts, why). The first that fits.
RULES = [
    ("redis instructions", 10, 2000, "Lua's collector runs where it runs: one change elsewhere moves it"),
    ("instructions", 5, 200, "the compiler's choices around a change; growth of less is noise to a reader"),
    ("allocations", 2, 0.3, "a few batches share some"),
    ("system calls", 2, 0.1, "a batch shares some"),
    ("redis commands", 0.5, 0.02, "exact but for rounding"),
    ("redis calls", 0.5, 0.02, "exact but for rounding"),
    ("bytes", 1, 1, "ids and times of another length"),
]
CHEAPER = 10  # percent: the baseline is out of date


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


def write(path, on, now, kept):
    with open(path, "w", encoding="utf-8") as file:
        file.write(HEAD)
        for name, text in on.items():
            file.write(f"# {name}: {text}\n")
        for (case, figure), value in now.items():
            tolerance, why = kept.get((case, figure), (0, rule(figure)[1], rule(figure)[3]))[1:]
            file.write(f"{case}\t{figure}\t{value:.2f}\t{tolerance:g}\t{why}\n")


def same_ground(figure, on, here):
    """Whether the figure may be compared with one counted there."""
    if "instructions" in figure or "allocations" in figure or "system calls" in figure:
        names = ("built", "machine", "redis") if figure.startswith("redis") else ("built", "machine")
    else:
        names = ("redis",)
    return all(on.get(name) == here.get(name) for name in names)


def judge(on, figures, here, now):
    """Yields (verdict, case, figure, before, now, tolerance): ok, dearer, cheaper, new, gone, elsewhere."""
    for key, value in now.items():
        if key not in figures:
            yield "new", *key, None, value, None
            continue
        before, tolerance, _ = figures[key]
        if not same_ground(key[1], on, here):
            yield "elsewhere", *key, before, value, tolerance
            continue
        slack = max(abs(before) * tolerance / 100, rule(key[1])[2])
        least = max(abs(before) * max(tolerance, CHEAPER) / 100, rule(key[1])[2])
        verdict = "dearer" if value > before + slack else "cheaper" if value < before - least else "ok"
        yield verdict, *key, before, value, tolerance
    for key, (before, tolerance, _) in figures.items():
        if key not in now:
            yield "gone", *key, before, None, tolerance
