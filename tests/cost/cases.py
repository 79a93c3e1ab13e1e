"""The standing cases: what is done between two marks, for n jobs. Each begins and ends at rest, with the queue empty."""
import json

KEY = "stint:{cost}"
PAYLOAD = '{"v":1,"do":"%s","pad":"' + "0123456789" * 9 + '"}'
BATCH = 32
TURNS = 10
IDLE_S = 120  # whole heartbeats of a host at rest, and whole fetches
RETRY_S = 3    # more than the longest backoff (stack.py)
BULK = 16


def enqueue(stack, n, do="ok"):
    for _ in range(n):
        stack.producer("FCALL", "stint_enqueue", 1, KEY, '{"kind":"probe"}', PAYLOAD % do)


def bulk(stack, n, do="ok"):
    for _ in range(0, n, BULK):
        stack.producer("FCALL", "stint_enqueue_bulk", 1, KEY, *['{"kind":"probe"}', PAYLOAD % do] * BULK)


def pause(stack):
    stack.redis("FCALL", "stint_pause", 1, KEY, "", "cost", "cost")
    stack.rest()


def resume(stack):
    stack.redis("FCALL", "stint_resume", 1, KEY, "", "cost", "cost")
    stack.settle()


def drained(stack):
    resume(stack)
    stack.rest()
    stats = json.loads(stack.redis("FCALL", "stint_stats", 1, KEY))
    waiting = sum(band["ready"] + band["active"] for band in stats["bands"].values()) + stats["scheduled"]
    assert waiting == 0 and stats["drift"] == 0, stats
    stack.rest()


def later(stack, seconds):
    for _ in range(seconds):
        stack.advance(1000)
        stack.settle()


def nothing(_stack, _n):
    pass


def one_by_one(stack, n):
    for _ in range(n):
        enqueue(stack, 1)
        stack.settle()


def at_once(do="ok"):
    """In one transaction, so that the worker is woken once and finds them all."""
    def during(stack, n):
        stack.producer("MULTI")
        bulk(stack, n, do)
        stack.producer("EXEC")
        stack.settle()
    return during


def emptied(stack, _n):
    drained(stack)


def retried(stack, n):
    """Fails once; its second run comes when the longest backoff is over."""
    at_once('fail","times":1,"x":"')(stack, n)
    later(stack, RETRY_S)


# (name, n, tracked, what comes before and is not counted, what is counted, what comes after and is not). n and 2 n are done, and the first taken from
# the second: TURNS fetches are once around the bands, whose order changes with each.
CASES = [
    ("enqueue", 32, "no", lambda stack, _n: pause(stack), enqueue, emptied),
    ("enqueue bulk", 64, "no", lambda stack, _n: pause(stack), bulk, emptied),
    ("bulk to done", TURNS * BATCH, "no", nothing, at_once(), emptied),
    ("one by one to done", TURNS, "no", nothing, one_by_one, nothing),
    ("bulk to done tracked", TURNS * BATCH, "yes", nothing, at_once(), emptied),
    ("one by one to done tracked", TURNS, "yes", nothing, one_by_one, nothing),
    ("retry", TURNS * BATCH, "yes", nothing, retried, emptied),
    ("dead letter", TURNS * BATCH, "yes", nothing, at_once("fail-permanent"), emptied),
    ("idle second", IDLE_S, "yes", nothing, later, nothing),
]
