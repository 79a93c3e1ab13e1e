"""What is measured, a function a measure: each takes a system that is prepared and yields (measure, value, unit[, jobs])."""
import os
import signal
import socket
import statistics
import time

from children import Failed, cpu_seconds, memory_mib, wait_until
from servers import Resp

WORK_DEADLINE_S = 120
CRASH_DEADLINE_S = 90
WARM_JOBS = 20
WAITING_JOBS = 5000  # so many that buffers, which come and go, do not show


def share_of(system, plan):
    return max(20, int(plan.jobs * system.share))


def warm(system):
    """The first jobs load code and open files; they are nobody's figure."""
    system.produce(system.flow_mode, WARM_JOBS)
    system.wait_done(WORK_DEADLINE_S)


def enqueue(system, plan):
    """Into a queue that nobody reads: bulk, one call after the other, one job a call with many calls under way."""
    for mode in system.modes:
        jobs = share_of(system, plan) if mode != "single" else max(20, share_of(system, plan) // 5)
        system.prepare()
        server, log = system.server_cpu_s(), log_bytes(system)
        done = system.produce(mode, jobs)
        server, log = system.server_cpu_s() - server, log_bytes(system) - log
        name = {"bulk": "enqueue bulk", "single": "enqueue one by one", "pipelined": "enqueue one a call, pipelined"}[mode]
        yield name, jobs / done["seconds"], "/s", jobs
        yield f"{name}: server CPU", server / jobs * 1e6, "us", jobs
        yield f"{name}: client CPU", done["cpu_s"] / jobs * 1e6, "us", jobs
        if system.bed.uses_redis(system) and mode == system.bulk_mode:
            yield "AOF bytes of an enqueue", log / jobs, "B", jobs


def log_bytes(system):
    return system.bed.redis.log_bytes() if system.bed.uses_redis(system) else 0


def process(system, plan):
    """Workers are up, the queue is filled while they may not read; from their release until the last job is done."""
    for workers in (1, 2):
        jobs = share_of(system, plan)
        system.prepare()
        system.start(workers)
        warm(system)
        system.freeze()
        system.produce(system.bulk_mode, jobs)
        workers_cpu, server, log = cpu_seconds(system.bed.children.pids()), system.server_cpu_s(), log_bytes(system)
        start = time.monotonic()
        system.thaw()
        seconds = system.wait_done(WORK_DEADLINE_S) - start
        label = f"process, {workers} worker{'s' if workers > 1 else ''}"
        yield label, jobs / seconds, "/s", jobs
        if workers == 2:
            yield "process: server CPU", (system.server_cpu_s() - server) / jobs * 1e6, "us", jobs
            yield "process: workers' CPU", (cpu_seconds(system.bed.children.pids()) - workers_cpu) / jobs * 1e6, "us", jobs
            if system.bed.uses_redis(system):
                yield "AOF bytes of a run", (log_bytes(system) - log) / jobs, "B", jobs
        system.bed.end_children()


def flow_rate(system, plan):
    """Jobs a second through the whole: one producer with a job a call, two workers, at the same time."""
    jobs = share_of(system, plan)
    done = system.produce(system.flow_mode, jobs)
    return jobs / (system.wait_done(WORK_DEADLINE_S) - done["start_us"] / 1e6), jobs


def latency(system, plan):
    """First what flows through at most; then starts at 100/s or a tenth of that (idle), from before the call; then at half of it, in an
    open loop: a job is late from when it was due, whenever it was sent."""
    if not system.keeps_starts:
        return
    system.prepare()
    system.start(2)
    warm(system)
    rate, jobs = flow_rate(system, plan)
    yield "flow, 1 producer, 2 workers", rate, "/s", jobs
    for label, mode, pace in (("idle", "calm", min(100.0, rate / 10)), ("half load", "pace", rate / 2)):
        jobs = max(20, int(pace * plan.seconds))
        system.forget_starts()
        told = system.produce(mode, jobs, rate=pace)
        system.wait_done(WORK_DEADLINE_S)
        wait_until(f"the starts of {jobs} jobs", lambda jobs=jobs: len(system.starts()) >= jobs, 60, 0.05)
        late = sorted(began - due for due, began, _ in system.starts())
        yield f"start latency, {label}: offered", pace, "/s", jobs
        yield f"start latency, {label}: producer late at most", told["late_us"] / 1000, "ms", jobs
        for text, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)):
            if len(late) * (1 - share) >= 1:
                yield f"start latency, {label}: {text}", late[min(len(late) - 1, int(len(late) * share))] / 1000, "ms", jobs


def settled(system):
    before = system.bed.children.pids()
    time.sleep(0.5)
    return system.bed.children.pids() == before


def memory(system, plan):
    """Idle, two workers that have run a few jobs."""
    system.prepare()
    system.start(2)
    warm(system)
    wait_until("processes that come and go to be gone", lambda: settled(system), 60, 0.2)
    everybody = {pid: memory_mib(pid) for pid in system.bed.children.pids()}
    workers = [everybody[pid] for pid in system.worker_pids()]
    others = [pid for pid in everybody if pid not in system.worker_pids()]
    yield "idle worker, private", statistics.median(private for private, _ in workers), "MiB"
    yield "idle worker, PSS", statistics.median(pss for _, pss in workers), "MiB"
    if others:
        yield "idle supervisor, private", sum(everybody[pid][0] for pid in others), "MiB"
    yield "idle host of 2 workers, PSS", sum(pss for _, pss in everybody.values()), "MiB"


def waiting(system, plan):
    """Memory of Redis for a job that waits, by the size of its payload."""
    if not system.bed.uses_redis(system) or not system.modes:
        return
    for size in (128, 1024):
        jobs = WAITING_JOBS
        system.prepare()
        before = system.bed.redis.data_bytes()
        system.produce(system.bulk_mode, jobs, size)
        yield f"Redis bytes of a waiting job, payload {size} B", (system.bed.redis.data_bytes() - before) / jobs, "B", jobs


def idle(system, plan):
    """Commands that an idle host of two workers sends, as MONITOR shows them; what a script calls is not counted."""
    if not system.bed.uses_redis(system):
        return
    system.prepare()
    system.start(2)
    warm(system)
    time.sleep(1)
    monitor = Resp(system.bed.redis.path)
    monitor.call("MONITOR")
    seen, end = 0, time.monotonic() + plan.idle_seconds
    while (left := end - time.monotonic()) > 0:
        monitor.socket.settimeout(left)
        try:
            line = monitor.file.readline()
        except (socket.timeout, TimeoutError):
            break
        seen += b" lua] " not in line
    monitor.close()
    yield "idle host of 2 workers: commands", seen / plan.idle_seconds, "/s"


def crash(system, plan):
    """kill -9 of the process that runs a job, another worker being there: does the job come back, and when?"""
    system.prepare()
    system.start(2)
    warm(system)
    system.forget_starts()
    system.add_hanging()
    holder = system.holder()
    time.sleep(0.2)  # whoever may free itself has done so
    killed = time.monotonic_ns() // 1000
    os.kill(holder, signal.SIGKILL)
    try:
        wait_until("the job", system.came_back, CRASH_DEADLINE_S, 0.002)
        yield "killed worker's job runs again after", (system.came_back() - killed) / 1000, "ms"
    except Failed:
        yield "killed worker's job runs again after", None, f"not within {CRASH_DEADLINE_S} s"


EVERY_ROUND = {"enqueue": enqueue, "process": process, "latency": latency}
ONCE = {"memory": memory, "waiting": waiting, "idle": idle, "crash": crash}
