"""The machine and the versions that a run's figures are of."""
import os
import platform
import re
import subprocess


def first_line(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout or done.stderr).strip().split("\n")[0]


def text_of(path):
    try:
        with open(path, encoding="utf8") as file:
            return file.read().strip()
    except OSError:
        return ""


def virtualisation():
    return first_line(["systemd-detect-virt"]) or ("a virtual machine" if " hypervisor " in text_of("/proc/cpuinfo") else "none seen")


def memory_gib():
    found = re.search(r"^MemTotal: +(\d+)", text_of("/proc/meminfo"), re.M)
    return round(int(found.group(1)) / 1048576, 1) if found else 0


def version(command, pattern=r"\d+(?:\.\d+)+"):
    found = re.search(pattern, first_line(command))
    return found.group(0) if found else ""


def describe(systems, root):
    model = re.search(r"^model name\s*:\s*(.*)$", text_of("/proc/cpuinfo"), re.M)
    return {
        "time": first_line(["date", "-u", "+%Y-%m-%dT%H:%MZ"]),
        "cpu": model.group(1) if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": memory_gib(),
        "virtualisation": virtualisation(),
        "governor": text_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "not told",
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
        "redis": version(["redis-server", "--version"]),
        "node": version(["node", "--version"]),
        "ruby": version(["ruby", "--version"]),
        "python": version(["/usr/bin/python3", "--version"]),
        "commit": first_line(["git", "-C", root, "describe", "--always", "--dirty"]),
        "packages": {system.name: system.version() for system in systems if system.version()},
    }


def as_text(machine):
    """The same for people, in a few lines."""
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return [
        f"{machine['time']} · {machine['cores']} × {machine['cpu']} · {machine['memory_gib']} GiB · virtualisation: {machine['virtualisation']} · "
        f"governor: {machine['governor']} · Linux {machine['kernel']} · load before {machine['load_before']}",
        f"Redis {machine['redis']}, AOF everysec, one private server on a Unix socket · node {machine['node']} · ruby {machine['ruby']} · "
        f"python {machine['python']} · stint {machine['commit']}" + (f" · {packages}" if packages else ""),
    ]
