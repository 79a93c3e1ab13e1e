"""A Redis, a supervisor and one worker whose time stands still (still.c), so that what they do for a job can be counted.

Two ways to count: "callgrind" (instructions, allocations; Redis' own commands and bytes) and "strace" (system calls). Nothing here waits for a time:
what is waited for is that all three sleep with nothing on its way between them (settle).
"""
import ctypes
import os
import re
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import time

MARK, POKE = 5, 6  # from SIGRTMIN; still.c
DEADLINE_S = 120   # for what hangs
SIGRTMIN = 34
SYS_TGKILL = 234
PLAIN_LIBC = "glibc.cpu.hwcaps=-AVX2,-ERMS,-FSRM"  # the same copying and comparing on every processor
LISTENS = 4096  # still.c, struct page
libc = ctypes.CDLL(None, use_errno=True)

CONF = """[redis]
url = unix://{dir}/redis.sock
[supervisor]
run_dir = {dir}/run
state_dir = {dir}/state
log_level = warn
log_file = {dir}/stint.log
cgroup = off
[metrics]
enabled = no
[relay]
enabled = no
[kind.probe]
enabled = yes
track = {track}
attempts = 3
backoff = 1s
backoff_max = 1s
[pool.cost]
queue = cost
kinds = probe
workers = 1
batch_max = {batch}
memory = 8G
files = 512
recycle_jobs = 0
"""


class Broken(Exception):
    """The stack did not do what the case needs; nothing was measured."""


class Redis:
    """One connection; it knows how many bytes it sent and received."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(path)
        self.buffer = b""
        self.sent = self.received = 0

    def __call__(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        data = b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        self.socket.sendall(data)
        self.sent += len(data)
        return self.reply()

    def line(self):
        while b"\r\n" not in self.buffer:
            self.more()
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def more(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise Broken("Redis closed the connection")
        self.received += len(data)
        self.buffer += data

    def reply(self):
        line = self.line()
        kind, text = line[:1], line[1:]
        if kind == b"-":
            raise Broken("Redis answered: " + text.decode())
        if kind == b"+":
            return text.decode()
        if kind == b":":
            return int(text)
        if kind == b"$":
            size = int(text)
            if size < 0:
                return None
            while len(self.buffer) < size + 2:
                self.more()
            data, self.buffer = self.buffer[:size], self.buffer[size + 2:]
            return data.decode()
        return [self.reply() for _ in range(max(int(text), 0))]


def thread_words(pid, thread):
    """State of a thread, and how often it left a processor."""
    with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as file:
        text = file.read()
    return thread, re.search(r"^State:\s+(\S)", text, re.M)[1], tuple(re.findall(r"ctxt_switches:\s+(\d+)", text))


def limit_files():
    """valgrind lets a program set its limit of open files only to what it is: that of the pool."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, 4096))


