#!/usr/bin/python3
"""Two jobs with redis-py alone (Debian: python3-redis): one by a plain XADD, one by the Function, which answers and knows options.

usage: STINT_REDIS_URL=unix:///path/redis.sock ./produce.py     (default redis://127.0.0.1:6379)
"""
import json
import os
import time

import redis

QUEUE = "stint:{match}"
ENDS = ("done", "dead", "cancelled", "expired")
r = redis.Redis.from_url(os.environ.get("STINT_REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True)


def payload(person, gender, sought):
    return json.dumps({"v": 1, "op": "submit", "pool": "examples", "id": person,
                       "gender": gender, "seeking": [sought], "age": 30})


def job(job_id):
    return json.loads(r.execute_command("FCALL", "stint_job", 1, QUEUE, job_id))


# An entry without an id of its own has the id <band>-<entry>.
entry = r.xadd(QUEUE + ":s:normal", {"kind": "match", "payload": payload("py-1", "male", "female")})
answer = json.loads(r.execute_command("FCALL", "stint_enqueue", 1, QUEUE, json.dumps({"kind": "match", "band": "high"}),
                                      payload("py-2", "female", "male")))
if answer["state"] == "refused":
    raise SystemExit(answer["why"])

for job_id in ("normal-" + entry, answer["id"]):
    while job(job_id)["state"] not in ENDS:
        time.sleep(0.1)
    print(json.dumps(job(job_id)))
