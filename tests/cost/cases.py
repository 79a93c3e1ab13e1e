"""The standing cases: what is done between two marks, for n jobs. Each begins and ends at rest, with the queue empty."""
import json

KEY = "stint:{cost}"
PAYLOAD = '{"v":1,"do":"%s","pad":"' + "0123456789" * 9 + '"}'
BATCH = 32
TURNS = 10
IDLE_S = 240  # ten heartbeats of a host at rest, four fetches
RETRY_S = 3    # more than the longest backoff (stack.py)
CALM_S = 2     # a worker that met entries of retries is shy of native reads for a second (FETCH_SHY_MS)
AT_REST_S = 60  # whoever worked beats seldom again (supervisor/queue_rest.h)
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
    """And calm: no case finds what the one before it did."""
    drained(stack)
    later(stack, CALM_S)


def at_rest(stack, _n):
    later(stack, AT_REST_S)


def retried(stack, n):
    """Fails once; its second run comes when the longest backoff is over. The queue is paused until all came back: how many of them the worker's next
    fetch finds would depend on whether it or the supervisor, who brings them, runs first."""
    at_once('fail","times":1,"x":"')(stack, n)
    stack.redis("FCALL", "stint_pause", 1, KEY, "", "cost", "cost")
    later(stack, RETRY_S)
    resume(stack)


# (name, n, tracked, what comes before and is not counted, what is counted, what comes after and is not). n and 2 n are done, and the first taken from
# the second: TURNS fetches are once around the bands, whose order changes with each. But for WHOLE: n once, as nothing of it is a beginning, and of
# what comes every minute or so two windows would have one more or less each.
WHOLE = "idle second"
CASES = [
    ("enqueue", 32, "no", lambda stack, _n: pause(stack), enqueue, emptied),
    ("enqueue bulk", 64, "no", lambda stack, _n: pause(stack), bulk, emptied),
    ("bulk to done", TURNS * BATCH, "no", nothing, at_once(), emptied),
    ("one by one to done", TURNS, "no", nothing, one_by_one, nothing),
    ("bulk to done tracked", TURNS * BATCH, "yes", nothing, at_once(), emptied),
    ("one by one to done tracked", TURNS, "yes", nothing, one_by_one, nothing),
    ("retry", TURNS * BATCH, "yes", nothing, retried, emptied),
    ("dead letter", TURNS * BATCH, "yes", nothing, at_once("fail-permanent"), emptied),
    ("idle second", IDLE_S, "yes", at_rest, later, nothing),
]