class Stack:
    def __init__(self, build, still, way, track, batch):
        self.way = way
        self.dir = tempfile.mkdtemp(prefix="stint-cost-")
        self.build, self.still = build, still
        self.page = os.path.join(self.dir, "page")
        self.added_ms = 0
        self.redis = self.producer = None  # the test's own; the producer's bytes count
        self.processes, self.pids = [], {}
        self.marks = 0
        with open(self.page, "wb") as file:
            file.write(bytes(8 + LISTENS))
        with open(self.path("stint.conf"), "w", encoding="ascii") as file:
            file.write(CONF.format(dir=self.dir, track=track, batch=batch))
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.dir, "LD_PRELOAD": still, "STINT_COST_PAGE": self.page, "LC_ALL": "C",
                            "GLIBC_TUNABLES": PLAIN_LIBC}

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def __enter__(self):
        try:
            self.open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def wrap(self, name):
        if self.way == "strace":
            return ["strace", "-D", "-q", "-ff", "-o", self.path("strace"), *(f"-E{k}={v}" for k, v in self.environment.items())]
        return ["valgrind", "-q", "--tool=callgrind", "--vgdb=no", f"--callgrind-out-file={self.path('callgrind.' + name)}"]

    def start(self, name, command):
        bare = {name: value for name, value in self.environment.items() if name != "LD_PRELOAD" or self.way != "strace"}
        with open(self.path(name + ".out"), "wb") as out:
            process = subprocess.Popen(self.wrap(name) + command, env=bare, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       cwd=self.dir, preexec_fn=limit_files)
        self.processes.append(process)
        self.pids[name] = process.pid

    def open(self):
        self.start("redis", ["redis-server", "--port", "0", "--unixsocket", self.path("redis.sock"), "--dir", self.dir, "--save", "", "--appendonly",
                             "yes", "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction", "--jemalloc-bg-thread", "no"])
        self.until("redis-server answers", self.connected)
        os.mkdir(self.path("bin"))
        shutil.copy2(os.path.join(self.build, "bin", "stint-supervisor"), self.path("bin"))
        self.worker_program()
        self.start("supervisor", [self.path("bin", "stint-supervisor"), "--config", self.path("stint.conf")])
        self.until("the supervisor loads the Functions", self.library)
        self.redis("FCALL", "stint_enqueue", 1, "stint:{cost}", '{"kind":"probe"}', '{"v":1,"do":"ok"}')
        self.until("the first job is done", self.first_job_done)
        self.settle()

    def worker_program(self):
        """What the supervisor starts as its stint-worker, so that the worker is counted, too."""
        wrap = " ".join(self.wrap("worker")) if self.way == "callgrind" else ""
        given = f"LD_PRELOAD={self.still} STINT_COST_PAGE={self.page} GLIBC_TUNABLES={PLAIN_LIBC}"
        with open(self.path("bin", "stint-worker"), "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nexec env {given} {wrap} {os.path.join(self.build, "bin", "stint-worker")} "$@"\n')
        os.chmod(self.path("bin", "stint-worker"), 0o755)

    def connected(self):
        try:
            self.redis, self.producer = Redis(self.path("redis.sock")), Redis(self.path("redis.sock"))
            return self.redis("PING") == "PONG"
        except (Broken, OSError):
            return False

    def library(self):
        return self.told_by_time(lambda: "stint" in repr(self.redis("FUNCTION", "LIST")))

    def first_job_done(self):
        return self.told_by_time(lambda: self.redis("HGET", "stint:{cost}:ledger", "done") == "1")

    def told_by_time(self, ready):
        """Whether it is so once all sleep. If not, somebody waits for a timer: time goes on a little. So a boot takes the same steps each time."""
        self.settle_with_worker()
        if ready():
            return True
        self.advance(20)
        return False

    def settle_with_worker(self):
        """A worker that is just born counts, too."""
        while True:
            self.settle()
            born = self.newest_child()
            if born in (None, self.pids.get("worker")):
                return
            self.pids["worker"] = born

    def newest_child(self):
        """Of the supervisor; what starts strace is none."""
        supervisor = self.pids["supervisor"]
        with open(f"/proc/{supervisor}/task/{supervisor}/children", encoding="ascii") as file:
            children = file.read().split()
        if not children:
            return None
        try:
            program = os.readlink(f"/proc/{children[-1]}/exe")
        except OSError:
            return None
        return None if program.endswith("strace") else int(children[-1])

    def until(self, what, ready):
        give_up = time.monotonic() + DEADLINE_S
        while not ready():
            for process in self.processes:
                if process.poll() is not None:
                    raise Broken(f"{what}: a process ended ({process.args[-3:]}); {self.said()}")
            if time.monotonic() > give_up:
                raise Broken(f"{what}: not within {DEADLINE_S} s; {self.said()}")
            time.sleep(0.01)

    def said(self):
        texts = []
        for name in sorted(os.listdir(self.dir)):
            if name.endswith((".out", ".log")):
                with open(self.path(name), encoding="utf-8", errors="replace") as file:
                    texts.append(f"{name}: {file.read()[-600:]}")
        return " | ".join(texts)

    # -- time and quiet ----------------------------------------------------------------------------------------------

    def signal(self, pid, signal):
        """To its main thread, when it has come so far that it listens (while the stack boots, some do not)."""
        with open(self.page, "rb") as file:
            listens = file.read()[8:]
        if listens[pid % len(listens)] and libc.syscall(SYS_TGKILL, pid, pid, SIGRTMIN + signal) < 0:
            raise Broken(f"a process of the stack is gone; {self.said()}")

    def advance(self, ms):
        """Time goes on by so much, and whoever waited that long wakes: one after the other, Redis last, each to the end of what it causes. Were two
        awake at once (a blocking read ends when a heartbeat is due), who is first would be the machine's choice."""
        self.added_ms += ms
        with open(self.page, "r+b") as file:
            file.write(struct.pack("=Q", self.added_ms))
        for pid in reversed(list(self.pids.values())):
            self.settle()
            self.signal(pid, POKE)

    def asleep(self):
        """What each thread is doing; None when one of them does not sleep. All threads: under valgrind one runs at a time, and a main thread that waits
        for its turn sleeps, too."""
        try:
            now = [thread_words(pid, thread) for pid in self.pids.values() for thread in os.listdir(f"/proc/{pid}/task")]
        except OSError as gone:
            if all(os.path.exists(f"/proc/{pid}") for pid in self.pids.values()):
                return None  # a thread that ended
            raise Broken(f"a process of the stack is gone ({gone}); {self.said()}") from gone
        return now if all(state == "S" for _, state, _ in now) else None

    def settle(self):
        """Until all sleep. Two looks at each: whoever slept at both without having run between them slept at the moment between the looks, all at the
        same time; and what one sends makes the other runnable at once, so nothing was on its way."""
        give_up = time.monotonic() + DEADLINE_S
        while True:
            first = self.asleep()
            if first is not None and first == self.asleep():
                return
            if time.monotonic() > give_up:
                raise Broken(f"the stack does not come to rest; {self.said()}")
            time.sleep(0.001)

    def rest(self):
        """Lets the short timers run out, outside of what is counted: those of a doorbell that is lazy for some milliseconds."""
        self.settle()
        self.advance(10)
        self.settle()

    def mark(self):
        """A line below what was counted until now."""
        self.settle()
        for pid in self.pids.values():
            self.signal(pid, MARK)
        self.marks += 1
        if self.way == "callgrind":
            names = [self.path(f"callgrind.{name}.{self.marks}") for name in self.pids]
            self.until("callgrind writes its counts", lambda: all(os.path.exists(name) for name in names))
        self.settle()

    def info(self):
        """Redis' own counts, without what this connection adds: commands by name, bytes read and written, bytes of the append-only file."""
        received = self.redis.received
        text = self.redis("INFO", "all")
        calls = {name: int(n) for name, n in re.findall(r"^cmdstat_([^:]+):calls=(\d+)", text, re.M) if name != "info"}
        number = {key: int(n) for key, n in re.findall(r"^(aof_current_size|total_net_(?:in|out)put_bytes):(\d+)", text, re.M)}
        return {"calls": calls, "aof": number["aof_current_size"], "read": number["total_net_input_bytes"] - self.redis.sent,
                "written": number["total_net_output_bytes"] - received}

    def end(self):
        """Ends the processes."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        self.processes = []

    def finish(self):
        """Ends the processes; what is told of them is there, whole, until the stack is left."""
        self.end()
        if self.way == "strace":
            self.until("strace writes what it saw", lambda: all(self.written(pid) for pid in self.pids.values()))

    def written(self, pid):
        with open(self.path(f"strace.{pid}"), encoding="utf-8", errors="replace") as file:
            return file.read().rstrip().rpartition("\n")[2].startswith("+++")

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.dir, ignore_errors=True)
