"""What the measures of bench/growth share: a Redis and a host of their own in one private folder, and what they cost. Ends what it started, on
every way out."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

TICK = os.sysconf("SC_CLK_TCK")
PAYLOAD = json.dumps({"v": 1, "do": "ok", "fill": "x" * 98})  # 128 bytes


def bulk(*words):
    out = bytearray(b"*%d\r\n" % len(words))
    for w in words:
        w = w if isinstance(w, bytes) else str(w).encode()
        out += b"$%d\r\n%s\r\n" % (len(w), w)
    return bytes(out)


class Refused(SystemExit):
    """Redis answers with an error; who does not catch it ends."""


class Redis:
    """Enough of a client: one command, or many at once."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(300)
        self.s.connect(path)
        self.f = self.s.makefile("rb", 1 << 20)

    def reply(self):
        line = self.f.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.f.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(max(0, int(rest)))]
        if kind == b"-":
            raise Refused("bench/growth: Redis refuses: " + rest.decode(errors="replace"))
        return int(rest) if kind == b":" else rest

    def call(self, *words):
        self.s.sendall(bulk(*words))
        return self.reply()

    def repeat(self, command, n, chunk=5000):
        """The same encoded command n times, pipelined."""
        block = command * min(n, chunk)
        while n > 0:
            k = min(n, chunk)
            self.s.sendall(block if k == chunk else command * k)
            for _ in range(k):
                self.reply()
            n -= k

    def info(self, section):
        pairs = (x.split(":", 1) for x in self.call("INFO", section).decode().splitlines() if ":" in x)
        return dict(pairs)


def cpu_s(pid):
    """User and system time of a process."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def status(pid, *names):
    """Numbers of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as f:
        rows = dict(line.split(":", 1) for line in f)
    return [int(rows.get(n, "0").split()[0]) for n in names]


def until(what, seconds, why):
    end = time.monotonic() + seconds
    while True:
        try:
            if what():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise SystemExit(f"bench/growth: {why}: not within {seconds} s")
        time.sleep(0.005)


class Host:
    """with Host(bin, queues, workers) as h: a Redis (h.redis) and a supervisor whose workers are ready."""

    def __init__(self, bin_dir, queues=1, workers=1, aof=True, track=False, retain="1h", rewrite=False):
        self.bin, self.queues, self.workers, self.aof, self.track = bin_dir, queues, workers, aof, track
        self.retain, self.rewrite = retain, rewrite
        self.dir, self.server, self.supervisor = tempfile.mkdtemp(prefix="stint-growth-"), None, None

    def __enter__(self):
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def spawn(self, log, *argv):
        with open(f"{self.dir}/{log}.log", "ab") as out:
            return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *argv], stdout=out, stderr=out)

    def open(self):
        sock = f"{self.dir}/r.sock"
        self.server = self.spawn("redis", "redis-server", "--port", "0", "--unixsocket", sock, "--dir", self.dir, "--save", "", "--appendonly",
                                 "yes" if self.aof else "no", "--appendfsync", "everysec", "--auto-aof-rewrite-percentage",
                                 "100" if self.rewrite else "0", "--auto-aof-rewrite-min-size", "256mb")
        until(lambda: os.path.exists(sock) and Redis(sock).call("PING") == b"PONG", 20, "a Redis")
        self.redis = Redis(sock)
        for d in ("run", "state"):
            os.mkdir(f"{self.dir}/{d}")
        with open(f"{self.dir}/stint.conf", "w") as f:
            f.write(f"[redis]\nurl = unix://{sock}\n[supervisor]\nrun_dir = {self.dir}/run\nstate_dir = {self.dir}/state\ncgroup = off\nlog_level = warn\n"
                    "[relay]\nenabled = no\n[metrics]\nport = 0\n[kind.probe]\nenabled = yes\n"
                    f"track = {'yes' if self.track else 'no'}\nretain = {self.retain}\n")
            for i in range(self.queues):
                f.write(f"[pool.p{i}]\nqueue = q{i}\nkinds = probe\nworkers = {self.workers}\nworkers_max = {self.workers}\nmemory = 0\nnice = 0\n"
                        "recycle_jobs = 0\n")
        self.supervisor = self.spawn("supervisor", f"{self.bin}/stint-supervisor", "--config", f"{self.dir}/stint.conf")
        until(self.all_ready, 60, "workers")

    def all_ready(self):
        """By the control socket: a line asked, a line answered."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(f"{self.dir}/run/control.sock")
            s.sendall(b'{"verb":"worker.list"}\n')
            workers = json.loads(s.makefile().readline())["workers"]
        return sum(w["state"] == "ready" for w in workers) >= self.queues * self.workers

    def worker_pids(self):
        with open(f"/proc/{self.supervisor.pid}/task/{self.supervisor.pid}/children") as f:
            pids = f.read().split()
        return [p for p in pids if open(f"/proc/{p}/comm").read().startswith("stint-worker")]

    def done(self, queue=0):
        return int(self.redis.call("HGET", f"stint:{{q{queue}}}:ledger", "done") or 0)

    def pause(self, queue=0):
        self.redis.call("FCALL", "stint_pause", 1, f"stint:{{q{queue}}}", "", "bench", "bench")

    def resume(self, queue=0):
        self.redis.call("FCALL", "stint_resume", 1, f"stint:{{q{queue}}}", "", "bench", "bench")

    def fill(self, n, queue=0):
        """n untracked jobs, as any client adds them."""
        self.redis.repeat(bulk("XADD", f"stint:{{q{queue}}}:s:normal", "*", "kind", "probe", "payload", PAYLOAD), n)

    @contextlib.contextmanager
    def ahead(self, wanted):
        """Before everything else on the machine, if wanted (root only): for seconds."""
        pids = [self.server.pid, self.supervisor.pid, *self.worker_pids(), os.getpid()]

        def each(*how):
            for pid in pids:
                subprocess.run(["chrt", "-a", *how, str(pid)], check=True)
        if wanted:
            each("-r", "-p", "1")
        try:
            yield
        finally:
            if wanted:
                each("-o", "-p", "0")

    def server_cpu(self):
        i = self.redis.info("cpu")
        return float(i["used_cpu_user_main_thread"]) + float(i["used_cpu_sys_main_thread"])

    def __exit__(self, *_):
        for p in (self.supervisor, self.server):
            if p is not None and p.poll() is None:
                p.send_signal(signal.SIGTERM if p is self.supervisor else signal.SIGKILL)
                try:
                    p.wait(20)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()
        shutil.rmtree(self.dir, ignore_errors=True)
