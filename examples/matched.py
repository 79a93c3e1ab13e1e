#!/usr/bin/python3
"""Hears what happens in a pool with redis-py alone (Debian: python3-redis): who was matched, whose pair was released, who is gone.

usage: STINT_REDIS_URL=unix:///path/redis.sock ./matched.py POOL [EVENTS [FROM]]     ends after EVENTS events; 0, the default: never

Each event comes at least once; its seq tells a repetition. An application keeps the id of the last entry it has dealt with, and
begins there (FROM) when it starts again; the stream holds the last 10,000.
"""
import collections
import json
import os
import sys

import redis

STREAM = "stint:{match}:match:" + sys.argv[1]
left = int(sys.argv[2]) if len(sys.argv) > 2 else 0
at = sys.argv[3] if len(sys.argv) > 3 else "0"
r = redis.Redis.from_url(os.environ.get("STINT_REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)
seen = collections.OrderedDict()  # the numbers of the last events; an application has them as a unique column


def heard(event):
    if event["t"] == "matched":
        return f"{event['a']} and {event['b']} meet until {event['confirm_by_ms']}: pair {event['pair']}"
    if event["t"] == "released":
        back = [event[side] for side in ("a", "b") if event[side + "_waits"]]
        return f"pair {event['pair']} ended ({event['why']}); waiting again: {' '.join(back) or 'nobody'}"
    return f"{event['id']} is gone ({event['reason']})"


while True:
    for _, entries in r.xread({STREAM: at}, count=100, block=5000) or []:
        for at, fields in entries:
            if fields["seq"] in seen:
                continue
            seen[fields["seq"]] = True
            if len(seen) > 10000:
                seen.popitem(last=False)
            print(heard(json.loads(fields["data"])), flush=True)
            left -= 1
            if left == 0:
                sys.exit(0)
