"""Ten million jobs in a row: a producer of plain entries, two workers, every job's status kept for ten seconds, the log rewritten as it grows.
Meanwhile an express job every 20 ms tells how long a start takes: its handler stamps its first line by this machine's monotonic clock."""
import json
import multiprocessing
import os
import threading
import time

from host import PAYLOAD, Host, Redis, Refused, bulk, status, until
from svg import draw

KEY, RETAIN, WAITING, CHUNK, PROBE_S, SLICES = "stint:{q0}", "10s", 50000, 5000, 0.02, 10
STAMPED = json.dumps({"v": 1, "do": "ok", "stamp": True})
BEGIN, END = "<!-- bench/growth long: begin -->", "<!-- bench/growth long: end -->"
PICTURE = "\n![pace, start latency, memory and log over the run](long.svg)\n"


def feed(path, jobs):
    """Runs in a process of its own, so that its work does not delay the probes."""
    r, sent, command = Redis(path), 0, bulk("XADD", KEY + ":s:normal", "*", "kind", "probe", "payload", PAYLOAD)
    while sent < jobs:
        done = int(r.call("HGET", KEY + ":ledger", "done") or 0)
        if sent - done < WAITING:
            n = min(CHUNK, jobs - sent)
            r.repeat(command, n)
            sent += n
        else:
            time.sleep(0.002)


class Probes:
    """Express jobs at even times; ms from before the enqueue to the handler's first line, by when they were sent."""

    def __init__(self, path):
        self.sender, self.reader = Redis(path), Redis(path)
        self.sent, self.late, self.left = [], [], False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        due = time.monotonic()
        while not self.left:
            time.sleep(max(0, due - time.monotonic()))
            name, start = f"probe-{len(self.sent)}", time.monotonic_ns() // 1000
            options = json.dumps({"kind": "probe", "band": "express", "id": name})
            self.sender.call("FCALL", "stint_enqueue", 1, KEY, options, STAMPED)
            self.sent.append((name, start))
            due = max(due + PROBE_S, time.monotonic() - 1)

    def collect(self, older_s=2):
        """Those that had time enough to end; returns how long each took, ms."""
        now, taken = time.monotonic_ns() // 1000, []
        while len(self.late) < len(self.sent) and self.sent[len(self.late)][1] < now - older_s * 1000000:
            name, start = self.sent[len(self.late)]
            try:
                job = json.loads(self.reader.call("FCALL", "stint_job", 1, KEY, name))
            except Refused: # its status was kept long enough: whoever asks was held up
                self.late.append(None)
                continue
            if job["state"] != "done":
                break
            self.late.append((job["result"]["started_us"] - start) / 1000)
            taken.append(self.late[-1])
        return taken

    def end(self):
        self.left = True
        self.thread.join()
        until(lambda: self.collect(0) is not None and len(self.late) == len(self.sent), 60, "probes")


