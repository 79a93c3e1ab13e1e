"""Processes of the comparison: started so that they die with the harness, looked at through /proc, ended on every way out."""
import json
import os
import signal
import subprocess
import time

CLIENT_DEADLINE_S = 180
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """What a system did not do; told, and the run goes on without that figure."""


def wait_until(what, true, seconds=60, every=0.005):
    """Looks until true() is; Failed(what) when that takes longer than so many seconds."""
    give_up = time.monotonic() + seconds
    while not true():
        if time.monotonic() > give_up:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(every)


def descendants(pid):
    """pid and everything below it that lives."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", encoding="utf8", errors="replace") as stat:
                    parents.setdefault(int(stat.read().rpartition(")")[2].split()[1]), []).append(int(name))
            except OSError:
                continue
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += parents.get(found[-1], [])
    return found


def cpu_seconds(pids):
    """Processor time of processes and of their children that ended; who is gone counts nothing."""
    ticks = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf8", errors="replace") as stat:
                ticks += sum(int(field) for field in stat.read().rpartition(")")[2].split()[11:15])
        except OSError:
            continue
    return ticks * TICK_S


def memory_mib(pid):
    """(private, proportional) resident memory."""
    private = pss = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf8") as rollup:
        for line in rollup:
            name, _, rest = line.partition(":")
            if name in ("Private_Clean", "Private_Dirty"):
                private += int(rest.split()[0])
            elif name == "Pss":
                pss = int(rest.split()[0])
    return private / 1024, pss / 1024


def program(pid):
    with open(f"/proc/{pid}/comm", encoding="utf8") as comm:
        return comm.read().strip()


class Children:
    """Everything that runs for one visit of one system."""

    def __init__(self, folder):
        self.folder, self.running = folder, []

    def start(self, name, argv, env=None):
        """A process in a session of its own; its output goes to folder/name.log."""
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     env={**os.environ, **(env or {})}, cwd=self.folder, start_new_session=True)
        self.running.append(child)
        return child

    def client(self, argv, env=None, deadline=CLIENT_DEADLINE_S):
        """Runs a client to its end; the JSON that it printed."""
        child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, env={**os.environ, **(env or {})}, cwd=self.folder, start_new_session=True)
        try:
            out, err = child.communicate(timeout=deadline)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"its client did not end within {deadline} s") from late
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        if child.returncode != 0:
            raise Failed(f"its client failed: {err.decode(errors='replace').strip()[-300:]}")
        return json.loads(out.decode().strip().splitlines()[-1])

    def pids(self):
        return [pid for child in self.running if child.poll() is None for pid in descendants(child.pid)]

    def signal_all(self, number):
        for pid in self.pids():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def end(self):
        """TERM to the first of each, KILL to whatever is left of its session after five seconds; reaped."""
        everybody = self.pids()
        for child in self.running:
            if child.poll() is None:
                child.send_signal(signal.SIGCONT)
                child.terminate()
        give_up = time.monotonic() + 5
        for child in self.running:
            try:
                child.wait(max(0.01, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        for child in self.running:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            child.wait()
        for pid in everybody:
            if os.path.exists(f"/proc/{pid}") and self.is_ours(pid):
                os.kill(pid, signal.SIGKILL)
        self.running = []

    def is_ours(self, pid):
        """A number may be somebody else's by now: ours have their working folder below the run's."""
        try:
            return os.readlink(f"/proc/{pid}/cwd").startswith(self.folder)
        except OSError:
            return False
