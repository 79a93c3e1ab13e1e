"""What the peers in Python have in common: the job's data, the records of starts, the loops of a client."""
import json
import os
import struct
import sys
import time


def now_us():
    return time.monotonic_ns() // 1000


def payload(size, due=None):
    data = {"v": 1, "do": "ok", "pad": ""}
    if due is not None:
        data["t"] = due
    data["pad"] = "x" * max(0, size - len(json.dumps(data, separators=(",", ":"))))
    return data


def handle(data):
    """The first line of a no-op handler; a job with "hang" sleeps for ten minutes the first time it is seen."""
    if "t" in data:
        fd = os.open(os.environ["BENCH_STAMPS"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, struct.pack("=QQQ", data["t"], now_us(), os.getpid()))
        os.close(fd)
    if "hang" in data:
        try:
            os.close(os.open(os.environ["BENCH_STAMPS"] + ".hung", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            time.sleep(600)
        except FileExistsError:
            pass


def produce(single, bulk):
    """A client's main: MODE JOBS BYTES RATE. single(data) adds one job; bulk(data, n) adds n, or is None where there is no such call."""
    mode, jobs, size, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    data, late = payload(size), 0
    cpu, start = time.process_time(), now_us()
    if mode == "bulk" and bulk:
        bulk(data, jobs)
    elif mode == "single":
        for _ in range(jobs):
            single(data)
    elif mode == "hang":
        single({"v": 1, "t": start, "hang": 1})
    elif mode in ("pace", "calm"):  # a job tells when it was due; calm: when it was sent
        first = now_us() + 1000
        for i in range(jobs):
            due = first + int(i * 1e6 / rate)
            ahead = due - now_us()
            if ahead > 0:
                time.sleep(ahead / 1e6)
            late = max(late, -ahead)
            single(payload(size, due if mode == "pace" else now_us()))
    else:
        sys.exit(f"{mode}: this client has no such mode")
    print(json.dumps({"jobs": jobs, "start_us": start, "seconds": (now_us() - start) / 1e6,
                      "cpu_s": time.process_time() - cpu, "late_us": late}))
