"""What a job costs with few and with many waiting: rounds of one size in turns, each refilled, at both depths by the product and by the bare commands."""
import statistics
import time

from host import PAYLOAD, Host, cpu_s, until

STREAM, GROUP, CLAIM, ROUND = "stint:{q0}:s:normal", "bench", 500, 5000


def ceiling(h):
    """The bare commands, by a group of its own on the same stream: the entries are gone for the product too."""
    r = h.redis
    r.call("XGROUP", "CREATE", STREAM, GROUP, "0")
    cpu = h.server_cpu()
    for _ in range(ROUND // CLAIM):
        ids = [e[0] for e in r.call("XREADGROUP", "GROUP", GROUP, "c", "COUNT", CLAIM, "STREAMS", STREAM, ">")[0][1]]
        r.call("XACK", STREAM, GROUP, *ids)
        r.call("XDEL", STREAM, *ids)
    cpu = h.server_cpu() - cpu
    r.call("XGROUP", "DESTROY", STREAM, GROUP)
    h.fill(ROUND)
    return dict(ceiling=cpu / ROUND * 1e6)


def product(h):
    pids, done = h.worker_pids(), h.done()
    cpu, theirs, began = h.server_cpu(), sum(map(cpu_s, pids)), time.perf_counter()
    h.resume()
    until(lambda: h.done() >= done + ROUND, 60, "jobs")
    wall = time.perf_counter() - began
    h.pause()
    n = 0
    while n != h.done() - done: # what was claimed before the pause ends after it
        n = h.done() - done
        time.sleep(0.05)
    figures = dict(redis=(h.server_cpu() - cpu) / n * 1e6, workers=(sum(map(cpu_s, pids)) - theirs) / n * 1e6, jobs_per_s=ROUND / wall)
    h.fill(n)
    return figures


def stats_us(h):
    cpu = h.server_cpu()
    for _ in range(50):
        h.redis.call("FCALL", "stint_stats", 1, "stint:{q0}")
    return (h.server_cpu() - cpu) / 50 * 1e6


def depth(a, emit):
    sizes = (10000, a.jobs or (300000 if a.quick else 10000000))
    with Host(a.bin, 1, 2, aof=False) as small, Host(a.bin, 1, 2, aof=False) as large:
        hosts, each, rounds = (small, large), [], ([], [])
        for h, size in zip(hosts, sizes):
            h.pause()
            before = int(h.redis.info("memory")["used_memory"])
            h.fill(size)
            each.append((int(h.redis.info("memory")["used_memory"]) - before) / size)
        for _ in range(8 if a.quick else 40):
            for h, row in zip(hosts, rounds):
                with h.ahead(a.realtime):
                    row.append({**ceiling(h), **product(h)})
        middle = [{k: statistics.median(x[k] for x in row) for k in row[0]} for row in rounds]
        for h, size, m, bytes_each in zip(hosts, sizes, middle, each):
            emit("depth", depth=size, redis_us_per_job=m["redis"], ceiling_us_per_job=m["ceiling"], workers_us_per_job=m["workers"],
                 jobs_per_s=m["jobs_per_s"], bytes_per_job=bytes_each, payload=len(PAYLOAD), stats_us=stats_us(h))
        ratio = {k: [s[k] / x[k] for s, x in zip(*rounds)] for k in ("redis", "ceiling")}
        pace = [x["jobs_per_s"] / s["jobs_per_s"] for s, x in zip(*rounds)]
        emit("depth/10k", by_redis_cpu=statistics.median(ratio["redis"]), ceiling_by_cpu=statistics.median(ratio["ceiling"]),
             by_wall=statistics.median(pace))
