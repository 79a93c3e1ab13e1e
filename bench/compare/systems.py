"""What a system is to the harness, and those that speak Redis or their own protocol through clients of bench/peers. stint itself: stint_system.py."""
import json
import os
import shutil
import signal
import struct
import subprocess
import time

from children import wait_until

BENCH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS = os.path.join(BENCH, "peers")
MODULES = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "stint-bench")
DEBIAN_PYTHON = "/usr/bin/python3"  # Debian's packages are of Debian's Python, whatever else is first in PATH


def debian(package):
    """The installed version of a package, or None."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], capture_output=True, text=True, check=False)
    state, _, version = done.stdout.partition(" ")
    return version if state == "installed" else None


class System:
    """One system in one setting. A visit: prepare, then a measure's own steps, then the children are ended."""

    name = title = family = setting = ""
    packages = ()  # Debian's, all needed
    modes = ("bulk", "single")
    share = 1.0  # of the run's jobs: slow ones get fewer, so that a round stays short
    bulk_mode, flow_mode = "bulk", "single"  # the mode that fills a queue; the fastest one with a job a call
    only = ()  # the measures that say something new of it; (): all
    keeps_starts = True  # its handler can tell when it began
    worker_blocks = 1  # clients of Redis that wait while a worker has nothing to do

    def __init__(self, bed):
        self.bed = bed  # .folder, .children, .redis, .beanstalkd, .build
        self.stamps_file = os.path.join(bed.folder, "stamps")

    @classmethod
    def missing(cls):
        """What to install before it can be measured, or ""."""
        wanted = [name for name in cls.packages if not debian(name)]
        return "apt-get install " + " ".join(wanted) if wanted else ""

    @classmethod
    def version(cls):
        return debian(cls.packages[0]) if cls.packages else ""

    def prepare(self):
        """An empty queue."""
        self.bed.redis.clear()
        self.forget_hang()

    def forget_hang(self):
        if os.path.exists(self.stamps_file + ".hung"):
            os.remove(self.stamps_file + ".hung")

    def environment(self):
        return {"BENCH_REDIS": self.bed.redis.path, "BENCH_STAMPS": self.stamps_file, "BENCH_MODULES": MODULES}

    def client_command(self, mode, jobs, size, rate):
        raise NotImplementedError

    def produce(self, mode, jobs, size=128, rate=1.0):
        return self.bed.children.client(self.client_command(mode, jobs, size, rate), self.environment())

    def worker_commands(self, workers):
        """The processes that `workers` workers are."""
        raise NotImplementedError

    def start(self, workers):
        """Workers are up and wait for jobs."""
        for at, command in enumerate(self.worker_commands(workers)):
            self.bed.children.start(f"worker-{self.name}-{at}", command, self.environment())
        wait_until("its workers", lambda: self.waiting() >= self.blocked(workers))

    def blocked(self, workers):
        return workers * self.worker_blocks

    def waiting(self):
        return self.bed.redis.waiting_clients()

    def worker_pids(self):
        """The processes that run jobs."""
        return self.bed.children.pids()

    def freeze(self):
        """Nobody takes a job until thaw."""
        self.bed.children.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.bed.children.signal_all(signal.SIGCONT)

    def remaining(self):
        """Jobs that are not done."""
        raise NotImplementedError

    def wait_done(self, seconds):
        wait_until("the last job", lambda: self.remaining() == 0, seconds, 0.002)
        return time.monotonic()

    def server_cpu_s(self):
        return self.bed.redis.cpu_s()

    def forget_starts(self):
        """Emptied, not removed: workers have it open."""
        if os.path.exists(self.stamps_file):
            os.truncate(self.stamps_file, 0)

    def starts(self):
        """(when it was due, when its handler began, in which process) of each job that has been called, µs."""
        if not os.path.exists(self.stamps_file):
            return []
        with open(self.stamps_file, "rb") as stamps:
            data = stamps.read()
        return list(struct.iter_unpack("=QQQ", data[:len(data) // 24 * 24]))

    def add_hanging(self):
        """Adds a job that hangs the first time it is run."""
        self.produce("hang", 1)

    def holder(self):
        """The process that has the hanging job in hand."""
        wait_until("its worker took the job", lambda: self.starts())
        return self.starts()[0][2]

    def came_back(self):
        """When the killed job was called again, monotonic µs; 0: not yet."""
        seen = self.starts()
        return seen[1][1] if len(seen) > 1 else 0


class Ceiling(System):
    name, family, title = "ceiling", "ceiling", "Redis itself"
    setting = "XADD; XREADGROUP COUNT 500, one variadic XACK, one variadic XDEL; client in C. No queue: nothing is retried, nothing fenced"
    modes = ("bulk", "single", "pipelined")
    flow_mode = "pipelined"
    address = property(lambda self: "unix://" + self.bed.redis.path)

    @property
    def program(self):
        return os.path.join(self.bed.build, "bench", "stint-bench-peer")

    def prepare(self):
        super().prepare()
        self.bed.redis.call("XGROUP", "CREATE", "bench:ceiling", "g", "0", "MKSTREAM")

    def client_command(self, mode, jobs, size, rate):
        return [self.program, self.family, mode, self.address, str(jobs), str(size), f"{rate:.3f}"]

    def worker_commands(self, workers):
        return [self.client_command("work", 1, 128, 1)] * workers

    def remaining(self):
        return self.bed.redis.call("XLEN", "bench:ceiling")

    def add_hanging(self):
        payload = json.dumps({"v": 1, "t": time.monotonic_ns() // 1000, "hang": 1}, separators=(",", ":"))
        self.bed.redis.call("XADD", "bench:ceiling", "*", "kind", "probe", "id", "x", "payload", payload)


class Beanstalk(Ceiling):
    name, family, title = "beanstalkd", "beanstalkd", "beanstalkd"
    setting = "its own server over loopback TCP, binlog synced once a second; client in C: 1,000 puts, 100 reserves and deletes under way"
    packages = ("beanstalkd",)
    address = property(lambda self: f"127.0.0.1:{self.bed.beanstalkd.port}")

    def prepare(self):
        self.bed.fresh_beanstalkd()
        self.forget_hang()

    def waiting(self):
        return self.bed.beanstalkd.waiting_clients()

    def remaining(self):
        stats = self.bed.beanstalkd.stats()
        return int(stats["current-jobs-ready"]) + int(stats["current-jobs-reserved"])

    def server_cpu_s(self):
        return self.bed.beanstalkd.cpu_s()

    def add_hanging(self):
        payload = json.dumps({"v": 1, "t": time.monotonic_ns() // 1000, "hang": 1}, separators=(",", ":"))
        self.bed.beanstalkd.put(payload.encode())


class BullMQ(System):
    name, family, title = "bullmq", "bullmq", "BullMQ"
    setting = "a node process a worker, concurrency 50; addBulk of 100; removeOnComplete: nothing is kept of a job that is done"
    modes = ("bulk", "single", "pipelined")
    flow_mode = "pipelined"
    share = 0.25
    wanted = {"bullmq": "6.7.0", "ioredis": "5"}

    @classmethod
    def missing(cls):
        if not shutil.which("node"):
            return "apt-get install nodejs npm"
        if all(os.path.isdir(os.path.join(MODULES, "node_modules", name)) for name in cls.wanted):
            return ""
        if not shutil.which("npm"):
            return "apt-get install npm"
        os.makedirs(MODULES, exist_ok=True)
        package = os.path.join(MODULES, "package.json")
        if not os.path.exists(package):
            with open(package, "w", encoding="utf8") as out:
                out.write('{"private":true}\n')
        names = [f"{name}@{version}" for name, version in cls.wanted.items()]
        done = subprocess.run(["npm", "install", "--no-audit", "--no-fund", *names], cwd=MODULES, capture_output=True, text=True, timeout=300,
                              check=False)
        return "" if done.returncode == 0 else f"cd {MODULES} && npm install {' '.join(names)}"

    @classmethod
    def version(cls):
        with open(os.path.join(MODULES, "node_modules", "bullmq", "package.json"), encoding="utf8") as package:
            return json.load(package)["version"]

    def client_command(self, mode, jobs, size, rate):
        return ["node", os.path.join(PEERS, "bullmq", "client.mjs"), mode, str(jobs), str(size), f"{rate:.3f}"]

    def worker_commands(self, workers):
        return [["node", os.path.join(PEERS, "bullmq", "worker.mjs")]] * workers

    def remaining(self):
        return self.bed.redis.call("LLEN", "bull:bench:wait") + self.bed.redis.call("LLEN", "bull:bench:active")


class Sidekiq(System):
    name, family, title = "sidekiq", "sidekiq", "Sidekiq"
    setting = "a process a worker with 10 threads (its default), plain fetch (BRPOP); push_bulk of 1,000"
    packages = ("ruby-sidekiq",)
    share, worker_blocks = 0.2, 10

    def client_command(self, mode, jobs, size, rate):
        return ["ruby", os.path.join(PEERS, "sidekiq", "client.rb"), mode, str(jobs), str(size), f"{rate:.3f}"]

    def worker_commands(self, workers):
        return [["sidekiq", "-r", os.path.join(PEERS, "sidekiq", "job.rb"), "-c", "10", "-e", "production"]] * workers

    def remaining(self):
        return self.bed.redis.call("LLEN", "queue:default")


class Celery(System):
    name, family, title = "celery", "celery", "Celery"
    setting = ("one prefork worker with that many processes, Redis broker, prefetch 4 a process, no results, acknowledged early (acks_late off, "
               "its default), no events, gossip, mingle or heartbeat; it has no bulk call")
    packages = ("python3-celery", "celery", "python3-redis")
    modes, bulk_mode = ("single",), "single"
    share = 0.08

    def environment(self):
        return {**super().environment(), "PYTHONPATH": os.path.join(PEERS, "python") + ":" + os.path.join(PEERS, "celery"),
                "PYTHONDONTWRITEBYTECODE": "1", "C_FORCE_ROOT": "1"}

    def client_command(self, mode, jobs, size, rate):
        return [DEBIAN_PYTHON, os.path.join(PEERS, "celery", "client.py"), mode, str(jobs), str(size), f"{rate:.3f}"]

    def worker_commands(self, workers):
        return [[DEBIAN_PYTHON, "-m", "celery", "-A", "bench_tasks", "worker", "--pool", "prefork", "--concurrency", str(workers),
                 "--loglevel", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]]

    def blocked(self, workers):
        return 1  # its parent alone speaks to Redis

    def worker_pids(self):
        return [pid for pid in self.bed.children.pids() if pid not in {child.pid for child in self.bed.children.running}]

    def remaining(self):
        return self.bed.redis.call("LLEN", "celery") + self.bed.redis.call("HLEN", "unacked")


class RqSimple(System):
    name, family, title = "rq-simple", "rq", "RQ, SimpleWorker"
    setting = "a process a worker that runs its jobs itself; enqueue_many of 100, result_ttl 0"
    packages = ("python3-rq", "python3-redis")
    share = 0.02
    worker_class = ("--worker-class", "rq.worker.SimpleWorker")

    def environment(self):
        return {**super().environment(), "PYTHONPATH": os.path.join(PEERS, "python") + ":" + os.path.join(PEERS, "rq"),
                "PYTHONDONTWRITEBYTECODE": "1"}

    def client_command(self, mode, jobs, size, rate):
        return [DEBIAN_PYTHON, os.path.join(PEERS, "rq", "client.py"), mode, str(jobs), str(size), f"{rate:.3f}"]

    def worker_commands(self, workers):
        return [[DEBIAN_PYTHON, "-m", "rq.cli", "worker", "--quiet", "--url", "unix://" + self.bed.redis.path, *self.worker_class, "bench"]] * workers

    def remaining(self):
        return self.bed.redis.call("LLEN", "rq:queue:bench") + self.bed.redis.call("ZCARD", "rq:wip:bench")


class RqFork(RqSimple):
    name, title = "rq-fork", "RQ, fork a job"
    setting = "its default worker, which forks a process for each job; enqueue_many of 100, result_ttl 0"
    share = 0.005
    worker_class = ()
    modes = ()  # its producer is that of the one above