def part(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def sample(h, pids, began):
    memory, log = h.redis.info("memory"), h.redis.info("persistence")
    return dict(t=time.monotonic() - began, done=h.done(), used=int(memory["used_memory"]) / 2**20, rss=int(memory["used_memory_rss"]) / 2**20,
                aof=int(log["aof_current_size"]) / 2**20, rewrites=int(log.get("aof_rewrites", 0)), cpu=h.server_cpu(),
                supervisor=status(h.supervisor.pid, "RssAnon")[0] / 1024, worker=max(status(p, "RssAnon")[0] for p in pids) / 1024)


def watch(h, jobs):
    """A row a second until all are done: what is measured now and the probes that ended since."""
    path, pids = f"{h.dir}/r.sock", h.worker_pids()
    feeder = multiprocessing.get_context("fork").Process(target=feed, args=(path, jobs), daemon=True)
    feeder.start()
    probes, began, rows = Probes(path), time.monotonic(), []
    try:
        while True:
            rows.append({**sample(h, pids, began), "late": probes.collect()})
            if rows[-1]["done"] >= jobs + len(probes.late) or (feeder.exitcode or 0) != 0:
                break
            time.sleep(max(0, began + len(rows) - time.monotonic()))
        feeder.join(10)
        if feeder.exitcode != 0:
            raise SystemExit("bench/growth: the producer did not end well")
        probes.end()
        until(lambda: h.done() >= jobs + len(probes.sent), 120, "the last jobs")
        if h.worker_pids() != pids:
            raise SystemExit("bench/growth: a worker was replaced")
    finally:
        feeder.kill()
        probes.left = True
    return rows


def slices(rows):
    """Rows of seconds as tenths of the work."""
    out, last = [], rows[0]
    for i in range(1, SLICES + 1):
        inside = [r for r in rows if last["done"] < r["done"] <= rows[-1]["done"] * i / SLICES]
        if not inside:
            continue
        end, late = inside[-1], [x for r in inside for x in r["late"]]
        n = end["done"] - last["done"]
        out.append(dict(done=end["done"], pace=n / (end["t"] - last["t"]), cpu=(end["cpu"] - last["cpu"]) / n * 1e6, p50=part(late, .5), p99=part(late, .99),
                        worst=max(late, default=0), used=max(r["used"] for r in inside), rss=max(r["rss"] for r in inside),
                        aof=max(r["aof"] for r in inside), rewrites=end["rewrites"], supervisor=end["supervisor"], worker=end["worker"]))
        last = end
    return out


def picture(path, rows):
    pace = [(r["done"], (r["done"] - q["done"]) / max(r["t"] - q["t"], 1e-3)) for q, r in zip(rows, rows[1:])]

    def over(name):
        return [(r["done"], r[name]) for r in rows]

    def late(share):
        return [(r["done"], part(r["late"], share)) for r in rows if r["late"]]
    draw(path, "jobs done", [
        ("jobs a second", "/s", [("", pace)]), ("start of an express job meanwhile, by the second", "ms", [("p50", late(.5)), ("p99", late(.99))]),
        ("memory of Redis", "MiB", [("used", over("used")), ("resident", over("rss"))]), ("append-only file", "MiB", [("", over("aof"))]),
        ("private memory", "MiB", [("supervisor", over("supervisor")), ("larger worker", over("worker"))])])


def table(jobs, rows, tenths):
    seconds = rows[-1]["t"]
    head = (f"{jobs:,} jobs of {len(PAYLOAD)} bytes in {seconds:,.0f} s ({jobs / seconds:,.0f}/s), 2 workers, statuses kept for {RETAIN},\n"
            f"at most {WAITING:,} waiting, AOF `everysec` rewritten {rows[-1]['rewrites'] - rows[0]['rewrites']} times, load {os.getloadavg()[0]:.1f} on {os.cpu_count()}:")
    out = [head, "", "| jobs done | jobs/s | Redis, µs a job | start, ms: p50 | p99 | max | Redis used, MiB | resident | AOF, MiB | supervisor, MiB | worker, MiB |",
           "|" + "---|" * 11]
    out += [f"| {s['done']:,} | {s['pace']:,.0f} | {s['cpu']:.1f} | {s['p50']:.2f} | {s['p99']:.2f} | {s['worst']:.1f} | {s['used']:,.0f} | {s['rss']:,.0f} | {s['aof']:,.0f} | "
            f"{s['supervisor']:.2f} | {s['worker']:.2f} |" for s in tenths]
    return "\n".join(out) + "\n"


def publish(root, text, rows):
    """Into the documentation: the picture, and the table between its marks."""
    picture(os.path.join(root, "docs", "long.svg"), rows)
    path = os.path.join(root, "docs", "performance.md")
    with open(path) as f:
        before, rest = f.read().split(BEGIN)
    with open(path, "w") as f:
        f.write(before + BEGIN + "\n" + text + PICTURE + END + rest.split(END)[1])


def long(a, emit):
    jobs = a.jobs or (300000 if a.quick else 10000000)
    with Host(a.bin, 1, 2, track=True, retain=RETAIN, rewrite=True) as h:
        rows = watch(h, jobs)
    tenths = slices(rows)
    text = table(jobs, rows, tenths)
    picture(os.path.join(a.out, "growth-long.svg"), rows)
    with open(os.path.join(a.out, "growth-long.md"), "w") as f:
        f.write(text)
    print(text)
    if a.docs:
        publish(a.root, text, rows)
    for s in tenths:
        emit("long", **s)
