"""How late jobs are done that fall due beside many scheduled ones, and whose hold-up it was: Redis' own monitor of latencies, a PING every 2 ms, and how
much later than asked a sleeping thread of the same class woke, which is the machine's."""
import json
import threading
import time

from host import PAYLOAD, Host, Redis, bulk, until

KEY = "stint:{q0}"
PACE_MS = 5


def part(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


class Watch:
    """Pings a server until it is left; pings and over are sorted ms."""

    def __init__(self, h):
        self.redis, self.pings, self.over, self.left = Redis(f"{h.dir}/r.sock"), [], [], False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.left:
            a = time.perf_counter()
            time.sleep(0.002)
            b = time.perf_counter()
            self.redis.call("PING")
            self.pings.append((time.perf_counter() - b) * 1e3)
            self.over.append((b - a) * 1e3 - 2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.left = True
        self.thread.join()
        self.pings.sort()
        self.over.sort()


def schedule(h, count):
    r = h.redis
    far = ('{"kind":"probe","delay_ms":86400000}', PAYLOAD) * 100
    r.repeat(bulk("FCALL", "stint_enqueue_bulk", 1, KEY, *far), count // 100, 20)
    r.call("CONFIG", "SET", "latency-monitor-threshold", "1")


def now_ms(h):
    now = h.redis.call("TIME")
    return int(now[0]) * 1000 + int(now[1]) // 1000


def enqueue_at(h, names, at_of):
    """Jobs by name, each with its time, 100 a call."""
    for i in range(0, len(names), 100):
        words = []
        for j, name in enumerate(names[i:i + 100]):
            words += [json.dumps({"kind": "probe", "id": name, "at_ms": at_of(i + j)}), PAYLOAD]
        h.redis.call("FCALL", "stint_enqueue_bulk", 1, KEY, *words)


def lateness(h, names, at_of):
    """ms from each job's time to its end, sorted."""
    ends = (json.loads(h.redis.call("FCALL", "stint_job", 1, KEY, n))["finished_ms"] for n in names)
    return sorted(end - at_of(i) for i, end in enumerate(ends))


def falling(h, tag, count):
    """A job due every few ms."""
    start, want = now_ms(h) + 2500, h.done() + count
    names = [f"{tag}-{i}" for i in range(count)]
    enqueue_at(h, names, lambda i: start + i * PACE_MS)
    h.redis.call("LATENCY", "RESET")
    with Watch(h) as w:
        until(lambda: h.done() >= want, 120, "due jobs")
    late = lateness(h, names, lambda i: start + i * PACE_MS)
    held = " ".join(f"{x[0].decode()}:{x[3]}" for x in h.redis.call("LATENCY", "LATEST"))
    return dict(p50_ms=part(late, .5), p99_ms=part(late, .99), max_ms=late[-1], ping_p99_ms=part(w.pings, .99), ping_max_ms=w.pings[-1],
                machine_max_ms=w.over[-1], redis_held_ms=held or "-")


def burst(h, tag, count):
    """All due in one millisecond."""
    at, want = now_ms(h) + 3000, h.done() + count
    names = [f"{tag}-{i}" for i in range(count)]
    enqueue_at(h, names, lambda i: at)
    time.sleep(max(0, at - now_ms(h) - 50) / 1e3)
    cpu = h.server_cpu()
    until(lambda: h.done() >= want, 120, "a burst")
    cpu = (h.server_cpu() - cpu) / count * 1e6
    late = lateness(h, names, lambda i: at)
    return dict(first_ms=late[0], p50_ms=part(late, .5), last_ms=late[-1], redis_us_per_job=cpu)


def due(a, emit):
    few, many, count, crowd = (5000, 50000, 500, 2000) if a.quick else (50000, 1000000, 1000, 10000)
    with Host(a.bin, 1, 4, track=True) as small, Host(a.bin, 1, 4, track=True) as large:
        hosts = ((few, small), (many, large))
        for size, h in hosts:
            schedule(h, size)
        for turn in range(1 if a.quick else 3):
            for size, h in hosts:
                with h.ahead(a.realtime):
                    emit("due", scheduled=size, falling=count, **falling(h, f"d{turn}", count))
        for turn in range(1 if a.quick else 3):
            for size, h in hosts:
                with h.ahead(a.realtime):
                    emit("due burst", scheduled=size, burst=crowd, **burst(h, f"b{turn}", crowd))
