#!/usr/bin/python3
"""How long people will wait, as sentences to show: HTTP alone, nothing but Python. Run it where the supervisor runs, behind your own application.

usage: wait.py POOL [TICKET]     WAITS_URL: default http://127.0.0.1:9464
"""
import json
import math
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

BASE = os.environ.get("WAITS_URL", "http://127.0.0.1:9464")
PEOPLE = {"male": "men", "female": "women", "nonbinary": "nonbinary people", "other": "people of another gender"}


def about(seconds):
    """Rounded up, the rougher the longer: nobody's wait is known to the second."""
    step = 10 if seconds < 60 else 30 if seconds <= 180 else 60
    n = max(10, math.ceil(seconds / step) * step)
    if n < 60:
        return f"{n} seconds"
    return "a minute" if n == 60 else f"{n // 60}½ minutes" if n % 60 else f"{n // 60} minutes"


def sentence(estimate):
    half, most = estimate["p50_s"], estimate["p90_s"]
    if estimate["confidence"] != "ok":
        return "We cannot say yet how long it will take."
    if half >= 1200:
        return "It may well take more than 20 minutes just now."
    if most >= 1200:
        return f"About {about(half)}, perhaps more than 20 minutes."
    if about(half) == about(most):
        return f"Most likely under {about(most)}."
    return f"About {about(half)}, most likely under {about(most)}."


def ask(path, **query):
    with urllib.request.urlopen(f"{BASE}{path}?{urllib.parse.urlencode(query)}", timeout=5) as answer:
        return json.load(answer)


def main(pool, ticket=None):
    if ticket:
        print(sentence(ask("/v1/wait", pool=pool, ticket=ticket)["estimate"]))
        return
    for cell in ask("/v1/queue-stats", pool=pool)["estimates"]:
        if cell["seeking"] is None and cell["gender"] in PEOPLE:  # the same words for everybody
            print(f"{PEOPLE[cell['gender']]}: {sentence(cell)}")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:3])
    except urllib.error.HTTPError as why:
        sys.exit(json.load(why)["detail"])
