"""stint as its users have it: stint-supervisor and its workers run the probe kind; tracked (all guarantees) and with status tracking off."""
import glob
import json
import os
import socket
import time

from children import Failed, wait_until
from systems import BENCH, Ceiling

KEY = "stint:{bench}"


class Stint(Ceiling):
    name, family, title = "stint", "stint", "stint"
    setting = "supervisor and workers, kind tracked: lease, epoch, status and result kept for an hour, ledger, retries; stint_enqueue_bulk of 100"
    track = True

    def prepare(self):
        self.bed.redis.clear()
        functions = b"".join(open(path, "rb").read() for path in sorted(glob.glob(os.path.join(BENCH, "..", "common", "functions", "*.lua"))))
        self.bed.redis.call("FUNCTION", "LOAD", "REPLACE", functions)
        self.bed.redis.call("FCALL", "stint_config", 1, KEY, "track:probe", "1" if self.track else "0", "bench")

    def start(self, workers):
        run = os.path.join(self.bed.folder, "run")
        conf = os.path.join(self.bed.folder, "stint.conf")
        with open(conf, "w", encoding="utf8") as out:
            out.write(f"""[redis]
url = {self.address}
[supervisor]
run_dir = {run}
state_dir = {self.bed.folder}/state
log_level = warn
log_file = {self.bed.folder}/stint.log
[metrics]
enabled = no
[kind.probe]
enabled = yes
track = {"yes" if self.track else "no"}
[pool.bench]
queue = bench
kinds = probe
workers = {workers}
batch_max = 500
recycle_jobs = 0
""")
        self.control = os.path.join(run, "control.sock")
        self.bed.children.start("supervisor", [os.path.join(self.bed.build, "bin", "stint-supervisor"), "--config", conf])
        wait_until("its workers", lambda: self.ready() == workers)
        wait_until("its doorbell", lambda: self.waiting() >= 1)

    def workers(self):
        """The workers as the control socket shows them."""
        try:
            with socket.socket(socket.AF_UNIX) as link:
                link.settimeout(60)
                link.connect(self.control)
                link.sendall(b'{"verb":"worker.list"}\n')
                return json.loads(link.makefile("rb").readline())["workers"]
        except (OSError, ValueError, KeyError):
            return []

    def ready(self):
        return sum(worker["state"] == "ready" and worker["phase"] == "idle" for worker in self.workers())

    def worker_pids(self):
        return [worker["pid"] for worker in self.workers()]

    def freeze(self):
        self.bed.redis.call("FCALL", "stint_pause", 1, KEY, "", "bench", "bench")

    def thaw(self):
        self.bed.redis.call("FCALL", "stint_resume", 1, KEY, "", "bench", "bench")

    def remaining(self):
        return self.bed.redis.call("XLEN", KEY + ":s:normal")

    def forget_starts(self):
        for key in self.bed.redis.call("KEYS", KEY + ":j:t*"):
            self.bed.redis.call("DEL", key)

    def starts(self):
        """The probe tells when it began, in its result; the job is called t<µs when it was due>."""
        found, keys = [], self.bed.redis.call("KEYS", KEY + ":j:t*")
        for key in keys:
            result = self.bed.redis.call("HGET", key, "result")
            if result:
                found.append((int(key.rpartition(b":t")[2]), json.loads(result)["started_us"], 0))
        return found

    def add_hanging(self):
        self.bed.redis.call("FCALL", "stint_enqueue", 1, KEY, '{"kind":"probe","id":"crash"}',
                            '{"v":1,"do":"sleep","ms":600000,"times":1,"stamp":true}')

    def holder(self):
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            for worker in self.workers():
                if worker.get("phase") == "run" and worker.get("job") == "crash":
                    return worker["pid"]
            time.sleep(0.005)
        raise Failed("its worker took the job: not within 60 s")

    def came_back(self):
        result = self.bed.redis.call("HGET", KEY + ":j:crash", "result")
        return json.loads(result)["started_us"] if result else 0


class StintPlain(Stint):
    """The first system again, produced for as any Redis client may."""

    name, title = "stint-plain", "stint, plain XADD"
    setting = "kind tracked, all as in the first; produced by XADD stint:{q}:s:normal * kind … payload …, 1,000 under way: no Function, no id, no other field"
    keeps_starts = False
    only = ("enqueue", "process", "waiting")

    def client_command(self, mode, jobs, size, rate):
        return [self.program, self.name, mode, self.address, str(jobs), str(size), f"{rate:.3f}"]


class StintUntracked(Stint):
    name, title = "stint-untracked", "stint, untracked"
    setting = "the same with status tracking off for the kind: no status is kept of a job that is done; retries, dead letters and ledger as before"
    track = False
    keeps_starts = False

    def came_back(self):
        """Nothing is kept of a job that is done: when it had left the queue."""
        return time.monotonic_ns() // 1000 if self.remaining() == 0 else 0
