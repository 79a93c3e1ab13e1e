"""Reads what valgrind and strace wrote, and puts a case's counts together."""

import re

MARK_NAME = "SIGRT_7"  # of still.c, as strace calls it: it counts from the kernel's first
ALLOCATES = {"malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc", "memalign"}


def callgrind_counts(path):
    """(instructions, calls of the allocator) of one dump: the functions' own costs added up, for the file's own total is off when a dump falls into
    a call."""
    names, allocations, total, callee, of_call = {}, 0, 0, "", False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("fn=", "cfn=")):
                number, _, name = line.rstrip("\n").partition("=")[2].partition(" ")
                if name:
                    names[number] = name
                callee = names.get(number, "")
            elif line.startswith("calls="):
                of_call = True
                if callee.split("'")[0] in ALLOCATES:
                    allocations += int(line[6:].split()[0])
            elif line[0] in "+-*0123456789":
                if not of_call:
                    total += int(line.split()[1])
                of_call = False
    return total, allocations


def strace_counts(path, signal):
    """System calls between each two marks (the signal's lines), by name."""
    phases, now = [], {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("--- "):
                if signal in line:
                    phases.append(now)
                    now = {}
                continue
            name = re.match(r"([a-z0-9_]+)\(", line)
            if name and name[1] not in ("rt_sigreturn", "restart_syscall") and "EINTR" not in line:
                now[name[1]] = now.get(name[1], 0) + 1
    return phases


def per_job(once, twice, n):
    """Counts of one job: what n more of them added, whatever starting and asking cost."""
    return {figure: (twice[figure] - once.get(figure, 0)) / n for figure in twice}


def redis_counts(before, after):
    calls = {name: n - before["calls"].get(name, 0) for name, n in after["calls"].items()}
    return {
        "redis commands": sum(calls.values()),
        "redis calls": calls.get("fcall", 0) + calls.get("xread", 0),
        "redis bytes in": after["read"] - before["read"],
        "redis bytes out": after["written"] - before["written"],
        "redis aof bytes": after["aof"] - before["aof"],
    }


def marked_counts(stack, mark):
    """Counts of the phase that ended with the mark'th mark; for strace once the stack is closed."""
    found = {}
    for name, pid in stack.pids.items():
        if stack.way == "callgrind":
            instructions, allocations = callgrind_counts(stack.path(f"callgrind.{name}.{mark}"))
            found[f"{name} instructions"] = instructions
            if name != "redis":
                found[f"{name} allocations"] = allocations
        else:
            calls = strace_counts(stack.path(f"strace.{pid}"), MARK_NAME)[mark - 1]
            found[f"{name} system calls"] = sum(calls.values())
    return found


